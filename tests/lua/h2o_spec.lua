-- The pieces of H2O as scripts see them.
local core = require "tide.core"
local expect = require "support.expect"

local refuses = expect.refused

local function near(expected, got)
  expect.near(expected, got, 1e-5)
end
local h2o = core.h2o

local smallest = 2.0 ^ -149 -- the smallest positive float, a subnormal

describe("core.h2o", function()
  after_each(function() core.end_step() end)

  it("finds dynamics ratios within their bounds", function()
    local logits = core.tensor { { 0, 0 }, { -1, 1 }, { 9, 0 }, { -50, 50 } }
    near({ 1, math.exp(-2), 1, 1e-5 }, h2o.dynamics_ratio(logits, 1e-5, 1):totable())
    refuses({ "dynamics_ratio", "shape (4)" }, h2o.dynamics_ratio, core.zeros(4), 0, 1)
    refuses({ "number expected" }, h2o.dynamics_ratio, logits)
    refuses({ "tide.tensor expected" }, h2o.dynamics_ratio, 1, 0, 1)
  end)

  it("finds the gap, clipped below by the smallest float", function()
    local logits = core.tensor { { 0, 2 }, { 0, 4 }, { 5, 0 }, { 5, 0 }, { 0, 90 }, { 0, 90 } }
    local u = h2o.gap(logits, 2, 1.4e-45, 10)
    near(3, u:get(1))
    assert.are.equal(smallest, u:get(2)) -- not flushed to zero
    assert.are.equal(10, u:get(3))
    refuses({ "gap: the logits have shape (6, 2); (4, 2) is needed" }, h2o.gap, logits, 4, 0, 10)
    refuses({ "less than 1" }, h2o.gap, logits, 0, 0, 10)
    refuses({ "gap", "(3)" }, h2o.gap, core.zeros(3), 1, 0, 10)
  end)

  it("weighs by omega, whose logarithm is finite", function()
    local omega, log_omega = h2o.omega(core.tensor { 1, 3, 4 })
    near({ 0.125, 0.375, 0.5 }, omega:totable())
    near({ math.log(0.125), math.log(0.375), math.log(0.5) }, log_omega:totable())
    omega, log_omega = h2o.omega(core.tensor { 10, smallest })
    assert.are.equal(0, omega:get(2))
    near(-149 * math.log(2) - math.log(10), log_omega:get(2))
    omega, log_omega = h2o.omega(core.zeros(4)) -- as a processor that flushes would give
    near({ 0.25, 0.25, 0.25, 0.25 }, omega:totable())
    assert.is_true(log_omega:is_finite())
    refuses({ "omega: u is -1", "row 2" }, h2o.omega, core.tensor { 1, -1 })
    refuses({ "omega: u is", "row 1" }, h2o.omega, core.tensor { 0 / 0, 1 })
    refuses({ "tide.tensor expected" }, h2o.omega)
  end)

  it("scatters next states", function()
    local next_observations, sigma = core.tensor { { 1, 2 }, { 3, 4 } }, core.tensor { 0.5, 0 }
    local noise = core.tensor { { 1, 1 }, { 2, 2 }, { 0, 0 }, { -1, -1 } }
    near({ { 2, 2 }, { 3, 2 }, { 3, 4 }, { 2, 4 } }, h2o.scatter(next_observations, sigma, 2, noise):totable())
    refuses({ "scatter: states (2, 2), sigma (3), noise (4, 2)" }, h2o.scatter, next_observations,
      core.zeros(3), 1, noise)
    refuses({ "scatter", "noise (3, 2)" }, h2o.scatter, next_observations, sigma, 1, core.zeros(3, 2))
    refuses({ "scatter" }, h2o.scatter, core.zeros(2), sigma, 1, noise)
  end)

  it("regularises values, with a gradient to both sides", function()
    local sim, real = core.parameter(core.tensor { 1, 2, 3 }), core.parameter(core.tensor { 1, 5 })
    local _, log_omega = h2o.omega(core.tensor { 1, 2, 1 })
    local gap = h2o.value_gap(sim, log_omega, real)
    local sum = 0.25 * math.exp(1) + 0.5 * math.exp(2) + 0.25 * math.exp(3)
    near(math.log(sum) - 3, gap:item())
    gap:backward(sim, real)
    near({ 0.25 * math.exp(1) / sum, 0.5 * math.exp(2) / sum, 0.25 * math.exp(3) / sum },
      core.gradient_of(sim):totable())
    near({ -0.5, -0.5 }, core.gradient_of(real):totable())
    refuses({ "value_gap: simulated values (3), log omega (2), real values (2)" }, h2o.value_gap, sim,
      core.zeros(2), real)
    refuses({ "value_gap", "(0)" }, h2o.value_gap, sim, log_omega, core.zeros(0))
    refuses({ "value_gap", "()" }, h2o.value_gap, sim, log_omega, 1)
    refuses({ "tide.tensor expected" }, h2o.value_gap, sim, {}, real)
  end)

  it("refuses tensors of past steps", function()
    local old = core.zeros(2, 2) + 0
    core.end_step()
    refuses({ "ended" }, h2o.dynamics_ratio, old, 0, 1)
    refuses({ "ended" }, h2o.gap, old, 1, 0, 1)
    refuses({ "ended" }, h2o.omega, old)
    refuses({ "ended" }, h2o.scatter, old, old, 1, old)
    refuses({ "ended" }, h2o.value_gap, old, old, old)
  end)
end)
