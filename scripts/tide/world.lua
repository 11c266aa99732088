--- Worlds: an environment with a physics of its own, real or with a gap.
--
--   local world = tide.world("HalfCheetah", { gap = tide.gap.gravity(2.0), seed = 1 })
--   local observation = world:reset()
--   local observation, reward, terminal, timeout = world:step(action)
--
-- Observations are two tensors used in turn: what step returns stays as it is until the next but one call.
-- The same seed gives the same initial states, with or without a gap; noise draws from streams of its own.
local core = require "tide.core"
local env = require "tide.env"
local gap = require "tide.gap"
local options = require "tide.options"

local World = {}
World.__index = World

-- Streams of a world's seed: initial states, then one for each hook on the actions, one for each on the observations.
local RESET_STREAM = 0x776f726c64
local ACTION_STREAM = RESET_STREAM << 16
local OBSERVATION_STREAM = ACTION_STREAM + (1 << 15)

local LONGEST_DELAY = 10000 -- control steps; every one is an action that is kept

--- Hook that hands the action, or the observation, to `change`, with a generator of its own.
local function changing(change, rng)
  return {
    apply = function(tensor) return change(tensor, rng) end,
    reset = function() end,
    state = function() return { rng = rng:state() } end,
    restore = function(state) rng:restore(state.rng) end,
  }
end

