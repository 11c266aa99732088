-- Tensor handles: making, reading, writing, living and dying; misuse is an error that names what is wrong.
local core = require "tide.core"

local nan = 0 / 0

--- The error message of f(...); fails where there is none.
local function refusal(f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok, "an error was expected")
  return tostring(message)
end

--- Checks that f(...) fails with a message that contains every one of `parts`.
local function refuses(parts, f, ...)
  local message = refusal(f, ...)
  for _, part in ipairs(parts) do
    assert.is_truthy(message:find(part, 1, true), ("%q is not in: %s"):format(part, message))
  end
end

describe("tensors", function()
  after_each(function() core.end_step() end)

  describe("are made", function()
    it("from nested tables", function()
      assert.are.same({ 1, 2, 3 }, core.tensor({ 1, 2, 3 }):totable())
      assert.are.same({ { 1, 2 }, { 3, 4 }, { 5, 6 } }, core.tensor({ { 1, 2 }, { 3, 4 }, { 5, 6 } }):totable())
      local cube = { { { 1, 2 }, { 3, 4 } }, { { 5, 6 }, { 7, 8 } }, { { 9, 10 }, { 11, 12 } } }
      local t = core.tensor(cube)
      assert.are.same({ 3, 2, 2 }, t.shape)
      assert.are.same(cube, t:totable())
    end)

    it("from a number, as scalars", function()
      local t = core.tensor(2.5)
      assert.are.same({}, t.shape)
      assert.are.equal(2.5, t:item())
      assert.are.equal(2.5, t:totable())
    end)

    it("from empty tables", function()
      assert.are.same({ 0 }, core.tensor({}).shape)
      assert.are.same({ 2, 0 }, core.tensor({ {}, {} }).shape)
      assert.are.same({ {}, {} }, core.tensor({ {}, {} }):totable())
    end)

    it("of zeros", function()
      assert.are.same({ { 0, 0, 0 }, { 0, 0, 0 } }, core.zeros(2, 3):totable())
      assert.are.same({}, core.zeros().shape)
      assert.are.same({ 0, 5 }, core.zeros(0, 5).shape)
    end)

    it("as parameters, from numbers and tensors", function()
      assert.are.equal(3, core.parameter(3):item())
      local p = core.parameter(core.tensor { { 1, 2 }, { 3, 4 } })
      assert.are.same({ { 1, 2 }, { 3, 4 } }, p:totable())
    end)
  end)

  describe("are not made", function()
    it("from ragged, deep, recursive or foreign tables", function()
      refuses({ "tensor", "3 elements where 2 are needed" }, core.tensor, { { 1, 2 }, { 3, 4, 5 } })
      refuses({ "2 elements was expected", "number" }, core.tensor, { { 1, 2 }, 3 })
      refuses({ "a number was expected", "table" }, core.tensor, { 1, { 2 } })
      refuses({ "at most 3 dimensions" }, core.tensor, { { { { 1 } } } })
      local recursive = {}
      recursive[1] = recursive
      refuses({ "at most 3 dimensions" }, core.tensor, recursive)
      refuses({ "a number was expected", "boolean" }, core.tensor, { 1, true })
      refuses({ "a number was expected", "nil" }, core.tensor, { 1, nil, 3 })
      refuses({ "a number was expected", "userdata" }, core.tensor, { core.zeros(1) })
      refuses({ "tensor", "table expected, got no value" }, core.tensor)
      refuses({ "table expected, got string" }, core.tensor, "x")
    end)

    it("of impossible sizes", function()
      refuses({ "zeros", "-1 is less than 0" }, core.zeros, -1)
      refuses({ "at most 3 dimensions" }, core.zeros, 1, 2, 3, 4)
      refuses({ "zeros", "#2", "number expected, got nil" }, core.zeros, 2, nil, 3)
      refuses({ "no integer representation" }, core.zeros, 1.5)
      refuses({ "number expected, got table" }, core.zeros, { 2 })
      refuses({ "dimension 1 of 9223372036854775807" }, core.zeros, math.maxinteger)
      refuses({ "dimension 2" }, core.zeros, 2 ^ 30 // 1 | 0, 2 ^ 31 // 1 | 0)
      refuses({ "dimension 3" }, core.zeros, 0, 2 ^ 31 - 1 | 0, 2 ^ 31 - 1 | 0)
      refuses({ "(1073741824, 1048576)", "more memory than this machine has" }, core.zeros, 1 << 30, 1 << 20)
    end)

    it("as parameters of nothing", function()
      refuses({ "without elements" }, core.parameter, core.zeros(0, 3))
      refuses({ "tide.tensor expected, got table" }, core.parameter, { 1 })
    end)
  end)

  describe("are read and written", function()
    local t
    before_each(function() t = core.tensor { { 1, 2, 3 }, { 4, 5, 6 } } end)

    it("element by element", function()
      assert.are.equal(6, t:get(2, 3))
      assert.are.equal(t, t:set(2, 3, -1.5))
      assert.are.equal(-1.5, t:get(2, 3))
      assert.are.equal(7, core.tensor(3):set(7):get())
    end)

    it("only inside", function()
      refuses({ "index 3 is outside 1 .. 2" }, t.get, t, 3, 1)
      refuses({ "index 0 is outside 1 .. 3" }, t.get, t, 1, 0)
      refuses({ "outside" }, t.get, t, 1, math.mininteger)
      refuses({ "outside" }, t.get, t, math.maxinteger, 1)
      refuses({ "number expected, got no value" }, t.get, t, 1)
      refuses({ "number expected, got no value" }, t.set, t, 1, 1)
      refuses({ "number expected, got string" }, t.set, t, 1, 1, "x")
      refuses({ "outside" }, core.zeros(0).get, core.zeros(0), 1)
    end)

    it("as a whole", function()
      assert.are.same({ { 7, 7, 7 }, { 7, 7, 7 } }, t:fill(7):totable())
      assert.are.same({ { 1, 2, 3 }, { 4, 5, 6 } }, t:copy({ { 1, 2, 3 }, { 4, 5, 6 } }):totable())
      local other = core.zeros(2, 3)
      assert.are.same(t:totable(), other:copy(t):totable())
      assert.are.same(t:totable(), t:copy(t):totable())
    end)

    it("and a refused copy changes nothing", function()
      local kept = t:totable()
      refuses({ "2 elements where 3 are needed" }, t.copy, t, { { 9, 9, 9 }, { 9, 9 } })
      refuses({ "a number was expected" }, t.copy, t, { { 9, 9, 9 }, { 9, 9, "x" } })
      refuses({ "1 elements where 2 are needed" }, t.copy, t, { { 9, 9, 9 } })
      refuses({ "(3, 2)", "(2, 3)" }, t.copy, t, core.zeros(3, 2))
      refuses({ "scalar" }, core.tensor(1).copy, core.tensor(1), { 1 })
      assert.are.same(kept, t:totable())
    end)

    it("by what they tell", function()
      assert.are.equal(2, #t)
      assert.are.same({ 2, 3 }, t.shape)
      assert.is_nil(t.no_such_method)
      assert.is_nil(t[1])
      assert.are.equal("tensor (2, 3) [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]", tostring(t))
      assert.is_truthy(tostring(core.zeros(100)):find("...", 1, true))
      refuses({ "scalar has no length" }, function() return #core.tensor(1) end)
      refuses({ "item", "shape is (2, 3)" }, t.item, t)
      assert.are.equal(4, core.tensor({ { 4 } }):item())
    end)

    it("by whether they are finite", function()
      assert.is_true(t:is_finite())
      for _, x in ipairs { nan, math.huge, -math.huge } do
        assert.is_false(core.zeros(37):set(31, x):is_finite())
      end
      assert.is_true(core.zeros(0):is_finite())
    end)

    it("but never replaced", function()
      assert.has_error(function() t.shape = { 1 } end)
      assert.has_error(function() t[1] = 1 end)
      assert.is_false(getmetatable(t))
      assert.has_error(function() setmetatable(t, {}) end)
    end)

    it("as float32", function()
      assert.are.equal(string.unpack("f", string.pack("f", 0.1)), core.tensor(0.1):item())
      assert.are.equal(math.huge, core.tensor(1e300):item())
      local smallest = 2.0 ^ -149 -- subnormal: must not be flushed to zero
      assert.are.equal(smallest, core.tensor({ smallest }):get(1))
    end)
  end)

  describe("of a step", function()
    it("end with it; clones stay", function()
      local a = core.tensor({ 1, 2 }) + 1
      local kept = a:clone()
      core.end_step()
      for _, f in ipairs { a.totable, a.item, a.clone, a.is_finite, a.detach, a.exp, a.backward, a.sum } do
        refuses({ "training step that has ended" }, f, a)
      end
      refuses({ "ended" }, function() return a.shape end)
      refuses({ "ended" }, function() return #a end)
      refuses({ "ended" }, function() return a + 1 end)
      refuses({ "ended" }, function() return 1 - a end)
      refuses({ "ended" }, function() return kept * a end)
      refuses({ "ended" }, a.set, a, 1, 1)
      refuses({ "ended" }, a.fill, a, 1)
      refuses({ "ended" }, kept.copy, kept, a)
      refuses({ "ended" }, core.parameter, a)
      assert.are.equal("tensor of a past step", tostring(a))
      assert.are.same({ 2, 3 }, kept:totable())
    end)

    it("keep what they read alive", function()
      local total = 0
      for i = 1, 200 do
        local view = core.tensor({ i, i, i, i }):rows(2, 3) -- its source is garbage at once
        if i % 20 == 0 then collectgarbage() end
        total = total + view:sum():item()
      end
      collectgarbage()
      assert.are.equal(200 * 201, total)
    end)

    it("keep dropped parameters alive", function()
      local loss = core.parameter(core.tensor { 1, 2, 3 }):square():sum()
      collectgarbage()
      collectgarbage()
      loss:backward()
      assert.are.equal(14, loss:item())
    end)

    it("stay readable when an optimiser moves the parameters under them", function()
      local p = core.parameter(core.tensor { 1, 2, 3, 4 })
      local view, constant = p:rows(2, 3), p:detach()
      local loss = (p * p):sum()
      for _ = 1, 5 do
        core.adam({ p }, 0.1)
        collectgarbage()
      end
      local garbage = {}
      for i = 1, 100 do garbage[i] = core.zeros(1000):fill(i) end
      assert.are.equal(100, garbage[100]:get(1000))
      assert.are.same({ 2, 3 }, view:totable())
      assert.are.same({ 1, 2, 3, 4 }, constant:totable())
      refuses({ "backward", "after the loss was computed" }, loss.backward, loss)
    end)

    it("cannot be ended by a finaliser", function()
      local results = {}
      for i = 1, 50 do
        setmetatable({}, { __gc = function() results[i] = refusal(core.end_step) end })
      end
      local a = core.tensor { 1, 2 } + 1
      collectgarbage()
      assert.is_truthy(results[1]:find("end_step: not from a finaliser", 1, true))
      assert.are.same({ 2, 3 }, a:totable())
    end)
  end)
end)

describe("counting of memory", function()
  it("sees nothing new in a warm step", function()
    local p = core.parameter(core.zeros(64, 64))
    local function step()
      local loss = (p + core.zeros(64, 64):fill(1)):square():mean()
      loss:backward(p)
      core.end_step()
    end
    for _ = 1, 3 do step() end
    local before = core.allocated_total()
    for _ = 1, 10 do step() end
    assert.are.equal(before, core.allocated_total())
  end)
end)
