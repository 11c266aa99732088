--- Bars in groups, with intervals and the single runs' values. A bar's kind has a colour and a pattern of its own.
local gnuplot = require "tide.plot.gnuplot"

local bars = {}

local number, quote = gnuplot.number, gnuplot.quote

-- gnuplot's fills that are told apart well.
local fills = { "solid 0.6", "pattern 4", "pattern 2", "pattern 5", "pattern 1", "solid 0", "pattern 6", "pattern 7" }

-- Points of the picture.
local LEFT, RIGHT, TOP, BOTTOM, ROW, GLYPH, SMALL_GLYPH, HEIGHT, LEAST_WIDTH = 84, 20, 18, 58, 20, 7.2, 6.2, 460, 480
local BAR, NARROW, MANY = 34, 22, 20 -- a bar's width; where there are many
local CAP = 3                        -- half the width of an interval's ends
local SPACE = 0.9                    -- between two groups, in bars
local SIDE = 0.3                     -- beside a group that is alone

--- x of each bar and group, a bar being 1 wide. -> bars' places by group, groups' middles, the width of all
local function places_of(groups)
  local space = #groups == 1 and SIDE or SPACE
  local places, middles, x = {}, {}, space
  for g, group in ipairs(groups) do
    places[g] = {}
    for i in ipairs(group.bars) do places[g][i] = x + i - 0.5 end
    middles[g] = x + #group.bars / 2
    x = x + #group.bars + space
  end
  return places, middles, x
end

--- Least and greatest of all that is drawn, 0 among them.
local function extent(groups)
  local low, high = 0, 0
  for _, group in ipairs(groups) do
    for _, bar in ipairs(group.bars) do
      for _, list in ipairs { { bar.value, bar.low, bar.high }, bar.points } do
        for _, y in pairs(list) do
          if y == y and math.abs(y) < math.huge then low, high = math.min(low, y), math.max(high, y) end
        end
      end
    end
  end
  if low == high then high = 1 end
  local air = 0.05 * (high - low)
  return low < 0 and low - air or 0, high > 0 and high + air or 0
end

