--- Recorded steps of soft actor-critic as DARC's authors have it.
local recorded = require "tide.conform.recorded"

return {
  choose = function(case)
    recorded.require_values(case, { max_action = 1, update_interval = 1, temperature_opt = 1 })
    return require "tide.agents.sac" {
      discount = case.gamma, tau = case.tau, policy_lr = case.actor_lr, critic_lr = case.critic_lr,
      alpha_lr = case.actor_lr, hidden = recorded.hidden_sizes(case.before.policy),
    }
  end,
  batches = function(batch) return { train = recorded.joined_batch(batch["00_sim"], batch["01_real"]) } end,
  draws = function(noise) return noise end,
  out = function() return {} end,
}
