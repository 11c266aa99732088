--- This machine's rate of matrix products: the square one that floors are computed with, and those of an update's
--- shapes.
local core = require "tide.core"
local rounds = require "tide.bench.rounds"

local gemm = {}

local SIZE, SECONDS = 256, 0.08

--- m, n, k of C (m, n) = A (m, k) B (k, n), and where it occurs with networks of 256-256.
gemm.shapes = {
  { 256, 256, 256, "a hidden layer, 256 rows" },
  { 512, 256, 256, "a hidden layer, the discriminators' 512 rows" },
  { 1280, 256, 256, "a hidden layer, u's 1280 rows" },
  { 256, 256, 23, "the first layer of a critic, 256 rows" },
  { 1280, 256, 17, "the first layer of d_sas, u's next states" },
  { 64, 256, 256, "a hidden layer, 64 rows" },
}

--- 10^9 operations a second of one product, over about `seconds`.
local function rate(m, n, k, seconds, threads)
  return 20 * 2e-9 * m * n * k * rounds.rate(function()
    core.product(m, n, k, 20)
    core.end_step()
  end, seconds, threads)
end

--- Of the square product, with as many threads as are set.
function gemm.rate()
  return rate(SIZE, SIZE, SIZE, SECONDS, core.threads())
end

--- -> one row a shape: { m, n, k, where, gflops = { median, least, most } }
function gemm.measure(n_rounds)
  local jobs, results = {}, {}
  for i, shape in ipairs(gemm.shapes) do
    jobs[i] = function() return rate(shape[1], shape[2], shape[3], SECONDS, core.threads()) end
  end
  for i, list in ipairs(rounds.take(jobs, n_rounds)) do
    local shape = gemm.shapes[i]
    results[i] = { m = shape[1], n = shape[2], k = shape[3], where = shape[4], gflops = rounds.summary(list) }
  end
  return results
end

return gemm
