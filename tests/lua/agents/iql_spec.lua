--- Promises of implicit Q-learning.
local core = require "tide.core"
local expect = require "support.expect"
local linear_quadratic = require "support.linear_quadratic"
local plain = require "support.plain"
local support = require "support.agents"
local tide = require "tide"

local A, N = support.action_dim, 16

local function build(given, seed)
  given.hidden = { 8, 8 }
  return support.build(tide.agents.iql(given), seed)
end

--- A batch and its rows as tables, two of them terminal.
local function draw(seed)
  local batch = support.batch(core.rng(seed), N, 0)
  batch.terminals:set(3, 1):set(7, 1)
  local rows = {}
  for name, t in pairs(batch) do rows[name] = type(t) == "number" and t or t:totable() end
  return { train = batch }, rows
end

describe("iql", function()
  after_each(function() core.end_step() end)

  it("its losses and gradients are those of the paper, each with the V of its place in the order", function()
    local agent = build { expectile = 0.8, beta = 4.0, weight_clip = 3.0, reward_scale = 0.5, discount = 0.9,
                          value_lr = 1e-2, schedule_steps = false }
    for i, name in ipairs { "target_q1", "target_q2" } do -- no copies, so that which is used where shows
      for layer = 1, 3 do agent.networks[name]:init_layer(layer, "torch", 1.0, core.rng(20 + i)) end
    end
    agent.policy.log_std:copy { -0.3, 0.4 }
    local nets, log_std = {}, agent.policy.log_std:totable()
    for name, net in pairs(agent.networks) do nets[name] = plain.network(net) end
    local batches, rows = draw(5)
    local metrics = agent:update(batches)

    local q = {}
    for i = 1, N do
      q[i] = math.min(nets.target_q1(rows.observations[i], rows.actions[i]),
                      nets.target_q2(rows.observations[i], rows.actions[i]))
    end
    local function value_loss()
      return plain.mean(N, function(i)
        local d = q[i] - nets.value(rows.observations[i])
        return math.abs(0.8 - (d < 0 and 1 or 0)) * d ^ 2
      end)
    end
    expect.near(value_loss(), metrics.value_loss, 1e-5)
    plain.gradients_agree(agent.value, nets.value, value_loss, "value")

    local value, weight, clipped = plain.network(agent.value), {}, 0 -- after its step
    for i = 1, N do
      weight[i] = math.min(math.exp(4.0 * (q[i] - value(rows.observations[i]))), 3.0)
      if weight[i] == 3.0 then clipped = clipped + 1 end
    end
    assert.is_true(clipped > 0 and clipped < N)
    local function policy_loss()
      return -plain.mean(N, function(i)
        local mean, sum = nets.policy(rows.observations[i]), 0.0
        for j = 1, A do
          sum = sum - 0.5 * ((rows.actions[i][j] - mean[j]) / math.exp(log_std[j])) ^ 2 - log_std[j]
                - 0.5 * math.log(2 * math.pi)
        end
        return weight[i] * sum
      end)
    end
    expect.near(policy_loss(), metrics.policy_loss, 1e-5)
    plain.gradients_agree(agent.policy.net, nets.policy, policy_loss, "policy")
    plain.vector_agrees(agent.policy.log_std, log_std, policy_loss, "log_std")

    for _, name in ipairs { "q1", "q2" } do
      local function loss()
        return plain.mean(N, function(i)
          local y = 0.5 * rows.rewards[i] + 0.9 * (1 - rows.terminals[i]) * value(rows.next_observations[i])
          return (nets[name](rows.observations[i], rows.actions[i]) - y) ^ 2
        end)
      end
      expect.near(loss(), metrics[name .. "_loss"], 1e-5)
      plain.gradients_agree(agent.networks[name], nets[name], loss, name)
    end
  end)

  it("the policy's rate falls along a cosine to 0, where the policy stands still", function()
    local agent, told = build { schedule_steps = 4, policy_lr = 0.1 }, {}
    local policy
    for i = 1, 6 do
      if i == 5 then policy = plain.network(agent.policy.net) end
      told[i] = agent:update((draw(i))).policy_lr
      core.end_step()
      if told[i] > 0 then assert.are.equal(told[i], agent.optimisers.policy:lr()) end
    end
    local half = math.sqrt(0.5)
    expect.near({ 0.1, 0.05 * (1 + half), 0.05, 0.05 * (1 - half), 0, 0 }, told)
    assert.are.same(policy, plain.network(agent.policy.net))
    local constant = build { schedule_steps = false, policy_lr = 0.1 }
    for i = 1, 3 do assert.are.equal(0.1, constant:update((draw(i))).policy_lr) end
  end)

  it("one restored within the schedule continues as the other would have, its rate too", function()
    local a, b = build { schedule_steps = 5 }, build({ schedule_steps = 5 }, 77)
    for i = 1, 2 do a:update((draw(i))) end
    core.end_step()
    b:restore(a:state())
    for i = 3, 6 do
      assert.are.equal(a:update((draw(i))).policy_lr, b:update((draw(i))).policy_lr)
      core.end_step()
    end
    assert.are.same(support.learned(a), support.learned(b))
  end)

  it("scales rewards so that the returns of the dataset's episodes span 1000", function()
    local function scale(given, low, high)
      return given:build({ observation_dim = 2, action_dim = 1, rng = core.rng(1),
                           return_range = function() return low, high end }).reward_scale
    end
    assert.are.equal(0.25, scale(tide.agents.iql {}, -1000, 3000))
    assert.are.equal(2.0, scale(tide.agents.iql { reward_scale = 2.0 }, nil, nil))
    for _, range in ipairs { {}, { 5, 5 } } do
      expect.refused({ "iql: reward_scale", "two ended episodes" }, scale, tide.agents.iql {}, range[1], range[2])
    end
  end)

  describe("on the linear-quadratic task", function()
    local task = linear_quadratic.new { noise = 0.1 }
    local gain, noise = { { -0.1, 0.1 } }, 0.4 -- it pushes the wrong way
    local function trained(expectile, beta)
      local choice = tide.agents.iql { expectile = expectile, beta = beta, discount = task.discount, tau = 0.02,
        policy_lr = 1e-3, critic_lr = 3e-3, value_lr = 3e-3, hidden = { 32, 32 }, batch = 128, schedule_steps = 3000 }
      return task:train(choice, 3000, { gain = gain, noise = noise })
    end

    it("clones without an advantage; the expectile 0.5 then values who acted", function()
      local agent = trained(0.5, 0.0)
      local wrong = task:error(agent, gain)
      assert.is_true(wrong < 0.08, ("%g off who acted"):format(wrong))
      wrong = task:critic_error(agent.q1, gain, noise)
      assert.is_true(wrong < 0.15, ("%g of the spread of Q"):format(wrong))
      assert.is_true(task:critic_error(agent.q1) > 0.4)
    end)

    it("ends nearer to the best actions than who acted, and nearer with a higher expectile", function()
      local mean, upper = task:error(trained(0.5, 30.0)), task:error(trained(0.9, 30.0))
      assert.is_true(mean < 0.5, ("%g of the best actions' size"):format(mean))
      assert.is_true(upper < 0.18, ("%g of the best actions' size"):format(upper))
      assert.is_true(upper < 0.7 * mean)
    end)
  end)
end)
