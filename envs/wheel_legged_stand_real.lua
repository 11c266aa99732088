--- The wheel-legged robot stands still, on the real robot's surrogate: 30 - a^2 - |next state|^2.
local folder = ...
local robot = assert(loadfile(folder .. "/wheel_legged/robot.lua"))(folder .. "/wheel_legged")

return robot.environment("WheelLeggedStandReal", "stand", "real")
