--- The local launcher: a worker process for each run, so many at once, each pinned to a core.
---
--- A worker is `tide sweep work DIR RUN`. Signals reach it through the launcher alone: SIGINT, SIGTERM and SIGHUP of
--- the launcher make the workers write their checkpoints and end. Where the launcher is killed, workers go on; the next
--- one waits for them as for its own.
local board = require "tide.sweep.board"
local core = require "tide.core"
local cores = require "tide.sweep.cores"
local lfs = require "lfs"
local plan = require "tide.sweep.plan"
local state = require "tide.sweep.state"
local uv = require "luv"

local workers = {}
local Launcher = {}
Launcher.__index = Launcher

local TICK = 200 -- milliseconds between looks
local exit_codes = { sigint = 130, sigterm = 143, sighup = 129 }

--- A run as people know it: the cell that was asked for, how many others share it, its seed.
function workers.label(run)
  local others = #run.cells - 1
  return ("%s%s seed %d"):format(run.asked or run.cells[1], others > 0 and (" (+%d)"):format(others) or "", run.seed)
end

-- ---- what is to be done ----

local function folder_of(self, job) return plan.run_folder(self.dir, job.run.name) end

--- Sorts a run by what is on disk: done, held by a process of an earlier launcher, or to be started.
local function place(self, job)
  local about = state.of(folder_of(self, job))
  if about.state == "done" then
    job.where, job.about = "done", about
  elseif about.state == "running" then
    job.where = "held"
  else
    job.where = "queue"
  end
end

local function count(self, where)
  local n = 0
  for _, job in ipairs(self.jobs) do
    if job.where == where then n = n + 1 end
  end
  return n
end

-- ---- what is shown ----

--- How things are in the folder of a run that is being worked on; read again only where its metrics have grown.
local function look(self, job)
  local size = lfs.attributes(folder_of(self, job) .. "/metrics.jsonl", "size")
  if not job.about or size ~= job.size then
    job.about, job.size = state.of(folder_of(self, job)), size
    if job.about.rate then self.rates[job.run.config.agent.name] = job.about.rate end
  end
  return job.about
end

--- Seconds until all is done, by the rates seen: each agent's own, the mean of all for those not seen yet.
local function seconds_left(self)
  local sum, n = 0, 0
  for _, rate in pairs(self.rates) do sum, n = sum + 1 / rate, n + 1 end
  if n == 0 then return nil end
  local seconds, open = 0, 0
  for _, job in ipairs(self.jobs) do
    if job.where == "queue" or job.where == "active" or job.where == "held" then
      local done = job.about and job.about.updates or 0
      local rate = self.rates[job.run.config.agent.name]
      seconds, open = seconds + (job.run.config.steps - done) * (rate and 1 / rate or sum / n), open + 1
    end
  end
  return open > 0 and seconds / math.min(self.at_once, open) or nil
end

local function view_of(self)
  local view = { name = self.name, total = #self.jobs, done = count(self, "done"), failed = count(self, "failed"),
                 waiting = count(self, "queue"), running = {} }
  for _, job in ipairs(self.jobs) do
    if job.where == "active" or job.where == "held" then
      local about = look(self, job)
      view.running[#view.running + 1] = {
        label = workers.label(job.run), updates = about.updates, steps = job.run.config.steps, rate = about.rate,
        last_return = about.last_return, note = job.where == "held" and "(of an earlier launcher)" or nil,
      }
    end
  end
  if self.stopping then view.note = "stopping: the workers write their checkpoints" end
  view.seconds_left = seconds_left(self)
  return view
end

-- ---- workers ----

local function last_line(path)
  local file, last = io.open(path, "rb"), nil
  if not file then return nil end
  for line in file:lines() do last = line:find "%S" and line or last end
  file:close()
  return last and last:gsub("^tide: ", "")
end

--- A worker has ended: what is on disk says how.
local function ended(self, job, code, signal)
  self.cores:give_back(job.core)
  job.process:close()
  job.process, job.about = nil, nil
  place(self, job)
  local about, label = look(self, job), workers.label(job.run)
  if job.where == "done" then
    self.board:print(label .. ": done" .. (about.last_return and (", return %.0f"):format(about.last_return) or ""))
  elseif job.where == "queue" and self.stopping then
    job.where = "stopped"
  elseif job.where == "queue" then
    job.where = "failed"
    if about.state == "failed" then job.problem = about.problem
    elseif signal ~= 0 then job.problem = ("ended by signal %d"):format(signal)
    elseif code > 128 then job.problem = ("interrupted by signal %d"):format(code - 128)
    else job.problem = last_line(plan.log_file(self.dir, job.run.name)) or ("exit code %d"):format(code) end
    self.board:print(("%s: failed: %s"):format(label, job.problem))
  end
end

