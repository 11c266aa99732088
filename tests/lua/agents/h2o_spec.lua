--- Promises of H2O: its switches, and who counts as real.
local core = require "tide.core"
local support = require "support.agents"
local tide = require "tide"

local build, batches = support.build, support.batches
local small = { hidden = { 16, 16 } }

describe("h2o", function()
  after_each(function() core.end_step() end)

  it("its discriminators know which rows are real when the share of them changes", function()
    local agent, rng = build(tide.agents.h2o(small)), core.rng(9)
    local logits = rng:normal(6, 2)
    local first, second = agent:classify(logits, 2):item(), agent:classify(logits, 4):item()
    core.end_step()
    assert.are.equal(second, build(tide.agents.h2o(small)):classify(logits, 4):item())
    assert.are_not.equal(first, second)
  end)

  describe("switches", function()
    --- Weights of q1 after two updates with these options.
    local function trained(given)
      for key, value in pairs(small) do given[key] = value end
      local agent, rng = build(tide.agents.h2o(given)), core.rng(9)
      local metrics
      for _ = 1, 2 do
        metrics = agent:update(batches(agent, rng))
        core.end_step()
      end
      return agent.q1:weight(1):totable(), metrics
    end

    it("beta = 0 trains without the regulariser and computes no u", function()
      local weights, metrics = trained { beta = 0 }
      assert.is_nil(metrics.u)
      assert.is_nil(metrics.q1_gap)
      assert.are_not.same(trained { beta = 1.0 }, weights)
    end)

    it("the ratio lowers the simulated loss, which without it is the plain one", function()
      local _, with = trained {}
      local _, without = trained { dynamics_ratio = false }
      assert.is_nil(without.dynamics_ratio)
      assert.is_true(with.q1_sim_loss <= without.q1_sim_loss)
    end)

    for _, given in ipairs { { omega = "uniform" }, { regulariser = "linear" }, { entropy_backup = true },
                             { lagrange = true }, { dynamics_ratio = false }, { next_samples = 3 } } do
      local key, value = next(given)
      it(("%s = %s changes what is learned"):format(key, tostring(value)), function()
        given.beta = 1.0
        assert.are_not.same(trained { beta = 1.0 }, trained(given))
      end)
    end
  end)
end)
