--- Promises of core.replay.
local core = require "tide.core"
local expect = require "support.expect"

local refused = expect.refused

local path

--- A dataset of n rows in episodes of 10: observation (i, -i); real rewards are negative.
local function make_dataset(n)
  local writer = core.dataset_writer(path, { observation_dim = 2, action_dim = 1 })
  for i = 1, n do
    writer:add({ i, -i }, { i / 2 }, -i, { i + 1, -i - 1 }, false, i % 10 == 0)
  end
  writer:commit()
  return core.dataset_read(path)
end

local function fill(replay, first, last)
  for i = first, last do replay:add({ i, -i }, core.tensor { i / 2 }, i, { i + 1, -i - 1 }, i % 3 == 0) end
end

describe("a replay", function()
  before_each(function() path = os.tmpname() end)
  after_each(function()
    core.end_step()
    os.remove(path)
  end)

  it("draws real rows first, then simulated ones, each whole", function()
    local replay = core.replay(2, 1, 30, make_dataset(50))
    fill(replay, 1, 30)
    local batch = replay:sample(core.rng(1), 40, 60)
    assert.are.same({ 40, 60 }, { batch.n_real, batch.n_sim })
    assert.are.same({ { 100, 2 }, { 100, 1 }, { 100 }, { 100, 2 }, { 100 } }, { batch.observations.shape,
      batch.actions.shape, batch.rewards.shape, batch.next_observations.shape, batch.terminals.shape })
    for i = 1, 100 do
      local x = batch.observations:get(i, 1)
      assert.are.equal(i <= 40 and -x or x, batch.rewards:get(i))
      assert.are.equal(-x, batch.observations:get(i, 2))
      assert.are.equal(x / 2, batch.actions:get(i, 1))
      assert.are.equal(x + 1, batch.next_observations:get(i, 1))
      assert.are.equal((i > 40 and x % 3 == 0) and 1 or 0, batch.terminals:get(i))
    end
  end)

  it("never crosses a timeout", function()
    local rows, terminals, timeouts = {}, {}, {}
    for i = 1, 100 do rows[i], terminals[i], timeouts[i] = { i }, 0, i % 10 == 0 and 1 or 0 end
    core.tree_write(path, { observations = core.tensor(rows), actions = core.tensor(rows), rewards = core.tensor(rows),
      terminals = terminals, timeouts = timeouts })
    local replay = core.replay(1, 1, 1, core.dataset_read(path))
    assert.are.equal(90, replay:count "real")
    local batch = replay:sample(core.rng(2), 2000, 0)
    for i = 1, 2000 do
      local now, later = batch.observations:get(i, 1), batch.next_observations:get(i, 1)
      assert.are.equal(now + 1, later)
      assert.are.equal((now - 1) // 10, (later - 1) // 10) -- the same episode
    end
  end)

  it("puts the newest over the oldest", function()
    local replay = core.replay(2, 1, 10)
    fill(replay, 1, 25)
    assert.are.equal(10, replay:count "sim")
    local seen, batch = {}, replay:sample(core.rng(3), 0, 500)
    for i = 1, 500 do seen[batch.rewards:get(i)] = true end
    for i = 1, 25 do assert.are.equal(i > 15 or nil, seen[i]) end
  end)

  it("counts its parts", function()
    local replay = core.replay(2, 1, 10, make_dataset(50))
    fill(replay, 1, 4)
    assert.are.same({ 50, 4, 54, 10 }, { replay:count "real", replay:count "sim", replay:count(), replay.capacity })
    refused("invalid option 'all'", replay.count, replay, "all")
  end)

  it("goes on with the same bits from a state that was saved", function()
    local data = make_dataset(50)
    local replay, copy = core.replay(2, 1, 10, data), core.replay(2, 1, 10, data)
    fill(replay, 1, 17)
    local saved = os.tmpname()
    core.tree_write(saved, replay:state())
    copy:restore(core.tree_read(saved))
    os.remove(saved)
    local one, same = core.rng(4), core.rng(4)
    for round = 1, 5 do
      for _, each in ipairs { replay, copy } do fill(each, 100 + round, 100 + round) end
      local a, b = replay:sample(one, 20, 20), copy:sample(same, 20, 20)
      for _, name in ipairs { "observations", "actions", "rewards", "next_observations", "terminals" } do
        assert.are.same(a[name]:totable(), b[name]:totable())
      end
    end
  end)

  it("refuses a state that is none", function()
    local replay = core.replay(2, 1, 10)
    fill(replay, 1, 5)
    local state = replay:state()
    local function with(name, value)
      local damaged = {}
      for key, item in pairs(state) do damaged[key] = item end
      damaged[name] = value
      return damaged
    end
    refused("'next' is missing", replay.restore, replay, {})
    refused("'rewards' is missing", replay.restore, replay, with("rewards", nil))
    refused("rewards has shape (4), (5) is needed", replay.restore, replay, with("rewards", core.zeros(4)))
    refused("actions has shape (5, 2), (5, 1) is needed", replay.restore, replay, with("actions", core.zeros(5, 2)))
    refused("do not fit", replay.restore, replay, with("next", 9))
    refused("do not fit a ring of 3", function() core.replay(2, 1, 3):restore(state) end)
    refused("table expected", replay.restore, replay, 3)
    assert.are.equal(5, replay:count "sim")
  end)

  it("asks nothing of the system once warm", function()
    local replay, rng = core.replay(2, 1, 1000, make_dataset(50)), core.rng(5)
    fill(replay, 1, 1000)
    local x, a = core.zeros(2), core.zeros(1)
    local function step()
      replay:add(x, a, 1, x, false)
      replay:sample(rng, 128, 128)
      core.end_step()
    end
    for _ = 1, 5 do step() end
    local before = core.allocated_total()
    for _ = 1, 200 do step() end
    assert.are.equal(before, core.allocated_total())
  end)

  it("keeps its dataset alive", function()
    local data = make_dataset(50)
    local replay = core.replay(2, 1, 10, data)
    data:close()
    data = nil -- luacheck: ignore
    collectgarbage()
    assert.is_true(replay:sample(core.rng(6), 10, 0).rewards:get(1) < 0)
  end)

  it("names what is wrong", function()
    local data = make_dataset(50)
    local replay, rng = core.replay(2, 1, 10, data), core.rng(7)
    refused("1 simulated transitions are wanted, none", replay.sample, replay, rng, 1, 1)
    refused("no dataset", function() core.replay(2, 1, 10):sample(rng, 3, 0) end)
    refused("a batch of no rows", replay.sample, replay, rng, 0, 0)
    refused("-1 is less than 0", replay.sample, replay, rng, -1, 5)
    refused("tide.rng expected", replay.sample, replay, 5, 1, 1)
    refused("observation has shape (3), (2) is needed", replay.add, replay, core.zeros(3), { 1 }, 0, { 1, 2 }, false)
    refused("action has 2 numbers, 1 are needed", replay.add, replay, { 1, 2 }, { 1, 2 }, 0, { 1, 2 }, false)
    refused("observation[1] is inf", replay.add, replay, { math.huge, 2 }, { 1 }, 0, { 1, 2 }, false)
    refused("terminal: true or false is needed", replay.add, replay, { 1, 2 }, { 1 }, 0, { 1, 2 })
    refused("the dataset has 2 and 1", core.replay, 3, 1, 10, data)
    refused("tide.dataset expected", core.replay, 2, 1, 10, {})
    refused("less than 1", core.replay, 0, 1, 10)
    refused("no memory", core.replay, 2, 1, math.maxinteger)
    replay:close()
    refused("closed", replay.count, replay)
    refused("closed", function() return replay.capacity end)
  end)

  it("survives any arguments", function()
    local seed = os.time()
    local rng = core.rng(seed)
    local data = make_dataset(20)
    local replay = core.replay(2, 1, 10, data)
    fill(replay, 1, 10)
    local writer = core.dataset_writer(path .. ".other", { observation_dim = 2, action_dim = 1 })
    local past = rng:draw_normal(2)
    core.end_step()
    local things = { 0, 1, -1, 1.5, 0 / 0, math.huge, math.maxinteger, math.mininteger, "", "rewards", "1", true, false,
      {}, { 1, 2 }, { "x" }, core.zeros(2), core.zeros(0), core.zeros(2, 2), past, rng, data, replay, print,
      coroutine.create(print), io.stdout, replay:state(), path }
    local targets = { replay, data, writer }
    local names = { "add", "sample", "count", "state", "restore", "tensor", "rows", "info", "statistics" }
    local functions = { "replay", "dataset_read", "tree_read", "tree_read_numbers" }
    for i = 1, 5000 do
      local arguments = {}
      for j = 1, rng:integer(0, 8) do arguments[j] = things[rng:integer(1, #things)] end
      local target = targets[rng:integer(1, #targets)]
      local method = target[names[rng:integer(1, #names)]]
      if method then pcall(method, target, table.unpack(arguments)) end
      if i % 10 == 0 then pcall(core[functions[rng:integer(1, #functions)]], table.unpack(arguments)) end
      if i % 100 == 0 then core.end_step() end
    end
    writer:close()
    assert.are.equal(20, replay:count "real", ("seed %d"):format(seed))
  end)
end)
