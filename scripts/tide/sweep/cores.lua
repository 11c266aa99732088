--- Which core a new worker is pinned to.
local core = require "tide.core"
local uv = require "luv"

local cores = {}
local Cores = {}
Cores.__index = Cores

--- Seconds that each core has been idle, and has been at all, since the machine started.
local function times()
  local list = {}
  for i, about in ipairs(uv.cpu_info() or {}) do
    local total = 0
    for _, t in pairs(about.times) do total = total + t end
    list[i - 1] = { idle = about.times.idle, total = total }
  end
  return list
end

--- Those that this process may use.
function cores.new()
  local self = setmetatable({ all = core.process.cores(), workers = {} }, Cores)
  for _, number in ipairs(self.all) do self.workers[number] = 0 end
  self.before = times()
  return self
end

--- The share of the time since the last look that the core was idle: others may be at work on it.
local function idle_share(self, now, number)
  local a, b = self.before[number], now[number]
  if not a or not b or b.total <= a.total then return 0 end
  return (b.idle - a.idle) / (b.total - a.total)
end

--- The core with the fewest workers of ours; of several the one that was idle most.
function Cores:take()
  local now, best, share = times(), nil, nil
  for _, number in ipairs(self.all) do
    local s = idle_share(self, now, number)
    if not best or self.workers[number] < self.workers[best]
       or self.workers[number] == self.workers[best] and s > share then
      best, share = number, s
    end
  end
  self.workers[best] = self.workers[best] + 1
  return best
end

function Cores:give_back(number)
  self.workers[number] = self.workers[number] - 1
end

--- f(...) while this process is pinned to the core `number`: what it starts stays there.
function Cores:pinned(number, f, ...)
  core.process.pin { number }
  local results = table.pack(pcall(f, ...))
  core.process.pin(self.all)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

return cores
