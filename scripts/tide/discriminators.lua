--- Telling simulated transitions from real ones: what agents with two discriminators share.
--- d_sa(s, a) and d_sas(s, a, s') give two logits each, real first; the output of d_sas is added to that of d_sa.
local core = require "tide.core"

local discriminators = {}

local labels = {} -- by real rows, by rows

--- Classes for cross_entropy where the real rows come first: 1 real, 2 simulated.  -> (n), kept and shared
function discriminators.labels(n_real, n)
  local of_real = labels[n_real] or {}
  labels[n_real] = of_real
  if of_real[n] == nil then
    local classes = {}
    for i = 1, n do classes[i] = i <= n_real and 1 or 2 end
    of_real[n] = core.tensor(classes)
  end
  return of_real[n]
end

--- - mean ln softmax(logits)[1] over the real rows, - mean ln softmax(logits)[2] over the simulated ones: each world
--- weighs the same, however many rows it has.
function discriminators.tell_apart(logits, n_real)
  local n = #logits
  local surprise = core.cross_entropy(logits, discriminators.labels(n_real, n))
  return core.mean(core.rows(surprise, 1, n_real)) + core.mean(core.rows(surprise, n_real + 1, n))
end

--- L_sa = mean - ln softmax(d_sa)[class],  L_sas = mean - ln softmax(d_sas + d_sa)[class],  over all rows.
--- `noisy(tensor)` is what the networks see of s, a and s'; each network has noise of its own.  -> L_sa, L_sas
function discriminators.losses(d_sa, d_sas, batch, noisy)
  local s, a, next_s = batch.observations, batch.actions, batch.next_observations
  local step = d_sas(noisy(s), noisy(a), noisy(next_s))
  local sa_logits = d_sa(noisy(s), noisy(a))
  local classes = discriminators.labels(batch.n_real, #s)
  return core.cross_entropy(sa_logits, classes):mean(), core.cross_entropy(step + sa_logits, classes):mean()
end

--- ln P(s'|s,a) / P^(s'|s,a) from the logits of d_sas alone, held within +- limit:  (batch, 2) -> (batch).
--- By Bayes' rule it is ln p(real|s,a,s') - ln p(sim|s,a,s') - ln p(real|s,a) + ln p(sim|s,a); d_sa, whose
--- logits are in both pairs, cancels.
function discriminators.log_ratio(logits, limit)
  local difference = core.columns(logits, 1, 1) - core.columns(logits, 2, 2)
  return core.clamp(core.reshape(difference, #logits), -limit, limit)
end

return discriminators
