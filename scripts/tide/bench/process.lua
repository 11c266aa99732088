--- What a process of the program costs: its start, and the memory of a run. Both are measured on processes of their
--- own.
local core = require "tide.core"
local json = require "tide.json"
local lfs = require "lfs"
local rounds = require "tide.bench.rounds"
local tide = require "tide"
local workload = require "tide.bench.workload"

local process = {}

local function program()
  local path = lfs.symlinkattributes("/proc/self/exe", "target")
  if not path then error("bench: /proc/self/exe does not say where the program is", 0) end
  return path
end

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

--- Runs a script, given as text, by n processes of the program at once, with `options`.  -> what each printed
function process.at_once(n, text, options)
  local path, pipes, said = os.tmpname(), {}, {}
  core.process.write_file(path, text)
  for i = 1, n do
    pipes[i] = assert(io.popen(("%s run %s %s 2>&1"):format(quote(program()), path, options or "")))
  end
  local failed
  for i, pipe in ipairs(pipes) do
    said[i] = pipe:read "a"
    if not pipe:close() then failed = failed or said[i] end
  end
  os.remove(path)
  if failed then error("bench: a process of the program failed: " .. failed, 0) end
  return said
end

local function run(text, options)
  return process.at_once(1, text, options)[1]
end

--- From the shell's start to the end of a script that loads tide and does nothing, on the wall's clock.
--- -> { wall_ms, processor_ms }, both { median, least, most }; the second is the program's own, without the shell
function process.startup(n_rounds)
  local wall, own, clock = {}, {}, core.process.monotonic
  for i = 1, n_rounds do
    local start = clock()
    own[i] = 1000 * tonumber(run 'require "tide" print(os.clock())')
    wall[i] = 1000 * (clock() - start)
  end
  return { wall_ms = rounds.summary(wall), processor_ms = rounds.summary(own) }
end

--- A figure of /proc/self/status, in bytes.
local function status(field)
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match("^" .. field .. ":%s*(%d+) kB")
    if kilobytes then return 1024 * tonumber(kilobytes) end
  end
  error("bench: /proc/self/status has no " .. field, 0)
end

local DATASET_ROWS, RUN_UPDATES, GROWTH_WARM_UP = 200000, 100, 10000

--- In the process that is measured: a short run of H2O, then many updates of a small one.
function process.memory_here(path, updates)
  local S, A = workload.OBSERVATIONS, workload.ACTIONS
  local row = 4 * (2 * S + A + 2)
  tide.experiment {
    agent = tide.agents.h2o {}, steps = RUN_UPDATES, seed = 1,
    real = { env = "HalfCheetah", dataset = path }, sim = { env = "HalfCheetah", gap = tide.gap.gravity(2.0) },
    training = { epoch_updates = RUN_UPDATES, epoch_rollout_steps = RUN_UPDATES, rounds = 1 },
    evaluation = { episodes = 1 },
  }:train()
  local peak, data, ring = status "VmHWM", row * DATASET_ROWS, row * RUN_UPDATES
  collectgarbage "collect"
  local work = workload.new("h2o", { hidden = { 16, 16 }, real_batch = 8, sim_batch = 8, discriminator_batch = 8 },
                            workload.replay(2000))
  for _ = 1, math.min(updates, GROWTH_WARM_UP) do work.update() end
  local before = status "VmRSS"
  for _ = 1, updates do work.update() end
  local after = status "VmRSS"
  return { peak_bytes = peak, dataset_bytes = data, ring_bytes = ring, beside_bytes = peak - data - ring,
           updates = updates, rss_before = before, rss_after = after, growth = after / before - 1 }
end

--- -> peak_bytes, dataset_bytes, ring_bytes and beside_bytes of a run; updates, rss_before, rss_after and growth over
--- many updates
function process.memory(updates)
  local path, out = os.tmpname(), os.tmpname()
  os.remove(out)
  workload.write_dataset(path, DATASET_ROWS, core.rng(1))
  core.end_step()
  local ok, text = pcall(run, ([[
    local result = require("tide.bench.process").memory_here(%q, %d)
    print("\n" .. require("tide.json").encode(result))]]):format(path, updates),
    "--quiet --out " .. quote(out))
  os.remove(path)
  os.execute("rm -rf " .. quote(out))
  if not ok then error(text, 0) end
  return json.decode(text:match "([^\n]+)\n*$")
end

return process
