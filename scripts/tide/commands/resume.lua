--- tide resume DIR: continue an interrupted run from its last checkpoint.
local json = require "tide.json"
local lfs = require "lfs"
local script = require "tide.script"

local resume = { summary = "Continue an interrupted run." }

function resume.configure(command)
  command:argument("folder", "The run's folder, such as runs/h2o-halfcheetah-seed1.")
  command:option("--script", "The experiment script, where it is not where it was.")
  command:option("--steps", "Updates in all, to train longer than first asked.", nil, tonumber)
  command:flag("--quiet", "Show no progress.")
end

--- Where `path`, relative to the folder that the run was started in, is now.
local function locate(path, folder)
  if path:sub(1, 1) ~= "/" and lfs.attributes(path, "mode") ~= "file" then return folder .. "/" .. path end
  return path
end

function resume.run(args)
  local about = json.read(args.folder .. "/run.json")
  if type(about) ~= "table" then error(("%s: no run.json: not the folder of a run"):format(args.folder), 0) end
  if lfs.attributes(args.folder .. "/checkpoint.h5", "mode") ~= "file" then
    error(("%s: no checkpoint.h5: the run ended before its first one"):format(args.folder), 0)
  end
  if about.state == "done" and not args.steps then
    io.stdout:write(("%s is done; --steps N trains longer\n"):format(args.folder))
    return 0
  end
  local started = about.start
  if type(started) ~= "table" or type(started.script) ~= "string" then
    error(("%s: run.json does not say which script made it; give --script"):format(args.folder), 0)
  end
  local path = args.script or locate(started.script, about.folder or ".")
  return script.run(path, started.arguments or {}, {
    seed = started.seed, steps = args.steps or started.steps, threads = started.threads, set = started.set or {},
    resume = args.folder, quiet = args.quiet, command = about.command,
    script = started.script, arguments = started.arguments or {},
  })
end

return resume
