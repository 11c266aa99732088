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
local learning = require "robot_learning"

local log = os.getenv "ROBOT_LOG"

-- Options that differ from the defaults, where an agent has them.
local options = {
  hidden = { 64, 64 }, discount = learning.discount, tau = 0.01, target_entropy = -2,
  policy_lr = 1e-3, critic_lr = 1e-3, value_lr = 1e-3, alpha_lr = 1e-3, d_sa_lr = 1e-3, d_sas_lr = 1e-3,
  batch = 128, real_batch = 64, sim_batch = 64, discriminator_batch = 64,
  discriminator_noise = 0.01,              -- an upright robot's states are small
  next_samples = 5, samples = 5,
}

--- The ideal simulator with the reward that is learned from; a run is told from others by its environments' names.
local function simulator(task)
  local definition = learning.environment(task, task.ideal)
  definition.name = task.ideal .. "Learning"
  return definition
end

local datasets, learned = {}, {}
for name, task in pairs(learning.tasks) do
  local stem = ("%s/wheel-legged-%s-%s"):format(tide.recipes.folder(), name, log and "log" or "human")
  local published = log and stem .. ".h5" or ("wheel-legged-%s-human"):format(name)
  learned[name] = stem .. "-learning.h5"
  if log then datasets[published] = { make = function(path) learning.import(task, log, path) end } end
  datasets[learned[name]] = { from = published, make = function(path, from) learning.write(task, from, path) end }
end

return tide.sweep {
  seeds = 5, steps = 20000, last = 3, datasets = datasets,
  axes = {
    { task = { "stand", "move" } },
    { agent = { "sac", "bc", "td3_bc", "cql", "iql", "darc", "darc_plus", "rlpd", "cql_sac", "h2o", "h2o_plus" } },
  },
  experiment = function(cell)
    local task, class, chosen = learning.tasks[cell.task], tide.agents[cell.agent], {}
    for key, value in pairs(options) do
      if class.defaults[key] ~= nil then chosen[key] = value end
    end
    return {
      agent = class(chosen),
      real = { env = task.real, dataset = learned[cell.task] },
      sim = { env = simulator(task) },
      training = { rounds = 20, random_steps = class.uses.sim and 1000 or 0 },
      evaluation = { every = 2 },
    }
  end,
}
