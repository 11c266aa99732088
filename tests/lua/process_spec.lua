local core = require "tide.core"
local lfs = require "lfs"

local process = core.process

--- Runs Lua text in a process of its own; its output, and how it ended ("exit" or "signal", and the number).
local function child(text, wrap)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write('local process = require("tide.core").process\n', text)
  file:close()
  local command = (wrap or "exec lua5.4 %s 2>&1"):format(name)
  local pipe = assert(io.popen(command))
  local output = pipe:read("a")
  local _, how, number = pipe:close()
  os.remove(name)
  return output, how, number
end

-- not os.execute, which makes its caller deaf to SIGINT
local kill_self = 'local function kill(name) io.popen("kill -" .. name .. " " .. process.pid()):close() end\n'

describe("process", function()
  it("turns each caught signal into its name", function()
    for _, name in ipairs { "TERM", "INT", "USR1" } do
      local output, how, number = child(kill_self .. ([[
        process.catch_signals()
        assert(process.signalled() == nil)
        kill("%s")
        print(process.signalled(), process.signalled())
      ]]):format(name))
      assert.equal(("SIG%s\tSIG%s\n"):format(name, name), output)
      assert.same({ "exit", 0 }, { how, number })
    end
  end)

  it("ends at once on the second SIGINT", function()
    local output, how, number = child(kill_self .. [[
      process.catch_signals()
      kill("INT")
      io.write("still here\n"):flush()
      kill("INT")
      io.write("not reached\n"):flush()
    ]])
    assert.equal("still here\n", output)
    assert.same({ "signal", 2 }, { how, number })
  end)

  it("takes two other signals without ending", function()
    local output = child(kill_self .. [[
      process.catch_signals()
      kill("USR1") kill("USR1") kill("TERM") kill("TERM") kill("INT")
      print(process.signalled())
    ]])
    assert.equal("SIGTERM\n", output)
  end)

  it("gives the signals back", function()
    local output, how, number = child(kill_self .. [[
      process.catch_signals()
      kill("TERM")
      process.release_signals()
      io.write(tostring(process.signalled()), "\n"):flush()
      kill("TERM")
      io.write("not reached\n"):flush()
    ]])
    assert.equal("nil\n", output)
    assert.same({ "signal", 15 }, { how, number })
  end)

  it("forgets old signals when catching anew", function()
    assert.equal("SIGUSR1\tnil\n", child(kill_self .. [[
      process.catch_signals()
      kill("USR1")
      io.write(process.signalled(), "\t")
      process.catch_signals()
      print(process.signalled())
    ]]))
  end)

  it("has a clock that does not go back, and the time of day", function()
    local before = process.monotonic()
    for _ = 1, 1000 do
      local now = process.monotonic()
      assert.is_true(now >= before)
      before = now
    end
    assert.is_true(math.abs(process.wall_time() - os.time()) <= 2)
  end)

  it("tells a terminal from a pipe", function()
    assert.equal("false\tnil\n", child("print(process.is_terminal(1), process.terminal_width(1))"))
    local output = child("print(process.is_terminal(1), process.terminal_width(1))",
      "script -qec 'stty cols 57; lua5.4 %s' /dev/null </dev/null")
    assert.equal("true\t57", output:match("%S+%s+%d+"))
    assert.has_error(function() process.is_terminal(7) end)
    assert.has_error(function() process.terminal_width(-1) end)
  end)

  describe("write_file", function()
    local folder

    before_each(function()
      folder = os.tmpname()
      os.remove(folder)
      assert(lfs.mkdir(folder))
    end)

    after_each(function() os.execute("rm -rf " .. folder) end)

    it("replaces a file whole and leaves nothing beside it", function()
      local path = folder .. "/file"
      local bytes = "line\n\0\xff" .. ("x"):rep(100000)
      process.write_file(path, "old")
      process.write_file(path, bytes)
      local file = assert(io.open(path, "rb"))
      assert.is_true(file:read("a") == bytes)
      file:close()
      local names = {}
      for name in lfs.dir(folder) do names[#names + 1] = name:match("^[^.].*") end
      assert.same({ "file" }, names)
    end)

    it("names what cannot be written", function()
      assert.error_matches(function() process.write_file(folder .. "/none/file", "") end, "none/file")
      assert.error_matches(function() process.write_file("a\0b", "") end, "zero byte")
    end)
  end)

  it("knows its versions, host and number", function()
    local versions = process.versions()
    assert.equal("5.4", versions.lua:match("^%d+%.%d+"))
    for _, name in ipairs { "tide", "mujoco", "hdf5" } do assert.matches("^%d+%.%d+", versions[name]) end
    assert.matches("OpenBLAS", versions.openblas)
    assert.is_true(#versions.kernel > 0 and versions.threads >= 1)
    assert.is_true(#process.hostname() > 0)
    assert.equal("directory", lfs.attributes("/proc/" .. process.pid(), "mode"))
  end)
end)
