--- H2O (Niu et al. 2022, "When to Trust Your Simulator", arXiv 2206.13464): learn from a fixed
--- real dataset D and from rollouts B in an imperfect simulator. Two discriminators tell where the
--- simulated dynamics P_M^ differ from the real P_M; Q is pushed down there (the value regulariser,
--- weighted by omega) and the simulated Bellman error is reweighted by P_M / P_M^.
local tide = require "tide.toolkit"

local h2o = tide.agent("h2o", {
  about = "trust the simulator where its dynamics agree with the real ones",
  uses = { "real", "sim" },
  discount = 0.99,              -- gamma
  tau = 0.005,                  -- Polyak rate of the target critics
  policy_lr = 3e-4,             -- also of the temperature
  critic_lr = 3e-4,
  d_sa_lr = 3e-4,
  d_sas_lr = 3e-4,
  hidden = { 256, 256 },
  real_batch = 128,             -- rows of D in an update
  sim_batch = 128,              -- rows of B in an update
  discriminator_batch = 256,    -- rows of each for the discriminators
  discriminator_noise = 0.1,    -- std of the noise on the discriminators' inputs
  target_entropy = "auto",      -- minus the number of action dimensions
  initial_alpha = 1.0,          -- temperature at the start
  alpha_multiplier = 1.0,
  entropy_backup = false,       -- whether the target holds - alpha ln pi
  beta = 0.01,                  -- weight of the value regulariser; 0 leaves it out
  omega = "gap",                -- sampling of the regulariser: "gap" (u / sum u) or "uniform"
  regulariser = "logsumexp",    -- ln sum omega exp Q, or "linear": sum omega Q
  regulariser_clip = { -1000, 1000 },
  lagrange = false,             -- tune the regulariser's weight so that it meets target_gap
  target_gap = 1.0,
  dynamics_ratio = true,        -- reweight the simulated Bellman error
  ratio_clip = { 1e-5, 1.0 },
  next_samples = 10,            -- N: next states that u is averaged over
  next_model = "noise",         -- where they come from: N(s', (scale sigma)^2), or "learned": P^_theta(.|s,a)
  next_scale = 1.0,             -- of the noise
  sigma = "true",               -- std of D's states over its rows, or "padded": as the authors' code
  gap_clip = { 1e-45, 10.0 },   -- of u; below, the smallest positive float
  dynamics_lr = 3e-4,           -- of the learned P^_theta
})

--- Networks that u is made of: kept with each evaluation's policy where evaluation.keep_policies asks for it.
h2o.keeps = { "d_sas", "dynamics" }

--- What the switches must be.
function h2o:check()
  tide.one_of(self.omega, { "gap", "uniform" }, "h2o.omega")
  tide.one_of(self.regulariser, { "logsumexp", "linear" }, "h2o.regulariser")
  tide.one_of(self.next_model, { "noise", "learned" }, "h2o.next_model")
  tide.one_of(self.sigma, { "true", "padded" }, "h2o.sigma")
  if self.beta ~= 0 and (self.real_batch == 0 or self.sim_batch == 0) then
    error(("h2o: %d real and %d simulated rows in a batch; the regulariser compares the two parts: set beta to 0")
      :format(self.real_batch, self.sim_batch), 0)
  end
end

function h2o:build(task)
  self:check()
  local S, A, rng = task.observation_dim, task.action_dim, self.rng
  local small = { last_init = "xavier", last_gain = 1e-2 } -- the last layer starts near zero
  self.policy = tide.policy(S, A, self.hidden, rng, { last_init = "xavier", last_gain = 1e-2, scalars = true })
  self.q1, self.q2 = tide.critic(S, A, self.hidden, rng, small), tide.critic(S, A, self.hidden, rng, small)
  self.target_q1, self.target_q2 = tide.target(self.q1), tide.target(self.q2)
  self.d_sa = tide.mlp({ inputs = S + A, outputs = 2, hidden = self.hidden, tanh_scale = 2.0 }, rng)
  self.d_sas = tide.mlp({ inputs = 2 * S + A, outputs = 2, hidden = self.hidden, tanh_scale = 2.0 }, rng)
  self.log_alpha = tide.parameter(math.log(self.initial_alpha))
  self.log_alpha_prime = tide.parameter(1.0)
  self.target_entropy = tide.target_entropy(self.target_entropy, A)
  self.state_std = task.state_std(self.sigma)
  self.uniform = {}
  self.optimisers = {
    policy = tide.adam(self.policy:parameters(), self.policy_lr),
    critics = tide.adam({ self.q1, self.q2 }, self.critic_lr),
    alpha = tide.adam({ self.log_alpha }, self.policy_lr),
    alpha_prime = tide.adam({ self.log_alpha_prime }, self.critic_lr),
    d_sa = tide.adam({ self.d_sa }, self.d_sa_lr),
    d_sas = tide.adam({ self.d_sas }, self.d_sas_lr),
  }
  self.networks = { policy = self.policy.net, q1 = self.q1, q2 = self.q2, target_q1 = self.target_q1,
                    target_q2 = self.target_q2, d_sa = self.d_sa, d_sas = self.d_sas }
  self.scalars = { log_alpha = self.log_alpha, log_alpha_prime = self.log_alpha_prime,
                   log_std = self.policy.scalars }
  if self.next_model == "learned" then self:build_dynamics(task) end
end

--- What the trainer draws for one update; real rows come first in each.
function h2o:batches()
  return { train = { real = self.real_batch, sim = self.sim_batch },
           discriminator = { real = self.discriminator_batch, sim = self.discriminator_batch } }
end

-- ---- discriminators (the paper's equation 9) ----

--- L_sa = - mean_D ln p_sa[real] - mean_B ln p_sa[sim],  p_sa = softmax(d_sa); L_sas with
--- p_sas = softmax(d_sas + d_sa), so that its loss trains both networks.
function h2o:update_discriminators(batch, metrics)
  local function noisy(t)
    if self.discriminator_noise == 0 then return t end
    return t + self.discriminator_noise * self.rng:draw_normal(t.shape[1], t.shape[2])
  end
  local s, a = noisy(batch.observations), noisy(batch.actions)
  local next_s = noisy(batch.next_observations)
  local sa_logits = self.d_sa(s, a)
  local sas_logits = self.d_sas(s, a, next_s) + sa_logits
  local sa_loss = tide.discriminators.tell_apart(sa_logits, batch.n_real)
  local sas_loss = tide.discriminators.tell_apart(sas_logits, batch.n_real)
  tide.minimise(sa_loss + sas_loss, self.optimisers.d_sa, self.optimisers.d_sas)
  metrics.d_sa_loss, metrics.d_sas_loss = sa_loss:item(), sas_loss:item()
end

-- ---- what they say about the dynamics ----

--- P_M / P_M^ of the simulated transitions, shape (sim).
function h2o:ratio(sim)
  return tide.no_grad(function()
    local logits = self.d_sas(sim.observations, sim.actions, sim.next_observations)
    return tide.h2o.dynamics_ratio(logits, self.ratio_clip[1], self.ratio_clip[2])
  end)
end

--- u(s, a) = 1/N sum_j ln P_M^(s_j|s,a) / P_M(s_j|s,a),  shape (sim), with s_j ~ N(s', (scale sigma)^2), or
--- s_j ~ P^_theta(.|s,a). d_sas takes each (s, a) once and repeats its product for the N next states.
function h2o:gap(sim)
  return tide.no_grad(function()
    local n, N = #sim.observations, self.next_samples
    local noise = self.rng:draw_normal(n * N, self.observation_dim)
    local next_states = self.next_model == "learned" and self:imagine(sim, noise)
                        or tide.h2o.scatter(sim.next_observations, self.state_std, self.next_scale, noise)
    local logits = self.d_sas(sim.observations, sim.actions, next_states)
    return tide.h2o.gap(logits, N, self.gap_clip[1], self.gap_clip[2])
  end)
end

--- omega = u / sum u and its logarithm; or 1 / n.
function h2o:sampling(sim, metrics)
  if self.omega == "uniform" then
    local n = #sim.observations
    if self.uniform[n] == nil then
      self.uniform[n] = { tide.zeros(n):fill(1 / n), tide.zeros(n):fill(-math.log(n)) }
    end
    return self.uniform[n][1], self.uniform[n][2]
  end
  local u = self:gap(sim)
  local omega, log_omega = tide.h2o.omega(u)
  metrics.u, metrics.omega_std = u:mean():item(), omega:std()
  self.seen.u, self.seen.omega = u, omega
  return omega, log_omega
end

-- ---- the simulator's dynamics, learned (next_model = "learned") ----

-- Of log std_theta. Bounds that bend softly, so that there is a gradient everywhere (Chua et al. 2018,
-- arXiv 1805.12114, appendix A.1).
local LOWEST_LOG_STD, HIGHEST_LOG_STD = -5.0, 2.0

--- One network for mean and log std; states are measured by D's mean and std.
function h2o:build_dynamics(task)
  local S = self.observation_dim
  local normaliser = tide.normaliser(task)
  self.state_mean, self.state_scale = normaliser.mean:clone(), normaliser.std:clone()
  self.dynamics = tide.mlp({ inputs = S + self.action_dim, outputs = 2 * S, hidden = self.hidden }, self.rng)
  self.networks.dynamics = self.dynamics
  self.optimisers.dynamics = tide.adam({ self.dynamics }, self.dynamics_lr)
end

--- P^_theta(s'|s,a):  (s' - s) / sigma ~ N(mean_theta(s, a), std_theta(s, a)^2).  -> mean, log std, each (batch, S)
function h2o:predict(observations, actions)
  local S = self.observation_dim
  local head = self.dynamics((observations - self.state_mean) / self.state_scale, actions)
  local log_std = HIGHEST_LOG_STD - tide.softplus(HIGHEST_LOG_STD - head:columns(S + 1, 2 * S))
  return head:columns(1, S), LOWEST_LOG_STD + tide.softplus(log_std - LOWEST_LOG_STD)
end

--- L_theta = - mean_B ln P^_theta(s'|s,a): maximum likelihood.
function h2o:update_dynamics(batch, metrics)
  local sim = tide.simulated(batch)
  local mean, log_std = self:predict(sim.observations, sim.actions)
  local change = (sim.next_observations - sim.observations) / self.state_scale
  local loss = -tide.gaussian_log_prob(mean, log_std, change):mean()
  self.optimisers.dynamics:minimise(loss)
  metrics.dynamics_loss = loss:item()
end

--- s_j = s + sigma (mean_theta + std_theta noise_j), the N of a row one after another.
function h2o:imagine(sim, noise)
  local N = self.next_samples
  local mean, log_std = self:predict(sim.observations, sim.actions)
  local centre = sim.observations + self.state_scale * mean
  return centre:repeat_rows(N) + (self.state_scale * log_std:exp()):repeat_rows(N) * noise
end

-- ---- soft actor-critic on both ----

function h2o:alpha()
  return self.alpha_multiplier * math.exp(self.log_alpha:item())
end

--- y = r + gamma (1 - terminal) min_i Q'_i(s', a'),  a' ~ pi(.|s').
function h2o:target(batch, metrics)
  return tide.no_grad(function()
    local next_action, next_log_prob = self.policy:sample(batch.next_observations)
    local next_value = tide.min(self.target_q1(batch.next_observations, next_action),
                                self.target_q2(batch.next_observations, next_action))
    if self.entropy_backup then next_value = next_value - self:alpha() * next_log_prob end
    local real, sim = tide.split(next_value, batch.n_real)
    metrics.target_real, metrics.target_sim = real and real:mean():item(), sim and sim:mean():item()
    return batch.rewards + self.discount * (1 - batch.terminals) * next_value
  end)
end

--- L_pi = mean [alpha ln pi(a|s) - min_i Q_i(s, a)],  a ~ pi(.|s);
--- L_alpha = -ln alpha mean [ln pi(a|s) + target entropy]. Both use alpha as it was.
function h2o:update_policy(batch, action, log_prob, metrics)
  local alpha, mean_log_prob = self:alpha(), log_prob:mean():item()
  local value = tide.min(self.q1(batch.observations, action), self.q2(batch.observations, action))
  local policy_loss = (alpha * log_prob - value):mean()
  local alpha_loss = -(mean_log_prob + self.target_entropy) * self.log_alpha
  self.optimisers.alpha:minimise(alpha_loss)
  self.optimisers.policy:minimise(policy_loss)
  metrics.policy_loss, metrics.alpha_loss = policy_loss:item(), alpha_loss:item()
  metrics.alpha, metrics.log_prob = alpha, mean_log_prob
end

--- ln sum_i omega_i exp Q(s_i, a_i) over B  -  mean of Q over D, or its linear form.
function h2o:value_gap(q_real, q_sim, omega, log_omega)
  local gap = self.regulariser == "linear" and (omega * q_sim):sum() - q_real:mean()
              or tide.h2o.value_gap(q_sim, log_omega, q_real)
  return tide.clamp(gap, self.regulariser_clip[1], self.regulariser_clip[2])
end

--- L_Q = mean_D (Q - y)^2 + mean_B (P_M / P_M^) (Q - y)^2 + beta [ln sum omega exp Q - mean_D Q],  for both Q.
function h2o:update_critics(batch, target, ratio, omega, log_omega, metrics)
  local y_real, y_sim = tide.split(target, batch.n_real)
  local loss, gaps = 0, {}
  for i, critic in ipairs { self.q1, self.q2 } do
    local q_real, q_sim = tide.split(critic(batch.observations, batch.actions), batch.n_real)
    local function add(part, q, y, weights)
      if q == nil then return end
      local part_loss, name = tide.mse(q, y, weights), ("q%d_%s"):format(i, part)
      loss = loss + part_loss
      metrics[name .. "_loss"], metrics[name] = part_loss:item(), q:mean():item()
    end
    add("real", q_real, y_real)
    add("sim", q_sim, y_sim, ratio)
    if log_omega ~= nil then gaps[i] = self:value_gap(q_real, q_sim, omega, log_omega) end
  end
  if log_omega ~= nil then loss = loss + self:regularise(gaps, metrics) end
  self.optimisers.critics:minimise(loss)
end

--- beta gap for each critic; with `lagrange`, alpha' beta (gap - target_gap), alpha' rising while it is positive.
function h2o:regularise(gaps, metrics)
  local weight, margin = 1.0, 0.0
  local excess = self.beta * (gaps[1] + gaps[2])
  if self.lagrange then
    margin = self.beta * self.target_gap
    local alpha_prime = tide.clamp(self.log_alpha_prime:exp(), 0, 1e6)
    weight = alpha_prime:item()
    self.optimisers.alpha_prime:minimise(-0.5 * (excess:item() - 2 * margin) * alpha_prime)
    metrics.alpha_prime = weight
  end
  for i, gap in ipairs(gaps) do
    local value = gap:item()
    metrics["q" .. i .. "_gap"], metrics["q" .. i .. "_penalty"] = value, weight * (self.beta * value - margin)
  end
  return weight * excess
end

function h2o:update_targets()
  self.target_q1:polyak(self.q1, self.tau)
  self.target_q2:polyak(self.q2, self.tau)
end

function h2o:update(batches)
  local metrics = {}
  self.seen = {} -- the vectors of this step, for whoever looks before it ends
  self:update_discriminators(batches.discriminator, metrics)
  if self.dynamics then self:update_dynamics(batches.discriminator, metrics) end

  local batch = batches.train
  local sim = tide.simulated(batch)
  local action, log_prob = self.policy:sample(batch.observations)
  local target = self:target(batch, metrics)
  local ratio, omega, log_omega
  if self.dynamics_ratio and sim then
    ratio = self:ratio(sim)
    metrics.dynamics_ratio = ratio:mean():item()
    self.seen.dynamics_ratio = ratio
  end
  if self.beta ~= 0 then omega, log_omega = self:sampling(sim, metrics) end

  self:update_policy(batch, action, log_prob, metrics)
  self:update_critics(batch, target, ratio, omega, log_omega, metrics)
  self:update_targets()
  return metrics
end

return h2o
