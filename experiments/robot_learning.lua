--- What the wheel-legged robot's experiments share: its tasks, the reward that is learned from, the data with that
--- reward. Not to be run; robot.lua and robot_table.lua require it.
local tide = require "tide"
local core = require "tide.core"
local records = require "tide.records"

local learning = { discount = 0.99 }

local SCALE = 0.05

learning.tasks = {
  stand = { ideal = "WheelLeggedStand", real = "WheelLeggedStandReal", alive = 30 },
  move = { ideal = "WheelLeggedMove", real = "WheelLeggedMoveReal", alive = 15 },
}

--- The reward that is learned from. The published one is `alive` less what matters: that is taken off each step, and a
--- fall costs all that would have come, so that every value is smaller by alive / (1 - gamma) and no policy's rank
--- changes.
function learning.reward(task, reward, falls)
  local loss = falls and learning.discount * task.alive / (1 - learning.discount) or 0
  return SCALE * (reward - task.alive - loss)
end

--- The environment `name` with that reward, under the same name.
function learning.environment(task, name)
  local definition = {}
  for key, value in pairs(tide.env.get(name)) do definition[key] = value end
  local reward = definition.reward
  function definition.reward(physics, ...)
    return learning.reward(task, reward(physics, ...), definition.terminal(physics))
  end
  return definition
end

local function make_folder_of(path)
  records.make_folder(path:match "^(.*)/[^/]*$" or ".")
end

--- The real robot's log as a dataset of the task, with the published reward.
function learning.import(task, log, path)
  make_folder_of(path)
  tide.text_log.import(log, path, {
    columns = { "x", "v", "pitch", "pitch_rate", "action", "done" }, env = task.real, rate = 200, scale_action = 3,
    clip = true, done_of = "state", break_on = { "pitch-pitch_rate>0.02", "x-v>0.0003" } })
end

--- A dataset of the task with the reward that is learned from, written to `path`.
function learning.write(task, published, path)
  make_folder_of(path)
  local data <close> = tide.dataset.read(published)
  local writer <close> = core.dataset_writer(path, { observation_dim = 4, action_dim = 1 })
  for i = 1, #data do
    local function row(array) return data:rows(array, i, 1):totable()[1] end
    local falls = row "terminals" == 1
    writer:add(row "observations", row "actions", learning.reward(task, row "rewards", falls),
      row "next_observations", falls, row "timeouts" == 1)
  end
  writer:commit()
end

return learning
