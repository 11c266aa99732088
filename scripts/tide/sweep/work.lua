--- One run of a sweep, from wherever it stands to its end: what the workers of both launchers do.
local interruption = require "tide.interruption"
local plan = require "tide.sweep.plan"
local script = require "tide.script"
local state = require "tide.sweep.state"

local work = {}

--- What the script says now must be what was planned.
local function check_same(about, run, path)
  local experiment = require "tide.experiment"
  local made = plan.load(path)
  experiment.override { steps = about.steps, threads = 1, set = about.set }
  local name = made:identify(run.cells[1], run.seed)
  experiment.override {}
  if name ~= run.name then
    error(("%s has changed since the sweep was planned: %s is another run now; tide sweep --resume plans anew")
      :format(path, run.cells[1]), 0)
  end
end

--- What makes the same run alone.
local function command_of(about, run)
  local words = { "tide run", about.script, run.cells[1], "--seed", ("%d"):format(run.seed) }
  if about.steps then table.insert(words, ("--steps %d"):format(about.steps)) end
  for _, assignment in ipairs(about.set) do
    local plain = assignment:match "^[%w_.,=/+-]+$"
    table.insert(words, "--set " .. (plain and assignment or "'" .. assignment:gsub("'", "'\\''") .. "'"))
  end
  return table.concat(words, " ")
end

local function attempt(about, run, folder, before)
  local path = plan.script(about)
  check_same(about, run, path)
  local overrides = {
    seed = run.seed, steps = about.steps, threads = 1, set = about.set, quiet = true, script = about.script,
    arguments = { run.cells[1] }, command = command_of(about, run),
  }
  if before.resumable then overrides.resume = folder
  else overrides.out, overrides.overwrite = folder, true end
  script.run(path, { run.cells[1] }, overrides)
end

--- Brings the run `name` of the sweep in DIR to its end: resumed from its checkpoint, or from the start where there is
--- none. One that is done, or that another process holds, is left alone.
function work.run(dir, name)
  local about = plan.read(dir)
  local run, folder = plan.run(about, name), plan.run_folder(dir, name)
  local before = state.of(folder)
  if before.state == "done" or before.state == "running" then
    print(("%s: %s"):format(name, before.state == "done" and "done already" or "another process is at it"))
    return
  end
  local ok, problem = pcall(attempt, about, run, folder, before)
  if ok then return end
  if not interruption.is(problem) then state.fail(folder, tostring(problem)) end
  error(problem, 0)
end

return work