--- Hook that holds each action back for n control steps; an episode begins with n zero actions.
local function delaying(n, action_dim)
  local held, position, out = {}, 1, core.zeros(action_dim)
  for i = 1, n do held[i] = core.zeros(action_dim) end
  return {
    apply = function(action)
      out:copy(held[position])
      held[position]:copy(action)
      position = position % n + 1
      return out
    end,
    reset = function()
      for i = 1, n do held[i]:fill(0) end
      position = 1
    end,
    state = function()
      local actions = {}
      for i = 1, n do table.move(held[i]:totable(), 1, action_dim, #actions + 1, actions) end
      return { actions = actions, position = position }
    end,
    restore = function(state)
      for i = 1, n do
        held[i]:copy(table.move(state.actions, (i - 1) * action_dim + 1, i * action_dim, 1, {}))
      end
      position = state.position
    end,
  }
end

--- Every action passes through `change(action, rng)` before the simulator executes it. The action is a tensor
-- that change may write into; or it returns another. Hooks run in the order in which they were added.
function World:on_action(change)
  if type(change) ~= "function" then error("world:on_action: a function is needed, not a " .. type(change), 2) end
  local index = #self.hooks + 1
  self.hooks[index] = changing(change, core.rng(self.seed, ACTION_STREAM + index))
end

--- The simulator executes each action n control steps late.
function World:delay_actions(n)
  if math.type(n) ~= "integer" or n < 1 or n > LONGEST_DELAY then
    error(("world:delay_actions: a whole number of control steps from 1 to %d is needed, not %s"):format(LONGEST_DELAY,
      tostring(n)), 2)
  end
  self.hooks[#self.hooks + 1] = delaying(n, self.action_dim)
end

--- Every observation passes through `change(observation, rng)` before anyone sees it: the same rules as for on_action.
-- Rewards, ends and the simulation itself do not see the change.
function World:on_observation(change)
  if type(change) ~= "function" then error("world:on_observation: a function is needed, not a " .. type(change), 2) end
  local index = #self.observation_hooks + 1
  self.observation_hooks[index] = changing(change, core.rng(self.seed, OBSERVATION_STREAM + index))
end

--- Lets the hooks change a tensor, one after the other.
local function pass_through(hooks, tensor)
  for _, hook in ipairs(hooks) do
    local result = hook.apply(tensor)
    if result ~= nil and result ~= tensor then tensor:copy(result) end
  end
end

--- The action that the simulator executes for `action`, which is left as it is.
local function execute(world, action)
  if #world.hooks == 0 then return action end
  if (type(action) == "table" or type(action) == "userdata") and #action ~= world.action_dim then
    error(("world:step: the action has %d numbers, %d are needed"):format(#action, world.action_dim), 4)
  end
  local executed = world.executed
  executed:copy(action)
  pass_through(world.hooks, executed)
  return executed
end

--- Writes the observation into the tensor that was not returned last.
local function observe(world)
  world.observation, world.spare = world.spare, world.observation
  local definition = world.env
  if definition.observe then
    definition.observe(world.physics, world.observation)
  else
    local wanted = definition.observation
    world.physics:observe(world.observation, wanted.skip_qpos, wanted.clip)
  end
  if #world.observation_hooks > 0 then pass_through(world.observation_hooks, world.observation) end
  return world.observation
end

--- The last observation once more, in the tensor that was not returned last.
local function observe_again(world)
  world.observation, world.spare = world.spare, world.observation
  world.observation:copy(world.spare)
  return world.observation
end

--- Begins an episode.  -> observation
function World:reset()
  self.physics:reset()
  self.env.reset(self.physics, self.rng)
  return self:begin()
end

--- Begins an episode in a given state: sequences of numbers.  -> observation
function World:place(qpos, qvel)
  self.physics:place(qpos, qvel)
  return self:begin()
end

--- Begins an episode in the state that the physics is in.  -> observation
function World:begin()
  self.physics:forward()
  for _, hook in ipairs(self.hooks) do hook.reset() end
  self.measured = self.env.measure(self.physics)
  self.steps, self.over = 0, false
  return observe(self)
end

--- One control step, whether or not the episode is over.  -> observation, reward, terminal, diverged
-- Where the simulation diverges, the observation is the last one again and the reward is 0.
function World:transition(action)
  local physics, definition = self.physics, self.env
  local problem = physics:step(execute(self, action), definition.frame_skip)
  if problem then
    self.diverged, self.divergence = self.diverged + 1, problem
    return observe_again(self), 0.0, false, true
  end
  local before, after = self.measured, definition.measure(physics)
  self.measured = after
  local reward = definition.reward(physics, before, after, definition.frame_skip * physics:timestep(), action)
  return observe(self), reward, definition.terminal(physics), false
end

--- One control step.  -> observation, reward, terminal, timeout, diverged
-- A diverged simulation ends the episode as a timeout: world.diverged counts them, world.divergence says what
-- happened last.
function World:step(action)
  if self.over then error("world:step: no episode is running; call reset() first", 2) end
  local observation, reward, terminal, diverged = self:transition(action)
  self.steps = self.steps + 1
  local timeout = diverged or (not terminal and self.steps >= self.max_episode_steps)
  self.over = terminal or timeout
  return observation, reward, terminal, timeout, diverged
end

local function states_of(hooks)
  local states = {}
  for i, hook in ipairs(hooks) do states["hook" .. i] = hook.state() end
  return states
end

--- Everything that the future depends on but the model's figures, for world:restore. What a hook made of the last
-- observation is part of it: it cannot be drawn again.
function World:state()
  local seen
  if #self.observation_hooks > 0 then
    seen = { hooks = states_of(self.observation_hooks), observation = self.observation:totable() }
  end
  return {
    env = self.name, physics = self.physics:state(), rng = self.rng:state(), hooks = states_of(self.hooks), seen = seen,
    steps = self.steps, over = self.over, diverged = self.diverged, measured = self.measured,
  }
end

local function check_state(world, state)
  local function refuse(...) error("world:restore: " .. string.format(...), 3) end
  if type(state) ~= "table" then refuse("a state is needed, not a %s", type(state)) end
  if state.env ~= world.name then
    refuse("a state of %s cannot be restored into %s", tostring(state.env), world.name)
  end
  local kinds = { physics = "table", rng = "table", hooks = "table", steps = "number", over = "boolean",
    diverged = "number", measured = "number" }
  for key, kind in pairs(kinds) do
    if type(state[key]) ~= kind then refuse("%s is a %s, not a %s", key, type(state[key]), kind) end
  end
  local function check_hooks(states, hooks, what)
    local n = 0
    for _ in pairs(states) do n = n + 1 end
    if n ~= #hooks then refuse("the state has %d hooks on the %s, this world %d: another gap", n, what, #hooks) end
  end
  check_hooks(state.hooks, world.hooks, "actions")
  local seen = state.seen or { hooks = {}, observation = false }
  if type(seen) ~= "table" or type(seen.hooks) ~= "table" then refuse("what was seen last is missing") end
  check_hooks(seen.hooks, world.observation_hooks, "observations")
  if state.seen and (type(seen.observation) ~= "table" or #seen.observation ~= world.observation_dim) then
    refuse("the observation seen last has not %d numbers", world.observation_dim)
  end
end

--- Continues from a state, bit for bit.  -> observation
function World:restore(state)
  check_state(self, state)
  self.physics:restore(state.physics)
  self.rng:restore(state.rng)
  for i, hook in ipairs(self.hooks) do hook.restore(state.hooks["hook" .. i]) end
  self.steps, self.over, self.diverged, self.measured = state.steps, state.over, state.diverged, state.measured
  if not state.seen then return observe(self) end
  for i, hook in ipairs(self.observation_hooks) do hook.restore(state.seen.hooks["hook" .. i]) end
  self.observation:copy(state.seen.observation)
  return observe_again(self)
end

--- describe() -> a table for records.
function World:describe()
  return { env = self.name, gap = self.gap and tostring(self.gap), seed = self.seed }
end

function World:__tostring()
  return ("world %s%s"):format(self.name, self.gap and " with " .. tostring(self.gap) or "")
end

local defaults = { gap = false, seed = 0 }

--- new(env [, { gap = g, seed = n }]) -> a world.  env: a name, a file or a definition (see tide.env).
local function new(what, given)
  local chosen = options.merge(defaults, given, "world")
  if math.type(chosen.seed) ~= "integer" then
    error("world: seed must be an integer, not " .. tostring(chosen.seed), 0)
  end
  local definition = env.get(what)
  local physics = core.physics(env.model_path(definition))
  local nq, nv, nu = physics:sizes()
  local skip = definition.observation.skip_qpos or 0
  if skip > nq then
    error(("environment %s: observation.skip_qpos is %d, but there are %d positions"):format(definition.name, skip,
      nq), 0)
  end
  local observation_dim = definition.observation.size or nq - skip + nv
  local world = setmetatable({
    env = definition, name = definition.name, physics = physics, model = physics:model(),
    observation_dim = observation_dim, action_dim = nu, max_episode_steps = definition.max_episode_steps,
    gap = gap.from(chosen.gap or nil), seed = chosen.seed, rng = core.rng(chosen.seed, RESET_STREAM), hooks = {},
    observation_hooks = {},
    observation = core.zeros(observation_dim), spare = core.zeros(observation_dim), executed = core.zeros(nu),
    steps = 0, over = true, diverged = 0, divergence = nil, measured = 0.0,
  }, World)
  if definition.setup then definition.setup(world) end
  if world.gap then world.gap:apply(world) end
  return world
end

return setmetatable({ new = new }, { __call = function(_, ...) return new(...) end })
