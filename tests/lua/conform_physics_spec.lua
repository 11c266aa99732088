--- Promises of tide.conform.physics, on the reference figures and on spoiled copies of a part of them.
local core = require "tide.core"
local paths = require "tide.paths"
local physics = require "tide.conform.physics"

local REFERENCE = paths.home() .. "/tests/reference/envs.h5"
local SAME_VERSION = core.mujoco_version() == "2.2.2"

local function find(rows, case, quantity)
  for _, row in ipairs(rows) do
    if row.case == case and row.quantity == quantity then return row end
  end
end

--- A file with one case, HalfCheetah/DYNAMICS: trajectories of zero actions that Tide makes; `change` may spoil them.
local function make_file(dynamics, change)
  local world = require "tide.world"("HalfCheetah", { seed = 1 })
  local n = { trajectories = 2, steps = 5 }
  local names = { "init_qpos", "init_qvel", "actions", "qpos", "qvel", "observations", "rewards", "terminals" }
  local case, widths = {}, { init_qpos = 9, init_qvel = 9, actions = 6, qpos = 9, qvel = 9, observations = 17 }
  for _, name in ipairs(names) do case[name] = {} end
  local function add(name, numbers) table.move(numbers, 1, #numbers, #case[name] + 1, case[name]) end
  for _ = 1, n.trajectories do
    world:reset()
    -- what a file can hold exactly: float32
    local qpos = core.tensor(world.physics:qpos()):totable()
    local qvel = core.tensor(world.physics:qvel()):totable()
    world:place(qpos, qvel)
    add("init_qpos", qpos)
    add("init_qvel", qvel)
    for _ = 1, n.steps do
      local observation, reward = world:transition { 0, 0, 0, 0, 0, 0 }
      add("actions", { 0, 0, 0, 0, 0, 0 })
      add("qpos", world.physics:qpos())
      add("qvel", world.physics:qvel())
      add("observations", observation:totable())
      add("rewards", { reward })
      add("terminals", { 0 })
    end
  end
  if change then change(case) end
  local tree = { mujoco_version = tonumber((core.mujoco_version():gsub("%.", ""))) }
  for _, name in ipairs(names) do
    if case[name] then
      local rows = name:match("^init") and { n.trajectories } or { n.trajectories, n.steps }
      if widths[name] then rows[#rows + 1] = widths[name] end
      local tensor = core.zeros(table.unpack(rows))
      tensor:copy(core.tensor(case[name]):reshape(table.unpack(rows)))
      tree[name] = tensor
    end
  end
  core.end_step()
  local path = os.tmpname()
  core.tree_write(path, { HalfCheetah = { [dynamics or "real"] = tree } })
  return path
end

local function run(path)
  local rows = physics.run(core.tree_read(path), path)
  os.remove(path)
  return rows
end

describe("conformance of the physics", function()
  local rows = physics.run(core.tree_read(REFERENCE), REFERENCE)

  it("meets every quantity of HalfCheetah, in the real world and in every gap", function()
    for _, dynamics in ipairs { "real", "gravity_x2.0", "friction_x0.3", "density_x1.5" } do
      for _, quantity in ipairs { "qpos", "qvel", "observations", "rewards", "terminals" } do
        local row = find(rows, "HalfCheetah/" .. dynamics, quantity)
        assert.are.equal(SAME_VERSION and "passed" or "info", row.status, row.where)
        assert.is_true(row.count >= 4 * 20)
        if SAME_VERSION then assert.is_true(row.worst_abs < 1e-6) end
      end
    end
  end)

  it("meets the model's constants with every version of MuJoCo", function()
    local row = find(rows, "HalfCheetah", "model constants")
    assert.are.equal("passed", row.status, row.where)
    assert.is_true(row.count > 100)
  end)

  it("does not call an environment passed that Tide does not have", function()
    local known = {}
    for _, name in ipairs(require("tide.env").list()) do known[name] = true end
    for _, name in ipairs { "Ant", "Hopper", "Walker2d" } do
      if not known[name] then assert.are.equal("unsupported", find(rows, name .. "/real", "").status) end
    end
  end)

  it("recognises its files", function()
    assert.is_true(physics.recognises(core.tree_read(REFERENCE)))
    assert.is_false(physics.recognises { h2o = { base = { before = {} } } })
    assert.is_false(physics.recognises {})
  end)

  it("is not asked about a file that holds no reference figures", function()
    local program = require "support.program"
    program.with_folder(function(folder)
      local path = folder .. "/random.h5"
      program.run { "dataset", "make", "halfcheetah-random", "--transitions", "20", "-o", path }
      local result = program.run { "conform", path }
      assert.are.equal(1, result.code)
      assert.matches("neither training steps nor physics", result.err, 1, true)
    end)
  end)

  it("fails a case whose figures are wrong, and says where", function()
    local spoiled = run(make_file("real", function(case) case.qvel[9 * 7 + 3] = case.qvel[9 * 7 + 3] + 0.001 end))
    local row = find(spoiled, "HalfCheetah/real", "qvel")
    assert.are.equal("failed", row.status)
    -- the file is float32 here, so the first difference is its rounding
    assert.is_true(row.worst_abs > 0.0009 and row.worst_abs < 0.0011)
    assert.is_truthy(row.where:find("trajectory", 1, true))
    assert.are.equal("passed", find(spoiled, "HalfCheetah/real", "terminals").status)
    local ends = run(make_file("real", function(case) case.terminals[3] = 1 end))
    assert.are.equal("failed", find(ends, "HalfCheetah/real", "terminals").status)
    assert.are.equal("trajectory 1, step 3, terminals[1]", find(ends, "HalfCheetah/real", "terminals").where)
    local nan = run(make_file("real", function(case) case.rewards[2] = 0 / 0 end))
    assert.are.equal("failed", find(nan, "HalfCheetah/real", "rewards").status)
  end)

  it("fails the real dynamics where a gap was recorded", function()
    local row = find(run(make_file("gravity_x2.0")), "HalfCheetah/gravity_x2.0", "qpos")
    assert.are.equal("failed", row.status)
    assert.is_true(row.worst_abs > 1e-3)
  end)

  it("fails a case that lacks a dataset or holds no states", function()
    local row = find(run(make_file("real", function(case) case.qvel = nil end)), "HalfCheetah/real", "")
    assert.are.equal("failed", row.status)
    assert.is_truthy(row.where:find("qvel", 1, true))
    row = find(run(make_file("real", function(case) case.init_qpos[4] = 0 / 0 end)), "HalfCheetah/real", "")
    assert.are.equal("failed", row.status)
    assert.is_truthy(row.where:find("qpos[4]", 1, true))
  end)

  it("does not guess what unknown dynamics mean", function()
    assert.are.equal("unsupported", find(run(make_file("wind_x2.0")), "HalfCheetah/wind_x2.0", "").status)
  end)
end)
