--- A robot's text log into a dataset: one row a control step, columns by name.
---
---   tide.text_log.import("robot.txt", "robot.h5", {
---     columns = { "x", "v", "pitch", "pitch_rate", "action", "done" }, rate = 200, env = "WheelLeggedStand",
---     scale_action = 3, clip = true, done_of = "state", break_on = { "pitch-pitch_rate>0.02" } })
---
--- The next observation of a row is the next row's, where that follows: never across a done, a timeout or a rule of
--- break_on. A row that nothing follows is left out, its next observation being unknown; the transition that led to
--- it is a timeout.
local core = require "tide.core"
local env = require "tide.env"
local options = require "tide.options"
local text_rows = require "tide.text_rows"
local world = require "tide.world"

local text_log = {}

text_log.defaults = {
  columns = {},           -- names; the file's header where empty
  env = false,            -- whose reward_of computes the rewards where no column is named reward
  rate = false,           -- rows a second; rules that compare a column with its rate need it
  scale_action = 1.0,     -- actions are divided by this
  clip = false,           -- actions are held within [-1, 1], after the division
  done_of = "step",       -- a done says: this row's "step" ended the episode, or its "state" is one that ends it
  break_on = {},          -- rules, see `rule_of`
  outlier = 6.0,          -- standard deviations from the mean; only counted and told
}

-- ---- columns ----

