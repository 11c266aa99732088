--- Promises of tide.text_log and `tide dataset import`: defects are planted, and found.
local dataset = require "tide.dataset"
local expect = require "support.expect"
local files = require "support.files"
local program = require "support.program"
local text_log = require "tide.text_log"

local refused = expect.refused

local folder, log, out

before_each(function()
  folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. folder))
  log, out = folder .. "/log.txt", folder .. "/log.h5"
end)
after_each(function()
  collectgarbage()
  os.execute("rm -rf " .. folder)
end)

--- Imports the text; -> the report, and the dataset's rows as { observation, action, reward, next, terminal, timeout }.
local function import(text, given)
  files.write(log, text)
  local report = text_log.import(log, out, given)
  local data = dataset.read(out)
  local rows = {}
  for i = 1, #data do
    local function at(name) return data:rows(name, i, 1):totable()[1] end
    rows[i] = { at "observations", at "actions", at "rewards", at "next_observations", at "terminals", at "timeouts" }
  end
  return report, rows
end

local steady = "0 1 10 7 0\n1 1 20 8 0\n2 1 30 9 0\n3 1 40 6 0\n"
local columns = { "x", "v", "action", "reward", "done" }

local function with(more)
  local given = { columns = columns }
  for key, value in pairs(more or {}) do given[key] = value end
  return given
end

--- x of the rows that became transitions, and of their next observations.
local function steps(rows)
  local list = {}
  for i, row in ipairs(rows) do list[i] = ("%g-%g"):format(row[1][1], row[4][1]) end
  return table.concat(list, " ")
end

