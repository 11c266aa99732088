--- tide agents: what there is to swap for what, and which data each learns from.
local json = require "tide.json"
local options = require "tide.options"
local tide = require "tide"

local agents = { summary = "List the agents, the data they use and their options." }

function agents.configure(command)
  command:argument("agent", "Show one agent's options with their defaults."):args("?")
  command:flag("--json", "Print a JSON array of objects.")
end

local function data_of(class)
  if class.uses.real and class.uses.sim then return "real and sim" end
  return class.uses.real and "real" or "sim"
end

local function describe(name, class)
  return { name = name, real = class.uses.real or false, sim = class.uses.sim or false, about = class.about or "",
           options = class.defaults }
end

--- A value as a script would write it.
local function written(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local items = {}
  if options.is_list(value) then
    for i, item in ipairs(value) do items[i] = written(item) end
  else
    for i, key in ipairs(options.names(value)) do items[i] = ("%s = %s"):format(key, written(value[key])) end
  end
  return ("{ %s }"):format(table.concat(items, ", "))
end

local function show_one(name, class)
  print(("%s: %s\nlearns from: %s\noptions:"):format(name, class.about or "", data_of(class)))
  for _, option in ipairs(options.names(class.defaults)) do
    print(("  %-24s %s"):format(option, written(class.defaults[option])))
  end
end

function agents.run(args)
  local chosen = {}
  if args.agent then
    chosen[1] = describe(args.agent, tide.agents[args.agent])
  else
    for name, class in pairs(tide.agents) do chosen[#chosen + 1] = describe(name, class) end
  end
  if args.json then
    print(json.encode(chosen, "  "))
  elseif args.agent then
    show_one(args.agent, tide.agents[args.agent])
  else
    print(("%-12s %-13s %s"):format("agent", "learns from", "what it is"))
    for _, one in ipairs(chosen) do
      print(("%-12s %-13s %s"):format(one.name, data_of(tide.agents[one.name]), one.about))
    end
    print("\nreal: a fixed dataset; sim: its own steps in the simulator. `tide agents NAME` shows an agent's options.")
  end
end

return agents
