--- What every agent promises, whoever wrote it.
local core = require "tide.core"
local support = require "support.agents"
local tide = require "tide"

local S = support.observation_dim
local build, batches, train, learned = support.build, support.batches, support.train, support.learned
local small = { hidden = { 16, 16 } }

describe("agents", function()
  after_each(function() core.end_step() end)

  for name, class in pairs(tide.agents) do
    describe(name, function()
      it("two of one seed train to the same bits", function()
        local a, b = build(class(small)), build(class(small))
        train(a, core.rng(9), 3)
        train(b, core.rng(9), 3)
        assert.are.same(learned(a), learned(b))
      end)

      it("learns something in every network and scalar that it trains", function()
        local a = build(class(small))
        local before = learned(a)
        train(a, core.rng(9), 3)
        for key, numbers in pairs(learned(a)) do
          -- a multiplier that an option turns on stands still without it
          if key ~= "log_alpha_prime" then assert.are_not.equal(before[key], numbers, key) end
        end
      end)

      it("trains to the same bits with any number of threads", function()
        local trained = {}
        for _, threads in ipairs { 1, 2 } do
          core.threads(threads)
          local agent = build(class {})
          train(agent, core.rng(9), 2)
          trained[#trained + 1] = learned(agent)
        end
        core.threads(1)
        assert.are.same(trained[1], trained[2])
      end)

      it("a restored one continues as the other would have", function()
        local a, rng = build(class(small)), core.rng(9)
        train(a, rng, 3)
        local b = build(class(small), 77)
        b:restore(a:state())
        local rng_b = core.rng(0):restore(rng:state())
        train(a, rng, 3)
        train(b, rng_b, 3)
        assert.are.same(learned(a), learned(b))
      end)

      it("an update allocates nothing once warm", function()
        local a = build(class(small))
        local drawn = batches(a, core.rng(9))
        local function update(n)
          for _ = 1, n do
            a:update(drawn)
            core.end_step()
          end
        end
        update(4)
        local before = core.allocated_total()
        update(6)
        assert.are.equal(before, core.allocated_total())
      end)

      it("reports finite numbers alone", function()
        for key, value in pairs(train(build(class(small)), core.rng(9), 2)) do
          assert.are.equal("number", type(value), key)
          assert.is_true(value == value and math.abs(value) < math.huge, key)
        end
      end)

      it("unknown hyper-parameters are refused", function()
        assert.has_error(function() class { hiden = { 1 } } end, name .. ": unknown 'hiden'; nearest: hidden")
      end)

      it("draws only what it says it uses", function()
        for _, rows in pairs(build(class(small)):batches()) do
          assert.is_true(class.uses.real or rows.real == 0)
          assert.is_true(class.uses.sim or rows.sim == 0)
        end
      end)

      it("acts within the bounds, the same without exploration", function()
        local a, observation = build(class(small)), core.rng(4):normal(S)
        local first = a:act(observation, "mean"):totable()
        assert.are.same(first, a:act(observation, "mean"):totable())
        for _ = 1, 20 do
          for _, x in ipairs(a:act(observation, "sample"):totable()) do assert.is_true(x >= -1 and x <= 1) end
        end
        for _, x in ipairs(first) do assert.is_true(x > -1 and x < 1) end
      end)

      if class.uses.sim then
        it("explores", function()
          local a, observation = build(class(small)), core.rng(4):normal(S)
          assert.are_not.same(a:act(observation, "sample"):totable(), a:act(observation, "sample"):totable())
        end)
      end

      it("is told by `tide agents` in a line", function()
        assert.is_truthy(class.about and #class.about <= 80, class.about)
      end)
    end)
  end

  it("an unknown agent is refused with the nearest name", function()
    assert.has_error(function() return tide.agents.h20 end, "tide.agents: unknown 'h20'; nearest: h2o")
  end)

  it("one that a script defines is found by its name, and listed", function()
    local mine = tide.agent("support_agent", { uses = { "sim" } })
    assert.are.equal(mine, tide.agents.support_agent)
    local listed = {}
    for name in pairs(tide.agents) do listed[name] = true end
    assert.is_true(listed.support_agent and listed.h2o and listed.sac)
  end)

  it("a script's agent does not take the place of Tide's own", function()
    local own = tide.agents.sac
    tide.agent("sac", { uses = { "sim" } })
    assert.are.equal(own, tide.agents.sac)
  end)
end)
