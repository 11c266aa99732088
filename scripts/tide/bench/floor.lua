--- The products that an update cannot do without, in floating-point operations, from the shapes alone.
--- What is left out: products whose result nobody reads (gradients of data, of frozen or passed-through
--- networks), those of zeros, and the second product of rows that are the same.
local options = require "tide.options"

local floor = {}

--- The linear layers of a network as { inputs, outputs } pairs.
local function layers(inputs, hidden, outputs)
  local sizes, list = { inputs, table.unpack(hidden) }, {}
  sizes[#sizes + 1] = outputs
  for i = 1, #sizes - 1 do list[i] = { sizes[i], sizes[i + 1] } end
  return list
end

--- 2 rows in out for each layer.
local function forward(net, rows)
  local flops = 0
  for _, layer in ipairs(net) do flops = flops + 2 * rows * layer[1] * layer[2] end
  return flops
end

--- Weight gradients of all layers, gradients of all inputs but the first layer's.
local function backward(net, rows)
  local flops = 2 * forward(net, rows)
  return flops - 2 * rows * net[1][1] * net[1][2]
end

--- Gradients of inputs alone, in the first layer of the last `wanted` columns alone.
local function backward_inputs(net, rows, wanted)
  return forward(net, rows) - 2 * rows * (net[1][1] - wanted) * net[1][2]
end

--- Policy and critics of soft actor-critic on `rows`. The policy's loss has min(Q1, Q2): a row's gradient comes from
--- one critic alone.
local function actor_critic(S, A, hidden, rows)
  local policy, critic = layers(S, hidden, 2 * A), layers(S + A, hidden, 1)
  return {
    policy = forward(policy, rows) + backward(policy, rows)
             + 2 * forward(critic, rows) + backward_inputs(critic, rows, A),
    critics = 2 * (forward(critic, rows) + backward(critic, rows)),
    targets = forward(policy, rows) + 2 * forward(critic, rows),
  }
end

--- A training step of both discriminators on `rows`.
local function discriminators(S, A, hidden, rows)
  local flops = 0
  for _, net in ipairs { layers(S + A, hidden, 2), layers(2 * S + A, hidden, 2) } do
    flops = flops + forward(net, rows) + backward(net, rows)
  end
  return flops
end

function floor.sac(agent)
  return actor_critic(agent.observation_dim, agent.action_dim, agent.hidden, agent.batch)
end

function floor.h2o(agent)
  local S, A, hidden = agent.observation_dim, agent.action_dim, agent.hidden
  local parts = actor_critic(S, A, hidden, agent.real_batch + agent.sim_batch)
  local d_sas, sim = layers(2 * S + A, hidden, 2), agent.sim_batch
  parts.discriminators = discriminators(S, A, hidden, 2 * agent.discriminator_batch)
  if agent.dynamics_ratio then parts.ratio = forward(d_sas, sim) end
  if agent.beta ~= 0 and agent.omega == "gap" then
    local many = sim * agent.next_samples
    parts.u = forward(d_sas, many) - 2 * (many - sim) * (S + A) * hidden[1]
    if agent.next_model == "learned" then
      local dynamics, rows = layers(S + A, hidden, 2 * S), agent.discriminator_batch
      parts.dynamics, parts.u = forward(dynamics, rows) + backward(dynamics, rows), parts.u + forward(dynamics, sim)
    end
  end
  return parts
end

--- V has the next states of all rows and the states of the real ones; Q' has the real rows' actions too.
function floor.h2o_plus(agent)
  local S, A, hidden, real = agent.observation_dim, agent.action_dim, agent.hidden, agent.real_batch
  local rows = real + agent.sim_batch
  local value, critic = layers(S, hidden, 1), layers(S + A, hidden, 1)
  local parts = actor_critic(S, A, hidden, rows)
  parts.discriminators = discriminators(S, A, hidden, 2 * agent.discriminator_batch)
  if agent.dynamics_ratio then parts.ratio = forward(layers(2 * S + A, hidden, 2), agent.sim_batch) end
  if agent.lambda == 1 then parts.targets = 0 end
  if agent.lambda ~= 0 then parts.targets = parts.targets + forward(value, rows) end
  parts.value = forward(value, real) + backward(value, real) + 2 * forward(critic, real)
  return parts
end

--- DARC with real rows among those of the critics and the policy or without: d_sas passes the simulated ones once more.
local function darc(agent, real, sim)
  local S, A, hidden = agent.observation_dim, agent.action_dim, agent.hidden
  local parts = actor_critic(S, A, hidden, real + sim)
  parts.discriminators = discriminators(S, A, hidden, 2 * agent.discriminator_batch)
  parts.correction = forward(layers(2 * S + A, hidden, 2), sim)
  return parts
end

function floor.darc(agent)
  return darc(agent, 0, agent.batch)
end

function floor.darc_plus(agent)
  return darc(agent, agent.real_batch, agent.sim_batch)
end

--- The policy in the target is evaluated for each critic step, and only the critics that a target asks.
function floor.rlpd(agent)
  local S, A, hidden, rows = agent.observation_dim, agent.action_dim, agent.hidden, agent.real_batch + agent.sim_batch
  local policy, critic, steps = layers(S, hidden, 2 * A), layers(S + A, hidden, 1), agent.critic_updates
  return {
    policy = forward(policy, rows) + backward(policy, rows)
             + agent.ensemble * (forward(critic, rows) + backward_inputs(critic, rows, A)),
    critics = steps * agent.ensemble * (forward(critic, rows) + backward(critic, rows)),
    targets = steps * (forward(policy, rows) + agent.subset * forward(critic, rows)),
  }
end

--- Critics whose Q is wanted at `many` actions in each of `rows` states: the states' products, forward and for
--- the weights, are made once a state.
local function many_actions(S, A, hidden, rows, many)
  local critic = layers(S + A, hidden, 1)
  local repeats = 2 * (many - 1) * rows * S * hidden[1]
  return forward(critic, rows * many) - repeats + backward(critic, rows * many) - repeats
end

function floor.cql(agent)
  local S, A, hidden = agent.observation_dim, agent.action_dim, agent.hidden
  local parts = actor_critic(S, A, hidden, agent.batch)
  if agent.beta ~= 0 then parts.critics = 2 * many_actions(S, A, hidden, agent.batch, 1 + 3 * agent.samples) end
  return parts
end

function floor.cql_sac(agent)
  local S, A, hidden = agent.observation_dim, agent.action_dim, agent.hidden
  local n = agent.real_batch + agent.sim_batch
  local parts = actor_critic(S, A, hidden, n)
  local held = agent.beta == 0 and 0 or agent.regularise == "real" and agent.real_batch or n
  parts.critics = 2 * (many_actions(S, A, hidden, held, 1 + 3 * agent.samples)
                       + many_actions(S, A, hidden, n - held, 1))
  return parts
end

function floor.bc(agent)
  local S, A = agent.observation_dim, agent.action_dim
  local policy = layers(S, agent.hidden, agent.loss == "mse" and A or 2 * A)
  return { policy = forward(policy, agent.batch) + backward(policy, agent.batch) }
end

--- Policy and targets move every policy_delay updates: their share of one.
function floor.td3_bc(agent)
  local S, A, hidden, rows = agent.observation_dim, agent.action_dim, agent.hidden, agent.batch
  local policy, critic = layers(S, hidden, A), layers(S + A, hidden, 1)
  return {
    targets = forward(policy, rows) + 2 * forward(critic, rows),
    critics = 2 * (forward(critic, rows) + backward(critic, rows)),
    policy = (forward(policy, rows) + backward(policy, rows) + forward(critic, rows) + backward_inputs(critic, rows, A))
             / agent.policy_delay,
  }
end

function floor.iql(agent)
  local S, A, hidden, rows = agent.observation_dim, agent.action_dim, agent.hidden, agent.batch
  local policy, critic, value = layers(S, hidden, A), layers(S + A, hidden, 1), layers(S, hidden, 1)
  return {
    targets = 2 * forward(critic, rows),
    value = forward(value, rows) + backward(value, rows),
    policy = forward(value, rows) + forward(policy, rows) + backward(policy, rows),
    critics = forward(value, rows) + 2 * (forward(critic, rows) + backward(critic, rows)),
  }
end

--- floor.of(agent) -> operations in all, by part.  Errors for an agent without a count.
function floor.of(agent)
  local count = floor[agent.name]
  if count == nil then error(("bench: no count of products for the agent %s"):format(agent.name), 0) end
  local parts, total = count(agent), 0
  for _, flops in pairs(parts) do total = total + flops end
  return total, parts
end

--- The names of the agents that there is a count for, sorted.
function floor.agents()
  local counted = {}
  for name in pairs(floor) do counted[name] = name ~= "of" and name ~= "agents" or nil end
  return options.names(counted)
end

return floor
