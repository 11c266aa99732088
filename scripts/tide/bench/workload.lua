--- An agent with data to learn from, ready to be updated: what is timed.
local core = require "tide.core"
local tide = require "tide"

local workload = {}

-- HalfCheetah's sizes; rows enough that a batch comes from memory, not from cache.
workload.OBSERVATIONS, workload.ACTIONS = 17, 6
local ROWS, CHUNK = 100000, 1000

--- Random transitions as an uncompressed file in D4RL's layout: the next observation is the next row's but at the end
--- of an episode.
function workload.write_dataset(path, rows, rng)
  local S, A = workload.OBSERVATIONS, workload.ACTIONS
  local observations, ends = rng:normal(rows + 1, S), core.zeros(rows)
  local next_observations = observations:rows(2, rows + 1):clone()
  for i = CHUNK, rows, CHUNK do
    ends:set(i, 1)
    for j = 1, S do next_observations:set(i, j, rng:number()) end
  end
  core.tree_write(path, { observations = observations:rows(1, rows), actions = rng:uniform(-1, 1, rows, A),
    rewards = rng:uniform(0, 1, rows), next_observations = next_observations, terminals = core.zeros(rows),
    timeouts = ends })
end

--- A replay buffer with `rows` random transitions in each part.
function workload.replay(rows)
  rows = rows or ROWS
  local rng, path = core.rng(1), os.tmpname()
  workload.write_dataset(path, rows, rng)
  local replay = core.replay(workload.OBSERVATIONS, workload.ACTIONS, rows, core.dataset_read(path))
  os.remove(path)
  for _ = 1, rows // CHUNK do
    local observations = rng:normal(CHUNK + 1, workload.OBSERVATIONS)
    local actions = rng:uniform(-1, 1, CHUNK, workload.ACTIONS)
    for i = 1, CHUNK do
      replay:add(observations:rows(i, i):reshape(workload.OBSERVATIONS), actions:rows(i, i):reshape(workload.ACTIONS),
        rng:number(), observations:rows(i + 1, i + 1):reshape(workload.OBSERVATIONS), false)
      core.end_step()
    end
  end
  return replay
end

--- workload.new(name [, options [, replay]]) -> { agent, update, sampling }
--- update() draws what the agent wants and updates it once, as the trainer does; sampling: seconds of the drawing.
function workload.new(name, options, replay)
  replay = replay or workload.replay()
  local made = { sampling = 0.0 }
  local agent = tide.agents[name](options or {}):build {
    observation_dim = workload.OBSERVATIONS, action_dim = workload.ACTIONS, rng = core.rng(1),
    state_mean = function() return tide.zeros(workload.OBSERVATIONS) end,
    state_std = function() return tide.zeros(workload.OBSERVATIONS):fill(1.0) end,
    return_range = function() return 0, 1000 end,
  }
  local batches, names, rng, clock = agent:batches(), {}, core.rng(2), os.clock
  for batch in pairs(batches) do names[#names + 1] = batch end
  table.sort(names)
  made.agent = agent
  function made.update()
    local start, drawn = clock(), {}
    for _, batch in ipairs(names) do
      drawn[batch] = replay:sample(rng, batches[batch].real, batches[batch].sim)
    end
    made.sampling = made.sampling + clock() - start
    agent:update(drawn)
    core.end_step()
  end
  return made
end

return workload
