--- Any agent that learns from its own steps, in the real environment itself: a simulator without a gap.
---
---   scripts/run experiments/online.lua sac --steps 100000
---   scripts/run experiments/online.lua sac Hopper --steps 500000
---   scripts/run experiments/online.lua rlpd --steps 20000
---
--- Evaluated every 10 epochs of 1000 steps and 1000 updates.
local tide = require "tide"

local which, env = ...
which, env = which or "sac", env or "HalfCheetah"
local agent = tide.agents[which]
if not agent.uses.sim then error(("online.lua: %s learns from a dataset alone; see offline.lua"):format(which), 0) end

local run = tide.experiment {
  name = ("online-%s-%s"):format(which, env:lower()),
  agent = agent {},
  real = { env = env, dataset = agent.uses.real and env:lower() .. "-medium-replay" },
  steps = 1000000, seed = 1,
}
local final = run:train()
print(("%s in %s: return %.0f (D4RL score %.1f); %s"):format(which, env, final.mean, final.score, run.dir))
