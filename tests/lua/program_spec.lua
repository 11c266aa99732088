--- Promises of the commands that train and evaluate, kept by the program itself.
local core = require "tide.core"
local files = require "support.files"
local json = require "tide.json"
local lfs = require "lfs"

local program = os.getenv "TIDE_PROGRAM" or "build/release/bin/tide"
local folder

--- -> exit code, everything that was written
local function run(arguments)
  local pipe = io.popen(("%s %s 2>&1"):format(program, arguments))
  local text = pipe:read("a")
  local _, _, code = pipe:close()
  return code, text
end

-- SLOW is read by the script: how long an update takes, so that a signal meets it in the middle.
local script = [[
local tide = require "tide"
local run = tide.experiment {
  agent = tide.agents.sac { hidden = { 16, 16 }, batch = 32 },
  real = { env = "HalfCheetah" },
  sim = { gap = tide.gap.gravity(2.0) },
  steps = 200, seed = 2,
  training = { epoch_updates = 20, epoch_rollout_steps = 20 },
  evaluation = { every = 5, episodes = 1 }, checkpoint = { every = 1 },
}
local slow = tonumber(os.getenv "SLOW" or 0)
local update = run.agent.update
function run.agent.update(self, batches)
  local clock = require("tide.core").process.monotonic
  local stop = clock() + slow
  while clock() < stop do end
  return update(self, batches)
end
print("final return", run:train().mean, ...)
]]

