--- Promises of gap:effect and gap:measure, scripts/tide/gap/measure.lua, and of the warning of a run.
local core = require "tide.core"
local expect = require "support.expect"
local files = require "support.files"
local gap = require "tide.gap"
local program = require "support.program"
local spaces = require "tide.spaces"
local world = require "tide.world"

local refused = expect.refused

local slippery_feet = gap.define("test-slippery-feet", function(w, factor)
  for _, name in ipairs { "bfoot", "ffoot" } do
    local geom = w.model:geom(name)
    local friction = geom.friction
    geom.friction = { factor * friction[1], factor * friction[2], factor * friction[3] }
  end
end, { "factor" })

--- A ball of 2 kg that falls along z and is pushed along x: what a step does is known.
local FALLING = [[<mujoco><option timestep="0.01" gravity="0 0 -10"/><worldbody><body><joint name="x" type="slide"
  axis="1 0 0"/><joint name="z" type="slide" axis="0 0 1"/><geom size="0.1" mass="2"/></body></worldbody>
  <actuator><motor joint="x" gear="4"/></actuator></mujoco>]]

local function falling()
  local path = os.tmpname()
  files.write(path, FALLING)
  finally(function() os.remove(path) end)
  return {
    name = "Falling", model = path, frame_skip = 2, max_episode_steps = 20, observation = { skip_qpos = 1 },
    reset = function(physics, rng) physics:add_noise("qvel", "uniform", 0.1, rng) end,
    measure = function() return 0.0 end, reward = function() return 0.0 end, terminal = function() return false end,
  }
end

