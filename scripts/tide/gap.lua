--- Gaps: what is wrong with a simulator. A gap writes into the world it is applied to and into no other.
--
--   gap.gravity(2.0) + gap.joint_noise(0.1)
--
-- A gap has parts; a part is the name of a kind of gap and its parameters, so that a run's record
-- can name it: tostring(g) gives "gravity(2.0) + joint_noise(0.1)", and gap.from takes that back.
local options = require "tide.options"

local gap = {}

local Gap = {}
Gap.__index = Gap

local kinds = {} -- name -> { apply = function(world, ...), parameters = { names }, builtin = bool }

local function parameter_text(value)
  if type(value) == "string" then return '"' .. value .. '"' end
  return tostring(value)
end

local function part_text(part)
  local texts = {}
  for i = 1, #kinds[part.name].parameters do texts[i] = parameter_text(part[i]) end
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

--- Writes the gap into a world.
function Gap:apply(world)
  for _, part in ipairs(self.parts) do
    local kind = kinds[part.name]
    kind.apply(world, table.unpack(part, 1, #kind.parameters))
  end
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

local function make(name, ...)
  local kind, given = kinds[name], select("#", ...)
  if given ~= #kind.parameters then
    error(("gap.%s takes %d parameters (%s), %d given"):format(name, #kind.parameters,
      table.concat(kind.parameters, ", "), given), 3)
  end
  local part = { name = name, ... }
  for p, parameter in ipairs(kind.parameters) do
    local value = part[p]
    local is_bad_number = type(value) == "number" and (value ~= value or math.abs(value) == math.huge)
    if type(value) ~= "number" and type(value) ~= "string" and type(value) ~= "boolean" or is_bad_number then
      error(("gap.%s: %s must be a finite number, a string or a boolean, not %s"):format(name, parameter,
        tostring(value)), 3)
    end
    if type(value) == "string" and value:find('[%c"]') then
      error(("gap.%s: %s holds a quotation mark or a line break"):format(name, parameter), 3)
    end
  end
  if kind.check then kind.check(part) end
  return setmetatable({ parts = { part } }, Gap)
end

local function register(name, apply, parameters, check)
  kinds[name] = { apply = apply, parameters = parameters, check = check, builtin = check ~= nil }
  gap[name] = function(...) return make(name, ...) end
  return gap[name]
end

--- define(name, apply [, parameters]) -> a function that makes the gap, also found as gap[name].
-- apply(world, ...) writes into world.model and hooks world:on_action and world:delay_actions;
-- parameters names the values it gets, in order.
function gap.define(name, apply, parameters)
  if type(name) ~= "string" or not name:match("^%a[%w_-]*$") then
    error(("gap.define: the name %q must begin with a letter, then letters, digits, - and _"):format(tostring(name)), 2)
  end
  if type(apply) ~= "function" then error("gap.define: apply must be a function, not a " .. type(apply), 2) end
  if gap[name] and (not kinds[name] or kinds[name].builtin) then
    error(("gap.define: tide.gap.%s exists; take another name"):format(name), 2)
  end
  return register(name, apply, parameters or {})
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

--- One value at position `at` of the text.  -> value, position after it; nil where there is none
local function parse_value(text, at)
  local quoted, after = text:match('^%s*"([^"]*)"%s*()', at)
  if quoted then return quoted, after end
  local word
  word, after = text:match("^%s*([^%s,()\"]+)%s*()", at)
  if word == "true" or word == "false" then return word == "true", after end
  return tonumber(word), after
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

local function check_number(least)
  return function(part)
    local value = part[1]
    if type(value) ~= "number" or value < least then
      error(("gap.%s: %s must be a number%s, not %s"):format(part.name, kinds[part.name].parameters[1],
        least > -math.huge and " from " .. least .. " on" or "", tostring(value)), 4)
    end
  end
end

local function scaled(vector, factor)
  local result = {}
  for i, x in ipairs(vector) do result[i] = factor * x end
  return result
end

--- Gravity times factor.
register("gravity", function(world, factor)
  world.model.gravity = scaled(world.model.gravity, factor)
end, { "factor" }, check_number(-math.huge))

--- Friction of every geom times factor: sliding, torsional and rolling.
register("friction", function(world, factor)
  for _, geom in ipairs(world.model:geoms()) do geom.friction = scaled(geom.friction, factor) end
end, { "factor" }, check_number(0))

--- Mass and inertia of every body times factor.
register("density", function(world, factor)
  for _, body in ipairs(world.model:bodies()) do
    body.mass = factor * body.mass
    body.inertia = scaled(body.inertia, factor)
  end
end, { "factor" }, check_number(0))

--- sigma N(0, 1) added to the action that the simulator executes; whoever chose the action keeps the clean one.
register("joint_noise", function(world, sigma)
  world:on_action(function(action, rng) rng:add_normal(action, sigma) end)
end, { "sigma" }, check_number(0))

return gap
