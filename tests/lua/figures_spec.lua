--- Promises of tide plot's kinds: curves and bars of sweeps, rewards of policies, H2O's u and omega.
local core = require "tide.core"
local files = require "support.files"
local lfs = require "lfs"
local program = require "support.program"
local sweep_folder = require "support.sweep_folder"
local tide = require "tide"

local folder

local function draw(arguments)
  local result = program.shell(("cd %s && %s plot %s"):format(folder, program.path, arguments))
  return result.code, result.out .. result.err
end

--- Draws into an SVG file. -> its text, what was said
local function drawn(arguments)
  local code, said = draw(arguments .. " -o picture.svg")
  assert.are.equal(0, code, said)
  return files.read(folder .. "/picture.svg"), said
end

local function refused(arguments, part)
  local code, said = draw(arguments .. " -o none.svg")
  assert.are.equal(1, code, said)
  assert.is_truthy(said:find(part, 1, true), said)
  assert.is_nil(lfs.attributes(folder .. "/none.svg"))
end

--- All words of a picture, in their order.
local function words(svg)
  local list = {}
  for text in svg:gmatch "<text>(.-)</text>" do list[#list + 1] = (text:gsub("<[^>]*>", "")) end
  return list
end

local function has(list, word)
  for _, one in ipairs(list) do
    if one:gsub("^%s+", ""):gsub("%s+$", "") == word then return true end
  end
  return false
end

local function count(text, part)
  local n = 0
  for _ in text:gmatch(part) do n = n + 1 end
  return n
end

setup(function()
  folder = os.tmpname()
  os.remove(folder)
  assert(lfs.mkdir(folder))
end)
teardown(function() os.execute("rm -rf " .. folder) end)

describe("tide plot of a sweep's folder", function()
  local gaps, agents = { "gravity", "friction", "noise" }, { "sac", "h2o" }

  setup(function()
    local dir = folder .. "/table"
    local about = sweep_folder.plan(dir, { seeds = 2, axes = { { name = "gap", labels = gaps },
                                                               { name = "agent", labels = agents } } })
    sweep_folder.fill(dir, about, function(run)
      if run.name:find "noise%-h2o" then return nil end
      local height = run.agent == "h2o" and 2000 or 500
      return { { 0, 0 }, { 500, height / 2 }, { 1000, height + run.seed } }, { state =
        run.name:find "friction%-sac%-seed2" and "interrupted" or "done" }
    end)
  end)

  it("has a panel for each row of its table, and a key with each agent once", function()
    local svg = drawn "table"
    local list = words(svg)
    for _, gap in ipairs(gaps) do assert.is_true(has(list, gap), table.concat(list, "|")) end
    local keys = 0
    for _, word in ipairs(list) do
      if word:find "sac" or word:find "h2o" then keys = keys + 1 end
    end
    assert.are.equal(2, keys)
    assert.is_true(has(list, "Mean of 2 seeds, band from least to greatest"), table.concat(list, "|"))
  end)

  it("of one row has the names beside the lines; --only and --band choose", function()
    local list = words((drawn "table --only 'friction/*' --band interval"))
    assert.is_true(has(list, "friction") and has(list, "h2o") and has(list, "sac"), table.concat(list, "|"))
    assert.is_false(has(list, "gravity"))
    assert.is_true(has(list, "Mean of 2 seeds, 95 % interval (bootstrap)"), table.concat(list, "|"))
    refused("table --only 'heavy/*'", "matches no cell")
    refused("table --metric eval/retrun", "eval/return")
  end)

  it("as bars has heights in the proportion of the final returns, of runs that are done alone", function()
    local svg, said = drawn "table --kind bars --last 1"
    assert.is_truthy(said:find("noise/h2o: no run is done", 1, true), said)
    -- a box is a polygon: x,y of its four corners and the first again; each is drawn twice, colour and pattern
    local heights = {}
    for points in svg:gmatch "points = '([^']*)'" do
      local numbers = {}
      for x in points:gmatch "[%d.]+" do numbers[#numbers + 1] = tonumber(x) end
      local high = #numbers >= 8 and math.abs(numbers[2] - numbers[6]) or 0
      if high > 40 then heights[#heights + 1] = high end
    end
    table.sort(heights)
    assert.are.equal(2 * 5, #heights, table.concat(heights, " "))
    assert.is_true(math.abs(heights[10] / heights[1] - 2001.5 / 501) < 0.05, table.concat(heights, " "))
    assert.is_true(has(words(svg), "Mean of a run's last 1 evaluations, mean over seeds, 95 % interval (bootstrap), "
      .. "dots: single runs"), table.concat(words(svg), "|"))
  end)

  it("makes a PNG, says what a kind does not take, and is not drawn beside other runs", function()
    assert.are.equal(0, (draw "table --kind bars -o bars.png"))
    assert.are.equal("\x89PNG", files.read(folder .. "/bars.png"):sub(1, 4))
    refused("table --kind bars --band std", "--band: --kind bars does not take it")
    refused("table --last 2", "--last: --kind curves does not take it")
    refused("table table/runs", "it is drawn by itself")
    refused("table/runs --kind bars", "no sweep's folder")
    refused("table/runs --only 'gravity/*'", "the folder of a sweep is needed")
    refused("table --kind rewards", "no run of it has a policy")
  end)
end)

describe("curves of one's own", function()
  it("that show the same in one row have one unit", function()
    local function item(greatest)
      return { curve = { x = { 0, 1 }, mean = { 0, greatest }, low = { 0, greatest }, high = { 0, greatest }, n = 1 },
               name = "mine", style = tide.plot.style_of(1) }
    end
    local path = folder .. "/units.svg"
    tide.plot.panels({ { y_label = "Reward", items = { item(180000) } },
                       { y_label = "Reward", items = { item(90000) } } }, path, { shared = false, columns = 2 })
    local list = words(files.read(path))
    assert.is_true(has(list, "180") and has(list, "90"), table.concat(list, "|"))
    assert.is_false(has(list, "90000") or has(list, "80000"), table.concat(list, "|"))
  end)

  it("are drawn in one panel or in several; unknown options and empty pictures are refused", function()
    local curve = { x = { 0, 1 }, mean = { 1, 2 }, low = { 1, 2 }, high = { 1, 2 }, n = 1, falls = { { 1, 2 } } }
    local item, path = { curve = curve, name = "mine", style = tide.plot.style_of(2) }, folder .. "/own.svg"
    tide.plot.items({ item }, path, { x_label = "Time, s" })
    assert.is_true(has(words(files.read(path)), "Time, s"))
    tide.plot.panels({ { title = "left", items = { item } }, { title = "right", items = { item } } }, path)
    local list = words(files.read(path))
    assert.is_true(has(list, "left") and has(list, "right") and has(list, "mine"), table.concat(list, "|"))
    for what, draw_it in pairs {
      ["plot.panels: unknown 'colums'; nearest: columns"] = function()
        tide.plot.panels({ { items = { item } } }, path, { colums = 3 })
      end,
      ["plot.panels: there is no panel"] = function() tide.plot.panels({}, path) end,
      ["plot.items: unknown 'titel'; nearest: title"] = function() tide.plot.items({ item }, path, { titel = "x" }) end,
      ["plot.items: there is no curve"] = function() tide.plot.items({}, path, {}) end,
    } do
      local ok, problem = pcall(draw_it)
      assert.are.same({ false, what }, { ok, problem })
    end
  end)
end)

describe("a trace", function()
  it("is an episode as tide eval runs it", function()
    local policy = tide.load_policy(require("tide.paths").envs "policies/hopper-medium.h5")
    local world = tide.world("Hopper", { seed = 3 })
    local trace = tide.traces.run(policy, world, { watch = function(w) return w.physics:qpos(1) end })
    local result = tide.evaluation.run(policy, tide.world("Hopper", { seed = 3 }), 1)
    assert.are.same({ result.mean, result.lengths[1] }, { trace.total, #trace.rewards })
    assert.are.equal(#trace.rewards, #trace.watched)
    assert.are.equal(world.physics:qpos(1), trace.watched[#trace.watched])
    assert.is_true(math.abs(trace.dt - 0.008) < 1e-12)
  end)

  it("is averaged over its episodes; one that has ended gets no more", function()
    local one = { rewards = { 1, 1, 1, 1 }, dt = 0.5, terminal = false }
    local two = { rewards = { 3, 3 }, dt = 0.5, terminal = true }
    local curve = tide.traces.cumulative({ one, two }, 1)
    assert.are.same({ 0, 0.5, 1.0, 1.5, 2.0 }, curve.x)
    assert.are.same({ 0, 2.0, 4.0, 4.5, 5.0 }, curve.mean)
    assert.are.same({ 0, 1.0, 2.0, 3.0, 4.0 }, curve.low)
    assert.are.same({ 0, 3.0, 6.0, 6.0, 6.0 }, curve.high)
    assert.are.same({ { 1.0, 4.0 } }, curve.falls)
    assert.are.same({ 2.0, 1.0 }, tide.traces.means({ dt = 1 }, { 1, 3, 1 }, 2).mean)
    assert.are.same({ 3, 1 }, tide.traces.values({ dt = 1 }, { 1, 3, 1 }, 2).mean)
    assert.are.same({ 2, 3 }, tide.traces.values({ dt = 1 }, { 1, 3, 1 }, 2).x)
  end)
end)

describe("tide plot of policies", function()
  local policies = require("tide.paths").envs "policies/"

  it("shows the mean reward of a step in their episodes, and its spread", function()
    local files_ = policies .. "hopper-medium.h5 " .. policies .. "hopper-expert.h5"
    local list = words((drawn(files_ .. " --kind rewards --episodes 2 --steps 50 --seed 4")))
    assert.is_true(has(list, "hopper-medium") and has(list, "hopper-expert"))
    local policy, rewards = tide.load_policy(policies .. "hopper-medium.h5"), {}
    local world = tide.world("Hopper", { seed = 4 })
    world.max_episode_steps = 50
    for _ = 1, 2 do
      local trace = tide.traces.run(policy, world)
      table.move(trace.rewards, 1, #trace.rewards, #rewards + 1, rewards)
    end
    local mean = require("tide.statistics").mean(rewards)
    local shown
    for _, word in ipairs(list) do shown = shown or tonumber(word:match "([%d.]+) ±") end
    assert.is_true(math.abs(shown - mean) < 0.006, ("%s %s"):format(shown, mean))
    assert.is_truthy(table.concat(list, "|"):find("Hopper, 2 episodes", 1, true))
  end)

  it("adds their rewards up over time, with a cross where an episode truly ended", function()
    local svg = drawn(policies .. "hopper-medium.h5 --kind cumulative --episodes 3 --gap 'gravity(2.0)'")
    local list = table.concat(words(svg), "|")
    assert.is_truthy(list:find("Time, s", 1, true) and list:find("Cumulative reward", 1, true), list)
    assert.is_truthy(list:find("Hopper with gravity(2.0), 3 episodes: mean, least to greatest; crosses: true ends", 1,
      true), list)
  end)

  it("refuses policies of several environments, and one that does not fit", function()
    refused(policies .. "hopper-medium.h5 " .. policies .. "halfcheetah-medium.h5 --kind rewards",
      "is of HalfCheetah, others are of Hopper")
    refused(policies .. "hopper-medium.h5 --kind rewards --env Walker2d", "takes 11 observations")
    refused(policies .. "hopper-medium.h5 --kind rewards --episodes 0", "--episodes: a whole number from 1 on")
  end)
end)

describe("tide plot of u and omega", function()
  local gap = require "tide.plot.gap"
  local given = { times = 5, rows = 300, seed = 0 }

  setup(function()
    tide.recipes.make("halfcheetah-random", { transitions = 1100, path = folder .. "/data.h5" })
    files.write(folder .. "/small.lua", ([[
      local tide = require "tide"
      local name = ...
      tide.experiment {
        agent = tide.agents[name] { hidden = { 8, 8 } },
        real = { env = "HalfCheetah", dataset = name ~= "sac" and "%s/data.h5" }, sim = { gap = "gravity(2.0)" },
        training = { epoch_updates = 10, epoch_rollout_steps = 200 },
        evaluation = { every = 1, episodes = 1, keep_policies = true }, steps = 40,
      }:train()]]):format(folder))
    for _, agent in ipairs { "h2o", "sac" } do
      local result = program.shell(("cd %s && %s run small.lua %s --quiet --out %s"):format(folder, program.path, agent,
        agent))
      assert.are.equal(0, result.code, result.err)
    end
  end)

  it("looks at the same transitions with the networks of each evaluation", function()
    local list, about, rows = gap.told(folder .. "/h2o", given)
    local names = {}
    for i, one in ipairs(list) do names[i] = one.name end
    assert.are.same({ "10 updates", "20 updates", "30 updates", "40 updates" }, names)
    assert.are.same({ "rootx velocity", 300 }, { about.name, rows })
    assert.are.same(list[1].x, list[4].x)
    assert.are_not.same(list[1].u, list[4].u)
    -- the last ones are the checkpoint's
    assert(os.rename(folder .. "/h2o/policies", folder .. "/h2o/aside"))
    local only = gap.told(folder .. "/h2o", given)
    assert(os.rename(folder .. "/h2o/aside", folder .. "/h2o/policies"))
    assert.are.same({ "40 updates", list[4].u, list[4].x }, { only[1].name, only[1].u, only[1].x })
    local two = gap.told(folder .. "/h2o", { times = 2, rows = 300, seed = 0 })
    assert.are.same({ list[2].u, list[4].u }, { two[1].u, two[2].u })
  end)

  it("means u in bins of a velocity, and weighs by omega", function()
    local curve = gap.binned({ 1, 2, 3, 4 }, { 0.0, 0.0, 1.0, 1.0 })
    assert.are.same({ 1.5, 3.5 }, curve.mean)
    local list = words((drawn "h2o --kind u --times 2"))
    assert.is_true(has(list, "rootx velocity, m/s") and has(list, "Mean u(s, a)"), table.concat(list, "|"))
    assert.is_true(has(list, "20 updates") and has(list, "40 updates"), table.concat(list, "|"))
    list = table.concat(words((drawn "h2o --kind omega")), "|")
    assert.are.equal(4, count(list, "|1[.0]* ± "), list) -- the mean of omega, times their number
    list = words((drawn "h2o --kind u --observation 'rootz velocity'"))
    assert.is_true(has(list, "rootz velocity, m/s"))
  end)

  it("keeps a policy that acts beside them", function()
    local path = folder .. "/h2o/policies/00000040.h5"
    assert.is_truthy(core.tree_read(path).networks.d_sas.layer0)
    assert.is_nil(core.tree_read(folder .. "/sac/policies/00000040.h5").networks)
    local policy, other = tide.load_policy(path), tide.load_policy(folder .. "/h2o")
    local zeros = tide.zeros(17)
    assert.are.same(other:act(zeros, "mean"):totable(), policy:act(zeros, "mean"):totable())
  end)

  it("refuses what has no u", function()
    refused("sac --kind u", "a run of sac; u and omega are H2O's")
    refused("h2o sac --kind omega", "one run is taken")
    refused("h2o --kind u --observation 'rootx velocty'", "nearest: rootx velocity")
    os.remove(folder .. "/h2o/checkpoint.h5")
    refused("h2o --kind u", "has no checkpoint.h5")
  end)
end)
