--- Rows of a file replayed in an environment's physics: does each lead to the next one, and to its reward?
local ends = require "tide.dataset.ends"
local world = require "tide.world"

local replay = {}

local STRETCH = 20 -- rows that are looked at together: chunks are unpacked once for them

--- The rows of a block's column: a function (row) -> its numbers, the first `keep` of each.
local function column(arrays, name, across, first, n, keep)
  local numbers = arrays:numbers(name, first, n)
  return function(row)
    local at = (row - first) * across
    return table.move(numbers, at + 1, at + (keep or across), 1, {})
  end
end

--- The largest difference of two lists of numbers, relative where they are large.
local function difference(a, b)
  local worst = 0.0
  for i = 1, #b do
    local d = math.abs(a[i] - b[i]) / (1 + math.abs(b[i]))
    if not (d <= worst) then worst = d end -- a NaN counts
  end
  return worst
end

--- How states are known: from infos, or from the observations where these are qpos without its first and qvel.
--- -> "infos", "observations", or nil and why not.
local function source_of(file, real)
  local nq, nv = real.physics:sizes()
  local qpos, qvel = file.about["infos/qpos"], file.about["infos/qvel"]
  if qpos and qvel then
    if qpos.across == nq and qvel.across == nv then return "infos" end
    return nil, ("infos/qpos and infos/qvel have %d and %d numbers, %s %d and %d"):format(qpos.across, qvel.across,
      real.name, nq, nv)
  end
  if real.env.observe then return nil, "there is no infos/qpos, and observations do not tell the state" end
  return "observations"
end

--- The state that an observation tells; nil where it was clipped, unless that is `good_enough`: ends of episodes are
--- told by positions.
local function state_of(real, observation, good_enough)
  local nq, nv = real.physics:sizes()
  local skip, clip = real.env.observation.skip_qpos or 0, real.env.observation.clip or 0
  local qpos, qvel = {}, {}
  for i = 1, skip do qpos[i] = 0.0 end
  table.move(observation, 1, nq - skip, skip + 1, qpos)
  table.move(observation, nq - skip + 1, nq - skip + nv, 1, qvel)
  for _, v in ipairs(qvel) do
    if clip > 0 and not good_enough and math.abs(v) >= clip * (1 - 1e-6) then return nil end
  end
  return qpos, qvel
end

