local core = require "tide.core"
local tide = require "tide"
local expect = require "support.expect"
local linear_quadratic = require "support.linear_quadratic"

describe("the linear-quadratic task", function()
  after_each(function() core.end_step() end)

  local function changed(gain, i, j, by)
    local other = {}
    for k, row in ipairs(gain) do other[k] = { table.unpack(row) } end
    other[i][j] = other[i][j] + by
    return other
  end

  for _, action_dim in ipairs { 1, 2 } do
    describe(("with %d actions"):format(action_dim), function()
      local task = linear_quadratic.new { action_dim = action_dim, noise = 0.1 }
      local rng = core.rng(11)
      local function draw(n)
        return rng:uniform(-1, 1, n):totable()
      end

      it("its solution satisfies Bellman's equation: V* is the largest Q*, at the best action", function()
        for _ = 1, 20 do
          local s = draw(task.observation_dim)
          local best = task:action(s)
          expect.near(task:value(s), task:q(s, best), 1e-10)
          for i = 1, action_dim do
            for _, by in ipairs { -0.1, 0.1 } do
              local a = { table.unpack(best) }
              a[i] = a[i] + by
              assert.is_true(task:q(s, a) < task:value(s))
            end
          end
        end
      end)

      it("the value of the best gain, found as any gain's is, is V*; every other gain's is lower", function()
        expect.near(task.P, (task:policy(task.gain)), 1e-10)
        for i, row in ipairs(task.gain) do
          for j = 1, #row do
            for _, by in ipairs { -0.05, 0.05 } do
              local other, s = changed(task.gain, i, j, by), draw(task.observation_dim)
              assert.is_true(task:value(s, other) < task:value(s))
              expect.near(task:value(s, other), task:q(s, task:action(s, other), other), 1e-10)
            end
          end
        end
      end)

      it("the discounted sum of rewards along a path is V, noise of actions and states included", function()
        local gain, action_noise = changed(task.gain, 1, 1, -0.2), 0.3
        local start = draw(task.observation_dim)
        local function path(self, noise)
          local s, sum, weight = start, 0.0, 1.0
          for _ = 1, 100 do
            local a = self:action(s, gain)
            for i = 1, #a do a[i] = a[i] + noise * rng:normal() end
            sum, weight = sum + weight * self:reward(s, a), weight * self.discount
            s = self:next_state(s, a)
            for i = 1, #s do s[i] = s[i] + self.noise * rng:normal() end
          end
          return sum
        end
        local still = linear_quadratic.new { action_dim = action_dim }
        expect.near(still:value(start, gain), path(still, 0.0), 1e-3)
        local n, sum, squares = 400, 0.0, 0.0
        for _ = 1, n do
          local value = path(task, action_noise)
          sum, squares = sum + value, squares + value ^ 2
        end
        local mean = sum / n
        local deviation = math.sqrt((squares / n - mean ^ 2) / n)
        local wanted = task:value(start, gain, action_noise)
        assert.is_true(math.abs(wanted - mean) < 4 * deviation, ("%g is not %g +- %g"):format(mean, wanted, deviation))
      end)

      it("the best actions stay well inside the bounds, the next states in reach of the box", function()
        for _, s in ipairs(task:grid()) do
          local a = task:action(s)
          for _, x in ipairs(a) do assert.is_true(math.abs(x) < 0.75) end
          for _, x in ipairs(task:next_state(s, a)) do assert.is_true(math.abs(x) < 1.1) end
        end
      end)

      it("a batch holds what replay:sample's would: rows of the task, real ones first, those of the simulator after",
        function()
          local simulator = { B = {} }
          for i, row in ipairs(task.B) do
            simulator.B[i] = {}
            for j, x in ipairs(row) do simulator.B[i][j] = 0.5 * x end
          end
          local wrong = linear_quadratic.new { action_dim = action_dim, simulator = simulator }
          local batch = wrong:batch(rng, 5, 3, "uniform", { noise = 0.0 })
          assert.are.same({ 5, 3 }, { batch.n_real, batch.n_sim })
          assert.are.equal(8, #batch.terminals)
          assert.are.equal(0, batch.terminals:sum():item())
          local observations, actions = batch.observations:totable(), batch.actions:totable()
          for i = 1, 8 do
            local s, a = observations[i], actions[i]
            expect.near(wrong:reward(s, a), batch.rewards:get(i), 1e-5)
            local dynamics = i > 5 and setmetatable(wrong.simulator, { __index = wrong }) or wrong
            expect.near(wrong.next_state(dynamics, s, a), batch.next_observations:totable()[i], 1e-5)
            if i > 5 then expect.near(wrong:action(s), a, 1e-5) end
          end
        end)

      it("actions are the behaviour's: uniform, or a gain's with noise, clipped", function()
        local function spread(behaviour)
          local batch = task:batch(rng, 2000, 0, behaviour)
          local squares = 0.0
          for i, s in ipairs(batch.observations:totable()) do
            local mean, chosen = task:action(s, behaviour.gain), batch.actions:totable()
            for j, x in ipairs(chosen[i]) do
              assert.is_true(x >= -1 and x <= 1)
              squares = squares + (behaviour == "uniform" and x or x - mean[j]) ^ 2
            end
            if i == 200 then break end
          end
          return math.sqrt(squares / (200 * action_dim))
        end
        expect.near(1 / math.sqrt(3), spread "uniform", 0.08)
        expect.near(0.1, spread { noise = 0.1 }, 0.02)
        expect.near(0.1, spread { gain = changed(task.gain, 1, 1, 0.1), noise = 0.1 }, 0.02)
      end)

      it("an agent's error is 0 for the best actions and 1 for none", function()
        local function acting(f)
          return { act = function(_, s) return core.tensor(f(s:totable())) end }
        end
        expect.near(0, task:error(acting(function(s) return task:action(s) end)), 1e-6)
        expect.near(1, task:error(acting(function(s)
          local a = task:action(s)
          for i = 1, #a do a[i] = 0 end
          return a
        end)), 1e-6)
        local other = changed(task.gain, 1, 1, 0.3)
        expect.near(0, task:error(acting(function(s) return task:action(s, other) end), other), 1e-6)
      end)

      it("a critic's error is 0 for Q of the gain, not for another's", function()
        local other = changed(task.gain, 1, 1, 0.3)
        local function critic(s, a)
          return core.tensor { task:q(s:totable()[1], a:totable()[1], other) }
        end
        expect.near(0, task:critic_error(critic, other), 1e-6)
        assert.is_true(task:critic_error(critic) > 1e-3)
      end)
    end)
  end

  it("a gain whose cost is not finite is refused", function()
    local task = linear_quadratic.new()
    expect.refused("does not keep the discounted cost finite", task.value, task, { 1, 1 }, { { -9, -9 } })
  end)

  it("SAC with little entropy finds its best actions, with one action and with two", function()
    for action_dim = 1, 2 do
      local task = linear_quadratic.new { action_dim = action_dim }
      local agent = task:train(tide.agents.sac { discount = task.discount, hidden = { 32, 32 }, batch = 128,
        policy_lr = 1e-3, critic_lr = 3e-3, alpha_lr = 1e-2, initial_alpha = 0.1, target_entropy = -2 * action_dim,
        tau = 0.02 }, 3000)
      local wrong = task:error(agent)
      assert.is_true(wrong < 0.18, ("%g of the best actions' size"):format(wrong))
    end
  end)
end)
