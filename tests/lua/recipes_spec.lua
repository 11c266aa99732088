--- Promises of tide.recipes: datasets that Tide makes itself.
local actors = require "tide.dataset.actors"
local behaviour = require "tide.dataset.behaviour"
local core = require "tide.core"
local lfs = require "lfs"
local paths = require "tide.paths"
local program = require "support.program"
local recipes = require "tide.recipes"
local tide = require "tide"
local verify = require "tide.dataset.verify"

describe("recipes", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local function made(name, given)
    given.path = path
    recipes.make(name, given)
    return core.dataset_read(path)
  end

  it("each that can be made, but by training, is sound: its physics replayed, its ends true ones or cuts", function()
    for _, name in ipairs(recipes.list()) do
      local about = recipes.about(name)
      if not about.training and not about.env:find "WheelLegged" then
        made(name, { transitions = 300 })
        local report = verify(path)
        assert.are.same({ 300, 0, 0 }, { report.rows, report.defects, report.warnings }, tostring(report))
        local replayed = "300 rows replayed from infos/qpos and infos/qvel in " .. about.env
        assert.is_truthy(tostring(report):find(replayed, 1, true))
      end
    end
  end)

  it("a robot that falls ends its episodes by terminals, the step limit and the last row by timeouts", function()
    local data = made("hopper-medium", { transitions = 4000 })
    local terminals, timeouts = data:tensor("terminals"):totable(), data:tensor("timeouts"):totable()
    core.end_step()
    local fallen, length, longest = 0, 0, 0
    for i = 1, 4000 do
      length = length + 1
      longest = math.max(longest, length)
      assert.is_true(terminals[i] + timeouts[i] < 2)
      assert.are.equal(terminals[i] == 0 and (length == 1000 or i == 4000), timeouts[i] == 1, i)
      if terminals[i] + timeouts[i] > 0 then length = 0 end
      fallen = fallen + terminals[i]
    end
    assert.is_true(fallen > 0 and longest > 100, fallen)
    local report = verify(path, { samples = 4000 })
    assert.are.same({ 0, 0 }, { report.defects, report.warnings }, tostring(report))
  end)

  it("medium-expert is medium's rows, then expert's: each half with starts of its own, each cut at its end", function()
    local both = made("hopper-medium-expert", { transitions = 301 })
    local timeouts = both:tensor("timeouts"):totable()
    assert.are.same({ 1, 1 }, { timeouts[150], timeouts[301] })
    for _, array in ipairs { "observations", "actions", "rewards" } do
      local halves = { both:rows(array, 1, 150):totable(), both:rows(array, 151, 151):totable() }
      core.end_step()
      assert.are.same(made("hopper-medium", { transitions = 150 }):tensor(array):totable(), halves[1])
      assert.are.same(made("hopper-expert", { transitions = 151 }):tensor(array):totable(), halves[2])
      assert.are_not.same(halves[1][1], halves[2][1])
    end
    assert.are.equal(2000000, recipes.about("hopper-medium-expert").transitions)
  end)

  it("tells how far it is, over all parts", function()
    local told = {}
    recipes.make("hopper-medium-expert", { transitions = 200, path = path, report = function(rows, total)
      told[#told + 1] = { rows, total }
    end })
    assert.are.same({ 200, 200 }, told[#told])
    for i = 2, #told do assert.is_true(told[i][1] > told[i - 1][1] and told[i][2] == 200) end
  end)

  it("a file says which policy made it", function()
    local metadata = (made("hopper-medium-expert", { transitions = 20 }) and tide.dataset.metadata(path))
    assert.matches("^hopper%-medium.h5: %d+ updates, seed 1; hopper%-expert.h5: %d+ updates, seed 1$", metadata.policy)
  end)

  it("a random dataset has the rows asked for, and cuts that are timeouts", function()
    local data = made("halfcheetah-random", { transitions = 1500 })
    assert.are.equal(1500, #data)
    local timeouts = data:tensor("timeouts"):totable()
    for i = 1, 1500 do assert.are.equal((i == 1000 or i == 1500) and 1 or 0, timeouts[i], i) end
    assert.are.equal(0, data:tensor("terminals"):sum():item())
    core.end_step()
  end)

  it("one seed gives one dataset, another gives another", function()
    local first = made("halfcheetah-random", { transitions = 50 }):tensor("actions"):totable()
    local again = made("halfcheetah-random", { transitions = 50 }):tensor("actions"):totable()
    local other = made("halfcheetah-random", { transitions = 50, seed = 2 }):tensor("actions"):totable()
    assert.are.same(first, again)
    assert.are_not.same(first, other)
  end)

  it("rows are what the real environment does: replayed from infos/qpos they give the same rewards", function()
    made("halfcheetah-random", { transitions = 40 })
    local tree = core.tree_read(path)
    local world = tide.world("HalfCheetah")
    for _, i in ipairs { 1, 17, 40 } do
      local qpos = tree.infos.qpos:rows(i, i):reshape(9):totable()
      local qvel = tree.infos.qvel:rows(i, i):reshape(9):totable()
      world:place(qpos, qvel)
      local action = tree.actions:rows(i, i):reshape(6):clone()
      local _, reward = world:transition(action)
      assert.is_near(tree.rewards:totable()[i], reward, 1e-3)
      core.end_step()
    end
  end)

  it("the medium policy that comes with Tide has a medium return", function()
    local data = made("halfcheetah-medium", { transitions = 3000 })
    local total = data:tensor("rewards"):sum():item() / 3
    core.end_step()
    assert.is_true(total > 3800 and total < 6200, total)
  end)

  it("policies that come with Tide return, sampling, what their files say", function()
    local seen = 0
    for name in lfs.dir(paths.envs "policies") do
      local tree = name:find "%.h5$" and core.tree_read(paths.envs("policies/" .. name)) or {}
      if tree.sample_return then
        local policy = tide.load_policy(paths.envs("policies/" .. name), 3)
        local result = tide.evaluation.run(policy, tide.world(tree.env, { seed = 3 }), 4, "sample")
        local spread = math.max(tree.sample_return_std, 0.1 * tree.sample_return)
        assert.is_near(tree.sample_return, result.mean, 2 * spread, name)
        assert.is_true(lfs.attributes(paths.envs("policies/" .. name), "size") < 500000, name)
        seen = seen + 1
      end
    end
    assert.is_true(seen >= 2)
  end)

  it("a policy of another environment is refused, with its file and both sizes", function()
    local file = paths.envs "policies/hopper-medium.h5"
    local _, problem = pcall(actors.policy, { policy = file, world = tide.world "Ant", seed = 1 })
    assert.is_truthy(problem:find("hopper-medium.h5: a policy of Hopper with 11 observations and 3 actions; Ant has 27 "
      .. "and 8", 1, true), problem)
  end)

  it("a mixed dataset goes from uniform actions to the medium policy", function()
    local data = made("halfcheetah-mixed", { transitions = 5000 })
    local function episode_return(i)
      local total = data:rows("rewards", 1000 * (i - 1) + 1, 1000):sum():item()
      core.end_step()
      return total
    end
    assert.is_true(episode_return(1) < 0)
    assert.is_true(episode_return(4) > episode_return(1))
    assert.is_true(episode_return(5) > 3800)
  end)

  it("a replay dataset is what the training saw, in order, and ends with a cut", function()
    local folder = os.tmpname()
    os.remove(folder)
    path = folder .. "/replay.h5"
    local data = made("halfcheetah-medium-replay", { transitions = 150 })
    assert.are.equal(150, #data)
    local observations, next_observations = data:tensor("observations"), data:tensor("next_observations")
    assert.are.same(observations:rows(2, 150):totable(), next_observations:rows(1, 149):totable())
    local timeouts = data:tensor("timeouts"):totable()
    for i = 1, 150 do assert.are.equal(i == 150 and 1 or 0, timeouts[i]) end
    core.end_step()
    os.execute("rm -rf " .. folder)
  end)

  it("a replay dataset of a robot that falls has its true ends", function()
    local folder = os.tmpname()
    os.remove(folder)
    path = folder .. "/replay.h5"
    local data = made("hopper-medium-replay", { transitions = 60 })
    assert.is_true(data:tensor("terminals"):sum():item() > 1)
    core.end_step()
    local report = verify(path)
    assert.are.same({ 0, 0 }, { report.defects, report.warnings }, tostring(report))
    assert.are.equal("SAC replay", tide.dataset.metadata(path).algorithm)
    -- The run beside it is one of seed 1; made again, it is not trained again.
    local first = core.tree_read(folder .. "/replay-run/checkpoint.h5").updates
    assert.are.equal(60, first)
    made("hopper-medium-replay", { transitions = 60 })
    local _, problem = pcall(made, "hopper-medium-replay", { transitions = 60, seed = 2 })
    assert.is_truthy(tostring(problem):find("replay-run: holds a run of seed 1 in Hopper, not of seed 2 in Hopper", 1,
      true), problem)
    assert.are.equal(1, tide.dataset.metadata(path).seed)
    os.execute("rm -rf " .. folder)
  end)

  it("a replay dataset marks every end, also after an episode of which nothing was stored", function()
    local replay = core.replay(1, 1, 10)
    for i = 1, 6 do replay:add({ i }, { 0 }, i, { i + 1 }, i == 5) end
    behaviour.write({ sim = { observation_dim = 1, action_dim = 1 }, replay = replay, episode_ends = { 2, 2, 4, 5 } },
      path, {})
    local data = core.dataset_read(path)
    assert.are.same({ 0, 1, 0, 1, 0, 1 }, data:tensor("timeouts"):totable())
    assert.are.same({ 0, 0, 0, 0, 1, 0 }, data:tensor("terminals"):totable())
    core.end_step()
  end)

  it("an unknown name is refused with the nearest ones", function()
    assert.has_error(function() recipes.path("halfcheetah-medum") end)
    local _, problem = pcall(recipes.path, "halfcheetah-medum")
    assert.is_truthy(problem:find("halfcheetah-medium", 1, true), problem)
  end)

  it("a dataset that was not made says how to make it", function()
    local _, problem = pcall(recipes.open, "halfcheetah-random")
    if not recipes.exists("halfcheetah-random") then
      assert.is_truthy(tostring(problem):find("tide dataset make halfcheetah-random", 1, true), problem)
    end
  end)
end)

--- A folder for TIDE_HOME with the environments, and those policies alone that `add` puts into envs/policies.
local function with_home(add, f)
  program.with_folder(function(folder)
    assert(os.execute(("cp -r '%s' '%s/envs' && rm -r '%s/envs/policies' && mkdir '%s/envs/policies' '%s/experiments'")
      :format(paths.envs(), folder, folder, folder, folder)))
    if add then add(folder .. "/envs/policies") end
    f(folder, { env = { TIDE_HOME = folder, TIDE_DATASETS = folder .. "/data" } })
  end)
end

describe("recipes whose policies do not come with Tide", function()
  local function only_medium(policies)
    assert(os.execute(("cp '%s' '%s'"):format(paths.envs "policies/hopper-medium.h5", policies)))
  end

  it("are listed apart, with what they need", function()
    with_home(only_medium, function(folder, given)
      assert(lfs.mkdir(folder .. "/data"))
      assert(os.execute(("touch '%s/data/hopper-random.h5'"):format(folder)))
      local result = program.run({ "dataset", "list" }, given)
      assert.are.same({ 0, "" }, { result.code, result.err })
      assert.matches("\nhopper%-medium +1,000,000 +SAC, sampled actions\n", result.out)
      assert.matches("\nhopper%-medium%-replay +a training +SAC replay\n", result.out)
      assert.matches("\nhopper%-random +1,000,000 +uniform actions +%S+/data/hopper%-random.h5\n", result.out)
      assert.matches("\nnot yet: hopper%-medium%-expert needs envs/policies/hopper%-expert.h5\n", result.out)
      assert.is_nil(result.out:find "\nhopper%-expert")
      local listed = require("cjson").decode(program.run({ "dataset", "list", "--json" }, given).out)
      local names = {}
      for _, one in ipairs(listed) do names[one.name] = one end
      assert.are.same({ "envs/policies/hopper-expert.h5" }, names["hopper-medium-expert"].missing)
      assert.are.same({ {}, true, 1400 }, { names["hopper-medium-replay"].missing,
        names["hopper-medium-replay"].training, names["hopper-medium-replay"].medium_return })
    end)
  end)

  it("are refused with what brings the policy, when made or opened; nothing is written", function()
    with_home(only_medium, function(folder, given)
      local result = program.run({ "dataset", "make", "hopper-medium-expert" }, given)
      assert.are.equal(1, result.code)
      assert.are.equal("tide: hopper-medium-expert: envs/policies/hopper-expert.h5 is not there. Policies come from a "
        .. "training: tide run experiments/online.lua sac Hopper --set evaluation.keep_policies=true, then tide run "
        .. "experiments/behaviour_policies.lua RUN\n", result.err)
      result = program.run({ "dataset", "make", "ant-medium" }, given)
      assert.matches("behaviour_policies.lua RUN %d+\n$", result.err)
      assert.is_nil(lfs.attributes(folder .. "/data"))
      result = program.run({ "run", paths.experiments "offline.lua", "bc", "hopper-expert" }, given)
      assert.matches("envs/policies/hopper%-expert.h5 is not there", result.err)
    end)
  end)
end)

describe("experiments/behaviour_policies.lua", function()
  --- A run's folder with policies that were never trained, a few steps each.
  local function with_run(f)
    with_home(nil, function(folder, given)
      for updates = 1, 3 do
        local policy = tide.policy(11, 3, { 8 }, core.rng(updates))
        tide.save_policy(("%s/run/policies/%08d.h5"):format(folder, updates), policy, { env = "Hopper", seed = 1,
          updates = updates })
      end
      f(folder, given)
    end)
  end

  local script = paths.experiments "behaviour_policies.lua"

  it("writes the best policy, and the nearest to a return, with what they return", function()
    with_run(function(folder, given)
      local result = program.run({ "run", script, folder .. "/run", "5" }, given)
      assert.are.same({ 0, "" }, { result.code, result.err })
      local expert = core.tree_read(folder .. "/envs/policies/hopper-expert.h5")
      local medium = core.tree_read(folder .. "/envs/policies/hopper-medium.h5")
      assert.is_true(expert.sample_return > medium.sample_return)
      assert.are.equal(40, medium.sample_episodes)
      local seed = 21 -- of the look that decides
      local least, greatest = math.huge, -math.huge
      for updates = 1, 3 do
        local kept = tide.load_policy(("%s/run/policies/%08d.h5"):format(folder, updates), seed)
        local mean = tide.evaluation.run(kept, tide.world("Hopper", { seed = seed }), 40, "sample").mean
        least, greatest = math.min(least, math.abs(mean - 5)), math.max(greatest, mean)
      end
      assert.is_near(least, math.abs(medium.sample_return - 5), 1e-9)
      assert.is_near(greatest, expert.sample_return, 1e-9)
      assert.matches("hopper%-expert.h5: after " .. expert.updates .. " updates; return", result.out)
    end)
  end)

  it("leaves the medium policy alone without a return; says what a run lacks", function()
    with_run(function(folder, given)
      assert.are.equal(0, program.run({ "run", script, folder .. "/run" }, given).code)
      assert.is_nil(lfs.attributes(folder .. "/envs/policies/hopper-medium.h5"))
      local result = program.run({ "run", script, folder }, given)
      assert.are.equal(1, result.code)
      assert.matches("there is no .*/policies; the run needs %-%-set evaluation.keep_policies=true", result.err)
    end)
  end)
end)

describe("tide dataset make", function()
  it("that is interrupted leaves nothing behind", function()
    program.with_folder(function(folder)
      local result = program.shell(("'%s' dataset make hopper-random -o '%s/data/x.h5' & p=$!; "
        .. "until ls '%s/data' 2>/dev/null | grep -q tmp; do sleep 0.05; done; kill -TERM $p; wait $p")
        :format(program.path, folder, folder))
      assert.are.equal(143, result.code, result.err)
      assert.matches("tide: interrupted by SIGTERM\n$", result.err)
      assert.is_nil(io.popen(("ls '%s/data'"):format(folder)):read "l")
    end)
  end)
end)