--- Where a stretch of rows begins: all rows, or evenly spread ones.
local function stretches(rows, samples)
  local list = {}
  if samples >= rows then
    for first = 1, rows, STRETCH do list[#list + 1] = first end
  else
    local n = math.max(1, samples // STRETCH)
    for k = 1, n do list[k] = 1 + math.floor((k - 0.5) / n * math.max(0, rows - STRETCH)) end
  end
  return list
end

--- Counts a row that is `off` by more than the tolerance, with examples.
local function note(tally, row, off, tolerance)
  tally.errors[#tally.errors + 1] = off
  if not (off <= tolerance) then
    tally.beyond = tally.beyond + 1
    if tally.beyond <= 8 then tally.rows[tally.beyond] = row end
  end
end

local function new_tally()
  return { errors = {}, beyond = 0, rows = {} }
end

--- The share of rows beyond the tolerance, and the median and 99th percentile of all.
local function finish(tally)
  local n = #tally.errors
  table.sort(tally.errors, function(a, b) return a < b or (a == a and b ~= b) end) -- NaN last
  tally.n = n
  tally.share = n > 0 and tally.beyond / n or 0
  tally.median = tally.errors[math.max(1, (n + 1) // 2)]
  tally.high = tally.errors[math.max(1, math.ceil(0.99 * n))]
  tally.errors = nil
  return tally
end

--- One row: placed, stepped, compared. `at(name, row)` gives numbers of the file.
local function replay_row(self, at, row)
  local real, found = self.real, self.found
  local observation = at("observations", row)
  local qpos, qvel
  if self.source == "infos" then
    qpos, qvel = at("infos/qpos", row), at("infos/qvel", row)
  else
    qpos, qvel = state_of(real, observation)
  end
  if not qpos then return end
  local seen = real:place(qpos, qvel)
  if self.source == "infos" then note(self.states, row, difference(seen:totable(), observation), self.tolerance) end
  local predicted, reward, terminal, diverged = real:transition(at("actions", row))
  local recorded_terminal = at("terminals", row)[1] ~= 0
  local goes_on = row < found.rows and found.last[ends.episode_of(found, row)] ~= row
  local off
  if self.has_next then off = difference(predicted:totable(), at("next_observations", row))
  elseif goes_on then off = difference(predicted:totable(), at("observations", row + 1)) end
  if goes_on and self.source == "infos" then
    off = math.max(off or 0, difference(real.physics:qpos(), at("infos/qpos", row + 1)),
      difference(real.physics:qvel(), at("infos/qvel", row + 1)))
  end
  if diverged then off = math.huge end
  if off then note(self.steps, row, off, self.tolerance) end
  note(self.rewards, row, difference({ reward }, at("rewards", row)), self.reward_tolerance)
  if terminal and not recorded_terminal then
    self.missed = self.missed + 1
    if self.missed <= 8 then self.missed_rows[self.missed] = row end
  end
end

--- Is this terminal row's next state one that ends an episode? nil where that cannot be told.
local function ends_truly(self, row)
  local arrays, real, about = self.arrays, self.real, self.about
  local S = real.observation_dim
  local function numbers(name)
    return column(arrays, name, about[name].across, row, 1, name:find("observations") and S or nil)(row)
  end
  if self.has_next and not real.env.observe then
    real:place(state_of(real, numbers("next_observations"), true))
    return real.env.terminal(real.physics)
  end
  local qpos, qvel
  if self.source == "infos" then qpos, qvel = numbers("infos/qpos"), numbers("infos/qvel")
  else qpos, qvel = state_of(real, numbers("observations")) end
  if not qpos then return nil end
  real:place(qpos, qvel)
  local _, _, terminal = real:transition(numbers("actions"))
  return terminal
end

local MOST_TERMINALS = 5000

--- Terminal rows that are none to the environment.
local function check_terminals(self)
  local list = {}
  for k, how in ipairs(self.found.how) do
    if how == "terminal" then list[#list + 1] = self.found.last[k] end
  end
  local stray = { checked = 0, n = 0, rows = {}, of = #list }
  local step = math.max(1, #list // MOST_TERMINALS)
  for k = 1, #list, step do
    local truly = ends_truly(self, list[k])
    if truly ~= nil then stray.checked = stray.checked + 1 end
    if truly == false then
      stray.n = stray.n + 1
      if stray.n <= 8 then stray.rows[stray.n] = list[k] end
    end
  end
  return stray
end

--- run(file, definition, found, given) -> what came of it, or nil and why nothing can be said.
--- file: { arrays =, about = { NAME = { across = numbers of a row } } }; given: samples, tolerance, reward_tolerance,
--- report. The rows are spread evenly over the file, in stretches of 20.
--- Tallies `steps` (row to next row), `rewards`, `states` (infos against observations): n, beyond (rows off by more
--- than the tolerance), share, median, high (99 %), rows; `missed` ends that are no terminals; `stray` terminals.
function replay.run(file, definition, found, given)
  local real = world(definition, {})
  local about = file.about
  if about.actions.across ~= real.action_dim then
    return nil, ("actions have %d numbers, %s %d"):format(about.actions.across, real.name, real.action_dim)
  end
  if about.observations.across < real.observation_dim then
    return nil, ("observations have %d numbers, %s %d"):format(about.observations.across, real.name,
      real.observation_dim)
  end
  local source, problem = source_of(file, real)
  if not source then return nil, problem end
  local self = { arrays = file.arrays, about = about, real = real, found = found, source = source,
    has_next = about.next_observations ~= nil, tolerance = given.tolerance, reward_tolerance = given.reward_tolerance,
    steps = new_tally(), rewards = new_tally(), states = new_tally(), missed = 0, missed_rows = {} }
  local names = { "observations", "actions", "rewards", "terminals" }
  if self.has_next then names[#names + 1] = "next_observations" end
  if source == "infos" then table.move({ "infos/qpos", "infos/qvel" }, 1, 2, #names + 1, names) end
  local list = stretches(found.rows, given.samples)
  for k, first in ipairs(list) do
    local n = math.min(STRETCH, found.rows - first + 1)
    local read = math.min(n + 1, found.rows - first + 1) -- the row after the last, too
    local columns = {}
    for _, name in ipairs(names) do
      columns[name] = column(file.arrays, name, about[name].across, first, read,
        name:find("observations") and real.observation_dim or nil)
    end
    local function at(name, row) return columns[name](row) end
    for row = first, first + n - 1 do replay_row(self, at, row) end
    if given.report then given.report(k, #list) end
  end
  return { source = source, steps = finish(self.steps), rewards = finish(self.rewards),
    states = finish(self.states), missed = self.missed, missed_rows = self.missed_rows,
    stray = check_terminals(self) }
end

--- stray(data, definition) -> how many terminal rows of a dataset in memory lead to no state that ends an episode, of
--- how many that were looked at: 1000 at most, spread evenly. 0, 0 where next observations do not tell.
function replay.stray(data, definition)
  local info, real = data:info(), world(definition, {})
  if info.terminals == 0 or info.next_observations ~= "file" or definition.observe
    or data.observation_dim ~= real.observation_dim then
    return 0, 0
  end
  local step, seen, stray, checked = math.max(1, info.terminals // 1000), 0, 0, 0
  for first = 1, #data, ends.block do
    local n = math.min(ends.block, #data - first + 1)
    for k, terminal in ipairs(data:rows("terminals", first, n):totable()) do
      seen = seen + terminal
      if terminal ~= 0 and seen % step == 0 then
        real:place(state_of(real, data:rows("next_observations", first + k - 1, 1):totable()[1], true))
        checked = checked + 1
        if not definition.terminal(real.physics) then stray = stray + 1 end
      end
    end
  end
  return stray, checked
end

return replay
