---@meta
--- Networks, policies, what agents share. Annotations for editors only; examples are in docs/lua-api.md.

---@class tide
local tide = {}

---@class tide.mlp_options
---@field inputs? integer
---@field outputs? integer
---@field hidden? integer[] { 256, 256 }
---@field init? "torch"|"xavier"|"orthogonal"
---@field gain? number 1
---@field last_init? false|"torch"|"xavier"|"orthogonal"
---@field last_gain? number 1
---@field tanh_scale? number 0: linear outputs
---@field scalar? boolean one output, of shape (batch)
---@field layer_norm? boolean normalises every hidden layer's sums
---@field precision? false|"float32"|"bfloat16" of the products; false: as the agent that is being built

---@param options tide.mlp_options
---@param rng tide.rng
---@return tide.mlp
function tide.mlp(options, rng) end

--- Q(s, a), of shape (batch).
---@param observation_dim integer
---@param action_dim integer
---@param hidden integer[]
---@param rng tide.rng
---@param options? tide.mlp_options
---@return tide.mlp
function tide.critic(observation_dim, action_dim, hidden, rng, options) end

--- A frozen copy, for Polyak averaging.
---@param source tide.mlp
---@return tide.mlp
function tide.target(source) end

--- What all policies take beside the options of tide.mlp.
---@class tide.any_policy_options: tide.mlp_options
---@field normaliser? { mean: tide.tensor, std: tide.tensor } of observations, which are normalised inside

---@class tide.policy_options: tide.any_policy_options
---@field scalars? boolean log_std = multiplier * head + offset, both trained

---@class tide.deterministic_policy_options: tide.any_policy_options
---@field exploration_noise? number 0: std of the noise that act(observation, "sample") adds

--- A tanh-Gaussian policy: mean and log_std side by side from one network.
---@param observation_dim integer
---@param action_dim integer
---@param hidden integer[]
---@param rng tide.rng
---@param options? tide.policy_options
---@return tide.policy
function tide.policy(observation_dim, action_dim, hidden, rng, options) end

--- a = tanh(net(s)); called with observations (batch, dim) it gives actions, recorded.
---@param observation_dim integer
---@param action_dim integer
---@param hidden integer[]
---@param rng tide.rng
---@param options? tide.deterministic_policy_options
---@return tide.deterministic_policy
function tide.deterministic_policy(observation_dim, action_dim, hidden, rng, options) end

--- N(tanh(net(s)), exp(log_std)^2) with one log_std for all observations, held within [-5, 2].
---@param observation_dim integer
---@param action_dim integer
---@param hidden integer[]
---@param rng tide.rng
---@param options? tide.any_policy_options
---@return tide.gaussian_policy
function tide.gaussian_policy(observation_dim, action_dim, hidden, rng, options) end

--- What all kinds of policies have.
---@class tide.any_policy
---@field net tide.mlp
---@field observation_dim integer
---@field action_dim integer
---@field rng tide.rng
---@field normaliser? { mean: tide.tensor, std: tide.tensor }
local any_policy = {}

---@param observations tide.tensor (batch, dim)
---@return tide.tensor observations as the network takes them
function any_policy:normalise(observations) end

---@param observations tide.tensor
---@return tide.tensor action (batch, action_dim), no gradient
function any_policy:mean(observations) end

---@param observation tide.tensor (dim)
---@param mode "sample"|"mean"
---@return tide.tensor action (action_dim), until the step ends
function any_policy:act(observation, mode) end

---@return (tide.mlp|tide.tensor)[] what an optimiser trains
function any_policy:parameters() end

---@return table a tree for a file
function any_policy:export() end

--- tanh-Gaussian.
---@class tide.policy: tide.any_policy
---@field scalars? tide.tensor
local policy = {}

---@param observations tide.tensor (batch, dim)
---@return tide.tensor action (batch, action_dim)
---@return tide.tensor log_prob (batch)
function policy:sample(observations) end

--- What the network says of the observations, for several samples of one pass.
---@param observations tide.tensor (batch, dim)
---@return tide.tensor head (batch, 2 action_dim)
function policy:head(observations) end

---@param head tide.tensor
---@param n integer samples of each row, one after another
---@return tide.tensor action (batch n, action_dim)
---@return tide.tensor log_prob (batch n)
function policy:sample_from(head, n) end

---@param observations tide.tensor (batch, dim)
---@param actions tide.tensor (batch, action_dim), given, no gradient to them
---@return tide.tensor log_prob (batch)
function policy:log_prob(observations, actions) end

---@class tide.deterministic_policy: tide.any_policy
---@field exploration_noise number
---@overload fun(observations: tide.tensor): tide.tensor
local deterministic_policy = {}

