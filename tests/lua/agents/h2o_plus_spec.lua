--- Promises of H2O+: its losses and their gradients, its mixed target, and that it stays near the real optimum where
--- the simulator is wrong.
local core = require "tide.core"
local expect = require "support.expect"
local linear_quadratic = require "support.linear_quadratic"
local plain = require "support.plain"
local support = require "support.agents"
local tide = require "tide"

local build, near, refused = support.build, expect.near, expect.refused

--- An agent with small networks, whose weights are far enough from zero to tell things apart.
local function small_agent(given)
  given.hidden = { 6, 6 }
  local agent, rng = build(tide.agents.h2o_plus(given)), core.rng(7)
  for _, name in ipairs { "policy", "q1", "q2", "target_q1", "target_q2", "value", "d_sa", "d_sas" } do
    local net = agent.networks[name]
    for layer = 1, 3 do
      net:init_layer(layer, "orthogonal", 1.5, rng)
      net:bias(layer):copy(rng:uniform(-0.5, 0.5, #net:bias(layer))) -- none at a kink
    end
  end
  return agent
end

--- One update on 6 real and 4 simulated rows, two of them terminal, and what it was made of: networks as they were
--- before it in plain Lua, the target, and what the policy drew: { action, log_prob, noise } for the rows, then for
--- the next observations.
local function one_update(given)
  local o = { real_batch = 6, sim_batch = 4, discriminator_batch = 16, initial_alpha = 0.3, discount = 0.9 }
  for key, value in pairs(given) do o[key] = value end
  local agent, rng = small_agent(o), core.rng(9)
  local train = support.batch(rng, 6, 4)
  train.terminals:set(2, 1):set(8, 1)
  local seen = { agent = agent, draws = {} }
  for name, net in pairs(agent.networks) do seen[name] = plain.network(net) end
  local target, sample, noise = agent.target, agent.policy.sample, nil
  agent.policy.rng = { draw_normal = function(_, ...)
    local drawn = agent.rng:draw_normal(...)
    noise = drawn:totable()
    return drawn
  end }
  function agent.target(...)
    local y = target(...)
    seen.y = y:totable()
    return y
  end
  function agent.policy.sample(...)
    local action, log_prob = sample(...)
    table.insert(seen.draws, { action = action:totable(), log_prob = log_prob:totable(), noise = noise })
    return action, log_prob
  end
  seen.metrics = agent:update { train = train, discriminator = support.batch(rng, 16, 16) }
  seen.rows, seen.d_sas = plain.rows(train), plain.network(agent.d_sas) -- the discriminators moved first
  return seen
end

--- min_i Q'_i of a row.
local function target_q(seen, s, a)
  return math.min(seen.target_q1(s, a), seen.target_q2(s, a))
end

describe("h2o_plus", function()
  after_each(function() core.end_step() end)

  describe("its target", function()
    --- y of every row by the equation of soft actor-critic's (entropy_weight alpha), and by implicit Q-learning's.
    local function parts(seen, entropy_weight)
      local rows, soft, in_sample = seen.rows, {}, {}
      for i, r in ipairs(rows.rewards) do
        local next_s, future = rows.next_observations[i], 0.9 * (1 - rows.terminals[i])
        in_sample[i] = r + future * seen.value(next_s)
        local next_draw = seen.draws[2]
        if next_draw then
          soft[i] = r + future * (target_q(seen, next_s, next_draw.action[i]) - entropy_weight * next_draw.log_prob[i])
        end
      end
      return soft, in_sample
    end

    it("with lambda = 0 is soft actor-critic's", function()
      local seen = one_update { lambda = 0 }
      near(parts(seen, 0.3), seen.y, 1e-5)
    end)

    it("with lambda = 1 is implicit Q-learning's, and asks no policy", function()
      local seen = one_update { lambda = 1 }
      local _, in_sample = parts(seen, 0.3)
      near(in_sample, seen.y, 1e-5)
      assert.are.equal(1, #seen.draws) -- for its own loss
    end)

    it("between them is their mixture, of real and simulated rows alike", function()
      local seen = one_update { lambda = 0.1 }
      local soft, in_sample = parts(seen, 0.3)
      for i, y in ipairs(seen.y) do near(0.1 * in_sample[i] + 0.9 * soft[i], y, 1e-5) end
    end)

    it("entropy_backup = false: without - alpha ln pi", function()
      local seen = one_update { lambda = 0.1, entropy_backup = false }
      local soft, in_sample = parts(seen, 0.0)
      for i, y in ipairs(seen.y) do near(0.1 * in_sample[i] + 0.9 * soft[i], y, 1e-5) end
    end)
  end)

  it("V's loss is the expectile of min Q' over the real rows alone; its gradient is that loss's", function()
    for _, expectile in ipairs { 0.5, 0.9 } do
      local seen = one_update { expectile = expectile }
      local rows = seen.rows
      local function loss()
        return plain.mean(6, function(i)
          local s = rows.observations[i]
          local d = target_q(seen, s, rows.actions[i]) - seen.value(s)
          return math.abs(expectile - (d < 0 and 1 or 0)) * d ^ 2
        end)
      end
      near(loss(), seen.metrics.value_loss, 1e-5)
      plain.gradients_agree(seen.agent.value, seen.value, loss, "value")
    end
  end)

  for _, reweighted in ipairs { true, false } do
    it(("dynamics_ratio = %s: the critics' loss and gradient, simulated errors weighted by %s"):format(reweighted,
      reweighted and "the clipped ratio" or "1"), function()
      local seen = one_update { dynamics_ratio = reweighted, ratio_clip = { 10.0, 50.0 } }
      local rows, low, high = seen.rows, 0, 0
      for _, name in ipairs { "q1", "q2" } do
        local critic = seen[name]
        local function squared(i)
          return (critic(rows.observations[i], rows.actions[i]) - seen.y[i]) ^ 2
        end
        local function real_loss() return plain.mean(6, squared) end
        local function sim_loss()
          return plain.mean(4, function(k)
            local i = 6 + k
            local logits = seen.d_sas(rows.observations[i], rows.actions[i], rows.next_observations[i])
            local ratio = math.max(10.0, math.min(50.0, math.exp(logits[1] - logits[2])))
            low, high = low + (ratio == 10.0 and 1 or 0), high + (ratio == 50.0 and 1 or 0)
            return (reweighted and ratio or 1.0) * squared(i)
          end)
        end
        near(real_loss(), seen.metrics[name .. "_real_loss"], 1e-5)
        near(sim_loss(), seen.metrics[name .. "_sim_loss"], 1e-5)
        plain.gradients_agree(seen.agent[name], critic, function() return real_loss() + sim_loss() end, name)
      end
      assert.is_true(low > 0 and high > 0)
      assert.are.equal(reweighted, seen.metrics.dynamics_ratio ~= nil)
    end)
  end

  it("the policy's loss and gradient are soft actor-critic's over all rows, with alpha as it was", function()
    local seen = one_update {}
    local rows, draw = seen.rows, seen.draws[1]
    local noise, scalars = draw.noise, { 1.0, -1.0 } -- of log std, before the step
    local function loss()
      return plain.mean(10, function(i)
        local s, action, log_prob = rows.observations[i], {}, 0.0
        local head, dims = seen.policy(s), support.action_dim
        for j = 1, dims do
          local log_std = scalars[1] * head[dims + j] + scalars[2]
          action[j] = 1 - 2 / (math.exp(2 * (head[j] + math.exp(log_std) * noise[i][j])) + 1)
          log_prob = log_prob - noise[i][j] ^ 2 / 2 - log_std - math.log(2 * math.pi) / 2
                     - math.log(1 - action[j] ^ 2)
        end
        return 0.3 * log_prob - math.min(seen.q1(s, action), seen.q2(s, action))
      end)
    end
    near(loss(), seen.metrics.policy_loss, 1e-4)
    plain.gradients_agree(seen.agent.policy.net, seen.policy, loss, "policy")
    plain.vector_agrees(seen.agent.policy.scalars, scalars, loss, "scalars")
    -- Adam's first step of ln alpha is its whole rate, down the slope - (mean ln pi + target entropy)
    local excess = plain.mean(10, function(i) return draw.log_prob[i] end) - support.action_dim
    near(math.log(0.3) + 3e-4 * (excess > 0 and 1 or -1), seen.agent.log_alpha:item(), 1e-6)
  end)

  it("where the simulator pushes the other way it ends near the real optimum, by the ratio; SAC does not", function()
    local right = linear_quadratic.new()
    local turned = { { -right.B[1][1] }, { -right.B[2][1] } }
    local task = linear_quadratic.new { simulator = { B = turned }, noise = 0.1 }
    local function error_of(name, more)
      local given = { discount = task.discount, hidden = { 32, 32 }, policy_lr = 1e-3, critic_lr = 3e-3, tau = 0.02,
                      initial_alpha = 0.1, target_entropy = -2 }
      for key, value in pairs(more) do given[key] = value end
      return task:error(task:train(tide.agents[name](given), 700, "uniform"))
    end
    local function h2o_plus(more)
      for key, value in pairs { real_batch = 64, sim_batch = 64, discriminator_batch = 64, value_lr = 3e-3,
                                d_sa_lr = 3e-3, d_sas_lr = 3e-3 } do
        more[key] = value
      end
      return error_of("h2o_plus", more)
    end
    local sac, mixed, unweighted = error_of("sac", { batch = 128 }), h2o_plus {}, h2o_plus { dynamics_ratio = false }
    assert.is_true(sac > 1.5, ("SAC is off by %g of the best actions' size"):format(sac)) -- 2 is the other way
    assert.is_true(mixed < 0.5, ("H2O+ is off by %g"):format(mixed))
    assert.is_true(unweighted > 0.7, ("without the ratio it is off by %g"):format(unweighted))
  end)

  it("a batch without real or without simulated rows is refused", function()
    refused({ "h2o_plus: 0 real and 128 simulated rows", "some of each" }, build,
      tide.agents.h2o_plus { real_batch = 0 })
    refused("h2o_plus: 128 real and 0 simulated rows", build, tide.agents.h2o_plus { sim_batch = 0 })
  end)
end)
