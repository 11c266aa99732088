--- tide dataset ACTION: the actions are the files of commands/dataset/, each like a command.
local core = require "tide.core"
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

--- Ctrl-C and SIGTERM end an action where it tells how far it is; files that it was writing go.
function dataset.run(args)
  local _ <close> = setmetatable({}, { __close = core.process.release_signals })
  core.process.catch_signals()
  return actions[args.action].run(args) or 0
end

return dataset
