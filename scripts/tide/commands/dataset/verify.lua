--- tide dataset verify FILE: whether a dataset is what it should be.
local bars = require "tide.dataset.bars"
local json = require "tide.json"
local recipes = require "tide.recipes"
local verify = require "tide.dataset.verify"

local command = { summary = "Check a dataset: shapes, numbers, ends, next observations, physics." }

function command.configure(parser)
  parser:argument("files", "D4RL files, Minari folders, or names that `tide dataset make` knows."):args("+")
  parser:option("--env", "The environment whose physics, terminals and step limit count; otherwise the one that "
    .. "the file names.")
  parser:option("--max-episode-steps", "The step limit; the environment's otherwise.", nil, math.tointeger)
  parser:option("--replay", "How many rows are replayed in the physics, spread over the file; 0 for none.", 2000,
    math.tointeger)
  parser:option("--tolerance", "How far a replayed step may be off, relative to 1 + the size of a number.", 1e-3,
    tonumber)
  parser:flag("--json", "Print one array of objects.")
  parser:epilog "Exit code 1 where there is a defect. A warning is of what Tide deals with when it reads the file."
end

function command.run(args)
  local reports, defects = {}, 0
  for i, name in ipairs(args.files) do
    local bar <close> = bars.new(name)
    local report = verify(recipes.path(name), { env = args.env, max_episode_steps = args.max_episode_steps,
      samples = args.replay, tolerance = args.tolerance, report = bar.report })
    bar:close()
    defects = defects + report.defects
    reports[i] = { path = report.path, checks = report.checks, defects = report.defects, warnings = report.warnings,
      rows = report.rows, episodes = report.episodes }
    if not args.json then print((i > 1 and "\n" or "") .. tostring(report)) end
  end
  if args.json then print(json.encode(reports, "  ")) end
  return defects > 0 and 1 or 0
end

return command
