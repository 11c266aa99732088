--- Promises of H2O: each of its switches does what its name says. Networks without hidden layers are linear, so
--- that losses and their gradients can be found by hand, in plain Lua.
local by_hand = require "support.by_hand"
local core = require "tide.core"
local expect = require "support.expect"
local options = require "tide.options"
local support = require "support.agents"
local tide = require "tide"

local build = support.build
local near, refused = expect.near, expect.refused
local clip, join, linear, tanh, rows_of = by_hand.clip, by_hand.join, by_hand.linear, by_hand.tanh, by_hand.rows
local S = support.observation_dim
local SMALLEST = 2.0 ^ -149 -- the smallest positive float

--- ln P^/P by a discriminator whose two outputs are 2 tanh(.).
local function log_gap(d_sas)
  local net = linear(d_sas)
  return function(s, a, next_s)
    local logits = net(join(s, a, next_s))
    return 2 * tanh(logits[2]) - 2 * tanh(logits[1])
  end
end

--- A choice's agent with linear networks, whose weights are far enough from zero to tell things apart.
local function linear_agent(given)
  given.hidden = {}
  local agent, rng = build(tide.agents.h2o(given)), core.rng(7)
  for _, name in ipairs { "policy", "q1", "q2", "target_q1", "target_q2", "d_sa", "d_sas" } do
    agent.networks[name]:init_layer(1, "torch", 1.0, rng)
  end
  return agent
end

--- One update of a linear agent and what it was made of. The next states of u are s' itself.
local function one_update(given)
  local o = { real_batch = 3, sim_batch = 5, discriminator_batch = 16, next_scale = 0.0, next_samples = 2,
              initial_alpha = 0.5 }
  for key, value in pairs(given) do o[key] = value end
  local agent, rng = linear_agent(o), core.rng(9)
  local train = support.batch(rng, agent.real_batch, agent.sim_batch)
  train.terminals:set(2, 1)
  local seen = { q = { linear(agent.q1), linear(agent.q2) },
                 target_q = { linear(agent.target_q1), linear(agent.target_q2) } }
  local target, sample = agent.target, agent.policy.sample
  function agent.target(...)
    local y = target(...)
    seen.y = y:totable()
    return y
  end
  function agent.policy.sample(...)
    local action, log_prob = sample(...)
    seen.action, seen.log_prob = action:totable(), log_prob:totable() -- of the next observations: the last draw
    return action, log_prob
  end
  seen.metrics = agent:update { train = train, discriminator = support.batch(rng, 16, 16) }
  seen.rows, seen.agent, seen.log_gap = rows_of(train), agent, log_gap(agent.d_sas)
  seen.gradient = {}
  for i, net in ipairs { agent.q1, agent.q2 } do
    seen.gradient[i] = join(core.gradient_of(net, 1, "weight", true):totable()[1],
      core.gradient_of(net, 1, "bias", true):totable())
  end
  return seen
end

