--- tide export RUN|SWEEP... -o FOLDER: what others need of runs and sweeps, without what is about this machine.
local copy = require "tide.sweep.copy"
local plan = require "tide.sweep.plan"
local records = require "tide.records"

local export = { summary = "Copy what others need of runs and sweeps: configurations, metrics and records." }

function export.configure(command)
  command:argument("runs", "Folders of runs, or of sweeps."):args("+"):argname("RUN")
  command:option("-o --output", "Where to: each becomes a folder of its name in this one.")
    :argname("FOLDER"):count(1)
end

function export.run(args)
  for _, run in ipairs(args.runs) do
    local from = #run > 1 and run:gsub("/+$", "") or run
    local to = ("%s/%s"):format(args.output:gsub("/+$", ""), from:match "[^/]+$" or from)
    if plan.exists(from) then
      local there, new, total = copy.export(from, to)
      print(("%s: %d of %d runs, %d of them new"):format(to, there, total, new))
    else
      records.export(from, to)
      print(to)
    end
  end
  return 0
end

return export
