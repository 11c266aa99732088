--- The plan of a sweep's folder, DIR/sweep.json: its cells, the runs that they point to, how it was asked for.
---
---   format, name, script, folder     what was run, and the working folder (a copy has none: sweep/copy.lua)
---   steps, set, only                 the command line; only: the globs of all invocations, none for all cells
---   axes                             { { name, labels }, ... }
---   seeds
---   last                             evaluations of a run that its final return is the mean of; 10 where there is none
---   cells                            { { name, labels = { axis = label }, chosen, runs = { { seed, run } } }, ... }
---   runs                             { { name, seed, agent, steps, chosen, cells = names }, ... }, in their order
---   published                        { { source, steps, cells = { { cell, mean, std }, ... } }, ... }: others' figures
---
--- A run's folder is DIR/runs/NAME, what its worker said DIR/logs/NAME.log. Cells that share a run name the same one.
local core = require "tide.core"
local experiment = require "tide.experiment"
local json = require "tide.json"
local lfs = require "lfs"
local records = require "tide.records"
local script = require "tide.script"
local sweep = require "tide.sweep"

local plan = {}

local FORMAT = 1

function plan.file(dir)
  return dir .. "/sweep.json"
end

function plan.exists(dir)
  return lfs.attributes(plan.file(dir), "mode") ~= nil
end

function plan.run_folder(dir, name)
  return dir .. "/runs/" .. name
end

function plan.log_file(dir, name)
  return dir .. "/logs/" .. name .. ".log"
end

--- The plan in DIR; JSON's whole numbers are integers again.
function plan.read(dir)
  local found, problem = json.read(plan.file(dir))
  if type(found) ~= "table" then
    error(("%s holds no sweep: %s"):format(dir, problem or "sweep.json is not an object"), 0)
  end
  if found.format ~= FORMAT then
    error(("%s: a sweep of format %s; this Tide reads %d"):format(plan.file(dir), tostring(found.format), FORMAT), 0)
  end
  found.steps, found.only, found.set = math.tointeger(found.steps), found.only or {}, found.set or {}
  found.last = math.tointeger(found.last)
  for i, seed in ipairs(found.seeds) do found.seeds[i] = math.tointeger(seed) end
  for _, cell in ipairs(found.cells) do
    for _, one in ipairs(cell.runs) do one.seed = math.tointeger(one.seed) end
  end
  for _, run in ipairs(found.runs) do
    run.seed, run.steps = math.tointeger(run.seed), math.tointeger(run.steps)
  end
  for _, one in ipairs(found.published or {}) do one.steps = math.tointeger(one.steps) end
  return found
end

--- The sweep that a script returns.
function plan.load(path)
  local refusal = ("%s returns no tide.sweep { ... }; tide run %s runs it as it is"):format(path, path)
  experiment.override { refuse = refusal } -- it is not to train before that is known
  local ok, made = pcall(script.load, path)
  experiment.override {}
  if not ok then error(made, 0) end
  if not sweep.is(made) then error(refusal, 0) end
  return made
end

--- Where a plan's script is now: as it was named, or in the folder that the sweep was started in.
function plan.script(about)
  local there = about.script:sub(1, 1) == "/" or lfs.attributes(about.script, "mode") == "file"
  if about.folder and not there then
    return about.folder .. "/" .. about.script
  end
  return about.script
end

local function matches_any(globs, name)
  if #globs == 0 then return true end
  for _, glob in ipairs(globs) do
    if sweep.matches(glob, name) then return true end
  end
  return false
end

--- Marks the cells that the globs choose, and their runs.
local function choose(resolved, globs)
  local chosen = {}
  for _, cell in ipairs(resolved.cells) do
    cell.chosen = matches_any(globs, cell.name)
    chosen[cell.name] = cell.chosen
  end
  for _, run in ipairs(resolved.runs) do
    run.chosen = false
    for _, name in ipairs(run.cells) do run.chosen = run.chosen or chosen[name] end
  end
end

local function check_globs(resolved, globs)
  for _, glob in ipairs(globs) do
    local found = false
    for _, cell in ipairs(resolved.cells) do found = found or sweep.matches(glob, cell.name) end
    if not found then
      local names = {}
      for i = 1, math.min(8, #resolved.cells) do names[i] = resolved.cells[i].name end
      if #names < #resolved.cells then names[#names + 1] = "..." end
      error(("--only '%s' matches no cell; there are: %s"):format(glob, table.concat(names, ", ")), 0)
    end
  end
end

local function for_file(runs)
  local out = {}
  for i, run in ipairs(runs) do
    out[i] = { name = run.name, seed = run.seed, agent = run.config.agent.name, steps = run.config.steps,
               chosen = run.chosen, cells = run.cells }
  end
  return out
end

--- What an invocation asks for of a plan: runs of the first seeds whose cells the globs choose, in order; `asked` is
--- the first such cell.
local function wanted(resolved, globs, seeds)
  local list, among = {}, {}
  for i = 1, seeds do among[resolved.seeds[i]] = true end
  for _, run in ipairs(resolved.runs) do
    for _, name in ipairs(run.cells) do
      if not run.asked and matches_any(globs, name) then run.asked = name end
    end
    if run.asked and among[run.seed] then list[#list + 1] = run end
  end
  return list
end

--- The globs of all invocations: everything where one of them had none.
function plan.all_globs(before, now)
  if #now == 0 or before and #before == 0 then return {} end
  local all, seen = {}, {}
  for _, list in ipairs { before or {}, now } do
    for _, glob in ipairs(list) do
      if not seen[glob] then all[#all + 1] = glob end
      seen[glob] = true
    end
  end
  return all
end

--- Resolves a script's sweep as the command line asks for it.
--- given: { steps =, seeds =, set =, only = globs }; what is nil or empty is as in `before`, the plan that is there.
--- -> the plan, which holds what was asked for before as well; the runs that are asked for now, each with its `config`;
---    the sweep
function plan.make(path, given, before)
  local set, only = given.set or {}, given.only or {}
  if before and #set == 0 then set = before.set end
  if before and #only == 0 then only = before.only end
  local steps = given.steps or before and before.steps
  local made = plan.load(path)
  local now = given.seeds or before and #before.seeds or #made.seeds
  local resolved = made:resolve { steps = steps, set = set, seeds = math.max(now, before and #before.seeds or 0) }
  check_globs(resolved, only)
  local all = plan.all_globs(before and before.only, only)
  choose(resolved, all)
  local name = made.name ~= "" and made.name or path:match("([^/]+)$"):gsub("%.lua$", "")
  local about = { format = FORMAT, name = name, script = path, folder = lfs.currentdir(), steps = steps, set = set,
                  only = all, axes = resolved.axes, seeds = resolved.seeds, last = made.last, cells = resolved.cells,
                  runs = for_file(resolved.runs), published = #made.published > 0 and made.published or nil }
  return about, wanted(resolved, only, now), made
end

--- Writes the plan, whole or not at all.
function plan.write(dir, about)
  records.make_folder(dir .. "/runs")
  records.make_folder(dir .. "/logs")
  core.process.write_file(plan.file(dir), json.encode(about, "  ") .. "\n")
end

--- The plan's run of this name.
function plan.run(about, name)
  for _, run in ipairs(about.runs) do
    if run.name == name then return run end
  end
  error(("%s is no run of this sweep"):format(tostring(name)), 0)
end

return plan
