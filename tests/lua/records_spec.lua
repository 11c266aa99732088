local json = require "tide.json"
local lfs = require "lfs"
local records = require "tide.records"
local files = require "support.files"

local read, write = files.read, files.write
local root

local function rows(dir)
  local list = {}
  for line in io.lines(dir .. "/metrics.jsonl") do list[#list + 1] = assert(json.decode(line)) end
  return list
end

local function event_files(dir)
  local names = {}
  for name in lfs.dir(dir) do
    if name:find("^events%.out%.tfevents%.%d+%.") then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

--- The Events of all files, as their bytes; the decoder that knows the fields is in tests/c/log.
local function events(dir)
  local found = {}
  for _, name in ipairs(event_files(dir)) do
    local text, at = read(dir .. "/" .. name), 1
    while at <= #text do
      local length = string.unpack("<I8", text, at)
      found[#found + 1] = text:sub(at + 12, at + 11 + length)
      at = at + 16 + length
    end
  end
  return found
end

local function count_events(dir, tag)
  local count = 0
  for _, event in ipairs(events(dir)) do
    if event:find(tag, 1, true) then count = count + 1 end
  end
  return count
end

local function log_steps(rec, first, last)
  for step = first, last, 100 do rec:log(step, { ["eval/return"] = step / 7, ["losses/q1"] = 1 / (step + 1) }) end
end

--- Runs `text` in another process, with this library; its output.
local function child(text)
  local name = os.tmpname()
  write(name, text)
  local pipe = assert(io.popen("lua5.4 " .. name .. " 2>&1"))
  local output = pipe:read("a")
  pipe:close()
  os.remove(name)
  return output
end

describe("records", function()
  before_each(function()
    root = os.tmpname()
    os.remove(root)
    assert(lfs.mkdir(root))
  end)

  after_each(function() os.execute("rm -rf " .. root) end)

  it("leaves config, metrics, events and run.json", function()
    local rec = records.open(root .. "/a/b", { config = { seed = 3, agent = { name = "h2o", lr = 3e-4 } },
                                               command = { "tide", "run" } })
    log_steps(rec, 0, 300)
    rec:flush()
    rec:state("done", { final_return = 12.5 })
    rec:close()
    local dir = root .. "/a/b"
    assert.same({ seed = 3, agent = { name = "h2o", lr = 3e-4 } }, json.read(dir .. "/config.json"))
    local list = rows(dir)
    assert.equal(4, #list)
    assert.equal(300, list[4].step)
    assert.equal(300 / 7, list[4]["eval/return"])
    assert.is_true(list[4]["time/elapsed"] >= 0 and math.abs(list[4]["time/wall"] - os.time()) < 100)
    assert.equal(4, count_events(dir, "eval/return"))
    local about = json.read(dir .. "/run.json")
    assert.equal("done", about.state)
    assert.equal(12.5, about.final_return)
    assert.same({ "tide", "run" }, about.command)
    assert.matches("^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$", about.started)
    for _, name in ipairs { "tide", "lua", "mujoco", "hdf5", "openblas", "kernel", "products", "threads" } do
      assert.is_truthy(about.versions[name], name)
    end
  end)

  it("writes equal runs equally, but for the values under time/", function()
    local texts = {}
    for i = 1, 2 do
      local rec = records.open(root .. "/" .. i, { config = { seed = 1 } })
      for step = 1, 50 do
        local values = { ["time/updates_per_s"] = os.clock() + i }
        for k = 1, 20 do values["tag" .. (i == 1 and k or 21 - k)] = (i == 1 and k or 21 - k) / 3 + step end
        rec:log(step, values)
      end
      rec:close()
      texts[i] = read(rec.dir .. "/metrics.jsonl"):gsub('"time/[^"]*":[^,}]*,?', "")
    end
    assert.equal(texts[1], texts[2])
    assert.is_nil(texts[1]:find("time"))
    assert.equal(read(root .. "/1/config.json"), read(root .. "/2/config.json"))
  end)

  it("has each line in the file as soon as it is logged", function()
    local rec <close> = records.open(root .. "/a")
    for step = 1, 3 do
      rec:log(step, { ["eval/return"] = step })
      assert.equal(step, #rows(rec.dir))
      assert.equal(step, count_events(rec.dir, "eval/return"))
    end
  end)

  it("logs numbers that JSON has no way to write", function()
    local rec <close> = records.open(root .. "/a")
    rec:log(1, { loss = 0 / 0, high = math.huge, low = -math.huge })
    local row = rows(rec.dir)[1]
    assert.same({ "nan", "inf", "-inf" }, { row.loss, row.high, row.low })
  end)

  it("refuses what is no metric, and writes nothing of it", function()
    local rec <close> = records.open(root .. "/a")
    rec:log(5, { x = 1 })
    for _, values in ipairs { { x = "1" }, { x = true }, { 3 }, { step = 3 } } do
      assert.has_error(function() rec:log(6, values) end)
    end
    assert.error_matches(function() rec:log(4, { x = 1 }) end, "step 4 after step 5")
    assert.has_error(function() rec:log(5.5, { x = 1 }) end)
    assert.has_error(function() rec:state("finished") end)
    assert.equal(1, #rows(rec.dir))
  end)

  it("does not overwrite a run unless told", function()
    local rec = records.open(root .. "/a", { config = { seed = 1 } })
    rec:log(1, { ["eval/return"] = 1 })
    rec:state("done")
    rec:close()
    write(root .. "/a/checkpoint.h5", "old")
    local before = read(root .. "/a/metrics.jsonl")
    assert.error_matches(function() records.open(root .. "/a") end, "holds a run already %(done%)")
    assert.equal(before, read(root .. "/a/metrics.jsonl"))
    records.open(root .. "/a", { overwrite = true }):close()
    assert.equal("", read(root .. "/a/metrics.jsonl"))
    assert.equal(0, count_events(root .. "/a", "eval/return"))
    assert.is_nil(lfs.attributes(root .. "/a/checkpoint.h5"))
  end)

  it("knows four states", function()
    local rec <close> = records.open(root .. "/a")
    for _, state in ipairs { "failed", "interrupted", "done", "running" } do
      rec:state(state, { problem = "p" })
      local about = json.read(root .. "/a/run.json")
      assert.same({ state, "p" }, { about.state, about.problem })
      assert.equal(state ~= "running", about.ended ~= nil)
    end
  end)

  it("takes a folder that holds other things, and keeps them", function()
    lfs.mkdir(root .. "/a")
    write(root .. "/a/notes.txt", "mine")
    records.open(root .. "/a"):close()
    records.open(root .. "/a", { overwrite = true }):close()
    assert.equal("mine", read(root .. "/a/notes.txt"))
  end)

  it("finds a free name of its own", function()
    local names = {}
    for i = 1, 3 do
      local rec = records.open(nil, { root = root .. "/runs", name = "h2o half/cheetah" })
      names[i] = rec.name
      rec:close()
    end
    assert.same({ "h2o-half-cheetah", "h2o-half-cheetah-2", "h2o-half-cheetah-3" }, names)
    for _, odd in ipairs { "", "..", "/", "../../x" } do
      local path = records.fresh_folder(odd, root)
      assert.equal(root, path:match("^(.*)/[^/]+$"))
    end
  end)

  it("cuts back to the step it resumes from", function()
    local rec = records.open(root .. "/a", { config = { seed = 1 } })
    log_steps(rec, 0, 1000)
    rec:close()
    local resumed = records.open(root .. "/a", { resume_step = 450, config = { seed = 1 } })
    assert.equal(5, #rows(root .. "/a"))
    assert.equal(5, count_events(root .. "/a", "eval/return"))
    log_steps(resumed, 500, 700)
    resumed:state("done")
    resumed:close()
    local steps = {}
    for i, row in ipairs(rows(root .. "/a")) do steps[i] = row.step end
    assert.same({ 0, 100, 200, 300, 400, 500, 600, 700 }, steps)
    assert.equal(8, count_events(root .. "/a", "eval/return"))
    assert.equal(2, #event_files(root .. "/a"))
    local about = json.read(root .. "/a/run.json")
    assert.equal(450, about.resumed[1].step)
    assert.equal("done", about.state)
  end)

  it("gives a resumed run the lines of an unbroken one", function()
    local function strip(dir) return (read(dir .. "/metrics.jsonl"):gsub('"time/[^"]*":[^,}]*,?', "")) end
    local whole = records.open(root .. "/whole")
    log_steps(whole, 0, 900)
    whole:close()
    local first = records.open(root .. "/broken")
    log_steps(first, 0, 600)
    first:close()
    local second = records.open(root .. "/broken", { resume_step = 300 })
    log_steps(second, 400, 900)
    second:close()
    assert.equal(strip(root .. "/whole"), strip(root .. "/broken"))
  end)

  it("mends a line that a killed process left half written", function()
    local rec = records.open(root .. "/a")
    log_steps(rec, 0, 300)
    rec:close()
    write(root .. "/a/metrics.jsonl", read(root .. "/a/metrics.jsonl") .. '{"step":400,"eval/ret')
    records.open(root .. "/a", { resume_step = 1000 }):close()
    assert.equal(4, #rows(root .. "/a"))
  end)

  it("counts the time before a resume, not the time between", function()
    local rec = records.open(root .. "/a")
    rec:log(1, { x = 1, ["time/elapsed"] = 500 })
    rec:close()
    local resumed <close> = records.open(root .. "/a", { resume_step = 1 })
    assert.is_true(resumed:elapsed() >= 500 and resumed:elapsed() < 510)
  end)

  it("tells which versions changed since the part before", function()
    local rec = records.open(root .. "/a")
    rec:close()
    local about = json.read(root .. "/a/run.json")
    local now = about.versions.kernel
    about.versions.kernel = "Pentium"
    write(root .. "/a/run.json", json.encode(about))
    local resumed <close> = records.open(root .. "/a", { resume_step = 0 })
    assert.same({ "kernel was Pentium and is " .. now }, resumed.differences)
  end)

  it("lets one process at a time write", function()
    local rec = records.open(root .. "/a")
    assert.error_matches(function() records.open(root .. "/a", { resume_step = 0 }) end, "open already in this process")
    local attempt = ('print(pcall(require("tide.records").open, "%s/a", { resume_step = 0 }))'):format(root)
    assert.matches("^false.*another process is writing", child(attempt))
    rec:close()
    assert.matches("^true", child(attempt))
    records.open(root .. "/a", { resume_step = 0 }):close()
  end)

  it("frees the folder of a process that was killed", function()
    child(('require("tide.records").open("%s/a"):log(1, { x = 1 })\n'):format(root)
      .. 'io.popen("kill -KILL " .. require("tide.core").process.pid()):close()')
    assert.equal("running", json.read(root .. "/a/run.json").state)
    local rec <close> = records.open(root .. "/a", { resume_step = 1 })
    assert.equal(1, #rows(rec.dir))
  end)

  it("leaves nothing behind for a configuration it cannot write", function()
    assert.error_matches(function()
      records.open(root .. "/a", { config = { agent = { act = print } } })
    end, "value%.agent%.act is a function")
    assert.is_nil(lfs.attributes(root .. "/a"))
    assert.error_matches(function() records.open(root .. "/a", { confg = {} }) end, "confg")
  end)

  it("answers calls after close with errors", function()
    local rec = records.open(root .. "/a")
    rec:close()
    rec:close()
    assert.error_matches(function() rec:log(1, { x = 1 }) end, "closed")
    assert.error_matches(function() rec:flush() end, "closed")
  end)

  it("says so when the folder cannot be made", function()
    write(root .. "/file", "")
    assert.error_matches(function() records.open(root .. "/file/run") end, "file")
  end)
end)
