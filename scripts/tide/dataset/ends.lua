--- Where the episodes of a file end, found block by block; a few words are kept for each episode, none for a row.
local ends = {}

local BLOCK = 4096
ends.block = BLOCK

--- Ends in the order of rows: `marked` ones with the unmarked cuts in between.
local function merge(marked, cuts)
  local last, how, k = {}, {}, 1
  for i, row in ipairs(marked.last) do
    while cuts[k] and cuts[k] < row do
      last[#last + 1], how[#how + 1] = cuts[k], "unmarked"
      k = k + 1
    end
    last[#last + 1], how[#how + 1] = row, marked.how[i]
  end
  return last, how
end

local function count(how)
  local counts = { terminal = 0, timeout = 0, limit = 0, bound = 0, unmarked = 0, file = 0 }
  for _, kind in ipairs(how) do counts[kind] = counts[kind] + 1 end
  return counts
end

--- Rows that end an episode of a Minari file; empty for D4RL's.
local function bounds_of(arrays)
  local bounds = {}
  for i = 1, arrays:episodes() do
    local first, n = arrays:episode(i)
    if n > 0 then bounds[first + n - 1] = true end
  end
  return bounds
end

--- find(arrays, given) -> a table about the ends:
---   last[k], how[k]  the row that the k-th episode ends in, and why: "terminal", "timeout", "limit" (the step limit;
---                    no flag), "bound" (a Minari episode's last row; no flag), "unmarked" (its next observation is not
---                    the next row's; no flag), "file" (the last row of the file; no flag)
---   counts           how many of each
---   both             rows that are terminal and timeout
---   inner            ends inside of a Minari episode
---   broken           rows in all whose next observation is not the next row's, though nothing marks an end
---   chained          false where most rows are such: then no unmarked cuts are counted
---   on               counts of "terminal" and "timeout" rows that the next row goes on from, and the first of them
--- given: max_episode_steps (0: no limit), each(first, n), called before a block's ends are looked for, and report.
function ends.find(arrays, given)
  local rows, limit = arrays:count(), given.max_episode_steps or 0
  local names = {}
  for _, about in ipairs(arrays:list()) do names[about.name] = not about.fault end
  local bounds, is_minari = bounds_of(arrays), arrays:layout() == "minari"
  local marked, cuts = { last = {}, how = {} }, {}
  local found = { both = 0, inner = 0, broken = 0, rows = rows,
                  on = { terminal = 0, timeout = 0, rows = { terminal = {}, timeout = {} } } }
  local steps = 0
  for first = 1, rows, BLOCK do
    local n = math.min(BLOCK, rows - first + 1)
    if given.each then given.each(first, n) end
    local terminals = arrays:numbers("terminals", first, n)
    local timeouts = names.timeouts and arrays:numbers("timeouts", first, n) or {}
    local broken = names.next_observations and arrays:differing("next_observations", "observations", 1, first, n)
    local next_broken = 1
    for k = 1, n do
      local row = first + k - 1
      local terminal, timeout = terminals[k] ~= 0, (timeouts[k] or 0) ~= 0
      local is_broken = broken and broken[next_broken] == row
      if is_broken then next_broken = next_broken + 1 end
      steps = steps + 1
      local how = terminal and "terminal" or timeout and "timeout" or (limit > 0 and steps >= limit and "limit")
        or bounds[row] and "bound" or (row == rows and not is_minari and "file") or nil
      if terminal and timeout then found.both = found.both + 1 end
      if how then
        marked.last[#marked.last + 1], marked.how[#marked.how + 1] = row, how
        if is_minari and not bounds[row] then found.inner = found.inner + 1 end
        local on = found.on
        if broken and not is_broken and row < rows and on[how] then
          on[how] = on[how] + 1
          if on[how] <= 8 then on.rows[how][on[how]] = row end
        end
        steps = 0
      elseif is_broken then
        found.broken = found.broken + 1
        if found.broken * 2 <= rows then cuts[#cuts + 1] = row end
      end
    end
    if given.report then given.report(first + n - 1, rows) end
  end
  found.chained = found.broken * 2 <= rows
  found.last, found.how = merge(marked, found.chained and cuts or {})
  found.counts = count(found.how)
  return found
end

--- The number of the episode that `row` belongs to.
function ends.episode_of(found, row)
  local low, high = 1, #found.last
  while low < high do
    local middle = (low + high) // 2
    if found.last[middle] >= row then high = middle else low = middle + 1 end
  end
  return low
end

return ends
