-- The end of a Lua state: finalisers run in an order that no script chooses, and may still touch everything.
-- What a finaliser creates while the state closes is never finalised (lua_close), and os.exit may not close at all:
-- the sanitizer does not look for leaks here.
local lua = "ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 " .. (os.getenv("TIDE_LUA") or "lua5.4")

--- Runs a script in an interpreter of its own; returns what it wrote and whether it ended well.
local function run(script)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(script)
  file:close()
  local pipe = assert(io.popen(("%s %s 2>&1"):format(lua, path)))
  local output = pipe:read("a")
  local ok = pipe:close()
  os.remove(path)
  return output, ok
end

-- Finalisers made first run last: `poke` runs when all objects are gone, `early` while some still live.
local script = [[
local core = require "tide.core"
local objects = {}
local function poke()
  for name, x in pairs(objects) do
    for _, f in ipairs {
      function() return x:item() end, function() return x:totable() end, function() return x:sum():item() end,
      function() return x:backward() end, function() return x:fill(1) end, function() return x(core.zeros(2, 3)) end,
      function() return x:weight(1):totable() end, function() return x:step() end, function() return x:state() end,
      function() return x + 1 end, function() return tostring(x) end, function() return core.adam({ x }, 0.1) end,
      function() return x:close() end, function() return core.gradient_of(x) end, function() return core.end_step() end,
      function() return core.replay(1, 1, 1) end,
    } do
      pcall(f)
    end
  end
  io.write("poked ")
end
setmetatable({}, { __gc = poke })
setmetatable({}, { __gc = poke })
do
  local net, p = core.mlp({ 3, 4, 1 }, 0, true), core.parameter(core.tensor { 1, 2, 3 })
  setmetatable({}, { __gc = poke })
  objects.net, objects.parameter, objects.view, objects.constant = net, p, p:rows(1, 2), p:detach()
  objects.weight, objects.weight_view = net:weight(1), net:weight(1):rows(1, 2)
  objects.loss = (p * p):sum() + net(core.zeros(5, 3)):mean()
  objects.data, objects.value = core.zeros(4), core.zeros(4) + 1
  setmetatable({}, { __gc = poke })
  objects.adam, objects.rng = core.adam({ net, p }, 0.1), core.rng(1)
  objects.replay = core.replay(3, 1, 4)
  objects.frozen = core.mlp({ 3, 1 }):freeze()
  core.set_recording(false)
  objects.unrecorded = objects.frozen(core.zeros(2, 3))
  objects.frozen_view = objects.frozen:weight(1):reshape(3)
end
setmetatable({}, { __gc = poke })
io.write("end ")
]]

describe("a state that closes", function()
  it("survives finalisers that touch what is gone", function()
    local output, ok = run(script)
    assert.are.equal("end poked poked poked poked poked ", output)
    assert.is_true(ok)
  end)

  it("survives an error in the middle of a step", function()
    local output, ok = run([[
      local core = require "tide.core"
      local net = core.mlp({ 3, 1 })
      local loss = net(core.zeros(5, 3)):mean()
      error("enough")
    ]])
    assert.is_falsy(ok)
    assert.is_truthy(output:find("enough", 1, true))
    assert.is_falsy(output:find("Sanitizer", 1, true))
  end)

  it("survives os.exit with and without closing", function()
    for _, close in ipairs { "true", "false" } do
      local output, ok = run(script .. ("os.exit(true, %s)"):format(close))
      assert.is_true(ok, output)
    end
  end)
end)
