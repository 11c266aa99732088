--- Datasets by name: where they lie, and how the ones that Tide makes itself are made.
---
--- NAME is ENV-KIND:
---   random         uniform actions
---   medium         rollouts of a half-trained policy that comes with Tide, envs/policies/
---   mixed          that policy with a share of uniform actions, from all in the first episode to none in the
---                  last: as wide as a replay buffer, made in seconds
---   medium-replay  everything that a soft actor-critic saw on its way to medium: a training, of 20 minutes or so
---   human          a scripted driver of the wheel-legged robot, with an unsteady hand
local core = require "tide.core"
local env = require "tide.env"
local evaluation = require "tide.evaluation"
local lfs = require "lfs"
local options = require "tide.options"
local paths = require "tide.paths"
local policies = require "tide.policy"
local world = require "tide.world"

local recipes = {}

--- What is known of each: the environment, the kinds there are, the return at which its behaviour policy counts as
--- medium, its scripted driver's task, and how many transitions are made where nothing is said.
local environments = {
  halfcheetah = { env = "HalfCheetah", kinds = { "random", "medium", "mixed", "medium-replay" }, medium_return = 4700,
                  transitions = 1000000 }, -- as in D4RL
  ["wheel-legged-stand"] = { env = "WheelLeggedStandReal", kinds = { "human" }, driver = "stand", transitions = 20000 },
  ["wheel-legged-move"] = { env = "WheelLeggedMoveReal", kinds = { "human" }, driver = "move", transitions = 20000 },
}

--- The folder of datasets: $TIDE_DATASETS, or datasets/ in the working folder.
function recipes.folder()
  local named = os.getenv "TIDE_DATASETS"
  return named and named ~= "" and named or "datasets"
end

