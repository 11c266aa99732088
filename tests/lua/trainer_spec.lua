--- Promises of tide.experiment and the training loop.
local core = require "tide.core"
local expect = require "support.expect"
local files = require "support.files"
local experiment = require "tide.experiment"
local json = require "tide.json"
local lfs = require "lfs"
local tide = require "tide"

local folder, dataset

local function remove(path)
  if lfs.attributes(path, "mode") == "directory" then
    for name in lfs.dir(path) do
      if name ~= "." and name ~= ".." then remove(path .. "/" .. name) end
    end
    lfs.rmdir(path)
  else
    os.remove(path)
  end
end

--- A small H2O run in `out`, changed by `given` and by the overrides.
local function small(out, given, overrides)
  local over = { out = out, quiet = true }
  for key, value in pairs(overrides or {}) do over[key] = value end
  experiment.override(over)
  local config = {
    agent = tide.agents.h2o { hidden = { 16, 16 }, real_batch = 16, sim_batch = 16, discriminator_batch = 32 },
    real = { env = "HalfCheetah", dataset = dataset },
    sim = { gap = tide.gap.gravity(2.0) + tide.gap.joint_noise(0.1) },
    steps = 60, seed = 3,
    training = { epoch_updates = 20, epoch_rollout_steps = 40, rounds = 2 },
    evaluation = { every = 1, episodes = 1 }, checkpoint = { every = 1 },
  }
  for key, value in pairs(given or {}) do config[key] = value end
  return tide.experiment(config)
end

