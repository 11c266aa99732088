--- The page that `tide report` makes, without a browser (tests/browser.sh opens it in one).
local files = require "support.files"
local json = require "tide.json"
local lfs = require "lfs"
local program = require "support.program"
local records = require "tide.records"
local report = require "tide.report"
local series = require "tide.report.series"
local sweep_folder = require "support.sweep_folder"
local videos = require "tide.report.videos"

local root, page

local function rising(slope, n)
  local points = {}
  for i = 0, n or 10 do points[i + 1] = { i * 1000, slope * i } end
  return points
end

local function config(agent, seed, more)
  local made = { agent = { name = agent, hidden = { 256, 256 } }, seed = seed, steps = 10000, name = agent .. seed }
  for key, value in pairs(more or {}) do made.agent[key] = value end
  return made
end

--- Writes the page -> its text, the remarks.
local function write(folders, given)
  local remarks = report.write(folders, page, given)
  return files.read(page), remarks
end

--- The data within a page.
local function data_of(text)
  return assert(json.decode((text:match '<script type="application/json" id="data">(.-)</script>')))
end

--- A page without its programs and styles: what is about the runs.
local function markup(text)
  return (text:gsub("<script.->.-</script>", ""):gsub("<style>.-</style>", ""))
end

local function count(text, what)
  return select(2, text:gsub(what:gsub("%p", "%%%0"), ""))
end

local function table_of(text, caption)
  return assert(text:match("<caption>" .. caption:gsub("%p", "%%%0") .. "</caption>(.-)</table>"), caption)
end

