--- Pictures of a sweep's folder: learning curves of its cells, a panel for each row of its table; final returns as
--- bars.
local bars = require "tide.plot.bars"
local curves = require "tide.curves"
local gnuplot = require "tide.plot.gnuplot"
local lines = require "tide.plot.lines"
local panels = require "tide.plot.panels"
local plan = require "tide.sweep.plan"
local plot = require "tide.plot"
local results = require "tide.sweep.results"
local runs = require "tide.report.runs"
local statistics = require "tide.statistics"

local sweep = {}

--- A cell's row and column: its labels but that of the last axis, and that one.
local function place_of(about, labels)
  local words = {}
  for i = 1, #about.axes - 1 do words[i] = labels[about.axes[i].name] end
  return table.concat(words, ", "), labels[about.axes[#about.axes].name]
end

--- Adds `item` to the row of that name, which is begun where there is none.
local function into_row(rows, by_name, name, item)
  local row = by_name[name]
  if not row then
    row = { name = name }
    rows[#rows + 1], by_name[name] = row, row
  end
  row[#row + 1] = item
end

--- The groups of runs of a sweep's cells, by rows, those that have begun: { { name =, { label =, runs =, index = of
--- the label }, ... }, ... }
local function rows_of(dir, globs, metric)
  local source = runs.sources({ dir }, globs)[1]
  local about, labels, index = source.plan, {}, {}
  for _, cell in ipairs(about.cells) do labels[cell.name] = cell.labels end
  for i, label in ipairs(about.axes[#about.axes].labels) do index[label] = i end
  local rows, by_name = {}, {}
  for _, group in ipairs(source.groups) do
    local row, label = place_of(about, labels[group.label])
    local begun = {}
    for _, run in ipairs(group.runs) do
      if #curves.values(run, metric).x > 0 then begun[#begun + 1] = run end
    end
    if #begun > 0 then into_row(rows, by_name, row, { label = label, runs = begun, index = index[label] }) end
  end
  return rows, source.runs, about
end

local function remarks_of(all, items)
  local remarks = {}
  for _, run in ipairs(all) do
    for _, remark in ipairs(run.remarks) do remarks[#remarks + 1] = remark end
  end
  for _, item in ipairs(items) do
    for _, folder in ipairs(item.curve.short) do
      remarks[#remarks + 1] = ("%s ends early; the mean of %s stops there"):format(folder, item.name)
    end
  end
  return remarks
end

--- Learning curves of the sweep in `dir`, a line for each label of its last axis, a panel for each combination of the
--- others.  given: { metric =, band =, title =, only = globs of cells } -> remarks
function sweep.curves(dir, path, given)
  gnuplot.check_path(path)
  local rows, all, about = rows_of(dir, given.only, given.metric)
  plot.check_metric(rows, all, given.metric)
  if #rows == 1 then -- the picture of one panel has the names beside the lines
    return plot.curves(rows[1], path, { metric = given.metric, band = given.band,
      title = given.title or rows[1].name ~= "" and rows[1].name or nil })
  end
  local list, items = {}, {}
  for i, row in ipairs(rows) do
    list[i] = { title = row.name, y_label = plot.y_label(given.metric), items = {} }
    for k, group in ipairs(row) do
      local item = { curve = curves.average(group, given.metric, given.band), group = group, name = group.label,
                     style = gnuplot.style_of(group.index) }
      list[i].items[k], items[#items + 1] = item, item
    end
  end
  local axes = about.axes
  panels.draw(list, path, { band = given.band, title = given.title, note = lines.footnote(items, given.band),
    columns = #axes > 2 and #axes[#axes - 1].labels <= 4 and #axes[#axes - 1].labels or #rows > 4 and 3 or 2,
    panel = { 270, 200 } })
  return remarks_of(all, items)
end

local function mean_of(strata) return statistics.mean(strata[1]) end

local function words_for(n, last)
  local means = n.least == n.most and (n.most == 1 and "one seed" or ("mean of %d seeds"):format(n.most))
                or "mean over seeds"
  local interval = n.most > 1 and ", 95 % interval (bootstrap), dots: single runs" or ""
  return ("Mean of a run's last %d evaluations, %s%s"):format(last, means, interval)
end

--- Final returns of the sweep in `dir` as bars, a group for each combination of all axes but the last. Only runs that
--- are done count.  given: { last = evaluations that the final return is the mean of, the sweep's otherwise, title =,
---                           only = } -> remarks
function sweep.bars(dir, path, given)
  gnuplot.check_path(path)
  local about = plan.read(dir)
  local found = results.of(dir, about, { last = given.last, only = given.only })
  local groups, by_name, remarks, kinds, used = {}, {}, {}, {}, {}
  local n = { least = math.huge, most = 0 }
  for _, cell in ipairs(found.cells) do
    local row, kind = place_of(about, cell.labels)
    local points = {}
    for _, run in ipairs(cell.runs) do
      if run.state == "done" and run.final then points[#points + 1] = run.final end
    end
    local bar = { kind = kind, points = points }
    if #points > 0 then
      n.least, n.most = math.min(n.least, #points), math.max(n.most, #points)
      bar.value = statistics.mean(points)
      bar.low, bar.high = statistics.interval({ points }, mean_of)
    else
      remarks[#remarks + 1] = ("%s: no run is done"):format(cell.name)
    end
    used[kind] = true
    into_row(groups, by_name, row, bar)
  end
  if n.most == 0 then error(("plot: no run of %s is done"):format(dir), 0) end
  for _, label in ipairs(about.axes[#about.axes].labels) do
    if used[label] then kinds[#kinds + 1] = label end
  end
  for _, group in ipairs(groups) do group.bars = group end
  bars.draw(groups, kinds, path, { y_label = "Final return in the real environment", title = given.title
    or #groups == 1 and groups[1].name ~= "" and groups[1].name or nil, note = words_for(n, found.last) })
  return remarks
end

return sweep
