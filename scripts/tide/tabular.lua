--- Tables in place of networks: small Markov decision processes in which every quantity is exact, with the real
--- dynamics P and the simulated ones P^ side by side, and H2O's policy evaluation on them (Niu et al. 2022,
--- arXiv 2206.13464, section 3.3). docs/theory.md has the derivation; experiments/theory.lua shows it.
---
--- States and actions count from 1. A state-action pair is one index, i = (state - 1) actions + action. A function of
--- a pair is a sequence of `pairs` numbers; dynamics are a sequence of `pairs` rows of `states` probabilities.
local tabular = {}

-- ---- linear algebra ----

--- x with A x = b, by Gaussian elimination with the largest pivot of each column. Changes neither.
function tabular.solve(A, b)
  local n, rows = #b, {}
  for i = 1, n do
    rows[i] = table.move(A[i], 1, n, 1, {})
    rows[i][n + 1] = b[i]
  end
  for k = 1, n do
    local pivot = k
    for i = k + 1, n do
      if math.abs(rows[i][k]) > math.abs(rows[pivot][k]) then pivot = i end
    end
    rows[k], rows[pivot] = rows[pivot], rows[k]
    local top = rows[k]
    if not (math.abs(top[k]) > 0) then error(("tabular.solve: column %d of %d is singular"):format(k, n), 2) end
    for i = k + 1, n do
      local row, factor = rows[i], rows[i][k] / top[k]
      for j = k, n + 1 do row[j] = row[j] - factor * top[j] end
    end
  end
  local x = {}
  for i = n, 1, -1 do
    local sum = rows[i][n + 1]
    for j = i + 1, n do sum = sum - rows[i][j] * x[j] end
    x[i] = sum / rows[i][i]
  end
  return x
end

--- The largest |x_i - y_i|.
function tabular.distance(x, y)
  local most = 0
  for i = 1, #x do most = math.max(most, math.abs(x[i] - y[i])) end
  return most
end

-- ---- the process ----

