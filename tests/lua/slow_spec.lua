--- Promises of the slow suite's machinery, with experiments of a few dozen steps.
local files = require "support.files"
local json = require "tide.json"
local learning = require "support.learning"
local lfs = require "lfs"

local program = os.getenv "TIDE_PROGRAM" or "build/release/bin/tide"
local folder

-- SLOW is read by the script: how long an update takes, so that a signal meets it in the middle.
local script = [[
local tide = require "tide"
local run = tide.experiment {
  agent = tide.agents.sac { hidden = { 16, 16 }, batch = 32 },
  real = { env = "HalfCheetah" },
  training = { epoch_updates = 10, epoch_rollout_steps = 10 },
  evaluation = { every = 1, episodes = 1 }, checkpoint = { every = 1 },
}
local slow, update = tonumber(os.getenv "SLOW" or 0), run.agent.update
function run.agent.update(self, batches)
  local clock = require("tide.core").process.monotonic
  local stop = clock() + slow
  while clock() < stop do end
  return update(self, batches)
end
run:train()
]]

--- A suite of one experiment with these seeds and checks.
local function suite(name, seeds, checks)
  return { experiments = { { name = name, script = folder .. "/script.lua", arguments = { "x" }, steps = 40,
                             seeds = seeds } }, checks = checks }
end

