--- The folder of a sweep without any training: its plan and the files of its runs, for tests of what is made of them.
local files = require "support.files"
local json = require "tide.json"
local plan = require "tide.sweep.plan"
local records = require "tide.records"

local sweep_folder = {}

--- Writes a run's metrics.jsonl, run.json and config.json. about: { state = "done", updates = of the last line,
--- config = {}, rows = more tags of each line, score = function(return) }; returns: one an evaluation, { step, value }
function sweep_folder.run(folder, returns, about)
  about = about or {}
  records.make_folder(folder)
  local lines = {}
  for i, point in ipairs(returns) do
    local row = { step = point[1], ["eval/return"] = point[2], ["time/wall"] = i }
    if about.score then row["eval/score"] = about.score(point[2]) end
    for tag, value in pairs(about.tags and about.tags[i] or {}) do row[tag] = value end
    lines[i] = json.encode(row) .. "\n"
  end
  files.write(folder .. "/metrics.jsonl", table.concat(lines))
  files.write(folder .. "/config.json", json.encode(about.config or {}))
  files.write(folder .. "/run.json", json.encode { state = about.state or "done",
    updates = about.updates or #returns > 0 and returns[#returns][1] or 0, seconds = about.seconds or 1 })
end

--- Writes DIR/sweep.json. given: { axes = { { name, labels }, ... }, seeds = n, steps =, published =, share =
--- function(labels) -> the part of the run's name that cells share, skip = function(labels) -> true: no such cell }
--- -> the plan
function sweep_folder.plan(dir, given)
  local cells, runs, by_name = {}, {}, {}
  local products = { {} }
  for _, axis in ipairs(given.axes) do
    local longer = {}
    for _, labels in ipairs(products) do
      for _, label in ipairs(axis.labels) do
        local copy = {}
        for key, value in pairs(labels) do copy[key] = value end
        copy[axis.name] = label
        longer[#longer + 1] = copy
      end
    end
    products = longer
  end
  local seeds = {}
  for seed = 1, given.seeds or 1 do seeds[seed] = seed end
  for _, labels in ipairs(products) do
    local words = {}
    for i, axis in ipairs(given.axes) do words[i] = labels[axis.name] end
    local cell = { name = table.concat(words, "/"), labels = labels, chosen = true, runs = {} }
    if not (given.skip and given.skip(labels)) then
      cells[#cells + 1] = cell
      for _, seed in ipairs(seeds) do
        local stem = given.share and given.share(labels) or table.concat(words, "-"):gsub("/", "-")
        local name = ("%s-seed%d"):format(stem, seed)
        if not by_name[name] then
          by_name[name] = { name = name, seed = seed, agent = words[#words], steps = given.steps or 1000,
                            chosen = true, cells = {} }
          runs[#runs + 1] = by_name[name]
        end
        table.insert(by_name[name].cells, cell.name)
        table.insert(cell.runs, { seed = seed, run = name })
      end
    end
  end
  plan.write(dir, { format = 1, name = given.name or "small", script = "small.lua", folder = "/nowhere",
    set = given.set or {}, only = {}, axes = given.axes, seeds = seeds, cells = cells, runs = runs,
    published = given.published })
  return plan.read(dir)
end

--- Writes the runs of a plan. returns_of(run) -> returns, about (as above); nil: not begun
function sweep_folder.fill(dir, about, returns_of)
  for _, run in ipairs(about.runs) do
    local returns, more = returns_of(run)
    if returns then sweep_folder.run(plan.run_folder(dir, run.name), returns, more) end
  end
end

return sweep_folder
