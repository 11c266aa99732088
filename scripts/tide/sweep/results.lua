--- What came out of a sweep, from its files: the returns of every cell's runs, and what statistics says over cells.
--- Nothing in it depends on the clock, the folder or the order of work: equal sweeps have equal results.
local curves = require "tide.curves"
local lfs = require "lfs"
local options = require "tide.options"
local plan = require "tide.sweep.plan"
local state = require "tide.sweep.state"
local statistics = require "tide.statistics"
local sweep = require "tide.sweep"

local results = {}

local FORMAT, SEED, LAST = 1, 0, 10

-- ---- one run ----

--- The evaluations of a run after the one before its first update (that one alone where there is no other).
--- -> returns, scores, one an evaluation; scores is nil where an evaluation has none
local function evaluations(folder, known)
  if not known and lfs.attributes(folder .. "/metrics.jsonl", "mode") ~= "file" then return {}, nil end
  local run = known or curves.read(folder)
  local found, score = curves.values(run, "eval/return"), curves.values(run, "eval/score")
  local returns, scores, at = {}, {}, {}
  for i, step in ipairs(score.x) do at[step] = score.y[i] end
  for i, step in ipairs(found.x) do
    if step > 0 or #found.x == 1 then
      returns[#returns + 1], scores[#scores + 1] = found.y[i], at[step]
    end
  end
  return returns, #scores == #returns and #scores > 0 and scores or nil
end

local function mean_of_last(values, n)
  return statistics.mean(table.move(values, math.max(1, #values - n + 1), #values, 1, {}))
end

local function greatest(values)
  local best = values[1]
  for _, x in ipairs(values) do
    if x > best or best ~= best then best = x end
  end
  return best
end

--- -> { seed, state, updates, steps, evaluations, final, best, score }; the last three where it was evaluated
local function result_of(dir, run, last)
  local folder = plan.run_folder(dir, run.name)
  local about = run.known or state.of(folder)
  local one = { seed = run.seed, state = about.state, updates = about.updates, steps = run.steps, evaluations = 0 }
  if about.state == "waiting" then return one end
  local returns, scores = evaluations(folder, run.known)
  one.evaluations = #returns
  if #returns > 0 then
    one.final, one.best = mean_of_last(returns, last), greatest(returns)
    one.score = scores and mean_of_last(scores, last)
  end
  return one
end

-- ---- a cell ----

local function summary(runs, field)
  local values = {}
  for _, run in ipairs(runs) do values[#values + 1] = run[field] end
  if #values == 0 or #values < #runs then return nil end
  return { mean = statistics.mean(values), std = statistics.std(values) }
end

--- The figures of a cell are of its runs that are done; where none is, of those that have got somewhere.
local function add_figures(cell)
  local done, begun = {}, {}
  for _, run in ipairs(cell.runs) do
    if run.final and run.state == "done" then done[#done + 1] = run end
    if run.final then begun[#begun + 1] = run end
  end
  local used = #done > 0 and done or begun
  cell.seeds, cell.done = #used, #done
  cell.unfinished = #done == 0 and #begun > 0
  for _, field in ipairs { "final", "best", "score" } do cell[field] = summary(used, field) end
end

local function published_of(about, name)
  local list = {}
  for i, one in ipairs(about.published or {}) do
    for _, figures in ipairs(one.cells) do
      if figures.cell == name then list[#list + 1] = { source = i, mean = figures.mean, std = figures.std } end
    end
  end
  return #list > 0 and list or nil
end

local function chosen_cells(about, globs)
  if #globs == 0 then return about.cells end
  local cells, names = {}, {}
  for i, cell in ipairs(about.cells) do
    names[i] = cell.name
    for _, glob in ipairs(globs) do
      if sweep.matches(glob, cell.name) then
        cells[#cells + 1] = cell
        break
      end
    end
  end
  if #cells == 0 then
    error(("--only '%s' matches no cell; there are: %s"):format(table.concat(globs, "', '"), table.concat(names, ", ",
      1, math.min(8, #names)) .. (#names > 8 and ", ..." or "")), 0)
  end
  return cells
end

-- ---- over cells ----

local function labels_of(about, axis)
  for _, one in ipairs(about.axes) do
    if one.name == axis then return one.labels end
  end
end

local function contains(list, value)
  for _, one in ipairs(list) do
    if one == value then return true end
  end
  return false
end

--- The values of a cell's runs that are done; one and the same list for cells with the same runs. What is no number
--- counts as less than any.
local function stratum_of(cell, measure, strata)
  if cell.done == 0 then return nil end
  local key = table.concat(cell.run_names, " ")
  if strata[key] then return strata[key] end
  local values = {}
  for _, run in ipairs(cell.runs) do
    local value = run.state == "done" and run[measure]
    if value then values[#values + 1] = value == value and value or -math.huge end
  end
  strata[key] = values
  return values
end

--- Scores where every run that is done has one, returns otherwise.
local function measure_for(cells)
  for _, cell in ipairs(cells) do
    for _, run in ipairs(cell.runs) do
      if run.state == "done" and run.final and not run.score then return "final" end
    end
  end
  return "score"
end

--- Label of the last axis -> { [the rest of the cell's name] = its stratum }
local function by_column(found, axis, measure)
  local columns, strata = {}, {}
  for _, cell in ipairs(found.cells) do
    local label = cell.labels[axis]
    columns[label] = columns[label] or {}
    columns[label][cell.row] = stratum_of(cell, measure, strata)
  end
  return columns
end

local function strata_in_order(found, column, other)
  local list, seen = {}, {}
  for _, cell in ipairs(found.cells) do
    local row = cell.row
    if column[row] and (not other or other[row]) and not seen[row] then
      list[#list + 1], seen[row] = other and { column[row], other[row] } or column[row], true
    end
  end
  return list
end

local function add_aggregates(found, about, of)
  local axis = about.axes[#about.axes].name
  local labels, measure = labels_of(about, axis), measure_for(found.cells)
  if of and not contains(labels, of) then error(options.unknown("--of", of, labels), 0) end
  of = of or (contains(labels, "h2o") and "h2o")
  local columns, list = by_column(found, axis, measure), {}
  for _, label in ipairs(labels) do
    local strata = columns[label] and strata_in_order(found, columns[label]) or {}
    local pairs_ = of and label ~= of and columns[label] and columns[of]
                   and strata_in_order(found, columns[of], columns[label]) or {}
    local one = { label = label, cells = #strata }
    if #strata > 0 then
      local value, low, high = statistics.stratified_iqm(strata, { seed = SEED })
      one.iqm = { value = value, low = low, high = high }
    end
    if #pairs_ > 0 then
      local value, low, high = statistics.stratified_improvement(pairs_, { seed = SEED })
      one.improvement = { value = value, low = low, high = high, cells = #pairs_ }
    end
    if columns[label] then list[#list + 1] = one end
  end
  found.over_cells = { axis = axis, measure = measure == "final" and "return" or "score", of = of or nil,
    replicates = statistics.REPLICATES, seed = SEED, level = statistics.LEVEL, columns = list }
end

-- ---- all ----

--- A run of the plan that was read already has it as `known`: { state, updates, rows }.
--- of(dir, plan, { last = evaluations that the final return is the mean of, the plan's otherwise, of = label of the
---    last axis whose improvement over the others is told, only = globs of cells })
--- -> { name, axes, last, set, published, over_cells, cells = { { name, labels, steps, planned, seeds = that the
---      figures are of, done, unfinished, final, best, score = { mean, std }, published, runs = { { seed, state,
---      updates, steps, evaluations, final, best, score }, ... } }, ... } }
function results.of(dir, about, given)
  given = given or {}
  local last, by_name, cache = given.last or about.last or LAST, {}, {}
  for _, run in ipairs(about.runs) do by_name[run.name] = run end
  local found = { format = FORMAT, name = about.name, axes = about.axes, last = last, cells = {} }
  for i, cell in ipairs(chosen_cells(about, given.only or {})) do
    local one = { name = cell.name, labels = cell.labels, planned = #cell.runs, runs = {}, run_names = {},
                  published = published_of(about, cell.name) }
    one.row = #about.axes > 1 and cell.name:sub(1, -#cell.labels[about.axes[#about.axes].name] - 2) or ""
    for k, item in ipairs(cell.runs) do
      cache[item.run] = cache[item.run] or result_of(dir, by_name[item.run], last)
      one.runs[k], one.run_names[k] = cache[item.run], item.run
    end
    one.steps = one.runs[1].steps
    add_figures(one)
    found.cells[i] = one
  end
  add_aggregates(found, about, given.of)
  for _, cell in ipairs(found.cells) do cell.row, cell.run_names = nil, nil end
  if #about.set > 0 then found.set = about.set end
  for i, one in ipairs(about.published or {}) do
    found.published = found.published or {}
    found.published[i] = { source = one.source, steps = one.steps }
  end
  return found
end

return results
