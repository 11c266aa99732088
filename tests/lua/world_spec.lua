--- Promises of tide.world and tide.env.
local core = require "tide.core"
local env = require "tide.env"
local gap = require "tide.gap"
local world = require "tide.world"
local expect = require "support.expect"

local refused = expect.refused

local some = { 0.5, -0.5, 0.25, 1, -1, 0 } -- an action

--- n steps of random actions from `rng`, with resets; returns the return and the last observation.
local function run(w, rng, n)
  local total, observation = 0, nil
  for _ = 1, n do
    if w.over then w:reset() end
    local reward
    observation, reward = w:step(rng:uniform(-1, 1, w.action_dim))
    total = total + reward
  end
  return total, observation:totable()
end

describe("a world", function()
  it("has the dimensions of HalfCheetah", function()
    local w = world("HalfCheetah")
    assert.are.same({ "HalfCheetah", 17, 6, 1000 }, { w.name, w.observation_dim, w.action_dim, w.max_episode_steps })
    assert.are.same({ 17 }, w:reset().shape)
  end)

  it("with the same seed gives the same episodes, with another seed others", function()
    local function episode(seed)
      return { run(world("HalfCheetah", { seed = seed }), core.rng(5), 60) }
    end
    assert.are.same(episode(1), episode(1))
    assert.are_not.same(episode(1), episode(2))
  end)

  it("starts near the model's initial state", function()
    local w = world("HalfCheetah", { seed = 3 })
    for _ = 1, 50 do
      local observation = w:reset():totable()
      for i = 1, 8 do assert.is_true(math.abs(observation[i]) <= 0.1) end
      for i = 9, 17 do assert.is_true(math.abs(observation[i]) <= 0.7) end
    end
  end)

  it("pays dx/dt - 0.1 |a|^2", function()
    local w = world("HalfCheetah", { seed = 4 })
    w:reset()
    local hard = { 1, -1, 0.5, 0, 0, 2 } -- beyond 1 the motor is at its limit, the cost is not
    for _ = 1, 20 do
      local x = w.physics:qpos(1)
      local _, reward = w:step(hard)
      assert.is_near((w.physics:qpos(1) - x) / 0.05 - 0.1 * (1 + 1 + 0.25 + 4), reward, 1e-9)
    end
  end)

  it("ends an episode with a timeout after 1000 steps, never with a terminal", function()
    local w = world("HalfCheetah", { seed = 5 })
    local zero = core.zeros(6)
    w:reset()
    for i = 1, 1000 do
      local _, _, terminal, timeout = w:step(zero)
      assert.is_false(terminal)
      assert.are.equal(i == 1000, timeout)
    end
    refused("call reset() first", w.step, w, zero)
    w:reset()
    w:step(zero)
  end)

  it("does not step before its first reset", function()
    local w = world("HalfCheetah")
    refused("call reset() first", w.step, w, core.zeros(6))
  end)

  it("leaves the previous observation as it is until the next but one call", function()
    local w = world("HalfCheetah", { seed = 6 })
    local first = w:reset()
    local kept = first:totable()
    local second = w:step(core.zeros(6))
    assert.are.same(kept, first:totable())
    assert.are_not.equal(first, second)
    assert.are.equal(first, (w:step(core.zeros(6))))
  end)

  it("restored, continues bit for bit, noise and delays included", function()
    local function make()
      local w = world("HalfCheetah", { gap = gap.gravity(2) + gap.joint_noise(0.3), seed = 7 })
      w:delay_actions(3)
      return w
    end
    local a, b = make(), make()
    run(a, core.rng(8), 1234)
    run(b, core.rng(9), 10) -- another past
    local observation = b:restore(a:state())
    assert.are.same(a.observation:totable(), observation:totable())
    assert.are.same({ run(a, core.rng(10), 1500) }, { run(b, core.rng(10), 1500) })
    assert.are.same(a:state(), b:state())
  end)

  it("passes observations through hooks, each with draws of its own, and nothing else changes", function()
    local plain, seen = world("HalfCheetah", { seed = 7 }), world("HalfCheetah", { seed = 7 })
    local before = {}
    seen:on_observation(function(o, rng) before[#before + 1] = o:totable() rng:add_normal(o, 0.1) end)
    seen:on_observation(function(o) return 2 * o end)
    assert.are_not.same(plain:reset():totable(), seen:reset():totable())
    local sum, squares, n = 0, 0, 0
    for _ = 1, 300 do
      local a, reward = plain:step(some)
      local b, seen_reward = seen:step(some)
      a, b = a:totable(), b:totable()
      core.end_step()
      assert.are.equal(reward, seen_reward)
      assert.are.same(a, before[#before])
      for i = 1, 17 do
        local noise = b[i] / 2 - a[i]
        sum, squares, n = sum + noise, squares + noise * noise, n + 1
      end
    end
    assert.are.same(plain.physics:state(), seen.physics:state())
    assert.is_near(0, sum / n, 0.006)         -- 4 standard errors
    assert.is_near(0.01, squares / n, 0.0008) -- 4 standard errors
    refused("a function is needed", seen.on_observation, seen, 3)
  end)

  it("draws for each hook on the observations from a stream of its own", function()
    local w, first, both = world("HalfCheetah", { seed = 7 }), nil, nil
    w:on_observation(function(o, rng)
      o:fill(0)
      rng:add_normal(o, 1)
      first = o:totable()
    end)
    w:on_observation(function(o, rng)
      o:fill(0)
      rng:add_normal(o, 1)
      both = { first, o:totable() }
    end)
    w:reset()
    assert.are_not.same(both[1], both[2])
  end)

  it("restored, has seen what it saw and goes on seeing the same", function()
    local function make() return world("HalfCheetah", { gap = gap.observation_noise(0.2), seed = 7 }) end
    local a, b = make(), make()
    run(a, core.rng(8), 134)
    run(b, core.rng(9), 10)
    local state = a:state()
    local observation = b:restore(state)
    assert.are.same(a.observation:totable(), observation:totable())
    for _ = 1, 20 do assert.are.same(a:step(some):totable(), b:step(some):totable()) end
    refused("another gap", function() world("HalfCheetah"):restore(state) end)
    refused("another gap", function() a:restore(world("HalfCheetah"):state()) end)
    state.seen.observation = { 1, 2 }
    refused("has not 17 numbers", a.restore, a, state)
    state.seen = 3
    refused("seen last is missing", a.restore, a, state)
  end)

  it("shows the last observation again where the simulation runs away, noise and all", function()
    local w = world("HalfCheetah", { gap = gap.observation_noise(0.2), seed = 11 })
    w:reset()
    local before = w:step(some):totable()
    w.physics:add_noise("qvel", "normal", 1e6, core.rng(1))
    local observation, _, _, _, diverged = w:step(some)
    assert.is_true(diverged)
    assert.are.same(before, observation:totable())
  end)

  it("refuses states that are not its own", function()
    local plain, noisy = world("HalfCheetah"), world("HalfCheetah", { gap = gap.joint_noise(0.1) })
    plain:reset()
    local state = plain:state()
    refused("another gap", noisy.restore, noisy, state)
    state.env = "Hopper"
    refused("a state of Hopper", plain.restore, plain, state)
    refused("not a nil", plain.restore, plain)
    state.env, state.steps = "HalfCheetah", nil
    refused("steps is a nil", plain.restore, plain, state)
  end)

  it("turns a runaway simulation into a timeout that is counted and explained", function()
    local w = world("HalfCheetah", { seed = 11 })
    w:reset()
    w:step(core.zeros(6))
    w.physics:add_noise("qvel", "normal", 1e6, core.rng(1))
    w.physics:observe(w.observation, 1) -- the state that runs away
    local before = w.observation:totable()
    local observation, reward, terminal, timeout, diverged = w:step(core.zeros(6))
    assert.are.same({ 0.0, false, true, true }, { reward, terminal, timeout, diverged })
    assert.are.same(before, observation:totable())
    assert.are.equal(1, w.diverged)
    assert.is_truthy(w.divergence:find("control step 2", 1, true))
    refused("call reset() first", w.step, w, core.zeros(6))
    assert.is_true(w:reset():is_finite())
    w:step(core.zeros(6))
  end)

  it("answers wrong actions with an error and goes on", function()
    for _, w in ipairs { world("HalfCheetah"), world("HalfCheetah", { gap = gap.joint_noise(0.1) }) } do
      w:reset()
      refused("2 numbers, 6 are needed", w.step, w, { 1, 2 })
      refused("control[3]", w.step, w, { 0, 0, 0 / 0, 0, 0, 0 })
      assert.is_false(pcall(w.step, w, nil))
      assert.is_false(pcall(w.step, w, "left"))
      assert.is_false(pcall(w.step, w, core.rng(1)))
      w:step(core.zeros(6))
    end
  end)

  it("turns MuJoCo's errors into Lua errors with the step and the state", function()
    local w = world("HalfCheetah")
    w:reset()
    for _, body in ipairs(w.model:bodies()) do
      body.mass, body.inertia = 0, { 0, 0, 0 }
    end
    local ok, problem, _, _, timeout = pcall(w.step, w, core.zeros(6))
    assert.is_true(not ok or timeout == true)
    problem = ok and w.divergence or problem
    assert.is_truthy(problem:find("MuJoCo", 1, true))
    assert.is_truthy(problem:find("control step 1", 1, true))
    assert.is_truthy(problem:find("qpos", 1, true))
  end)

  it("refuses unknown options and environments", function()
    refused("unknown 'sead'; nearest: seed", world, "HalfCheetah", { sead = 1 })
    refused("seed must be an integer", world, "HalfCheetah", { seed = 1.5 })
    refused("unknown 'Cheetah'; nearest: HalfCheetah", world, "Cheetah")
    refused("not a nil", world)
  end)
end)

describe("an environment", function()
  local function definition(changes)
    local made = {}
    for key, value in pairs(env.get("HalfCheetah")) do made[key] = value end
    for key, value in pairs(changes) do made[key] = value end
    return made
  end

  it("can be a table of one's own", function()
    local steps = {}
    local w = world(definition {
      name = "Sprint", max_episode_steps = 7, observation = { skip_qpos = 2, clip = 0.05 },
      terminal = function(physics) return physics:time() > 0.22 end,
      reward = function(_, before, after, dt) return { before, after, dt } end,
    })
    assert.are.equal(16, w.observation_dim)
    w:reset()
    for i = 1, 5 do steps[i] = { select(2, w:step(core.zeros(6))) } end
    assert.are.equal(0.05, steps[5][1][3])
    assert.are.equal(steps[4][1][2], steps[5][1][1])
    assert.are.same({ true, false }, { steps[5][2], steps[5][3] })
    assert.is_true(w.over)
    for _, x in ipairs(w.observation:totable()) do assert.is_true(math.abs(x) <= 0.0501) end
  end)

  it("observes what it says, in its own order", function()
    local w = world(definition {
      observation = { size = 2 },
      observe = function(physics, observation)
        observation:set(1, physics:qvel(1))
        observation:set(2, physics:qpos(3))
      end,
    })
    assert.are.equal(2, w.observation_dim)
    w:reset()
    local observation = w:step { 1, 1, 1, 1, 1, 1 }
    assert.is_near(w.physics:qvel(1), observation:get(1), 1e-6)
    assert.is_near(w.physics:qpos(3), observation:get(2), 1e-6)
  end)

  it("sets its world up once, before the gap", function()
    local calls = 0
    local changed = definition {
      setup = function(w)
        calls = calls + 1
        w.model.gravity = { 0, 0, -1 }
        w:delay_actions(1)
      end,
    }
    local w = world(changed, { gap = "gravity(2.0)" })
    assert.are.equal(-2, w.model.gravity[3])
    w:reset()
    w:step { 1, 0, 0, 0, 0, 0 }
    assert.are.equal(0, w.physics:control(1))
    w:reset()
    assert.are.equal(1, calls)
    assert.are.equal(-9.81, world(definition {}).model.gravity[3])
  end)

  it("pays for the action that was chosen, not for the one that is executed", function()
    local w = world(definition {
      setup = function(changed) changed:on_action(function(action) action:fill(0.25) end) end,
      reward = function(physics, _, _, _, action) return action[1] + 10 * physics:control(1) end,
    })
    w:reset()
    assert.is_near(0.5 + 2.5, select(2, w:step { 0.5, 0, 0, 0, 0, 0 }), 1e-9)
  end)

  it("names the field at fault", function()
    refused("setup must be a function, not a string", world, definition { setup = "much" })
    refused("observe and observation.size go together", world, definition { observe = print })
    refused("observe and observation.size go together", world, definition { observation = { size = 2 } })
    refused("observation.names must be a list", world, definition { observation = { names = { "x" } } })
    refused("observation.units must be a list", world, definition { observation = { units = { "m" } } })
    refused("observation.size must be a whole number", world,
      definition { observe = print, observation = { size = 0 } })
    refused("frame_skip", world, definition { frame_skip = 0.5 })
    refused("reward must be a function, not a string", world, definition { reward = "much" })
    refused("unknown 'rewards'; nearest: reward", world, definition { rewards = print })
    refused("observation: unknown 'skip'; nearest: skip_qpos", world, definition { observation = { skip = 1 } })
    refused("nowhere.xml", world, definition { model = "nowhere.xml" })
    refused("skip_qpos", world, definition { observation = { skip_qpos = 10 } })
  end)

  it("is listed", function()
    local found = false
    for _, name in ipairs(env.list()) do found = found or name == "HalfCheetah" end
    assert.is_true(found)
  end)

  it("scores returns as D4RL does", function()
    local cheetah = env.get("HalfCheetah")
    assert.is_near(0, env.normalised_score(cheetah, -280.178953), 1e-12)
    assert.is_near(100, env.normalised_score(cheetah, 12135.0), 1e-12)
    local unscored = definition {}
    unscored.reference_scores = nil
    assert.is_nil(env.normalised_score(unscored, 1))
  end)
end)
