---@meta
--- Processes as tables. Annotations for editors only; examples are in docs/lua-api.md.

---@class tide.tabular_process a Markov decision process; pair (s, a) has the index (s - 1) actions + a
---@field states integer
---@field actions integer
---@field pairs integer
---@field rewards number[] of pairs
---@field real number[][] P: a row of states for every pair
---@field sim number[][] P^: likewise
---@field policy number[][] pi(a|s): a row of actions for every state
---@field d_real number[] d_D, of pairs
---@field d_sim number[] d_B, of pairs
---@field discount number

---@class tide.tabular_choice
---@field beta? number 0
---@field d_phi? number[] a fixed distribution over pairs; without it, the maximum's own
---@field omega? number[] of the log-sum-exp; u / sum u
---@field ratio? boolean false: simulated errors count as they are
---@field clip? number[] { low, high } of the ratio
---@field start? number[] the first Q; zeros

---@class tide.tabular
local tabular = {}

---@param given table rewards, real, sim, policy, d_real, d_sim, discount
---@return tide.tabular_process
function tabular.process(given) end

---@param rng tide.rng
---@param options? { states?: integer, actions?: integer, wrong?: integer, blind?: integer, discount?: number }
---@return tide.tabular_process
function tabular.random(rng, options) end

---@param process tide.tabular_process
---@param policy number[][]
---@param dynamics number[][]
---@return number[] of pairs
function tabular.visits(process, policy, dynamics) end

---@param process tide.tabular_process
---@param q number[]
---@return number[] of states
function tabular.values(process, q) end

---@param process tide.tabular_process
---@param q number[]
---@param rewards? number[]
---@param dynamics? number[][] the real ones
---@return number[]
function tabular.backup(process, q, rewards, dynamics) end

---@param process tide.tabular_process
---@param rewards? number[]
---@param dynamics? number[][] the real ones
---@return number[] Q of the policy
function tabular.evaluate(process, rewards, dynamics) end

---@param process tide.tabular_process
---@param nu number[]
---@param dynamics? number[][] the real ones
---@return number[] Q of the policy with the reward r - nu
function tabular.evaluate_adjusted(process, nu, dynamics) end

---@param process tide.tabular_process
---@return number[] u = KL(P^ || P)
function tabular.gap(process) end

---@param u number[]
---@param weights? number[]
---@return number[] omega
function tabular.omega(u, weights) end

---@param process tide.tabular_process
---@param choice? tide.tabular_choice
---@return number[][]
function tabular.ratio(process, choice) end

---@param process tide.tabular_process
---@param ratio number[][]
---@return number[] its mean under P^
function tabular.ratio_mean(process, ratio) end

---@param omega number[]
---@param q number[]
---@return number maximum, number[] d_phi
function tabular.soft_max(omega, q) end

---@param process tide.tabular_process
---@param q number[]
---@param v number[] of states, for the targets
---@param choice tide.tabular_choice
---@param ratio? number[][]
---@return number
function tabular.objective(process, q, v, choice, ratio) end

---@param process tide.tabular_process
---@param choice tide.tabular_choice
---@return { q: number[], d_phi: number[], iterations: integer }
function tabular.h2o(process, choice) end

---@param process tide.tabular_process
---@param choice tide.tabular_choice
---@param d_phi number[]
---@return number[] nu
function tabular.adjustment(process, choice, d_phi) end

---@param process tide.tabular_process
---@param choice tide.tabular_choice
---@return number[][] dynamics
function tabular.blend(process, choice) end

---@param A number[][]
---@param b number[]
---@return number[]
function tabular.solve(A, b) end

---@param x number[]
---@param y number[]
---@return number
function tabular.distance(x, y) end
