--- A part of a dataset: transitions or whole episodes drawn at random, in the order of the file, in D4RL's layout.
local core = require "tide.core"
local options = require "tide.options"
local words = require "tide.dataset.words"
local writing = require "tide.dataset.writing"

local defaults = {
  transitions = 0,        -- how many transitions; one of these three is needed
  episodes = 0,           -- how many whole episodes
  fraction = 0.0,         -- what part of the transitions, above 0 and below 1
  whole = false,          -- with fraction: whole episodes, until the part is reached
  seed = 1,
  env = "auto",           -- the environment: its step limit; the file's own otherwise
  max_episode_steps = 0,  -- cuts episodes that get this far, where the file does not; 0: the environment's
  force = false,          -- replace what is there
  report = false,         -- a function (rows done, rows in all), called now and then
}

local STREAM = 0x737562736574 -- of the seed
local plural = words.plural

local function check(set)
  local given = 0
  for _, name in ipairs { "transitions", "episodes", "fraction" } do
    if set[name] ~= 0 then given = given + 1 end
  end
  if given ~= 1 then error("dataset.subset: one of transitions, episodes and fraction is needed", 0) end
  for _, name in ipairs { "transitions", "episodes" } do
    local n = math.tointeger(set[name])
    if not n or n < 0 then error(("dataset.subset: %s must be a whole number from 1 on"):format(name), 0) end
    set[name] = n
  end
  if not (set.fraction >= 0 and set.fraction < 1) then
    error("dataset.subset: fraction must be above 0 and below 1", 0)
  end
  if math.type(set.seed) ~= "integer" then error("dataset.subset: seed must be a whole number", 0) end
  if set.whole and set.fraction == 0 then error("dataset.subset: whole goes with fraction", 0) end
end

--- Selection sampling (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S): asked n times whether the next
--- thing is taken, it takes `wanted` of them, each set as likely as any other.
local function sampler(rng, wanted, n)
  return function()
    local take = rng:number() * n < wanted
    n = n - 1
    if take then wanted = wanted - 1 end
    return take
  end
end

--- The k-th episode's rows that have a next observation: first, last.
local function rows_of(source, found, k)
  local first, last = (found.last[k - 1] or 0) + 1, found.last[k]
  if not source.about.next_observations and found.how[k] ~= "terminal" then last = last - 1 end
  return first, last
end

