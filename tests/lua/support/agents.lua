--- Agents built by hand, and batches of random transitions for them.
local core = require "tide.core"
local tide = require "tide"

local agents = { observation_dim = 5, action_dim = 2 }
local S, A = agents.observation_dim, agents.action_dim

--- The agent of a choice, without an experiment.
function agents.build(choice, seed)
  return choice:build {
    observation_dim = S, action_dim = A, rng = core.rng(seed or 1),
    state_mean = function() return tide.zeros(S) end,
    state_std = function() return tide.zeros(S):fill(1) end,
    return_range = function() return -100, 900 end,
  }
end

--- As replay:sample gives it.
function agents.batch(rng, n_real, n_sim)
  local n = n_real + n_sim
  return {
    observations = rng:normal(n, S), actions = rng:uniform(-1, 1, n, A), rewards = rng:normal(n),
    next_observations = rng:normal(n, S), terminals = core.zeros(n), n_real = n_real, n_sim = n_sim,
  }
end

--- Everything that an agent wants for one update.
function agents.batches(agent, rng)
  local drawn, names = {}, {}
  local wanted = agent:batches()
  for name in pairs(wanted) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do drawn[name] = agents.batch(rng, wanted[name].real, wanted[name].sim) end
  return drawn
end

--- n updates on batches from rng.  -> the metrics of the last
function agents.train(agent, rng, n)
  local metrics
  for _ = 1, n do
    metrics = agent:update(agents.batches(agent, rng))
    core.end_step()
  end
  return metrics
end

--- Every number that an agent has learned, as text by name.
function agents.learned(agent)
  local numbers = {}
  local function note(name, t)
    local n = 1
    for _, dim in ipairs(t.shape) do n = n * dim end
    numbers[name] = table.concat(t:reshape(n):totable(), " ")
  end
  for key, net in pairs(agent.networks) do
    for layer = 1, #net:sizes() - 1 do
      note(("%s.%d.weight"):format(key, layer), net:weight(layer))
      note(("%s.%d.bias"):format(key, layer), net:bias(layer))
      if select(3, net:properties()) and layer < #net:sizes() - 1 then
        note(("%s.%d.gain"):format(key, layer), net:gain(layer))
        note(("%s.%d.shift"):format(key, layer), net:shift(layer))
      end
    end
  end
  for key, scalar in pairs(agent.scalars) do note(key, scalar) end
  core.end_step()
  return numbers
end

return agents
