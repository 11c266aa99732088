--- Datasets to plant defects in: their arrays as Lua tables, rolled out in a world, written in either layout.
local core = require "tide.core"
local lfs = require "lfs"
local json = require "tide.json"
local world = require "tide.world"

local datasets = {}

--- roll_out(env, n, given) -> arrays: n rows of random actions, row i of each a sequence of numbers (flags: 0 or 1).
--- given: seed, steps (where an episode is cut), gap
function datasets.roll_out(env, n, given)
  given = given or {}
  local real = world(env, { seed = given.seed or 1, gap = given.gap })
  local rng = core.rng(given.seed or 1, 99)
  local a = { observations = {}, actions = {}, rewards = {}, next_observations = {}, terminals = {}, timeouts = {},
              ["infos/qpos"] = {}, ["infos/qvel"] = {} }
  local observation, steps = real:reset():totable(), 0
  for i = 1, n do
    a.observations[i] = observation
    a["infos/qpos"][i], a["infos/qvel"][i] = real.physics:qpos(), real.physics:qvel()
    local action = rng:uniform(-1, 1, real.action_dim)
    local next_observation, reward, terminal = real:transition(action)
    steps = steps + 1
    observation = next_observation:totable()
    local timeout = not terminal and steps == (given.steps or 100)
    a.actions[i], a.rewards[i], a.next_observations[i] = action:totable(), { reward }, observation
    a.terminals[i], a.timeouts[i] = { terminal and 1 or 0 }, { timeout and 1 or 0 }
    if terminal or timeout then observation, steps = real:reset():totable(), 0 end
  end
  return a
end

local function flat(rows, first, last)
  local out = {}
  for i = first, last do table.move(rows[i], 1, #rows[i], #out + 1, out) end
  return out
end

--- Types that are not float32.
local types = { terminals = "boolean", timeouts = "boolean", terminations = "boolean", truncations = "boolean",
                ["infos/qpos"] = "float64", ["infos/qvel"] = "float64" }

local function put(writer, name, kind, rows, first, last, shape)
  writer:array(name, kind, shape or (#rows[first] > 1 and { #rows[first] } or {}), last - first + 1)
  writer:append(name, flat(rows, first, last))
end

--- Writes arrays in D4RL's layout. given: metadata; types and shapes, by name.
function datasets.write(path, arrays, given)
  given = given or {}
  local writer <close> = core.arrays_writer(path)
  for name, rows in pairs(arrays) do
    local kind = given.types and given.types[name] or types[name] or "float32"
    put(writer, name, kind, rows, 1, #rows, given.shapes and given.shapes[name])
  end
  if given.metadata then writer:metadata(given.metadata) end
  writer:commit()
end

--- Writes arrays as a Minari dataset in `folder`: an episode ends at each terminal or timeout, and at the last row.
function datasets.write_minari(folder, arrays, metadata)
  assert(lfs.mkdir(folder) and lfs.mkdir(folder .. "/data"))
  local writer <close> = core.arrays_writer(folder .. "/data/main_data.hdf5")
  local n, first, episode = #arrays.rewards, 1, 0
  for i = 1, n do
    if arrays.terminals[i][1] + arrays.timeouts[i][1] > 0 or i == n then
      local group = "episode_" .. episode .. "/"
      local states = table.move(arrays.observations, first, i, 1, {})
      states[#states + 1] = arrays.next_observations[i]
      put(writer, group .. "observations", "float64", states, 1, #states)
      put(writer, group .. "actions", "float32", arrays.actions, first, i)
      put(writer, group .. "rewards", "float64", arrays.rewards, first, i)
      put(writer, group .. "terminations", "boolean", arrays.terminals, first, i)
      put(writer, group .. "truncations", "boolean", arrays.timeouts, first, i)
      put(writer, group .. "infos/qpos", "float64", arrays["infos/qpos"], first, i)
      put(writer, group .. "infos/qvel", "float64", arrays["infos/qvel"], first, i)
      writer:finish("episode_" .. episode)
      first, episode = i + 1, episode + 1
    end
  end
  writer:commit()
  core.process.write_file(folder .. "/data/metadata.json", json.encode(metadata or {}))
end

--- Every array of a file as { type =, shape =, elements = }, by name; 9 digits tell float32 numbers apart.
function datasets.read(path)
  local arrays <close> = core.arrays_open(path)
  local out = {}
  for _, about in ipairs(arrays:list()) do
    out[about.name] = { type = about.type, shape = about.shape,
                        elements = arrays:numbers(about.name, 1, about.rows) }
  end
  return out
end

return datasets
