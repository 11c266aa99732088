--- How long a sweep takes on cores like this one: each kind of run is trained for a moment, the rest is arithmetic.
local experiment = require "tide.experiment"
local json = require "tide.json"
local options = require "tide.options"
local progress = require "tide.progress"
local recipes = require "tide.recipes"

local estimate = {}

local WARM, MEASURE = 0.3, 2.0 -- seconds of the processor
local CORES = { 2, 16, 64 }

-- ---- one kind of run ----

--- What decides how long an update, a step in the simulator and one of an evaluation take.
local function kind_of(config)
  return json.encode { config.agent, config.real.env, config.sim.env }
end

--- Seconds that f() takes, by the processor's clock, so that others on the machine count little.
local function seconds_of(f)
  local function repeated(seconds)
    local start, count = os.clock(), 0
    repeat
      f()
      count = count + 1
    until os.clock() - start >= seconds
    return (os.clock() - start) / count
  end
  repeated(WARM)
  return repeated(MEASURE)
end

--- The run of a kind whose dataset is there, the first one otherwise: it tells what is missing.
local function to_measure(runs)
  for _, run in ipairs(runs) do
    if not run.config.real.dataset or recipes.exists(run.config.real.dataset) then return run end
  end
  return runs[1]
end

--- Trains the run for a moment, writing nothing.  -> { update, rollout, evaluation, episode }: seconds of an update, of
--- a step in the simulator and of an evaluation's step, steps of an episode
local function measure(made, run, given)
  local before = options.copy(experiment.overrides)
  experiment.override { seed = run.seed, steps = given.steps, threads = 1, set = given.set }
  local ok, trainer = pcall(made.make, made, run.cells[1])
  experiment.override(before)
  if not ok then error(trainer, 0) end
  local found = { rollout = 0.0 }
  if trainer.sim then found.rollout = seconds_of(function() trainer:rollout() end) end
  found.update = seconds_of(function() trainer:update() end)
  local start = os.clock()
  local length = trainer:evaluate(1).length
  found.evaluation = (os.clock() - start) / length
  found.episode = trainer.real.max_episode_steps
  return found
end

--- Seconds that a run with `updates` behind it still takes: updates, steps in the simulator, evaluations of whole
--- episodes.
local function seconds_left(config, updates, measured)
  local t, e = config.training, config.evaluation
  local left = config.steps - updates
  local evaluations = math.ceil(left / (t.epoch_updates * e.every)) + (updates == 0 and 1 or 0)
  return left * measured.update + left * t.epoch_rollout_steps / t.epoch_updates * measured.rollout
    + evaluations * e.episodes * measured.episode * measured.evaluation
end

-- ---- all of them ----

--- When the last run ends that is handed out, in this order, to the core that is free first.
local function makespan(runs, cores)
  local busy = {}
  for i = 1, math.min(cores, #runs) do busy[i] = 0.0 end
  for _, run in ipairs(runs) do
    local free = 1
    for i = 2, #busy do
      if busy[i] < busy[free] then free = i end
    end
    busy[free] = busy[free] + run.seconds
  end
  return math.max(0.0, table.unpack(busy))
end

--- of(made, runs, given) -> { kinds = { { agent, cell = one that has it, updates_per_s, seconds = of its longest run,
---   runs = how many }, ... }, runs, seconds = of all of them one after another, on = { { cores, seconds }, ... } }
--- made: the sweep; runs: as plan.make gives them, `updates` what each has behind it.
--- given: { steps =, set =, jobs = cores, or nil, progress = function(kind's number, of how many) }
function estimate.of(made, runs, given)
  local kinds, by_kind, found = {}, {}, { kinds = {}, runs = #runs, seconds = 0.0, on = {} }
  for _, run in ipairs(runs) do
    local key = kind_of(run.config)
    if not by_kind[key] then
      by_kind[key] = {}
      kinds[#kinds + 1] = by_kind[key]
    end
    table.insert(by_kind[key], run)
  end
  for i, of_kind in ipairs(kinds) do
    if given.progress then given.progress(i, #kinds) end
    local measured, longest = measure(made, to_measure(of_kind), given), 0.0
    for _, run in ipairs(of_kind) do
      run.seconds = seconds_left(run.config, run.updates or 0, measured)
      longest, found.seconds = math.max(longest, run.seconds), found.seconds + run.seconds
    end
    found.kinds[i] = { agent = of_kind[1].config.agent.name, cell = of_kind[1].cells[1], runs = #of_kind,
                       updates_per_s = 1 / measured.update, seconds = longest }
  end
  for i, cores in ipairs(given.jobs and { given.jobs } or CORES) do
    found.on[i] = { cores = cores, seconds = makespan(runs, cores) }
  end
  return found
end

--- For people.
function estimate.show(found, stream)
  local width = #"such as"
  for _, kind in ipairs(found.kinds) do width = math.max(width, utf8.len(kind.cell)) end
  stream:write(("%-" .. width .. "s  %-9s  %9s  %11s  %4s\n"):format("such as", "agent", "updates/s", "longest run",
    "runs"))
  for _, kind in ipairs(found.kinds) do
    stream:write(("%-" .. width .. "s  %-9s  %9s  %11s  %4d\n"):format(kind.cell, kind.agent,
      progress.rate_text(kind.updates_per_s), progress.duration(kind.seconds), kind.runs))
  end
  stream:write(("%d %s, %.1f core-hours\n"):format(found.runs, found.runs == 1 and "run" or "runs",
    found.seconds / 3600))
  for _, one in ipairs(found.on) do
    stream:write(("on %d %s  %s\n"):format(one.cores, one.cores == 1 and "core: " or "cores:",
      progress.duration(one.seconds)))
  end
end

return estimate
