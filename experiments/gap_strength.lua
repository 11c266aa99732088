--- How the methods fare as the simulator gets worse: gravity from the real one to four times as much. HalfCheetah,
--- medium-replay.
---
---   scripts/run sweep experiments/gap_strength.lua --seeds 3 --steps 100000
---
--- CQL takes no step in the simulator: it is one line for all strengths.
local tide = require "tide"

return tide.sweep {
  seeds = 5, steps = 1000000,
  axes = {
    { gravity = { 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0 } },
    { agent = { "sac", "cql", "darc", "h2o" } },
  },
  experiment = function(cell)
    return {
      agent = tide.agents[cell.agent] {},
      real = { env = "HalfCheetah", dataset = "halfcheetah-medium-replay" },
      sim = { env = "HalfCheetah", gap = tide.gap.gravity(cell.gravity) },
    }
  end,
}
