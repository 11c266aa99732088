--- The sweeps of experiments/: their cells and runs, and that table 1 survives being killed.
local files = require "support.files"
local lfs = require "lfs"
local paths = require "tide.paths"
local plan = require "tide.sweep.plan"
local program = require "support.program"
local sweeps = require "support.sweeps"
local tide = require "tide"

local function count(name)
  local about = plan.make(paths.experiments(name .. ".lua"), { seeds = 1 })
  return { #about.cells, #about.runs }
end

describe("the experiments", function()
  -- cells, and runs of one seed: what the cells share is one run
  for name, expected in pairs {
    table1 = { 3 * 3 * 5, 3 + 3 + 3 * 3 * 3 }, -- SAC a gap, CQL a dataset, the others both
    walker2d = { 3 * 3 * 5, 3 + 3 + 3 * 3 * 3 },
    ablations = { 3 * 9, 3 * 9 },
    gap_strength = { 7 * 4, 7 * 3 + 1 },
    data_size = { 3 * 4, 3 * 3 + 1 },
    robot_table = { 2 * 11, 2 * 11 },
    precision = { 2, 2 },
  } do
    it(("%s has %d cells and %d runs a seed"):format(name, table.unpack(expected)), function()
      assert.are.same(expected, count(name))
    end)
  end

  it("the robot's final return is of the last 3 of its 10 evaluations, the others' of the last 10", function()
    local function last(name) return plan.make(paths.experiments(name .. ".lua"), { seeds = 1 }).last end
    assert.are.same({ 3, 10 }, { last "robot_table", last "table1" })
  end)

  it("every arm of the ablations is another H2O", function()
    local seen, about = {}, plan.make(paths.experiments "ablations.lua", { seeds = 1, only = { "gravity/*" } })
    for _, cell in ipairs(about.cells) do
      assert.is_nil(seen[cell.runs[1].run])
      seen[cell.runs[1].run] = true
    end
  end)

  it("one configuration is one run by name, in whichever of them", function()
    local function run_of(name, cell)
      for _, one in ipairs(plan.make(paths.experiments(name .. ".lua"), { seeds = 1 }).cells) do
        if one.name == cell then return one.runs[1].run end
      end
    end
    local run = run_of("table1", "medium-replay/gravity/h2o")
    assert.are.same({ run, run, run }, { run_of("ablations", "gravity/h2o"), run_of("gap_strength", "2.0/h2o"),
                                         run_of("data_size", "100-percent/h2o") })
  end)

  it("data_size draws its parts of whole episodes before the runs", function()
    program.with_folder(function(folder)
      tide.recipes.make("halfcheetah-random", { transitions = 12000, path = folder .. "/halfcheetah-medium-replay.h5" })
      local result = program.shell(("cd %s && TIDE_DATASETS=%s %s sweep %s --only '1*-percent/h2o' --seeds 1 --steps 2 "
        .. "--set agent.hidden={4} --set evaluation.episodes=1 --quiet"):format(folder, folder, program.path,
        paths.experiments "data_size.lua"))
      assert.are.equal(0, result.code, result.out .. result.err)
      for percent, rows in pairs { [1] = 1000, [10] = 2000 } do
        local data <close> = tide.dataset.read(("%s/halfcheetah-medium-replay-%d-percent.h5"):format(folder, percent))
        assert.are.equal(rows, #data)
      end
    end)
  end)

  it("table 1's cells of one dataset and gap, killed in the middle and resumed, equal the unbroken ones", function()
    local folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    tide.recipes.make("halfcheetah-random", { transitions = 1100, path = folder .. "/halfcheetah-medium-replay.h5" })
    local arguments = paths.experiments "table1.lua"
      .. " --only 'medium-replay/gravity/*' --seeds 1 --steps 60 --jobs 2"
      .. " --set agent.hidden={16,16} --set training.epoch_updates=10 --set training.epoch_rollout_steps=10"
      .. " --set evaluation.episodes=1 --set checkpoint.every=1 --out "
    local env = { TIDE_DATASETS = folder }
    local code, text = sweeps.run(folder, arguments .. "whole", env)
    assert.are.equal(0, code, text)
    local pid = sweeps.start(folder, arguments .. "killed", env)
    sweeps.wait(folder .. "/killed/runs/*/checkpoint.h5", 3)
    sweeps.kill(folder, "killed", pid)
    assert.is_true((sweeps.states(folder, "killed").done or 0) < 5)
    code, text = sweeps.run(folder, arguments .. "killed --resume", env)
    assert.are.equal(0, code, text)
    local chosen = 0
    for i, cell in ipairs(sweeps.status(folder, "killed").cells) do
      if cell.chosen then
        chosen = chosen + 1
        local whole = sweeps.status(folder, "whole").cells[i]
        assert.are.same({ cell.name, "done" }, { whole.name, cell.runs[1].state })
        assert.are.same(files.metrics(("%s/whole/runs/%s"):format(folder, whole.runs[1].run)),
          files.metrics(("%s/killed/runs/%s"):format(folder, cell.runs[1].run)))
      end
    end
    assert.are.equal(5, chosen)
    for _, out in ipairs { "whole", "killed" } do
      local result = program.shell(("cd %s && %s table %s -o %s.json"):format(folder, program.path, out, out))
      assert.are.equal(0, result.code, result.err)
    end
    assert.are.equal(files.read(folder .. "/whole.json"), files.read(folder .. "/killed.json"))
    os.execute("rm -rf " .. folder)
  end)
end)