describe("a gap's effect", function()
  it("names the figures that it changes and the first step that differs", function()
    local effect = gap.gravity(2.0):effect("HalfCheetah")
    assert.is_true(effect.differs)
    assert.are.equal(1, effect.step)
    assert.are.same({ { part = "model", field = "gravity", before = { 0, 0, -9.81 }, after = { 0, 0, -19.62 } } },
      effect.changes)
    assert.are.same({ actions = 0, observations = 0 }, effect.hooks)
    assert.are.equal("gravity(2.0) changes model.gravity of HalfCheetah", effect.text)
    local both = (gap.joint_noise(0.1) + gap.observation_noise(0.1) + gap.density(2.0)):effect("HalfCheetah")
    assert.are.same({ actions = 1, observations = 1 }, both.hooks)
    assert.is_truthy(both.text:find("body.mass of 7 parts", 1, true), both.text)
    assert.is_truthy(both.text:find("the actions, the observations", 1, true), both.text)
  end)

  it("is none where feet are less slippery than the floor: MuJoCo takes the greater friction", function()
    local effect = slippery_feet(0.5):effect("HalfCheetah")
    assert.is_false(effect.differs)
    assert.is_nil(effect.step)
    assert.are.equal(2, #effect.changes)
    assert.is_truthy(effect.text:find("test-slippery-feet(0.5) has no effect on HalfCheetah: it changes geom.friction"
      .. " of 2 parts, but 100 control steps", 1, true), effect.text)
    assert.is_true(slippery_feet(2.0):effect("HalfCheetah").differs)
    assert.is_true(gap.friction(0.3):effect("HalfCheetah").differs)
  end)

  it("is none where nothing is written, or the same again", function()
    for _, g in ipairs { gap.gravity(1.0), gap.joint_range(1.0), gap.define("test-idle", function() end)() } do
      local effect = g:effect("Hopper")
      assert.is_false(effect.differs)
      assert.is_truthy(effect.text:find("changes no figure of the model, no action and no observation", 1, true))
    end
    assert.is_false(gap.joint_noise(0.0):effect("Hopper").differs)
  end)

  it("is there where only what is seen differs, or only at a joint's end", function()
    local dull = gap.define("test-dull", function(w) w:on_observation(function(o) o:fill(0) end) end)()
    assert.is_true(dull:effect("HalfCheetah").differs)
    local later = gap.define("test-dull-later", function(w)
      local n = 0
      w:on_observation(function(o)
        n = n + 1
        if n > 7 then o:fill(0) end
      end)
    end)()
    assert.are.equal(7, later:effect("HalfCheetah").step)
    assert.is_true(gap.joint_range("easy"):effect("Hopper").step > 50) -- under actions that are held
    local effect = gap.joint_range(0.9):effect("HalfCheetah")
    assert.is_true(effect.differs and effect.step > 1)
  end)

  it("leaves no trace in the gap or in other worlds", function()
    local g = gap.gravity(2.0)
    local before = tostring(g)
    g:effect("HalfCheetah")
    assert.are.equal(before, tostring(g))
    assert.are.same({ 0, 0, -9.81 }, world("HalfCheetah").model.gravity)
    refused("unknown 'stpes'; nearest: steps", g.effect, g, "HalfCheetah", { stpes = 1 })
  end)
end)

describe("a gap's measure", function()
  it("is the difference of one step, as mechanics has it", function()
    local definition = falling()
    local result = gap.gravity(3.0):measure(definition, { states = 50 })
    local z, vz = result.components[2], result.components[4]
    assert.are.same({ "x", "z", "x velocity", "z velocity" }, { result.components[1].name, z.name,
      result.components[3].name, vz.name })
    assert.are.same({ "m", "m/s" }, { z.unit, vz.unit })
    assert.is_near(2 * 10 * 0.02, vz.difference, 1e-12)       -- 20 m/s^2 more, for 0.02 s
    assert.is_near(2 * 10 * 0.01 ^ 2 * 3, z.difference, 1e-9) -- velocity first: h^2 (1 + 2) g
    assert.is_near(0, result.components[1].difference, 1e-12)
    local three = gap.gravity(3.0):measure(definition, { states = 50, steps = 3 })
    assert.is_near(3 * vz.difference, three.components[4].difference, 1e-12)
    assert.is_nil(vz.share) -- the real velocity changes by the same amount in every step
    assert.are.same({ 50, 1, 0, "Falling" }, { result.states, result.steps, result.diverged, result.env })
  end)

  it("is told beside the spread of the real world's own step", function()
    local result = gap.actuator_gain(2.0):measure(falling(), { states = 4000 })
    local vx = result.components[3]
    -- an action u, uniform in [-1, 1], changes the velocity by 4 u / 2 * 0.02 s; the gap doubles that
    assert.is_near(0.04 / math.sqrt(3), vx.step, 0.0006)
    assert.is_near(0.04 / 2, vx.difference, 0.0006)
    assert.is_near(vx.difference / vx.step, vx.share, 1e-12)
    local shares, n = 0, 0
    for _, component in ipairs(result.components) do
      if component.share then shares, n = shares + component.share, n + 1 end
    end
    assert.is_near(shares / n, result.share, 1e-12)
  end)

  it("is of what is seen where the gap changes that", function()
    local result = gap.observation_noise(0.5):measure("HalfCheetah", { states = 300 })
    assert.are.equal(17, #result.components)
    assert.are.equal("rootz", result.components[1].name)
    local mean = 0
    for _, component in ipairs(result.components) do mean = mean + component.difference / 17 end
    assert.is_near(0.5 * math.sqrt(2 / math.pi), mean, 0.02) -- of the absolute value of a normal draw
  end)

  it("is nothing for no gap, and the same for the same seed", function()
    local none = gap.gravity(1.0):measure("Hopper", { states = 20 })
    for _, component in ipairs(none.components) do assert.are.equal(0, component.difference) end
    assert.are.equal(0, none.share)
    local noise = gap.joint_noise(0.5)
    local function measured(seed) return noise:measure("Hopper", { states = 20, seed = seed }).components end
    assert.are.same(measured(1), measured(1))
    assert.are_not.same(measured(1), measured(2))
  end)

  it("takes its states from a policy's rollouts, or from a dataset", function()
    local asked = 0
    local still = { act = function(_, observation, mode)
      asked = asked + 1
      assert.are.same({ 17 }, observation.shape)
      assert.are.equal("mean", mode)
      return core.zeros(6)
    end }
    local result = gap.actuator_gain(5.0):measure("HalfCheetah", { states = 30, policy = still })
    assert.are.equal(30, asked)
    assert.are.equal(0, result.share) -- without an action there is nothing to scale
    local seen = {}
    local data = setmetatable({
      state = function(_, row)
        seen[#seen + 1] = row
        return { 0, row, 0, 0, 0, 0, 0, 0, 0 }, { 0, 0, 0, 0, 0, 0, 0, 0, 0 }
      end,
      rows = function(_, name, _, n)
        assert.are.equal("actions", name)
        return core.zeros(n, 6)
      end,
    }, { __len = function() return 100 end })
    result = gap.gravity(2.0):measure("HalfCheetah", { states = 5, steps = 2, dataset = data })
    assert.are.same({ 1, 25, 50, 74, 99 }, seen)
    assert.is_near(9.81 * 0.1, result.components[11].difference, 1e-3) -- in the air, for two steps
    refused("5 rows, 9 steps", gap.gravity(2.0).measure, gap.gravity(2.0), "HalfCheetah",
      { steps = 9, dataset = setmetatable({}, { __len = function() return 5 end }) })
    refused("states must be a whole number", gap.gravity(2.0).measure, gap.gravity(2.0), "Hopper", { states = 0 })
  end)
end)

describe("spaces", function()
  it("name every number of a world's state, observations and actions", function()
    for _, name in ipairs { "HalfCheetah", "Hopper", "Walker2d", "Ant" } do
      local w = world(name)
      local nq, nv, nu = w.physics:sizes()
      assert.are.equal(nq, #spaces.positions(w.model))
      assert.are.equal(nv, #spaces.velocities(w.model))
      assert.are.equal(nq + nv, #spaces.state(w))
      assert.are.equal(w.observation_dim, #spaces.observations(w))
      assert.are.equal(nu, #spaces.actions(w))
    end
    local ant = world("Ant")
    assert.are.same({ name = "root z", unit = "m" }, spaces.observations(ant)[1])
    assert.are.same({ name = "root wx", unit = "rad/s" }, spaces.velocities(ant.model)[4])
    assert.are.same({ name = "hip_1", unit = "rad" }, spaces.positions(ant.model)[8])
    assert.are.same({ name = "hip_4", low = -1, high = 1, gear = 150 }, spaces.actions(ant)[1])
    local own = falling()
    own.observe, own.observation = function() end, { size = 2 }
    assert.are.same({ { name = "observation 1", unit = "" }, { name = "observation 2", unit = "" } },
      spaces.observations(world(own)))
  end)
end)

describe("a run", function()
  local script = [[
    local tide = require "tide"
    local feet = tide.gap.define("feet", function(world)
      world.model:geom("bfoot").friction = { 0.2, 0.1, 0.1 }
    end)
    tide.experiment {
      agent = tide.agents.sac { hidden = { 8 }, batch = 8 }, real = { env = "HalfCheetah" },
      sim = { gap = arg[1] == "none" and feet() or tide.gap.friction(0.3) },
      steps = 4, training = { epoch_updates = 4, epoch_rollout_steps = 4 }, evaluation = { episodes = 1 },
    }:train()]]

  it("says once, as it starts, that its gap has no effect", function()
    program.with_folder(function(folder)
      files.write(folder .. "/script.lua", script)
      local idle = program.run { "run", folder .. "/script.lua", "none", "--out", folder .. "/a", "--quiet" }
      assert.are.equal(0, idle.code, idle.err)
      local _, times = idle.err:gsub("warning: feet%(%) has no effect on HalfCheetah", "")
      assert.are.equal(1, times, idle.err)
      local resumed = program.run { "resume", folder .. "/a", "--steps", "8", "--quiet" }
      assert.are.equal(0, resumed.code, resumed.err)
      assert.is_nil(resumed.err:find("no effect", 1, true))
      local felt = program.run { "run", folder .. "/script.lua", "some", "--out", folder .. "/b", "--quiet" }
      assert.are.equal(0, felt.code, felt.err)
      assert.is_nil(felt.err:find("no effect", 1, true))
    end)
  end)
end)

