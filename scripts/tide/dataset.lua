--- Datasets: reading D4RL files, and saying what is in them.
local core = require "tide.core"
local env = require "tide.env"
local options = require "tide.options"

local dataset = {}

--- What `dataset.read` takes.
dataset.defaults = {
  max_episode_steps = 0, -- cuts an episode that gets this far, where the file does not; 0: never
  infos = false,         -- also infos/qpos and infos/qvel, for data:state(row)
}

--- read(path, given) -> a dataset; #data, data:rows(name, first, n), data:statistics(), data:info() ...
function dataset.read(path, given)
  return core.dataset_read(path, options.merge(dataset.defaults, given, "dataset.read"))
end

--- The two scores that returns are measured by, and their name: given, or of the environment that
--- is given or that the file names; nil where none is known.
local function reference_scores(given, metadata)
  if given.random and given.expert then
    return { random = given.random, expert = given.expert }, "given"
  end
  if given.random or given.expert then error("dataset.info: random and expert go together", 0) end
  local name = given.env or (metadata and metadata.env)
  if type(name) ~= "string" then return nil end
  local known, definition = pcall(env.get, name)
  if not known then
    if given.env then error(definition, 0) end
    return nil -- a foreign file may name what it likes
  end
  return definition.reference_scores, definition.name, definition.max_episode_steps
end

local info_defaults = {
  max_episode_steps = 0,
  env = "auto",      -- whose reference scores: a name; the file's own otherwise
  random = "auto",   -- reference scores of one's own
  expert = "auto",
}

local function present(value)
  if value == "auto" then return nil end
  return value
end

local Info = {}
Info.__index = Info

--- info(path, given) -> a table of counts, returns and scores; tostring(info) is text for people.
function dataset.info(path, given)
  local set = options.merge(info_defaults, given, "dataset.info")
  local wanted = { env = present(set.env), random = present(set.random), expert = present(set.expert) }
  local _, _, steps = reference_scores(wanted)
  if set.max_episode_steps == 0 and steps then set.max_episode_steps = steps end
  local data <close> = dataset.read(path, { max_episode_steps = set.max_episode_steps })
  local info = data:info()
  local scores, whose = reference_scores(wanted, info.metadata)
  if scores then
    info.reference_scores, info.scores_of = scores, whose
    for _, which in ipairs { "min", "mean", "max" } do
      local value = info["return_" .. which]
      info["score_" .. which] = value and env.normalised_score({ reference_scores = scores }, value)
    end
  end
  local mean, std = data:statistics()
  info.observation_mean, info.observation_std = mean:totable(), std:totable()
  return setmetatable(info, Info)
end

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
    add("normalised scores", "mean %.1f, min %.1f, max %.1f (%s: random %g, expert %g)", self.score_mean,
      self.score_min, self.score_max, self.scores_of, self.reference_scores.random, self.reference_scores.expert)
  end
  add("ends", "%s, %s (%s)", plural(self.terminals, "terminal"), plural(self.timeouts, "timeout"),
    timeouts_from[self.timeouts_from])
  if self.unmarked_cuts > 0 then
    add("unmarked cuts", "%s whose next observation is not the next row's, though nothing marks a cut",
      plural(self.unmarked_cuts, "row"))
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
