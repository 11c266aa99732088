local program = require "support.program"

describe("the program", function()
  it("tells its versions", function()
    local result = program.run { "--version" }
    assert.equal(0, result.code)
    assert.matches("^tide %d+%.%d+%.%d+\nLua 5%.4%.%d, MuJoCo %d+%.%d+%.%d+, HDF5 1%.%d+%.%d+, OpenBLAS %d",
                   result.out)
    assert.equal("", result.err)
  end)

  it("lists every command with its summary in --help", function()
    local result = program.run { "--help" }
    assert.equal(0, result.code)
    for _, name in ipairs(require("tide.cli").names()) do
      local summary = require("tide.commands." .. name).summary
      assert.is_string(summary, name .. " has no summary")
      assert.matches("\n   " .. name .. " +" .. summary:sub(1, 20):gsub("%p", "%%%0"), result.out)
    end
  end)

  it("has --help for every command", function()
    for _, name in ipairs(require("tide.cli").names()) do
      local result = program.run { name, "--help" }
      assert.equal(0, result.code, name)
      assert.matches("^Usage: tide " .. name, result.out)
    end
  end)

  it("refuses an unknown command with the nearest names, as wrong usage", function()
    local result = program.run { "rpel" }
    assert.equal(2, result.code)
    assert.matches("unknown 'rpel'", result.err, 1, true)
    assert.matches("repl", result.err, 1, true)
    assert.equal("", result.out)
  end)

  it("names the option whose value it refuses", function()
    local result = program.run { "gap", "gravity", "Ant", "--states", "many" }
    assert.equal(2, result.code)
    assert.matches("tide: --states: 'many' is not a whole number\n", result.err, 1, true)
    result = program.run { "dataset", "import", "log", "--rate", "fast" } -- an option of an action
    assert.equal(2, result.code)
    assert.matches("tide: --rate: 'fast' is not a number\n", result.err, 1, true)
  end)

  it("says how to run a script given in place of a command", function()
    local result = program.run { "mine.lua" }
    assert.equal(2, result.code)
    assert.matches("tide run mine.lua", result.err, 1, true)
  end)

  it("asks for a command where none is given", function()
    local result = program.run {}
    assert.equal(2, result.code)
    assert.matches("Usage: tide", result.err, 1, true)
    assert.matches("command", result.err, 1, true)
  end)

  it("refuses an unknown option as wrong usage, with the command's own usage", function()
    local result = program.run { "repl", "--nonsense" }
    assert.equal(2, result.code)
    assert.matches("Usage: tide repl", result.err, 1, true)
    assert.matches("--nonsense", result.err, 1, true)
  end)

  it("finds the Lua modules of Debian, the library and tide.core", function()
    local result = program.run({ "repl" }, { input = [[
      for _, name in ipairs { "argparse", "cjson", "lfs", "luv", "tide.core", "tide.paths" } do require(name) end
      print "all there"
    ]] })
    assert.equal("all there\n", result.out)
    assert.equal(0, result.code)
  end)

  it("works from any folder, and through a symbolic link", function()
    program.with_folder(function(folder)
      local result = program.shell(("cd / && ln -s %s %s/t && %s/t --version"):format(program.path, folder, folder))
      assert.equal(0, result.code, result.err)
      assert.matches("^tide %d", result.out)
    end)
  end)

  it("fails when its output cannot be written", function()
    local result = program.shell(program.path .. " --version >/dev/full")
    assert.equal(1, result.code)
  end)

  it("says in one line that nobody makes products so", function()
    local result = program.run({ "--version" }, { env = { TIDE_PRODUCTS = "abacus" } })
    assert.same(1, result.code)
    assert.matches('^tide: TIDE_PRODUCTS: products: "abacus" is not known; [^\n]*\n$', result.err)
    result = program.run({ "--version" }, { env = { TIDE_PRODUCTS = "abacus", TIDE_TRACEBACK = "1" } })
    assert.is_truthy(result.err:find("stack traceback", 1, true), result.err)
  end)
end)

describe("a failing command", function()
  local cli = require "tide.cli"
  local name = "cli_spec_failing"

  -- A command that is there for the parser, without a file in the library.
  local function main(run, ...)
    package.loaded["tide.commands." .. name] = { summary = "fails", run = run }
    local names, written = cli.names, {}
    local errors = { write = function(_, ...) written[#written + 1] = table.concat { ... } end }
    cli.names = function() return { name } end
    local ran, code = pcall(cli.main, { [0] = "tide", name, ... }, errors)
    cli.names = names
    package.loaded["tide.commands." .. name] = nil
    assert(ran, code)
    return code, table.concat(written)
  end

  it("gives exit code 1 and one line", function()
    local code, text = main(function() error("the reactor is cold", 0) end)
    assert.equal(1, code)
    assert.equal("tide: the reactor is cold\n", text)
  end)

  it("shows a traceback when asked", function()
    local code, text = main(function() error "the reactor is cold" end, "--traceback")
    assert.equal(1, code)
    assert.matches("the reactor is cold\nstack traceback:", text, 1, true)
    assert.matches("cli_spec.lua", text, 1, true)
  end)

  it("names the user's file and line, but not Tide's own", function()
    local _, text = main(function() load("error 'here'", "@user/script.lua")() end)
    assert.equal("tide: user/script.lua:1: here\n", text)
    local paths = require "tide.paths"
    _, text = main(function() load("error 'inside'", "@" .. paths.modules .. "/cli.lua")() end)
    assert.equal("tide: inside\n", text)
  end)

  it("survives errors that are not strings", function()
    local code, text = main(function() error {} end)
    assert.equal(1, code)
    assert.matches("^tide: table", text)
    code = main(function() error() end)
    assert.equal(1, code)
  end)

  it("passes a command's exit code on", function()
    assert.equal(3, (main(function() return 3 end)))
    assert.equal(0, (main(function() end)))
  end)
end)
