--- Episodes of a policy in a world, and what they add up to.
local core = require "tide.core"

local evaluation = {}

local function statistics(list)
  local mean, squares = 0.0, 0.0
  for _, x in ipairs(list) do mean = mean + x / #list end
  for _, x in ipairs(list) do squares = squares + (x - mean) ^ 2 end
  return mean, math.sqrt(squares / #list)
end
evaluation.statistics = statistics

--- Runs `episodes` episodes of actor:act(observation, mode), mode "mean" unless given; `each`, if given,
--- is called with (observation, action, reward, next_observation, terminal, timeout, qpos, qvel) after every step.
--- -> { returns =, lengths =, mean =, std = of the returns, length = mean length, diverged = }
function evaluation.run(actor, world, episodes, mode, each)
  local result = { returns = {}, lengths = {} }
  local diverged_before = world.diverged
  for episode = 1, episodes do
    local observation = world:reset()
    local total, terminal, timeout = 0.0, false, false
    while not (terminal or timeout) do
      local action = actor:act(observation, mode or "mean")
      local next_observation, reward
      next_observation, reward, terminal, timeout = world:step(action)
      if each then each(observation, action, reward, next_observation, terminal, timeout) end
      core.end_step()
      total = total + reward
      observation = next_observation
    end
    result.returns[episode], result.lengths[episode] = total, world.steps
  end
  result.mean, result.std = statistics(result.returns)
  result.length = statistics(result.lengths)
  result.diverged = world.diverged - diverged_before
  return result
end

return evaluation
