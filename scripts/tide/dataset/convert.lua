--- From D4RL's layout to Minari's, and back. Nothing is computed: arrays are cut into episodes, or joined.
local core = require "tide.core"
local json = require "tide.json"
local lfs = require "lfs"
local minari = require "tide.dataset.minari"
local options = require "tide.options"
local records = require "tide.records"
local words = require "tide.dataset.words"
local writing = require "tide.dataset.writing"

local defaults = {
  env = "auto",           -- the environment: its step limit, and its name in the file; the file's own otherwise
  max_episode_steps = 0,  -- cuts episodes that get this far, where the file does not; 0: the environment's
  id = "auto",            -- Minari's dataset_id; the folder's name otherwise
  force = false,          -- replace what is there
  report = false,         -- a function (rows done, rows in all), called now and then
}

local plural = words.plural

-- ---- to Minari ----

--- Box of Gymnasium, as Minari writes a space: text that holds bare Infinity, so not quite JSON.
local function box(array, low, high)
  local shape = table.concat(array.shape, ", ")
  local function all(value)
    local text = value
    for i = #array.shape, 1, -1 do text = "[" .. (text .. ", "):rep(array.shape[i] - 1) .. text .. "]" end
    return text
  end
  return ('{"type": "Box", "dtype": "%s", "shape": [%s], "low": %s, "high": %s}'):format(
    array.type == "boolean" and "int8" or array.type, shape, all(low), all(high))
end

--- Whole numbers of no shape are a choice among n actions.
local function action_space(source)
  local array = source.about.actions
  if #array.shape > 0 or array.type:find "^float" then return box(array, "-1.0", "1.0") end
  local most = source.arrays:scan("actions", 1, array.rows).greatest[1]
  return ('{"type": "Discrete", "dtype": "int64", "start": 0, "n": %d}'):format(math.tointeger(most) + 1)
end

--- Which rows and flags the k-th episode gets: first, last, whether its last next observation is its last row's own
--- (a stand-in), and whether its last row has to be marked as cut.
local function plan(source, found, k)
  local first, last, how = (found.last[k - 1] or 0) + 1, found.last[k], found.how[k]
  local has_next = source.about.next_observations ~= nil
  if has_next then return first, last, false, how == "limit" or how == "unmarked" end
  if how == "terminal" then return first, last, true, false end
  return first, last - 1, false, true -- the last row's observation is where the one before it led
end

local function write_episode(source, writer, group, first, last, stands_in, is_cut)
  local arrays, about = source.arrays, source.about
  local n = last - first + 1
  local function make(name, kind, shape, rows) return writer:array(group .. "/" .. name, kind, shape, rows) end
  local function copy(name, of, from, count) return writer:copy(group .. "/" .. name, arrays, of, from, count) end
  make("observations", about.observations.type, about.observations.shape, n + 1)
  copy("observations", "observations", first, n)
  if about.next_observations then copy("observations", "next_observations", last, 1)
  else copy("observations", "observations", stands_in and last or last + 1, 1) end
  make("actions", about.actions.type, about.actions.shape, n)
  copy("actions", "actions", first, n)
  make("rewards", about.rewards.type, {}, n)
  copy("rewards", "rewards", first, n)
  make("terminations", "boolean", {}, n)
  copy("terminations", "terminals", first, n)
  make("truncations", "boolean", {}, n)
  local timeouts = writing.timeouts(source, first, last)
  if is_cut then timeouts[n] = 1 end
  writer:append(group .. "/truncations", timeouts)
  for _, name in ipairs(source.names) do
    if name:find "^infos/" then
      make(name, about[name].type, about[name].shape, n)
      copy(name, name, first, n)
    end
  end
  writer:finish(group)
end

local function write_metadata(source, folder, id, episodes, steps)
  local size = lfs.attributes(folder .. "/main_data.hdf5", "size")
  local about = {
    total_episodes = episodes, total_steps = steps, data_format = "hdf5", minari_version = "0.5.0", dataset_id = id,
    observation_space = box(source.about.observations, "-Infinity", "Infinity"), action_space = action_space(source),
    dataset_size = math.floor(size / 1e5 + 0.5) / 10,
    description = "Converted by Tide from " .. source.path:match "[^/]*$",
    tide_env = source.definition and source.definition.name,
  }
  if source.metadata then core.tree_write(folder .. "/" .. minari.D4RL_METADATA, source.metadata) end
  core.process.write_file(folder .. "/metadata.json", json.encode(about, "  ") .. "\n")
end

local function tell_minari(source, found)
  local counts = found.counts
  if not source.about.next_observations then
    writing.note(source, ("no next_observations: %s left out, their observation ends the episode; %s as their own "
      .. "next observation"):format(plural(counts.timeout + counts.limit + counts.file, "cut row"),
      plural(counts.terminal, "terminal row")))
  end
  writing.note(source, ("%s at the step limit of %d marked as truncation"):format(plural(counts.limit, "episode end"),
    source.limit), counts.limit)
  writing.note(source, ("%s marked as truncation: the next observation is not the following row's"):format(
    plural(counts.unmarked, "unmarked cut")), counts.unmarked)
