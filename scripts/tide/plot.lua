--- Learning curves as pictures, drawn by gnuplot: one line a group of runs, a band over its seeds.
--- Lines differ in dash and point as well as in colour, so that they can be told apart in grey. Other figures draw
--- with gnuplot's own commands in the same look.
local curves = require "tide.curves"
local gnuplot = require "tide.plot.gnuplot"
local lines = require "tide.plot.lines"

local number, quote = gnuplot.number, gnuplot.quote

local plot = { runs = curves.runs, group = curves.group, check_path = gnuplot.check_path,
               style_of = gnuplot.style_of, panels = require("tide.plot.panels").draw }

local defaults = {
  metric = "eval/return",
  title = nil,
  x_label = nil,        -- "Training steps"
  y_label = nil,        -- from the metric
  band = "range",       -- over seeds: "range" (least to greatest), "std", "interval" (95 %, of the mean) or "none"
  labels = nil,         -- the groups' names, in their order
  lines = nil,          -- level lines: { { value = 4770, label = "dataset's mean" }, ... }
  width = 800,          -- of the picture, in points; a PNG has twice as many pixels
  height = 500,
}

local bands = { range = true, std = true, interval = true, none = true }

local optional = { title = true, x_label = true, y_label = true, labels = true, lines = true }

local y_labels = {
  ["eval/return"] = "Return in the real environment",
  ["eval/score"] = "Normalised score",
}

--- What the axis of a metric says.
function plot.y_label(metric)
  return y_labels[metric] or metric
end

-- ---- layout, in points of the picture ----

local glyph = 7.2        -- the width of a letter, about
local row_height = 17    -- least distance of two names beside the curves
local left, bottom = 88, 74

