--- The behaviour policy of the medium datasets: soft actor-critic in the real HalfCheetah, stopped at the
--- first evaluation that reaches a medium return. Writes the policy and what the training saw.
---
---   tide run experiments/behaviour.lua
---
--- writes envs/policies/halfcheetah-medium.h5 and the dataset halfcheetah-medium-replay.
local tide = require "tide"
local paths = require "tide.paths"

local env = ... or "halfcheetah"
local run = tide.recipes.behaviour(env)
local final = run:train()

local policy = paths.envs(("policies/%s-medium.h5"):format(env))
tide.save_policy(policy, run.agent.policy, { env = run.real.name, agent = "sac", eval_return = final.mean,
  updates = run.updates, seed = run.config.seed })
local path = tide.recipes.path(env .. "-medium-replay")
local rows = tide.recipes.write_replay(run, path, { dataset = env .. "-medium-replay", env = run.real.name,
  algorithm = "SAC replay", behaviour_return = final.mean, seed = run.config.seed })
print(("%s: return %.0f after %d updates\n%s: %d transitions"):format(policy, final.mean, run.updates, path, rows))
