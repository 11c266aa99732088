--- tide bench: where the speed stands, beside what the machine could do.
local core = require "tide.core"
local floor = require "tide.bench.floor"
local json = require "tide.json"

local bench = { summary = "Measure speed." }

local agents = floor.agents()

local kinds = { "update", "env", "dataset", "gemm", "startup", "memory", "scaling", "all" }

function bench.configure(command)
  command:argument("what", "What to measure: agents' updates; simulating and acting (env); reading datasets; matrix"
    .. " products (gemm); the program's start; a run's memory; updates against batch, width, threads and runs at once"
    .. " (scaling); or all but scaling, beside the targets."):args("?"):default("update"):choices(kinds)
  command:option("--agent", "Updates of one agent; of all of them otherwise."):choices(agents)
  command:option("--precision", "Of the products in updates.", "float32"):choices { "float32", "bfloat16" }
  command:option("--threads", "Threads of the updates and products.", 1, math.tointeger)
  command:option("--seconds", "How long to measure each agent.", 8, tonumber)
  command:option("--rounds", "Turns that everything is measured in; medians are reported.", 7, math.tointeger)
  command:option("--updates", "How many updates the growth of memory is watched over.", 100000, math.tointeger)
  command:option("-o --output", "scaling: also draw a picture, a .png or .svg file."):argname("FILE")
  command:flag("--json", "Print objects instead.")
end

local function check(args)
  for _, name in ipairs { "threads", "rounds", "updates" } do
    if not args[name] or args[name] < 1 then error(("--%s: a whole number from 1 on is needed"):format(name), 0) end
  end
  if not args.seconds or args.seconds <= 0 then error("--seconds: a positive number is needed", 0) end
  if args.output and args.what ~= "scaling" then error("--output: only scaling draws a picture", 0) end
end

-- Each measures one kind.  -> results by the name that report.lua and --json know them by
local measure = {}

function measure.update(args)
  local wanted = args.agent and { args.agent } or agents
  return { update = require("tide.bench.update").measure { agents = wanted, threads = { args.threads },
    precision = args.precision,
    rounds = args.rounds, seconds = args.seconds / args.rounds } }
end

function measure.env(args)
  local env = require "tide.bench.env"
  return { env = env.steps(args.rounds), actions = env.actions(args.rounds) }
end

function measure.dataset(args)
  return { dataset = require("tide.bench.data").measure(args.rounds) }
end

function measure.gemm(args)
  core.threads(args.threads)
  return { gemm = require("tide.bench.gemm").measure(args.rounds) }
end

function measure.startup(args)
  return { startup = require("tide.bench.process").startup(args.rounds) }
end

function measure.memory(args)
  return { memory = require("tide.bench.process").memory(args.updates) }
end

function measure.scaling(args)
  local scaling = require "tide.bench.scaling"
  local rows = scaling.measure(args.rounds)
  if args.output then scaling.draw(rows, args.output) end
  return { scaling = rows }
end

local order = { "update", "threads", "env", "actions", "dataset", "gemm", "startup", "memory", "scaling", "targets" }

local function everything(args)
  local results = {}
  for _, kind in ipairs(kinds) do
    if kind ~= "scaling" and kind ~= "all" then
      for name, value in pairs(measure[kind](args)) do results[name] = value end
    end
  end
  results.threads = require("tide.bench.update").gains({ "h2o", "sac" }, 2, args.rounds, args.seconds / args.rounds)
  results.targets = require("tide.bench.targets").judge(results)
  return results
end

function bench.run(args)
  check(args)
  local results = args.what == "all" and everything(args) or measure[args.what](args)
  core.threads(1)
  if args.json then
    -- one kind: what it measured; several: by their names, with the versions that they depend on
    if args.what == "update" or args.what == "scaling" then results = results[args.what]
    else results.versions = core.process.versions() end
    print(json.encode(results, "  "))
    return 0
  end
  local report = require "tide.bench.report"
  for _, name in ipairs(order) do
    if results[name] then report[name](results[name]) end
  end
  return 0
end

return bench
