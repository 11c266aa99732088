--- How far a run is, from the files in its folder alone.
local core = require "tide.core"
local json = require "tide.json"
local lfs = require "lfs"

local state = {}

local TAIL = 65536 -- bytes from the end of metrics.jsonl: more than the lines between two evaluations hold
local RATE_LINES = 5

--- The last whole rows of metrics.jsonl, oldest first.
local function last_rows(path)
  local file = io.open(path, "rb")
  if not file then return {} end
  local size = file:seek "end"
  file:seek("set", math.max(0, size - TAIL))
  local text = file:read "a"
  file:close()
  if size > TAIL then text = text:gsub("^[^\n]*\n", "") end
  local rows = {}
  for line in text:gmatch "([^\n]*)\n" do
    local row = json.decode(line)
    if type(row) == "table" and json.number(row.step) then rows[#rows + 1] = row end
  end
  return rows
end

--- Updates a second over the last lines, evaluations included.
local function rate_of(rows)
  local last, first = rows[#rows], rows[math.max(1, #rows - RATE_LINES)]
  if not last or last == first then return nil end
  local seconds = (json.number(last["time/wall"]) or 0) - (json.number(first["time/wall"]) or 0)
  local updates = last.step - first.step
  return seconds > 0 and updates > 0 and updates / seconds or nil
end

local function from_metrics(about, path)
  local rows = last_rows(path)
  if #rows == 0 then return end
  about.updates, about.rate = math.tointeger(rows[#rows].step), rate_of(rows)
  for i = #rows, 1, -1 do
    local value = json.number(rows[i]["eval/return"])
    if value then
      about.last_return, about.score = value, json.number(rows[i]["eval/score"])
      break
    end
  end
end

--- of(dir) -> { state =, updates =, resumable = has a checkpoint, rate = updates a second, last_return =, score =,
---              problem = of a failed one, seconds =, host = }
--- state: "waiting" (nothing there), "running" (a process holds it), "interrupted" (by a signal, or killed), "failed",
--- "done".
function state.of(dir)
  local about = { state = "waiting", updates = 0 }
  local record = json.read(dir .. "/run.json")
  local held = core.process.lock_holder(dir .. "/.lock") ~= nil
  if type(record) == "table" then
    from_metrics(about, dir .. "/metrics.jsonl")
    about.seconds, about.host, about.problem = json.number(record.seconds), record.host, record.problem
    if held then about.state = "running"
    elseif record.state == "done" or record.state == "failed" then about.state = record.state
    else about.state = "interrupted" end
    if about.state == "done" then
      about.updates = math.tointeger(record.updates) or about.updates
      local evaluation = type(record.evaluation) == "table" and record.evaluation or {}
      about.last_return = json.number(evaluation["return"]) or about.last_return
    end
  elseif held then
    about.state = "running"
  end
  about.resumable = lfs.attributes(dir .. "/checkpoint.h5", "mode") == "file"
  return about
end

--- Notes that a run failed where the run itself could not: its record has not been begun, or cannot be gone on with.
--- A run that another process holds, or that is done, stays as it is.
function state.fail(dir, problem)
  local path = dir .. "/run.json"
  local record = json.read(path)
  if type(record) ~= "table" then record = {} end
  if core.process.lock_holder(dir .. "/.lock") or record.state == "done" or record.state == "failed" then return end
  record.state, record.problem = "failed", problem
  require("tide.records").make_folder(dir)
  core.process.write_file(path, json.encode(record, "  ") .. "\n")
end

return state
