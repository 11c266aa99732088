--- Limbs of another size: a body, what it is made of and what is attached to it, scaled about the joint that moves it.
local limbs = {}

--- a + f (p - a), number by number.
local function scaled_about(anchor, position, factor)
  local out = {}
  for i = 1, 3 do out[i] = anchor[i] + factor * (position[i] - anchor[i]) end
  return out
end

local function times(numbers, factor)
  local out = {}
  for i, x in ipairs(numbers) do out[i] = factor * x end
  return out
end

--- Scales the body `name` by `factor` in all its dimensions, about its first joint (without one: about its frame).
-- Its geoms and whatever is attached to it move along: bodies, further joints. MuJoCo's compiler made mass and inertia
-- from the geoms and nothing does it again, so they follow here: of one density, a body of f times the size has f^3
-- the mass and, about its centre, f^5 the inertia, whatever its shape.
function limbs.scale(model, name, factor)
  local body = model:body(name)
  local anchor, rest = { 0, 0, 0 }, {}
  for _, joint in ipairs(model:joints()) do
    if joint.body == body then rest[#rest + 1] = joint end
  end
  if rest[1] then anchor = table.remove(rest, 1).position end
  for _, joint in ipairs(rest) do joint.position = scaled_about(anchor, joint.position, factor) end
  for _, geom in ipairs(model:geoms()) do
    if geom.body == body then
      geom.size = times(geom.size, factor)
      geom.position = scaled_about(anchor, geom.position, factor)
    end
  end
  for _, other in ipairs(model:bodies()) do
    if other.parent == body then other.position = scaled_about(anchor, other.position, factor) end
  end
  body.centre = scaled_about(anchor, body.centre, factor)
  body.mass = factor ^ 3 * body.mass
  body.inertia = times(body.inertia, factor ^ 5)
end

return limbs
