--- Datasets: reading D4RL's and Minari's files, and saying what is in them. Looking closer, converting and taking
--- parts stand in dataset/.
local core = require "tide.core"
local env = require "tide.env"
local minari = require "tide.dataset.minari"
local options = require "tide.options"

local dataset = {}

--- What `dataset.read` takes.
dataset.defaults = {
  max_episode_steps = 0, -- cuts an episode that gets this far, where the file does not; 0: never
  observation_dim = 0,   -- keeps so many numbers of wider observations, if the others are all zero; 0: all
  infos = false,         -- also infos/qpos and infos/qvel, for data:state(row)
}

--- read(path, given) -> a dataset; #data, data:rows(name, first, n), data:statistics(), data:info() ...
--- path: a D4RL file, or a Minari dataset: its folder or its main_data.hdf5.
function dataset.read(path, given)
  return core.dataset_read(path, options.merge(dataset.defaults, given, "dataset.read"))
end

--- What a file says about itself: D4RL's group `metadata`, or Minari's metadata.json with `env` added. nil where it
--- says nothing that can be read.
function dataset.metadata(path)
  local folder = minari.folder(path)
  if folder then return minari.metadata(path) end
  local ok, metadata = pcall(core.tree_read, path, "metadata", true)
  return ok and metadata or nil
end

-- How public files are called, and what their data are of.
local prefixes = { halfcheetah = "HalfCheetah", hopper = "Hopper", walker2d = "Walker2d", ant = "Ant" }

--- environment_of(path, metadata, named) -> a definition and how it is known: "given" by `named`, "metadata", or
--- "file name", as of halfcheetah_medium-v2.hdf5; nil where it is not.
function dataset.environment_of(path, metadata, named)
  if named then return env.get(named), "given" end
  if metadata and type(metadata.env) == "string" then
    local known, definition = pcall(env.get, metadata.env)
    if known then return definition, "metadata" end -- a foreign file may name what it likes
  end
  local name = path:gsub("/+$", ""):match("[^/]*$"):lower():match("^(%w+)[_-]")
  if prefixes[name] then return env.get(prefixes[name]), "file name" end
  return nil
end

--- The two scores that returns are measured by, and their name: given, or the environment's; nil where none is known.
local function reference_scores(random, expert, definition)
  if random and expert then return { random = random, expert = expert }, "given" end
  if random or expert then error("dataset.info: random and expert go together", 0) end
  if definition then return definition.reference_scores, definition.name end
end

local info_defaults = {
  max_episode_steps = 0,
  env = "auto",      -- whose reference scores and step limit: a name; the file's own otherwise
  random = "auto",   -- reference scores of one's own
  expert = "auto",
  report = false,    -- a function (rows done, rows in all), called now and then
}

local function present(value)
  if value == "auto" then return nil end
  return value
end

local Info = {}
Info.__index = Info

--- Observations that are zero in every row: as D4RL's Ant has them.
local function count_zeros(info)
  local zeros = 0
  for i, mean in ipairs(info.observation_mean) do
    if mean == 0 and info.observation_std[i] == 0 then zeros = zeros + 1 end
  end
  return zeros
end

--- info(path, given) -> a table of counts, returns and scores; tostring(info) is text for people. The file is gone
--- through block by block: memory does not grow with it.
function dataset.info(path, given)
  local set = options.merge(info_defaults, given, "dataset.info")
  local metadata = dataset.metadata(path)
  local definition, how = dataset.environment_of(path, metadata, present(set.env))
  local scores, whose = reference_scores(present(set.random), present(set.expert), definition)
  local steps = set.max_episode_steps
  if steps == 0 and definition then steps = definition.max_episode_steps end
  local survey <close> = core.dataset_survey(path, { max_episode_steps = steps })
  local done, total
  repeat
    done, total = survey:step()
    if set.report then set.report(done, total) end
  until done == total
  local info = survey:info()
  info.path, info.metadata = path, metadata
  info.env, info.env_from = definition and definition.name, how
  if scores then
    info.reference_scores, info.scores_of = scores, whose
    for _, which in ipairs { "min", "mean", "max" } do
      local value = info["return_" .. which]
      info["score_" .. which] = value and env.normalised_score({ reference_scores = scores }, value)
    end
  end
  local mean, std = survey:statistics()
  info.observation_mean, info.observation_std = mean:totable(), std:totable()
  info.zero_observations = count_zeros(info)
  return setmetatable(info, Info)
end

--- stray_terminals(data, definition) -> how many terminal rows are no ends of that environment, of how many looked at.
function dataset.stray_terminals(data, definition)
  return require("tide.dataset.replay").stray(data, definition)
end

