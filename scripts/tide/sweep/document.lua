--- What the tables of a sweep's results say, before it is written in one language or another (sweep/tables.lua):
---   { title =, blocks = { { text = "..." } or { caption =, head = { words }, left = columns set to the left,
---     rows = { { cell, ... }, ... } }, ... } }     cell: a text, or lines { "4224 ± 256", "3 × 50k", bold = true }
local progress = require "tide.progress"

local document = {}

-- ---- words ----

--- 50000 is "50k", 1000000 "1M", 12345 "12.3k".
local function steps_word(n)
  local unit, word = 1, ""
  if n >= 1000000 then unit, word = 1000000, "M" elseif n >= 1000 then unit, word = 1000, "k" end
  return (("%.1f"):format(n / unit):gsub("%.0$", "")) .. word
end

local function number(x, decimals)
  if x ~= x then return "nan" end -- C may write -nan
  return (("%." .. decimals .. "f"):format(x):gsub("^%-(0%.?0*)$", "%1"))
end

local function with_std(figures, decimals, mark)
  local text = number(figures.mean, decimals)
  if figures.std then text = ("%s ± %s"):format(text, number(figures.std, decimals)) end
  return text .. (mark or "")
end

local function interval(figures, decimals)
  if not figures.low then return "" end
  return ("[%s, %s]"):format(number(figures.low, decimals), number(figures.high, decimals))
end

--- So many decimals that returns of this size have four digits or so.
local function decimals_for(found)
  local greatest = 0
  for _, cell in ipairs(found.cells) do
    for _, field in ipairs { "final", "best" } do
      local mean = cell[field] and math.abs(cell[field].mean) or 0
      if mean < math.huge then greatest = math.max(greatest, mean) end
    end
  end
  if greatest >= 1000 or greatest == 0 then return 0 end
  return greatest >= 10 and 1 or 3
end

