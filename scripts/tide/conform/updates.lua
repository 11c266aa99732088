--- Training steps, number for number: runs the recorded minibatches and random draws of a file such as
--- tests/reference/updates.h5 through Tide's agents and compares losses, gradients and parameters.
---
--- A case is a group with `before` (networks), `stepK/batch`, `stepK/noise` and what came of them.
local core = require "tide.core"
local network = require "tide.network"
local tide = require "tide.toolkit"

local updates = {}

-- The agreement that the figures' authors state: relative or absolute, whichever is met.
local RELATIVE, ABSOLUTE, PARAMETER_ABSOLUTE = 1e-4, 1e-6, 2e-5

-- ---- comparing ----

local function new_row(case, quantity, checked, absolute, relative)
  return { case = case, quantity = quantity, worst_abs = 0.0, worst_rel = 0.0, count = 0, bad = 0,
           checked = checked, absolute = absolute, relative = relative }
end

local function note(row, name, got, wanted)
  local abs = math.abs(got - wanted)
  local rel = abs == 0 and 0.0 or abs / math.max(math.abs(wanted), 1e-300)
  row.count = row.count + 1
  if not (abs <= row.absolute or rel <= row.relative) then -- NaN is bad too
    row.bad = row.bad + 1
    row.where = row.where or name
  end
  if abs > row.worst_abs or abs ~= abs then row.worst_abs = abs end
  -- below the absolute tolerance a relative error says nothing
  if (abs > row.absolute and rel > row.worst_rel) or rel ~= rel then row.worst_rel = rel end
end

local function flat(t)
  local n = 1
  for _, dim in ipairs(t.shape) do n = n * dim end
  return t:reshape(n):totable()
end

