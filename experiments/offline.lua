--- Any agent that learns from a dataset alone: no step is taken but in its evaluation.
---
---   scripts/run experiments/offline.lua cql
---   scripts/run experiments/offline.lua iql halfcheetah-medium-replay --steps 100000
---
--- The second argument is a dataset that `tide dataset make` knows, or a D4RL file.
local tide = require "tide"

local which, dataset = ...
which, dataset = which or "cql", dataset or "halfcheetah-medium"
local agent = tide.agents[which]
if agent.uses.sim then error(("offline.lua: %s takes steps of its own; see gravity.lua"):format(which), 0) end

local run = tide.experiment {
  name = ("offline-%s-%s"):format(which, dataset:match("([^/]+)$"):gsub("%.h[df]*5$", "")),
  agent = agent {},
  real = { env = "HalfCheetah", dataset = dataset },
  steps = 1000000, seed = 1,
}
local final = run:train()
print(("%s on %s: return %.0f (D4RL score %.1f); %s"):format(which, dataset, final.mean, final.score, run.dir))
