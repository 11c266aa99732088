--- Trainings that end when they are medium, and everything that they saw as a dataset.
local core = require "tide.core"
local json = require "tide.json"
local lfs = require "lfs"

local behaviour = {}

--- run(about, given) -> a soft actor-critic in the real environment about.env, not yet trained, that stops at an
--- evaluation of about.medium_return.  given: { name =, seed =, steps =, threads =, alone = true where the command
--- line is not meant for it }
function behaviour.run(about, given)
  local experiment = require "tide.experiment"
  local sac = require "tide.agents.sac"
  local make = given.alone and experiment.alone or experiment.new
  return make {
    name = given.name,
    agent = sac {},
    real = { env = about.env },
    steps = given.steps or 1000000, seed = given.seed or 1, threads = given.threads or 1,
    training = { rounds = 20, random_steps = 5000, stop_return = about.medium_return },
    evaluation = { every = 5, episodes = 5 },
    checkpoint = { every = 20 },
  }
end

--- Another run than this one in the folder is no beginning of it.
local function check_same(run, folder)
  local config = json.read(folder .. "/config.json")
  if config.seed ~= run.config.seed or config.real.env ~= run.config.real.env then
    error(("%s: holds a run of seed %d in %s, not of seed %d in %s; remove it, or name another file with -o"):format(
      folder, math.tointeger(config.seed) or -1, config.real.env, run.config.seed, run.config.real.env), 0)
  end
end

--- Trains a run in `folder`, from where it stands if it was begun there.  -> the last evaluation
function behaviour.train(run, folder)
  if lfs.attributes(folder .. "/checkpoint.h5", "mode") == "file" then
    check_same(run, folder)
    run.overrides.resume = folder
  else
    run.overrides.out = folder
  end
  return run:train()
end

--- Writes everything that a run rolled out.  -> how many transitions
function behaviour.write(run, path, metadata, report)
  local sim = run.sim
  local writer <close> = core.dataset_writer(path, { observation_dim = sim.observation_dim,
    action_dim = sim.action_dim, metadata = metadata })
  local rows, ends = run.replay:state(), {}
  for _, row in ipairs(run.episode_ends) do ends[row] = true end
  local count = #rows.rewards
  for i = 1, count do
    local terminal = rows.terminals:get(i) ~= 0
    writer:add(rows.observations:rows(i, i):reshape(sim.observation_dim),
      rows.actions:rows(i, i):reshape(sim.action_dim), rows.rewards:get(i),
      rows.next_observations:rows(i, i):reshape(sim.observation_dim), terminal,
      not terminal and (ends[i] or i == count))
    core.end_step()
    if report and i % 1000 == 0 then report(i, count) end
  end
  writer:commit()
  return count
end

return behaviour
