--- Recorded steps of conservative Q-learning, of its public code as CORL has it.
local recorded = require "tide.conform.recorded"

local on = recorded.on

--- A draw of n actions a state, (batch, n, dim), as the agent makes it: (batch n, dim).
local function flat(draw)
  local shape = draw.shape
  return #shape == 3 and draw:reshape(shape[1] * shape[2], shape[3]):clone() or draw
end

return {
  choose = function(case)
    recorded.require_values(case, { target_update_period = 1, use_automatic_entropy_tuning = 1 })
    return require "tide.agents.cql" {
      discount = case.discount, tau = case.soft_target_update_rate, policy_lr = case.policy_lr,
      critic_lr = case.qf_lr, hidden = recorded.hidden_sizes(case.before.q1),
      policy_hidden = recorded.hidden_sizes(case.before.policy),
      target_entropy = case.target_entropy, alpha_multiplier = case.alpha_multiplier,
      entropy_backup = on(case.backup_entropy), max_target_backup = on(case.cql_max_target_backup),
      beta = case.cql_alpha, samples = case.cql_n_actions, importance_sampling = on(case.cql_importance_sample),
      regulariser_temperature = case.cql_temp, lagrange = on(case.cql_lagrange),
      target_gap = case.cql_target_action_gap,
    }
  end,
  batches = function(batch) return { train = recorded.batch(batch.real_train, "real") } end,
  -- recorded as drawn: policy, next [n], uniform n, current n, next n
  draws = function(noise)
    local draws = {}
    for i, draw in ipairs(noise) do draws[i] = flat(draw) end
    return draws
  end,
  out = function(m)
    local out = {
      alpha = m.alpha, alpha_loss = m.alpha_loss, log_pi = m.log_prob, policy_loss = m.policy_loss,
      average_target_q = m.target, alpha_prime = m.alpha_prime, alpha_prime_loss = m.alpha_prime_loss,
    }
    for i = 1, 2 do
      local q, qf = "q" .. i, "qf" .. i
      out["average_" .. qf], out[qf .. "_loss"] = m[q], m[q .. "_loss"]
      out["cql_" .. qf .. "_diff"], out["cql_min_" .. qf .. "_loss"] = m[q .. "_gap"], m[q .. "_penalty"]
      out["cql_" .. q .. "_rand"], out["cql_" .. q .. "_next_actions"] = m[q .. "_random"], m[q .. "_next"]
      out["cql_" .. q .. "_current_actions"] = m[q .. "_current"]
    end
    return out
  end,
}
