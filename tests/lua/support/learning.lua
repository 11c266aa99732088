--- The machinery of the slow suite: experiments in folders that go on where they stopped, what their returns are
--- wanted to be, and a table of what came out.
---
--- A suite is
---   { experiments = { { name =, script =, arguments = { ... }, steps =, seeds = { ... }, dataset = name or nil },
---                     ... },
---     checks = { { experiment = name, reaches = return } or { experiment = name, above = another's name }, ... } }
--- `reaches`: with every seed an evaluation has at least this return. `above`: the mean over the seeds of the last
--- evaluation's return is higher than the other's.
local curves = require "tide.curves"
local json = require "tide.json"
local lfs = require "lfs"
local recipes = require "tide.recipes"
local records = require "tide.records"

local learning = {}

local function quote(text)
  return text:match("^[%w%-_./=,:+]+$") and text or "'" .. text:gsub("'", [['\'']]) .. "'"
end

--- The command of an experiment, as a shell takes it, without the seed.
local function command_of(experiment)
  local words = { "run", experiment.script, table.unpack(experiment.arguments) }
  for i, word in ipairs(words) do words[i] = quote(word) end
  return ("%s --steps %d"):format(table.concat(words, " "), experiment.steps)
end

-- ---- runs ----

--- One run for each seed: { name, seed, dir, experiment }.
local function runs_of(suite, options)
  local runs = {}
  for _, experiment in ipairs(suite.experiments) do
    for _, seed in ipairs(experiment.seeds) do
      local name = ("%s-%d"):format(experiment.name, seed)
      runs[#runs + 1] = { name = name, seed = seed, dir = options.runs .. "/" .. name, experiment = experiment }
    end
  end
  return runs
end

--- Whether a process holds the run's folder.
local function is_held(dir)
  local file = io.open(dir .. "/.lock", "r+")
  if not file then return false end
  local free = lfs.lock(file, "w")
  file:close()
  return not free
end

--- A run's state on disk: "done", or what is to be done about it: "start", "resume", or "anew" where it ended
--- before its first checkpoint. Or nil and what is wrong.
local function look(run)
  if lfs.attributes(run.dir, "mode") == nil then return "start" end
  local experiment, about = run.experiment, json.read(run.dir .. "/run.json")
  if type(about) ~= "table" then return nil, run.dir .. " is there, and is no run" end
  local start = type(about.start) == "table" and about.start or {}
  if start.script ~= experiment.script or start.seed ~= run.seed
     or table.concat(start.arguments or {}, " ") ~= table.concat(experiment.arguments, " ") then
    return nil, ("%s was made by another command: %s"):format(run.dir, tostring(about.command))
  end
  local updates = json.number(about.updates) or 0
  if updates > experiment.steps then
    return nil, ("%s has %d updates, %d are wanted"):format(run.dir, updates, experiment.steps)
  end
  if about.state == "done" and updates == experiment.steps then return "done" end
  if is_held(run.dir) then return nil, ("another process is writing to %s"):format(run.dir) end
  return lfs.attributes(run.dir .. "/checkpoint.h5", "mode") == "file" and "resume" or "anew"
end

--- The shell's line that brings a run to its end; what it says goes to a log beside the run's folder.
local function line_of(run, what, options)
  local command
  if what == "resume" then
    command = ("%s resume %s --steps %d --quiet"):format(options.program, quote(run.dir), run.experiment.steps)
  else
    command = ("%s %s --seed %d --quiet --out %s"):format(options.program, command_of(run.experiment), run.seed,
      quote(run.dir))
  end
  if what == "anew" then command = ("rm -r %s && %s"):format(quote(run.dir), command) end
  local how = what == "resume" and "from its checkpoint" or "from the start"
  return ("echo '%s: %s'; { %s; } >>%s 2>&1 && echo '%s: done' || echo '%s: ended with an error'"):format(
    run.name, how, command, quote(run.dir .. ".log"), run.name, run.name)
end

--- Datasets that are missing are made first, one after the other.
local function make_datasets(runs, options)
  local seen = {}
  for _, run in ipairs(runs) do
    local name = run.experiment.dataset
    if name and not seen[name] and not recipes.exists(name) then
      options.say(("dataset %s is missing; making it takes %s: tide dataset make %s"):format(name,
        name:find("replay", 1, true) and "a training, of 20 minutes or more" or "a minute or two", name))
      os.execute(("%s dataset make %s"):format(options.program, quote(name)))
    end
    if name then seen[name] = true end
  end
end

--- Runs what is not done, options.jobs at once.
local function perform(runs, options)
  local waiting, lines = {}, {}
  for _, run in ipairs(runs) do
    local what = look(run)
    if what and what ~= "done" then
      waiting[#waiting + 1] = run
      lines[#lines + 1] = line_of(run, what, options)
    end
  end
  options.say(("%s: %d of %d runs to do"):format(options.runs, #waiting, #runs))
  if #waiting == 0 or options.jobs == 0 then return end
  make_datasets(waiting, options)
  records.make_folder(options.runs)
  local pipe = assert(io.popen(("xargs -d '\\n' -n 1 -P %d sh -c"):format(options.jobs), "w"))
  for _, line in ipairs(lines) do pipe:write(line, "\n") end
  pipe:close()
end

-- ---- what came out ----

local function last_line(path)
  local file, last = io.open(path, "rb"), nil
  if not file then return nil end
  for line in file:lines() do last = line:find("%S") and line or last end
  file:close()
  return last
end

--- Sets run.final, run.best and run.commit, or run.problem.
local function read_run(run)
  local what, problem = look(run)
  if what ~= "done" then
    run.problem = problem or what == "start" and "not run"
                  or ("not run to its end: %s"):format(last_line(run.dir .. ".log") or "it was interrupted")
    return
  end
  local returns = curves.values(curves.read(run.dir), "eval/return").y
  run.final, run.best = returns[#returns], math.max(table.unpack(returns))
  run.commit = tostring(json.read(run.dir .. "/run.json").commit):sub(1, 7)
end

--- Over an experiment's seeds: { mean, std or nil, least_best, problem = of the first that is not done }.
local function summarise(experiment, runs)
  local sum, squares, least, n = 0.0, 0.0, math.huge, 0
  local summary = { runs = {}, experiment = experiment }
  for _, run in ipairs(runs) do
    if run.experiment == experiment then
      summary.runs[#summary.runs + 1] = run
      if run.problem then
        summary.problem = summary.problem or ("%s: %s"):format(run.name, run.problem)
      else
        n, sum, least = n + 1, sum + run.final, math.min(least, run.best)
      end
    end
  end
  if n == 0 then return summary end
  summary.mean, summary.least_best = sum / n, least
  for _, run in ipairs(summary.runs) do
    if run.final then squares = squares + (run.final - summary.mean) ^ 2 end
  end
  if n > 1 then summary.std = math.sqrt(squares / (n - 1)) end
  return summary
end

--- -> what is wanted, what is, whether that passes
local function judge(check, summaries)
  local one, other = summaries[check.experiment], summaries[check.above]
  local wanted = check.reaches and ("%s: an evaluation reaches %g"):format(check.experiment, check.reaches)
                 or ("%s: mean final return above %s's"):format(check.experiment, check.above)
  local problem = one.problem or other and other.problem
  if problem then return wanted, problem, false end
  if check.reaches then return wanted, ("%.0f"):format(one.least_best), one.least_best >= check.reaches end
  return wanted, ("%.0f against %.0f"):format(one.mean, other.mean), one.mean > other.mean
end

-- ---- the page ----

local function row(...)
  return "| " .. table.concat({ ... }, " | ") .. " |"
end

--- A list of different texts, in order.
local function listed(runs, text_of)
  local seen, texts = {}, {}
  for _, run in ipairs(runs) do
    local text = text_of(run)
    if text and not seen[text] then
      seen[text] = true
      texts[#texts + 1] = text
    end
  end
  return table.concat(texts, ", ")
end

local function page(suite, summaries, verdicts)
  local lines = {
    "# Learning checks", "",
    "Made by `scripts/test --slow`: the experiments below, each run to its end, and what is wanted of them. A run's",
    "folder holds its configuration, metrics and record; `tide plot FOLDER... -o curves.png` draws them.", "",
    row("check", "it is", ""), "|---|---|---|",
  }
  for _, verdict in ipairs(verdicts) do
    lines[#lines + 1] = row(verdict.wanted, verdict.is, verdict.passed and "passed" or "FAILED")
  end
  for _, line in ipairs { "",
    "Returns in the real environment, means of the evaluation's episodes; mean and standard deviation (n - 1)",
    "over the seeds:", "",
    row("experiment", "command", "seeds", "final returns", "mean", "std", "best", "commit"),
    "|---|---|---|---|---|---|---|---|" } do
    lines[#lines + 1] = line
  end
  for _, experiment in ipairs(suite.experiments) do
    local summary = summaries[experiment.name]
    local finals, bests = {}, {}
    for i, run in ipairs(summary.runs) do
      finals[i] = run.final and ("%.0f"):format(run.final) or "not done"
      bests[i] = run.best and ("%.0f"):format(run.best) or "-"
    end
    lines[#lines + 1] = row(experiment.name, ("`tide %s --seed S`"):format(command_of(experiment)),
      table.concat(experiment.seeds, ", "), table.concat(finals, ", "),
      summary.mean and ("%.0f"):format(summary.mean) or "-", summary.std and ("%.0f"):format(summary.std) or "-",
      table.concat(bests, ", "), listed(summary.runs, function(run) return run.commit end))
  end
  return table.concat(lines, "\n") .. "\n"
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

--- Brings the suite's runs to their end, judges them, writes the page and the runs' small copies.
--- options: { program, runs = folder, results = folder, jobs = at once (0: judge what is there), say = function(line) }
--- -> checks passed, checks failed
function learning.run(suite, options)
  local runs, summaries, verdicts = runs_of(suite, options), {}, {}
  perform(runs, options)
  records.make_folder(options.results)
  for _, run in ipairs(runs) do
    read_run(run)
    if run.final then records.export(run.dir, options.results .. "/" .. run.name) end
  end
  for _, experiment in ipairs(suite.experiments) do summaries[experiment.name] = summarise(experiment, runs) end
  local passed = 0
  for i, check in ipairs(suite.checks) do
    local wanted, is, good = judge(check, summaries)
    verdicts[i] = { wanted = wanted, is = is, passed = good }
    passed = passed + (good and 1 or 0)
    options.say(("%s  %s: %s"):format(good and "passed" or "FAILED", wanted, is))
  end
  write(options.results .. "/README.md", page(suite, summaries, verdicts))
  return passed, #suite.checks - passed
end

local function number_of_cores()
  local pipe = io.popen "nproc"
  local n = math.tointeger(tonumber(pipe:read("a")))
  pipe:close()
  return n or 1
end

--- Runs a suite as the environment says and prints how many checks passed.  -> exit code
function learning.main(suite)
  local function given(name, otherwise)
    local value = os.getenv(name)
    return value and value ~= "" and value or otherwise
  end
  local jobs = math.tointeger(tonumber(given("TIDE_SLOW_JOBS", number_of_cores())))
  if not jobs or jobs < 0 then error("TIDE_SLOW_JOBS: how many runs at once, 0 for none", 0) end
  local passed, failed = learning.run(suite, {
    program = given("TIDE_PROGRAM", "build/release/bin/tide"), jobs = jobs,
    runs = given("TIDE_SLOW_RUNS", "runs/learning"),
    results = given("TIDE_SLOW_RESULTS", "experiments/results/learning"),
    say = function(line)
      print(line)
      io.stdout:flush()
    end,
  })
  print(("%d passed, %d failed"):format(passed, failed))
  return failed == 0 and 0 or 1
end

return learning
