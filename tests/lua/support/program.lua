--- Runs the program `tide` of the build under test.
local program = {}

program.path = assert(os.getenv "TIDE_PROGRAM", "TIDE_PROGRAM is not set: run the tests with scripts/test")

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

local function read_all(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

--- program.shell(command, { input =, env = }) -> { code =, out =, err = }: through sh, without a terminal.
-- For a process that a signal ended, `code` is 128 and the signal's number.
function program.shell(command, given)
  given = given or {}
  local input, out, err = os.tmpname(), os.tmpname(), os.tmpname()
  local file = assert(io.open(input, "wb"))
  file:write(given.input or "")
  file:close()
  local variables = ""
  for name, value in pairs(given.env or {}) do
    variables = variables .. name .. "=" .. quote(value) .. " "
  end
  local _, how, code = os.execute(("%s sh -c %s <%s >%s 2>%s"):format(variables, quote(command), input, out, err))
  local result = { code = how == "signal" and 128 + code or code, out = read_all(out), err = read_all(err) }
  os.remove(input)
  os.remove(out)
  os.remove(err)
  return result
end

--- program.run({ "repl", ... }, { input =, env = }) -> as program.shell.
function program.run(arguments, given)
  local words = { quote(program.path) }
  for _, argument in ipairs(arguments) do
    words[#words + 1] = quote(argument)
  end
  return program.shell(table.concat(words, " "), given)
end

--- program.terminal(command, folder, prompt, keys [, env]) -> what a terminal showed: types `keys` once it has shown
-- `prompt` at the start of a line. `script` makes the terminal; `folder` is for what it shows.
function program.terminal(command, folder, prompt, keys, env)
  local shown = folder .. "/shown"
  local waiting = "until grep -q '^%s' %s 2>/dev/null; do sleep 0.02; done; cat"
  local typing = ("{ timeout 20 sh -c %s; }"):format(quote(waiting:format(prompt, shown)))
  local terminal = ("timeout 30 script -qfec %s %s"):format(quote(command), shown)
  local variables = { TERM = "xterm" }
  for name, value in pairs(env or {}) do
    variables[name] = value
  end
  program.shell(typing .. " | " .. terminal, { input = keys, env = variables })
  return read_all(shown)
end

--- The contents of a temporary folder's life: f(folder) with the folder removed afterwards, whatever happens.
function program.with_folder(f)
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute("mkdir " .. quote(folder)))
  local results = table.pack(pcall(f, folder))
  os.execute("rm -rf " .. quote(folder))
  if not results[1] then
    error(results[2], 0)
  end
  return table.unpack(results, 2, results.n)
end

return program
