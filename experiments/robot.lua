--- From an ideal simulator and a log to the real robot: the wheel-legged robot stands, and moves, by what three agents
--- learned. SAC knows the ideal simulator, CQL the real robot's log, H2O both. Each then drives the real robot's
--- surrogate for 30 s.
---
---   scripts/run experiments/robot.lua            with a scripted driver's data on the surrogate
---   scripts/run experiments/robot.lua LOG        with the real robot's log
---   scripts/run experiments/robot.lua [LOG] h2o_plus ...   these agents; sac, cql and h2o otherwise
---
--- Prints a table and draws runs/robot/robot.png. docs/robot.md shows both.
local tide = require "tide"
local learning = require "robot_learning"

local SECONDS, RATE, TRIALS = 30, 200, 5
local folder = "runs/robot"

-- What all share, then each one's own. Small networks and high rates, for minutes; the paper's are 256 wide at 3e-4.
local shared = { hidden = { 64, 64 }, policy_lr = 1e-3, critic_lr = 1e-3, tau = 0.01, discount = learning.discount,
                 target_entropy = -2 } -- less noise than the usual -1: the robot balances at a tenth of full torque
local settings = {
  sac = { steps = 20000, options = { batch = 128, alpha_lr = 1e-3 } },
  cql = { steps = 8000, options = { batch = 128, samples = 5 } },
  h2o = { steps = 20000, options = { real_batch = 64, sim_batch = 64, discriminator_batch = 64, d_sa_lr = 1e-3,
                                     d_sas_lr = 1e-3, discriminator_noise = 0.01, next_samples = 5 } },
  h2o_plus = { steps = 20000, options = { real_batch = 64, sim_batch = 64, discriminator_batch = 64, d_sa_lr = 1e-3,
                                          d_sas_lr = 1e-3, value_lr = 1e-3, discriminator_noise = 0.01 } },
}

local agents = { ... }
local log = agents[1] and not settings[agents[1]] and table.remove(agents, 1) -- what is no agent's name is a path
if #agents == 0 then agents = { "sac", "cql", "h2o" } end
for _, agent in ipairs(agents) do
  if not settings[agent] then error(("robot.lua: %s: no agent of sac, cql, h2o and h2o_plus"):format(agent), 0) end
end

--- The real data of a task with the reward that is learned from, as a file.
local function data_of(name, task)
  local published
  if log then
    published = ("%s/%s-published.h5"):format(folder, name)
    learning.import(task, log, published)
  else
    local dataset = ("wheel-legged-%s-human"):format(name)
    if not tide.recipes.exists(dataset) then tide.recipes.make(dataset) end
    published = tide.recipes.path(dataset)
  end
  local path = ("%s/%s.h5"):format(folder, name)
  learning.write(task, published, path)
  return path
end

local function train(agent, name, task, data)
  local class, options = tide.agents[agent], {}
  for _, some in ipairs { shared, settings[agent].options } do
    for key, value in pairs(some) do options[key] = value end
  end
  local run = tide.experiment {
    name = ("robot-%s-%s"):format(name, agent),
    agent = class(options),
    -- the environments keep their names: `tide play` and `tide eval` show what was learned under the published reward
    real = { env = learning.environment(task, task.real), dataset = class.uses.real and data },
    sim = { env = learning.environment(task, task.ideal) },
    steps = settings[agent].steps, seed = 1, threads = 1,
    training = { rounds = 20, random_steps = class.uses.sim and 1000 or 0 },
    evaluation = { every = 1000, episodes = 1 },
    checkpoint = { every = 1000 },
  }
  run:train()
  return run.agent
end

--- 30 s on the surrogate from rest: a trace of its rewards and of x.
local function drive(agent, task, trial)
  local world = tide.world(task.real, { seed = 100 + trial })
  world.max_episode_steps = SECONDS * RATE
  return tide.traces.run(agent, world, {
    start = function() return world:place({ 0, 0 }, { 0, 0 }) end,
    watch = function() return world.physics:qpos(1) end,
  })
end

-- ---- training, driving ----

require("tide.records").make_folder(folder)
local results = {}
for _, name in ipairs { "stand", "move" } do
  local task = learning.tasks[name]
  local data = data_of(name, task)
  for _, agent in ipairs(agents) do
    local learned, trials = train(agent, name, task, data), {}
    for trial = 1, TRIALS do trials[trial] = drive(learned, task, trial) end
    results[#results + 1] = { task = name, agent = agent, trials = trials }
  end
end

-- ---- the table ----

local function mean_of(trials, f)
  local sum = 0.0
  for _, trace in ipairs(trials) do sum = sum + f(trace) / #trials end
  return sum
end

local knows = { sac = "ideal simulator", cql = log and "log" or "driver's data", h2o = "both", h2o_plus = "both" }
print(("\n%d trials of %d s on the real robot's surrogate, from rest; means."):format(TRIALS, SECONDS))
print("task   agent     learned from      stood   for     displacement  reward a step  cumulative reward")
for _, result in ipairs(results) do
  local trials, stood = result.trials, 0
  for _, trace in ipairs(trials) do stood = stood + (trace.terminal and 0 or 1) end
  print(("%-6s %-9s %-16s  %d of %d  %4.1f s   %+8.2f m   %11.3f  %17.0f"):format(result.task, result.agent,
    knows[result.agent] or "", stood, TRIALS, mean_of(trials, function(t) return #t.rewards / RATE end),
    mean_of(trials, function(t) return t.watched[#t.watched] end),
    mean_of(trials, function(t) return t.total / #t.rewards end),
    mean_of(trials, function(t) return t.total end)))
end

-- ---- the picture: the first trial of each ----

local EVERY = 20 -- steps that a point is the mean of

--- What a panel shows of a trace: a curve over time, and where it ends.
local views = {
  { label = "Displacement, m", curve = function(trace) return tide.traces.values(trace, trace.watched, EVERY) end },
  { label = "Reward a step", range = { stand = { 20, 30.5 }, move = { 10, 15.2 } },
    curve = function(trace) return tide.traces.means(trace, trace.rewards, EVERY) end },
  { label = "Cumulative reward", curve = function(trace) return tide.traces.cumulative({ trace }, EVERY) end },
}

local looks = {}
for i, agent in ipairs(agents) do looks[agent] = tide.plot.style_of(i) end
for _, look in pairs(looks) do look.point = nil end -- lines alone: there are many turns

local panels = {}
for _, view in ipairs(views) do
  for _, name in ipairs { "stand", "move" } do
    local panel = { title = name == "stand" and "Stand still" or "Move at 0.2 m/s", y_label = view.label, items = {},
                    range = view.range and view.range[name] }
    for _, result in ipairs(results) do
      if result.task == name then
        local trace = result.trials[1]
        local curve = view.curve(trace)
        curve.falls = trace.terminal and { { curve.x[#curve.x], curve.mean[#curve.mean] } } or {}
        table.insert(panel.items, { curve = curve, name = result.agent, style = looks[result.agent] })
      end
    end
    panels[#panels + 1] = panel
  end
end
tide.plot.panels(panels, folder .. "/robot.png", { columns = 2, shared = false, steps = false, band = "none",
  x_label = "Time, s", note = "A cross: it fell" })
print(("\nThe picture: %s/robot.png"):format(folder))
