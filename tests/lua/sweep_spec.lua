--- Promises of tide.sweep { ... }, of its plan, and of the board.
local board = require "tide.sweep.board"
local core = require "tide.core"
local expect = require "support.expect"
local experiment = require "tide.experiment"
local files = require "support.files"
local json = require "tide.json"
local lfs = require "lfs"
local plan = require "tide.sweep.plan"
local state = require "tide.sweep.state"
local tide = require "tide"

local function make(changes)
  local given = {
    seeds = 2, steps = 40,
    axes = {
      { data = { "medium", "replay" } },
      { gap = { { "gravity", tide.gap.gravity(2.0) }, { "friction", tide.gap.friction(0.3) } } },
      { agent = { "sac", "cql", "h2o" } },
    },
    experiment = function(cell)
      return { agent = tide.agents[cell.agent] {}, real = { env = "HalfCheetah", dataset = cell.data .. ".h5" },
               sim = { gap = cell.gap } }
    end,
  }
  for key, value in pairs(changes or {}) do given[key] = value end
  return tide.sweep(given)
end

--- Names of cells -> names of their runs with the first seed.
local function first_runs(resolved)
  local runs = {}
  for _, cell in ipairs(resolved.cells) do runs[cell.name] = cell.runs[1].run end
  return runs
end

local function names_of(list)
  local names = {}
  for i, one in ipairs(list) do names[i] = one.name end
  return names
end

