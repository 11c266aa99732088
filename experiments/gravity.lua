--- Any agent where the simulator is wrong: HalfCheetah, a simulator with twice the gravity, evaluated in the
--- real environment.
---
---   scripts/run experiments/gravity.lua h2o       real data (medium-replay) and simulator
---   scripts/run experiments/gravity.lua sac       simulator only
---   scripts/run plot runs/gravity-h2o runs/gravity-sac -o gravity.png
---
--- 200 epochs of 1000 simulator steps and 1000 updates; evaluated in the real environment every 10. The first
--- argument is any agent that `tide agents` lists; --steps and --seed shorten it and repeat it.
local tide = require "tide"

local which = ... or "h2o"
local agent = tide.agents[which]

local run = tide.experiment {
  name = "gravity-" .. which,
  agent = agent {},
  real = { env = "HalfCheetah", dataset = agent.uses.real and "halfcheetah-medium-replay" },
  sim = { env = "HalfCheetah", gap = tide.gap.gravity(2.0) },
  steps = 200000, seed = 1,
}
local final = run:train()
print(("%s: return %.0f in the real environment (D4RL score %.1f); %s"):format(which, final.mean, final.score, run.dir))
