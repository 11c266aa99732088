-- Random generators as scripts see them.
local core = require "tide.core"
local expect = require "support.expect"

local refuses = expect.refused

local function moments(numbers)
  local mean, squares = 0, 0
  for _, x in ipairs(numbers) do
    mean = mean + x / #numbers
    squares = squares + x * x / #numbers
  end
  return mean, squares - mean * mean
end

describe("rng", function()
  after_each(function() core.end_step() end)

  it("gives the same numbers for the same seed and stream, others for others", function()
    local function draw(...) return core.rng(...):normal(5):totable() end
    assert.are.same(draw(1), draw(1))
    assert.are.same(draw(1), draw(1, 0))
    assert.are_not.same(draw(1), draw(2))
    assert.are_not.same(draw(1), draw(1, 1))
    assert.are_not.same(draw(1), draw(-1))
    assert.are.same(draw(math.mininteger, math.maxinteger), draw(math.mininteger, math.maxinteger))
  end)

  it("continues from a saved state", function()
    local rng = core.rng(3, 4)
    rng:normal(100)
    local state = rng:state()
    local expected = { rng:normal(7):totable(), rng:uniform(0, 1, 3):totable(), rng:integer(1, 1000), rng:number(),
      rng:permutation(9) }
    local other = core.rng(99)
    assert.are.equal(other, other:restore(state))
    assert.are.same(expected, { other:normal(7):totable(), other:uniform(0, 1, 3):totable(), other:integer(1, 1000),
      other:number(), other:permutation(9) })
    for _, x in ipairs(state) do assert.are.equal("integer", math.type(x)) end
  end)

  it("refuses what is no state and keeps its own", function()
    local rng = core.rng(1)
    local before = rng:state()
    refuses("not a state", rng.restore, rng, {})
    refuses("not a state", rng.restore, rng, { 1, 2 })
    refuses("not a state", rng.restore, rng, { 1, 2, 0.5 })
    refuses("table expected", rng.restore, rng)
    assert.are.same(before, rng:state())
  end)

  it("draws normal and uniform numbers of the right spread", function()
    local rng = core.rng(5)
    local mean, variance = moments(rng:normal(100000):totable())
    assert.is_true(math.abs(mean) < 0.016 and math.abs(variance - 1) < 0.023)
    mean, variance = moments(rng:uniform(2, 8, 100000):totable())
    assert.is_true(math.abs(mean - 5) < 0.03 and math.abs(variance - 3) < 0.05)
    local numbers = {}
    for i = 1, 20000 do
      numbers[i] = rng:uniform(-1, 1)
      assert.is_true(numbers[i] >= -1 and numbers[i] < 1)
    end
    mean, variance = moments(numbers)
    assert.is_true(math.abs(mean) < 0.021 and math.abs(variance - 1 / 3) < 0.011)
  end)

  it("draws integers over whole ranges, ends included", function()
    local rng, seen = core.rng(6), {}
    for _ = 1, 1000 do seen[rng:integer(-2, 2)] = true end
    assert.are.same({ [-2] = true, [-1] = true, [0] = true, [1] = true, [2] = true }, seen)
    assert.are.equal(7, rng:integer(7, 7))
    assert.are.equal("integer", math.type(rng:integer(math.mininteger, math.maxinteger - 1)))
    refuses("more than 2^64 - 1", rng.integer, rng, math.mininteger, math.maxinteger)
    refuses("the upper end is below the lower", rng.integer, rng, 2, 1)
  end)

  it("permutes", function()
    local order = core.rng(7):permutation(100)
    local sorted = table.move(order, 1, 100, 1, {})
    table.sort(sorted)
    for i = 1, 100 do assert.are.equal(i, sorted[i]) end
    assert.are_not.same(sorted, order)
    assert.are.same({}, core.rng(7):permutation(0))
    refuses("less than 0", core.rng(7).permutation, core.rng(7), -1)
    refuses("too long", core.rng(7).permutation, core.rng(7), math.maxinteger)
  end)

  it("makes persistent tensors, and activations when asked", function()
    local rng, twin = core.rng(8), core.rng(8)
    local kept, drawn = rng:normal(3, 4), twin:draw_normal(3, 4)
    assert.are.same(kept:totable(), drawn:totable())
    assert.are.same(rng:uniform(-1, 3, 5):totable(), twin:draw_uniform(-1, 3, 5):totable())
    refuses("below the lower", rng.draw_uniform, rng, 1, 0, 5)
    core.end_step()
    assert.are.same({ 3, 4 }, kept.shape)
    refuses("training step that has ended", drawn.totable, drawn)
  end)

  it("adds scaled noise to a tensor", function()
    local rng, twin = core.rng(9), core.rng(9)
    local t = core.zeros(70):fill(3)
    assert.are.equal(t, rng:add_normal(t, 0.5))
    local noise = twin:normal(70)
    for i = 1, 70 do assert.is_true(math.abs(t:get(i) - 3 - 0.5 * noise:get(i)) < 1e-6) end
    refuses("parameter", rng.add_normal, rng, core.parameter(1), 1)
    local loss = (t * core.parameter(2)):sum()
    rng:add_normal(t, 1)
    refuses("overwritten", loss.backward, loss)
  end)

  it("refuses wrong arguments by name", function()
    local rng = core.rng(1)
    refuses("number expected", core.rng)
    refuses("no integer representation", core.rng, 0.5)
    refuses("tide.rng expected, got table", rng.normal, {})
    refuses("less than 0", rng.normal, rng, -1)
    refuses("at most 3 dimensions", rng.normal, rng, 1, 1, 1, 1)
    refuses("more memory than this machine has", rng.normal, rng, 1 << 30, 1 << 20)
    refuses("the upper end is below the lower", rng.uniform, rng, 2, 1)
    refuses("the upper end is below the lower", rng.uniform, rng, 0 / 0, 1)
    refuses("too wide for a float", rng.uniform, rng, -3e38, 3e38, 2)
    refuses("too wide for a float", rng.uniform, rng, 0, math.huge, 2)
    assert.is_false(getmetatable(rng))
    assert.is_truthy(tostring(rng):find("tide.rng (stream 0", 1, true))
  end)
end)
