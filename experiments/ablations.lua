--- What each of H2O's terms is worth: the whole of it, and with parts taken out. HalfCheetah, medium-replay.
---
---   scripts/run sweep experiments/ablations.lua --only 'gravity/*' --seeds 3 --steps 30000 --set evaluation.every=1
---
--- An arm is a line: its name, and what it changes in tide.agents.h2o.
local tide = require "tide"

return tide.sweep {
  seeds = 5, steps = 1000000,
  axes = {
    { gap = {
      { "gravity", tide.gap.gravity(2.0) },
      { "friction", tide.gap.friction(0.3) },
      { "noise", tide.gap.joint_noise(1.0) },
    } },
    { arm = {
      { "h2o", {} },
      -- the value regulariser
      { "no-penalty", { beta = 0 } },                   -- none: real and reweighted simulated data
      { "uniform-penalty", { omega = "uniform" } },     -- Q is pushed down everywhere in the simulator alike
      { "linear-penalty", { regulariser = "linear" } }, -- sum omega Q instead of ln sum omega exp Q
      { "tuned-penalty", { lagrange = true } },         -- its weight tuned so that the value gap meets target_gap
      -- the dynamics ratio
      { "no-ratio", { dynamics_ratio = false } },       -- simulated Bellman errors count as they are
      -- both
      { "no-penalty-no-ratio", { beta = 0, dynamics_ratio = false } }, -- SAC on a mixture of both worlds' data
      -- where u comes from: next states that a learned model of the simulator imagines; noise as in the authors' code
      { "learned-model", { next_model = "learned" } },
      { "padded-sigma", { sigma = "padded" } },
    } },
  },
  experiment = function(cell)
    return {
      agent = tide.agents.h2o(cell.arm),
      real = { env = "HalfCheetah", dataset = "halfcheetah-medium-replay" },
      sim = { env = "HalfCheetah", gap = cell.gap },
    }
  end,
}
