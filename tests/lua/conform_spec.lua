--- Promises of tide conform for training steps: it passes on the figures and fails on others.
local core = require "tide.core"
local updates = require "tide.conform.updates"

local PATH = "tests/reference/updates.h5"

local function statuses(tree)
  local counts = { passed = 0, failed = 0, info = 0, unsupported = 0 }
  for _, row in ipairs(updates.run(tree)) do counts[row.status] = counts[row.status] + 1 end
  return counts
end

describe("conform", function()
  it("meets every case", function()
    local seen = {}
    for _, row in ipairs(updates.run(core.tree_read(PATH))) do
      local family = row.case:match("^[^/]+")
      seen[family] = true
      assert.is_truthy(row.status == "passed" or row.status == "info", row.case .. " " .. row.quantity)
    end
    for _, family in ipairs { "h2o", "cql", "darc", "sac" } do assert.is_true(seen[family], family) end
  end)

  it("a family that Tide has no agent for is reported as not yet supported", function()
    assert.are.equal(1, statuses { ppo = { base = core.tree_read(PATH, "sac") } }.unsupported)
  end)

  -- each of these must be noticed
  local wrong = {
    ["another discount"] = function(case) case.discount = 0.98 end,
    ["another regulariser weight"] = function(case) case.cql_min_q_weight = 0.02 end,
    ["another critic"] = function(case) case.before.q1.layer1.weight:set(1, 1, 0.5) end,
    ["another reward"] = function(case) case.step0.batch.sim_train.rewards:set(1, 1, 9.0) end,
    ["another draw"] = function(case) case.step0.noise["09_normal"]:set(1, 1, 3.0) end,
    ["another learning rate"] = function(case) case.policy_lr = 1e-3 end,
    ["another clip of the ratio"] = function(case) case.clip_dynamics_ratio_max = 0.5 end,
    ["a draw too few"] = function(case) case.step1.noise["09_normal"] = nil end,
  }
  for name, change in pairs(wrong) do
    it("fails with " .. name, function()
      local case = core.tree_read(PATH, "h2o/base")
      assert.are.equal(0, statuses { h2o = { base = case } }.failed)
      case = core.tree_read(PATH, "h2o/base")
      change(case)
      assert.is_true(statuses { h2o = { base = case } }.failed > 0)
    end)
  end

  local wrong_darc = {
    ["the other sign of the correction"] = function(case) case.penalty_coefficient = -1 end,
    ["no correction"] = function(case) case.penalty_coefficient = 0 end,
    ["less noise on the discriminators"] = function(case) case.gaussian_noise_std = 0.9 end,
    ["another order of the rows"] = function(case)
      local order = case.step0.noise["00_permutation"]
      order[1], order[2] = order[2], order[1]
    end,
    ["the worlds exchanged"] = function(case)
      local batch = case.step0.batch
      batch["00_sim"], batch["01_real"] = batch["01_real"], batch["00_sim"]
    end,
    ["another d_sas"] = function(case) case.before.d_sas.layer2.bias:fill(0.3) end,
  }
  for name, change in pairs(wrong_darc) do
    it("of darc fails with " .. name, function()
      local case = core.tree_read(PATH, "darc")
      assert.are.equal(0, statuses { darc = case }.failed)
      change(case)
      assert.is_true(statuses { darc = case }.failed > 0)
    end)
  end
end)
