--- Promises of `tide agents`, and of an agent that one file adds.
local files = require "support.files"
local json = require "tide.json"
local program = require "support.program"

describe("tide agents", function()
  it("lists each agent with the data it learns from", function()
    local result = program.run { "agents" }
    assert.are.equal(0, result.code)
    assert.matches("\nh2o +real and sim +%w", result.out)
    assert.matches("\nsac +sim +%w", result.out)
  end)

  it("shows an agent's options with their defaults", function()
    local result = program.run { "agents", "h2o" }
    assert.are.equal(0, result.code)
    assert.matches("\n  beta +0.01\n", result.out)
    assert.matches("\n  hidden +{ 256, 256 }\n", result.out)
  end)

  it("gives the same as JSON", function()
    local listed = json.decode(program.run({ "agents", "--json" }).out)
    local by_name = {}
    for _, one in ipairs(listed) do by_name[one.name] = one end
    assert.is_true(by_name.h2o.real and by_name.h2o.sim)
    assert.is_false(by_name.sac.real)
    assert.are.equal(0.99, by_name.sac.options.discount)
  end)

  it("refuses an unknown one with the nearest", function()
    local result = program.run { "agents", "h20" }
    assert.are.equal(1, result.code)
    assert.matches("nearest: h2o", result.err, 1, true)
  end)
end)

--- An agent in one file: deep deterministic policy gradient (Lillicrap et al. 2016) with one critic.
local agent_file = [[
local tide = require "tide"

local ddpg = tide.agent("ddpg", {
  about = "deterministic policy gradient with one critic",
  uses = { "sim" },
  discount = 0.99, tau = 0.005, lr = 1e-3, noise = 0.1,
  hidden = { 16, 16 },
  batch = 32,
})

function ddpg:build(task)
  local S, A = task.observation_dim, task.action_dim
  self.actor = tide.mlp({ inputs = S, outputs = A, hidden = self.hidden, tanh_scale = 1.0 }, self.rng)
  self.q = tide.critic(S, A, self.hidden, self.rng)
  self.target_q = tide.target(self.q)
  self.optimisers = { actor = tide.adam({ self.actor }, self.lr), critic = tide.adam({ self.q }, self.lr) }
  self.networks = { actor = self.actor, q = self.q, target_q = self.target_q }
end

function ddpg:batches()
  return { train = { real = 0, sim = self.batch } }
end

function ddpg:update(batches)
  local b = batches.train
  local target = tide.no_grad(function()
    local next_value = self.target_q(b.next_observations, self.actor(b.next_observations))
    return b.rewards + self.discount * (1 - b.terminals) * next_value
  end)
  local critic_loss = tide.mse(self.q(b.observations, b.actions), target)
  self.optimisers.critic:minimise(critic_loss)
  local actor_loss = -self.q(b.observations, self.actor(b.observations)):mean()
  self.optimisers.actor:minimise(actor_loss)
  self.target_q:polyak(self.q, self.tau)
  return { critic_loss = critic_loss:item(), actor_loss = actor_loss:item() }
end

function ddpg:act(observation, mode)
  return tide.no_grad(function()
    local action = self.actor(observation:reshape(1, self.observation_dim)):reshape(self.action_dim)
    if mode == "mean" then return action end
    return tide.clamp(action + self.noise * self.rng:draw_normal(1, self.action_dim):reshape(self.action_dim), -1, 1)
  end)
end

return ddpg
]]

local script = [[
local tide = require "tide"
require "ddpg"
tide.experiment {
  agent = tide.agents.ddpg { noise = 0.2 },
  real = { env = "HalfCheetah" }, sim = { env = "HalfCheetah", gap = tide.gap.gravity(2) },
  steps = 60, seed = 1,
  training = { epoch_updates = 20, epoch_rollout_steps = 40 },
  evaluation = { every = 1, episodes = 1 }, checkpoint = { every = 1 },
}:train()
]]

describe("an agent of 50 lines in a file of its own", function()
  local folder

  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    files.write(folder .. "/ddpg.lua", agent_file)
    files.write(folder .. "/experiment.lua", script)
  end)
  teardown(function() os.execute("rm -r " .. folder) end)

  local function run(...)
    local result = program.run { "run", folder .. "/experiment.lua", "--quiet", ... }
    assert.are.equal(0, result.code, result.err)
  end

  it("trains, is set from the command line, and logs what it measures", function()
    local _, lines = agent_file:gsub("\n", "")
    assert.is_true(lines <= 50)
    run("--out", folder .. "/whole", "--set", "agent.batch=16")
    local rows = files.metrics(folder .. "/whole")
    assert.is_number(rows[#rows]["train/critic_loss"])
    assert.matches('"name": "ddpg"', files.read(folder .. "/whole/config.json"), 1, true)
    assert.matches('"batch": 16', files.read(folder .. "/whole/config.json"), 1, true)
  end)

  it("resumes to what an unbroken run gives", function()
    run("--out", folder .. "/unbroken")
    run("--out", folder .. "/broken", "--steps", "20")
    local resumed = program.run { "resume", folder .. "/broken", "--steps", "60", "--quiet" }
    assert.are.equal(0, resumed.code, resumed.err)
    assert.are.same(files.metrics(folder .. "/unbroken"), files.metrics(folder .. "/broken"))
  end)
end)
