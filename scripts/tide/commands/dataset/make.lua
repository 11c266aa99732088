--- tide dataset make NAME: the datasets that Tide makes itself.
local bars = require "tide.dataset.bars"
local experiment = require "tide.experiment"
local recipes = require "tide.recipes"

local make = { summary = "Make a dataset." }

function make.configure(command)
  command:argument("name", "ENV-KIND, as in hopper-medium; `tide dataset list` shows all.")
  command:option("--transitions", "How many; of medium-expert, in both halves together; of medium-replay, at most how "
    .. "many. 1e5 is understood.", nil, tonumber)
  command:option("--seed", "Of the rollouts or of the training.", 1, math.tointeger)
  command:option("-o --output", "The file; NAME.h5 in $TIDE_DATASETS or datasets/ otherwise.")
  command:flag("--force", "Replace the file where there is one.")
end

local function check_transitions(value)
  if value == nil then return nil end
  local n = math.tointeger(value)
  if n == nil or n < 1 then error("--transitions: a whole number from 1 on is needed", 0) end
  return n
end

function make.run(args)
  local transitions = check_transitions(args.transitions)
  local path = args.output or recipes.path(args.name)
  if not args.force and recipes.exists(path) then
    error(("%s is there already; --force replaces it"):format(path), 0)
  end
  experiment.override {}
  local bar <close> = bars.new(args.name, { unit = "transitions" })
  local made_path, about = recipes.make(args.name, { transitions = transitions, seed = args.seed, path = path,
                                                     report = bar.report })
  bar:close()
  print(("%s: %d transitions"):format(made_path, about.rows))
  if about.mean_return then
    print(("  %d episodes, mean return %.1f%s"):format(about.episodes, about.mean_return,
      about.score and (", normalised score %.1f"):format(about.score) or ""))
  end
  if about.behaviour_return then
    print(("  behaviour policy: return %.1f%s"):format(about.behaviour_return,
      about.behaviour_return < about.medium_return and (", short of the %d that is medium"):format(about.medium_return)
      or ""))
  end
  return 0
end

return make
