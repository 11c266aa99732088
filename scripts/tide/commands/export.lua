--- tide export RUN... -o FOLDER: what others need of runs, without what is about this machine.
local records = require "tide.records"

local export = { summary = "Copy what others need of runs: configuration, metrics and record." }

function export.configure(command)
  command:argument("runs", "Folders of runs."):args("+"):argname("RUN")
  command:option("-o --output", "Where to: each run becomes a folder of its name in this one.")
    :argname("FOLDER"):count(1)
end

function export.run(args)
  for _, run in ipairs(args.runs) do
    local name = run:gsub("/+$", ""):match("[^/]+$") or run
    local to = args.output:gsub("/+$", "") .. "/" .. name
    records.export(run, to)
    print(to)
  end
  return 0
end

return export
