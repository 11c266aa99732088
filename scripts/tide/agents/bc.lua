--- Behaviour cloning: supervised learning of the dataset's actions. What rewards there are is not asked.
local tide = require "tide.toolkit"

local bc = tide.agent("bc", {
  about = "behaviour cloning: do what the dataset did",
  uses = { "real" },
  loss = "mse",             -- of a deterministic policy; "log_prob": maximum likelihood of a tanh-Gaussian one
  normalise = true,         -- observations, by the dataset's mean and standard deviation
  policy_lr = 3e-4,
  hidden = { 256, 256 },
  batch = 256,
})

function bc:build(task)
  local S, A = task.observation_dim, task.action_dim
  local kinds = { mse = tide.deterministic_policy, log_prob = tide.policy }
  local make = kinds[self.loss] or error(('bc: loss: "mse" or "log_prob", not %q'):format(self.loss), 0)
  self.policy = make(S, A, self.hidden, self.rng, { normaliser = self.normalise and tide.normaliser(task) or nil })
  self.optimisers = { policy = tide.adam(self.policy:parameters(), self.policy_lr) }
  self.networks = { policy = self.policy.net }
end

--- What the trainer draws for one update: rows of the real part, rows of the simulated part.
function bc:batches()
  return { train = { real = self.batch, sim = 0 } }
end

--- L = mean (pi(s) - a)^2, over rows and dimensions;  or  L = - mean ln pi(a|s).
function bc:policy_loss(batch)
  if self.loss == "mse" then return tide.mse(self.policy(batch.observations), batch.actions) end
  return -self.policy:log_prob(batch.observations, batch.actions):mean()
end

function bc:update(batches)
  local loss = self:policy_loss(batches.train)
  self.optimisers.policy:minimise(loss)
  return { policy_loss = loss:item() }
end

return bc
