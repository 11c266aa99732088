--- tide sweep EXPERIMENT.lua: many runs, each once, on one machine or a cluster; tide sweep status DIR: how far
--- they are.
local core = require "tide.core"
local json = require "tide.json"
local lfs = require "lfs"
local plan = require "tide.sweep.plan"
local status = require "tide.sweep.status"

local sweep = { summary = "Run a table's worth of experiments, each once; resumable." }

function sweep.configure(command)
  command:argument("experiment", "A Lua file that returns tide.sweep { ... }, such as experiments/table1.lua;"
    .. " or `status` and a sweep's folder."):argname("EXPERIMENT.lua")
  command:argument("more", "The folder, after `status`."):args("*"):argname("DIR")
  command:option("--jobs", "Runs at once: as many as there are cores unless given; with Slurm no limit.", nil,
    math.tointeger)
  command:option("--launcher", "Where the runs happen."):choices({ "local", "slurm" }):default("local")
  command:option("--only", "Cells to run, a pattern such as 'medium-replay/gravity/*'; may be given several times.")
    :count("*"):argname("PATTERN")
  command:option("--steps", "Updates of every run (1e5 is understood).", nil, tonumber)
  command:option("--seeds", "How many seeds.", nil, math.tointeger)
  command:option("--set", "Change a value of every run: --set evaluation.episodes=10."):count("*")
    :argname("path=value")
  command:option("--out", "The sweep's folder instead of runs/NAME.")
  command:flag("--resume", "Go on with the sweep in the folder: what is not done, and what failed.")
  command:option("--slurm", "More options of sbatch: --slurm '--partition=long --time=24:00:00'.")
    :argname("OPTIONS")
  command:flag("--list", "Show the cells and what state their runs are in; run nothing.")
  command:flag("--estimate", "Measure each kind of run for a moment and say how long all of them take; run nothing.")
  command:flag("--quiet", "Show no progress.")
  command:flag("--json", "With status and --estimate: the same as one JSON object.")
end

local function say(line)
  print(line)
  io.stdout:flush()
end

local function check(args)
  if #args.more > 0 then error("one experiment file is taken; cells are chosen by --only 'PATTERN'", 0) end
  for _, name in ipairs { "jobs", "seeds" } do
    if args[name] and args[name] < 1 then error(("--%s: a whole number from 1 on is needed"):format(name), 0) end
  end
  if args.slurm and args.launcher ~= "slurm" then error("--slurm goes with --launcher slurm", 0) end
end

--- Holds the sweep's folder for this process.
local function hold(dir)
  require("tide.records").make_folder(dir)
  local file, problem = io.open(dir .. "/.lock", "a")
  if not file then error(problem, 0) end
  local ok, refusal = lfs.lock(file, "w")
  if not ok and (refusal:find "unavailable" or refusal:find "ermission") then
    local holder = core.process.lock_holder(dir .. "/.lock")
    error(("another tide sweep is at work in %s%s"):format(dir, holder and (" (process %d)"):format(holder) or ""), 0)
  end
  return file
end

local function folder_of(args, about)
  local dir = args.out or "runs/" .. about.name
  return #dir > 1 and dir:gsub("/+$", "") or dir
end

--- The plan that is in the folder already, if that is what is asked for.
local function plan_before(args, dir)
  if not plan.exists(dir) then return nil end
  if not args.resume then
    local counts = status.counts(status.of(dir, plan.read(dir)))
    error(("%s holds a sweep already (%d of %d runs done): --resume goes on with it, --out names another folder")
      :format(dir, counts.done, counts.total), 0)
  end
  return plan.read(dir)
end

--- How long what is asked for takes, of a folder that is resumed what is left of it.
local function show_estimate(args, given)
  local estimate, state = require "tide.sweep.estimate", require "tide.sweep.state"
  local about, runs, made = plan.make(args.experiment, given)
  local dir = folder_of(args, about)
  if args.resume and plan.exists(dir) then
    about, runs, made = plan.make(args.experiment, given, plan.read(dir))
    local open = {}
    for _, run in ipairs(runs) do
      local found = state.of(plan.run_folder(dir, run.name))
      run.updates = found.updates
      if found.state ~= "done" then open[#open + 1] = run end
    end
    runs = open
  end
  local noted = not args.quiet and not args.json and core.process.is_terminal(2)
  local found = estimate.of(made, runs, { steps = about.steps, set = about.set, jobs = args.jobs,
    progress = noted and function(i, n) io.stderr:write(("measuring %d of %d\r"):format(i, n)) end or nil })
  if args.json then say(json.encode(found, "  ")) else estimate.show(found, io.stdout) end
  return 0
end

local function start(args)
  local given = { steps = args.steps, seeds = args.seeds, set = args.set, only = args.only }
  if args.estimate then return show_estimate(args, given) end
  local about, runs, made = plan.make(args.experiment, given)
  local dir = folder_of(args, about)
  if args.list then
    status.show(status.of(dir, about), io.stdout)
    return 0
  end
  local _ <close> = hold(dir)
  local before = plan_before(args, dir)
  if before then about, runs, made = plan.make(args.experiment, given, before) end
  plan.write(dir, about)
  local program = assert(require("luv").exepath())
  if args.launcher == "slurm" then
    return require("tide.sweep.slurm").launch { dir = dir, about = about, runs = runs, made = made, jobs = args.jobs,
                                               program = program, options = args.slurm, say = say }
  end
  local open = {}
  for _, run in ipairs(runs) do
    if require("tide.sweep.state").of(plan.run_folder(dir, run.name)).state ~= "done" then open[#open + 1] = run end
  end
  require("tide.sweep.datasets").provide(made, open, program, say)
  return require("tide.sweep.workers").launch {
    dir = dir, name = about.name, runs = runs, jobs = args.jobs or #core.process.cores(), program = program,
    quiet = args.quiet, say = say,
  }
end

local function show_status(args)
  if #args.more ~= 1 then error("tide sweep status DIR: the folder of a sweep is needed", 0) end
  local dir = args.more[1]
  local found = status.of(dir, plan.read(dir))
  if args.json then say(json.encode(found, "  ")) else status.show(found, io.stdout) end
  return 0
end

function sweep.run(args)
  if args.experiment == "status" then return show_status(args) end
  if args.experiment == "work" then -- what the launchers start
    if #args.more ~= 2 then error("tide sweep work DIR RUN: a sweep's folder and one of its runs", 0) end
    return require("tide.sweep.work").run(args.more[1], args.more[2])
  end
  check(args)
  return start(args)
end

return sweep
