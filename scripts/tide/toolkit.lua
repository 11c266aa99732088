--- What an agent's file is written with: networks, optimisers, operations, under one name.
--- `require "tide"` shows the same functions; agents load this smaller table because
--- tide itself loads the agents.
local core = require "tide.core"
local network = require "tide.network"
local agent = require "tide.agent"
local options = require "tide.options"
local parts = require "tide.parts"
local policies = require "tide.policy"
local conservative = require "tide.conservative"
local discriminators = require "tide.discriminators"

local toolkit = {
  agent = agent.define, no_grad = agent.no_grad, minimise = agent.minimise, target_entropy = agent.target_entropy,
  normaliser = agent.normaliser,
  mlp = network.mlp, critic = network.critic, target = network.target,
  policy = policies.tanh_gaussian, deterministic_policy = policies.deterministic, gaussian_policy = policies.gaussian,
  one_of = options.one_of, split = parts.split, simulated = parts.simulated,
  h2o = core.h2o, discriminators = discriminators, conservative = conservative,
}

for _, name in ipairs {
  "tensor", "zeros", "parameter", "adam", "rng", "end_step", "gradient_of", "threads",
  "exp", "log", "sqrt", "square", "tanh", "relu", "sigmoid", "softplus", "abs", "min", "max", "clamp", "detach",
  "sum", "mean", "logsumexp", "mse", "huber", "expectile", "cross_entropy", "argmax", "pick", "rows", "columns",
  "reshape", "repeat_rows", "concat_rows", "concat_columns", "tanh_gaussian", "tanh_mean", "tanh_gaussian_log_prob",
  "gaussian_log_prob",
} do
  toolkit[name] = assert(core[name], name)
end

return toolkit
