--- Promises of tide table: what it says of a sweep's folder.
local document = require "tide.sweep.document"
local expect = require "support.expect"
local files = require "support.files"
local json = require "tide.json"
local lfs = require "lfs"
local plan = require "tide.sweep.plan"
local program = require "support.program"
local results = require "tide.sweep.results"
local sweep_folder = require "support.sweep_folder"
local tables = require "tide.sweep.tables"
local tide = require "tide"

local folder

before_each(function()
  folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
end)
after_each(function() os.execute("rm -rf " .. folder) end)

local axes = { { name = "gap", labels = { "gravity", "friction" } }, { name = "agent", labels = { "sac", "h2o" } } }

--- Evaluations before the first update (-1000) and after every tenth: the values.
local function evaluations(values)
  local list = { { 0, -1000 } }
  for i, value in ipairs(values) do list[i + 1] = { 10 * i, value } end
  return list
end

local function steady(value)
  local values = {}
  for i = 1, 12 do values[i] = value end
  return evaluations(values)
end

local function cell_of(found, name)
  for _, cell in ipairs(found.cells) do
    if cell.name == name then return cell end
  end
end

local function column_of(found, label)
  for _, column in ipairs(found.over_cells.columns) do
    if column.label == label then return column end
  end
end

local function small(given)
  given = given or {}
  given.axes, given.seeds, given.steps = given.axes or axes, given.seeds or 2, given.steps or 120
  return sweep_folder.plan(folder, given)
end

