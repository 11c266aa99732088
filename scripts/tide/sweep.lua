--- tide.sweep { ... }: what a file of experiments returns: cells, each an experiment that is run with several seeds.
---
---   return tide.sweep {
---     seeds = 3, steps = 1e6,
---     axes = {                                      -- cells are the product of these, in this order
---       { gap = { { "gravity", tide.gap.gravity(2.0) }, { "friction", tide.gap.friction(0.3) } } },
---       { agent = { "sac", "h2o" } },
---     },
---     experiment = function(cell)                   -- what tide.experiment takes, for one of them
---       return { agent = tide.agents[cell.agent] {}, real = { ... }, sim = { gap = cell.gap } }
---     end,
---   }
---
--- A cell's name is made of its labels: gravity/h2o. What an agent does not use (the dataset, the simulator) is left
--- out of its experiment, so that cells which differ in nothing else share their runs: a run is its configuration.
--- What becomes of it in a folder stands in sweep/.
local agent = require "tide.agent"
local experiment = require "tide.experiment"
local json = require "tide.json"
local options = require "tide.options"
local recipes = require "tide.recipes"
local records = require "tide.records"

local sweep = {}

local Sweep = {}
Sweep.__index = Sweep

local defaults = {
  name = "",           -- of its folder, runs/NAME; of the file where empty
  seeds = 5,           -- how many, or which: { 1, 2, 3 }
  steps = false,       -- updates of every run; the experiment's own where false
  axes = false,        -- { { NAME = { value, { label, value }, ... } }, ... }
  experiment = false,  -- function(cell) -> a table for tide.experiment; nothing: there is no such cell
  experiments = false, -- instead of axes: { { label, table for tide.experiment }, ... }
  datasets = {},       -- files to be made first: { [path] = { from = dataset or nil, make = function(path, from) } }
  last = 10,           -- evaluations of a run, the last ones, that its final return is the mean of
  published = {},      -- others' figures: { { source =, steps =, cells = { [cell] = { mean, std } } }, ... }
}

-- ---- reading what a file gives ----

local function fail(text, ...)
  error("tide.sweep: " .. text:format(...), 0)
end

--- 3 -> { 1, 2, 3 }; { 4, 8 } stays.
local function seed_list(seeds)
  local list = {}
  if type(seeds) == "number" then
    local n = math.tointeger(seeds)
    if not n or n < 1 then fail("seeds: how many, from 1 on, or a list; not %s", tostring(seeds)) end
    for seed = 1, n do list[seed] = seed end
    return list
  end
  local seen = {}
  for i, seed in ipairs(type(seeds) == "table" and seeds or {}) do
    list[i] = math.tointeger(seed)
    if not list[i] or list[i] < 0 or seen[list[i]] then
      fail("seeds: different whole numbers from 0 on are needed, not %s", tostring(seed))
    end
    seen[list[i]] = true
  end
  if #list == 0 then fail("seeds: how many, or a list of them") end
  return list
end

--- The first n seeds; beyond the list, those that follow its greatest.
local function first_seeds(list, n)
  local out, greatest = {}, math.max(table.unpack(list))
  for i = 1, n do
    out[i] = list[i] or greatest + 1
    greatest = math.max(greatest, out[i])
  end
  return out
end

local function check_label(label, where, slashes)
  local pattern = slashes and "^[%w._+=/-]+$" or "^[%w._+=-]+$"
  if type(label) ~= "string" or not label:match(pattern) then
    fail("%s: the label %q: letters, digits and . _ + = - are needed; { \"label\", value } gives one", where,
      tostring(label))
  end
  return label
end

--- A value of an axis -> { label =, value = }
local function labelled(value, where, slashes)
  local plain = type(value) == "table" and getmetatable(value) == nil
  if plain and #value ~= 2 then fail("%s: a value is a word, a number or { \"label\", value }", where) end
  local label = plain and value[1] or value
  if type(label) == "number" or type(label) == "boolean" or getmetatable(label) then label = tostring(label) end
  if plain then value = value[2] end
  return { label = check_label(label, where, slashes), value = value }
end

local reserved = { name = true, seed = true, labels = true }

local function read_axis(name, values, slashes)
  local where, axis, seen = "axis " .. tostring(name), { name = name }, {}
  if type(name) ~= "string" or not name:match "^[%a_][%w_]*$" or reserved[name] then
    fail("%s: an axis has a name of its own: letters, digits and _, none of name, seed, labels", where)
  end
  if not options.is_list(values) or #values == 0 then fail("%s: a list of values is needed", where) end
  for i, value in ipairs(values) do
    axis[i] = labelled(value, where, slashes)
    if seen[axis[i].label] then fail("%s: there are two values %s", where, axis[i].label) end
    seen[axis[i].label] = true
  end
  return axis
end

