--- Who acts in the datasets that Tide makes: actor:act(observation, mode) -> action, as a policy does. An actor that
--- changes from episode to episode has begin(share), called with the share of its rows that is written.
---
--- actors.KIND(part) makes one.  part: { world =, seed =, rows = how many it is for, policy = a file, task = }
local core = require "tide.core"
local paths = require "tide.paths"
local policies = require "tide.policy"

local actors = {}

-- Streams of a dataset's seed.
local UNIFORM_STREAM, POLICY_STREAM, MIXING_STREAM, DRIVER_STREAM = 7, 8, 9, 10

-- ---- uniform ----

local uniform = {}
uniform.__index = uniform

function uniform:act()
  return self.rng:uniform(-1, 1, self.action_dim)
end

--- Each action from U(-1, 1).
function actors.uniform(part)
  return setmetatable({ rng = core.rng(part.seed, UNIFORM_STREAM), action_dim = part.world.action_dim }, uniform)
end

-- ---- policies ----

--- The policy of a file, made for the part's environment. Leaves part.origin: which policy it was.
function actors.policy(part)
  local file, world = part.policy, part.world
  local tree = core.tree_read(file)
  local policy = policies.from(tree, core.rng(part.seed, POLICY_STREAM), file)
  if (tree.env or world.name) ~= world.name or policy.observation_dim ~= world.observation_dim
     or policy.action_dim ~= world.action_dim then
    error(("%s: a policy of %s with %d observations and %d actions; %s has %d and %d"):format(file,
      tree.env or "an environment", policy.observation_dim, policy.action_dim, world.name, world.observation_dim,
      world.action_dim), 0)
  end
  part.origin = ("%s: %s updates, seed %s"):format(file:match "[^/]*$", tree.updates or "?", tree.seed or "?")
  return policy
end

local mixed = {}
mixed.__index = mixed

function mixed:begin(done)
  self.share = 1 - done / self.last
end

function mixed:act(observation, mode)
  if self.rng:number() < self.share then return self.uniform:act() end
  return self.policy:act(observation, mode)
end

--- The share of `rows` that is written when their last whole episode begins.
local function last_share(rows, episode_steps)
  local episodes = (rows + episode_steps - 1) // episode_steps
  return math.max(episodes - 1, 1) * episode_steps / rows
end

--- The policy of a file with a share of uniform actions: all in the first episode, none in the last.
function actors.mixed(part)
  return setmetatable({ policy = actors.policy(part), uniform = actors.uniform(part),
    rng = core.rng(part.seed, MIXING_STREAM), last = last_share(part.rows, part.world.max_episode_steps) }, mixed)
end

-- ---- the wheel-legged robot's driver ----

--- The scripted driver of a task, "stand" or "move".
function actors.driver(part)
  local driver = assert(loadfile(paths.envs("wheel_legged/human.lua")))(part.task)
  return driver(core.rng(part.seed, DRIVER_STREAM), core.zeros(part.world.action_dim))
end

return actors
