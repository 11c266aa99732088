--- Recorded cases in Tide's words: what the families of conform/families/ share.
local core = require "tide.core"

local recorded = {}

--- Two tensors, one below the other, that outlive the step.
function recorded.joined(first, second)
  return core.concat_rows(first, second):clone()
end

local fields = { "observations", "actions", "rewards", "next_observations", "terminals" }

--- Two recorded minibatches, one below the other, as replay:sample gives them.
function recorded.joined_batch(first, second)
  local batch = { n_real = #first.observations, n_sim = #second.observations }
  for _, field in ipairs(fields) do batch[field] = recorded.joined(first[field], second[field]) end
  for _, field in ipairs { "rewards", "terminals" } do
    batch[field] = batch[field]:reshape(batch.n_real + batch.n_sim):clone()
  end
  return batch
end

--- One recorded minibatch as replay:sample gives it, all of its rows real or all of them simulated.
function recorded.batch(rows, part)
  local n = #rows.observations
  local batch = { n_real = part == "real" and n or 0, n_sim = part == "real" and 0 or n }
  for _, field in ipairs(fields) do batch[field] = rows[field] end
  for _, field in ipairs { "rewards", "terminals" } do batch[field] = batch[field]:reshape(n):clone() end
  return batch
end

--- The hidden layers' widths of a recorded network.
function recorded.hidden_sizes(net)
  local sizes, layer = {}, 0
  while net["layer" .. layer + 1] ~= nil do
    sizes[#sizes + 1] = net["layer" .. layer].bias.shape[1]
    layer = layer + 1
  end
  return sizes
end

--- True for an attribute that is a switch, and on.
function recorded.on(value)
  return value ~= nil and value ~= 0
end

--- Values of attributes that Tide knows only one meaning of.
function recorded.require_values(case, wanted)
  for name, value in pairs(wanted) do
    if case[name] ~= nil and case[name] ~= value then
      error(("not yet supported: %s = %s"):format(name, tostring(case[name])), 0)
    end
  end
end

return recorded