local function note_tensor(row, name, got, wanted)
  local a, b = flat(got), flat(wanted)
  if #a ~= #b then
    row.bad, row.where = row.bad + 1, ("%s has %d elements, %d are expected"):format(name, #a, #b)
    return
  end
  for i = 1, #a do note(row, name, a[i], b[i]) end
end

-- ---- replaying ----

--- A generator whose draws are the recorded ones, in order.
local function recorded_draws(tensors)
  local at = 0
  return {
    draw_normal = function(_, rows, dim)
      at = at + 1
      local t = tensors[at]
      if t == nil then error("more random draws than were recorded", 0) end
      if t.shape[1] ~= rows or t.shape[2] ~= dim then
        error(("draw %d: (%d, %d) asked for, (%d, %d) recorded"):format(at, rows, dim, t.shape[1], t.shape[2]), 0)
      end
      return t
    end,
    left = function() return #tensors - at end,
  }
end

local function sorted_values(group)
  local names, values = {}, {}
  for name in pairs(group or {}) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do values[i] = group[name] end
  return values
end

local function joined(first, second)
  return core.concat_rows(first, second):clone()
end

local fields = { "observations", "actions", "rewards", "next_observations", "terminals" }

--- Two recorded minibatches, one below the other, as replay:sample gives them.
local function joined_batch(first, second)
  local batch = { n_real = #first.observations, n_sim = #second.observations }
  for _, field in ipairs(fields) do batch[field] = joined(first[field], second[field]) end
  for _, field in ipairs { "rewards", "terminals" } do
    batch[field] = batch[field]:reshape(batch.n_real + batch.n_sim):clone()
  end
  return batch
end

local function hidden_sizes(net)
  local sizes, layer = {}, 0
  while net["layer" .. layer + 1] ~= nil do
    sizes[#sizes + 1] = net["layer" .. layer].bias.shape[1]
    layer = layer + 1
  end
  return sizes
end

local function on(value)
  return value ~= nil and value ~= 0
end

-- ---- what each family of cases is in Tide's words ----

local adapters = {}

--- Values of attributes that Tide knows only one meaning of.
local function require_values(case, wanted)
  for name, value in pairs(wanted) do
    if case[name] ~= nil and case[name] ~= value then
      error(("not yet supported: %s = %s"):format(name, tostring(case[name])), 0)
    end
  end
end

adapters.h2o = {
  choose = function(case)
    require_values(case, { cql_temp = 1, target_update_period = 1, use_automatic_entropy_tuning = 1,
                           use_kl_baseline = 0, u_ablation = 0, sa_prob_clip = 0 })
    return require "tide.agents.h2o" {
      discount = case.discount, tau = case.soft_target_update_rate, policy_lr = case.policy_lr,
      critic_lr = case.qf_lr, d_sa_lr = case.d_sa_lr, d_sas_lr = case.d_sas_lr,
      hidden = hidden_sizes(case.before.policy), discriminator_noise = case.noise_std_discriminator,
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
    return { train = joined_batch(batch.real_train, batch.sim_train),
             discriminator = joined_batch(batch.real_discriminator, batch.sim_discriminator) }
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

adapters.sac = {
  choose = function(case)
    require_values(case, { max_action = 1, update_interval = 1, temperature_opt = 1 })
    return require "tide.agents.sac" {
      discount = case.gamma, tau = case.tau, policy_lr = case.actor_lr, critic_lr = case.critic_lr,
      alpha_lr = case.actor_lr, hidden = hidden_sizes(case.before.policy),
    }
  end,
  batches = function(batch) return { train = joined_batch(batch["00_sim"], batch["01_real"]) } end,
  draws = function(noise) return noise end,
  out = function() return {} end,
}

-- ---- one case ----

local function build(adapter, case)
  local first = case.before.policy.layer0.weight
  local last = 0
  while case.before.policy["layer" .. last + 1] ~= nil do last = last + 1 end
  local agent = adapter.choose(case):build {
    observation_dim = first.shape[2], action_dim = case.before.policy["layer" .. last].bias.shape[1] // 2,
    rng = core.rng(0), state_std = function() return case.state_std end,
  }
  for name, net in pairs(agent.networks) do network.load_weights(net, case.before[name], name) end
  if case.before.log_alpha then agent.log_alpha:fill(case.before.log_alpha) end
  if case.before.log_alpha_prime then agent.log_alpha_prime:fill(case.before.log_alpha_prime) end
  if case.before.log_std_multiplier then
    agent.policy.scalars:copy { case.before.log_std_multiplier, case.before.log_std_offset }
  end
  return agent
end

local function compare_networks(row, agent, wanted, of)
  for name, layers in pairs(wanted) do
    local net = agent.networks[name]
    if type(layers) == "table" and net ~= nil then
      local i = 0
      while layers["layer" .. i] ~= nil do
        for _, kind in ipairs { "weight", "bias" } do
          note_tensor(row, ("%s/layer%d/%s"):format(name, i, kind), of(net, i + 1, kind), layers["layer" .. i][kind])
        end
        i = i + 1
      end
    end
  end
end

local function parameter_of(net, layer, kind)
  return kind == "weight" and net:weight(layer) or net:bias(layer)
end

local function gradient_of(net, layer, kind)
  local gradient = core.gradient_of(net, layer, kind, true)
  return gradient or tide.zeros(table.unpack(parameter_of(net, layer, kind).shape))
end

local function compare_step(rows, label, agent, adapter, step, k, metrics)
  local first = k == 0
  local function row(quantity, checked, absolute, relative)
    local r = new_row(label, ("step %d %s"):format(k, quantity), checked, absolute, relative)
    rows[#rows + 1] = r
    return r
  end
  if step.out then
    local out, losses = adapter.out(metrics, agent.seen or {}), row("losses and means", first, ABSOLUTE, RELATIVE)
    for name, wanted in pairs(step.out) do
      if type(wanted) == "number" and out[name] ~= nil then note(losses, name, out[name], wanted) end
    end
    -- the recorded ratio is the one before the clip, which Tide never makes
    local clip = agent.ratio_clip
    if step.out.dynamics_ratio then step.out.dynamics_ratio = tide.clamp(step.out.dynamics_ratio, clip[1], clip[2]) end
    for _, name in ipairs { "u", "omega", "dynamics_ratio" } do
      if step.out[name] and agent.seen[name] then
        note_tensor(row(name, first, ABSOLUTE, RELATIVE), name, agent.seen[name], step.out[name])
      elseif step.out[name] then
        local missing = row(name, first, ABSOLUTE, RELATIVE)
        missing.bad, missing.where = 1, name .. " was not computed"
      end
    end
  end
  local gradients = row("gradients", first, ABSOLUTE, RELATIVE)
  compare_networks(gradients, agent, step.grad or {}, gradient_of)
  if step.grad and step.grad.log_std_multiplier then
    local got = core.gradient_of(agent.policy.scalars, true):totable()
    note(gradients, "log_std_multiplier", got[1], step.grad.log_std_multiplier)
    note(gradients, "log_std_offset", got[2], step.grad.log_std_offset)
  end
  local after = row("parameters after", true, PARAMETER_ABSOLUTE, 0.0)
  compare_networks(after, agent, step.after, parameter_of)
  if step.after.log_alpha then note(after, "log_alpha", agent.log_alpha:item(), step.after.log_alpha) end
  if step.after.log_alpha_prime then
    note(after, "log_alpha_prime", agent.log_alpha_prime:item(), step.after.log_alpha_prime)
  end
  if step.after.log_std_multiplier then
    local got = agent.policy.scalars:totable()
    note(after, "log_std_multiplier", got[1], step.after.log_std_multiplier)
    note(after, "log_std_offset", got[2], step.after.log_std_offset)
  end
end

local function run_case(rows, label, adapter, case)
  local agent = build(adapter, case)
  local k = 0
  while case["step" .. k] ~= nil do
    local step = case["step" .. k]
    local draws = recorded_draws(adapter.draws(sorted_values(step.noise)))
    agent.rng, agent.policy.rng = draws, draws
    local batches = adapter.batches(step.batch)
    local metrics = agent:update(batches)
    if draws.left() > 0 then error(("step %d: %d recorded draws were not used"):format(k, draws.left()), 0) end
    compare_step(rows, label, agent, adapter, step, k, metrics)
    core.end_step()
    k = k + 1
  end
  if k == 0 then error("the case has no step0", 0) end
end

--- Groups that hold `before`, with their paths, in order.
local function find_cases(tree, path, found)
  for _, name in ipairs(require("tide.options").names(tree)) do
    local node = tree[name]
    if type(node) == "table" then
      local at = path == "" and name or path .. "/" .. name
      if type(node.before) == "table" then found[#found + 1] = { label = at, case = node }
      elseif node.observations == nil then find_cases(node, at, found) end
    end
  end
  return found
end

--- True for a file with such cases.
function updates.recognises(tree)
  return #find_cases(tree, "", {}) > 0
end

--- Runs all cases of a file's tree.  -> rows { case, quantity, worst_abs, worst_rel, status, where }
--- status: "passed", "failed", "info" (reported, no tolerance stated) or "unsupported".
function updates.run(tree)
  local rows = {}
  for _, found in ipairs(find_cases(tree, "", {})) do
    local family = found.label:match("^[^/]+")
    local adapter = adapters[family]
    local of_case = {}
    if adapter == nil then
      of_case[1] = { case = found.label, quantity = "", status = "unsupported", where = "not yet supported" }
    else
      local ok, problem = pcall(run_case, of_case, found.label, adapter, found.case)
      core.end_step()
      if not ok then
        local unsupported = tostring(problem):find("not yet supported", 1, true)
        of_case = { { case = found.label, quantity = "", status = unsupported and "unsupported" or "failed",
                      where = tostring(problem) } }
      end
    end
    for _, row in ipairs(of_case) do
      if row.status == nil then
        local good = row.bad == 0 and row.count > 0
        row.status = not row.checked and "info" or good and "passed" or "failed"
        if row.count == 0 and row.checked then row.where = row.where or "nothing to compare" end
      end
      rows[#rows + 1] = row
    end
  end
  return rows
end

return updates
