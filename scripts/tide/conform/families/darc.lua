--- Recorded steps of the authors' DARC.
local core = require "tide.core"
local recorded = require "tide.conform.recorded"

--- A discriminator whose classes are recorded as sim, real, with real first as Tide has it.
local function real_first(net)
  local last = 0
  while net["layer" .. last + 1] ~= nil do last = last + 1 end
  local copy, of = {}, net["layer" .. last]
  for name, layer in pairs(net) do copy[name] = layer end
  local bias = of.bias:totable()
  copy["layer" .. last] = {
    weight = recorded.joined(of.weight:rows(2, 2), of.weight:rows(1, 1)), bias = core.tensor { bias[2], bias[1] },
  }
  return copy
end

--- Rows of the shuffled [sim; real] batch in the order of [real; sim]; a mean over them does not mind.
local function sorted(noise, permutation)
  local rows, n, ordered = noise:totable(), #noise, {}
  for i, from in ipairs(permutation) do ordered[(from + n // 2) % n + 1] = rows[i] end -- `from` counts from 0
  return core.tensor(ordered)
end

local function columns(t, first, last)
  return t:columns(first, last):clone()
end

local S, A -- of the case

return {
  read = function(case)
    local function network_trees(tree)
      local copy = {}
      for name, value in pairs(tree) do copy[name] = value end
      copy.d_sa, copy.d_sas = real_first(tree.d_sa), real_first(tree.d_sas)
      return copy
    end
    local copy = {}
    for name, value in pairs(case) do copy[name] = value end
    copy.before = network_trees(case.before)
    local k = 0
    while case["step" .. k] ~= nil do
      local step = case["step" .. k]
      copy["step" .. k] = { batch = step.batch, noise = step.noise, out = step.out,
                            grad = network_trees(step.grad), after = network_trees(step.after) }
      k = k + 1
    end
    return copy
  end,
  choose = function(case)
    recorded.require_values(case, { max_action = 1, update_interval = 1, temperature_opt = 1 })
    S, A = case.state_dim, case.action_dim
    return require "tide.agents.darc" {
      discount = case.gamma, tau = case.tau, policy_lr = case.actor_lr, critic_lr = case.critic_lr,
      alpha_lr = case.actor_lr, d_sa_lr = case.actor_lr, d_sas_lr = case.actor_lr,
      hidden = recorded.hidden_sizes(case.before.policy), discriminator_noise = case.gaussian_noise_std,
      correction_weight = case.penalty_coefficient, correction_clip = math.huge,
    }
  end,
  batches = function(batch)
    return { train = recorded.batch(batch["02_sim"], "sim"),
             discriminator = recorded.joined_batch(batch["01_real"], batch["00_sim"]) }
  end,
  -- recorded: permutation, noise on sas, noise on sa, next action, policy sample
  draws = function(noise)
    local sas, sa = sorted(noise[2], noise[1]), sorted(noise[3], noise[1])
    return { columns(sas, 1, S), columns(sas, S + 1, S + A), columns(sas, S + A + 1, 2 * S + A),
             columns(sa, 1, S), columns(sa, S + 1, S + A), noise[4], noise[5] }
  end,
  out = function() return {} end,
}
