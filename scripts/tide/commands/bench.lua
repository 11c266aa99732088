--- tide bench: where the speed stands, beside what the machine could do.
local core = require "tide.core"
local floor = require "tide.bench.floor"
local json = require "tide.json"
local options = require "tide.options"
local update = require "tide.bench.update"

local bench = { summary = "Measure speed." }

local agents = floor.agents()

function bench.configure(command)
  command:argument("what", "What to measure: update."):args("?"):default("update"):choices { "update" }
  command:option("--agent", "One agent; all of them otherwise."):choices(agents)
  command:option("--threads", "Threads of the matrix products.", 1, math.tointeger)
  command:option("--seconds", "How long to measure each agent.", 8, tonumber)
  command:flag("--json", "Print one array of objects.")
end

local function print_result(r)
  print(("%s, %d thread%s: %.1f updates/s, %.2f ms an update (%d measured)"):format(r.agent, r.threads,
    r.threads == 1 and "" or "s", r.updates_per_s, r.update_ms, r.updates))
  print(("  products: %.3f GFLOP at %.1f GFLOP/s (256 x 256 x 256, same run) take at least %.2f ms: share %.2f")
    :format(r.gflop_per_update, r.gemm_gflops, r.floor_ms, r.floor_share))
  print(("  allocated: %.0f bytes an update"):format(r.allocated_bytes_per_update))
  local names = options.names(r.parts_ms)
  table.sort(names, function(a, b) return r.parts_ms[a] > r.parts_ms[b] end)
  for _, name in ipairs(names) do
    print(("  %-15s %7.3f ms  %4.1f %%"):format(name, r.parts_ms[name], 100 * r.parts_ms[name] / r.update_ms))
  end
end

function bench.run(args)
  if not args.threads or args.threads < 1 then error("--threads: a whole number from 1 on is needed", 0) end
  if not args.seconds or args.seconds <= 0 then error("--seconds: a positive number is needed", 0) end
  local results = {}
  for _, name in ipairs(args.agent and { args.agent } or agents) do
    results[#results + 1] = update.measure(name, args.threads, args.seconds)
  end
  if args.json then
    print(json.encode(results, "  "))
    return 0
  end
  local library, kernel = core.blas()
  print(("%s, kernel %s"):format(library, kernel))
  for _, result in ipairs(results) do print_result(result) end
  return 0
end

return bench
