--- Curves as gnuplot draws them, in a picture of one panel (plot.lua) or of several (plot/panels.lua). A curve is
--- { x, mean, low, high, n = runs that it is the mean of [, falls = { { x, y }, ... }, points with a cross] }; an item
--- { curve, name, style [, group] }.
local gnuplot = require "tide.plot.gnuplot"

local lines = {}

--- Least and greatest of what is drawn, with air above and below.
function lines.extent(items)
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

--- A curve as a block of data.
function lines.block(name, curve, x_unit, y_unit)
  local rows, number = { "$" .. name .. " << EOD" }, gnuplot.number
  for i, x in ipairs(curve.x) do
    rows[#rows + 1] = ("%s %s %s %s"):format(number(x / x_unit), number(curve.mean[i] / y_unit),
      number(curve.low[i] / y_unit), number(curve.high[i] / y_unit))
  end
  rows[#rows + 1] = "EOD"
  return table.concat(rows, "\n")
end

--- What lines and bands are, in small letters under the picture; nil for single runs.
function lines.footnote(items, band)
  local least, most = math.huge, 1
  for _, item in ipairs(items) do
    if item.group then least, most = math.min(least, item.curve.n), math.max(most, item.curve.n) end
  end
  if most == 1 then return nil end
  local mean = least == most and ("Mean of %d seeds"):format(most) or "Mean over seeds"
  local words = { range = ", band from least to greatest", std = ", band of one standard deviation", none = "",
                  interval = ", 95 % interval (bootstrap)" }
  return mean .. words[band], least ~= most
end

--- The plot command: bands below all lines; on each line some ten to forty of its points.
function lines.drawings(items, band, prefix)
  local below, above = {}, {}
  local opacity = #items > 4 and 0.09 or 0.15
  for i, item in ipairs(items) do
    local style, n = item.style, #item.curve.x
    if item.curve.n > 1 and band ~= "none" then
      below[#below + 1] = ("$%s%d using 1:3:4 with filledcurves fc rgb '%s' fs transparent solid %.2f noborder")
        :format(prefix, i, style.colour, opacity)
    end
    local every = n > 40 and math.ceil(n / 12) or 1
    local marks = style.point and (" pt %d ps 0.55 pi %d"):format(style.point, every) or ""
    above[i] = ("$%s%d using 1:2 with %s lc rgb '%s' lw %s dt %s%s")
      :format(prefix, i, style.point and "linespoints" or "lines", style.colour, style.width or 2.2, style.dash, marks)
  end
  return "plot " .. table.concat(table.move(above, 1, #above, #below + 1, below), ", \\\n  ")
end

--- What follows in the plot command: a cross where an episode truly ended.
function lines.crosses(items, x_unit, y_unit)
  local out = {}
  for _, item in ipairs(items) do
    for _, point in ipairs(item.curve.falls or {}) do
      out[#out + 1] = (", \\\n  '+' every ::0::0 using (%s):(%s) with points pt 2 ps 1.1 lw 2 lc rgb '%s'"):format(
        gnuplot.number(point[1] / x_unit), gnuplot.number(point[2] / y_unit), item.style.colour)
    end
  end
  return table.concat(out)
end

return lines
