--- What all pictures share: gnuplot's language, the look, files that appear whole.
local core = require "tide.core"
local lfs = require "lfs"
local options = require "tide.options"

local gnuplot = {}

-- ---- looks ----

--- Okabe and Ito's colours, the dark ones first; dashes in gnuplot's notation; its point types.
local colours = { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000" }
local dashes = { "solid", "(12,5)", "(3,3)", "(14,4,3,4)", "(20,6)", "(8,3,2,3,2,3)", "(2,6)" }
local points = { 7, 5, 9, 13, 11, 6, 4 }

--- The i-th curve's look. Past seven the colours return with other dashes and points.
function gnuplot.style_of(i)
  local turn = (i - 1) // #colours
  local shifted = (i - 1 + 3 * turn) % #dashes + 1
  return { colour = colours[(i - 1) % #colours + 1], dash = dashes[shifted], point = points[shifted] }
end

gnuplot.level_style = { colour = "#666666", dash = "(2,3)", width = 1.4 }

-- ---- gnuplot's language ----

--- A gnuplot string. Single quotes: nothing but the quote itself has a meaning within.
function gnuplot.quote(text)
  return "'" .. tostring(text):gsub("[%c]", " "):gsub("'", "''") .. "'"
end

function gnuplot.number(x)
  if x ~= x or x == math.huge or x == -math.huge then return "NaN" end
  return ("%.10g"):format(x)
end

--- Steps are counted in thousands or millions where they are many: the factor and its word.
function gnuplot.step_unit(greatest)
  if greatest >= 2e6 then return 1e6, ", millions" end
  if greatest >= 1e4 then return 1e3, ", thousands" end
  return 1, ""
end

local superscripts = { ["-"] = "⁻", ["0"] = "⁰", ["1"] = "¹", ["2"] = "²", ["3"] = "³", ["4"] = "⁴",
                       ["5"] = "⁵", ["6"] = "⁶", ["7"] = "⁷", ["8"] = "⁸", ["9"] = "⁹" }

--- Very small and very large values are drawn in powers of a thousand, so that the ticks stay short.
function gnuplot.value_unit(greatest)
  if greatest == 0 or greatest >= 0.01 and greatest < 1e5 then return 1, "" end
  local power = math.floor(math.log(greatest, 10) / 3 + 1e-9) * 3
  return 10.0 ^ power, " (×10" .. ("%d"):format(power):gsub(".", superscripts) .. ")"
end

--- The picture's kind and size. A PNG is drawn at twice the points, for sharp screens and print.
local function terminal(path, size)
  if path:find("%.svg$") then
    return ("set terminal svg size %d,%d dynamic font 'DejaVu Sans,Verdana,sans-serif,12' linewidth 1")
      :format(size.width, size.height)
  end
  return ("set terminal pngcairo size %d,%d font 'DejaVu Sans,21' linewidth 2 pointscale 2 dashlength 1")
    :format(size.width * 2, size.height * 2)
end

--- What all pictures begin with: where they go, and thin grey axes.
function gnuplot.look(path, size)
  return {
    terminal(path, size),
    "set output " .. gnuplot.quote(path),
    "set encoding utf8",
    "set datafile missing 'NaN'",
    "set format '%h'",
    "set border 3 lc rgb '#777777' lw 0.8",
    "set tics nomirror out scale 0.5 tc rgb '#333333'",
    "set grid ytics back lt 1 lc rgb '#E4E4E4' lw 0.8",
  }
end

--- Adds the title at the top, from `left` points on, and the note in small letters at the bottom, where there are such.
--- given: { title =, note = }; size: { width, height } in points
function gnuplot.captions(out, given, size, left, font)
  if given.title then
    out[#out + 1] = ("set label %s at screen %.5f, screen %.5f left noenhanced font ',%d' tc rgb '#111111'"):format(
      gnuplot.quote(given.title), left / size.width, 1 - 16 / size.height, font * 1.2 // 1)
  end
  if given.note then
    out[#out + 1] = ("set label %s at screen %.5f, screen %.5f right noenhanced font ',%d' tc rgb '#777777'"):format(
      gnuplot.quote(given.note), 1 - 12 / size.width, 11 / size.height, font * 0.85 // 1)
  end
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
function gnuplot.draw_whole(path, make)
  local temporary = ("%s.%d.tmp%s"):format(path, core.process.pid(), path:match("%.%a+$"))
  local ok, problem = pcall(run_gnuplot, make(temporary))
  if ok then ok, problem = os.rename(temporary, path) end
  if ok then return end
  os.remove(temporary)
  error(problem, 0)
end

--- Refuses a path that no picture can be drawn into: what takes long asks before, not after.
function gnuplot.check_path(path)
  if not path:find("%.png$") and not path:find("%.svg$") then
    error(("plot: %s: pictures are .png or .svg"):format(path), 0)
  end
  local folder = path:match("^(.*)/[^/]*$")
  if folder and folder ~= "" and lfs.attributes(folder, "mode") ~= "directory" then
    error(("plot: %s: there is no folder %s"):format(path, folder), 0)
  end
  if lfs.attributes(path, "mode") == "directory" then error(("plot: %s is a folder"):format(path), 0) end
end

--- The defaults with what is given instead; unknown options are refused.
function gnuplot.options(defaults, given, what)
  local chosen = {}
  for key, value in pairs(defaults) do chosen[key] = value end
  for key, value in pairs(given or {}) do
    if defaults[key] == nil then error(options.unknown(what, key, options.names(defaults)), 0) end
    chosen[key] = value
  end
  return chosen
end

function gnuplot.check_size(size, what)
  for _, key in ipairs { "width", "height" } do
    local value = size[key]
    if math.type(value) ~= "integer" or value < 100 or value > 10000 then
      error(("%s: %s %s; 100 to 10000 points"):format(what, key, tostring(value)), 0)
    end
  end
end

return gnuplot
