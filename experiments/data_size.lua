--- How much real data the methods need: 1 %, 10 % and 100 % of medium-replay, whole episodes of it. HalfCheetah, a
--- simulator with twice the gravity.
---
---   scripts/run sweep experiments/data_size.lua --seeds 3 --steps 100000
---
--- The parts are drawn once, for all seeds and methods. SAC reads no data: it is one line for all sizes.
local tide = require "tide"

local whole = "halfcheetah-medium-replay"

local function part(percent)
  return ("%s/%s-%d-percent.h5"):format(tide.recipes.folder(), whole, percent)
end

local function drawn(percent)
  return { from = whole, make = function(path, from)
    tide.dataset.subset(from, path, { fraction = percent / 100, whole = true })
  end }
end

return tide.sweep {
  seeds = 5, steps = 1000000,
  datasets = { [part(1)] = drawn(1), [part(10)] = drawn(10) },
  axes = {
    { size = { { "1-percent", part(1) }, { "10-percent", part(10) }, { "100-percent", whole } } },
    { agent = { "sac", "cql", "darc_plus", "h2o" } },
  },
  experiment = function(cell)
    return {
      agent = tide.agents[cell.agent] {},
      real = { env = "HalfCheetah", dataset = cell.size },
      sim = { env = "HalfCheetah", gap = tide.gap.gravity(2.0) },
    }
  end,
}