local function read_axes(given)
  if given.experiments then
    if given.axes or given.experiment then fail("experiments stand instead of axes and experiment, not beside them") end
    return { read_axis("experiment", given.experiments, true) }, function(cell) return cell.experiment end
  end
  if type(given.axes) ~= "table" or type(given.experiment) ~= "function" then
    fail("axes and experiment = function(cell) are needed, or experiments")
  end
  local axes, seen = {}, {}
  for i, axis in ipairs(given.axes) do
    local name, values = next(axis)
    if name == nil or next(axis, name) ~= nil then
      fail("axis %d: one name with its values is needed: { gap = { ... } }", i)
    end
    if seen[name] then fail("there are two axes %s", name) end
    seen[name], axes[i] = true, read_axis(name, values)
  end
  if #axes == 0 then fail("axes: there is none") end
  return axes, given.experiment
end

--- What is made of each axis: one of each. -> list of { name =, labels =, values = }
local function product(axes)
  local cells = { { parts = {}, labels = {}, values = {} } }
  for _, axis in ipairs(axes) do
    local longer = {}
    for _, cell in ipairs(cells) do
      for _, one in ipairs(axis) do
        local next_cell = { parts = table.move(cell.parts, 1, #cell.parts, 1, {}), labels = options.copy(cell.labels),
                            values = {} }
        for key, value in pairs(cell.values) do next_cell.values[key] = value end
        table.insert(next_cell.parts, one.label)
        next_cell.labels[axis.name], next_cell.values[axis.name] = one.label, one.value
        longer[#longer + 1] = next_cell
      end
    end
    cells = longer
  end
  for _, cell in ipairs(cells) do cell.name = table.concat(cell.parts, "/") end
  return cells
end

--- Figures that others published, for the tables: each source's in the order of the cells.
local function read_published(given, products)
  local all = {}
  if not options.is_list(given) then fail("published: a list of { source =, steps =, cells = {} } is needed") end
  for i, one in ipairs(given) do
    if type(one) ~= "table" or type(one.source) ~= "string" or type(one.cells) ~= "table" then
      fail("published %d: source, a text, and cells = { [cell] = { mean, std } } are needed", i)
    end
    local names, cells, known = {}, {}, {}
    for k, item in ipairs(products) do
      local figures = one.cells[item.name]
      names[k], known[item.name] = item.name, true
      if figures then
        if type(figures) ~= "table" or type(figures[1]) ~= "number"
           or figures[2] ~= nil and type(figures[2]) ~= "number" then
          fail("published %d: %s: { mean, std } is needed", i, item.name)
        end
        cells[#cells + 1] = { cell = item.name, mean = figures[1], std = figures[2] }
      end
    end
    for _, name in ipairs(options.names(one.cells)) do
      if not known[name] then fail("%s", options.unknown(("published %d: cell"):format(i), name, names)) end
    end
    all[i] = { source = one.source, steps = math.tointeger(one.steps), cells = cells }
  end
  return all
end

--- tide.sweep { ... } -> a sweep, for the file to return.
function sweep.define(given)
  if type(given) ~= "table" then error("tide.sweep: a table is needed, not a " .. type(given), 2) end
  local kept = {}
  for key, value in pairs(given) do kept[key] = value end
  kept.axes, kept.experiments, kept.datasets, kept.seeds, kept.published = nil, nil, nil, nil, nil
  local chosen = options.merge(defaults, kept, "tide.sweep")
  local self = setmetatable({ name = chosen.name, steps = chosen.steps, datasets = given.datasets or {} }, Sweep)
  self.seeds = seed_list(given.seeds or defaults.seeds)
  self.last = math.tointeger(chosen.last)
  if not self.last or self.last < 1 then
    fail("last: how many evaluations, from 1 on, not %s", tostring(chosen.last))
  end
  self.axes, self.experiment = read_axes(given)
  for path, about in pairs(self.datasets) do
    if type(path) ~= "string" or type(about) ~= "table" or type(about.make) ~= "function" then
      fail("datasets: { [path] = { from = dataset, make = function(path, from) } } is needed")
    end
  end
  self.products = product(self.axes)
  self.published = read_published(given.published or {}, self.products)
  return self
end

function sweep.is(value)
  return getmetatable(value) == Sweep
end

-- ---- one experiment ----

--- Without what its agent does not use.
local function trimmed(given)
  local out = {}
  for key, value in pairs(given) do out[key] = value end
  if not agent.is_choice(given.agent) then
    error("agent must be a choice such as tide.agents.h2o { beta = 0.01 }", 0)
  end
  local uses = given.agent.class.uses
  if not uses.sim then out.sim = nil end
  if not uses.real and type(given.real) == "table" then
    out.real = {}
    for key, value in pairs(given.real) do out.real[key] = value end
    out.real.dataset = nil
  end
  return out
end

--- The experiment of a product with a seed, or nil where the file leaves it out.
local function experiment_of(self, item, seed)
  local cell = { name = item.name, seed = seed, labels = item.labels }
  for key, value in pairs(item.values) do cell[key] = value end
  local given = self.experiment(cell)
  if given == nil or given == false then return nil end
  if type(given) ~= "table" or getmetatable(given) then
    error("a table of options for tide.experiment is needed, not "
      .. (getmetatable(given) and "a run" or type(given)), 0)
  end
  given = trimmed(given)
  given.seed, given.name, given.threads = seed, nil, nil
  given.steps = given.steps or self.steps or nil
  return given
end

--- FNV-1a, 64 bits (Fowler, Noll, Vo), as 16 digits.
local function hash(text)
  local h = 0xcbf29ce484222325
  for i = 1, #text do h = (h ~ text:byte(i)) * 0x100000001b3 end
  return ("%016x"):format(h)
end

--- The name of a run's folder: what it is in words, and a hash of all that its results depend on. Where the datasets
--- lie is no part of it: another machine has them elsewhere.
local function run_name(config)
  local about, words = options.copy(config), config.name:gsub("%-seed%d+$", ""):sub(1, 100)
  about.name, about.seed, about.threads = nil, nil, nil
  if about.real.dataset then about.real.dataset = records.without_folder(about.real.dataset, recipes.folder()) end
  return ("%s-%s-seed%d"):format(words, hash(json.encode(about)):sub(1, 10), config.seed)
end

--- The run of a product with a seed -> { name =, seed =, config = }, or nil.
local function run_of(self, item, seed)
  local ok, given = pcall(experiment_of, self, item, seed)
  local config
  if ok and given then ok, config = pcall(experiment.resolve, given) end
  if not ok then error(("sweep: cell %s: %s"):format(item.name, tostring(config or given)), 0) end
  if not given then return nil end
  return { name = run_name(config), seed = config.seed, config = config }
end

-- ---- all of them ----

--- Resolves everything.  given: { steps =, seeds = how many, set = assignments }, each may be nil
--- -> { axes =, seeds =, cells = { { name =, labels =, runs = { { seed =, run = name }, ... } }, ... },
---      runs = { { name =, seed =, config =, cells = names }, ... } }, runs in the order they are done: the first seed
---      of all cells, then the second ...
function Sweep:resolve(given)
  local seeds = given.seeds and first_seeds(self.seeds, given.seeds) or self.seeds
  local cells, runs, by_name, by_item = {}, {}, {}, {}
  local before = options.copy(experiment.overrides)
  experiment.override { steps = given.steps, threads = 1, set = given.set or {} }
  local ok, problem = pcall(function()
    for _, seed in ipairs(seeds) do
      for _, item in ipairs(self.products) do
        local run = run_of(self, item, seed)
        if run then
          local cell = by_item[item] or { name = item.name, labels = item.labels, runs = {} }
          by_item[item] = cell
          if not by_name[run.name] then
            run.cells, by_name[run.name] = {}, run
            runs[#runs + 1] = run
          end
          table.insert(by_name[run.name].cells, item.name)
          table.insert(cell.runs, { seed = seed, run = run.name })
        end
      end
    end
  end)
  experiment.override(before)
  if not ok then error(problem, 0) end
  for _, item in ipairs(self.products) do cells[#cells + 1] = by_item[item] end
  if #cells == 0 then fail("there is no cell: experiment returns nothing for any") end
  local axes = {}
  for i, axis in ipairs(self.axes) do
    axes[i] = { name = axis.name, labels = {} }
    for k, one in ipairs(axis) do axes[i].labels[k] = one.label end
  end
  return { axes = axes, seeds = seeds, cells = cells, runs = runs }
end

--- The names of all products of the axes; some may be no cell.
function Sweep:names()
  local names = {}
  for i, item in ipairs(self.products) do names[i] = item.name end
  return names
end

--- The experiment of the cell `name`, ready to train, with what the command line says.
function Sweep:make(name)
  for _, item in ipairs(self.products) do
    if item.name == name then
      local given = experiment_of(self, item, experiment.overrides.seed or self.seeds[1])
      if given then return experiment.new(given) end
    end
  end
  error(options.unknown("sweep: cell", name, self:names()), 0)
end

--- The name of the run that the cell `name` is, under the command line's options.
function Sweep:identify(name, seed)
  for _, item in ipairs(self.products) do
    local run = item.name == name and run_of(self, item, seed)
    if run then return run.name end
  end
  return nil
end

-- ---- choosing ----

--- True where the glob matches the whole name: * stands for anything, ? for one character.
function sweep.matches(glob, name)
  local pattern = glob:gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".")
  return name:match("^" .. pattern .. "$") ~= nil
end

return setmetatable(sweep, { __call = function(_, given) return sweep.define(given) end })
