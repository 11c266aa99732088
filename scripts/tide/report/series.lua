--- The curves of a report as numbers for its page: those of runs, and means over seeds with their bands. Curves of more
--- points than the page can bear are thinned.
local curves = require "tide.curves"
local json = require "tide.json"
local options = require "tide.options"
local sweep = require "tide.sweep"

local series = {}

series.limits = {
  points = 500,    -- of a curve of evaluations, and the most of any other
  fewest = 50,     -- of any other
  in_all = 400000, -- of all the others
}

-- ---- which ----

local function rank(tag)
  if tag == "eval/return" then return 1 end
  if tag == "eval/score" then return 2 end
  if tag:find "^eval/" then return 3 end
  return tag:find "^rollout/" and 4 or 5
end

--- The tags to show, evaluations first: those that match a glob; all but clock readings without any.
function series.metrics(runs, globs)
  local all, chosen = curves.tags(runs), {}
  for _, tag in ipairs(all) do
    local wanted = #globs == 0 and not tag:find "^time/"
    for _, glob in ipairs(globs) do wanted = wanted or sweep.matches(glob, tag) end
    if wanted then chosen[#chosen + 1] = tag end
  end
  for _, glob in ipairs(globs) do
    local found = false
    for _, tag in ipairs(all) do found = found or sweep.matches(glob, tag) end
    if not found then error(options.unknown("--metric", glob, all), 0) end
  end
  table.sort(chosen, function(a, b)
    if rank(a) ~= rank(b) then return rank(a) < rank(b) end
    return a < b
  end)
  return chosen
end

-- ---- thinning ----

--- At most `most` of the points, evenly spaced, the first and the last among them.
local function thinned(values, most)
  local n = #values.x
  if n <= most then return values end
  local thin = { x = {}, y = {} }
  for k = 1, most do
    local i = 1 + math.floor((k - 1) * (n - 1) / (most - 1) + 0.5)
    thin.x[k], thin.y[k] = values.x[i], values.y[i]
  end
  return thin
end

-- ---- for the page ----

--- Six digits; null where it is no number.
local function short(x)
  if x ~= x or x == math.huge or x == -math.huge then return json.null end
  return tonumber(("%.6g"):format(x))
end

local function shortened(list)
  local out = {}
  for i, x in ipairs(list) do out[i] = short(x) end
  return out
end

--- Steps are kept once for all curves that share them: grid(x) -> the place of x in grids, from 0.
local function grid_keeper(grids)
  local places = {}
  return function(x)
    local steps = {}
    for i, step in ipairs(x) do steps[i] = math.tointeger(step) or step end
    local key = table.concat(steps, " ")
    if not places[key] then
      places[key] = #grids
      grids[#grids + 1] = steps
    end
    return places[key]
  end
end

--- The mean over a group's seeds with its bands: { g = grid, n, mean, range = { low, high }, std =, interval = }
local function average(members, tag, grid)
  local curve = curves.average({ runs = members }, tag, "range")
  if not curve then return nil end
  local one = { g = grid(curve.x), n = curve.n, mean = shortened(curve.mean) }
  if curve.n < 2 then return one end
  one.range = { shortened(curve.low), shortened(curve.high) }
  for _, band in ipairs(rank(tag) < 3 and { "std", "interval" } or { "std" }) do -- an interval is work
    local other = curves.average({ runs = members }, tag, band)
    one[band] = { shortened(other.low), shortened(other.high) }
  end
  return one
end

local function count_bad(y)
  local n = 0
  for _, x in ipairs(y) do
    if x ~= x or x == math.huge or x == -math.huge then n = n + 1 end
  end
  return n
end

--- A run's thinned values of every tag: { [tag] = { x, y } }. Adds to the remarks of runs which values are no numbers.
local function values_of(run, metrics, limit)
  local found, bad = {}, {}
  for _, tag in ipairs(metrics) do
    local values = curves.values(run, tag)
    if #values.x > 0 then
      local n = count_bad(values.y)
      if n > 0 then bad[#bad + 1] = ("%s %d"):format(tag, n) end
      found[tag] = limit(tag, values)
    end
  end
  if #bad > 0 then
    table.insert(run.remarks, ("%s: values that are no finite numbers leave gaps in the curves: %s"):format(run.dir,
      table.concat(bad, ", ", 1, math.min(6, #bad)) .. (#bad > 6 and ", ..." or "")))
  end
  return found
end

--- As curves.average reads a run.
local function as_rows(values, tag, run)
  local rows = {}
  for i, step in ipairs(values.x) do rows[i] = { step = step, [tag] = values.y[i] } end
  return { dir = run.dir, rows = rows }
end

local function group_curves(group, metrics, values, grid)
  local found = {}
  for _, tag in ipairs(metrics) do
    local members = {}
    for _, run in ipairs(group.runs) do
      local of_run = values[run][tag]
      if of_run then members[#members + 1] = as_rows(of_run, tag, run) end
    end
    found[tag] = #group.runs > 1 and average(members, tag, grid) or nil
  end
  return found
end

--- of(runs, groups, metrics) -> what the page draws, and what is to be said of the thinning, or nil:
---   { metrics, grids = { steps }, runs = { { name, seed, state, curves = { [tag] = { g = grid, y } } } },
---     groups = { { label, runs = places from 0, curves = { [tag] = average() } } } }
function series.of(runs, groups, metrics)
  local grids, values, place = {}, {}, {}
  local grid, cut = grid_keeper(grids), false
  local limits = series.limits
  local most = math.max(limits.fewest, math.min(limits.points, limits.in_all // math.max(1, #runs * #metrics)))
  local function limit(tag, found)
    local points = rank(tag) <= 3 and limits.points or most
    cut = cut or #found.x > points
    return thinned(found, points)
  end
  local data = { metrics = metrics, grids = grids, runs = {}, groups = {} }
  for i, run in ipairs(runs) do
    values[run], place[run] = values_of(run, metrics, limit), i - 1
    local one = { name = run.name, seed = run.seed, state = run.state, curves = {} }
    for tag, of_run in pairs(values[run]) do one.curves[tag] = { g = grid(of_run.x), y = shortened(of_run.y) } end
    data.runs[i] = one
  end
  for i, group in ipairs(groups) do
    local one = { label = group.label, runs = {}, curves = group_curves(group, metrics, values, grid) }
    for k, run in ipairs(group.runs) do one.runs[k] = place[run] end
    data.groups[i] = one
  end
  local remark = cut and ("Long curves are thinned to evenly spaced points: %d of evaluations, %d of the others.")
    :format(limits.points, most) or nil
  return data, remark
end

return series
