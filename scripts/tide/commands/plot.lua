--- tide plot RUN... -o FILE: pictures of runs and sweeps. Each kind of picture takes some of the options.
local gap = require "tide.gap"
local lfs = require "lfs"
local options = require "tide.options"
local plan = require "tide.sweep.plan"
local plot = require "tide.plot"

local command = { summary = "Draw curves, bars and distributions of runs and sweeps into a PNG or SVG file." }

-- kind -> the options that it takes, besides -o and --title
local takes = {
  curves = { "metric", "band", "only" },
  bars = { "only", "last" },
  rewards = { "only", "env", "gap", "episodes", "seed", "steps" },
  u = { "times", "rows", "seed", "observation" },
  omega = { "times", "rows", "seed" },
  cumulative = { "only", "env", "gap", "episodes", "seed", "steps" },
}

local about = {
  "curves: learning curves; runs that differ only in their seed become one with a band",
  "bars: a sweep's final returns",
  "rewards: how the reward of a step is distributed in a policy's episodes",
  "cumulative: the rewards of an episode added up",
  "u: how far off H2O holds its simulator to be, against a velocity, over a run's training",
  "omega: how the weights that come of it are distributed",
}

function command.configure(parser)
  parser:argument("runs", "Folders of runs, or folders that hold such folders, or one of a sweep; of rewards and "
    .. "cumulative also policy.h5 files."):args("+"):argname("RUN")
  parser:option("-o --output", "The picture: a .png or .svg file. KIND.png unless given."):argname("FILE")
  parser:option("--kind", table.concat(about, "; ") .. "."):argname("KIND"):choices(options.names(takes))
    :default("curves")
  parser:option("--title", "A line above the picture."):argname("TEXT")
  parser:option("--metric", "Of curves: a tag of metrics.jsonl; eval/return unless given."):argname("TAG")
  parser:option("--band", "Of curves, around the mean over seeds: range (least to greatest), std, interval (95 %, of "
    .. "the mean) or none."):argname("BAND"):choices({ "range", "std", "interval", "none" })
  parser:option("--only", "A sweep's cells: 'medium-replay/*'. May be given several times."):argname("PATTERN")
    :count("*")
  parser:option("--last", "Of bars: how many evaluations the final return is the mean of; as the sweep says, or 10.",
    nil, math.tointeger):argname("N")
  parser:option("--env", "Of rewards and cumulative: the environment; the one the policies were trained for otherwise.")
    :argname("NAME")
  parser:option("--gap", "What is wrong with it: 'gravity(2.0)'."):argname("GAP")
  parser:option("--episodes", "Of each policy; 5 unless given.", nil, math.tointeger):argname("N")
  parser:option("--seed", "Of the initial states, the same for all, or of the transitions; 0 unless given.", nil,
    math.tointeger):argname("N")
  parser:option("--steps", "Where an episode is cut, instead of where the environment does.", nil, math.tointeger)
    :argname("N")
  parser:option("--times", "Of u and omega: how many times of the training; 5 unless given.", nil, math.tointeger)
    :argname("N")
  parser:option("--rows", "How many simulated transitions; 20000 unless given.", nil, math.tointeger):argname("N")
  parser:option("--observation", "Of u: against what, a name of `tide env`; the first velocity in m/s unless given.")
    :argname("NAME")
end

local all_options = { "metric", "band", "only", "last", "env", "gap", "episodes", "seed", "steps", "times", "rows",
                      "observation" }

--- Refuses what the kind does not take.
local function check(args)
  local taken = {}
  for _, name in ipairs(takes[args.kind]) do taken[name] = true end
  for _, name in ipairs(all_options) do
    local given = args[name] ~= nil and not (name == "only" and #args.only == 0)
    if given and not taken[name] then
      error(("--%s: --kind %s does not take it"):format(name:gsub("_", "-"), args.kind), 0)
    end
  end
  for _, name in ipairs { "last", "episodes", "steps", "times", "rows" } do
    if args[name] and args[name] < 1 then error(("--%s: a whole number from 1 on is needed"):format(name), 0) end
  end
end

--- The folder of the sweep, if that is what is named.
local function sweep_folder(args)
  for _, path in ipairs(args.runs) do
    if lfs.attributes(path, "mode") == "directory" and plan.exists(path) then
      if #args.runs > 1 then error(("%s is a sweep's folder: it is drawn by itself"):format(path), 0) end
      return path
    end
  end
end

local kinds = {}

function kinds.curves(args, path)
  local metric, band, dir = args.metric or "eval/return", args.band or "range", sweep_folder(args)
  if dir then
    return require("tide.plot.sweep").curves(dir, path, { metric = metric, band = band, title = args.title,
                                                          only = args.only })
  end
  if #args.only > 0 then error("--only chooses a sweep's cells: the folder of a sweep is needed", 0) end
  return plot.curves(args.runs, path, { metric = metric, band = band, title = args.title })
end

function kinds.bars(args, path)
  local dir = sweep_folder(args) or error(("--kind bars: %s is no sweep's folder"):format(args.runs[1]), 0)
  return require("tide.plot.sweep").bars(dir, path, { last = args.last, title = args.title, only = args.only })
end

for _, kind in ipairs { "u", "omega" } do
  kinds[kind] = function(args, path)
    if #args.runs > 1 then error(("--kind %s: one run is taken"):format(kind), 0) end
    require("tide.plot.gap")[kind](args.runs[1]:gsub("(.)/+$", "%1"), path, { times = args.times or 5,
      rows = args.rows or 20000, seed = args.seed or 0, observation = args.observation, title = args.title })
  end
end

for _, kind in ipairs { "rewards", "cumulative" } do
  kinds[kind] = function(args, path)
    require("tide.plot.episodes")[kind](args.runs, path, { env = args.env, gap = gap.from(args.gap),
      seed = args.seed or 0, episodes = args.episodes or 5, steps = args.steps, only = args.only, title = args.title })
  end
end

function command.run(args)
  check(args)
  local path = args.output or args.kind .. ".png"
  plot.check_path(path)
  for _, remark in ipairs(kinds[args.kind](args, path) or {}) do io.stderr:write("tide plot: ", remark, "\n") end
  print(path)
  return 0
end

return command
