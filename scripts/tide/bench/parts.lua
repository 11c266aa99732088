--- Where an update's time goes: the seconds of an agent's methods and of its optimisers, each without what is
--- timed inside it.
local rounds = require "tide.bench.rounds"

local parts = {}

local actor_critic = { targets = "target", critics = "update_critics", policy = "update_policy",
                       polyak = "update_targets" }

local function with(more)
  for label, method in pairs(actor_critic) do more[label] = more[label] or method end
  return more
end

local darc = with { discriminators = "update_discriminators", correction = "corrected_rewards" }

local methods = {
  sac = actor_critic, cql = actor_critic, cql_sac = actor_critic, rlpd = actor_critic, td3_bc = actor_critic,
  darc = darc, darc_plus = darc,
  h2o = with { discriminators = "update_discriminators", dynamics = "update_dynamics", ratio = "ratio", u = "gap" },
  h2o_plus = with { discriminators = "update_discriminators", ratio = "ratio", value = "update_value" },
  bc = { policy = "update" },
  iql = with { targets = "target_q", value = "update_value" },
}

--- Adam's methods, shared by all optimisers.
local function adam_methods(agent)
  local _, optimiser = next(agent.optimisers)
  return debug.getmetatable(optimiser).__index
end

--- Calls f, whose work is on `threads`, with an agent's parts timed.  -> seconds by part, all that f took
function parts.time(agent, threads, f)
  local seconds, inside = {}, { 0.0 } -- inside: seconds of timed calls within each running one
  local clock = rounds.clock(threads)
  local function timed(label, call)
    seconds[label] = seconds[label] or 0.0
    return function(...)
      local start = clock()
      inside[#inside + 1] = 0.0
      local results = table.pack(call(...))
      local took = clock() - start
      seconds[label] = seconds[label] + took - table.remove(inside)
      inside[#inside] = inside[#inside] + took
      return table.unpack(results, 1, results.n)
    end
  end
  for label, method in pairs(methods[agent.name] or {}) do
    if agent[method] then agent[method] = timed(label, agent[method]) end
  end
  local adam = adam_methods(agent)
  local step, minimise = adam.step, adam.minimise
  adam.step = timed("optimiser", step)
  function adam.minimise(optimiser, loss, retain)
    optimiser:forget()
    if retain then loss:backward(true, optimiser) else loss:backward(optimiser) end
    optimiser:step()
  end
  local start = clock()
  local ok, problem = pcall(f)
  local took = clock() - start
  adam.step, adam.minimise = step, minimise
  for _, method in pairs(methods[agent.name] or {}) do agent[method] = nil end -- the class's own again
  if not ok then error(problem, 0) end
  return seconds, took
end

return parts
