--- The behaviour policies of the datasets: chosen among those that a run kept, by what they return when they sample
--- their actions, as they do in a dataset.
---
---   tide run experiments/online.lua sac Hopper --steps 500000 --set evaluation.keep_policies=true
---   tide run experiments/behaviour_policies.lua runs/online-sac-hopper 1500
---
--- writes envs/policies/hopper-expert.h5, the best, and hopper-medium.h5, the one nearest to a return of 1500.
--- Without a return only the expert. Each policy drives 10 episodes; the best few and the nearest few drive 40 more,
--- and these 40 decide: the best of many short looks is partly luck.
local core = require "tide.core"
local evaluation = require "tide.evaluation"
local lfs = require "lfs"
local paths = require "tide.paths"
local tide = require "tide"

local EPISODES, MORE_EPISODES, FEW = 10, 40, 5
local SEED = 20 -- of these episodes; the second look is another one's

local run, medium_return = ...
if not run then error("behaviour_policies.lua: give the folder of a run that kept its policies", 0) end
if medium_return then
  medium_return = tonumber(medium_return) or error("behaviour_policies.lua: the return must be a number", 0)
end

local folder = run:gsub("/+$", "") .. "/policies"
if lfs.attributes(folder, "mode") ~= "directory" then
  error(("behaviour_policies.lua: there is no %s; the run needs --set evaluation.keep_policies=true"):format(folder), 0)
end

local candidates = {}
for name in lfs.dir(folder) do
  if name:find "%.h5$" then candidates[#candidates + 1] = { path = folder .. "/" .. name } end
end
table.sort(candidates, function(a, b) return a.path < b.path end)

local function look(candidate, episodes, seed)
  local policy, tree = tide.load_policy(candidate.path, seed)
  candidate.tree = tree
  return evaluation.run(policy, tide.world(tree.env, { seed = seed }), episodes, "sample")
end

for _, candidate in ipairs(candidates) do
  candidate.first = look(candidate, EPISODES, SEED)
  print(("%s  return %6.0f +- %-5.0f  steps %4.0f"):format(candidate.path, candidate.first.mean, candidate.first.std,
    candidate.first.length))
end

--- The candidate of the least `cost` of its mean return.
local function choose(cost)
  table.sort(candidates, function(a, b) return cost(a.first.mean) < cost(b.first.mean) end)
  local best
  for i = 1, math.min(FEW, #candidates) do
    local candidate = candidates[i]
    candidate.second = candidate.second or look(candidate, MORE_EPISODES, SEED + 1)
    if not best or cost(candidate.second.mean) < cost(best.second.mean) then best = candidate end
  end
  return best
end

local function keep(kind, chosen)
  local tree, result = chosen.tree, chosen.second
  tree.sample_return, tree.sample_return_std = result.mean, result.std
  tree.sample_length, tree.sample_episodes = result.length, #result.returns
  local path = paths.envs(("policies/%s-%s.h5"):format(tree.env:lower(), kind))
  core.tree_write(path, tree)
  print(("%s: after %d updates; return %.0f +- %.0f, steps %.0f (%d episodes)"):format(path, tree.updates, result.mean,
    result.std, result.length, #result.returns))
end

keep("expert", choose(function(value) return -value end))
if medium_return then keep("medium", choose(function(value) return math.abs(value - medium_return) end)) end
