--- Promises of soft actor-critic.
local core = require "tide.core"
local support = require "support.agents"
local tide = require "tide"

local build, batch = support.build, support.batch
local S = support.observation_dim

describe("sac", function()
  after_each(function() core.end_step() end)

  it("solves a one-step task: the action of the highest reward", function()
    -- r(s, a) = -|a - 0.5|^2, terminal: Q is r, and the policy's mean goes to 0.5
    local agent = build(tide.agents.sac { hidden = { 32, 32 }, batch = 128, policy_lr = 3e-3, critic_lr = 3e-3,
                                          alpha_lr = 3e-2, target_entropy = -6 })
    local rng = core.rng(5)
    for _ = 1, 800 do
      local b = batch(rng, 0, 128)
      local distance = (b.actions - 0.5):square():sum(2)
      b.rewards = (-1 * distance):clone()
      b.terminals:fill(1)
      agent:update { train = b }
      core.end_step()
    end
    local action = agent:act(rng:normal(S), "mean"):totable()
    for _, x in ipairs(action) do assert.is_near(0.5, x, 0.1) end
  end)
end)
