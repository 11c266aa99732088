--- Promises of H2O: each of its switches does what its name says.
local core = require "tide.core"
local expect = require "support.expect"
local options = require "tide.options"
local plain = require "support.plain"
local support = require "support.agents"
local tide = require "tide"

local build = support.build
local near, refused = expect.near, expect.refused
local S = support.observation_dim
local SMALLEST = 2.0 ^ -149 -- the smallest positive float

local function clip(x, bounds)
  return math.max(bounds[1], math.min(bounds[2], x))
end

--- A choice's agent with small networks, whose weights are far enough from zero to tell things apart.
local function small_agent(given)
  given.hidden = { 6, 6 }
  local agent, rng = build(tide.agents.h2o(given)), core.rng(7)
  for _, name in ipairs { "policy", "q1", "q2", "target_q1", "target_q2", "d_sa", "d_sas" } do
    for layer = 1, 3 do agent.networks[name]:init_layer(layer, "orthogonal", 1.5, rng) end
  end
  return agent
end

--- ln P^/P by a discriminator: function(s, a, s').
local function log_gap(d_sas)
  local net = plain.network(d_sas)
  return function(...)
    local logits = net(...)
    return logits[2] - logits[1]
  end
end

--- One update and what it was made of. The next states of u are s' itself.
local function one_update(given)
  local o = { real_batch = 3, sim_batch = 5, discriminator_batch = 16, next_scale = 0.0, next_samples = 2,
              initial_alpha = 0.5 }
  for key, value in pairs(given) do o[key] = value end
  local agent, rng = small_agent(o), core.rng(9)
  local train = support.batch(rng, agent.real_batch, agent.sim_batch)
  train.terminals:set(2, 1)
  local seen = { agent = agent }
  for _, name in ipairs { "q1", "q2", "target_q1", "target_q2" } do seen[name] = plain.network(agent[name]) end
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
  seen.rows, seen.log_gap = plain.rows(train), log_gap(agent.d_sas) -- the discriminators moved first
  return seen
end

--- ln P^/P of each simulated row.
local function gaps_of(seen)
  local rows, gaps = seen.rows, {}
  for i = rows.n_real + 1, rows.n_real + rows.n_sim do
    gaps[#gaps + 1] = seen.log_gap(rows.observations[i], rows.actions[i], rows.next_observations[i])
  end
  return gaps
end

--- omega of the simulated rows, by its definition.
local function omega_of(seen, uniform)
  local omega, sum = {}, 0.0
  for i, gap in ipairs(gaps_of(seen)) do
    omega[i] = uniform and 1.0 or math.max(clip(gap, seen.agent.gap_clip), SMALLEST)
    sum = sum + omega[i]
  end
  for i, u in ipairs(omega) do omega[i] = u / sum end
  return omega
end

--- The losses of both critics, and the gradients that they were moved by, are those of the paper's equation as
--- these switches read it: beta, uniform, ratio (false: 1), linear.
local function assert_critics(seen, switches)
  local rows, agent = seen.rows, seen.agent
  local n_real, n_sim = rows.n_real, rows.n_sim
  local omega, gaps = omega_of(seen, switches.uniform), gaps_of(seen)
  for _, name in ipairs { "q1", "q2" } do
    local critic = seen[name]
    local function q(i) return critic(rows.observations[i], rows.actions[i]) end
    local function real_loss()
      return plain.mean(n_real, function(i) return (q(i) - seen.y[i]) ^ 2 end)
    end
    local function sim_loss()
      return plain.mean(n_sim, function(k)
        local ratio = switches.ratio == false and 1.0 or clip(math.exp(-gaps[k]), agent.ratio_clip)
        return ratio * (q(n_real + k) - seen.y[n_real + k]) ^ 2
      end)
    end
    local function regulariser()
      local sum = 0.0
      for k = 1, n_sim do sum = sum + omega[k] * (switches.linear and q(n_real + k) or math.exp(q(n_real + k))) end
      return clip((switches.linear and sum or math.log(sum)) - plain.mean(n_real, q), agent.regulariser_clip)
    end
    near(real_loss(), seen.metrics[name .. "_real_loss"], 1e-5)
    near(sim_loss(), seen.metrics[name .. "_sim_loss"], 1e-5)
    if switches.beta ~= 0 then near(regulariser(), seen.metrics[name .. "_gap"], 1e-5) end
    plain.gradients_agree(agent[name], critic, function()
      return real_loss() + sim_loss() + (switches.beta == 0 and 0 or switches.beta * regulariser())
    end, name)
  end
end

describe("h2o", function()
  after_each(function() core.end_step() end)

  describe("its critics' gradient is that of the paper's loss", function()
    it("as it is", function()
      assert_critics(one_update { beta = 0.5 }, { beta = 0.5 })
    end)

    it("with another beta, of which nothing else depends", function()
      local little, much = one_update { beta = 0.01 }, one_update { beta = 3.0 }
      assert_critics(little, { beta = 0.01 })
      assert_critics(much, { beta = 3.0 })
      assert.are.same(little.y, much.y)
      near(little.metrics.q1_gap, much.metrics.q1_gap)
    end)

    it("beta = 0: without the regulariser; no u is found, and everything trains", function()
      local seen = one_update { beta = 0 }
      assert_critics(seen, { beta = 0 })
      assert.is_nil(seen.metrics.u)
      assert.is_nil(seen.metrics.q1_gap)
      for name, optimiser in pairs(seen.agent.optimisers) do
        assert.are.equal(name == "alpha_prime" and 0 or 1, optimiser:steps(), name)
      end
    end)

    it("omega = \"uniform\": 1 / n in place of u / sum u; no u is found", function()
      local seen = one_update { beta = 0.5, omega = "uniform" }
      assert_critics(seen, { beta = 0.5, uniform = true })
      assert.is_nil(seen.metrics.u)
    end)

    it("dynamics_ratio = false: the simulated error unweighted", function()
      local seen = one_update { beta = 0.5, dynamics_ratio = false }
      assert_critics(seen, { beta = 0.5, ratio = false })
      assert.is_nil(seen.metrics.dynamics_ratio)
    end)

    it("regulariser = \"linear\": sum omega Q in place of the log-sum-exp", function()
      assert_critics(one_update { beta = 0.5, regulariser = "linear" }, { beta = 0.5, linear = true })
    end)

    it("both regulariser and omega changed", function()
      assert_critics(one_update { beta = 0.5, regulariser = "linear", omega = "uniform" },
        { beta = 0.5, linear = true, uniform = true })
    end)

    it("ratio_clip holds the ratio", function()
      local seen = one_update { beta = 0.5, ratio_clip = { 0.2, 0.45 } } -- some rows are below, one is above
      assert.are_not.equal(one_update({}).metrics.dynamics_ratio, seen.metrics.dynamics_ratio)
      assert_critics(seen, { beta = 0.5 })
    end)

    it("gap_clip holds u", function()
      local seen = one_update { beta = 0.5, gap_clip = { 0.8, 1.1 } } -- some rows are below, one is above
      assert.are_not.equal(one_update({}).metrics.u, seen.metrics.u)
      assert_critics(seen, { beta = 0.5 })
    end)

    it("regulariser_clip holds the regulariser, which has no gradient outside", function()
      local seen = one_update { beta = 0.5, regulariser_clip = { 5.0, 6.0 } }
      assert.are.equal(5.0, seen.metrics.q1_gap)
      assert_critics(seen, { beta = 0.5 })
    end)

    it("another real share: each mean is over the rows of its part", function()
      assert_critics(one_update { beta = 0.5, real_batch = 6, sim_batch = 2 }, { beta = 0.5 })
    end)

    it("lagrange: the regulariser weighs exp(z), and z rises while the regulariser is above its target", function()
      for _, target_gap in ipairs { -5.0, 5.0 } do
        local seen = one_update { beta = 0.5, lagrange = true, target_gap = target_gap }
        assert_critics(seen, { beta = 0.5 * math.exp(1) })
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
          local next_s, next_a = rows.next_observations[i], seen.action[i]
          local value = math.min(seen.target_q1(next_s, next_a), seen.target_q2(next_s, next_a))
          if backup then value = value - 0.4 * 0.5 * seen.log_prob[i] end
          near(rows.rewards[i] + 0.99 * (1 - rows.terminals[i]) * value, y, 1e-5)
        end
      end)
    end
  end)

  describe("its next states", function()
    --- An agent of these options, 64 simulated rows, and the next states that d_sas was shown for them.
    local function look(given)
      local agent = small_agent(given)
      agent.state_std = core.tensor { 0.5, 1.0, 1.5, 2.0, 2.5 }
      local batch = tide.simulated(support.batch(core.rng(3), 0, 64))
      local shown
      local d_sas = agent.d_sas
      agent.d_sas = function(s, a, next_s)
        shown = next_s:totable()
        return d_sas(s, a, next_s)
      end
      local u = agent:gap(batch):totable()
      return plain.rows(batch), shown, u, log_gap(d_sas)
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
      local agent = small_agent { discriminator_noise = noise }
      local batch, shown = support.batch(core.rng(3), 300, 300), {}
      local d_sa, d_sas = agent.d_sa, agent.d_sas
      local before, metrics = { sa = plain.network(d_sa), sas = plain.network(d_sas) }, {}
      agent.d_sas = function(s, a, next_s)
        shown = { observations = s:totable(), actions = a:totable(), next_observations = next_s:totable() }
        return d_sas(s, a, next_s)
      end
      agent:update_discriminators(batch, metrics)
      return plain.rows(batch), shown, before, metrics
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
        local sa, sas = net.sa(s, a), net.sas(s, a, next_s)
        local right, wrong = i <= 300 and 1 or 2, i <= 300 and 2 or 1
        local margin = sa[wrong] - sa[right]
        sa_loss = sa_loss + plain.softplus(margin) / 300
        margin = margin + sas[wrong] - sas[right]
        sas_loss = sas_loss + plain.softplus(margin) / 300
      end
      near(sa_loss, metrics.d_sa_loss, 1e-5)
      near(sas_loss, metrics.d_sas_loss, 1e-5)
    end)

    it("know which rows are real when the share of them changes", function()
      local logits = core.tensor { { 1, 0 }, { 0, 2 }, { 3, 0 } }
      local softplus = plain.softplus
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
    local section, count = page:match "\n### Ablations\n(.-)\n## ", 0
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
