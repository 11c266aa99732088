--- The wheel-legged robot, both tasks, every method: learned in an ideal simulator, from data of the real robot, or
--- from both; evaluated on the real robot's surrogate, under the published reward.
---
---   scripts/run sweep experiments/robot_table.lua                      with a scripted driver's data
---   ROBOT_LOG=robot.txt scripts/run sweep experiments/robot_table.lua  with the real robot's log
---   scripts/run sweep experiments/robot_table.lua --only 'stand/*' --seeds 3
---
--- What is learned from is not the published reward but one with the same ranking of policies: the robot's page,
--- docs/robot.md, tells why. Networks are small and rates high, for minutes a run.
local tide = require "tide"
local core = require "tide.core"

local DISCOUNT, SCALE = 0.99, 0.05
local log = os.getenv "ROBOT_LOG"

local tasks = {
  stand = { ideal = "WheelLeggedStand", real = "WheelLeggedStandReal", alive = 30 },
  move = { ideal = "WheelLeggedMove", real = "WheelLeggedMoveReal", alive = 15 },
}

-- Options that differ from the defaults, where an agent has them.
local options = {
  hidden = { 64, 64 }, discount = DISCOUNT, tau = 0.01, target_entropy = -2,
  policy_lr = 1e-3, critic_lr = 1e-3, value_lr = 1e-3, alpha_lr = 1e-3, d_sa_lr = 1e-3, d_sas_lr = 1e-3,
  batch = 128, real_batch = 64, sim_batch = 64, discriminator_batch = 64,
  discriminator_noise = 0.01,              -- an upright robot's states are small
  next_samples = 5, samples = 5,
}

--- The published reward is `alive` less what matters: that is taken off each step, and a fall costs all that would have
--- come.
local function learned_reward(task, reward, falls)
  local loss = falls and DISCOUNT * task.alive / (1 - DISCOUNT) or 0
  return SCALE * (reward - task.alive - loss)
end

--- The ideal simulator with that reward.
local function simulator(task)
  local definition = {}
  for key, value in pairs(tide.env.get(task.ideal)) do definition[key] = value end
  local reward = definition.reward
  definition.name = task.ideal .. "Learning"
  function definition.reward(physics, ...)
    return learned_reward(task, reward(physics, ...), definition.terminal(physics))
  end
  return definition
end

--- The published data with that reward.
local function write_learned(task, published, path)
  require("tide.records").make_folder(path:match "^(.*)/[^/]*$" or ".")
  local data <close> = tide.dataset.read(published)
  local writer <close> = core.dataset_writer(path, { observation_dim = 4, action_dim = 1 })
  for i = 1, #data do
    local function row(array) return data:rows(array, i, 1):totable()[1] end
    local falls = row "terminals" == 1
    writer:add(row "observations", row "actions", learned_reward(task, row "rewards", falls),
      row "next_observations", falls, row "timeouts" == 1)
  end
  writer:commit()
end

--- The log as a dataset with the published reward.
local function import(task, path)
  require("tide.records").make_folder(path:match "^(.*)/[^/]*$" or ".")
  tide.text_log.import(log, path, {
    columns = { "x", "v", "pitch", "pitch_rate", "action", "done" }, env = task.real, rate = 200, scale_action = 3,
    clip = true, done_of = "state", break_on = { "pitch-pitch_rate>0.02", "x-v>0.0003" } })
end

local datasets = {}
for name, task in pairs(tasks) do
  local stem = ("%s/wheel-legged-%s-%s"):format(tide.recipes.folder(), name, log and "log" or "human")
  local published = log and stem .. ".h5" or ("wheel-legged-%s-human"):format(name)
  task.dataset = stem .. "-learning.h5"
  if log then datasets[published] = { make = function(path) import(task, path) end } end
  datasets[task.dataset] = { from = published, make = function(path, from) write_learned(task, from, path) end }
end

return tide.sweep {
  seeds = 5, steps = 20000, datasets = datasets,
  axes = {
    { task = { "stand", "move" } },
    { agent = { "sac", "bc", "td3_bc", "cql", "iql", "darc", "darc_plus", "rlpd", "cql_sac", "h2o", "h2o_plus" } },
  },
  experiment = function(cell)
    local task, class, chosen = tasks[cell.task], tide.agents[cell.agent], {}
    for key, value in pairs(options) do
      if class.defaults[key] ~= nil then chosen[key] = value end
    end
    return {
      agent = class(chosen),
      real = { env = task.real, dataset = task.dataset },
      sim = { env = simulator(task) },
      training = { rounds = 20, random_steps = class.uses.sim and 1000 or 0 },
      evaluation = { every = 2 },
    }
  end,
}
