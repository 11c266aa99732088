--- Promises of tide sweep, kept by the program itself: nothing is lost or done twice, whatever ends it.
local core = require "tide.core"
local expect = require "support.expect"
local files = require "support.files"
local json = require "tide.json"
local lfs = require "lfs"
local program = require "support.program"
local sweeps = require "support.sweeps"

local RUNS = 6 -- two gaps of SAC and one TD3+BC, two seeds each

describe("tide sweep", function()
  local folder, unbroken

  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    sweeps.write(folder)
    local code, text = sweeps.run(folder, "table.lua --out whole --jobs 2")
    assert.are.equal(0, code, text)
    unbroken = sweeps.results(folder, "whole")
  end)
  teardown(function() os.execute("rm -rf " .. folder) end)

  local function run_names(out)
    local names = {}
    for name in lfs.dir(("%s/%s/runs"):format(folder, out)) do
      if name:sub(1, 1) ~= "." then names[#names + 1] = name end
    end
    table.sort(names)
    return names
  end

  local function record(out, name)
    return json.read(("%s/%s/runs/%s/run.json"):format(folder, out, name))
  end

  it("does every run once, and cells that share a run have its results", function()
    assert.are.same({ done = RUNS }, sweeps.states(folder, "whole"))
    assert.are.equal(RUNS, #run_names "whole")
    assert.are.same(unbroken["gravity/td3_bc seed 1"], unbroken["friction/td3_bc seed 1"])
    assert.are_not.same(unbroken["gravity/td3_bc seed 1"], unbroken["gravity/td3_bc seed 2"])
    assert.are_not.same(unbroken["gravity/sac seed 1"], unbroken["friction/sac seed 1"])
  end)

  it("a run of it is what tide run of its cell is, as its record says", function()
    local command
    for _, name in ipairs(run_names "whole") do
      if name:find "^sac.*friction.*seed2" then command = record("whole", name).command end
    end
    assert.are.equal("tide run table.lua friction/sac --seed 2", command)
    local result = program.shell(("cd %s && %s%s --out alone --quiet"):format(folder, program.path,
      command:gsub("^tide", "")))
    assert.are.equal(0, result.code, result.err)
    assert.are.same(unbroken["friction/sac seed 2"], files.metrics(folder .. "/alone"))
    local refused = program.shell(("cd %s && %s run table.lua friction/sacc"):format(folder, program.path))
    assert.are.equal(1, refused.code)
    assert.is_truthy(refused.err:find("nearest: friction/sac", 1, true), refused.err)
  end)

  it("pins each worker to one core, others than its neighbour's where there are enough", function()
    local seen, all = {}, #core.process.cores()
    for _, name in ipairs(run_names "whole") do
      local cores = files.read(("%s/whole/logs/%s.log"):format(folder, name)):match "cores\t([%d ]+)\n"
      assert.is_truthy(cores:match "^%d+$", cores)
      seen[cores] = true
    end
    local different = 0
    for _ in pairs(seen) do different = different + 1 end
    assert.is_true(different >= math.min(2, all), different)
  end)

  it("refuses a folder that holds a sweep, and does nothing in one that is done", function()
    local code, text = sweeps.run(folder, "table.lua --out whole")
    assert.are.equal(1, code)
    assert.is_truthy(text:find("holds a sweep already (6 of 6 runs done): --resume", 1, true), text)
    local before = {}
    for _, name in ipairs(run_names "whole") do before[name] = record("whole", name) end
    code, text = sweeps.run(folder, "table.lua --out whole --resume")
    assert.are.equal(0, code, text)
    for name, about in pairs(before) do assert.are.same(about, record("whole", name)) end
  end)

  it("killed with its workers in the middle and resumed, has the results of an unbroken one", function()
    local pid = sweeps.start(folder, "table.lua --out killed --jobs 2", { SLOW = 40 })
    sweeps.wait(folder .. "/killed/runs/*/checkpoint.h5", 2)
    sweeps.kill(folder, "killed", pid)
    local states = sweeps.states(folder, "killed")
    assert.is_true((states.interrupted or 0) >= 1 and (states.done or 0) < RUNS, json.encode(states))
    local code, text = sweeps.run(folder, "table.lua --out killed --jobs 2 --resume")
    assert.are.equal(0, code, text)
    assert.are.same({ done = RUNS }, sweeps.states(folder, "killed"))
    assert.are.same(run_names "whole", run_names "killed")
    assert.are.same(unbroken, sweeps.results(folder, "killed"))
  end)

  it("stopped by SIGTERM leaves checkpoints, and goes on from them", function()
    local pid = sweeps.start(folder, "table.lua --out stopped --jobs 2", { SLOW = 100 })
    sweeps.wait(folder .. "/stopped/runs/*/run.json")
    os.execute(("kill -TERM %s; while kill -0 %s 2>/dev/null; do sleep 0.02; done"):format(pid, pid))
    assert.is_truthy(files.read(folder .. "/said"):find("stopped by SIGTERM; --resume continues", 1, true))
    local interrupted = 0
    for _, run in ipairs(sweeps.status(folder, "stopped").runs) do
      if run.state == "interrupted" then
        interrupted = interrupted + 1
        assert.is_true(run.resumable)
        assert.are.equal("SIGTERM", record("stopped", run.name).signal)
      else
        assert.are_not.equal("running", run.state)
      end
    end
    assert.is_true(interrupted >= 1)
    local code, text = sweeps.run(folder, "table.lua --out stopped --jobs 2 --resume")
    assert.are.equal(0, code, text)
    assert.are.same(unbroken, sweeps.results(folder, "stopped"))
  end)

  it("waits for the workers of a launcher that was killed, and does none of their runs", function()
    local pid = sweeps.start(folder, "table.lua --out orphans --jobs 2 --seeds 1", { SLOW = 50 })
    sweeps.wait(folder .. "/orphans/runs/*/checkpoint.h5")
    sweeps.kill(folder, "orphans", pid, true)
    local held = {}
    for _, name in ipairs(run_names "orphans") do
      held[name] = core.process.lock_holder(("%s/orphans/runs/%s/.lock"):format(folder, name))
    end
    assert.is_truthy(next(held))
    local code, text = sweeps.run(folder, "table.lua --out orphans --jobs 2 --resume")
    assert.are.equal(0, code, text)
    for name, holder in pairs(held) do
      local about = record("orphans", name)
      assert.are.same({ "done", holder }, { about.state, math.tointeger(about.pid) })
      assert.is_nil(about.resumed)
    end
    local results = sweeps.results(folder, "orphans")
    for name, metrics in pairs(results) do assert.are.same(unbroken[name], metrics) end
  end)

  it("a failed run is said with its reason, others go on, --resume tries it again from its checkpoint", function()
    files.write(folder .. "/failing", "")
    local code, text = sweeps.run(folder, "table.lua --out failed --jobs 2", { FAILING = folder .. "/failing" })
    assert.are.equal(1, code, text)
    assert.are.same({ done = 4, failed = 2 }, sweeps.states(folder, "failed"))
    assert.is_truthy(text:find("gravity/sac seed 1: no such luck", 1, true), text)
    local _, shown = sweeps.run(folder, "status failed")
    assert.is_truthy(shown:find("gravity/sac%s+seed 1%s+failed%s+20 / 40"), shown)
    assert.is_truthy(shown:find("no such luck; failed/logs/sac", 1, true), shown)
    os.remove(folder .. "/failing")
    code, text = sweeps.run(folder, "table.lua --out failed --jobs 2 --resume")
    assert.are.equal(0, code, text)
    assert.is_truthy(text:find("gravity/sac seed 1: from its checkpoint", 1, true), text)
    assert.are.same(unbroken, sweeps.results(folder, "failed"))
  end)

  it("a run that cannot even begin fails with its reason too", function()
    files.write(folder .. "/late.lua", files.read(folder .. "/table.lua"))
    local pid = sweeps.start(folder, "late.lua --out late --jobs 1 --seeds 1 --only gravity/sac", { SLOW = 1000 })
    sweeps.wait(folder .. "/late/runs/*/run.json")
    sweeps.kill(folder, "late", pid)
    files.write(folder .. "/late.lua", (files.read(folder .. "/late.lua"):gsub("batch = 32", "batch = 33")))
    local name = run_names("late")[1]
    local code, text = sweeps.run(folder, ("work late %s"):format(name))
    assert.are.equal(1, code)
    assert.is_truthy(text:find("has changed since the sweep was planned", 1, true), text)
    local about = record("late", name)
    assert.are.equal("failed", about.state)
    assert.is_truthy(about.problem:find("has changed", 1, true), about.problem)
  end)

  it("--estimate measures each kind of run, adds up, and writes nothing", function()
    local function estimated(arguments)
      local code, text = sweeps.run(folder, "table.lua --estimate --json " .. arguments)
      assert.are.equal(0, code, text)
      return json.decode(text:match "{.*") -- the script prints, too
    end
    local alone = estimated "--out estimated --jobs 1 --steps 4000"
    assert.are.same({ 6, 2 }, { alone.runs, #alone.kinds }) -- td3_bc takes no simulator: one run for both gaps
    expect.near(alone.seconds, alone.on[1].seconds, 1e-6)
    local longest, all = 0, 0
    for _, kind in ipairs(alone.kinds) do
      longest, all = math.max(longest, kind.seconds), all + kind.runs * kind.seconds
      assert.is_true(kind.seconds > 4000 / kind.updates_per_s)
    end
    expect.near(all, alone.seconds, 1e-6)
    local many = estimated "--out estimated --steps 4000 --only gravity/sac --seeds 1"
    assert.are.equal(1, many.runs)
    for _, one in ipairs(many.on) do expect.near(many.seconds, one.seconds, 1e-9) end
    assert.is_nil(lfs.attributes(folder .. "/estimated"))
    assert.are.equal(0, estimated("--out whole --resume").runs) -- all are done
  end)

  it("--only and --seeds choose, and add to what is there when resumed", function()
    local code, text = sweeps.run(folder, "table.lua --out some --jobs 1 --seeds 1 --only '*/td3_bc' --quiet")
    assert.are.equal(0, code, text)
    assert.are.equal("some: 1 of 1 runs done\n", text)
    code, text = sweeps.run(folder, "table.lua --out some --jobs 1 --only gravity/sac --resume --quiet")
    assert.are.equal(0, code, text)
    local _, shown = sweeps.run(folder, "status some")
    assert.is_truthy(shown:find("2 runs: 2 done", 1, true), shown) -- a folder keeps its seeds unless told
    code, text = sweeps.run(folder, "table.lua --out some --jobs 2 --only gravity/sac --seeds 2 --resume --quiet")
    assert.are.equal(0, code, text)
    assert.are.equal("some: 2 of 2 runs done\n", text)
    assert.are.same({ done = 3, waiting = 3 }, sweeps.states(folder, "some"))
    code, text = sweeps.run(folder, "table.lua --out some --only 'heavy/*' --resume")
    assert.are.equal(1, code)
    assert.is_truthy(text:find("matches no cell", 1, true), text)
  end)

  it("a second launcher in the same folder is refused", function()
    lfs.mkdir(folder .. "/busy")
    local pid = sweeps.start(folder, "table.lua --out busy --jobs 1 --seeds 1 --only gravity/sac", { SLOW = 50 })
    sweeps.wait(folder .. "/busy/sweep.json")
    local code, text = sweeps.run(folder, "table.lua --out busy --resume")
    os.execute("kill -TERM " .. pid)
    assert.are.equal(1, code)
    assert.is_truthy(text:find(("another tide sweep is at work in busy (process %s)"):format(pid), 1, true), text)
  end)
end)

describe("the datasets of a sweep", function()
  local folder

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
  end)
  after_each(function() os.execute("rm -rf " .. folder) end)

  local function write(dataset, more)
    files.write(folder .. "/table.lua", ([[
      local tide = require "tide"
      return tide.sweep {
        seeds = 1, steps = 3, axes = { { agent = { "td3_bc", "bc" } } },
        experiment = function(cell)
          return { agent = tide.agents[cell.agent] { hidden = { 8 }, batch = 8 }, evaluation = { episodes = 1 },
                   real = { env = "HalfCheetah", dataset = "%s" } }
        end, %s
      }]]):format(dataset, more or ""))
  end

  local function refused(part)
    local code, text = sweeps.run(folder, "table.lua --out out")
    assert.are.equal(1, code)
    assert.is_truthy(text:find(part, 1, true), text)
    assert.is_nil(lfs.attributes(folder .. "/out/logs/x"))
  end

  it("are named with the cell that needs them where they are missing or unknown", function()
    write "nowhere/data.h5"
    refused "cell td3_bc needs the dataset nowhere/data.h5: there is no such file"
    os.execute("rm -r " .. folder .. "/out")
    write "halfcheetah-medum"
    refused "cell td3_bc needs a dataset: dataset: unknown 'halfcheetah-medum'; nearest: halfcheetah-medium"
  end)

  it("are made once before the runs, also those that the file says how to make, of others", function()
    write("made/part.h5", [[datasets = { ["made/part.h5"] = { from = "halfcheetah-random", make = function(path, from)
      print("making", path, from)
      require("tide.records").make_folder "made"
      require("tide.dataset.subset")(from, path, { transitions = 500 })
    end } }]])
    os.execute(("mkdir %s/datasets && cd %s && TIDE_DATASETS=datasets %s dataset make halfcheetah-random "
      .. "--transitions 1100 >/dev/null 2>&1"):format(folder, folder, program.path))
    local code, text = sweeps.run(folder, "table.lua --out out --jobs 1", { TIDE_DATASETS = "datasets" })
    assert.are.equal(0, code, text)
    local _, times = text:gsub("making\tmade/part.h5\tdatasets/halfcheetah%-random.h5", "")
    assert.are.equal(1, times)
    assert.is_truthy(text:find("making the dataset made/part.h5, which the runs need", 1, true), text)
  end)

  it("that Tide knows are made by one process, for whose lock others wait", function()
    -- the program stands in for itself where a dataset is made: quicker than a million transitions
    local stub = folder .. "/tide"
    files.write(stub, ([[#!/bin/sh
      cd %s
      echo "$@" >>calls
      for i in $(seq 1000); do grep -q waiting a b && break; sleep 0.02; done # until the other one is there
      exec %s dataset make "$3" --transitions 1100 >/dev/null 2>&1]]):format(folder, program.path))
    os.execute("chmod +x " .. stub)
    files.write(folder .. "/provide.lua", ([[
      local datasets = require "tide.sweep.datasets"
      local run = { config = { real = { dataset = "halfcheetah-random" } }, cells = { "a" } }
      datasets.provide({ datasets = {} }, { run, run }, "%s", function(line)
        io.stdout:write(line, "\n"):flush()
      end)]]):format(stub))
    local one = program.path .. " run provide.lua"
    local result = program.shell(("cd %s; (%s >a 2>&1 & %s >b 2>&1; wait); cat a b"):format(folder, one, one))
    assert.are.equal("dataset make halfcheetah-random\n", files.read(folder .. "/calls"), result.out .. result.err)
    assert.is_truthy(result.out:find("waiting for datasets/halfcheetah-random.h5", 1, true), result.out)
  end)
end)
