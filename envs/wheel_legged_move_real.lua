--- The wheel-legged robot moves at 0.2 m/s, on the real robot's surrogate: 15 - ((v - 0.2)^2 + a^2).
local folder = ...
local robot = assert(loadfile(folder .. "/wheel_legged/robot.lua"))(folder .. "/wheel_legged")

return robot.environment("WheelLeggedMoveReal", "move", "real")
