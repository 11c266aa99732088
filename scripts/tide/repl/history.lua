--- The lines typed at the prompt, kept from one session to the next.
-- One line of text each, appended as it is typed: sessions side by side lose nothing.
local lfs = require "lfs"
local process = require("tide.core").process

local history = {}

local KEPT = 1000

--- $TIDE_HISTORY, or tide/history in $XDG_STATE_HOME (~/.local/state); nil where there is no home.
function history.path()
  local named = os.getenv "TIDE_HISTORY"
  if named and named ~= "" then
    return named
  end
  local state, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
  if state and state:sub(1, 1) == "/" then
    return state .. "/tide/history"
  end
  return home and home ~= "" and home .. "/.local/state/tide/history" or nil
end

local function make_folders(path)
  for at in path:gmatch "()/" do
    if at > 1 then
      lfs.mkdir(path:sub(1, at - 1))
    end
  end
end

--- The lines in the file at `path`, oldest first; none where it cannot be read.
-- A file that has grown long is cut to its last lines.
function history.load(path)
  local lines = {}
  local file = io.open(path)
  if not file then
    return lines
  end
  for line in file:lines() do
    lines[#lines + 1] = line
  end
  file:close()
  if #lines > 2 * KEPT then
    lines = table.move(lines, #lines - KEPT + 1, #lines, 1, {})
    pcall(process.write_file, path, table.concat(lines, "\n") .. "\n")
  end
  return lines
end

--- Appends a line; false where the file cannot be written (a prompt works without).
function history.append(path, line)
  local file = io.open(path, "a")
  if not file then
    make_folders(path)
    file = io.open(path, "a")
  end
  if not file then
    return false
  end
  file:write(line, "\n")
  file:close()
  return true
end

return history
