--- Where Tide's own files are: the folder that holds envs/ and experiments/.
-- In the source tree it is the tree itself; installed as PREFIX/share/lua/5.4/tide it is PREFIX/share/tide.
-- The environment variable TIDE_HOME names another one.
local lfs = require "lfs"

local paths = {}

local function is_folder(path)
  return lfs.attributes(path, "mode") == "directory"
end

--- A path that stays good when the working folder changes.
function paths.absolute(path)
  if path:sub(1, 1) == "/" then
    return path
  end
  return lfs.currentdir() .. "/" .. path:gsub("^%./", "")
end

--- The folder that this file is in: the Lua library.
paths.modules = paths.absolute(debug.getinfo(1, "S").source:sub(2):match("^(.*)/[^/]*$") or ".")

local function find_home()
  local named = os.getenv "TIDE_HOME"
  if named and named ~= "" then
    if not is_folder(named) then
      error("TIDE_HOME names " .. named .. ", which is not a folder", 0)
    end
    return paths.absolute(named)
  end
  local prefix = paths.modules:match("^(.*)/share/lua/5%.4/tide$")
  if prefix and is_folder(prefix .. "/share/tide") then
    return prefix .. "/share/tide"
  end
  local tree = paths.modules:match("^(.*)/scripts/tide$")
  if tree then
    return tree
  end
  error("Tide's envs/ are not where they belong beside " .. paths.modules
        .. "; set TIDE_HOME to the folder that holds them", 0)
end

local home

--- The folder that holds envs/ and experiments/.
function paths.home()
  home = home or find_home()
  return home
end

--- paths.envs("half_cheetah.lua") -> a path in Tide's envs folder; without a name, the folder.
function paths.envs(name)
  return paths.home() .. "/envs" .. (name and "/" .. name or "")
end

--- As paths.envs, in the experiments folder.
function paths.experiments(name)
  return paths.home() .. "/experiments" .. (name and "/" .. name or "")
end

return paths
