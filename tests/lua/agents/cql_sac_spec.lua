--- Promises of CQL on mixed data: whose rows the regulariser and Bellman's error are of.
local core = require "tide.core"
local linear_quadratic = require "support.linear_quadratic"
local support = require "support.agents"
local tide = require "tide"

local build, learned = support.build, support.learned

describe("cql_sac", function()
  after_each(function() core.end_step() end)

  local function small(given)
    local options = { hidden = { 16, 16 }, real_batch = 16, sim_batch = 16, samples = 4 }
    for key, value in pairs(given) do options[key] = value end
    return build(tide.agents.cql_sac(options))
  end

  --- What an agent with these options learned in two updates, and the metrics of the last.
  local function trained(given)
    local agent = small(given)
    local metrics = support.train(agent, core.rng(9), 2)
    return learned(agent), metrics
  end

  it("beta = 0 leaves the regulariser out", function()
    local numbers, metrics = trained { beta = 0 }
    assert.is_nil(metrics.q1_gap)
    assert.are_not.equal(trained({})["q1.1.weight"], numbers["q1.1.weight"])
  end)

  for _, given in ipairs { { importance_sampling = false }, { entropy_backup = true }, { regularise = "real" },
                           { samples = 3 }, { beta = 1.0 } } do
    local key, value = next(given)
    it(("%s = %s changes what is learned"):format(key, tostring(value)), function()
      assert.are_not.equal(trained({})["q1.1.weight"], trained(given)["q1.1.weight"])
    end)
  end

  it("refuses to regularise what is neither all nor real", function()
    assert.has_error(function() small { regularise = "sim" } end,
      'cql_sac: regularise is "all" or "real", not "sim"')
  end)

  describe("regularise", function()
    --- The gap of q1 in the first update, with `change` made to the batch.
    local function gap(regularise, change)
      local agent = small { regularise = regularise }
      agent.q1:init_layer(3, "torch", 1, core.rng(5))
      local drawn = support.batches(agent, core.rng(9))
      local actions = drawn.train.actions
      if change then
        for i = change, change + 15 do
          for j = 1, support.action_dim do actions:set(i, j, -actions:get(i, j)) end
        end
      end
      local metrics = agent:update(drawn)
      core.end_step()
      return metrics.q1_gap, metrics.q1_sim
    end
    local REAL, SIM = 1, 17

    it('"all" is of the real rows and of the simulated ones', function()
      assert.are_not.equal(gap("all"), gap("all", REAL))
      assert.are_not.equal(gap("all"), gap("all", SIM))
    end)

    it('"real" is of the real rows alone, while all rows are in Bellman\'s error', function()
      local plain, plain_sim = gap("real")
      local changed, changed_sim = gap("real", SIM)
      assert.are_not.equal(plain, gap("real", REAL))
      assert.are.equal(plain, changed)
      assert.are_not.equal(plain_sim, changed_sim)
    end)

    it("a row's value is the same with and without other actions beside it", function()
      local agent, rng = small {}, core.rng(9)
      local batch = support.batch(rng, 16, 16)
      local head = agent.policy:head(batch.observations)
      for _, held in ipairs { 0, 16, 32 } do
        local actions, log_density
        if held > 0 then
          actions, log_density = tide.conservative.actions(agent.policy, batch.actions:rows(1, held),
            head:rows(1, held), head:rows(1, held), agent.samples, rng)
        end
        local values = agent:values(agent.q1, batch, held, actions, log_density):totable()
        local wanted = agent.q1(batch.observations, batch.actions):totable()
        for i = 1, 32 do assert.is_near(wanted[i], values[i], 1e-6) end
      end
    end)
  end)

  it("takes the simulator at its word: wrong dynamics in half of the rows lead it astray", function()
    --- How far it ends from the best actions, with simulated rows of these dynamics.
    local function learned_error(simulator)
      local task = linear_quadratic.new { action_dim = 1, simulator = simulator }
      return task:error((task:train(tide.agents.cql_sac {
        beta = 0.2, hidden = { 32, 32 }, real_batch = 32, sim_batch = 32, samples = 4, discount = 0.9,
        policy_lr = 1e-3, critic_lr = 3e-3, target_entropy = -4 }, 600, { noise = 0.15 }, "uniform")))
    end
    local right, wrong = learned_error {}, learned_error { B = { { -0.3 }, { -0.5 } } }
    assert.is_true(right < 0.6)
    assert.is_true(wrong > 0.8)
  end)
end)
