--- Table 1's methods on Walker2d, which falls: three datasets, three simulators that are wrong.
---
---   scripts/run sweep experiments/walker2d.lua --only 'medium-replay/*' --seeds 3 --steps 200000
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
      real = { env = "Walker2d", dataset = "walker2d-" .. cell.dataset },
      sim = { env = "Walker2d", gap = cell.gap },
    }
  end,
}
