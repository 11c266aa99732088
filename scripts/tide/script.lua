--- Running a script of experiments, as tide run, tide resume and the workers of a sweep do.
local experiment = require "tide.experiment"
local lfs = require "lfs"
local sweep = require "tide.sweep"

local script = {}

--- Modules beside a script are its own: `require "my_agent"` finds my_agent.lua in its folder.
local function search_beside(path)
  local here = (path:match "^(.*)/[^/]*$" or ".") .. "/?.lua;"
  if package.path:sub(1, #here) ~= here then package.path = here .. package.path end
end

--- What the script returns. `arguments` are its arg and its `...`.
function script.load(path, arguments)
  if lfs.attributes(path, "mode") ~= "file" then error(("%s: no such script"):format(path), 0) end
  search_beside(path)
  local chunk, problem = loadfile(path)
  if not chunk then error(problem, 0) end
  _G.arg = { [0] = path, table.unpack(arguments or {}) }
  return chunk(table.unpack(arguments or {}))
end

--- A script that returned a sweep: its first argument names the cell to run; without one its cells are listed.
local function run_cell(made, path, cell)
  if cell then return made:make(cell):train() end
  print(("%s is a sweep. All of it: tide sweep %s; one cell: tide run %s CELL. Its cells:"):format(path, path, path))
  for _, name in ipairs(made:names()) do print("  " .. name) end
end

--- Runs it with tide.experiment's overrides set. What a signal ended says how it goes on.
function script.run(path, arguments, overrides)
  experiment.override(overrides)
  local returned = script.load(path, arguments)
  if sweep.is(returned) then run_cell(returned, path, arguments[1]) end
end

return script
