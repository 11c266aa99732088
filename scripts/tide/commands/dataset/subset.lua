--- tide dataset subset INPUT -o FILE.h5: a part of a dataset, drawn at random.
local bars = require "tide.dataset.bars"
local recipes = require "tide.recipes"
local subset = require "tide.dataset.subset"
local words = require "tide.dataset.words"

local command = { summary = "Take transitions or whole episodes out of a dataset, drawn at random." }

function command.configure(parser)
  parser:argument("input", "A D4RL file, a Minari folder, or a name that `tide dataset make` knows.")
  parser:option("-o --output", "The .h5 or .hdf5 file to write, in D4RL's layout.")
  parser:option("--transitions", "How many transitions, each as likely as any other. 1e5 is understood.", nil,
    tonumber)
  parser:option("--episodes", "How many whole episodes.", nil, tonumber)
  parser:option("--fraction", "What part of the transitions: 0.1 is a tenth.", nil, tonumber)
  parser:flag("--whole", "With --fraction: whole episodes, until the part is reached.")
  parser:option("--seed", "The same seed draws the same part.", 1, math.tointeger)
  parser:option("--env", "The environment: its step limit; otherwise the one that the file names.")
  parser:option("--max-episode-steps", "Cuts episodes there, for files without timeouts.", nil, math.tointeger)
  parser:flag("--force", "Replace the file where there is one.")
  parser:epilog("Rows stay in the order of the file. Where the row that follows is not in the subset, and the row is "
    .. "no terminal, it is marked as a timeout: its next observation stays known, and no other row is taken for its "
    .. "successor.")
end

function command.run(args)
  if not args.output then error("-o: the file to write is needed", 0) end
  local bar <close> = bars.new(args.output)
  local result = subset(recipes.path(args.input), args.output, { transitions = args.transitions,
    episodes = args.episodes, fraction = args.fraction, whole = args.whole or false, seed = args.seed, env = args.env,
    max_episode_steps = args.max_episode_steps, force = args.force or false, report = bar.report })
  bar:close()
  print(("%s: %s in %s that follow one another"):format(result.path, words.plural(result.rows, "transition"),
    words.plural(result.runs, "stretch"):gsub("stretchs", "stretches")))
  print(("  ends                %s, %s; %s of these where the following row is not in the subset"):format(
    words.plural(result.terminals, "terminal"), words.plural(result.timeouts, "timeout"), words.grouped(result.cut)))
  for _, note in ipairs(result.notes) do print("  " .. note) end
  return 0
end

return command
