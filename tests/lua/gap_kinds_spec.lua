--- Promises of the gaps that come with Tide: scripts/tide/gap/kinds.lua, limbs.lua and robots.lua.
local core = require "tide.core"
local experiment = require "tide.experiment"
local expect = require "support.expect"
local files = require "support.files"
local gap = require "tide.gap"
local measure = require "tide.gap.measure"
local paths = require "tide.paths"
local tide = require "tide"
local world = require "tide.world"

local near, refused = expect.near, expect.refused

local ROBOTS = { "HalfCheetah", "Hopper", "Walker2d", "Ant" }
local KINDS = { "action_delay", "actuator_gain", "density", "friction", "gravity", "joint_damping", "joint_noise",
                "joint_range", "limb_size", "observation_noise", "wind" }

--- A definition around an MJCF text, which is written into a file of its own.
local function robot(text, changes)
  local path = os.tmpname()
  files.write(path, text)
  local definition = {
    name = "Test", model = path, frame_skip = 2, max_episode_steps = 100, observation = {},
    reset = function(physics, rng) physics:add_noise("qvel", "uniform", 0.1, rng) end,
    measure = function() return 0.0 end, reward = function() return 0.0 end, terminal = function() return false end,
  }
  for key, value in pairs(changes or {}) do definition[key] = value end
  return definition, path
end

