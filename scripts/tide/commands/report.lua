--- tide report DIR... -o FILE.html: one page about runs, with tables, curves, configurations and videos.
local report = require "tide.report"

local command = { summary = "Make one self-contained web page about a sweep or about runs." }

function command.configure(parser)
  parser:argument("dirs", "The folder of a sweep, of a run, or folders that hold runs."):args("+"):argname("DIR")
  parser:option("-o --output", "The page: a .html file."):argname("FILE"):default("report.html")
  parser:option("--title", "Its title; the sweep's or the folder's name unless given."):argname("TEXT")
  parser:option("--metric", "The curves to put into it, tags of metrics.jsonl: 'eval/*'. May be given several times;"
    .. " all but clock readings unless given."):argname("PATTERN"):count("*")
  parser:option("--only", "The cells of a sweep, or the names of runs: 'medium-replay/*'. May be given several times.")
    :argname("PATTERN"):count("*")
  parser:option("--last", "How many evaluations the final return is the mean of; as the sweep says, or 10, unless "
    .. "given.", nil, math.tointeger):argname("N")
  parser:option("--embed", "Videos of up to so many megabytes are put into the page, others are linked.", 4, tonumber)
    :argname("MB")
end

function command.run(args)
  local remarks, made = report.write(args.dirs, args.output, {
    title = args.title, metrics = args.metric, only = args.only, last = args.last, embed = args.embed,
  })
  for _, remark in ipairs(remarks) do io.stderr:write("tide report: ", remark, "\n") end
  print(("%s: %d %s, %.1f MB"):format(args.output, made.runs, made.runs == 1 and "run" or "runs", made.bytes / 1e6))
  return 0
end

return command
