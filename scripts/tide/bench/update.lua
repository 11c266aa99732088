--- How fast an agent's update is, beside the rate of the matrix products it is made of.
local core = require "tide.core"
local floor = require "tide.bench.floor"
local tide = require "tide"

local update = {}

local clock = core.process.monotonic

-- HalfCheetah's sizes; rows enough that a batch comes from memory, not from cache.
local OBSERVATIONS, ACTIONS, ROWS = 17, 6, 100000
local WARM_UP, ROUND_SECONDS, GEMM_SECONDS, GEMM_SIZE = 30, 0.4, 0.08, 256

--- A replay buffer with random transitions, in both parts.
local function filled_replay(rng)
  local path = os.tmpname()
  local writer = core.dataset_writer(path, { observation_dim = OBSERVATIONS, action_dim = ACTIONS })
  local replay
  local function each(f)
    local observations = rng:normal(1000, OBSERVATIONS)
    local actions = rng:uniform(-1, 1, 1000, ACTIONS)
    for i = 1, 999 do
      f(observations:rows(i, i):reshape(OBSERVATIONS), actions:rows(i, i):reshape(ACTIONS), rng:number(),
        observations:rows(i + 1, i + 1):reshape(OBSERVATIONS), false, false)
      core.end_step()
    end
  end
  for _ = 1, ROWS // 10 // 999 do each(function(...) writer:add(...) end) end
  writer:commit()
  replay = core.replay(OBSERVATIONS, ACTIONS, ROWS, core.dataset_read(path))
  os.remove(path)
  for _ = 1, ROWS // 999 do each(function(s, a, r, n, terminal) replay:add(s, a, r, n, terminal) end) end
  return replay
end

--- Wraps the methods of an agent that are parts of its update, so that their seconds are summed.
local function time_parts(agent, names)
  local seconds = {}
  for label, method in pairs(names) do
    local original = agent[method]
    seconds[label] = 0.0
    agent[method] = function(...)
      local start = clock()
      local results = table.pack(original(...))
      seconds[label] = seconds[label] + clock() - start
      return table.unpack(results, 1, results.n)
    end
  end
  return seconds
end

local darc = { discriminators = "update_discriminators", correction = "corrected_rewards", targets = "target",
               critics = "update_critics", policy = "update_policy", polyak = "update_targets" }

local actor_critic = { targets = "target", critics = "update_critics", policy = "update_policy",
                       polyak = "update_targets" }

local parts = {
  sac = actor_critic, cql = actor_critic, cql_sac = actor_critic, rlpd = actor_critic, td3_bc = actor_critic,
  darc = darc, darc_plus = darc,
  h2o = { discriminators = "update_discriminators", ratio = "ratio", u = "gap", targets = "target",
          critics = "update_critics", policy = "update_policy", polyak = "update_targets" },
  h2o_plus = { discriminators = "update_discriminators", ratio = "ratio", targets = "target", value = "update_value",
               critics = "update_critics", policy = "update_policy", polyak = "update_targets" },
  bc = { policy = "update" },
  iql = { targets = "target_q", value = "update_value", policy = "update_policy", critics = "update_critics",
          polyak = "update_targets" },
}

local function median(list)
  table.sort(list)
  local n = #list
  return n % 2 == 1 and list[n // 2 + 1] or (list[n // 2] + list[n // 2 + 1]) / 2
end

--- 10^9 operations a second of one square product, over about `seconds`.
local function gemm_rate(seconds)
  local flops, repeats, start = 2 * GEMM_SIZE ^ 3, 0, clock()
  repeat
    core.product(GEMM_SIZE, GEMM_SIZE, GEMM_SIZE, 20)
    core.end_step()
    repeats = repeats + 20
  until clock() - start >= seconds
  return flops * repeats / (clock() - start) / 1e9
end

--- Measures one agent; products and updates take turns, so that both see the same machine.
--- -> a table for tide bench --json, with ms by part under `parts`
function update.measure(name, threads, seconds)
  core.threads(threads)
  local rng = core.rng(1)
  local agent = tide.agents[name] {}:build {
    observation_dim = OBSERVATIONS, action_dim = ACTIONS, rng = rng,
    state_mean = function() return tide.zeros(OBSERVATIONS) end,
    state_std = function() return tide.zeros(OBSERVATIONS):fill(1.0) end,
    return_range = function() return 0, 1000 end,
  }
  local replay, sample_rng, spent = filled_replay(rng), core.rng(2), 0.0
  local drawn_names = {}
  for batch in pairs(agent:batches()) do drawn_names[#drawn_names + 1] = batch end
  table.sort(drawn_names)
  local function one()
    local start, drawn = clock(), {}
    for _, batch in ipairs(drawn_names) do
      local rows = agent:batches()[batch]
      drawn[batch] = replay:sample(sample_rng, rows.real, rows.sim)
    end
    spent = spent + clock() - start
    agent:update(drawn)
    core.end_step()
  end
  for _ = 1, WARM_UP do one() end
  local by_part = time_parts(agent, parts[name] or {})
  spent = 0.0
  local rates, products, count, allocated, took = {}, {}, 0, core.allocated_total(), 0.0
  local stop = clock() + seconds
  repeat
    products[#products + 1] = gemm_rate(GEMM_SECONDS)
    local start, n = clock(), 0
    repeat
      one()
      n = n + 1
    until clock() - start >= ROUND_SECONDS
    local elapsed = clock() - start
    rates[#rates + 1], count, took = n / elapsed, count + n, took + elapsed
  until clock() >= stop
  allocated = core.allocated_total() - allocated
  local gemm, rate, flops = median(products), median(rates), floor.of(agent)
  local milliseconds, rest = { sampling = 1000 * spent / count }, 1000 * (took - spent) / count
  for label, value in pairs(by_part) do
    milliseconds[label] = 1000 * value / count
    rest = rest - milliseconds[label]
  end
  milliseconds.other = rest
  return {
    agent = name, threads = threads, updates_per_s = rate, gemm_gflops = gemm, gflop_per_update = flops / 1e9,
    floor_ms = flops / gemm / 1e6, update_ms = 1000 / rate, floor_share = flops / gemm / 1e9 * rate,
    allocated_bytes_per_update = allocated / count, updates = count, parts_ms = milliseconds,
  }
end

return update
