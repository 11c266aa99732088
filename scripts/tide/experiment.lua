--- tide.experiment { ... }: everything that a run is made of, resolved and checked before it starts.
local agent = require "tide.agent"
local env = require "tide.env"
local gap = require "tide.gap"
local json = require "tide.json"
local lfs = require "lfs"
local options = require "tide.options"
local trainer = require "tide.trainer"

local experiment = {}

local MOST_OF_A_NAME = 100 -- folders NAME, NAME-2 ... that are looked through

--- What the program adds from its command line: `tide run --seed 3 --set agent.beta=0.1` and so on.
--- seed, steps, threads, out (a folder), overwrite (what a run left there), resume (a folder), quiet, command (a text),
--- set (a list of assignments), refuse (a text: none is made, that is why).
experiment.overrides = { set = {} }

--- Replaces all overrides.
function experiment.override(given)
  for key in pairs(experiment.overrides) do experiment.overrides[key] = nil end
  for key, value in pairs(given) do experiment.overrides[key] = value end
end

local defaults = {
  name = "",             -- of the run's folder; made of agent, environment and gap where empty
  agent = false,         -- tide.agents.h2o { ... }
  real = {
    env = "",            -- where evaluation happens: a name, or a definition as in envs/
    dataset = false,     -- a name that `tide dataset make` knows, or a D4RL file; false: none
  },
  sim = {
    env = "",            -- where rollouts happen; as real.env where empty
    gap = false,         -- tide.gap.gravity(2.0) + ..., or its text; false: none
    capacity = "auto",   -- simulated transitions kept; auto: 10 times the real ones, 1e6 without any
  },
  steps = 1000000,       -- updates
  seed = 1,
  threads = 1,           -- of the matrix products
  training = {
    epoch_rollout_steps = 1000, -- simulator steps an epoch
    epoch_updates = 1000,       -- updates an epoch
    rounds = 1,                 -- parts that an epoch is done in, each rollouts first, then updates
    random_steps = 0,           -- simulator steps with uniform actions before the policy acts
    stop_return = false,        -- end once an evaluation reaches this return
  },
  evaluation = {
    every = 10,          -- epochs
    episodes = 5,        -- deterministic ones, in the real environment
    keep_policies = false, -- the policy of each evaluation stays, in policies/ of the run's folder
  },
  checkpoint = {
    every = 10,          -- epochs
  },
}

local function env_name(definition)
  return type(definition) == "table" and definition.name or definition
end

--- The given table as plain values: agents, gaps and environments by name. Keeps definitions of one's own aside.
local function plain(given, kept)
  local tree = {}
  for key, value in pairs(given) do tree[key] = value end
  if not agent.is_choice(given.agent) then
    error("experiment: agent must be a choice such as tide.agents.h2o { beta = 0.01 }", 3)
  end
  kept.choice = given.agent
  tree.agent = nil
  for _, part in ipairs { "real", "sim" } do
    local section = given[part]
    if type(section) == "table" then
      local copy = {}
      for key, value in pairs(section) do copy[key] = value end
      if type(copy.env) == "table" then
        kept.definitions[copy.env.name] = copy.env
        copy.env = env_name(copy.env)
      end
      if copy.gap then copy.gap = tostring(gap.from(copy.gap)) end
      tree[part] = copy
    end
  end
  return tree
end

local function check_count(config, path, least)
  local value = config
  for part in path:gmatch("[^.]+") do value = value[part] end
  local integer = type(value) == "number" and math.tointeger(value)
  if integer == nil or integer < least then
    error(("experiment: %s must be a whole number from %d on, not %s"):format(path, least, tostring(value)), 0)
  end
  return integer
end

local function check(config)
  config.steps = check_count(config, "steps", 1)
  config.seed = check_count(config, "seed", 0)
  config.threads = check_count(config, "threads", 1)
  for _, name in ipairs { "epoch_rollout_steps", "random_steps" } do
    config.training[name] = check_count(config, "training." .. name, 0)
  end
  for _, name in ipairs { "epoch_updates", "rounds" } do
    config.training[name] = check_count(config, "training." .. name, 1)
  end
  local t = config.training
  if t.epoch_updates % t.rounds ~= 0 or t.epoch_rollout_steps % t.rounds ~= 0 then
    error(("experiment: training.rounds of %d does not divide %d updates and %d rollout steps an epoch")
      :format(t.rounds, t.epoch_updates, t.epoch_rollout_steps), 0)
  end
  config.evaluation.every = check_count(config, "evaluation.every", 1)
  config.evaluation.episodes = check_count(config, "evaluation.episodes", 1)
  config.checkpoint.every = check_count(config, "checkpoint.every", 1)
  if config.sim.capacity ~= "auto" then config.sim.capacity = check_count(config, "sim.capacity", 1) end
