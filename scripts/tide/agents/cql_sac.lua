--- CQL on mixed data: soft actor-critic on a real dataset D and on rollouts B in a simulator, with the regulariser of
--- conservative Q-learning (Kumar et al. 2020, arXiv 2006.04779) on its critics. It is the baseline of H2O's study that
--- is conservative everywhere alike: it asks how far an action is from the data, not how wrong the simulator is there.
local tide = require "tide.toolkit"

local cql_sac = tide.agent("cql_sac", {
  about = "CQL's regulariser on critics that learn from real and simulated rows",
  uses = { "real", "sim" },
  discount = 0.99,              -- gamma
  tau = 0.005,                  -- Polyak rate of the target critics
  policy_lr = 3e-4,             -- also of the temperature
  critic_lr = 3e-4,
  hidden = { 256, 256 },
  real_batch = 128,             -- rows of D in an update
  sim_batch = 128,              -- rows of B in an update
  target_entropy = "auto",      -- minus the number of action dimensions
  initial_alpha = 1.0,          -- temperature at the start
  alpha_multiplier = 1.0,
  entropy_backup = false,       -- whether the target holds - alpha ln pi
  beta = 2.0,                   -- weight of the regulariser; 0 leaves it out
  regularise = "all",           -- its rows: "all" or "real"
  samples = 10,                 -- N: actions of each of the three kinds in a state
  importance_sampling = true,   -- divide exp Q by the density that an action was drawn with
})

function cql_sac:build(task)
  local S, A, rng = task.observation_dim, task.action_dim, self.rng
  if self.regularise ~= "all" and self.regularise ~= "real" then
    error(('cql_sac: regularise is "all" or "real", not %q'):format(self.regularise), 0)
  end
  local small = { last_init = "xavier", last_gain = 1e-2 } -- the last layer starts near zero
  self.policy = tide.policy(S, A, self.hidden, rng, { last_init = "xavier", last_gain = 1e-2, scalars = true })
  self.q1, self.q2 = tide.critic(S, A, self.hidden, rng, small), tide.critic(S, A, self.hidden, rng, small)
  self.target_q1, self.target_q2 = tide.target(self.q1), tide.target(self.q2)
  self.log_alpha = tide.parameter(math.log(self.initial_alpha))
  self.target_entropy = tide.target_entropy(self.target_entropy, A)
  self.optimisers = {
    policy = tide.adam(self.policy:parameters(), self.policy_lr),
    critics = tide.adam({ self.q1, self.q2 }, self.critic_lr),
    alpha = tide.adam({ self.log_alpha }, self.policy_lr),
  }
  self.networks = { policy = self.policy.net, q1 = self.q1, q2 = self.q2, target_q1 = self.target_q1,
                    target_q2 = self.target_q2 }
  self.scalars = { log_alpha = self.log_alpha, log_std = self.policy.scalars }
end

--- What the trainer draws for one update; real rows come first.
function cql_sac:batches()
  return { train = { real = self.real_batch, sim = self.sim_batch } }
end

function cql_sac:alpha()
  return self.alpha_multiplier * math.exp(self.log_alpha:item())
end

--- y = r + gamma (1 - terminal) min_i Q'_i(s', a'),  a' ~ pi(.|s').
function cql_sac:target(batch, next_head, metrics)
  return tide.no_grad(function()
    local next_action, next_log_prob = self.policy:sample_from(next_head, 1)
    local next_value = tide.min(self.target_q1(batch.next_observations, next_action),
                                self.target_q2(batch.next_observations, next_action))
    if self.entropy_backup then next_value = next_value - self:alpha() * next_log_prob end
    metrics.target = next_value:mean():item()
    return batch.rewards + self.discount * (1 - batch.terminals) * next_value
  end)
end

--- L_pi = mean [alpha ln pi(a|s) - min_i Q_i(s, a)],  a ~ pi(.|s);
--- L_alpha = -ln alpha mean [ln pi(a|s) + target entropy]. Both use alpha as it was.
function cql_sac:update_policy(batch, action, log_prob, metrics)
  local alpha, mean_log_prob = self:alpha(), log_prob:mean():item()
  local value = tide.min(self.q1(batch.observations, action), self.q2(batch.observations, action))
  local policy_loss = (alpha * log_prob - value):mean()
  local alpha_loss = -(mean_log_prob + self.target_entropy) * self.log_alpha
  self.optimisers.alpha:minimise(alpha_loss)
  self.optimisers.policy:minimise(policy_loss)
  metrics.policy_loss, metrics.alpha_loss = policy_loss:item(), alpha_loss:item()
  metrics.alpha, metrics.log_prob = alpha, mean_log_prob
end

--- Q of every row of the batch, (batch), and the regulariser  mean [ln sum_a exp Q(s, a) - Q(s, a_own)]  over the
--- first `held` of them, nil where that is none. In these rows a critic sees a state once, with all its actions.
function cql_sac:values(critic, batch, held, actions, log_density)
  local n = #batch.observations
  if held == 0 then return critic(batch.observations, batch.actions), nil end
  local q = critic(batch.observations:rows(1, held), actions):reshape(held, 1 + 3 * self.samples)
  local gap = tide.conservative.gap(q, self.importance_sampling and log_density, 1.0)
  local own = q:columns(1, 1):reshape(held)
  if held < n then
    own = tide.concat_rows(own, critic(batch.observations:rows(held + 1, n), batch.actions:rows(held + 1, n)))
  end
  return own, gap
end

--- L_Q = mean (Q - y)^2 over D and B together + beta [ln sum_a exp Q(s, a) - Q(s, a_own)],  for both Q.
function cql_sac:update_critics(batch, target, held, actions, log_density, metrics)
  local n_real, n, loss = batch.n_real, #batch.observations, 0
  for i, critic in ipairs { self.q1, self.q2 } do
    local name, q, gap = "q" .. i, self:values(critic, batch, held, actions, log_density)
    local bellman = tide.mse(q, target)
    loss = loss + bellman
    if gap then
      loss = loss + self.beta * gap
      metrics[name .. "_gap"] = gap:item()
    end
    metrics[name .. "_loss"] = bellman:item()
    metrics[name .. "_real"] = q:rows(1, n_real):mean():item()
    metrics[name .. "_sim"] = q:rows(n_real + 1, n):mean():item()
  end
  self.optimisers.critics:minimise(loss)
end

function cql_sac:update_targets()
  self.target_q1:polyak(self.q1, self.tau)
  self.target_q2:polyak(self.q2, self.tau)
end

--- The policy's network sees s and s' once; all that is sampled comes from these two heads. All losses are of the
--- networks as they were before any of them moved.
function cql_sac:update(batches)
  local batch, metrics = batches.train, {}
  local head = self.policy:head(batch.observations)
  local next_head = tide.no_grad(function() return self.policy:head(batch.next_observations) end)
  local action, log_prob = self.policy:sample_from(head, 1)
  local target = self:target(batch, next_head, metrics)
  local held = self.beta == 0 and 0 or self.regularise == "real" and batch.n_real or #batch.observations
  local actions, log_density
  if held > 0 then
    actions, log_density = tide.conservative.actions(self.policy, batch.actions:rows(1, held), head:rows(1, held),
                                                     next_head:rows(1, held), self.samples, self.rng)
  end
  self:update_policy(batch, action, log_prob, metrics)
  self:update_critics(batch, target, held, actions, log_density, metrics)
  self:update_targets()
  return metrics
end

return cql_sac
