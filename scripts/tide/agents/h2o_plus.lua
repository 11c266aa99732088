--- H2O+ (Niu et al. 2023, "H2O+: An Improved Framework for Hybrid Offline-and-Online RL with Dynamics Gaps",
--- arXiv 2309.12716): H2O without its value regulariser. Q bootstraps from two values of the next state, mixed:
--- V, an expectile of Q over the actions of a fixed real dataset D, which holds on to what was seen; and soft
--- actor-critic's, which explores. The Bellman error of rollouts B in the imperfect simulator is reweighted by the
--- dynamics ratio P / P^, real by simulated, that two discriminators tell.
local tide = require "tide.toolkit"

local h2o_plus = tide.agent("h2o_plus", {
  about = "H2O with a value of the dataset mixed into the target, and no regulariser",
  uses = { "real", "sim" },
  discount = 0.99,              -- gamma
  tau = 0.005,                  -- Polyak rate of the target critics
  lambda = 0.5,                 -- share of V in the target; 0: soft actor-critic's, 1: implicit Q-learning's
  expectile = 0.5,              -- of Q, that V is; 0.5 is the mean, towards 1 the maximum
  entropy_backup = true,        -- whether the target holds - alpha ln pi
  policy_lr = 3e-4,             -- also of the temperature
  critic_lr = 3e-4,
  value_lr = 3e-4,
  d_sa_lr = 3e-4,
  d_sas_lr = 3e-4,
  hidden = { 256, 256 },
  real_batch = 128,             -- rows of D in an update
  sim_batch = 128,              -- rows of B in an update
  discriminator_batch = 256,    -- rows of each for the discriminators
  discriminator_noise = 0.1,    -- std of the noise on the discriminators' inputs
  dynamics_ratio = true,        -- reweight the simulated Bellman error
  ratio_clip = { 1e-5, 1.0 },
  target_entropy = "auto",      -- minus the number of action dimensions
  initial_alpha = 1.0,          -- temperature at the start
})

function h2o_plus:build(task)
  local S, A, rng = task.observation_dim, task.action_dim, self.rng
  if self.real_batch < 1 or self.sim_batch < 1 then
    error(("h2o_plus: %d real and %d simulated rows in a batch; some of each are needed")
      :format(self.real_batch, self.sim_batch), 0)
  end
  local small = { last_init = "xavier", last_gain = 1e-2 } -- the last layer starts near zero
  self.policy = tide.policy(S, A, self.hidden, rng, { last_init = "xavier", last_gain = 1e-2, scalars = true })
  self.q1, self.q2 = tide.critic(S, A, self.hidden, rng, small), tide.critic(S, A, self.hidden, rng, small)
  self.target_q1, self.target_q2 = tide.target(self.q1), tide.target(self.q2)
  self.value = tide.mlp({ inputs = S, outputs = 1, scalar = true, hidden = self.hidden,
                          last_init = "xavier", last_gain = 1e-2 }, rng)
  self.d_sa = tide.mlp({ inputs = S + A, outputs = 2, hidden = self.hidden, tanh_scale = 2.0 }, rng)
  self.d_sas = tide.mlp({ inputs = 2 * S + A, outputs = 2, hidden = self.hidden, tanh_scale = 2.0 }, rng)
  self.log_alpha = tide.parameter(math.log(self.initial_alpha))
  self.target_entropy = tide.target_entropy(self.target_entropy, A)
  self.optimisers = {
    policy = tide.adam(self.policy:parameters(), self.policy_lr),
    critics = tide.adam({ self.q1, self.q2 }, self.critic_lr),
    value = tide.adam({ self.value }, self.value_lr),
    alpha = tide.adam({ self.log_alpha }, self.policy_lr),
    d_sa = tide.adam({ self.d_sa }, self.d_sa_lr),
    d_sas = tide.adam({ self.d_sas }, self.d_sas_lr),
  }
  self.networks = { policy = self.policy.net, q1 = self.q1, q2 = self.q2, target_q1 = self.target_q1,
                    target_q2 = self.target_q2, value = self.value, d_sa = self.d_sa, d_sas = self.d_sas }
  self.scalars = { log_alpha = self.log_alpha, log_std = self.policy.scalars }
end

--- What the trainer draws for one update; real rows come first in each.
function h2o_plus:batches()
  return { train = { real = self.real_batch, sim = self.sim_batch },
           discriminator = { real = self.discriminator_batch, sim = self.discriminator_batch } }
end

-- ---- discriminators and dynamics ratio, as in H2O ----

--- L_sa = - mean_D ln p_sa[real] - mean_B ln p_sa[sim],  p_sa = softmax(d_sa); L_sas with
--- p_sas = softmax(d_sas + d_sa), so that its loss trains both networks.
function h2o_plus:update_discriminators(batch, metrics)
  local function noisy(t)
    if self.discriminator_noise == 0 then return t end
    return t + self.discriminator_noise * self.rng:draw_normal(t.shape[1], t.shape[2])
  end
  local s, a = noisy(batch.observations), noisy(batch.actions)
  local sa_logits = self.d_sa(s, a)
  local sas_logits = self.d_sas(s, a, noisy(batch.next_observations)) + sa_logits
  local sa_loss = tide.discriminators.tell_apart(sa_logits, batch.n_real)
  local sas_loss = tide.discriminators.tell_apart(sas_logits, batch.n_real)
  tide.minimise(sa_loss + sas_loss, self.optimisers.d_sa, self.optimisers.d_sas)
  metrics.d_sa_loss, metrics.d_sas_loss = sa_loss:item(), sas_loss:item()