describe("a text log", function()
  it("becomes transitions: the next observation is the next row's, the last row has none", function()
    local report, rows = import(steady, with { scale_action = 10 })
    assert.are.same({
      { { 0, 1 }, { 1 }, 7, { 1, 1 }, 0, 0 },
      { { 1, 1 }, { 2 }, 8, { 2, 1 }, 0, 0 },
      { { 2, 1 }, { 3 }, 9, { 3, 1 }, 0, 1 }, -- the file ends: a cut
    }, rows)
    assert.are.same({ 4, 3, 1, 0, 1 }, { report.file_rows, report.rows, report.left_out, report.terminals,
      report.timeouts })
  end)

  it("reads blanks, tabs, commas, Windows' line ends, comments and a header alike", function()
    local _, plain = import(steady, with())
    for _, text in ipairs {
      steady:gsub(" ", "\t"), steady:gsub(" ", ","), steady:gsub(" ", " , "), steady:gsub("\n", "\r\n"),
      "# a robot\n\n  " .. steady:gsub("\n", "\n\n# remark\n"), steady:sub(1, -2),
      (steady:gsub("\n1 1", "\n+1.0 1e0")),
    } do
      local _, rows = import(text, with())
      assert.are.same(plain, rows)
    end
    local _, rows = import("x,v,action,reward,done\n" .. steady:gsub(" ", ","), {})
    assert.are.same(plain, rows)
    rows = select(2, import("a b c d e\n" .. steady, with())) -- names that are given go before the header's
    assert.are.same(plain, rows)
  end)

  it("takes actions, done and time by their names, passes _ over, and all others for observations", function()
    local _, rows = import("0.1 5 1 2 3 4\n0.2 6 1 2 3 4\n",
      { columns = { "time", "reward", "action_left", "_", "tilt", "action2" } })
    assert.are.same({ { { 3 }, { 1, 4 }, 5, { 3 }, 0, 1 } }, rows)
  end)

  it("a done step is terminal, and leads to nothing in the log", function()
    local report, rows = import("0 1 1 7 0\n1 1 1 7 1\n5 1 1 7 0\n6 1 1 7 0\n", with())
    assert.are.equal("0-1 1-1 5-6", steps(rows))
    assert.are.same({ 0, 1, 0 }, { rows[1][5], rows[2][5], rows[3][5] })
    assert.are.same({ 0, 0, 1 }, { rows[1][6], rows[2][6], rows[3][6] })
    assert.are.same({ 1, 1, 1 }, { report.terminals, report.timeouts, report.left_out })
  end)

  it("a done state makes the step into it terminal; what lies after the end is left out", function()
    local report, rows = import("0 1 1 7 0\n1 1 1 7 0\n2 1 1 7 1\n3 1 1 7 1\n4 1 1 7 0\n5 1 1 7 0\n",
      with { done_of = "state" })
    assert.are.equal("0-1 1-2 4-5", steps(rows))
    assert.are.same({ 0, 1, 0 }, { rows[1][5], rows[2][5], rows[3][5] })
    assert.are.same({ 0, 0, 1 }, { rows[1][6], rows[2][6], rows[3][6] })
    assert.are.same({ 1, 3 }, { report.terminals, report.left_out })
  end)

  it("a timeout cuts: its row has no next one", function()
    local _, rows = import("0 1 5 0\n1 1 5 0\n2 1 5 1\n7 1 5 0\n8 1 5 0\n",
      { columns = { "x", "action", "reward", "timeout" } })
    assert.are.equal("0-1 1-2 7-8", steps(rows))
    assert.are.same({ 0, 1, 1 }, { rows[1][6], rows[2][6], rows[3][6] })
    assert.are.same({ 0, 0, 0 }, { rows[1][5], rows[2][5], rows[3][5] })
  end)

  it("never joins what a rule says does not follow", function()
    local jump = "0 1 1 7 0\n1 1 1 7 0\n2 1 1 7 0\n9 1 1 7 0\n10 1 1 7 0\n"
    for _, rule in ipairs { "x>5", "x > 2*", "x-v>5.9", "x-v>3*" } do
      local report, rows = import(jump, with { break_on = { rule }, rate = 1 })
      assert.are.equal("0-1 1-2 9-10", steps(rows), rule)
      assert.are.same({ 0, 1, 1 }, { rows[1][6], rows[2][6], rows[3][6] })
      assert.are.same({ 1, 4 }, { report.breaks[1].count, report.breaks[1].first_line })
    end
    for _, rule in ipairs { "x>7", "x-v>6", "x>7*" } do
      local report, rows = import(jump, with { break_on = { rule }, rate = 1 })
      assert.are.equal("0-1 1-2 2-9 9-10", steps(rows), rule)
      assert.are.equal(0, report.breaks[1].count)
    end
  end)

  it("holds actions within [-1, 1] where asked, and counts those that were outside", function()
    local report, rows = import(steady, with { scale_action = 20, clip = true })
    assert.are.same({ 2, 0.5, 1, 1 }, { report.outside, rows[1][2][1], rows[2][2][1], rows[3][2][1] })
    report, rows = import(steady, with { scale_action = 20 })
    assert.are.same({ 2, 1.5 }, { report.outside, rows[3][2][1] })
  end)

  it("tells outliers: the column, how many, the furthest and its line", function()
    local lines = { "x action reward" }
    for i = 1, 200 do lines[#lines + 1] = ("%d 1 0"):format(i % 2) end
    lines[101], lines[151] = "90 1 0", "-100 1 0"
    local report = import(table.concat(lines, "\n"), {})
    assert.are.equal(1, #report.outliers)
    local outlier = report.outliers[1]
    assert.are.same({ "x", 2, -100, 151 }, { outlier.column, outlier.count, outlier.value, outlier.line })
  end)

  it("refuses what is no row of numbers, with its line and column", function()
    local function bad(text, ...)
      files.write(log, text)
      local parts = { ... }
      refused(parts, text_log.import, log, out, with())
      assert.is_nil(io.open(out), "a file is left")
    end
    bad(steady .. "4 1 nan 7 0\n", "log.txt, line 5", "'nan' is no finite number")
    bad(steady .. "4 1 -inf 7 0\n", "line 5", "'-inf'")
    bad(steady .. "4 1 1e999 7 0\n", "line 5", "'1e999'")
    bad(steady .. "4 1 0x10 7 0\n", "line 5", "'0x10'")
    bad(steady .. "4 1 x 7 0\n", "line 5", "column 3")
    bad("x,v,action,reward,done\n1,2,,4,0\n", "line 2", "column action: ''")
    bad(steady .. "\n4 1 1 7\n", "line 6: 4 columns, 5 are needed")
    bad(steady .. "4 1 1 7 0 0\n", "line 5: 6 columns, 5 are needed")
    bad(steady .. "4 1 1 7 2\n", "line 5", "done: 2 is neither 0 nor 1")
    bad("", "no rows")
    bad("# nothing\n", "no rows")
    bad("0 1 1 7 0\n", "no row has a next one")
    bad(("x"):rep(3 << 20), "line 1 is longer")
  end)

  it("has its rewards computed by the environment: of the row, the stored action and the next row", function()
    local cheetah, pendulum = require("tide.env").get "HalfCheetah", {}
    for key, value in pairs(cheetah) do pendulum[key] = value end
    pendulum.name, pendulum.model, pendulum.observation = "Pendulum", folder .. "/pendulum.xml", { size = 2 }
    function pendulum.observe() end
    function pendulum.reward_of(observation, action, next_observation)
      return observation[1] + 10 * action[1] + 100 * next_observation[2]
    end
    files.write(pendulum.model, [[<mujoco><worldbody><body><joint name="j"/><geom size="1"/></body></worldbody>
      <actuator><motor joint="j"/></actuator></mujoco>]])
    local _, rows = import("1 2 3\n4 5 6\n7 8 9\n", { columns = { "x", "v", "action" }, env = pendulum,
      scale_action = 4, clip = true })
    assert.are.same({ 1 + 7.5 + 500, 4 + 10 + 800 }, { rows[1][3], rows[2][3] })
    pendulum.reward_of = nil
    refused("Pendulum cannot compute rewards", text_log.import, log, out,
      { columns = { "x", "v", "action" }, env = pendulum })
  end)

  it("refuses names and rules that do not fit", function()
    files.write(log, steady)
    local function bad(message, given) refused(message, text_log.import, log, out, given) end
    bad("the first line names no columns; give their names, 5 of them", {})
    bad("4 columns are named, the file has 5", { columns = { "x", "v", "action", "reward" } })
    bad("two columns are named x", { columns = { "x", "x", "action", "reward", "done" } })
    bad("done and terminal are the same", { columns = { "x", "action", "reward", "done", "terminal" } })
    bad("no column is named action", { columns = { "x", "v", "w", "reward", "done" } })
    bad("no column is an observation", { columns = { "_", "_", "action", "reward", "done" } })
    bad("no column is named reward", { columns = { "x", "v", "action", "_", "done" } })
    bad("HalfCheetah has 17 observations and 6 actions, the log 2 and 1", with { env = "HalfCheetah" })
    bad("unknown 'y'", with { break_on = { "y>1" } })
    bad("COLUMN>LIMIT", with { break_on = { "x<1" } })
    bad("COLUMN>LIMIT", with { break_on = { "x>-1" } })
    bad("needs the rate", with { break_on = { "x-v>1" } })
    bad("done_of", with { done_of = "row" })
    bad("scale_action", with { scale_action = 0 })
    bad("unknown 'colums'", { colums = columns })
    refused("no such file", text_log.import, "/no/such.txt", out, with())
  end)

  it("is read in bounded memory", function()
    local file = assert(io.open(log, "w"))
    local block = {}
    for i = 1, 1000 do block[i] = ("%d 1 0.123456789 7 0\n"):format(i) end
    for _ = 1, 40 do file:write(table.concat(block)) end -- 900 kB
    file:close()
    local source = require("tide.text_rows").open(log)
    collectgarbage()
    local before, most = collectgarbage("count"), 0
    source.each(function(_, line)
      if line % 5000 == 0 then
        collectgarbage()
        most = math.max(most, collectgarbage("count"))
      end
    end)
    assert.is_true(most - before < 300, ("%.0f kB"):format(most - before))
  end)
end)

describe("tide dataset import", function()
  it("writes a dataset that tide dataset info reads, and says what it did", function()
    files.write(log, "x,v,action,reward,done\n0,1,3,7,0\n1,1,9,7,0\n2,1,3,7,1\n9,1,3,7,0\n10,1,3,7,0\n")
    local result = program.run { "dataset", "import", log, "-o", out, "--scale-action", "3", "--clip", "--rate", "1",
      "--break-on", "x-v>0.5", "--break-on", "x>20", "--done-of", "state" }
    assert.are.same({ 0, "" }, { result.code, result.err })
    for _, part in ipairs { "3 transitions from 5 rows", "1 terminal, 1 timeout", "2 rows without a next one",
      "x-v>0.5", "0 breaks", "1 row outside [-1, 1], held within" } do
      assert.is_truthy(result.out:find(part, 1, true), ("%q is not in:\n%s"):format(part, result.out))
    end
    local told = program.run { "dataset", "info", out }
    assert.are.equal(0, told.code, told.err)
    for _, part in ipairs { "3 transitions, 2 observations, 1 action", "columns: x,v,action,reward,done", "log.txt" } do
      assert.is_truthy(told.out:find(part, 1, true), ("%q is not in:\n%s"):format(part, told.out))
    end
    result = program.run { "dataset", "import", log, "-o", out }
    assert.are.equal(1, result.code)
    assert.is_truthy(result.err:find("--force replaces it", 1, true))
    assert.are.equal(0, program.run({ "dataset", "import", log, "-o", out, "--force" }).code)
    assert.are.equal(2, program.run({ "dataset", "import", log, "-o", out, "--done-of", "row" }).code)
    assert.are.equal(1, program.run({ "dataset", "import", log }).code)
  end)

  it("shows the beginning of a word that is no number, in printable characters", function()
    files.write(log, "1 2 0\n3 \1\255" .. ("z"):rep(5000) .. " 0\n")
    local result = program.run { "dataset", "import", log, "-o", out, "--columns", "x,action,reward" }
    assert.are.equal(1, result.code)
    assert.is_truthy(result.err:find([[line 2: column 2: '\x01\xFFzzz]], 1, true), result.err)
    assert.is_true(#result.err < 300, #result.err)
  end)
end)
