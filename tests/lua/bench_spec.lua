--- Promises of scripts/tide/bench/ and of the command.
local core = require "tide.core"
local files = require "support.files"
local json = require "tide.json"
local program = require "support.program"

local floor = require "tide.bench.floor"
local parts = require "tide.bench.parts"
local rounds = require "tide.bench.rounds"
local targets = require "tide.bench.targets"
local workload = require "tide.bench.workload"

--- Results in which everything is well past its target.
local function good()
  local function row(agent)
    return { agent = agent, threads = 1, floor_share = 0.99, allocated_bytes_per_update = 0 }
  end
  local function x(median) return { median = median } end
  return {
    update = { row "h2o", row "sac", row "darc", row "cql" }, threads = { { gain = x(1.9) } },
    env = { { share = x(0.9) }, { share = x(0.95) } }, actions = { { microseconds = x(9) } },
    dataset = { share = x(0.6) }, startup = { wall_ms = x(20) }, memory = { beside_bytes = 60e6, growth = 0 },
  }
end

local function met(results)
  local list = {}
  for _, row in ipairs(targets.judge(results)) do list[row.name] = row.met end
  return list
end

describe("a measurement", function()
  it("is the median of its rounds, with their range", function()
    local list = { 5, 1, 4, 2 }
    assert.are.same({ median = 3, least = 1, most = 5 }, rounds.summary(list))
    assert.are.equal(2, rounds.median { 9, 2, 1 })
    assert.are.same({ 5, 1, 4, 2 }, list)
    assert.are.same({ 2, 0.5 }, rounds.ratios({ 4, 1 }, { 2, 2 }))
  end)

  it("takes turns: every job once before any job again", function()
    local order = {}
    local function job(name) return function() order[#order + 1] = name return #order end end
    local numbers = rounds.take({ job "a", job "b" }, 3)
    assert.are.same({ "a", "b", "a", "b", "a", "b" }, order)
    assert.are.same({ { 1, 3, 5 }, { 2, 4, 6 } }, numbers)
  end)

  it("counts calls until its time is over", function()
    local calls = 0
    local rate = rounds.rate(function() calls = calls + 1 end, 0.01)
    assert.is_true(calls > 1)
    assert.is_true(rate > 0 and rate <= calls / 0.01)
  end)
end)

describe("the parts of an update", function()
  local small = { hidden = { 16, 16 }, real_batch = 8, sim_batch = 8, discriminator_batch = 8 }
  local replay = workload.replay(2000)

  it("are every method and the optimisers, no more than all of it, and nothing twice", function()
    local work = workload.new("h2o", small, replay)
    local seconds, took = parts.time(work.agent, 1, function() for _ = 1, 50 do work.update() end end)
    local sum = 0
    for _, value in pairs(seconds) do sum = sum + value end
    assert.is_true(sum <= took, ("%g of %g s"):format(sum, took))
    for _, name in ipairs { "discriminators", "ratio", "u", "targets", "critics", "policy", "polyak", "optimiser" } do
      assert.is_true(seconds[name] > 0, name)
    end
    assert.are.equal(0, seconds.dynamics) -- the learned simulator, which is off
  end)

  it("are timed without a change of the numbers, and leave nothing behind", function()
    local one, other = workload.new("sac", { hidden = { 16, 16 }, batch = 8 }, replay),
                       workload.new("sac", { hidden = { 16, 16 }, batch = 8 }, replay)
    parts.time(one.agent, 1, function() for _ = 1, 5 do one.update() end end)
    for _ = 1, 5 do other.update() end
    assert.are.same(other.agent.policy.net:weight(2):totable(), one.agent.policy.net:weight(2):totable())
    assert.is_nil(rawget(one.agent, "update_critics"))
    assert.has_error(function() parts.time(one.agent, 1, function() error("stopped", 0) end) end, "stopped")
    assert.is_nil(rawget(one.agent, "update_critics"))
    one.update()
  end)

  it("are known for every agent", function()
    for _, name in ipairs(floor.agents()) do
      local work = workload.new(name, { hidden = { 16, 16 } }, replay)
      local seconds = parts.time(work.agent, 1, function() for _ = 1, 2 do work.update() end end)
      assert.is_true(seconds.optimiser > 0 and seconds.policy > 0, name)
    end
  end)
end)

describe("the floor", function()
  it("is the products that somebody reads", function()
    local function agent(name, fields)
      fields.name, fields.observation_dim, fields.action_dim, fields.hidden = name, 3, 2, { 5, 7 }
      return fields
    end
    -- forward and weights of all three layers, inputs of the last two
    local bc = floor.of(agent("bc", { batch = 10, loss = "nll" }))
    assert.are.equal(20 * (2 * (3 * 5 + 5 * 7 + 7 * 4) + 5 * 7 + 7 * 4), bc)
    local _, by_part = floor.of(agent("sac", { batch = 10 }))
    assert.are.equal(20 * (3 * 5 + 5 * 7 + 7 * 4 + 2 * (5 * 5 + 5 * 7 + 7)), by_part.targets)
    assert.are.equal(20 * 2 * (2 * (5 * 5 + 5 * 7 + 7) + 5 * 7 + 7), by_part.critics)
    -- both critics forward, each row back through one of them
    assert.are.equal(20 * (2 * (3 * 5 + 5 * 7 + 7 * 4) + 5 * 7 + 7 * 4 + 2 * (5 * 5 + 5 * 7 + 7) + 2 * 5 + 5 * 7 + 7),
      by_part.policy)
  end)

  it("has a count for every agent there is", function()
    local count = 0
    for name in pairs(require("tide").agents) do
      assert.is_function(floor[name], name)
      count = count + 1
    end
    assert.are.equal(count, #floor.agents())
  end)
end)

describe("a target", function()
  it("is met from its own value on", function()
    for name, ok in pairs(met(good())) do assert.is_true(ok, name) end
  end)

  it("is missed by the worst of what it covers", function()
    local results = good()
    results.env[2].share.median = 0.79
    results.update[4].floor_share = 0.849
    results.memory.growth = 0.011
    local list = met(results)
    assert.is_false(list["control steps from Lua over mj_step's, all robots"])
    assert.is_false(list["cql: share of the products' floor"])
    assert.is_false(list["growth of memory over many updates"])
    assert.is_true(list["h2o: share of the products' floor"])
  end)

  it("that was not measured is not met", function()
    local results = good()
    table.remove(results.update, 1)
    assert.is_false(met(results)["h2o: share of the products' floor"])
  end)
end)

describe("tide bench", function()
  it("compares a control step from Lua with MuJoCo's own, the simulation being the same", function()
    local result = program.run { "bench", "env", "--rounds", "1", "--json" }
    assert.are.equal(0, result.code, result.err)
    local seen = json.decode(result.out)
    assert.are.equal(4, #seen.env)
    for _, row in ipairs(seen.env) do assert.is_true(row.share.median > 0.1 and row.share.median < 3, row.env) end
    for _, row in ipairs(seen.actions) do assert.is_true(row.microseconds.median > 0) end
  end)

  it("measures files, products, the program's start and a run's memory", function()
    for what, fields in pairs { dataset = { "rows", "share", "warm_share", "batch_us" },
                                startup = { "wall_ms", "processor_ms" },
                                memory = { "peak_bytes", "beside_bytes", "growth", "updates" } } do
      local result = program.run { "bench", what, "--rounds", "1", "--updates", "50", "--json" }
      assert.are.equal(0, result.code, result.err)
      for _, name in ipairs(fields) do assert.is_not_nil(json.decode(result.out)[what][name], name) end
    end
    local result = program.run { "bench", "gemm", "--rounds", "1" }
    assert.are.equal(0, result.code, result.err)
    assert.matches("256 x 256 x 256 ", result.out, 1, true)
  end)

  it("refuses numbers that mean nothing", function()
    for option, words in pairs { ["--rounds 0"] = "--rounds: a whole number from 1 on", ["--seconds 0"] = "a positive",
                                 ["--threads x"] = "threads", ["--updates 0"] = "--updates: a whole number",
                                 ["-o x.svg"] = "only scaling draws a picture" } do
      local result = program.shell(("%s bench update --agent bc %s"):format(program.path, option))
      assert.are_not.equal(0, result.code, option)
      assert.matches(words, result.err, 1, true)
    end
  end)

  it("draws how updates scale", function()
    local path, rows = os.tmpname() .. ".svg", {}
    for threads = 1, 2 do
      for _, batch in ipairs { 64, 128, 256 } do
        rows[#rows + 1] = { batch = batch, width = 256, threads = threads, runs = 1, floor_share = 0.8,
                            updates_per_s = { median = 1e4 / batch * threads } }
      end
      rows[#rows + 1] = { batch = 256, width = 64, threads = threads, runs = 1, floor_share = 0.5,
                          updates_per_s = { median = 400 } }
    end
    require("tide.bench.scaling").draw(rows, path)
    local text = files.read(path)
    os.remove(path)
    assert.matches("Width of the layers", text, 1, true)
    assert.matches("2 threads", text, 1, true)
    core.end_step()
  end)
end)
