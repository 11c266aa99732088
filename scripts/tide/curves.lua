--- Learning curves from run folders: read, put together where only the seed differs, averaged.
local json = require "tide.json"
local lfs = require "lfs"
local statistics = require "tide.statistics"

local curves = {}

-- ---- reading ----

--- The rows of a metrics.jsonl and the number of lines that are no row: a run that was killed may
--- end within a line.
local function read_rows(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, problem end
  local rows, damaged = {}, 0
  for line in file:lines() do
    local row = json.decode(line)
    if type(row) == "table" and json.number(row.step) then
      rows[#rows + 1] = row
    elseif line:find("%S") then
      damaged = damaged + 1
    end
  end
  file:close()
  return rows, damaged
end

curves.rows = read_rows

local function is_file(path)
  return lfs.attributes(path, "mode") == "file"
end

--- The run in the folder `dir`: { dir, name, config, rows, damaged }; config is nil where there is no file of it.
function curves.read(dir)
  dir = #dir > 1 and dir:gsub("/+$", "") or dir
  local rows, damaged = read_rows(dir .. "/metrics.jsonl")
  if not rows then error(("%s is not a run: %s"):format(dir, damaged), 0) end
  local config
  if is_file(dir .. "/config.json") then
    local problem
    config, problem = json.read(dir .. "/config.json")
    if type(config) ~= "table" then error(problem or dir .. "/config.json: not an object", 0) end
  end
  return { dir = dir, name = dir:match("[^/]+$"), config = config, rows = rows, damaged = damaged }
end

--- Runs, in the order given. A path is a run's folder or a folder of such folders.
function curves.runs(paths)
  local runs = {}
  for _, path in ipairs(paths) do
    local mode = lfs.attributes(path, "mode")
    if mode ~= "directory" then
      error(mode and path .. " is not a folder" or path .. ": there is no such folder", 0)
    end
    if is_file(path .. "/metrics.jsonl") then
      runs[#runs + 1] = curves.read(path)
    else
      local names = {}
      for name in lfs.dir(path) do
        if is_file(path .. "/" .. name .. "/metrics.jsonl") then names[#names + 1] = name end
      end
      if #names == 0 then error(path .. " holds no metrics.jsonl, nor do the folders in it", 0) end
      table.sort(names)
      for _, name in ipairs(names) do runs[#runs + 1] = curves.read(path:gsub("/+$", "") .. "/" .. name) end
    end
  end
  return runs
end

--- The tags of runs, sorted.
function curves.tags(runs)
  local seen, tags = {}, {}
  for _, run in ipairs(runs) do
    for _, row in ipairs(run.rows) do
      for tag in pairs(row) do
        if tag ~= "step" and not seen[tag] then
          seen[tag] = true
          tags[#tags + 1] = tag
        end
      end
    end
  end
  table.sort(tags)
  return tags
end

-- ---- groups ----

--- Parts of a configuration that do not make another experiment.
local incidental = { name = true, out = true, threads = true }

--- A list as words: { 256, 256 } is "256-256", { { name = "gravity", factor = 2 } } is "gravity 2".
local function list_words(list)
  local words = {}
  for i, item in ipairs(list) do
    if type(item) == "table" then
      local names, parts = {}, { item.name }
      for key in pairs(item) do names[#names + 1] = key ~= "name" and tostring(key) or nil end
      table.sort(names)
      for _, name in ipairs(names) do parts[#parts + 1] = json.encode(item[name]) end
      words[i] = table.concat(parts, " ")
    else
      words[i] = tostring(math.tointeger(item) or item)
    end
  end
  return table.concat(words, type(list[1]) == "table" and " + " or "-")
end

--- config as { ["agent.beta"] = "0.01", ... }, without seeds and what is incidental.
local function flatten(config, prefix, flat)
  for key, value in pairs(config) do
    local path = prefix and prefix .. "." .. tostring(key) or tostring(key)
    if key ~= "seed" and (prefix or not incidental[key]) then
      if type(value) ~= "table" then
        flat[path] = tostring(math.tointeger(value) or value)
      elseif value[1] ~= nil then
        flat[path] = list_words(value)
      elseif next(value) == nil then
        flat[path] = "false"
      else
        flatten(value, path, flat)
      end
    end
  end
  return flat
end

--- What tells experiments apart at first sight, in the order of a label.
local headlines = { "agent.name", "agent", "real.env", "real.dataset", "sim.gap" }

local function is_headline(path)
  for _, headline in ipairs(headlines) do
    if path == headline then return true end
  end
  return false
end

--- Whether two groups have unlike values at `path`; other than for headlines only those of one agent
--- count, for another agent has other options throughout.
local function tells_apart(groups, path)
  local first_by_agent = {}
  for _, group in ipairs(groups) do
    local agent = is_headline(path) and "any" or group.flat["agent.name"] or "any"
    local value = group.flat[path] or "false"
    if first_by_agent[agent] == nil then first_by_agent[agent] = value end
    if first_by_agent[agent] ~= value then return true end
  end
  return false
end

--- Having a dataset or none follows from the agent; having this or that one is worth a word.
local function is_plain_absence(groups, path)
  if path ~= "real.dataset" then return false end
  local seen
  for _, group in ipairs(groups) do
    local value = group.flat[path] or "false"
    if value ~= "false" and seen and value ~= seen then return false end
    if value ~= "false" then seen = value end
  end
  return tells_apart(groups, "agent.name")
end

--- The paths that a label names.
local function telling_paths(groups)
  local others, seen, paths = {}, {}, {}
  for _, group in ipairs(groups) do
    for path in pairs(group.flat) do
      if not seen[path] and not is_headline(path) then others[#others + 1] = path end
      seen[path] = true
    end
  end
  table.sort(others)
  for _, list in ipairs { headlines, others } do
    for _, path in ipairs(list) do
      if tells_apart(groups, path) and not is_plain_absence(groups, path) then paths[#paths + 1] = path end
    end
  end
  return paths
end

local function base_name(group)
  return (group.runs[1].name:gsub("%-%d+$", ""):gsub("%-seed%d+$", ""))
end

--- Labels made of the values that groups do not share: "sac", "h2o, beta 0.01"; the runs' name where
--- that would be long.
local function name_groups(groups)
  local paths = telling_paths(groups)
  for _, group in ipairs(groups) do
    local words = {}
    for _, path in ipairs(paths) do
      local value, last = group.flat[path], path:match("[^.]+$"):gsub("_", " ")
      if value == "false" or value == nil and is_headline(path) then
        words[#words + 1] = "no " .. last
      elseif value and is_headline(path) then
        words[#words + 1] = value:match("([^/]+)$"):gsub("%.h5$", "")
      elseif value then
        words[#words + 1] = last .. " " .. value
      end
    end
    group.label = #words > 0 and #words <= 4 and table.concat(words, ", ") or base_name(group)
  end
end

--- Runs that differ only in seed, name, folder and threads, together: a sequence of
--- { label, runs }, in the order of their first runs. Without a configuration the name decides.
function curves.group(runs)
  local groups, by_key = {}, {}
  for _, run in ipairs(runs) do
    local flat = flatten(run.config or {}, nil, {})
    local key = run.config and json.encode(flat) or "name " .. base_name { runs = { run } }
    local group = by_key[key]
    if not group then
      group = { runs = {}, flat = flat }
      by_key[key] = group
      groups[#groups + 1] = group
    end
    group.runs[#group.runs + 1] = run
  end
  name_groups(groups)
  local taken = {}
  for _, group in ipairs(groups) do
    while taken[group.label] do group.label = group.label .. "'" end
    taken[group.label] = true
  end
  return groups
end

-- ---- averages ----

--- One run's values of `metric`: { x, y }, by rising step; the later of two lines at one step counts.
function curves.values(run, metric)
  local at, x, y = {}, {}, {}
  for _, row in ipairs(run.rows) do
    local step, value = json.number(row.step), json.number(row[metric])
    if value then
      if not at[step] then x[#x + 1] = step end
      at[step] = value
    end
  end
  table.sort(x)
  for i, step in ipairs(x) do y[i] = at[step] end
  return { x = x, y = y }
end

--- values at `x` between its first and last step, by straight lines; `from` is an index at or before it.
local function interpolate(values, x, from)
  local i = from
  while values.x[i + 1] and values.x[i + 1] <= x do i = i + 1 end
  if values.x[i] == x then return values.y[i], i end
  local share = (x - values.x[i]) / (values.x[i + 1] - values.x[i])
  return values.y[i] + share * (values.y[i + 1] - values.y[i]), i
end

local INTERVAL_REPLICATES = 500 -- a curve has many points

local function mean_of(strata) return statistics.mean(strata[1]) end

--- Mean, and a band: "range" (least to greatest), "std" (one standard deviation, n - 1), "interval" (95 %, bootstrap)
--- or "none".
local function summarise(sample, band)
  local sum, low, high = 0, math.huge, -math.huge
  for _, v in ipairs(sample) do
    sum, low, high = sum + v, math.min(low, v), math.max(high, v)
  end
  local mean = sum / #sample
  if band == "interval" and #sample > 1 then
    if mean ~= mean or mean == math.huge or mean == -math.huge then return mean, mean, mean end
    return mean, statistics.interval({ sample }, mean_of, { replicates = INTERVAL_REPLICATES })
  end
  if band ~= "std" or #sample < 2 then return mean, low, high end
  local squares = 0
  for _, v in ipairs(sample) do squares = squares + (v - mean) ^ 2 end
  local std = math.sqrt(squares / (#sample - 1))
  return mean, mean - std, mean + std
end

--- A group's curve: { x, mean, low, high, n, short }. It covers the steps that every run reaches, so that
--- no mean changes its members on the way; `short` names runs that end early. nil without the metric.
function curves.average(group, metric, band)
  local all, first, last, furthest = {}, -math.huge, math.huge, -math.huge
  for _, run in ipairs(group.runs) do
    local values = curves.values(run, metric)
    if #values.x > 0 then
      all[#all + 1] = values
      values.run = run
      first, last = math.max(first, values.x[1]), math.min(last, values.x[#values.x])
      furthest = math.max(furthest, values.x[#values.x])
    end
  end
  if #all == 0 then return nil end
  local curve = { x = {}, mean = {}, low = {}, high = {}, n = #all, short = {} }
  local grid, seen = {}, {}
  for _, values in ipairs(all) do
    if values.x[#values.x] < furthest then curve.short[#curve.short + 1] = values.run.dir end
    for _, step in ipairs(values.x) do
      if step >= first and step <= last and not seen[step] then
        seen[step] = true
        grid[#grid + 1] = step
      end
    end
  end
  table.sort(grid)
  local from = {}
  for i, step in ipairs(grid) do
    local sample = {}
    for k, values in ipairs(all) do
      sample[k], from[k] = interpolate(values, step, from[k] or 1)
    end
    curve.x[i] = step
    curve.mean[i], curve.low[i], curve.high[i] = summarise(sample, band)
  end
  return curve
end

return curves
