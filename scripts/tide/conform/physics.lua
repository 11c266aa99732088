--- Physics, number for number: places Tide's worlds where the recorded trajectories of a file such as
--- tests/reference/envs.h5 start, applies the recorded actions and compares what follows.
---
--- A case is a group ENV/DYNAMICS with init_qpos, init_qvel, actions, qpos, qvel, observations, rewards and
--- terminals: (trajectories, steps, numbers), as after the step. DYNAMICS is "real" or a gap such as gravity_x2.0.
local core = require "tide.core"
local env = require "tide.env"
local gap = require "tide.gap"
local models = require "tide.conform.models"
local world = require "tide.world"

local physics = {}

local TOLERANCE = 1e-9     -- absolute, the agreement that the figures' authors state ...
local COMPARED_STEPS = 20  -- ... for the first steps: contacts amplify what rounds otherwise
local FLOAT32 = 2.0 ^ -24  -- half a unit in the last place: observations are float32 in Tide
local QUANTITIES = { "qpos", "qvel", "observations", "rewards", "terminals" }

-- ---- comparing ----

local function new_row(case, quantity, checked)
  return { case = case, quantity = quantity, worst_abs = 0.0, worst_rel = 0.0, tolerance = TOLERANCE,
           checked = checked, count = 0, bad = 0 }
end

--- `rounding` is the relative error that the number's own precision allows.
local function note(row, got, wanted, where, rounding)
  local abs = math.abs(got - wanted)
  local rel = abs == 0 and 0.0 or abs / math.max(math.abs(wanted), 1e-300)
  row.count = row.count + 1
  if abs > row.tolerance + (rounding or 0) * math.abs(wanted) or abs ~= abs then
    row.bad = row.bad + 1
    row.where = row.where or where
  end
  if abs > row.worst_abs or abs ~= abs then row.worst_abs = abs end
  if (abs > row.tolerance and rel > row.worst_rel) or rel ~= rel then row.worst_rel = rel end
end

local function finish(row)
  if row.checked and row.count == 0 then row.where = row.where or "nothing to compare" end
  row.status = not row.checked and "info" or (row.bad == 0 and row.count > 0) and "passed" or "failed"
  return row
end

-- ---- one case ----

--- The gap that a name of dynamics stands for; false where Tide has none of that name.
local function gap_of(dynamics)
  if dynamics == "real" then return nil end
  local kind, factor = dynamics:match("^(%a+)_x([%d.]+)$")
  if (kind == "gravity" or kind == "friction" or kind == "density") and tonumber(factor) then
    return gap[kind](tonumber(factor))
  end
  return false
end

--- A dataset as { n = rows-major numbers, dims = { ... } }, checked to have the shape (trajectories, steps, ...).
local function read(path, label, name, dims)
  local numbers, found = core.tree_read_numbers(path, label .. "/" .. name)
  local same = #found == #dims
  for i, n in ipairs(dims) do same = same and (n == 0 or found[i] == n) end
  if not same then
    error(("%s/%s has dimensions (%s), (%s) are needed"):format(label, name, table.concat(found, ", "),
      table.concat(dims, ", ")), 0)
  end
  return numbers, found
end

local function slice(numbers, row, width)
  return table.move(numbers, row * width + 1, (row + 1) * width, 1, {})
end

local function read_case(path, label, w)
  local nq, nv = w.physics:sizes()
  local case = {}
  local dims
  case.actions, dims = read(path, label, "actions", { 0, 0, w.action_dim })
  case.trajectories, case.steps = dims[1], dims[2]
  local widths = { qpos = nq, qvel = nv, observations = w.observation_dim }
  case.init_qpos = read(path, label, "init_qpos", { dims[1], nq })
  case.init_qvel = read(path, label, "init_qvel", { dims[1], nv })
  for _, name in ipairs(QUANTITIES) do
    case[name] = read(path, label, name, { dims[1], dims[2], widths[name] })
  end
  return case
end

--- What the world gives for each quantity after a step.
local function step(w, action)
  local observation, reward, terminal, diverged = w:transition(action)
  if diverged then error("the simulation diverged: " .. w.divergence, 0) end
  return { qpos = w.physics:qpos(), qvel = w.physics:qvel(), observations = observation:totable(),
           rewards = { reward }, terminals = { terminal and 1 or 0 } }
end

