--- Completion of names at a prompt: globals, fields, methods, Lua's keywords.
local complete = {}

local KEYWORDS = {
  "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
  "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
}

--- The table of methods behind a value's __index. Tensors keep theirs as the first upvalue of a function.
local function methods_of(value)
  local meta = debug.getmetatable(value)
  local index = meta and rawget(meta, "__index")
  if type(index) == "function" then
    local _, held = debug.getupvalue(index, 1)
    index = held
  end
  return type(index) == "table" and index ~= value and index or nil
end

--- Every string key of a value and of what it inherits from; at most eight levels.
local function keys_of(value)
  local names = {}
  for _ = 1, 8 do
    if type(value) == "table" then
      for key in pairs(value) do
        if type(key) == "string" then
          names[key] = true
        end
      end
    end
    value = methods_of(value)
    if value == nil then
      break
    end
  end
  return names
end

--- What "a.b.c" stands for, or nil. Fields only: nothing is called.
local function evaluate(path, environment)
  local value = environment
  for name in path:gmatch "[%a_][%w_]*" do
    local found, field = pcall(function() return value[name] end)
    if not found or field == nil then
      return nil
    end
    value = field
  end
  return value
end

local function common_prefix(words)
  local prefix = words[1]
  for _, word in ipairs(words) do
    while word:sub(1, #prefix) ~= prefix do
      prefix = prefix:sub(1, -2)
    end
  end
  return prefix
end

--- complete.names(text, environment) -> the last word of `text`, and the sorted names that it may become.
function complete.names(text, environment)
  local chain = text:match "[%a_][%w_.:]*$" or ""
  local path, separator, word = chain:match "^(.*)([.:])([%w_]*)$"
  local found = {}
  if path then
    local value = evaluate(path, environment)
    if value == nil then
      return word, {}
    end
    for name in pairs(keys_of(value)) do
      if separator == "." or type(evaluate(name, value)) == "function" then
        found[#found + 1] = name
      end
    end
  else
    word = chain
    local names = keys_of(environment)
    for _, keyword in ipairs(KEYWORDS) do
      names[keyword] = true
    end
    for name in pairs(names) do
      found[#found + 1] = name
    end
  end
  local matching = {}
  for _, name in ipairs(found) do
    -- names that start with an underscore only when asked for
    if name:sub(1, #word) == word and (word ~= "" or name:sub(1, 1) ~= "_") and name:match "^[%a_][%w_]*$" then
      matching[#matching + 1] = name
    end
  end
  table.sort(matching)
  return word, matching
end

--- Words in columns, for a terminal so many characters wide.
function complete.columns(words, width)
  local widest = 0
  for _, word in ipairs(words) do
    widest = math.max(widest, #word + 2)
  end
  local columns = math.max(1, width // widest)
  local rows = (#words + columns - 1) // columns
  local lines = {}
  for row = 1, rows do
    local cells = {}
    for column = 0, columns - 1 do
      local word = words[column * rows + row]
      if word then
        cells[#cells + 1] = word .. (" "):rep(widest - #word)
      end
    end
    lines[row] = table.concat(cells):gsub("%s+$", "")
  end
  return table.concat(lines, "\n")
end

--- A completion function for core.line's editor: text to insert, text to show.
function complete.completer(environment, width)
  return function(text)
    if text:match "^%s*$" then
      return "  "
    end
    local word, names = complete.names(text, environment)
    if #names == 0 then
      return nil
    end
    local insert = common_prefix(names):sub(#word + 1)
    if #names == 1 or insert ~= "" then
      return insert
    end
    return nil, complete.columns(names, width())
  end
end

return complete
