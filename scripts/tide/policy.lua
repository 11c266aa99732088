--- Policies: what acts. Three kinds, each around one network: tanh-Gaussian (tide.policy), deterministic
--- (tide.deterministic_policy) and Gaussian with a spread of its own (tide.gaussian_policy). Any of them can
--- normalise the observations that it is given, and leaves a tree that policies.from reads back.
local core = require "tide.core"
local network = require "tide.network"
local options = require "tide.options"

local policies = {}

-- ---- what the kinds share ----

local methods = {}

--- A kind of policy: its name in files, and how many outputs of the network an action's dimension takes.
local function new_kind(name, heads)
  local kind = setmetatable({ kind = name, heads = heads }, { __index = methods })
  kind.__index = kind
  return kind
end

--- { mean, std } of observations, checked and copied; nil where none is given.
local function normaliser_from(given, dim)
  if not given then return nil end
  local checked = {}
  for _, name in ipairs { "mean", "std" } do
    local ok, problem = pcall(function() checked[name] = core.zeros(dim):copy(given[name]) end)
    if not ok then error(("policy: normaliser.%s: %s"):format(name, problem), 0) end
  end
  for i = 1, dim do
    local std = checked.std:get(i)
    if not (std > 0) then error(("policy: normaliser.std is %g in dimension %d"):format(std, i), 0) end
  end
  return checked
end