describe("a sweep", function()
  it("has a cell for each product of its axes, named by their labels in order", function()
    local names = names_of(make():resolve({}).cells)
    assert.are.equal(12, #names)
    assert.are.same({ "medium/gravity/sac", "medium/gravity/cql", "medium/gravity/h2o", "medium/friction/sac" },
      { table.unpack(names, 1, 4) })
    assert.are.equal("replay/friction/h2o", names[12])
  end)

  it("runs once what cells share: what an agent does not use makes no difference", function()
    local resolved = make():resolve {}
    local runs = first_runs(resolved)
    assert.are.equal(runs["medium/gravity/sac"], runs["replay/gravity/sac"])
    assert.are_not.equal(runs["medium/gravity/sac"], runs["medium/friction/sac"])
    assert.are.equal(runs["medium/gravity/cql"], runs["medium/friction/cql"])
    assert.are_not.equal(runs["medium/gravity/cql"], runs["replay/gravity/cql"])
    local h2o, different = {}, 0
    for name, run in pairs(runs) do
      if name:find("h2o", 1, true) and not h2o[run] then
        h2o[run], different = true, different + 1
      end
    end
    assert.are.equal(4, different)
    assert.are.equal((2 + 2 + 4) * 2, #resolved.runs)
    for _, run in ipairs(resolved.runs) do
      if run.name == runs["medium/gravity/cql"] then
        assert.are.same({ "medium/gravity/cql", "medium/friction/cql" }, run.cells)
        assert.is_false(run.config.sim.gap)
      end
    end
  end)

  it("names a run by every value of its configuration but name and threads", function()
    local function name(more, given)
      local made = make { axes = { { agent = { "h2o" } } }, experiment = function()
        local it_ = { agent = tide.agents.h2o { beta = 0.02 }, real = { env = "HalfCheetah", dataset = "d.h5" } }
        for key, value in pairs(more or {}) do it_[key] = value end
        return it_
      end }
      return made:resolve(given or {}).runs[1].name
    end
    local plain = name()
    assert.are.equal(plain, name())
    assert.are.equal(plain, name { threads = 2, name = "other" })
    assert.are.equal(plain, name { steps = 40.0 })
    for _, other in ipairs { name { steps = 41 }, name { evaluation = { every = 3 } },
                             name { sim = { gap = "gravity(2.0)" } }, name({}, { set = { "agent.beta=0.03" } }),
                             name({}, { steps = 50 }) } do
      assert.are_not.equal(plain, other)
      assert.is_truthy(other:match "^h2o%-halfcheetah%-d.*%-%x+%-seed1$", other)
    end
  end)

  it("does the first seed of all cells, then the second", function()
    local seeds = {}
    for i, run in ipairs(make({ seeds = { 7, 3 } }):resolve({}).runs) do seeds[i] = run.seed end
    assert.are.same({ 7, 7, 7, 7, 7, 7, 7, 7, 3, 3, 3, 3, 3, 3, 3, 3 }, seeds)
  end)

  it("--seeds N takes the first N, and those after the greatest beyond the list", function()
    assert.are.same({ 4 }, make({ seeds = { 4, 2 } }):resolve({ seeds = 1 }).seeds)
    assert.are.same({ 4, 2, 5, 6 }, make({ seeds = { 4, 2 } }):resolve({ seeds = 4 }).seeds)
  end)

  it("has no cell where the file makes none, and hands it seed, name and labels", function()
    local seen = {}
    local made = make { experiment = function(cell)
      seen[#seen + 1] = { cell.name, cell.seed, cell.labels.gap }
      if cell.agent == "h2o" and cell.data == "medium" then
        return { agent = tide.agents.h2o {}, real = { env = "HalfCheetah", dataset = "x.h5" },
                 sim = { gap = cell.gap } }
      end
    end }
    assert.are.same({ "medium/gravity/h2o", "medium/friction/h2o" }, names_of(made:resolve({}).cells))
    assert.are.same({ "medium/gravity/sac", 1, "gravity" }, seen[1])
  end)

  it("takes a plain list of experiments as well", function()
    local made = tide.sweep { seeds = 1, experiments = {
      { "a/one", { agent = tide.agents.sac {}, real = { env = "HalfCheetah" } } },
      { "a/two", { agent = tide.agents.sac { tau = 0.01 }, real = { env = "HalfCheetah" } } },
    } }
    assert.are.same({ "a/one", "a/two" }, names_of(made:resolve({}).cells))
  end)

  it("refuses what is wrong with the file, by name", function()
    local some = function() return {} end
    expect.refused("seeds", make, { seeds = 0 })
    expect.refused("seeds", make, { seeds = { 1, 1 } })
    expect.refused({ "last", "0" }, make, { last = 0 })
    expect.refused({ "last", "2.5" }, make, { last = 2.5 })
    expect.refused({ "unknown 'sedes'", "seeds" }, make, { sedes = 1 })
    expect.refused("axis 1: one name", make, { axes = { { a = { 1 }, b = { 1 } } } })
    expect.refused("axis a: there are two values 1", make, { axes = { { a = { 1, 1 } } } })
    expect.refused("two axes a", make, { axes = { { a = { 1 } }, { a = { 2 } } } })
    expect.refused({ "axis gap", "gravity(2.0)" }, make, { axes = { { gap = { tide.gap.gravity(2.0) } } } })
    expect.refused("axis seed", make, { axes = { { seed = { 1 } } } })
    expect.refused("instead of axes", tide.sweep, { experiments = {}, axes = {}, experiment = some })
    expect.refused("datasets", make, { datasets = { ["a.h5"] = {} } })
    expect.refused({ "cell medium/gravity/sac", "agent must be a choice" }, function()
      make({ experiment = some }):resolve {}
    end)
    expect.refused({ "cell medium/gravity/sac", "unknown 'betta'" }, function()
      make({ experiment = function() return { agent = tide.agents.h2o { betta = 1 } } end }):resolve {}
    end)
    expect.refused("no cell", function() make({ experiment = function() end }):resolve {} end)
  end)

  it("leaves the command line's overrides as they were", function()
    experiment.override { steps = 77 }
    make():resolve { steps = 5 }
    assert.are.equal(77, experiment.overrides.steps)
    experiment.override {}
  end)

  it("globs match whole names: * anything, ? one character, all else itself", function()
    local matches = tide.sweep.matches
    assert.is_true(matches("medium-replay/gravity/*", "medium-replay/gravity/h2o"))
    assert.is_true(matches("*/h2o", "medium-replay/gravity/h2o"))
    assert.is_true(matches("a?c", "abc"))
    assert.is_false(matches("medium/*", "medium-replay/gravity/h2o"))
    assert.is_false(matches("gravity", "medium/gravity/h2o"))
    assert.is_false(matches("a.c", "abc"))
    assert.is_false(matches("h2o+", "h2oo"))
  end)
end)

describe("the plan of a sweep", function()
  local folder, script

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    script = folder .. "/table.lua"
    files.write(script, [[
      local tide = require "tide"
      return tide.sweep {
        seeds = 2, steps = 40, axes = { { gap = { "gravity", "friction" } }, { agent = { "sac", "cql" } } },
        experiment = function(cell)
          return { agent = tide.agents[cell.agent] {}, real = { env = "HalfCheetah", dataset = "d.h5" },
                   sim = { gap = cell.gap .. "(2.0)" } }
        end,
      }]])
  end)
  after_each(function() os.execute("rm -rf " .. folder) end)

  local function count_chosen(about)
    local n = 0
    for _, cell in ipairs(about.cells) do n = n + (cell.chosen and 1 or 0) end
    return n
  end

  it("is read as it was written", function()
    local about = plan.make(script, { steps = 30, only = { "gravity/*" } })
    plan.write(folder .. "/out", about)
    assert.are.same(about, plan.read(folder .. "/out"))
  end)

  it("holds all cells, and what was chosen before as well", function()
    local about, runs = plan.make(script, { seeds = 1, only = { "gravity/*" } })
    assert.are.same({ 4, 2, 2, "table" }, { #about.cells, count_chosen(about), #runs, about.name })
    local more, more_runs = plan.make(script, { only = { "friction/*" }, seeds = 2 }, about)
    assert.are.same({ 4, 4 }, { count_chosen(more), #more_runs })
    local again, all = plan.make(script, {}, more)
    assert.are.same({ more, 6 }, { again, #all }) -- two gaps of sac, one cql, two seeds each
    local less, one = plan.make(script, { seeds = 1, only = { "gravity/sac" } }, again)
    assert.are.same({ { 1, 2 }, 4, 1 }, { less.seeds, count_chosen(less), #one })
  end)

  it("refuses a pattern that matches nothing, with the cells there are", function()
    expect.refused({ "'heavy/*' matches no cell", "gravity/sac" }, plan.make, script, { only = { "heavy/*" } })
  end)

  it("is not made of a script that trains by itself, which does not begin", function()
    files.write(script, [[local tide = require "tide"
      tide.experiment { agent = tide.agents.sac {}, real = { env = "HalfCheetah" } }:train()]])
    expect.refused({ "returns no tide.sweep", "tide run" }, plan.make, script, {})
    files.write(script, "return 3")
    expect.refused("returns no tide.sweep", plan.make, script, {})
  end)
end)

describe("the state of a run", function()
  local folder

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
  end)
  after_each(function() os.execute("rm -rf " .. folder) end)

  local function put(record, rows)
    files.write(folder .. "/run.json", json.encode(record))
    local lines = {}
    for i, row in ipairs(rows or {}) do lines[i] = json.encode(row) .. "\n" end
    files.write(folder .. "/metrics.jsonl", table.concat(lines))
  end

  it("is waiting, interrupted, failed or done as its files say", function()
    assert.are.same({ state = "waiting", updates = 0, resumable = false }, state.of(folder))
    for written, told in pairs { running = "interrupted", interrupted = "interrupted", failed = "failed",
                                 done = "done" } do
      put { state = written, problem = written == "failed" and "no luck" or nil }
      assert.are.equal(told, state.of(folder).state)
    end
  end)

  it("is running while another process holds it, whatever is written", function()
    put { state = "done" }
    local lock = folder .. "/.lock"
    files.write(lock, "")
    local program = 'file = io.open("%s", "a") require("lfs").lock(file, "w") io.read("a")'
    local holder = io.popen(("exec lua5.4 -e '%s'"):format(program:format(lock)), "w")
    local stop = core.process.monotonic() + 60
    while not core.process.lock_holder(lock) and core.process.monotonic() < stop do os.execute "sleep 0.02" end
    local about, pid = state.of(folder), core.process.lock_holder(lock)
    holder:close()
    assert.are.equal("running", about.state)
    assert.is_true(pid > 0)
    assert.are.equal("done", state.of(folder).state)
  end)

  it("tells updates, rate and last return from the last lines, also past a half-written one", function()
    local rows = { { step = 0, ["eval/return"] = 3, ["time/wall"] = 100 } }
    for i = 1, 2000 do rows[i + 1] = { step = 10 * i, ["time/wall"] = 100 + i, ["train/loss"] = 0.123456789 } end
    rows[1901]["eval/return"] = -7.5
    put({ state = "running" }, rows)
    local file = io.open(folder .. "/metrics.jsonl", "a")
    file:write('{"step": 999999')
    file:close()
    local about = state.of(folder)
    assert.are.same({ 20000, 10.0, -7.5 }, { about.updates, about.rate, about.last_return })
  end)

  it("a failure that the run could not write itself is noted, but over nothing that is done", function()
    state.fail(folder .. "/new", "no such luck")
    local noted = state.of(folder .. "/new")
    assert.are.same({ "failed", "no such luck" }, { noted.state, noted.problem })
    put { state = "done" }
    state.fail(folder, "no such luck")
    assert.are.equal("done", state.of(folder).state)
  end)
end)

describe("the process", function()
  it("may be pinned to cores of its own, and back", function()
    local all = core.process.cores()
    core.process.pin { all[#all] }
    local one = core.process.cores()
    core.process.pin(all)
    assert.are.same({ { all[#all] }, all }, { one, core.process.cores() })
    expect.refused("no core", core.process.pin, {})
    expect.refused("not a core's number", core.process.pin, { "x" })
    expect.refused("not a core's number", core.process.pin, { -1 })
  end)
end)

describe("the board", function()
  local view = {
    name = "table1", total = 15, done = 3, failed = 1, waiting = 9, seconds_left = 3900,
    running = {
      { label = "medium/gravity/h2o seed 1", updates = 420, steps = 1000, rate = 10, last_return = 1234.4 },
      { label = "medium/gravity/sac seed 1", updates = 0, steps = 1000 },
    },
  }

  it("tells all and each", function()
    assert.are.same({
      "table1: 3 of 15 runs done, 2 running, 9 to come, 1 failed; about 1 h 05 min left",
      "  medium/gravity/h2o seed 1  ######..........  42 %  10.0 updates/s  58 s left  return 1234",
      "  medium/gravity/sac seed 1  ................   0 %",
    }, board.lines(view, 100, 24, false))
  end)

  it("fits every width and height", function()
    for width = 20, 120 do
      for _, unicode in ipairs { true, false } do
        for _, line in ipairs(board.lines(view, width, 24, unicode)) do
          assert.is_true(utf8.len(line) <= width, ("%d: %s"):format(width, line))
        end
      end
    end
    local many = { name = "x", total = 40, done = 0, failed = 0, waiting = 0, running = {} }
    for i = 1, 40 do many.running[i] = { label = "cell" .. i, updates = 0, steps = 1 } end
    local lines = board.lines(many, 80, 24, false)
    assert.is_true(#lines < 24)
    assert.are.equal("  and 19 more", lines[#lines])
  end)

  it("draws over itself on a terminal, and says whole lines elsewhere", function()
    local written, now = {}, 0
    local stream = { write = function(_, ...) written[#written + 1] = table.concat { ... } end, flush = function() end }
    local shown = board.new { stream = stream, terminal = true, width = 60, height = 24, unicode = false,
                              clock = function() return now end }
    assert.is_true(shown:due())
    shown:update(view)
    assert.is_false(shown:due())
    shown:print("one is done")
    assert.is_true(shown:due())
    shown:update(view)
    now = 1
    shown:update(view)
    shown:finish()
    local text, erasures = table.concat(written), "\27%[3A\r\27%[J"
    assert.are.equal(3, select(2, text:gsub(erasures, "")))
    assert.is_truthy(text:find("\27[Jone is done\n" .. board.lines(view, 59, 24, false)[1], 1, true))

    written = {}
    local plain = board.new { stream = stream, terminal = false, clock = function() return now end }
    assert.is_false(plain:due())
    now = 61
    assert.is_true(plain:due())
    plain:update(view)
    text = table.concat(written)
    assert.is_nil(text:find("\27", 1, true))
    assert.is_truthy(text:find("  medium/gravity/h2o seed 1: 420 / 1,000 updates (42 %), 10.0 updates/s, 58 s left",
      1, true), text)
  end)
end)