--- Every number of `list` is a probability and they add to 1.
local function check_distribution(list, n, name)
  if type(list) ~= "table" then error(("tabular.process: %s is missing"):format(name), 3) end
  local sum = 0
  for k = 1, n do
    local p = list[k]
    if type(p) ~= "number" or not (p >= 0) then
      error(("tabular.process: %s[%d] is %s, not a probability"):format(name, k, tostring(p)), 3)
    end
    sum = sum + p
  end
  if #list ~= n or math.abs(sum - 1) > 1e-9 then
    error(("tabular.process: %s holds %d numbers that add to %.12g; %d that add to 1 are needed")
      :format(name, #list, sum, n), 3)
  end
end

--- A process of your own, checked:
---   rewards   r(s, a), a function of a pair
---   real, sim P and P^, dynamics
---   policy    pi(a|s), rows of states
---   d_real    d_D(s, a), how often the real data hold a pair; d_sim: d_B(s, a), the simulator's
---   discount  gamma, within [0, 1)
--- -> the same table with `states`, `actions` and `pairs`.
function tabular.process(p)
  for _, name in ipairs { "rewards", "real", "sim", "policy" } do
    if type(p[name]) ~= "table" then error(("tabular.process: %s is missing"):format(name), 2) end
  end
  if type(p.discount) ~= "number" or not (p.discount >= 0 and p.discount < 1) then
    error(("tabular.process: discount %s is not within [0, 1)"):format(tostring(p.discount)), 2)
  end
  p.states, p.actions = #p.policy, type(p.policy[1]) == "table" and #p.policy[1] or 0
  p.pairs = p.states * p.actions
  for s = 1, p.states do check_distribution(p.policy[s], p.actions, ("policy[%d]"):format(s)) end
  check_distribution(p.d_real, p.pairs, "d_real")
  check_distribution(p.d_sim, p.pairs, "d_sim")
  for i = 1, p.pairs do
    if type(p.rewards[i]) ~= "number" then error(("tabular.process: rewards[%d] is no number"):format(i), 2) end
    check_distribution(p.real[i], p.states, ("real[%d]"):format(i))
    check_distribution(p.sim[i], p.states, ("sim[%d]"):format(i))
    if not (p.d_real[i] + p.d_sim[i] > 0) then
      error(("tabular.process: neither d_real nor d_sim holds pair %d"):format(i), 2)
    end
  end
  return p
end

--- n probabilities, uniform over all such (normalised exponential numbers).
local function draw_distribution(rng, n)
  local list, sum = {}, 0
  for k = 1, n do
    list[k] = -math.log(1 - rng:number())
    sum = sum + list[k]
  end
  for k = 1, n do list[k] = list[k] / sum end
  return list
end

--- How often a policy is at each pair: d = (1 - gamma) sum_t gamma^t Pr(s_t, a_t), from a uniform first state.
function tabular.visits(p, policy, dynamics)
  local A, b = {}, {}
  for s = 1, p.states do
    A[s], b[s] = {}, (1 - p.discount) / p.states
    for from = 1, p.states do
      local moves = 0
      for a = 1, p.actions do moves = moves + policy[from][a] * dynamics[(from - 1) * p.actions + a][s] end
      A[s][from] = (s == from and 1 or 0) - p.discount * moves
    end
  end
  local states, visits = tabular.solve(A, b), {}
  for i = 1, p.pairs do
    local s = (i - 1) // p.actions + 1
    visits[i] = states[s] * policy[s][i - (s - 1) * p.actions]
  end
  return visits
end

--- A random process: rewards within [0, 1), P and pi uniform over all distributions, P^ = P but for `wrong` pairs,
--- where it is drawn anew, and `blind` pairs, where P^ never reaches the likeliest next state of P.
--- D is what another random policy visits in the real process, B what pi visits in the simulated one.
--- options: states (6), actions (3), wrong (5), blind (0), discount (0.8)
function tabular.random(rng, options)
  options = options or {}
  local S, A = options.states or 6, options.actions or 3
  local wrong, blind = options.wrong or 5, options.blind or 0
  if wrong + blind > S * A then
    error(("tabular.random: %d wrong and %d blind of %d pairs"):format(wrong, blind, S * A), 2)
  end
  local p = { states = S, actions = A, pairs = S * A, discount = options.discount or 0.8,
              rewards = {}, real = {}, sim = {}, policy = {} }
  local behaviour = {}
  for s = 1, S do p.policy[s], behaviour[s] = draw_distribution(rng, A), draw_distribution(rng, A) end
  for i = 1, p.pairs do
    p.rewards[i], p.real[i] = rng:number(), draw_distribution(rng, S)
    p.sim[i] = table.move(p.real[i], 1, S, 1, {})
  end
  for k, i in ipairs(rng:permutation(p.pairs)) do
    if k <= wrong then
      p.sim[i] = draw_distribution(rng, S)
    elseif k <= wrong + blind then
      local most = math.max(table.unpack(p.real[i]))
      for s = 1, S do p.sim[i][s] = p.real[i][s] == most and 0 or p.real[i][s] / (1 - most) end
    end
  end
  p.d_real, p.d_sim = tabular.visits(p, behaviour, p.real), tabular.visits(p, p.policy, p.sim)
  return tabular.process(p)
end

-- ---- Bellman ----

--- v(s) = sum_a pi(a|s) Q(s, a)
function tabular.values(p, q)
  local v = {}
  for s = 1, p.states do
    v[s] = 0
    for a = 1, p.actions do v[s] = v[s] + p.policy[s][a] * q[(s - 1) * p.actions + a] end
  end
  return v
end

--- (B^pi Q)(s, a) = r(s, a) + gamma sum_s' P(s'|s, a) v(s'); with the real dynamics unless others are given.
function tabular.backup(p, q, rewards, dynamics)
  rewards, dynamics = rewards or p.rewards, dynamics or p.real
  local v, out = tabular.values(p, q), {}
  for i = 1, p.pairs do
    local mean = 0
    for s = 1, p.states do mean = mean + dynamics[i][s] * v[s] end
    out[i] = rewards[i] + p.discount * mean
  end
  return out
end

--- Q^pi, the fixed point of `backup`: (I - gamma P^pi) Q = r.
function tabular.evaluate(p, rewards, dynamics)
  dynamics = dynamics or p.real
  local A = {}
  for i = 1, p.pairs do
    A[i] = {}
    for j = 1, p.pairs do
      local s = (j - 1) // p.actions + 1
      local next_pair = dynamics[i][s] * p.policy[s][j - (s - 1) * p.actions]
      A[i][j] = (i == j and 1 or 0) - p.discount * next_pair
    end
  end
  return tabular.solve(A, rewards or p.rewards)
end

-- ---- the dynamics gap ----

--- u(s, a) = KL(P^ || P): 0 where the simulator is right, infinite where it reaches what the real process never does.
function tabular.gap(p)
  local u = {}
  for i = 1, p.pairs do
    u[i] = 0
    for s = 1, p.states do
      local p_sim = p.sim[i][s]
      if p_sim > 0 then u[i] = u[i] + p_sim * math.log(p_sim / p.real[i][s]) end
    end
    u[i] = math.max(u[i], 0) -- not below it by rounding
  end
  return u
end

--- omega = u / sum u, or u weighted by a distribution over pairs. A simulator that is right everywhere: uniform, as
--- the agent's lower limit of u makes it.
function tabular.omega(u, weights)
  local omega, sum = {}, 0
  for i = 1, #u do
    omega[i] = u[i] * (weights and weights[i] or 1)
    sum = sum + omega[i]
  end
  for i = 1, #u do omega[i] = sum > 0 and omega[i] / sum or 1 / #u end
  return omega
end

--- The weight of a simulated transition, rows as the dynamics: P / P^, within `choice.clip` where that is given;
--- 1 with `choice.ratio = false`. 0 where P^ never goes.
function tabular.ratio(p, choice)
  local low, high = table.unpack(choice and choice.clip or { 0, math.huge })
  local ratio = {}
  for i = 1, p.pairs do
    ratio[i] = {}
    for s = 1, p.states do
      local p_sim, w = p.sim[i][s], 1
      if p_sim == 0 then w = 0
      elseif not choice or choice.ratio ~= false then w = math.min(math.max(p.real[i][s] / p_sim, low), high) end
      ratio[i][s] = w
    end
  end
  return ratio
end

--- E_{s' ~ P^}[ratio]: 1 for P / P^ where P^ can reach all that P can; less where it cannot.
function tabular.ratio_mean(p, ratio)
  local mean = {}
  for i = 1, p.pairs do
    mean[i] = 0
    for s = 1, p.states do mean[i] = mean[i] + p.sim[i][s] * ratio[i][s] end
  end
  return mean
end

-- ---- H2O's policy evaluation ----

--- ln sum omega exp Q, and the d_phi that attains it as max_d [sum d Q - KL(d || omega)]: omega exp(Q) / sum.
function tabular.soft_max(omega, q)
  local most, sum, d_phi = -math.huge, 0, {}
  for i = 1, #q do
    if omega[i] > 0 then most = math.max(most, q[i]) end
  end
  for i = 1, #q do
    d_phi[i] = omega[i] > 0 and omega[i] * math.exp(q[i] - most) or 0
    sum = sum + d_phi[i]
  end
  for i = 1, #q do d_phi[i] = d_phi[i] / sum end
  return most + math.log(sum), d_phi
end

--- J(Q) = beta [R(Q) - sum d_D Q] + 1/2 E_D[(Q - y)^2] + 1/2 E_B[ratio (Q - y)^2], as sums over (s, a, s');
--- y(s, a, s') = r(s, a) + gamma v(s'), v fixed.  R = sum d_phi Q for a given `choice.d_phi`, or else its maximum over
--- d_phi, ln sum omega exp Q.
function tabular.objective(p, q, v, choice, ratio)
  ratio = ratio or tabular.ratio(p, choice)
  local beta, errors, regulariser = choice.beta or 0, 0, 0
  for i = 1, p.pairs do
    for s = 1, p.states do
      local difference = q[i] - (p.rewards[i] + p.discount * v[s])
      local weight = p.d_real[i] * p.real[i][s] + p.d_sim[i] * p.sim[i][s] * ratio[i][s]
      errors = errors + weight * difference * difference / 2
    end
    regulariser = regulariser - p.d_real[i] * q[i] + (choice.d_phi and choice.d_phi[i] * q[i] or 0)
  end
  if not choice.d_phi then regulariser = regulariser + tabular.soft_max(choice.omega, q) end
  return beta * regulariser + errors
end

--- The objective's gradient and Hessian, by the same sums.
local function derivatives(p, q, v, choice, ratio)
  local beta, d_phi, gradient, hessian = choice.beta or 0, choice.d_phi, {}, {}
  if not d_phi then d_phi = select(2, tabular.soft_max(choice.omega, q)) end
  for i = 1, p.pairs do
    local slope, curvature, row = 0, 0, {}
    for s = 1, p.states do
      local difference = q[i] - (p.rewards[i] + p.discount * v[s])
      local weight = p.d_real[i] * p.real[i][s] + p.d_sim[i] * p.sim[i][s] * ratio[i][s]
      slope, curvature = slope + weight * difference, curvature + weight
    end
    gradient[i] = slope + beta * (d_phi[i] - p.d_real[i])
    for j = 1, p.pairs do row[j] = choice.d_phi and 0 or -beta * d_phi[i] * d_phi[j] end
    row[i] = row[i] + curvature + (choice.d_phi and 0 or beta * d_phi[i])
    hessian[i] = row
  end
  return gradient, hessian
end

--- The Q that minimises J for fixed targets, by Newton's method; a step is halved until J falls with it.
local function minimise(p, q, v, choice, ratio)
  for _ = 1, 100 do
    local J = tabular.objective(p, q, v, choice, ratio)
    local gradient, hessian = derivatives(p, q, v, choice, ratio)
    local step, slope, share = tabular.solve(hessian, gradient), 0, 1
    for i = 1, p.pairs do slope = slope + gradient[i] * step[i] end
    local moved, falls
    repeat
      moved = {}
      for i = 1, p.pairs do moved[i] = q[i] - share * step[i] end
      falls = tabular.objective(p, moved, v, choice, ratio)
              <= J - 1e-4 * share * slope + 1e-14 * (1 + math.abs(J)) -- the last term: rounding
      share = share / 2
    until falls
    local change = tabular.distance(moved, q)
    q = moved
    if change <= 1e-8 then return q end -- the next step would be of its square
  end
  error("tabular.h2o: no minimum of the objective in 100 Newton steps", 0)
end

--- H2O's evaluation of the policy: Q^{k+1} minimises J with targets from Q^k, until it stays where it is.
--- choice: beta (0); d_phi, a fixed distribution over pairs, or omega, that of the log-sum-exp (u / sum u);
--- ratio = false: simulated errors count as they are; clip = { low, high } of the ratio; start: the first Q (zeros).
--- -> { q =, d_phi = the distribution that Q is lowered on, iterations = }
function tabular.h2o(p, choice)
  local settled = { beta = choice.beta or 0, d_phi = choice.d_phi, ratio = choice.ratio, clip = choice.clip,
                    omega = choice.omega or tabular.omega(tabular.gap(p)) }
  local ratio, q = tabular.ratio(p, settled), {}
  for i = 1, p.pairs do q[i] = choice.start and choice.start[i] or 0 end
  for k = 1, 100000 do
    local next_q = minimise(p, q, tabular.values(p, q), settled, ratio)
    local change, size = tabular.distance(next_q, q), 1
    for i = 1, p.pairs do size = math.max(size, math.abs(next_q[i])) end
    q = next_q
    if change <= 1e-14 * size then
      return { q = q, d_phi = settled.d_phi or select(2, tabular.soft_max(settled.omega, q)), iterations = k }
    end
  end
  error(("tabular.h2o: no fixed point in 100000 iterations; discount %g"):format(p.discount), 0)
end

-- ---- what it is equal to ----

--- nu = beta (d_phi - d_D) / (d_D + d_B E_{s' ~ P^}[ratio]): what H2O takes off the reward.
function tabular.adjustment(p, choice, d_phi)
  local mean, nu = tabular.ratio_mean(p, tabular.ratio(p, choice)), {}
  for i = 1, p.pairs do
    nu[i] = (choice.beta or 0) * (d_phi[i] - p.d_real[i]) / (p.d_real[i] + p.d_sim[i] * mean[i])
  end
  return nu
end

--- The dynamics that the two halves of the data amount to: (d_D P + d_B P^ ratio) / (d_D + d_B E[ratio]).
--- P itself for the whole ratio P / P^ where P^ can reach all that P can.
function tabular.blend(p, choice)
  local ratio, out = tabular.ratio(p, choice), {}
  local mean = tabular.ratio_mean(p, ratio)
  for i = 1, p.pairs do
    out[i] = {}
    for s = 1, p.states do
      out[i][s] = (p.d_real[i] * p.real[i][s] + p.d_sim[i] * p.sim[i][s] * ratio[i][s])
                  / (p.d_real[i] + p.d_sim[i] * mean[i])
    end
  end
  return out
end

--- Q of Bellman's equation with the reward r - nu; in the real dynamics unless others are given.
function tabular.evaluate_adjusted(p, nu, dynamics)
  local rewards = {}
  for i = 1, p.pairs do rewards[i] = p.rewards[i] - nu[i] end
  return tabular.evaluate(p, rewards, dynamics)
end

return tabular
