--- How H2O's updates a second follow the batch, the networks' width, threads, and runs at once.
local plot = require "tide.plot"
local rounds = require "tide.bench.rounds"
local update = require "tide.bench.update"

local scaling = {}

scaling.batches = { 64, 128, 256, 512, 1024, 2048, 4096 }
scaling.widths = { 64, 128, 256, 512, 1024 }
local BATCH, WIDTH, SECONDS = 256, 256, 0.4

local function choice(batch, width, threads)
  return { name = "h2o", threads = threads, clock = 2, batch = batch, width = width,
           options = { hidden = { width, width }, real_batch = batch // 2, sim_batch = batch // 2,
                       discriminator_batch = batch } }
end

--- Everything that is measured in one process, once each.
local function choices()
  local list = {}
  for threads = 1, 2 do
    for _, batch in ipairs(scaling.batches) do list[#list + 1] = choice(batch, WIDTH, threads) end
    for _, width in ipairs(scaling.widths) do
      if width ~= WIDTH then list[#list + 1] = choice(BATCH, width, threads) end
    end
  end
  return list
end

--- Updates a second of runs at once, one thread each, in processes of their own.  -> their sum
local function concurrent(runs, seconds)
  local process = require "tide.bench.process"
  local sum, texts = 0.0, process.at_once(runs, ([[
    print(require("tide.bench.scaling").alone(%g))]]):format(seconds))
  for _, text in ipairs(texts) do sum = sum + tonumber(text) end
  return sum
end

--- In one of those processes.  -> updates a second by the wall's clock
function scaling.alone(seconds)
  local rates = update.rates({ choice(BATCH, WIDTH, 1) }, 1, seconds)
  return rates[1][1]
end

--- -> rows { batch, width, threads, runs, updates_per_s = { median, least, most }, floor_share }, the share of one
--- thread's rate of 256 x 256 x 256 products, measured in the same run, that the update's own products reach
function scaling.measure(n_rounds)
  local list, results = choices(), {}
  local rates, products = update.rates(list, n_rounds, SECONDS)
  local function add(c, runs, numbers)
    local gflop = {}
    for i, rate in ipairs(numbers) do gflop[i] = rate * c.gflop end
    results[#results + 1] = { batch = c.batch, width = c.width, threads = c.threads, runs = runs,
      updates_per_s = rounds.summary(numbers), floor_share = rounds.median(rounds.ratios(gflop, products)) }
  end
  for i, c in ipairs(list) do add(c, 1, rates[i]) end
  local base = list[3] -- BATCH, WIDTH, one thread
  assert(base.batch == BATCH and base.width == WIDTH and base.threads == 1)
  local numbers = rounds.take({ function() return concurrent(1, 4 * SECONDS) end,
                                function() return concurrent(2, 4 * SECONDS) end }, n_rounds)
  add(base, 1, numbers[1])
  add(base, 2, numbers[2])
  return results
end

--- The rows with one run, and `field` running over several values.
local function series(rows, threads, field)
  local other, list, taken = field == "batch" and "width" or "batch", {}, {}
  for _, row in ipairs(rows) do
    if row.runs == 1 and row.threads == threads and row[other] == 256 and not taken[row[field]] then
      list[#list + 1], taken[row[field]] = row, true
    end
  end
  table.sort(list, function(a, b) return a[field] < b[field] end)
  return list
end

--- Updates a second, and the share of the products' rate below, against the batch and the width.
function scaling.draw(rows, path)
  local commands = { "set multiplot layout 2,2 margins 0.10,0.97,0.11,0.95 spacing 0.10,0.15", "set logscale x 2",
                     "set key top left reverse Left samplen 2", "set yrange [0:*]" }
  local function add(...) commands[#commands + 1] = string.format(...) end
  for _, panel in ipairs {
    { "batch", "Updates a second", function(row) return row.updates_per_s.median end, "set logscale y" },
    { "width", "Updates a second", function(row) return row.updates_per_s.median end, "set logscale y" },
    { "batch", "Share of the rate of products", function(row) return row.floor_share end, "unset logscale y" },
    { "width", "Share of the rate of products", function(row) return row.floor_share end, "unset logscale y" },
  } do
    local field, label, value, scale = table.unpack(panel)
    add("%s", scale)
    add(scale == "set logscale y" and "set yrange [*:*]; set key top right" or "set yrange [0:*]; set key bottom right")
    add("set xlabel '%s'", field == "batch" and "Rows of a minibatch, width 256" or "Width of the layers, 256 rows")
    add("set ylabel '%s'", label)
    local plots = {}
    for threads = 1, 2 do
      add("$%s%d << EOD", field .. threads, #commands)
      local name = commands[#commands]:match "^(%$%S+)"
      for _, row in ipairs(series(rows, threads, field)) do add("%d %.6g", row[field], value(row)) end
      add("EOD")
      plots[threads] = ("%s with linespoints lw 2 pt %d lc rgb '%s' title '%d thread%s'"):format(name,
        threads == 1 and 7 or 5, threads == 1 and "#0072B2" or "#D55E00", threads, threads == 1 and "" or "s")
    end
    add("plot %s", table.concat(plots, ", "))
  end
  add("unset multiplot")
  plot.draw(table.concat(commands, "\n") .. "\n", path, { 900, 700 })
end

return scaling