describe("gaps with levels", function()
  it("have the benchmark's names: four factors, or easy, medium and hard", function()
    for _, name in ipairs(KINDS) do
      local names = {}
      for i, level in ipairs(gap.levels(name)) do names[i] = level.name end
      local factors = names[1] == 0.1
      assert.are.same(factors and { 0.1, 0.5, 2.0, 5.0 } or { "easy", "medium", "hard" }, names)
      assert.is_string(gap.about(name).about)
    end
    for _, name in ipairs { "gravity", "friction" } do assert.are.equal(4, #gap.levels(name)) end
    assert.are.same({ { name = "easy", value = 0.8 }, { name = "medium", value = 0.5 },
      { name = "hard", value = 0.2 } }, gap.levels("joint_range"))
    refused("nearest: gravity", gap.levels, "gravty")
    gap.define("test-levels", function() end, { "share" })
    assert.are.same({}, gap.levels("test-levels"))
    assert.are.same({ name = "test-levels", parameters = { "share" }, optional = 0 }, gap.about("test-levels"))
  end)

  it("survive their text, their record and the command line, at every level", function()
    local config = { agent = tide.agents.sac {}, real = { env = "HalfCheetah" } }
    for _, name in ipairs(KINDS) do
      for _, level in ipairs(gap.levels(name)) do
        local one = gap[name](level.name)
        assert.are.same(one, gap.from(tostring(one)))
        assert.are.same(one, gap.from(one:describe()))
        local bare = ("%s(%s)"):format(name, level.name)
        assert.are.same(one, gap.from(bare))
        experiment.override { set = { "sim.gap=" .. bare } }
        assert.are.equal(tostring(one), (experiment.resolve(config)).sim.gap)
        experiment.override {}
      end
    end
    local part = gap.joint_range("hard", "foot") + gap.limb_size(0.5)
    assert.are.equal('joint_range("hard", "foot") + limb_size(0.5)', tostring(part))
    assert.are.same({ { name = "joint_range", factor = "hard", part = "foot" }, { name = "limb_size", factor = 0.5 } },
      part:describe())
    assert.are.same(part, gap.from(part:describe()))
    assert.are.same(part, gap.from("joint_range(hard, foot)+limb_size(0.5)"))
  end)

  it("do at a level what its number does", function()
    local function figures(g)
      return measure.changes(world("HalfCheetah").model, world("HalfCheetah", { gap = g }).model)
    end
    for _, name in ipairs { "joint_range", "limb_size", "wind" } do
      for _, level in ipairs(gap.levels(name)) do
        local changed = figures(gap[name](level.name))
        assert.is_true(#changed > 0)
        assert.are.same(figures(gap[name](level.value)), changed)
      end
    end
  end)

  it("refuse what is no level and no number that can be", function()
    refused({ "gap.joint_range: factor must be a number from 0 on, or a level (easy, medium, hard), not worst" },
      gap.joint_range, "worst")
    refused("or a level (0.1, 0.5, 2.0, 5.0), not easy", gap.gravity, "easy")
    refused("a whole number from 1 on", gap.action_delay, 1.5)
    refused("a whole number from 1 on", gap.action_delay, 0)
    refused("from 0.01 on", gap.limb_size, 0)
    refused("from 0 on", gap.observation_noise, -1)
    refused("takes 1 to 2 parameters (factor, part), 0 given", gap.joint_range)
    refused("takes 1 to 2 parameters (factor, part), 3 given", gap.joint_range, 1, "foot", 2)
    refused("takes 1 parameters (speed), 2 given", gap.wind, 1, 2)
    assert.are.equal("action_delay(2)", tostring(gap.action_delay(2.0)))
  end)

  it("are felt on each robot, at the mildest level", function()
    for _, name in ipairs(ROBOTS) do
      for _, kind in ipairs(KINDS) do
        local effect = gap[kind](gap.levels(kind)[1].name == "easy" and "easy" or 0.5):effect(name)
        assert.is_true(effect.differs, effect.text)
      end
    end
  end)
end)

describe("the gap of", function()
  it("density adds mass where the compiler fixes the total", function()
    local total = 0
    for _, body in ipairs(world("HalfCheetah", { gap = gap.density(1.5) }).model:bodies()) do
      total = total + body.mass
    end
    assert.is_near(21, total, 1e-9)
  end)

  it("joint damping and actuator gain scale every joint and actuator, a servo's bias too", function()
    local plain = world("Ant").model
    local model = world("Ant", { gap = gap.joint_damping(2) + gap.actuator_gain(0.5) }).model
    for i, joint in ipairs(model:joints()) do
      local damping = plain:joints()[i].damping
      if type(damping) == "table" then
        for k, x in ipairs(damping) do assert.are.equal(2 * x, joint.damping[k]) end
      else
        assert.are.equal(2 * damping, joint.damping)
      end
    end
    for _, actuator in ipairs(model:actuators()) do assert.are.equal(0.5, actuator.gainprm[1]) end
    local servo, path = robot [[<mujoco><worldbody><body><joint name="j" axis="0 1 0"/><geom size="0.1"/></body>
      </worldbody><actuator><position joint="j" kp="10"/></actuator></mujoco>]]
    local bias = world(servo, { gap = gap.actuator_gain(3) }).model:actuators()[1].biasprm
    os.remove(path)
    assert.are.equal(-30, bias[2])
  end)

  it("joint range narrows the named joints about 0, or about the end that is nearest to it", function()
    local cheetah = world("HalfCheetah", { gap = gap.joint_range("medium") }).model
    near({ -0.26, 0.525 }, cheetah:joint("bthigh").range, 1e-12)
    near({ -0.5, 0.35 }, cheetah:joint("fthigh").range, 1e-12)
    near({ -0.785, 0.785 }, cheetah:joint("bshin").range, 1e-12)
    local feet = world("HalfCheetah", { gap = gap.joint_range(0.5, "foot") }).model
    near({ -0.25, 0.25 }, feet:joint("ffoot").range, 1e-12)
    near({ -1, 0.7 }, feet:joint("fthigh").range, 1e-12)
    local one = world("HalfCheetah", { gap = gap.joint_range(0.5, "ffoot") }).model
    near({ -0.25, 0.25 }, one:joint("ffoot").range, 1e-12)
    near({ -0.4, 0.785 }, one:joint("bfoot").range, 1e-12)
    local degree = math.pi / 180
    local ant = world("Ant", { gap = gap.joint_range(0.5, "ankle") }).model
    near({ 30 * degree, 50 * degree }, ant:joint("ankle_1").range, 1e-9)
    near({ -50 * degree, -30 * degree }, ant:joint("ankle_2").range, 1e-9)
  end)

  it("joint range and limb size say which parts a robot has", function()
    local problem = refused("part of HalfCheetah: unknown 'ffot'; nearest: ffoot", world, "HalfCheetah",
      { gap = gap.joint_range(0.5, "ffot") })
    assert.is_nil(problem:find("rootx", 1, true))
    refused("unknown 'rootx'", world, "HalfCheetah", { gap = gap.joint_range(0.5, "rootx") }) -- it has no range
    refused("part of Ant: unknown 'tail'", world, "Ant", { gap = gap.limb_size(0.5, "tail") })
    for _, name in ipairs(ROBOTS) do
      for _, kind in ipairs { "joint_range", "limb_size" } do
        local groups, default = gap.groups(kind, name)
        assert.is_string(default)
        groups[#groups + 1] = default
        for _, part in ipairs(groups) do
          local changed = measure.changes(world(name).model, world(name, { gap = gap[kind](0.5, part) }).model)
          assert.is_true(#changed > 0, name .. " " .. part)
        end
      end
    end
  end)

  it("joint range and limb size take all joints and all limbs of a robot without groups", function()
    local arm, path = robot [[<mujoco><compiler angle="radian"/><worldbody><body name="base"><joint name="free"/>
      <geom size="0.1"/>
      <body name="upper" pos="0 0 1"><joint name="shoulder" limited="true" range="-1 1"/><geom size="0.1"/>
      <body name="lower" pos="0 0 1"><joint name="elbow" limited="true" range="0 2"/><geom size="0.1"/></body></body>
      </body></worldbody></mujoco>]]
    local model = world(arm, { gap = gap.joint_range(0.5) + gap.limb_size(0.5) }).model
    os.remove(path)
    assert.are.same({ { -0.5, 0.5 }, { 0, 1 } }, { model:joint("shoulder").range, model:joint("elbow").range })
    assert.are.same({ { 0, 0, 1 }, { 0, 0, 0.5 } }, { model:body("upper").position, model:body("lower").position })
    local sizes = {}
    for i, geom in ipairs(model:geoms()) do sizes[i] = geom.size[1] end
    assert.are.same({ 0.1, 0.05, 0.05 }, sizes)
    local hopper = world("Hopper", { gap = gap.limb_size(0.5, "torso") }).model -- named, the root too
    assert.are.same({ 0, 0, -0.1 }, hopper:body("thigh").position)
  end)

  it("limb size makes the model that MuJoCo compiles from a limb of that size, feet attached", function()
    local text = files.read(paths.envs("walker2d.xml"))
    local function swap(from, to, times)
      local escaped = from:gsub("%p", "%%%0")
      local changed, n = text:gsub(escaped, (to:gsub("%%", "%%%%")))
      assert.are.equal(times, n)
      text = changed
    end
    swap('fromto="0 0 0 0 0 -0.5" size="0.04"', 'fromto="0 0 0 0 0 -0.25" size="0.02"', 2)
    swap('pos="0 0 -0.5"', 'pos="0 0 -0.25"', 2)
    local path = os.tmpname()
    files.write(path, text)
    local definition = {}
    for key, value in pairs(world("Walker2d").env) do definition[key] = value end
    definition.model = path
    local compiled, written = world(definition), world("Walker2d", { gap = gap.limb_size(0.5, "leg") })
    os.remove(path)
    compiled:reset()
    written:reset()
    for _, change in ipairs(measure.changes(compiled.model, written.model)) do
      near(change.before, change.after, 1e-12) -- not the last bits: the compiler integrates in another order
    end
    local rng = core.rng(3)
    for _ = 1, 60 do
      local action = rng:uniform(-1, 1, 6)
      compiled:transition(action)
      written:transition(action)
      near(compiled.physics:qpos(), written.physics:qpos(), 1e-6)
    end
  end)

  it("limb size keeps a limb at its joint, wherever that is", function()
    local function arm(scale)
      local text = ([[<mujoco><worldbody><body name="base"><geom size="0.1"/><body name="arm" pos="0 0 0.5">
        <joint name="arm" type="hinge" axis="0 1 0" pos="0 0 0.2"/><geom type="box" size="%g %g %g" pos="0 0 %g"/>
        <body name="hand" pos="0.1 0 %g"><joint axis="1 0 0" type="hinge"/><geom size="0.05"/></body></body></body>
        </worldbody></mujoco>]]):format(0.1 * scale, 0.05 * scale, 0.3 * scale, 0.2 + scale * (-0.1 - 0.2),
        0.2 + scale * (-0.4 - 0.2)):gsub('pos="0.1 0', ('pos="%g 0'):format(0.1 * scale))
      return robot(text)
    end
    local small, small_path = arm(0.5)
    local full, full_path = arm(1)
    local compiled, written = world(small), world(full, { gap = gap.limb_size(0.5, "arm") })
    os.remove(small_path)
    os.remove(full_path)
    for _, change in ipairs(measure.changes(compiled.model, written.model)) do
      near(change.before, change.after, 1e-12)
    end
    for _ = 1, 50 do
      compiled:reset()
      written:reset()
      for _ = 1, 20 do
        compiled:transition {}
        written:transition {}
      end
      near(compiled.physics:qpos(), written.physics:qpos(), 1e-8)
    end
  end)

  it("wind puts a robot without a medium into air, and adds to a wind that blows", function()
    local model = world("HalfCheetah", { gap = gap.wind(10) }).model
    assert.are.same({ 1.2, 1.8e-5, { -10, 0, 0 } }, { model.density, model.viscosity, model.wind })
    model = world("HalfCheetah", { gap = gap.wind(10) + gap.wind(-4) }).model
    assert.are.same({ -6, 0, 0 }, model.wind)
    local swimmer, path = robot [[<mujoco><option density="1000" viscosity="0.1"/><worldbody><body><joint type="slide"/>
      <geom size="0.1"/></body></worldbody></mujoco>]]
    model = world(swimmer, { gap = gap.wind(1) }).model
    os.remove(path)
    assert.are.same({ 1000, 0.1 }, { model.density, model.viscosity })
  end)

  it("wind pushes: against the robot above zero, along with it below", function()
    local function drift(g)
      local w = world("Ant", { gap = g, seed = 1 })
      w:reset()
      for _ = 1, 20 do w:transition(core.zeros(8)) end
      return w.physics:qpos(1)
    end
    local calm = drift(gap.wind(0))
    assert.is_true(drift(gap.wind(20)) < calm - 0.05)
    assert.is_true(drift(gap.wind(-20)) > calm + 0.05)
  end)

  it("action delay executes each action that many control steps late", function()
    local w = world("HalfCheetah", { gap = gap.action_delay("medium"), seed = 1 })
    w:reset()
    local executed = {}
    for i = 1, 5 do
      w:step { i / 8, 0, 0, 0, 0, 0 }
      executed[i] = w.physics:control(1)
    end
    assert.are.same({ 0, 0, 1 / 8, 2 / 8, 3 / 8 }, executed)
  end)

  it("observation noise is as large as it says, and does not reach the state", function()
    local plain = world("HalfCheetah", { seed = 2 })
    local noisy = world("HalfCheetah", { gap = gap.observation_noise(0.1), seed = 2 })
    plain:reset()
    noisy:reset()
    local squares, n = 0, 0
    for _ = 1, 200 do
      local a, b = plain:step(core.zeros(6)):totable(), noisy:step(core.zeros(6)):totable()
      for i, x in ipairs(a) do squares, n = squares + (b[i] - x) ^ 2, n + 1 end
    end
    assert.is_near(0.01, squares / n, 0.001) -- 4 standard errors
    assert.are.same(plain.physics:qpos(), noisy.physics:qpos())
  end)
end)
