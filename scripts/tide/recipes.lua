--- Datasets by name: where they lie, and how the ones that Tide makes itself are made.
---
--- NAME is ENV-KIND:
---   random         uniform actions
---   medium         rollouts of a half-trained policy that comes with Tide, envs/policies/; sampled actions
---   expert         the same of a trained one
---   medium-expert  rows of medium, then as many of expert
---   medium-replay  everything that a soft actor-critic saw on its way to medium: a training, of 20 minutes or so
---   mixed          the medium policy with a share of uniform actions, from all in the first episode to none in the
---                  last: as wide as a replay buffer, made in seconds
---   human          a scripted driver of the wheel-legged robot, with an unsteady hand
local actors = require "tide.dataset.actors"
local behaviour = require "tide.dataset.behaviour"
local core = require "tide.core"
local env = require "tide.env"
local evaluation = require "tide.evaluation"
local lfs = require "lfs"
local options = require "tide.options"
local paths = require "tide.paths"
local rollout = require "tide.dataset.rollout"
local world = require "tide.world"

local recipes = {}

local robot_kinds = { "random", "medium", "medium-replay", "medium-expert", "expert", "mixed" }

--- What is known of each: the environment, the kinds there are, the return at which the training of medium-replay
--- ends, the scripted driver's task, and how many transitions are made where nothing is said.
local environments = {
  halfcheetah = { env = "HalfCheetah", kinds = robot_kinds, medium_return = 4700 },
  hopper = { env = "Hopper", kinds = robot_kinds, medium_return = 1400 },
  walker2d = { env = "Walker2d", kinds = robot_kinds, medium_return = 2000 },
  ant = { env = "Ant", kinds = robot_kinds, medium_return = 2000 },
  ["wheel-legged-stand"] = { env = "WheelLeggedStandReal", kinds = { "human" }, task = "stand", transitions = 20000 },
  ["wheel-legged-move"] = { env = "WheelLeggedMoveReal", kinds = { "human" }, task = "move", transitions = 20000 },
}

local TRANSITIONS = 1000000 -- as in D4RL

local medium = { actor = "policy", policy = "medium" }
local expert = { actor = "policy", policy = "expert", seed_offset = 2000003 } -- medium-expert has no start twice

--- Who acts in each kind: parts of equal size, one after the other; none in what a training saw.
local kinds = {
  random = { made_of = "uniform actions", { actor = "uniform" } },
  medium = { made_of = "SAC, sampled actions", medium },
  expert = { made_of = "SAC, sampled actions", expert },
  ["medium-expert"] = { made_of = "SAC, sampled actions: medium, then expert", medium, expert },
  mixed = { made_of = "SAC, sampled actions, with a falling share of uniform ones", { actor = "mixed",
            policy = "medium" } },
  human = { made_of = "a scripted driver", { actor = "driver" } },
  ["medium-replay"] = { made_of = "SAC replay" },
}

--- The folder of datasets: $TIDE_DATASETS, or datasets/ in the working folder.
function recipes.folder()
  local named = os.getenv "TIDE_DATASETS"
  return named and named ~= "" and named or "datasets"
end

-- ---- names ----

local function policy_file(prefix, policy)
  return paths.envs(("policies/%s-%s.h5"):format(prefix, policy))
end

