--- Promises of the robots in envs/: sizes, starts, rewards, and when an episode truly ends.
local core = require "tide.core"
local env = require "tide.env"
local world = require "tide.world"

local robots = {
  HalfCheetah = { observation_dim = 17, action_dim = 6, dt = 0.05 },
  Hopper = { observation_dim = 11, action_dim = 3, dt = 0.008 },
  Walker2d = { observation_dim = 17, action_dim = 6, dt = 0.008 },
  Ant = { observation_dim = 27, action_dim = 8, dt = 0.05 },
}

local function zeros(n)
  local list = {}
  for i = 1, n do list[i] = 0 end
  return list
end

--- The world, standing still where its model begins, but for the positions in `moved`.
local function placed(name, moved)
  local w = world(name, { seed = 1 })
  w.physics:reset()
  local qpos, qvel = w.physics:qpos(), w.physics:qvel()
  for index, value in pairs(moved or {}) do qpos[index] = value end
  w:place(qpos, qvel)
  return w
end

--- Whether the state with these positions is a terminal one.
local function ends(name, moved)
  local w = placed(name, moved)
  return w.env.terminal(w.physics)
end

describe("the robots", function()
  after_each(function() core.end_step() end)

  for name, sizes in pairs(robots) do
    describe(name, function()
      it("has the published sizes and D4RL's reference scores", function()
        local w = world(name)
        assert.are.same({ sizes.observation_dim, sizes.action_dim, 1000 },
                        { w.observation_dim, w.action_dim, w.max_episode_steps })
        assert.is_near(sizes.dt, w.env.frame_skip * w.physics:timestep(), 1e-15)
        assert.is_near(0, env.normalised_score(w.env, w.env.reference_scores.random), 1e-12)
        assert.is_near(100, env.normalised_score(w.env, w.env.reference_scores.expert), 1e-12)
      end)

      it("starts healthy, never twice the same, within the published noise", function()
        local w, seen = world(name, { seed = 2 }), {}
        local still = placed(name).physics:qpos()
        local noise = (name == "Hopper" or name == "Walker2d") and 0.005 or 0.1
        local scale
        for _ = 1, 30 do
          w:reset()
          assert.is_false(w.env.terminal(w.physics))
          local qpos = w.physics:qpos()
          for i, x in ipairs(qpos) do
            -- MuJoCo has brought the ant's quaternion back to length 1
            if name == "Ant" and i >= 4 and i <= 7 then scale = 0.15 else scale = noise end
            assert.is_true(math.abs(x - still[i]) <= scale, ("qpos[%d]"):format(i))
          end
          assert.is_nil(seen[qpos[1]])
          seen[qpos[1]] = true
        end
      end)

      it("pays for moving forward, and charges for torque", function()
        local w = placed(name)
        local definition, control = w.env, zeros(sizes.action_dim)
        local rest = definition.reward(w.physics, 0, 0, sizes.dt)
        assert.is_near(rest + 1.0, definition.reward(w.physics, 0, sizes.dt, sizes.dt), 1e-9)
        control[1] = 1
        w:transition(control)
        local cost = ({ HalfCheetah = 0.1, Ant = 0.5 })[name] or 1e-3
        assert.is_near(rest - cost, definition.reward(w.physics, 0, 0, sizes.dt), 1e-12)
      end)

      it("an episode that nothing ends is cut after 1000 steps: a timeout, no terminal", function()
        local w = world(name, { seed = 3 })
        w.env = setmetatable({ terminal = function() return false end }, { __index = w.env })
        w:reset()
        local terminal, timeout, steps, action = false, false, 0, zeros(sizes.action_dim)
        while not (terminal or timeout) do
          local _
          _, _, terminal, timeout = w:step(action)
          steps = steps + 1
        end
        assert.are.same({ 1000, false, true }, { steps, terminal, timeout })
      end)
    end)
  end

  it("a cheetah never falls", function()
    assert.is_false(ends("HalfCheetah", { [2] = -0.5, [3] = math.pi }))
  end)

  it("a hopper falls below 0.7 m, at 0.2 rad, and where a number runs away", function()
    assert.is_false(ends("Hopper"))
    assert.is_false(ends("Hopper", { [2] = 0.71, [3] = -0.19 }))
    assert.is_true(ends("Hopper", { [2] = 0.7 }))
    assert.is_true(ends("Hopper", { [3] = 0.2 }))
    assert.is_true(ends("Hopper", { [3] = -0.2 }))
    assert.is_true(ends("Hopper", { [5] = 100 }))
    assert.is_false(ends("Hopper", { [1] = 1000 }), "how far it came is no fall")
  end)

  it("a walker falls outside 0.8 to 2 m, and at 1 rad", function()
    assert.is_false(ends("Walker2d"))
    assert.is_false(ends("Walker2d", { [2] = 0.81, [3] = 0.99 }))
    assert.is_true(ends("Walker2d", { [2] = 0.8 }))
    assert.is_true(ends("Walker2d", { [2] = 2 }))
    assert.is_true(ends("Walker2d", { [3] = -1 }))
  end)

  it("an ant falls below 0.2 m and flies above 1 m", function()
    assert.is_false(ends("Ant"))
    assert.is_false(ends("Ant", { [3] = 0.2 }))
    assert.is_false(ends("Ant", { [3] = 1 }))
    assert.is_true(ends("Ant", { [3] = 0.19 }))
    assert.is_true(ends("Ant", { [3] = 1.01 }))
  end)

  it("the step on which a hopper falls is paid like any other, and is no timeout", function()
    local w = world("Hopper", { seed = 4 })
    w:reset()
    local before, reward, terminal, timeout, _
    repeat
      before = w.physics:qpos(1)
      _, reward, terminal, timeout = w:step { -1, 1, 1 }
    until terminal or timeout
    assert.is_true(terminal)
    assert.is_false(timeout)
    assert.is_near((w.physics:qpos(1) - before) / 0.008 + 1 - 0.001 * 3, reward, 1e-9)
    assert.has_error(function() w:step { 0, 0, 0 } end)
  end)
end)
