--- Checks of a file of transitions: what is in it, what is wrong with it, and where.
---
--- A check is a line: its level ("ok", "note" of what could not be checked, "warning" of what Tide deals with when it
--- reads the file, "defect" of what makes data wrong), its name, a text, and row numbers (from 1) where it has any.
local core = require "tide.core"
local dataset = require "tide.dataset"
local ends = require "tide.dataset.ends"
local options = require "tide.options"
local replay = require "tide.dataset.replay"
local words = require "tide.dataset.words"

local defaults = {
  env = "auto",             -- whose physics, terminals and step limit: a name; the file's own otherwise
  max_episode_steps = 0,    -- the step limit; 0: the environment's
  samples = 2000,           -- rows that are replayed in the physics; 0: none
  tolerance = 1e-3,         -- how far a replayed step may be off, relative to 1 + the size of a number
  reward_tolerance = 0.1,   -- and a reward
  report = false,           -- a function (done, total), called now and then
}

local needed = { "observations", "actions", "rewards", "terminals" }
local known = { observations = true, actions = true, rewards = true, terminals = true, timeouts = true,
                next_observations = true }
local FLAGS = { terminals = true, timeouts = true }
local HUGE = 1e6 -- observations of a simulation that ran away

local plural, grouped, some_rows = words.plural, words.grouped, words.rows

local Report = {}
Report.__index = Report

