--- Distributions one below the other, each with its name, its mean and its spread.
local gnuplot = require "tide.plot.gnuplot"
local statistics = require "tide.statistics"

local ridges = {}

local number, quote = gnuplot.number, gnuplot.quote

-- Points of the picture; BINS over the range; what is beyond these shares of all values is in the bins at the ends.
local WIDTH, ROW, TOP, BOTTOM, GLYPH, NUMBERS = 800, 74, 18, 72, 7.2, 136
local BINS, OUTSIDE, HEIGHT = 80, 0.001, 0.82

--- A mean and a spread with as many decimals as the spread has a use for.
local function mean_and_std(mean, std)
  local decimals = std > 0 and math.max(0, math.min(6, 1 - math.floor(math.log(std, 10)))) or 2
  return ("%.*f ± %.*f"):gsub("%*", tostring(math.tointeger(decimals))):format(mean, std)
end

--- What is drawn of all values: low, high.
local function range_of(list)
  local all = {}
  for _, one in ipairs(list) do table.move(one.values, 1, #one.values, #all + 1, all) end
  table.sort(all)
  local low = all[math.max(1, math.floor(OUTSIDE * #all))]
  local high = all[math.min(#all, math.ceil((1 - OUTSIDE) * #all))]
  if low == high then low, high = low - 0.5, high + 0.5 end
  return low, high
end

--- How many values are in each bin, the greatest being 1.
local function histogram(values, low, high)
  local counts, most = {}, 0
  for i = 1, BINS do counts[i] = 0 end
  for _, x in ipairs(values) do
    local i = math.max(1, math.min(BINS, 1 + math.floor((x - low) / (high - low) * BINS)))
    counts[i] = counts[i] + 1
    most = math.max(most, counts[i])
  end
  for i = 1, BINS do counts[i] = counts[i] / most end
  return counts
end

local function block(i, one, base, low, high)
  local rows, wide = { ("$r%d << EOD"):format(i) }, (high - low) / BINS
  for k, share in ipairs(histogram(one.values, low, high)) do
    local left, y = low + (k - 1) * wide, base + HEIGHT * share
    rows[#rows + 1] = ("%s %s %s\n%s %s %s"):format(number(left), number(base), number(y), number(left + wide),
      number(base), number(y))
  end
  rows[#rows + 1] = "EOD"
  return table.concat(rows, "\n")
end

--- Draws distributions into `path`, a .png or .svg file that appears whole. Each is scaled to its own greatest bin.
--- list: { { name, values }, ... }; given: { x_label =, title =, note = }
function ridges.draw(list, path, given)
  gnuplot.check_path(path)
  local font, longest = path:find "%.svg$" and 12 or 21, 0
  for _, one in ipairs(list) do longest = math.max(longest, utf8.len(one.name) or #one.name) end
  local title_height = given.title and 28 or 0
  local size = { width = WIDTH, height = TOP + title_height + #list * ROW + BOTTOM }
  local left = math.min(24 + GLYPH * longest, 0.4 * WIDTH)
  local low, high = range_of(list)
  local plots = {}
  gnuplot.draw_whole(path, function(temporary)
    local out = gnuplot.look(temporary, size)
    local function put(text, ...) out[#out + 1] = text:format(...) end
    put "set key off\nset border 1\nunset ytics\nset grid xtics back lt 1 lc rgb '#E4E4E4' lw 0.8"
    put("set lmargin at screen %.5f\nset rmargin at screen %.5f", left / size.width, 1 - NUMBERS / size.width)
    put("set tmargin at screen %.5f", 1 - (TOP + title_height) / size.height)
    put("set bmargin at screen %.5f", BOTTOM / size.height)
    put("set xrange [%s:%s]\nset yrange [0:%d]", number(low), number(high), #list)
    put("set xlabel %s noenhanced tc rgb '#222222' offset 0,0.4", quote(given.x_label))
    for i, one in ipairs(list) do
      local base, colour = #list - i + 0.06, gnuplot.style_of(i).colour
      local mean, std = statistics.mean(one.values), statistics.std(one.values) or 0
      out[#out + 1] = block(i, one, base, low, high)
      plots[#plots + 1] = ("$r%d using 1:2:3 with filledcurves fc rgb '%s' fs transparent solid 0.3 noborder"):format(i,
        colour)
      plots[#plots + 1] = ("$r%d using 1:3 with lines lw 1.4 lc rgb '%s'"):format(i, colour)
      put("set label %s at graph 0, first %s right noenhanced offset -1,0 font ',%d' tc rgb '#222222'", quote(one.name),
        number(base + 0.18), font)
      put("set label '%s' at graph 1, first %s left noenhanced offset 1,0 font ',%d' tc rgb '#222222'",
        mean_and_std(mean, std), number(base + 0.18), font)
      if mean >= low and mean <= high then
        put("set arrow from first %s, first %s to first %s, first %s nohead lw 2 dt (6,3) lc rgb '#111111' front",
          number(mean), number(base), number(mean), number(base + HEIGHT))
      end
    end
    gnuplot.captions(out, given, size, left, font)
    put("plot %s\nunset output", table.concat(plots, ", \\\n  "))
    return table.concat(out, "\n") .. "\n"
  end)
end

return ridges
