--- tide repl: an interactive Lua prompt with `tide` loaded.
local repl = { summary = "An interactive Lua prompt with `tide` loaded." }

local PROMPT, MORE = "> ", ">> "
local SHOWN_FIELDS = 60

function repl.configure(command)
  command:description [[
An interactive Lua prompt with `tide` loaded.
Expressions print their values; `=` before them is allowed. A statement may take several lines.
Tab completes names, Ctrl-R searches the history, Ctrl-C gives up a line or stops a statement, Ctrl-D ends.
Variables are global: a `local` ends with its line.
Lines are remembered in ~/.local/state/tide/history, or where TIDE_HISTORY says.
Without a terminal, lines are read from standard input; the exit code is 1 when one of them failed.]]
end

local function show_scalar(value)
  if type(value) == "function" then
    return "function"
  end
  return type(value) == "string" and ("%q"):format(value):gsub("\\\n", "\\n") or tostring(value)
end

local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    if math.type(a) and math.type(b) then
      return a < b
    end
    if type(a) == type(b) then
      return tostring(a) < tostring(b)
    end
    return math.type(a) ~= nil
  end)
  return keys
end

--- How a value is printed: plain tables by one level of their fields, everything else by tostring.
local function show(value)
  local meta = debug.getmetatable(value)
  if type(value) ~= "table" or (meta and (meta.__tostring or meta.__name)) then
    return tostring(value)
  end
  local keys, parts = sorted_keys(value), {}
  for i = 1, math.min(#keys, SHOWN_FIELDS) do
    local key, field = keys[i], value[keys[i]]
    local shown = type(field) == "table" and "{...}" or show_scalar(field)
    if math.type(key) == "integer" and key == i then
      parts[i] = shown
    elseif type(key) == "string" and key:match "^[%a_][%w_]*$" then
      parts[i] = key .. " = " .. shown
    else
      parts[i] = "[" .. show_scalar(key) .. "] = " .. shown
    end
  end
  if #keys > SHOWN_FIELDS then
    parts[#parts + 1] = ("... %d more"):format(#keys - SHOWN_FIELDS)
  end
  local text = "{ " .. table.concat(parts, ", ") .. " }"
  if #text > 100 then
    text = "{\n  " .. table.concat(parts, ",\n  ") .. "\n}"
  end
  return #keys == 0 and "{}" or text
end

--- The chunk that `text` is, an expression or statements; or nil, the message, and whether more lines may complete it.
local function compile(text)
  local expression = text:match "^%s*=(.*)$"
  local chunk = load("return " .. (expression or text), "=prompt")
  if chunk then
    return chunk
  end
  local message
  chunk, message = load(expression and "return " .. expression or text, "=prompt")
  if chunk then
    return chunk
  end
  return nil, message, message:sub(-5) == "<eof>"
end

local function describe(problem)
  if type(problem) == "string" or (debug.getmetatable(problem) or {}).__tostring then
    local trace = debug.traceback(tostring(problem), 2)
    -- what is below the statement is the prompt's own business
    trace = trace:gsub("\n%s*%[C%]: in function 'xpcall'.*$", "")
    return (trace:gsub("\nstack traceback:$", ""))
  end
  return "an error that is a " .. type(problem) .. ": " .. show(problem)
end

--- Runs a chunk and prints its values. Returns false after an error, which it prints.
local function execute(chunk, line)
  local results = table.pack(pcall(line.interruptible, xpcall, chunk, describe))
  if results[1] then
    table.remove(results, 1)
    results.n = results.n - 1
  end
  if not results[1] then
    io.stdout:flush()
    io.stderr:write(tostring(results[2]), "\n")
    return false
  end
  local shown = {}
  for i = 2, results.n do
    local fine, text = pcall(show, results[i])
    shown[#shown + 1] = fine and text or "(cannot be printed: " .. tostring(text) .. ")"
  end
  if #shown > 0 then
    print(table.concat(shown, "\t"))
  end
  return true
end

--- read(prompt) -> a line, or nil and "end" or "interrupted": from the terminal, edited, with history.
local function terminal_reader(core)
  local complete = require "tide.repl.complete"
  local history = require "tide.repl.history"
  local function width()
    return core.process.terminal_width(1) or 80
  end
  local editor = core.line.editor "tide"
  local path = history.path()
  local last
  for _, line in ipairs(path and history.load(path) or {}) do
    editor:remember(line)
    last = line
  end
  local completer = complete.completer(_G, width)
  return function(prompt)
    local line, why = editor:read(prompt, completer)
    if line and line:match "%S" and line ~= last then
      editor:remember(line)
      last = line
      if path and not history.append(path, line) then
        io.stderr:write("tide: history is not kept: ", path, " cannot be written\n")
        path = nil
      end
    end
    return line, why
  end
end

local function plain_reader(with_prompts)
  return function(prompt)
    if with_prompts then
      io.stdout:write(prompt)
      io.stdout:flush()
    end
    return io.read "l", "end"
  end
end

function repl.run()
  local core = require "tide.core"
  _G.tide = require "tide"
  local interactive = core.process.is_terminal(0) and core.process.is_terminal(1)
  local read = plain_reader(interactive)
  if interactive then
    if core.line.editor then
      read = terminal_reader(core)
    end
    local versions = core.process.versions()
    print(("Tide %s, Lua %s. Tab completes, Ctrl-D ends."):format(versions.tide, versions.lua))
  end

  local failures, text = 0, nil
  while true do
    local line, why = read(text and MORE or PROMPT)
    if line then
      text = text and text .. "\n" .. line or line
      local chunk, message, incomplete = compile(text)
      if chunk or not incomplete then
        text = nil
        if not chunk then
          io.stderr:write(message, "\n")
        end
        if not (chunk and execute(chunk, core.line)) then
          failures = failures + 1
        end
      end
    elseif why == "interrupted" then
      text = nil
    else
      break
    end
  end
  if text then -- the input ended within a statement
    io.stderr:write(select(2, compile(text)), "\n")
    failures = failures + 1
  end
  if interactive then
    print()
    return 0
  end
  return failures > 0 and 1 or 0
end

return repl
