--- Someone who drives the wheel-legged robot: a balancing controller whose references a hand sets, and an unsteady
--- hand. Made for data that are like the log's, not for balancing well: least squares on the log gives a controller
--- with the gains below, about, and a delay of some rows.
---
---   command = 0.3 (x - reference x) + 1.2 (v - reference v) + 7 pitch + 0.85 pitch rate,   of 3 rows before,
---
--- smoothed over 2 rows, with the hand's noise on it: pushes that fade within some 20 rows. The references step every
--- 0.5 to 2.5 s. Called with the task; returns f(rng) -> an actor.
local task = ...

local COMMAND = 3.0
local DELAY, SMOOTH = 3, 0.5
local PUSH, FADE = 0.1, 0.95     -- a row's push, and what is left of it a row later

local human = {}
human.__index = human

--- An episode begins: where the robot stands is where it should be.
function human:begin()
  self.seen, self.command, self.push, self.hold = {}, 0.0, 0.0, 0
  self.v = 0.0
end

function human:uniform(low, high)
  return low + (high - low) * self.rng:number()
end

--- New references: a place near by to stand, or a speed of up to half a metre a second.
function human:refer(x)
  if self.hold > 0 then
    self.hold = self.hold - 1
    return
  end
  self.hold = self:uniform(100, 500) // 1
  if task == "stand" then
    self.x = x + self:uniform(-0.15, 0.15)
  else
    self.v = self:uniform(-0.3, 0.5)
  end
end

function human:act(observation)
  local seen = self.seen
  seen[#seen + 1] = observation:totable()
  local x, v, pitch, rate = table.unpack(seen[1])
  if #seen > DELAY then table.remove(seen, 1) end
  self:refer(x)
  local lead = task == "stand" and 0.3 * (x - self.x) or 0.0
  local wanted = lead + 1.2 * (v - self.v) + 7.0 * pitch + 0.85 * rate
  self.command = self.command + SMOOTH * (wanted - self.command)
  self.push = FADE * self.push + PUSH * (self:uniform(-1, 1) + self:uniform(-1, 1) + self:uniform(-1, 1))
  local action = (self.command + self.push) / COMMAND
  self.action:set(1, math.max(-1.0, math.min(1.0, action)))
  return self.action
end

return function(rng, action)
  return setmetatable({ rng = rng, action = action }, human)
end
