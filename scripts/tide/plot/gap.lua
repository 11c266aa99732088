--- Pictures of what H2O makes of its simulator: u(s, a), how far off its dynamics are, against an observation, and
--- omega, the weights that come of it; at several times of one run.
---
--- All times look at the same transitions: some of those that the run's checkpoint holds in its ring, what the
--- simulator did in the whole training. The networks are those that evaluation.keep_policies left in policies/; without
--- them there is one time, the checkpoint's.
local checkpoint = require "tide.checkpoint"
local core = require "tide.core"
local json = require "tide.json"
local lfs = require "lfs"
local network = require "tide.network"
local options = require "tide.options"
local parts = require "tide.parts"
local plot = require "tide.plot"
local progress = require "tide.progress"
local ridges = require "tide.plot.ridges"
local spaces = require "tide.spaces"
local tide = require "tide"
local trainer = require "tide.trainer"

local gap = {}

local ROWS_AT_ONCE, BINS, FEWEST = 500, 24, 30
local OUTSIDE = 0.005 -- of the observation's values, beyond the bins at either side

--- JSON's whole numbers are integers again.
local function whole(value)
  if type(value) ~= "table" then return math.tointeger(value) or value end
  local out = {}
  for key, item in pairs(value) do out[key] = whole(item) end
  return out
end

--- The run in `dir` as its checkpoint left it: agent, ring, worlds.
local function load_run(dir)
  local config, problem = json.read(dir .. "/config.json")
  if type(config) ~= "table" then error(("%s is not a run: %s"):format(dir, problem or "config.json"), 0) end
  config = whole(config)
  local class = type(config.agent) == "table" and tide.agents[config.agent.name]
  if not class then error(("%s: config.json names no agent that is known"):format(dir), 0) end
  if not class.gap then
    error(("%s: a run of %s; u and omega are H2O's"):format(dir, config.agent.name), 0)
  end
  if not lfs.attributes(dir .. "/checkpoint.h5", "mode") then
    error(("%s has no checkpoint.h5: the simulated transitions that u is told of are in it"):format(dir), 0)
  end
  local chosen = options.copy(config.agent)
  chosen.name = nil
  local run = trainer.new(config, class(chosen), {}, { quiet = true })
  checkpoint.load(run, dir)
  return run
end

