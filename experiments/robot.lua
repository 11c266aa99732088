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
local core = require "tide.core"
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

--- 30 s on the surrogate from rest.  -> { x =, rewards = of each step, fell = }
local function drive(agent, task, trial)
  local world = tide.world(task.real, { seed = 100 + trial })
  world.max_episode_steps = SECONDS * RATE
  local trace = { x = {}, rewards = {}, total = 0.0 }
  local observation, terminal, timeout = world:place({ 0, 0 }, { 0, 0 }), false, false
  while not (terminal or timeout) do
    local reward
    observation, reward, terminal, timeout = world:step(agent:act(observation, "mean"))
    core.end_step()
    local t = #trace.rewards + 1
    trace.x[t], trace.rewards[t], trace.total = world.physics:qpos(1), reward, trace.total + reward
  end
  trace.fell = terminal
  return trace
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
  for _, trace in ipairs(trials) do stood = stood + (trace.fell and 0 or 1) end
  print(("%-6s %-9s %-16s  %d of %d  %4.1f s   %+8.2f m   %11.3f  %17.0f"):format(result.task, result.agent,
    knows[result.agent] or "", stood, TRIALS, mean_of(trials, function(t) return #t.x / RATE end),
    mean_of(trials, function(t) return t.x[#t.x] end), mean_of(trials, function(t) return t.total / #t.x end),
    mean_of(trials, function(t) return t.total end)))
end

-- ---- the picture: the first trial of each ----

local colours = { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00" }
local dashes = { "solid", "(12,5)", "(3,3)", "(14,4,3,4)", "(20,6)" }
local EVERY = 20 -- steps that a point is the mean of

local blocks, lines = {}, { stand = {}, move = {} }
for i, result in ipairs(results) do
  local trace, block, cumulative, sum = result.trials[1], { ("$d%d << EOD"):format(i) }, 0.0, 0.0
  for t, reward in ipairs(trace.rewards) do
    cumulative, sum = cumulative + reward, sum + reward
    if t % EVERY == 0 or t == #trace.rewards then
      local n = t % EVERY == 0 and EVERY or t % EVERY
      block[#block + 1] = ("%.3f %.5g %.6g %.6g"):format(t / RATE, trace.x[t], sum / n, cumulative / 1000)
      sum = 0.0
    end
  end
  block[#block + 1] = "EOD"
  blocks[i] = table.concat(block, "\n")
  table.insert(lines[result.task], { data = i, agent = result.agent, fell = trace.fell, at = #trace.x / RATE,
    last = { trace.x[#trace.x], trace.rewards[#trace.rewards], cumulative / 1000 } })
end

local panels = { { column = 2, label = "Displacement (m)" }, { column = 3, label = "Reward a step" },
                 { column = 4, label = "Cumulative reward, thousands" } }
local commands = { table.concat(blocks, "\n"),
  "set multiplot layout 3,2 margins 0.1,0.985,0.075,0.945 spacing 0.075,0.055",
  ("set xrange [0:%d]"):format(SECONDS), "set key off" }
for p, panel in ipairs(panels) do
  for _, name in ipairs { "stand", "move" } do
    local plots, falls = {}, {}
    for i, line in ipairs(lines[name]) do
      local look = ("lc rgb '%s'"):format(colours[(i - 1) % #colours + 1])
      plots[i] = ("$d%d using 1:%d with lines lw 2 dt %s %s title '%s'"):format(line.data, panel.column,
        dashes[(i - 1) % #dashes + 1], look, line.agent)
      if line.fell then
        falls[#falls + 1] = ("'+' every ::0::0 using (%.4g):(%.5g) with points pt 2 ps 1.1 lw 2 %s notitle"):format(
          line.at, line.last[p], look)
      end
    end
    table.move(falls, 1, #falls, #plots + 1, plots)
    commands[#commands + 1] = table.concat({
      p == 1 and ("set title '%s' noenhanced tc rgb '#222222' offset 0,-0.6"):format(name == "stand"
        and "Stand still" or "Move at 0.2 m/s") or "unset title",
      p == 1 and name == "stand" and "set key top left samplen 2 tc rgb '#222222' noenhanced" or "set key off",
      p == 3 and "set xlabel 'Time (s); a cross: it fell' tc rgb '#222222' offset 0,0.4" or "unset xlabel",
      ("set ylabel '%s' tc rgb '#222222' offset 0,0"):format(name == "stand" and panel.label or ""),
      panel.column == 3 and ("set yrange [%s]"):format(name == "stand" and "20:30.5" or "10:15.2")
        or "set yrange [*:*]",
      "plot " .. table.concat(plots, ", "),
    }, "\n")
  end
end
commands[#commands + 1] = "unset multiplot"
tide.plot.draw(table.concat(commands, "\n"), folder .. "/robot.png", { 900, 800 })
print(("\nThe picture: %s/robot.png"):format(folder))
