--- The Slurm launcher: an array of jobs over a folder that all nodes see, a task for each run that is not done.
---
--- A task is `tide sweep work DIR RUN` under srun. Before its time limit Slurm sends it SIGUSR1: it writes a
--- checkpoint, ends with 138, and its job puts itself back into the queue. What Slurm preempts, or loses with a node,
--- it queues again by itself (--requeue). In DIR/slurm:
---   N.runs       the runs of the N-th submission, a line for each task
---   N.sh         its job script
---   jobs.json    { jobs = { { job = id, submission = N }, ... } }
---   JOB_TASK.log what Slurm said; what the run said is in DIR/logs/RUN.log
local core = require "tide.core"
local datasets = require "tide.sweep.datasets"
local json = require "tide.json"
local lfs = require "lfs"
local paths = require "tide.paths"
local plan = require "tide.sweep.plan"
local records = require "tide.records"
local state = require "tide.sweep.state"

local slurm = {}

local LONGEST_ARRAY = 1000   -- Slurm's own limit (MaxArraySize) is 1001 unless it was raised
local SECONDS_BEFORE = 120   -- the end of the time limit: for the update under way, an evaluation, a checkpoint

local script = [[
#!/bin/sh
#SBATCH --requeue --open-mode=append --ntasks=1 --cpus-per-task=1 --signal=USR1@%d
run=$(sed -n "${SLURM_ARRAY_TASK_ID}p" %s)
srun --ntasks=1 %s sweep work %s "$run" >>%s/"$run".log 2>&1
code=$?
# 138: SIGUSR1, the time limit is near. The run has written a checkpoint and goes on when the job starts again.
[ $code -ne 138 ] || exec scontrol requeue "$SLURM_JOB_ID"
exit $code
]]

local function quote(text)
  return "'" .. text:gsub("'", [['\'']]) .. "'"
end

--- The output of a shell command and whether it succeeded; what it says about errors is part of it.
local function ask(command)
  local pipe = assert(io.popen(command .. " 2>&1", "r"))
  local text = pipe:read "a"
  return text:gsub("%s+$", ""), pipe:close() == true
end

local function check()
  for _, name in ipairs { "sbatch", "squeue" } do
    if not os.execute("command -v " .. name .. " >/dev/null 2>&1") then
      error(("--launcher slurm: %s is not installed here (Debian: apt-get install slurm-client)"):format(name), 0)
    end
  end
end

--- The lines of DIR/slurm/N.runs.
local function runs_of(dir, submission)
  local list = {}
  local file = io.open(("%s/slurm/%d.runs"):format(dir, submission))
  if not file then return list end
  for line in file:lines() do list[#list + 1] = line end
  file:close()
  return list
end

local function read_jobs(dir)
  local found = json.read(dir .. "/slurm/jobs.json")
  return type(found) == "table" and found.jobs or {}
end

--- Names of the runs that wait or run in Slurm's queue.
local function queued(dir)
  local jobs, names = {}, {}
  for _, one in ipairs(read_jobs(dir)) do jobs[one.job] = runs_of(dir, math.tointeger(one.submission)) end
  if next(jobs) == nil then return names end
  local text, ok = ask "squeue --noheader --me --array --format='%F %K'"
  if not ok then error("--launcher slurm: squeue: " .. text, 0) end
  for job, index in text:gmatch "(%d+) (%d+)" do
    local name = jobs[job] and jobs[job][tonumber(index)]
    if name then names[name] = true end
  end
  return names
end

--- One array.  -> Slurm's number of the job
local function submit(given, submission, names)
  local dir, folder = given.dir, given.dir .. "/slurm"
  local base = ("%s/%d"):format(folder, submission)
  core.process.write_file(base .. ".runs", table.concat(names, "\n") .. "\n")
  core.process.write_file(base .. ".sh", script:format(SECONDS_BEFORE, quote(base .. ".runs"), quote(given.program),
    quote(dir), quote(dir .. "/logs")))
  local text, ok = ask(("sbatch --parsable --job-name=%s --chdir=%s --output=%s --array=1-%d%s %s %s"):format(
    quote("tide-" .. given.about.name), quote(lfs.currentdir()), quote(folder .. "/%A_%a.log"), #names,
    given.jobs and "%" .. given.jobs or "", given.options or "", quote(base .. ".sh")))
  local job = ok and text:match "(%d+)[;%d%a_-]*$"
  if not job then error("--launcher slurm: sbatch: " .. text, 0) end
  return job
end

--- Queues what is not done of `runs` and not in the queue.
--- given: { dir, about = the plan, runs, made = the sweep, jobs = at once or nil, program, options = of sbatch, say }
function slurm.launch(given)
  check()
  given.dir = paths.absolute(given.dir)
  records.make_folder(given.dir .. "/slurm")
  local waiting, open, done, there = queued(given.dir), {}, 0, 0
  for _, run in ipairs(given.runs) do
    local about = state.of(plan.run_folder(given.dir, run.name))
    if about.state == "done" then done = done + 1
    elseif about.state == "running" or waiting[run.name] then there = there + 1
    else open[#open + 1] = run end
  end
  given.say(("%s: %d of %d runs done, %d in the queue already"):format(given.dir, done, #given.runs, there))
  if #open == 0 then return 0 end
  datasets.provide(given.made, open, given.program, given.say)
  local jobs = read_jobs(given.dir)
  local submission = #jobs > 0 and math.tointeger(jobs[#jobs].submission) or 0
  for first = 1, #open, LONGEST_ARRAY do
    local names = {}
    for i = first, math.min(#open, first + LONGEST_ARRAY - 1) do names[#names + 1] = open[i].name end
    submission = submission + 1
    local job = submit(given, submission, names)
    jobs[#jobs + 1] = { job = job, submission = submission }
    core.process.write_file(given.dir .. "/slurm/jobs.json", json.encode({ jobs = jobs }, "  ") .. "\n")
    given.say(("job %s: %d runs"):format(job, #names))
  end
  given.say("how far they are: tide sweep status " .. given.dir)
  return 0
end

return slurm