local function add(report, level, name, text, rows)
  report.checks[#report.checks + 1] = { level = level, name = name, text = text, rows = rows }
  if level == "defect" then report.defects = report.defects + 1 end
  if level == "warning" then report.warnings = report.warnings + 1 end
end

local function sorted(list)
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- ---- arrays ----

--- The arrays by name, with the numbers in a row; nil where rows do not belong together or what is needed is missing.
local function check_arrays(report, arrays)
  local about, sizes, listed, sound = {}, {}, {}, true
  for _, array in ipairs(sorted(arrays:list())) do
    if array.fault then
      local is_needed = known[array.name] or array.name:find("^infos/q")
      add(report, is_needed and "defect" or "warning", "arrays", array.fault .. (is_needed and "" or "; passed over"))
      sound = sound and not known[array.name]
    else
      array.across = 1
      for _, d in ipairs(array.shape) do array.across = array.across * d end
      about[array.name] = array
    end
  end
  for _, name in ipairs(needed) do
    if not about[name] then
      local missing = true
      for _, array in ipairs(arrays:list()) do missing = missing and array.name ~= name end
      if missing then add(report, "defect", "arrays", "there is no " .. name) end
      sound = false
    end
  end
  if not sound then return nil end
  local rows = about.observations.rows
  for _, name in ipairs(options.names(about)) do
    local array = about[name]
    if array.rows ~= rows then
      if known[name] or name:find("^infos/q") then sound = false
      else
        add(report, "warning", "arrays", ("%s has %s rows, observations %s; passed over"):format(name,
          grouped(array.rows), grouped(rows)))
        about[name] = nil
      end
    end
    if about[name] then
      sizes[#sizes + 1] = ("%s %s"):format(name, grouped(array.rows))
      listed[#listed + 1] = ("%s %s%s"):format(name, array.type,
        #array.shape > 0 and " (" .. table.concat(array.shape, ", ") .. ")" or "")
    end
  end
  if not sound then
    add(report, "defect", "rows", "the arrays differ in rows, so rows do not belong together: "
      .. table.concat(sizes, ", "))
    return nil
  end
  if rows == 0 then
    add(report, "defect", "rows", "the file holds no transitions")
    return nil
  end
  add(report, "ok", "arrays", table.concat(listed, ", "))
  return about
end

--- The shapes of rows, among each other and against the environment's.
local function check_shapes(report, about, real)
  local sound = true
  local function refuse(...)
    add(report, "defect", "shapes", string.format(...))
    sound = false
  end
  for _, name in ipairs { "rewards", "terminals", "timeouts" } do
    local array = about[name]
    if array and array.across ~= 1 then
      refuse("%s has rows of %d numbers, one is needed", name, array.across)
    elseif array and #array.shape > 0 then
      add(report, "warning", "shapes", ("%s has the shape (N, 1), taken for (N)"):format(name))
    end
  end
  for _, name in ipairs { "observations", "actions", "next_observations" } do
    local array = about[name]
    if array and (#array.shape > 1 or array.across == 0) then
      refuse("%s has rows of the shape (%s), a row of numbers is needed", name, table.concat(array.shape, ", "))
    end
  end
  local S, A = about.observations.across, about.actions.across
  if about.next_observations and about.next_observations.across ~= S then
    refuse("observations have %d numbers, next_observations %d", S, about.next_observations.across)
  end
  if real and (A ~= real.action_dim or S < real.observation_dim) then
    refuse("%d observations and %d actions, %s has %d and %d", S, A, real.name, real.observation_dim, real.action_dim)
  end
  return sound
end

-- ---- numbers ----

--- Goes over blocks of rows and keeps what was seen of each array.
local function new_scanner(arrays, about)
  local seen = {}
  for name, array in pairs(about) do
    seen[name] = { odd = 0, odd_rows = {}, outside = 0, outside_rows = {}, least = {}, greatest = {} }
    for i = 1, array.across do seen[name].least[i], seen[name].greatest[i] = math.huge, -math.huge end
  end
  local function extend(list, more)
    for _, row in ipairs(more) do
      if #list < 8 then list[#list + 1] = row end
    end
  end
  local function each(first, n)
    for name, s in pairs(seen) do
      local low, high
      if name == "actions" then low, high = -1, 1 elseif FLAGS[name] then low, high = 0, 1 end
      local scan = arrays:scan(name, first, n, low, high)
      s.odd, s.outside = s.odd + scan.odd, s.outside + scan.outside
      extend(s.odd_rows, scan.odd_rows)
      extend(s.outside_rows, scan.outside_rows)
      for i, x in ipairs(scan.least) do s.least[i] = math.min(s.least[i], x) end
      for i, x in ipairs(scan.greatest) do s.greatest[i] = math.max(s.greatest[i], x) end
    end
  end
  return seen, each
end

local function range(s)
  local low, high = math.huge, -math.huge
  for i = 1, #s.least do low, high = math.min(low, s.least[i]), math.max(high, s.greatest[i]) end
  return low, high
end

local function check_numbers(report, about, seen, real)
  local odd = false
  for _, name in ipairs(options.names(seen)) do
    local s = seen[name]
    if s.odd > 0 then
      odd = true
      add(report, "defect", "finite", ("%s: %s with a NaN or infinity"):format(name, plural(s.odd, "row")), s.odd_rows)
    end
  end
  if not odd then add(report, "ok", "finite", "no NaN, no infinity") end
  for _, name in ipairs { "terminals", "timeouts" } do
    if seen[name] and (seen[name].outside > 0 or seen[name].fraction) then
      add(report, "defect", "flags", ("%s: %s neither 0 nor 1"):format(name,
        seen[name].outside > 0 and plural(seen[name].outside, "row") or "some"),
        seen[name].outside > 0 and seen[name].outside_rows or seen[name].fraction)
    end
  end
  local low, high = range(seen.actions)
  if seen.actions.outside > 0 then
    add(report, "defect", "actions", ("%s outside [-1, 1]; they go from %g to %g"):format(
      plural(seen.actions.outside, "row"), low, high), seen.actions.outside_rows)
  else
    add(report, "ok", "actions", ("within [-1, 1]: from %.4g to %.4g"):format(low, high))
  end
  low, high = range(seen.observations)
  local zeros, last_used = 0, 0
  for i, least in ipairs(seen.observations.least) do
    if least == 0 and seen.observations.greatest[i] == 0 then zeros = zeros + 1 else last_used = i end
  end
  local text = ("from %.4g to %.4g"):format(low, high)
  if zeros > 0 then text = text .. ("; %d of %d are zero in every row"):format(zeros, about.observations.across) end
  local level = math.max(-low, high) > HUGE and "warning" or "ok"
  if real and about.observations.across > real.observation_dim then
    local fits = last_used <= real.observation_dim
    text = text .. ("; %s has %d, the others are %s"):format(real.name, real.observation_dim,
      fits and "left away" or "not all zero")
    level = fits and level or "defect"
  end
  add(report, level, "observations", text)
  low, high = range(seen.rewards)
  add(report, "ok", "rewards", ("from %.4g to %.4g"):format(low, high))
end

-- ---- next observations ----

--- At which shift do most next observations fit, of the first rows? nil where at none.
local function find_shift(arrays, rows)
  local n = math.min(rows, 20000)
  for _, shift in ipairs { 0, 2, -1, 3 } do
    local compared = n - math.abs(shift)
    if compared > 0 and #arrays:differing("next_observations", "observations", shift, 1, n) < 0.2 * compared then
      return shift
    end
  end
  return nil
end

local function check_next(report, arrays, about, found)
  local counts, rows = found.counts, found.rows
  if not about.next_observations then
    local open = counts.timeout + counts.limit + counts.bound + counts.file
    add(report, "warning", "next observations", ("the file has none: each is taken from the following row; "
      .. "%s without one left out%s"):format(plural(open, "row"), counts.terminal > 0
      and (", %s as their own"):format(plural(counts.terminal, "terminal row")) or ""))
  elseif not found.chained then
    local shift = find_shift(arrays, rows)
    if shift == 0 then
      add(report, "defect", "next observations", "they are each row's own observation")
    elseif shift then
      add(report, "defect", "next observations", ("row i's is the observation of row i %+d, not of row i + 1: shifted "
        .. "by %d"):format(shift, shift - 1))
    else
      add(report, "warning", "next observations", ("those of %s are not the following row's observation: single "
        .. "transitions, or noise; episodes are told by marked ends alone"):format(plural(found.broken, "row")))
    end
  else
    local last = {}
    for k, how in ipairs(found.how) do
      if how == "unmarked" and #last < 8 then last[#last + 1] = found.last[k] end
    end
    if counts.unmarked > 0 then
      add(report, "warning", "unmarked cuts", ("%s whose next observation is not the following row's, though nothing "
        .. "marks a cut; they count as cut"):format(plural(counts.unmarked, "row")), last)
    else
      add(report, "ok", "next observations", "the following row's observation, but at the ends of episodes")
    end
  end
  local on = found.on
  if found.chained and on.timeout > 0 then
    add(report, "defect", "next observations", ("%s marked as cut, yet the next observation is the following row's: "
      .. "no cut is there, or the next episode's first observation was taken"):format(plural(on.timeout, "row")),
      on.rows.timeout)
  end
  if found.chained and on.terminal > 0 then
    add(report, "defect", "terminals", ("%s marked as a true end, yet the following row goes on from there"):format(
      plural(on.terminal, "row")), on.rows.terminal)
  end
end

-- ---- ends ----

local function first_rows(found, wanted)
  local rows = {}
  for k, how in ipairs(found.how) do
    if how == wanted and #rows < 8 then rows[#rows + 1] = found.last[k] end
  end
  return rows
end

local function check_ends(report, about, found, limit, is_minari)
  local counts, at_limit = found.counts, 0
  for k, how in ipairs(found.how) do
    local length = found.last[k] - (found.last[k - 1] or 0)
    if how == "timeout" and length == limit then at_limit = at_limit + 1 end
  end
  if not about.timeouts then
    local handled = about.next_observations and "their next observations are known" or limit > 0
      and ("episodes are cut at the step limit of %d, %s"):format(limit, plural(counts.limit, "cut"))
    if handled then add(report, "warning", "timeouts", "the file marks none; " .. handled)
    else
      add(report, "defect", "timeouts", "the file has neither next_observations nor timeouts: where episodes are cut "
        .. "is unknown; give --env or --max-episode-steps")
    end
  else
    local text = plural(counts.timeout, "cut")
    if limit > 0 and counts.timeout > 0 then
      text = text .. (", %s at the step limit of %d"):format(grouped(at_limit), limit)
    end
    add(report, "ok", "timeouts", text)
    if counts.limit > 0 then
      add(report, "warning", "unmarked timeouts", ("%s the step limit of %d without a flag; they are cut there"):format(
        counts.limit == 1 and "1 episode reaches" or grouped(counts.limit) .. " episodes reach", limit),
        first_rows(found, "limit"))
    end
  end
  if found.both > 0 then
    add(report, "warning", "ends", ("%s both terminal and timeout; taken for true ends"):format(
      plural(found.both, "row")))
  end
  if counts.bound > 0 then
    add(report, "warning", "unmarked ends", ("%s without a flag; taken for timeouts"):format(
      plural(counts.bound, "episode")), first_rows(found, "bound"))
  end
  if is_minari and found.inner > 0 then
    add(report, "defect", "ends", ("%s marked inside of an episode"):format(plural(found.inner, "end")))
  end
  if counts.file > 0 then
    local length = found.rows - (found.last[#found.last - 1] or 0)
    add(report, "ok", "last episode", ("%s at the end of the file, without a flag"):format(plural(length, "row")))
  end
end

-- ---- physics ----

local function check_terminals(report, result, name, found)
  local stray = result.stray
  if stray.n > 0 then
    add(report, "defect", "terminals", ("%s of %s that %s does not end in: stray"):format(plural(stray.n, "terminal"),
      grouped(stray.checked), name), stray.rows)
  elseif stray.checked > 0 then
    add(report, "ok", "terminals", ("%s, true ends of %s%s"):format(plural(found.counts.terminal, "terminal"), name,
      stray.checked < stray.of and (" (%s checked)"):format(grouped(stray.checked)) or ""))
  else
    add(report, "ok", "terminals", plural(found.counts.terminal, "terminal"))
  end
  if result.missed > 0 then
    add(report, "defect", "terminals", ("%s of the replayed ones end an episode of %s, and are no terminals"):format(
      plural(result.missed, "row"), name), result.missed_rows)
  end
end

--- Single rows, not the whole file.
local function few(tally)
  return tally.share <= 0.01
end

local function check_steps(report, result, name, set)
  local steps, states, rewards = result.steps, result.states, result.rewards
  local from = result.source == "infos" and "infos/qpos and infos/qvel" or "the observations"
  if states.beyond > 0 then
    add(report, few(states) and "warning" or "defect", "states", ("%s of %s replayed: the observation of infos/qpos "
      .. "and infos/qvel is another than observations"):format(plural(states.beyond, "row"), grouped(states.n)),
      states.rows)
  end
  local figures = ("%s replayed from %s in %s; off by %.1e (median), %.1e (99 %%)"):format(plural(steps.n, "row"), from,
    name, steps.median or 0, steps.high or 0)
  if steps.beyond == 0 then add(report, "ok", "physics", figures)
  else
    local is_defect = steps.share > 0.1
    add(report, is_defect and "defect" or "warning", "physics", ("%s; %s by more than %g: %s"):format(figures,
      few(steps) and plural(steps.beyond, "row") or ("%.1f %%"):format(100 * steps.share), set.tolerance,
      is_defect and "other physics, or rows that do not follow one another"
      or "another version of MuJoCo, or some rows that do not follow one another"), steps.rows)
  end
  if rewards.beyond > 0 then
    add(report, few(rewards) and "warning" or "defect", "rewards", ("%s of %s not as %s pays it, by more than %g")
      :format(plural(rewards.beyond, "reward"), grouped(rewards.n), name, set.reward_tolerance), rewards.rows)
  end
end

local function check_physics(report, file, definition, found, set, progress)
  if not definition then
    add(report, "note", "physics", "not checked: the environment is not known; --env names it")
    return
  end
  if set.samples == 0 then
    add(report, "note", "physics", "not checked: no rows to replay")
    return
  end
  local result, problem = replay.run(file, definition, found, { samples = set.samples, tolerance = set.tolerance,
    reward_tolerance = set.reward_tolerance, report = progress })
  if not result then
    add(report, "note", "physics", "not checked: " .. problem)
    return
  end
  check_terminals(report, result, definition.name, found)
  check_steps(report, result, definition.name, set)
end

-- ---- the whole ----

local function describe_environment(report, definition, how)
  if definition then
    add(report, "ok", "environment", ("%s (%s)"):format(definition.name, ({ given = "as given",
      metadata = "the metadata names it", ["file name"] = "by the file's name" })[how]))
  else
    add(report, "note", "environment", "not known, so physics, terminals and the step limit are not checked; --env")
  end
end

--- Flags between 0 and 1 are no flags either.
local function watch_fractions(arrays, seen, each)
  return function(first, n)
    each(first, n)
    for name in pairs(FLAGS) do
      if seen[name] then
        for k, x in ipairs(arrays:numbers(name, first, n)) do
          if x > 0 and x < 1 then
            seen[name].fraction = seen[name].fraction or {}
            table.insert(seen[name].fraction, #seen[name].fraction < 8 and first + k - 1 or nil)
          end
        end
      end
    end
  end
end

local function check_all(report, path, set)
  local opened, arrays = pcall(core.arrays_open, path)
  if not opened then
    add(report, "defect", "file", arrays)
    return
  end
  local file <close> = arrays -- closed on every way out
  local is_minari = file:layout() == "minari"
  add(report, "ok", "file", ("%s, %s%s"):format(is_minari and "Minari's layout" or "D4RL's layout",
    is_minari and plural(file:episodes(), "episode") .. ", " or "", plural(file:count(), "row")))
  local metadata = dataset.metadata(path)
  local definition, how = dataset.environment_of(path, metadata, set.env ~= "auto" and set.env or nil)
  describe_environment(report, definition, how)
  local about = check_arrays(report, file)
  local real = definition and require("tide.world")(definition, {})
  if not about or not check_shapes(report, about, real) then return end
  local limit = set.max_episode_steps
  if limit == 0 and definition then limit = definition.max_episode_steps end
  local seen, each = new_scanner(file, about)
  local rows, replayed = file:count(), definition and math.min(set.samples, file:count()) or 0
  local function progress(done) if set.report then set.report(done, rows + replayed) end end
  local found = ends.find(file, { max_episode_steps = limit, each = watch_fractions(file, seen, each),
    report = progress })
  check_numbers(report, about, seen, real)
  check_next(report, file, about, found)
  check_ends(report, about, found, limit, is_minari)
  check_physics(report, { arrays = file, about = about }, definition, found, set, function(done, total)
    progress(rows + replayed * done // total)
  end)
  report.episodes, report.rows = #found.last, found.rows
end

--- verify(path, given) -> { path =, checks =, defects =, warnings = } (counts of lines); tostring is a line a check.
local function verify(path, given)
  local set = options.merge(defaults, given, "dataset.verify")
  local report = setmetatable({ path = path, checks = {}, defects = 0, warnings = 0 }, Report)
  check_all(report, path, set)
  return report
end

function Report:__tostring()
  local lines = { self.path }
  for _, check in ipairs(self.checks) do
    lines[#lines + 1] = ("  %-8s %-18s %s%s"):format(check.level, check.name, check.text,
      check.rows and #check.rows > 0 and ": " .. some_rows(check.rows) or "")
  end
  lines[#lines + 1] = ("  %s, %s"):format(plural(self.defects, "defect"), plural(self.warnings, "warning"))
  return table.concat(lines, "\n")
end

return verify
