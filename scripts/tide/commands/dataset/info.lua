--- tide dataset info FILE: what a dataset holds.
local bars = require "tide.dataset.bars"
local dataset = require "tide.dataset"
local json = require "tide.json"
local recipes = require "tide.recipes"

local info = { summary = "Say what a dataset holds: episodes, returns, normalised scores." }

function info.configure(command)
  command:argument("files", "D4RL files, Minari folders, or names that `tide dataset make` knows."):args("+")
  command:option("--env", "The environment whose reference scores and step limit count; otherwise the one that "
    .. "the file names.")
  command:option("--max-episode-steps", "Cuts episodes there, for files without timeouts.", nil, math.tointeger)
  command:flag("--json", "Print one array of objects.")
end

--- What JSON can hold of a tree: an array becomes its shape.
local function plain(value)
  if type(value) == "userdata" then return { shape = value.shape } end
  if type(value) ~= "table" then return value end
  local out = {}
  for key, item in pairs(value) do out[key] = plain(item) end
  return out
end

function info.run(args)
  local results = {}
  for i, name in ipairs(args.files) do
    local bar <close> = bars.new(name)
    local result = dataset.info(recipes.path(name),
      { env = args.env, max_episode_steps = args.max_episode_steps, report = bar.report })
    bar:close()
    if args.json then
      results[i] = plain(result)
    else
      print((i > 1 and "\n" or "") .. tostring(result))
    end
  end
  if args.json then print(json.encode(results, "  ")) end
  return 0
end

return info
