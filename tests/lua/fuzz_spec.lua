-- Random calls of everything in tide.core with whatever is at hand: no script, however wrong, may crash the
-- process or read freed memory (which the sanitized build of the tests would see). Nothing is checked but that
-- the process lives, that the functions were reached, and that the library still computes afterwards.
local core = require "tide.core"
local lfs = require "lfs"

local seed = tonumber(os.getenv("TIDE_TEST_SEED") or "20220913")
local calls = os.getenv("TIDE_SLOW") and 1000000 or 25000

-- Not called: what waits for a terminal, changes the process for the tests after it, or runs for as long as it is told.
local left_out = {
  ["line.editor"] = true, ["line.interruptible"] = true, ["process.catch_signals"] = true,
  ["process.release_signals"] = true, ["product"] = true, ["threads"] = true,
}

-- Called less often: they wait for the disk, or prepare for drawing.
local slow = { tree_write = true, ["process.write_file"] = true, dataset_writer = true, events = true,
  ["tide.dataset_writer:commit"] = true, ["tide.events:sync"] = true, arrays_writer = true,
  ["tide.arrays_writer:commit"] = true, picture = true, ["tide.image:save"] = true }

local root = lfs.currentdir()
local robot = root .. "/envs/half_cheetah.xml"

--- All functions and methods: a list of { name =, f = }, in a fixed order.
local function everything()
  local list = {}
  local function add_all(prefix, functions)
    for name, f in pairs(functions) do
      if type(f) == "table" then
        add_all(prefix .. name .. ".", f)
      elseif type(f) == "function" and not left_out[prefix .. name] then
        list[#list + 1] = { name = prefix .. name, f = f }
      end
    end
  end
  add_all("", core)
  for class, metatable in pairs(debug.getregistry()) do
    if type(class) == "string" and class:find("^tide%.") and type(metatable) == "table" then
      local methods = metatable.__index
      if type(methods) == "function" then methods = select(2, debug.getupvalue(methods, 1)) end
      if type(methods) == "table" then add_all(class .. ":", methods) end
      -- metamethods, which scripts reach only with an object of the class
      for _, event in ipairs { "__add", "__sub", "__mul", "__div", "__unm", "__len", "__tostring", "__call",
        "__index", "__newindex", "__close" } do
        if type(metatable[event]) == "function" then
          list[#list + 1] = { name = class .. event, f = metatable[event], class = class }
        end
      end
    end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

local integers = { 0, 1, 1, 2, 2, 3, 4, 5, 7, 16, 64, -1, -7, 1 << 31, 1 << 40, math.maxinteger, math.mininteger }
local floats = { 0.0, -0.0, 0.5, 1.5, 1e-3, -2.5, 1e30, -1e300, 2.0 ^ -149, 0 / 0, math.huge, -math.huge }
local strings = { "", "real", "sim", "torch", "xavier", "orthogonal", "weight", "bias", "observations", "rewards",
  "shape", "infos/qpos", "metadata", "uniform", "normal", "qpos", "bthigh", "damping", "gravity", "a.h5", "b.h5",
  "c.events", "missing/x.h5", "d.h5", "float32", "uint8", ("x"):rep(5000), "a\0b", "%s%n" }

-- What calls are made with: up to 12 things of each class.
local pools

local function any(list) return list[math.random(#list)] end

local function class_of(x)
  return type(x) == "userdata" and (debug.getmetatable(x) or {}).__name or type(x)
end

local function keep(x)
  local class = class_of(x)
  local pool = pools[class]
  if not pool then
    pool = {}
    pools[class] = pool
    pools[#pools + 1] = pool
  end
  pool[#pool < 12 and #pool + 1 or math.random(12)] = x
end

local anything

local function new_table(depth)
  local kind, t = math.random(6), {}
  if kind == 1 then
    for i = 1, math.random(0, 4) do t[i] = any(integers) end
  elseif kind == 2 then
    for i = 1, math.random(0, 4) do t[i] = any(floats) end
  elseif kind == 3 and depth < 5 then
    for i = 1, math.random(0, 4) do t[i] = new_table(depth + 1) end
  elseif kind == 4 then
    for _ = 1, math.random(0, 4) do t[any(strings)] = anything() end
    t.next, t.rewards = any(integers), anything()
  elseif kind == 5 then
    t[1], t.infos = t, t -- recursive
  else
    for i = 1, math.random(0, 4) do t[i] = anything() end
  end
  if math.random(20) == 1 then
    setmetatable(t, {
      __index = function() return anything() end,
      __gc = function() -- a finaliser that interferes with whatever is running
        for _ = 1, 3 do
          local x = anything()
          pcall(core.end_step)
          pcall(function() x:close() end)
          pcall(function() x:fill(1) end)
          pcall(core.adam, { x, anything() }, 0.1)
          pcall(function() x:sum():backward() end)
        end
      end,
    })
  end
  return t
end

local makers = {
  function() return core.zeros(any { 1, 2, 3, 4 }) end,
  function() return core.zeros(any { 0, 1, 2, 4 }, any { 1, 2, 3, 4 }) end,
  function() return core.rng(1):normal(4, 2) end,
  function() return core.rng(2):normal(2, 3, 2) end,
  function() return core.rng(3):uniform(0.1, 2, 4) end,
  function() return core.tensor(any(floats)) end,
  function() return core.parameter(core.rng(4):normal(4, 2)) end,
  function() return core.parameter(1) end,
  function() return core.mlp({ 2, 5, 2 }) end,
  function() return core.mlp({ 4, 3, 1 }, 0, true) end,
  function() return core.mlp({ 2, 5, 2 }, 0, false, true) end,
  function() return core.adam({ any(pools["tide.mlp"]) }, 0.1) end,
  function() return core.adam({ core.parameter(2), core.mlp({ 2, 2 }) }, 0.1) end,
  function() return core.rng(5) end,
  function() return core.replay(2, 2, 5) end,
  function() return core.physics(robot) end,
  function() return core.image(any { 1, 16, 20 }, any { 1, 16, 17 }) end,
  function()
    if math.random(100) > 1 then return core.image(16, 16) end
    local made, camera = pcall(core.picture, core.physics(robot), 16, 16)
    return made and camera or core.image(16, 16) -- a machine without OSMesa
  end,
  function() return core.physics(robot):model() end,
  function() return core.physics(robot):model():joint("bthigh") end,
  function() return core.dataset_writer("w.h5", { observation_dim = 2, action_dim = 2 }) end,
  function() return core.dataset_read("d.h5") end,
  function() return core.arrays_open("d.h5") end,
  function() return core.arrays_writer("w.h5"):array("rewards", any { "float32", "boolean", "int64" }, {}) end,
  function() return core.dataset_survey("d.h5") end,
  function()
    if math.random(20) > 1 then return core.rng(6) end
    os.remove("c.events")
    return core.events("c.events", 1.0)
  end,
}

--- Something; often something new.
function anything()
  local kind = math.random(20)
  if kind <= 9 then return any(any(pools)) end
  if kind <= 11 then return any(integers) end
  if kind == 12 then return any(floats) end
  if kind <= 14 then return any(strings) end
  if kind == 15 then return any { true, false } end
  if kind == 16 then return nil end
  if kind == 17 then return new_table(1) end
  local ok, made = pcall(any(makers))
  if ok then keep(made) end
  return ok and made or nil
end

-- What functions take, after the object of a method: t tensor, i small integer, f number, s name, b table, v sequence
-- of 2, r rng, n network, a adam, g image, x anything. Used for half of the calls, with one in eight arguments
-- replaced.
local signatures = {
  mlp = "b", adam = "bf", tensor = "b", zeros = "ii", parameter = "t", columns = "tii", rows = "tii", reshape = "tii",
  concat_rows = "tt", concat_columns = "tt", cross_entropy = "tt", mse = "tt", huber = "ttf", tanh_gaussian = "tt",
  tanh_mean = "t", gradient_of = "nis", rng = "i", replay = "iii", ["h2o.gap"] = "tiff", ["h2o.omega"] = "t",
  expectile = "ttf", tanh_gaussian_log_prob = "tt", gaussian_log_prob = "ttt", ["tide.tensor:expectile"] = "tf",
  argmax = "t", pick = "tt", ["tide.tensor:pick"] = "t", ["tide.rng:draw_uniform"] = "ffi",
  ["h2o.dynamics_ratio"] = "tff", ["h2o.scatter"] = "ttft", ["h2o.value_gap"] = "ttt", tree_write = "sb",
  tree_read = "s", dataset_read = "s", dataset_survey = "s", arrays_open = "s", arrays_writer = "s",
  ["tide.arrays:rows"] = "sii", ["tide.arrays:numbers"] = "sii", ["tide.arrays:scan"] = "siiff",
  ["tide.arrays:differing"] = "ssiii", ["tide.arrays:episode"] = "i", ["tide.arrays_writer:array"] = "ssbi",
  ["tide.arrays_writer:append"] = "sb", ["tide.arrays_writer:finish"] = "s", ["tide.arrays_writer:integer"] = "ssi",
  ["tide.arrays_writer:metadata"] = "b", dataset_writer = "sb", events = "sf", events_cut = "si",
  ["tide.tensor:rows"] = "ii", ["tide.tensor:columns"] = "ii", ["tide.tensor:reshape"] = "ii",
  ["tide.tensor:backward"] = "", ["tide.tensor:cross_entropy"] = "t", ["tide.tensor:huber"] = "tf",
  ["tide.tensor:mse"] = "t", ["tide.tensor:set"] = "iif", ["tide.tensor:get"] = "ii", ["tide.tensor:copy"] = "t",
  ["tide.tensor__add"] = "t", ["tide.tensor__mul"] = "t", ["tide.tensor__sub"] = "f", ["tide.tensor__div"] = "t",
  ["tide.mlp:init_layer"] = "isfr", ["tide.mlp:polyak"] = "nf", ["tide.mlp__call"] = "t", ["tide.mlp:weight"] = "i",
  ["tide.mlp:gain"] = "i", ["tide.mlp:shift"] = "i",
  ["tide.adam:minimise"] = "t", ["tide.adam:lr"] = "f", ["tide.adam:restore"] = "tti", ["tide.rng:normal"] = "ii",
  ["tide.rng:uniform"] = "ffi", ["tide.rng:integer"] = "ii", ["tide.rng:restore"] = "b", ["tide.rng:add_normal"] = "tf",
  ["tide.replay:add"] = "vvfvx", ["tide.replay:sample"] = "rii", ["tide.replay:restore"] = "b",
  ["tide.replay:count"] = "s", ["tide.dataset:rows"] = "sii", ["tide.dataset:tensor"] = "s",
  ["tide.dataset_writer:add"] = "vvfvxx", ["tide.events:add"] = "ifbb", ["tide.physics:step"] = "ti",
  ["tide.physics:add_noise"] = "ssfr", ["tide.physics:observe"] = "t", ["tide.physics:body_position"] = "s",
  ["tide.model:joint"] = "s", ["tide.model:body"] = "s", ["tide.model__index"] = "s", ["tide.model_part__index"] = "s",
  ["tide.model_part__newindex"] = "sf", ["tide.model__newindex"] = "sf",
  ["tide.picture:draw"] = "sg", image = "ii",
}

local kinds = {
  t = function() return any(pools["tide.tensor"]) end,
  i = function() return math.random(0, 4) end,
  f = function() return any { 0.5, 1, 2, -1, 1e-3, 10 } end,
  s = function() return any(strings) end,
  b = function()
    return any { new_table(1), { any(pools["tide.mlp"]) }, { 2, 3, 2 }, { 1.5, 2 }, any(pools.table or { {} }) }
  end,
  v = function() return { math.random(), 2 } end,
  r = function() return any(pools["tide.rng"]) end,
  n = function() return any(pools["tide.mlp"]) end,
  a = function() return any(pools["tide.adam"]) end,
  g = function() return any(pools["tide.image"]) end,
  x = function() return anything() end,
}

local function arguments_for(target, class)
  local signature, arguments = signatures[target.name], { n = 0 }
  if class then
    arguments[1], arguments.n = math.random(8) > 1 and pools[class] and any(pools[class]) or anything(), 1
  end
  if signature and math.random(2) == 1 then
    for kind in signature:gmatch(".") do
      arguments.n = arguments.n + 1
      arguments[arguments.n] = kinds[math.random(8) == 1 and "x" or kind]()
    end
  else
    for _ = 1, math.random(0, 5) do
      arguments.n = arguments.n + 1
      arguments[arguments.n] = anything()
    end
  end
  if target.name == "tide.physics:step" then arguments[3], arguments.n = math.random(0, 3), 3 end -- not for ever
  return arguments
end

local function call(target, arguments)
  local run = function() return target.f(table.unpack(arguments, 1, arguments.n)) end
  if math.random(30) == 1 then run = coroutine.wrap(run) end
  return pcall(run)
end

--- Results join the pools, unless they are large.
local function keep_results(results)
  for i = 2, math.min(results.n, 4) do
    local x = results[i]
    if type(x) == "userdata" or (type(x) == "table" and #x < 100) then
      local ok, n = pcall(function()
        local count = 1
        for _, dim in ipairs(x.shape) do count = count * dim end
        return count
      end)
      if not ok or n <= 10000 then keep(x) end
    end
  end
end

describe("random calls", function()
  local folder = os.tmpname()
  setup(function()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    assert(lfs.chdir(folder))
    local writer <close> = core.dataset_writer("d.h5", { observation_dim = 2, action_dim = 2 })
    for i = 1, 4 do writer:add({ i, 0 }, { 0, 1 }, 0.5, { i + 1, 0 }, i == 4, false) end
    writer:commit()
  end)
  teardown(function()
    lfs.chdir(root)
    os.execute("rm -rf " .. folder)
  end)

  it("do no harm", function()
    print(("fuzz: TIDE_TEST_SEED=%d, %d calls"):format(seed, calls))
    math.randomseed(seed)
    pools = {}
    for _ = 1, 5 do
      for _, make in ipairs(makers) do keep(make()) end
    end
    local targets, reached, succeeded = everything(), {}, 0
    for i = 1, calls do
      local target = any(targets)
      local class = target.name:match("^tide%.[%l%d]+_?%l*")
      class = class and class:gsub("_$", "")
      local arguments, results = arguments_for(target, class), { false }
      if (not target.class or class_of(arguments[1]) == class) and (not slow[target.name] or i % 10 == 0) then
        results = table.pack(call(target, arguments))
      end
      if results[1] then
        succeeded = succeeded + 1
        reached[target.name] = true
        keep_results(results)
      end
      if i % 97 == 0 then core.end_step() end
      if i % 211 == 0 then collectgarbage() end
      if i % 5003 == 0 then collectgarbage(any { "generational", "incremental" }) end
    end
    local missing = {}
    for _, target in ipairs(targets) do
      if not reached[target.name] then missing[#missing + 1] = target.name end
    end
    print(("fuzz: %d calls succeeded; never: %s"):format(succeeded, table.concat(missing, " ")))
    assert.is_true(succeeded > calls / 10, "most calls were refused: nothing was tested")
    assert.is_true(#missing < #targets / 3, "too many functions never succeeded")

    pools = {}
    core.set_recording(true)
    core.end_step()
    collectgarbage()
    collectgarbage()
    local p = core.parameter(core.tensor { 1, 2 })
    p:square():sum():backward(p)
    assert.are.same({ 2, 4 }, core.gradient_of(p):totable())
  end)
end)
