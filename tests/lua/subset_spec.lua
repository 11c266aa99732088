--- Promises of tide.dataset.subset: rows of the file, in its order; nothing is taken for a successor that is none.
local core = require "tide.core"
local dataset = require "tide.dataset"
local datasets = require "support.datasets"
local expect = require "support.expect"
local lfs = require "lfs"
local program = require "support.program"
local subset = require "tide.dataset.subset"

local refused = expect.refused

local folder, path, out
local N, LENGTH = 200, 20 -- every second end is a terminal

--- Row i: observation (i, -i), action (i / 1000), reward i; the last episode has 10 rows and no end.
local function numbered()
  local a = { observations = {}, actions = {}, rewards = {}, next_observations = {}, terminals = {}, timeouts = {},
              ["infos/qpos"] = {} }
  for i = 1, N + 10 do
    local is_end, is_terminal = i % LENGTH == 0, i % (2 * LENGTH) == 0
    a.observations[i], a.actions[i], a.rewards[i] = { i, -i }, { i / 1000 }, { i }
    a.next_observations[i] = is_end and { 5000 + i, 0 } or { i + 1, -i - 1 }
    a.terminals[i], a.timeouts[i] = { is_terminal and 1 or 0 }, { is_end and not is_terminal and 1 or 0 }
    a["infos/qpos"][i] = { i / 3, i }
  end
  return a
end

--- The rows of a subset: the numbers of those they were.
local function rows_of(file)
  return datasets.read(file).rewards.elements
end

--- Every row of the subset is the file's row of that number, in order, and its ends are what follows demands.
local function is_part(arrays, file, next_of)
  local read = datasets.read(file)
  local rows = read.rewards.elements
  for k, i in ipairs(rows) do
    if k > 1 then assert.is_true(rows[k - 1] < i) end
    assert.are.same({ i, -i }, { read.observations.elements[2 * k - 1], read.observations.elements[2 * k] })
    assert.are.equal(core.tensor(i / 1000):item(), read.actions.elements[k])
    assert.are.same({ i / 3, i }, { read["infos/qpos"].elements[2 * k - 1], read["infos/qpos"].elements[2 * k] })
    assert.are.same(next_of and next_of(i) or arrays.next_observations[i],
      { read.next_observations.elements[2 * k - 1], read.next_observations.elements[2 * k] })
    assert.are.equal(arrays.terminals[i][1], read.terminals.elements[k])
    local goes_on = rows[k + 1] == i + 1 and i % LENGTH ~= 0
    assert.are.equal((goes_on or arrays.terminals[i][1] == 1) and 0 or 1, read.timeouts.elements[k], "row " .. i)
  end
  return rows
end

before_each(function()
  folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  path, out = folder .. "/file.h5", folder .. "/part.h5"
end)
after_each(function() os.execute("rm -r " .. folder) end)

