local program = require "support.program"
local complete = require "tide.repl.complete"
local history = require "tide.repl.history"
local line = require("tide.core").line

local function repl(input)
  return program.run({ "repl" }, { input = input })
end

describe("the prompt without a terminal", function()
  it("prints the values of expressions", function()
    local result = repl "1 + 1\n= 'a', nil, 2.5\nx = 7\nx\n"
    assert.equal("2\na\tnil\t2.5\n7\n", result.out)
    assert.equal(0, result.code)
  end)

  it("reads statements of several lines", function()
    assert.equal("1\n2\n", repl("for i = 1, 2 do\n  print(i)\nend\n").out)
    assert.equal("3\n", repl("(1 +\n2)\n").out)
  end)

  it("has `tide` loaded and prints tensors", function()
    local result = repl "t = tide.rng(1):normal(2, 2)\nt\n"
    assert.matches("^tensor %(2, 2%)", result.out)
    assert.equal(0, result.code)
  end)

  it("shows one level of a table", function()
    assert.equal('{ 3, a = 1, b = {...}, ["c d"] = "x" }\n', repl("{ 3, a = 1, b = {}, ['c d'] = 'x' }\n").out)
    assert.equal("{}\n", repl("{}\n").out)
  end)

  it("goes on after an error, reports it, and exits with 1", function()
    local result = repl "error 'boo'\nprint 'still here'\n"
    assert.equal("still here\n", result.out)
    assert.matches("prompt:1: boo", result.err, 1, true)
    assert.equal(1, result.code)
  end)

  it("survives errors that are not strings and values that cannot be printed", function()
    local result = repl "error {}\nerror()\nsetmetatable({}, { __tostring = function() error 'no' end })\n1\n"
    assert.matches("1\n$", result.out)
  end)

  it("reports an unfinished statement at the end of the input", function()
    local result = repl "for i = 1, 2 do\n"
    assert.matches("<eof>", result.err, 1, true)
    assert.equal(1, result.code)
  end)
end)

describe("completion", function()
  local world = {
    step = print, state = 1, reset = print, _hidden = 1,
    inner = setmetatable({ own = 1 }, { __index = { inherited = print } }),
  }
  local environment = { world = world, word = 1, tensor = require("tide.core").rng(1):normal(2) }

  local function names(text)
    local _, found = complete.names(text, environment)
    return found
  end

  it("knows globals and keywords", function()
    assert.same({ "word", "world" }, names "x = wor")
    assert.same({ "function" }, names "x = func")
  end)

  it("knows fields, inherited ones too", function()
    assert.same({ "state", "step" }, names "print(world.st")
    assert.same({ "inherited", "own" }, names "world.inner.")
  end)

  it("offers only functions after a colon", function()
    assert.same({ "step" }, names "world:st")
    assert.same({ "inherited" }, names "world.inner:")
  end)

  it("knows the methods of tensors", function()
    assert.same({ "logsumexp" }, names "tensor:logs")
  end)

  it("shows names with an underscore only when asked for", function()
    assert.same({ "_hidden" }, names "world._")
    assert.same({ "inner", "reset", "state", "step" }, names "world.")
  end)

  it("finds nothing behind what is not there, and calls nothing", function()
    assert.same({}, names "nothing.at.all.")
    environment.trap = setmetatable({}, { __index = function() error "called" end, __call = error })
    assert.same({}, names "trap.x.")
  end)

  it("inserts what all candidates share, then shows them", function()
    local completer = complete.completer(environment, function() return 40 end)
    assert.equal("e", (completer "world.r"):sub(1, 1))
    assert.equal("", (completer "world.reset"))
    assert.same({ nil, "state  step" }, { completer "world.st" })
    assert.is_nil((completer "world.zzz"))
  end)

  it("lists in columns, downwards", function()
    assert.equal("a  c\nb  d", complete.columns({ "a", "b", "c", "d" }, 6))
    assert.equal("a\nb", complete.columns({ "a", "b" }, 1))
  end)
end)

describe("history", function()
  it("is what was appended, in a folder made for it", function()
    program.with_folder(function(folder)
      local path = folder .. "/a/b/history"
      assert.same({}, history.load(path))
      assert.is_true(history.append(path, "one"))
      assert.is_true(history.append(path, "two"))
      assert.same({ "one", "two" }, history.load(path))
    end)
  end)

  it("that has grown long is cut to its last lines", function()
    program.with_folder(function(folder)
      local path = folder .. "/history"
      local file = assert(io.open(path, "w"))
      for i = 1, 3000 do file:write(i, "\n") end
      file:close()
      assert.equal(1000, #history.load(path))
      local again = history.load(path)
      assert.equal(1000, #again)
      assert.equal("3000", again[1000])
    end)
  end)

  it("that cannot be kept is no error", function()
    assert.is_false(history.append("/proc/nowhere/history", "x"))
  end)
end)

describe("interruptible", function()
  it("returns what the function returns and passes errors on", function()
    assert.same({ 1, nil, 3 }, { line.interruptible(function(...) return ... end, 1, nil, 3) })
    assert.has_error(function() line.interruptible(error, "x", 0) end, "x")
  end)

  it("ends an endless loop on SIGINT, and leaves no hook behind", function()
    local script = [[
      local core = require "tide.core"
      local ok, message = pcall(core.line.interruptible, function()
        os.execute("(sleep 0.1; kill -INT " .. core.process.pid() .. ") &")
        while true do end
      end)
      print(ok, message:match "interrupted", debug.gethook())
    ]]
    assert.equal("false\tinterrupted\tnil\n", program.shell("lua5.4 -", { input = script }).out)
  end)
end)

describe("the prompt at a terminal", function()
  if not line.editor then
    pending "this build has no line editing"
    return
  end

  local function typed(keys, folder)
    local env = { TIDE_HISTORY = folder .. "/history", HOME = folder }
    return program.terminal(program.path .. " repl", folder, "> ", keys, env)
  end

  it("completes, gives a line up on Ctrl-C, remembers", function()
    program.with_folder(function(folder)
      local shown = typed("tostr\t(6 * 7)\nnonsense\3print(string.format('%d-%d', 3, 4))\n\4", folder)
      assert.matches("\n42\r", shown, 1, true)
      assert.matches("\n3-4\r", shown, 1, true)
      assert.is_nil(shown:match "error" or shown:match "attempt")
      assert.same({ "tostring(6 * 7)", "print(string.format('%d-%d', 3, 4))" }, history.load(folder .. "/history"))
    end)
  end)

  it("goes on after an error in the completion function", function()
    program.with_folder(function(folder)
      local shown = typed("setmetatable(_G, { __pairs = error })\nx\ty = 5\nxy\n\4", folder)
      assert.matches("\n5\r", shown, 1, true)
    end)
  end)

  it("an editor closed while it reads is an error, not a crash", function()
    program.with_folder(function(folder)
      local script = folder .. "/x.lua"
      local file = assert(io.open(script, "w"))
      file:write [[
        local e = require("tide.core").line.editor "x"
        print(pcall(e.read, e, "? ", function() e:close() end))
        print(pcall(e.read, e, "? ", print))
      ]]
      file:close()
      local shown = program.terminal("lua5.4 " .. script, folder, "? ", "a\t\n")
      assert.matches("closed while a line was read", shown, 1, true)
      assert.matches("is closed", shown, 1, true)
    end)
  end)
end)
