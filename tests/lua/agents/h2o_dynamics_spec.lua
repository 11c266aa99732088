--- Promises of H2O's learned dynamics, next_model = "learned": P^_theta(s'|s,a) of the simulator, whose draws u is
--- averaged over.
local core = require "tide.core"
local expect = require "support.expect"
local plain = require "support.plain"
local support = require "support.agents"
local tide = require "tide"

local build, near = support.build, expect.near
local S = support.observation_dim

-- s' = M s + B a + bias + noise, where a change of s by hand is known
local MOVE, PUSH, NOISE = { 0.9, 0.7, 1.0, 0.8, 1.1 }, { 0.5, -0.4, 0.3, 0.0, 0.2 }, { 0.3, 0.1, 0.2, 0.4, 0.1 }

--- Rows of that world; `shift(s)` is added to the first dimension of the simulated next states.
local function world(rng, n_real, n_sim, shift)
  local batch = support.batch(rng, n_real, n_sim)
  local rows = plain.rows(batch)
  for i, s in ipairs(rows.observations) do
    local next_s = {}
    for d = 1, S do
      next_s[d] = MOVE[d] * s[d] + PUSH[d] * rows.actions[i][1] + 0.1 + NOISE[d] * rng:normal()
    end
    if i > n_real and shift then next_s[1] = next_s[1] + shift(s) end
    rows.next_observations[i] = next_s
  end
  batch.next_observations:copy(rows.next_observations)
  return batch
end

local function learner(given)
  given.next_model, given.hidden, given.dynamics_lr = "learned", given.hidden or { 32, 32 }, 3e-3
  return build(tide.agents.h2o(given))
end

describe("h2o with next_model = \"learned\"", function()
  after_each(function() core.end_step() end)

  it("comes near the mean and the spread of a linear-Gaussian simulator, whose states have any scale", function()
    local agent, rng = learner { next_samples = 40 }, core.rng(5)
    agent.state_mean, agent.state_scale = core.zeros(S):fill(0.5), core.tensor { 0.5, 2.0, 1.0, 1.0, 4.0 }
    local shift = function() return 1.0 end -- a simulator of its own: the real rows are not learned from
    local drawn = {}
    for i = 1, 30 do drawn[i] = world(rng, 64, 128, shift) end
    for i = 1, 600 do
      if i == 400 then agent.optimisers.dynamics:lr(5e-4) end
      agent:update_dynamics(drawn[i % 30 + 1], {})
      core.end_step()
    end
    local sim = tide.simulated(world(rng, 0, 100, shift))
    local imagined = agent:imagine(sim, rng:draw_normal(100 * 40, S)):totable()
    local observations, actions = sim.observations:totable(), sim.actions:totable()
    for d = 1, S do
      local wrong, spread = 0.0, 0.0
      for i = 1, 100 do
        local mean, squares = 0.0, 0.0
        for j = 1, 40 do mean = mean + imagined[(i - 1) * 40 + j][d] / 40 end
        for j = 1, 40 do squares = squares + (imagined[(i - 1) * 40 + j][d] - mean) ^ 2 / 39 end
        local right = MOVE[d] * observations[i][d] + PUSH[d] * actions[i][1] + 0.1 + (d == 1 and 1.0 or 0.0)
        wrong, spread = wrong + (mean - right) ^ 2 / 100, spread + squares / 100
      end
      assert.is_true(math.sqrt(wrong) < 0.5 * NOISE[d], ("mean of %d is off by %g"):format(d, math.sqrt(wrong)))
      near(NOISE[d], math.sqrt(spread), 0.15 * NOISE[d])
    end
  end)

  it("its loss is minus the log-likelihood of s'", function()
    local agent, rng = learner { hidden = {} }, core.rng(5)
    agent.state_scale = core.tensor { 0.5, 2.0, 1.0, 1.0, 4.0 }
    local batch, metrics = world(rng, 2, 6), {}
    local head, rows = plain.network(agent.dynamics), plain.rows(batch)
    local expected, scale = 0.0, agent.state_scale:totable()
    local softplus = plain.softplus
    for i = 3, 8 do
      local s, normalised = rows.observations[i], {}
      for d = 1, S do normalised[d] = s[d] / scale[d] end
      local out = head(normalised, rows.actions[i])
      for d = 1, S do
        local log_std = 2 - softplus(2 - out[S + d])
        log_std = -5 + softplus(log_std + 5)
        local z = ((rows.next_observations[i][d] - s[d]) / scale[d] - out[d]) / math.exp(log_std)
        expected = expected + (z ^ 2 / 2 + log_std + math.log(2 * math.pi) / 2) / 6
      end
    end
    agent:update_dynamics(batch, metrics)
    near(expected, metrics.dynamics_loss, 1e-5)
  end)

  it("finds a larger u where the simulator is wrong than where it is right", function()
    local agent, rng = learner { next_samples = 10, d_sa_lr = 3e-3, d_sas_lr = 3e-3 }, core.rng(5)
    local wrong_side = function(s) return s[2] > 0 and 1.5 or 0.0 end
    local drawn = {}
    for i = 1, 20 do drawn[i] = world(rng, 128, 128, wrong_side) end
    for i = 1, 300 do
      agent:update_discriminators(drawn[i % 20 + 1], {})
      agent:update_dynamics(drawn[i % 20 + 1], {})
      core.end_step()
    end
    local sim = tide.simulated(world(rng, 0, 400, wrong_side))
    local u, sums, counts = agent:gap(sim):totable(), { 0, 0 }, { 0, 0 }
    for i, s in ipairs(sim.observations:totable()) do
      local side = s[2] > 0 and 1 or 2
      sums[side], counts[side] = sums[side] + u[i], counts[side] + 1
    end
    assert.is_true(sums[1] / counts[1] > 4 * sums[2] / counts[2],
      ("%g where it is wrong, %g where it is right"):format(sums[1] / counts[1], sums[2] / counts[2]))
  end)

  it("u is of its draws, whatever s' was", function()
    local agent, rng = learner {}, core.rng(5)
    local sim = tide.simulated(world(rng, 0, 20))
    local state = agent.rng:state()
    local u = agent:gap(sim):totable()
    local other = { observations = sim.observations, actions = sim.actions,
                    next_observations = core.zeros(20, S):fill(9) }
    agent.rng:restore(state)
    assert.are.same(u, agent:gap(other):totable())
    agent.next_model = "noise"
    assert.are_not.same(u, agent:gap(sim):totable())
  end)

  it("is trained, saved and restored with the agent", function()
    local a = learner {}
    local before, rng = support.learned(a), core.rng(9)
    local metrics = support.train(a, rng, 3)
    assert.is_true(math.abs(metrics.dynamics_loss) < math.huge)
    assert.are_not.equal(before["dynamics.1.weight"], support.learned(a)["dynamics.1.weight"])
    local b = learner {}
    b:restore(a:state())
    local rng_b = core.rng(0):restore(rng:state())
    support.train(a, rng, 2)
    support.train(b, rng_b, 2)
    assert.are.same(support.learned(a), support.learned(b))
  end)

  it("off, there is no such network", function()
    local agent = build(tide.agents.h2o { hidden = { 4 } })
    assert.is_nil(agent.networks.dynamics)
    assert.is_nil(support.train(agent, core.rng(9), 1).dynamics_loss)
  end)
end)
