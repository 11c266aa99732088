--- The chart library that goes into a report: Chart.js, as Debian packages it.
local library = {}

--- Where packages put it.
library.places = {
  "/usr/share/javascript/chart.js/chart.min.js",
  "/usr/share/javascript/chart.js/chart.umd.js",
  "/usr/share/nodejs/chart.js/dist/chart.min.js",
  "/usr/share/nodejs/chart.js/dist/chart.umd.js",
}

local function read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

--- -> its text, its version. TIDE_CHART_JS names a file of one's own.
function library.load()
  local own = os.getenv "TIDE_CHART_JS"
  local candidates = own and own ~= "" and { own } or library.places
  for _, path in ipairs(candidates) do
    local text = read(path)
    if text then
      local version = text:sub(1, 4096):match "Chart%.js v(%d+[%d.]*)"
      if not version or tonumber(version:match "^%d+") < 3 then
        error(("report: %s is no Chart.js of version 3 or later"):format(path), 0)
      end
      return text, version
    end
  end
  if own and own ~= "" then error(("report: TIDE_CHART_JS names %s, which cannot be read"):format(own), 0) end
  error("report: the page's charts need Chart.js (Debian: apt-get install libjs-chart.js); it is not in " ..
    library.places[1], 0)
end

return library
