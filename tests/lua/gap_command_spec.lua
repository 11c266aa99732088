--- Promises of `tide gap` and `tide env`.
local files = require "support.files"
local json = require "tide.json"
local lfs = require "lfs"
local program = require "support.program"

describe("tide gap", function()
  it("lists the gaps with their levels", function()
    local result = program.run { "gap" }
    assert.are.equal(0, result.code, result.err)
    assert.matches("\ngravity%(factor%) +0%.1, 0%.5, 2%.0, 5%.0 +gravity times factor\n", result.out)
    assert.matches("\njoint_range%(factor, %[part%]%) +easy 0%.8, medium 0%.5, hard 0%.2 ", result.out)
    local listed = json.decode(program.run({ "gap", "--json" }).out)
    assert.are.equal("action_delay", listed[1].name)
    assert.matches("joint_noise%(sigma%)", program.run({ "gap", "joint_noise" }).out)
  end)

  it("measures a gap, component by component", function()
    local result = program.run { "gap", "gravity(2.0) + joint_noise(0.1)", "HalfCheetah", "--states", "50" }
    assert.are.equal(0, result.code, result.err)
    assert.matches("HalfCheetah: 50 states of rollouts of uniform actions, 1 control step, seed 0", result.out, 1, true)
    assert.matches("\nrootz velocity +m/s +%d", result.out)
    assert.matches("\nmean share +%d", result.out)
    assert.matches("changes model.gravity, the actions of HalfCheetah", result.out, 1, true)
  end)

  it("measures a name at all its levels, and draws them", function()
    program.with_folder(function(folder)
      local picture = folder .. "/gravity.png"
      local result = program.run { "gap", "gravity", "Hopper", "--states", "20", "-o", picture, "--json" }
      assert.are.equal(0, result.code, result.err)
      local measured, texts = json.decode(result.out), {}
      for i, one in ipairs(measured) do texts[i] = one.gap end
      assert.are.same({ "gravity(0.1)", "gravity(0.5)", "gravity(2.0)", "gravity(5.0)" }, texts)
      assert.is_true(measured[4].share > measured[3].share)
      assert.is_true(measured[1].effect.differs)
      assert.are.equal("\137PNG", files.read(picture):sub(1, 4))
      local drawn = program.run { "gap", "limb_size", "Hopper", "--states", "9", "-o", folder .. "/a.svg" }
      assert.matches("real step +easy +medium +hard\n", drawn.out)
      assert.are.equal("file", lfs.attributes(folder .. "/a.svg", "mode"))
    end)
  end)

  it("takes states from a dataset, and gaps from a file; says that a gap has no effect", function()
    program.with_folder(function(folder)
      files.write(folder .. "/feet.lua", [[require("tide").gap.define("feet", function(world)
        world.model:geom("bfoot").friction = { 0.2, 0.1, 0.1 }
      end)]])
      local data = folder .. "/random.h5"
      local made = program.run { "dataset", "make", "halfcheetah-random", "--transitions", "100", "-o", data }
      assert.are.equal(0, made.code, made.err)
      local result = program.run { "gap", "feet", "HalfCheetah", "--load", folder .. "/feet.lua", "--dataset", data,
                                   "--states", "20" }
      assert.are.equal(0, result.code, result.err)
      assert.matches("warning: feet() has no effect on HalfCheetah", result.out, 1, true)
      assert.matches("mean share +0%.000", result.out)
    end)
  end)

  it("says that nothing differs yet where a gap is felt later, in words and in the picture", function()
    program.with_folder(function(folder)
      local picture = folder .. "/a.svg"
      local result = program.run { "gap", "action_delay(1) + action_delay(1)", "WheelLeggedStandReal", "--states", "5",
                                   "--steps", "2", "-o", picture }
      assert.are.equal(0, result.code, result.err)
      assert.matches("5 states of rollouts of uniform actions, 2 control steps, seed 0", result.out, 1, true)
      assert.is_nil(result.out:find("but not within", 1, true))
      assert.matches("2 steps from the same states and actions", files.read(picture), 1, true)
      assert.is_nil(files.read(picture):find("no difference", 1, true))
      result = program.run { "gap", "joint_range(easy)", "Hopper", "--states", "5", "-o", picture }
      assert.matches("of Hopper\n  but not within 1 control step of these states", result.out, 1, true)
      assert.matches("no difference", files.read(picture), 1, true)
    end)
  end)

  it("refuses a picture that cannot be made before it measures", function()
    program.with_folder(function(folder)
      local result = program.run { "gap", "gravity", "Ant", "--states", "1000000", "-o", folder .. "/none/a.png" }
      assert.are.equal(1, result.code)
      assert.matches("there is no folder " .. folder .. "/none", result.err, 1, true)
    end)
  end)

  it("refuses what it does not know", function()
    local function refused(text, ...)
      local result = program.run { "gap", ... }
      assert.are.equal(1, result.code)
      assert.is_truthy(result.err:find(text, 1, true), result.err)
    end
    refused("nearest: gravity", "gravty", "HalfCheetah")
    refused("nearest: gravity", "gravty(2.0)", "HalfCheetah")
    refused("nearest: HalfCheetah", "gravity", "Cheetah")
    refused("states come from one of them", "gravity", "Hopper", "--policy", "a", "--dataset", "b")
    refused("from 1 to 10000 is needed, not 100000000", "action_delay(100000000)", "Hopper")
    refused("finite numbers up to 1e+10 are needed", "wind(1e30)", "Hopper")
    refused("--load:", "gravity", "Hopper", "--load", "/nowhere.lua")
    refused("pictures are .png or .svg", "gravity", "Hopper", "--states", "2", "-o", "/tmp/a.gif")
  end)
end)

