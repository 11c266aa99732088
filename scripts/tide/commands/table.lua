--- tide table DIR: the results of a sweep as tables, on the terminal and into files.
local core = require "tide.core"
local plan = require "tide.sweep.plan"
local results = require "tide.sweep.results"
local tables = require "tide.sweep.tables"

local command = { summary = "Show a sweep's results as tables; write them as Markdown, LaTeX, CSV or JSON." }

function command.configure(parser)
  parser:argument("dir", "The folder of a sweep."):argname("DIR")
  parser:option("-o --output", "Write it to this file: .md, .tex, .csv or .json. May be given several times.")
    :argname("FILE"):count("*")
  parser:option("--only", "The cells to show: 'medium-replay/*'. May be given several times."):argname("PATTERN")
    :count("*")
  parser:option("--last", "How many evaluations the final return is the mean of; as the sweep says, or 10, unless "
    .. "given.", nil, math.tointeger):argname("N")
  parser:option("--of", "Whose probability of being better than the others is told, a label of the last axis: h2o, "
    .. "where there is one, unless given."):argname("LABEL")
  parser:flag("--json", "Print the JSON object.")
end

local kinds = { md = true, tex = true, csv = true, json = true }

local function kind_of(path)
  local kind = path:match "%.(%w+)$"
  if not kinds[kind] then error(("%s: a table is a .md, .tex, .csv or .json file"):format(path), 0) end
  return kind
end

function command.run(args)
  if args.last and args.last < 1 then error("--last: a whole number from 1 on is needed", 0) end
  for _, path in ipairs(args.output) do kind_of(path) end
  local dir = #args.dir > 1 and args.dir:gsub("/+$", "") or args.dir
  local found = results.of(dir, plan.read(dir), { last = args.last, of = args.of, only = args.only })
  for _, path in ipairs(args.output) do
    core.process.write_file(path, tables[kind_of(path)](found))
    if not args.json then print(path) end
  end
  if args.json then
    io.stdout:write(tables.json(found))
  elseif #args.output == 0 then
    io.stdout:write(tables.text(found))
  end
end

return command
