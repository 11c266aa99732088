--- What Tide is to reach on one core, and whether a run of `tide bench all` did.
local targets = {}

local function update_of(results, agent)
  for _, row in ipairs(results.update) do
    if row.agent == agent and row.threads == 1 then return row end
  end
end

--- The least median of a field over rows, or the greatest.
local function worst(rows, field, choose)
  local value
  for _, row in ipairs(rows) do value = value and choose(value, row[field].median) or row[field].median end
  return value
end

local function share(agent, wanted)
  return { name = agent .. ": share of the products' floor", at_least = wanted, value = function(results)
    local row = update_of(results, agent)
    return row and row.floor_share
  end }
end

--- Each has at_least or at_most, and value(results) -> a number, or nil where it was not measured.
targets.list = {
  share("h2o", 0.90), share("sac", 0.90), share("darc", 0.90), share("cql", 0.85),
  { name = "bytes allocated an update, all agents", at_most = 0, value = function(results)
    local most
    for _, row in ipairs(results.update) do most = math.max(most or 0, row.allocated_bytes_per_update) end
    return most
  end },
  { name = "two threads over one", at_least = 1.7, value = function(results)
    return worst(results.threads, "gain", math.min)
  end },
  { name = "control steps from Lua over mj_step's, all robots", at_least = 0.80, value = function(results)
    return worst(results.env, "share", math.min)
  end },
  { name = "a policy's single action, microseconds", at_most = 15, value = function(results)
    return worst(results.actions, "microseconds", math.max)
  end },
  { name = "reading a D4RL file over memcpy", at_least = 0.5, value = function(results)
    return results.dataset.share.median
  end },
  { name = "start-up, ms", at_most = 50, value = function(results) return results.startup.wall_ms.median end },
  { name = "memory of a run beside dataset and ring, MB", at_most = 150, value = function(results)
    return results.memory.beside_bytes / 1e6
  end },
  { name = "growth of memory over many updates", at_most = 0.01, value = function(results)
    return results.memory.growth
  end },
}

--- -> rows { name, value, at_least or at_most, met }
function targets.judge(results)
  local rows = {}
  for _, target in ipairs(targets.list) do
    local value = target.value(results)
    local met = value ~= nil and (target.at_least == nil or value >= target.at_least)
                and (target.at_most == nil or value <= target.at_most)
    rows[#rows + 1] = { name = target.name, value = value, met = met, at_least = target.at_least,
                        at_most = target.at_most }
  end
  return rows
end

return targets
