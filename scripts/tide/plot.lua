--- Learning curves as pictures, drawn by gnuplot: one line a group of runs, a band over its seeds.
--- Lines differ in dash and point as well as in colour, so that they can be told apart in grey. Other figures draw
--- with gnuplot's own commands in the same look.
local core = require "tide.core"
local lfs = require "lfs"
local curves = require "tide.curves"

local plot = { runs = curves.runs, group = curves.group }

local defaults = {
  metric = "eval/return",
  title = nil,
  x_label = nil,        -- "Training steps"
  y_label = nil,        -- from the metric
  band = "range",       -- over seeds: "range" (least to greatest), "std" or "none"
  labels = nil,         -- the groups' names, in their order
  lines = nil,          -- level lines: { { value = 4770, label = "dataset's mean" }, ... }
  width = 800,          -- of the picture, in points; a PNG has twice as many pixels
  height = 500,
}

local optional = { title = true, x_label = true, y_label = true, labels = true, lines = true }

--- Okabe and Ito's colours, the dark ones first; dashes in gnuplot's notation; its point types.
local colours = { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000" }
local dashes = { "solid", "(12,5)", "(3,3)", "(14,4,3,4)", "(20,6)", "(8,3,2,3,2,3)", "(2,6)" }
local points = { 7, 5, 9, 13, 11, 6, 4 }

--- The i-th curve's look. Past seven the colours return with other dashes and points.
local function style_of(i)
  local turn = (i - 1) // #colours
  local shifted = (i - 1 + 3 * turn) % #dashes + 1
  return { colour = colours[(i - 1) % #colours + 1], dash = dashes[shifted], point = points[shifted] }
end

local level_style = { colour = "#666666", dash = "(2,3)", width = 1.4 }

local y_labels = {
  ["eval/return"] = "Return in the real environment",
  ["eval/score"] = "Normalised score",
}

-- ---- gnuplot's language ----

--- A gnuplot string. Single quotes: nothing but the quote itself has a meaning within.
local function quote(text)
  return "'" .. tostring(text):gsub("[%c]", " "):gsub("'", "''") .. "'"
end

local function number(x)
  if x ~= x or x == math.huge or x == -math.huge then return "NaN" end
  return ("%.10g"):format(x)
end

--- Steps are counted in thousands or millions where they are many: the factor and its word.
local function step_unit(greatest)
  if greatest >= 2e6 then return 1e6, ", millions" end
  if greatest >= 1e4 then return 1e3, ", thousands" end
  return 1, ""
end

local superscripts = { ["-"] = "⁻", ["0"] = "⁰", ["1"] = "¹", ["2"] = "²", ["3"] = "³", ["4"] = "⁴",
                       ["5"] = "⁵", ["6"] = "⁶", ["7"] = "⁷", ["8"] = "⁸", ["9"] = "⁹" }

--- Very small and very large values are drawn in powers of a thousand, so that the ticks stay short.
local function value_unit(greatest)
  if greatest == 0 or greatest >= 0.01 and greatest < 1e5 then return 1, "" end
  local power = math.floor(math.log(greatest, 10) / 3 + 1e-9) * 3
  return 10.0 ^ power, " (×10" .. ("%d"):format(power):gsub(".", superscripts) .. ")"
end

local function data_block(name, curve, x_unit, y_unit)
  local lines = { "$" .. name .. " << EOD" }
  for i, x in ipairs(curve.x) do
    lines[#lines + 1] = table.concat({ number(x / x_unit), number(curve.mean[i] / y_unit),
                                       number(curve.low[i] / y_unit), number(curve.high[i] / y_unit) }, " ")
  end
  lines[#lines + 1] = "EOD"
  return table.concat(lines, "\n")
end

--- The picture's kind and size. A PNG is drawn at twice the points, for sharp screens and print.
local function terminal(path, options)
  if path:find("%.svg$") then
    return ("set terminal svg size %d,%d dynamic font 'DejaVu Sans,Verdana,sans-serif,12' linewidth 1")
      :format(options.width, options.height)
  end
  return ("set terminal pngcairo size %d,%d font 'DejaVu Sans,21' linewidth 2 pointscale 2 dashlength 1")
    :format(options.width * 2, options.height * 2)
end

--- What all pictures begin with: where they go, and thin grey axes.
local function look(path, options)
  return {
    terminal(path, options),
    "set output " .. quote(path),
    "set encoding utf8",
    "set datafile missing 'NaN'",
    "set format '%h'",
    "set border 3 lc rgb '#777777' lw 0.8",
    "set tics nomirror out scale 0.5 tc rgb '#333333'",
    "set grid ytics back lt 1 lc rgb '#E4E4E4' lw 0.8",
  }
end

-- ---- layout, in points of the picture ----

local glyph = 7.2        -- the width of a letter, about
local row_height = 17    -- least distance of two names beside the curves
local left, bottom = 88, 62

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

--- Least and greatest of what is drawn, with air above and below.
local function extent(items)
  local least_x, most_x, least_y, most_y = math.huge, -math.huge, math.huge, -math.huge
  for _, item in ipairs(items) do
    local curve = item.curve
    least_x, most_x = math.min(least_x, curve.x[1] or least_x), math.max(most_x, curve.x[#curve.x] or most_x)
    for i = 1, #curve.mean do
      local low, high = curve.low[i], curve.high[i]
      if low == low and math.abs(low) < math.huge then least_y = math.min(least_y, low) end
      if high == high and math.abs(high) < math.huge then most_y = math.max(most_y, high) end
    end
  end
  if least_y > most_y then least_y, most_y = 0, 1 end
  local air = most_y > least_y and 0.04 * (most_y - least_y) or math.max(1, math.abs(most_y)) * 0.1
  if least_x > 0 and least_x <= 0.2 * most_x or least_x == most_x then least_x, most_x = 0, math.max(1, most_x) end
  return { left = least_x, right = most_x, low = least_y - air, high = most_y + air }
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

--- What lines and bands are, in small letters under the picture; nil for single runs.
local function footnote(items, band)
  local least, most = math.huge, 1
  for _, item in ipairs(items) do
    if item.group then least, most = math.min(least, item.curve.n), math.max(most, item.curve.n) end
  end
  if most == 1 then return nil end
  local mean = least == most and ("Mean of %d seeds"):format(most) or "Mean over seeds"
  local words = { range = ", band from least to greatest", std = ", band of one standard deviation", none = "" }
  return mean .. words[band], least ~= most
end

--- The plot command: bands below all lines; on each line some ten to forty of its points.
local function drawings(items, band)
  local below, above = {}, {}
  local opacity = #items > 4 and 0.09 or 0.15
  for i, item in ipairs(items) do
    local style, n = item.style, #item.curve.x
    if item.curve.n > 1 and band ~= "none" then
      below[#below + 1] = ("$curve%d using 1:3:4 with filledcurves fc rgb '%s' fs transparent solid %.2f noborder")
        :format(i, style.colour, opacity)
    end
    local every = n > 40 and math.ceil(n / 12) or 1
    local marks = style.point and (" pt %d ps 0.55 pi %d"):format(style.point, every) or ""
    above[i] = ("$curve%d using 1:2 with %s lc rgb '%s' lw %s dt %s%s")
      :format(i, style.point and "linespoints" or "lines", style.colour, style.width or 2.2, style.dash, marks)
  end
  return "plot " .. table.concat(table.move(above, 1, #above, #below + 1, below), ", \\\n  ")
end

--- The script that draws `items`, a sequence of { curve, name, style [, group] }, into the file `path`.
local function script(items, path, options)
  local font = path:find("%.svg$") and 12 or 21
  local title = options.title or #items == 1 and items[1].name or nil
  local top = title and 44 or 18
  local area = extent(items)
  local x_unit, x_word = step_unit(math.max(math.abs(area.left), math.abs(area.right)))
  local y_unit, y_word = value_unit(math.max(math.abs(area.low), math.abs(area.high)))
  local labels, margin = {}, 24
  if #items > 1 then labels, margin = name_labels(items, area, top, options, font) end
  local x_label = (options.x_label or "Training steps") .. x_word
  local y_label = (options.y_label or y_labels[options.metric] or options.metric) .. y_word
  local out = look(path, options)
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
  if title then
    out[#out + 1] = ("set label %s at graph 0, screen %.4f left noenhanced font ',%d' tc rgb '#111111'")
      :format(quote(title), 1 - 22 / options.height, font * 1.2 // 1)
  end
  local note = footnote(items, options.band)
  if note then
    out[#out + 1] = ("set label %s at screen %.4f, screen %.4f right noenhanced font ',%d' tc rgb '#777777'")
      :format(quote(note), 1 - 12 / options.width, 11 / options.height, font * 0.85 // 1)
  end
  table.move(labels, 1, #labels, #out + 1, out)
  for i, item in ipairs(items) do out[#out + 1] = data_block("curve" .. i, item.curve, x_unit, y_unit) end
  out[#out + 1] = drawings(items, options.band)
  out[#out + 1] = "unset output"
  return table.concat(out, "\n") .. "\n"
end

--- Runs gnuplot on `text`; an error holds what it said.
local function run_gnuplot(text)
  local name = os.tmpname()
  local file <close> = assert(io.open(name, "w"))
  assert(file:write(text))
  file:close()
  local pipe <close> = assert(io.popen("LC_ALL=C.UTF-8 gnuplot -d " .. name .. " 2>&1 </dev/null"))
  local said = pipe:read("a")
  local ok, _, code = pipe:close()
  os.remove(name)
  if ok then return end
  if code == 127 then error("plot: gnuplot is not installed (Debian: apt-get install gnuplot-nox)", 0) end
  error("plot: gnuplot failed: " .. said:gsub("[%s^]+", " "):gsub("^ ", ""):gsub(" $", ""), 0)
end

--- Draws the script that make(path) gives into a file that appears whole.
local function draw_whole(path, make)
  local temporary = ("%s.%d.tmp%s"):format(path, core.process.pid(), path:match("%.%a+$"))
  local ok, problem = pcall(run_gnuplot, make(temporary))
  if ok then ok, problem = os.rename(temporary, path) end
  if ok then return end
  os.remove(temporary)
  error(problem, 0)
end

-- ---- options ----

--- Refuses a path that no picture can be drawn into: what takes long asks before, not after.
function plot.check_path(path)
  if not path:find("%.png$") and not path:find("%.svg$") then
    error(("plot: %s: pictures are .png or .svg"):format(path), 0)
  end
  local folder = path:match("^(.*)/[^/]*$")
  if folder and folder ~= "" and lfs.attributes(folder, "mode") ~= "directory" then
    error(("plot: %s: there is no folder %s"):format(path, folder), 0)
  end
  if lfs.attributes(path, "mode") == "directory" then error(("plot: %s is a folder"):format(path), 0) end
end

local function check_size(options, what)
  for _, key in ipairs { "width", "height" } do
    local value = options[key]
    if math.type(value) ~= "integer" or value < 100 or value > 10000 then
      error(("%s: %s %s; 100 to 10000 points"):format(what, key, tostring(value)), 0)
    end
  end
end

local function check_options(given)
  local options = {}
  for key, value in pairs(defaults) do options[key] = value end
  for key, value in pairs(given or {}) do
    if defaults[key] == nil and not optional[key] then
      error(("plot.curves: unknown option %q"):format(tostring(key)), 3)
    end
    options[key] = value
  end
  if options.band ~= "range" and options.band ~= "std" and options.band ~= "none" then
    error(("plot.curves: band %q; \"range\", \"std\" or \"none\""):format(tostring(options.band)), 3)
  end
  check_size(options, "plot.curves")
  return options
end

local function check_metric(drawn, runs, metric)
  if #drawn > 0 then return end
  local tags = curves.tags(runs)
  if #tags == 0 then error("plot: these runs have logged nothing yet", 0) end
  error(("plot: no run has the metric %q; there are %s"):format(metric, table.concat(tags, ", ")), 0)
end

--- Adds numbers of seeds to the names where they differ, and the level lines to what is drawn.
local function name_items(items, options)
  local _, uneven = footnote(items, options.band)
  for _, item in ipairs(items) do
    local n = item.curve.n
    if uneven then item.name = ("%s (%d %s)"):format(item.name, n, n == 1 and "seed" or "seeds") end
  end
  local area = extent(items)
  for _, line in ipairs(options.lines or {}) do
    if type(line) ~= "table" or type(line.value) ~= "number" or type(line.label) ~= "string" then
      error("plot.curves: lines are tables of a value and a label", 0)
    end
    local level = { line.value, line.value }
    local curve = { x = { area.left, area.right }, mean = level, low = level, high = level, n = 1 }
    items[#items + 1] = { curve = curve, name = line.label, style = level_style }
  end
end

--- Draws `runs` (folders, or what plot.runs returns) into `path`, a .png or .svg file that appears whole.
--- options: see `defaults`. Returns remarks, a sequence of strings: seeds that end early, damaged lines.
function plot.curves(runs, path, options)
  options = check_options(options)
  plot.check_path(path)
  if #runs == 0 then error("plot: no runs are given", 0) end
  if type(runs[1]) == "string" then runs = curves.runs(runs) end
  local drawn, remarks = {}, {}
  for _, run in ipairs(runs) do
    if run.damaged > 0 then remarks[#remarks + 1] = ("%s: %d damaged lines left out"):format(run.dir, run.damaged) end
  end
  for i, group in ipairs(curves.group(runs)) do
    group.label = options.labels and options.labels[i] or group.label
    local curve = curves.average(group, options.metric, options.band)
    if curve and #curve.x > 0 then
      drawn[#drawn + 1] = { group = group, curve = curve, name = group.label, style = style_of(#drawn + 1) }
    end
    if not curve then remarks[#remarks + 1] = ("%s has no %s"):format(group.label, options.metric) end
    for _, dir in ipairs(curve and curve.short or {}) do
      remarks[#remarks + 1] = ("%s ends early; the mean of %s stops there"):format(dir, group.label)
    end
  end
  check_metric(drawn, runs, options.metric)
  name_items(drawn, options)
  draw_whole(path, function(temporary) return script(drawn, temporary, options) end)
  return remarks
end

--- Draws gnuplot's own `commands`, a text, into `path`, a .png or .svg file that appears whole. The picture's kind, its
--- font and the look of its axes are set before them; size: { width, height } in points, 800 and 500 where not given.
function plot.draw(commands, path, size)
  local options = { width = size and size[1] or defaults.width, height = size and size[2] or defaults.height }
  check_size(options, "plot.draw")
  plot.check_path(path)
  draw_whole(path, function(temporary)
    return table.concat(look(temporary, options), "\n") .. "\n" .. commands .. "\nunset output\n"
  end)
end

return plot
