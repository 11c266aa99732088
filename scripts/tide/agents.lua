--- The agents by name: one file each in agents/, and those that scripts define with tide.agent(NAME, ...).
local agent = require "tide.agent"
local lfs = require "lfs"
local options = require "tide.options"
local paths = require "tide.paths"

--- The names of all there are now, sorted.
local function names()
  local found = {}
  for name in pairs(agent.classes) do found[name] = true end
  for file in lfs.dir(paths.modules .. "/agents") do
    local name = file:match "^([%w_]+)%.lua$"
    if name then found[name] = true end
  end
  return options.names(found)
end

local function file_of(name)
  return type(name) == "string" and name:match "^[%w_]+$" and ("%s/agents/%s.lua"):format(paths.modules, name)
end

--- agents.NAME -> its class. Tide's own come before a script's of the same name.
local function find(_, name)
  local file = file_of(name)
  if file and lfs.attributes(file, "mode") == "file" then return require("tide.agents." .. name) end
  return agent.classes[name] or error(options.unknown("tide.agents", name, names()), 2)
end

--- pairs(agents): names in order, each with its class.
local function each(agents)
  local all, at = names(), 0
  return function()
    at = at + 1
    if all[at] then return all[at], agents[all[at]] end
  end
end

return setmetatable({}, { __index = find, __pairs = each })
