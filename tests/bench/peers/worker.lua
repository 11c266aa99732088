--- tide run tests/bench/peers/worker.lua WHAT [PRECISION]: Tide's side of compare.py; the same lines as worker.py's.
--- WHAT is an agent's name, or step for HalfCheetah's control step. PRECISION is float32 or bfloat16.
local core = require "tide.core"
local json = require "tide.json"
local tide = require "tide"

local what = assert(arg[1], "worker.lua: an agent's name or step is needed")

local function stepping()
  local world = tide.world("HalfCheetah", { seed = 1 })
  local rng, actions, taken = core.rng(1), {}, 0
  for i = 1, 4096 do actions[i] = rng:uniform(-1, 1, world.action_dim) end
  world:reset()
  return function()
    taken = taken + 1
    local _, _, terminal, timeout = world:step(actions[taken % 4096 + 1])
    if terminal or timeout then world:reset() end
  end
end

core.threads(1)
local one = what == "step" and stepping() or require("tide.bench.workload").new(what, { precision = arg[2] }).update
for _ = 1, 5 do one() end

local function say(answer)
  io.write(json.encode(answer), "\n")
  io.flush()
end

say { ready = true, versions = core.process.versions() }
for line in io.lines() do
  local seconds, count = assert(tonumber(line), "worker.lua: seconds are needed"), 0
  local start, spent = os.clock(), 0.0
  while spent < seconds do
    one()
    count, spent = count + 1, os.clock() - start
  end
  say { count = count, seconds = spent }
end
