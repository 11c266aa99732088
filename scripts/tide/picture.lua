--- Pictures of worlds, drawn offscreen: no display and no graphics card are needed, but the library OSMesa
--- (Debian: libosmesa6), which is loaded with the first picture.
--
--   local camera = tide.picture(world, { width = 640, height = 480 })
--   camera:draw("before"):save("before.png")     -- the state that the world is in
--
-- The camera goes with the robot. One image can hold several pictures, side by side:
--
--   local image = tide.picture.image(1280, 480)
--   left:draw("real", image, 0, 0)
--   right:draw("simulated", image, 640, 0)
local core = require "tide.core"
local options = require "tide.options"

local picture = {}

local defaults = {
  width = 480, height = 480, -- pixels, 16 to 4096
  body = false,              -- what the camera follows; the heaviest body that moves
  distance = 0,              -- of the camera, m; 0: so that all of the robot is seen
  azimuth = 110,             -- degrees; 90 looks along y, x to the right
  elevation = -15,           -- degrees; negative looks down
}

--- A black image: image:size(), image:bytes(), image:save(path).
picture.image = core.image

--- new(world [, options]) -> a camera with camera:draw([label [, image, x, y]]) -> image.  world: or its physics.
function picture.new(world, given)
  local chosen = options.merge(defaults, given, "picture")
  for _, side in ipairs { "width", "height" } do
    if math.type(chosen[side]) ~= "integer" or chosen[side] < 1 then
      error(("picture: %s must be a whole number of pixels, not %s"):format(side, tostring(chosen[side])), 0)
    end
  end
  local physics = type(world) == "table" and world.physics or world
  return core.picture(physics, chosen.width, chosen.height, {
    body = chosen.body or nil, distance = chosen.distance, azimuth = chosen.azimuth, elevation = chosen.elevation,
  })
end

return setmetatable(picture, { __call = function(_, ...) return picture.new(...) end })
