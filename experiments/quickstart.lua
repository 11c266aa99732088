--- The main job, in minutes: H2O learns HalfCheetah from a fixed dataset of the real environment and
--- from rollouts in a simulator with twice the gravity, and is evaluated in the real one.
---
---   scripts/run experiments/quickstart.lua
---
--- Every value can be changed from the command line: --seed 2, --steps 20000, --set agent.beta=0.1,
--- --set "sim.gap=friction(0.3)".
local tide = require "tide"

local dataset, transitions = "halfcheetah-mixed", 100000

-- The real data: 100 episodes from clumsy to half-trained. Made once, kept in datasets/.
if not tide.recipes.exists(dataset) then
  print(("making the dataset %s: %d transitions"):format(dataset, transitions))
  tide.recipes.make(dataset, { transitions = transitions })
end

local run = tide.experiment {
  name = "quickstart",
  -- smaller networks and a higher learning rate than the paper's, for a curve that rises within minutes
  agent = tide.agents.h2o {
    beta = 0.01, hidden = { 128, 128 }, policy_lr = 1e-3, critic_lr = 1e-3, d_sa_lr = 1e-3, d_sas_lr = 1e-3,
  },
  real = { env = "HalfCheetah", dataset = dataset },
  sim = { env = "HalfCheetah", gap = tide.gap.gravity(2.0) },
  steps = 30000, seed = 1, threads = 2,
  training = { rounds = 20 },
  evaluation = { every = 3, episodes = 3 },
}
local before = run:evaluate(3)
local after = run:train()

local picture = run.dir .. "/learning_curve.png"
tide.plot.curves({ run.dir }, picture, {
  title = "H2O in HalfCheetah: real data and a simulator with twice the gravity",
})

print(([[

H2O learned from %d real transitions and %d simulated ones (gravity x 2), in %d updates.
  return in the real environment: %.0f before, %.0f after (mean of 3 episodes; D4RL score %.1f)
  everything about the run:       %s
  the policy:                     %s/policy.h5    tide eval %s
  the learning curve:             %s]])
  :format(run.replay:count("real"), run.sim_steps, run.updates, before.mean, after.mean, after.score,
    run.dir, run.dir, run.dir, picture))
