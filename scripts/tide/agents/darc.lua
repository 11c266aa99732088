--- DARC (Eysenbach et al. 2021, "Off-Dynamics Reinforcement Learning", arXiv 2006.13916): soft actor-critic
--- in the simulator alone, whose rewards are corrected so that what would not happen in the real world does not
--- pay. Two discriminators, trained on transitions of both worlds, estimate the correction
--- delta_r = ln P(s'|s,a) / P^(s'|s,a), P the real dynamics and P^ the simulated ones.
local tide = require "tide.toolkit"

local darc = tide.agent("darc", {
  about = "soft actor-critic on simulated rewards, corrected for the wrong dynamics",
  uses = { "real", "sim" },
  discount = 0.99,              -- gamma
  tau = 0.005,                  -- Polyak rate of the target critics
  policy_lr = 3e-4,
  critic_lr = 3e-4,
  alpha_lr = 3e-4,
  d_sa_lr = 3e-4,
  d_sas_lr = 3e-4,
  hidden = { 256, 256 },
  batch = 256,                  -- simulated rows for the critics and the policy
  discriminator_batch = 128,    -- rows of each world for the discriminators
  discriminator_noise = 1.0,    -- std of the noise on the discriminators' inputs
  correction_weight = 1.0,      -- of delta_r in the reward
  correction_clip = 10.0,       -- delta_r is held within +- this; 0: soft actor-critic
  warmup = 0,                   -- updates before the rewards are corrected
  target_entropy = "auto",      -- minus the number of action dimensions
  initial_alpha = 1.0,          -- temperature at the start
})

function darc:build(task)
  local S, A, rng = task.observation_dim, task.action_dim, self.rng
  self.policy = tide.policy(S, A, self.hidden, rng)
  self.q1, self.q2 = tide.critic(S, A, self.hidden, rng), tide.critic(S, A, self.hidden, rng)
  self.target_q1, self.target_q2 = tide.target(self.q1), tide.target(self.q2)
  self.d_sa = tide.mlp({ inputs = S + A, outputs = 2, hidden = self.hidden }, rng)
  self.d_sas = tide.mlp({ inputs = 2 * S + A, outputs = 2, hidden = self.hidden }, rng)
  self.log_alpha = tide.parameter(math.log(self.initial_alpha))
  self.target_entropy = tide.target_entropy(self.target_entropy, A)
  self.optimisers = {
    policy = tide.adam(self.policy:parameters(), self.policy_lr),
    critics = tide.adam({ self.q1, self.q2 }, self.critic_lr),
    alpha = tide.adam({ self.log_alpha }, self.alpha_lr),
    d_sa = tide.adam({ self.d_sa }, self.d_sa_lr),
    d_sas = tide.adam({ self.d_sas }, self.d_sas_lr),
  }
  self.networks = { policy = self.policy.net, q1 = self.q1, q2 = self.q2, target_q1 = self.target_q1,
                    target_q2 = self.target_q2, d_sa = self.d_sa, d_sas = self.d_sas }
  self.scalars = { log_alpha = self.log_alpha }
end

--- What the trainer draws for one update; real rows come first in each.
function darc:batches()
  return { train = { real = 0, sim = self.batch },
           discriminator = { real = self.discriminator_batch, sim = self.discriminator_batch } }
end

-- ---- the correction ----

--- L_sa = mean - ln p(world|s,a),  L_sas = mean - ln p(world|s,a,s'),  over both worlds' rows, inputs noisy:
--- p(.|s,a) = softmax(d_sa),  p(.|s,a,s') = softmax(d_sas + d_sa), so that L_sas trains both networks.
function darc:update_discriminators(batch, metrics)
  local function noisy(t)
    return t + self.discriminator_noise * self.rng:draw_normal(t.shape[1], t.shape[2])
  end
  local sa_loss, sas_loss = tide.discriminators.losses(self.d_sa, self.d_sas, batch, noisy)
  tide.minimise(sa_loss + sas_loss, self.optimisers.d_sa, self.optimisers.d_sas)
  metrics.d_sa_loss, metrics.d_sas_loss = sa_loss:item(), sas_loss:item()
end

--- r + weight delta_r,  delta_r = ln p(real|s,a,s') - ln p(sim|s,a,s') - ln p(real|s,a) + ln p(sim|s,a)
---                             = d_sas[real] - d_sas[sim];  r alone in the warm-up.
function darc:corrected_rewards(batch, metrics)
  metrics.correction, metrics.correction_abs = 0.0, 0.0
  if self.optimisers.d_sas:steps() <= self.warmup then return batch.rewards end
  return tide.no_grad(function()
    local logits = self.d_sas(batch.observations, batch.actions, batch.next_observations)
    local correction = tide.discriminators.log_ratio(logits, self.correction_clip)
    metrics.correction, metrics.correction_abs = correction:mean():item(), correction:abs():mean():item()
    return batch.rewards + self.correction_weight * correction
  end)
end

-- ---- soft actor-critic ----

function darc:alpha()
  return math.exp(self.log_alpha:item())
end

--- y = r + weight delta_r + gamma (1 - terminal) (min_i Q'_i(s', a') - alpha ln pi(a'|s')),  a' ~ pi(.|s').
function darc:target(batch, rewards)
  return tide.no_grad(function()
    local next_action, next_log_prob = self.policy:sample(batch.next_observations)
    local next_value = tide.min(self.target_q1(batch.next_observations, next_action),
                                self.target_q2(batch.next_observations, next_action))
                       - self:alpha() * next_log_prob
    return rewards + self.discount * (1 - batch.terminals) * next_value
  end)
end

--- L_Q = mean (Q_1 - y)^2 + mean (Q_2 - y)^2
function darc:update_critics(batch, target, metrics)
  local q1 = self.q1(batch.observations, batch.actions)
  local q2 = self.q2(batch.observations, batch.actions)
  local q1_loss, q2_loss = tide.mse(q1, target), tide.mse(q2, target)
  self.optimisers.critics:minimise(q1_loss + q2_loss)
  metrics.q1_loss, metrics.q2_loss = q1_loss:item(), q2_loss:item()
  metrics.q1 = q1:mean():item()
end

function darc:update_targets()
  self.target_q1:polyak(self.q1, self.tau)
  self.target_q2:polyak(self.q2, self.tau)
end

--- L_pi = mean [alpha ln pi(a|s) - min_i Q_i(s, a)],  a ~ pi(.|s), then
--- L_alpha = -ln alpha mean [ln pi(a|s) + target entropy].
function darc:update_policy(batch, metrics)
  local action, log_prob = self.policy:sample(batch.observations)
  local value = tide.min(self.q1(batch.observations, action), self.q2(batch.observations, action))
  local policy_loss = (self:alpha() * log_prob - value):mean()
  self.optimisers.policy:minimise(policy_loss)
  local excess = log_prob:mean():item() + self.target_entropy
  self.optimisers.alpha:minimise(-excess * self.log_alpha)
  metrics.policy_loss, metrics.alpha, metrics.entropy = policy_loss:item(), self:alpha(), -log_prob:mean():item()
end

function darc:update(batches)
  local batch, metrics = batches.train, {}
  self:update_discriminators(batches.discriminator, metrics)
  local rewards = self:corrected_rewards(batch, metrics)
  self:update_critics(batch, self:target(batch, rewards), metrics)
  self:update_targets()
  self:update_policy(batch, metrics)
  return metrics
end

return darc
