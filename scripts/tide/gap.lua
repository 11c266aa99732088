--- Gaps: what is wrong with a simulator. A gap writes into the world it is applied to and into no other.
--
--   gap.gravity(2.0) + gap.joint_range("hard", "foot")
--
-- A gap has parts; a part is the name of a kind of gap and its parameters, so that a run's record
-- can name it: tostring(g) gives 'gravity(2.0) + joint_range("hard", "foot")', and gap.from takes that back.
-- The kinds that come with Tide are in gap/kinds.lua; what a gap does is measured in gap/measure.lua.
local options = require "tide.options"
local robots = require "tide.gap.robots"

local gap = {}

local Gap = {}
Gap.__index = Gap

local kinds = {} -- name -> as in gap/kinds.lua, and builtin = true for those

local function parameter_text(value)
  if type(value) == "string" then return '"' .. value .. '"' end
  return tostring(value)
end

local function part_text(part)
  local texts = {}
  for i, value in ipairs(part) do texts[i] = parameter_text(value) end
  return ("%s(%s)"):format(part.name, table.concat(texts, ", "))
end

function Gap:__tostring()
  local texts = {}
  for i, part in ipairs(self.parts) do texts[i] = part_text(part) end
  return table.concat(texts, " + ")
end

--- a + b: first a, then b.
function Gap.__add(a, b)
  a, b = gap.from(a), gap.from(b)
  local parts = table.move(a.parts, 1, #a.parts, 1, {})
  return setmetatable({ parts = table.move(b.parts, 1, #b.parts, #parts + 1, parts) }, Gap)
end

--- The parameters of a part, with the number that its level stands for.
local function resolved(part)
  local kind = kinds[part.name]
  local level = kind.levels and kind.levels[part[1]]
  return type(part[1]) == "string" and level or part[1], table.unpack(part, 2, #kind.parameters)
end

--- Writes the gap into a world.
function Gap:apply(world)
  for _, part in ipairs(self.parts) do kinds[part.name].apply(world, resolved(part)) end
end

--- effect(env [, options]) -> what the gap changes there, and whether the simulation differs: see gap/measure.lua.
function Gap:effect(env, given)
  return require("tide.gap.measure").effect(self, env, given)
end

--- measure(env [, options]) -> by how much one step differs from the real world's: see gap/measure.lua.
function Gap:measure(env, given)
  return require("tide.gap.measure").measure(self, env, given)
end

--- describe() -> { { name = "gravity", factor = 2.0 }, ... } for records.
function Gap:describe()
  local records = {}
  for i, part in ipairs(self.parts) do
    records[i] = { name = part.name }
    for p, parameter in ipairs(kinds[part.name].parameters) do records[i][parameter] = part[p] end
  end
  return records
end

--- "0.1, 0.5, 2.0, 5.0" or "easy, medium, hard".
local function levels_text(kind)
  local names = {}
  for i, level in ipairs(gap.levels(kind)) do names[i] = tostring(level.name) end
  return table.concat(names, ", ")
end

--- Checks the first parameter of a kind that comes with Tide: a number, or the name of a level.
local function check_level(kind, part)
  local value, least = part[1], kind.least or -math.huge
  if type(value) == "string" and type(kind.levels[value]) == "number" then return end
  if type(value) ~= "number" or value < least or kind.whole and not math.tointeger(value) then
    error(("gap.%s: %s must be a %s%s, or a level (%s), not %s"):format(part.name, kind.parameters[1],
      kind.whole and "whole number" or "number", least > -math.huge and " from " .. least .. " on" or "",
      levels_text(part.name), tostring(value)), 4)
  end
  if kind.whole then part[1] = math.tointeger(value) end
end

local function check_value(name, parameter, value)
  local is_bad_number = type(value) == "number" and (value ~= value or math.abs(value) == math.huge)
  if type(value) ~= "number" and type(value) ~= "string" and type(value) ~= "boolean" or is_bad_number then
    error(("gap.%s: %s must be a finite number, a string or a boolean, not %s"):format(name, parameter,
      tostring(value)), 4)
  end
  if type(value) == "string" and value:find('[%c"]') then
    error(("gap.%s: %s holds a quotation mark or a line break"):format(name, parameter), 4)
  end
end

local function make(name, ...)
  local kind, given = kinds[name], select("#", ...)
  local most, part = #kind.parameters, { name = name, ... }
  local least = most - (kind.optional or 0)
  while given > least and given <= most and part[given] == nil do given = given - 1 end
  if given < least or given > most then
    error(("gap.%s takes %s%d parameters (%s), %d given"):format(name, least < most and least .. " to " or "", most,
      table.concat(kind.parameters, ", "), given), 3)
  end
  for p = 1, given do check_value(name, kind.parameters[p], part[p]) end
  if kind.builtin then check_level(kind, part) end
  return setmetatable({ parts = { part } }, Gap)
end

local function register(name, kind)
  kinds[name] = kind
  gap[name] = function(...) return make(name, ...) end
  return gap[name]
end

--- define(name, apply [, parameters]) -> a function that makes the gap, also found as gap[name].
-- apply(world, ...) writes into world.model and hooks world:on_action, world:delay_actions and
-- world:on_observation; parameters names the values it gets, in order.
function gap.define(name, apply, parameters)
  if type(name) ~= "string" or not name:match("^%a[%w_-]*$") then
    error(("gap.define: the name %q must begin with a letter, then letters, digits, - and _"):format(tostring(name)), 2)
  end
  if type(apply) ~= "function" then error("gap.define: apply must be a function, not a " .. type(apply), 2) end
  if gap[name] and (not kinds[name] or kinds[name].builtin) then
    error(("gap.define: tide.gap.%s exists; take another name"):format(name), 2)
  end
  return register(name, { apply = apply, parameters = parameters or {} })
end

--- Names of the gaps there are, in order.
function gap.list()
  local names = {}
  for name in pairs(kinds) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function unknown(name)
  error(options.unknown("gap", tostring(name), gap.list()), 0)
end

local function kind_of(name)
  return kinds[name] or unknown(name)
end

--- about(name) -> { name =, about = one line, parameters = names, optional = how many of the last may be left out,
-- of = where its levels are from }; of a gap that a script defined: name, parameters and optional alone.
function gap.about(name)
  local kind = kind_of(name)
  return { name = name, about = kind.about, of = kind.of, optional = kind.optional or 0,
           parameters = table.move(kind.parameters, 1, #kind.parameters, 1, {}) }
end

--- levels(name) -> { { name = "easy", value = 0.8 }, ... } from the least to the greatest change; the name of a
-- factor's level is the number itself. Of a gap that a script defined: none.
function gap.levels(name)
  local levels, out = kind_of(name).levels or {}, {}
  for i, value in ipairs(levels) do out[i] = { name = value, value = value } end
  for _, level in ipairs { "easy", "medium", "hard" } do
    if levels[level] then out[#out + 1] = { name = level, value = levels[level] } end
  end
  return out
end

--- groups(name, env_name) -> the parts of this robot that the gap `name` knows by a word of their own, sorted, and the
-- one meant where none is named; none where the robot or the gap has no such words.
function gap.groups(name, env_name)
  local groups = robots[env_name] and robots[env_name][name] or {}
  local names = {}
  for group in pairs(groups) do
    if group ~= "default" then names[#names + 1] = group end
  end
  table.sort(names)
  return names, groups.default
end

--- One value at position `at` of the text; a word needs no quotes.  -> value, position after it; nil where none is
local function parse_value(text, at)
  local quoted, after = text:match('^%s*"([^"]*)"%s*()', at)
  if quoted then return quoted, after end
  local word
  word, after = text:match("^%s*([^%s,()\"]+)%s*()", at)
  if word == "true" or word == "false" then return word == "true", after end
  local number = tonumber(word)
  if number == nil and word and word:match("^%a[%w_-]*$") then return word, after end
  return number, after
end

--- "name(value, ...) + name(value, ...)"
local function parse(text)
  local function refuse()
    error(("gap %q: name(parameter, ...) + ... is needed"):format(text), 0)
  end
  local whole, at = nil, 1
  repeat
    local name, after = text:match("^%s*(%a[%w_-]*)%s*()", at)
    if not name then refuse() end
    if not kinds[name] then unknown(name) end
    local values, n = {}, 0
    if text:sub(after, after) == "(" and text:match("^%(%s*%)", after) then
      after = text:match("^%(%s*%)%s*()", after)
    elseif text:sub(after, after) == "(" then
      repeat
        local value
        value, after = parse_value(text, after + 1)
        if value == nil then refuse() end
        n = n + 1
        values[n] = value
      until text:sub(after, after) ~= ","
      after = text:match("^%)%s*()", after) or refuse()
    end
    at = text:match("^%+()", after)
    if not at and after <= #text then refuse() end
    local one = make(name, table.unpack(values, 1, n))
    whole = whole and whole + one or one
  until not at
  return whole
end

--- from(what) -> a gap: what is a gap, its text, or what describe() gave. nil stays nil.
function gap.from(what)
  if what == nil or getmetatable(what) == Gap then return what end
  if type(what) == "string" then return parse(what) end
  if type(what) ~= "table" then error("a gap is needed, not a " .. type(what), 0) end
  local whole
  for _, record in ipairs(what) do
    local kind = type(record) == "table" and kinds[record.name]
    if not kind then unknown(type(record) == "table" and record.name) end
    local values = {}
    for p, parameter in ipairs(kind.parameters) do values[p] = record[parameter] end
    local one = make(record.name, table.unpack(values, 1, #kind.parameters))
    whole = whole and whole + one or one
  end
  if not whole then error("a gap is needed, not a table without one", 0) end
  return whole
end

for name, kind in pairs(require "tide.gap.kinds") do
  kind.builtin = true
  register(name, kind)
end

return gap