--- Rows of one case. Where `checked` is false (another MuJoCo), they are for information only.
local function run_case(rows, path, label, w, checked)
  local nq, nv = w.physics:sizes()
  local case = read_case(path, label, w)
  local first, later = {}, {}
  for _, name in ipairs(QUANTITIES) do
    first[name] = new_row(label, name, checked)
    later[name] = new_row(label, ("%s, all %d steps"):format(name, case.steps), false)
  end
  for t = 0, case.trajectories - 1 do
    w:place(slice(case.init_qpos, t, nq), slice(case.init_qvel, t, nv))
    for s = 0, case.steps - 1 do
      local row = t * case.steps + s
      local got = step(w, slice(case.actions, row, w.action_dim))
      for _, name in ipairs(QUANTITIES) do
        local numbers, rounding = got[name], name == "observations" and FLOAT32 or 0
        for i, x in ipairs(numbers) do
          local where = ("trajectory %d, step %d, %s[%d]"):format(t + 1, s + 1, name, i)
          local wanted = case[name][row * #numbers + i]
          if s < COMPARED_STEPS then note(first[name], x, wanted, where, rounding) end
          note(later[name], x, wanted, where, rounding)
        end
      end
    end
  end
  for _, name in ipairs(QUANTITIES) do
    rows[#rows + 1] = finish(first[name])
    rows[#rows + 1] = finish(later[name])
  end
end

-- ---- model constants ----

--- Compares the model of an environment with its published figures, whatever the version of MuJoCo.
local function run_constants(rows, name)
  local row = new_row(name, "model constants", true)
  local model = world(name).model
  for kind, parts in pairs(models[name]) do
    for part, fields in pairs(parts) do
      local holder = kind == "option" and model or model[kind](model, part)
      for field, figures in pairs(fields) do
        local got = holder[field]
        if type(got) == "number" then got = { got } end
        for i, figure in ipairs(type(figures) == "table" and figures or { figures }) do
          note(row, got[i], figure, ("%s %s.%s"):format(kind, part, field))
        end
      end
    end
  end
  rows[#rows + 1] = finish(row)
end

-- ---- a file ----

local function sorted_names(tree)
  local names = {}
  for name in pairs(tree) do names[#names + 1] = tostring(name) end
  table.sort(names)
  return names
end

--- Groups ENV/DYNAMICS that hold init_qpos, by environment, in order.
local function find_cases(tree)
  local found = {}
  for _, name in ipairs(sorted_names(tree)) do
    local node = tree[name]
    if type(node) == "table" then
      for _, dynamics in ipairs(sorted_names(node)) do
        local case = node[dynamics]
        if type(case) == "table" and case.init_qpos ~= nil then
          found[#found + 1] = { env = name, dynamics = dynamics, label = name .. "/" .. dynamics, tree = case }
        end
      end
    end
  end
  return found
end

--- True for a file with such cases.
function physics.recognises(tree)
  return #find_cases(tree) > 0
end

--- The version a case was recorded with, as MuJoCo counts: 222 is 2.2.2.
local function recorded_version(case)
  local version = case.mujoco_version
  return type(version) == "table" and version[1] or version
end

--- Runs all cases of a file, whose tree has been read.
-- -> rows { case, quantity, worst_abs, worst_rel, tolerance, status, where }
-- status: "passed", "failed", "info" (reported, no tolerance holds) or "unsupported".
function physics.run(tree, path)
  local rows, known, compared = {}, {}, {}
  for _, name in ipairs(env.list()) do known[name] = true end
  local version = tonumber((core.mujoco_version():gsub("%.", "")))
  for _, found in ipairs(find_cases(tree)) do
    local function report(status, where)
      rows[#rows + 1] = { case = found.label, quantity = "", status = status, where = where }
    end
    local wrong = gap_of(found.dynamics)
    if not known[found.env] then
      report("unsupported", "no environment " .. found.env)
    elseif wrong == false then
      report("unsupported", "no dynamics " .. found.dynamics)
    else
      if models[found.env] and not compared[found.env] then run_constants(rows, found.env) end
      compared[found.env] = true
      local recorded = recorded_version(found.tree)
      local of_case = {}
      local ok, problem = pcall(run_case, of_case, path, found.label, world(found.env, { gap = wrong }),
        recorded == nil or recorded == version)
      if ok then table.move(of_case, 1, #of_case, #rows + 1, rows) else report("failed", tostring(problem)) end
    end
  end
  return rows
end

return physics
