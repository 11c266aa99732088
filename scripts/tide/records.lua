--- The folder that a run leaves behind, runs/NAME/:
---   config.json    every value of the experiment, resolved
---   metrics.jsonl  one object a line: "step", the tags, "time/..." (the only values that differ between equal runs)
---   events.*       the same for TensorBoard
---   run.json       command, commit, versions, host, times, state: running, done, failed or interrupted
--- Checkpoints and policies stand beside them; the trainer writes those.
local core = require "tide.core"
local json = require "tide.json"
local lfs = require "lfs"

local process = core.process
local records = {}
local Record = {}
Record.__index = Record
Record.__name = "tide.record"

--- Files of a run, which `overwrite` removes. Event files are found by their names.
local run_files = { "run.json", "config.json", "metrics.jsonl", "checkpoint.h5", "policy.h5" }

--- Open folders of this process, by device and inode: a file lock does not keep a process from itself.
local open_folders = {}

-- ---- folders ----

--- Makes a folder and those above it.
local function make_folder(path)
  local so_far = path:sub(1, 1) == "/" and "/" or ""
  for part in path:gmatch("[^/]+") do
    so_far = so_far .. part
    if lfs.attributes(so_far, "mode") ~= "directory" then
      local made, problem = lfs.mkdir(so_far)
      if not made and lfs.attributes(so_far, "mode") ~= "directory" then
        error(("records: folder %s cannot be made: %s"):format(so_far, problem), 0)
      end
    end
    so_far = so_far .. "/"
  end
end

records.make_folder = make_folder

--- Makes ROOT/NAME, or NAME-2, NAME-3, ... where taken, and returns its path. mkdir decides,
--- so that two runs started together get two folders.
function records.fresh_folder(name, root)
  root = root or "runs"
  make_folder(root)
  name = name:gsub("[^%w%-_.+=]+", "-"):gsub("^%.+", ""):gsub("^%-+", "")
  if name == "" then name = "run" end
  for i = 1, 100000 do
    local path = root .. "/" .. name .. (i == 1 and "" or "-" .. i)
    local made, problem = lfs.mkdir(path)
    if made then return path end
    if not lfs.attributes(path) then
      error(("records: folder %s cannot be made: %s"):format(path, problem), 0)
    end
  end
  error(("records: no free name for %s in %s"):format(name, root), 0)
end

