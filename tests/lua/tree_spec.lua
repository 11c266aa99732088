--- Promises of core.tree_write and core.tree_read.
local core = require "tide.core"
local expect = require "support.expect"

local refused = expect.refused

local folder, path

--- A tree with tensors as { shape =, elements = }, for assert.are.same.
local function plain(value)
  if type(value) == "userdata" then return { shape = value.shape, elements = value:totable() } end
  if type(value) ~= "table" then return { math.type(value) or type(value), value } end
  local out = {}
  for key, item in pairs(value) do out[key] = plain(item) end
  return out
end

local function comes_back(tree)
  core.tree_write(path, tree)
  local back = core.tree_read(path)
  assert.are.same(plain(tree), plain(back))
  return back
end

local function bytes(name)
  local file <close> = assert(io.open(name or path, "rb"))
  return file:read "a"
end

describe("a tree", function()
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir " .. folder)
    path = folder .. "/tree.h5"
  end)
  after_each(function()
    os.remove(path)
    assert.is_truthy(os.remove(folder), "files are left in " .. folder)
  end)

  it("comes back with the types it had", function()
    comes_back {
      yes = true, no = false, integer = 3, least = math.mininteger, number = 3.0, tenth = 0.1, huge = math.huge,
      text = "h\u{e9}", none = "", long = ("x"):rep(100000), ["a.b c"] = 1, empty = {},
      nested = { a = { b = { c = 1 } } },
    }
  end)

  it("holds tensors of every rank", function()
    comes_back {
      scalar = core.tensor(2.5), vector = core.tensor { 1, 2, 3 },
      matrix = core.tensor { { 1, 2 }, { 3, 4 }, { 5, 6 } },
      cube = core.rng(1):normal(2, 3, 4), empty = core.zeros(0, 17),
    }
  end)

  it("holds sequences of numbers, integers and anything else", function()
    comes_back {
      hidden = { 256, 256 }, numbers = { 0.5, 1.0, 1e300 }, names = { "a", "b" }, flags = { true, false },
      parts = { { a = 1 }, { b = { core.tensor { 1 }, core.tensor { 2, 3 } } } },
    }
    core.tree_write(path, { 1.5, 2 }) -- the root too
    assert.are.same({ 1.5, 2.0 }, core.tree_read(path))
  end)

  it("is the same file each time, whatever the order of names", function()
    local tree, other = {}, {}
    for i = 1, 50 do tree["name" .. i] = i end
    for i = 50, 1, -1 do other["name" .. i] = i end
    core.tree_write(path, tree)
    local first = bytes()
    core.tree_write(path, other)
    assert.are.equal(first, bytes())
  end)

  it("can be read from a group on", function()
    core.tree_write(path, { a = { b = { c = 1 } } })
    assert.are.same({ c = 1 }, core.tree_read(path, "a/b"))
    assert.are.same({ c = 1 }, core.tree_read(path, "/a/b/"))
    refused("there is no a/x", core.tree_read, path, "a/x")
  end)

  it("refuses what a file cannot hold and keeps the old file", function()
    core.tree_write(path, { old = true })
    refused("'a' is a function", core.tree_write, path, { a = print })
    refused("/deep: 'a' is a thread", core.tree_write, path, { deep = { a = coroutine.create(print) } })
    refused("'a' is a userdata", core.tree_write, path, { a = core.rng(1) })
    refused("names, or 1 to n", core.tree_write, path, { 1, 2, x = 3 })
    refused("names, or 1 to n", core.tree_write, path, { [2] = 1 })
    refused("names, or 1 to n", core.tree_write, path, { [1.5] = 1 })
    refused("a/b", core.tree_write, path, { ["a/b"] = 1 })
    refused("zero byte", core.tree_write, path, { a = "x\0y" })
    refused("cannot be used", core.tree_write, path, { ["x\0y"] = 1 })
    refused("tide_sequence", core.tree_write, path, { tide_sequence = 1 })
    local circle = {}
    circle.circle = circle
    refused("deeper than 64", core.tree_write, path, circle)
    refused("table expected", core.tree_write, path, 1)
    refused("zero byte", core.tree_write, path .. "\0", {})
    assert.are.same({ old = true }, core.tree_read(path))
  end)

  it("refuses a tensor of a past step", function()
    local activation = core.rng(1):draw_normal(3)
    core.end_step()
    refused("has ended", core.tree_write, path, { a = activation })
    assert.is_nil(io.open(path))
  end)

  it("says how much of a truncated file is there", function()
    core.tree_write(path, { a = core.zeros(100, 10) })
    local whole = bytes()
    local file = assert(io.open(path, "wb"))
    file:write(whole:sub(1, 1000)):close()
    refused(("%s: truncated file: 1000 of %d bytes are there; fetch it again"):format(path, #whole),
      core.tree_read, path)
  end)

  it("reads the reference figures whole", function()
    local updates = core.tree_read "tests/reference/updates.h5"
    assert.are.same({ 32, 11 }, updates.h2o.base.before.policy.layer0.weight.shape)
    assert.are.equal("number", type(updates.h2o.base.before.log_alpha))
    local envs = core.tree_read "tests/reference/envs.h5"
    assert.are.same({ 4, 60, 15 }, envs.Ant.real.qpos.shape)
    assert.are.equal(222, envs.Ant.real.mujoco_version)
    assert.are.same({ 4, 60 }, envs.Hopper.real.terminals.shape)
  end)
end)

describe("tree_read_numbers", function()
  it("keeps double precision", function()
    local numbers, dims = core.tree_read_numbers("tests/reference/envs.h5", "HalfCheetah/real/qpos")
    assert.are.same({ 4, 60, 9 }, dims)
    assert.are.equal(4 * 60 * 9, #numbers)
    local single = core.tree_read("tests/reference/envs.h5", "HalfCheetah/real").qpos
    local differ = 0
    for i = 1, 9 do
      local double, float = numbers[i], single:get(1, 1, i)
      assert.is_true(math.abs(double - float) <= 1e-6 * math.max(1, math.abs(double)))
      if double ~= float then differ = differ + 1 end
    end
    assert.is_true(differ > 0)
  end)

  it("names what is not there or not numbers", function()
    refused("there is no x/y", core.tree_read_numbers, "tests/reference/envs.h5", "x/y")
    refused("a group", core.tree_read_numbers, "tests/reference/envs.h5", "HalfCheetah")
    refused("No such file", core.tree_read_numbers, "/no/such/file.h5", "x")
  end)
end)
