--- Promises of tide.physics, tide.model and its parts: bindings/sim.c.
local core = require "tide.core"
local paths = require "tide.paths"
local expect = require "support.expect"

local refused = expect.refused

local CHEETAH = paths.envs("half_cheetah.xml")

local function cheetah()
  return core.physics(CHEETAH)
end

describe("physics", function()
  local action = { 0.5, -0.5, 0.25, 1, -1, 0 }

  it("has the sizes of its model", function()
    assert.are.same({ 9, 9, 6 }, { cheetah():sizes() })
  end)

  it("names a file that is missing or no model", function()
    refused("/nowhere/cow.xml", core.physics, "/nowhere/cow.xml")
    refused("half_cheetah.lua", core.physics, paths.envs("half_cheetah.lua"))
    refused("string expected", core.physics)
  end)

  it("takes the same step from a tensor and from a sequence", function()
    local a, b = cheetah(), cheetah()
    for _ = 1, 20 do
      assert.is_nil(a:step(action, 5))
      assert.is_nil(b:step(core.tensor(action), 5))
    end
    assert.are.same(a:state(), b:state())
  end)

  it("restored, continues bit for bit", function()
    local a, b = cheetah(), cheetah()
    for _ = 1, 30 do a:step(action, 5) end
    b:restore(a:state())
    for _ = 1, 30 do a:step(action, 5) b:step(action, 5) end
    assert.are.same(a:state(), b:state())
  end)

  it("refuses actions of another shape, kind or range", function()
    local p = cheetah()
    local before = p:state()
    refused("the action has 2 numbers, 6 are needed", p.step, p, { 1, 2 }, 5)
    refused("shape (5), (6) is needed", p.step, p, core.zeros(5), 5)
    refused("shape (1, 6), (6) is needed", p.step, p, core.zeros(1, 6), 5)
    refused("the action[3] is not a number but a string", p.step, p, { 1, 2, "left", 4, 5, 6 }, 5)
    refused("tide.tensor expected", p.step, p, 3, 5)
    refused("the control[2] is", p.step, p, { 0, 0 / 0, 0, 0, 0, 0 }, 5)
    refused("the control[2] is inf", p.step, p, { 0, math.huge, 0, 0, 0, 0 }, 5)
    refused("less than 1", p.step, p, action, 0)
    refused("a number for each actuator", p.replay, p, core.zeros(3, 5), 5)
    refused("a number for each actuator", p.replay, p, core.zeros(6), 5)
    refused("less than 1", p.replay, p, core.zeros(3, 6), 0)
    assert.are.same(before, p:state())
  end)

  it("observes into a tensor of the right shape only", function()
    local p, observation = cheetah(), core.zeros(17)
    p:place({ 1, 2, 3, 4, 5, 6, 7, 8, 9 }, { -1, -2, -3, -4, -5, -6, -7, -8, -20 })
    p:observe(observation, 1, 10)
    assert.are.same({ 2, 3, 4, 5, 6, 7, 8, 9, -1, -2, -3, -4, -5, -6, -7, -8, -10 }, observation:totable())
    refused("shape (17), (18) is needed", p.observe, p, observation)
    refused("only 9 positions", p.observe, p, observation, 10)
    refused("below zero", p.observe, p, observation, 1, -1)
    refused("less than 0", p.observe, p, observation, -1)
    refused("parameter", p.observe, p, core.parameter(observation), 1)
  end)

  it("refuses states that are none", function()
    local p = cheetah()
    local before = p:state()
    refused("the state has 2 numbers", p.restore, p, { 1, 2 })
    local spoiled = p:state()
    spoiled[7] = 0 / 0
    refused("state[7]", p.restore, p, spoiled)
    refused("qpos has 1 numbers, 9 are needed", p.place, p, { 1 }, { 2 })
    assert.are.same(before, p:state())
  end)

  it("closed, answers with an error; so does what was made from it", function()
    local p = cheetah()
    local model = p:model()
    local shin = model:joint("bshin")
    p:close()
    p:close()
    refused("closed", p.step, p, action, 5)
    refused("closed", function() return model.gravity end)
    refused("closed", function() return model:joints() end)
    refused("closed", function() return shin.damping end)
    refused("closed", function() shin.damping = 1 end)
    refused("closed", tostring, shin)
  end)

  it("lives as long as a part of its model", function()
    local shin = cheetah():model():joint("bshin")
    for _ = 1, 3 do collectgarbage() end
    assert.are.equal(4.5, shin.damping)
  end)

  it("does not take one object for another", function()
    local p = cheetah()
    refused("tide.physics expected", p.step, core.rng(1), action, 5)
    refused("tide.model expected", p:model().joint, p, "bshin")
    refused("tide.rng expected", p.add_noise, p, "qpos", "uniform", 0.1, p)
    refused("invalid option 'height'", p.add_noise, p, "height", "uniform", 0.1, core.rng(1))
    refused("invalid option 'cauchy'", p.add_noise, p, "qpos", "cauchy", 0.1, core.rng(1))
    refused("the scale", p.add_noise, p, "qpos", "uniform", 0 / 0, core.rng(1))
    refused("index 10 is outside 1 .. 9", p.qpos, p, 10)
  end)
end)