end

local function to_minari(source, output, set)
  output = output:gsub("/+$", "")
  local name = output:match "[^/]*$"
  local id = set.id ~= "auto" and set.id or name
  if not name:match "^[%w_-]+%-v%d+$" then
    error(("%s: Minari's datasets are folders NAME-vN, such as halfcheetah-medium-v0"):format(output), 0)
  end
  if not id:match "^[%w_/-]+%-v%d+$" then
    error(("dataset.convert: the id '%s' is not of the form NAME-vN, NAMESPACE/NAME-vN"):format(id), 0)
  end
  writing.make_room(output, set.force)
  local found = writing.ends(source, function(done, total) if set.report then set.report(done, 2 * total) end end)
  if not found.chained then
    error(("%s: the next observations of %s are not the following row's: Minari's layout, which keeps each observation "
      .. "once, would lose them"):format(source.path, plural(found.broken, "row")), 0)
  end
  local folder = output .. "/data"
  records.make_folder(folder)
  os.remove(folder .. "/metadata.json") -- of what was there; without it a folder that is half written is no dataset
  os.remove(folder .. "/" .. minari.D4RL_METADATA)
  local _ <close> = setmetatable({}, { __close = function() -- after a failure; folders that hold anything stay
    lfs.rmdir(folder)
    lfs.rmdir(output)
  end })
  local writer <close> = core.arrays_writer(folder .. "/main_data.hdf5")
  local episodes, steps = 0, 0
  for k = 1, #found.last do
    local first, last, stands_in, is_cut = plan(source, found, k)
    if last >= first then
      local group = "episode_" .. episodes
      write_episode(source, writer, group, first, last, stands_in, is_cut)
      writer:integer(group, "id", episodes):integer(group, "total_steps", last - first + 1)
      episodes, steps = episodes + 1, steps + last - first + 1
    end
    if set.report then set.report(found.rows + found.last[k], 2 * found.rows) end
  end
  if episodes == 0 then error(source.path .. ": no transition has a known next observation", 0) end
  writer:commit()
  write_metadata(source, folder, id, episodes, steps)
  tell_minari(source, found)
  return { to = "minari", path = output, rows = steps, episodes = episodes, notes = source.notes }
end

-- ---- to D4RL ----

local BLOCK = 4096

local function to_d4rl(source, output, set)
  if not output:match "%.h5$" and not output:match "%.hdf5$" then
    error(("%s: D4RL's datasets are files .hdf5 or .h5"):format(output), 0)
  end
  writing.make_room(output, set.force)
  local arrays, unmarked = source.arrays, 0
  local rows, n_episodes = arrays:count(), arrays:episodes()
  local is_end = {}
  for i = 1, n_episodes do
    local first, n = arrays:episode(i)
    if n > 0 then is_end[first + n - 1] = true end
  end
  local writer <close> = core.arrays_writer(output)
  writing.make_d4rl(source, writer)
  for first = 1, rows, BLOCK do
    local n = math.min(BLOCK, rows - first + 1)
    for _, name in ipairs(source.names) do
      if name ~= "timeouts" then writer:copy(name, arrays, name, first, n) end
    end
    local terminals, timeouts = arrays:numbers("terminals", first, n), writing.timeouts(source, first, first + n - 1)
    for k = 1, n do
      local row = first + k - 1
      if is_end[row] and row < rows and terminals[k] == 0 and timeouts[k] == 0 then
        timeouts[k], unmarked = 1, unmarked + 1
      end
    end
    writer:append("timeouts", timeouts)
    if set.report then set.report(first + n - 1, rows) end
  end
  local kept = minari.d4rl_metadata(source.path)
  local metadata = kept or source.metadata and { env = source.definition and source.definition.name
    or source.metadata.env, dataset = source.metadata.dataset_id, converted_from = "Minari" }
  if metadata then writer:metadata(metadata) end
  writer:commit()
  writing.note(source, plural(unmarked, "episode end") .. " without a flag marked as timeout", unmarked)
  for _, name in ipairs(source.names) do
    if name:find "^infos/" then
      writing.note(source, "infos: what there is after an episode's last step has no place in D4RL's layout")
      break
    end
  end
  return { to = "d4rl", path = output, rows = rows, episodes = n_episodes, notes = source.notes }
end

--- convert(input, output, given) -> { to = "minari" or "d4rl", path =, rows =, episodes =, notes = lines }
--- A D4RL file becomes a Minari dataset, the folder `output`; a Minari dataset becomes the D4RL file `output`.
local function convert(input, output, given)
  local set = options.merge(defaults, given, "dataset.convert")
  local source = writing.open(input, set)
  local _ <close> = source.arrays -- closed on every way out
  return (source.is_minari and to_d4rl or to_minari)(source, output, set)
end

return convert
