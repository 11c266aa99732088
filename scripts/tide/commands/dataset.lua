--- tide dataset ACTION: the actions are the files of commands/dataset/, each like a command.
local lfs = require "lfs"
local paths = require "tide.paths"

local dataset = { summary = "Look at datasets, make them." }

local actions = {}

function dataset.configure(command)
  local names = {}
  for file in lfs.dir(paths.modules .. "/commands/dataset") do
    names[#names + 1] = file:match "^([%w_-]+)%.lua$"
  end
  table.sort(names)
  command:command_target "action"
  command:require_command(true)
  for _, name in ipairs(names) do
    local action = require("tide.commands.dataset." .. name)
    actions[name] = action
    action.configure(command:command(name):summary(action.summary):description(action.summary))
  end
end

function dataset.run(args)
  return actions[args.action].run(args)
end

return dataset
