--- Promises of tide.dataset.convert: what goes to Minari's layout comes back equal to the bit, and Minari reads it.
local convert = require "tide.dataset.convert"
local core = require "tide.core"
local dataset = require "tide.dataset"
local datasets = require "support.datasets"
local expect = require "support.expect"
local files = require "support.files"
local json = require "tide.json"
local lfs = require "lfs"
local program = require "support.program"

local refused = expect.refused

local folder, path, there, back

before_each(function()
  folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
  path, there, back = folder .. "/file.h5", folder .. "/medium-v0", folder .. "/back.hdf5"
end)
after_each(function() os.execute("rm -r " .. folder) end)

--- Episodes of Hopper, which end by themselves and are cut after 20 steps.
local function roll_out(n)
  return datasets.roll_out("Hopper", n or 230, { steps = 20 })
end

local function count(flags)
  local n = 0
  for _, row in ipairs(flags) do n = n + row[1] end
  return n
end

describe("convert", function()
  it("to Minari and back gives the same file, to the bit", function()
    local arrays = roll_out()
    assert.is_true(count(arrays.terminals) > 3 and count(arrays.timeouts) > 3)
    local both
    for i, row in ipairs(arrays.terminals) do if row[1] == 1 then both = i end end
    arrays.timeouts[both] = { 1 }                       -- a row that is both stays both
    arrays["infos/action_log_probs"] = {}
    for i = 1, 230 do arrays["infos/action_log_probs"][i] = { -i / 7 } end
    local metadata = { algorithm = "SAC", iteration = 7, env = "Hopper", policy = { w = core.zeros(2, 3) } }
    datasets.write(path, arrays, { metadata = metadata })
    local result = convert(path, there)
    assert.are.same({ "minari", there, 230, {} }, { result.to, result.path, result.rows, result.notes })
    result = convert(there, back)
    assert.are.same({ "d4rl", back, 230 }, { result.to, result.path, result.rows })
    assert.are.same(datasets.read(path), datasets.read(back))
    local returned = core.tree_read(back, "metadata")
    assert.are.same({ 2, 3 }, returned.policy.w.shape)
    returned.policy, metadata.policy = nil, nil
    assert.are.same(metadata, returned)
    assert.are.same({}, convert(path, there, { force = true }).notes)
  end)

  it("cuts at the ends of episodes, and keeps each last next observation", function()
    local arrays = roll_out()
    datasets.write(path, arrays)
    convert(path, there)
    local a <close> = core.arrays_open(there)
    local first, n = a:episode(2)
    assert.are.equal(1, arrays.terminals[first - 1][1] + arrays.timeouts[first - 1][1])
    local last = core.tree_read_numbers(there .. "/data/main_data.hdf5", "episode_1/observations")
    assert.are.equal((n + 1) * 11, #last)
    local data = dataset.read(path)
    assert.are.same(data:rows("next_observations", first + n - 1, 1):totable()[1],
      table.move(last, n * 11 + 1, (n + 1) * 11, 1, {}))
    local about = json.read(there .. "/data/metadata.json")
    assert.are.same({ a:episodes(), 230, "hdf5", "medium-v0" },
      { about.total_episodes, about.total_steps, about.data_format, about.dataset_id })
  end)

  it("without next_observations leaves out what has none, and says so", function()
    local arrays = roll_out()
    arrays.next_observations = nil
    arrays.timeouts[230] = { 0 }
    arrays.terminals[230] = { 0 }
    datasets.write(path, arrays)
    local result = convert(path, there)
    local cut, terminals = count(arrays.timeouts) + 1, count(arrays.terminals)
    assert.are.same({ ("no next_observations: %d cut rows left out, their observation ends the episode; %d terminal "
      .. "rows as their own next observation"):format(cut, terminals) }, result.notes)
    assert.are.equal(230 - cut, result.rows)
    local derived, read = dataset.read(path), dataset.read(there)
    for _, name in ipairs { "observations", "actions", "rewards", "next_observations", "terminals" } do
      assert.are.same(derived:tensor(name):totable(), read:tensor(name):totable())
    end
  end)

  it("marks what the file leaves unmarked, and says so", function()
    local arrays = roll_out()
    for i = 1, 229 do
      if arrays.timeouts[i][1] == 1 then
        arrays.timeouts[i] = { 0 }
        break
      end
    end
    datasets.write(path, arrays)
    local result = convert(path, there)
    assert.are.same({ "1 unmarked cut marked as truncation: the next observation is not the following row's" },
      result.notes)
    assert.are.equal(count(arrays.timeouts) + 1, count(roll_out().timeouts))
    assert.are.equal(dataset.read(there):info().episodes, dataset.read(path):info().episodes
      + dataset.read(there):info().unmarked_ends)
  end)

  it("from Minari marks ends without a flag, but the file's last", function()
    local arrays = roll_out(100)
    datasets.write_minari(there, arrays, { dataset_id = "x/medium-v0", env_spec = '{"id": "Hopper-v4"}' })
    assert.is_truthy(table.concat(convert(there, back).notes, "\n"):find("rounded from float64 to float32: "
      .. "next_observations, observations, rewards", 1, true))
    local read = datasets.read(back)
    assert.are.equal(arrays.timeouts[100][1] + arrays.terminals[100][1],
      read.timeouts.elements[100] + read.terminals.elements[100])
    assert.are.equal("float64", read["infos/qpos"].type)
    local metadata = core.tree_read(back, "metadata")
    assert.are.same({ "Hopper", "x/medium-v0" }, { metadata.env, metadata.dataset })
    for i = 1, 99 do arrays.timeouts[i + 1] = { 0 } end
    local writer <close> = core.arrays_writer(folder .. "/b.hdf5")
    for e = 0, 2 do
      local group = "episode_" .. e .. "/"
      for _, name in ipairs { "rewards", "actions", "terminations", "truncations" } do
        writer:array(group .. name, "float32", {}):append(group .. name, { 0, 0 })
      end
      writer:array(group .. "observations", "float32", {}):append(group .. "observations", { 1, 2, 3 })
    end
    writer:commit()
    local result = convert(folder .. "/b.hdf5", back, { force = true })
    assert.are.same({ "2 episode ends without a flag marked as timeout" }, result.notes)
    assert.are.same({ 0, 1, 0, 1, 0, 0 }, datasets.read(back).timeouts.elements)
  end)

  it("that fails on the way leaves neither file nor folder behind", function()
    local function fails(from, to)
      local function stop(done, total)
        if done > total // 2 then error("stopped", 0) end
      end
      local _, problem = pcall(convert, from, to, { report = stop })
      assert.are.equal("stopped", problem)
      assert.is_nil(lfs.attributes(to, "mode"))
    end
    datasets.write(path, roll_out())
    fails(path, there)
    convert(path, there)
    fails(there, back)
  end)

  it("refuses what Minari's layout cannot hold, and what is there", function()
    local arrays = roll_out(60)
    for _, row in ipairs(arrays.next_observations) do row[1] = row[1] + 0.5 end
    arrays.observations = roll_out(60).observations
    datasets.write(path, arrays)
    refused({ "next observations of", "would lose them" }, convert, path, there)
    assert.is_nil(lfs.attributes(there .. "/data/main_data.hdf5"))
    datasets.write(path, roll_out(60))
    refused("folders NAME-vN", convert, path, folder .. "/medium")
    refused("the id 'x' is not of the form", convert, path, there, { id = "x" })
    convert(path, there)
    refused("is there already; --force replaces it", convert, path, there)
    refused("files .hdf5 or .h5", convert, there, folder .. "/x")
    arrays = roll_out(60)
    arrays.actions[60] = nil
    datasets.write(path, arrays)
    refused("rows do not belong together", convert, path, folder .. "/b-v0")
    arrays = roll_out(60)
    arrays.terminals[3] = { 0.5 }
    datasets.write(path, arrays, { types = { terminals = "float32" } })
    refused("terminals: row 3 is 0.5, neither 0 nor 1", convert, path, folder .. "/c-v0")
    arrays = roll_out(60)
    arrays.goal = arrays.rewards
    datasets.write(path, arrays)
    assert.are.same({ "left out: goal is not an array of the layout, and not in infos" },
      convert(path, folder .. "/d-v0").notes)
  end)
end)

-- ---- Minari's own package ----

--- How to start a Python that has Minari: $TIDE_MINARI_PYTHON, or python3; nil where there is none.
local function python()
  local command = os.getenv "TIDE_MINARI_PYTHON" or "python3"
  local result = program.shell(command .. " -c 'import minari, h5py, PIL'")
  return result.code == 0 and command or nil
end

local script = [[
import json, os, sys
import numpy as np, h5py, minari
d = minari.load_dataset(sys.argv[1])
f = h5py.File(sys.argv[2], "r")
row = 0
for e in d.iterate_episodes():
    n = len(e)
    assert e.observations.shape == (n + 1,) + d.observation_space.shape, e.observations.shape
    assert e.actions.shape == (n,) + d.action_space.shape, e.actions.shape
    for name, values in [("observations", e.observations[:-1]), ("next_observations", e.observations[1:]),
                         ("actions", e.actions), ("rewards", e.rewards), ("terminals", e.terminations),
                         ("timeouts", e.truncations), ("infos/qpos", e.infos["qpos"])]:
        want = f[name][row:row + n]
        assert values.dtype == want.dtype and np.array_equal(values, want), (name, e.id)
    row += n
assert row == f["rewards"].shape[0] == d.total_steps
assert sum(m["total_steps"] for m in d.storage.get_episode_metadata(range(d.total_episodes))) == row
sub = d.filter_episodes(lambda e: e.terminations[-1])
print(json.dumps({"episodes": d.total_episodes, "steps": int(d.total_steps), "id": d.spec.dataset_id,
                  "low": float(d.action_space.low[0]), "ended": sub.total_episodes}))
# and the other way: a dataset that Minari itself writes
from minari.data_collector import EpisodeBuffer
space = d.observation_space
buffers = [EpisodeBuffer(id=i, seed=i, observations=[space.sample() for _ in range(n + 1)],
    actions=[d.action_space.sample() for _ in range(n)], rewards=[float(t) for t in range(n)],
    terminations=[False] * (n - 1) + [i % 2 == 0], truncations=[False] * (n - 1) + [i % 2 == 1],
    infos={"qpos": [np.ones(6) * t for t in range(n + 1)]}) for i, n in enumerate([3, 40, 1, 12])]
minari.create_dataset_from_buffers("made/own-v1", buffers, observation_space=space, action_space=d.action_space)
]]

describe("Minari's package", function()
  it("reads what is converted, and Tide what it writes", function()
    local command = python()
    if not command then
      pending "no Python with minari[hdf5]; TIDE_MINARI_PYTHON names one"
      return
    end
    local arrays = roll_out()
    datasets.write(path, arrays, { metadata = { env = "Hopper" } })
    local result = convert(path, there, { id = "mine/medium-v0" })
    assert(lfs.mkdir(folder .. "/mine"))
    assert(os.rename(there, folder .. "/mine/medium-v0"))
    files.write(folder .. "/check.py", script)
    local ran = program.shell(("%s -W ignore %s/check.py mine/medium-v0 %s"):format(command, folder, path),
      { env = { MINARI_DATASETS_PATH = folder } })
    assert.are.equal(0, ran.code, ran.err)
    assert.are.same({ episodes = result.episodes, steps = 230, id = "mine/medium-v0", low = -1,
      ended = count(arrays.terminals) }, json.decode(ran.out:match "{.*}"))
    local own = folder .. "/made/own-v1"
    local data = dataset.read(own)
    assert.are.same({ 56, 11, 3 }, { #data, data.observation_dim, data.action_dim })
    local info = data:info()
    assert.are.same({ 4, 2, 2, 0 }, { info.episodes, info.terminals, info.timeouts, info.unmarked_ends })
    assert.are.same({ 0, 1, 2, 0, 1 }, data:rows("rewards", 1, 5):totable())
    convert(own, back)
    local again = dataset.read(back)
    assert.are.same(data:tensor("next_observations"):totable(), again:tensor("next_observations"):totable())
    local qpos = datasets.read(back)["infos/qpos"].elements -- of T + 1 rows, the first T
    assert.are.same({ 0, 1, 2, 0 }, { qpos[1], qpos[7], qpos[13], qpos[19] })
  end)
end)

describe("tide dataset convert", function()
  it("converts, and prints what has no place", function()
    datasets.write(path, roll_out(60))
    local result = program.run { "dataset", "convert", path, "-o", there, "--env", "Hopper" }
    assert.are.same({ 0, "" }, { result.code, result.err })
    assert.is_truthy(result.out:find("medium%-v0: 60 transitions of %d+ episodes in Minari's layout\n"), result.out)
    assert.are.equal("Hopper", json.read(there .. "/data/metadata.json").tide_env)
    result = program.run { "dataset", "convert", there, "-o", back }
    assert.is_truthy(result.out:find("infos: what there is after an episode's last step has no place", 1, true))
    result = program.run { "dataset", "convert", there }
    assert.are.equal(1, result.code)
    assert.is_truthy(result.err:find("-o: what to write is needed", 1, true))
    assert.is_truthy(program.run({ "dataset", "convert", "--help" }).out:find("folder NAME-vN", 1, true))
  end)
end)
