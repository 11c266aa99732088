--- Networks in plain Lua, in double precision: losses written out from their equations, whose central
--- differences an agent's gradients are held against.
local assert = require "luassert"
local core = require "tide.core"

local plain = {}

local network = {}
network.__index = network

--- A copy of a network's numbers as they are now.
function plain.network(net)
  local sizes = net:sizes()
  local tanh_scale, scalar = net:properties()
  local made = setmetatable({ tanh_scale = tanh_scale, scalar = scalar }, network)
  for layer = 1, #sizes - 1 do
    made[layer] = { weight = net:weight(layer):totable(), bias = net:bias(layer):totable() }
  end
  return made
end

--- What the network gives for one row, its parts side by side: a sequence, or a number from a scalar network.
function network:__call(...)
  local x = {}
  for _, part in ipairs { ... } do table.move(part, 1, #part, #x + 1, x) end
  for layer = 1, #self do
    local out = {}
    for i, row in ipairs(self[layer].weight) do
      local sum = self[layer].bias[i]
      for j, weight in ipairs(row) do sum = sum + weight * x[j] end
      if layer < #self then sum = math.max(sum, 0.0) end
      out[i] = sum
    end
    x = out
  end
  if self.tanh_scale ~= 0 then
    for i, y in ipairs(x) do x[i] = self.tanh_scale * (1 - 2 / (math.exp(2 * y) + 1)) end
  end
  return self.scalar and x[1] or x
end

--- (s - mean) / std
function plain.normalise(s, mean, std)
  local made = {}
  for i, x in ipairs(s) do made[i] = (x - mean[i]) / std[i] end
  return made
end

--- The tensors of a batch as nested tables.
function plain.rows(batch)
  local rows = {}
  for name, t in pairs(batch) do rows[name] = type(t) == "number" and t or t:totable() end
  return rows
end

function plain.softplus(x)
  return math.log(1 + math.exp(x))
end

--- The mean of f(i) over the rows 1 .. n.
function plain.mean(n, f)
  local sum = 0.0
  for i = 1, n do sum = sum + f(i) end
  return sum / n
end

local STEP = 1e-5

--- The slope of loss() as numbers[key] changes.
local function slope(numbers, key, loss)
  local kept = numbers[key]
  numbers[key] = kept + STEP
  local above = loss()
  numbers[key] = kept - STEP
  local below = loss()
  numbers[key] = kept
  return (above - below) / (2 * STEP)
end

local function agrees(wanted, got, what)
  assert.is_true(math.abs(wanted - got) <= 2e-6 + 1e-4 * math.abs(wanted),
    ("%s: the gradient is %.8g, central differences say %.8g"):format(what, got, wanted))
end

--- The gradient that `net` was last moved by is that of loss(), a function of the plain `copy` of it:
--- every bias, and a few weights of each layer. At least one of them is not 0.
function plain.gradients_agree(net, copy, loss, what)
  local size = 0.0
  for layer = 1, #copy do
    for _, kind in ipairs { "bias", "weight" } do
      local gradient = core.gradient_of(net, layer, kind, true)
      assert.is_truthy(gradient, ("%s, layer %d: no gradient came to its %s"):format(what, layer, kind))
      gradient = gradient:totable()
      for i, own in ipairs(copy[layer][kind]) do
        local name = ("%s, layer %d, %s %d"):format(what, layer, kind, i)
        if kind == "bias" then
          agrees(slope(copy[layer].bias, i, loss), gradient[i], name)
          size = math.max(size, math.abs(gradient[i]))
        else
          local j = (3 * i) % #own + 1
          agrees(slope(own, j, loss), gradient[i][j], name)
        end
      end
    end
  end
  assert.is_true(size > 1e-4, what .. ": the gradients are all but 0")
end

--- The same of a vector of parameters.
function plain.vector_agrees(parameter, copy, loss, what)
  local gradient = core.gradient_of(parameter, true):totable()
  for i = 1, #copy do agrees(slope(copy, i, loss), gradient[i], ("%s %d"):format(what, i)) end
end

return plain
