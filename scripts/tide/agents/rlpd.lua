--- RLPD (Ball et al. 2023, "Efficient Online Reinforcement Learning with Offline Data", arXiv 2302.02948):
--- soft actor-critic that learns from its own steps B and, in equal parts, from a dataset D. What makes that
--- work: LayerNorm in the critics, which bounds what they say of actions that no row has; an ensemble of
--- critics, whose targets are the minimum over a few members drawn at random (REDQ, Chen et al. 2021); and many
--- critic steps for each step of the policy.
local tide = require "tide.toolkit"

local rlpd = tide.agent("rlpd", {
  about = "soft actor-critic, half of each batch from a dataset, many critics",
  uses = { "real", "sim" },
  discount = 0.99,          -- gamma
  tau = 0.005,              -- Polyak rate of the target critics
  policy_lr = 3e-4,
  critic_lr = 3e-4,
  alpha_lr = 3e-4,
  hidden = { 256, 256 },    -- the paper's for locomotion
  layer_norm = true,        -- in the critics
  real_batch = 128,         -- rows of D in a critic step
  sim_batch = 128,          -- rows of B in a critic step
  critic_updates = 20,      -- G: critic steps in an update, each on rows of its own
  ensemble = 10,            -- E: critics
  subset = 2,               -- Z: those of them that a target is the minimum of; the paper's for locomotion
  entropy_backup = true,    -- whether the target holds - alpha ln pi; the paper's for locomotion
  target_entropy = "auto",  -- minus half the number of action dimensions
  initial_alpha = 1.0,      -- temperature at the start
})

function rlpd:build(task)
  local S, A, rng = task.observation_dim, task.action_dim, self.rng
  if self.subset > self.ensemble then
    error(("rlpd: a subset of %d from an ensemble of %d"):format(self.subset, self.ensemble), 0)
  end
  self.policy = tide.policy(S, A, self.hidden, rng, { init = "xavier" })
  self.networks = { policy = self.policy.net }
  self.critics, self.target_critics = {}, {}
  for i = 1, self.ensemble do
    local q = tide.critic(S, A, self.hidden, rng, { init = "xavier", layer_norm = self.layer_norm })
    self.critics[i], self.target_critics[i] = q, tide.target(q)
    self.networks["q" .. i], self.networks["target_q" .. i] = q, self.target_critics[i]
  end
  self.log_alpha = tide.parameter(math.log(self.initial_alpha))
  self.target_entropy = tide.target_entropy(self.target_entropy, A / 2)
  self.optimisers = {
    policy = tide.adam(self.policy:parameters(), self.policy_lr),
    critics = tide.adam(self.critics, self.critic_lr),
    alpha = tide.adam({ self.log_alpha }, self.alpha_lr),
  }
  self.scalars = { log_alpha = self.log_alpha }
end

--- What the trainer draws for one update: a batch for each critic step, half of it real.
function rlpd:batches()
  local drawn = {}
  for step = 1, self.critic_updates do drawn["train" .. step] = { real = self.real_batch, sim = self.sim_batch } end
  return drawn
end

function rlpd:alpha()
  return math.exp(self.log_alpha:item())
end

--- Z: the numbers of `subset` different critics, drawn anew for each target.
function rlpd:draw_subset()
  return table.move(self.rng:permutation(self.ensemble), 1, self.subset, 1, {})
end

--- y = r + gamma (1 - terminal) (min_{i in Z} Q'_i(s', a') - alpha ln pi(a'|s')),  a' ~ pi(.|s').
--- Only the members of Z are evaluated.
function rlpd:target(batch)
  return tide.no_grad(function()
    local next_action, next_log_prob = self.policy:sample(batch.next_observations)
    local next_value
    for _, i in ipairs(self:draw_subset()) do
      local value = self.target_critics[i](batch.next_observations, next_action)
      next_value = next_value and tide.min(next_value, value) or value
    end
    if self.entropy_backup then next_value = next_value - self:alpha() * next_log_prob end
    return batch.rewards + self.discount * (1 - batch.terminals) * next_value
  end)
end

--- L_Q = sum over the ensemble of mean (Q_i - y)^2; each critic's gradients before the next one's products,
--- while its activations are in cache. Losses and values add up in `sums`.
function rlpd:update_critics(batch, target, sums)
  local critics = self.optimisers.critics
  critics:forget()
  for _, critic in ipairs(self.critics) do
    local q = critic(batch.observations, batch.actions)
    local loss = tide.mse(q, target)
    loss:backward(critics)
    sums.q_loss, sums.q = sums.q_loss + loss:item(), sums.q + q:mean():item()
  end
  critics:step()
end

function rlpd:update_targets()
  for i, critic in ipairs(self.critics) do self.target_critics[i]:polyak(critic, self.tau) end
end

--- L_pi = mean [alpha ln pi(a|s) - 1/E sum_i Q_i(s, a)],  a ~ pi(.|s), then
--- L_alpha = -alpha mean [ln pi(a|s) + target entropy].
function rlpd:update_policy(batch, metrics)
  local action, log_prob = self.policy:sample(batch.observations)
  local value = 0
  for _, critic in ipairs(self.critics) do value = value + critic(batch.observations, action) end
  local policy_loss = (self:alpha() * log_prob - value / self.ensemble):mean()
  self.optimisers.policy:minimise(policy_loss)
  local excess = log_prob:mean():item() + self.target_entropy
  self.optimisers.alpha:minimise(-excess * self.log_alpha:exp())
  metrics.policy_loss, metrics.alpha, metrics.entropy = policy_loss:item(), self:alpha(), -log_prob:mean():item()
end

--- `critic_updates` steps of the critics, then one of policy and temperature on the rows of the last.
function rlpd:update(batches)
  local batch, sums = nil, { q_loss = 0.0, q = 0.0 }
  for step = 1, self.critic_updates do
    batch = batches["train" .. step]
    self:update_critics(batch, self:target(batch), sums)
    self:update_targets()
  end
  local steps = self.critic_updates * self.ensemble
  local metrics = { q_loss = sums.q_loss / steps, q = sums.q / steps }
  self:update_policy(batch, metrics)
  return metrics
end

return rlpd
