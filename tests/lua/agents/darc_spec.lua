--- Promises of DARC: what its correction is, what it is worth, and where it stops.
local core = require "tide.core"
local support = require "support.agents"
local tide = require "tide"

local build, batch, batches, learned = support.build, support.batch, support.batches, support.learned
local small = { hidden = { 16, 16 } }

local function darc(given)
  given = given or {}
  given.hidden = given.hidden or small.hidden
  return tide.agents.darc(given)
end

--- An agent past its first update: it corrects.
local function started(given)
  local agent = build(darc(given))
  support.train(agent, core.rng(2), 1)
  return agent
end

--- What is added to the rewards of a batch, a sequence.
local function correction(agent, b)
  return (agent:corrected_rewards(b, {}) - b.rewards):totable()
end

--- d_sas that says the same of every transition: logits real, sim.
local function certain(agent, real, sim)
  local last = #agent.d_sas:sizes() - 1
  agent.d_sas:weight(last):fill(0)
  agent.d_sas:bias(last):copy { real, sim }
end

--- ln softmax(logits)[real] and [sim] of each row, in double precision.
local function log_probabilities(logits)
  local rows = {}
  for i, row in ipairs(logits:totable()) do
    local largest = math.max(row[1], row[2])
    local normaliser = largest + math.log(math.exp(row[1] - largest) + math.exp(row[2] - largest))
    rows[i] = { real = row[1] - normaliser, sim = row[2] - normaliser }
  end
  return rows
end

