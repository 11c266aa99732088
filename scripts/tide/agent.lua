--- What agents share: a name, a table of hyper-parameters, and a state that can be saved.
---
--- An agent's file defines a class: `local sac = tide.agent("sac", { hyper-parameters })`, then its
--- methods. Calling the class, `tide.agents.sac { discount = 0.98 }`, gives a choice: the class and its
--- resolved hyper-parameters. `choice:build(task)` makes the agent, whose fields are the
--- hyper-parameters, once the dimensions are known.
local core = require "tide.core"
local network = require "tide.network"
local options = require "tide.options"

local agent = {}

--- Every class that has been defined, by name.
agent.classes = {}

local choice = {}
choice.__index = choice

--- task: { observation_dim, action_dim, rng }, and what an agent may ask of the dataset: state_mean() and
--- state_std(kind) of its observations, return_range() of its ended episodes (lowest, highest), or nil.
function choice:build(task)
  local made = setmetatable(options.copy(self.options), self.class)
  made.observation_dim, made.action_dim, made.rng = task.observation_dim, task.action_dim, task.rng
  made.networks, made.scalars, made.optimisers = {}, {}, {}
  network.with_precision(made.precision, made.build, made, task)
  return made
end

--- Defines an agent class from its table of hyper-parameters. `uses` in it lists the data that the
--- agent wants: "real", "sim" or both; `about`, if there, is a line for `tide agents`.
function agent.define(name, definition)
  local defaults = options.copy(definition)
  local class = { name = name, uses = {}, defaults = defaults, about = defaults.about }
  class.__index = class
  if type(defaults.uses) ~= "table" or defaults.uses[1] == nil then
    error(("agent %s: uses = { \"real\", \"sim\" } or one of them must say what data it wants"):format(name), 2)
  end
  for _, part in ipairs(defaults.uses) do
    if part ~= "real" and part ~= "sim" then
      error(("agent %s: uses: '%s' is neither \"real\" nor \"sim\""):format(name, tostring(part)), 2)
    end
    class.uses[part] = true
  end
  defaults.uses, defaults.about = nil, nil
  defaults.precision = defaults.precision or "float32" -- of the networks' products; or "bfloat16"
  agent.classes[name] = class
  return setmetatable(class, {
    __index = agent.methods,
    __call = function(_, chosen)
      local merged = options.merge(defaults, chosen, name)
      network.check_precision(merged.precision, name)
      return setmetatable({ class = class, name = name, options = merged }, choice)
    end,
  })
end

function agent.is_choice(value)
  return getmetatable(value) == choice
end

agent.methods = {}

--- An action for one observation; mode "sample" explores, "mean" is deterministic.
function agent.methods:act(observation, mode)
  return self.policy:act(observation, mode)
end

--- Everything that a resumed training needs, as a tree for a checkpoint.
function agent.methods:state()
  local tree = { networks = {}, scalars = {}, optimisers = {}, rng = self.rng:state() }
  for name, net in pairs(self.networks) do tree.networks[name] = network.weights(net) end
  for name, scalar in pairs(self.scalars) do tree.scalars[name] = scalar:clone() end
  for name, optimiser in pairs(self.optimisers) do
    local first, second, steps = optimiser:state()
    tree.optimisers[name] = { first = first, second = second, steps = steps }
  end
  return tree
end

function agent.methods:restore(tree)
  for name, net in pairs(self.networks) do network.load_weights(net, tree.networks[name], name) end
  for name, scalar in pairs(self.scalars) do scalar:copy(tree.scalars[name]) end
  for name, optimiser in pairs(self.optimisers) do
    local saved = tree.optimisers[name]
    optimiser:restore(saved.first, saved.second, saved.steps)
  end
  self.rng:restore(tree.rng)
end

--- Calls f(...) without recording what leads to gradients.
function agent.no_grad(f, ...)
  local recording = core.set_recording(false)
  local results = table.pack(pcall(f, ...))
  core.set_recording(recording)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

--- One step of several optimisers down one loss, whose graph is walked once.
function agent.minimise(loss, ...)
  for _, optimiser in ipairs { ... } do optimiser:forget() end
  loss:backward(...)
  for _, optimiser in ipairs { ... } do optimiser:step() end
end

--- The target entropy of soft actor-critic: minus the number of action dimensions where "auto".
function agent.target_entropy(value, action_dim)
  return value == "auto" and -action_dim or value
end

--- What a policy normalises observations by: the dataset's mean, and its standard deviation plus 1e-3, so
--- that a dimension that stands still divides by no zero.
function agent.normaliser(task)
  local mean, std = task.state_mean(), task.state_std("true")
  if not mean then error("normaliser: the task has no dataset whose statistics it could take", 0) end
  return { mean = mean, std = std + 1e-3 }
end

return agent
