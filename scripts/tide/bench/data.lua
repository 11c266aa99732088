--- Reading a dataset beside copying as many bytes in memory, and drawing batches from it.
local core = require "tide.core"
local lfs = require "lfs"
local rounds = require "tide.bench.rounds"
local workload = require "tide.bench.workload"

local data = {}

local ROWS = 200000

--- -> { rows, bytes, read_bytes_per_s, memcpy_bytes_per_s, share }, the last three as { median, least, most }; and
--- batch_us, microseconds to draw 128 rows of each part
function data.measure(n_rounds)
  local path = os.tmpname()
  workload.write_dataset(path, ROWS, core.rng(1))
  local bytes = lfs.attributes(path, "size")
  local from, to = core.zeros(bytes // 4), core.zeros(bytes // 4)
  from:fill(1)
  to:fill(2) -- both are in memory now
  local numbers = rounds.take({
    function()
      local read
      local seconds = rounds.seconds(function() read = core.dataset_read(path) end)
      read:close()
      return bytes / seconds
    end,
    function() return bytes / rounds.seconds(function() to:copy(from) end) end,
  }, n_rounds)
  os.remove(path)
  from, to = nil, nil -- luacheck: ignore 311
  local replay, rng = workload.replay(), core.rng(2)
  local draws = rounds.take({ function()
    return 1e6 / rounds.rate(function()
      replay:sample(rng, 128, 128)
      core.end_step()
    end, 0.05)
  end }, n_rounds)
  return { rows = ROWS, bytes = bytes, batch_us = rounds.summary(draws[1]),
           read_bytes_per_s = rounds.summary(numbers[1]), memcpy_bytes_per_s = rounds.summary(numbers[2]),
           share = rounds.summary(rounds.ratios(numbers[1], numbers[2])) }
end

return data
