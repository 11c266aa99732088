--- Implicit Q-learning (Kostrikov et al. 2021, arXiv 2110.06169): no action outside the dataset is ever
--- valued. V is an upper expectile of Q over the dataset's actions, Q a backup of V, and the policy
--- imitates the dataset with more weight on better actions.
local tide = require "tide.toolkit"

local iql = tide.agent("iql", {
  about = "implicit Q-learning: an expectile of Q, and imitation weighted by advantage",
  uses = { "real" },
  discount = 0.99,            -- gamma
  tau = 0.005,                -- Polyak rate of the target critics
  expectile = 0.7,            -- of Q, that V is; 0.5 is the mean, towards 1 the maximum
  beta = 3.0,                 -- inverse temperature of the advantages; 0 is behaviour cloning
  weight_clip = 100.0,        -- the largest weight of an action
  reward_scale = "auto",      -- "auto": the returns of the dataset's episodes span 1000
  schedule_steps = 1000000,   -- the policy's rate falls to 0 over these, along a cosine; false: it does not
  policy_lr = 3e-4,
  critic_lr = 3e-4,
  value_lr = 3e-4,
  hidden = { 256, 256 },
  batch = 256,
})

function iql:build(task)
  local S, A, rng = task.observation_dim, task.action_dim, self.rng
  local init = { init = "orthogonal", gain = math.sqrt(2) }
  self.policy = tide.gaussian_policy(S, A, self.hidden, rng, init)
  self.q1, self.q2 = tide.critic(S, A, self.hidden, rng, init), tide.critic(S, A, self.hidden, rng, init)
  self.target_q1, self.target_q2 = tide.target(self.q1), tide.target(self.q2)
  self.value = tide.mlp({ inputs = S, outputs = 1, scalar = true, hidden = self.hidden,
                          init = init.init, gain = init.gain }, rng)
  if self.reward_scale == "auto" then
    local low, high = task.return_range()
    if not (low and low < high) then
      error('iql: reward_scale = "auto" needs a dataset with two ended episodes of different returns', 0)
    end
    self.reward_scale = 1000 / (high - low)
  end
  self.optimisers = {
    policy = tide.adam(self.policy:parameters(), self.policy_lr),
    critics = tide.adam({ self.q1, self.q2 }, self.critic_lr),
    value = tide.adam({ self.value }, self.value_lr),
  }
  self.networks = { policy = self.policy.net, q1 = self.q1, q2 = self.q2, value = self.value,
                    target_q1 = self.target_q1, target_q2 = self.target_q2 }
  self.scalars = { log_std = self.policy.log_std }
end

--- What the trainer draws for one update: rows of the real part, rows of the simulated part.
function iql:batches()
  return { train = { real = self.batch, sim = 0 } }
end

--- min_i Q'_i(s, a): what V and the policy learn from.
function iql:target_q(batch)
  return tide.no_grad(function()
    return tide.min(self.target_q1(batch.observations, batch.actions),
                    self.target_q2(batch.observations, batch.actions))
  end)
end

--- L_V = mean |expectile - 1(q < V(s))| (q - V(s))^2                              (the paper's equation 5)
function iql:update_value(batch, q, metrics)
  local value = self.value(batch.observations)
  local value_loss = tide.expectile(value, q, self.expectile)
  self.optimisers.value:minimise(value_loss)
  metrics.value_loss, metrics.value = value_loss:item(), value:mean():item()
end

--- The policy's rate, from its steps so far: policy_lr (1 + cos(pi steps / schedule_steps)) / 2.
function iql:scheduled_lr()
  if not self.schedule_steps then return self.policy_lr end
  local steps = self.optimisers.policy:steps()
  local share = steps < self.schedule_steps and steps / self.schedule_steps or 1
  return self.policy_lr * (1 + math.cos(math.pi * share)) / 2
end

--- L_pi = - mean w ln pi(a|s),  w = min(exp(beta (q - V(s))), weight_clip)        (equation 7)
function iql:update_policy(batch, q, metrics)
  local lr = self:scheduled_lr()
  metrics.policy_lr = lr
  if lr <= 0 then return end -- the schedule is over
  local weight = tide.no_grad(function()
    local advantage = q - self.value(batch.observations)
    metrics.advantage = advantage:mean():item()
    return tide.clamp(self.beta * advantage, -math.huge, math.log(self.weight_clip)):exp()
  end)
  local policy_loss = -(weight * self.policy:log_prob(batch.observations, batch.actions)):mean()
  self.optimisers.policy:lr(lr)
  self.optimisers.policy:minimise(policy_loss)
  metrics.policy_loss, metrics.weight = policy_loss:item(), weight:mean():item()
end

--- L_Q = mean (Q_1 - y)^2 + mean (Q_2 - y)^2,  y = scale r + gamma (1 - terminal) V(s')   (equation 6)
function iql:update_critics(batch, metrics)
  local target = tide.no_grad(function()
    return self.reward_scale * batch.rewards
           + self.discount * (1 - batch.terminals) * self.value(batch.next_observations)
  end)
  local q1, q2 = self.q1(batch.observations, batch.actions), self.q2(batch.observations, batch.actions)
  local q1_loss, q2_loss = tide.mse(q1, target), tide.mse(q2, target)
  self.optimisers.critics:minimise(q1_loss + q2_loss)
  metrics.q1_loss, metrics.q2_loss = q1_loss:item(), q2_loss:item()
  metrics.q1 = q1:mean():item()
end

function iql:update_targets()
  self.target_q1:polyak(self.q1, self.tau)
  self.target_q2:polyak(self.q2, self.tau)
end

--- The order is the published one: V, then the policy with the new V, then Q with the new V, then the targets.
function iql:update(batches)
  local batch, metrics = batches.train, {}
  local q = self:target_q(batch)
  self:update_value(batch, q, metrics)
  self:update_policy(batch, q, metrics)
  self:update_critics(batch, metrics)
  self:update_targets()
  return metrics
end

return iql
