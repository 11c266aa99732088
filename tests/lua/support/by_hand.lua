--- Small sums in plain Lua, for losses and gradients that a spec finds by hand.
local by_hand = {}

function by_hand.tanh(x)
  local e = math.exp(2 * x)
  return (e - 1) / (e + 1)
end

function by_hand.softplus(x)
  return math.log(1 + math.exp(x))
end

function by_hand.clip(x, bounds)
  return math.max(bounds[1], math.min(bounds[2], x))
end

--- One sequence from several.
function by_hand.join(...)
  local joined = {}
  for _, part in ipairs { ... } do table.move(part, 1, #part, #joined + 1, joined) end
  return joined
end

--- A network of one layer as it is now: function(x) -> outputs, before a tanh.
function by_hand.linear(net)
  local weight, bias = net:weight(1):totable(), net:bias(1):totable()
  return function(x)
    local out = {}
    for i, row in ipairs(weight) do
      out[i] = bias[i]
      for j, w in ipairs(row) do out[i] = out[i] + w * x[j] end
    end
    return out
  end
end

--- The fields of a batch, those that there are, as nested tables.
function by_hand.rows(batch)
  local rows = {}
  for _, name in ipairs { "observations", "actions", "rewards", "next_observations", "terminals" } do
    rows[name] = batch[name] and batch[name]:totable()
  end
  return rows
end

return by_hand
