--- The paper's table 1 (Niu et al. 2022): HalfCheetah, evaluated in the real environment; three datasets, three
--- simulators that are wrong, five methods.
---
---   scripts/run sweep experiments/table1.lua --only 'medium-replay/gravity/*' --seeds 3 --steps 50000
---   scripts/run sweep status runs/table1
---
--- SAC knows the simulator alone, CQL the dataset alone: such runs are done once for all cells that share them. All of
--- it is 165 runs; docs/sweeps.md tells how they are spread, stopped and resumed.
local tide = require "tide"

return tide.sweep {
  seeds = 5, steps = 1000000,
  axes = {
    { dataset = { "medium", "medium-replay", "medium-expert" } },
    { gap = {
      { "gravity", tide.gap.gravity(2.0) },
      { "friction", tide.gap.friction(0.3) },
      { "noise", tide.gap.joint_noise(1.0) },
    } },
    { agent = { "sac", "cql", "darc", "darc_plus", "h2o" } },
  },
  experiment = function(cell)
    return {
      agent = tide.agents[cell.agent] {},
      real = { env = "HalfCheetah", dataset = "halfcheetah-" .. cell.dataset },
      sim = { env = "HalfCheetah", gap = cell.gap },
    }
  end,
}
