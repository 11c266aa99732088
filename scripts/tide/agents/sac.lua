--- Soft actor-critic (Haarnoja et al. 2018, arXiv 1812.05905): maximise return plus entropy.
local tide = require "tide.toolkit"

local sac = tide.agent("sac", {
  about = "soft actor-critic: maximise return plus entropy",
  uses = { "sim" },
  discount = 0.99,          -- gamma
  tau = 0.005,              -- Polyak rate of the target critics
  policy_lr = 3e-4,
  critic_lr = 3e-4,
  alpha_lr = 3e-4,
  hidden = { 256, 256 },
  batch = 256,
  target_entropy = "auto",  -- minus the number of action dimensions
  initial_alpha = 1.0,      -- temperature at the start
})

function sac:build(task)
  local S, A, rng = task.observation_dim, task.action_dim, self.rng
  self.policy = tide.policy(S, A, self.hidden, rng)
  self.q1, self.q2 = tide.critic(S, A, self.hidden, rng), tide.critic(S, A, self.hidden, rng)
  self.target_q1, self.target_q2 = tide.target(self.q1), tide.target(self.q2)
  self.log_alpha = tide.parameter(math.log(self.initial_alpha))
  self.target_entropy = tide.target_entropy(self.target_entropy, A)
  self.optimisers = {
    policy = tide.adam(self.policy:parameters(), self.policy_lr),
    critics = tide.adam({ self.q1, self.q2 }, self.critic_lr),
    alpha = tide.adam({ self.log_alpha }, self.alpha_lr),
  }
  self.networks = { policy = self.policy.net, q1 = self.q1, q2 = self.q2,
                    target_q1 = self.target_q1, target_q2 = self.target_q2 }
  self.scalars = { log_alpha = self.log_alpha }
end

--- What the trainer draws for one update: rows of the real part, rows of the simulated part.
function sac:batches()
  return { train = { real = 0, sim = self.batch } }
end

function sac:alpha()
  return math.exp(self.log_alpha:item())
end

--- y = r + gamma (1 - terminal) (min_i Q'_i(s', a') - alpha ln pi(a'|s')),  a' ~ pi(.|s').
function sac:target(batch)
  return tide.no_grad(function()
    local next_action, next_log_prob = self.policy:sample(batch.next_observations)
    local next_value = tide.min(self.target_q1(batch.next_observations, next_action),
                                self.target_q2(batch.next_observations, next_action))
                       - self:alpha() * next_log_prob
    return batch.rewards + self.discount * (1 - batch.terminals) * next_value
  end)
end

--- L_Q = mean (Q_1 - y)^2 + mean (Q_2 - y)^2
function sac:update_critics(batch, target, metrics)
  local q1 = self.q1(batch.observations, batch.actions)
  local q2 = self.q2(batch.observations, batch.actions)
  local q1_loss, q2_loss = tide.mse(q1, target), tide.mse(q2, target)
  self.optimisers.critics:minimise(q1_loss + q2_loss)
  metrics.q1_loss, metrics.q2_loss = q1_loss:item(), q2_loss:item()
  metrics.q1 = q1:mean():item()
end

function sac:update_targets()
  self.target_q1:polyak(self.q1, self.tau)
  self.target_q2:polyak(self.q2, self.tau)
end

--- L_pi = mean [alpha ln pi(a|s) - min_i Q_i(s, a)],  a ~ pi(.|s), then
--- L_alpha = -ln alpha mean [ln pi(a|s) + target entropy].
function sac:update_policy(batch, metrics)
  local action, log_prob = self.policy:sample(batch.observations)
  local value = tide.min(self.q1(batch.observations, action), self.q2(batch.observations, action))
  local policy_loss = (self:alpha() * log_prob - value):mean()
  self.optimisers.policy:minimise(policy_loss)
  local excess = log_prob:mean():item() + self.target_entropy
  self.optimisers.alpha:minimise(-excess * self.log_alpha)
  metrics.policy_loss, metrics.alpha, metrics.entropy = policy_loss:item(), self:alpha(), -log_prob:mean():item()
end

function sac:update(batches)
  local batch, metrics = batches.train, {}
  self:update_critics(batch, self:target(batch), metrics)
  self:update_targets()
  self:update_policy(batch, metrics)
  return metrics
end

return sac
