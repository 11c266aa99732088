--- Promises of DARC+: real rows are learned from as they are, simulated ones corrected.
local core = require "tide.core"
local support = require "support.agents"
local tide = require "tide"

local build, batch, learned = support.build, support.batch, support.learned
local hidden = { 16, 16 }

local function darc_plus(given)
  given = given or {}
  given.hidden = hidden
  return tide.agents.darc_plus(given)
end

--- learned() after n updates, the policy's draws from a stream of its own; `change` may alter the batches.
local function trained(choice, n, change)
  local agent, rng = build(choice), core.rng(9)
  agent.policy.rng = core.rng(3)
  for _ = 1, n do
    local b = batch(rng, 16, 16)
    if change then change(b) end
    agent:update { train = b, discriminator = batch(core.rng(8), 16, 16) }
    core.end_step()
  end
  return learned(agent)
end

describe("darc_plus", function()
  after_each(function() core.end_step() end)

  it("draws half of its rows from the real data", function()
    local rows = build(darc_plus()):batches()
    assert.are.same({ real = 128, sim = 128 }, rows.train)
    assert.are.same({ real = 128, sim = 128 }, rows.discriminator)
  end)

  it("corrects no real row, and the simulated rows as DARC does", function()
    local agent, plain = build(darc_plus()), build(tide.agents.darc { hidden = hidden })
    for _, a in ipairs { agent, plain } do support.train(a, core.rng(9), 2) end
    for i = 1, #plain.d_sas:sizes() - 1 do
      agent.d_sas:weight(i):copy(plain.d_sas:weight(i))
      agent.d_sas:bias(i):copy(plain.d_sas:bias(i))
    end
    local b = batch(core.rng(4), 5, 7)
    local given, corrected = b.rewards:totable(), agent:corrected_rewards(b, {}):totable()
    local sim = { rewards = b.rewards:rows(6, 12), observations = b.observations:rows(6, 12),
                  actions = b.actions:rows(6, 12), next_observations = b.next_observations:rows(6, 12) }
    local wanted = plain:corrected_rewards(sim, {}):totable()
    assert.are.equal(12, #corrected)
    for i = 1, 5 do assert.are.equal(given[i], corrected[i]) end
    for i = 6, 12 do
      assert.are_not.equal(given[i], corrected[i])
      assert.is_near(wanted[i - 5], corrected[i], 1e-6)
    end
  end)

  it("with the correction held to 0 learns what soft actor-critic learns from the same rows, to the bit", function()
    local sac, held = trained(tide.agents.sac { hidden = hidden }, 4), trained(darc_plus { correction_clip = 0 }, 4)
    for name, numbers in pairs(sac) do assert.are.equal(numbers, held[name], name) end
    assert.are_not.equal(sac["q1.1.weight"], trained(darc_plus(), 4)["q1.1.weight"])
  end)

  it("learns from real rewards", function()
    local function richer(b) b.rewards:rows(1, 16):fill(5) end
    assert.are_not.equal(trained(darc_plus(), 1)["q1.1.weight"], trained(darc_plus(), 1, richer)["q1.1.weight"])
  end)

  it("does not correct in the warm-up, and does afterwards", function()
    assert.are.same(trained(darc_plus { correction_clip = 0 }, 2), trained(darc_plus { warmup = 2 }, 2))
    assert.are_not.same(trained(darc_plus { correction_clip = 0 }, 3), trained(darc_plus { warmup = 2 }, 3))
  end)
end)
