--- Promises of the wheel-legged robot: its rewards, its ends, the ideal simulator and the real robot's surrogate.
local core = require "tide.core"
local env = require "tide.env"
local files = require "support.files"
local program = require "support.program"
local recipes = require "tide.recipes"
local world = require "tide.world"

local tasks = { "WheelLeggedStand", "WheelLeggedMove", "WheelLeggedStandReal", "WheelLeggedMoveReal" }

--- The world, begun in a state { x, v, pitch, pitch rate }.
local function placed(name, state, options)
  local w = world(name, options)
  w:place({ state[1], state[3] }, { state[2], state[4] })
  return w
end

local parameters = dofile(require("tide.paths").envs("wheel_legged/real.lua"))

--- The state as the robot reads it, without noise.
local function state_of(w)
  local real = w.name:find "Real"
  return { w.physics:qpos(1), w.physics:qvel(1), w.physics:qpos(2) + (real and parameters.pitch_offset or 0),
           w.physics:qvel(2) * (real and parameters.gyroscope or 1) }
end

--- A balancing controller of the raw command, divided by 3.
local function balance(observation)
  local s = observation:totable()
  return { (0.6 * s[1] + 1.4 * s[2] + 10 * s[3] + s[4]) / 3 }
end

--- One episode.  -> return, steps, terminal, timeout
local function episode(w, act)
  local observation, total, terminal, timeout = w:reset(), 0.0, false, false
  while not (terminal or timeout) do
    local reward
    observation, reward, terminal, timeout = w:step(act(observation))
    total = total + reward
  end
  return total, w.steps, terminal, timeout
end

describe("the wheel-legged robot", function()
  after_each(function() core.end_step() end)

  it("is four environments: two tasks in two worlds, at 200 Hz, of x, v, pitch, pitch rate and one action", function()
    local known = table.concat(env.list(), " ")
    for _, name in ipairs(tasks) do
      assert.is_truthy(known:find(name, 1, true))
      local w = world(name)
      assert.are.same({ 4, 1, 1000 }, { w.observation_dim, w.action_dim, w.max_episode_steps })
      assert.is_near(0.005, w.env.frame_skip * w.physics:timestep(), 1e-15)
    end
    local w = placed("WheelLeggedStand", { 1, 2, 0.25, 4 })
    assert.are.same({ 1, 2, 0.25, 4 }, w.observation:totable())
  end)

  it("pays the published rewards, of the raw command and the next state", function()
    for _, name in ipairs(tasks) do
      for _, action in ipairs { 0.4, -1.0, 2.5 } do
        local w = placed(name, { 0.3, -0.2, 0.05, 0.4 })
        local _, reward = w:step { action }
        local a, s = 3 * math.min(action, 1.0), state_of(w)
        local expected = name:find "Stand" and 30 - a ^ 2 - s[1] ^ 2 - s[2] ^ 2 - s[3] ^ 2 - s[4] ^ 2
                         or 15 - ((s[2] - 0.2) ^ 2 + a ^ 2)
        assert.is_near(expected, reward, 1e-12)
        assert.is_near(expected, w.env.reward_of({ 0, 0, 0, 0 }, { action }, s), 1e-12)
        assert.is_near(expected, select(2, placed(name, { 0.3, -0.2, 0.05, 0.4 }):step(core.tensor { action })), 1e-5)
      end
    end
  end)

  it("falls past 30 degrees, either way: a terminal; an episode that nothing ends is a timeout", function()
    for _, name in ipairs(tasks) do
      local offset = name:find "Real" and parameters.pitch_offset or 0
      for _, sign in ipairs { 1, -1 } do
        local w = placed(name, { 0, 0, sign * 0.5235 - offset, 0 })
        assert.is_false(w.env.terminal(w.physics))
        w = placed(name, { 0, 0, sign * 0.5237 - offset, 0 })
        assert.is_true(w.env.terminal(w.physics))
      end
      local w = world(name, { seed = 1 })
      local _, steps, terminal, timeout = episode(w, function() return { 0 } end)
      assert.is_true(steps < 300 and terminal and not timeout, "left alone it falls")
    end
    local _, steps, terminal, timeout = episode(world("WheelLeggedStand", { seed = 1 }), balance)
    assert.are.same({ 1000, false, true }, { steps, terminal, timeout })
  end)

  it("stays up in both worlds under a balancing controller", function()
    for seed = 1, 5 do
      for _, name in ipairs { "WheelLeggedStand", "WheelLeggedStandReal" } do
        local total, steps = episode(world(name, { seed = seed }), balance)
        assert.are.equal(1000, steps, name)
        assert.is_true(total > 29000, ("%s: %g"):format(name, total))
      end
    end
  end)

  it("starts where the log's rows are, never twice the same", function()
    local w, seen = world("WheelLeggedMove", { seed = 2 }), {}
    for _ = 1, 30 do
      local s = w:reset():totable()
      for i, most in ipairs { 0.5, 0.3, 0.1, 0.5 } do assert.is_true(math.abs(s[i]) <= most) end
      assert.is_nil(seen[s[1]])
      seen[s[1]] = true
    end
  end)
end)

