--- The wheel-legged robot stands still, in the ideal simulator: 30 - a^2 - |next state|^2.
local folder = ...
local robot = assert(loadfile(folder .. "/wheel_legged/robot.lua"))(folder .. "/wheel_legged")

return robot.environment("WheelLeggedStand", "stand", "ideal")
