--- Several panels of curves in one picture, below one key of what the lines are.
local gnuplot = require "tide.plot.gnuplot"
local lines = require "tide.plot.lines"

local panels = {}

-- Points of the picture.
local LEFT, GAP, RIGHT, BOTTOM = 74, 66, 18, 68 -- left of the first panel, between two, right of the last, below all
local TITLE, BETWEEN = 26, 30                   -- above each panel; between two rows
local ROW, SAMPLE, GLYPH = 20, 34, 7.2          -- of the key: a row's height, a line's sample, a letter's width

local number, quote = gnuplot.number, gnuplot.quote

local function append(out, commands)
  table.move(commands, 1, #commands, #out + 1, out)
end

--- The lines of all panels by name, each once, in their order.
local function key_of(list)
  local key, seen = {}, {}
  for _, panel in ipairs(list) do
    for _, item in ipairs(panel.items) do
      if not seen[item.name] then key[#key + 1], seen[item.name] = item, true end
    end
  end
  return key
end

--- Where the key's entries stand: { x, row } of each, from the left, and the number of rows.
local function key_places(key, width)
  local places, x, row = {}, LEFT, 1
  for i, item in ipairs(key) do
    local wide = SAMPLE + 26 + GLYPH * (utf8.len(item.name) or #item.name)
    if x > LEFT and x + wide > width - RIGHT then x, row = LEFT, row + 1 end
    places[i], x = { x, row }, x + wide
  end
  return places, #key > 0 and row or 0
end

local function key_commands(key, places, options, font)
  local out, width, height = {}, options.width, options.height
  for i, item in ipairs(key) do
    local x, y, style = places[i][1] / width, 1 - (options.title_height + ROW * places[i][2] - 4) / height, item.style
    local line = "set arrow from screen %.5f, screen %.5f to screen %.5f, screen %.5f nohead lc rgb '%s' lw %s dt %s"
    out[#out + 1] = line:format(x, y, x + SAMPLE / width, y, style.colour, style.width or 2.2, style.dash)
    if style.point then
      out[#out + 1] = ("set label '' at screen %.5f, screen %.5f point lt 1 lc rgb '%s' pt %d ps 0.7"):format(
        x + SAMPLE / 2 / width, y, style.colour, style.point)
    end
    out[#out + 1] = ("set label %s at screen %.5f, screen %.5f left noenhanced font ',%d' tc rgb '#222222'"):format(
      quote(item.name), x + (SAMPLE + 8) / width, y, font)
  end
  return out
end

--- The least area that holds those of all panels.
local function common(areas)
  local all = { left = math.huge, right = -math.huge, low = math.huge, high = -math.huge }
  for _, area in ipairs(areas) do
    all.left, all.low = math.min(all.left, area.left), math.min(all.low, area.low)
    all.right, all.high = math.max(all.right, area.right), math.max(all.high, area.high)
  end
  return all
end

local function areas_of(list, shared)
  local areas = {}
  for i, panel in ipairs(list) do areas[i] = lines.extent(panel.items) end
  if shared then
    local all = common(areas)
    for i in ipairs(areas) do areas[i] = all end
  end
  for i, panel in ipairs(list) do
    local area, range = areas[i], panel.range or {}
    areas[i] = { left = area.left, right = area.right, low = range[1] or area.low, high = range[2] or area.high }
  end
  return areas
end

--- The greatest size of y in the panels of the i-th one's row that show the same as it: they have one unit.
local function greatest_of_row(list, areas, i, columns)
  local first, greatest = (i - 1) // columns * columns + 1, 0
  for j = first, math.min(first + columns - 1, #list) do
    if list[j].y_label == list[i].y_label then
      greatest = math.max(greatest, math.abs(areas[j].low), math.abs(areas[j].high))
    end
  end
  return greatest
end

local function panel_commands(panel, place, area, options, font)
  local left, bottom, width, height = table.unpack(place.frame)
  local x_unit, x_word = 1, ""
  if options.steps then x_unit, x_word = gnuplot.step_unit(math.max(math.abs(area.left), math.abs(area.right))) end
  local y_unit, y_word = gnuplot.value_unit(place.greatest)
  local out = {
    ("set lmargin at screen %.5f"):format(left / options.width),
    ("set rmargin at screen %.5f"):format((left + width) / options.width),
    ("set bmargin at screen %.5f"):format(bottom / options.height),
    ("set tmargin at screen %.5f"):format((bottom + height) / options.height),
    ("set xrange [%s:%s]"):format(number(area.left / x_unit), number(area.right / x_unit)),
    ("set yrange [%s:%s]"):format(number(area.low / y_unit), number(area.high / y_unit)),
    place.last and ("set xlabel %s noenhanced tc rgb '#222222' offset 0,0.3"):format(quote(options.x_label .. x_word))
      or "unset xlabel",
    (place.first or panel.y_label ~= place.y_label or not options.shared and y_word ~= "")
      and ("set ylabel %s noenhanced tc rgb '#222222' offset 0.5,0"):format(quote((panel.y_label or "") .. y_word))
      or "unset ylabel",
    panel.title and ("set label 1 %s at graph 0.5, graph 1 center noenhanced offset 0,0.6 font ',%d' tc rgb '#222222'")
      :format(quote(panel.title), font) or "unset label 1",
  }
  local prefix = ("p%d_"):format(place.index)
  for i, item in ipairs(panel.items) do
    out[#out + 1] = lines.block(prefix .. i, item.curve, x_unit, y_unit)
  end
  out[#out + 1] = lines.drawings(panel.items, options.band, prefix) .. lines.crosses(panel.items, x_unit, y_unit)
  return out
end

local defaults = { columns = 2, panel = { 360, 250 }, x_label = "Training steps", steps = true, band = "range",
                   shared = true, title = false, note = false }

--- What is written once, in an empty plot over all panels: the key, the title, the note.
local function captions(key, places, options, font)
  local out = { "unset label\nunset border\nunset tics\nunset xlabel\nunset ylabel\nunset grid\n"
    .. "set margins 0,0,0,0\nset xrange [0:1]\nset yrange [0:1]" }
  append(out, key_commands(key, places, options, font))
  gnuplot.captions(out, options, options, LEFT, font)
  out[#out + 1] = "plot NaN notitle"
  return out
end

--- Draws panels into `path`, a .png or .svg file that appears whole.
--- list: { { title =, y_label =, range = { low, high } of y, each may be nil, items = { { curve, name, style },
---   ... } }, ... }, row by row; a name has one style in all of them
--- given: { columns =, panel = { width, height } in points, x_label =, steps = true where x counts updates, band = as
---   plot.curves has it, shared = one range of x and y for all, title =, note = in small letters at the bottom }
function panels.draw(list, path, given)
  local options = gnuplot.options(defaults, given, "plot.panels")
  gnuplot.check_path(path)
  if #list == 0 then error("plot.panels: there is no panel", 0) end
  local columns, font = math.min(options.columns, #list), path:find "%.svg$" and 12 or 21
  local rows = (#list + columns - 1) // columns
  local wide, high = table.unpack(options.panel)
  options.width = math.floor(LEFT + columns * wide + (columns - 1) * GAP + RIGHT)
  options.title_height = options.title and ROW + 8 or 0
  local key = key_of(list)
  local places, key_rows = key_places(key, options.width)
  local head = options.title_height + key_rows * ROW + 6
  options.height = math.floor(head + rows * (TITLE + high) + (rows - 1) * BETWEEN + BOTTOM)
  local areas = areas_of(list, options.shared)
  gnuplot.draw_whole(path, function(temporary)
    local out = gnuplot.look(temporary, options)
    out[#out + 1] = "set key off\nset multiplot"
    for i, panel in ipairs(list) do
      local row, column = (i - 1) // columns, (i - 1) % columns
      local bottom = options.height - head - (row + 1) * (TITLE + high) - row * BETWEEN
      append(out, panel_commands(panel, { index = i, first = column == 0, last = i + columns > #list,
        y_label = list[math.max(1, i - column)].y_label, frame = { LEFT + column * (wide + GAP), bottom, wide, high },
        greatest = greatest_of_row(list, areas, i, columns),
      }, areas[i], options, font))
    end
    append(out, captions(key, places, options, font))
    out[#out + 1] = "unset multiplot\nunset output"
    return table.concat(out, "\n") .. "\n"
  end)
end

return panels