--- The policies of envs/policies/ that a recipe needs and that are not there.
local function missing_policies(prefix, kind)
  local missing = {}
  for _, part in ipairs(kinds[kind]) do
    if part.policy and not lfs.attributes(policy_file(prefix, part.policy), "mode") then
      missing[#missing + 1] = ("envs/policies/%s-%s.h5"):format(prefix, part.policy)
    end
  end
  return missing
end

--- The names that `make` can make, in order; with `all`, those too whose policies do not come with Tide.
function recipes.list(all)
  local names = {}
  for _, prefix in ipairs(options.names(environments)) do
    for _, kind in ipairs(environments[prefix].kinds) do
      if all or #missing_policies(prefix, kind) == 0 then names[#names + 1] = prefix .. "-" .. kind end
    end
  end
  return names
end

local function parse(name)
  for prefix, about in pairs(environments) do
    for _, kind in ipairs(about.kinds) do
      if name == prefix .. "-" .. kind then return about, kind, prefix end
    end
  end
  error(options.unknown("dataset", name, recipes.list(true)), 0)
end

local function transitions_of(about, kind)
  return math.max(#kinds[kind], 1) * (about.transitions or TRANSITIONS)
end

--- about(name) -> { name =, env =, made_of =, transitions = unless told, or at most so many updates of a training,
--- training = true for one, medium_return = where it ends, path =, exists =, missing = policies that it needs }
function recipes.about(name)
  local about, kind, prefix = parse(name)
  local training = #kinds[kind] == 0
  return { name = name, env = about.env, made_of = kinds[kind].made_of, transitions = transitions_of(about, kind),
           training = training, medium_return = training and about.medium_return or nil,
           path = recipes.path(name), exists = recipes.exists(name), missing = missing_policies(prefix, kind) }
end

--- Refuses a name that nobody knows, and a recipe whose policies are not there: says what brings them.
function recipes.check(name)
  local about, kind, prefix = parse(name)
  local missing = missing_policies(prefix, kind)
  if #missing == 0 then return end
  local files = table.concat(missing, " and ")
  error(("%s: %s is not there. Policies come from a training: tide run experiments/online.lua sac %s "
    .. "--set evaluation.keep_policies=true, then tide run experiments/behaviour_policies.lua RUN%s"):format(name,
    files, about.env, files:find "%-medium" and (" %d"):format(about.medium_return) or ""), 0)
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
    recipes.check(name)
    error(("dataset %s is not in %s; make it with: tide dataset make %s"):format(name, recipes.folder(), name), 0)
  end
  return core.dataset_read(path, read_options)
end

local function make_folder_of(path)
  local folder = path:match("^(.*)/[^/]*$")
  if folder then require("tide.records").make_folder(folder) end
end

-- ---- making ----

--- A soft actor-critic in the real environment, stopped when it is medium: what behaviour policies and replay
--- datasets come from.  given: { seed =, steps =, threads =, alone = true where the command line is not meant for it }
function recipes.behaviour(prefix, given)
  given = options.copy(given or {})
  given.name = "behaviour-" .. prefix
  return behaviour.run(environments[prefix] or error(options.unknown("environment of a dataset", prefix,
    options.names(environments)), 0), given)
end

--- Writes everything that a run rolled out as a dataset.
function recipes.write_replay(run, path, metadata)
  make_folder_of(path)
  return behaviour.write(run, path, metadata)
end

--- A training, then what it saw. The run lies beside the dataset, and goes on from where it was interrupted.
local function make_replay(prefix, path, metadata, given)
  local run = recipes.behaviour(prefix, { seed = metadata.seed, steps = given.transitions, alone = true })
  local final = behaviour.train(run, path:gsub("%.h5$", ""):gsub("%.hdf5$", "") .. "-run")
  metadata.behaviour_return = final.mean
  local rows = behaviour.write(run, path, metadata, given.report)
  return { rows = rows, behaviour_return = final.mean, medium_return = environments[prefix].medium_return }
end

--- The recipe's parts with their worlds, seeds, rows and actors.
local function parts_of(prefix, kind, seed, transitions)
  local about, parts, left = environments[prefix], {}, transitions
  for i, wanted in ipairs(kinds[kind]) do
    local rows = left // (#kinds[kind] - i + 1)
    local part = { seed = seed + (wanted.seed_offset or 0), rows = rows, task = about.task,
                   policy = wanted.policy and policy_file(prefix, wanted.policy) }
    part.world = world(about.env, { seed = part.seed })
    part.actor = actors[wanted.actor](part)
    parts[i], left = part, left - rows
  end
  return parts
end

--- Makes a dataset.  given: { transitions =, seed =, path =, report = function(rows, total) }
--- -> path, a table about it
function recipes.make(name, given)
  given = given or {}
  local about, kind, prefix = parse(name)
  recipes.check(name)
  local path, seed = given.path or recipes.path(name), given.seed or 1
  make_folder_of(path)
  local metadata = { maker = "tide " .. core.process.versions().tide, dataset = name, env = about.env, seed = seed,
                     algorithm = kinds[kind].made_of }
  if #kinds[kind] == 0 then return path, make_replay(prefix, path, metadata, given) end
  local transitions = given.transitions or transitions_of(about, kind)
  local parts, origins = parts_of(prefix, kind, seed, transitions), {}
  for _, part in ipairs(parts) do origins[#origins + 1] = part.origin end
  metadata.policy = #origins > 0 and table.concat(origins, "; ") or nil
  local returns = rollout(path, parts, metadata, given.report)
  local mean = #returns > 0 and evaluation.statistics(returns) or nil
  return path, { rows = transitions, episodes = #returns, mean_return = mean,
                 score = mean and env.normalised_score(env.get(about.env), mean) }
end

return recipes
