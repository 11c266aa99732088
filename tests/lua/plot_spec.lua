local curves = require "tide.curves"
local json = require "tide.json"
local lfs = require "lfs"
local plot = require "tide.plot"
local files = require "support.files"

local read, write = files.read, files.write
local root

--- A run's folder: points is { { step, value }, ... } of eval/return.
local function make_run(name, config, points, rest)
  local lines = {}
  for i, point in ipairs(points) do
    lines[i] = json.encode { step = point[1], ["eval/return"] = point[2], ["losses/q1"] = 1 } .. "\n"
  end
  assert(lfs.mkdir(root .. "/" .. name))
  write(root .. "/" .. name .. "/metrics.jsonl", table.concat(lines) .. (rest or ""))
  if config then write(root .. "/" .. name .. "/config.json", json.encode(config)) end
  return root .. "/" .. name
end

local function rising(slope)
  local points = {}
  for i = 0, 10 do points[i + 1] = { i * 1000, slope * i } end
  return points
end

local function labels(groups)
  local list = {}
  for i, group in ipairs(groups) do list[i] = group.label end
  return list
end

--- Width and height from a PNG's header.
local function png_size(path)
  local text = read(path)
  assert.equal("\x89PNG\r\n\x1a\n", text:sub(1, 8))
  local width, height = string.unpack(">I4I4", text, 17)
  return { width, height }
end

local function entries(dir)
  local names = {}
  for name in lfs.dir(dir) do
    if name:find("^[^.]") then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function with_path(value, f)
  local name = os.tmpname()
  write(name, f)
  local pipe = assert(io.popen(("PATH=%s %s %s 2>&1"):format(value, os.getenv "TIDE_LUA", name)))
  local output = pipe:read("a")
  pipe:close()
  os.remove(name)
  return output
end

before_each(function()
  root = os.tmpname()
  os.remove(root)
  assert(lfs.mkdir(root))
end)

after_each(function() os.execute("rm -rf " .. root) end)

