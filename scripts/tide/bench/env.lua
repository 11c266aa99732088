--- Simulating from Lua beside MuJoCo alone, and a policy's single actions.
local core = require "tide.core"
local rounds = require "tide.bench.rounds"
local tide = require "tide"
local workload = require "tide.bench.workload"

local env = {}

env.robots = { "HalfCheetah", "Walker2d", "Hopper", "Ant" }
local STEPS = 1000

--- Both run the same actions from the same state, so the robot touches the ground as often.  -> control steps a second
local function pair(name)
  local world = tide.world(name, { seed = 1 })
  local rows = core.rng(2):uniform(-1, 1, STEPS, world.action_dim)
  local actions = {}
  for i = 1, STEPS do actions[i] = rows:rows(i, i):reshape(world.action_dim):clone() end
  core.end_step()
  world:reset()
  local qpos, qvel = world.physics:qpos(), world.physics:qvel()
  local frame_skip = world.env.frame_skip
  return function()
    world:place(qpos, qvel)
    return STEPS / rounds.seconds(function()
      for i = 1, STEPS do
        world.over = false -- a fallen robot goes on, as it does in the other run
        world:step(actions[i])
      end
    end)
  end, function()
    world.physics:place(qpos, qvel)
    world.physics:forward()
    return STEPS / rounds.seconds(function() world.physics:replay(rows, frame_skip) end)
  end
end

--- Control steps a second.  -> one row a robot: { env, steps_per_s, mj_step_per_s, share }, the last three as
--- { median, least, most }
function env.steps(n_rounds)
  local jobs, results = {}, {}
  for _, name in ipairs(env.robots) do
    local from_lua, bare = pair(name)
    jobs[#jobs + 1], jobs[#jobs + 2] = from_lua, bare
  end
  local numbers = rounds.take(jobs, n_rounds)
  for i, name in ipairs(env.robots) do
    local from_lua, bare = numbers[2 * i - 1], numbers[2 * i]
    results[i] = { env = name, steps_per_s = rounds.summary(from_lua), mj_step_per_s = rounds.summary(bare),
                   share = rounds.summary(rounds.ratios(from_lua, bare)) }
  end
  return results
end

--- Microseconds of agent:act for one observation, 256-256.  -> { agent, mode, microseconds } rows
function env.actions(n_rounds)
  local jobs, results, replay = {}, {}, workload.replay(2000)
  for _, name in ipairs { "sac", "h2o", "td3_bc", "iql" } do
    local agent = workload.new(name, nil, replay).agent
    local observation = core.rng(3):normal(workload.OBSERVATIONS)
    for _, mode in ipairs { "mean", "sample" } do
      results[#results + 1] = { agent = name, mode = mode }
      jobs[#jobs + 1] = function()
        return 1e6 / rounds.rate(function()
          for _ = 1, 100 do
            agent:act(observation, mode)
            core.end_step()
          end
        end, 0.05) / 100
      end
    end
  end
  for i, list in ipairs(rounds.take(jobs, n_rounds)) do results[i].microseconds = rounds.summary(list) end
  return results
end

return env
