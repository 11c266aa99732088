--- Measuring on a machine that others use too: what is compared takes turns, what is reported is the median of the
--- turns with their range, and time is the processor's where one thread works: waiting for the core costs nothing.
local core = require "tide.core"

local rounds = {}

--- The clock for work on that many threads, in seconds.
function rounds.clock(threads)
  return threads == 1 and os.clock or core.process.monotonic
end

function rounds.median(list)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  local n = #sorted
  return n % 2 == 1 and sorted[n // 2 + 1] or (sorted[n // 2] + sorted[n // 2 + 1]) / 2
end

--- -> { median, least, most } of a list
function rounds.summary(list)
  return { median = rounds.median(list), least = math.min(table.unpack(list)), most = math.max(table.unpack(list)) }
end

--- The element by element quotient of two lists.
function rounds.ratios(above, below)
  local list = {}
  for i, x in ipairs(above) do list[i] = x / below[i] end
  return list
end

--- Seconds that f takes.
function rounds.seconds(f)
  local start = os.clock()
  f()
  return os.clock() - start
end

--- Calls f, which works on `threads` (1), for about `seconds`.  -> calls a second
function rounds.rate(f, seconds, threads)
  local clock = rounds.clock(threads or 1)
  local start, n = clock(), 0
  while true do
    f()
    n = n + 1
    local elapsed = clock() - start
    if elapsed >= seconds then return n / elapsed end
  end
end

--- Each of `jobs` (a sequence of functions that return a number) once a round.  -> their numbers, a list a job
function rounds.take(jobs, n)
  local numbers = {}
  for j = 1, #jobs do numbers[j] = {} end
  for i = 1, n do
    for j, job in ipairs(jobs) do numbers[j][i] = job() end
  end
  return numbers
end

return rounds