describe("curves", function()
  it("reads a run whose last line is cut off", function()
    local dir = make_run("a", nil, rising(1), '{"step":11000,"eval/ret')
    local run = curves.read(dir)
    assert.same({ 11, 1, "a" }, { #run.rows, run.damaged, run.name })
  end)

  it("takes run folders and folders of runs, in order", function()
    make_run("b", nil, rising(1))
    make_run("a", nil, rising(1))
    lfs.mkdir(root .. "/empty")
    local names = {}
    for i, run in ipairs(curves.runs { root .. "/b", root .. "/" }) do names[i] = run.name end
    assert.same({ "b", "a", "b" }, names)
    assert.error_matches(function() curves.runs { root .. "/empty" } end, "empty holds no metrics")
    assert.error_matches(function() curves.runs { root .. "/none" } end, "none: there is no such folder")
    assert.error_matches(function() curves.runs { root .. "/a/metrics.jsonl" } end, "is not a folder")
  end)

  it("reads what records write, NaN and infinity too", function()
    local rec = require("tide.records").open(root .. "/a")
    for i, value in ipairs { 1.5, 0 / 0, math.huge } do rec:log(i, { x = value }) end
    rec:close()
    local values = curves.values(curves.read(root .. "/a"), "x")
    assert.same({ 1, 2, 3 }, values.x)
    assert.equal(1.5, values.y[1])
    assert.is_true(values.y[2] ~= values.y[2])
    assert.equal(math.huge, values.y[3])
  end)

  it("groups runs that differ in seed, name, folder and threads only", function()
    for seed = 1, 3 do
      for _, agent in ipairs { "h2o", "sac" } do
        local config = { agent = { name = agent, lr = 3e-4, [agent .. "_only"] = 1 }, seed = seed, name = agent .. seed,
                         threads = seed, real = { dataset = agent == "h2o" and "medium" or false } }
        make_run(agent .. seed, config, rising(seed))
      end
    end
    local groups = curves.group(curves.runs { root })
    assert.same({ "h2o", "sac" }, labels(groups))
    assert.same({ 3, 3 }, { #groups[1].runs, #groups[2].runs })
  end)

  it("names groups by the values that tell them apart", function()
    local function group_labels(configs)
      os.execute("rm -rf " .. root .. "/*")
      for i, config in ipairs(configs) do make_run("run-seed1-" .. i, config, rising(1)) end
      return labels(curves.group(curves.runs { root }))
    end
    assert.same({ "beta 0.01", "beta 1" }, group_labels {
      { agent = { name = "h2o", beta = 0.01 } }, { agent = { name = "h2o", beta = 1 } } })
    assert.same({ "h2o, gravity(2)", "h2o, no gap", "sac, no gap" }, group_labels {
      { agent = { name = "h2o", beta = 1 }, sim = { gap = "gravity(2)" } },
      { agent = { name = "h2o", beta = 1 }, sim = { gap = false } },
      { agent = { name = "sac", tau = 1 }, sim = { gap = false } } })
    assert.same({ "hidden 256-256", "hidden 64" }, group_labels {
      { agent = { hidden = { 256, 256 } } }, { agent = { hidden = { 64 } } } })
    assert.same({ "run", "run'" }, group_labels {
      { a = 1, b = 1, c = 1, d = 1, e = 1 }, { a = 2, b = 2, c = 2, d = 2, e = 2 } })
  end)

  it("averages over seeds, with the band that is asked for", function()
    for i, slope in ipairs { 1, 2, 6 } do make_run("a" .. i, { seed = i }, rising(slope)) end
    local group = curves.group(curves.runs { root })[1]
    local range, std = curves.average(group, "eval/return", "range"), curves.average(group, "eval/return", "std")
    assert.equal(3, range.n)
    assert.equal(11, #range.x)
    for i = 1, 11 do
      local k = i - 1
      assert.is_true(math.abs(range.mean[i] - 3 * k) < 1e-12)
      assert.same({ 1.0 * k, 6.0 * k }, { range.low[i], range.high[i] })
      assert.is_true(math.abs(std.high[i] - (3 + math.sqrt(7)) * k) < 1e-12) -- variance (4 + 1 + 9) / 2
      assert.is_true(math.abs(std.low[i] - (3 - math.sqrt(7)) * k) < 1e-12)
    end
  end)

  it("stops the mean where the shortest seed stops, and says so", function()
    make_run("a1", { seed = 1 }, rising(1))
    local short = make_run("a2", { seed = 2 }, { { 0, 0 }, { 1000, 1 }, { 2000, 2 } })
    local curve = curves.average(curves.group(curves.runs { root })[1], "eval/return", "range")
    assert.same({ 0, 1000, 2000 }, curve.x)
    assert.same({ short }, curve.short)
  end)

  it("interpolates between unlike steps", function()
    make_run("a1", { seed = 1 }, { { 0, 0 }, { 1000, 10 }, { 2000, 0 } })
    make_run("a2", { seed = 2 }, { { 0, 0 }, { 500, 1 }, { 2000, 4 } })
    local curve = curves.average(curves.group(curves.runs { root })[1], "eval/return", "range")
    assert.same({ 0, 500, 1000, 2000 }, curve.x)
    assert.same({ 0.0, 3.0, 6.0, 2.0 }, curve.mean)
  end)

  it("counts the later of two lines at one step", function()
    make_run("a", nil, { { 0, 1 }, { 1000, 2 }, { 1000, 3 } })
    assert.same({ x = { 0, 1000 }, y = { 1, 3 } }, curves.values(curves.read(root .. "/a"), "eval/return"))
  end)
end)

describe("plot", function()
  it("draws a PNG of twice the points, and leaves nothing else", function()
    for i = 1, 3 do make_run("a" .. i, { seed = i, agent = { name = "h2o" } }, rising(i)) end
    make_run("b", { seed = 1, agent = { name = "sac" } }, rising(4))
    assert(lfs.mkdir(root .. "/out"))
    assert.same({}, plot.curves(plot.runs { root }, root .. "/out/curve.png", { width = 600, height = 400 }))
    assert.same({ 1200, 800 }, png_size(root .. "/out/curve.png"))
    assert.same({ "curve.png" }, entries(root .. "/out"))
  end)

  it("writes every name, title and note into an SVG as it is", function()
    for i = 1, 2 do make_run("a" .. i, { seed = i, agent = { name = "h2o_x" } }, rising(i)) end
    for i = 1, 2 do make_run("b" .. i, { seed = i, agent = { name = "s{a}c" } }, rising(-i)) end
    local path = root .. "/it's.svg"
    local lines = { { value = 3.5, label = "behaviour" } }
    plot.curves({ root }, path, { title = "Half'Cheetah_{2} \\n @x", lines = lines })
    local svg = read(path)
    local expected = { "h2o_x", "s{a}c", "Half'Cheetah_{2} \\n @x", "behaviour", "Mean of 2 seeds, band from least",
                       "Return in the real environment", "Training steps, thousands" }
    svg = svg:gsub("&#39;", "'"):gsub("&apos;", "'")
    for _, text in ipairs(expected) do
      assert.is_truthy(svg:find(text, 1, true), text .. " is not in the picture")
    end
    assert.is_truthy(svg:find("#0072B2") or svg:find("0, 114, 178", 1, true))
  end)

  it("draws one point, level curves, NaN, huge and tiny values", function()
    local cases = { { { 1000, 5 } }, { { 0, 3 }, { 1000, 3 } }, { { 0, 0 / 0 }, { 1000, 1 }, { 2000, math.huge } },
                    { { 0, 0 / 0 } }, { { 0, 1e30 }, { 1, -1e30 } }, { { 0, 1e-12 }, { 5e7, 2e-12 } } }
    for i, points in ipairs(cases) do
      local dir = make_run("case" .. i, nil, points)
      plot.curves({ dir }, root .. "/case.png")
      assert.same({ 1600, 1000 }, png_size(root .. "/case.png"))
    end
  end)

  it("draws more groups than there are colours", function()
    for i = 1, 30 do make_run("a" .. i, { agent = { beta = i } }, rising(i)) end
    plot.curves({ root }, root .. "/many.svg")
    local svg = read(root .. "/many.svg")
    for i = 1, 30 do assert.is_truthy(svg:find("beta " .. i .. "<", 1, true) or svg:find("beta " .. i .. "%s*</")) end
  end)

  it("says which metrics there are when one is missing", function()
    make_run("a", nil, rising(1))
    make_run("b", nil, {})
    assert.error_matches(function() plot.curves({ root }, root .. "/x.png", { metric = "eval/retrun" }) end,
      "eval/retrun.*eval/return, losses/q1")
    assert.error_matches(function() plot.curves({ root .. "/b" }, root .. "/x.png") end, "logged nothing")
    assert.is_nil(lfs.attributes(root .. "/x.png"))
  end)

  it("remarks on damage, missing metrics and seeds that end early", function()
    make_run("a1", { seed = 1, agent = "a" }, rising(1), "{broken")
    make_run("a2", { seed = 2, agent = "a" }, { { 0, 0 }, { 1000, 1 } })
    make_run("b1", { seed = 1, agent = "b" }, {})
    local remarks = table.concat(plot.curves({ root }, root .. "/x.png"), "\n")
    assert.matches("a1: 1 damaged line", remarks)
    assert.matches("a2 ends early", remarks)
    assert.matches("b has no eval/return", remarks)
  end)

  it("refuses wrong use", function()
    local dir = make_run("a", nil, rising(1))
    assert.error_matches(function() plot.curves({ dir }, root .. "/x.pdf") end, "%.png or %.svg")
    assert.error_matches(function() plot.curves({}, root .. "/x.png") end, "no runs")
    assert.error_matches(function() plot.curves({ dir }, root .. "/x.png", { titel = "x" }) end, "titel")
    assert.error_matches(function() plot.curves({ dir }, root .. "/x.png", { band = "iqr" }) end, "iqr")
    assert.error_matches(function() plot.curves({ dir }, root .. "/x.png", { width = 0 }) end, "width")
    assert.error_matches(function() plot.curves({ dir }, root .. "/x.png", { lines = { 3 } }) end, "lines")
  end)

  it("keeps the old picture when the new one fails", function()
    local dir = make_run("a", nil, rising(1))
    write(root .. "/x.png", "old")
    assert.has_error(function() plot.curves({ dir }, root .. "/x.png", { metric = "none" }) end)
    assert.equal("old", read(root .. "/x.png"))
    assert.error_matches(function() plot.curves({ dir }, root .. "/none/x.png") end, "there is no folder .*none$")
  end)

  it("says how to get gnuplot where there is none", function()
    local dir = make_run("a", nil, rising(1))
    assert(lfs.mkdir(root .. "/bin"))
    os.execute("ln -s /bin/sh " .. root .. "/bin/sh")
    local text = ('print(pcall(require("tide.plot").curves, { "%s" }, "%s/x.png"))'):format(dir, root)
    assert.matches("^false.*gnuplot is not installed.*gnuplot%-nox", with_path(root .. "/bin", text))
  end)

  it("makes the same picture of the same runs", function()
    for i = 1, 2 do make_run("a" .. i, { seed = i }, rising(i)) end
    plot.curves({ root }, root .. "/1.svg")
    plot.curves({ root }, root .. "/2.svg")
    assert.equal(read(root .. "/1.svg"), read(root .. "/2.svg"))
  end)
end)

describe("plot.draw", function()
  it("draws gnuplot's own commands, in the size asked for", function()
    plot.draw("plot sin(x) title 'a sine'", root .. "/x.png", { 300, 200 })
    assert.same({ 600, 400 }, png_size(root .. "/x.png"))
    plot.draw("plot sin(x) title 'a sine'", root .. "/x.svg")
    assert.matches("a sine", read(root .. "/x.svg"))
    assert.same({ "x.png", "x.svg" }, entries(root))
  end)

  it("keeps the old picture when gnuplot refuses the commands, and says what gnuplot said", function()
    write(root .. "/x.png", "old")
    assert.error_matches(function() plot.draw("plott 3", root .. "/x.png") end, "gnuplot failed.*plott")
    assert.equal("old", read(root .. "/x.png"))
    assert.same({ "x.png" }, entries(root))
  end)

  it("refuses another kind of file and impossible sizes", function()
    assert.error_matches(function() plot.draw("plot 1", root .. "/x.pdf") end, "%.png or %.svg")
    assert.error_matches(function() plot.draw("plot 1", root .. "/x.png", { 50, 200 }) end, "plot.draw: width 50")
  end)
end)

describe("tide plot", function()
  local program = os.getenv("TIDE_PROGRAM")

  local function run(arguments)
    local pipe = assert(io.popen(("%s plot %s 2>&1"):format(program, arguments)))
    local output = pipe:read("a")
    local _, _, code = pipe:close()
    return output, code
  end

  it("draws runs from the command line", function()
    if not program then pending("TIDE_PROGRAM is not set") end
    local dir = make_run("a", nil, rising(1))
    local output, code = run(("%s -o %s/x.png --title 'A title' --metric losses/q1 --band std"):format(dir, root))
    assert.same({ root .. "/x.png\n", 0 }, { output, code })
    png_size(root .. "/x.png")
  end)

  it("fails with a message", function()
    if not program then pending("TIDE_PROGRAM is not set") end
    local output, code = run(root .. "/none -o " .. root .. "/x.png")
    assert.matches("none: there is no such folder", output)
    assert.equal(1, code)
    local _, usage = run("-o x.png")
    assert.equal(2, usage)
  end)
end)
