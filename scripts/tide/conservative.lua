--- What conservative Q-learning adds to an actor-critic (Kumar et al. 2020, arXiv 2006.04779, appendix F): other
--- actions than the dataset's own, and how much higher Q is there. For agents that hold Q down where no data are.
local core = require "tide.core"
local agent = require "tide.agent"

local conservative = {}

--- The actions that Q is looked at in each state: the batch's own, then n of each of
---   U(-1, 1)^A,   pi(.|s'),   pi(.|s).
--- head and next_head are policy:head of s and s'; nothing here is recorded.
--- -> (batch (1 + 3 n), A), a state's actions together;  their log-densities but for the batch's own, (batch, 3 n)
function conservative.actions(policy, own, head, next_head, n, rng)
  return agent.no_grad(function()
    local batch, A = own.shape[1], own.shape[2]
    local random = rng:draw_uniform(-1, 1, batch * n, A)
    local current, current_log_prob = policy:sample_from(head, n)
    local next_action, next_log_prob = policy:sample_from(next_head, n)
    local function side(actions) return actions:reshape(batch, n * A) end
    local function beside(log_prob) return log_prob:reshape(batch, n) end
    local actions = core.concat_columns(own, side(random), side(next_action), side(current))
    local next_density, current_density = beside(next_log_prob), beside(current_log_prob)
    local random_density = 0 * current_density - A * math.log(2)
    return actions:reshape(batch * (1 + 3 * n), A),
           core.concat_columns(random_density, next_density, current_density)
  end)
end

--- mean over states of  T ln sum_a exp((Q(s, a) - ln density(a)) / T)  -  Q(s, a_own),  where the sum goes over the
--- 3 n other actions; without log_density  T ln sum_a exp(Q(s, a) / T)  over all of them.
--- q (batch, 1 + 3 n), the own action's first.
function conservative.gap(q, log_density, temperature)
  local own = q:columns(1, 1):reshape(#q)
  if log_density then q = q:columns(2, q.shape[2]) - log_density end
  if temperature ~= 1 then q = (1 / temperature) * q end
  return (temperature * q:logsumexp(2) - own):mean()
end

return conservative
