--- H2O beside soft actor-critic in the simulator alone: HalfCheetah, a simulator with twice the gravity.
---
---   scripts/run experiments/gravity.lua h2o      real data (medium-replay) and simulator
---   scripts/run experiments/gravity.lua sac      simulator only
---   scripts/run plot runs/gravity-h2o runs/gravity-sac -o gravity.png
---
--- 200 epochs of 1000 simulator steps and 1000 updates; evaluated in the real environment every 10.
local tide = require "tide"

local which = ... or "h2o"
local agents = { h2o = tide.agents.h2o, sac = tide.agents.sac }
if agents[which] == nil then error(("gravity.lua: h2o or sac, not '%s'"):format(which), 0) end

local run = tide.experiment {
  name = "gravity-" .. which,
  agent = agents[which] {},
  real = { env = "HalfCheetah", dataset = which == "h2o" and "halfcheetah-medium-replay" },
  sim = { env = "HalfCheetah", gap = tide.gap.gravity(2.0) },
  steps = 200000, seed = 1,
}
local final = run:train()
print(("%s: return %.0f in the real environment (D4RL score %.1f); %s"):format(which, final.mean, final.score, run.dir))
