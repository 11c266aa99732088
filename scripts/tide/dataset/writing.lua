--- What converting and taking parts of datasets share: a file opened and checked, arrays carried to a new one.
local core = require "tide.core"
local dataset = require "tide.dataset"
local ends = require "tide.dataset.ends"
local lfs = require "lfs"
local records = require "tide.records"

local writing = {}

--- The arrays that every dataset has, under D4RL's names; all others stand in the group infos.
local PARTS = { "observations", "actions", "rewards", "next_observations", "terminals", "timeouts" }
local FLAGS = { terminals = true, timeouts = true }

--- open(path, set) -> a source: arrays, about (name -> array), names of those that are carried, metadata, definition of
--- the environment, limit, and notes, to which is added what is left out. Refuses what reading refuses.
--- set: env ("auto" or a name), max_episode_steps
function writing.open(path, set)
  local metadata = dataset.metadata(path)
  local definition = dataset.environment_of(path, metadata, set.env ~= "auto" and set.env or nil)
  local limit = set.max_episode_steps
  if limit == 0 and definition then limit = definition.max_episode_steps end
  core.dataset_survey(path, { max_episode_steps = limit }):close() -- the arrays are there and go together
  local source = { path = path, arrays = core.arrays_open(path), about = {}, names = {}, metadata = metadata,
    definition = definition, limit = limit, notes = {} }
  source.is_minari = source.arrays:layout() == "minari"
  local rows, wanted = source.arrays:count(), {}
  for _, name in ipairs(PARTS) do wanted[name] = true end
  for _, array in ipairs(source.arrays:list()) do
    local why = array.fault
    if not why and array.rows ~= rows then
      why = ("%s has %d rows, observations %d"):format(array.name, array.rows, rows)
    end
    if not why and not wanted[array.name] and not array.name:find "^infos/" then
      why = array.name .. " is not an array of the layout, and not in infos"
    end
    if why then writing.note(source, "left out: " .. why)
    else
      array.across = 1
      for _, d in ipairs(array.shape) do array.across = array.across * d end
      source.about[array.name] = array
      source.names[#source.names + 1] = array.name
    end
  end
  table.sort(source.names)
  return source
end

--- A line of the report; nothing where n is 0.
function writing.note(source, text, n)
  if n ~= 0 then source.notes[#source.notes + 1] = text end
end

--- The ends of the source's episodes; refuses nothing, for flags other than 0 and 1 are refused when they are copied.
function writing.ends(source, report)
  return ends.find(source.arrays, { max_episode_steps = source.limit, report = report })
end

--- Makes the arrays of D4RL's layout in a writer: floats of a Minari file become float32, flags booleans, (N, 1) of
--- rewards and flags (N).
function writing.make_d4rl(source, writer)
  local rounded = {}
  local function make(name, of)
    local array = source.about[of]
    local is_info, shape, kind = name:find "^infos/", array.shape, array.type
    if name == "rewards" or FLAGS[name] then shape = {} end
    if FLAGS[name] then kind = "boolean" end
    if source.is_minari and not is_info and kind == "float64" then
      kind = "float32"
      rounded[#rounded + 1] = name
    end
    writer:array(name, kind, shape)
  end
  for _, name in ipairs(source.names) do make(name, name) end
  if not source.about.timeouts then writer:array("timeouts", "boolean", {}) end
  if not source.about.next_observations then make("next_observations", "observations") end
  writing.note(source, "rounded from float64 to float32: " .. table.concat(rounded, ", "), #rounded)
end

--- Refuses a file or folder that is there, unless `force`; makes the folder it stands in.
function writing.make_room(path, force)
  if not force and lfs.attributes(path, "mode") then
    error(("%s is there already; --force replaces it"):format(path), 0)
  end
  local folder = path:match("^(.+)/[^/]*$")
  if folder then records.make_folder(folder) end
end

--- The numbers of rows `first` to `last` of the timeouts, 0 where the file has none.
function writing.timeouts(source, first, last)
  if source.about.timeouts then return source.arrays:numbers("timeouts", first, last - first + 1) end
  local zeros = {}
  for i = 1, last - first + 1 do zeros[i] = 0 end
  return zeros
end

return writing
