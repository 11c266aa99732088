--- Environments: what a robot is asked to do. One Lua file and one MJCF model each, in envs/.
--
-- A definition's file is called with the folder it lies in, and returns a table:
--   name               what scripts call it
--   model              an MJCF file, relative to the definition's folder
--   frame_skip         MuJoCo steps a control step
--   max_episode_steps  where an episode is cut (a timeout, not a terminal)
--   observation        { skip_qpos = n, clip = c }: qpos without its first n, then qvel, clipped to [-c, c];
--                      { size = n, names = { ... }, units = { ... } } where `observe` writes them, names and units for
--                      `tide env`
--   reset(physics, rng)                     noise on the initial state
--   measure(physics)                        a number that the reward compares before and after a step
--   reward(physics, before, after, dt, action)  dt in seconds of one control step; action: as it was chosen
--   terminal(physics)                       true where the episode truly ends
-- and, where it has them:
--   setup(world)                            changes the model and adds hooks, once, before the world's gap
--   observe(physics, observation)           writes the observation, a tensor of observation.size numbers
--   reward_of(observation, action, next_observation)  the reward of a row of data: sequences of numbers
--   reference_scores   { random = r, expert = e }, for normalised scores
--   about              { task =, reward =, ends =, starts = }: a line each, for `tide env`
local lfs = require "lfs"
local options = require "tide.options"
local paths = require "tide.paths"

local env = {}

local fields = {
  name = "string", model = "string", frame_skip = "number", max_episode_steps = "number", observation = "table",
  reset = "function", measure = "function", reward = "function", terminal = "function",
}
local optional = { setup = "function", observe = "function", reward_of = "function", about = "table",
                   reference_scores = "table", folder = "string" }
local known_fields = {}
for _, some in ipairs { fields, optional } do
  for key in pairs(some) do known_fields[key] = true end
end
local observation_fields = { skip_qpos = true, clip = true, size = true, names = true, units = true }
local about_fields = { task = true, reward = true, ends = true, starts = true }

local function is_count(x)
  return math.type(x) == "integer" and x >= 1
end

--- Checks a definition and gives it its folder.  Errors name the field at fault.
function env.check(definition, folder)
  local label = type(definition.name) == "string" and definition.name or "?"
  local function refuse(...)
    error(("environment %s: "):format(label) .. string.format(...), 0)
  end
  for key, kind in pairs(fields) do
    if type(definition[key]) ~= kind then
      refuse("%s must be a %s, not a %s", key, kind, type(definition[key]))
    end
  end
  for key, value in pairs(definition) do
    if not known_fields[key] then
      error(options.unknown("environment " .. label, key, options.names(known_fields)), 0)
    end
    if optional[key] and type(value) ~= optional[key] then
      refuse("%s must be a %s, not a %s", key, optional[key], type(value))
    end
  end
  for key in pairs(definition.observation) do
    if not observation_fields[key] then
      error(options.unknown(("environment %s: observation"):format(label), key, options.names(observation_fields)), 0)
    end
  end
  for key, text in pairs(definition.about or {}) do
    if not about_fields[key] then
      error(options.unknown(("environment %s: about"):format(label), key, options.names(about_fields)), 0)
    end
    if type(text) ~= "string" then refuse("about.%s must be a string, not a %s", key, type(text)) end
  end
  if not is_count(definition.frame_skip) then refuse("frame_skip must be a whole number from 1 on") end
  if not is_count(definition.max_episode_steps) then refuse("max_episode_steps must be a whole number from 1 on") end
  local skip, clip = definition.observation.skip_qpos or 0, definition.observation.clip or 0
  if math.type(skip) ~= "integer" or skip < 0 then
    refuse("observation.skip_qpos must be a whole number from 0 on")
  end
  if type(clip) ~= "number" or clip < 0 or clip ~= clip then
    refuse("observation.clip must be a number from 0 on (0: none)")
  end
  local size = definition.observation.size
  if (size ~= nil) ~= (definition.observe ~= nil) then refuse("observe and observation.size go together") end
  if size ~= nil and (not is_count(size) or definition.observation.skip_qpos or definition.observation.clip) then
    refuse("observation.size must be a whole number from 1 on, without skip_qpos and clip")
  end
  for _, key in ipairs { "names", "units" } do
    local words = definition.observation[key]
    if words ~= nil and not (size and type(words) == "table" and #words == size) then
      refuse(("observation.%s must be a list of observation.size %s"):format(key, key))
    end
  end
  definition.folder = definition.folder or folder
  return definition
end

--- Where the model's file is.
function env.model_path(definition)
  if definition.model:sub(1, 1) == "/" or not definition.folder then return definition.model end
  return definition.folder .. "/" .. definition.model
end

local function load_file(path)
  local chunk, problem = loadfile(path)
  if not chunk then error("environment: " .. problem, 0) end
  local folder = path:match("^(.*)/[^/]*$") or "."
  local definition = chunk(folder)
  if type(definition) ~= "table" then
    error(("environment: %s must return a table, not a %s"):format(path, type(definition)), 0)
  end
  return env.check(definition, folder)
end

--- Names of the environments that come with Tide, in order.
function env.list()
  local names = {}
  for file in lfs.dir(paths.envs()) do
    if file:match("%.lua$") then names[#names + 1] = load_file(paths.envs(file)).name end
  end
  table.sort(names)
  return names
end

--- The file of a name: HalfCheetah is half_cheetah.lua.
local function file_of(name)
  return paths.envs(name:gsub("(%l)(%u)", "%1_%2"):lower() .. ".lua")
end

--- get(what) -> a definition: what is a name, the path of a .lua file, or a definition.
function env.get(what)
  if type(what) == "table" then return env.check(what) end
  if type(what) ~= "string" then
    error("environment: a name, a file or a table is needed, not a " .. type(what), 0)
  end
  if what:match("%.lua$") then return load_file(what) end
  if what:match("^%w+$") and lfs.attributes(file_of(what), "mode") == "file" then
    local definition = load_file(file_of(what))
    if definition.name == what then return definition end
  end
  error(options.unknown("environment", what, env.list()), 0)
end

--- 100 (return - random) / (expert - random), D4RL's normalised score; nil without reference scores.
function env.normalised_score(definition, episode_return)
  local scores = definition.reference_scores
  return scores and 100 * (episode_return - scores.random) / (scores.expert - scores.random)
end

return env
