--- Networks as the algorithms use them: MLPs, critics, targets, and their weights as trees for files.
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
  layer_norm = false, -- normalises the sums of every hidden layer before their ReLU (Ba et al. 2016)
  precision = false,  -- of the products: "float32" or "bfloat16"; false: the agent's that is being built, else float32
}

local in_force = "float32" -- while an agent is being built

--- Refuses what is no precision.
function network.check_precision(precision, what)
  return options.one_of(precision, { "float32", "bfloat16" }, what .. ": precision")
end

--- Calls f(...), in which networks multiply in `precision` unless they are told otherwise.
function network.with_precision(precision, f, ...)
  local before = in_force
  in_force = precision
  local ok, problem = pcall(f, ...)
  in_force = before
  if not ok then error(problem, 0) end
end

--- tide.mlp { inputs, outputs, ... , } with draws from `rng`: a network to be called
--- with its inputs side by side, `net(observations, actions)`.
function network.mlp(given, rng)
  local o = options.merge(mlp_defaults, given, "mlp")
  local sizes = { o.inputs, table.unpack(o.hidden) }
  sizes[#sizes + 1] = o.outputs
  local precision = network.check_precision(o.precision or in_force, "mlp")
  local net = core.mlp(sizes, o.tanh_scale, o.scalar, o.layer_norm, precision == "bfloat16")
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
  local copy = core.mlp(source:sizes(), source:properties())
  copy:polyak(source, 1.0)
  return copy:freeze()
end

--- What a network's layer is made of: LayerNorm's gain and shift where it has them.
local function parts_of(net, layer)
  local _, _, layer_norm = net:properties()
  if layer_norm and layer < #net:sizes() - 1 then return { "weight", "bias", "gain", "shift" } end
  return { "weight", "bias" }
end

--- The weights of a network as a tree for a file, and back.
function network.weights(net)
  local tree = {}
  for layer = 1, #net:sizes() - 1 do
    local saved = {}
    for _, part in ipairs(parts_of(net, layer)) do saved[part] = net[part](net, layer):clone() end
    tree["layer" .. layer - 1] = saved
  end
  return tree
end

function network.load_weights(net, tree, what)
  what = what or "network"
  for layer = 1, #net:sizes() - 1 do
    local name, parts = "layer" .. layer - 1, parts_of(net, layer)
    local saved = tree[name]
    if saved == nil then error(("%s: %s is missing"):format(what, name), 0) end
    if saved.gain ~= nil and #parts == 2 then
      error(("%s: %s has a LayerNorm, the network to load it into has none"):format(what, name), 0)
    end
    for _, part in ipairs(parts) do
      if saved[part] == nil then error(("%s: %s has no %s"):format(what, name, part), 0) end
      net[part](net, layer):copy(saved[part])
    end
  end
  return net
end

return network