---@param observations tide.tensor (batch, dim)
---@return tide.tensor action (batch, action_dim) with exploration noise, within [-1, 1], no gradient
function deterministic_policy:sample(observations) end

---@class tide.gaussian_policy: tide.any_policy
---@field log_std tide.tensor (action_dim), a parameter
local gaussian_policy = {}

---@param observations tide.tensor (batch, dim)
---@return tide.tensor action (batch, action_dim), within [-1, 1], no gradient
function gaussian_policy:sample(observations) end

---@param observations tide.tensor (batch, dim)
---@param actions tide.tensor (batch, action_dim)
---@return tide.tensor log_prob (batch)
function gaussian_policy:log_prob(observations, actions) end

--- From policy.h5 or a run's folder.
---@param path string
---@param seed? integer 0
---@return tide.policy|tide.deterministic_policy|tide.gaussian_policy
---@return table about the file
function tide.load_policy(path, seed) end

---@param path string
---@param policy_ tide.any_policy
---@param about? table
function tide.save_policy(path, policy_, about) end

---@class tide.network
local network = {}

---@param net tide.mlp
---@return table
function network.weights(net) end

--- The precision, where it is "float32" or "bfloat16"; an error that begins with `what` otherwise.
---@param precision any
---@param what string
---@return "float32"|"bfloat16"
function network.check_precision(precision, what) end

--- Calls f(...); networks that it makes have this precision unless their options name one.
---@param precision "float32"|"bfloat16"
---@param f function
---@param ... any
function network.with_precision(precision, f, ...) end

---@param net tide.mlp
---@param tree table
---@param what? string for messages
---@return tide.mlp
function network.load_weights(net, tree, what) end

---@param options tide.mlp_options
---@param rng tide.rng
---@return tide.mlp
function network.mlp(options, rng) end

---@param observation_dim integer
---@param action_dim integer
---@param hidden integer[]
---@param rng tide.rng
---@param options? tide.mlp_options
---@return tide.mlp
function network.critic(observation_dim, action_dim, hidden, rng, options) end

---@param source tide.mlp
---@return tide.mlp
function network.target(source) end

--- Pieces of conservative Q-learning; equations in docs/algorithms.md.
---@class tide.conservative
local conservative = {}

---@param policy_ tide.policy
---@param own tide.tensor (batch, action_dim), the batch's actions
---@param head tide.tensor of the observations
---@param next_head tide.tensor of the next observations
---@param n integer of each kind: uniform, of the next state, of the state
---@param rng tide.rng
---@return tide.tensor actions (batch (1 + 3 n), action_dim), a state's together, its own first
---@return tide.tensor log_density (batch, 3 n), of all but its own
function conservative.actions(policy_, own, head, next_head, n, rng) end

---@param q tide.tensor (batch, 1 + 3 n), the own action's first
---@param log_density tide.tensor|false (batch, 3 n); false: without importance sampling
---@param temperature number
---@return tide.tensor gap scalar
function conservative.gap(q, log_density, temperature) end

--- Calls f(...) without recording.
---@generic T
---@param f fun(...): T
---@param ... any
---@return T
function tide.no_grad(f, ...) end

--- One step of several optimisers down one loss, whose graph is walked once.
---@param loss tide.tensor scalar
---@param ... tide.adam
function tide.minimise(loss, ...) end

--- What agents with two discriminators share; equations in docs/algorithms.md.
---@class tide.discriminators
local discriminators = {}

--- Classes for cross_entropy: 1 for the real rows, which come first, 2 for the others.
---@param n_real integer
---@param n integer
---@return tide.tensor (n), kept and shared: not to be changed
function discriminators.labels(n_real, n) end

--- The cross-entropy of a discriminator: its mean over the real rows, class 1, plus its mean over the simulated, class 2.
---@param logits tide.tensor (batch, 2)
---@param n_real integer
---@return tide.tensor
function discriminators.tell_apart(logits, n_real) end

--- Mean cross-entropies of d_sa and of d_sas + d_sa on noisy inputs.
---@param d_sa tide.mlp
---@param d_sas tide.mlp
---@param batch table real rows first
---@param noisy fun(t: tide.tensor): tide.tensor
---@return tide.tensor sa_loss
---@return tide.tensor sas_loss
function discriminators.losses(d_sa, d_sas, batch, noisy) end

--- ln P / P^ from d_sas's logits, held within +- limit.
---@param logits tide.tensor (batch, 2), real first
---@param limit number
---@return tide.tensor (batch)
function discriminators.log_ratio(logits, limit) end

---@param observation_dim integer
---@param action_dim integer
---@param capacity integer
---@param dataset? tide.dataset
---@return tide.replay
function tide.replay(observation_dim, action_dim, capacity, dataset) end
