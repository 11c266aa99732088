--- Promises of tide.dataset, core.dataset_read and core.dataset_writer.
local core = require "tide.core"
local dataset = require "tide.dataset"
local datasets = require "support.datasets"
local expect = require "support.expect"
local files = require "support.files"
local program = require "support.program"

local refused = expect.refused

local folder, path

--- Row i: observation (i, -i), action (i / 2), reward i, the next observation is row i + 1's within an episode.
local function write(n, options)
  local writer = core.dataset_writer(path, { observation_dim = 2, action_dim = 1, metadata = options.metadata,
    infos = options.infos and { qpos = 2, qvel = 1 } })
  for i = 1, n do
    local timeout = i % (options.length or 10) == 0
    local next_x = timeout and 1000 or i + 1
    writer:add({ i, -i }, { i / 2 }, i, { next_x, -next_x }, i % (options.terminal or n + 1) == 0, timeout,
      options.infos and { i / 3, i }, options.infos and { -i / 3 })
  end
  writer:commit()
end

--- The same rows without next observations, and with timeouts only where asked: what D4RL's older files hold.
local function write_old(n, with_timeouts)
  local observations, actions, rewards, terminals, timeouts = {}, {}, {}, {}, {}
  for i = 1, n do
    observations[i], actions[i], rewards[i] = { i, -i }, { i / 2 }, i
    terminals[i], timeouts[i] = 0, i % 10 == 0 and 1 or 0
  end
  core.tree_write(path, { observations = core.tensor(observations), actions = core.tensor(actions),
    rewards = core.tensor(rewards), terminals = terminals, timeouts = with_timeouts and timeouts or nil })
end

before_each(function()
  folder = os.tmpname()
  os.remove(folder)
  os.execute("mkdir " .. folder)
  path = folder .. "/data.h5"
end)
after_each(function()
  collectgarbage()
  os.remove(path)
  assert.is_truthy(os.remove(folder), "files are left in " .. folder)
end)

