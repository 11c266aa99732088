--- The datasets that the runs of a sweep need: made once, before the first run, by whoever holds the lock.
local lfs = require "lfs"
local recipes = require "tide.recipes"
local records = require "tide.records"
local uv = require "luv"

local datasets = {}

local POLL = 500 -- milliseconds between looks at a lock that another process holds

--- The dataset files of the runs, each once, in the order of the runs: { { name =, cell = that needs it }, ... }
local function needed(runs)
  local list, seen = {}, {}
  for _, run in ipairs(runs) do
    local name = run.config.real.dataset
    if name and not seen[name] then
      seen[name] = true
      list[#list + 1] = { name = name, cell = run.asked or run.cells[1] }
    end
  end
  return list
end

--- f() while this process alone holds PATH's lock, a hidden file beside it. Waits for others.
local function locked(path, say, f)
  local folder, name = path:match "^(.*)/([^/]*)$"
  if folder then records.make_folder(folder) end
  local lock_path = ("%s/.%s.lock"):format(folder or ".", name or path)
  local file <close> = assert(io.open(lock_path, "a"))
  local told = false
  while true do
    local ok, refusal = lfs.lock(file, "w")
    if ok then break end
    if not (refusal:find "unavailable" or refusal:find "ermission") then
      error(("%s: %s"):format(lock_path, refusal), 0)
    end
    if not told then say(("waiting for %s, which another process makes"):format(path)) end
    told = true
    uv.sleep(POLL)
  end
  return f()
end

--- `tide ARGUMENTS` with this terminal, waited for; what ends this process ends it first.  -> exit code
local function run_program(program, arguments)
  local code
  local process = assert(uv.spawn(program, { args = arguments, stdio = { 0, 1, 2 } }, function(status, signal)
    code = signal ~= 0 and 128 + signal or status
  end))
  local caught
  local handles = {}
  for _, name in ipairs { "sigint", "sigterm", "sighup" } do
    local handle = uv.new_signal()
    handle:start(name, function()
      caught = name
      process:kill "sigterm"
    end)
    handles[#handles + 1] = handle
  end
  while not code do uv.run "once" end
  for _, handle in ipairs(handles) do handle:close() end
  process:close()
  uv.run "nowait"
  return code, caught
end

--- -> whether the file is there, its path; refuses names that nobody knows.
local function look(one, made)
  if made.datasets[one.name] then return recipes.exists(one.name), one.name, made.datasets[one.name] end
  local ok, path = pcall(recipes.path, one.name)
  if not ok then error(("cell %s needs a dataset: %s"):format(one.cell, path), 0) end
  local there = recipes.exists(one.name)
  if not there and path ~= one.name then
    local possible, problem = pcall(recipes.check, one.name)
    if not possible then error(("cell %s needs a dataset: %s"):format(one.cell, problem), 0) end
  end
  return there, path
end

--- Makes what is missing, one after the other; what the sweep itself says how to make, after the dataset that it is of.
--- made: the sweep. program: tide's own path.
function datasets.provide(made, runs, program, say)
  local list = {}
  local function add(one)
    local own = made.datasets[one.name]
    if own and own.from then add { name = own.from, cell = one.cell } end
    list[#list + 1] = one
  end
  for _, one in ipairs(needed(runs)) do add(one) end
  for _, one in ipairs(list) do look(one, made) end -- all that is wrong is said before anything is made
  for _, one in ipairs(list) do
    local there, path, own = look(one, made)
    if not there and not own and path == one.name then
      error(("cell %s needs the dataset %s: there is no such file"):format(one.cell, path), 0)
    end
    if not there then
      locked(path, say, function()
        if recipes.exists(one.name) then return end -- while this process waited
        say(("making the dataset %s, which the runs need"):format(one.name))
        if own then
          own.make(path, own.from and recipes.path(own.from))
        else
          local code, caught = run_program(program, { "dataset", "make", one.name })
          if code ~= 0 then
            error(("the dataset %s could not be made (%s); by hand: tide dataset make %s"):format(one.name,
              caught and "stopped by " .. caught:upper() or "exit code " .. code, one.name), 0)
          end
        end
        if not recipes.exists(one.name) then error(("the dataset %s was not made"):format(path), 0) end
      end)
    end
  end
end

return datasets
