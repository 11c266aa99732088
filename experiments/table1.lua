--- The paper's table 1 (Niu et al. 2022): HalfCheetah, evaluated in the real environment; three datasets, three
--- simulators that are wrong, five methods.
---
---   scripts/run sweep experiments/table1.lua --only 'medium-replay/gravity/*' --seeds 3 --steps 50000 \
---     --set evaluation.every=1          (every epoch, so that a short run has its last 10 evaluations, too)
---   scripts/run sweep status runs/table1
---   scripts/run table runs/table1 -o table1.md
---
--- SAC knows the simulator alone, CQL the dataset alone: such runs are done once for all cells that share them. All of
--- it is 165 runs; docs/sweeps.md tells how they are spread, stopped and resumed.
local tide = require "tide"

-- What the authors' group published of H2O after 1M updates: mean and standard deviation of the return.
local published = {
  source = "D2C, halfcheetah_results.png, the authors' group", steps = 1000000,
  cells = {
    ["medium/gravity/h2o"] = { 6690, 93 },
    ["medium/friction/h2o"] = { 6967, 259 },
    ["medium/noise/h2o"] = { 7032, 82 },
    ["medium-replay/gravity/h2o"] = { 6543, 230 },
    ["medium-replay/friction/h2o"] = { 5506, 816 },
    ["medium-replay/noise/h2o"] = { 6873, 150 },
    ["medium-expert/gravity/h2o"] = { 5112, 436 },
    ["medium-expert/friction/h2o"] = { 4890, 177 },
    ["medium-expert/noise/h2o"] = { 5268, 1493 },
  },
}

return tide.sweep {
  seeds = 5, steps = 1000000, published = { published },
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