describe("a subset", function()
  it("of transitions holds so many, each cut where its successor is not in it", function()
    local arrays = numbered()
    datasets.write(path, arrays)
    for _, n in ipairs { 1, 50, 150, 209, 210 } do
      local result = subset(path, out, { transitions = n, force = true })
      local rows = is_part(arrays, out)
      assert.are.same({ n, n }, { #rows, result.rows })
      local info = dataset.info(out)
      assert.are.same({ n, result.runs, 0, 0 }, { info.rows, info.episodes, info.unmarked_cuts, info.unfinished })
      assert.are.same({ result.terminals, result.timeouts }, { info.terminals, info.timeouts })
    end
  end)

  it("of transitions takes each row as likely as any other, and with another seed others", function()
    datasets.write(path, numbered())
    local counts, last = {}, nil
    for seed = 1, 60 do
      subset(path, out, { transitions = 70, seed = seed, force = true })
      local rows = rows_of(out)
      for _, i in ipairs(rows) do counts[i] = (counts[i] or 0) + 1 end
      assert.are_not.same(last, rows)
      last = rows
    end
    -- each row is in 20 of 60, with a standard deviation of 3.7; of 210 rows none is 5 of them off
    for i = 1, 210 do assert.is_true(math.abs((counts[i] or 0) - 20) < 19, ("row %d: %d"):format(i, counts[i] or 0)) end
    subset(path, out, { transitions = 70, seed = 60, force = true })
    assert.are.same(last, rows_of(out))
  end)

  it("of episodes holds whole ones, their ends as they were", function()
    local arrays = numbered()
    datasets.write(path, arrays)
    for n = 1, 10 do
      local result = subset(path, out, { episodes = n, seed = n, force = true })
      local rows = is_part(arrays, out)
      assert.are.same({ n * LENGTH, n, 0 }, { #rows, result.runs, result.cut })
      for k = 1, #rows, LENGTH do assert.are.equal(1, rows[k] % LENGTH) end
    end
    refused("has 10 whole episodes, 11 are wanted", subset, path, out, { episodes = 11, force = true })
  end)

  it("of a fraction holds that part, of transitions or of whole episodes", function()
    local arrays = numbered()
    datasets.write(path, arrays)
    assert.are.equal(21, subset(path, out, { fraction = 0.1, force = true }).rows)
    is_part(arrays, out)
    assert.are.equal(40, subset(path, out, { fraction = 0.1, whole = true, force = true }).rows) -- 20 are too few
    is_part(arrays, out)
  end)

  it("of a file without next_observations has them written out, and leaves out rows without one", function()
    local arrays = numbered()
    arrays.next_observations = nil
    datasets.write(path, arrays)
    local function next_of(i) return arrays.terminals[i][1] == 1 and { i, -i } or { i + 1, -i - 1 } end
    local open = 6 -- five timeouts and the last row
    local result = subset(path, out, { transitions = N + 10 - open })
    local rows = is_part(arrays, out, next_of)
    for _, i in ipairs(rows) do assert.is_true(arrays.timeouts[i][1] == 0 and i < N + 10) end
    assert.are.same({ "next_observations are written out: the following row's observation, a terminal row's own" },
      result.notes)
    assert.are.same(dataset.read(path):tensor("rewards"):totable(), dataset.read(out):tensor("rewards"):totable())
    refused("has 204 transitions, 205 are wanted", subset, path, out, { transitions = 205, force = true })
    subset(path, out, { episodes = 10, force = true })
    is_part(arrays, out, next_of)
  end)

  it("of a Minari dataset is a D4RL file", function()
    local arrays = datasets.roll_out("Hopper", 150, { steps = 30 })
    datasets.write_minari(folder .. "/x-v0", arrays, { tide_env = "Hopper", dataset_id = "x-v0" })
    local result = subset(folder .. "/x-v0", out, { transitions = 80 })
    assert.is_truthy(result.notes[1]:find("rounded from float64 to float32", 1, true))
    local info = dataset.info(out)
    assert.are.same({ 80, "Hopper", "x-v0" }, { info.rows, info.metadata.env, info.metadata.dataset })
    assert.are.same({ of = "x-v0", seed = 1, transitions = 80, kind = "transitions" }, info.metadata.subset)
    assert.are.equal(0, require("tide.dataset.verify")(out).defects)
  end)

  it("is refused where it is asked for in no way, or in two", function()
    datasets.write(path, numbered())
    refused("one of transitions, episodes and fraction", subset, path, out, {})
    refused("one of transitions, episodes and fraction", subset, path, out, { transitions = 1, episodes = 1 })
    refused("whole number", subset, path, out, { transitions = 1.5 })
    refused("below 1", subset, path, out, { fraction = 1.0 })
    refused("whole goes with fraction", subset, path, out, { transitions = 5, whole = true })
    refused("a file .h5 or .hdf5", subset, path, folder .. "/x", { transitions = 5 })
    refused("is there already", subset, path, path, { transitions = 5 })
    refused("No such file", subset, folder .. "/none.h5", out, { transitions = 5 })
  end)
end)

describe("tide dataset subset", function()
  it("writes the part and says how rows were cut", function()
    datasets.write(path, numbered(), { metadata = { algorithm = "SAC" } })
    local result = program.run { "dataset", "subset", path, "-o", out, "--transitions", "5e1", "--seed", "3" }
    assert.are.same({ 0, "" }, { result.code, result.err })
    assert.is_truthy(result.out:find("part.h5: 50 transitions in %d+ stretches that follow one another\n"), result.out)
    assert.is_truthy(result.out:find("%d+ of these where the following row is not in the subset"), result.out)
    assert.are.equal("SAC", dataset.info(out).metadata.algorithm)
    result = program.run { "dataset", "subset", path, "-o", out, "--episodes", "3" }
    assert.are.equal(1, result.code)
    assert.is_truthy(result.err:find("--force replaces it", 1, true))
    result = program.run { "dataset", "subset", path, "-o", out, "--fraction", "0.2", "--whole", "--force" }
    assert.are.equal(0, result.code)
    assert.is_truthy(program.run({ "dataset", "subset", "--help" }).out:find("marked as a timeout", 1, true))
  end)
end)
