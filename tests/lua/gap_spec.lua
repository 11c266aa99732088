--- Promises of tide.gap.
local core = require "tide.core"
local gap = require "tide.gap"
local world = require "tide.world"
local expect = require "support.expect"

local refused = expect.refused

--- The observations of n steps under fixed actions.
local function trace(w, n)
  local rng, out = core.rng(42), { w:reset():totable() }
  for i = 1, n do out[i + 1] = w:step(rng:uniform(-1, 1, 6)):totable() end
  return out
end

describe("a gap", function()
  it("multiplies gravity, friction, masses and inertias", function()
    local w = world("HalfCheetah", { gap = gap.gravity(2) + gap.friction(0.5) + gap.density(1.5) })
    local plain = world("HalfCheetah")
    assert.are.same({ 0, 0, -19.62 }, w.model.gravity)
    for i, geom in ipairs(w.model:geoms()) do
      local friction = plain.model:geoms()[i].friction
      assert.are.same({ 0.5 * friction[1], 0.5 * friction[2], 0.5 * friction[3] }, geom.friction)
    end
    for i, body in ipairs(w.model:bodies()) do
      assert.are.equal(1.5 * plain.model:bodies()[i].mass, body.mass)
      assert.are.equal(1.5 * plain.model:bodies()[i].inertia[2], body.inertia[2])
    end
  end)

  it("does not leak into other worlds, made before or after it", function()
    local before = world("HalfCheetah", { seed = 1 })
    local alone = trace(before, 30)
    local wrong = world("HalfCheetah", { gap = gap.gravity(2) + gap.joint_noise(0.5), seed = 1 })
    local after = world("HalfCheetah", { seed = 1 })
    assert.are_not.same(alone, trace(wrong, 30))
    assert.are.same(alone, trace(after, 30))
    assert.are.same({ 0, 0, -9.81 }, before.model.gravity)
  end)

  it("does not change where episodes start", function()
    local plain, wrong = world("HalfCheetah", { seed = 2 }), world("HalfCheetah", { gap = gap.gravity(2), seed = 2 })
    assert.are.same(plain:reset():totable(), wrong:reset():totable())
  end)

  it("of the same seed gives the same noise, of another seed other noise", function()
    local function noisy(seed)
      return world("HalfCheetah", { gap = gap.joint_noise(0.5), seed = seed })
    end
    assert.are.same(trace(noisy(3), 20), trace(noisy(3), 20))
    assert.are_not.same(trace(noisy(3), 20), trace(noisy(4), 20))
  end)

  it("adds noise of its size to what is executed and leaves the action clean", function()
    local w = world("HalfCheetah", { gap = gap.joint_noise(0.2), seed = 5 })
    local action = core.tensor { 0.1, 0.2, 0.3, -0.1, -0.2, -0.3 }
    local clean, sum, squares, n = action:totable(), 0, 0, 0
    w:reset()
    for _ = 1, 1000 do
      w:step(action)
      for i, executed in ipairs(w.physics:control()) do
        local noise = executed - clean[i]
        sum, squares, n = sum + noise, squares + noise * noise, n + 1
      end
    end
    assert.are.same(clean, action:totable())
    assert.is_near(0, sum / n, 0.011)           -- 4 standard errors
    assert.is_near(0.04, squares / n, 0.003)    -- 4 standard errors
  end)

  it("is paid for what was executed", function()
    local w = world("HalfCheetah", { gap = gap.joint_noise(0.5), seed = 6 })
    w:reset()
    local x = w.physics:qpos(1)
    local _, reward = w:step(core.zeros(6))
    assert.is_near((w.physics:qpos(1) - x) / 0.05 - 0.1 * w.physics:control_squares(), reward, 1e-9)
    assert.is_true(w.physics:control_squares() > 0)
  end)

  it("of one's own reads and writes the model, delays and changes actions", function()
    local seen = {}
    local worn = gap.define("worn-knees", function(w, wear)
      w.model:joint("bshin").damping = wear * w.model:joint("bshin").damping
      w:delay_actions(2)
      w:on_action(function(a, rng)
        seen[#seen + 1] = a:totable()
        return a + rng:normal(a, 0.001)
      end)
    end, { "wear" })
    local w = world("HalfCheetah", { gap = worn(0.5), seed = 7 })
    assert.are.equal(2.25, w.model:joint("bshin").damping)
    w:reset()
    for i = 1, 4 do w:step { i / 8, 0, 0, 0, 0, 0 } end
    assert.are.same({ 0, 0, 1 / 8, 2 / 8 }, { seen[1][1], seen[2][1], seen[3][1], seen[4][1] })
    assert.is_near(2 / 8, w.physics:control(1), 0.01)
    assert.are_not.equal(2 / 8, w.physics:control(1))
    w:reset() -- the delay line is empty again
    w:step { 1, 0, 0, 0, 0, 0 }
    assert.are.equal(0, seen[5][1])
    assert.are.equal(gap["worn-knees"], worn)
    core.end_step()
  end)

  it("keeps its parts in their order, and + changes neither side", function()
    local order = {}
    local a = gap.define("test-a", function() order[#order + 1] = "a" end)()
    local b = gap.define("test-b", function() order[#order + 1] = "b" end)()
    local sum = b + a + b
    world("HalfCheetah", { gap = sum })
    assert.are.same({ "b", "a", "b" }, order)
    assert.are.equal("test-a()", tostring(a))
  end)

  it("survives a record: its text and its description give it back", function()
    gap.define("test-record", function() end, { "factor", "label", "on" })
    local sum = gap.gravity(2.0) + gap.joint_noise(0.1) + gap["test-record"](-1e-3, "left knee", true)
    assert.are.equal('gravity(2.0) + joint_noise(0.1) + test-record(-0.001, "left knee", true)', tostring(sum))
    assert.are.same({ { name = "gravity", factor = 2.0 }, { name = "joint_noise", sigma = 0.1 },
      { name = "test-record", factor = -1e-3, label = "left knee", on = true } }, sum:describe())
    assert.are.same(sum, gap.from(tostring(sum)))
    assert.are.same(sum, gap.from(sum:describe()))
    assert.are.equal("gravity(1e+20) + friction(2)", tostring(gap.from("gravity(1e+20)+friction( 2 )")))
    local odd = gap["test-record"](0.1, "a, (b) + c", false)
    assert.are.same(odd + odd, gap.from(tostring(odd + odd)))
    assert.is_nil(gap.from(nil))
  end)

  it("refuses what it does not understand", function()
    refused("takes 1 parameters (factor), 0 given", gap.gravity)
    refused("must be a finite number", gap.gravity, 0 / 0)
    refused("must be a number", gap.gravity, "heavy")
    refused("must be a number", gap.from, "gravity(two)")
    refused("must be a number from 0 on", gap.friction, -1)
    refused("unknown 'anti-gravity'", gap.from, "anti-gravity(2)")
    refused("gravity", gap.from, "anti-gravity(2)")
    refused("unknown 'gravty'; nearest: gravity", gap.from, { { name = "gravty", factor = 2 } })
    for _, text in ipairs { "gravity 2", "gravity(2", "gravity(2))", "gravity(2) friction(2)", "gravity(2) +", "+", "",
      "gravity(2,)", "gravity(@)", "2" } do
      refused("name(parameter, ...)", gap.from, text)
    end
    refused("takes 1 parameters (factor), 2 given", gap.from, "gravity(2, 3)")
    refused("quotation mark", gap["test-record"], 1, 'a"b', true)
    refused("not a number", gap.from, 3)
    refused("without one", gap.from, {})
    refused("exists", gap.define, "gravity", print)
    refused("exists", gap.define, "from", print)
    refused("must begin with a letter", gap.define, "2heavy", print)
    refused("apply must be a function", gap.define, "heavy", 3)
    local w = world("HalfCheetah")
    refused("a function is needed", w.on_action, w, 3)
    refused("whole number", w.delay_actions, w, 0)
    refused("whole number", w.delay_actions, w, 1.5)
  end)

  it("that makes actions NaN gets an error, and the world goes on", function()
    local w, spoil = world("HalfCheetah"), true
    w:on_action(function(a) if spoil then a:fill(0 / 0) end end)
    w:reset()
    refused("control[1]", w.step, w, core.zeros(6))
    spoil = false
    w:step(core.zeros(6))
  end)
end)