--- Twice what is filled: a light colour, and the pattern.
local function looks_of(i)
  return gnuplot.style_of(i).colour, { "solid 0.25", fills[(i - 1) % #fills + 1] }
end

local function key_commands(kinds, options, font)
  local out, x, row, width, height = {}, LEFT, 1, options.width, options.height
  local box = "set object %d rect from screen %.5f, screen %.5f to screen %.5f, screen %.5f fc rgb '%s' fs "
    .. "transparent %s border lc rgb '%s'"
  for i, kind in ipairs(kinds) do
    local wide = 44 + GLYPH * (utf8.len(kind) or #kind)
    if x > LEFT and x + wide > width - RIGHT then x, row = LEFT, row + 1 end
    local y = 1 - (options.title_height + ROW * row - 4) / height
    local colour, two = looks_of(i)
    for k, fill in ipairs(two) do
      out[#out + 1] = box:format(2 * i + k, x / width, y - 6 / height, (x + 18) / width, y + 6 / height, colour, fill,
        colour)
    end
    out[#out + 1] = ("set label %s at screen %.5f, screen %.5f left noenhanced font ',%d' tc rgb '#222222'"):format(
      quote(kind), (x + 25) / width, y, font)
    x = x + wide
  end
  return out, row
end

--- The bars of a kind and the single runs' values, as rows of data.
local function rows_of(groups, kind, places, unit, wide)
  local rows, single = {}, {}
  for g, group in ipairs(groups) do
    for k, bar in ipairs(group.bars) do
      if bar.kind == kind and bar.value then
        rows[#rows + 1] = ("%s %s %s %s"):format(number(places[g][k]), number(bar.value / unit),
          number((bar.low or 0 / 0) / unit), number((bar.high or 0 / 0) / unit))
        for _, y in ipairs(#bar.points > 1 and bar.points or {}) do -- beside the interval
          single[#single + 1] = ("%s %s"):format(number(places[g][k] + wide / 4), number(y / unit))
        end
      end
    end
  end
  return rows, single
end

local function block(name, rows)
  return ("$%s << EOD\n%s\nEOD"):format(name, table.concat(rows, "\n"))
end

local function blocks_and_plots(groups, kinds, places, unit, wide, width)
  local blocks, plots, above = {}, {}, {}
  for i, kind in ipairs(kinds) do
    local rows, single = rows_of(groups, kind, places, unit, wide)
    if #rows > 0 then
      blocks[#blocks + 1] = block("b" .. i, rows)
      local colour, two = looks_of(i)
      for _, fill in ipairs(two) do
        plots[#plots + 1] = ("$b%d using 1:2:(%.2f) with boxes fc rgb '%s' fs transparent %s border lc rgb '%s' lw 1")
          :format(i, wide, colour, fill, colour)
      end
      above[#above + 1] = ("$b%d using 1:3:(0):($4-$3) with vectors heads size screen %.5f,90 lw 1.6 lc rgb '#111111'")
        :format(i, CAP / width)
    end
    if #single > 0 then
      blocks[#blocks + 1] = block("s" .. i, single)
      above[#above + 1] = ("$s%d using 1:2 with points pt 6 ps 0.5 lw 1 lc rgb '#111111'"):format(i)
    end
  end
  return blocks, table.concat(table.move(above, 1, #above, #plots + 1, plots), ", \\\n  ")
end

local function longest_of(words)
  local longest = 0
  for _, word in ipairs(words) do longest = math.max(longest, utf8.len(word) or #word) end
  return longest
end

--- Points that a bar takes, so that the names below have room.
local function bar_width(groups, kinds, alone)
  if alone then return math.max(BAR, GLYPH * longest_of(kinds) + 14) end
  local bars_in_all, names = 0, {}
  for g, group in ipairs(groups) do bars_in_all, names[g] = bars_in_all + #group.bars, group.name end
  return math.max(bars_in_all > MANY and NARROW or BAR,
    GLYPH * (longest_of(names) + 2) / (bars_in_all / #groups + SPACE))
end

local function tics_of(groups, places, middles, alone)
  local tics = {}
  for g, group in ipairs(groups) do
    if not alone then tics[#tics + 1] = ("%s %s"):format(quote(group.name), number(middles[g])) end
    for i, one in ipairs(alone and group.bars or {}) do
      tics[#tics + 1] = ("%s %s"):format(quote(one.kind), number(places[g][i]))
    end
  end
  return table.concat(tics, ", ")
end

--- Draws bars into `path`, a .png or .svg file that appears whole.
--- groups: { { name, bars = { { kind =, value =, low =, high = ends of its interval or nil, points = values of runs },
---   ... } }, ... }; a bar without a value leaves its place empty
--- kinds: all that there are, in the order of their looks; given: { y_label =, title =, note = }
function bars.draw(groups, kinds, path, given)
  gnuplot.check_path(path)
  local alone = #groups == 1 -- each bar has its name below it, and there is no key
  local places, middles, span = places_of(groups)
  local options = { title_height = given.title and ROW + 8 or 0, height = HEIGHT,
    width = math.floor(math.max(LEAST_WIDTH, SMALL_GLYPH * utf8.len(given.note or "") + 24,
      LEFT + span * bar_width(groups, kinds, alone) + RIGHT)) }
  local font = path:find "%.svg$" and 12 or 21
  local key, key_rows = {}, 0
  if not alone then key, key_rows = key_commands(kinds, options, font) end
  local low, high = extent(groups)
  local unit, word = gnuplot.value_unit(math.max(math.abs(low), math.abs(high)))
  gnuplot.draw_whole(path, function(temporary)
    local out = gnuplot.look(temporary, options)
    local function put(text, ...) out[#out + 1] = text:format(...) end
    put "set key off"
    put("set lmargin at screen %.5f", LEFT / options.width)
    put("set rmargin at screen %.5f", 1 - RIGHT / options.width)
    put("set tmargin at screen %.5f", 1 - (options.title_height + key_rows * ROW + TOP) / options.height)
    put("set bmargin at screen %.5f", BOTTOM / options.height)
    put("set xrange [0:%s]\nset yrange [%s:%s]", number(span), number(low / unit), number(high / unit))
    put("set xtics noenhanced scale 0 (%s)", tics_of(groups, places, middles, alone))
    put "set xzeroaxis lt 1 lc rgb '#777777' lw 0.8"
    put("set ylabel %s noenhanced tc rgb '#222222'", quote(given.y_label .. word))
    table.move(key, 1, #key, #out + 1, out)
    gnuplot.captions(out, given, options, LEFT, font)
    local blocks, plots = blocks_and_plots(groups, kinds, places, unit, alone and 0.6 or 0.84, options.width)
    table.move(blocks, 1, #blocks, #out + 1, out)
    put("plot %s\nunset output", plots)
    return table.concat(out, "\n") .. "\n"
  end)
end

return bars
