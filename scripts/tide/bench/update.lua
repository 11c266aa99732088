--- How fast agents' updates are, beside the rate of the matrix products that they are made of.
local core = require "tide.core"
local floor = require "tide.bench.floor"
local gemm = require "tide.bench.gemm"
local parts = require "tide.bench.parts"
local rounds = require "tide.bench.rounds"
local workload = require "tide.bench.workload"

local update = {}

-- An update's garbage is the same each time; the arena has its size after the first.
local WARM_UP_SECONDS, LEAST_WARM_UP, GARBAGE_UPDATES = 0.2, 3, 3

--- Bytes of Lua that an update leaves to the collector.
local function lua_bytes(one)
  collectgarbage "collect"
  collectgarbage "stop"
  local before = collectgarbage "count"
  for _ = 1, GARBAGE_UPDATES do one() end
  local grown = collectgarbage "count" - before
  collectgarbage "restart"
  return 1024 * grown / GARBAGE_UPDATES
end

--- One agent on its own, ready: built and warm.
local function prepare(name, options, replay)
  local before = core.allocated_total()
  local entry = { name = name, work = workload.new(name, options, replay), rates = {}, products = {}, own = {},
                  updates = 0 }
  for _ = 1, LEAST_WARM_UP do entry.work.update() end
  rounds.rate(entry.work.update, WARM_UP_SECONDS)
  entry.memory = core.allocated_total() - before
  entry.lua_bytes = lua_bytes(entry.work.update)
  entry.allocated = 0
  return entry
end

--- Products, then updates, with `threads`: both see the same machine.
local function turn(entry, threads, seconds)
  core.threads(threads)
  local products, own = gemm.rate()
  local allocated, count = core.allocated_total(), 0
  local rate = rounds.rate(function()
    entry.work.update()
    count = count + 1
  end, seconds, threads)
  entry.allocated = entry.allocated + core.allocated_total() - allocated
  entry.updates = entry.updates + count
  return rate, products, own
end

--- Milliseconds of an update by part, in sum 1000 / rate: measured apart, so that the rates see no timers.
local function by_part(entry, threads, seconds, rate)
  local work = entry.work
  work.sampling = 0.0
  local spent, took = parts.time(work.agent, threads, function() rounds.rate(work.update, seconds, threads) end)
  spent.sampling = work.sampling
  local milliseconds, rest = {}, took
  for label, value in pairs(spent) do
    if value > 0 then milliseconds[label] = value / took * 1000 / rate end
    rest = rest - value
  end
  milliseconds.other = rest / took * 1000 / rate
  return milliseconds
end

local function report(entry, threads, seconds)
  local rate, product = rounds.median(entry.rates), rounds.median(entry.products)
  local flops = floor.of(entry.work.agent)
  local shares = {}
  for i, x in ipairs(entry.rates) do shares[i] = flops / 1e9 * x / entry.products[i] end
  core.threads(threads)
  return {
    agent = entry.name, precision = entry.work.agent.precision, threads = threads,
    updates_per_s = rate, updates_per_s_range = rounds.summary(entry.rates),
    gemm_gflops = product, own_gflops = rounds.median(entry.own), gflop_per_update = flops / 1e9,
    floor_ms = flops / product / 1e6, update_ms = 1000 / rate,
    floor_share = rounds.median(shares), floor_share_range = rounds.summary(shares), updates = entry.updates,
    allocated_bytes_per_update = entry.allocated / entry.updates, lua_bytes_per_update = entry.lua_bytes,
    agent_bytes = entry.memory, parts_ms = by_part(entry, threads, seconds, rate),
  }
end

--- Measures agents with each number of threads, all in turns.
--- given: { agents (names), precision, threads (numbers), rounds, seconds (of a turn) }
--- -> a table an agent and number of threads, for --json
function update.measure(given)
  local replay, entries = workload.replay(), {}
  for _, threads in ipairs(given.threads) do
    core.threads(threads)
    for _, name in ipairs(given.agents) do
      local entry = prepare(name, { precision = given.precision }, replay)
      entry.threads = threads
      entries[#entries + 1] = entry
    end
  end
  for i = 1, given.rounds do
    for _, entry in ipairs(entries) do
      entry.rates[i], entry.products[i], entry.own[i] = turn(entry, entry.threads, given.seconds)
    end
  end
  local results = {}
  for i, entry in ipairs(entries) do
    results[i] = report(entry, entry.threads, given.seconds)
    if #entries > 1 then results[i].agent_bytes = nil end -- of one arena that all of them use
  end
  core.threads(1)
  return results
end

--- Updates a second of agents that differ in their options, in turns.
--- choices: sequence of { name, options, threads }  -> their rates, a list of rounds each; the products' rates
function update.rates(choices, n_rounds, seconds)
  local jobs, replay = { function() return (gemm.rate()) end }, workload.replay()
  for i, choice in ipairs(choices) do
    core.threads(choice.threads)
    local work = workload.new(choice.name, choice.options, replay)
    for _ = 1, LEAST_WARM_UP do work.update() end
    choice.gflop = floor.of(work.agent) / 1e9
    jobs[i + 1] = function()
      core.threads(choice.threads)
      local rate = rounds.rate(work.update, seconds, choice.clock or choice.threads)
      core.threads(1)
      return rate
    end
  end
  core.threads(1)
  local numbers = rounds.take(jobs, n_rounds)
  return table.move(numbers, 2, #numbers, 1, {}), numbers[1]
end

--- What `many` threads gain over one, both by the clock on the wall.  -> a row an agent: { agent, threads,
--- updates_per_s, updates_per_s_one, gain }, the rates and the gain as { median, least, most }
function update.gains(names, many, n_rounds, seconds)
  local choices, results = {}, {}
  for _, name in ipairs(names) do
    choices[#choices + 1] = { name = name, threads = 1, clock = many }
    choices[#choices + 1] = { name = name, threads = many }
  end
  local rates = update.rates(choices, n_rounds, seconds)
  for i, name in ipairs(names) do
    local one, more = rates[2 * i - 1], rates[2 * i]
    results[i] = { agent = name, threads = many, updates_per_s_one = rounds.summary(one),
                   updates_per_s = rounds.summary(more), gain = rounds.summary(rounds.ratios(more, one)) }
  end
  return results
end

return update
