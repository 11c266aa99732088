--- A tiny sweep for tests of its launchers: what it runs, and what came out of it.
local core = require "tide.core"
local files = require "support.files"
local json = require "tide.json"
local lfs = require "lfs"
local program = require "support.program"

local sweeps = {}

-- SLOW is read by the script: milliseconds that an update sleeps, so that a signal meets it in the middle. What FAILING
-- names is a file; while it is there SAC's runs with seed 1 fail after their second checkpoint.
local script = [[
local tide = require "tide"
local slow, failing = tonumber(os.getenv "SLOW" or 0), os.getenv "FAILING"
for _, name in ipairs { "sac", "td3_bc" } do
  local class = tide.agents[name]
  local inherited, updates = class.update, 0
  function class:update(batches)
    updates = updates + 1
    if slow > 0 then require("luv").sleep(slow) end
    if updates == 1 then print("cores", table.concat(require("tide.core").process.cores(), " ")) end
    if failing and self.fails and updates == 25 and io.open(failing) then error("no such luck", 0) end
    return inherited(self, batches)
  end
end
return tide.sweep {
  seeds = 2, steps = 40,
  axes = {
    { gap = { { "gravity", "gravity(2.0)" }, { "friction", "friction(0.3)" } } },
    { agent = { "sac", "td3_bc" } },
  },
  experiment = function(cell)
    local class = tide.agents[cell.agent]
    class.fails = cell.seed == 1 and cell.agent == "sac"
    return {
      agent = class { hidden = { 16, 16 }, batch = 32 },
      real = { env = "HalfCheetah", dataset = "DATASET" },
      sim = { gap = cell.gap },
      training = { epoch_updates = 10, epoch_rollout_steps = 10 },
      evaluation = { every = 2, episodes = 1 }, checkpoint = { every = 1 },
    }
  end,
}
]]

--- Writes FOLDER/table.lua and its dataset.
function sweeps.write(folder)
  files.write(folder .. "/table.lua", (script:gsub("DATASET", folder .. "/data.h5")))
  require("tide.recipes").make("halfcheetah-random", { transitions = 1100, path = folder .. "/data.h5" })
end

--- `tide sweep ARGUMENTS` in the folder -> exit code, all that it said
function sweeps.run(folder, arguments, env)
  local result = program.shell(("cd %s && exec %s sweep %s"):format(folder, program.path, arguments), { env = env })
  return result.code, result.out .. result.err
end

--- Starts it in the background. -> process id
function sweeps.start(folder, arguments, env)
  local variables = {}
  for name, value in pairs(env or {}) do variables[#variables + 1] = name .. "=" .. value end
  local pipe = io.popen(("cd %s && %s %s sweep %s >%s/said 2>&1 & echo $!"):format(folder,
    table.concat(variables, " "), program.path, arguments, folder))
  local pid = pipe:read "l"
  pipe:close()
  return pid
end

--- Waits until there are `n` files of a shell's pattern; a minute at most.
function sweeps.wait(pattern, n)
  local loop = "for i in $(seq 3000); do [ $(ls %s 2>/dev/null | wc -l) -ge %d ] && exit 0; sleep 0.02; done; exit 1"
  assert(os.execute(loop:format(pattern, n or 1)), "never there: " .. pattern)
end

--- Returns when no process holds the folder: one that is killed holds it a moment longer.
local function wait_free(dir)
  for _ = 1, 3000 do
    if not core.process.lock_holder(dir .. "/.lock") then return end
    os.execute "sleep 0.02"
  end
  error("never free: " .. dir)
end

--- Kills the launcher of a sweep by SIGKILL, its workers too unless `alone`; returns when they are gone.
function sweeps.kill(folder, out, pid, alone)
  local dir = ("%s/%s"):format(folder, out)
  os.execute("kill -KILL " .. pid)
  wait_free(dir)
  if alone then return end
  for name in lfs.dir(dir .. "/runs") do
    local run = ("%s/runs/%s"):format(dir, name)
    local holder = name:sub(1, 1) ~= "." and core.process.lock_holder(run .. "/.lock")
    if holder then
      os.execute(("kill -KILL %d"):format(holder))
      wait_free(run)
    end
  end
end

function sweeps.status(folder, out)
  local code, text = sweeps.run(folder, ("status %s --json"):format(out))
  assert(code == 0, text)
  return json.decode(text)
end

--- Of every cell and seed the metrics of its run, without times.
function sweeps.results(folder, out)
  local results = {}
  for _, cell in ipairs(sweeps.status(folder, out).cells) do
    for _, one in ipairs(cell.runs) do
      local run = ("%s/%s/runs/%s"):format(folder, out, one.run)
      results[("%s seed %d"):format(cell.name, one.seed)] = files.metrics(run)
    end
  end
  return results
end

--- State -> how many runs.
function sweeps.states(folder, out)
  local states = {}
  for _, run in ipairs(sweeps.status(folder, out).runs) do states[run.state] = (states[run.state] or 0) + 1 end
  return states
end

return sweeps
