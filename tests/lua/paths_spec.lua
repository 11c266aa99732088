local program = require "support.program"

local function home(env, folder)
  local line = "cd %s && lua5.4 -e 'print(require(\"tide.paths\").home())'"
  return program.shell(line:format(folder or "."), { env = env })
end

describe("Tide's files", function()
  local lfs = require "lfs"
  local root = lfs.currentdir()

  it("are in the source tree when the library is", function()
    local result = home()
    assert.equal(root .. "\n", result.out)
  end)

  it("are found from another folder, also by a relative package.path", function()
    local result = home({ LUA_PATH_5_4 = "../scripts/?.lua;;" }, "tests")
    assert.equal(root .. "/tests/..\n", result.out)
    assert.equal("directory", lfs.attributes(result.out:sub(1, -2) .. "/scripts", "mode"))
  end)

  it("are where TIDE_HOME says", function()
    program.with_folder(function(folder)
      assert.equal(folder .. "\n", home({ TIDE_HOME = folder }).out)
    end)
  end)

  it("a TIDE_HOME that is no folder is refused by name", function()
    local result = home { TIDE_HOME = "/nowhere/at/all" }
    assert.equal(1, result.code)
    assert.matches("TIDE_HOME names /nowhere/at/all", result.err, 1, true)
  end)
end)
