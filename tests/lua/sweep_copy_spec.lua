--- Promises of tide export for sweeps: a copy has all that the results need and nothing of the machine, can be gone on
--- with elsewhere, and collects what several machines did.
local files = require "support.files"
local json = require "tide.json"
local lfs = require "lfs"
local plan = require "tide.sweep.plan"
local program = require "support.program"
local sweep_folder = require "support.sweep_folder"
local sweeps = require "support.sweeps"

local function shell(folder, text)
  local result = program.shell(("cd %s && %s %s"):format(folder, program.path, text))
  return result.code, result.out .. result.err
end

local function good(folder, text)
  local code, said = shell(folder, text)
  assert.are.equal(0, code, said)
  return said
end

describe("tide export of a sweep", function()
  local folder

  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    sweeps.write(folder)
    good(folder, "sweep table.lua --out whole --jobs 2 --quiet")
    good(folder, "sweep table.lua --out first --seeds 1 --quiet --only 'gravity/*'")
    good(folder, "sweep table.lua --out second --seeds 2 --quiet --only '*/td3_bc'")
    for _, name in ipairs { "first", "second" } do
      assert(os.execute(("mkdir -p %s/%s-machine && mv %s/%s %s/%s-machine/table"):format(folder, name, folder, name,
        folder, name)))
    end
  end)
  teardown(function() os.execute("rm -rf " .. folder) end)

  local function run_files(out)
    local pipe = io.popen(("cd %s/%s && find . -type f | sort"):format(folder, out))
    local text = pipe:read "a"
    pipe:close()
    return text
  end

  it("holds configuration, metrics and record of each run that is done, and nothing of the machine", function()
    assert.are.equal("copy/table: 2 of 2 runs, 2 of them new\n", good(folder, "export first-machine/table/ -o copy"))
    local names = {}
    for name in run_files("copy/table"):gmatch "[^/\n]+\n" do names[name] = (names[name] or 0) + 1 end
    assert.are.same({ ["config.json\n"] = 2, ["metrics.jsonl\n"] = 2, ["run.json\n"] = 2, ["sweep.json\n"] = 1 }, names)
    for path in run_files("copy/table"):gmatch "[^\n]+" do
      local text = files.read(folder .. "/copy/table/" .. path)
      if not path:find "config" then assert.is_nil(text:find(folder, 1, true), path) end
      assert.is_nil(text:find('"host"', 1, true))
    end
  end)

  it("is gone on with elsewhere: what is done stays, the rest follows, with an unbroken sweep's results", function()
    good(folder, "export first-machine/table -o moved")
    local before = {}
    for path in run_files("moved/table"):gmatch "[^\n]+run%.json" do
      before[path] = files.read(folder .. "/moved/table/" .. path)
    end
    local text = good(folder, "sweep table.lua --out moved/table --jobs 2 --resume --only '*' --seeds 2")
    assert.is_truthy(text:find("moved/table: 6 of 6 runs done", 1, true), text)
    for path, record in pairs(before) do assert.are.equal(record, files.read(folder .. "/moved/table/" .. path)) end
    assert.is_truthy(next(before))
    assert.are.same(sweeps.results(folder, "whole"), sweeps.results(folder, "moved/table"))
    assert.are.equal(good(folder, "table whole --json"), good(folder, "table moved/table --json"))
  end)

  it("collects what several machines did, in either order, each run once", function()
    good(folder, "export first-machine/table -o both")
    assert.are.equal("both/table: 3 of 3 runs, 1 of them new\n", good(folder, "export second-machine/table -o both"))
    good(folder, "export second-machine/table -o other")
    good(folder, "export first-machine/table -o other")
    assert.are.equal(run_files "both/table", run_files "other/table")
    assert.are.equal(good(folder, "table both/table --json"), good(folder, "table other/table --json"))
    local states = sweeps.states(folder, "both/table")
    assert.are.same({ done = 3, waiting = 3 }, states)
    for _, name in ipairs { "both", "other" } do
      assert.are.same({ 1, 2 }, plan.read(("%s/%s/table"):format(folder, name)).seeds)
    end
  end)

  it("is exported again, and read by tide table, tide plot and tide report", function()
    good(folder, "export first-machine/table -o once")
    assert.are.equal("twice/table: 2 of 2 runs, 2 of them new\n", good(folder, "export once/table -o twice"))
    assert.are.equal(run_files "once/table", run_files "twice/table")
    assert.is_truthy(good(folder, "table twice/table"):find("gravity%s+%-?%d"))
    good(folder, "report twice/table -o page.html")
    good(folder, "plot twice/table/runs -o curves.svg")
  end)

  it("leaves out what is not done, and takes it when it is", function()
    local dir = folder .. "/half"
    local about = sweep_folder.plan(dir, { axes = { { name = "agent", labels = { "a", "b" } } } })
    sweep_folder.fill(dir, about, function(run)
      return { { 0, 1 }, { 1000, 2 } }, { state = run.agent == "a" and "done" or "interrupted" }
    end)
    assert.are.equal("copy/half: 1 of 2 runs, 1 of them new\n", good(folder, "export half -o copy"))
    assert.is_nil(lfs.attributes(folder .. "/copy/half/runs/b-seed1"))
    sweep_folder.run(dir .. "/runs/b-seed1", { { 0, 1 }, { 1000, 3 } })
    assert.are.equal("copy/half: 2 of 2 runs, 1 of them new\n", good(folder, "export half -o copy"))
  end)

  it("refuses a folder that is worked in, and copies of other sweeps", function()
    local function refused(text, part)
      local code, said = shell(folder, text)
      assert.are.equal(1, code, said)
      assert.is_truthy(said:find(part, 1, true), said)
    end
    refused("export whole -o .", "no place for a copy")
    local dir = folder .. "/third-machine/table"
    local axes = { { name = "gap", labels = { "gravity", "friction" } }, { name = "agent", labels = { "sac", "bc" } } }
    sweep_folder.plan(dir, { axes = axes, name = "table" })
    good(folder, "export first-machine/table -o mixed")
    refused("export third-machine/table -o mixed",
      "mixed/table/sweep.json: it has the cell gravity/td3_bc; another folder is needed")
    axes[2].labels[2] = "td3_bc"
    sweep_folder.plan(dir, { axes = axes, name = "table" })
    refused("export third-machine/table -o mixed", "gravity/sac seed 1 is another run there")
    sweep_folder.plan(dir, { axes = axes, name = "table", set = { "agent.batch=16" } })
    refused("export third-machine/table -o mixed", "it has other --steps or --set")
    sweep_folder.plan(dir, { axes = axes, name = "board" })
    refused("export third-machine/table -o mixed", "it is of the sweep table, not board")
  end)
end)

describe("a run of a sweep", function()
  it("is told by its dataset's name, wherever the datasets lie", function()
    program.with_folder(function(folder)
      files.write(folder .. "/one.lua", [[
        local tide = require "tide"
        return tide.sweep {
          axes = { { agent = { "bc" } } }, seeds = 1, steps = 10,
          experiment = function()
            return { agent = tide.agents.bc {},
                     real = { env = "HalfCheetah", dataset = tide.recipes.folder() .. "/mine.h5" } }
          end,
        }]])
      local names = {}
      for i, datasets in ipairs { "here", "/there/datasets" } do
        local out = ("%s/out%d"):format(folder, i)
        program.shell(("cd %s && TIDE_DATASETS=%s %s sweep one.lua --out %s"):format(folder, datasets, program.path,
          out))
        names[i] = json.read(out .. "/sweep.json").runs[1].name
      end
      assert.are.equal(names[1], names[2])
    end)
  end)
end)
