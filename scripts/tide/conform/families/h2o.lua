--- Recorded steps of the authors' H2O.
local recorded = require "tide.conform.recorded"

local joined, on = recorded.joined, recorded.on

return {
  choose = function(case)
    recorded.require_values(case, { cql_temp = 1, target_update_period = 1, use_automatic_entropy_tuning = 1,
                                    use_kl_baseline = 0, u_ablation = 0, sa_prob_clip = 0 })
    return require "tide.agents.h2o" {
      discount = case.discount, tau = case.soft_target_update_rate, policy_lr = case.policy_lr,
      critic_lr = case.qf_lr, d_sa_lr = case.d_sa_lr, d_sas_lr = case.d_sas_lr,
      hidden = recorded.hidden_sizes(case.before.policy), discriminator_noise = case.noise_std_discriminator,
      target_entropy = case.target_entropy, alpha_multiplier = case.alpha_multiplier,
      entropy_backup = on(case.backup_entropy), beta = on(case.use_cql) and case.cql_min_q_weight or 0,
      omega = on(case.use_sim_q_coeff) and "gap" or "uniform",
      regulariser = on(case.use_variant) and "linear" or "logsumexp",
      regulariser_clip = { case.cql_clip_diff_min, case.cql_clip_diff_max },
      lagrange = on(case.cql_lagrange), target_gap = case.cql_target_action_gap,
      dynamics_ratio = on(case.use_td_target_ratio),
      ratio_clip = { case.clip_dynamics_ratio_min, case.clip_dynamics_ratio_max },
      next_samples = case.sampling_n_next_states, next_scale = case.s_prime_std_ratio,
      gap_clip = { case.sim_q_coeff_min, case.sim_q_coeff_max },
    }
  end,
  batches = function(batch)
    return { train = recorded.joined_batch(batch.real_train, batch.sim_train),
             discriminator = recorded.joined_batch(batch.real_discriminator, batch.sim_discriminator) }
  end,
  -- recorded: real s, a, s', sim s, a, s', policy, next real, next sim [, next states]
  draws = function(noise)
    local d = { joined(noise[1], noise[4]), joined(noise[2], noise[5]), joined(noise[3], noise[6]), noise[7],
                joined(noise[8], noise[9]) }
    d[#d + 1] = noise[10]
    return d
  end,
  out = function(m, seen)
    local out = {
      alpha = m.alpha, alpha_loss = m.alpha_loss, log_pi = m.log_prob, policy_loss = m.policy_loss,
      dsa_train_loss = m.d_sa_loss, dsas_train_loss = m.d_sas_loss,
      average_real_target_q = m.target_real, average_sim_target_q = m.target_sim,
      cql_sqrt_IS_ratio = seen.dynamics_ratio and seen.dynamics_ratio:sqrt():mean():item() or 1.0,
      cql_u_sa = m.u, cql_std_omega = m.omega_std,
    }
    for i = 1, 2 do
      local q, qf = "q" .. i, "qf" .. i
      out["average_real_" .. qf], out["average_sim_" .. qf] = m[q .. "_real"], m[q .. "_sim"]
      out["real_" .. qf .. "_loss"], out["sim_" .. qf .. "_loss"] = m[q .. "_real_loss"], m[q .. "_sim_loss"]
      out[qf .. "_loss"] = m[q .. "_real_loss"] + m[q .. "_sim_loss"]
      out["cql_cql_" .. qf .. "_diff"], out["cql_cql_min_" .. qf .. "_loss"] = m[q .. "_gap"], m[q .. "_penalty"]
      if m[q .. "_gap"] then out["cql_cql_" .. qf .. "_gap"] = m[q .. "_gap"] + m[q .. "_real"] end
    end
    return out
  end,
}
