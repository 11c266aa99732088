--- TD3+BC (Fujimoto & Gu 2021, "A Minimalist Approach to Offline Reinforcement Learning", arXiv
--- 2106.06860): TD3 (Fujimoto et al. 2018, arXiv 1802.09477) whose policy is also held to the dataset's
--- actions. lambda makes the two parts comparable whatever the scale of Q.
local tide = require "tide.toolkit"

local td3_bc = tide.agent("td3_bc", {
  about = "TD3 whose policy is also held to the dataset's actions",
  uses = { "real" },
  discount = 0.99,          -- gamma
  tau = 0.005,              -- Polyak rate of the targets
  alpha = 2.5,              -- weight of Q against imitation; 0 is behaviour cloning
  policy_delay = 2,         -- updates of the critics for one of policy and targets
  target_noise = 0.2,       -- std of the noise on the target policy's action
  noise_clip = 0.5,         -- the largest such noise
  normalise = true,         -- observations, by the dataset's mean and standard deviation
  policy_lr = 3e-4,
  critic_lr = 3e-4,
  hidden = { 256, 256 },
  batch = 256,
})

function td3_bc:build(task)
  local S, A, rng = task.observation_dim, task.action_dim, self.rng
  self.policy = tide.deterministic_policy(S, A, self.hidden, rng,
    { normaliser = self.normalise and tide.normaliser(task) or nil })
  self.q1, self.q2 = tide.critic(S, A, self.hidden, rng), tide.critic(S, A, self.hidden, rng)
  self.target_policy = tide.target(self.policy.net)
  self.target_q1, self.target_q2 = tide.target(self.q1), tide.target(self.q2)
  self.optimisers = {
    policy = tide.adam(self.policy:parameters(), self.policy_lr),
    critics = tide.adam({ self.q1, self.q2 }, self.critic_lr),
  }
  self.networks = { policy = self.policy.net, q1 = self.q1, q2 = self.q2, target_policy = self.target_policy,
                    target_q1 = self.target_q1, target_q2 = self.target_q2 }
end

--- What the trainer draws for one update: rows of the real part, rows of the simulated part.
function td3_bc:batches()
  return { train = { real = self.batch, sim = 0 } }
end

--- y = r + gamma (1 - terminal) min_i Q'_i(s', a'),  a' = pi'(s') + noise, noise and a' held within bounds.
function td3_bc:target(batch, next_observations)
  return tide.no_grad(function()
    local noise = self.target_noise * self.rng:draw_normal(#next_observations, self.action_dim)
    local next_action = self.target_policy(next_observations) + tide.clamp(noise, -self.noise_clip, self.noise_clip)
    next_action = tide.clamp(next_action, -1, 1)
    local next_value = tide.min(self.target_q1(next_observations, next_action),
                                self.target_q2(next_observations, next_action))
    return batch.rewards + self.discount * (1 - batch.terminals) * next_value
  end)
end

--- L_Q = mean (Q_1 - y)^2 + mean (Q_2 - y)^2
function td3_bc:update_critics(batch, observations, target, metrics)
  local q1, q2 = self.q1(observations, batch.actions), self.q2(observations, batch.actions)
  local q1_loss, q2_loss = tide.mse(q1, target), tide.mse(q2, target)
  self.optimisers.critics:minimise(q1_loss + q2_loss)
  metrics.q1_loss, metrics.q2_loss = q1_loss:item(), q2_loss:item()
  metrics.q1 = q1:mean():item()
end

--- L_pi = - lambda mean Q_1(s, pi(s)) + mean (pi(s) - a)^2,  lambda = alpha / mean |Q_1(s, pi(s))|, a constant.
function td3_bc:update_policy(batch, observations, metrics)
  local action = self.policy.net(observations) -- they are normalised already
  local q = self.q1(observations, action)
  local lambda = self.alpha / q:detach():abs():mean():item()
  local imitation = tide.mse(action, batch.actions)
  local policy_loss = imitation - lambda * q:mean()
  self.optimisers.policy:minimise(policy_loss)
  metrics.policy_loss, metrics.imitation, metrics.lambda = policy_loss:item(), imitation:item(), lambda
end

function td3_bc:update_targets()
  self.target_q1:polyak(self.q1, self.tau)
  self.target_q2:polyak(self.q2, self.tau)
  self.target_policy:polyak(self.policy.net, self.tau)
end

function td3_bc:update(batches)
  local batch, metrics = batches.train, {}
  local observations = self.policy:normalise(batch.observations)
  local target = self:target(batch, self.policy:normalise(batch.next_observations))
  self:update_critics(batch, observations, target, metrics)
  if self.optimisers.critics:steps() % self.policy_delay == 0 then
    self:update_policy(batch, observations, metrics)
    self:update_targets()
  end
  return metrics
end

return td3_bc
