--- tide run SCRIPT: an experiment script, with what the command line changes.
local experiment = require "tide.experiment"
local lfs = require "lfs"

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

-- As a shell reports a program that a signal ended.
local exit_codes = { SIGINT = 130, SIGTERM = 143, SIGUSR1 = 138 }

--- Modules beside a script are its own: `require "my_agent"` finds my_agent.lua in its folder.
local function search_beside(script)
  local here = (script:match "^(.*)/[^/]*$" or ".") .. "/?.lua;"
  if package.path:sub(1, #here) ~= here then package.path = here .. package.path end
end

--- Runs `script` with tide.experiment's overrides set. Shared with `tide resume`.
function run.script(script, arguments, overrides)
  if lfs.attributes(script, "mode") ~= "file" then error(("%s: no such script"):format(script), 0) end
  experiment.override(overrides)
  search_beside(script)
  local chunk, problem = loadfile(script)
  if not chunk then error(problem, 0) end
  _G.arg = { [0] = script, table.unpack(arguments) }
  local ok, result = pcall(chunk, table.unpack(arguments))
  if ok then return 0 end
  if type(result) == "table" and result.interrupted then
    io.stderr:write("tide: ", tostring(result), "\n")
    return exit_codes[result.signal] or 1
  end
  error(result, 0)
end

function run.run(args)
  local words = { "tide", table.unpack(_G.arg or {}) }
  return run.script(args.script, args.arguments, {
    seed = args.seed, steps = args.steps, threads = args.threads, out = args.out, quiet = args.quiet,
    set = args.set, command = command_line(words), script = args.script, arguments = args.arguments,
  })
end

return run