--- The names that `make` knows, in order.
function recipes.list()
  local names = {}
  for _, prefix in ipairs(options.names(environments)) do
    for _, kind in ipairs(environments[prefix].kinds) do names[#names + 1] = prefix .. "-" .. kind end
  end
  return names
end

local function parse(name)
  for prefix, about in pairs(environments) do
    for _, kind in ipairs(about.kinds) do
      if name == prefix .. "-" .. kind then return about, kind, prefix end
    end
  end
  error(options.unknown("dataset", name, recipes.list()), 0)
end

--- The file of a dataset: a path stays as it is, a name lies in the folder.
function recipes.path(name)
  if name:find("/", 1, true) or name:match("%.h5$") or name:match("%.hdf5$") then return name end
  if lfs.attributes(name .. "/data", "mode") == "directory" then return name end -- a Minari dataset here
  parse(name)
  return recipes.folder() .. "/" .. name .. ".h5"
end

function recipes.exists(name)
  local mode = lfs.attributes(recipes.path(name), "mode")
  return mode == "file" or mode == "directory" -- a Minari dataset is a folder
end

--- Reads a dataset by name or path.  read_options: as tide.dataset.read.
function recipes.open(name, read_options)
  local path = recipes.path(name)
  if not recipes.exists(name) then
    if path == name then error(("%s: no such dataset file"):format(path), 0) end
    error(("dataset %s is not in %s; make it with: tide dataset make %s"):format(name, recipes.folder(), name), 0)
  end
  return core.dataset_read(path, read_options)
end

-- ---- making ----

local uniform = {}
uniform.__index = uniform

function uniform:act()
  return self.rng:uniform(-1, 1, self.action_dim)
end

--- A policy that takes a uniform action with probability `share`.
local mixed = {}
mixed.__index = mixed

--- An episode begins with `done` of the dataset written.
function mixed:begin(done)
  self.share = 1 - done / self.last
end

function mixed:act(observation, mode)
  if self.rng:number() < self.share then return self.uniform:act() end
  return self.policy:act(observation, mode)
end

--- Episodes of an actor until `transitions` rows are written; the last one is cut there, as a timeout.
local function roll_out(actor, mode, real, path, transitions, about, report)
  local nq, nv = real.physics:sizes()
  local writer = core.dataset_writer(path, { observation_dim = real.observation_dim, action_dim = real.action_dim,
    metadata = about, infos = { qpos = nq, qvel = nv } })
  local written, returns = 0, {}
  while written < transitions do
    if actor.begin then actor:begin(written / transitions) end
    local observation, total, over = real:reset(), 0.0, false
    while not over and written < transitions do
      local qpos, qvel = real.physics:qpos(), real.physics:qvel() -- before the action, as D4RL's
      local action = actor:act(observation, mode)
      local next_observation, reward, terminal, timeout, diverged = real:step(action)
      if diverged then
        error(("dataset: the simulation diverged after %d transitions: %s"):format(written, real.divergence), 0)
      end
      written = written + 1
      over = terminal or timeout
      writer:add(observation, action, reward, next_observation, terminal,
        timeout or (written == transitions and not terminal), qpos, qvel)
      core.end_step()
      total, observation = total + reward, next_observation
    end
    if over then returns[#returns + 1] = total end
    if report then report(written, transitions) end
  end
  writer:commit()
  return returns
end

--- A soft actor-critic trained in the real environment until it is medium: the run that makes
--- behaviour policies and replay datasets.  given: { seed =, steps =, threads =, alone = true where the
--- command line is not meant for it }
function recipes.behaviour(prefix, given)
  given = given or {}
  local about = environments[prefix]
  local experiment = require "tide.experiment"
  local sac = require "tide.agents.sac"
  local make = given.alone and experiment.alone or experiment.new
  return make {
    name = "behaviour-" .. prefix,
    agent = sac {},
    real = { env = about.env },
    steps = given.steps or 1000000, seed = given.seed or 1, threads = given.threads or 1,
    training = { rounds = 20, random_steps = 5000, stop_return = about.medium_return },
    evaluation = { every = 5, episodes = 5 },
    checkpoint = { every = 20 },
  }
end

--- Writes everything that a run rolled out as a dataset.
function recipes.write_replay(run, path, about)
  local sim, folder = run.sim, path:match("^(.*)/[^/]*$")
  if folder then require("tide.records").make_folder(folder) end
  local writer = core.dataset_writer(path, { observation_dim = sim.observation_dim, action_dim = sim.action_dim,
    metadata = about })
  local rows, next_end = run.replay:state(), 1
  local count = #rows.rewards
  for i = 1, count do
    local is_end = run.episode_ends[next_end] == i
    if is_end then next_end = next_end + 1 end
    local terminal = rows.terminals:get(i) ~= 0
    writer:add(rows.observations:rows(i, i):reshape(sim.observation_dim),
      rows.actions:rows(i, i):reshape(sim.action_dim), rows.rewards:get(i),
      rows.next_observations:rows(i, i):reshape(sim.observation_dim), terminal,
      not terminal and (is_end or i == count))
    core.end_step()
  end
  writer:commit()
  return count
end

local algorithms = { random = "uniform actions", medium = "SAC, sampled actions",
                     mixed = "SAC, sampled actions, with a falling share of uniform ones", human = "a scripted driver" }

--- What part of a dataset is written when its last whole episode begins.
local function last_share(transitions, episode_steps)
  local episodes = (transitions + episode_steps - 1) // episode_steps
  return math.max(episodes - 1, 1) * episode_steps / transitions
end

--- Makes a dataset.  given: { transitions =, seed =, path =, report = function(rows) }
--- -> path, a table about it
function recipes.make(name, given)
  given = given or {}
  local about, kind, prefix = parse(name)
  local path = given.path or recipes.path(name)
  local folder = path:match("^(.*)/[^/]*$")
  if folder then require("tide.records").make_folder(folder) end
  local seed = given.seed or 1
  local metadata = { maker = "tide " .. core.process.versions().tide, dataset = name, env = about.env, seed = seed }
  if kind == "medium-replay" then
    local run = recipes.behaviour(prefix, { seed = seed, steps = given.transitions, alone = true })
    local out = folder and folder .. "/" .. name .. "-run" or name .. "-run"
    if lfs.attributes(out .. "/checkpoint.h5", "mode") == "file" then run.overrides.resume = out
    else run.overrides.out = out end
    local final = run:train()
    metadata.behaviour_return = final.mean
    local count = recipes.write_replay(run, path, metadata)
    return path, { rows = count, behaviour_return = final.mean }
  end
  local real = world(about.env, { seed = seed })
  local actor, mode = setmetatable({ rng = core.rng(seed, 7), action_dim = real.action_dim }, uniform), "sample"
  local transitions = given.transitions or about.transitions
  if kind == "human" then
    local driver = assert(loadfile(paths.envs("wheel_legged/human.lua")))(about.driver)
    actor = driver(core.rng(seed, 10), core.zeros(real.action_dim))
  elseif kind ~= "random" then
    local file = paths.envs(("policies/%s-medium.h5"):format(prefix))
    local policy = policies.from(core.tree_read(file), core.rng(seed, 8), file)
    actor = kind == "medium" and policy or setmetatable({ policy = policy, uniform = actor, rng = core.rng(seed, 9),
      last = last_share(transitions, real.max_episode_steps) }, mixed)
  end
  metadata.algorithm = algorithms[kind]
  local returns = roll_out(actor, mode, real, path, transitions, metadata, given.report)
  local mean = #returns > 0 and evaluation.statistics(returns) or nil
  return path, { rows = transitions, episodes = #returns, mean_return = mean,
                 score = mean and env.normalised_score(real.env, mean) }
end

return recipes