--- Runs it in the test's folder.  -> passed, failed, what was said
local function perform(given, jobs)
  local said = {}
  local passed, failed = learning.run(given, { program = program, runs = folder .. "/runs", jobs = jobs or 2,
    results = folder .. "/results", say = function(line) said[#said + 1] = line end })
  return passed, failed, table.concat(said, "\n")
end

local function passed_and_failed(given, jobs)
  local passed, failed = perform(given, jobs)
  return { passed, failed }
end

local function page()
  return files.read(folder .. "/results/README.md")
end

local function returns_of(name)
  local returns = {}
  for _, row in ipairs(files.metrics(folder .. "/runs/" .. name)) do returns[#returns + 1] = row["eval/return"] end
  return returns
end

describe("the slow suite", function()
  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    files.write(folder .. "/script.lua", script)
  end)
  after_each(function() os.execute("rm -rf " .. folder) end)

  --- Ends the run NAME-SEED by a signal once it has a checkpoint.
  local function interrupt(name, seed)
    local out = ("%s/runs/%s-%d"):format(folder, name, seed)
    os.execute(("{ SLOW=0.05 %s run %s/script.lua x --steps 40 --seed %d --quiet --out %s >/dev/null 2>&1 & "
      .. "until [ -e %s/checkpoint.h5 ] || ! kill -0 $!; do sleep 0.02; done; kill -TERM $!; wait $!; } 2>/dev/null")
      :format(program, folder, seed, out, out))
    assert.are.equal("interrupted", json.read(out .. "/run.json").state)
  end

  it("runs what is missing, resumes what was interrupted, leaves what is done, and tells what came out", function()
    lfs.mkdir(folder .. "/runs")
    interrupt("tiny", 2)
    local given = suite("tiny", { 1, 2 }, { { experiment = "tiny", reaches = -1e6 } })
    assert.are.same({ 1, 0 }, passed_and_failed(given))
    for seed = 1, 2 do
      local about = json.read(("%s/runs/tiny-%d/run.json"):format(folder, seed))
      assert.are.same({ "done", 40 }, { about.state, about.updates })
      assert.are.equal(seed == 2 and 1 or nil, about.resumed and #about.resumed)
    end
    local first, second = returns_of "tiny-1", returns_of "tiny-2"
    local a, b = first[#first], second[#second]
    local std = math.abs(a - b) / math.sqrt(2)
    local text = page()
    assert.is_truthy(text:find(("| 1, 2 | %.0f, %.0f | %.0f | %.0f | %.0f, %.0f |"):format(a, b, (a + b) / 2, std,
      math.max(table.unpack(first)), math.max(table.unpack(second))), 1, true), text)
    assert.is_truthy(text:find("tiny: an evaluation reaches -1e+06 | ", 1, true), text)
    assert.is_truthy(text:find("| passed |", 1, true), text)

    local before = lfs.attributes(folder .. "/runs/tiny-1/run.json")
    local _, _, said = perform(given)
    assert.is_truthy(said:find(folder .. "/runs: 0 of 2 runs to do", 1, true), said)
    assert.are.same({ before.modification, before.ino }, { lfs.attributes(folder .. "/runs/tiny-1/run.json",
      "modification"), lfs.attributes(folder .. "/runs/tiny-1/run.json", "ino") })
  end)

  it("copies runs without what is about the machine", function()
    perform(suite("tiny", { 1 }, {}))
    local copy, run = folder .. "/results/tiny-1", folder .. "/runs/tiny-1"
    local names = {}
    for name in lfs.dir(copy) do names[#names + 1] = name:match "^[^.].*" end
    table.sort(names)
    assert.are.same({ "config.json", "metrics.jsonl", "run.json" }, names)
    assert.are.equal(files.read(run .. "/metrics.jsonl"), files.read(copy .. "/metrics.jsonl"))
    assert.are.equal(files.read(run .. "/config.json"), files.read(copy .. "/config.json"))
    local about = json.read(run .. "/run.json")
    assert.is_truthy(about.host and about.pid and about.folder)
    about.host, about.pid, about.folder = nil, nil, nil
    assert.are.same(about, json.read(copy .. "/run.json"))
  end)

  it("a check that is not met fails with its numbers", function()
    local passed, failed, said = perform(suite("tiny", { 1 }, { { experiment = "tiny", reaches = 1e6 },
                                                                { experiment = "tiny", reaches = -1e6 } }))
    assert.are.same({ 1, 1 }, { passed, failed })
    local best = ("%.0f"):format(math.max(table.unpack(returns_of "tiny-1")))
    assert.is_truthy(said:find("FAILED  tiny: an evaluation reaches 1e+06: " .. best, 1, true), said)
    assert.is_truthy(page():find(("reaches 1e+06 | %s | FAILED |"):format(best), 1, true), page())
  end)

  --- A finished run with these returns.
  local function put(name, seed, returns)
    local dir = ("%s/runs/%s-%d"):format(folder, name, seed)
    lfs.mkdir(folder .. "/runs")
    assert(lfs.mkdir(dir))
    local lines = {}
    for i, value in ipairs(returns) do lines[i] = json.encode { step = 10 * i, ["eval/return"] = value } end
    files.write(dir .. "/metrics.jsonl", table.concat(lines, "\n") .. "\n")
    files.write(dir .. "/config.json", "{}\n")
    files.write(dir .. "/run.json", json.encode { state = "done", updates = 40, commit = "abcdef012345",
      start = { script = folder .. "/script.lua", arguments = { "x" }, seed = seed } })
  end

  it("`above` compares means of final returns; `reaches` wants every seed's best", function()
    for seed, pair in ipairs { { { 0, 90, 10 }, { 8 } }, { { 50, 20 }, { 12 } }, { { 30 }, { 39 } } } do
      put("one", seed, pair[1])
      put("other", seed, pair[2])
    end
    local function judged(...)
      local given = suite("one", { 1, 2, 3 }, { ... })
      given.experiments[2] = suite("other", { 1, 2, 3 }, {}).experiments[1]
      return { perform(given, 0) }
    end
    local above = judged({ experiment = "one", above = "other" }, { experiment = "other", above = "one" })
    assert.are.same({ 1, 1 }, { above[1], above[2] })
    assert.is_truthy(above[3]:find("passed  one: mean final return above other's: 20 against 20", 1, true), above[3])
    assert.is_truthy(page():find("| 10, 20, 30 | 20 | 10 | 90, 50, 30 | abcdef0 |", 1, true), page())
    local reached = judged({ experiment = "one", reaches = 30 }, { experiment = "one", reaches = 31 })
    assert.are.same({ 1, 1 }, { reached[1], reached[2] })
  end)

  it("a run that is not done fails its checks and says why", function()
    local given = suite("tiny", { 1 }, { { experiment = "tiny", reaches = -1e6 } })
    local _, failed, said = perform(given, 0)
    assert.are.equal(1, failed)
    assert.is_truthy(said:find("tiny-1: not run", 1, true), said)
    files.write(folder .. "/script.lua", "error('no such luck')")
    _, failed, said = perform(given)
    assert.are.equal(1, failed)
    assert.is_truthy(said:find("tiny-1: not run", 1, true), said)
    assert.is_truthy(files.read(folder .. "/runs/tiny-1.log"):find("no such luck", 1, true))
  end)

  it("a folder of another command, another length or no run at all is left alone", function()
    local function said(given)
      local passed, failed, text = perform(given)
      assert.are.same({ 0, 1 }, { passed, failed })
      return text
    end
    local given = suite("tiny", { 1 }, { { experiment = "tiny", reaches = -1e6 } })
    put("tiny", 1, { 1 })
    given.experiments[1].arguments = { "y" }
    assert.is_truthy(said(given):find("was made by another command", 1, true))
    given.experiments[1].arguments, given.experiments[1].steps = { "x" }, 30
    assert.is_truthy(said(given):find("has 40 updates, 30 are wanted", 1, true))
    os.remove(folder .. "/runs/tiny-1/run.json")
    assert.is_truthy(said(given):find("is there, and is no run", 1, true))
    assert.is_truthy(files.read(folder .. "/runs/tiny-1/metrics.jsonl"):find("eval/return", 1, true))
  end)

  it("a run that ended before its first checkpoint begins anew", function()
    put("tiny", 1, { 123456 })
    local about = json.read(folder .. "/runs/tiny-1/run.json")
    about.state, about.updates = "running", nil
    files.write(folder .. "/runs/tiny-1/run.json", json.encode(about))
    assert.are.same({ 1, 0 }, passed_and_failed(suite("tiny", { 1 }, { { experiment = "tiny", reaches = -1e6 } })))
    assert.is_nil(page():find("123456", 1, true))
  end)

  it("a run that another process is writing to is left alone", function()
    lfs.mkdir(folder .. "/runs")
    local out, given = folder .. "/runs/tiny-1", suite("tiny", { 1 }, { { experiment = "tiny", reaches = -1e6 } })
    local pipe = io.popen(("SLOW=0.2 %s run %s/script.lua x --steps 40 --seed 1 --quiet --out %s >/dev/null 2>&1 & "
      .. "echo $!; until [ -e %s/checkpoint.h5 ] || ! kill -0 $!; do sleep 0.02; done")
      :format(program, folder, out, out))
    local pid = pipe:read("l")
    pipe:close()
    local _, failed, said = perform(given)
    os.execute("kill -KILL " .. pid)
    assert.are.equal(1, failed)
    assert.is_truthy(said:find("another process is writing to " .. out, 1, true), said)
  end)

  it("makes a missing dataset once, before the runs, and says how long that takes", function()
    local calls, stub = folder .. "/calls", folder .. "/stub"
    files.write(calls, "")
    files.write(stub, ('#!/bin/sh\necho "$1 $2 $3" >>%s\n'):format(calls))
    os.execute("chmod +x " .. stub)
    local given = suite("tiny", { 1, 2 }, {})
    given.experiments[1].dataset = folder .. "/some-replay.h5"
    local said = {}
    local function once()
      learning.run(given, { program = stub, runs = folder .. "/runs", jobs = 1, results = folder .. "/results",
        say = function(line) said[#said + 1] = line end })
    end
    once()
    local made, ran = "dataset make " .. folder .. "/some-replay.h5\n", ("run %s/script.lua x\n"):format(folder)
    assert.are.equal(made .. ran .. ran, files.read(calls))
    assert.is_truthy(table.concat(said, "\n"):find("some-replay.h5 is missing; making it takes a training, of 20 min",
      1, true))
    put("tiny", 1, { 1 })
    put("tiny", 2, { 1 })
    once()
    assert.are.equal(made .. ran .. ran, files.read(calls))
  end)

  it("the suite of tests/slow counts its checks, and exits with 1 where one fails", function()
    local pipe = io.popen(("TIDE_SLOW_JOBS=0 TIDE_SLOW_RUNS=%s/none TIDE_SLOW_RESULTS=%s/results "
      .. "lua5.4 tests/slow/learning.lua 2>&1"):format(folder, folder))
    local text = pipe:read("a")
    local _, _, code = pipe:close()
    assert.are.equal(1, code, text)
    assert.is_truthy(text:find("\n0 passed, 4 failed\n$"), text)
    assert.is_truthy(page():find("| offline-cql | `tide run experiments/offline.lua cql halfcheetah-medium --steps ",
      1, true), page())
  end)
end)

describe("tide export", function()
  it("copies runs by name, refuses what is no run, and a run's own folder", function()
    local copies = os.tmpname()
    os.remove(copies)
    local function export(runs)
      local pipe = io.popen(("%s export %s -o %s 2>&1"):format(program, runs, copies))
      local text = pipe:read("a")
      local _, _, code = pipe:close()
      return code, text
    end
    local results = "experiments/results/"
    assert.are.equal(0, (export(results .. "gravity-sac " .. results .. "gravity-h2o/")))
    assert.are.equal(files.read(results .. "gravity-h2o/metrics.jsonl"),
      files.read(copies .. "/gravity-h2o/metrics.jsonl"))
    assert.are.same(json.read(results .. "gravity-sac/run.json"), json.read(copies .. "/gravity-sac/run.json"))
    local code, text = export "docs"
    assert.are.equal(1, code)
    assert.is_truthy(text:find("docs is not a run", 1, true), text)
    files.write(copies .. "/gravity-sac/checkpoint.h5", "")
    code, text = export(copies .. "/gravity-sac")
    assert.are.equal(1, code)
    assert.is_truthy(text:find("no place for a copy", 1, true), text)
    os.execute("rm -rf " .. copies)
  end)
end)