describe("a model", function()
  it("gives its figures by name", function()
    local model = cheetah():model()
    assert.are.same({ 0, 0, -9.81 }, model.gravity)
    assert.are.equal(0.01, model.timestep)
    assert.are.equal(4.5, model:joint("bshin").damping)
    assert.are.same({ -0.785, 0.785 }, model:joint("bshin").range)
    assert.are.same({ 0.4, 0.1, 0.1 }, model:geom("floor").friction)
    assert.are.equal(90, model:actuator("bshin").gear[1])
    assert.are.same({ 9, 8, 9, 6 }, { #model:joints(), #model:bodies(), #model:geoms(), #model:actuators() })
    local mass = 0
    for _, body in ipairs(model:bodies()) do mass = mass + body.mass end
    assert.is_near(14, mass, 1e-9)
    assert.are.equal("bshin", model:joint("bshin").name)
    assert.are.equal("geom floor", tostring(model:geom("floor")))
  end)

  it("takes figures, and the simulation follows", function()
    local a, b = cheetah(), cheetah()
    a:model():joint("bshin").damping = 0.5 * a:model():joint("bshin").damping
    assert.are.equal(2.25, a:model():joint("bshin").damping)
    assert.are.equal(4.5, b:model():joint("bshin").damping)
    for _ = 1, 5 do a:step({ 0, 1, 0, 0, 0, 0 }, 5) b:step({ 0, 1, 0, 0, 0, 0 }, 5) end
    assert.are_not.equal(a:qpos(5), b:qpos(5))
  end)

  it("says what its parts are, whose they are, and which figures there are", function()
    local model = cheetah():model()
    local foot = model:joint("bfoot")
    assert.are.same({ "hinge", "slide", "capsule", "plane" }, { foot.type, model:joint("rootx").type,
      model:geom("bfoot").type, model:geom("floor").type })
    assert.are.equal("bfoot", foot.body.name)
    assert.are.equal("bshin", foot.body.parent.name)
    assert.are.equal("world", model:body("torso").parent.name)
    assert.is_nil(model:body("world").parent)
    assert.is_true(foot.body == model:body("bfoot"))
    assert.is_false(foot.body == cheetah():model():body("bfoot"))
    assert.is_false(foot.body == foot)
    refused('no field "type"', function() return model:body("torso").type end)
    refused('no field "body"', function() return model:actuator("bfoot").body end)
    for kind, names in pairs(core.mujoco_fields()) do
      local part = kind == "model" and model or model[kind](model, kind == "body" and "torso" or "bthigh")
      for _, name in ipairs(names) do assert.is_not_nil(part[name]) end
    end
  end)

  it("answers unknown names with the nearest and the known ones", function()
    local model = cheetah():model()
    refused("nearest: fthigh; there are", model.joint, model, "fthig")
    refused("nearest: range", function() return model:joint("bshin").rnge end)
    refused("bshin", model.joint, model, "knee")
    refused('no field "colour"', function() return model:joint("bshin").colour end)
    refused("gravity", function() return model.colour end)
    refused('no field "colour"', function() model.colour = 1 end)
  end)

  it("refuses figures that cannot be", function()
    local model = cheetah():model()
    refused("model.gravity has 3 numbers, 1 given", function() model.gravity = -9.81 end)
    refused("model.gravity has 3 numbers, 2 given", function() model.gravity = { 0, 1 } end)
    refused("too many", function() model.gravity = table.move({ 1 }, 1, 1, 11, { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }) end)
    refused("not a boolean", function() model.gravity = true end)
    refused("above zero", function() model.timestep = 0 end)
    refused("not be below zero", function() model:body("torso").mass = -1 end)
    refused("finite", function() model:joint("bshin").damping = 0 / 0 end)
    assert.are.same({ 0, 0, -9.81 }, model.gravity)
  end)
end)