describe("a dataset", function()
  it("comes back as it was written", function()
    write(25, { terminal = 7, infos = true, metadata = { algorithm = "SAC", nested = { n = 3 } } })
    local data = dataset.read(path, { infos = true })
    assert.are.same({ 25, 25, 2, 1 }, { #data, data:count(), data.observation_dim, data.action_dim })
    assert.are.same({ { 24, -24 }, { 25, -25 } }, data:rows("observations", 24, 2):totable())
    assert.are.same({ { 0.5 } }, data:rows("actions", 1, 1):totable())
    assert.are.same({ 9, 10, 11 }, data:rows("rewards", 9, 3):totable())
    assert.are.same({ { 10, -10 }, { 1000, -1000 }, { 12, -12 } }, data:rows("next_observations", 9, 3):totable())
    assert.are.same({ 0, 1, 0 }, data:rows("terminals", 6, 3):totable())
    assert.are.same({ 0, 1, 0 }, data:rows("timeouts", 9, 3):totable())
    assert.are.same({ 25, 2 }, data:tensor("infos/qpos").shape)
    local qpos, qvel = data:state(10)
    assert.are.same({ { 10 / 3, 10 }, { -10 / 3 } }, { qpos, qvel }) -- all digits
    assert.are.same({ algorithm = "SAC", nested = { n = 3 } }, data:info().metadata)
  end)

  it("derives next observations from the next row, never across a timeout", function()
    write_old(25, true)
    local data = dataset.read(path)
    assert.are.equal(22, #data) -- rows 10, 20 and 25 are gone
    for i = 1, #data do
      local now, later = data:rows("observations", i, 1):get(1, 1), data:rows("next_observations", i, 1):get(1, 1)
      assert.are.equal(now + 1, later)
      assert.is_true(now % 10 ~= 0)
    end
    local info = data:info()
    assert.are.same({ "next row", 3, 25, 2 }, { info.next_observations, info.dropped, info.file_rows, info.episodes })
  end)

  it("without timeouts wants the step limit", function()
    write_old(25, false)
    refused("give max_episode_steps", dataset.read, path)
    local info = dataset.read(path, { max_episode_steps = 5 }):info()
    assert.are.same({ 5, "max_episode_steps", 5, 20 }, { info.timeouts, info.timeouts_from, info.dropped, info.rows })
  end)

  it("gives the statistics of its true rows, or of a padded buffer", function()
    write(3, {})
    local data = dataset.read(path)
    local mean, std = data:statistics()
    assert.are.same({ 2, -2 }, mean:totable())
    assert.is_true(math.abs(std:get(1) - math.sqrt(2 / 3)) < 1e-6)
    mean, std = data:statistics(12)
    assert.are.same({ 0.5, -0.5 }, mean:totable())
    assert.is_true(math.abs(std:get(1) - (math.sqrt(14 / 12 - 0.25) + 1e-3)) < 1e-6)
    refused("padded to 2 rows", data.statistics, data, 2)
  end)

  it("refuses wrong questions", function()
    write(10, {})
    local data = dataset.read(path)
    refused("no array 'obs'", data.tensor, data, "obs")
    refused("11", data.rows, data, "rewards", 11, 1)
    refused("10 rows from row 2 on, the dataset has 10", data.rows, data, "rewards", 2, 10)
    refused("less than", data.rows, data, "rewards", 0, 1)
    refused("infos were not read", data.state, data, 1)
    refused("infos were not read", data.tensor, data, "infos/qpos")
    refused("unknown 'max_steps'; nearest: max_episode_steps", dataset.read, path, { max_steps = 3 })
    refused("no infos/qpos", dataset.read, path, { infos = true })
    refused("No such file", dataset.read, "/no/such/file.h5")
    data:close()
    refused("closed", data.count, data)
    assert.are.equal("dataset (closed)", tostring(data))
  end)
end)

describe("a dataset writer", function()
  it("names what is wrong with a row and goes on", function()
    local writer = core.dataset_writer(path, { observation_dim = 2, action_dim = 1 })
    local function add(...) return writer:add(...) end
    refused("observation has 3 numbers, 2 are needed", add, { 1, 2, 3 }, { 1 }, 0, { 1, 2 }, false, false)
    refused("action has shape (2), (1) is needed", add, { 1, 2 }, core.zeros(2), 0, { 1, 2 }, false, false)
    refused("next_observation[2] is a string", add, { 1, 2 }, { 1 }, 0, { 1, "x" }, false, false)
    refused("number expected", add, { 1, 2 }, { 1 }, "x", { 1, 2 }, false, false)
    refused("row 1: the reward is nan", add, { 1, 2 }, { 1 }, 0 / 0, { 1, 2 }, false, false)
    refused("terminal: true or false is needed, not 2", add, { 1, 2 }, { 1 }, 0, { 1, 2 }, 2, false)
    refused("timeout: true or false is needed, not nil", add, { 1, 2 }, { 1 }, 0, { 1, 2 }, true)
    writer:add(core.tensor { 1, 2 }, { 1 }, 0, { 1, 2 }, 0, 1)
    assert.are.equal(1, writer:count())
    writer:commit()
    refused("closed", writer.count, writer)
    assert.are.equal(1, #dataset.read(path))
  end)

  it("refuses options that it does not know or needs", function()
    local function make(options) return core.dataset_writer(path, options) end
    refused("unknown option 'observation'", make, { observation = 2, action_dim = 1 })
    refused("observations of 0 numbers", make, { action_dim = 1 })
    refused("qpos and qvel are needed", make, { observation_dim = 1, action_dim = 1, infos = { qpos = 2 } })
    refused("'f' is a function", make, { observation_dim = 1, action_dim = 1, metadata = { f = print } })
    refused("a table is needed", make, { observation_dim = 1, action_dim = 1, metadata = 3 })
    refused("whole number", make, { observation_dim = 1.5, action_dim = 1 })
  end)

  it("leaves nothing, and the old file, when it is given up", function()
    write(5, {})
    local writer = core.dataset_writer(path, { observation_dim = 2, action_dim = 1 })
    writer:add({ 1, 2 }, { 1 }, 0, { 1, 2 }, false, false)
    writer:close()
    refused("none was added", function()
      core.dataset_writer(path, { observation_dim = 2, action_dim = 1 }):commit()
    end)
    assert.are.equal(5, #dataset.read(path))
  end)
end)

describe("dataset.info", function()
  it("says what a dataset holds", function()
    write(25, { metadata = { env = "HalfCheetah", policy = { w = core.zeros(2, 3) }, seeds = { 1, 2 } } })
    local info = dataset.info(path)
    assert.are.same({ 2, 55, 105, 155, 5 }, { info.episodes, info.return_min, info.return_mean, info.return_max,
      info.unfinished })
    assert.is_true(math.abs(info.score_mean - 100 * (105 + 280.178953) / (12135.0 + 280.178953)) < 1e-9)
    local text = tostring(info)
    for _, part in ipairs { "25 transitions, 2 observations, 1 action", "2 of 10 to 10 steps",
      "mean 105.0, min 55.0, max 155.0", "HalfCheetah: random -280.179, expert 12135",
      "2 timeouts (marked in the file)",
      "env: HalfCheetah", "w: array (2, 3)", "seeds: 2 values", "5 rows unfinished" } do
      assert.is_truthy(text:find(part, 1, true), ("%q is not in:\n%s"):format(part, text))
    end
  end)

  it("measures by scores that are given", function()
    write(20, {})
    local info = dataset.info(path, { random = 5, expert = 105 })
    assert.are.same({ 50, 100, 150 }, { info.score_min, info.score_mean, info.score_max })
    assert.is_nil(dataset.info(path).score_mean)
    refused("go together", dataset.info, path, { random = 5 })
    refused("unknown 'Cheetah'", dataset.info, path, { env = "Cheetah" })
  end)

  it("cuts by the step limit of the environment where the file marks none", function()
    write_old(25, false)
    assert.are.equal(0, dataset.info(path, { env = "HalfCheetah" }).timeouts)
    assert.are.equal(2, dataset.info(path, { max_episode_steps = 10 }).timeouts)
  end)
end)

describe("public files", function()
  it("are of the environment that their name says", function()
    local function name_of(...)
      local definition, how = dataset.environment_of(...)
      return { definition and definition.name, how }
    end
    assert.are.same({ "HalfCheetah", "file name" }, name_of "/data/halfcheetah_medium-v2.hdf5")
    assert.are.same({ "Walker2d", "file name" }, name_of "walker2d-expert-v2.hdf5")
    assert.are.same({ "Ant", "file name" }, name_of "Ant_random-v2.hdf5")
    assert.are.same({}, name_of "antmaze-umaze-v1.hdf5")
    assert.are.same({ "Hopper", "metadata" }, name_of("ant_x.h5", { env = "Hopper" }))
    assert.are.same({ "Ant", "file name" }, name_of("ant_x.h5", { env = "Nobody" }))
    assert.are.same({ "Walker2d", "given" }, name_of("ant_x.h5", { env = "Hopper" }, "Walker2d"))
  end)

  it("of Ant have 84 zeros that an Ant does without", function()
    local arrays = datasets.roll_out("Ant", 20, {})
    for _, name in ipairs { "observations", "next_observations" } do
      for _, row in ipairs(arrays[name]) do
        for j = 28, 111 do row[j] = 0 end
      end
    end
    datasets.write(path, arrays)
    local data = dataset.read(path, { observation_dim = 27 })
    assert.are.equal(27, data.observation_dim)
    assert.are.equal(#dataset.read(path), #data)
    assert.are.same("observations of 111 numbers, the last 84 zero in every row: left away",
      dataset.notes(data:info())[1])
    assert.is_truthy(tostring(dataset.info(path)):find("84 of 111 are zero in every row", 1, true))
    arrays.observations[7][50] = 0.25
    datasets.write(path, arrays)
    refused({ "observations have 111 numbers, of which the first 27 are wanted", "row 7, column 50" }, dataset.read,
      path, { observation_dim = 27 })
  end)

  it("have terminals that are ends of their environment, but for stray ones", function()
    for _, name in ipairs { "Hopper", "Walker2d", "Ant" } do
      local arrays, n = datasets.roll_out(name, 400, { steps = 300 }), 0
      for _, flag in ipairs(arrays.terminals) do n = n + flag[1] end
      datasets.write(path, arrays)
      local definition = require("tide.env").get(name)
      assert.are.same({ 0, n }, { dataset.stray_terminals(dataset.read(path), definition) })
      arrays.terminals[1] = { 1 }
      datasets.write(path, arrays)
      assert.are.same({ 1, n + 1 }, { dataset.stray_terminals(dataset.read(path), definition) })
    end
  end)

  it("are told by notes what was done about them", function()
    write(20, {})
    assert.are.same({}, dataset.notes(dataset.read(path):info()))
    write_old(25, false)
    assert.are.same({ "no next_observations: they are the next row's observation; 5 rows of 25 without one left out",
      "no timeouts: episodes are cut at the step limit, 5 cuts" },
      dataset.notes(dataset.read(path, { max_episode_steps = 5 }):info()))
  end)
end)

describe("a Minari dataset", function()
  local minari_folder
  local spec = '{"id": "HalfCheetah-v5", "kwargs": {"x": Infinity}}'

  before_each(function()
    minari_folder = folder .. "/medium-v0"
    datasets.write_minari(minari_folder, datasets.roll_out("HalfCheetah", 230, {}),
      { env_spec = spec:gsub("Infinity", "1"), observation_space = '{"low": [-Infinity]}', total_episodes = 3 })
  end)
  after_each(function() os.execute("rm -r " .. minari_folder) end)

  it("is read as a dataset, from its folder or its file", function()
    for _, name in ipairs { "", "/", "/data", "/data/main_data.hdf5" } do
      local data = dataset.read(minari_folder .. name, { infos = true })
      assert.are.same({ 230, 17, 6 }, { #data, data.observation_dim, data.action_dim })
      assert.are.same(data:rows("observations", 102, 1):totable(), data:rows("next_observations", 101, 1):totable())
      assert.are.same({ 1, 0 }, data:rows("timeouts", 100, 2):totable())
      local info = data:info()
      assert.are.same({ 3, 3, 1, 0 }, { info.episodes, info.timeouts, info.unmarked_ends, info.dropped })
      assert.are.equal("1 episode end without a flag: they count as cut", dataset.notes(info)[1])
      assert.are.equal(9, #data:state(101))
    end
  end)

  it("is described, its environment known by the specification", function()
    local info = dataset.info(minari_folder)
    assert.are.equal("integer", math.type(info.metadata.total_episodes))
    assert.are.same({ "HalfCheetah", "metadata", 3, 230 }, { info.env, info.env_from, info.episodes, info.rows })
    assert.is_true(info.score_mean < 5)
    local result = program.run { "dataset", "info", minari_folder }
    assert.are.same({ 0, "" }, { result.code, result.err })
    assert.is_truthy(result.out:find("1 episode without a flag: taken for timeouts", 1, true), result.out)
  end)

  it("that is none is refused", function()
    os.remove(minari_folder .. "/data/main_data.hdf5")
    refused("a folder without data/main_data.hdf5", dataset.read, minari_folder)
  end)
end)

describe("an experiment", function()
  --- What a short behaviour cloning on the dataset prints as errors, and its exit code.
  local function clone(env, name)
    local script = folder .. "/clone.lua"
    files.write(script, ([[
      local tide = require "tide"
      local run = tide.experiment { agent = tide.agents.bc { hidden = { 8 }, batch = 8 },
        real = { env = %q, dataset = %q }, steps = 4, training = { epoch_updates = 2, rounds = 1 },
        evaluation = { every = 2, episodes = 1 } }
      run:train()
      io.write("left ", run.agent.policy.net:weight(1).shape[2])
    ]]):format(env, name))
    local result = program.run { "run", script, "--out", folder .. "/run" }
    os.remove(script)
    os.execute("rm -r " .. folder .. "/run")
    return result
  end

  it("learns from D4RL's Ant and from a Minari folder, and says what was done about them", function()
    local arrays = datasets.roll_out("Ant", 40, {})
    for _, name in ipairs { "observations", "next_observations" } do
      for i, row in ipairs(arrays[name]) do
        arrays[name][i] = table.move(row, 1, 27, 1, {}) -- a next observation is also the next row's
        for j = 28, 111 do arrays[name][i][j] = 0 end
      end
    end
    datasets.write(path, arrays)
    local result = clone("Ant", path)
    assert.are.equal(0, result.code, result.err)
    assert.is_truthy(result.err:find(("note: dataset %s: observations of 111 numbers, the last 84 zero in every row: "
      .. "left away"):format(path), 1, true), result.err)
    assert.is_truthy(result.out:find("left 27", 1, true))
    arrays = datasets.roll_out("HalfCheetah", 40, {})
    arrays.terminals[17] = { 1 }
    datasets.write_minari(folder .. "/x-v0", arrays)
    result = clone("HalfCheetah", folder .. "/x-v0")
    os.execute("rm -r " .. folder .. "/x-v0")
    assert.are.equal(0, result.code, result.err)
    assert.is_truthy(result.err:find("1 episode end without a flag", 1, true), result.err)
    assert.is_truthy(result.err:find("1 of 1 terminals are none of HalfCheetah: stray", 1, true), result.err)
  end)
end)

describe("the bar of work on a file", function()
  local bars = require "tide.dataset.bars"
  local now, shown, written

  before_each(function()
    now, written = 100, {}
    local stream = { write = function(_, ...) for _, text in ipairs { ... } do written[#written + 1] = text end end,
                     flush = function() end }
    shown = { clock = function() return now end, stream = stream, terminal = true, width = 60, unicode = false }
  end)

  it("is not there for what takes less than a second", function()
    do
      local bar <close> = bars.new("/data/x.h5", shown)
      bar.report(10, 100)
      now = 105
      bar.report(100, 100)
    end
    assert.are.same({}, written)
  end)

  it("shows how far the work is, and ends its line", function()
    do
      local bar <close> = bars.new("/data/x.h5", shown)
      now = 102
      bar.report(50, 100)
      now = 103
      bar.report(100, 100)
    end
    local text = table.concat(written)
    assert.is_truthy(text:find("x.h5  [#.]+  50 %%"), text)
    assert.is_truthy(text:find("100 %", 1, true), text)
    assert.are.equal("\n", written[#written])
  end)
end)

describe("tide dataset info", function()

  it("prints what files hold, for people or as JSON", function()
    write(25, { metadata = { env = "HalfCheetah" } })
    local result = program.run { "dataset", "info", path }
    assert.are.same({ 0, "" }, { result.code, result.err })
    assert.are.equal(tostring(dataset.info(path)) .. "\n", result.out)
    result = program.run { "dataset", "info", "--json", path, path, "--max-episode-steps", "5" }
    local decoded = require("cjson").decode(result.out)
    assert.are.same({ 2, 5, "HalfCheetah" }, { #decoded, decoded[1].episodes, decoded[2].metadata.env })
  end)

  it("fails with the file's name where there is nothing to tell", function()
    local result = program.run { "dataset", "info", "/no/such.h5" }
    assert.are.equal(1, result.code)
    assert.is_truthy(result.err:find("/no/such.h5", 1, true))
    assert.are.equal(2, program.run({ "dataset", "inform", path }).code)
  end)
end)
