local core = require "tide.core"
local tide = require "tide"

local S, A = 5, 2

local function build(choice, seed)
  return choice:build {
    observation_dim = S, action_dim = A, rng = core.rng(seed or 1),
    state_std = function() return tide.tensor { 1, 1, 1, 1, 1 } end,
  }
end

local function batch(rng, n_real, n_sim)
  local n = n_real + n_sim
  return {
    observations = rng:normal(n, S), actions = rng:uniform(-1, 1, n, A), rewards = rng:normal(n),
    next_observations = rng:normal(n, S), terminals = core.zeros(n), n_real = n_real, n_sim = n_sim,
  }
end

local function batches(agent, rng)
  local drawn = {}
  for name, rows in pairs(agent:batches()) do drawn[name] = batch(rng, rows.real, rows.sim) end
  return drawn
end

local small = { hidden = { 16, 16 } }

describe("agents", function()
  after_each(function() core.end_step() end)

  for _, name in ipairs { "sac", "h2o" } do
    describe(name, function()
      it("two of one seed train to the same bits", function()
        local a, b = build(tide.agents[name](small)), build(tide.agents[name](small))
        local rng_a, rng_b = core.rng(9), core.rng(9)
        for _ = 1, 3 do
          a:update(batches(a, rng_a))
          b:update(batches(b, rng_b))
          core.end_step()
        end
        assert.are.same(a.policy.net:weight(1):totable(), b.policy.net:weight(1):totable())
        assert.are.same(a.q1:weight(2):totable(), b.q1:weight(2):totable())
      end)

      it("trains to the same bits with any number of threads", function()
        local trained = {}
        for _, threads in ipairs { 1, 2 } do
          core.threads(threads)
          local agent, rng, weights = build(tide.agents[name] {}), core.rng(9), {}
          for _ = 1, 2 do
            agent:update(batches(agent, rng))
            core.end_step()
          end
          for key, net in pairs(agent.networks) do
            for layer = 1, #net:sizes() - 1 do
              local weight = net:weight(layer)
              weights[key .. layer] = table.concat(weight:reshape(weight.shape[1] * weight.shape[2]):totable(), " ")
              weights[key .. layer .. "bias"] = table.concat(net:bias(layer):totable(), " ")
            end
          end
          core.end_step()
          trained[#trained + 1] = weights
        end
        core.threads(1)
        assert.are.same(trained[1], trained[2])
      end)

      it("a restored one continues as the other would have", function()
        local a, rng = build(tide.agents[name](small)), core.rng(9)
        a:update(batches(a, rng))
        core.end_step()
        local saved = a:state()
        local b = build(tide.agents[name](small), 77)
        b:restore(saved)
        local rng_b = core.rng(0):restore(rng:state())
        for _ = 1, 2 do
          a:update(batches(a, rng))
          core.end_step()
          b:update(batches(b, rng_b))
          core.end_step()
        end
        for key, net in pairs(a.networks) do
          assert.are.same(net:weight(2):totable(), b.networks[key]:weight(2):totable(), key)
        end
        assert.are.equal(a.log_alpha:item(), b.log_alpha:item())
      end)

      it("an update allocates nothing once warm", function()
        local a, rng = build(tide.agents[name](small)), core.rng(9)
        local drawn = batches(a, rng)
        for _ = 1, 3 do
          a:update(drawn)
          core.end_step()
        end
        local before = core.allocated_total()
        for _ = 1, 5 do
          a:update(drawn)
          core.end_step()
        end
        assert.are.equal(before, core.allocated_total())
      end)

      it("unknown hyper-parameters are refused", function()
        assert.has_error(function() tide.agents[name] { tauu = 1 } end, name .. ": unknown 'tauu'; nearest: tau")
      end)

      it("acts within the bounds, the same without exploration", function()
        local a, observation = build(tide.agents[name](small)), core.rng(4):normal(S)
        local first = a:act(observation, "mean"):totable()
        assert.are.same(first, a:act(observation, "mean"):totable())
        assert.are_not.same(a:act(observation, "sample"):totable(), a:act(observation, "sample"):totable())
        for _, x in ipairs(first) do assert.is_true(x > -1 and x < 1) end
      end)
    end)
  end

  it("an unknown agent is refused with the nearest name", function()
    assert.has_error(function() return tide.agents.h20 end, "tide.agents: unknown 'h20'; nearest: h2o")
  end)

  it("h2o's discriminators know which rows are real when the share of them changes", function()
    local agent, rng = build(tide.agents.h2o(small)), core.rng(9)
    local logits = rng:normal(6, 2)
    local first, second = agent:classify(logits, 2):item(), agent:classify(logits, 4):item()
    core.end_step()
    assert.are.equal(second, build(tide.agents.h2o(small)):classify(logits, 4):item())
    assert.are_not.equal(first, second)
  end)

  describe("h2o's switches", function()
    --- Weights of q1 after two updates with these options.
    local function trained(given)
      for key, value in pairs(small) do given[key] = value end
      local agent, rng = build(tide.agents.h2o(given)), core.rng(9)
      local metrics
      for _ = 1, 2 do
        metrics = agent:update(batches(agent, rng))
        core.end_step()
      end
      return agent.q1:weight(1):totable(), metrics
    end

    it("beta = 0 trains without the regulariser and computes no u", function()
      local weights, metrics = trained { beta = 0 }
      assert.is_nil(metrics.u)
      assert.is_nil(metrics.q1_gap)
      assert.are_not.same(trained { beta = 1.0 }, weights)
    end)

    it("the ratio lowers the simulated loss, which without it is the plain one", function()
      local _, with = trained {}
      local _, without = trained { dynamics_ratio = false }
      assert.is_nil(without.dynamics_ratio)
      assert.is_true(with.q1_sim_loss <= without.q1_sim_loss)
    end)

    for _, given in ipairs { { omega = "uniform" }, { regulariser = "linear" }, { entropy_backup = true },
                             { lagrange = true }, { dynamics_ratio = false }, { next_samples = 3 } } do
      local key, value = next(given)
      it(("%s = %s changes what is learned"):format(key, tostring(value)), function()
        given.beta = 1.0
        assert.are_not.same(trained { beta = 1.0 }, trained(given))
      end)
    end
  end)

  it("SAC solves a one-step task: the action of the highest reward", function()
    -- r(s, a) = -|a - 0.5|^2, terminal: Q is r, and the policy's mean goes to 0.5
    local agent = build(tide.agents.sac { hidden = { 32, 32 }, batch = 128, policy_lr = 3e-3, critic_lr = 3e-3,
                                          alpha_lr = 3e-2, target_entropy = -6 })
    local rng = core.rng(5)
    for _ = 1, 800 do
      local b = batch(rng, 0, 128)
      local distance = (b.actions - 0.5):square():sum(2)
      b.rewards = (-1 * distance):clone()
      b.terminals:fill(1)
      agent:update { train = b }
      core.end_step()
    end
    local action = agent:act(rng:normal(S), "mean"):totable()
    for _, x in ipairs(action) do assert.is_near(0.5, x, 0.1) end
  end)
end)