describe("the ideal simulator", function()
  it("weighs 12.1 kg, and 4.6 kg with a gap of the density", function()
    local function mass(w)
      return w.model:body("axle").mass + w.model:body("body").mass
    end
    assert.is_near(12.1, mass(world "WheelLeggedStand"), 1e-12)
    assert.is_near(4.6, mass(world("WheelLeggedStand", { gap = ("density(%.17g)"):format(4.6 / 12.1) })), 1e-9)
    assert.is_near(12.0, mass(world "WheelLeggedStandReal"), 1e-12)
  end)

  -- M: everything that x carries, with the wheels' turning; b = m l; c: the body's inertia about the axle.
  it("moves as a pendulum on wheels does", function()
    local m, l, r, torque = 10.9, 0.15, 0.1, 0.2 * 7.5
    local M, b, c = 12.1 + 0.6, m * l, 0.0879 + m * l * l
    local pitch, rate = 0.1, 0.4
    local w = placed("WheelLeggedStand", { 0, 0.1, pitch, rate })
    w.physics:step({ 0.2 }, 1)
    -- M x'' + b cos(p) p'' = torque / r + b sin(p) p'^2;  b cos(p) x'' + c p'' = b g sin(p) - torque
    local force, moment = torque / r + b * math.sin(pitch) * rate ^ 2, b * 9.81 * math.sin(pitch) - torque
    local coupling = b * math.cos(pitch)
    local det = M * c - coupling ^ 2
    assert.is_near(0.1 + 0.001 * (c * force - coupling * moment) / det, w.physics:qvel(1), 1e-9)
    assert.is_near(rate + 0.001 * (M * moment - coupling * force) / det, w.physics:qvel(2), 1e-9)
  end)

  it("answers at once, and no friction stops it", function()
    local w = placed("WheelLeggedStand", { 0, 0, 0, 0 })
    w:step { 0.5 }
    assert.is_true(w.physics:qvel(1) > 0 and w.physics:qvel(2) < 0, "a command drives on and pitches back")
    local still, moving = placed("WheelLeggedStand", { 0, 0, 0, 0 }), placed("WheelLeggedStand", { 0, 0.3, 0, 0 })
    for _ = 1, 10 do
      still:step { 0 }
      moving:step { 0 }
    end
    assert.is_near(0.3, moving.physics:qvel(1), 1e-12)
    assert.are.equal(0, still.physics:qvel(1))
  end)
end)

describe("the real robot's surrogate", function()
  --- What a command of 0.5 adds to v, step by step: with it less without.
  local function step_response(name, steps)
    local with, without, response = placed(name, { 0, 0.3, 0, 0 }), placed(name, { 0, 0.3, 0, 0 }), {}
    for k = 1, steps do
      with:step { 0.5 }
      without:step { 0 }
      response[k] = with.physics:qvel(1) - without.physics:qvel(1)
    end
    return response
  end

  it("lags: a command arrives late, then its torque grows to full by the time constant", function()
    local delay = parameters.delay
    assert.is_true(delay >= 1)
    local real, ideal = step_response("WheelLeggedStandReal", delay + 8), step_response("WheelLeggedStand", 8)
    for k = 1, delay do assert.are.equal(0, real[k]) end
    assert.is_true(real[delay + 1] > 0)
    local first, second = real[delay + 1], real[delay + 2] - real[delay + 1]
    local full = math.exp(-0.005 / parameters.lag) -- what is missing at the end of the first step
    assert.is_true(first < (1 - 0.5 * full) * second, "torque grows")
    assert.is_true(second < 1.5 * ideal[1], "and not beyond")
  end)

  it("has the fitted parameters", function()
    local w = world "WheelLeggedStandReal"
    local body, wheels = w.model:body "body", w.model:actuator "wheels"
    assert.is_near(parameters.height, body.centre[3], 1e-12)
    assert.is_near(parameters.inertia, body.inertia[2], 1e-12)
    assert.is_near(3 * parameters.strength, wheels.gainprm[1], 1e-12)
    assert.is_near(-parameters.back_emf, wheels.biasprm[3], 1e-12)
    assert.is_near(parameters.lag, wheels.dynprm[1], 1e-12)
    assert.is_near(parameters.rolling, w.model:joint("x").frictionloss, 1e-12)
  end)

  it("rolls to a stop", function()
    local w = placed("WheelLeggedStandReal", { 0, 0.05, 0, 0 })
    for _ = 1, 4 do w:step { 0 } end
    assert.is_true(w.physics:qvel(1) < 0.045)
  end)

  it("reads pitch with an offset, the pitch rate too small, and both and v with noise; x as it is", function()
    local w = world("WheelLeggedStandReal", { seed = 3 })
    local n, sum, squares = 2000, { 0, 0, 0, 0 }, { 0, 0, 0, 0 }
    for _ = 1, n do
      w:place({ 0.5, 0.1 }, { 0.3, 0.8 })
      for i, x in ipairs(w.observation:totable()) do sum[i], squares[i] = sum[i] + x, squares[i] + x * x end
    end
    local expected = { 0.5, 0.3, 0.1 + parameters.pitch_offset, 0.8 * parameters.gyroscope }
    local noise = { 0, parameters.noise.v, parameters.noise.pitch, parameters.noise.pitch_rate }
    for i = 1, 4 do
      local mean = sum[i] / n
      local std = math.sqrt(math.max(0, squares[i] / n - mean ^ 2))
      assert.is_near(expected[i], mean, 4 * noise[i] / math.sqrt(n) + 1e-6)
      assert.is_near(noise[i], std, 0.1 * noise[i] + 1e-5)
    end
  end)

  it("continues bit for bit from its state, motors, delay and noise included", function()
    local function run(w, n)
      local seen = {}
      for i = 1, n do seen[i] = table.concat(w:step({ 0.1 * math.sin(i) }):totable(), " ") end
      return seen
    end
    local w, other = world("WheelLeggedMoveReal", { seed = 4 }), world("WheelLeggedMoveReal", { seed = 5 })
    w:reset()
    run(w, 20)
    local state = w:state()
    local expected = run(w, 20)
    other:restore(state)
    assert.are.same(expected, run(other, 20))
  end)
end)

