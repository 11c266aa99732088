--- Conservative Q-learning (Kumar et al. 2020, arXiv 2006.04779): learn from a fixed dataset D alone. Soft actor-critic
--- whose Q is pushed down where it is high, over uniform actions and the policy's own, and up at D's actions: the
--- policy is not led by values that no data speak for. This is CQL(H), the paper's equation 4.
local tide = require "tide.toolkit"

local cql = tide.agent("cql", {
  about = "learn from data alone; hold values down where the data have no action",
  uses = { "real" },
  discount = 0.99,              -- gamma
  tau = 0.005,                  -- Polyak rate of the target critics
  policy_lr = 3e-4,             -- also of the temperature
  critic_lr = 3e-4,             -- also of the Lagrange multiplier
  hidden = { 256, 256 },
  policy_hidden = false,        -- of the policy alone; false: as `hidden`
  batch = 256,                  -- rows of D
  target_entropy = "auto",      -- minus the number of action dimensions
  initial_alpha = 1.0,          -- temperature at the start
  alpha_multiplier = 1.0,
  imitation_updates = 0,        -- at first, in which the policy imitates D; 10,000 in the paper's own code
  entropy_backup = false,       -- whether the target holds - alpha ln pi
  max_target_backup = false,    -- the target takes the best of `samples` next actions
  beta = 2.0,                   -- weight of the regulariser, the paper's alpha; 0 leaves it out
  samples = 10,                 -- N: actions of each of the three kinds in a state
  importance_sampling = true,   -- divide exp Q by the density that an action was drawn with
  regulariser_temperature = 1.0,
  lagrange = false,             -- tune the regulariser's weight so that it meets target_gap
  target_gap = 1.0,
})

function cql:build(task)
  local S, A, rng = task.observation_dim, task.action_dim, self.rng
  local small = { last_init = "xavier", last_gain = 1e-2 } -- the last layer starts near zero
  self.policy = tide.policy(S, A, self.policy_hidden or self.hidden, rng,
    { last_init = "xavier", last_gain = 1e-2, scalars = true })
  self.q1, self.q2 = tide.critic(S, A, self.hidden, rng, small), tide.critic(S, A, self.hidden, rng, small)
  self.target_q1, self.target_q2 = tide.target(self.q1), tide.target(self.q2)
  self.log_alpha = tide.parameter(math.log(self.initial_alpha))
  self.log_alpha_prime = tide.parameter(1.0)
  self.target_entropy = tide.target_entropy(self.target_entropy, A)
  self.optimisers = {
    policy = tide.adam(self.policy:parameters(), self.policy_lr),
    critics = tide.adam({ self.q1, self.q2 }, self.critic_lr),
    alpha = tide.adam({ self.log_alpha }, self.policy_lr),
    alpha_prime = tide.adam({ self.log_alpha_prime }, self.critic_lr),
  }
  self.networks = { policy = self.policy.net, q1 = self.q1, q2 = self.q2, target_q1 = self.target_q1,
                    target_q2 = self.target_q2 }
  self.scalars = { log_alpha = self.log_alpha, log_alpha_prime = self.log_alpha_prime,
                   log_std = self.policy.scalars }
end

function cql:batches()
  return { train = { real = self.batch, sim = 0 } }
end

function cql:alpha()
  return self.alpha_multiplier * math.exp(self.log_alpha:item())
end

