--- What is said about a handful of seeds: means, interquartile means, probabilities of improvement, and intervals by a
--- stratified bootstrap (Agarwal et al. 2021, "Deep reinforcement learning at the edge of the statistical precipice",
--- arXiv 2108.13264).
---
--- A stratum is the values of one cell, one a seed. Seeds are drawn anew within each stratum; strata are all kept.
local core = require "tide.core"

local statistics = {}

statistics.REPLICATES = 2000
statistics.LEVEL = 0.95

function statistics.mean(values)
  local sum = 0.0
  for _, x in ipairs(values) do sum = sum + x end
  return sum / #values
end

--- Of a sample (n - 1); nil for a single value.
function statistics.std(values)
  if #values < 2 then return nil end
  local mean, squares = statistics.mean(values), 0.0
  for _, x in ipairs(values) do squares = squares + (x - mean) ^ 2 end
  return math.sqrt(squares / (#values - 1))
end

local function sorted(values)
  local list = table.move(values, 1, #values, 1, {})
  table.sort(list)
  return list
end

--- The mean of the middle half: a quarter of the values, rounded down, is left out at either end.
function statistics.iqm(values)
  local list, cut, sum = sorted(values), #values // 4, 0.0
  for i = cut + 1, #list - cut do sum = sum + list[i] end
  return sum / (#list - 2 * cut)
end

--- The value below which a share q of them lies, by straight lines between the sorted values.
function statistics.quantile(values, q)
  local list = sorted(values)
  local place = 1 + q * (#list - 1)
  local i = math.floor(place)
  if i >= #list then return list[#list] end
  return list[i] + (place - i) * (list[i + 1] - list[i])
end

--- P(X > Y) for a run of xs and one of ys, equal ones by half: Mann and Whitney's U over the number of pairs.
local function exceeds(xs, ys)
  local wins = 0.0
  for _, x in ipairs(xs) do
    for _, y in ipairs(ys) do
      if x > y then wins = wins + 1 elseif x == y then wins = wins + 0.5 end
    end
  end
  return wins / (#xs * #ys)
end

--- The probability that a run of the first beats one of the second in a cell drawn at random.
--- pairs: { { xs, ys }, ... }, one a cell
function statistics.improvement(pairs_)
  local sum = 0.0
  for _, pair in ipairs(pairs_) do sum = sum + exceeds(pair[1], pair[2]) end
  return sum / #pairs_
end

-- ---- intervals ----

--- As many numbers of 1 .. n as there are, drawn with replacement.
local function draw(rng, values)
  local drawn, n = {}, #values
  for i = 1, n do drawn[i] = values[rng:integer(1, n)] end
  return drawn
end

--- Strata drawn anew. A stratum that stands in several places (the same table) is drawn once for all of them: cells
--- that share their runs are no independent evidence.
local function resampled(rng, strata)
  local out, by_stratum = {}, {}
  for i, stratum in ipairs(strata) do
    by_stratum[stratum] = by_stratum[stratum] or draw(rng, stratum)
    out[i] = by_stratum[stratum]
  end
  return out
end

--- The interval of statistic(strata) by percentiles of its values on strata drawn anew: low, high. nil where some
--- stratum has one value only: nothing would be known of its spread.
--- given: { seed = 0, replicates = 2000, level = 0.95 }
function statistics.interval(strata, statistic, given)
  given = given or {}
  if #strata == 0 then return nil end
  for _, stratum in ipairs(strata) do
    if #stratum < 2 then return nil end
  end
  local rng, values = core.rng(given.seed or 0, 0), {}
  for i = 1, given.replicates or statistics.REPLICATES do values[i] = statistic(resampled(rng, strata)) end
  local outside = (1 - (given.level or statistics.LEVEL)) / 2
  return statistics.quantile(values, outside), statistics.quantile(values, 1 - outside)
end

local function pooled_iqm(strata)
  local all = {}
  for _, stratum in ipairs(strata) do table.move(stratum, 1, #stratum, #all + 1, all) end
  return statistics.iqm(all)
end

--- The interquartile mean over the values of all strata.  -> value, low, high; given: as interval()
function statistics.stratified_iqm(strata, given)
  return pooled_iqm(strata), statistics.interval(strata, pooled_iqm, given)
end

--- improvement() with its interval: both sides of a pair are strata.  -> value, low, high
function statistics.stratified_improvement(pairs_, given)
  local strata, n = {}, #pairs_
  for i, pair in ipairs(pairs_) do strata[i], strata[n + i] = pair[1], pair[2] end
  local function probability(drawn)
    local again = {}
    for i = 1, n do again[i] = { drawn[i], drawn[n + i] } end
    return statistics.improvement(again)
  end
  return statistics.improvement(pairs_), statistics.interval(strata, probability, given)
end

return statistics
