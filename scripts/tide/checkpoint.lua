--- What a run leaves for its continuation: checkpoint.h5 holds everything that the rest of the run
--- depends on, policy.h5 the policy alone.
local core = require "tide.core"
local network = require "tide.network"

local checkpoint = {}

local FORMAT = 1

--- The state of a trainer as a tree. Nothing here is a program: opening a stranger's file runs nothing.
local function gather(run)
  local tree = {
    format = FORMAT, updates = run.updates, sim_steps = run.sim_steps, stored = run.stored,
    episode_return = run.episode_return,
    counted = run.counted, sums = run.sums, returns = run.returns, episode_ends = run.episode_ends,
    agent = run.agent:state(), real = run.real:state(),
    sample_rng = run.sample_rng:state(), rollout_rng = run.rollout_rng:state(),
    in_episode = run.observation ~= nil, agent_name = run.config.agent.name,
  }
  if run.sim then tree.sim, tree.replay = run.sim:state(), run.replay:state() end
  if run.last_evaluation then
    tree.last = { mean = run.last_evaluation.mean, std = run.last_evaluation.std,
                  returns = run.last_evaluation.returns, lengths = run.last_evaluation.lengths,
                  length = run.last_evaluation.length }
  end
  return tree
end

local function policy_tree(run)
  local tree = run.agent.policy:export()
  tree.env, tree.agent, tree.updates, tree.seed = run.real.name, run.config.agent.name, run.updates, run.config.seed
  if run.last_evaluation then tree.eval_return = run.last_evaluation.mean end
  return tree
end

local function has_policy(run)
  return run.agent.policy and run.agent.policy.export
end

--- Keeps the policy as it is now, policies/UPDATES.h5 in the run's folder; with it the networks that the agent `keeps`.
function checkpoint.keep_policy(run)
  if not has_policy(run) then return end
  local folder, tree, agent = run.record.dir .. "/policies", policy_tree(run), run.agent
  for _, name in ipairs(agent.keeps or {}) do
    if agent.networks[name] then
      tree.networks = tree.networks or {}
      tree.networks[name] = network.weights(agent.networks[name])
    end
  end
  require("tide.records").make_folder(folder)
  core.tree_write(("%s/%08d.h5"):format(folder, run.updates), tree)
end

--- Writes checkpoint.h5 and policy.h5 into the run's folder, each whole or not at all.
function checkpoint.save(run)
  core.tree_write(run.record.dir .. "/checkpoint.h5", gather(run))
  if has_policy(run) then
    core.tree_write(run.record.dir .. "/policy.h5", policy_tree(run))
  end
end

--- How many updates told each metric. Runs begun before each was counted alone hold one number for all.
local function counts(tree)
  if type(tree.counted) == "table" then return tree.counted end
  local counted = {}
  for name in pairs(tree.sums) do counted[name] = tree.counted end
  return counted
end

--- Puts a trainer where the checkpoint in `dir` stands.
function checkpoint.load(run, dir)
  local path = dir .. "/checkpoint.h5"
  local tree = core.tree_read(path)
  if tree.format ~= FORMAT then
    error(("%s: checkpoint of format %s; this Tide reads %d"):format(path, tostring(tree.format), FORMAT), 0)
  end
  if tree.agent_name ~= run.config.agent.name then
    error(("%s: holds a %s, the script trains %s"):format(path, tostring(tree.agent_name), run.config.agent.name), 0)
  end
  local ok, problem = pcall(function()
    run.agent:restore(tree.agent)
    run.real:restore(tree.real)
    run.sample_rng:restore(tree.sample_rng)
    run.rollout_rng:restore(tree.rollout_rng)
    if run.sim then
      run.replay:restore(tree.replay)
      local observation = run.sim:restore(tree.sim)
      run.observation = tree.in_episode and observation or nil
    end
  end)
  if not ok then error(("%s: does not fit this run: %s"):format(path, tostring(problem)), 0) end
  run.updates, run.sim_steps, run.stored = tree.updates, tree.sim_steps, tree.stored
  run.episode_return = tree.episode_return
  run.sums, run.counted = tree.sums, counts(tree)
  run.returns, run.episode_ends = tree.returns, tree.episode_ends
  run.last_evaluation = tree.last
  run.resumed = true
end

return checkpoint