--- What each column is.  -> { observations = indices, actions =, reward =, done =, timeout =, by_name = {} }
local function roles_of(names, path)
  local roles = { observations = {}, actions = {}, by_name = {} }
  for i, name in ipairs(names) do
    if name ~= "_" then
      if roles.by_name[name] then error(("%s: two columns are named %s"):format(path, name), 0) end
      roles.by_name[name] = i
    end
    local role = name == "terminal" and "done" or name
    if role == "reward" or role == "done" or role == "timeout" then
      if roles[role] then error(("%s: done and terminal are the same; one of them is too many"):format(path), 0) end
      roles[role] = i
    elseif name:find("^action") then
      roles.actions[#roles.actions + 1] = i
    elseif name ~= "_" and name ~= "time" then
      roles.observations[#roles.observations + 1] = i
    end
  end
  for _, kind in ipairs { "observations", "actions" } do
    if #roles[kind] == 0 then
      error(("%s: no column is %s; there are: %s"):format(path, kind == "actions" and "named action..."
        or "an observation (any name but action..., reward, done, terminal, timeout, time and _)",
        table.concat(names, ", ")), 0)
    end
  end
  return roles
end

local function names_of(source, set)
  local names = #set.columns > 0 and set.columns or source.names
  if not names then
    error(("%s: the first line names no columns; give their names, %d of them"):format(source.path, source.width), 0)
  end
  if #names ~= source.width then
    error(("%s: %d columns are named, the file has %d"):format(source.path, #names, source.width), 0)
  end
  return names
end

-- ---- where an episode breaks ----

--- A rule is "COLUMN>LIMIT": the column's step from one row to the next is larger, either way; or
--- "COLUMN-RATE>LIMIT": it is larger than RATE, at either of the two rows, accounts for. LIMIT is a number in the
--- column's own unit, or "20*": so many times the mean over the file.
local function rule_of(text, roles, set)
  local left, limit, star = text:match("^%s*(.-)%s*>%s*([%d.eE+-]+)(%*?)%s*$")
  local rule = { text = text, column = roles.by_name[left], limit = tonumber(limit), relative = star == "*",
                 count = 0, sum = 0.0, rows = 0 }
  if not rule.limit or rule.limit <= 0 then
    error(("break_on: '%s' is not of the form COLUMN>LIMIT or COLUMN-RATE>LIMIT"):format(text), 0)
  end
  for at = 2, rule.column and 0 or #left - 1 do
    if left:sub(at, at) == "-" then
      local column, rate = left:sub(1, at - 1):match("^(.-)%s*$"), left:sub(at + 1):match("^%s*(.*)$")
      if roles.by_name[column] and roles.by_name[rate] then
        rule.column, rule.rate = roles.by_name[column], roles.by_name[rate]
      end
    end
  end
  if not rule.column then
    error(options.unknown("break_on: a column in '" .. text .. "'", left, options.names(roles.by_name)), 0)
  end
  if rule.rate and not set.rate then error(("break_on: '%s' needs the rate, rows a second"):format(text), 0) end
  rule.dt = set.rate and 1 / set.rate
  return rule
end

--- How far the step from row a to row b is from what is expected.
local function excess(rule, a, b)
  local step = b[rule.column] - a[rule.column]
  if not rule.rate then return math.abs(step) end
  local low, high = rule.dt * a[rule.rate], rule.dt * b[rule.rate]
  if low > high then low, high = high, low end
  return math.max(low - step, step - high, 0.0)
end

local function breaks(rules, a, b, line)
  local broken = false
  for _, rule in ipairs(rules) do
    if excess(rule, a, b) > rule.limit then
      broken, rule.count = true, rule.count + 1
      rule.first_line = rule.first_line or line
    end
  end
  return broken
end

-- ---- first pass: everything is checked, and what the second needs is measured ----

local function check_flag(row, index, name, line, path)
  if index and row[index] ~= 0 and row[index] ~= 1 then
    error(("%s, line %d: column %s: %g is neither 0 nor 1"):format(path, line, name, row[index]), 0)
  end
end

--- Mean and standard deviation of every column (Welford 1962); limits of the relative rules.
local function measure(source, names, roles, rules)
  local n, mean, squares, last = 0, {}, {}, {}
  for i = 1, #names do mean[i], squares[i] = 0.0, 0.0 end
  source.each(function(row, line)
    for _, flag in ipairs { "done", "timeout" } do check_flag(row, roles[flag], flag, line, source.path) end
    if n > 0 then
      for _, rule in ipairs(rules) do rule.sum, rule.rows = rule.sum + excess(rule, last, row), rule.rows + 1 end
    end
    n = n + 1
    for i, x in ipairs(row) do
      local off = x - mean[i]
      mean[i] = mean[i] + off / n
      squares[i] = squares[i] + off * (x - mean[i])
      last[i] = x
    end
  end)
  for _, rule in ipairs(rules) do
    if rule.relative then rule.limit = rule.limit * rule.sum / math.max(1, rule.rows) end
  end
  local std = {}
  for i = 1, #names do std[i] = math.sqrt(squares[i] / math.max(1, n)) end
  return n, mean, std
end

-- ---- second pass: rows become transitions ----

local function picked(row, indices)
  local list = {}
  for i, index in ipairs(indices) do list[i] = row[index] end
  return list
end

local Import = {}
Import.__index = Import

--- What a row holds, with the action as it is stored.
function Import:entry(row, line)
  local set, action = self.set, picked(row, self.roles.actions)
  local outside = false
  for i, a in ipairs(action) do
    a = a / set.scale_action
    outside = outside or math.abs(a) > 1
    action[i] = set.clip and math.max(-1.0, math.min(1.0, a)) or a
  end
  if outside then self.report.outside = self.report.outside + 1 end
  local roles = self.roles
  return { row = table.move(row, 1, #row, 1, {}), line = line, observation = picked(row, roles.observations),
           action = action, done = roles.done and row[roles.done] == 1,
           timeout = roles.timeout and row[roles.timeout] == 1 }
end

function Import:count_outliers(row, line)
  for _, outlier in ipairs(self.outliers) do
    local value, std = row[outlier.index], self.std[outlier.index]
    local off = math.abs(value - self.mean[outlier.index])
    if off > self.set.outlier * std and std > 0 then
      outlier.count = outlier.count + 1
      if off > outlier.off then outlier.off, outlier.value, outlier.line = off, value, line end
    end
  end
end

function Import:write(entry, next_observation, terminal, timeout)
  local report = self.report
  local reward
  if self.roles.reward then
    reward = entry.row[self.roles.reward]
  else
    reward = self.definition.reward_of(entry.observation, entry.action, next_observation)
  end
  self.writer:add(entry.observation, entry.action, reward, next_observation, terminal, timeout)
  report.rows = report.rows + 1
  if terminal then report.terminals = report.terminals + 1 end
  if timeout then report.timeouts = report.timeouts + 1 end
end

--- Writes the transition that waits for whether its next state goes on.
function Import:flush(goes_on)
  local waiting = self.waiting
  if not waiting then return end
  self.waiting = nil
  self:write(waiting.entry, waiting.next.observation, waiting.terminal, not waiting.terminal and not goes_on)
end

function Import:take(row, line)
  local entry, last, of_state = self:entry(row, line), self.last, self.set.done_of == "state"
  local follows = last and not breaks(self.rules, last.row, entry.row, line)
  self:flush(follows)
  if follows then self.waiting = { entry = last, next = entry, terminal = of_state and entry.done } end
  if not of_state and entry.done then
    self:flush(true)
    self:write(entry, entry.observation, true, false) -- where it led is not in the log; nothing is bootstrapped from it
  end
  self.last = not entry.done and not entry.timeout and entry or nil
end

--- One entry a column that holds measurements: its values far from the mean are counted.
local function outlier_list(names, roles)
  local list = {}
  for _, indices in ipairs { roles.observations, roles.actions, { roles.reward } } do
    for _, index in ipairs(indices) do
      list[#list + 1] = { column = names[index], index = index, count = 0, off = 0.0 }
    end
  end
  return list
end

local function check_env(set, roles)
  local definition = set.env and env.get(set.env)
  if not definition then
    if roles.reward then return nil end
    error("no column is named reward, and no environment is given to compute it by", 0)
  end
  local shape = world(definition)
  if shape.observation_dim ~= #roles.observations or shape.action_dim ~= #roles.actions then
    error(("environment %s has %d observations and %d actions, the log %d and %d"):format(definition.name,
      shape.observation_dim, shape.action_dim, #roles.observations, #roles.actions), 0)
  end
  if not roles.reward and not definition.reward_of then
    error(("environment %s cannot compute rewards from rows; the log needs a column reward"):format(definition.name), 0)
  end
  return definition
end

local function check_options(given)
  local set = options.merge(text_log.defaults, given, "text_log.import")
  if set.done_of ~= "step" and set.done_of ~= "state" then
    error(("text_log.import.done_of: \"step\" or \"state\", not %q"):format(tostring(set.done_of)), 0)
  end
  for _, name in ipairs { "scale_action", "outlier", "rate" } do
    local value = set[name]
    if value and not (type(value) == "number" and value > 0 and value < math.huge) then
      error(("text_log.import.%s: a positive number is needed, not %s"):format(name, tostring(value)), 0)
    end
  end
  return set
end

local function metadata_of(path, names, set, definition)
  return { maker = "tide " .. core.process.versions().tide, algorithm = "a log", log = path:match("([^/]+)$"),
           columns = table.concat(names, ","), env = definition and definition.name or nil, rate = set.rate or nil,
           scale_action = set.scale_action, clip = set.clip, done_of = set.done_of,
           break_on = #set.break_on > 0 and table.concat(set.break_on, ", ") or nil }
end

--- import(path, output, given) -> { file_rows =, rows =, terminals =, timeouts =, left_out =, outside =, breaks = {},
--- outliers = {} }.  given: see `defaults`. The file is read twice and never held; the dataset appears whole.
function text_log.import(path, output, given)
  local set = check_options(given)
  local source = text_rows.open(path)
  local names = names_of(source, set)
  local roles = roles_of(names, path)
  local definition = check_env(set, roles)
  local rules = {}
  for i, text in ipairs(set.break_on) do rules[i] = rule_of(text, roles, set) end
  local file_rows, mean, std = measure(source, names, roles, rules)
  local report = { file_rows = file_rows, rows = 0, terminals = 0, timeouts = 0, outside = 0, breaks = {},
                   outliers = {} }
  local writer <close> = core.dataset_writer(output, { observation_dim = #roles.observations,
    action_dim = #roles.actions, metadata = metadata_of(path, names, set, definition) })
  local self = setmetatable({ set = set, roles = roles, rules = rules, mean = mean, std = std, writer = writer,
    definition = definition, report = report, outliers = outlier_list(names, roles) }, Import)
  source.each(function(row, line)
    self:count_outliers(row, line)
    self:take(row, line)
  end)
  self:flush(false)
  if report.rows == 0 then error(("%s: no row has a next one; nothing to write"):format(path), 0) end
  writer:commit()
  report.left_out = report.file_rows - report.rows
  for i, rule in ipairs(rules) do
    report.breaks[i] = { rule = rule.text, limit = rule.limit, count = rule.count, first_line = rule.first_line }
  end
  for _, outlier in ipairs(self.outliers) do
    if outlier.count > 0 then report.outliers[#report.outliers + 1] = outlier end
  end
  return report
end

return text_log