describe("the datasets wheel-legged-...-human", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function()
    core.end_step()
    os.remove(path)
  end)

  local function made(name, seed)
    recipes.make(name, { transitions = 3000, seed = seed, path = path })
    return core.dataset_read(path)
  end

  it("hold what someone drives: wide as the log, paid as the task says, the same for a seed", function()
    for task, name in pairs { stand = "WheelLeggedStandReal", move = "WheelLeggedMoveReal" } do
      local data = made(("wheel-legged-%s-human"):format(task), 1)
      assert.are.same({ 3000, 4, 1 }, { #data, data.observation_dim, data.action_dim })
      local _, std = data:statistics()
      local of_log = { 0.17, 0.17, 0.043, 0.5 } -- of 500 rows of the log, on average; x over its 16,000 rows
      for i = 2, 4 do
        assert.is_true(std:get(i) > 0.5 * of_log[i] and std:get(i) < 2.5 * of_log[i], ("%d: %g"):format(i, std:get(i)))
      end
      local reward_of = env.get(name).reward_of
      for i = 1, 3000, 100 do
        local function row(array) return data:rows(array, i, 1):totable()[1] end
        local expected = reward_of(row "observations", row "actions", row "next_observations")
        assert.is_near(expected, row "rewards", 0.15) -- the rewards know no noise of the sensors
      end
      local actions = data:tensor("actions"):totable()
      assert.are.same(actions, made(("wheel-legged-%s-human"):format(task), 1):tensor("actions"):totable())
      assert.are_not.same(actions, made(("wheel-legged-%s-human"):format(task), 2):tensor("actions"):totable())
    end
  end)
end)

describe("experiments/robot.lua", function()
  it("trains on a log, drives the surrogate, prints its table and draws its picture", function()
    local w, rows = world("WheelLeggedStandReal", { seed = 6 }), {}
    local observation = w:reset()
    for i = 1, 600 do
      local action = balance(observation)
      local s = observation:totable()
      rows[i] = ("%.9g %.9g %.9g %.9g %.9g 0"):format(s[1], s[2], s[3], s[4], 3 * action[1])
      observation = w:step(action)
    end
    program.with_folder(function(folder)
      files.write(folder .. "/log.txt", table.concat(rows, "\n"))
      local script = require("tide.paths").experiments "robot.lua"
      local result = program.shell(("cd '%s' && '%s' run '%s' log.txt --steps 12 --quiet"):format(folder, program.path,
        script))
      assert.are.equal(0, result.code, result.err)
      for _, agent in ipairs { "sac", "cql", "h2o" } do
        assert.is_truthy(result.out:find("stand  " .. agent, 1, true), result.out)
        assert.is_truthy(result.out:find("move   " .. agent, 1, true), result.out)
      end
      assert.are.equal("\137PNG", files.read(folder .. "/runs/robot/robot.png"):sub(1, 4))
    end)
  end)
end)
