--- Reading a dataset beside copying as many bytes in memory, and drawing batches from it.
--- A dataset is read from the system's cache of files into fresh memory, in large pages. So the copy that it is held
--- against goes into such memory, too. Copies into fresh memory in the usual pages, as malloc gives it, and into memory
--- that was written before are measured beside it.
local core = require "tide.core"
local lfs = require "lfs"
local rounds = require "tide.bench.rounds"
local workload = require "tide.bench.workload"

local data = {}

local ROWS = 200000

--- -> { rows, bytes, read_bytes_per_s, memcpy_bytes_per_s, small_pages_bytes_per_s, warm_bytes_per_s, share,
--- small_pages_share, warm_share }, the rates and shares as { median, least, most }; and batch_us, microseconds to draw
--- 128 rows of each part
function data.measure(n_rounds)
  local path = os.tmpname()
  workload.write_dataset(path, ROWS, core.rng(1))
  local bytes = lfs.attributes(path, "size")
  local from, to = core.zeros(bytes // 4), core.zeros(bytes // 4)
  from:fill(1)
  to:fill(2) -- both are in memory now
  local function copying(large) return function() return bytes / core.copy_seconds(from, large) end end
  local numbers = rounds.take({
    function()
      local read
      local seconds = rounds.seconds(function() read = core.dataset_read(path) end)
      read:close()
      return bytes / seconds
    end,
    copying(true), copying(false),
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
  local result = { rows = ROWS, bytes = bytes, batch_us = rounds.summary(draws[1]) }
  for i, name in ipairs { "read", "memcpy", "small_pages", "warm" } do
    result[name .. "_bytes_per_s"] = rounds.summary(numbers[i])
  end
  for i, name in ipairs { "share", "small_pages_share", "warm_share" } do
    result[name] = rounds.summary(rounds.ratios(numbers[1], numbers[i + 1]))
  end
  return result
end

return data