--- The rows of a table as lists of plain words.
local function rows_of(text)
  local rows = {}
  for line in text:gmatch "<tr>(.-)</tr>" do
    local row = {}
    for cell in line:gmatch "<t[hd].->(.-)</t[hd]>" do row[#row + 1] = cell:gsub("<br>", " "):gsub("<.->", "") end
    rows[#rows + 1] = row
  end
  return rows
end

--- The sweep of most tests: two gaps, two agents, two seeds; one run failed, one interrupted, one not begun.
local function make_sweep(dir)
  local plan = sweep_folder.plan(dir, { seeds = 2, steps = 10000, axes = {
    { name = "gap", labels = { "gravity", "friction" } }, { name = "agent", labels = { "sac", "h2o" } } } })
  sweep_folder.fill(dir, plan, function(run)
    local slope = run.seed * (run.agent == "h2o" and 20 or 10)
    if run.name == "friction-h2o-seed2" then return nil end
    local state = run.name == "friction-sac-seed2" and "failed" or run.name == "friction-h2o-seed1" and "interrupted"
    return rising(slope, state and 4 or 10), { state = state or "done", config = config(run.agent, run.seed,
      { beta = run.agent == "h2o" and 0.01 or nil }) }
  end)
  local path = dir .. "/runs/friction-sac-seed2/run.json"
  local record = json.read(path)
  record.problem = "the gradient of q1 is not finite"
  files.write(path, json.encode(record))
end

describe("tide report", function()
  before_each(function()
    root = os.tmpname()
    os.remove(root)
    assert(lfs.mkdir(root))
    page = root .. "/report.html"
  end)

  after_each(function() os.execute(("rm -rf '%s'"):format(root)) end)

  it("puts a sweep's results, curves, differences and ends into one page", function()
    make_sweep(root .. "/sweep")
    local text = write { root .. "/sweep" }
    assert.truthy(text:find("<title>small</title>", 1, true))
    assert.truthy(text:find("8 runs: 5 done, 1 interrupted, 1 failed, 1 waiting", 1, true))
    local data = data_of(text)
    assert.equal(4, #data.groups)
    assert.equal("gravity/h2o", data.groups[2].label)
    assert.same({ 0, 30, 60 }, { table.unpack(data.groups[2].curves["eval/return"].mean, 1, 3) })
    assert.same({ 0, 20, 40 }, { table.unpack(data.groups[2].curves["eval/return"].range[1], 1, 3) })
    assert.same({ 0, 40, 80 }, { table.unpack(data.groups[2].curves["eval/return"].range[2], 1, 3) })
    local low = data.groups[2].curves["eval/return"].interval[1]
    assert.is_true(low[11] >= 200 and low[11] < 300, low[11])
    assert.same({ 2, 3 }, data.groups[2].runs)
    local final = rows_of(table_of(text, "Final return"))
    assert.same({ "gap", "sac", "h2o" }, final[1])
    assert.truthy(final[2][3]:find("2 × 10k", 1, true))
    local runs = rows_of(table_of(text, "Runs"))
    assert.equal(9, #runs)
    local by_name = {}
    for _, row in ipairs(runs) do by_name[row[1]] = row end
    assert.equal("waiting", by_name["friction-h2o-seed2"][4])
    assert.equal("failed", by_name["friction-sac-seed2"][4])
    assert.equal("4,000 of 10,000", by_name["friction-sac-seed2"][5])
    assert.truthy(table.concat(by_name["friction-sac-seed2"], " "):find("the gradient of q1 is not finite", 1, true))
    local different = rows_of(table_of(text, "Configuration: what differs"))
    assert.same({ "key", "gravity/sac", "gravity/h2o", "friction/sac", "friction/h2o" }, different[1])
    assert.same({ "agent.beta", "–", "0.01", "–", "0.01" }, different[2])
    assert.same({ "agent.name", "sac", "h2o", "sac", "h2o" }, different[3])
    assert.equal(3, #different)
  end)

  it("shows the cells that --only names", function()
    make_sweep(root .. "/sweep")
    local text = write({ root .. "/sweep" }, { only = { "*/h2o" } })
    assert.equal(2, #data_of(text).groups)
    assert.falsy(markup(text):find("gravity/sac", 1, true))
    assert.has_error(function() write({ root .. "/sweep" }, { only = { "nothing*" } }) end)
  end)

  it("puts runs of no sweep together where only the seed differs", function()
    for _, agent in ipairs { "sac", "h2o" } do
      for seed = 1, 3 do
        sweep_folder.run(("%s/runs/%s-%d"):format(root, agent, seed), rising(seed), { config = config(agent, seed) })
      end
    end
    local text = write { root .. "/runs" }
    local data = data_of(text)
    assert.same({ "h2o", "sac" }, { data.groups[1].label, data.groups[2].label })
    assert.same({ 1, 2, 3 }, { data.runs[1].seed, data.runs[2].seed, data.runs[3].seed })
    local cells = rows_of(table_of(text, "Cells"))
    assert.same({ "h2o", "11.0 ± 5.5" }, { cells[2][1], cells[2][2] }) -- the mean of 1 to 10, times 1, 2 and 3
    assert.equal(3, #data_of(write({ root .. "/runs" }, { only = { "sac-*" } })).runs)
    assert.equal(1, #data_of(write { root .. "/runs/sac-2" }).runs)
  end)

  it("names a run by what it is called, and once, however often its folder is given", function()
    sweep_folder.run(root .. "/runs/one", rising(1), { config = config("sac", 1) })
    assert.equal(1, #data_of(write { root .. "/runs", root .. "/runs/one/", root .. "/runs/../runs" }).runs)
  end)

  it("tells sweeps and runs apart that are given together", function()
    make_sweep(root .. "/sweep")
    sweep_folder.run(root .. "/others/one", rising(1), { config = config("sac", 1) })
    local text = write { root .. "/sweep", root .. "/others" }
    local data = data_of(text)
    assert.equal("small: gravity/sac", data.groups[1].label)
    assert.truthy(data.groups[5].label:find("^others: "))
    assert.truthy(text:find("<title>small, others</title>", 1, true))
  end)

  it("lets no name, message or value out of its place", function()
    local evil = [[</script><b onload='x'>"&amp; {{data}} %1]]
    local name = [[<script><b>'"& {{title}} %2]]
    local run = root .. "/runs/" .. name
    sweep_folder.run(run, rising(1), { config = config(evil, 1, { [evil] = evil }), tags = { { [evil] = 1 } } })
    sweep_folder.run(root .. "/runs/plain", rising(1), { config = config("sac", 1) })
    local record = json.read(run .. "/run.json")
    record.state, record.problem, record.command, record.commit = "failed", evil, evil, evil
    record.versions = { tide = evil }
    record.started = evil
    files.write(run .. "/run.json", json.encode(record))
    files.write(run .. "/" .. evil:gsub("/", "") .. ".mp4", "video")
    local text = write({ root .. "/runs" }, { title = evil })
    assert.equal(3, count(text:lower(), "</script>"))
    assert.falsy(markup(text):find("<b", 1, true) and markup(text):find "<b[ >]")
    assert.falsy(markup(text):find("onload='", 1, true))
    assert.truthy(markup(text):find("&lt;script&gt;&lt;b&gt;&#39;&quot;&amp; {{title}} %2", 1, true))
    local data = data_of(text)
    assert.equal(name, data.runs[1].name)
    assert.same({ 0 }, data.grids[1 + data.runs[1].curves[evil].g])
  end)

  it("stays valid with bytes that are no UTF-8 and with control characters", function()
    sweep_folder.run(root .. "/runs/m\xfcll", rising(1), { config = config("sac", 1) })
    local text = write({ root .. "/runs" }, { title = "a\0b\x1b" })
    assert.truthy(utf8.len(text))
    assert.truthy(text:find("<title>a\u{FFFD}b\u{FFFD}</title>", 1, true))
    assert.equal("müll", data_of(text).runs[1].name)
  end)

  it("asks for nothing from outside the page", function()
    make_sweep(root .. "/sweep")
    local text = write { root .. "/sweep" }
    for address in markup(text):gmatch "[sh][rr][ce]f?=[\"']([^\"']*)" do
      assert.truthy(address:find "^#" or address:find "^data:", address)
    end
    assert.truthy(text:find("default-src 'none'", 1, true))
    assert.falsy(markup(text):find("<link rel=\"stylesheet", 1, true))
    assert.truthy(text:find("Permission is hereby granted", 1, true))
  end)

  it("leaves gaps where values are no numbers, and says so", function()
    local points = rising(1)
    points[3][2], points[5][2] = 0 / 0, math.huge
    sweep_folder.run(root .. "/runs/one", points, { config = config("sac", 1) })
    local text, remarks = write { root .. "/runs" }
    local y = data_of(text).runs[1].curves["eval/return"].y
    assert.same({ 0, 1, json.null, 3, json.null, 5 }, { table.unpack(y, 1, 6) })
    assert.equal(1, #remarks)
    assert.truthy(remarks[1]:find("runs/one", 1, true) and remarks[1]:find("eval/return 2", 1, true))
    assert.truthy(text:find("eval/return 2", 1, true))
  end)

  it("takes runs as they are: without evaluations, records, configurations, whole lines", function()
    local runs = root .. "/runs"
    records.make_folder(runs .. "/begun")
    files.write(runs .. "/begun/run.json", json.encode { state = "running", seconds = 1 })
    files.write(runs .. "/begun/metrics.jsonl", "")
    records.make_folder(runs .. "/failed-at-once")
    files.write(runs .. "/failed-at-once/run.json", json.encode { state = "failed", problem = "no such dataset" })
    records.make_folder(runs .. "/metrics-alone")
    files.write(runs .. "/metrics-alone/metrics.jsonl", '{"step":0,"eval/return":1}\n{"step":5,"eval/return":2}\n{"st')
    sweep_folder.run(runs .. "/damaged", rising(1))
    files.write(runs .. "/damaged/config.json", "{")
    sweep_folder.run(runs .. "/losses", {}, { config = config("sac", 1) })
    files.write(runs .. "/losses/metrics.jsonl", '{"step":1,"train/q1":3}\n')
    records.make_folder(runs .. "/.cache")
    local text, remarks = write { runs }
    local rows, states = rows_of(table_of(text, "Runs")), {}
    for i = 2, #rows do states[rows[i][1]] = rows[i][4] end
    assert.same({ begun = "interrupted", damaged = "done", ["failed-at-once"] = "failed", losses = "done",
      ["metrics-alone"] = "unknown" }, states)
    assert.truthy(text:find("no such dataset", 1, true))
    assert.truthy(table.concat(remarks, "\n"):find("damaged/config.json", 1, true))
    assert.truthy(table.concat(remarks, "\n"):find("1 damaged line left out", 1, true))
    assert.equal(2, #remarks)
  end)

  it("makes a page where nothing has been logged yet", function()
    sweep_folder.plan(root .. "/sweep", { seeds = 2, axes = { { name = "agent", labels = { "sac", "h2o" } } } })
    local text, remarks = write { root .. "/sweep" }
    assert.truthy(text:find("4 runs: 4 waiting", 1, true))
    assert.same({ "No run has logged anything yet." }, remarks)
  end)

  it("holds a hundred runs in two megabytes, and keeps the ends of thinned curves", function()
    local tags = {}
    for i = 1, 601 do tags[i] = { ["train/q1"] = math.sin(i), ["train/q2"] = math.cos(i) } end
    sweep_folder.run(root .. "/runs/1", rising(1.5, 600), { config = config("sac", 1), tags = tags })
    for i = 2, 100 do
      assert(os.execute(("cp -r '%s/runs/1' '%s/runs/%d'"):format(root, root, i)))
      files.write(("%s/runs/%d/config.json"):format(root, i), json.encode(config("sac", i)))
    end
    local in_all = series.limits.in_all
    series.limits.in_all = 30000
    local text = write { root .. "/runs" }
    series.limits.in_all = in_all
    assert.is_true(#text < 2e6, #text)
    local data = data_of(text)
    assert.equal(100, #data.runs)
    assert.equal(1, #data.groups)
    local curve = data.runs[7].curves["eval/return"]
    assert.equal(500, #curve.y)
    assert.same({ 0, 900 }, { curve.y[1], curve.y[#curve.y] })
    assert.equal(100, #data.runs[7].curves["train/q1"].y)
    assert.truthy(text:find("Long curves are thinned", 1, true))
  end)

  it("shows the tags that --metric names, clock readings only then", function()
    sweep_folder.run(root .. "/runs/one", rising(1), { config = config("sac", 1), tags = { { ["train/q1"] = 1 } } })
    assert.same({ "eval/return", "train/q1" }, data_of(write { root .. "/runs" }).metrics)
    assert.same({ "time/wall" }, data_of(write({ root .. "/runs" }, { metrics = { "time/*" } })).metrics)
    assert.has_error(function() write({ root .. "/runs" }, { metrics = { "eval/retrun" } }) end,
      "--metric: unknown 'eval/retrun'; nearest: eval/return")
  end)

  it("embeds small videos and links large ones from where the page is", function()
    local run = root .. "/runs/one (a)"
    sweep_folder.run(run, rising(1), { config = config("sac", 1) })
    local bytes = {}
    for i = 1, 1000 do bytes[i] = string.char(i * 37 % 256) end
    files.write(run .. "/small.mp4", table.concat(bytes))
    files.write(run .. "/large.mp4", ("x"):rep(3000))
    assert(lfs.mkdir(root .. "/pages"))
    page = root .. "/pages/report.html"
    local text = write({ root .. "/runs" }, { embed = 0.002 })
    local data = text:match 'src="data:video/mp4;base64,([^"]*)"'
    assert.equal(table.concat(bytes), program.shell("base64 -d", { input = data }).out)
    assert.truthy(text:find('href="../runs/one%20%28a%29/large.mp4"', 1, true))
    assert.truthy(text:find("Videos of more than 0.002 MB are linked", 1, true))
    assert.equal(1, count(text, "<video "))
  end)

  it("writes base64 of any length", function()
    for bytes, letters in pairs { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==" } do
      assert.equal(letters, videos.base64(bytes))
    end
  end)

  it("refuses what is no folder of runs, and keeps the page that was there", function()
    files.write(page, "old")
    files.write(root .. "/file", "")
    assert(lfs.mkdir(root .. "/empty"))
    assert(lfs.mkdir(root .. "/broken"))
    files.write(root .. "/broken/sweep.json", "{")
    for dir, problem in pairs {
      ["/file"] = "is not a folder", ["/none"] = "there is no such folder",
      ["/empty"] = "is no run, no sweep, and no folder of runs", ["/broken"] = "holds no sweep",
    } do
      local ok, message = pcall(report.write, { root .. dir }, page)
      assert.is_false(ok)
      assert.truthy(message:find(root .. dir, 1, true) and message:find(problem, 1, true), message)
    end
    assert.equal("old", files.read(page))
  end)

  it("refuses a page that cannot be, before it reads anything", function()
    assert.has_error(function() report.write({ root }, root .. "/page.pdf") end,
      ("report: %s/page.pdf: a report is a .html file"):format(root))
    assert.has_error(function() report.write({ root }, root .. "/none/page.html") end,
      ("report: %s/none/page.html: there is no folder %s/none"):format(root, root))
    assert.has_error(function() report.write({ root }, page, { last = 0 }) end)
    assert.has_error(function() report.write({ root }, page, { embed = -1 }) end)
  end)

  it("names the package where the chart library is missing or another file", function()
    sweep_folder.run(root .. "/runs/one", rising(1), { config = config("sac", 1) })
    local library = require "tide.report.library"
    local places = library.places
    library.places = { root .. "/none.js" }
    local ok, message = pcall(report.write, { root .. "/runs" }, page)
    library.places = places
    assert.is_false(ok)
    assert.truthy(message:find("apt-get install libjs-chart.js", 1, true))
    files.write(root .. "/other.js", "alert(1)")
    local given = { env = { TIDE_CHART_JS = root .. "/other.js" } }
    local result = program.run({ "report", root .. "/runs", "-o", page }, given)
    assert.equal(1, result.code)
    assert.truthy(result.err:find("other.js is no Chart.js of version 3 or later", 1, true))
    assert.is_nil(lfs.attributes(page))
  end)

  it("is a command that says what it made", function()
    make_sweep(root .. "/sweep")
    local result = program.run { "report", root .. "/sweep", "-o", page, "--only", "gravity/*", "--title", "Gravity" }
    assert.equal(0, result.code, result.err)
    assert.truthy(result.out:find(page .. ": 4 runs, ", 1, true))
    assert.truthy(files.read(page):find("<h1>Gravity</h1>", 1, true))
    local names = {}
    for name in lfs.dir(root) do
      if name ~= "." and name ~= ".." then names[#names + 1] = name end
    end
    table.sort(names)
    assert.same({ "report.html", "sweep" }, names)
  end)
end)
