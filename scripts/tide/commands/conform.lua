--- tide conform FILE.h5: Tide's numbers against recorded ones.
local core = require "tide.core"

local conform = { summary = "Compare with reference figures." }

function conform.configure(command)
  command:argument("files", "HDF5 files: training steps (updates.h5) or physics (envs.h5)."):args("+")
  command:option("--only", "Cases whose name holds this text.")
  command:flag("--verbose", "Also the quantities without a stated tolerance.")
end

local marks = { passed = "ok", failed = "FAILED", info = "info", unsupported = "not yet supported" }

local function rows_of(path)
  local kinds = { (require "tide.conform.updates"), (require "tide.conform.physics") }
  local tree = core.tree_read(path)
  for _, kind in ipairs(kinds) do
    if kind.recognises(tree) then return kind.run(tree, path) end
  end
  error(("%s: neither training steps nor physics: no group holds `before` or `init_qpos`"):format(path), 0)
end

local function number(x)
  return x and ("%.1e"):format(x) or "-"
end

function conform.run(args)
  local counts = { passed = 0, failed = 0, info = 0, unsupported = 0 }
  for _, path in ipairs(args.files) do
    print(path)
    print(("  %-24s %-26s %10s %10s  %s"):format("case", "quantity", "relative", "absolute", ""))
    for _, row in ipairs(rows_of(path)) do
      if not args.only or row.case:find(args.only, 1, true) then
        counts[row.status] = counts[row.status] + 1
        if row.status ~= "info" or args.verbose then
          print(("  %-24s %-26s %10s %10s  %s%s"):format(row.case, row.quantity, number(row.worst_rel),
            number(row.worst_abs), marks[row.status],
            row.status == "failed" and row.where and " at " .. row.where or
            row.status == "unsupported" and row.where and row.where ~= marks.unsupported and ": " .. row.where or ""))
        end
      end
    end
  end
  print(("%d passed, %d failed, %d not yet supported"):format(counts.passed, counts.failed, counts.unsupported))
  return counts.failed == 0 and counts.passed > 0 and 0 or 1
end

return conform
