--- The runs that a report is about, read with forbearance: a run that is unfinished, failed or damaged is told of.
local curves = require "tide.curves"
local json = require "tide.json"
local lfs = require "lfs"
local options = require "tide.options"
local plan = require "tide.sweep.plan"
local state = require "tide.sweep.state"
local sweep = require "tide.sweep"

local runs = {}

local run_files = { "run.json", "metrics.jsonl", "config.json" }

local function is_run(dir)
  for _, name in ipairs(run_files) do
    if lfs.attributes(dir .. "/" .. name, "mode") == "file" then return true end
  end
  return false
end

--- The object in a file; {} where there is none. What is wrong with it is added to `remarks`.
local function object(path, remarks)
  if not lfs.attributes(path, "mode") then return {} end
  local value, problem = json.read(path)
  if type(value) == "table" then return value end
  remarks[#remarks + 1] = problem or path .. ": not an object"
  return {}
end

--- The run in `dir`: { dir, name, seed, state, updates, steps, seconds, last_return, score, problem, record = run.json,
--- config (nil without one), rows, remarks }
function runs.read(dir)
  local run = state.of(dir)
  run.dir, run.name, run.remarks = dir, dir:match "[^/]+$", {}
  run.record = object(dir .. "/run.json", run.remarks)
  local config = object(dir .. "/config.json", run.remarks)
  run.config = next(config) and config or nil
  local rows, damaged = curves.rows(dir .. "/metrics.jsonl")
  run.rows = rows or {}
  if rows and damaged > 0 then
    run.remarks[1 + #run.remarks] = ("%s/metrics.jsonl: %d damaged %s left out"):format(dir, damaged,
      damaged == 1 and "line" or "lines")
  end
  if run.state == "waiting" and is_run(dir) then
    run.state = "unknown" -- there is no run.json that would tell
    local last = run.rows[#run.rows]
    run.updates = last and math.tointeger(last.step) or 0
  end
  run.seed = math.tointeger(config.seed)
  run.steps = math.tointeger(config.steps)
  return run
end

local function matches_any(globs, name)
  if #globs == 0 then return true end
  for _, glob in ipairs(globs) do
    if sweep.matches(glob, name) then return true end
  end
  return false
end

--- The runs in `path`: itself, or the folders in it, by name.
local function in_folder(path)
  if is_run(path) then return { runs.read(path) } end
  local names, found = {}, {}
  for name in lfs.dir(path) do
    if name ~= "." and name ~= ".." and is_run(path .. "/" .. name) then names[#names + 1] = name end
  end
  if #names == 0 then
    error(("%s is no run, no sweep, and no folder of runs: it holds no sweep.json, run.json or metrics.jsonl, nor do "
      .. "the folders in it"):format(path), 0)
  end
  table.sort(names)
  for i, name in ipairs(names) do found[i] = runs.read((path == "/" and "" or path) .. "/" .. name) end
  return found
end

--- A sweep's folder: its plan, its runs in their order and its cells as groups.
local function of_sweep(dir, globs)
  local about, by_name = plan.read(dir), {}
  local source = { name = about.name, dir = dir, plan = about, only = globs, runs = {}, groups = {} }
  for _, run in ipairs(about.runs) do by_name[run.name] = run end
  for _, cell in ipairs(about.cells) do
    local wanted = cell.chosen and #globs == 0 or #globs > 0 and matches_any(globs, cell.name)
    local group = { label = cell.name, runs = {} }
    for i, item in ipairs(wanted and cell.runs or {}) do
      local planned = by_name[item.run]
      if not planned.known then
        planned.known = runs.read(plan.run_folder(dir, planned.name))
        planned.known.seed, planned.known.steps = planned.seed, planned.steps
        table.insert(source.runs, planned.known)
      end
      group.runs[i] = planned.known
    end
    if wanted then table.insert(source.groups, group) end
  end
  if #source.groups == 0 then
    local names = {}
    for i, cell in ipairs(about.cells) do names[i] = cell.name end
    error(("--only '%s' matches no cell of %s; there are: %s"):format(table.concat(globs, "', '"), dir,
      table.concat(names, ", ", 1, math.min(8, #names)) .. (#names > 8 and ", ..." or "")), 0)
  end
  return source
end

--- Runs of no sweep. A plan is made for them, of one axis: what differs but for the seed is a cell.
local function of_runs(list, globs)
  local kept, names = {}, {}
  for i, run in ipairs(list) do
    names[i] = run.name
    if matches_any(globs, run.name) then kept[#kept + 1] = run end
  end
  if #kept == 0 then error(options.unknown("--only", table.concat(globs, "', '"), names), 0) end
  local groups, labels = curves.group(kept), {}
  local about = { axes = { { name = "experiment", labels = labels } }, cells = {}, runs = {}, set = {} }
  for i, group in ipairs(groups) do
    local cell = { name = group.label, labels = { experiment = group.label }, chosen = true, runs = {} }
    for k, run in ipairs(group.runs) do
      run.steps = run.steps or run.updates
      about.runs[#about.runs + 1] = { name = run.dir, seed = run.seed, steps = run.steps, known = run }
      cell.runs[k] = { seed = run.seed, run = run.dir }
    end
    about.cells[i], labels[i] = cell, group.label
  end
  return { dir = "", runs = kept, groups = groups, plan = about }
end

local function folder_name(path)
  local full = path:sub(1, 1) == "/" and path or lfs.currentdir() .. "/" .. path:gsub("^%./", "")
  full = full:gsub("/%.$", "")
  return full:match "([^/]+)/*$" or path
end

--- What is in folders: { { name, plan, runs, groups = { { label, runs } } }, ... }; each sweep by itself, all other
--- runs together. globs: of the cells, or of the runs' names where there is no sweep
function runs.sources(paths, globs)
  local sources, others, seen = {}, {}, {}
  for _, path in ipairs(paths) do
    path = #path > 1 and path:gsub("/+$", "") or path
    local mode = lfs.attributes(path, "mode")
    if mode ~= "directory" then
      error(mode and path .. " is not a folder" or path .. ": there is no such folder", 0)
    end
    if plan.exists(path) then
      sources[#sources + 1] = of_sweep(path, globs)
    else
      others.name = others.name or folder_name(path)
      for _, run in ipairs(in_folder(path)) do
        local about = lfs.attributes(run.dir)
        local key = about.dev .. ":" .. about.ino
        if not seen[key] then others[#others + 1] = run end
        seen[key] = true
      end
    end
  end
  if #others > 0 then
    sources[#sources + 1] = of_runs(others, globs)
    sources[#sources].name = others.name
  end
  if #sources > 1 then
    for _, source in ipairs(sources) do
      for _, group in ipairs(source.groups) do group.label = source.name .. ": " .. group.label end
    end
  end
  return sources
end

return runs
