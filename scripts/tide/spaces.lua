--- What the numbers of a world mean: the coordinates of its state, its observations and its actions, with units.
local spaces = {}

local FREE = { " x", " y", " z", " qw", " qx", " qy", " qz" }
local FREE_VELOCITY = { " vx", " vy", " vz", " wx", " wy", " wz" }
local BALL, BALL_VELOCITY = { " qw", " qx", " qy", " qz" }, { " wx", " wy", " wz" }

--- The label of the i-th joint: its name, or its place.
local function label(joint, i)
  return joint.name or "joint " .. i
end

local function add_all(list, name, suffixes, units)
  for i, suffix in ipairs(suffixes) do list[#list + 1] = { name = name .. suffix, unit = units(i) } end
end

--- positions(model) -> { { name =, unit = }, ... }, as qpos has them. A quaternion has no unit: "".
function spaces.positions(model)
  local list = {}
  for i, joint in ipairs(model:joints()) do
    local kind, name = joint.type, label(joint, i)
    if kind == "free" then
      add_all(list, name, FREE, function(k) return k <= 3 and "m" or "" end)
    elseif kind == "ball" then
      add_all(list, name, BALL, function() return "" end)
    else
      list[#list + 1] = { name = name, unit = kind == "slide" and "m" or "rad" }
    end
  end
  return list
end

--- velocities(model) -> the same of qvel: named after the joint, with the coordinate where it has several.
function spaces.velocities(model)
  local list = {}
  for i, joint in ipairs(model:joints()) do
    local kind, name = joint.type, label(joint, i)
    if kind == "free" then
      add_all(list, name, FREE_VELOCITY, function(k) return k <= 3 and "m/s" or "rad/s" end)
    elseif kind == "ball" then
      add_all(list, name, BALL_VELOCITY, function() return "rad/s" end)
    else
      list[#list + 1] = { name = name .. " velocity", unit = kind == "slide" and "m/s" or "rad/s" }
    end
  end
  return list
end

--- state(world) -> positions, then velocities.
function spaces.state(world)
  local list = spaces.positions(world.model)
  for _, velocity in ipairs(spaces.velocities(world.model)) do list[#list + 1] = velocity end
  return list
end

--- observations(world) -> what each number of an observation is; of an environment that observes in a way of its own,
-- its observation.names, or "observation 1" and so on, and its observation.units, or none.
function spaces.observations(world)
  local definition, list = world.env, {}
  if definition.observe then
    local names, units = definition.observation.names or {}, definition.observation.units or {}
    for i = 1, world.observation_dim do
      list[i] = { name = names[i] or "observation " .. i, unit = units[i] or "" }
    end
    return list
  end
  local state, skip = spaces.state(world), definition.observation.skip_qpos or 0
  return table.move(state, skip + 1, #state, 1, list)
end

--- actions(world) -> { { name =, low =, high =, gear = }, ... } of the actuators. An action is a number in [-1, 1]
-- times what the actuator makes of it: its gear and its gain; low and high: where the model cuts it.
function spaces.actions(world)
  local list = {}
  for i, actuator in ipairs(world.model:actuators()) do
    local range = actuator.ctrlrange
    list[i] = { name = actuator.name or "actuator " .. i, low = range[1], high = range[2],
                gear = actuator.gear[1] * actuator.gainprm[1] }
  end
  return list
end

return spaces
