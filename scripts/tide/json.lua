--- JSON for files that people and other programs read: keys in order, numbers exact.
--- lua-cjson reads; it cannot sort keys, so writing is done here.
local cjson = require("cjson.safe").new()

local json = {}

cjson.decode_max_depth(200)

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

--- A string in quotes. What is not UTF-8 is read as Latin-1, so that the file stays valid.
local function quote(text)
  if not utf8.len(text) then
    text = text:gsub("[\x80-\xff]", function(byte) return utf8.char(byte:byte()) end)
  end
  return '"' .. text:gsub('[%c"\\\x7f]', function(c)
    return escapes[c] or ("\\u%04x"):format(c:byte())
  end) .. '"'
end

--- The shortest decimal that reads back as the same number. JSON has no NaN and no infinity:
--- they are the strings "nan", "inf" and "-inf", which json.number and Python's float() read.
local function write_number(x)
  if math.type(x) == "integer" then return tostring(x) end
  if x ~= x then return '"nan"' end
  if x == math.huge then return '"inf"' end
  if x == -math.huge then return '"-inf"' end
  if x == math.floor(x) and math.abs(x) < 2 ^ 53 then return ("%.0f"):format(x) end
  for digits = 15, 17 do
    local text = ("%." .. digits .. "g"):format(x)
    if tonumber(text) == x then return text end
  end
end

--- A number that json.encode wrote, also where it is one of the strings above; else nil.
function json.number(value)
  if type(value) == "number" then return value end
  if value == "nan" then return 0 / 0 end
  if value == "inf" then return math.huge end
  if value == "-inf" then return -math.huge end
  return nil
end

local function is_sequence(value)
  local n = #value
  if n == 0 then return false end
  local count = 0
  for key in pairs(value) do
    if math.type(key) ~= "integer" or key < 1 or key > n then return false end
    count = count + 1
  end
  return count == n
end

local encode

--- Entries between brackets: on one line, or one a line where `indent` is given.
local function wrap(open, entries, close, indent, depth)
  if #entries == 0 then return open .. close end
  if not indent then return open .. table.concat(entries, ",") .. close end
  local pad = indent:rep(depth + 1)
  return open .. "\n" .. pad .. table.concat(entries, ",\n" .. pad) .. "\n" .. indent:rep(depth) .. close
end

local function encode_object(value, indent, depth, path)
  local keys, entries = {}, {}
  for key in pairs(value) do
    if type(key) ~= "string" then
      error(("json: %s has the key %s; keys are strings, or 1 to n"):format(path, tostring(key)), 0)
    end
    keys[#keys + 1] = key
  end
  table.sort(keys)
  for i, key in ipairs(keys) do
    entries[i] = quote(key) .. (indent and ": " or ":") .. encode(value[key], indent, depth + 1, path .. "." .. key)
  end
  return wrap("{", entries, "}", indent, depth)
end

local function encode_sequence(value, indent, depth, path)
  local entries, flat = {}, true
  for i, item in ipairs(value) do
    flat = flat and type(item) ~= "table"
    entries[i] = encode(item, indent, depth + 1, path .. "[" .. i .. "]")
  end
  if flat then return "[" .. table.concat(entries, indent and ", " or ",") .. "]" end
  return wrap("[", entries, "]", indent, depth)
end

function encode(value, indent, depth, path)
  local kind = type(value)
  if kind == "number" then return write_number(value) end
  if kind == "string" then return quote(value) end
  if kind == "boolean" then return tostring(value) end
  if kind == "nil" or value == cjson.null then return "null" end
  if kind ~= "table" then error(("json: %s is a %s, which JSON cannot hold"):format(path, kind), 0) end
  if depth > 100 then error("json: " .. path .. ": tables too deep, or a table within itself", 0) end
  local write = is_sequence(value) and encode_sequence or encode_object
  return write(value, indent, depth, path)
end

--- Text for `value`: keys sorted, the same value always the same text. An empty table is {}.
--- indent: e.g. "  " for one entry a line. Errors name the path of what cannot be written.
function json.encode(value, indent)
  return encode(value, indent, 0, "value")
end

--- One line of an object whose keys stand in the order of the sequence `keys`.
function json.encode_line(keys, values)
  local entries = {}
  for i, key in ipairs(keys) do
    entries[i] = quote(key) .. ":" .. encode(values[key], nil, 1, key)
  end
  return "{" .. table.concat(entries, ",") .. "}"
end

--- The value of a JSON text, or nil and what is wrong. null becomes json.null.
function json.decode(text)
  return cjson.decode(text)
end

json.null = cjson.null

--- The value in the file at `path`, or nil and a message that names it.
function json.read(path)
  local file, problem = io.open(path, "rb")
  if not file then return nil, problem end
  local text = file:read("a")
  file:close()
  if not text then return nil, path .. ": cannot be read" end
  local value, wrong = json.decode(text)
  if value == nil then return nil, path .. ": " .. tostring(wrong) end
  return value
end

return json
