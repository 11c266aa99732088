--- Networks as the algorithms use them: MLPs, critics, tanh-Gaussian policies.
local core = require "tide.core"
local options = require "tide.options"

local network = {}

local mlp_defaults = {
  inputs = 0, outputs = 0,
  hidden = { 256, 256 },
  init = "torch",     -- hidden layers: "torch", "xavier" or "orthogonal"
  gain = 1.0,         -- of the hidden layers, where the scheme has one
  last_init = false,  -- of the last layer; false: as the others
  last_gain = 1.0,
  tanh_scale = 0.0,   -- outputs are tanh_scale tanh(.); 0: linear
  scalar = false,     -- one output, of shape (batch)
}

--- tide.mlp { inputs, outputs, ... , } with draws from `rng`: a network to be called
--- with its inputs side by side, `net(observations, actions)`.
function network.mlp(given, rng)
  local o = options.merge(mlp_defaults, given, "mlp")
  local sizes = { o.inputs, table.unpack(o.hidden) }
  sizes[#sizes + 1] = o.outputs
  local net = core.mlp(sizes, o.tanh_scale, o.scalar)
  for layer = 1, #sizes - 1 do
    local last = layer == #sizes - 1
    net:init_layer(layer, last and o.last_init or o.init, last and o.last_init and o.last_gain or o.gain, rng)
  end
  return net
end

--- Q(s, a), of shape (batch). Options of tide.mlp go through.
function network.critic(observation_dim, action_dim, hidden, rng, more)
  local given = options.copy(more or {})
  given.inputs, given.outputs, given.hidden, given.scalar = observation_dim + action_dim, 1, hidden, true
  return network.mlp(given, rng)
end

--- A frozen copy of a network, for Polyak averaging.
function network.target(source)
  local sizes = source:sizes()
  local copy = core.mlp(sizes, 0.0, sizes[#sizes] == 1)
  copy:polyak(source, 1.0)
  return copy:freeze()
end

--- The weights of a network as a tree for a file, and back.
function network.weights(net)
  local tree = {}
  for layer = 1, #net:sizes() - 1 do
    tree["layer" .. layer - 1] = { weight = net:weight(layer):clone(), bias = net:bias(layer):clone() }
  end
  return tree
end

function network.load_weights(net, tree, what)
  for layer = 1, #net:sizes() - 1 do
    local part = tree["layer" .. layer - 1]
    if part == nil then error(("%s: layer%d is missing"):format(what or "network", layer - 1), 0) end
    net:weight(layer):copy(part.weight)
    net:bias(layer):copy(part.bias)
  end
  return net
end

-- ---- policies ----

local policy = {}
policy.__index = policy

--- A tanh-Gaussian policy: mean and log_std side by side from one MLP. With `scalars` true,
--- log_std = multiplier * head + offset, both trained (from 1 and -1).
function network.policy(observation_dim, action_dim, hidden, rng, more)
  local given = options.copy(more or {})
  local scalars = given.scalars
  given.scalars = nil
  given.inputs, given.outputs, given.hidden = observation_dim, 2 * action_dim, hidden
  local self = setmetatable({ action_dim = action_dim, observation_dim = observation_dim, rng = rng }, policy)
  self.net = network.mlp(given, rng)
  if scalars then self.scalars = core.parameter(core.tensor { 1.0, -1.0 }) end
  return self
end

--- What an optimiser of this policy trains.
function policy:parameters()
  return { self.net, self.scalars }
end

--- A sample for each row of observations (batch, dim): action (batch, action_dim), log_prob (batch).
function policy:sample(observations)
  local head = self.net(observations)
  return core.tanh_gaussian(head, self.rng:draw_normal(#observations, self.action_dim), self.scalars)
end

--- The deterministic action, (batch, action_dim).
function policy:mean(observations)
  return core.tanh_mean(self.net(observations))
end

--- One action (action_dim) for one observation (dim): mode "sample" or "mean". Lives until the step ends.
function policy:act(observation, mode)
  local recording = core.set_recording(false)
  local row = observation:reshape(1, self.observation_dim)
  local action = mode == "mean" and self:mean(row) or self:sample(row)
  core.set_recording(recording)
  return action:reshape(self.action_dim)
end

--- A tree for a file; network.policy_from reads it back.
function policy:export()
  local sizes = self.net:sizes()
  return {
    kind = "tanh-gaussian", sizes = sizes, net = network.weights(self.net),
    scalars = self.scalars and self.scalars:totable() or {},
  }
end

function network.policy_from(tree, rng, what)
  if tree.kind ~= "tanh-gaussian" then
    error(("%s: not a policy that Tide knows (kind %s)"):format(what or "policy", tostring(tree.kind)), 0)
  end
  local sizes = tree.sizes
  local hidden = table.move(sizes, 2, #sizes - 1, 1, {})
  local self = network.policy(sizes[1], sizes[#sizes] // 2, hidden, rng, { scalars = tree.scalars[1] ~= nil })
  network.load_weights(self.net, tree.net, what)
  if self.scalars then self.scalars:copy(tree.scalars) end
  return self
end

return network
