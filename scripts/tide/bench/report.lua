--- What tide bench prints where --json does not ask for objects.
local core = require "tide.core"
local options = require "tide.options"

local report = {}

local function range(x, format)
  return ("%s (%s to %s)"):format(format:format(x.median), format:format(x.least), format:format(x.most))
end

--- Who makes products.
local function products()
  local library, kernel = core.blas()
  return ("products by %s; %s, kernel %s"):format(core.products(), library, kernel)
end

function report.update(rows)
  print(products())
  for _, r in ipairs(rows) do
    print(("%s, %s, %d thread%s: %.1f updates/s, %.2f ms an update (%d measured)"):format(r.agent, r.precision,
      r.threads, r.threads == 1 and "" or "s", r.updates_per_s, r.update_ms, r.updates))
    print(("  products: %.3f GFLOP at OpenBLAS's %.1f GFLOP/s (256 x 256 x 256, same run) take at least %.2f ms:"
      .. " share %s"):format(r.gflop_per_update, r.gemm_gflops, r.floor_ms, range(r.floor_share_range, "%.2f")))
    if core.products() ~= "openblas" then
      print(("  at %.1f GFLOP/s, %s's: share %.2f"):format(r.own_gflops, core.products(),
        r.floor_share * r.gemm_gflops / r.own_gflops))
    end
    print(("  allocated: %.0f bytes an update%s; Lua: %.1f kB an update, collected"):format(
      r.allocated_bytes_per_update, r.agent_bytes and (", %.1f MB in all"):format(r.agent_bytes / 1e6) or "",
      r.lua_bytes_per_update / 1e3))
    local names = options.names(r.parts_ms)
    table.sort(names, function(a, b) return r.parts_ms[a] > r.parts_ms[b] end)
    for _, name in ipairs(names) do
      print(("  %-15s %7.3f ms  %4.1f %%"):format(name, r.parts_ms[name], 100 * r.parts_ms[name] / r.update_ms))
    end
  end
end

function report.gemm(rows)
  print(("%s; GFLOP/s, threads: %d"):format(products(), core.threads()))
  print(("  %-16s %-22s %-22s"):format("", core.products(), "openblas"))
  for _, r in ipairs(rows) do
    print(("  %4d x %3d x %3d  %-22s %-22s %s"):format(r.m, r.n, r.k, range(r.gflops, "%.1f"),
      range(r.openblas_gflops, "%.1f"), r.where))
  end
end

function report.env(rows)
  print("control steps a second, from Lua and by mj_step alone")
  for _, r in ipairs(rows) do
    print(("  %-12s %7.0f of %7.0f: %s"):format(r.env, r.steps_per_s.median, r.mj_step_per_s.median,
      range(r.share, "%.2f")))
  end
end

function report.actions(rows)
  print("a single action, microseconds")
  for _, r in ipairs(rows) do print(("  %-12s %-7s %s"):format(r.agent, r.mode, range(r.microseconds, "%.1f"))) end
end

function report.dataset(r)
  print(("reading %d transitions, %.1f MB: %.2f GB/s"):format(r.rows, r.bytes / 1e6, r.read_bytes_per_s.median / 1e9))
  for _, copy in ipairs { { "fresh memory in large pages, as reading does", "memcpy_bytes_per_s", "share" },
                          { "fresh memory in the usual pages", "small_pages_bytes_per_s", "small_pages_share" },
                          { "memory in use", "warm_bytes_per_s", "warm_share" } } do
    print(("  copying as much into %s: %.2f GB/s; share %s"):format(copy[1], r[copy[2]].median / 1e9,
      range(r[copy[3]], "%.2f")))
  end
  print(("drawing a batch of 128 + 128: %s microseconds"):format(range(r.batch_us, "%.1f")))
end

function report.startup(r)
  print(("start-up: %s ms, of them the processor's %s"):format(range(r.wall_ms, "%.0f"), range(r.processor_ms, "%.0f")))
end

function report.memory(r)
  print(("memory of a run: %.1f MB, of them dataset %.1f, ring %.1f, the rest %.1f"):format(r.peak_bytes / 1e6,
    r.dataset_bytes / 1e6, r.ring_bytes / 1e6, r.beside_bytes / 1e6))
  print(("over %d updates: from %.2f to %.2f MB, %+.2f %%"):format(r.updates, r.rss_before / 1e6, r.rss_after / 1e6,
    100 * r.growth))
end

function report.threads(rows)
  for _, r in ipairs(rows) do
    print(("%s, %d threads over one: %s; %.1f and %.1f updates/s"):format(r.agent, r.threads, range(r.gain, "%.2f"),
      r.updates_per_s.median, r.updates_per_s_one.median))
  end
end

function report.scaling(rows)
  print("H2O's updates a second")
  for _, r in ipairs(rows) do
    print(("  batch %4d, width %4d, threads %d, runs %d: %-24s %.2f of the products' rate"):format(r.batch, r.width,
      r.threads, r.runs, range(r.updates_per_s, "%.1f"), r.floor_share))
  end
end

function report.targets(rows)
  print "targets"
  for _, r in ipairs(rows) do
    print(("  %-7s %-52s %s, %s %g"):format(r.met and "met" or "NOT MET", r.name,
      r.value and ("%.3g"):format(r.value) or "not measured", r.at_least and "at least" or "at most",
      r.at_least or r.at_most))
  end
end

return report