--- Where the names stand beside the curves' ends: as near as can be to `wanted` (heights within 0 .. room,
--- rising), no two closer than row_height.
local function spread(wanted, room)
  local placed = table.move(wanted, 1, #wanted, 1, {})
  for _ = 1, 200 do
    local moved = false
    for i = 2, #placed do
      local lack = row_height - (placed[i] - placed[i - 1])
      if lack > 0.01 then
        placed[i - 1], placed[i], moved = placed[i - 1] - lack / 2, placed[i] + lack / 2, true
      end
    end
    if #placed > 0 then
      placed[1] = math.max(0, placed[1])
      placed[#placed] = math.min(room, placed[#placed])
    end
    if not moved then break end
  end
  return placed
end

--- The last finite mean of a curve, or the middle of the picture.
local function last_height(curve, area)
  for i = #curve.mean, 1, -1 do
    local y = curve.mean[i]
    if y == y and math.abs(y) < math.huge then return y end
  end
  return (area.low + area.high) / 2
end

-- ---- the script ----

--- Names beside the curves' ends, each with its curve's point. Returns commands and the margin's width.
local function name_labels(items, area, top, options, font)
  local wanted, longest, room = {}, 0, options.height - top - bottom
  local order = table.move(items, 1, #items, 1, {})
  for i, item in ipairs(order) do
    item.height = (last_height(item.curve, area) - area.low) / (area.high - area.low) * room
    item.place = i
    longest = math.max(longest, utf8.len(item.name) or #item.name)
  end
  table.sort(order, function(a, b)
    if a.height ~= b.height then return a.height < b.height end
    return a.place > b.place
  end)
  for i, item in ipairs(order) do wanted[i] = item.height end
  local margin = math.min(longest * glyph + 40, options.width * 0.45)
  local out, width = {}, options.width - left - margin
  for i, height in ipairs(spread(wanted, room)) do
    local style = order[i].style
    local point = style.point and ("point lt 1 lc rgb '%s' pt %d ps 0.8"):format(style.colour, style.point) or ""
    local place = ("graph %.4f, graph %.4f"):format(1 + 12 / width, height / room)
    out[i] = ("set label %s at %s left noenhanced offset character %s font ',%d' tc rgb '#222222' %s")
      :format(quote(order[i].name), place, style.point and "0.6,-0.15" or "0.95,0", font, point)
  end
  return out, margin
end

--- The script that draws `items`, a sequence of { curve, name, style [, group] }, into the file `path`.
local function script(items, path, options)
  local font = path:find("%.svg$") and 12 or 21
  local title = options.title or #items == 1 and items[1].name or nil
  local top = title and 44 or 18
  local area = lines.extent(items)
  local x_unit, x_word = gnuplot.step_unit(math.max(math.abs(area.left), math.abs(area.right)))
  local y_unit, y_word = gnuplot.value_unit(math.max(math.abs(area.low), math.abs(area.high)))
  local labels, margin = {}, 24
  if #items > 1 then labels, margin = name_labels(items, area, top, options, font) end
  local x_label = (options.x_label or "Training steps") .. x_word
  local y_label = (options.y_label or plot.y_label(options.metric) or "") .. y_word
  local out = gnuplot.look(path, options)
  for _, line in ipairs {
    "set key off",
    "set xlabel " .. quote(x_label) .. " noenhanced tc rgb '#222222'",
    "set ylabel " .. quote(y_label) .. " noenhanced tc rgb '#222222'",
    ("set lmargin at screen %.4f"):format(left / options.width),
    ("set rmargin at screen %.4f"):format(1 - margin / options.width),
    ("set tmargin at screen %.4f"):format(1 - top / options.height),
    ("set bmargin at screen %.4f"):format(bottom / options.height),
    ("set xrange [%s:%s]"):format(number(area.left / x_unit), number(area.right / x_unit)),
    ("set yrange [%s:%s]"):format(number(area.low / y_unit), number(area.high / y_unit)),
  } do
    out[#out + 1] = line
  end
  local note = options.note or lines.footnote(items, options.band)
  gnuplot.captions(out, { title = title, note = note }, options, left, font)
  table.move(labels, 1, #labels, #out + 1, out)
  for i, item in ipairs(items) do out[#out + 1] = lines.block("curve" .. i, item.curve, x_unit, y_unit) end
  out[#out + 1] = lines.drawings(items, options.band, "curve") .. lines.crosses(items, x_unit, y_unit)
  out[#out + 1] = "unset output"
  return table.concat(out, "\n") .. "\n"
end

-- ---- options ----

local function check_options(given)
  local options = {}
  for key, value in pairs(defaults) do options[key] = value end
  for key, value in pairs(given or {}) do
    if defaults[key] == nil and not optional[key] then
      error(("plot.curves: unknown option %q"):format(tostring(key)), 3)
    end
    options[key] = value
  end
  if not bands[options.band] then
    error(("plot.curves: band %q; \"range\", \"std\", \"interval\" or \"none\""):format(tostring(options.band)), 3)
  end
  gnuplot.check_size(options, "plot.curves")
  return options
end

--- Refuses a metric that none of the runs has: nothing is `drawn`.
function plot.check_metric(drawn, runs, metric)
  if #drawn > 0 then return end
  local tags = curves.tags(runs)
  if #tags == 0 then error("plot: these runs have logged nothing yet", 0) end
  error(("plot: no run has the metric %q; there are %s"):format(metric, table.concat(tags, ", ")), 0)
end

--- Adds numbers of seeds to the names where they differ, and the level lines to what is drawn.
local function name_items(items, options)
  local _, uneven = lines.footnote(items, options.band)
  for _, item in ipairs(items) do
    local n = item.curve.n
    if uneven then item.name = ("%s (%d %s)"):format(item.name, n, n == 1 and "seed" or "seeds") end
  end
  local area = lines.extent(items)
  for _, line in ipairs(options.lines or {}) do
    if type(line) ~= "table" or type(line.value) ~= "number" or type(line.label) ~= "string" then
      error("plot.curves: lines are tables of a value and a label", 0)
    end
    local level = { line.value, line.value }
    local curve = { x = { area.left, area.right }, mean = level, low = level, high = level, n = 1 }
    items[#items + 1] = { curve = curve, name = line.label, style = gnuplot.level_style }
  end
end

--- Draws `runs` (folders, or what plot.runs returns, or groups { { label, runs }, ... }) into `path`, a .png or .svg
--- file that appears whole.
--- options: see `defaults`. Returns remarks, a sequence of strings: seeds that end early, damaged lines.
function plot.curves(runs, path, options)
  options = check_options(options)
  gnuplot.check_path(path)
  if #runs == 0 then error("plot: no runs are given", 0) end
  if type(runs[1]) == "string" then runs = curves.runs(runs) end
  local given_groups = runs[1].runs and runs
  if given_groups then
    runs = {}
    for _, group in ipairs(given_groups) do table.move(group.runs, 1, #group.runs, #runs + 1, runs) end
  end
  local drawn, remarks = {}, {}
  for _, run in ipairs(runs) do
    if (run.damaged or 0) > 0 then
      remarks[#remarks + 1] = ("%s: %d damaged lines left out"):format(run.dir, run.damaged)
    end
  end
  for i, group in ipairs(given_groups or curves.group(runs)) do
    group.label = options.labels and options.labels[i] or group.label
    local curve = curves.average(group, options.metric, options.band)
    if curve and #curve.x > 0 then
      drawn[#drawn + 1] = { group = group, curve = curve, name = group.label, style = gnuplot.style_of(#drawn + 1) }
    end
    if not curve then remarks[#remarks + 1] = ("%s has no %s"):format(group.label, options.metric) end
    for _, dir in ipairs(curve and curve.short or {}) do
      remarks[#remarks + 1] = ("%s ends early; the mean of %s stops there"):format(dir, group.label)
    end
  end
  plot.check_metric(drawn, runs, options.metric)
  name_items(drawn, options)
  gnuplot.draw_whole(path, function(temporary) return script(drawn, temporary, options) end)
  return remarks
end

--- Draws curves of whatever kind into `path` as plot.curves does those of runs.
--- items: { { curve = { x, mean, low, high, n [, falls] }, name, style }, ... }
--- given: { x_label, y_label, title, band, note = in small letters under the picture }
function plot.items(items, path, given)
  local known = { x_label = false, y_label = false, title = false, note = false, band = "range" }
  local options = gnuplot.options(known, given, "plot.items")
  options.width, options.height = defaults.width, defaults.height
  gnuplot.check_path(path)
  if #items == 0 then error("plot.items: there is no curve", 0) end
  gnuplot.draw_whole(path, function(temporary) return script(items, temporary, options) end)
end

--- Draws gnuplot's own `commands`, a text, into `path`, a .png or .svg file that appears whole. The picture's kind, its
--- font and the look of its axes are set before them; size: { width, height } in points, 800 and 500 where not given.
function plot.draw(commands, path, size)
  local options = { width = size and size[1] or defaults.width, height = size and size[2] or defaults.height }
  gnuplot.check_size(options, "plot.draw")
  gnuplot.check_path(path)
  gnuplot.draw_whole(path, function(temporary)
    return table.concat(gnuplot.look(temporary, options), "\n") .. "\n" .. commands .. "\nunset output\n"
  end)
end

return plot