--- y = r + gamma (1 - terminal) min_i Q'_i(s', a'),  a' ~ pi(.|s'); with max_target_backup the best of N such a'.
function cql:target(batch, next_head, metrics)
  return tide.no_grad(function()
    local n, N = #batch.observations, self.max_target_backup and self.samples or 1
    local next_action, next_log_prob = self.policy:sample_from(next_head, N)
    local next_value = tide.min(self.target_q1(batch.next_observations, next_action),
                                self.target_q2(batch.next_observations, next_action))
    if N > 1 then
      local values = next_value:reshape(n, N)
      local best = values:argmax()
      next_value, next_log_prob = values:pick(best), next_log_prob:reshape(n, N):pick(best)
    end
    if self.entropy_backup then next_value = next_value - self:alpha() * next_log_prob end
    metrics.target = next_value:mean():item()
    return batch.rewards + self.discount * (1 - batch.terminals) * next_value
  end)
end

--- L_pi = mean [alpha ln pi(a|s) - min_i Q_i(s, a)],  a ~ pi(.|s), or ln pi(a_D|s) in place of min Q in the
--- imitation; L_alpha = -ln alpha mean [ln pi(a|s) + target entropy]. Both use alpha as it was.
function cql:update_policy(batch, head, action, log_prob, metrics)
  local alpha, mean_log_prob = self:alpha(), log_prob:mean():item()
  local wanted
  if self.optimisers.policy:steps() < self.imitation_updates then
    wanted = tide.tanh_gaussian_log_prob(head, batch.actions, self.policy.scalars)
  else
    wanted = tide.min(self.q1(batch.observations, action), self.q2(batch.observations, action))
  end
  local policy_loss = (alpha * log_prob - wanted):mean()
  local alpha_loss = -(mean_log_prob + self.target_entropy) * self.log_alpha
  self.optimisers.alpha:minimise(alpha_loss)
  self.optimisers.policy:minimise(policy_loss)
  metrics.policy_loss, metrics.alpha_loss = policy_loss:item(), alpha_loss:item()
  metrics.alpha, metrics.log_prob = alpha, mean_log_prob
end

--- L_Q = mean (Q - y)^2 + beta mean [ln sum_a exp Q(s, a) - Q(s, a_D)],  for both Q. A critic sees each state once,
--- with all of the actions that its Q is wanted at, D's own first.
function cql:update_critics(batch, target, actions, log_density, metrics)
  local n, loss, gaps = #batch.observations, 0, {}
  for i, critic in ipairs { self.q1, self.q2 } do
    local name, q = "q" .. i, critic(batch.observations, actions)
    local data_q = q
    if log_density then
      q = q:reshape(n, #q // n)
      data_q = q:columns(1, 1):reshape(n)
      gaps[i] = tide.conservative.gap(q, self.importance_sampling and log_density, self.regulariser_temperature)
      self:note(name, q, metrics)
    end
    local bellman = tide.mse(data_q, target)
    loss = loss + bellman
    metrics[name .. "_loss"], metrics[name] = bellman:item(), data_q:mean():item()
  end
  if log_density then loss = loss + self:regularise(gaps, metrics) end
  self.optimisers.critics:minimise(loss)
end

--- Mean values of the three kinds of actions.
function cql:note(name, q, metrics)
  tide.no_grad(function()
    local N = self.samples
    for i, kind in ipairs { "random", "next", "current" } do
      metrics[name .. "_" .. kind] = q:columns(2 + (i - 1) * N, 1 + i * N):mean():item()
    end
  end)
end

--- beta gap for each critic; with `lagrange`, alpha' beta (gap - target_gap), alpha' rising while it is positive.
function cql:regularise(gaps, metrics)
  local weight, margin = 1.0, 0.0
  local excess = self.beta * (gaps[1] + gaps[2])
  if self.lagrange then
    margin = self.beta * self.target_gap
    local alpha_prime = tide.clamp(self.log_alpha_prime:exp(), 0, 1e6)
    weight = alpha_prime:item()
    local alpha_prime_loss = -0.5 * (excess:item() - 2 * margin) * alpha_prime
    self.optimisers.alpha_prime:minimise(alpha_prime_loss)
    metrics.alpha_prime, metrics.alpha_prime_loss = weight, alpha_prime_loss:item()
  end
  for i, gap in ipairs(gaps) do
    local value = gap:item()
    metrics["q" .. i .. "_gap"], metrics["q" .. i .. "_penalty"] = value, weight * (self.beta * value - margin)
  end
  return weight * excess
end

function cql:update_targets()
  self.target_q1:polyak(self.q1, self.tau)
  self.target_q2:polyak(self.q2, self.tau)
end

--- The policy's network sees s and s' once; all that is sampled comes from these two heads. All losses are of the
--- networks as they were before any of them moved.
function cql:update(batches)
  local batch, metrics = batches.train, {}
  local head = self.policy:head(batch.observations)
  local next_head = tide.no_grad(function() return self.policy:head(batch.next_observations) end)
  local action, log_prob = self.policy:sample_from(head, 1)
  local target = self:target(batch, next_head, metrics)
  local actions, log_density = batch.actions, nil
  if self.beta ~= 0 then
    actions, log_density = tide.conservative.actions(self.policy, batch.actions, head, next_head, self.samples,
                                                     self.rng)
  end
  self:update_policy(batch, head, action, log_prob, metrics)
  self:update_critics(batch, target, actions, log_density, metrics)
  self:update_targets()
  return metrics
end

return cql
