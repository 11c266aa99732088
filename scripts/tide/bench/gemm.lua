--- This machine's rate of matrix products, by OpenBLAS and by the kernels in use: the square one that floors are
--- computed with, and those of an update's shapes.
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

--- The same by OpenBLAS, whoever makes products otherwise.
local function openblas_rate(...)
  local before = core.products()
  core.products "openblas"
  local result = rate(...)
  core.products(before)
  return result
end

--- Of the square product, with as many threads as are set.  -> OpenBLAS's, which floors are computed with; that of
--- the kernels in use
function gemm.rate()
  local threads = core.threads()
  local openblas = openblas_rate(SIZE, SIZE, SIZE, SECONDS, threads)
  return openblas, core.products() == "openblas" and openblas or rate(SIZE, SIZE, SIZE, SECONDS, threads)
end

--- -> one row a shape: { m, n, k, where, gflops = { median, least, most } of the kernels in use, openblas_gflops }
function gemm.measure(n_rounds)
  local jobs, results = {}, {}
  for _, shape in ipairs(gemm.shapes) do
    for _, by in ipairs { rate, openblas_rate } do
      jobs[#jobs + 1] = function() return by(shape[1], shape[2], shape[3], SECONDS, core.threads()) end
    end
  end
  local lists = rounds.take(jobs, n_rounds)
  for i, shape in ipairs(gemm.shapes) do
    results[i] = { m = shape[1], n = shape[2], k = shape[3], where = shape[4],
                   gflops = rounds.summary(lists[2 * i - 1]), openblas_gflops = rounds.summary(lists[2 * i]) }
  end
  return results
end

return gemm
