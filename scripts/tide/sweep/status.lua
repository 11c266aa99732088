--- How far a sweep is, from its files alone: tide sweep status DIR.
local plan = require "tide.sweep.plan"
local progress = require "tide.progress"
local state = require "tide.sweep.state"

local status = {}

--- of(dir, plan) -> { name, dir, seeds, runs = { { name, seed, agent, steps, chosen, cells, state, updates, ... as
--- state.of }, ... }, cells = { { name, chosen, labels, runs = { { seed, run, state }, ... } }, ... } }
function status.of(dir, about)
  local found, by_name = { name = about.name, dir = dir, seeds = about.seeds, runs = {}, cells = {} }, {}
  for i, run in ipairs(about.runs) do
    local one = state.of(plan.run_folder(dir, run.name))
    for key, value in pairs(run) do one[key] = value end
    found.runs[i], by_name[run.name] = one, one
  end
  for i, cell in ipairs(about.cells) do
    local copy = { name = cell.name, chosen = cell.chosen, labels = cell.labels, runs = {} }
    for k, one in ipairs(cell.runs) do
      copy.runs[k] = { seed = one.seed, run = one.run, state = by_name[one.run].state }
    end
    found.cells[i] = copy
  end
  return found
end

--- Of the chosen runs: how many in each state, and in all.
function status.counts(found)
  local counts = { total = 0, waiting = 0, running = 0, interrupted = 0, failed = 0, done = 0 }
  for _, run in ipairs(found.runs) do
    if run.chosen then
      counts.total, counts[run.state] = counts.total + 1, counts[run.state] + 1
    end
  end
  return counts
end

local function facts(run)
  if run.state == "waiting" then return "" end
  local list = { ("%s / %s"):format(progress.grouped(run.updates), progress.grouped(run.steps)) }
  if run.state == "running" and run.rate then
    list[#list + 1] = progress.rate_text(run.rate) .. " updates/s"
    list[#list + 1] = progress.duration((run.steps - run.updates) / run.rate) .. " left"
  end
  if run.last_return then list[#list + 1] = ("return %.0f"):format(run.last_return) end
  if run.score then list[#list + 1] = ("score %.1f"):format(run.score) end
  return table.concat(list, ", ")
end

--- Writes it for people: the counts, then each chosen cell with its runs; a shared run once, where it comes first.
function status.show(found, stream)
  local counts, words = status.counts(found), {}
  for _, name in ipairs { "done", "running", "interrupted", "failed", "waiting" } do
    if counts[name] > 0 then words[#words + 1] = ("%d %s"):format(counts[name], name) end
  end
  stream:write(("%s, %s: %d runs: %s\n"):format(found.name, found.dir, counts.total, table.concat(words, ", ")))
  local by_name, shown_at, width = {}, {}, 0
  for _, run in ipairs(found.runs) do by_name[run.name] = run end
  for _, cell in ipairs(found.cells) do
    if cell.chosen then width = math.max(width, #cell.name) end
  end
  for _, cell in ipairs(found.cells) do
    for _, one in ipairs(cell.chosen and cell.runs or {}) do
      local run = by_name[one.run]
      local first = shown_at[run.name] == nil
      shown_at[run.name] = shown_at[run.name] or cell.name
      local text = first and facts(run) or "as " .. shown_at[run.name]
      stream:write((("  %-" .. width .. "s  seed %-3d %-11s  %s"):format(cell.name, one.seed, run.state, text)
        :gsub("%s+$", "")), "\n")
      if first and run.state == "failed" then
        stream:write(("    %s; %s\n"):format(tostring(run.problem), plan.log_file(found.dir, run.name)))
      end
    end
  end
end

return status
