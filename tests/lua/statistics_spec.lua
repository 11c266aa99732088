--- Promises of tide.statistics, against values computed by hand.
local expect = require "support.expect"
local statistics = require "tide.statistics"

describe("statistics", function()
  it("mean and standard deviation of a sample", function()
    expect.near({ 5.0, math.sqrt(32 / 7) }, { statistics.mean { 2, 4, 4, 4, 5, 5, 7, 9 },
                                             statistics.std { 2, 4, 4, 4, 5, 5, 7, 9 } }, 1e-12)
    assert.is_nil(statistics.std { 3 })
  end)

  it("the interquartile mean leaves out a quarter of the values at either end, rounded down", function()
    assert.are.equal(4.5, statistics.iqm { 1, 2, 3, 4, 5, 6, 7, 8 })       -- 3 4 5 6
    assert.are.equal(4.5, statistics.iqm { 800, 3, -100, 4, 5, 6, 2, 70 }) -- 3 4 5 6 again
    assert.are.equal(20.0, statistics.iqm { 10, 20, 30 })                  -- a quarter of three is none
    assert.are.equal(3.0, statistics.iqm { 9, 1, 2, 3, 4 })                -- 2 3 4
    assert.are.equal(7.0, statistics.iqm { 7 })
  end)

  it("quantiles lie on straight lines between the sorted values", function()
    local values = { 40, 10, 30, 20 }
    expect.near({ 10.0, 40.0, 25.0, 17.5 }, { statistics.quantile(values, 0), statistics.quantile(values, 1),
      statistics.quantile(values, 0.5), statistics.quantile(values, 0.25) }, 1e-12)
    assert.are.same({ 40, 10, 30, 20 }, values)
  end)

  it("the probability of improvement is the mean over cells of the share of pairs won, equal ones by half", function()
    -- first cell: 3 beats 1 and 2, 2 beats 1 and equals 2: 3.5 of 4; second cell: nothing won
    local pairs_ = { { { 3, 2 }, { 1, 2 } }, { { 0, 0 }, { 5 } } }
    assert.are.equal((3.5 / 4 + 0) / 2, statistics.improvement(pairs_))
    assert.are.equal(1.0, statistics.improvement { { { 2 }, { 1 } } })
    assert.are.equal(0.5, statistics.improvement { { { 1, 1 }, { 1 } } })
  end)
end)

describe("the stratified bootstrap", function()
  local strata = { { 1, 2, 3, 4, 5 }, { 101, 102, 103, 104, 105 } }

  local function pooled_mean(list)
    local sum, n = 0.0, 0
    for _, stratum in ipairs(list) do
      for _, x in ipairs(stratum) do sum, n = sum + x, n + 1 end
    end
    return sum / n
  end

  it("draws within strata: what lies between them makes no interval wide", function()
    -- the mean of each stratum has variance 2 / 5, that of both 1 / 5: about 53 -+ 1.96 * 0.447
    local low, high = statistics.interval(strata, pooled_mean, { replicates = 4000 })
    expect.near({ 53 - 0.88, 53 + 0.88 }, { low, high }, 0.003)
  end)

  it("draws a stratum that stands in two places once for both", function()
    -- as if there were one: variance 2 / 5, not 1 / 5
    local one = { 1, 2, 3, 4, 5 }
    local low, high = statistics.interval({ one, one }, pooled_mean, { replicates = 4000 })
    expect.near({ 3 - 1.2, 3 + 1.2 }, { low, high }, 0.03)
    local apart_low = statistics.interval({ { 1, 2, 3, 4, 5 }, { 1, 2, 3, 4, 5 } }, pooled_mean, { replicates = 4000 })
    assert.is_true(apart_low > low + 0.2)
  end)

  it("gives the same interval for the same seed, another for another", function()
    local function both(seed)
      return { statistics.interval({ { 0.1, 0.72, 0.33, 0.9, 0.4 } }, pooled_mean, { seed = seed, replicates = 300 }) }
    end
    assert.are.same(both(1), both(1))
    assert.are_not.same(both(1), both(2))
  end)

  it("knows no interval of single values", function()
    assert.is_nil(statistics.interval({ { 1, 2 }, { 3 } }, pooled_mean))
    assert.is_nil(statistics.interval({}, pooled_mean))
    assert.are.same({ 3.0 }, { statistics.stratified_iqm { { 3 } } })
  end)

  it("surrounds interquartile means and probabilities of improvement", function()
    local value, low, high = statistics.stratified_iqm({ { 1, 2, 3, 4 }, { 5, 6, 7, 8 } }, { replicates = 500 })
    assert.are.equal(4.5, value) -- of 1 .. 8: 3 4 5 6
    assert.is_true(low < value and value < high and low >= 3 and high <= 6)
    local p, p_low, p_high = statistics.stratified_improvement({ { { 2, 4, 6 }, { 1, 3, 5 } } }, { replicates = 500 })
    expect.near(6 / 9, p, 1e-12)
    assert.is_true(p_low < p and p < p_high and p_low >= 0 and p_high <= 1)
    local sure = { statistics.stratified_improvement({ { { 9, 8 }, { 1, 2 } } }, { replicates = 100 }) }
    assert.are.same({ 1.0, 1.0, 1.0 }, sure)
  end)
end)