end

--- P / P^ of the simulated transitions, shape (sim); nil where nothing is reweighted.
function h2o_plus:ratio(sim, metrics)
  if not self.dynamics_ratio then return nil end
  return tide.no_grad(function()
    local logits = self.d_sas(sim.observations, sim.actions, sim.next_observations)
    local ratio = tide.h2o.dynamics_ratio(logits, self.ratio_clip[1], self.ratio_clip[2])
    metrics.dynamics_ratio = ratio:mean():item()
    return ratio
  end)
end

-- ---- the mixed target ----

function h2o_plus:alpha()
  return math.exp(self.log_alpha:item())
end

--- min_i Q'_i(s', a') - alpha ln pi(a'|s'),  a' ~ pi(.|s').
function h2o_plus:soft_value(next_observations)
  local next_action, next_log_prob = self.policy:sample(next_observations)
  local soft = tide.min(self.target_q1(next_observations, next_action), self.target_q2(next_observations, next_action))
  return self.entropy_backup and soft - self:alpha() * next_log_prob or soft
end

--- y = lambda (r + gamma (1 - terminal) V(s')) + (1 - lambda) (r + gamma (1 - terminal) soft value of s'),
--- of real and simulated rows alike; a share of 0 is not computed.
function h2o_plus:target(batch)
  return tide.no_grad(function()
    local lambda, next_value = self.lambda, 0
    if lambda ~= 0 then next_value = lambda * self.value(batch.next_observations) end
    if lambda ~= 1 then next_value = next_value + (1 - lambda) * self:soft_value(batch.next_observations) end
    return batch.rewards + self.discount * (1 - batch.terminals) * next_value
  end)
end

--- L_V = mean_D |expectile - 1(q < V(s))| (q - V(s))^2,  q = min_i Q'_i(s, a):  actions of D alone are valued.
function h2o_plus:update_value(batch, metrics)
  local s, a = tide.split(batch.observations, batch.n_real), tide.split(batch.actions, batch.n_real)
  local q = tide.no_grad(function() return tide.min(self.target_q1(s, a), self.target_q2(s, a)) end)
  local value = self.value(s)
  local value_loss = tide.expectile(value, q, self.expectile)
  self.optimisers.value:minimise(value_loss)
  metrics.value_loss, metrics.value = value_loss:item(), value:mean():item()
end

-- ---- soft actor-critic on both ----

--- L_pi = mean [alpha ln pi(a|s) - min_i Q_i(s, a)],  a ~ pi(.|s);
--- L_alpha = -ln alpha mean [ln pi(a|s) + target entropy]. Both use alpha as it was.
function h2o_plus:update_policy(batch, action, log_prob, metrics)
  local alpha, mean_log_prob = self:alpha(), log_prob:mean():item()
  local value = tide.min(self.q1(batch.observations, action), self.q2(batch.observations, action))
  local policy_loss = (alpha * log_prob - value):mean()
  self.optimisers.alpha:minimise(-(mean_log_prob + self.target_entropy) * self.log_alpha)
  self.optimisers.policy:minimise(policy_loss)
  metrics.policy_loss, metrics.alpha, metrics.entropy = policy_loss:item(), alpha, -mean_log_prob
end

--- L_Q = mean_D (Q - y)^2 + mean_B (P / P^) (Q - y)^2,  for both Q.
function h2o_plus:update_critics(batch, target, ratio, metrics)
  local y_real, y_sim = tide.split(target, batch.n_real)
  local loss = 0
  for i, critic in ipairs { self.q1, self.q2 } do
    local q_real, q_sim = tide.split(critic(batch.observations, batch.actions), batch.n_real)
    local real_loss, sim_loss = tide.mse(q_real, y_real), tide.mse(q_sim, y_sim, ratio)
    loss = loss + real_loss + sim_loss
    local name = "q" .. i
    metrics[name .. "_real_loss"], metrics[name .. "_sim_loss"] = real_loss:item(), sim_loss:item()
    metrics[name .. "_real"], metrics[name .. "_sim"] = q_real:mean():item(), q_sim:mean():item()
  end
  self.optimisers.critics:minimise(loss)
end

function h2o_plus:update_targets()
  self.target_q1:polyak(self.q1, self.tau)
  self.target_q2:polyak(self.q2, self.tau)
end

--- All losses but the discriminators' use policy, critics, V and temperature as they were before any of them moved.
function h2o_plus:update(batches)
  local batch, metrics = batches.train, {}
  self:update_discriminators(batches.discriminator, metrics)
  local action, log_prob = self.policy:sample(batch.observations)
  local target = self:target(batch)
  local ratio = self:ratio(tide.simulated(batch), metrics)
  self:update_value(batch, metrics)
  self:update_policy(batch, action, log_prob, metrics)
  self:update_critics(batch, target, ratio, metrics)
  self:update_targets()
  return metrics
end

return h2o_plus