describe("the program", function()
  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    files.write(folder .. "/script.lua", script)
  end)
  teardown(function() os.execute("rm -rf " .. folder) end)

  it("runs a script with its arguments and leaves a run's folder", function()
    local code, text = run(("run %s/script.lua one two --out %s/run --quiet"):format(folder, folder))
    assert.are.equal(0, code, text)
    assert.is_truthy(text:find("final return%s+%-?[%d.]+%s+one%s+two"), text)
    for _, name in ipairs { "config.json", "metrics.jsonl", "run.json", "checkpoint.h5", "policy.h5" } do
      assert.are.equal("file", lfs.attributes(folder .. "/run/" .. name, "mode"), name)
    end
    local about = json.read(folder .. "/run/run.json")
    assert.are.equal("done", about.state)
    assert.is_truthy(about.command:find("script.lua one two --out", 1, true), about.command)
    assert.are.equal(2, json.read(folder .. "/run/config.json").seed)
  end)

  it("records what the command line changed", function()
    local code, text = run(("run %s/script.lua --out %s/set --quiet --steps 20 --seed 5 --set agent.tau=0.5")
      :format(folder, folder))
    assert.are.equal(0, code, text)
    local config = json.read(folder .. "/set/config.json")
    assert.are.same({ 20, 5, 0.5 }, { config.steps, config.seed, config.agent.tau })
  end)

  it("refuses an unknown value with the nearest names", function()
    local code, text = run(("run %s/script.lua --out %s/bad --set agent.taau=0.5"):format(folder, folder))
    assert.are.equal(1, code)
    assert.is_truthy(text:find("unknown 'taau'; nearest: tau", 1, true), text)
    assert.is_nil(lfs.attributes(folder .. "/bad"))
  end)

  it("does not write into a folder that holds a run", function()
    local code, text = run(("run %s/script.lua --out %s/run"):format(folder, folder))
    assert.are.equal(1, code)
    assert.is_truthy(text:find("holds a run already", 1, true), text)
  end)

  -- SIGTERM lets it save where it is; SIGKILL leaves the last checkpoint. Either way nothing differs in the end.
  for signal, expected in pairs { TERM = 143, KILL = 137 } do
    it(("ended by SIG%s and resumed, equals the unbroken run"):format(signal), function()
      local out = folder .. "/" .. signal
      -- the signal comes after the first checkpoint, however slow the machine is
      local command = "SLOW=0.05 %s run %s/script.lua --out %s --quiet >%s.log 2>&1 & "
        .. "until [ -e %s/checkpoint.h5 ] || ! kill -0 $!; do sleep 0.02; done; kill -%s $!; wait $!"
      local code = select(3, os.execute(("{ %s; } 2>/dev/null"):format(
        command:format(program, folder, out, out, out, signal))))
      assert.are.equal(expected, code)
      local before = core.tree_read(out .. "/checkpoint.h5").updates
      assert.is_true(before > 0 and before < 200, before)
      if signal == "TERM" then
        assert.are.equal("interrupted", json.read(out .. "/run.json").state)
        assert.is_truthy(files.read(out .. ".log"):find("continue with: tide resume " .. out, 1, true))
      end
      local resumed, text = run(("resume %s --quiet"):format(out))
      assert.are.equal(0, resumed, text)
      assert.are.same(files.metrics(folder .. "/run"), files.metrics(out))
      assert.are.equal("done", json.read(out .. "/run.json").state)
    end)
  end

  it("resumes a later run of a script: those before it are read, not trained again", function()
    local two = folder .. "/two.lua"
    files.write(two, [[
      local tide, core = require "tide", require "tide.core"
      for _, name in ipairs { "first", "second" } do
        local run = tide.experiment {
          name = name, agent = tide.agents.sac { hidden = { 8 }, batch = 8 }, real = { env = "Hopper" }, steps = 20,
          training = { epoch_updates = 10, epoch_rollout_steps = 10 }, checkpoint = { every = 1 },
          evaluation = { episodes = 1, every = 2 },
        }
        local final = run:train()
        print(name, run.updates, final.mean, run.dir)
      end]])
    local inside = ("cd %s && "):format(folder)
    local function run_there(arguments)
      local pipe <close> = io.popen(inside .. program .. " " .. arguments .. " --quiet 2>&1")
      return pipe:read "a"
    end
    local whole = run_there("run two.lua")
    assert.matches("second\t20\t", whole)
    -- as if the second had been stopped at its end: its state says so
    local about = json.read(folder .. "/runs/second/run.json")
    about.state = "interrupted"
    files.write(folder .. "/runs/second/run.json", json.encode(about))
    assert.are.equal(whole, run_there("resume runs/second"))
    assert.is_nil(lfs.attributes(folder .. "/runs/first-2", "mode"))
    assert.are.equal("done", json.read(folder .. "/runs/second/run.json").state)
  end)

  it("resume says what is wrong with a folder that holds no run", function()
    local code, text = run("resume " .. folder)
    assert.are.equal(1, code)
    assert.is_truthy(text:find("not the folder of a run", 1, true), text)
  end)

  it("eval gives the same returns for the same seed, others under a gap", function()
    local function returns(more)
      local code, text = run(("eval %s/run --episodes 2 --seed 3 --json %s"):format(folder, more))
      assert.are.equal(0, code, text)
      return json.decode(text).returns
    end
    local real = returns ""
    assert.are.equal(2, #real)
    assert.are.same(real, returns "")
    assert.are_not.same(real, returns "--gap 'gravity(2.0)'")
  end)

  it("eval refuses what is no policy", function()
    files.write(folder .. "/no.h5", "nothing")
    local code, text = run(("eval %s/no.h5"):format(folder))
    assert.are.equal(1, code)
    assert.is_truthy(text:find("no.h5", 1, true), text)
  end)

  it("bench reports every field, and no allocation per update", function()
    local code, text = run("bench update --agent sac --seconds 0.5 --json")
    assert.are.equal(0, code, text)
    local result = json.decode(text)[1]
    for _, name in ipairs { "updates_per_s", "floor_share", "gemm_gflops", "allocated_bytes_per_update", "threads" } do
      assert.is_number(result[name], name)
    end
    assert.are.equal("sac", result.agent)
    assert.are.equal(0, result.allocated_bytes_per_update)
    assert.is_true(result.updates_per_s > 0 and result.floor_share > 0)
  end)

  it("conform passes on the figures and fails on others", function()
    assert.are.equal(0, (run "conform tests/reference/updates.h5 --only sac"))
    local case = core.tree_read("tests/reference/updates.h5", "sac")
    case.gamma = 0.5
    core.tree_write(folder .. "/wrong.h5", { sac = case })
    local code, text = run(("conform %s/wrong.h5"):format(folder))
    assert.are.equal(1, code)
    assert.is_truthy(text:find("FAILED", 1, true), text)
  end)

  it("makes and describes a dataset", function()
    local path = folder .. "/data.h5"
    local code, text = run(("dataset make halfcheetah-random --transitions 1200 -o %s"):format(path))
    assert.are.equal(0, code, text)
    assert.are.equal(1200, #core.dataset_read(path))
    code, text = run(("dataset make halfcheetah-random --transitions 1200 -o %s"):format(path))
    assert.are.equal(1, code)
    assert.is_truthy(text:find("--force replaces it", 1, true), text)
    code, text = run(("dataset info %s"):format(path))
    assert.are.equal(0, code, text)
    assert.is_truthy(text:find("1,?200"), text)
  end)
end)
