--- tide dataset convert INPUT -o OUTPUT: D4RL's layout to Minari's, or back.
local bars = require "tide.dataset.bars"
local convert = require "tide.dataset.convert"
local recipes = require "tide.recipes"
local words = require "tide.dataset.words"

local command = { summary = "Convert a dataset between D4RL's layout and Minari's." }

function command.configure(parser)
  parser:argument("input", "A D4RL file, a Minari folder, or a name that `tide dataset make` knows.")
  parser:option("-o --output", "Of a D4RL file: the folder NAME-vN of the Minari dataset to write. Of a Minari "
    .. "dataset: the .hdf5 file to write.")
  parser:option("--env", "The environment: its step limit, and its name in the file; otherwise the one that the file "
    .. "names.")
  parser:option("--max-episode-steps", "Cuts episodes there, for files without timeouts.", nil, math.tointeger)
  parser:option("--id", "Minari's dataset_id, such as mine/halfcheetah-v0; the folder's name otherwise.")
  parser:flag("--force", "Replace what is there.")
  parser:epilog "Nothing is computed or left out unsaid: what has no place in the other layout is printed."
end

function command.run(args)
  if not args.output then error("-o: what to write is needed", 0) end
  local bar <close> = bars.new(args.output)
  local result = convert(recipes.path(args.input), args.output, { env = args.env, id = args.id,
    max_episode_steps = args.max_episode_steps, force = args.force or false, report = bar.report })
  bar:close()
  print(("%s: %s of %s in %s layout"):format(result.path, words.plural(result.rows, "transition"),
    words.plural(result.episodes, "episode"), result.to == "minari" and "Minari's" or "D4RL's"))
  for _, note in ipairs(result.notes) do print("  " .. note) end
  return 0
end

return command
