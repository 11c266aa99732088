--- Promises of RLPD: equal parts, an ensemble whose targets ask a few, many critic steps, LayerNorm.
local core = require "tide.core"
local expect = require "support.expect"
local linear_quadratic = require "support.linear_quadratic"
local support = require "support.agents"
local tide = require "tide"

local build, batch, batches = support.build, support.batch, support.batches

--- A small agent with these options.
local function small(given)
  local options = { hidden = { 8, 8 }, real_batch = 6, sim_batch = 6, critic_updates = 2, ensemble = 3 }
  for key, value in pairs(given or {}) do options[key] = value end
  return build(tide.agents.rlpd(options))
end

--- A small agent a few updates from its start, so that LayerNorm's gains, too, have moved, and which stands
--- still from now on: what an optimiser's last step used up remains to be read.
local function trained(given)
  local agent = small(given)
  for _, optimiser in pairs(agent.optimisers) do optimiser:lr(1e-2) end
  support.train(agent, core.rng(3), 5)
  for _, optimiser in pairs(agent.optimisers) do optimiser:lr(1e-12) end
  return agent
end

--- Every element of `parameter` against central differences of loss(). The few rows of these tests have no
--- hidden unit within a step of its ReLU's corner.
local function compare(parameter, gradient, loss, what)
  local n, step = 1, 5e-4
  for _, dim in ipairs(parameter.shape) do n = n * dim end
  local got, flat, largest, wrong = gradient:reshape(n):totable(), parameter:clone():reshape(n), 0.0, 0.0
  flat = flat:totable()
  local function set(i, value)
    local shape = parameter.shape
    if #shape == 0 then parameter:fill(value) return end
    if #shape == 1 then parameter:set(i, value) return end
    parameter:set((i - 1) // shape[2] + 1, (i - 1) % shape[2] + 1, value)
  end
  for i = 1, n do
    set(i, flat[i] + step)
    local above = loss()
    set(i, flat[i] - step)
    local below = loss()
    set(i, flat[i])
    local slope = (above - below) / (2 * step)
    largest, wrong = math.max(largest, math.abs(slope)), math.max(wrong, math.abs(slope - got[i]))
  end
  assert.is_true(largest > 1e-3, what .. ": nothing to compare")
  assert.is_true(wrong < 5e-3 * largest, ("%s: off by %g, the largest is %g"):format(what, wrong, largest))
end

--- All parts of all layers of a network.
local function compare_network(net, loss, name)
  local _, _, layer_norm = net:properties()
  local layers = #net:sizes() - 1
  for layer = 1, layers do
    local parts = layer_norm and layer < layers and { "weight", "bias", "gain", "shift" } or { "weight", "bias" }
    for _, part in ipairs(parts) do
      local gradient = core.gradient_of(net, layer, part, true):clone()
      compare(net[part](net, layer), gradient, loss, ("%s %s %d"):format(name, part, layer))
    end
  end
end

--- f's number, with nothing recorded and the agent's generator where it was.
local function evaluate(agent, f)
  local before = agent.rng:state()
  local value = tide.no_grad(f):item()
  agent.rng:restore(before)
  core.end_step()
  return value
end

describe("rlpd", function()
  after_each(function() core.end_step() end)

  describe("gradients agree with central differences", function()
    for _, layer_norm in ipairs { true, false } do
      it(("of the critics' loss, %s LayerNorm"):format(layer_norm and "with" or "without"), function()
        local agent = trained { layer_norm = layer_norm }
        local b, y = batch(core.rng(6), 2, 2), core.rng(5):normal(4)
        agent:update_critics(b, y, { q_loss = 0.0, q = 0.0 })
        for i, critic in ipairs(agent.critics) do
          compare_network(critic, function()
            return evaluate(agent, function()
              return (critic(b.observations, b.actions) - y):square():mean()
            end)
          end, "q" .. i)
        end
      end)
    end

    it("of the policy's and the temperature's loss: the policy is told the mean of the ensemble", function()
      local agent = trained()
      local b = batch(core.rng(6), 2, 2)
      local state = agent.rng:state()
      agent:update_policy(b, {})
      agent.rng:restore(state)
      local alpha = agent:alpha()
      compare_network(agent.policy.net, function()
        return evaluate(agent, function()
          local action, log_prob = agent.policy:sample(b.observations)
          local q1, q2, q3 = agent.critics[1], agent.critics[2], agent.critics[3]
          local s = b.observations
          return (alpha * log_prob - (q1(s, action) + q2(s, action) + q3(s, action)) / 3):mean()
        end)
      end, "policy")
      compare(agent.log_alpha, core.gradient_of(agent.log_alpha, true):clone(), function()
        return evaluate(agent, function()
          local _, log_prob = agent.policy:sample(b.observations)
          return -1 * agent.log_alpha:exp() * (log_prob + agent.target_entropy):mean()
        end)
      end, "log_alpha")
    end)
  end)

  it("each critic step sees a batch of its own, half of it real; the policy the last one", function()
    local agent, seen, of_policy = small { critic_updates = 4, real_batch = 5, sim_batch = 5 }, {}, nil
    local function watch(method, note)
      local inherited = agent[method]
      agent[method] = function(self, b, ...)
        note(b)
        return inherited(self, b, ...)
      end
    end
    watch("update_critics", function(b) seen[#seen + 1] = b end)
    watch("update_policy", function(b) of_policy = b end)
    local drawn = batches(agent, core.rng(9))
    agent:update(drawn)
    assert.are.equal(4, #seen)
    local before = {}
    for _, b in ipairs(seen) do
      assert.is_nil(before[b])
      before[b] = true
      assert.are.same({ 5, 5 }, { b.n_real, b.n_sim })
    end
    for _, b in pairs(drawn) do assert.is_true(before[b]) end
    assert.are.equal(seen[4], of_policy)
  end)

  it("the batches of a choice are half real", function()
    local count = 0
    for _, rows in pairs(build(tide.agents.rlpd { hidden = { 8 } }):batches()) do
      count = count + 1
      assert.are.same({ real = 128, sim = 128 }, rows)
    end
    assert.are.equal(20, count)
  end)

  it("critics take `critic_updates` steps and policy and temperature one", function()
    local agent = small { critic_updates = 5 }
    support.train(agent, core.rng(9), 3)
    local steps = {}
    for name, optimiser in pairs(agent.optimisers) do steps[name] = select(3, optimiser:state()) end
    assert.are.same({ critics = 15, policy = 3, alpha = 3 }, steps)
  end)

  it("target critics follow after every critic step", function()
    local agent = small { tau = 0.25, critic_updates = 3 }
    local expected = agent.target_critics[2]:weight(1):get(3, 4)
    local inherited = agent.update_targets
    function agent:update_targets()
      expected = expected + 0.25 * (self.critics[2]:weight(1):get(3, 4) - expected)
      inherited(self)
    end
    local start = expected
    support.train(agent, core.rng(9), 2)
    expect.near(expected, agent.target_critics[2]:weight(1):get(3, 4), 1e-6)
    assert.are_not.equal(start, expected)
  end)

  describe("the subset", function()
    it("never holds a member twice, is drawn anew each time, and every member's turn comes as often", function()
      local agent, counts, changed, last = small { ensemble = 10, subset = 2 }, {}, 0, ""
      for _ = 1, 2000 do
        local subset = agent:draw_subset()
        assert.are.equal(2, #subset)
        assert.are_not.equal(subset[1], subset[2])
        for _, i in ipairs(subset) do counts[i] = (counts[i] or 0) + 1 end
        table.sort(subset)
        local text = table.concat(subset, " ")
        if text ~= last then changed = changed + 1 end
        last = text
      end
      assert.are.equal(10, #counts)
      for _, count in ipairs(counts) do assert.is_true(count > 320 and count < 480, tostring(count)) end
      assert.is_true(changed > 1900)
    end)

    it("is the same for the same seed, also after a restore", function()
      local function drawn(agent)
        local all = {}
        for i = 1, 20 do all[i] = agent:draw_subset() end
        return all
      end
      local a, b, other = small(), small(), build(tide.agents.rlpd { hidden = { 8 } }, 2)
      local first = drawn(a)
      assert.are.same(first, drawn(b))
      assert.are_not.same(first, drawn(other))
      other = small()
      other:restore(a:state())
      assert.are.same(drawn(a), drawn(other))
    end)

    it("larger than the ensemble is refused", function()
      expect.refused("rlpd: a subset of 4 from an ensemble of 3", small, { subset = 4 })
    end)
  end)

  describe("the target", function()
    --- An agent whose target critic i says values[i] everywhere.
    local function constant(values, given)
      given.ensemble = #values
      local agent = small(given)
      for i, value in ipairs(values) do
        local net = agent.target_critics[i]
        net:weight(3):fill(0)
        net:bias(3):fill(value)
      end
      return agent
    end

    local rows = { 2, 3 } -- one true end in the second of them
    local function given_batch()
      local b = batch(core.rng(4), rows[1], rows[2])
      b.terminals:set(2, 1)
      return b
    end

    it("is the minimum over the subset", function()
      local agent, b = constant({ 1, 2, 3, 4 }, { subset = 2, entropy_backup = false, discount = 0.5 }), given_batch()
      for _, subset in ipairs { { 2, 4 }, { 4, 2 }, { 3, 1 }, { 3, 4 } } do
        function agent.draw_subset() return subset end
        local y, least = agent:target(b):totable(), math.min(table.unpack(subset))
        for i, r in ipairs(b.rewards:totable()) do expect.near(i == 2 and r or r + 0.5 * least, y[i]) end
      end
    end)

    it("holds the entropy, unless it is told not to", function()
      local with, without = constant({ 2, 2 }, {}), constant({ 2, 2 }, { entropy_backup = false })
      local b, state = given_batch(), with.rng:state()
      local y, plain = with:target(b):totable(), without:target(b):totable()
      with.rng:restore(state)
      local _, log_prob = with.policy:sample(b.next_observations)
      for i, r in ipairs(b.rewards:totable()) do
        expect.near(i == 2 and r or r + 0.99 * (2 - with:alpha() * log_prob:get(i)), y[i])
        expect.near(i == 2 and r or r + 0.99 * 2, plain[i])
      end
    end)

    it("asks nobody outside the subset", function()
      local agent, asked = small { ensemble = 5, subset = 2 }, {}
      for i, net in ipairs(agent.target_critics) do
        agent.target_critics[i] = function(...)
          asked[#asked + 1] = i
          return net(...)
        end
      end
      local subset
      local inherited = agent.draw_subset
      function agent:draw_subset()
        subset = inherited(self)
        return subset
      end
      agent:target(given_batch())
      assert.are.same(subset, asked)
    end)
  end)

  it("the target entropy is minus half the number of action dimensions, or as given", function()
    assert.are.equal(-support.action_dim / 2, small().target_entropy)
    assert.are.equal(-7, small { target_entropy = -7 }.target_entropy)
  end)

  it("LayerNorm bounds what critics say far away from all rows", function()
    local function far(layer_norm)
      local critic = small { layer_norm = layer_norm }.critics[1]
      local rng = core.rng(4)
      local s, a = rng:normal(1, support.observation_dim), rng:uniform(-1, 1, 1, support.action_dim)
      return critic(1e4 * s, 1e4 * a):get(1) - critic(1e3 * s, 1e3 * a):get(1)
    end
    assert.is_true(math.abs(far(true)) < 0.01)
    assert.is_true(math.abs(far(false)) > 10)
  end)

  it("finds the best actions of linear-quadratic tasks, with one action and with two", function()
    for action_dim = 1, 2 do
      local task = linear_quadratic.new { action_dim = action_dim }
      local agent = task:train(tide.agents.rlpd { discount = task.discount, hidden = { 32, 32 }, real_batch = 32,
        sim_batch = 32, critic_updates = 4, ensemble = 4, policy_lr = 1e-3, critic_lr = 3e-3, alpha_lr = 1e-2,
        initial_alpha = 0.1, target_entropy = -2 * action_dim, tau = 0.02 }, 1500)
      local wrong = task:error(agent)
      assert.is_true(wrong < 0.15, ("%g of the best actions' size"):format(wrong))
    end
  end)
end)
