--- tide dataset import LOG -o FILE.h5: a robot's text log becomes a dataset.
local env = require "tide.env"
local lfs = require "lfs"
local text_log = require "tide.text_log"

local import = { summary = "Make a dataset of a robot's text log." }

function import.configure(command)
  command:argument("log", "Rows of numbers, one a control step; blanks, tabs or commas between them.")
  command:option("-o --output", "The dataset to write."):args(1)
  command:option("--columns", "Names of the columns, such as x,v,pitch,pitch_rate,action,done; from the first line "
    .. "otherwise. action..., reward, done or terminal, timeout and time are what they say, _ is passed over, all "
    .. "others are observations.")
  command:option("--env", "The environment: its reward, where no column is named reward. One of "
    .. table.concat(env.list(), ", ") .. ", or a .lua file.")
  command:option("--rate", "Rows a second.", nil, tonumber)
  command:option("--scale-action", "What actions are divided by.", 1.0, tonumber)
  command:flag("--clip", "Hold actions within [-1, 1].")
  command:option("--done-of", "What a done is of: the row's step ended the episode, or its state is one that ends it.",
    "step"):choices { "step", "state" }
  command:option("--break-on", "An episode is cut where a step of a COLUMN is larger than LIMIT: 'x>0.05'; or larger "
    .. "than the column of its rate accounts for: 'x-v>0.001'; or than so many times the mean: 'x-v>20*'.")
    :count("*")
  command:option("--outlier", "Standard deviations from which on a value is told as an outlier.", 6.0, tonumber)
  command:flag("--force", "Replace the file where there is one.")
end

local function plural(n, word)
  return ("%d %s%s"):format(n, word, n == 1 and "" or "s")
end

local function print_report(log, output, report, args)
  print(("%s: %s from %s of %s"):format(output, plural(report.rows, "transition"),
    plural(report.file_rows, "row"), log))
  print(("  ends                %s, %s"):format(plural(report.terminals, "terminal"),
    plural(report.timeouts, "timeout")))
  print(("  left out            %s without a next one"):format(plural(report.left_out, "row")))
  for _, rule in ipairs(report.breaks) do
    print(("  %-19s %s%s"):format(rule.rule, plural(rule.count, "break"),
      rule.count > 0 and (", the first before line %d (limit %.4g)"):format(rule.first_line, rule.limit) or ""))
  end
  if report.outside > 0 then
    print(("  actions             %s outside [-1, 1], %s"):format(plural(report.outside, "row"),
      args.clip and "held within" or "kept; --clip holds them within"))
  end
  for _, outlier in ipairs(report.outliers) do
    print(("  outliers            %s: %s past %g standard deviations, the furthest %g in line %d"):format(
      outlier.column, plural(outlier.count, "value"), args.outlier, outlier.value, outlier.line))
  end
end

function import.run(args)
  if not args.output then error("-o: the file to write is needed", 0) end
  if not args.force and lfs.attributes(args.output, "mode") then
    error(("%s is there already; --force replaces it"):format(args.output), 0)
  end
  local columns = {}
  for name in (args.columns or ""):gmatch("[^,%s]+") do columns[#columns + 1] = name end
  local report = text_log.import(args.log, args.output, {
    columns = columns, env = args.env or false, rate = args.rate or false, scale_action = args.scale_action,
    clip = args.clip or false, done_of = args.done_of, break_on = args.break_on, outlier = args.outlier })
  print_report(args.log, args.output, report, args)
  return 0
end

return import