local function event_files(dir)
  local files = {}
  for name in lfs.dir(dir) do
    if name:find("^events%.out%.tfevents%.") and not name:find("%.tmp$") then files[#files + 1] = dir .. "/" .. name end
  end
  table.sort(files)
  return files
end

local function exists(path)
  return lfs.attributes(path, "mode") ~= nil
end

local function holds_run(dir)
  for _, name in ipairs(run_files) do
    if exists(dir .. "/" .. name) then return true end
  end
  return #event_files(dir) > 0
end

local function remove_run(dir)
  local paths = event_files(dir)
  for _, name in ipairs(run_files) do paths[#paths + 1] = dir .. "/" .. name end
  for _, path in ipairs(paths) do
    if exists(path) then
      local removed, problem = os.remove(path)
      if not removed then error("records: " .. problem, 0) end
    end
  end
end

--- Holds the folder for this process, or says who does. The lock goes with the process, however it ends.
local function lock(dir)
  local about = assert(lfs.attributes(dir))
  local key = about.dev .. ":" .. about.ino
  if open_folders[key] then error(("records: %s is open already in this process"):format(dir), 0) end
  local file, problem = io.open(dir .. "/.lock", "a")
  if not file then error("records: " .. problem, 0) end
  local locked, refusal = lfs.lock(file, "w")
  if not locked and (refusal:find("unavailable") or refusal:find("ermission")) then
    file:close()
    error(("records: another process is writing to %s"):format(dir), 0)
  end
  open_folders[key] = true
  return file, key
end

-- ---- what is known about the process ----

--- The output of a shell command without its last newline, or nil where it fails.
local function ask(command)
  local pipe = io.popen(command, "r")
  if not pipe then return nil end
  local text = pipe:read("a")
  local ok = pipe:close()
  text = text and text:gsub("%s+$", "")
  return ok and text ~= "" and text or nil
end

--- The commit that the working folder stands on, "+changes" where files differ from it.
local function commit()
  local id = ask("git rev-parse HEAD 2>/dev/null")
  if id and ask("git status --porcelain --untracked-files=no 2>/dev/null") then return id .. "+changes" end
  return id
end

local function timestamp(seconds)
  return os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(seconds))
end

-- ---- runs for others ----

--- Of run.json, what is about the machine and not about the run.
local machine_fields = { "host", "folder", "pid" }

--- A text without the name of the folder that it is said from: paths in there are told from it.
function records.without_folder(text, folder)
  local name = type(folder) == "string" and folder:gsub("/+$", "") or ""
  if type(text) ~= "string" or name == "" then return text end
  return (text:gsub((name .. "/"):gsub("%p", "%%%0"), ""))
end

--- Copies what others need of the run in `dir` into the folder `to`, made where missing: configuration, metrics,
--- and run.json without what is about this machine alone.
function records.export(dir, to)
  local about, problem = json.read(dir .. "/run.json")
  if type(about) ~= "table" then
    error(("records.export: %s is not a run: %s"):format(dir, problem or "run.json is not an object"), 0)
  end
  if exists(to .. "/checkpoint.h5") then
    error(("records.export: %s holds a run's checkpoint: it is no place for a copy"):format(to), 0)
  end
  about.command = records.without_folder(about.command, about.folder)
  if type(about.start) == "table" then about.start.script = records.without_folder(about.start.script, about.folder) end
  for _, field in ipairs(machine_fields) do about[field] = nil end
  make_folder(to)
  for _, name in ipairs { "config.json", "metrics.jsonl" } do
    local file, refusal = io.open(dir .. "/" .. name, "rb")
    if not file then error("records.export: " .. refusal, 0) end
    local text = file:read("a")
    file:close()
    process.write_file(to .. "/" .. name, text)
  end
  process.write_file(to .. "/run.json", json.encode(about, "  ") .. "\n")
end

--- What differs between the versions of two run.json, as sentences: other kernels give other bits.
--- (Threads do not.)
local function differences(before, now)
  local found = {}
  for _, name in ipairs { "tide", "lua", "mujoco", "hdf5", "openblas", "kernel", "products" } do
    local old, new = before and before[name], now[name]
    old = math.tointeger(old) or old -- JSON's numbers are read as floats
    if old ~= nil and old ~= new then found[#found + 1] = ("%s was %s and is %s"):format(name, old, new) end
  end
  return found
end

-- ---- opening ----

local function check_free(dir, options)
  if options.resume_step or options.overwrite or not holds_run(dir) then return end
  local about = json.read(dir .. "/run.json")
  local state = type(about) == "table" and about.state or "unfinished"
  error(("records: %s holds a run already (%s); give another folder, resume it, or ask to overwrite it")
    :format(dir, state), 0)
end

local known = {
  start = true, config = true, command = true, resume_step = true, overwrite = true, name = true, root = true,
}

local function check_options(options)
  for key in pairs(options) do
    if not known[key] then error(("records.open: unknown option %q"):format(tostring(key)), 3) end
  end
  if options.resume_step ~= nil and math.type(options.resume_step) ~= "integer" then
    error("records.open: resume_step is not an integer", 3)
  end
end

function Record:open_files()
  local path = self.dir .. "/metrics.jsonl"
  local file, problem = io.open(path, "a")
  if not file then error("records: " .. problem, 0) end
  self.metrics = file
  local newest = 0
  for _, name in ipairs(event_files(self.dir)) do
    newest = math.max(newest, math.tointeger(name:match("tfevents%.(%d+)%.")) or 0)
  end
  -- TensorBoard reads the files of a folder in the order of their names
  local now = process.wall_time()
  local second = math.max(math.floor(now), newest + 1)
  self.events = core.events(("%s/events.out.tfevents.%010d.%s"):format(self.dir, second, process.hostname()), now)
end

--- Opens the folder `dir` for a run, or a fresh one (options.root or "runs")/(options.name or "run") where dir is nil.
--- options:
---   config       every value of the experiment, written to config.json
---   command      the command line, a string or a sequence
---   start        what `tide resume` needs to start the run again: a table, kept from the first start
---   resume_step  continue the run in `dir` from this step: what was logged after it goes
---   overwrite    remove the run that `dir` holds (otherwise that is refused)
--- The record's `differences` lists versions that changed since the part before a resume.
function records.open(dir, options)
  options = options or {}
  check_options(options)
  local config = json.encode(options.config or {}, "  ") .. "\n" -- refused before anything is written
  if dir then make_folder(dir) else dir = records.fresh_folder(options.name or "run", options.root) end
  dir = #dir > 1 and dir:gsub("/+$", "") or dir
  local lock_file, key = lock(dir)
  local self = setmetatable({ dir = dir, name = dir:match("[^/]+$"), lock_file = lock_file, key = key }, Record)
  local ok, problem = pcall(self.start, self, options, config)
  if not ok then
    self:close()
    error(problem, 0)
  end
  return self
end

function Record:start(options, config)
  local dir, now = self.dir, process.wall_time()
  check_free(dir, options)
  local before = options.resume_step and json.read(dir .. "/run.json") or {}
  if options.overwrite and not options.resume_step then remove_run(dir) end
  self.about = {
    command = options.command, commit = commit(), versions = process.versions(), host = process.hostname(),
    pid = process.pid(), folder = lfs.currentdir(), started = before.started or timestamp(now),
    resumed = before.resumed, start = before.start or options.start,
  }
  self.differences = differences(before.versions, self.about.versions)
  self.last_step, self.elapsed_before, self.opened = math.mininteger, 0, process.monotonic()
  if options.resume_step then
    local resumed = self.about.resumed or {}
    resumed[#resumed + 1] = { step = options.resume_step, time = timestamp(now), commit = self.about.commit }
    self.about.resumed = resumed
    self:cut(options.resume_step)
  else
    self:open_files()
  end
  if options.config or not exists(dir .. "/config.json") then process.write_file(dir .. "/config.json", config) end
  self:state("running")
end

-- ---- writing ----

--- Seconds that the run has taken, those before a resume included.
function Record:elapsed()
  return self.elapsed_before + process.monotonic() - self.opened
end

local function check_open(self, what)
  if not self.metrics then error(("record:%s: the record is closed"):format(what), 3) end
end

local function milliseconds(seconds)
  return math.floor(seconds * 1000 + 0.5) / 1000
end

--- Adds {tag = number, ...} at `step`, to metrics.jsonl and to TensorBoard's events; steps never decrease.
--- Clock readings and speeds belong under tags that start with "time/".
function Record:log(step, values)
  check_open(self, "log")
  step = math.tointeger(step) or error("record:log: the step is not an integer", 2)
  if step < self.last_step then
    error(("record:log: step %d after step %d"):format(step, self.last_step), 2)
  end
  local tags, numbers, line = {}, {}, { step = step }
  for tag, value in pairs(values) do
    if type(tag) ~= "string" or tag == "step" or type(value) ~= "number" then
      error(("record:log: %s = %s; tags are strings (not \"step\"), values numbers")
        :format(tostring(tag), tostring(value)), 2)
    end
    tags[#tags + 1], line[tag] = tag, value
  end
  table.sort(tags)
  for i, tag in ipairs(tags) do numbers[i] = line[tag] end
  local now = process.wall_time()
  line["time/elapsed"] = line["time/elapsed"] or milliseconds(self:elapsed())
  line["time/wall"] = line["time/wall"] or milliseconds(now)
  local keys = { "step" }
  for tag in pairs(line) do
    if tag ~= "step" then keys[#keys + 1] = tag end
  end
  table.sort(keys, function(a, b)
    if a == "step" or b == "step" then return a == "step" and b ~= "step" end
    return a < b
  end)
  local written, problem = self.metrics:write(json.encode_line(keys, line), "\n")
  if written then written, problem = self.metrics:flush() end
  if not written then error(("record:log: %s/metrics.jsonl: %s"):format(self.dir, problem), 0) end
  self.events:add(step, now, tags, numbers)
  self.last_step = step
end

--- Returns when what was logged is on disk.
function Record:flush()
  check_open(self, "flush")
  self.metrics:flush()
  self.events:sync()
end

local function close_files(self)
  if self.metrics then self.metrics:close() end
  if self.events then self.events:close() end
  self.metrics, self.events = nil, nil
end

--- The lines of metrics.jsonl up to `step` and the last of their "time/elapsed". A damaged line goes too.
local function lines_until(path, step)
  local kept, elapsed, last = {}, 0, math.mininteger
  local file = io.open(path, "rb")
  if not file then return "", 0, last end
  for line in file:lines() do
    local row = json.decode(line)
    local at = type(row) == "table" and math.tointeger(row.step)
    if at and at <= step then
      kept[#kept + 1] = line .. "\n"
      elapsed, last = json.number(row["time/elapsed"]) or elapsed, at
    end
  end
  file:close()
  return table.concat(kept), elapsed, last
end

--- Takes out what was logged after `step`; logging continues from there.
function Record:cut(step)
  if not self.lock_file then error("record:cut: the record is closed", 2) end
  close_files(self)
  local path = self.dir .. "/metrics.jsonl"
  local text, elapsed, last = lines_until(path, step)
  process.write_file(path, text)
  for _, name in ipairs(event_files(self.dir)) do core.events_cut(name, step) end
  self.elapsed_before, self.opened, self.last_step = elapsed, process.monotonic(), last
  self:open_files()
end

local states = { running = true, done = true, failed = true, interrupted = true }

--- Writes run.json: state is "running", "done", "failed" or "interrupted" (by a signal, to be resumed);
--- `extra` is merged in (results, an error's message).
function Record:state(state, extra)
  if not states[state] then
    error(("record:state: %q; a run is running, done, failed or interrupted"):format(tostring(state)), 2)
  end
  local about = {}
  for key, value in pairs(self.about) do about[key] = value end
  for key, value in pairs(extra or {}) do about[key] = value end
  local now = timestamp(process.wall_time())
  about.state, about.updated, about.seconds = state, now, milliseconds(self:elapsed())
  if state ~= "running" then about.ended = now end
  process.write_file(self.dir .. "/run.json", json.encode(about, "  ") .. "\n")
end

--- Closes the files and frees the folder. The state stays what it was.
function Record:close()
  close_files(self)
  if self.lock_file then
    self.lock_file:close()
    open_folders[self.key] = nil
    self.lock_file = nil
  end
end

Record.__close = Record.close
Record.__gc = Record.close

return records
