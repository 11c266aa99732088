--- Promises of the pieces of CQL's regulariser, against plain arithmetic.
local core = require "tide.core"
local expect = require "support.expect"
local tide = require "tide"

local near = expect.near
local conservative = tide.conservative

--- T ln sum of exp(x / T)
local function soft_max(values, T)
  local sum = 0.0
  for _, x in ipairs(values) do sum = sum + math.exp(x / T) end
  return T * math.log(sum)
end

describe("conservative", function()
  after_each(function() core.end_step() end)

  describe("gap", function()
    -- two states, the data's action and three others in each
    local q = { { 1.0, 0.5, -0.3, 2.0 }, { -0.7, 0.2, 0.1, -1.0 } }
    local density = { { 0.25, 1.5, 0.1 }, { 0.25, 0.8, 3.0 } }
    local log_density = { {}, {} }
    for i = 1, 2 do
      for j = 1, 3 do log_density[i][j] = math.log(density[i][j]) end
    end

    it("is the mean of ln sum exp Q / density over the others, less Q of the data's action", function()
      local wanted = 0.0
      for i = 1, 2 do
        local sum = 0.0
        for j = 1, 3 do sum = sum + math.exp(q[i][j + 1]) / density[i][j] end
        wanted = wanted + (math.log(sum) - q[i][1]) / 2
      end
      near(wanted, conservative.gap(core.tensor(q), core.tensor(log_density), 1):item())
    end)

    it("takes all actions as they are without importance sampling", function()
      local wanted = (soft_max(q[1], 1) - q[1][1] + soft_max(q[2], 1) - q[2][1]) / 2
      near(wanted, conservative.gap(core.tensor(q), false, 1):item())
    end)

    it("has a temperature, hot: the mean and more, cold: the largest", function()
      local T, wanted = 0.5, 0.0
      for i = 1, 2 do
        local shifted = {}
        for j = 1, 3 do shifted[j] = q[i][j + 1] - log_density[i][j] end
        wanted = wanted + (soft_max(shifted, T) - q[i][1]) / 2
      end
      near(wanted, conservative.gap(core.tensor(q), core.tensor(log_density), T):item())
      near((2.0 - 1.0 + 0.2 + 0.7) / 2, conservative.gap(core.tensor(q), false, 0.01):item(), 1e-4)
    end)

    for name, weights in pairs { with = log_density, without = false } do
      it(("has the gradient of central differences %s importance sampling"):format(name), function()
        local function value(elements)
          return conservative.gap(core.tensor(elements), weights and core.tensor(weights), 0.8):item()
        end
        local p = core.parameter(core.tensor(q))
        conservative.gap(p, weights and core.tensor(weights), 0.8):backward(p)
        local got, step = core.gradient_of(p):totable(), 0.01
        for i = 1, 2 do
          for j = 1, 4 do
            local moved = { { table.unpack(q[1]) }, { table.unpack(q[2]) } }
            moved[i][j] = q[i][j] + step
            local up = value(moved)
            moved[i][j] = q[i][j] - step
            assert.is_near((up - value(moved)) / (2 * step), got[i][j], 2e-4)
          end
        end
      end)
    end
  end)

  describe("actions", function()
    local S, A, batch, n = 3, 2, 4, 5
    local rng = core.rng(3)
    local policy = tide.policy(S, A, { 8 }, rng, { scalars = true })
    local states, next_states = rng:normal(batch, S), rng:normal(batch, S)
    local own = rng:uniform(-1, 1, batch, A)

    local function drawn()
      local head = policy:head(states)
      return conservative.actions(policy, own, head, policy:head(next_states), n, rng)
    end

    it("begin with the batch's own in each state, and lie within the bounds", function()
      local actions, log_density = drawn()
      assert.are.same({ batch * (1 + 3 * n), A }, actions.shape)
      assert.are.same({ batch, 3 * n }, log_density.shape)
      local all = actions:totable()
      for i = 1, batch do assert.are.same(own:totable()[i], all[(i - 1) * (1 + 3 * n) + 1]) end
      for _, action in ipairs(all) do
        for _, x in ipairs(action) do assert.is_true(x >= -1 and x <= 1) end
      end
    end)

    it("come with the density that each was drawn with: uniform, of the next state, of the state", function()
      local actions, log_density = drawn()
      local kinds = tide.columns(actions:reshape(batch, (1 + 3 * n) * A), A + 1, (1 + 3 * n) * A)
      local function kind(k)
        return kinds:columns((k - 1) * n * A + 1, k * n * A):reshape(batch * n, A),
               log_density:columns((k - 1) * n + 1, k * n):reshape(batch * n):totable()
      end
      local _, uniform = kind(1)
      for _, x in ipairs(uniform) do assert.is_near(A * math.log(0.5), x, 1e-6) end
      local next_actions, of_next = kind(2)
      near(policy:log_prob(next_states:repeat_rows(n), next_actions):totable(), of_next, 1e-3)
      local current_actions, of_current = kind(3)
      near(policy:log_prob(states:repeat_rows(n), current_actions):totable(), of_current, 1e-3)
    end)

    it("are spread evenly over the whole box where they are uniform", function()
      local many = 500
      local head = policy:head(states)
      local actions = conservative.actions(policy, own, head, head, many, rng)
      local uniform = actions:reshape(batch, (1 + 3 * many) * A):columns(A + 1, A + many * A)
      assert.is_near(0, uniform:mean():item(), 0.05)
      assert.is_near(1 / 3, uniform:square():mean():item(), 0.03)
    end)

    it("carry no gradient: a critic's loss on them leaves the policy alone", function()
      local critic = tide.critic(S, A, { 8 }, rng)
      local actions, log_density = drawn()
      local gap = conservative.gap(critic(states, actions):reshape(batch, 1 + 3 * n), log_density, 1)
      gap:backward()
      assert.is_nil(core.gradient_of(policy.net, 1, "weight"))
      assert.is_nil(core.gradient_of(policy.scalars))
      assert.is_truthy(core.gradient_of(critic, 1, "weight"))
    end)

    it("lead a critic's weights to the gradient of central differences", function()
      local critic = tide.critic(S, A, { 8 }, rng)
      local actions, log_density = drawn()
      actions, log_density = actions:clone(), log_density:clone()
      local function gap()
        return conservative.gap(critic(states, actions):reshape(batch, 1 + 3 * n), log_density, 1)
      end
      gap():backward(critic)
      local step = 0.01
      for layer, last in ipairs { { 8, S + A }, { 1, 8 } } do
        local gradient = core.gradient_of(critic, layer, "weight")
        for _, at in ipairs { { 1, 1 }, last } do
          local w = critic:weight(layer)
          local kept = w:get(at[1], at[2])
          w:set(at[1], at[2], kept + step)
          local up = gap():item()
          w:set(at[1], at[2], kept - step)
          local down = gap():item()
          w:set(at[1], at[2], kept)
          assert.is_near((up - down) / (2 * step), gradient:get(at[1], at[2]), 2e-3)
        end
      end
    end)
  end)
end)