--- The files with an agent's networks, by updates: { { updates =, networks = }, ... }
local function kept_networks(dir)
  local folder, list = dir .. "/policies", {}
  if lfs.attributes(folder, "mode") ~= "directory" then return list end
  for name in lfs.dir(folder) do
    local updates = math.tointeger(name:match "^(%d+)%.h5$")
    if updates and updates > 0 then list[#list + 1] = { updates = updates, file = folder .. "/" .. name } end
  end
  table.sort(list, function(a, b) return a.updates < b.updates end)
  return list
end

--- n of them, evenly, the last among them.
local function some_of(list, n)
  if #list <= n then return list end
  local out = {}
  for k = 1, n do out[k] = list[math.floor(k * #list / n + 0.5)] end
  return out
end

--- The times to look at, each with `load(run)`, which puts its networks into the run's agent.
local function times_of(dir, run, n)
  local times = {}
  for _, one in ipairs(some_of(kept_networks(dir), n)) do
    local tree = core.tree_read(one.file).networks
    if tree then
      one.load = function()
        for name, weights in pairs(tree) do
          network.load_weights(run.agent.networks[name], weights, ("%s: %s"):format(one.file, name))
        end
      end
      times[#times + 1] = one
    end
  end
  if #times == 0 then times[1] = { updates = run.updates, load = function() end } end
  return times
end

--- u of the same transitions with the agent's networks as they are, and what observation `index` is in them.
local function look(run, rows, index, seed)
  local rng, u, x = core.rng(seed, 0), {}, {}
  for first = 1, rows, ROWS_AT_ONCE do
    local sim = parts.simulated(run.replay:sample(rng, 0, math.min(ROWS_AT_ONCE, rows - first + 1)))
    local some, column = run.agent:gap(sim):totable(), sim.observations:columns(index, index):totable()
    for i, value in ipairs(some) do u[#u + 1], x[#x + 1] = value, column[i][1] end
    core.end_step()
  end
  return u, x
end

--- Which observation is meant: by name, or the first velocity in m/s.
local function observation_of(run, wanted)
  local names = {}
  for i, one in ipairs(spaces.observations(run.real)) do
    names[i] = one.name
    if wanted == one.name or not wanted and one.unit == "m/s" then return i, one end
  end
  if not wanted then error(("%s observes no velocity in m/s; --observation names one"):format(run.real.name), 0) end
  error(options.unknown("--observation", wanted, names), 0)
end

--- u and the observation at the times of a run.  given: as gap.u has it
--- -> { { name =, u =, x = }, ... }, what the observation is, how many rows
function gap.told(dir, given)
  local run = load_run(dir)
  local rows = math.min(given.rows, run.replay:count "sim")
  if rows == 0 then error(("%s: its checkpoint holds no simulated transition"):format(dir), 0) end
  local index, about = observation_of(run, given.observation)
  local noise, list = run.agent.rng:state(), {}
  for i, time in ipairs(times_of(dir, run, given.times)) do
    time.load()
    run.agent.rng:restore(noise) -- the same next states are imagined each time
    local u, x = look(run, rows, index, given.seed)
    list[i] = { name = progress.grouped(time.updates) .. " updates", u = u, x = x }
  end
  return list, about, rows
end

--- Means of u in bins of x, where a bin has enough rows.
function gap.binned(u, x)
  local sorted = table.move(x, 1, #x, 1, {})
  table.sort(sorted)
  local low, high = sorted[1 + math.floor(OUTSIDE * #x)], sorted[#x - math.floor(OUTSIDE * #x)]
  local sums, counts, curve = {}, {}, { x = {}, mean = {}, n = 1 }
  for i, value in ipairs(x) do
    local bin = high > low and 1 + math.floor((value - low) / (high - low) * BINS) or 1
    if value == high then bin = math.min(bin, BINS) end
    sums[bin], counts[bin] = (sums[bin] or 0.0) + u[i], (counts[bin] or 0) + 1
  end
  for bin = 1, BINS do
    if (counts[bin] or 0) >= math.min(FEWEST, #x // BINS) and counts[bin] then
      curve.x[#curve.x + 1] = low + (bin - 0.5) * (high - low) / BINS
      curve.mean[#curve.mean + 1] = sums[bin] / counts[bin]
    end
  end
  curve.low, curve.high = curve.mean, curve.mean
  return curve
end

--- Draws u against an observation into `path`.
--- given: { times = how many, rows = transitions, seed = of their draw, observation = its name, title }
function gap.u(dir, path, given)
  plot.check_path(path)
  local list, about, rows = gap.told(dir, given)
  local items = {}
  for i, one in ipairs(list) do
    items[i] = { curve = gap.binned(one.u, one.x), name = one.name, style = plot.style_of(i) }
  end
  plot.items(items, path, { title = given.title, y_label = "Mean u(s, a)",
    x_label = ("%s%s"):format(about.name, about.unit ~= "" and ", " .. about.unit or ""),
    note = progress.grouped(rows) .. " simulated transitions" })
end

--- Draws how omega is distributed: u / mean u, so that 1 is the weight of uniform sampling.  given: as above
function gap.omega(dir, path, given)
  plot.check_path(path)
  local list, _, rows = gap.told(dir, given)
  local drawn = {}
  for i, one in ipairs(list) do
    local sum, values = 0.0, {}
    for _, u in ipairs(one.u) do sum = sum + u end
    for k, u in ipairs(one.u) do values[k] = u * rows / sum end
    drawn[i] = { name = one.name, values = values }
  end
  ridges.draw(drawn, path, { title = given.title, x_label = "omega of a transition, times their number",
    note = progress.grouped(rows) .. " simulated transitions; ± standard deviation; at the ends, all that is beyond" })
end

return gap
