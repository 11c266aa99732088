--- Whether the agents learn: experiments of minutes to an hour, run by `scripts/test --slow`.
---
--- Each run has a folder, NAME-SEED in runs/learning or in $TIDE_SLOW_RUNS, and goes on from its checkpoint where
--- it was interrupted; what is done is not run again. $TIDE_SLOW_JOBS of them run at once (as many as there are
--- cores; 0: judge what is there). What came out is written into experiments/results/learning, or $TIDE_SLOW_RESULTS.
local learning = require "support.learning"

local function gravity(agent)
  return { name = "gravity-" .. agent, script = "experiments/gravity.lua", arguments = { agent }, steps = 50000,
           seeds = { 1, 2, 3 }, dataset = agent ~= "sac" and "halfcheetah-medium-replay" or nil }
end

os.exit(learning.main {
  experiments = {
    { name = "online-sac", script = "experiments/online.lua", arguments = { "sac" }, steps = 100000, seeds = { 1 } },
    { name = "offline-cql", script = "experiments/offline.lua", arguments = { "cql", "halfcheetah-medium" },
      steps = 50000, seeds = { 1 }, dataset = "halfcheetah-medium" },
    gravity "h2o", gravity "darc", gravity "sac",
  },
  checks = {
    { experiment = "online-sac", reaches = 3000 },
    { experiment = "offline-cql", reaches = 3500 },
    { experiment = "gravity-h2o", above = "gravity-darc" },
    { experiment = "gravity-h2o", above = "gravity-sac" },
  },
})
