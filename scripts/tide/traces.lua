--- What happens step by step in a policy's episodes, and curves over time made of it.
local core = require "tide.core"

local traces = {}

--- One episode of actor:act(observation, mode) in a world.
--- given: { mode = "mean", start = function(world) -> observation, instead of world:reset(),
---          watch = function(world) -> a number, after each step }
--- -> { rewards =, watched = of each step, total = of the rewards, dt = seconds of a step, terminal = whether it
---      truly ended, diverged = }
function traces.run(actor, world, given)
  given = given or {}
  local trace = { rewards = {}, watched = {}, total = 0.0, dt = world.env.frame_skip * world.physics:timestep() }
  local observation = given.start and given.start(world) or world:reset()
  local reward, terminal, timeout, diverged
  repeat
    observation, reward, terminal, timeout, diverged = world:step(actor:act(observation, given.mode or "mean"))
    core.end_step()
    local t = #trace.rewards + 1
    trace.rewards[t], trace.total = reward, trace.total + reward
    if given.watch then trace.watched[t] = given.watch(world) end
  until terminal or timeout
  trace.terminal, trace.diverged = terminal, diverged
  return trace
end

--- A sequence with one value a step as a curve over time, points `every` so many steps; of(values, first, last) makes a
--- point of those steps.
local function over_time(trace, values, every, of)
  local curve = { x = {}, mean = {}, n = 1 }
  for first = 1, #values, every do
    local last = math.min(first + every - 1, #values)
    curve.x[#curve.x + 1], curve.mean[#curve.mean + 1] = last * trace.dt, of(values, first, last)
  end
  curve.low, curve.high = curve.mean, curve.mean
  return curve
end

--- A trace's values (trace.watched, trace.rewards) at every so many steps.
function traces.values(trace, values, every)
  return over_time(trace, values, every, function(list, _, last) return list[last] end)
end

--- Their means over so many steps.
function traces.means(trace, values, every)
  return over_time(trace, values, every, function(list, first, last)
    local sum = 0.0
    for t = first, last do sum = sum + list[t] end
    return sum / (last - first + 1)
  end)
end

--- The rewards added up, the mean over several traces of one time step with its range; an episode that has ended gets
--- no more. `falls`: { t, mean } where one truly ended.
--- -> a curve { x = seconds, mean, low, high, n, falls }
function traces.cumulative(list, every)
  local longest, sums = 0, {}
  for i, trace in ipairs(list) do
    longest, sums[i] = math.max(longest, #trace.rewards), 0.0
  end
  local dt, ends = list[1].dt, {}
  local curve = { x = { 0 }, mean = { 0 }, low = { 0 }, high = { 0 }, n = #list, falls = {} }
  for _, trace in ipairs(list) do
    if trace.terminal then ends[#trace.rewards] = true end
  end
  for t = 1, longest do
    local mean, low, high = 0.0, math.huge, -math.huge
    for i, trace in ipairs(list) do
      sums[i] = sums[i] + (trace.rewards[t] or 0.0)
      mean, low, high = mean + sums[i] / #list, math.min(low, sums[i]), math.max(high, sums[i])
    end
    if t % every == 0 or t == longest then
      local n = #curve.x + 1
      curve.x[n], curve.mean[n], curve.low[n], curve.high[n] = t * dt, mean, low, high
    end
    if ends[t] then curve.falls[#curve.falls + 1] = { t * dt, mean } end
  end
  return curve
end

return traces
