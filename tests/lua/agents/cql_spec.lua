--- Promises of conservative Q-learning: its switches, its multiplier, and what it does to values far from the data.
local core = require "tide.core"
local linear_quadratic = require "support.linear_quadratic"
local support = require "support.agents"
local tide = require "tide"

local build, learned = support.build, support.learned

describe("cql", function()
  after_each(function() core.end_step() end)

  --- What an agent with these options learned in two updates, and the metrics of the last.
  local function trained(given)
    local options = { hidden = { 16, 16 }, batch = 32, samples = 4 }
    for key, value in pairs(given) do options[key] = value end
    local agent = build(tide.agents.cql(options))
    local metrics = support.train(agent, core.rng(9), 2)
    return learned(agent), metrics, agent
  end

  it("beta = 0 leaves the regulariser out", function()
    local numbers, metrics = trained { beta = 0 }
    assert.is_nil(metrics.q1_gap)
    assert.is_nil(metrics.q1_random)
    assert.are_not.equal(trained({})["q1.1.weight"], numbers["q1.1.weight"])
  end)

  for _, given in ipairs { { importance_sampling = false }, { entropy_backup = true }, { max_target_backup = true },
                           { lagrange = true }, { regulariser_temperature = 0.5 }, { samples = 3 }, { beta = 1.0 } } do
    local key, value = next(given)
    it(("%s = %s changes what is learned"):format(key, tostring(value)), function()
      assert.are_not.equal(trained({})["q1.1.weight"], trained(given)["q1.1.weight"])
    end)
  end

  describe("while it imitates", function()
    local function build_with(given)
      given.hidden, given.batch, given.samples = { 16, 16 }, 32, 4
      return build(tide.agents.cql(given))
    end

    it("the policy does not ask the critics, and does from then on", function()
      local a = build_with { imitation_updates = 2, beta = 0 }
      local b = build_with { imitation_updates = 2, beta = 0 }
      b.q1:init_layer(1, "xavier", 3, core.rng(5)) -- other values
      b.q2:init_layer(1, "xavier", 3, core.rng(6))
      local rng_a, rng_b = core.rng(9), core.rng(9)
      support.train(a, rng_a, 2)
      support.train(b, rng_b, 2)
      assert.are.equal(learned(a)["policy.1.weight"], learned(b)["policy.1.weight"])
      support.train(a, rng_a, 1)
      support.train(b, rng_b, 1)
      assert.are_not.equal(learned(a)["policy.1.weight"], learned(b)["policy.1.weight"])
    end)

    it("it raises the density of D's actions, and ends where that is highest", function()
      local agent = build_with { imitation_updates = 1000, policy_lr = 3e-3, initial_alpha = 1e-3, beta = 0 }
      local rng = core.rng(9)
      for _ = 1, 300 do -- every action of D is 0.4
        local drawn = support.batches(agent, rng)
        drawn.train.actions:fill(0.4)
        agent:update(drawn)
        core.end_step()
      end
      for _, x in ipairs(agent:act(rng:normal(support.observation_dim), "mean"):totable()) do
        assert.is_near(0.4, x, 0.1)
      end
    end)

    it("a resumed run goes on imitating for as long", function()
      local whole = build_with { imitation_updates = 3 }
      local rng = core.rng(9)
      support.train(whole, rng, 2)
      local resumed = build_with { imitation_updates = 3 }
      resumed:restore(whole:state())
      local rng_resumed = core.rng(0):restore(rng:state())
      support.train(whole, rng, 3)
      support.train(resumed, rng_resumed, 3)
      assert.are.same(learned(whole), learned(resumed))
    end)
  end)

  it("policy_hidden is of the policy alone", function()
    local _, _, agent = trained { policy_hidden = { 8, 8, 8 } }
    assert.are.same({ support.observation_dim, 8, 8, 8, 2 * support.action_dim }, agent.policy.net:sizes())
    assert.are.equal(16, agent.q1:sizes()[2])
  end)

  it("the entropy's backup adds - alpha ln pi(a'|s') to the target", function()
    local function first(given)
      given.hidden, given.initial_alpha = { 16, 16 }, 0.5
      return support.train(build(tide.agents.cql(given)), core.rng(9), 1)
    end
    local with, without = first { entropy_backup = true }, first {}
    -- a fresh policy has about the same density everywhere
    assert.is_near(-0.5 * without.log_prob, with.target - without.target, 0.1)
  end)

  it("the best of several next actions raises the target", function()
    local function target(given)
      given.hidden = { 16, 16 }
      local agent = build(tide.agents.cql(given))
      agent.target_q1:init_layer(3, "xavier", 10, core.rng(5)) -- values that differ from action to action
      agent.target_q2:init_layer(3, "xavier", 10, core.rng(5))
      return support.train(agent, core.rng(9), 1).target
    end
    assert.is_true(target { max_target_backup = true } > target {} + 0.3)
  end)

  it("the regulariser's loss is beta times the gap", function()
    local _, metrics = trained { beta = 3.0 }
    assert.is_near(3 * metrics.q1_gap, metrics.q1_penalty, 1e-5)
    assert.is_near(3 * metrics.q2_gap, metrics.q2_penalty, 1e-5)
  end)

  describe("with the Lagrange multiplier", function()
    it("raises it where the gap exceeds its target", function()
      local _, metrics, agent = trained { lagrange = true, target_gap = -10 }
      assert.is_true(metrics.q1_gap > -10)
      assert.is_true(agent.log_alpha_prime:item() > 1)
    end)

    it("lowers it where the gap is below", function()
      local _, metrics, agent = trained { lagrange = true, target_gap = 50 }
      assert.is_true(metrics.q1_gap < 50)
      assert.is_true(agent.log_alpha_prime:item() < 1)
    end)

    it("weighs what the gap has above its target by it", function()
      local _, metrics = trained { lagrange = true, target_gap = 0.5, beta = 3.0 }
      assert.is_near(metrics.alpha_prime * 3 * (metrics.q1_gap - 0.5), metrics.q1_penalty, 1e-4)
    end)
  end)

  describe("on the linear-quadratic task, from actions close to the best", function()
    local task = linear_quadratic.new { action_dim = 1 }

    --- Q of the best action less Q of one far from any in the data, a mean over states: learned, and the truth.
    local function contrast(agent)
      local got, right, grid = 0.0, 0.0, task:grid()
      for _, s in ipairs(grid) do
        local close = task:action(s)
        local far = { close[1] > 0 and close[1] - 0.8 or close[1] + 0.8 }
        local q = agent.q1(core.tensor { s, s }, core.tensor { close, far })
        got = got + (q:get(1) - q:get(2)) / #grid
        right = right + (task:q(s, close) - task:q(s, far)) / #grid
        core.end_step()
      end
      return got, right
    end

    local function offline(beta)
      return (task:train(tide.agents.cql { beta = beta, hidden = { 32, 32 }, batch = 64, samples = 4, discount = 0.9,
                                           policy_lr = 1e-3, critic_lr = 3e-3, target_entropy = -4 }, 600,
                         { noise = 0.15 }))
    end
    local with, without
    setup(function() with, without = offline(0.2), offline(0) end)

    it("holds values down far from the data, where the same critics without it are wrong about them", function()
      local held, right = contrast(with)
      assert.is_true(held > 2 * right)
      assert.is_true(contrast(without) < 0.5 * right)
    end)

    it("and so acts as it should, where without it the policy is led astray", function()
      assert.is_true(task:error(with) < 0.25)
      assert.is_true(task:error(without) > 0.6)
    end)
  end)
end)
