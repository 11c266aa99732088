--- Promises of behaviour cloning.
local core = require "tide.core"
local expect = require "support.expect"
local linear_quadratic = require "support.linear_quadratic"
local plain = require "support.plain"
local support = require "support.agents"
local tide = require "tide"

local S, A = support.observation_dim, support.action_dim
local MEAN, STD = { 0.1, -0.2, 0.3, 0.0, 0.5 }, { 0.5, 1.5, 1.0, 0.0, 2.0 }

local function build(given)
  given.hidden = { 8, 8 }
  return tide.agents.bc(given):build {
    observation_dim = S, action_dim = A, rng = core.rng(1),
    state_mean = function() return core.tensor(MEAN) end, state_std = function() return core.tensor(STD) end,
  }
end

--- Observations as the network takes them: the standard deviation is 1e-3 larger.
local function normalised(s)
  local std = {}
  for i, x in ipairs(STD) do std[i] = x + 1e-3 end
  return plain.normalise(s, MEAN, std)
end

describe("bc", function()
  after_each(function() core.end_step() end)

  local function batch(n)
    local drawn = support.batch(core.rng(5), n, 0)
    for i = 1, n do drawn.observations:set(i, 4, 1e-3 * drawn.observations:get(i, 4)) end -- it hardly moves
    return drawn, drawn.observations:totable(), drawn.actions:totable()
  end

  it("its loss and gradients are those of the mean squared error", function()
    local agent = build {}
    local drawn, s, a = batch(16)
    local copy = plain.network(agent.policy.net)
    local function loss()
      return plain.mean(16, function(i)
        local action = copy(normalised(s[i]))
        return plain.mean(A, function(j) return (action[j] - a[i][j]) ^ 2 end)
      end)
    end
    expect.near(loss(), agent:update({ train = drawn }).policy_loss, 1e-5)
    plain.gradients_agree(agent.policy.net, copy, loss, "policy")
  end)

  it("its loss and gradients are those of the likelihood of a tanh-Gaussian with loss = log_prob", function()
    local agent = build { loss = "log_prob", normalise = false }
    local drawn, s, a = batch(16)
    local copy = plain.network(agent.policy.net)
    local function loss()
      return -plain.mean(16, function(i)
        local head, sum = copy(s[i]), 0.0
        for j, action in ipairs(a[i]) do
          local log_std = math.max(-20, math.min(2, head[A + j]))
          local x = 0.5 * math.log((1 + action) / (1 - action))
          sum = sum - 0.5 * ((x - head[j]) / math.exp(log_std)) ^ 2 - log_std - 0.5 * math.log(2 * math.pi)
                - math.log(1 - action ^ 2)
        end
        return sum
      end)
    end
    expect.near(loss(), agent:update({ train = drawn }).policy_loss, 1e-5)
    plain.gradients_agree(agent.policy.net, copy, loss, "policy")
  end)

  it("a loss that it has not is refused", function()
    expect.refused({ 'bc: loss: "mse" or "log_prob", not "mae"' }, build, { loss = "mae" })
  end)

  for _, given in ipairs { { loss = "mse" }, { loss = "log_prob" }, { normalise = false } } do
    local key, value = next(given)
    it(("recovers who acted, not the best actions, with %s = %s"):format(key, tostring(value)), function()
      local task = linear_quadratic.new { action_dim = 2 }
      local gain = { { -0.3, 0.2, 0.1 }, { 0.2, 0.0, -0.4 } }
      given.hidden, given.policy_lr, given.batch = { 32, 32 }, 3e-3, 128
      local agent = task:train(tide.agents.bc(given), 1500, { gain = gain, noise = 0.1 })
      local wrong = task:error(agent, gain)
      assert.is_true(wrong < 0.1, ("%g off"):format(wrong))
      assert.is_true(task:error(agent) > 1)
    end)
  end
end)