-- Read when first asked for: they need this module.
local rooms = { verify = "tide.dataset.verify", convert = "tide.dataset.convert", subset = "tide.dataset.subset" }
setmetatable(dataset, { __index = function(_, name)
  if not rooms[name] then return nil end
  dataset[name] = require(rooms[name])
  return dataset[name]
end })

-- ---- in words ----

local function plural(n, word)
  return ("%d %s%s"):format(n, word, n == 1 and "" or "s")
end

--- Single values of the metadata, by name; groups and arrays by their kind.
local function metadata_lines(metadata, indent, lines)
  for _, name in ipairs(options.names(metadata)) do
    local value = metadata[name]
    if type(value) == "table" and not options.is_list(value) then
      lines[#lines + 1] = ("%s%s/"):format(indent, name)
      metadata_lines(value, indent .. "  ", lines)
    elseif type(value) == "table" then
      lines[#lines + 1] = ("%s%s: %s"):format(indent, name, plural(#value, "value"))
    elseif type(value) == "userdata" then
      lines[#lines + 1] = ("%s%s: array (%s)"):format(indent, name, table.concat(value.shape, ", "))
    else
      local text = tostring(value):gsub("%c", " ")
      lines[#lines + 1] = ("%s%s: %s"):format(indent, name, #text > 80 and text:sub(1, 77) .. "..." or text)
    end
  end
end

--- What was done about a file's defects when it was read, a line each.
function dataset.notes(info)
  local lines = {}
  local function add(n, ...) if n > 0 then lines[#lines + 1] = string.format(...) end end
  if info.next_observations == "next row" then
    add(1, "no next_observations: they are the next row's observation; %s of %d without one left out",
      plural(info.dropped, "row"), info.file_rows)
    add(info.stand_ins, "%s without a next observation: its own stands in, nothing is bootstrapped from it",
      plural(info.stand_ins, "terminal row"))
  end
  if info.timeouts_from == "max_episode_steps" then
    add(1, "no timeouts: episodes are cut at the step limit, %s", plural(info.timeouts, "cut"))
  end
  add(info.unmarked_cuts, "%s whose next observation is not the next row's, though nothing marks a cut: they count "
    .. "as cut", plural(info.unmarked_cuts, "row"))
  add(info.zero_columns, "observations of %d numbers, the last %d zero in every row: left away",
    info.observation_dim + info.zero_columns, info.zero_columns)
  add(info.unmarked_ends, "%s without a flag: they count as cut", plural(info.unmarked_ends, "episode end"))
  return lines
end

local timeouts_from = {
  file = "marked in the file", max_episode_steps = "by the step limit; the file marks none",
  none = "the file marks none and no step limit is given",
}

function Info:__tostring()
  local lines = { ("%s: %s, %s, %s"):format(self.path, plural(self.rows, "transition"),
    plural(self.observation_dim, "observation"), plural(self.action_dim, "action")) }
  local function add(label, ...)
    lines[#lines + 1] = ("  %-18s %s"):format(label, string.format(...))
  end
  if self.episodes > 0 then
    add("episodes", "%d of %d to %d steps (mean %.1f)%s", self.episodes, self.length_min, self.length_max,
      self.length_mean, self.unfinished > 0 and (", and %s unfinished"):format(plural(self.unfinished, "row")) or "")
    add("returns", "mean %.1f, min %.1f, max %.1f", self.return_mean, self.return_min, self.return_max)
  else
    add("episodes", "none ends in the file")
  end
  if self.score_mean then
    add("normalised scores", "mean %.1f, min %.1f, max %.1f (%s%s: random %g, expert %g)", self.score_mean,
      self.score_min, self.score_max, self.scores_of, self.env_from == "file name" and ", by the file's name" or "",
      self.reference_scores.random, self.reference_scores.expert)
  end
  add("ends", "%s, %s (%s)", plural(self.terminals, "terminal"), plural(self.timeouts, "timeout"),
    timeouts_from[self.timeouts_from])
  if self.unmarked_cuts > 0 then
    add("unmarked cuts", "%s whose next observation is not the next row's, though nothing marks a cut",
      plural(self.unmarked_cuts, "row"))
  end
  if self.unmarked_ends > 0 then
    add("unmarked ends", "%s without a flag: taken for timeouts", plural(self.unmarked_ends, "episode"))
  end
  if self.zero_observations > 0 then
    add("observations", "%d of %d are zero in every row", self.zero_observations, self.observation_dim)
  end
  if self.next_observations == "file" then
    add("next observations", "from the file")
  else
    add("next observations", "from the next row; %s of %d dropped, %s without one keep their observation",
      plural(self.dropped, "row"), self.file_rows, plural(self.stand_ins, "terminal row"))
  end
  if self.metadata and next(self.metadata) ~= nil then
    lines[#lines + 1] = "  metadata"
    metadata_lines(self.metadata, "    ", lines)
  end
  return table.concat(lines, "\n")
end

return dataset
