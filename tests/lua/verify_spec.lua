--- Promises of tide.dataset.verify: each defect planted is found, named, and its rows with it; sound files have none.
local core = require "tide.core"
local datasets = require "support.datasets"
local files = require "support.files"
local lfs = require "lfs"
local program = require "support.program"
local verify = require "tide.dataset.verify"

local folder, path

local function copy(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for k, v in pairs(value) do out[k] = copy(v) end
  return out
end

local rolled = {} -- once for all tests: row 100, 200 ... of HalfCheetah are cut; Hopper falls before that

local function roll_out(env)
  rolled[env] = rolled[env] or datasets.roll_out(env, 450, { steps = 100 })
  return copy(rolled[env])
end

--- The lines of one level, "name: text".
local function lines(report, level)
  local list = {}
  for _, check in ipairs(report.checks) do
    if check.level == level then list[#list + 1] = check.name .. ": " .. check.text end
  end
  return list
end

local function check_of(report, level, name)
  for _, check in ipairs(report.checks) do
    if check.level == level and check.name == name then return check end
  end
  error(("no %s of %s in:\n%s"):format(level, name, tostring(report)))
end

--- The report has exactly one line of that level; it is of `name`, holds `text` and, where given, names `rows`.
local function only(report, level, name, text, rows)
  local found = lines(report, level)
  assert.are.equal(1, #found, tostring(report))
  local check = check_of(report, level, name)
  assert.is_truthy(check.text:find(text, 1, true), ("%q is not in %q"):format(text, check.text))
  if rows then assert.are.same(rows, check.rows) end
end

local function check(arrays, given, options)
  datasets.write(path, arrays, given)
  options = options or {}
  options.env = options.env or "HalfCheetah"
  options.max_episode_steps = options.max_episode_steps or 100
  return verify(path, options)
end

before_each(function()
  folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  path = folder .. "/file.h5"
end)
after_each(function() os.execute("rm -r " .. folder) end)

describe("verify: a sound file", function()
  it("has no defect and no warning, in any environment and either layout", function()
    for _, env in ipairs { "HalfCheetah", "Hopper", "Walker2d", "Ant" } do
      local arrays = datasets.roll_out(env, 230, { steps = 100 })
      local report = check(arrays, nil, { env = env })
      assert.are.same({ 0, 0 }, { report.defects, report.warnings }, tostring(report))
      assert.is_truthy(check_of(report, "ok", "physics").text:find("230 rows replayed from infos/qpos", 1, true))
      arrays["infos/qpos"], arrays["infos/qvel"] = nil, nil
      report = check(arrays, nil, { env = env })
      assert.are.same({ 0, 0 }, { report.defects, report.warnings }, tostring(report))
      assert.is_truthy(check_of(report, "ok", "physics").text:find("replayed from the observations", 1, true))
    end
    local arrays = roll_out "Hopper"
    arrays.timeouts[450] = { arrays.terminals[450][1] == 0 and 1 or 0 }
    datasets.write_minari(folder .. "/x-v0", arrays, { tide_env = "Hopper" })
    local report = verify(folder .. "/x-v0")
    assert.are.same({ 0, 0 }, { report.defects, report.warnings }, tostring(report))
  end)

  it("whose environment is not known is checked without physics, and that is said", function()
    datasets.write(path, roll_out "HalfCheetah")
    local report = verify(path)
    assert.are.same({ 0, 0, 2 }, { report.defects, report.warnings, #lines(report, "note") })
    check_of(report, "note", "physics")
  end)
end)

describe("verify: planted defects", function()
  it("missing next_observations", function()
    local arrays = roll_out "HalfCheetah"
    arrays.next_observations = nil
    only(check(arrays), "warning", "next observations", "5 rows without one left out")
  end)

  it("a stray terminal where the environment has no true ends", function()
    local arrays = roll_out "HalfCheetah"
    arrays.terminals[57] = { 1 }
    arrays.next_observations = nil
    local report = check(arrays)
    only(report, "defect", "terminals", "1 terminal of 1 that HalfCheetah does not end in: stray", { 57 })
  end)

  it("a stray terminal that the next row goes on from, without knowing the environment", function()
    local arrays = roll_out "HalfCheetah"
    arrays.terminals[57] = { 1 }
    datasets.write(path, arrays)
    only(verify(path), "defect", "terminals", "the following row goes on from there", { 57 })
  end)

  it("a true end that is not marked", function()
    local arrays, row = roll_out "Hopper", nil
    for i = 450, 1, -1 do if arrays.terminals[i][1] == 1 then row = i end end
    arrays.terminals[row] = { 0 }
    arrays.timeouts[row] = { 1 }
    only(check(arrays, nil, { env = "Hopper" }), "defect", "terminals", "end an episode of Hopper, and are no "
      .. "terminals", { row })
  end)

  it("timeouts that are not marked", function()
    local arrays = roll_out "HalfCheetah"
    arrays.timeouts[200] = { 0 }
    only(check(arrays), "warning", "unmarked timeouts", "1 episode reaches the step limit of 100", { 200 })
    datasets.write(path, arrays) -- nobody knows the limit: the next observations tell
    only(verify(path), "warning", "unmarked cuts", "1 row whose next observation is not the following row's", { 200 })
    arrays.next_observations = nil
    local report = check(arrays, nil, { max_episode_steps = 1000 })
    assert.are.same({ 0, 2 }, { report.defects, report.warnings }, tostring(report))
    check_of(report, "warning", "next observations")
    assert.are.same({ 200 }, check_of(report, "warning", "physics").rows)
    for i = 10, 450, 10 do -- a cut every ten rows
      for name, rows in pairs(arrays) do
        if name ~= "timeouts" then rows[i], rows[i - 5] = rows[i - 5], rows[i] end
      end
      arrays.timeouts[i] = { 0 }
    end
    check_of(check(arrays, nil, { max_episode_steps = 1000 }), "defect", "physics")
  end)

  it("a row that is a terminal and a timeout", function()
    local arrays, both = roll_out "Hopper", 0
    for i = 1, 450 do
      if arrays.terminals[i][1] == 1 then arrays.timeouts[i], both = { 1 }, both + 1 end
    end
    only(check(arrays, nil, { env = "Hopper" }), "warning", "ends",
      both .. " rows both terminal and timeout; taken for true ends")
  end)

  it("timeouts that are marked as terminals", function()
    local arrays = roll_out "HalfCheetah"
    arrays.terminals, arrays.timeouts = arrays.timeouts, arrays.terminals
    only(check(arrays), "defect", "terminals", "4 terminals of 4 that HalfCheetah does not end in: stray",
      { 100, 200, 300, 400 })
  end)

  it("single rows of many: a next observation, an observation, a reward of something else", function()
    local arrays = roll_out "HalfCheetah"
    arrays.next_observations[50] = arrays.observations[70]
    local report = check(arrays)
    assert.are.same({ 0, 2 }, { report.defects, report.warnings }, tostring(report))
    assert.are.same({ 50 }, check_of(report, "warning", "unmarked cuts").rows)
    local physics = check_of(report, "warning", "physics")
    assert.are.same({ 50 }, physics.rows)
    assert.is_truthy(physics.text:find("; 1 row by more than 0.001: another version of MuJoCo, or some rows that do "
      .. "not follow one another", 1, true), physics.text)
    arrays = roll_out "HalfCheetah"
    arrays.observations[50] = arrays.observations[70]
    arrays.next_observations[49] = arrays.observations[70]
    report = check(arrays)
    assert.are.same({ 0, 2 }, { report.defects, report.warnings }, tostring(report))
    assert.are.same({ { 50 }, { 49 } }, { check_of(report, "warning", "states").rows,
      check_of(report, "warning", "physics").rows })
    arrays = roll_out "HalfCheetah"
    arrays.rewards[50] = { 1000 }
    only(check(arrays), "warning", "rewards", "1 reward of 450 not as HalfCheetah pays it, by more than 0.1", { 50 })
  end)

  it("no timeouts at all", function()
    local arrays = roll_out "HalfCheetah"
    arrays.timeouts = nil
    only(check(arrays), "warning", "timeouts", "the file marks none; their next observations are known")
    arrays.next_observations = nil
    local report = check(arrays)
    assert.are.equal(0, report.defects, tostring(report))
    assert.is_truthy(check_of(report, "warning", "timeouts").text:find("cut at the step limit of 100, 4 cuts", 1, true))
    datasets.write(path, arrays)
    only(verify(path), "defect", "timeouts", "neither next_observations nor timeouts")
  end)

  it("a cut that is none: the next episode's first observation was taken", function()
    local arrays = roll_out "HalfCheetah"
    for _, row in ipairs { 100, 200, 300, 400 } do arrays.next_observations[row] = arrays.observations[row + 1] end
    only(check(arrays), "defect", "next observations", "4 rows marked as cut, yet the next observation is the "
      .. "following row's", { 100, 200, 300, 400 })
  end)

  it("NaN and infinity", function()
    local arrays = roll_out "HalfCheetah"
    arrays.observations[33][4], arrays.observations[35][1] = 0 / 0, -math.huge
    arrays.rewards[12][1] = 0 / 0
    local report = check(arrays, nil, { samples = 0 })
    local found = lines(report, "defect")
    assert.are.same({ "finite: observations: 2 rows with a NaN or infinity",
      "finite: rewards: 1 row with a NaN or infinity" }, found)
    assert.are.same({ 33, 35 }, check_of(report, "defect", "finite").rows)
  end)

  it("actions outside [-1, 1]", function()
    local arrays = roll_out "HalfCheetah"
    arrays.actions[5][2], arrays.actions[6][1], arrays.actions[6][3], arrays.actions[440][6] = 1.5, -2, 1.01, 1.0001
    only(check(arrays, nil, { samples = 0 }), "defect", "actions", "3 rows outside [-1, 1]; they go from -2 to 1.5",
      { 5, 6, 440 })
  end)

  it("flags other than 0 and 1", function()
    local arrays = roll_out "HalfCheetah"
    arrays.timeouts[100], arrays.terminals[7] = { 2 }, { 0.5 }
    local report = check(arrays, { types = { timeouts = "int64", terminals = "float32" } }, { samples = 0 })
    local found = table.concat(lines(report, "defect"), "\n")
    assert.is_truthy(found:find("flags: timeouts: 1 row neither 0 nor 1", 1, true), found)
    assert.is_truthy(found:find("flags: terminals: some neither 0 nor 1", 1, true), found)
  end)

  it("shapes (N, 1), and shapes of something else", function()
    local arrays = roll_out "HalfCheetah"
    local report = check(arrays, { shapes = { rewards = { 1 }, terminals = { 1 } } })
    assert.are.same({ "shapes: rewards has the shape (N, 1), taken for (N)",
      "shapes: terminals has the shape (N, 1), taken for (N)" }, lines(report, "warning"))
    assert.are.equal(0, report.defects)
    for i = 1, 450 do arrays.rewards[i] = { 1, 2 } end
    only(check(arrays), "defect", "shapes", "rewards has rows of 2 numbers")
    arrays = roll_out "HalfCheetah"
    for i = 1, 450 do arrays.actions[i][7] = 0 end
    only(check(arrays), "defect", "shapes", "17 observations and 7 actions, HalfCheetah has 17 and 6")
    arrays = roll_out "HalfCheetah"
    for i = 1, 450 do arrays.next_observations[i][17] = nil end
    only(check(arrays), "defect", "shapes", "observations have 17 numbers, next_observations 16")
  end)

  it("arrays of different lengths", function()
    local arrays = { observations = {}, actions = {}, rewards = {}, terminals = {} }
    for i = 1, 999 do arrays.observations[i] = { i } end
    for i = 1, 987 do arrays.actions[i], arrays.rewards[i], arrays.terminals[i] = { 0 }, { 0 }, { 0 } end
    only(check(arrays, nil, { env = "auto" }), "defect", "rows",
      "rows do not belong together: actions 987, observations 999, rewards 987, terminals 987")
  end)

  it("arrays that are missing", function()
    local arrays = roll_out "HalfCheetah"
    arrays.rewards = nil
    only(check(arrays), "defect", "arrays", "there is no rewards")
  end)

  it("a truncated file, and none", function()
    datasets.write(path, roll_out "HalfCheetah")
    local whole = files.read(path)
    files.write(path, whole:sub(1, 5000))
    only(verify(path), "defect", "file", ("truncated file: 5000 of %d bytes are there; fetch it again"):format(#whole))
    only(verify(folder .. "/none.h5"), "defect", "file", "No such file")
  end)

  it("next_observations that are shifted by one, or are no next ones", function()
    local arrays = roll_out "HalfCheetah"
    local true_next = arrays.next_observations
    arrays.next_observations = table.move(true_next, 2, 450, 1, { [450] = true_next[450] })
    local report = check(arrays, nil, { samples = 0 })
    only(report, "defect", "next observations", "the observation of row i +2, not of row i + 1: shifted by 1")
    arrays.next_observations = arrays.observations
    only(check(arrays, nil, { samples = 0 }), "defect", "next observations", "each row's own observation")
    arrays.next_observations = {}
    for i, row in ipairs(true_next) do
      arrays.next_observations[i] = { row[1] + 0.1, table.unpack(row, 2) }
    end
    only(check(arrays, nil, { samples = 0 }), "warning", "next observations", "single transitions, or noise")
  end)

  it("other physics, by much or a little", function()
    for gap, share in pairs { ["gravity(2.0)"] = 50, ["gravity(1.1)"] = 50, ["friction(0.5)"] = 10 } do
      local report = check(datasets.roll_out("HalfCheetah", 450, { steps = 100, gap = gap }))
      local text = check_of(report, "defect", "physics").text
      assert.is_true(tonumber(text:match "; ([%d.]+) %% by more than 0.001: other physics") > share, text)
    end
  end)

  it("actions, states and rewards that belong to other rows", function()
    local arrays = roll_out "HalfCheetah"
    table.insert(arrays.actions, 1, table.remove(arrays.actions))
    check_of(check(arrays), "defect", "physics")
    arrays = roll_out "HalfCheetah"
    table.insert(arrays["infos/qpos"], 1, table.remove(arrays["infos/qpos"]))
    assert.is_truthy(check_of(check(arrays), "defect", "states").text:find("450 rows of 450 replayed", 1, true))
    arrays = roll_out "HalfCheetah"
    for i = 1, 450 do arrays.rewards[i][1] = 10 * arrays.rewards[i][1] end
    local report = check(arrays)
    assert.are.same({ "rewards" }, { lines(report, "defect")[1]:match "^%w+", lines(report, "defect")[2] })
  end)

  it("in Minari's layout", function()
    local arrays = roll_out "HalfCheetah"
    arrays.terminals[57] = { 1 }
    datasets.write_minari(folder .. "/a-v0", arrays, { tide_env = "HalfCheetah" })
    local report = verify(folder .. "/a-v0")
    assert.are.same({ "terminals: 1 row marked as a true end, yet the following row goes on from there",
      "terminals: 1 terminal of 1 that HalfCheetah does not end in: stray" }, lines(report, "defect"))
    only(report, "warning", "unmarked ends", "1 episode without a flag", { 450 })
    local writer <close> = core.arrays_writer(folder .. "/b.h5")
    for _, name in ipairs { "actions", "rewards", "terminations", "truncations" } do
      writer:array("episode_0/" .. name, "float32", {}):append("episode_0/" .. name, { 0, 0 })
    end
    writer:array("episode_0/observations", "float32", {}):append("episode_0/observations", { 0, 0 })
    writer:commit()
    only(verify(folder .. "/b.h5"), "defect", "file", "episode_0/observations has 2 rows, 3 are needed")
  end)
end)

describe("tide dataset verify", function()
  it("prints a line a check, and exits with 1 where there is a defect", function()
    local arrays = roll_out "HalfCheetah"
    datasets.write(path, arrays, { metadata = { env = "HalfCheetah" } })
    local result = program.run { "dataset", "verify", path }
    assert.are.same({ 0, "" }, { result.code, result.err }, result.out)
    assert.are.equal(tostring(verify(path)) .. "\n", result.out)
    arrays.actions[5][2] = 1.5
    datasets.write(path, arrays, { metadata = { env = "HalfCheetah" } })
    result = program.run { "dataset", "verify", path, "--replay", "40" }
    assert.are.equal(1, result.code)
    assert.is_truthy(result.out:find("defect   actions +1 row outside %[%-1, 1%]; they go from %S+ to 1%.5: row 5\n"),
      result.out)
    result = program.run { "dataset", "verify", path, "--json", "--env", "HalfCheetah" }
    local decoded = require("cjson").decode(result.out)
    assert.are.same({ 1, 450, 5 }, { decoded[1].defects, decoded[1].rows, decoded[1].episodes })
    result = program.run { "dataset", "verify", "--help" }
    assert.is_truthy(result.out:find("--replay", 1, true))
  end)
end)
