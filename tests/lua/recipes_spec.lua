--- Promises of tide.recipes: datasets that Tide makes itself.
local core = require "tide.core"
local recipes = require "tide.recipes"
local tide = require "tide"

describe("recipes", function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  local function made(name, given)
    given.path = path
    recipes.make(name, given)
    return core.dataset_read(path)
  end

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