describe("darc", function()
  after_each(function() core.end_step() end)

  it("corrects by the four probabilities that the classifiers give", function()
    local agent, b = started(), batch(core.rng(3), 0, 40)
    for _, net in ipairs { agent.d_sa, agent.d_sas } do
      local last = #net:sizes() - 1
      net:weight(last):copy((8 * net:weight(last)):clone())
    end
    local sa = agent.d_sa(b.observations, b.actions)
    local sas = agent.d_sas(b.observations, b.actions, b.next_observations) + sa
    local p_sa, p_sas = log_probabilities(sa), log_probabilities(sas)
    local spread = 0
    for i, added in ipairs(correction(agent, b)) do
      local wanted = p_sas[i].real - p_sas[i].sim - p_sa[i].real + p_sa[i].sim
      assert.is_near(wanted, added, 1e-5)
      -- as the authors' code has it, from probabilities plus 1e-10
      local function ln(x) return math.log(math.exp(x) + 1e-10) end
      assert.is_near(ln(p_sas[i].real) - ln(p_sas[i].sim) - ln(p_sa[i].real) + ln(p_sa[i].sim), added, 1e-5)
      spread = math.max(spread, math.abs(wanted))
    end
    assert.is_true(spread > 0.5)
  end)

  it("pays more for what is likelier in the real world", function()
    local agent, b = started(), batch(core.rng(3), 0, 4)
    certain(agent, 1.0, -0.5)
    for _, added in ipairs(correction(agent, b)) do assert.is_near(1.5, added, 1e-6) end
    certain(agent, -0.5, 1.0)
    for _, added in ipairs(correction(agent, b)) do assert.is_near(-1.5, added, 1e-6) end
  end)

  it("holds the correction within its bounds, then weighs it", function()
    local b = batch(core.rng(3), 0, 4)
    b.rewards:fill(0)
    for _, case in ipairs { { {}, 10 }, { { correction_clip = 3 }, 3 },
                            { { correction_clip = 3, correction_weight = 0.5 }, 1.5 } } do
      local agent = started(case[1])
      certain(agent, 100, -100)
      for _, added in ipairs(correction(agent, b)) do assert.are.equal(case[2], added) end
      certain(agent, -100, 100)
      for _, added in ipairs(correction(agent, b)) do assert.are.equal(-case[2], added) end
    end
  end)

  -- Two worlds, s' ~ N(0.9 s + b a, 0.5^2) with b = 1 and b = 0, that are visited at different states:
  -- where the simulator is tells nothing of its dynamics, and must not count.
  it("finds the true log-ratio of two linear-Gaussian worlds", function()
    local DEVIATION, REAL, SIM = 0.5, 1.0, 0.0
    local agent = darc { hidden = { 32, 32 }, d_sa_lr = 3e-3, d_sas_lr = 3e-3, discriminator_noise = 0.05 }:build {
      observation_dim = 1, action_dim = 1, rng = core.rng(1),
    }
    local rng = core.rng(2)
    local function world(n, gain, centre)
      local s, a = rng:draw_normal(n, 1) + centre, rng:uniform(-1, 1, n, 1)
      return s, a, 0.9 * s + gain * a + DEVIATION * rng:draw_normal(n, 1)
    end
    for _ = 1, 1500 do
      local s, a, next_s = world(128, REAL, 0.7)
      local sim_s, sim_a, sim_next = world(128, SIM, -0.7)
      agent:update_discriminators({ observations = tide.concat_rows(s, sim_s), actions = tide.concat_rows(a, sim_a),
                                    next_observations = tide.concat_rows(next_s, sim_next), n_real = 128 }, {})
      core.end_step()
    end
    local n = 400
    local s, a, next_s = world(n, SIM, 0)
    local found = correction(agent, { observations = s, actions = a, next_observations = next_s,
                                      rewards = tide.zeros(n) })
    local function squared(gain) return tide.square((next_s - 0.9 * s - gain * a) / DEVIATION):totable() end
    local real, sim = squared(REAL), squared(SIM)
    -- correlation (about zero) 0.98 to 0.99, slope 0.78 to 0.96 over six seeds
    local sum_xy, sum_xx, sum_yy = 0, 0, 0
    for i = 1, n do
      local x, y = 0.5 * (sim[i][1] - real[i][1]), found[i]
      sum_xy, sum_xx, sum_yy = sum_xy + x * y, sum_xx + x * x, sum_yy + y * y
    end
    assert.is_true(sum_xy / math.sqrt(sum_xx * sum_yy) > 0.95)
    assert.is_near(1, sum_xy / sum_xx, 0.3)
  end)

  it("classifies by a mean over the rows of both worlds, each row in its own", function()
    local agent, b = build(darc()), batch(core.rng(3), 2, 4)
    local function same(t) return t end
    local sa_loss, sas_loss = tide.discriminators.losses(agent.d_sa, agent.d_sas, b, same)
    local sa = agent.d_sa(b.observations, b.actions)
    local logits = { sa, agent.d_sas(b.observations, b.actions, b.next_observations) + sa }
    for k, loss in ipairs { sa_loss, sas_loss } do
      local sum = 0
      for i, p in ipairs(log_probabilities(logits[k])) do sum = sum - (i <= 2 and p.real or p.sim) end
      assert.is_near(sum / 6, loss:item(), 1e-6)
    end
  end)

  it("the gradients of both losses are those of central differences", function()
    local agent, b = build(darc()), batch(core.rng(3), 6, 10)
    local noise = core.rng(4)
    local start = noise:state()
    local function loss()
      noise:restore(start)
      local function noisy(t) return t + noise:draw_normal(t.shape[1], t.shape[2]) end
      local sa_loss, sas_loss = tide.discriminators.losses(agent.d_sa, agent.d_sas, b, noisy)
      return sa_loss + sas_loss
    end
    loss():backward(agent.d_sa, agent.d_sas)
    local STEP = 0.01
    for _, net in ipairs { agent.d_sa, agent.d_sas } do
      local last = #net:sizes() - 1
      local gradient, weight = tide.gradient_of(net, last, "weight"), net:weight(last)
      for row = 1, 2 do
        for column = 1, 16, 5 do
          local value = weight:get(row, column)
          local function at(x)
            weight:set(row, column, x)
            return loss():item()
          end
          local slope = (at(value + STEP) - at(value - STEP)) / (2 * STEP)
          weight:set(row, column, value)
          assert.is_near(slope, gradient:get(row, column), 1e-4)
        end
      end
    end
  end)

  it("the loss of d_sas trains d_sa too, and that of d_sa only itself", function()
    local agent, b = build(darc()), batch(core.rng(3), 6, 6)
    local function same(t) return t end
    local _, sas_loss = tide.discriminators.losses(agent.d_sa, agent.d_sas, b, same)
    sas_loss:backward()
    assert.is_not_nil(tide.gradient_of(agent.d_sa, 1, "weight"))
    assert.is_not_nil(tide.gradient_of(agent.d_sas, 1, "weight"))
    agent = build(darc())
    tide.discriminators.losses(agent.d_sa, agent.d_sas, b, same):backward()
    assert.is_not_nil(tide.gradient_of(agent.d_sa, 1, "weight"))
    assert.is_nil(tide.gradient_of(agent.d_sas, 1, "weight"))
  end)

  --- learned() after n updates, the policy's draws from a stream of its own.
  local function trained(choice, n)
    local agent, rng = build(choice), core.rng(9)
    agent.policy.rng = core.rng(3)
    for _ = 1, n do
      local b = batch(rng, 0, 32)
      agent:update { train = b, discriminator = batch(core.rng(8), 16, 16) }
      core.end_step()
    end
    return learned(agent)
  end

  it("with the correction held to 0 learns what soft actor-critic learns, to the bit", function()
    local sac, held = trained(tide.agents.sac(small), 4), trained(darc { correction_clip = 0 }, 4)
    local free = trained(darc(), 4)
    for name, numbers in pairs(sac) do assert.are.equal(numbers, held[name], name) end
    assert.are_not.equal(sac["q1.1.weight"], free["q1.1.weight"])
  end)

  describe("in the warm-up", function()
    it("does not correct, and does afterwards", function()
      assert.are.same(trained(darc { correction_clip = 0 }, 3), trained(darc { warmup = 3 }, 3))
      assert.are_not.same(trained(darc { correction_clip = 0 }, 4), trained(darc { warmup = 3 }, 4))
    end)

    it("trains the discriminators", function()
      assert.are.equal(trained(darc(), 2)["d_sas.1.weight"], trained(darc { warmup = 2 }, 2)["d_sas.1.weight"])
    end)

    it("a restored one counts on", function()
      local agent, rng = build(darc { warmup = 3 }), core.rng(9)
      support.train(agent, rng, 2)
      local restored = build(darc { warmup = 3 }, 7)
      restored:restore(agent:state())
      assert.are.equal(0, restored:update(batches(restored, rng)).correction_abs)
      core.end_step()
      assert.is_true(restored:update(batches(restored, rng)).correction_abs > 0)
    end)
  end)
end)