local function metrics_of(out)
  local all = files.metrics(out)
  return all[#all]
end

local function weights(run)
  local all = {}
  for name, net in pairs(run.agent.networks) do all[name] = net:weight(2):totable() end
  return all
end

describe("training", function()
  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    dataset = folder .. "/random.h5"
    tide.recipes.make("halfcheetah-random", { transitions = 2000, path = dataset })
  end)
  teardown(function() remove(folder) end)

  it("with the same seed twice gives the same metrics and weights, with another seed others", function()
    local a, b, c = small(folder .. "/a"), small(folder .. "/b"), small(folder .. "/c", { seed = 4 })
    a:train()
    b:train()
    c:train()
    assert.are.same(files.metrics(folder .. "/a"), files.metrics(folder .. "/b"))
    assert.are.same(weights(a), weights(b))
    assert.are_not.same(weights(a), weights(c))
    assert.are.equal(4, #files.metrics(folder .. "/a")) -- before, and after each of three epochs
  end)

  it("interrupted anywhere and resumed, equals the unbroken run", function()
    local whole = small(folder .. "/whole")
    whole:train()
    for at, stop in ipairs { 7, 30, 41 } do
      local out = folder .. "/broken" .. at
      local first = small(out)
      local update = first.agent.update
      first.agent.update = function(self, batches)
        local result = update(self, batches)
        if first.updates + 1 == stop then os.execute("kill -TERM " .. core.process.pid()) end
        return result
      end
      local ok, problem = pcall(first.train, first)
      assert.is_false(ok)
      assert.is_true(problem.interrupted)
      assert.is_truthy(tostring(problem):find("continues from " .. out, 1, true))
      assert.are.equal("interrupted", json.read(out .. "/run.json").state)
      local second = small(out, nil, { resume = out })
      second:train()
      assert.are.same(files.metrics(folder .. "/whole"), files.metrics(out))
      assert.are.same(weights(whole), weights(second))
      assert.are.equal("done", json.read(out .. "/run.json").state)
    end
  end)

  it("in bfloat16 takes another way than in float32, and keeps to it when resumed", function()
    local possible = pcall(core.mlp, { 3, 1 }, 0, true, false, true)
    local agent = tide.agents.sac { hidden = { 16, 16 }, batch = 32, precision = "bfloat16" }
    if not possible then
      assert.has_error(function() small(folder .. "/b16", { agent = agent }) end)
      return
    end
    local function sac(out, precision, steps, overrides)
      local run = small(folder .. "/" .. out, {
        agent = tide.agents.sac { hidden = { 16, 16 }, batch = 32, precision = precision }, steps = steps,
      }, overrides)
      run:train()
      return run
    end
    local whole, other = sac("b16", "bfloat16", 40), sac("f32", "float32", 40)
    sac("b16-broken", "bfloat16", 20)
    local resumed = sac("b16-broken", "bfloat16", 40, { resume = folder .. "/b16-broken" })
    assert.are.same(weights(whole), weights(resumed))
    assert.are_not.same(weights(whole), weights(other))
    for _, net in pairs(whole.agent.networks) do assert.is_true((select(4, net:properties()))) end
    assert.are.equal("bfloat16", json.read(folder .. "/b16/config.json").agent.precision)
    assert.is_false((select(4, tide.load_policy(folder .. "/b16/policy.h5").net:properties())))
    assert.has_error(function() return tide.agents.sac { precision = "bfloat61" } end,
      "sac: precision: unknown 'bfloat61'; nearest: bfloat16, float32")
  end)

  it("interrupted before its first update and resumed, evaluates once and equals the unbroken run", function()
    local out = folder .. "/early"
    local first = small(out)
    local act = first.agent.act
    first.agent.act = function(self, observation, mode)
      if mode == "sample" and first.sim_steps == 11 then os.execute("kill -TERM " .. core.process.pid()) end
      return act(self, observation, mode)
    end
    assert.is_false((pcall(first.train, first)))
    assert.are.equal(0, first.updates)
    small(out, nil, { resume = out }):train()
    assert.are.same(files.metrics(folder .. "/whole"), files.metrics(out))
  end)

  it("a run inside of another does not take the command line", function()
    experiment.override { out = folder .. "/outer", steps = 7, set = { "agent.beta=0.5" } }
    local inner = tide.recipes.behaviour("halfcheetah", { alone = true })
    assert.are.equal(1000000, inner.config.steps)
    assert.are.equal(folder .. "/outer", experiment.overrides.out)
  end)

  it("a loss that is not finite fails the run, names it and keeps the checkpoint", function()
    local out = folder .. "/nan"
    local run = small(out)
    local update = run.agent.update
    run.agent.update = function(self, batches)
      if run.updates == 25 then self.q1:weight(1):set(1, 1, 0 / 0) end
      return update(self, batches)
    end
    local ok, problem = pcall(run.train, run)
    assert.is_false(ok)
    assert.is_truthy(tostring(problem):find("nan", 1, true) or tostring(problem):find("finite", 1, true), problem)
    assert.are.equal("failed", json.read(out .. "/run.json").state)
    assert.are.equal(20, core.tree_read(out .. "/checkpoint.h5").updates)
  end)

  it("a diverging simulator ends episodes as timeouts; nothing of it is stored, and it is reported", function()
    tide.gap.define("exploding", function(world, stiffness)
      for _, name in ipairs { "bthigh", "fthigh" } do world.model:joint(name).stiffness = stiffness end
    end, { "stiffness" })
    local run = small(folder .. "/diverging", { sim = { gap = "exploding(-2e4)" } })
    run:train()
    assert.is_true(run.sim.diverged > 0)
    assert.are.equal(run.sim_steps - run.sim.diverged, run.stored)
    assert.are.equal(run.stored, run.replay:count("sim"))
    local last = metrics_of(folder .. "/diverging")
    assert.are.equal(run.sim.diverged, last["rollout/diverged"])
    local ok, problem = pcall(function() small(folder .. "/always", { sim = { gap = "exploding(-1e9)" } }):train() end)
    assert.is_false(ok)
    assert.is_truthy(tostring(problem):find("diverged in every one of its", 1, true), problem)
  end)

  it("leaves a policy that acts as the agent does", function()
    local run = small(folder .. "/policy")
    run:train()
    local policy, about = tide.load_policy(folder .. "/policy")
    local observation = core.rng(1):normal(17)
    assert.are.same(run.agent:act(observation, "mean"):totable(), policy:act(observation, "mean"):totable())
    assert.are.equal("HalfCheetah", about.env)
    core.end_step()
  end)

  it("stores the clean action, not the one that a gap executes", function()
    local run = small(folder .. "/clean", { sim = { gap = tide.gap.joint_noise(5.0) } })
    local acted = {}
    local act = run.agent.act
    run.agent.act = function(self, observation, mode)
      local action = act(self, observation, mode)
      if mode == "sample" then acted[#acted + 1] = action:totable() end
      return action
    end
    run:train()
    local rows = run.replay:state()
    for i = 1, #acted do assert.are.same(acted[i], rows.actions:rows(i, i):reshape(6):totable()) end
    core.end_step()
  end)

  it("gives an agent the statistics of its dataset, nil without one", function()
    local class, seen = tide.agent("test-statistics", { uses = { "real" } }), nil
    function class:build(task) seen = { task.state_mean(), task.state_std("true"), task.return_range() } end
    function class:batches() return {} end
    local config = { agent = class {}, real = { env = "HalfCheetah", dataset = dataset }, steps = 1 }
    tide.experiment(config)
    local mean, std = tide.dataset.read(dataset):statistics()
    assert.are.same({ mean:totable(), std:totable() }, { seen[1]:totable(), seen[2]:totable() })
    local info = tide.dataset.read(dataset):info()
    assert.are.same({ info.return_min, info.return_max }, { seen[3], seen[4] })
    class.uses, seen = { sim = true }, nil
    tide.experiment { agent = class {}, real = { env = "HalfCheetah" }, steps = 1 }
    assert.are.same({}, seen)
    expect.refused({ "normaliser: the task has no dataset" }, tide.normaliser, { state_mean = function() end,
                                                                                 state_std = function() end })
  end)

  describe("a metric that not every update tells", function()
    local out
    --- A run that is interrupted in the middle of its only epoch; the 2nd, 4th, ... updates tell `second`.
    local function interrupted(name)
      local class, updates = tide.agent("test-" .. name, { uses = { "real" } }), 0
      out = folder .. "/" .. name
      function class:build(task)
        self.policy = tide.policy(task.observation_dim, task.action_dim, { 8 }, self.rng)
        self.networks.policy = self.policy.net
      end
      function class:batches() return { train = { real = 1, sim = 0 } } end
      function class:update()
        updates = updates + 1
        if updates == 7 then os.execute("kill -TERM " .. core.process.pid()) end
        return { every = updates, second = updates % 2 == 0 and updates or nil }
      end
      local run = small(out, { agent = class {}, sim = {}, steps = 20 })
      assert.is_false((pcall(run.train, run)))
      return function() small(out, { agent = class {}, sim = {}, steps = 20 }, { resume = out }):train() end
    end

    it("is averaged over those that do, also where the run was interrupted", function()
      local resume = interrupted "now-and-then"
      resume()
      assert.are.equal(10.5, metrics_of(out)["train/every"])
      assert.are.equal(11, metrics_of(out)["train/second"])
    end)

    it("goes on from a checkpoint that holds one count for all", function()
      local resume = interrupted "one-count"
      local tree = core.tree_read(out .. "/checkpoint.h5")
      assert.are.same({ every = 7, second = 3 }, tree.counted)
      tree.counted, tree.sums = 7, { every = tree.sums.every }
      core.tree_write(out .. "/checkpoint.h5", tree)
      resume()
      assert.are.equal(10.5, metrics_of(out)["train/every"])
      assert.are.equal(14, metrics_of(out)["train/second"])
    end)
  end)

  it("an agent without simulation steps no simulator", function()
    local bc = tide.agent("test-cloning", { uses = { "real" }, batch = 8 })
    function bc:build(task)
      self.policy = tide.policy(task.observation_dim, task.action_dim, { 8 }, self.rng)
      self.optimisers.policy = tide.adam(self.policy:parameters(), 1e-3)
      self.networks.policy = self.policy.net
    end
    function bc:batches() return { train = { real = self.batch, sim = 0 } } end
    function bc:update(batches)
      local loss = tide.mse(self.policy.net(batches.train.observations):columns(1, 6):tanh(), batches.train.actions)
      self.optimisers.policy:minimise(loss)
      return { loss = loss:item() }
    end
    local run = small(folder .. "/cloning", { agent = bc {}, sim = {} })
    run:train()
    assert.is_nil(run.sim)
    assert.are.equal(0, run.sim_steps)
    assert.is_number(files.metrics(folder .. "/cloning")[2]["train/loss"])
  end)

  describe("the command line", function()
    it("changes any value", function()
      local run = small(folder .. "/set", nil, { seed = 9, steps = 10,
        set = { "agent.beta=0.5", "sim.gap=friction(0.3)", "evaluation.episodes=2" } })
      assert.are.same({ 9, 10, 0.5, "friction(0.3)", 2 }, { run.config.seed, run.config.steps, run.agent.beta,
        run.config.sim.gap, run.config.evaluation.episodes })
    end)

    it("is refused an unknown value with the nearest names", function()
      local ok, problem = pcall(small, folder .. "/x", nil, { set = { "agent.betta=1" } })
      assert.is_false(ok)
      assert.is_truthy(tostring(problem):find("unknown 'betta'; nearest: beta", 1, true), problem)
    end)
  end)

  it("wrong experiments are refused before anything is written", function()
    local function refused(text, given, overrides)
      local ok, problem = pcall(small, folder .. "/refused", given, overrides)
      assert.is_false(ok)
      assert.is_truthy(tostring(problem):find(text, 1, true), ("%q is not in %s"):format(text, tostring(problem)))
      assert.is_nil(lfs.attributes(folder .. "/refused"))
    end
    refused("unknown 'stepss'; nearest: steps", { stepss = 1 })
    refused("steps must be a whole number from 1 on", { steps = 0 })
    refused("rounds of 3 does not divide", { training = { rounds = 3 } })
    refused("unknown 'Cheetah'; nearest: HalfCheetah", { real = { env = "Cheetah", dataset = dataset } })
    refused("real.dataset must name some", { real = { env = "HalfCheetah" } })
    refused("no such dataset file", { real = { env = "HalfCheetah", dataset = folder .. "/none.h5" } })
    refused("agent must be a choice", { agent = "h2o" })
  end)
end)