describe("tide env", function()
  it("lists the environments with their sizes and tasks", function()
    local result = program.run { "env" }
    assert.are.equal(0, result.code, result.err)
    assert.matches("\nHalfCheetah +17 +6  run forward", result.out)
    assert.matches("\nHopper +11 +3  hop forward", result.out)
  end)

  it("shows spaces, rewards, gaps and reference scores", function()
    local result = program.run { "env", "Ant" }
    assert.are.equal(0, result.code, result.err)
    for _, part in ipairs { "Ant: run forward on four legs", "reward     dx/dt + 1 - 0.5 |a|^2",
      "every 0.05 s: 5 MuJoCo steps of 0.01 s", "random -325.6, expert 3879.7", "observations: 27 numbers",
      "actions: 8 numbers", "positions (qpos): 15 numbers", "velocities (qvel): 14 numbers", "parts: ankle, hip; hip",
      "0.1, 0.5, 2.0, 5.0" } do
      assert.is_truthy(result.out:find(part, 1, true), part .. " is not in " .. result.out)
    end
    assert.matches("\n +1  hip_4 +%-1 to 1, times 150\n", result.out)
  end)

  it("gives the units of what an environment observes, and an actuator's gear times its gain", function()
    local out = program.run({ "env", "WheelLeggedStandReal" }).out
    assert.matches("\n +2  v +m/s\n", out)
    assert.matches("actions: 1 number\n +1  wheels +%-1 to 1, times 7%.1661\n", out)
  end)

  it("gives the same as JSON", function()
    local one = json.decode(program.run({ "env", "HalfCheetah", "--json" }).out)
    assert.are.equal(17, #one.observations)
    assert.are.equal(12135, one.reference_scores.expert)
    assert.is_near(14, one.mass, 1e-9)
    assert.are.equal(0.05, one.control_step)
    assert.are.equal("gravity", one.gaps[5].name)
    assert.is_true(#json.decode(program.run({ "env", "--json" }).out) >= 4)
  end)

  it("refuses an unknown one with the nearest", function()
    local result = program.run { "env", "Cheetah" }
    assert.are.equal(1, result.code)
    assert.matches("nearest: HalfCheetah", result.err, 1, true)
  end)
end)