--- Episodes that may be drawn: ended ones of at least one row.
local function whole_episodes(source, found)
  local list = {}
  for k, how in ipairs(found.how) do
    local first, last = rows_of(source, found, k)
    if how ~= "file" and last >= first then list[#list + 1] = k end
  end
  return list
end

--- Which of the episodes: a set. As many as `wanted`, or until `rows` are reached.
local function draw_episodes(source, found, rng, list, wanted, rows)
  local chosen, total = {}, 0
  for i = 1, #list do
    if (wanted and i > wanted) or (rows and total >= rows) then break end
    local j = rng:integer(i, #list) -- Fisher and Yates
    list[i], list[j] = list[j], list[i]
    local first, last = rows_of(source, found, list[i])
    chosen[list[i]], total = true, total + last - first + 1
  end
  return chosen
end

--- choose -> a function (k, row) that is asked for every row of every episode in order, and how many it will take
local function chooser(source, found, rng, set)
  local eligible = 0
  for k = 1, #found.last do
    local first, last = rows_of(source, found, k)
    eligible = eligible + last - first + 1
  end
  local rows = set.transitions
  if set.fraction > 0 then rows = math.max(1, math.floor(set.fraction * eligible + 0.5)) end
  if set.episodes == 0 and not set.whole then
    if rows > eligible then
      error(("%s: has %s, %d are wanted"):format(source.path, plural(eligible, "transition"), rows), 0)
    end
    return sampler(rng, rows, eligible)
  end
  local list = whole_episodes(source, found)
  if set.episodes > #list then
    error(("%s: has %s, %d are wanted"):format(source.path, plural(#list, "whole episode"), set.episodes), 0)
  end
  local chosen = draw_episodes(source, found, rng, list, set.episodes > 0 and set.episodes or nil,
    set.whole and rows or nil)
  return function(k) return chosen[k] or false end
end

--- Writes rows a to b of one episode, which follow one another; nothing that follows b is written next.
local function write_run(source, writer, a, b, is_terminal, counts)
  local arrays, n = source.arrays, b - a + 1
  for _, name in ipairs(source.names) do
    if name ~= "timeouts" then writer:copy(name, arrays, name, a, n) end
  end
  if not source.about.next_observations then
    local followed = is_terminal and n - 1 or n -- a terminal row is its own stand-in
    if followed > 0 then writer:copy("next_observations", arrays, "observations", a + 1, followed) end
    if is_terminal then writer:copy("next_observations", arrays, "observations", b, 1) end
  end
  local timeouts = {}
  for i = 1, n do timeouts[i] = 0 end
  if is_terminal then timeouts[n] = writing.timeouts(source, b, b)[1] else timeouts[n] = 1 end
  writer:append("timeouts", timeouts)
  counts.rows, counts.runs = counts.rows + n, counts.runs + 1
  if is_terminal then counts.terminals = counts.terminals + 1 else counts.timeouts = counts.timeouts + 1 end
end

local function write_chosen(source, writer, found, choose, report)
  local counts = { rows = 0, runs = 0, terminals = 0, timeouts = 0, cut = 0 }
  for k, how in ipairs(found.how) do
    local first, last = rows_of(source, found, k)
    local start
    for row = first, last do
      if choose(k) then
        start = start or row
      elseif start then
        write_run(source, writer, start, row - 1, false, counts)
        counts.cut, start = counts.cut + 1, nil
      end
    end
    if start then
      local is_end = last == found.last[k]
      write_run(source, writer, start, last, is_end and how == "terminal", counts)
      if not is_end or (how ~= "terminal" and how ~= "timeout") then counts.cut = counts.cut + 1 end
    end
    if report then report(found.rows + last, 2 * found.rows) end
  end
  return counts
end

--- What the new file says about itself: what the old one said, and how the part was taken.
local function metadata_of(source, set, counts)
  local about = {}
  local kept = source.is_minari and { dataset = (source.metadata or {}).dataset_id } or source.metadata or {}
  for key, value in pairs(kept) do about[key] = value end
  about.env = about.env or (source.definition and source.definition.name) or (source.metadata or {}).env
  about.subset = { of = source.path:match "[^/]+/*$", seed = set.seed, transitions = counts.rows, kind =
    (set.episodes > 0 or set.whole) and "whole episodes" or "transitions", before = about.subset }
  return about
end

--- subset(input, output, given) -> { path =, rows =, runs =, terminals =, timeouts =, cut =, notes = lines }
--- runs: stretches of rows that follow one another; each ends in a terminal or a timeout. cut: of the timeouts those
--- that the source does not mark: the row that follows there is not in the subset.
local function subset(input, output, given)
  local set = options.merge(defaults, given, "dataset.subset")
  check(set)
  if not output:match "%.h5$" and not output:match "%.hdf5$" then
    error(("%s: a file .h5 or .hdf5 is written"):format(output), 0)
  end
  local source = writing.open(input, set)
  local _ <close> = source.arrays -- closed on every way out
  writing.make_room(output, set.force)
  local found = writing.ends(source, set.report and function(done, total) set.report(done, 2 * total) end)
  local choose = chooser(source, found, core.rng(set.seed, STREAM), set)
  local writer <close> = core.arrays_writer(output)
  writing.make_d4rl(source, writer)
  local counts = write_chosen(source, writer, found, choose, set.report)
  writer:metadata(metadata_of(source, set, counts))
  writer:commit()
  if not source.about.next_observations then
    writing.note(source, "next_observations are written out: the following row's observation, a terminal row's own")
  end
  counts.path, counts.notes = output, source.notes
  return counts
end

return subset
