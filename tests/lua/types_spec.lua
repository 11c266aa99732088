--- The editors' annotations in bindings/types name what there is, and all of it.
local core = require "tide.core"
local lfs = require "lfs"
local program = require "support.program"
local tide = require "tide"

local folder = assert(program.path:match("^(.*)/build/[^/]+/bin/tide$")) .. "/bindings/types"

--- Of every class in the annotations: the names of its functions and fields, and its parents.
local function read_annotations()
  local classes, of_variable, class = {}, {}, nil
  local files = {}
  for file in lfs.dir(folder) do
    if file:match("%.lua$") then files[#files + 1] = file end
  end
  for _, file in ipairs(files) do
    for line in io.lines(folder .. "/" .. file) do
      local name, parent = line:match("^%-%-%-@class ([%w_.]+):?%s*([%w_.]*)")
      if name then
        class = classes[name] or { functions = {}, fields = {}, parents = {} }
        classes[name] = class
        if parent ~= "" then class.parents[parent] = true end
      end
      local field = line:match("^%-%-%-@field ([%w_]+)")
      if field then class.fields[field] = true end
      local variable = line:match("^local ([%w_]+) = {}$")
      if variable then of_variable[variable] = class end
      local owner, method = line:match("^function ([%w_]+)[.:]([%w_]+)%(")
      if owner then assert(of_variable[owner], file .. ": " .. line).functions[method] = true end
    end
  end
  return classes
end

local function all_names(classes, name)
  local names = {}
  local function add(class)
    for _, list in ipairs { class.functions, class.fields } do
      for key in pairs(list) do names[key] = true end
    end
    for parent in pairs(class.parents) do add(assert(classes[parent], parent)) end
  end
  add(assert(classes[name], name))
  return names
end

local function missing(names, has)
  local list = {}
  for name in pairs(names) do
    if not has(name) then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

describe("annotations", function()
  local classes = read_annotations()

  -- line.editor and the like stand in tables of their own
  for name, module in pairs { ["tide"] = tide, ["tide.core"] = core, ["tide.process"] = core.process,
                              ["tide.h2o"] = core.h2o, ["tide.gap_module"] = tide.gap, ["tide.env_module"] = tide.env,
                              ["tide.dataset_module"] = tide.dataset, ["tide.recipes"] = tide.recipes,
                              ["tide.plot"] = tide.plot, ["tide.traces"] = tide.traces,
                              ["tide.picture_module"] = tide.picture,
                              ["tide.video_module"] = tide.video, ["tide.tabular"] = tide.tabular,
                              ["tide.network"] = tide.network, ["tide.sweep_module"] = tide.sweep,
                              ["tide.discriminators"] = tide.discriminators,
                              ["tide.conservative"] = tide.conservative,
                              ["tide.evaluation_module"] = tide.evaluation } do
    it(name .. ": everything annotated is there, and everything there is annotated", function()
      local names = all_names(classes, name)
      assert.are.same({}, missing(names, function(key) return module[key] ~= nil end))
      assert.are.same({}, missing(module, function(key) return names[key] end))
    end)
  end

  local rng = tide.rng(1)
  local world = tide.world("HalfCheetah", { gap = "gravity(2.0)" })
  local objects = {
    ["tide.tensor"] = tide.zeros(2), ["tide.rng"] = rng, ["tide.mlp"] = tide.mlp({ inputs = 1, outputs = 1 }, rng),
    ["tide.adam"] = tide.adam({ tide.parameter(1) }, 1), ["tide.replay"] = tide.replay(1, 1, 1),
    ["tide.world"] = world, ["tide.physics"] = world.physics, ["tide.model"] = world.model, ["tide.gap"] = world.gap,
    ["tide.policy"] = tide.policy(1, 1, { 4 }, rng),
    ["tide.deterministic_policy"] = tide.deterministic_policy(1, 1, { 4 }, rng),
    ["tide.gaussian_policy"] = tide.gaussian_policy(1, 1, { 4 }, rng),
    ["tide.any_policy"] = tide.policy(1, 1, { 4 }, rng), ["tide.agent_choice"] = tide.agents.sac {},
    ["tide.agent"] = tide.agents.sac { hidden = { 4 } }:build { observation_dim = 1, action_dim = 1, rng = rng },
    ["tide.run"] = tide.experiment { agent = tide.agents.sac { hidden = { 4 } }, real = { env = "HalfCheetah" } },
  }
  for name, object in pairs(objects) do
    it(name .. ": every annotated method is there", function()
      assert.are.same({}, missing(classes[name].functions, function(key) return type(object[key]) == "function" end))
    end)
  end

  it("of options name every option of an experiment and of a network", function()
    local function check(class, make)
      for field in pairs(classes[class].fields) do
        local ok, problem = pcall(make, field)
        assert.is_false(not ok and tostring(problem):find("unknown", 1, true) ~= nil, tostring(problem))
      end
    end
    check("tide.mlp_options", function(field) tide.mlp({ [field] = false }, rng) end)
    check("tide.training_options", function(field)
      tide.experiment { agent = tide.agents.sac {}, real = { env = "HalfCheetah" }, training = { [field] = "x" } }
    end)
    check("tide.experiment_options", function(field)
      local given = { agent = tide.agents.sac {}, real = { env = "HalfCheetah" } }
      given[field] = given[field] or false
      tide.experiment(given)
    end)
  end)
end)
