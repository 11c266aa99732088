--- tide plot RUN... -o FILE: learning curves of runs as a picture.
local plot = require "tide.plot"

local function configure(command)
  command:argument("runs", "Folders of runs, or folders that hold such folders. Runs that differ only in their seed"
    .. " become one curve with a band."):args("+"):argname("RUN")
  command:option("-o --output", "The picture: a .png or .svg file."):argname("FILE"):default("curves.png")
  command:option("--metric", "What to draw, a tag of metrics.jsonl."):argname("TAG"):default("eval/return")
  command:option("--title", "A line above the picture."):argname("TEXT")
  command:option("--band", "Around the mean over seeds: range (least to greatest), std or none."):argname("KIND")
    :choices({ "range", "std", "none" }):default("range")
end

local function run(args)
  local options = { metric = args.metric, title = args.title, band = args.band }
  for _, remark in ipairs(plot.curves(args.runs, args.output, options)) do
    io.stderr:write("tide plot: ", remark, "\n")
  end
  print(args.output)
  return 0
end

return { summary = "Draw learning curves of runs into a PNG or SVG file.", configure = configure, run = run }
