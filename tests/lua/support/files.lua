--- Files in tests: whole texts, and the metrics of a run.
local json = require "tide.json"

local files = {}

function files.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("a")
  file:close()
  return text
end

function files.write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

--- The lines of a run's metrics.jsonl without their times: what equal runs have in common.
function files.metrics(run)
  local lines = {}
  for line in io.lines(run .. "/metrics.jsonl") do
    local row = json.decode(line)
    for key in pairs(row) do
      if key:find("^time/") then row[key] = nil end
    end
    lines[#lines + 1] = row
  end
  return lines
end

return files
