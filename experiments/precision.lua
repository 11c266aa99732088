--- What products in bfloat16 cost in return: H2O in a simulator of twice the gravity, with float32 and with bfloat16,
--- everything else the same. docs/performance.md has the speeds, and what came out.
---
---   scripts/run sweep experiments/precision.lua
---   scripts/run table runs/precision
---
--- Needs a processor with AVX512_BF16. The data are wide and made in minutes (docs/datasets.md).
local tide = require "tide"

return tide.sweep {
  seeds = 3, steps = 30000,
  axes = { { precision = { "float32", "bfloat16" } } },
  experiment = function(cell)
    return {
      agent = tide.agents.h2o { precision = cell.precision },
      real = { env = "HalfCheetah", dataset = "halfcheetah-mixed" },
      sim = { gap = tide.gap.gravity(2.0) },
      evaluation = { every = 2 },
    }
  end,
}