--- omega and its logarithm of the simulated rows, by the definition.
local function omega_of(seen, n_real, n)
  local rows, bounds = seen.rows, seen.agent.gap_clip
  local u, sum = {}, 0.0
  for i = n_real + 1, n do
    local gap = seen.log_gap(rows.observations[i], rows.actions[i], rows.next_observations[i])
    u[#u + 1] = math.max(clip(gap, bounds), SMALLEST)
    sum = sum + u[#u]
  end
  local omega = {}
  for i, x in ipairs(u) do omega[i] = x / sum end
  return omega
end

--- The gradient of L_Q for critic `which` from its definition, by weights and bias, and the regulariser's value.
local function gradient_by_hand(seen, which, switches)
  local rows, q, y = seen.rows, {}, seen.y
  local n, n_real = #rows.rewards, seen.agent.real_batch
  local n_sim = n - n_real
  for i = 1, n do q[i] = seen.q[which](join(rows.observations[i], rows.actions[i]))[1] end
  local slope = {} -- dL / dQ_i
  for i = 1, n do
    local ratio = 1.0
    if i > n_real and switches.ratio ~= false then
      local gap = seen.log_gap(rows.observations[i], rows.actions[i], rows.next_observations[i])
      ratio = clip(math.exp(-gap), seen.agent.ratio_clip)
    end
    slope[i] = 2 * ratio * (q[i] - y[i]) / (i <= n_real and n_real or n_sim)
  end
  local gap = 0.0
  if switches.beta ~= 0 then
    local omega, sum, share, mean = omega_of(seen, n_real, n), 0.0, {}, 0.0
    for i = 1, n_real do mean = mean + q[i] / n_real end
    for i = 1, n_sim do
      if switches.uniform then omega[i] = 1 / n_sim end
      sum = sum + (switches.linear and omega[i] * q[n_real + i] or omega[i] * math.exp(q[n_real + i]))
    end
    for i = 1, n_sim do share[i] = switches.linear and omega[i] or omega[i] * math.exp(q[n_real + i]) / sum end
    gap = (switches.linear and sum or math.log(sum)) - mean
    if clip(gap, seen.agent.regulariser_clip) == gap then
      for i = 1, n do
        slope[i] = slope[i] + switches.beta * (i <= n_real and -1 / n_real or share[i - n_real])
      end
    end
  end
  local gradient = {}
  for i = 1, n do
    for j, x in ipairs(join(rows.observations[i], rows.actions[i], { 1.0 })) do
      gradient[j] = (gradient[j] or 0.0) + slope[i] * x
    end
  end
  return gradient, gap
end

local function assert_gradients(seen, switches)
  for which = 1, 2 do
    local gradient, gap = gradient_by_hand(seen, which, switches)
    near(gradient, seen.gradient[which], 1e-4)
    if switches.beta ~= 0 then
      near(clip(gap, seen.agent.regulariser_clip), seen.metrics["q" .. which .. "_gap"], 1e-4)
    end
  end
end

describe("h2o", function()
  after_each(function() core.end_step() end)

  describe("its critics' gradient is that of the paper's loss", function()
    it("as it is", function()
      assert_gradients(one_update { beta = 0.5 }, { beta = 0.5 })
    end)

    it("with another beta, of which nothing else depends", function()
      local little, much = one_update { beta = 0.01 }, one_update { beta = 3.0 }
      assert_gradients(little, { beta = 0.01 })
      assert_gradients(much, { beta = 3.0 })
      assert.are.same(little.y, much.y)
      near(little.metrics.q1_gap, much.metrics.q1_gap)
    end)

    it("beta = 0: without the regulariser; no u is found, and everything trains", function()
      local seen = one_update { beta = 0 }
      assert_gradients(seen, { beta = 0 })
      assert.is_nil(seen.metrics.u)
      assert.is_nil(seen.metrics.q1_gap)
      for name, optimiser in pairs(seen.agent.optimisers) do
        assert.are.equal(name == "alpha_prime" and 0 or 1, optimiser:steps(), name)
      end
    end)

    it("omega = \"uniform\": 1 / n in place of u / sum u; no u is found", function()
      local seen = one_update { beta = 0.5, omega = "uniform" }
      assert_gradients(seen, { beta = 0.5, uniform = true })
      assert.is_nil(seen.metrics.u)
    end)

    it("dynamics_ratio = false: the simulated error unweighted", function()
      local seen = one_update { beta = 0.5, dynamics_ratio = false }
      assert_gradients(seen, { beta = 0.5, ratio = false })
      assert.is_nil(seen.metrics.dynamics_ratio)
    end)

    it("regulariser = \"linear\": sum omega Q in place of the log-sum-exp", function()
      assert_gradients(one_update { beta = 0.5, regulariser = "linear" }, { beta = 0.5, linear = true })
    end)

    it("both regulariser and omega changed", function()
      assert_gradients(one_update { beta = 0.5, regulariser = "linear", omega = "uniform" },
        { beta = 0.5, linear = true, uniform = true })
    end)

    it("ratio_clip holds the ratio", function()
      local seen = one_update { beta = 0.5, ratio_clip = { 0.2, 0.45 } } -- one row of the five is below, one above
      assert.are_not.equal(one_update({}).metrics.dynamics_ratio, seen.metrics.dynamics_ratio)
      assert_gradients(seen, { beta = 0.5 })
    end)

    it("gap_clip holds u", function()
      local seen = one_update { beta = 0.5, gap_clip = { 0.8, 1.1 } } -- one row of the five is below, one above
      assert.are_not.equal(one_update({}).metrics.u, seen.metrics.u)
      assert_gradients(seen, { beta = 0.5 })
    end)

    it("regulariser_clip holds the regulariser, which has no gradient outside", function()
      local seen = one_update { beta = 0.5, regulariser_clip = { 5.0, 6.0 } }
      assert.are.equal(5.0, seen.metrics.q1_gap)
      assert_gradients(seen, { beta = 0.5 })
    end)

    it("another real share: each mean is over the rows of its part", function()
      assert_gradients(one_update { beta = 0.5, real_batch = 6, sim_batch = 2 }, { beta = 0.5 })
    end)

    it("lagrange: the regulariser weighs exp(z), and z rises while the regulariser is above its target", function()
      for _, target_gap in ipairs { -5.0, 5.0 } do
        local seen = one_update { beta = 0.5, lagrange = true, target_gap = target_gap }
        assert_gradients(seen, { beta = 0.5 * math.exp(1) })
        near(math.exp(1) * 0.5 * (seen.metrics.q1_gap - target_gap), seen.metrics.q1_penalty, 1e-5)
        near(1.0 + (target_gap < 0 and 3e-4 or -3e-4), seen.agent.log_alpha_prime:item()) -- Adam's first step
      end
    end)
  end)

  describe("its target", function()
    for _, backup in ipairs { false, true } do
      it(("entropy_backup = %s: %s"):format(backup, backup and "with - alpha ln pi" or "min Q' alone"), function()
        local seen = one_update { entropy_backup = backup, alpha_multiplier = 0.4 }
        local rows = seen.rows
        for i, y in ipairs(seen.y) do
          local x = join(rows.next_observations[i], seen.action[i])
          local value = math.min(seen.target_q[1](x)[1], seen.target_q[2](x)[1])
          if backup then value = value - 0.4 * 0.5 * seen.log_prob[i] end
          near(rows.rewards[i] + 0.99 * (1 - rows.terminals[i]) * value, y, 1e-5)
        end
      end)
    end
  end)

  describe("its next states", function()
    --- An agent of these options, 64 simulated rows, and the next states that d_sas was shown for them.
    local function look(given)
      local agent = linear_agent(given)
      agent.state_std = core.tensor { 0.5, 1.0, 1.5, 2.0, 2.5 }
      local batch = tide.simulated(support.batch(core.rng(3), 0, 64))
      local shown
      local d_sas = agent.d_sas
      agent.d_sas = function(s, a, next_s)
        shown = next_s:totable()
        return d_sas(s, a, next_s)
      end
      local u = agent:gap(batch):totable()
      return rows_of(batch), shown, u, log_gap(d_sas)
    end

    it("are N for each row, of which u is the mean, clipped", function()
      for _, N in ipairs { 1, 7 } do
        local rows, shown, u, gap_of = look { next_samples = N, gap_clip = { -10, 10 } }
        assert.are.equal(64 * N, #shown)
        for i = 1, 64 do
          local sum = 0.0
          for j = 1, N do sum = sum + gap_of(rows.observations[i], rows.actions[i], shown[(i - 1) * N + j]) end
          near(sum / N, u[i], 1e-4)
        end
      end
    end)

    it("scatter by scale times sigma around s', in each dimension", function()
      for _, scale in ipairs { 0.5, 2.0 } do
        local rows, shown = look { next_samples = 50, next_scale = scale }
        for d = 1, S do
          local sum, squares = 0.0, 0.0
          for k, next_s in ipairs(shown) do
            local away = next_s[d] - rows.next_observations[(k - 1) // 50 + 1][d]
            sum, squares = sum + away, squares + away ^ 2
          end
          near(0.5 * d * scale, math.sqrt(squares / #shown), 0.06)
          near(0, sum / #shown / (0.5 * d * scale), 0.07)
        end
      end
    end)
  end)

  describe("its discriminators", function()
    --- What the discriminators are shown in an update, beside the batch.
    local function look(noise)
      local agent = linear_agent { discriminator_noise = noise }
      local batch, shown = support.batch(core.rng(3), 300, 300), {}
      local d_sa, d_sas = agent.d_sa, agent.d_sas
      local before, metrics = { sa = linear(d_sa), sas = linear(d_sas) }, {}
      agent.d_sas = function(s, a, next_s)
        shown = { observations = s:totable(), actions = a:totable(), next_observations = next_s:totable() }
        return d_sas(s, a, next_s)
      end
      agent:update_discriminators(batch, metrics)
      return rows_of(batch), shown, before, metrics
    end

    it("see s, a and s' with noise of this size", function()
      for _, noise in ipairs { 0.1, 1.0 } do
        local rows, shown = look(noise)
        for name, seen in pairs(shown) do
          local squares, n = 0.0, 0
          for i, row in ipairs(seen) do
            for j, x in ipairs(row) do squares, n = squares + (x - rows[name][i][j]) ^ 2, n + 1 end
          end
          near(noise, math.sqrt(squares / n), 0.08 * noise)
        end
      end
    end)

    it("discriminator_noise = 0: see the rows as they are; their losses are the cross-entropies", function()
      local rows, shown, net, metrics = look(0)
      for name, seen in pairs(shown) do assert.are.same(rows[name], seen) end
      local sa_loss, sas_loss = 0.0, 0.0
      for i = 1, 600 do
        local s, a, next_s = rows.observations[i], rows.actions[i], rows.next_observations[i]
        local sa, sas = net.sa(join(s, a)), net.sas(join(s, a, next_s))
        local right, wrong = i <= 300 and 1 or 2, i <= 300 and 2 or 1
        local margin = 2 * tanh(sa[wrong]) - 2 * tanh(sa[right])
        sa_loss = sa_loss + math.log(1 + math.exp(margin)) / 300
        margin = margin + 2 * tanh(sas[wrong]) - 2 * tanh(sas[right])
        sas_loss = sas_loss + math.log(1 + math.exp(margin)) / 300
      end
      near(sa_loss, metrics.d_sa_loss, 1e-5)
      near(sas_loss, metrics.d_sas_loss, 1e-5)
    end)

    it("know which rows are real when the share of them changes", function()
      local logits = core.tensor { { 1, 0 }, { 0, 2 }, { 3, 0 } }
      local softplus = by_hand.softplus
      near(softplus(-1) + (softplus(-2) + softplus(3)) / 2, tide.discriminators.tell_apart(logits, 1):item())
      near((softplus(-1) + softplus(2)) / 2 + softplus(3), tide.discriminators.tell_apart(logits, 2):item())
      near(softplus(-1) + (softplus(-2) + softplus(3)) / 2, tide.discriminators.tell_apart(logits, 1):item())
    end)
  end)

  describe("the real share of a batch", function()
    it("is what the two options say", function()
      local agent = build(tide.agents.h2o { real_batch = 64, sim_batch = 192 })
      assert.are.same({ real = 64, sim = 192 }, agent:batches().train)
    end)

    for missing, given in pairs { real = { real_batch = 0 }, sim = { sim_batch = 0 } } do
      it(("trains without %s rows and the regulariser, with finite numbers alone"):format(missing), function()
        given.hidden, given.beta = { 16, 16 }, 0
        local agent = build(tide.agents.h2o(given))
        local before = support.learned(agent)
        local metrics = support.train(agent, core.rng(9), 3)
        for name, value in pairs(metrics) do
          assert.is_true(value == value and math.abs(value) < math.huge, name)
        end
        assert.is_nil(metrics["q1_" .. missing .. "_loss"])
        assert.is_nil(metrics["target_" .. missing])
        for name, numbers in pairs(support.learned(agent)) do
          assert.is_nil(numbers:find "nan", name)
          if name ~= "log_alpha_prime" then assert.are_not.equal(before[name], numbers, name) end
        end
      end)

      it(("is refused without %s rows, which the regulariser compares the others with"):format(missing), function()
        given.beta = 0.01
        local rows = ("%d real and %d simulated rows"):format(given.real_batch or 128, given.sim_batch or 128)
        refused({ rows, "set beta to 0" }, build, tide.agents.h2o(given))
      end)
    end
  end)

  it("every ablation of docs/algorithms.md is one that --set takes, and trains", function()
    local page = assert(io.open("docs/algorithms.md")):read "a"
    local section, count = page:match "\n### Ablations\n(.-)\nLogged under", 0
    for line in section:gmatch "[^\n]+" do
      local tree, changed = { agent = options.copy(tide.agents.h2o.defaults) }, false
      local function set(assignment)
        options.set(tree, assignment, "--set")
        changed = true
      end
      for assignment in line:gmatch "%-%-set (agent[^%s`]+)" do set(assignment) end
      for assignment in line:gmatch '%-%-set "([^"]+)"' do set(assignment) end
      if changed then
        count = count + 1
        assert.are_not.same(tide.agents.h2o.defaults, tree.agent, line)
        tree.agent.hidden = { 8 }
        for name, value in pairs(support.train(build(tide.agents.h2o(tree.agent)), core.rng(9), 1)) do
          assert.is_true(value == value and math.abs(value) < math.huge, line .. name)
        end
      end
    end
    assert.is_true(count >= 16, count)
  end)

  it("words that no switch knows are refused with those there are", function()
    refused("h2o.omega: unknown 'unifrom'; nearest: uniform", build, tide.agents.h2o { omega = "unifrom" })
    refused("h2o.regulariser: unknown 'max'", build, tide.agents.h2o { regulariser = "max" })
    refused("h2o.next_model: unknown 'learnt'; nearest: learned", build, tide.agents.h2o { next_model = "learnt" })
    refused("h2o.sigma: unknown 'false'", build, tide.agents.h2o { sigma = false })
  end)
end)
