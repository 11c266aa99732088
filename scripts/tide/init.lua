--- Tide: reinforcement learning when the simulator is wrong. `local tide = require "tide"`.
local core = require "tide.core"
local toolkit = require "tide.toolkit"
local experiment = require "tide.experiment"
local policies = require "tide.policy"

local tide = {}
for name, value in pairs(toolkit) do tide[name] = value end

tide.version = core.process.versions().tide
tide.world = require "tide.world"
tide.gap = require "tide.gap"
tide.env = require "tide.env"
tide.evaluation = require "tide.evaluation"
tide.network = require "tide.network"
tide.replay = core.replay
tide.experiment = experiment.new

--- tide.agents.NAME: the file agents/NAME.lua, read when first asked for, or an agent that a script has
--- defined with tide.agent(NAME, ...). pairs(tide.agents) goes through all of them by name.
tide.agents = require "tide.agents"

--- Rooms that most scripts do not enter are read when first asked for: tide.dataset, tide.plot ...
local rooms = { dataset = "tide.dataset", recipes = "tide.recipes", plot = "tide.plot",
                tabular = "tide.tabular", text_log = "tide.text_log",
                picture = "tide.picture", video = "tide.video", sweep = "tide.sweep", traces = "tide.traces" }
setmetatable(tide, {
  __index = function(_, name)
    if rooms[name] == nil then return nil end
    local room = require(rooms[name])
    rawset(tide, name, room)
    return room
  end,
})

--- A policy from policy.h5, a run's folder or a tree, to act with: policy:act(observation, "mean" or "sample").
function tide.load_policy(path, seed)
  local file = path
  if not path:match("%.h5$") then file = path .. "/policy.h5" end
  local tree = core.tree_read(file)
  return policies.from(tree, core.rng(seed or 0), file), tree
end

--- Writes a policy for tide.load_policy; `about` holds more fields: env, agent, eval_return.
function tide.save_policy(path, policy, about)
  local folder = path:match("^(.*)/[^/]*$")
  if folder then require("tide.records").make_folder(folder) end
  local tree = policy:export()
  for key, value in pairs(about or {}) do tree[key] = value end
  core.tree_write(path, tree)
end

return tide
