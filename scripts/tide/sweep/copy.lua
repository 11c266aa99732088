--- What others need of a sweep, to read its results or to go on with it: its plan, and of each run that is done the
--- configuration, the metrics and the record. No checkpoints, no policies, nothing about the machine.
local core = require "tide.core"
local json = require "tide.json"
local lfs = require "lfs"
local plan = require "tide.sweep.plan"
local records = require "tide.records"
local state = require "tide.sweep.state"

local copy = {}

-- ---- two plans ----

local function refuse(where, text, ...)
  error(("%s: %s; another folder is needed"):format(where, text:format(...)), 0)
end

--- Both must be plans of one file of experiments: the newer one has the cells of the other, and the same run wherever
--- both have one.
local function check_alike(a, b, where)
  if a.name ~= b.name then refuse(where, "it is of the sweep %s, not %s", a.name, b.name) end
  if a.steps ~= b.steps or table.concat(a.set, "\n") ~= table.concat(b.set, "\n") then
    refuse(where, "it has other --steps or --set")
  end
  local cells, run_of = {}, {}
  for _, cell in ipairs(b.cells) do
    cells[cell.name], run_of[cell.name] = true, {}
    for _, one in ipairs(cell.runs) do run_of[cell.name][one.seed] = one.run end
  end
  for _, cell in ipairs(a.cells) do
    if not cells[cell.name] then refuse(where, "it has the cell %s", cell.name) end
  end
  for _, cell in ipairs(a.cells) do
    for _, one in ipairs(cell.runs) do
      local name = run_of[cell.name][one.seed]
      if name and name ~= one.run then
        refuse(where, "%s seed %d is another run there, %s instead of %s", cell.name, one.seed, one.run, name)
      end
    end
  end
end

--- Seed -> its place among those of both.
local function seeds_of(a, b)
  local seeds, place = {}, {}
  for _, about in ipairs { a, b } do
    for _, seed in ipairs(about.seeds) do
      if not place[seed] then seeds[#seeds + 1], place[seed] = seed, 0 end
    end
  end
  table.sort(seeds)
  for i, seed in ipairs(seeds) do place[seed] = i end
  return seeds, place
end

--- Adds what `a` has and `b` lacks; `chosen` is what either chose. Both are lists of cells or of runs, by name.
local function add(a, b)
  local by_name = {}
  for _, one in ipairs(b) do by_name[one.name] = one end
  for _, one in ipairs(a) do
    local same = by_name[one.name]
    if same then same.chosen = same.chosen or one.chosen else b[#b + 1] = one end
  end
  return by_name
end

--- The plan of what both hold together, `a` that is there and `b` the newer one. `where`: the file of `a`.
local function union(a, b, where)
  check_alike(a, b, where)
  local seeds, place = seeds_of(a, b)
  local cells = add(a.cells, b.cells)
  for _, cell in ipairs(a.cells) do
    local runs, has = cells[cell.name].runs, {}
    for _, one in ipairs(runs) do has[one.seed] = true end
    for _, one in ipairs(cell.runs) do
      if not has[one.seed] then runs[#runs + 1] = one end
    end
    table.sort(runs, function(x, y) return place[x.seed] < place[y.seed] end)
  end
  add(a.runs, b.runs)
  local order = {} -- of the cells' runs: the first seed of all cells, then the second
  for i, run in ipairs(b.runs) do order[run.name] = i end
  table.sort(b.runs, function(x, y)
    if x.seed ~= y.seed then return place[x.seed] < place[y.seed] end
    return order[x.name] < order[y.name]
  end)
  b.seeds, b.only = seeds, plan.all_globs(a.only, b.only)
  return b
end

-- ---- copying ----

--- A folder that a sweep works in is no place for a copy.
local function check_place(to)
  local runs = to .. "/runs"
  if lfs.attributes(runs, "mode") ~= "directory" then return end
  for name in lfs.dir(runs) do
    if lfs.attributes(("%s/%s/checkpoint.h5"):format(runs, name), "mode") then
      error(("export: %s holds runs with their checkpoints: it is no place for a copy"):format(to), 0)
    end
  end
end

--- Copies the sweep in `dir` into the folder `to`. Where a copy of it is there already, from another machine or of
--- earlier, what is done in either is in it afterwards; a run that it has stays as it is.
--- -> how many runs are in it, how many of them are new, how many there are in all
function copy.export(dir, to)
  local about, total, there, new = plan.read(dir), 0, 0, 0
  check_place(to)
  local own = {}
  for _, run in ipairs(about.runs) do
    own[run.name] = state.of(plan.run_folder(dir, run.name)).state == "done"
  end
  about.script, about.folder = records.without_folder(about.script, about.folder), nil
  if plan.exists(to) then about = union(plan.read(to), about, plan.file(to)) end
  for _, run in ipairs(about.runs) do
    local folder = plan.run_folder(to, run.name)
    local known = state.of(folder).state == "done"
    if own[run.name] and not known then
      records.export(plan.run_folder(dir, run.name), folder)
      new = new + 1
    end
    local has = own[run.name] or known
    there, total = there + (has and 1 or 0), total + ((has or run.chosen) and 1 or 0)
  end
  records.make_folder(to)
  core.process.write_file(plan.file(to), json.encode(about, "  ") .. "\n")
  return there, new, total
end

return copy