local function make(kind, net, rng, normaliser)
  local sizes = net:sizes()
  return setmetatable({
    net = net, rng = rng, observation_dim = sizes[1], action_dim = sizes[#sizes] // kind.heads,
    normaliser = normaliser_from(normaliser, sizes[1]),
  }, kind)
end

--- A fresh policy. Of the options in `more`, those named in `own` are the policy's, the others its network's.
local function build(kind, observation_dim, action_dim, hidden, rng, more, own)
  local given, kept = options.copy(more or {}), {}
  for _, name in ipairs(own) do kept[name], given[name] = given[name], nil end
  given.inputs, given.outputs, given.hidden = observation_dim, kind.heads * action_dim, hidden
  given.tanh_scale = kind.tanh_scale or given.tanh_scale
  return make(kind, network.mlp(given, rng), rng, kept.normaliser), kept
end

--- Observations as the network takes them.
function methods:normalise(observations)
  local normaliser = self.normaliser
  return normaliser and (observations - normaliser.mean) / normaliser.std or observations
end

--- One action (action_dim) for one observation (dim): mode "sample" or "mean". Lives until the step ends.
function methods:act(observation, mode)
  local row = observation:reshape(1, self.observation_dim)
  local recording = core.set_recording(false)
  local action = mode == "mean" and self:mean(row) or self:sample(row)
  core.set_recording(recording)
  return action:reshape(self.action_dim)
end

--- A tree for a file; policies.from reads it back.
function methods:export()
  local normaliser = self.normaliser
  local tanh_scale, _, layer_norm = self.net:properties()
  local tree = {
    kind = self.kind, sizes = self.net:sizes(), tanh_scale = tanh_scale, layer_norm = layer_norm,
    net = network.weights(self.net),
    normaliser = normaliser and { mean = normaliser.mean:clone(), std = normaliser.std:clone() },
  }
  self:save(tree)
  return tree
end

-- ---- tanh-Gaussian ----

local tanh_gaussian = new_kind("tanh-gaussian", 2)

--- Mean and log_std side by side from one network. With `scalars` true,
--- log_std = multiplier * head + offset, both trained (from 1 and -1).
function policies.tanh_gaussian(observation_dim, action_dim, hidden, rng, more)
  local self, own = build(tanh_gaussian, observation_dim, action_dim, hidden, rng, more, { "normaliser", "scalars" })
  if own.scalars then self.scalars = core.parameter(core.tensor { 1.0, -1.0 }) end
  return self
end

--- What an optimiser of this policy trains.
function tanh_gaussian:parameters()
  return { self.net, self.scalars }
end

--- What the network says of each row of observations (batch, dim): (batch, 2 action_dim).
function tanh_gaussian:head(observations)
  return self.net(self:normalise(observations))
end

--- A sample for each row of observations (batch, dim): action (batch, action_dim), log_prob (batch).
function tanh_gaussian:sample(observations)
  return self:sample_from(self:head(observations), 1)
end

--- n samples for each row of a head, one after another: action (batch n, action_dim), log_prob (batch n).
function tanh_gaussian:sample_from(head, n)
  if n > 1 then head = head:repeat_rows(n) end
  return core.tanh_gaussian(head, self.rng:draw_normal(#head, self.action_dim), self.scalars)
end

--- The log-density of given actions, (batch).
function tanh_gaussian:log_prob(observations, actions)
  return core.tanh_gaussian_log_prob(self:head(observations), actions, self.scalars)
end

--- The deterministic action, (batch, action_dim).
function tanh_gaussian:mean(observations)
  return core.tanh_mean(self:head(observations))
end

function tanh_gaussian:save(tree)
  tree.scalars = self.scalars and self.scalars:totable() or {}
end

function tanh_gaussian:load(tree)
  if tree.scalars[1] ~= nil then self.scalars = core.parameter(core.zeros(2):copy(tree.scalars)) end
end

-- ---- deterministic ----

local deterministic = new_kind("deterministic", 1)
deterministic.tanh_scale = 1.0

--- a = tanh(net(s)); exploration adds normal noise of std `exploration_noise`.
function policies.deterministic(observation_dim, action_dim, hidden, rng, more)
  local self, own = build(deterministic, observation_dim, action_dim, hidden, rng, more,
    { "normaliser", "exploration_noise" })
  self.exploration_noise = own.exploration_noise or 0.0
  return self
end

function deterministic:parameters()
  return { self.net }
end

--- The action for each row of observations, (batch, action_dim), recorded.
function deterministic:__call(observations)
  return self.net(self:normalise(observations))
end

--- The same without a gradient.
function deterministic:mean(observations)
  return self(observations):detach()
end

--- An exploring action for each row, within [-1, 1].
function deterministic:sample(observations)
  local action = self:mean(observations)
  if self.exploration_noise == 0 then return action end
  local noise = self.rng:draw_normal(#observations, self.action_dim)
  return core.clamp(action + self.exploration_noise * noise, -1, 1)
end

function deterministic:save(tree)
  tree.exploration_noise = self.exploration_noise
end

function deterministic:load(tree)
  self.exploration_noise = tree.exploration_noise
end

-- ---- Gaussian ----

local gaussian = new_kind("gaussian", 1)
gaussian.tanh_scale = 1.0

local LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0

--- N(mean, exp(log_std)^2), mean = tanh(net(s)); log_std is a parameter, the same for every observation.
function policies.gaussian(observation_dim, action_dim, hidden, rng, more)
  local self = build(gaussian, observation_dim, action_dim, hidden, rng, more, { "normaliser" })
  self.log_std = core.parameter(core.zeros(action_dim))
  return self
end

function gaussian:parameters()
  return { self.net, self.log_std }
end

local function held_log_std(self)
  return core.clamp(self.log_std, LOG_STD_MIN, LOG_STD_MAX)
end

--- The log-density of given actions, (batch), recorded.
function gaussian:log_prob(observations, actions)
  return core.gaussian_log_prob(self.net(self:normalise(observations)), held_log_std(self), actions)
end

--- The deterministic action, (batch, action_dim), without a gradient.
function gaussian:mean(observations)
  return self.net(self:normalise(observations)):detach()
end

--- A draw for each row, held within [-1, 1], without a gradient.
function gaussian:sample(observations)
  local noise = self.rng:draw_normal(#observations, self.action_dim)
  return core.clamp(self:mean(observations) + held_log_std(self):exp() * noise, -1, 1):detach()
end

function gaussian:save(tree)
  tree.log_std = self.log_std:totable()
end

function gaussian:load(tree)
  self.log_std = core.parameter(core.zeros(self.action_dim):copy(tree.log_std))
end

-- ---- files ----

local kinds = {}
for _, kind in ipairs { tanh_gaussian, deterministic, gaussian } do kinds[kind.kind] = kind end

--- The policy that an export's tree describes; `what` names it in messages.
function policies.from(tree, rng, what)
  what = what or "policy"
  local kind = kinds[tree.kind]
  if kind == nil then
    error(("%s: not a policy that Tide knows (kind %s)"):format(what, tostring(tree.kind)), 0)
  end
  local ok, problem = pcall(function()
    local net = network.load_weights(core.mlp(tree.sizes, tree.tanh_scale, false, tree.layer_norm), tree.net)
    local self = make(kind, net, rng, tree.normaliser)
    self:load(tree)
    return self
  end)
  if not ok then error(("%s: %s"):format(what, problem), 0) end
  return problem
end

return policies
