--- tide run SCRIPT: an experiment script, with what the command line changes.
local script = require "tide.script"

local run = { summary = "Run an experiment script." }

function run.configure(command)
  command:argument("script", "The Lua file to run, such as experiments/quickstart.lua.")
  command:argument("arguments", "What the script finds in its argument list."):args("*")
  command:option("--seed", "The experiment's seed.", nil, math.tointeger)
  command:option("--steps", "Updates in all (1e5 is understood).", nil, tonumber)
  command:option("--threads", "Threads of the matrix products.", nil, math.tointeger)
  command:option("--set", "Change any value of the experiment: --set agent.beta=0.1."):count("*"):argname("path=value")
  command:option("--out", "Folder of the run instead of runs/NAME.")
  command:flag("--quiet", "Show no progress.")
end

--- The command line as a shell would take it, for records.
local function command_line(words)
  local out = {}
  for i, word in ipairs(words) do
    out[i] = word:match("^[%w%-_./=,:+]+$") and word or "'" .. word:gsub("'", "'\\''") .. "'"
  end
  return table.concat(out, " ")
end

function run.run(args)
  local words = { "tide", table.unpack(_G.arg or {}) }
  return script.run(args.script, args.arguments, {
    seed = args.seed, steps = args.steps, threads = args.threads, out = args.out, quiet = args.quiet,
    set = args.set, command = command_line(words), script = args.script, arguments = args.arguments,
  })
end

return run
