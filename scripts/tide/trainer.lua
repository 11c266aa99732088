--- The training loop. It knows no agent: it asks what data the agent uses, rolls out in the simulator,
--- draws batches, updates, evaluates in the real environment, logs, and saves what a resumed run needs.
local checkpoint = require "tide.checkpoint"
local core = require "tide.core"
local dataset = require "tide.dataset"
local env = require "tide.env"
local evaluation = require "tide.evaluation"
local gap = require "tide.gap"
local interruption = require "tide.interruption"
local progress = require "tide.progress"
local records = require "tide.records"
local recipes = require "tide.recipes"
local world = require "tide.world"

local process = core.process

local trainer = {}
trainer.__index = trainer

-- Streams of the run's seed.
local AGENT_STREAM, SAMPLE_STREAM, ROLLOUT_STREAM = 1, 2, 3
-- The real environment draws its initial states from another seed than the simulator.
local REAL_SEED_OFFSET = 1000003
local RING_FACTOR, RING_WITHOUT_DATA = 10, 1000000

local function ring_capacity(config, real_count)
  if config.sim.capacity ~= "auto" then return config.sim.capacity end
  return real_count > 0 and RING_FACTOR * real_count or RING_WITHOUT_DATA
end

--- Simulator steps of the whole run: a ring never needs more.
local function rollout_total(config)
  local t = config.training
  local per_round = t.epoch_updates // t.rounds
  return ((config.steps + per_round - 1) // per_round) * (t.epoch_rollout_steps // t.rounds)
end

--- A run that is ready to train: worlds, data and agent made, nothing written yet.
function trainer.new(config, choice, definitions, overrides)
  local self = setmetatable({ config = config, overrides = overrides, uses = choice.class.uses }, trainer)
  core.threads(config.threads)
  local function make_world(section, seed)
    return world(definitions[section.env] or section.env, { gap = gap.from(section.gap or nil), seed = seed })
  end
  self.real = make_world(config.real, config.seed + REAL_SEED_OFFSET)
  if self.uses.sim then self.sim = make_world(config.sim, config.seed) end
  local S, A = self.real.observation_dim, self.real.action_dim
  if self.sim and (self.sim.observation_dim ~= S or self.sim.action_dim ~= A) then
    error(("experiment: %s has (%d, %d) observations and actions, %s (%d, %d)"):format(self.real.name, S, A,
      self.sim.name, self.sim.observation_dim, self.sim.action_dim), 0)
  end
  local data
  if self.uses.real then
    data = recipes.open(config.real.dataset, { max_episode_steps = self.real.max_episode_steps, observation_dim = S })
    self.data = data
    if data.observation_dim ~= S or data.action_dim ~= A then
      error(("experiment: dataset %s has (%d, %d) observations and actions, %s (%d, %d)"):format(config.real.dataset,
        data.observation_dim, data.action_dim, self.real.name, S, A), 0)
    end
  end
  local real_count = data and #data or 0
  local capacity = ring_capacity(config, real_count)
  self.replay = core.replay(S, A, self.uses.sim and math.max(1, math.min(capacity, rollout_total(config))) or 1, data)
  self.sample_rng = core.rng(config.seed, SAMPLE_STREAM)
  self.rollout_rng = core.rng(config.seed, ROLLOUT_STREAM)
  self.agent = choice:build {
    observation_dim = S, action_dim = A, rng = core.rng(config.seed, AGENT_STREAM), task = self.real.name,
    state_mean = function() return data and data:statistics() or nil end,
    state_std = function(kind)
      if data == nil then return nil end
      local _, std = data:statistics(kind == "padded" and real_count + ring_capacity(config, real_count) or nil)
      return std
    end,
    return_range = function()
      local info = data and data:info() or {}
      return info.return_min, info.return_max
    end,
  }
  self.batches, self.batch_names = self.agent:batches(), {}
  for name in pairs(self.batches) do self.batch_names[#self.batch_names + 1] = name end
  table.sort(self.batch_names) -- draws happen in one order
  self.updates, self.sim_steps, self.stored, self.episode_return = 0, 0, 0, 0.0
  self.sums, self.counted = {}, {}
  self.returns = {}       -- of simulated episodes that ended in this epoch
  self.episode_ends = {}  -- numbers of stored transitions at which simulated episodes ended
  return self
end

-- ---- rollouts ----

local function random_action(self)
  return self.rollout_rng:uniform(-1, 1, self.sim.action_dim)
end

--- One step in the simulator with the exploring policy; the clean action is stored.
function trainer:rollout()
  local sim = self.sim
  self.observation = self.observation or sim:reset()
  local observation = self.observation
  local action = self.sim_steps < self.config.training.random_steps and random_action(self)
                 or self.agent:act(observation, "sample")
  local next_observation, reward, terminal, timeout, diverged = sim:step(action)
  if not diverged then
    self.replay:add(observation, action, reward, next_observation, terminal)
    self.stored = self.stored + 1
  end
  core.end_step()
  self.sim_steps = self.sim_steps + 1
  self.episode_return = self.episode_return + reward
  if terminal or timeout then
    self.returns[#self.returns + 1] = self.episode_return
    self.episode_ends[#self.episode_ends + 1] = self.stored
    self.observation, self.episode_return = nil, 0.0
  else
    self.observation = next_observation
  end
end

-- ---- updates ----

function trainer:update()
  if self.stored == 0 and self.sim and self.sim.diverged > 0 then
    error(("the simulator diverged in every one of its %d steps; the last time: %s"):format(self.sim_steps,
      self.sim.divergence), 0)
  end
  local drawn = {}
  for _, name in ipairs(self.batch_names) do
    local rows = self.batches[name]
    drawn[name] = self.replay:sample(self.sample_rng, rows.real, rows.sim)
  end
  local metrics = self.agent:update(drawn)
  core.end_step()
  local sums, counted = self.sums, self.counted
  for name, value in pairs(metrics) do
    sums[name], counted[name] = (sums[name] or 0.0) + value, (counted[name] or 0) + 1
  end
  self.updates = self.updates + 1
end

-- ---- an epoch's end ----

local function mean(list)
  local sum = 0.0
  for _, x in ipairs(list) do sum = sum + x end
  return sum / #list
end

--- Means since the last report, each over the updates that told it: not every update does everything.
function trainer:epoch_values()
  local values = {}
  for name, sum in pairs(self.sums) do values["train/" .. name] = sum / self.counted[name] end
  if #self.returns > 0 then values["rollout/return"] = mean(self.returns) end
  if self.sim then
    values["rollout/steps"] = self.sim_steps
    values["rollout/diverged"] = self.sim.diverged
  end
  self.sums, self.counted, self.returns = {}, {}, {}
  return values
end

--- Deterministic episodes in the real environment.  -> { mean =, std =, returns =, lengths =, score = }
function trainer:evaluate(episodes)
  local result = evaluation.run(self.agent, self.real, episodes or self.config.evaluation.episodes)
  result.score = env.normalised_score(self.real.env, result.mean)
  self.last_evaluation = result
  return result
end

local function evaluate_into(self, values)
  local result = self:evaluate()
  values["eval/return"], values["eval/return_std"] = result.mean, result.std
  values["eval/length"] = result.length
  values["eval/score"] = result.score
  self.bar:evaluation(self.updates, result.mean)
  if self.config.evaluation.keep_policies then checkpoint.keep_policy(self) end
  return result
end

local function reaches_goal(self, result)
  local goal = self.config.training.stop_return
  return goal and result.mean >= goal or false
end

function trainer:save()
  checkpoint.save(self)
end

--- A simulator that diverges is said when it happens, once an epoch.
local function report_divergence(self)
  local diverged = self.sim and self.sim.diverged or 0
  if diverged > (self.reported_diverged or 0) then
    self.bar:print(("warning: %d of %d simulated steps diverged, each the timeout of its episode; the last: %s")
      :format(diverged, self.sim_steps, self.sim.divergence or "before the run was resumed"))
    self.reported_diverged = diverged
  end
end

--- A gap of which nothing comes is said once, as the run starts: its worlds are the same.
local function report_gap(self)
  local gap_ = self.sim and self.sim.gap
  if not gap_ or self.resumed then return end
  local effect = gap_:effect(self.sim.env)
  if not effect.differs then self.bar:print("warning: " .. effect.text) end
end

function trainer:finish_epoch(epoch)
  local config = self.config
  report_divergence(self)
  local values = self:epoch_values()
  local now = process.monotonic()
  values["time/updates_per_s"] = (self.updates - self.epoch_start.updates) / (now - self.epoch_start.time)
  local done = self.updates >= config.steps
  if epoch % config.evaluation.every == 0 or done then
    self.reached = reaches_goal(self, evaluate_into(self, values))
  end
  self.record:log(self.updates, values)
  if epoch % config.checkpoint.every == 0 or done or self.reached then self:save() end
  self.epoch_start = { time = process.monotonic(), updates = self.updates }
end

-- ---- the loop ----

--- Rollouts come first in each round; what comes next depends on the two counts alone, so that a
--- run can stop and resume anywhere.
function trainer:advance()
  local t = self.config.training
  if self.sim then
    local rounds = self.updates // (t.epoch_updates // t.rounds) + 1
    if self.sim_steps < rounds * (t.epoch_rollout_steps // t.rounds) then return self:rollout() end
  end
  self:update()
  if self.updates % t.epoch_updates == 0 or self.updates == self.config.steps then
    self:finish_epoch((self.updates + t.epoch_updates - 1) // t.epoch_updates)
  end
end

local function check_signal(self)
  local signal = process.signalled()
  if not signal then return end
  self:save()
  self.record:state("interrupted", { signal = signal, updates = self.updates })
  local how = self.overrides.script and "continue with: tide resume " .. self.record.dir
              or "it continues from " .. self.record.dir .. " when started again"
  error(interruption.new(signal, ("interrupted by %s after %d updates; %s"):format(signal, self.updates, how)), 0)
end

local function loop(self)
  local record, config = self.record, self.config
  if self.resumed then
    self.reached = self.last_evaluation ~= nil and reaches_goal(self, self.last_evaluation)
  else
    local values = {}
    evaluate_into(self, values)
    record:log(0, values)
  end
  self.epoch_start = { time = process.monotonic(), updates = self.updates }
  while self.updates < config.steps and not self.reached do
    self:advance()
    self.bar:update(self.updates)
    check_signal(self)
  end
end

local function open_record(self)
  local over = self.overrides
  local resuming = over.resume
  local about = { config = self.config, command = over.command, name = self.config.name,
                  overwrite = over.overwrite }
  if over.script then
    about.start = { script = over.script, arguments = over.arguments, set = over.set,
                    seed = over.seed, steps = over.steps, threads = over.threads }
  end
  if resuming then
    checkpoint.load(self, resuming)
    about.resume_step = self.updates
  end
  self.record = records.open(resuming or over.out, about)
  self.dir = self.record.dir
  for _, difference in ipairs(self.record.differences or {}) do
    io.stderr:write(("warning: %s: the results may differ from an uninterrupted run's in their last bits\n")
      :format(difference))
  end
end

--- What was done about the dataset's defects.
local function tell_dataset(self)
  if not self.data or self.overrides.quiet then return end
  local notes = dataset.notes(self.data:info())
  local stray, checked = dataset.stray_terminals(self.data, self.real.env)
  if stray > 0 then
    notes[#notes + 1] = ("%d of %d terminals are none of %s: stray; they count as true ends (tide dataset verify names "
      .. "them)"):format(stray, checked, self.real.name)
  end
  for _, note in ipairs(notes) do
    io.stderr:write(("note: dataset %s: %s\n"):format(self.config.real.dataset, note))
  end
end

--- Trains to the end, or from where a checkpoint stands.  -> the last evaluation
function trainer:train()
  process.catch_signals()
  open_record(self)
  tell_dataset(self)
  self.bar = progress.new { total = self.config.steps, first = self.updates, name = self.record.name,
                            quiet = self.overrides.quiet }
  report_gap(self)
  local ok, problem = xpcall(loop, function(e)
    return type(e) == "string" and os.getenv "TIDE_TRACEBACK" and debug.traceback(e, 2) or e
  end, self)
  self.bar:finish()
  process.release_signals()
  if not ok then
    core.end_step()
    if not interruption.is(problem) then
      self.record:state("failed", { problem = tostring(problem), updates = self.updates })
    end
    self.record:close()
    error(problem, 0)
  end
  local final = self.last_evaluation or self:evaluate()
  self.record:state("done", { updates = self.updates, sim_steps = self.sim_steps, evaluation = {
    ["return"] = final.mean, return_std = final.std, episodes = #final.returns, score = final.score } })
  self.record:close()
  return final
end

return trainer
