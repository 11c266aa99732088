--- Minari datasets on disk: NAME-vK/data/ with main_data.hdf5 and metadata.json.
local core = require "tide.core"
local json = require "tide.json"
local lfs = require "lfs"

local minari = {}

--- Beside Minari's two files: D4RL's group `metadata`, for the way back.
minari.D4RL_METADATA = "d4rl_metadata.h5"

--- The folder with metadata.json, where `path` means a Minari dataset: its folder, its data/, or its HDF5 file.
function minari.folder(path)
  path = #path > 1 and path:gsub("/+$", "") or path
  local file_folder = path:match("^(.*)/main_data%.hdf5$") or (path == "main_data.hdf5" and ".")
  if file_folder then return file_folder end
  if lfs.attributes(path, "mode") ~= "directory" then return nil end
  return lfs.attributes(path .. "/data", "mode") == "directory" and path .. "/data" or path
end

--- The environment that metadata.json speaks of, by Tide's name: "HalfCheetah" of HalfCheetah-v5.
local function environment(metadata)
  if type(metadata.tide_env) == "string" then return metadata.tide_env end
  local spec = type(metadata.env_spec) == "string" and json.decode(metadata.env_spec)
  local id = type(spec) == "table" and type(spec.id) == "string" and spec.id or ""
  return (id:gsub("^.*/", ""):match("^(%a[%w]*)%-v%d+$"))
end

--- What metadata.json says, `env` added; nil where there is none that can be read.
function minari.metadata(path)
  local folder = minari.folder(path)
  local metadata = folder and json.read(folder .. "/metadata.json")
  if type(metadata) ~= "table" then return nil end
  for key, value in pairs(metadata) do
    if value == json.null then metadata[key] = nil end
    if math.type(value) == "float" then metadata[key] = math.tointeger(value) or value end
  end
  metadata.env = environment(metadata)
  return metadata
end

--- The D4RL metadata of a dataset that was converted from D4RL's layout; nil where there is none.
function minari.d4rl_metadata(path)
  local folder = minari.folder(path)
  local ok, metadata = pcall(core.tree_read, (folder or ".") .. "/" .. minari.D4RL_METADATA)
  return folder and ok and metadata or nil
end

return minari
