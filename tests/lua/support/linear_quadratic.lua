--- A task whose right answer is known: linear dynamics and a quadratic cost, discounted.
---
---   s' = A s + B a + noise N(0, 1),    r = -(s'Qs + a'Ra),    never terminal
---
--- The best policy is a = -K s, and the value of any linear policy a = -L s + action_noise N(0, 1) is a
--- quadratic (Bertsekas, Dynamic Programming and Optimal Control, vol. 2, section 4.1):
---
---   P   = Q + gamma A'PA - gamma^2 A'PB (R + gamma B'PB)^-1 B'PA         Riccati's equation
---   K   = gamma (R + gamma B'PB)^-1 B'PA
---   P_L = Q + L'RL + gamma (A - BL)' P_L (A - BL)                         Lyapunov's
---   V_L = -s'P_L s - constant
---
--- States of a batch are uniform in the box [-1, 1]^S; the tasks given here keep the best actions there
--- within (-0.75, 0.75), away from where a tanh or a clip bends them, and their dynamics contract.
--- Plain Lua but for the batches: small matrices are tables of rows, states and actions are sequences.
local core = require "tide.core"
local tide = require "tide"

local linear_quadratic = {}

local task = {}
task.__index = task

-- ---- small matrices ----

local function map(rows, columns, f)
  local made = {}
  for i = 1, rows do
    made[i] = {}
    for j = 1, columns do made[i][j] = f(i, j) end
  end
  return made
end

local function transpose(m)
  return map(#m[1], #m, function(i, j) return m[j][i] end)
end

--- x + scale y
local function add(x, y, scale)
  return map(#x, #x[1], function(i, j) return x[i][j] + (scale or 1) * y[i][j] end)
end

local function product(x, y, ...)
  local made = map(#x, #y[1], function(i, j)
    local sum = 0.0
    for k = 1, #y do sum = sum + x[i][k] * y[k][j] end
    return sum
  end)
  if ... then return product(made, ...) end
  return made
end

--- The x of m x = y, by Gauss and Jordan; m is positive definite, so no pivot is sought.
local function solve(m, y)
  local n, width = #m, #y[1]
  local both = map(n, n + width, function(i, j) return j <= n and m[i][j] or y[i][j - n] end)
  for i = 1, n do
    local pivot = both[i][i]
    for j = 1, n + width do both[i][j] = both[i][j] / pivot end
    for k = 1, n do
      local factor = both[k][i]
      if k ~= i then
        for j = 1, n + width do both[k][j] = both[k][j] - factor * both[i][j] end
      end
    end
  end
  return map(n, width, function(i, j) return both[i][n + j] end)
end

local function largest(m)
  local found = 0.0
  for _, row in ipairs(m) do
    for _, x in ipairs(row) do found = math.max(found, math.abs(x)) end
  end
  return found
end

local function trace(m)
  local sum = 0.0
  for i = 1, #m do sum = sum + m[i][i] end
  return sum
end

--- m v for a sequence v.
local function apply(m, v)
  local made = {}
  for i, row in ipairs(m) do
    local sum = 0.0
    for j, x in ipairs(row) do sum = sum + x * v[j] end
    made[i] = sum
  end
  return made
end

--- v'Mv
local function quadratic(m, v)
  local sum = 0.0
  for i, x in ipairs(apply(m, v)) do sum = sum + v[i] * x end
  return sum
end

--- The matrix that f leaves as it is, from `m` on.
local function fixed_point(m, f)
  for _ = 1, 10000 do
    local next_m = f(m)
    local change = largest(add(next_m, m, -1))
    m = next_m
    if largest(m) == math.huge then break end
    if change <= 1e-14 * (1 + largest(m)) then return m end
  end
  error("linear_quadratic: no fixed point: the policy does not keep the discounted cost finite", 0)
end

-- ---- the task ----

local presets = {
  { A = { { 0.8, 0.2 }, { -0.2, 0.8 } }, B = { { 0.3 }, { 0.5 } },
    Q = { { 1.0, 0.0 }, { 0.0, 0.5 } }, R = { { 0.9 } } },
  { A = { { 0.8, 0.3, 0.0 }, { -0.2, 0.7, 0.2 }, { 0.1, 0.0, 0.8 } }, B = { { 0.5, 0.0 }, { 0.1, 0.3 }, { 0.0, 0.5 } },
    Q = { { 1.0, 0.0, 0.0 }, { 0.0, 0.5, 0.0 }, { 0.0, 0.0, 1.0 } }, R = { { 1.0, 0.2 }, { 0.2, 0.8 } } },
}

--- given: action_dim (1: two states; 2: three states), discount (0.9), noise (0, of the next states), and
--- simulator = { A =, B = }, whatever of them is wrong in the rows of the simulated part.
function linear_quadratic.new(given)
  given = given or {}
  local made = setmetatable({ discount = given.discount or 0.9, noise = given.noise or 0.0 }, task)
  for name, matrix in pairs(presets[given.action_dim or 1]) do made[name] = matrix end
  made.observation_dim, made.action_dim = #made.A, #made.R
  local wrong = given.simulator or {}
  made.simulator = { A = wrong.A or made.A, B = wrong.B or made.B }
  made.P = fixed_point(made.Q, function(p) return made:riccati(p) end)
  made.gain = made:greedy(made.P)
  return made
end

--- K, where P is the value of what follows.
function task:greedy(p)
  local bp = product(transpose(self.B), p)
  local half = solve(add(self.R, product(bp, self.B), self.discount), product(bp, self.A))
  return map(#half, #half[1], function(i, j) return self.discount * half[i][j] end)
end

function task:riccati(p)
  local pa, k = product(p, self.A), self:greedy(p)
  local saved = product(transpose(self.A), product(p, self.B), k)
  return add(add(self.Q, product(transpose(self.A), pa), self.discount), saved, -self.discount)
end

--- -> P_L, constant: V_L(s) = -s'P_L s - constant of the policy a = -gain s + action_noise N(0, 1).
function task:policy(gain, action_noise)
  local closed = add(self.A, product(self.B, gain), -1)
  local stage = add(self.Q, product(transpose(gain), self.R, gain))
  local p = fixed_point(stage, function(p)
    return add(stage, product(transpose(closed), p, closed), self.discount)
  end)
  local of_action = add(self.R, product(transpose(self.B), p, self.B), self.discount)
  local each_step = (action_noise or 0.0) ^ 2 * trace(of_action) + self.discount * self.noise ^ 2 * trace(p)
  return p, each_step / (1 - self.discount)
end

function task:reward(s, a)
  return -(quadratic(self.Q, s) + quadratic(self.R, a))
end

--- The mean of s'.
function task:next_state(s, a)
  local moved, pushed = apply(self.A, s), apply(self.B, a)
  for i = 1, #moved do moved[i] = moved[i] + pushed[i] end
  return moved
end

--- -gain s; without a gain the best action.
function task:action(s, gain)
  local a = apply(gain or self.gain, s)
  for i = 1, #a do a[i] = -a[i] end
  return a
end

--- V(s) of a linear policy; without a gain V*.
function task:value(s, gain, action_noise)
  local p, constant = self:policy(gain or self.gain, action_noise)
  return -quadratic(p, s) - constant
end

--- Q(s, a) of a linear policy; without a gain Q*.
function task:q(s, a, gain, action_noise)
  local p, constant = self:policy(gain or self.gain, action_noise)
  return self:reward(s, a)
         - self.discount * (quadratic(p, self:next_state(s, a)) + self.noise ^ 2 * trace(p) + constant)
end

-- ---- batches ----

--- x M' for rows x, by a network of one layer: its products are the fast way to multiply here.
local function linear(...)
  local blocks = { ... }
  local inputs = 0
  for _, m in ipairs(blocks) do inputs = inputs + #m[1] end
  local net = core.mlp({ inputs, #blocks[1] })
  for i = 1, #blocks[1] do
    local j = 0
    for _, m in ipairs(blocks) do
      for _, x in ipairs(m[i]) do
        j = j + 1
        net:weight(1):set(i, j, x)
      end
    end
  end
  return net:freeze()
end

--- behaviour: "uniform" actions in [-1, 1]^A, or { gain = L, noise = std }: a = -L s + noise N(0, 1), clipped.
local function act(self, rng, observations, behaviour)
  local n = #observations
  if behaviour == "uniform" then return rng:uniform(-1, 1, n, self.action_dim) end
  local action = -linear(behaviour.gain or self.gain)(observations)
  if behaviour.noise then action = action + behaviour.noise * rng:draw_normal(n, self.action_dim) end
  return tide.clamp(action, -1, 1)
end

--- A batch in replay:sample's form, real rows first; it lives until the step ends. behaviour ("uniform")
--- is who acted in the real rows, sim_behaviour (the same) who acted in the simulated ones.
function task:batch(rng, n_real, n_sim, behaviour, sim_behaviour)
  return tide.no_grad(function()
    behaviour = behaviour or "uniform"
    local n = n_real + n_sim
    local observations = rng:uniform(-1, 1, n, self.observation_dim)
    local actions, nexts = {}, {}
    local function part(first, last, dynamics, who)
      if last < first then return end
      local s = observations:rows(first, last)
      local a = act(self, rng, s, who)
      actions[#actions + 1], nexts[#nexts + 1] = a, linear(dynamics.A, dynamics.B)(s, a)
    end
    part(1, n_real, self, behaviour)
    part(n_real + 1, n, self.simulator, sim_behaviour or behaviour)
    actions, nexts = tide.concat_rows(table.unpack(actions)), tide.concat_rows(table.unpack(nexts))
    if self.noise > 0 then nexts = nexts + self.noise * rng:draw_normal(n, self.observation_dim) end
    local cost = (observations * linear(self.Q)(observations)):sum(2) + (actions * linear(self.R)(actions)):sum(2)
    return { observations = observations, actions = actions, rewards = -cost, next_observations = nexts,
             terminals = core.zeros(n), n_real = n_real, n_sim = n_sim }
  end)
end

-- ---- agents ----

--- What `choice:build` is given.
function task:description(seed)
  local function spread(value)
    return function() return core.zeros(self.observation_dim):fill(value) end
  end
  return { observation_dim = self.observation_dim, action_dim = self.action_dim, rng = core.rng(seed or 1),
           task = "linear-quadratic", state_mean = spread(0.0), state_std = spread(1 / math.sqrt(3)),
           return_range = function() return -1000, 0 end }
end

--- Trains an agent for `updates` on fresh batches, as the trainer does.  -> the agent
function task:train(choice, updates, behaviour, sim_behaviour)
  local agent, rng = choice:build(self:description()), core.rng(2)
  local parts = agent:batches()
  local names = {}
  for name in pairs(parts) do names[#names + 1] = name end
  table.sort(names)
  for _ = 1, updates do
    local drawn = {}
    for _, name in ipairs(names) do
      drawn[name] = self:batch(rng, parts[name].real, parts[name].sim, behaviour, sim_behaviour)
    end
    agent:update(drawn)
    core.end_step()
  end
  return agent
end

--- States on a grid of [-1, 1]^S: the middles of equal cells.
function task:grid()
  local side, states = self.observation_dim == 2 and 10 or 6, { {} }
  for _ = 1, self.observation_dim do
    local longer = {}
    for _, s in ipairs(states) do
      for i = 0, side - 1 do
        local extended = { table.unpack(s) }
        extended[#extended + 1] = (2 * i + 1) / side - 1
        longer[#longer + 1] = extended
      end
    end
    states = longer
  end
  return states
end

--- How far an agent's actions without exploration are from -gain s (the best ones) over the grid:
--- root mean square of the difference, over that of the best actions.
function task:error(agent, gain)
  local wrong, best = 0.0, 0.0
  for _, s in ipairs(self:grid()) do
    local chosen = agent:act(core.tensor(s), "mean"):totable()
    core.end_step()
    local optimal = self:action(s)
    for i, wanted in ipairs(self:action(s, gain)) do
      wrong, best = wrong + (chosen[i] - wanted) ^ 2, best + optimal[i] ^ 2
    end
  end
  return math.sqrt(wrong / best)
end

--- The largest mistake of a critic over the grid and three actions at each, over the spread of Q there: the Q
--- of a linear policy, or Q*.
function task:critic_error(critic, gain, action_noise)
  local wrong, low, high = 0.0, math.huge, -math.huge
  for _, s in ipairs(self:grid()) do
    for _, level in ipairs { -0.5, 0.0, 0.5 } do
      local a = {}
      for i = 1, self.action_dim do a[i] = level end
      local right = self:q(s, a, gain, action_noise)
      local q = critic(core.tensor { s }, core.tensor { a }):sum():item()
      core.end_step()
      wrong, low, high = math.max(wrong, math.abs(q - right)), math.min(low, right), math.max(high, right)
    end
  end
  return wrong / (high - low)
end

return linear_quadratic
