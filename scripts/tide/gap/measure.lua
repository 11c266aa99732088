--- What a gap does: which figures of the model it changes, whether the simulation then differs at all, and by how much
--- one step differs from the real world's from the same state under the same action.
local core = require "tide.core"
local env = require "tide.env"
local evaluation = require "tide.evaluation"
local options = require "tide.options"
local spaces = require "tide.spaces"
local world = require "tide.world"

local measure = {}

-- Streams of their own: nothing that is measured moves a run's draws.
local ACTION_STREAM = 0x676170
-- The rollouts whose states are measured start from other initial states than the two worlds' own.
local ROLLOUT_SEED_OFFSET = 2000003

local function new_worlds(gap, what, seed)
  local definition = env.get(what)
  return world(definition, { seed = seed }), world(definition, { gap = gap, seed = seed })
end

-- ---- figures ----

local PARTS = { joint = "joints", body = "bodies", geom = "geoms", actuator = "actuators" }

local function same(a, b)
  if type(a) ~= "table" then return a == b end
  for i, x in ipairs(a) do
    if x ~= b[i] then return false end
  end
  return true
end

local function compare(list, fields, label, real, sim)
  for _, field in ipairs(fields) do
    local before, after = real[field], sim[field]
    if not same(before, after) then
      list[#list + 1] = { part = label, field = field, before = before, after = after }
    end
  end
end

--- changes(real, sim) -> { { part = "joint bfoot", field = "range", before =, after = }, ... }: the figures of two
-- models of one file that differ.
function measure.changes(real, sim)
  local list = {}
  local fields = core.mujoco_fields()
  compare(list, fields.model, "model", real, sim)
  for _, kind in ipairs(options.names(PARTS)) do
    local others = sim[PARTS[kind]](sim)
    for i, part in ipairs(real[PARTS[kind]](real)) do
      compare(list, fields[kind], part.name and tostring(part) or ("%s %d"):format(kind, i), part, others[i])
    end
  end
  return list
end

--- "body.mass and body.inertia of 8 parts, hooks on the actions": what a gap does to a world, in words.
local function in_words(changes, hooks)
  local counts, order = {}, {}
  for _, change in ipairs(changes) do
    local field = (change.part:match("^%a+")) .. "." .. change.field
    if not counts[field] then order[#order + 1] = field end
    counts[field] = (counts[field] or 0) + 1
  end
  local words = {}
  for i, field in ipairs(order) do
    words[i] = counts[field] == 1 and field or ("%s of %d parts"):format(field, counts[field])
  end
  if hooks.actions > 0 then words[#words + 1] = "the actions" end
  if hooks.observations > 0 then words[#words + 1] = "the observations" end
  return table.concat(words, ", ")
end

-- ---- does anything come of it? ----

local EPISODE = 50 -- control steps
local HELD = 8     -- control steps of one action, in every other episode: joints reach their ends

local function equal_states(a, b)
  return same(a.physics:qpos(), b.physics:qpos()) and same(a.physics:qvel(), b.physics:qvel())
end

--- Rolls both worlds out side by side.  -> the first step at which they differ, nil where none does
local function first_difference(real, sim, steps, seed)
  local rng, action = core.rng(seed, ACTION_STREAM), nil
  for step = 1, steps do
    local episode, within = (step - 1) // EPISODE, (step - 1) % EPISODE
    if within == 0 and not same(real:reset():totable(), sim:reset():totable()) then return step end
    if episode % 2 == 0 or within % HELD == 0 then
      action = rng:uniform(-1, 1, real.action_dim):totable()
    end
    local after_real, _, _, diverged = real:transition(action)
    local after_sim, _, _, sim_diverged = sim:transition(action)
    core.end_step()
    if diverged ~= sim_diverged or not equal_states(real, sim)
       or not same(after_real:totable(), after_sim:totable()) then
      return step
    end
    if diverged then real:reset() sim:reset() end
  end
end

local effect_defaults = { steps = 100, seed = 0 }

--- effect(gap, env [, { steps = 100, seed = 0 }]) -> {
--   differs       true where the simulation or what is seen of it differs from the real world's,
--   step          the first control step at which it does,
--   changes       figures of the model that differ, as measure.changes gives them,
--   hooks         { actions = n, observations = n } that the gap added,
--   text          the same in a line }
-- Both worlds start from the same states and get the same random actions and draws of noise, until they differ.
function measure.effect(gap, what, given)
  local chosen = options.merge(effect_defaults, given, "gap:effect")
  local real, sim = new_worlds(gap, what, chosen.seed)
  local result = {
    changes = measure.changes(real.model, sim.model),
    hooks = { actions = #sim.hooks - #real.hooks, observations = #sim.observation_hooks - #real.observation_hooks },
  }
  local words = in_words(result.changes, result.hooks)
  if words ~= "" then result.step = first_difference(real, sim, chosen.steps, chosen.seed) end
  result.differs = result.step ~= nil
  if result.differs then
    result.text = ("%s changes %s of %s"):format(gap, words, real.name)
  elseif words == "" then
    result.text = ("%s has no effect on %s: it changes no figure of the model, no action and no observation"):format(
      gap, real.name)
  else
    result.text = ("%s has no effect on %s: it changes %s, but %d control steps from the same states under the same "
      .. "actions are the same without it"):format(gap, real.name, words, chosen.steps)
  end
  return result
end

-- ---- by how much? ----

--- { qpos =, qvel =, actions = { K actions } } of n states from rollouts in the real world.
local function from_rollouts(what, n, steps, seed, policy)
  local real, rng = world(what, { seed = seed + ROLLOUT_SEED_OFFSET }), core.rng(seed, ACTION_STREAM)
  local states, observation = {}, real:reset()
  while #states < n do
    local state = { qpos = real.physics:qpos(), qvel = real.physics:qvel(), actions = {} }
    local terminal, timeout, diverged
    for k = 1, steps do
      local action = policy and policy:act(observation, "mean") or rng:uniform(-1, 1, real.action_dim)
      state.actions[k] = action:totable()
      local _
      observation, _, terminal, timeout, diverged = real:step(action)
      core.end_step()
      if terminal or timeout then break end
    end
    if not diverged and #state.actions == steps then states[#states + 1] = state end
    if terminal or timeout then observation = real:reset() end
  end
  return states
end

--- The same of n rows of a dataset read with infos, spread over it.
local function from_dataset(data, n, steps)
  local states, count = {}, #data
  if count < steps then error(("gap:measure: the dataset has %d rows, %d steps are wanted"):format(count, steps), 0) end
  for i = 1, n do
    local row = 1 + (i - 1) * (count - steps) // math.max(1, n - 1)
    local state = { actions = {} }
    state.qpos, state.qvel = data:state(row)
    local rows = data:rows("actions", row, steps):totable()
    for k = 1, steps do state.actions[k] = rows[k] end
    states[i] = state
  end
  return states
end

local function joined(a, b)
  local numbers = table.move(a, 1, #a, 1, {})
  return table.move(b, 1, #b, #numbers + 1, numbers)
end

--- Plays a state's actions.  -> what is compared, nil if it diverged: the state in full precision, or what is seen
local function play(w, state, seen)
  local observation = w:place(state.qpos, state.qvel)
  for _, action in ipairs(state.actions) do
    local next_observation, _, _, diverged = w:transition(action)
    core.end_step()
    if diverged then return nil end
    observation = next_observation
  end
  if seen then return observation:totable() end
  return joined(w.physics:qpos(), w.physics:qvel())
end

--- What is compared, before any action.
local function begun(w, state, seen)
  if seen then return w:place(state.qpos, state.qvel):totable() end
  return joined(state.qpos, state.qvel)
end

local measure_defaults = { states = 1000, steps = 1, seed = 0, policy = false, dataset = false }

--- measure(gap, env [, { states = 1000, steps = 1, seed = 0, policy =, dataset = }]) -> {
--   components    { { name =, unit =, difference =, step =, share = }, ... }: of each number of the state, the mean
--                 absolute difference of the two worlds' next states; the standard deviation of the real world's own
--                 change in a step; the first over the second (nil where the real world's never changes),
--   share         the mean of the components' shares,
--   states, steps, diverged = states at which only one of the worlds, or none, could be stepped }
-- States come from rollouts in the real world, of uniform actions or of a policy, or from a dataset read with infos.
-- Both worlds are put into each state and get the same `steps` actions. Where the gap changes observations, these are
-- compared instead.
function measure.measure(gap, what, given)
  local chosen = options.merge(measure_defaults, given, "gap:measure")
  for _, key in ipairs { "states", "steps" } do
    if math.type(chosen[key]) ~= "integer" or chosen[key] < 1 then
      error(("gap:measure: %s must be a whole number from 1 on, not %s"):format(key, tostring(chosen[key])), 0)
    end
  end
  local real, sim = new_worlds(gap, what, chosen.seed)
  local seen = #sim.observation_hooks > #real.observation_hooks
  local states = chosen.dataset and from_dataset(chosen.dataset, chosen.states, chosen.steps)
                 or from_rollouts(what, chosen.states, chosen.steps, chosen.seed, chosen.policy)
  local components = seen and spaces.observations(real) or spaces.state(real)
  local differences, steps, diverged = {}, {}, 0
  for i in ipairs(components) do differences[i], steps[i] = {}, {} end
  for _, state in ipairs(states) do
    local before, wanted, got = begun(real, state, seen), play(real, state, seen), play(sim, state, seen)
    if wanted and got then
      for i in ipairs(components) do
        table.insert(differences[i], math.abs(got[i] - wanted[i]))
        table.insert(steps[i], wanted[i] - before[i])
      end
    else
      diverged = diverged + 1
    end
  end
  if diverged == #states then error(("gap:measure: %s diverges from every state of %s"):format(gap, real.name), 0) end
  local total, counted = 0.0, 0
  for i, component in ipairs(components) do
    local mean, deviation = evaluation.statistics(steps[i])
    component.difference, component.step = evaluation.statistics(differences[i]), deviation
    if deviation > 1e-9 * math.abs(mean) then -- less is rounding
      component.share = component.difference / deviation
      total, counted = total + component.share, counted + 1
    end
  end
  return { gap = tostring(gap), env = real.name, states = #states, steps = chosen.steps, seed = chosen.seed,
           diverged = diverged, components = components, share = counted > 0 and total / counted or 0.0 }
end

return measure
