--- The tables of a report that are not of results: how runs ended, and in what their configurations differ.
local json = require "tide.json"
local progress = require "tide.progress"

local blocks = {}

-- ---- how runs ended ----

--- What a run is made by; where all agree it is said once.
local facts = {
  { "commit", function(record) return record.commit end },
  { "Tide", function(_, versions) return versions.tide end },
  { "Lua", function(_, versions) return versions.lua end },
  { "MuJoCo", function(_, versions) return versions.mujoco end },
  { "HDF5", function(_, versions) return versions.hdf5 end },
  { "OpenBLAS", function(_, versions)
    return versions.openblas and (tostring(versions.openblas):match "%d+%.%d+%.%d+" or versions.openblas)
  end },
  { "kernel", function(_, versions) return versions.kernel end },
  { "products", function(_, versions) return versions.products end },
  { "threads", function(_, versions) return versions.threads and math.tointeger(versions.threads) end },
}

local function fact_of(run, fact)
  local versions = type(run.record.versions) == "table" and run.record.versions or {}
  local value = fact[2](run.record, versions)
  return value and tostring(value) or ""
end

--- -> those that all runs share, as a text; those that they don't
local function split_facts(runs)
  local shared, unlike = {}, {}
  for _, fact in ipairs(facts) do
    local value, differ
    for _, run in ipairs(runs) do
      if next(run.record) then
        local own = fact_of(run, fact)
        differ = differ or value and own ~= value
        value = value or own
      end
    end
    if differ then unlike[#unlike + 1] = fact elseif value and value ~= "" then
      shared[#shared + 1] = fact[1] .. " " .. value
    end
  end
  return table.concat(shared, ", "), unlike
end

local function figure(x, decimals)
  if not x then return "" end
  return { text = x ~= x and "no number" or ("%." .. decimals .. "f"):format(x), sort = x == x and x or nil }
end

local function updates_cell(run)
  if run.state == "waiting" then return { text = "", sort = 0 } end
  local text = progress.grouped(run.updates)
  if run.steps and run.steps ~= run.updates then text = text .. " of " .. progress.grouped(run.steps) end
  return { text = text, sort = run.updates }
end

local function short_commit(commit)
  return { text = commit:gsub("^(%x%x%x%x%x%x%x%x%x%x)%x+", "%1"), title = commit }
end

--- When it began or ended, to the minute.
local function time_cell(stamp)
  if type(stamp) ~= "string" then return "" end
  local day, minute = stamp:match "^(%d+%-%d+%-%d+)T(%d+:%d+)"
  return { text = day and day .. " " .. minute or stamp, sort = stamp, title = stamp }
end

local function optional_columns(runs)
  local has = {}
  for _, run in ipairs(runs) do
    has.problem = has.problem or run.state == "failed"
    has.resumed = has.resumed or type(run.record.resumed) == "table" and #run.record.resumed > 0
    has.score = has.score or run.score
    has.return_ = has.return_ or run.last_return
    has.command = has.command or run.record.command
  end
  return has
end

local function command_text(command)
  if type(command) == "table" then return table.concat(command, " ") end
  return type(command) == "string" and command or ""
end

--- A table of the runs, and the facts that all of them share. labels[run]: the groups that it is in
function blocks.runs(runs, labels)
  local shared, unlike = split_facts(runs)
  local has = optional_columns(runs)
  local block = { caption = "Runs", left = 4, head = { "run", "experiment", "seed", "state" }, rows = {} }
  local function head(word, wanted)
    if wanted ~= nil and wanted ~= false then block.head[#block.head + 1] = word end
  end
  head("updates", true)
  head("time", true)
  head("last return", has.return_)
  head("score", has.score)
  head("begun, UTC", true)
  head("ended, UTC", true)
  head("resumed", has.resumed)
  for _, fact in ipairs(unlike) do head(fact[1], true) end
  head({ text = "problem", class = "long" }, has.problem)
  head({ text = "command", class = "long" }, has.command)
  for i, run in ipairs(runs) do
    local row = {}
    local function put(cell, wanted)
      if wanted ~= nil and wanted ~= false then row[#row + 1] = cell end
    end
    put({ text = run.name, title = run.dir }, true)
    put({ text = table.concat(labels[run], ", "), class = "long" }, true)
    put({ text = run.seed and ("%d"):format(run.seed) or "", sort = run.seed }, true)
    put({ text = run.state, class = "state " .. run.state }, true)
    put(updates_cell(run), true)
    put(run.seconds and { text = progress.duration(run.seconds), sort = run.seconds } or "", true)
    put(figure(run.last_return, 1), has.return_)
    put(figure(run.score, 1), has.score)
    put(time_cell(run.record.started), true)
    put(time_cell(run.record.ended), true)
    put({ text = ("%d"):format(type(run.record.resumed) == "table" and #run.record.resumed or 0) }, has.resumed)
    for _, fact in ipairs(unlike) do
      local value = fact_of(run, fact)
      put(fact[1] == "commit" and short_commit(value) or value, true)
    end
    put({ text = run.problem and tostring(run.problem) or "", class = "long" }, has.problem)
    put({ text = command_text(run.record.command), class = "long code" }, has.command)
    block.rows[i] = row
  end
  return block, shared
end

-- ---- differences ----

--- Parts of a configuration that make no other experiment.
local incidental = { name = true, seed = true, out = true, threads = true }

--- { agent = { beta = 0.01, hidden = { 256, 256 } } } as { ["agent.beta"] = "0.01", ["agent.hidden"] = "[256, 256]" }
local function flatten(config, prefix, flat)
  for key, value in pairs(config) do
    local path = prefix and prefix .. "." .. tostring(key) or tostring(key)
    if prefix or not incidental[key] then
      if type(value) == "table" and value[1] == nil and next(value) then
        flatten(value, path, flat)
      elseif type(value) == "table" and next(value) then
        flat[path] = json.encode(value, " "):gsub("%s+", " ")
      else
        flat[path] = type(value) == "table" and "none" or type(value) == "string" and value or json.encode(value)
      end
    end
  end
  return flat
end

--- The configuration of a group: what its runs share, "a | b" where they don't; nil where none of them has one.
local function flat_config(group)
  local flat, seen = {}, {}
  for _, run in ipairs(group.runs) do
    for key, value in pairs(flatten(run.config or {}, nil, {})) do
      seen[key] = seen[key] or {}
      if not seen[key][value] then
        seen[key][value] = true
        flat[key] = flat[key] and flat[key] .. " | " .. value or value
      end
    end
  end
  return next(flat) and flat or nil
end

--- The keys in whose values the groups differ, one a line, a column for each group with a configuration; nil where
--- there are fewer than two of these.
function blocks.differences(groups)
  local block = { caption = "Configuration: what differs", class = "differences", left = 1, head = { "key" },
    rows = {} }
  local flats, places, values = {}, {}, {}
  for i, group in ipairs(groups) do
    local flat = flat_config(group)
    if flat then
      flats[#flats + 1], places[#places + 1] = flat, i - 1
      block.head[#block.head + 1] = { text = group.label, group = i - 1 }
      for key in pairs(flat) do values[key] = true end
    end
  end
  if #flats < 2 then return nil end
  local keys = {}
  for key in pairs(values) do
    for _, flat in ipairs(flats) do
      if flat[key] ~= flats[1][key] then
        keys[#keys + 1] = key
        break
      end
    end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local row = { { text = key, class = "code" } }
    for i, flat in ipairs(flats) do row[i + 1] = { text = flat[key] or "–", group = places[i] } end
    block.rows[#block.rows + 1] = row
  end
  return block
end


return blocks
