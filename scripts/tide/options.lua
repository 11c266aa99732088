--- Option tables: defaults in one place, unknown names refused with the nearest ones.
local options = {}

--- Edit distance of two words (Levenshtein 1966).
local function distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal
    diagonal, row[0] = row[0], i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
    end
  end
  return row[#b]
end

--- Up to `most` of `names` that resemble `name`, nearest first.
function options.nearest(name, names, most)
  local scored = {}
  for _, candidate in ipairs(names) do
    local d = distance(name:lower(), candidate:lower())
    if candidate:lower():find(name:lower(), 1, true) then d = math.min(d, 1) end
    if d <= math.max(2, #candidate // 2) then scored[#scored + 1] = { name = candidate, d = d } end
  end
  table.sort(scored, function(a, b) return a.d < b.d or (a.d == b.d and a.name < b.name) end)
  local out = {}
  for i = 1, math.min(most or 3, #scored) do out[i] = scored[i].name end
  return out
end

--- The keys of a table as sorted strings.
function options.names(t)
  local out = {}
  for key in pairs(t) do out[#out + 1] = tostring(key) end
  table.sort(out)
  return out
end

--- The message about an unknown name: what was meant, or all there is.
function options.unknown(what, name, names)
  local near = options.nearest(tostring(name), names)
  if #near > 0 then
    return ("%s: unknown '%s'; nearest: %s"):format(what, tostring(name), table.concat(near, ", "))
  end
  return ("%s: unknown '%s'; there are: %s"):format(what, tostring(name), table.concat(names, ", "))
end

local function copy(value)
  if type(value) ~= "table" or getmetatable(value) ~= nil then return value end
  local out = {}
  for k, v in pairs(value) do out[k] = copy(v) end
  return out
end
options.copy = copy

--- True for { 256, 256 }: replaced as a whole, never merged.
function options.is_list(t)
  return type(t) == "table" and (t[1] ~= nil or next(t) == nil)
end

local function same_kind(default, given)
  if type(default) == type(given) then return true end
  -- "auto" or false stand for a value that is computed or absent
  return default == "auto" or given == "auto" or default == false or given == false
end

--- A copy of `defaults` with what `given` says instead. Values keep their default's
--- type, except that "auto" and false go with any. Raises an error that names `what`.
function options.merge(defaults, given, what)
  local out = copy(defaults)
  if given == nil then return out end
  if type(given) ~= "table" then
    error(("%s: a table of options is needed, not a %s"):format(what, type(given)), 0)
  end
  for key, value in pairs(given) do
    local default = defaults[key]
    if default == nil then error(options.unknown(what, key, options.names(defaults)), 0) end
    if not same_kind(default, value) then
      error(("%s.%s: a %s is needed, not a %s"):format(what, tostring(key), type(default), type(value)), 0)
    end
    local nested = type(default) == "table" and getmetatable(default) == nil and not options.is_list(default)
    if nested and type(value) == "table" then
      out[key] = options.merge(default, value, ("%s.%s"):format(what, tostring(key)))
    else
      out[key] = copy(value)
    end
  end
  return out
end

--- `value`, where it is one of `names`. Raises an error that names `what` otherwise.
function options.one_of(value, names, what)
  for _, name in ipairs(names) do
    if value == name then return value end
  end
  error(options.unknown(what, value, names), 0)
end

local function parse(text)
  if text == "true" then return true end
  if text == "false" then return false end
  local number = tonumber(text)
  if number ~= nil then return number end
  local list = text:match("^{(.*)}$")
  if list ~= nil then
    local out = {}
    for item in list:gmatch("[^,%s]+") do out[#out + 1] = parse(item) end
    return out
  end
  return text
end

--- Sets "agent.beta=0.1" in a table of options; the path must exist.
function options.set(tree, assignment, what)
  local path, text = assignment:match("^([^=]+)=(.*)$")
  if path == nil then error(("%s: '%s' is not of the form path=value"):format(what, assignment), 0) end
  local node, key, walked = tree, nil, what
  for part in path:gmatch("[^.]+") do
    if key ~= nil then
      node = node[key]
      walked = walked .. "." .. key
      if type(node) ~= "table" then error(("%s: '%s' has no parts"):format(what, walked), 0) end
    end
    key = math.type(tonumber(part)) == "integer" and tonumber(part) or part
    if node[key] == nil then error(options.unknown(walked, key, options.names(node)), 0) end
  end
  local value = parse(text)
  if type(node[key]) == "string" and type(value) == "number" then value = text end
  if not same_kind(node[key], value) then
    error(("%s: %s is a %s, '%s' is not"):format(what, path, type(node[key]), text), 0)
  end
  node[key] = value
end

return options