local function start(self, job)
  local how = state.of(folder_of(self, job)).resumable and "from its checkpoint" or "from the start"
  local log = assert(uv.fs_open(plan.log_file(self.dir, job.run.name), "a", 420))
  job.core = self.cores:take()
  job.process = self.cores:pinned(job.core, function()
    return (assert(uv.spawn(self.program, {
      args = { "sweep", "work", self.dir, job.run.name }, stdio = { nil, log, log },
      detached = true, -- a Ctrl-C is the launcher's to answer
    }, function(code, signal) table.insert(self.exits, { job = job, code = code, signal = signal }) end)))
  end)
  uv.fs_close(log)
  job.where, job.about = "active", nil
  self.board:print(("%s: %s, on core %d"):format(workers.label(job.run), how, job.core))
end

--- Asks the worker of a run to end: by "sigterm" it writes a checkpoint first. One of an earlier launcher too, if it is
--- on this machine; otherwise it is not waited for.
local function ask_to_end(self, job, signal)
  if job.where == "active" then
    job.process:kill(signal)
  elseif job.where == "held" then
    local holder = core.process.lock_holder(folder_of(self, job) .. "/.lock")
    local is_here = state.of(folder_of(self, job)).host == core.process.hostname()
    if holder and holder > 0 and is_here then uv.kill(holder, signal) else job.where = "stopped" end
  end
end

local function take_signal(self, name)
  local again = self.stopping ~= nil
  self.stopping = self.stopping or name
  -- a second Ctrl-C ends it at once
  local signal = again and name == "sigint" and "sigkill" or "sigterm"
  for _, job in ipairs(self.jobs) do ask_to_end(self, job, signal) end
  if not again then self.board:update(view_of(self)) end
end

-- ---- the loop ----

--- What has happened since the last look, and what follows from it. Callbacks of luv only take notes: an error in one
--- would end the process.
local function step(self)
  uv.run "once"
  local exits, signals = self.exits, self.signals
  self.exits, self.signals = {}, {}
  for _, exit in ipairs(exits) do ended(self, exit.job, exit.code, exit.signal) end
  for _, name in ipairs(signals) do take_signal(self, name) end
  for _, job in ipairs(self.jobs) do
    if job.where == "held" and not core.process.lock_holder(folder_of(self, job) .. "/.lock") then
      job.about = nil
      place(self, job)
      if job.where == "done" then self.board:print(workers.label(job.run) .. ": done by an earlier launcher") end
    end
  end
  if not self.stopping then
    local busy = count(self, "active") + count(self, "held")
    for _, job in ipairs(self.jobs) do
      if busy >= self.at_once then break end
      if job.where == "queue" then
        start(self, job)
        busy = busy + 1
      end
    end
  end
  if self.board:due() then self.board:update(view_of(self)) end
end

local function is_over(self)
  if count(self, "active") > 0 or count(self, "held") > 0 then return false end
  return self.stopping ~= nil or count(self, "queue") == 0
end

--- The sentences at the end.
local function report(self, say)
  local done, open = count(self, "done"), {}
  for _, job in ipairs(self.jobs) do
    if job.where == "failed" then
      open[#open + 1] = ("  %s: %s; %s"):format(workers.label(job.run), job.problem,
        plan.log_file(self.dir, job.run.name))
    end
  end
  say(("%s: %d of %d runs done"):format(self.dir, done, #self.jobs))
  if #open > 0 then say(("failed, and tried again by --resume:\n%s"):format(table.concat(open, "\n"))) end
  if self.stopping then say(("stopped by %s; --resume continues"):format(self.stopping:upper())) end
end

--- Does what is not done of `runs`, each { name, seed, cells, config }, in the sweep's folder.
--- given: { dir, name, runs, jobs = at once, program, quiet, say = function(line) }
--- -> exit code: 0 where all are done, 1 where some failed, 128 and the signal's number after one
function workers.launch(given)
  local self = setmetatable({
    dir = given.dir, name = given.name, at_once = given.jobs, program = given.program, jobs = {}, rates = {},
    exits = {}, signals = {},
    cores = cores.new(), board = board.new { name = given.name, quiet = given.quiet },
  }, Launcher)
  for i, run in ipairs(given.runs) do
    self.jobs[i] = { run = run }
    place(self, self.jobs[i])
  end
  local handles = { uv.new_timer() }
  handles[1]:start(0, TICK, function() end) -- so that uv.run returns
  for name in pairs(exit_codes) do
    local handle = uv.new_signal()
    handle:start(name, function() table.insert(self.signals, name) end)
    handles[#handles + 1] = handle
  end
  local ok, problem = pcall(function()
    repeat step(self) until is_over(self)
  end)
  if not ok then -- no worker is left behind without its launcher
    for _, job in ipairs(self.jobs) do
      if job.process then job.process:kill "sigterm" end
    end
  end
  for _, handle in ipairs(handles) do handle:close() end
  uv.run(ok and "nowait" or "default")
  self.board:finish()
  if not ok then error(problem, 0) end
  report(self, given.say)
  if self.stopping then return exit_codes[self.stopping] end
  return count(self, "done") == #self.jobs and 0 or 1
end

return workers
