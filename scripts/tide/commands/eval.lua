--- tide eval POLICY: deterministic episodes of a saved policy, in the real environment or one with a gap.
local env = require "tide.env"
local evaluation = require "tide.evaluation"
local gap = require "tide.gap"
local json = require "tide.json"
local tide = require "tide"

local eval = { summary = "Evaluate a policy." }

function eval.configure(command)
  command:argument("policy", "A policy.h5 file or the folder of a run.")
  command:option("--env", "The environment; the one it was trained for otherwise.")
  command:option("--gap", "What is wrong with it: 'gravity(2.0) + joint_noise(1.0)'.")
  command:option("--episodes", "How many episodes.", 5, math.tointeger)
  command:option("--seed", "Of the initial states.", 0, math.tointeger)
  command:flag("--sample", "Sample actions instead of taking the deterministic ones.")
  command:flag("--json", "Print one JSON object.")
end

function eval.run(args)
  if args.episodes < 1 then error("--episodes: at least 1", 0) end
  local policy, about = tide.load_policy(args.policy, args.seed)
  local name = args.env or about.env
  if name == nil then error(("%s: does not say its environment; give --env"):format(args.policy), 0) end
  local world = tide.world(name, { gap = gap.from(args.gap), seed = args.seed })
  if world.observation_dim ~= policy.observation_dim or world.action_dim ~= policy.action_dim then
    error(("%s: takes %d observations and gives %d actions, %s has %d and %d"):format(args.policy,
      policy.observation_dim, policy.action_dim, name, world.observation_dim, world.action_dim), 0)
  end
  local result = evaluation.run(policy, world, args.episodes, args.sample and "sample" or "mean")
  local score = env.normalised_score(world.env, result.mean)
  if args.json then
    print(json.encode { env = name, gap = args.gap, seed = args.seed, episodes = args.episodes,
      returns = result.returns, lengths = result.lengths, ["return"] = result.mean, return_std = result.std,
      score = score, diverged = result.diverged })
    return 0
  end
  print(("%s in %s%s"):format(args.policy, name, args.gap and " with " .. args.gap or ""))
  for i, value in ipairs(result.returns) do
    print(("  episode %-3d return %9.1f   steps %d"):format(i, value, result.lengths[i]))
  end
  print(("  mean        return %9.1f   std %.1f%s"):format(result.mean, result.std,
    score and ("   normalised score %.1f"):format(score) or ""))
  if result.diverged > 0 then print(("  %d episodes ended in a diverged simulation"):format(result.diverged)) end
  return 0
end

return eval
