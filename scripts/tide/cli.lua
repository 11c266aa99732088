--- The command line: `tide COMMAND ...`. Each file of commands/ is one command:
--   { summary = "one line",
--     configure = function(command) end,   -- adds its arguments (an argparse command)
--     run = function(args) end }           -- does it; returns an exit code, nothing for success
-- Exit codes: 0 success, 1 failure, 2 wrong usage; 128 and the number of the signal that ended the work.
local argparse = require "argparse"
local interruption = require "tide.interruption"
local lfs = require "lfs"
local paths = require "tide.paths"

local cli = {}

local FAILED, WRONG_USAGE = 1, 2

--- The commands there are, sorted.
function cli.names()
  local names = {}
  for file in lfs.dir(paths.modules .. "/commands") do
    names[#names + 1] = file:match "^([%w_-]+)%.lua$"
  end
  table.sort(names)
  return names
end

local function load_command(name)
  local command = require("tide.commands." .. name)
  assert(type(command) == "table" and type(command.run) == "function",
         ("commands/%s.lua does not return a command"):format(name))
  return command
end

--- Raised by --help and --version once they have printed.
local DONE = {}

local function add_help(parser)
  parser:add_help {
    action = function()
      print(parser:get_help())
      error(DONE, 0)
    end,
  }
end

local kinds = { [math.tointeger] = "a whole number", [tonumber] = "a number" }

--- Makes the refusal of a value name the option that it was given to.
local function name_refusals(command)
  for _, elements in ipairs { command._options, command._arguments } do
    for _, element in ipairs(elements) do
      local convert = element._convert
      if type(convert) == "function" then
        element:convert(function(word)
          local value, problem = convert(word)
          if value ~= nil then return value end
          return nil, ("%s: %s"):format(element._name, problem
            or ("'%s' is not %s"):format(word, kinds[convert] or "understood"))
        end)
      end
    end
  end
  for _, sub in ipairs(command._commands) do name_refusals(sub) end
end

--- The parser that knows the commands in `names`; refuses by raising { usage =, message = }.
local function make_parser(names, commands)
  local parser = argparse("tide")
    :description "Reinforcement learning when the simulator is wrong."
    :epilog "`tide COMMAND --help` tells more about a command."
    :command_target "command"
    :help_max_width(100)
    :require_command(true)
  add_help(parser)
  parser:flag("--version", "Show the versions of Tide and of what it is made from, and exit.")
    :action(function()
      print(cli.version())
      error(DONE, 0)
    end)
  parser:flag("--traceback", "After an error, show where it came from (also: TIDE_TRACEBACK=1).")
  function parser.error(at, message)
    error({ usage = at:get_usage(), message = message }, 0)
  end
  for _, name in ipairs(names) do
    local command = commands[name]
    local sub = parser:command(name):summary(command.summary):description(command.summary)
    add_help(sub)
    if command.configure then
      command.configure(sub)
    end
    name_refusals(sub)
  end
  return parser
end

--- What `tide --version` prints.
function cli.version()
  local versions = require("tide.core").process.versions()
  local openblas = versions.openblas:match "%d+%.%d+%.%d+" or versions.openblas
  return ("tide %s\nLua %s, MuJoCo %s, HDF5 %s, OpenBLAS %s (%s kernels); products by %s"):format(
    versions.tide, versions.lua, versions.mujoco, versions.hdf5, openblas, versions.kernel, versions.products)
end

--- The first argument that is not an option: the command.
local function wanted_name(arguments)
  for _, argument in ipairs(arguments) do
    if argument:sub(1, 1) ~= "-" then
      return argument
    end
  end
end

--- Only the wanted command is loaded: a fault in one leaves the others usable, and starting stays quick.
local function load_commands(arguments)
  local names, commands = cli.names(), {}
  local wanted = wanted_name(arguments)
  for _, name in ipairs(names) do
    if name == wanted then
      return { name }, { [name] = load_command(name) }
    end
  end
  if wanted then
    local message = require("tide.options").unknown("command", wanted, names)
    if wanted:match "%.lua$" then
      message = ("to run a script: tide run %s"):format(wanted)
    end
    error({ usage = "Usage: tide COMMAND ... (`tide --help` lists the commands)", message = message }, 0)
  end
  for _, name in ipairs(names) do
    local loaded, command = pcall(load_command, name)
    commands[name] = loaded and command or { summary = "(cannot be loaded: run it to see why)" }
  end
  return names, commands
end

--- True where `source`, as an error message abbreviates it, is a file of the Lua library.
local function is_own_file(source)
  local tail = source:gsub("^%.%.%.", "")
  local inside = tail:match ".*tide/(.+)$"
  if not inside then
    return false
  end
  local full = paths.modules .. "/" .. inside
  return full:sub(-#tail) == tail and lfs.attributes(full, "mode") == "file"
end

--- The message for people: without the place in Tide's own files where it was raised.
local function for_people(message)
  local source, rest = message:match "^([^\n]-%.lua):%d+: (.*)$"
  if source and is_own_file(source) then
    return rest
  end
  return message
end

local function wants_traceback(arguments)
  local variable = os.getenv "TIDE_TRACEBACK"
  if variable and variable ~= "" and variable ~= "0" then
    return true
  end
  for _, argument in ipairs(arguments) do
    if argument == "--traceback" then
      return true
    end
  end
  return false
end

local function run(arguments)
  local names, commands = load_commands(arguments)
  local args = make_parser(names, commands):parse(arguments)
  return commands[args.command].run(args)
end

--- Does what the arguments say, reports failures to `errors` (standard error), returns the exit code.
function cli.main(arguments, errors)
  errors = errors or io.stderr
  local with_traceback = wants_traceback(arguments)
  local function describe(problem)
    if interruption.is(problem) or type(problem) == "table" and (problem == DONE or problem.usage) then
      return problem
    end
    local message = tostring(problem)
    if with_traceback then
      return { message = debug.traceback(message, 2) }
    end
    return { message = for_people(message) }
  end
  local ran, result = xpcall(run, describe, arguments)
  local flushed, why = io.stdout:flush()
  if not flushed then
    errors:write("tide: standard output: ", why, "\n")
    return FAILED
  end
  if ran or result == DONE then
    return math.type(result) == "integer" and result or 0
  end
  if result.usage then
    errors:write(result.usage, "\n")
  end
  errors:write("tide: ", result.message, "\n")
  if interruption.is(result) then return interruption.exit_code(result.signal) end
  return result.usage and WRONG_USAGE or FAILED
end

return cli