--- Updates of some runs -> "2 at 12k of 50k", "3 at 10k to 30k of 50k"
local function reached(updates, steps, word)
  local least, most = math.min(table.unpack(updates)), math.max(table.unpack(updates))
  local range = least == most and steps_word(least) or ("%s to %s"):format(steps_word(least), steps_word(most))
  return ("%d %sat %s of %s"):format(#updates, word, range, steps_word(steps))
end

--- What runs there are: "3 × 50k", "2 × 50k, 1 at 12k of 50k, 1 failed at 3k of 50k", "no run".
function document.runs(cell)
  local done, order, open, failed, words = {}, {}, {}, {}, {}
  for _, run in ipairs(cell.runs) do
    if run.state == "done" then
      if not done[run.updates] then order[#order + 1], done[run.updates] = run.updates, 0 end
      done[run.updates] = done[run.updates] + 1
    elseif run.state == "failed" then
      failed[#failed + 1] = run.updates
    elseif run.state ~= "waiting" then
      open[#open + 1] = run.updates
    end
  end
  for _, updates in ipairs(order) do
    words[#words + 1] = ("%d × %s"):format(done[updates], steps_word(updates))
  end
  if #open > 0 then words[#words + 1] = reached(open, cell.steps, "") end
  if #failed > 0 then words[#words + 1] = reached(failed, cell.steps, "failed ") end
  return #words > 0 and table.concat(words, ", ") or "no run"
end

-- ---- the document ----

local function cell_lines(cell, decimals)
  if not cell then return "" end
  local runs = document.runs(cell)
  if runs == "no run" then return runs end
  if not cell.final then return { "not evaluated", runs } end
  return { with_std(cell.final, decimals, cell.unfinished and " †"), runs }
end

--- The greatest final mean of a row's finished cells is set in bold, where there are two to compare; equal ones all.
local function mark_best(row_cells, lines)
  local best, n = -math.huge, 0
  for _, cell in pairs(row_cells) do
    if cell.final and not cell.unfinished then
      n = n + 1
      if cell.final.mean > best then best = cell.final.mean end
    end
  end
  for label, cell in pairs(row_cells) do
    if n > 1 and cell.final and not cell.unfinished and cell.final.mean == best then lines[label].bold = true end
  end
end

--- Sources that published something of a label's cells.
local function sources_of(found, axis, label)
  local list = {}
  for i in ipairs(found.published or {}) do
    local some = false
    for _, cell in ipairs(found.cells) do
      for _, figures in ipairs(cell.labels[axis] == label and cell.published or {}) do
        some = some or figures.source == i
      end
    end
    if some then list[#list + 1] = i end
  end
  return list
end

function document.published(cell, source)
  for _, figures in ipairs(cell and cell.published or {}) do
    if figures.source == source then return figures end
  end
end

--- The rows of the grid: what cells share but for the last axis -> { parts, cells = { [label] = cell } }
local function grid_rows(found)
  local axes, rows, by_key = found.axes, {}, {}
  for _, cell in ipairs(found.cells) do
    local parts = {}
    for i = 1, #axes - 1 do parts[i] = cell.labels[axes[i].name] end
    local key = table.concat(parts, "/")
    if not by_key[key] then
      by_key[key] = { parts = parts, cells = {} }
      rows[#rows + 1] = by_key[key]
    end
    by_key[key].cells[cell.labels[axes[#axes].name]] = cell
  end
  return rows
end

--- Axes but the last one down, the last one across, as the paper's table; nil where there is one axis alone.
local function grid(found, decimals)
  local axes = found.axes
  if #axes < 2 then return nil end
  local axis = axes[#axes].name
  local block = { caption = "Final return", left = #axes - 1, head = {}, rows = {} }
  for i = 1, #axes - 1 do block.head[i] = axes[i].name end
  local columns = {} -- labels, and sources of figures beside them
  local rows = grid_rows(found)
  for _, label in ipairs(axes[#axes].labels) do
    local there = false
    for _, row in ipairs(rows) do there = there or row.cells[label] ~= nil end
    if there then
      columns[#columns + 1] = { label = label }
      block.head[#block.head + 1] = label
      for _, source in ipairs(sources_of(found, axis, label)) do
        columns[#columns + 1] = { label = label, source = source }
        block.head[#block.head + 1] = ("%s [%d]"):format(label, source)
      end
    end
  end
  for i, row in ipairs(rows) do
    local line, lines = table.move(row.parts, 1, #row.parts, 1, {}), {}
    for _, column in ipairs(columns) do
      local cell = row.cells[column.label]
      if column.source then
        local figures = document.published(cell, column.source)
        line[#line + 1] = figures and with_std(figures, decimals) or ""
      else
        lines[column.label] = cell_lines(cell, decimals)
        line[#line + 1] = lines[column.label]
      end
    end
    mark_best(row.cells, lines)
    block.rows[i] = line
  end
  return block
end

--- Every cell a line.
local function cell_list(found, decimals)
  local block = { caption = "Cells", left = 1, head = { "cell", "final", "best", "score", "runs" }, rows = {} }
  local axis = found.axes[#found.axes].name
  local sources = {}
  for i in ipairs(found.published or {}) do
    sources[i] = #found.axes == 1
    if sources[i] then table.insert(block.head, 4 + i, ("[%d]"):format(i)) end
  end
  for i, cell in ipairs(found.cells) do
    local mark = cell.unfinished and " †"
    local line = { #found.axes == 1 and cell.labels[axis] or cell.name,
                   cell.final and with_std(cell.final, decimals, mark) or "",
                   cell.best and with_std(cell.best, decimals, mark) or "",
                   cell.score and with_std(cell.score, 1, mark) or "" }
    for source, wanted in ipairs(sources) do
      local figures = wanted and document.published(cell, source)
      if wanted then line[#line + 1] = figures and with_std(figures, decimals) or "" end
    end
    line[#line + 1] = document.runs(cell)
    block.rows[i] = line
  end
  return block
end

local function over_cells(found, decimals)
  local about = found.over_cells
  local measured, rows, compared = about.measure == "score" and 1 or decimals, {}, false
  for _, column in ipairs(about.columns) do compared = compared or column.improvement ~= nil end
  local level = ("%.0f %%"):format(about.level * 100)
  local head = { about.axis, "cells", "interquartile mean", level }
  if compared then
    head[#head + 1], head[#head + 2] = ("P(%s better)"):format(about.of), level
  end
  for _, column in ipairs(about.columns) do
    local row = { column.label, ("%d"):format(column.cells), "", "" }
    if column.iqm then row[3], row[4] = number(column.iqm.value, measured), interval(column.iqm, measured) end
    local better = column.improvement
    if compared then
      row[5], row[6] = better and number(better.value, 2) or "", better and interval(better, 2) or ""
    end
    rows[#rows + 1] = row
  end
  return { caption = "Over cells", left = 1, head = head, rows = rows }
end

--- How many evaluations a run's final return is the mean of: "last 10 evaluations", "last 10 evaluations, or all where
--- there are fewer (5)".
local function last_text(found)
  local least, most
  for _, cell in ipairs(found.cells) do
    for _, run in ipairs(cell.runs) do
      if run.evaluations > 0 and run.evaluations < found.last then
        least, most = math.min(least or run.evaluations, run.evaluations), math.max(most or 0, run.evaluations)
      end
    end
  end
  local text = ("the mean of a run's last %d evaluations"):format(found.last)
  if not least then return text end
  local range = least == most and ("%d"):format(least) or ("%d to %d"):format(least, most)
  return ("%s, of all where there were fewer (%s)"):format(text, range)
end

local function any(found, f)
  for _, cell in ipairs(found.cells) do
    if f(cell) then return true end
  end
  return false
end

local function notes(found)
  local about, list = found.over_cells, {}
  list[1] = ("Final return: %s; mean ± standard deviation over seeds. Best: a run's best evaluation. Score: the final "
    .. "return, normalised. Runs: seeds × updates."):format(last_text(found))
  if any(found, function(cell) return cell.unfinished end) then
    list[#list + 1] = "†: no run of the cell is done; the figures are of what its runs have reached."
  end
  list[#list + 1] = ("Over cells: %s of the runs that are done; intervals by the stratified bootstrap (%s replicates, "
    .. "seeds drawn within cells; none where a cell has one seed).%s"):format(
    about.measure == "score" and "normalised scores" or "returns", progress.grouped(about.replicates),
    about.of and (" P: that a run of %s beats one of the other in the same cell."):format(about.of) or "")
  for i, one in ipairs(found.published or {}) do
    list[#list + 1] = ("[%d] %s%s; mean ± standard deviation as published."):format(i, one.source,
      one.steps and (", %s updates"):format(steps_word(one.steps)) or "")
  end
  if found.set then list[#list + 1] = "With --set " .. table.concat(found.set, " --set ") .. "." end
  return list
end

--- Of results.of().
function document.of(found)
  local decimals = decimals_for(found)
  local blocks = {}
  blocks[1] = grid(found, decimals)
  blocks[#blocks + 1] = over_cells(found, decimals)
  blocks[#blocks + 1] = cell_list(found, decimals)
  for _, note in ipairs(notes(found)) do blocks[#blocks + 1] = { text = note } end
  return { title = found.name, blocks = blocks }
end

return document