describe("the results of a sweep", function()
  it("final is the mean of the last ten evaluations, best the greatest; the one at no update is none", function()
    local about = small { seeds = 1 }
    sweep_folder.fill(folder, about, function()
      return evaluations { 900, 500, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 }, { score = function(x) return x / 10 end }
    end)
    local run = results.of(folder, about).cells[1].runs[1]
    expect.near({ 5.5, 900, 0.55, 12 }, { run.final, run.best, run.score, run.evaluations }, 1e-12)
    expect.near(9.5, results.of(folder, about, { last = 2 }).cells[1].final.mean, 1e-12)
    expect.near(1455 / 12, results.of(folder, about, { last = 99 }).cells[1].final.mean, 1e-12)
  end)

  it("the sweep says how many evaluations are the last ones, unless the reader does", function()
    local about = small { seeds = 1 }
    sweep_folder.fill(folder, about, function() return evaluations { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 } end)
    about.last = 3
    expect.near(11, results.of(folder, about).cells[1].final.mean, 1e-12)
    expect.near(11.5, results.of(folder, about, { last = 2 }).cells[1].final.mean, 1e-12)
  end)

  it("takes mean and standard deviation over seeds", function()
    local about = small { seeds = 3 }
    sweep_folder.fill(folder, about, function(run) return steady(({ 10, 20, 60 })[run.seed]) end)
    local cell = results.of(folder, about).cells[1]
    expect.near({ 30, math.sqrt(700) }, { cell.final.mean, cell.final.std }, 1e-12) -- (400 + 100 + 900) / 2
    assert.are.same({ 3, 3, false }, { cell.seeds, cell.done, cell.unfinished })
    assert.is_nil(cell.score)
  end)

  it("has figures of finished runs alone, of the others where there is none, and says so", function()
    local about = small()
    sweep_folder.fill(folder, about, function(run)
      if run.cells[1] == "gravity/sac" then
        if run.seed == 2 then return { { 0, -1000 }, { 10, 7 } }, { state = "interrupted" } end
        return steady(100)
      elseif run.cells[1] == "gravity/h2o" then
        return { { 0, -1000 }, { 10 * run.seed, 40 * run.seed } }, { state = run.seed == 1 and "failed" or "running" }
      elseif run.cells[1] == "friction/sac" then
        return {}, { state = "running" }
      end
    end)
    local found = results.of(folder, about)
    local part, open = cell_of(found, "gravity/sac"), cell_of(found, "gravity/h2o")
    assert.are.same({ 100.0, 1, false }, { part.final.mean, part.seeds, part.unfinished })
    assert.are.equal("1 × 120, 1 at 10 of 120", document.runs(part))
    assert.are.same({ 60.0, 2, 0, true }, { open.final.mean, open.seeds, open.done, open.unfinished })
    assert.are.equal("1 at 20 of 120, 1 failed at 10 of 120", document.runs(open))
    assert.are.equal("no run", document.runs(cell_of(found, "friction/h2o")))
    assert.is_nil(cell_of(found, "friction/sac").final)
    assert.are.same({ 1, 0 }, { column_of(found, "sac").cells, column_of(found, "h2o").cells })
    local text = tables.text(found)
    for _, words in ipairs { "60.0 ± 28.3 †", "not evaluated", "no run", "†: no run of the cell is done" } do
      assert.is_truthy(text:find(words, 1, true), words .. " is not in:\n" .. text)
    end
  end)

  it("over cells: interquartile mean of all runs, and how likely h2o beats another in the same cell", function()
    local about = small()
    local values = { ["gravity/sac"] = { 1, 2 }, ["friction/sac"] = { 3, 4 }, ["gravity/h2o"] = { 2, 3 },
                     ["friction/h2o"] = { 0, 9 } }
    sweep_folder.fill(folder, about, function(run)
      return steady(values[run.cells[1]][run.seed]), { score = function(x) return 10 * x end }
    end)
    local found = results.of(folder, about)
    local sac, h2o = column_of(found, "sac"), column_of(found, "h2o")
    local about_them = found.over_cells
    assert.are.same({ "score", "h2o", "agent" }, { about_them.measure, about_them.of, about_them.axis })
    expect.near({ 25, 25 }, { sac.iqm.value, h2o.iqm.value }, 1e-12) -- of 10 20 30 40, and of 0 20 30 90
    -- gravity: 2 beats 1 and equals 2, 3 beats both; friction: 9 beats both
    expect.near(((1 + 0.5 + 2) / 4 + 2 / 4) / 2, sac.improvement.value, 1e-12)
    assert.is_nil(h2o.improvement)
    assert.is_true(sac.iqm.low >= 10 and sac.iqm.low < 25 and sac.iqm.high > 25 and sac.iqm.high <= 40)
    expect.near(1 - sac.improvement.value,
      column_of(results.of(folder, about, { of = "sac" }), "h2o").improvement.value, 1e-12)
    expect.refused("--of: unknown 'h2'; nearest: h2o", results.of, folder, about, { of = "h2" })
  end)

  it("compares only cells that both have, and knows no interval of one seed", function()
    local about = small { seeds = 1 }
    sweep_folder.fill(folder, about, function(run)
      if run.cells[1] ~= "friction/h2o" then return steady(run.agent == "sac" and 5 or 6) end
    end)
    local sac = column_of(results.of(folder, about), "sac")
    assert.are.same({ 2, 1, 1.0 }, { sac.cells, sac.improvement.cells, sac.improvement.value })
    assert.are.same({ 5.0 }, { sac.iqm.value, sac.iqm.low, sac.iqm.high })
  end)

  it("runs that cells share are drawn once for all of them", function()
    local function width(share)
      os.execute("rm -rf " .. folder .. "/*")
      local about = small { seeds = 6, share = share }
      sweep_folder.fill(folder, about, function(run) return steady(run.seed * run.seed) end)
      local iqm = column_of(results.of(folder, about), "sac").iqm
      return iqm.high - iqm.low
    end
    assert.is_true(width(function(labels) return labels.agent end) > 1.2 * width())
  end)

  it("shows the cells that are asked for", function()
    local about = small()
    assert.are.equal(2, #results.of(folder, about, { only = { "gravity/*" } }).cells)
    expect.refused({ "--only 'x/*' matches no cell", "gravity/sac" }, results.of, folder, about, { only = { "x/*" } })
  end)

  it("counts what is no number as less than any", function()
    local about = small { seeds = 4 }
    sweep_folder.fill(folder, about, function(run) return steady(run.seed == 1 and 0 / 0 or run.seed) end)
    local found = results.of(folder, about)
    assert.are.equal(2.5, column_of(found, "sac").iqm.value) -- of -inf 2 3 4: 2 3
    assert.is_truthy(tables.text(found))
    assert.is_truthy(json.decode(tables.json(found)))
  end)
end)

describe("published figures", function()
  local function define(published)
    return tide.sweep { axes = { { gap = { "gravity", "friction" } }, { agent = { "sac", "h2o" } } },
                        experiment = function() return {} end, published = published }
  end

  it("go from the file of experiments into the plan, in the order of the cells", function()
    local script = folder .. "/a.lua"
    files.write(script, [[
      local tide = require "tide"
      return tide.sweep { seeds = 1, axes = { { gap = { "gravity", "friction" } } },
        published = { { source = "a table", steps = 1e6, cells = { friction = { 5 }, gravity = { 6690, 93 } } } },
        experiment = function(cell) return { agent = tide.agents.sac {}, real = { env = "HalfCheetah" },
                                             sim = { gap = cell.gap .. "(2.0)" } } end }]])
    local about = plan.make(script, {})
    assert.are.same({ { source = "a table", steps = 1000000, cells = {
      { cell = "gravity", mean = 6690, std = 93 }, { cell = "friction", mean = 5 } } } }, about.published)
    plan.write(folder .. "/out", about)
    assert.are.same(about, plan.read(folder .. "/out"))
  end)

  it("are refused where they are of no cell, or no figures", function()
    expect.refused("published: a list", define, { source = "x" })
    expect.refused("published 1: source", define, { { cells = {} } })
    expect.refused({ "published 1: cell: unknown 'gravity/h20'", "gravity/h2o" }, define,
      { { source = "x", cells = { ["gravity/h20"] = { 1 } } } })
    expect.refused("published 1: gravity/h2o: { mean, std }", define,
      { { source = "x", cells = { ["gravity/h2o"] = { "6690" } } } })
  end)

  it("stand beside what was measured, with their source", function()
    local about = small { published = { { source = "A, table 1", steps = 1000000, cells = {
      { cell = "gravity/h2o", mean = 6690, std = 93 } } } } }
    sweep_folder.fill(folder, about, function(run) return steady(run.agent == "sac" and 5000 or 4000) end)
    local text = tables.md(results.of(folder, about))
    assert.matches("| gap +| +sac | +h2o | +h2o %[1%] |\n", text)
    assert.matches("| gravity .*4000 ± 0<br>2 × 120 | *6690 ± 93 |\n", text)
    assert.is_truthy(text:find("[1] A, table 1, 1M updates; mean ± standard deviation as published.", 1, true))
  end)
end)

describe("a table", function()
  local function found()
    local about = small { name = "a_b", seeds = 3, set = { "agent.tau=0.01" } }
    sweep_folder.fill(folder, about, function(run)
      return steady((run.agent == "h2o" and 3000 or -20) + run.seed), { score = function(x) return x / 4 end }
    end)
    return results.of(folder, about)
  end

  it("in Markdown sets the best of a row in bold; every row has the columns of its head", function()
    local text = tables.md(found())
    assert.matches("^# a_b\n", text)
    assert.is_truthy(text:find("| -18 ± 1<br>3 × 120 | **3002 ± 1**<br>3 × 120 |", 1, true), text)
    assert.is_truthy(text:find("With --set agent.tau=0.01.", 1, true))
    local bars
    for line in text:gmatch "[^\n]+" do
      local n = select(2, line:gsub("|", ""))
      if line:sub(1, 1) == "|" then
        bars = bars or n
        assert.are.equal(bars, n, line)
      else
        bars = nil
      end
    end
  end)

  it("sets all in bold that are best", function()
    local about = small()
    sweep_folder.fill(folder, about, function(run)
      return steady(5), { state = run.cells[1] == "friction/sac" and "interrupted" or "done" }
    end)
    local text = tables.md(results.of(folder, about))
    assert.matches("| gravity +| +%*%*5%.000 ± 0%.000%*%*<br>2 × 120 | %*%*5%.000 ± 0%.000%*%*<br>2 × 120 |\n", text)
    assert.matches("| friction | 5%.000 ± 0%.000 †<br>2 at 120 of 120 | +5%.000 ± 0%.000<br>2 × 120 |\n", text)
  end)

  it("in LaTeX escapes what has a meaning there, and closes what it opens", function()
    local text = tables.tex(found())
    assert.is_truthy(text:find("\\caption{a\\_b: Final return}", 1, true))
    assert.is_truthy(text:find(
      "gravity & \\shortstack[r]{$-$18 $\\pm$ 1\\\\{\\scriptsize 3 $\\times$ 120}} & \\shortstack[r]{\\textbf{3002",
      1, true), text)
    assert.are.equal(select(2, text:gsub("{", "")), select(2, text:gsub("}", "")))
    assert.are.equal(select(2, text:gsub("\\begin", "")), select(2, text:gsub("\\end", "")))
    assert.is_nil(text:find "[\128-\255]")
    for line in text:gmatch "[^\n]+" do assert.is_nil(line:find "^%s*%-%-set") end
  end)

  it("in CSV is a line a cell, each with as many fields as the first", function()
    local text, lines = tables.csv(found()), {}
    for line in text:gmatch "[^\n]+" do lines[#lines + 1] = line end
    assert.are.equal(5, #lines)
    assert.are.equal("gap,agent,cell,runs,seeds,done,unfinished,steps,final_mean,final_std,best_mean,best_std,"
      .. "score_mean,score_std", lines[1])
    assert.are.equal("gravity,sac,gravity/sac,3 × 120,3,3,false,120,-18,1,-18,1,-4.5,0.25", lines[2])
  end)

  it("of one axis has no grid but a list of its arms", function()
    local about = small { axes = { { name = "arm", labels = { "h2o", "no-ratio" } } },
                          published = { { source = "A", cells = { { cell = "h2o", mean = 77 } } } } }
    sweep_folder.fill(folder, about, function(run) return steady(50 + run.seed) end)
    local text = tables.text(results.of(folder, about))
    assert.is_nil(text:find("Final return\n", 1, true))
    assert.matches("no%-ratio +51%.5 ± 0%.7 +51%.5 ± 0%.7 +2 × 120", text)
    assert.matches("h2o +51%.5 ± 0%.7 +51%.5 ± 0%.7 +77%.0 +2 × 120", text)
  end)

  it("is byte for byte the same for equal sweeps, whatever their folders and times", function()
    local function made(name, wait)
      local dir = folder .. "/" .. name
      local about = sweep_folder.plan(dir, { axes = axes, seeds = 2, steps = 120 })
      sweep_folder.fill(dir, about, function(run) return steady(run.seed), { seconds = wait } end)
      return results.of(dir, plan.read(dir))
    end
    local one, two = made("one", 3), made("two", 700)
    for _, kind in ipairs { "json", "md", "tex", "csv", "text" } do
      assert.are.equal(tables[kind](one), tables[kind](two))
    end
    assert.is_nil(tables.json(one):find(folder, 1, true))
  end)
end)

describe("tide table", function()
  it("shows the tables, writes files, and prints JSON", function()
    local about = small()
    sweep_folder.fill(folder, about, function(run) return steady(run.seed) end)
    local shown = program.run { "table", folder }
    assert.are.same({ 0, "" }, { shown.code, shown.err })
    assert.are.equal(tables.text(results.of(folder, about)), shown.out)
    local written = program.run { "table", folder .. "/", "-o", folder .. "/t.md", "-o", folder .. "/t.json",
                                  "--only", "gravity/*", "--last", "3" }
    assert.are.same({ 0, folder .. "/t.md\n" .. folder .. "/t.json\n" }, { written.code, written.out })
    local object = json.read(folder .. "/t.json")
    assert.are.same({ 2, 3 }, { #object.cells, object.last })
    assert.matches("^# small", files.read(folder .. "/t.md"))
    assert.are.equal(4, #json.decode(program.run({ "table", folder, "--json" }).out).cells)
  end)

  it("refuses what is no sweep, and files of other kinds before anything is written", function()
    local result = program.run { "table", folder }
    assert.are.equal(1, result.code)
    assert.is_truthy(result.err:find("holds no sweep", 1, true))
    small()
    result = program.run { "table", folder, "-o", folder .. "/t.md", "-o", folder .. "/t.doc" }
    assert.are.equal(1, result.code)
    assert.is_truthy(result.err:find("t.doc: a table is a .md, .tex, .csv or .json file", 1, true))
    assert.is_nil(lfs.attributes(folder .. "/t.md"))
    result = program.run { "table", folder, "--last", "0" }
    assert.is_truthy(result.err:find("--last", 1, true))
  end)
end)
