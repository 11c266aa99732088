--- Promises of TD3+BC.
local core = require "tide.core"
local expect = require "support.expect"
local linear_quadratic = require "support.linear_quadratic"
local plain = require "support.plain"
local support = require "support.agents"
local tide = require "tide"

local S, A, N = support.observation_dim, support.action_dim, 16
local MEAN, STD = { 0.1, -0.2, 0.3, 0.0, 0.5 }, { 0.5, 1.5, 1.0, 0.25, 2.0 }

local function build(given, seed)
  given.hidden = { 8, 8 }
  return tide.agents.td3_bc(given):build {
    observation_dim = S, action_dim = A, rng = core.rng(seed or 1),
    state_mean = function() return core.tensor(MEAN) end, state_std = function() return core.tensor(STD) end,
  }
end

local function normalised(s)
  local std = {}
  for i, x in ipairs(STD) do std[i] = x + 1e-3 end
  return plain.normalise(s, MEAN, std)
end

--- A batch and its rows as tables, two of them terminal.
local function draw(seed)
  local batch = support.batch(core.rng(seed), N, 0)
  batch.terminals:set(3, 1):set(7, 1)
  local rows = {}
  for name, t in pairs(batch) do rows[name] = type(t) == "number" and t or t:totable() end
  for _, name in ipairs { "observations", "next_observations" } do
    for i = 1, N do rows[name][i] = normalised(rows[name][i]) end
  end
  return { train = batch }, rows
end

local function clip(x, bound)
  return math.max(-bound, math.min(bound, x))
end

local function weights(net)
  local numbers = plain.network(net)
  core.end_step()
  return { numbers[1].weight, numbers[3].weight, numbers[2].bias }
end

describe("td3_bc", function()
  after_each(function() core.end_step() end)

  it("its losses and gradients are those of the paper", function()
    local agent = build { policy_delay = 1, target_noise = 0.4, discount = 0.9, alpha = 2.0 }
    -- targets that are no copies, so that which is used where shows
    for i, name in ipairs { "target_policy", "target_q1", "target_q2" } do
      local net = agent.networks[name]
      for layer = 1, 3 do net:init_layer(layer, "torch", 1.0, core.rng(20 + i)) end
    end
    agent.q1:bias(3):fill(-0.08) -- some values are above 0, some below
    local nets = {}
    for name, net in pairs(agent.networks) do nets[name] = plain.network(net) end
    local noise = core.rng(0):restore(agent.rng:state()):normal(N, A):totable()
    local batches, rows = draw(5)
    local metrics = agent:update(batches)

    local y, clipped = {}, 0
    for i = 1, N do
      local s = rows.next_observations[i]
      local a = nets.target_policy(s)
      for j = 1, A do
        if math.abs(0.4 * noise[i][j]) > 0.5 then clipped = clipped + 1 end
        a[j] = clip(a[j] + clip(0.4 * noise[i][j], 0.5), 1)
      end
      y[i] = rows.rewards[i] + 0.9 * (1 - rows.terminals[i]) * math.min(nets.target_q1(s, a), nets.target_q2(s, a))
    end
    assert.is_true(clipped > 0)
    for _, name in ipairs { "q1", "q2" } do
      local function loss()
        return plain.mean(N, function(i) return (nets[name](rows.observations[i], rows.actions[i]) - y[i]) ^ 2 end)
      end
      expect.near(loss(), metrics[name .. "_loss"], 1e-5)
      plain.gradients_agree(agent.networks[name], nets[name], loss, name)
    end

    -- the policy's loss sees the critic after its step
    local q1, policy = plain.network(agent.q1), nets.policy
    local function q_of_policy(i)
      return q1(rows.observations[i], policy(rows.observations[i]))
    end
    local above = plain.mean(N, function(i) return q_of_policy(i) > 0 and 1 or 0 end)
    assert.is_true(above > 0.2 and above < 0.8, above)
    local lambda = 2.0 / plain.mean(N, function(i) return math.abs(q_of_policy(i)) end)
    local function loss()
      return -lambda * plain.mean(N, q_of_policy) + plain.mean(N, function(i)
        local action = policy(rows.observations[i])
        return plain.mean(A, function(j) return (action[j] - rows.actions[i][j]) ^ 2 end)
      end)
    end
    expect.near(lambda, metrics.lambda, 1e-5)
    expect.near(loss(), metrics.policy_loss, 1e-5)
    plain.gradients_agree(agent.policy.net, policy, loss, "policy")
  end)

  it("policy and targets move at every second update, the critics at each", function()
    local agent = build {}
    local function noted()
      return { policy = weights(agent.policy.net), q1 = weights(agent.q1), target_policy = weights(agent.target_policy),
               target_q1 = weights(agent.target_q1), target_q2 = weights(agent.target_q2) }
    end
    local before = noted()
    for i = 1, 4 do
      local metrics = agent:update((draw(i)))
      local after = noted()
      for name, numbers in pairs(after) do
        local moves = name == "q1" or i % 2 == 0
        if moves then
          assert.are_not.same(before[name], numbers, name)
        else
          assert.are.same(before[name], numbers, name)
        end
      end
      assert.are.equal(i % 2 == 0, metrics.policy_loss ~= nil)
      before = after
    end
  end)

  it("one restored between two steps of the policy continues as the other would have", function()
    for updates = 1, 2 do
      local a, b = build {}, build({}, 77)
      for i = 1, updates do a:update((draw(i))) end
      core.end_step()
      b:restore(a:state())
      a:update((draw(9)))
      b:update((draw(9)))
      core.end_step()
      assert.are.same(support.learned(a), support.learned(b))
    end
  end)

  it("acts on observations as they come: the normalisation is its own, and saved with the policy", function()
    local agent = build {}
    local s = core.rng(3):normal(S)
    local wanted = plain.network(agent.policy.net)(normalised(s:totable()))
    expect.near(wanted, agent:act(s, "mean"):totable(), 1e-5)
    expect.near(STD, agent.policy:export().normaliser.std:totable(), 2e-3)
    assert.is_nil(build({ normalise = false }).policy:export().normaliser)
  end)

  it("imitates with little alpha, and finds better actions with more", function()
    local task = linear_quadratic.new { noise = 0.1 }
    local gain = { { -0.1, 0.1 } } -- it pushes the wrong way
    local behaviour = { gain = gain, noise = 0.4 }
    local function trained(alpha)
      return task:train(tide.agents.td3_bc { alpha = alpha, discount = task.discount, hidden = { 32, 32 }, batch = 128,
        policy_lr = 1e-3, critic_lr = 3e-3, tau = 0.02 }, 3000, behaviour)
    end
    local imitating, between, improving = trained(0.0), trained(2.5), trained(40.0)
    local wrong = task:error(imitating, gain)
    assert.is_true(wrong < 0.08, ("%g off who acted"):format(wrong))
    assert.is_true(task:error(imitating) > 0.8)
    assert.is_true(task:error(between) < 0.5)
    wrong = task:error(improving)
    assert.is_true(wrong < 0.25, ("%g of the best actions' size"):format(wrong))
  end)
end)
