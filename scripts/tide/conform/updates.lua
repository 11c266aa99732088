--- Training steps, number for number: runs the recorded minibatches and random draws of a file such as
--- tests/reference/updates.h5 through Tide's agents and compares losses, gradients and parameters.
---
--- A case is a group with `before` (networks), `stepK/batch`, `stepK/noise` and what came of them.
local core = require "tide.core"
local lfs = require "lfs"
local network = require "tide.network"
local paths = require "tide.paths"
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
  local function take(rows, dim)
    at = at + 1
    local t = tensors[at]
    if t == nil then error("more random draws than were recorded", 0) end
    if t.shape[1] ~= rows or t.shape[2] ~= dim then
      error(("draw %d: (%d, %d) asked for, (%d, %d) recorded"):format(at, rows, dim, t.shape[1], t.shape[2]), 0)
    end
    return t
  end
  return {
    draw_normal = function(_, rows, dim) return take(rows, dim) end,
    draw_uniform = function(_, _, _, rows, dim) return take(rows, dim) end,
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

--- families/NAME.lua says what a family of cases is in Tide's words:
---   read(case) -> the case with its networks in Tide's order of things, where theirs is another (optional);
---   choose(case) -> the agent's choice;  batches(batch) -> what its update takes;
---   draws(noise) -> the recorded draws in the order in which the agent makes them;
---   out(metrics, seen) -> the recorded losses' names and Tide's values of them.
local function family_of(label)
  local name = label:match("^[^/]+")
  if lfs.attributes(("%s/conform/families/%s.lua"):format(paths.modules, name), "mode") ~= "file" then return nil end
  return require("tide.conform.families." .. name)
end

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
  if adapter.read then case = adapter.read(case) end
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
    local adapter = family_of(found.label)
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