end

local function slug(text)
  return (text:gsub("[^%w.]+", "-"):gsub("^%-+", ""):gsub("%-+$", ""))
end

local function run_name(config)
  local parts = { config.agent.name, config.real.env }
  if config.real.dataset then parts[#parts + 1] = config.real.dataset:match("([^/]+)/*$"):gsub("%.h5$", "") end
  if config.sim.gap then parts[#parts + 1] = config.sim.gap end
  parts[#parts + 1] = "seed" .. config.seed
  return slug(table.concat(parts, "-"):lower())
end

--- Resolves what the script gave and what the command line changes into one table of plain values.
function experiment.resolve(given)
  local kept = { definitions = {} }
  local config = options.merge(defaults, plain(given, kept), "experiment")
  local choice = kept.choice
  config.agent = options.copy(choice.options)
  config.agent.name = choice.name
  local over = experiment.overrides
  for _, key in ipairs { "seed", "steps", "threads" } do config[key] = over[key] or config[key] end
  for _, assignment in ipairs(over.set or {}) do options.set(config, assignment, "--set") end
  if config.agent.name ~= choice.name then error("--set: agent.name cannot change; edit the script", 0) end
  if config.real.env == "" then error("experiment: real.env must name the environment to evaluate in", 0) end
  if config.sim.env == "" then config.sim.env = config.real.env end
  for _, part in ipairs { "real", "sim" } do
    env.get(kept.definitions[config[part].env] or config[part].env) -- unknown names are refused now
  end
  if config.sim.gap then config.sim.gap = tostring(gap.from(config.sim.gap)) end
  check(config)
  if choice.class.uses.real and not config.real.dataset then
    error(("experiment: the agent %s learns from real data; real.dataset must name some"):format(choice.name), 0)
  end
  if config.name == "" then config.name = run_name(config) end
  local agent_options = options.copy(config.agent)
  agent_options.name = nil
  return config, choice.class(agent_options), kept.definitions
end

--- True where two tables of plain values are equal but for the keys in `aside`.
local function same(a, b, aside)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not aside[key] and not same(value, b[key], {}) then return false end
  end
  for key in pairs(b) do
    if not aside[key] and a[key] == nil then return false end
  end
  return true
end

--- The folder, beside the one that is resumed, of an experiment that was done when its script went on to that one;
--- and its updates. Nothing where there is none, or where the experiment is the one that is resumed.
local function done_before(resumed, config)
  local function is_of(folder)
    local kept = json.read(folder .. "/config.json")
    return same(config, kept, { steps = true, threads = true }) and kept
  end
  if is_of(resumed) then return nil end
  local root = resumed:gsub("/+$", ""):match("^(.*)/[^/]*$") or "."
  for n = 1, MOST_OF_A_NAME do
    local folder = ("%s/%s%s"):format(root, config.name, n == 1 and "" or "-" .. n)
    local kept = lfs.attributes(folder .. "/checkpoint.h5", "mode") == "file" and is_of(folder)
    local about = kept and json.read(folder .. "/run.json")
    if type(about) == "table" and about.state == "done" then return folder, kept.steps end
  end
end

--- tide.experiment { agent =, real =, sim =, steps =, seed =, ... } -> a run with run:train(), run:evaluate().
function experiment.new(given)
  if type(given) ~= "table" then error("tide.experiment: a table is needed, not a " .. type(given), 2) end
  if experiment.overrides.refuse then error(experiment.overrides.refuse, 0) end
  local config, choice, definitions = experiment.resolve(given)
  local over = options.copy(experiment.overrides)
  if over.resume then
    local done, steps = done_before(over.resume, config)
    if done then -- nothing is left to train; the folder that is resumed is of one after it
      over.resume, config.steps = done, steps
      return trainer.new(config, choice, definitions, over)
    end
  end
  local run = trainer.new(config, choice, definitions, over)
  -- this one takes the folder; those after it get folders of their own
  experiment.overrides.resume, experiment.overrides.out, experiment.overrides.overwrite = nil, nil, nil
  return run
end

--- As new, whatever the command line says: for runs inside of others, such as a dataset's.
function experiment.alone(given)
  local kept = options.copy(experiment.overrides)
  experiment.override {}
  local ok, run = pcall(experiment.new, given)
  experiment.override(kept)
  if not ok then error(run, 0) end
  return run
end

return experiment
