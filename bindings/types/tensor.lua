---@meta
--- Tensors, what computes with them, networks, optimisers and random numbers. Annotations for editors only.

--- float32, row-major, 0 to 3 dimensions. What operations return lives until the training step ends.
---@class tide.tensor
---@field shape integer[]
---@operator add(tide.tensor|number): tide.tensor
---@operator sub(tide.tensor|number): tide.tensor
---@operator mul(tide.tensor|number): tide.tensor
---@operator div(tide.tensor|number): tide.tensor
---@operator unm: tide.tensor
---@operator len: integer
local tensor = {}

--- The elements as nested tables; a scalar gives its number.
---@return table|number
function tensor:totable() end

---@return number the only element
function tensor:item() end

---@param ... integer one index a dimension, from 1
---@return number
function tensor:get(...) end

---@param ... number the indices, then the value
---@return tide.tensor self
function tensor:set(...) end

---@param value number
---@return tide.tensor self
function tensor:fill(value) end

---@param source tide.tensor|table of the same shape
---@return tide.tensor self
function tensor:copy(source) end

---@return tide.tensor a persistent copy
function tensor:clone() end

---@return boolean
function tensor:is_finite() end

---@return number sample standard deviation of all elements (n - 1), no gradient
function tensor:std() end

--- Adds gradients to what is named, or to everything trainable upstream.
---@param ... boolean|tide.mlp|tide.adam|tide.tensor true first keeps the graph for another walk
function tensor:backward(...) end

---@return tide.tensor
function tensor:exp() end

---@return tide.tensor
function tensor:log() end

---@return tide.tensor
function tensor:sqrt() end

---@return tide.tensor
function tensor:square() end

---@return tide.tensor
function tensor:tanh() end

---@return tide.tensor
function tensor:relu() end

---@return tide.tensor
function tensor:sigmoid() end

---@return tide.tensor
function tensor:softplus() end

---@return tide.tensor
function tensor:abs() end

---@param other tide.tensor|number
---@return tide.tensor
function tensor:min(other) end

---@param other tide.tensor|number
---@return tide.tensor
function tensor:max(other) end

---@param low? number
---@param high? number
---@return tide.tensor
function tensor:clamp(low, high) end

---@return tide.tensor the same elements, no gradient through it
function tensor:detach() end

---@param axis? integer from 1; everything without
---@return tide.tensor
function tensor:sum(axis) end

---@param axis? integer
---@return tide.tensor
function tensor:mean(axis) end

---@param axis? integer
---@return tide.tensor
function tensor:logsumexp(axis) end

---@param target tide.tensor
---@param weights? tide.tensor
---@return tide.tensor scalar
function tensor:mse(target, weights) end

---@param target tide.tensor
---@param threshold? number 1
---@param weights? tide.tensor
---@return tide.tensor scalar
function tensor:huber(target, threshold, weights) end

---@param target tide.tensor
---@param tau number between 0 and 1
---@param weights? tide.tensor
---@return tide.tensor scalar
function tensor:expectile(target, tau, weights) end

---@param labels tide.tensor class numbers from 1
---@return tide.tensor (batch)
function tensor:cross_entropy(labels) end

---@return tide.tensor (batch), from 1
function tensor:argmax() end

---@param positions tide.tensor (batch), from 1
---@return tide.tensor (batch)
function tensor:pick(positions) end

---@param first integer
---@param last integer included
---@return tide.tensor
function tensor:rows(first, last) end

---@param first integer
---@param last integer included
---@return tide.tensor
function tensor:columns(first, last) end

---@param ... integer dimensions
---@return tide.tensor
function tensor:reshape(...) end

---@param n integer
---@return tide.tensor
function tensor:repeat_rows(n) end

--- Functions that both `tide` and `tide.core` have.
---@class tide.operations
---@field h2o tide.h2o
---@field exp fun(t: tide.tensor): tide.tensor
---@field log fun(t: tide.tensor): tide.tensor -inf at 0, NaN below
---@field sqrt fun(t: tide.tensor): tide.tensor
---@field square fun(t: tide.tensor): tide.tensor
---@field tanh fun(t: tide.tensor): tide.tensor
---@field relu fun(t: tide.tensor): tide.tensor
---@field sigmoid fun(t: tide.tensor): tide.tensor
---@field softplus fun(t: tide.tensor): tide.tensor
---@field abs fun(t: tide.tensor): tide.tensor
---@field detach fun(t: tide.tensor): tide.tensor
---@field sum fun(t: tide.tensor, axis?: integer): tide.tensor
---@field mean fun(t: tide.tensor, axis?: integer): tide.tensor
---@field logsumexp fun(t: tide.tensor, axis?: integer): tide.tensor
---@field min fun(a: tide.tensor|number, b: tide.tensor|number): tide.tensor
---@field max fun(a: tide.tensor|number, b: tide.tensor|number): tide.tensor
---@field clamp fun(t: tide.tensor, low?: number, high?: number): tide.tensor
---@field rows fun(t: tide.tensor, first: integer, last: integer): tide.tensor
---@field columns fun(t: tide.tensor, first: integer, last: integer): tide.tensor
---@field reshape fun(t: tide.tensor, ...: integer): tide.tensor
---@field repeat_rows fun(t: tide.tensor, n: integer): tide.tensor
local operations = {}

--- A persistent tensor with the table's numbers and nesting; a scalar from a number.
---@param elements table|number
---@return tide.tensor
function operations.tensor(elements) end

---@param ... integer dimensions
---@return tide.tensor persistent
function operations.zeros(...) end

--- A trainable tensor.
---@param initial number|tide.tensor
---@return tide.tensor
function operations.parameter(initial) end

--- Ends the training step: its tensors are gone.
function operations.end_step() end

--- mean of weights (prediction - target)^2; gradient to the prediction alone.
---@param prediction tide.tensor
---@param target tide.tensor
---@param weights? tide.tensor
---@return tide.tensor scalar
function operations.mse(prediction, target, weights) end

---@param prediction tide.tensor
---@param target tide.tensor
---@param threshold? number 1
---@param weights? tide.tensor
---@return tide.tensor scalar
function operations.huber(prediction, target, threshold, weights) end

--- mean of |tau - 1(target < prediction)| (target - prediction)^2; gradient to the prediction alone.
---@param prediction tide.tensor
---@param target tide.tensor
---@param tau number between 0 and 1
---@param weights? tide.tensor
---@return tide.tensor scalar
function operations.expectile(prediction, target, tau, weights) end

---@param logits tide.tensor (batch, classes)
---@param labels tide.tensor (batch), class numbers from 1
---@return tide.tensor (batch)
function operations.cross_entropy(logits, labels) end

--- Where each row is largest, from 1; the first of equals. No gradient.
---@param t tide.tensor (batch, n)
---@return tide.tensor (batch)
function operations.argmax(t) end

--- t[i][positions[i]] of each row.
---@param t tide.tensor (batch, n)
---@param positions tide.tensor (batch), from 1
---@return tide.tensor (batch)
function operations.pick(t, positions) end

---@param ... tide.tensor
---@return tide.tensor
function operations.concat_rows(...) end

---@param ... tide.tensor
---@return tide.tensor
function operations.concat_columns(...) end

--- A tanh-Gaussian sample and its log-probability.
---@param head tide.tensor (batch, 2 dim): mean beside log_std
---@param noise tide.tensor (batch, dim)
---@param scalars? tide.tensor (2): multiplier and offset of log_std
---@return tide.tensor action (batch, dim)
---@return tide.tensor log_prob (batch)
function operations.tanh_gaussian(head, noise, scalars) end

--- The log-density of given actions under such a head; no gradient to the actions.
---@param head tide.tensor (batch, 2 dim): mean beside log_std
---@param actions tide.tensor (batch, dim), held within +-(1 - 1e-6)
---@param scalars? tide.tensor (2): multiplier and offset of log_std
---@return tide.tensor log_prob (batch)
function operations.tanh_gaussian_log_prob(head, actions, scalars) end

--- The log-density under a normal distribution, dimension by dimension.
---@param mean tide.tensor (batch, dim)
---@param log_std tide.tensor (batch, dim), or (dim) for every row
---@param x tide.tensor (batch, dim)
---@return tide.tensor log_prob (batch)
function operations.gaussian_log_prob(mean, log_std, x) end

---@param head tide.tensor
---@return tide.tensor action, no gradient
function operations.tanh_mean(head) end

--- A copy of a gradient, or nil where none came. `used`: also what an optimiser's last step used up.
---@overload fun(parameter: tide.tensor, used?: boolean): tide.tensor|nil
---@param network tide.mlp
---@param layer integer from 1
---@param kind "weight"|"bias"|"gain"|"shift"
---@param used? boolean
---@return tide.tensor|nil
function operations.gradient_of(network, layer, kind, used) end

--- Threads of the matrix products, after setting them where n is given.
---@param n? integer
---@return integer
function operations.threads(n) end

--- A generator with a stream of its own (Philox 4x32-10).
---@param seed integer
---@param stream? integer 0
---@return tide.rng
function operations.rng(seed, stream) end

--- Adam over networks and parameters.
---@param parts (tide.mlp|tide.tensor)[]
---@param lr number
---@param beta1? number 0.9
---@param beta2? number 0.999
---@param epsilon? number 1e-8
---@return tide.adam
function operations.adam(parts, lr, beta1, beta2, epsilon) end

--- H2O's pieces; equations in docs/algorithms.md.
---@class tide.h2o
local h2o = {}

---@param logits tide.tensor (batch, 2), real first
---@param low number
---@param high number
---@return tide.tensor ratio (batch)
function h2o.dynamics_ratio(logits, low, high) end

---@param logits tide.tensor (batch n, 2)
---@param n integer
---@param low number
---@param high number
---@return tide.tensor u (batch)
function h2o.gap(logits, n, low, high) end

---@param u tide.tensor (batch)
---@return tide.tensor omega
---@return tide.tensor log_omega
function h2o.omega(u) end

---@param next_observations tide.tensor (batch, dim)
---@param sigma tide.tensor (dim)
---@param scale number
---@param noise tide.tensor (batch n, dim)
---@return tide.tensor (batch n, dim)
function h2o.scatter(next_observations, sigma, scale, noise) end

---@param q_sim tide.tensor (n)
---@param log_omega tide.tensor (n)
---@param q_real tide.tensor (m)
---@return tide.tensor scalar
function h2o.value_gap(q_sim, log_omega, q_real) end

--- A multilayer perceptron; called with its inputs side by side.
---@class tide.mlp
---@overload fun(...: tide.tensor): tide.tensor
local mlp = {}

---@return integer[] inputs, hidden ..., outputs
function mlp:sizes() end

---@return number tanh_scale
---@return boolean scalar
---@return boolean layer_norm
function mlp:properties() end

---@param layer integer from 1
---@return tide.tensor (out, in), reads and writes the network
function mlp:weight(layer) end

---@param layer integer from 1
---@return tide.tensor (out)
function mlp:bias(layer) end

---@param layer integer of a hidden layer with LayerNorm
---@return tide.tensor (out)
function mlp:gain(layer) end

---@param layer integer of a hidden layer with LayerNorm
---@return tide.tensor (out)
function mlp:shift(layer) end

---@param layer integer
---@param scheme "torch"|"xavier"|"orthogonal"
---@param gain number
---@param rng tide.rng
function mlp:init_layer(layer, scheme, gain, rng) end

--- self <- (1 - tau) self + tau source
---@param source tide.mlp
---@param tau number
function mlp:polyak(source, tau) end

--- From now on its parameters are constants.
---@return tide.mlp self
function mlp:freeze() end

---@class tide.adam
local adam = {}

--- Backward to its own parameters, then a step. Where one fails, nothing has changed.
---@param loss tide.tensor
---@param retain? boolean
function adam:minimise(loss, retain) end

--- A step with the gradients there are, which are then forgotten.
function adam:step() end

function adam:forget() end

---@param new? number
---@return number the learning rate
function adam:lr(new) end

---@return integer the steps taken so far
function adam:steps() end

---@return tide.tensor first
---@return tide.tensor second
---@return integer steps
function adam:state() end

---@param first tide.tensor
---@param second tide.tensor
---@param steps integer
function adam:restore(first, second, steps) end

---@class tide.rng
local rng = {}

--- N(0, 1): a number without dimensions; N(0, sigma^2) of a tensor's shape where one is given.
---@overload fun(self: tide.rng): number
---@overload fun(self: tide.rng, like: tide.tensor, sigma?: number): tide.tensor
---@param ... integer
---@return tide.tensor persistent
function rng:normal(...) end

---@param ... integer
---@return tide.tensor of the running step
function rng:draw_normal(...) end

--- Adds sigma N(0, 1) to each element.
---@param t tide.tensor
---@param sigma number
---@return tide.tensor t
function rng:add_normal(t, sigma) end

---@overload fun(self: tide.rng, low?: number, high?: number): number
---@param low number
---@param high number
---@param ... integer
---@return tide.tensor persistent
function rng:uniform(low, high, ...) end

---@param low number
---@param high number
---@param ... integer
---@return tide.tensor of the running step
function rng:draw_uniform(low, high, ...) end

---@return number in [0, 1), 53 bits
function rng:number() end

---@param low integer
---@param high integer included
---@return integer
function rng:integer(low, high) end

---@param n integer
---@return integer[] 1 .. n in a random order
function rng:permutation(n) end

---@return integer[] key, stream, next
function rng:state() end

---@param state integer[]
---@return tide.rng self
function rng:restore(state) end

---@class tide.core: tide.operations
local core = {}

--- A network of zeros; scripts use tide.mlp.
---@param sizes integer[]
---@param tanh_scale? number
---@param scalar? boolean
---@param layer_norm? boolean
---@param bfloat16? boolean products of both passes in bfloat16
---@return tide.mlp
function core.mlp(sizes, tanh_scale, scalar, layer_norm, bfloat16) end

---@param t tide.tensor
---@return number as t:std()
function core.std(t) end

--- Scripts use tide.no_grad.
---@param recording boolean
---@return boolean what it was
function core.set_recording(recording) end

---@return integer bytes that the core has asked of the system so far
function core.allocated_total() end

--- Copies numbers into fresh memory, in large pages or the usual ones, and gives it back; for tide bench.
---@param t tide.tensor
---@param large boolean
---@return number seconds the processor's
function core.copy_seconds(t, large) end

---@return string library
---@return string kernel
function core.blas() end

--- Who makes matrix products, after setting it: Tide's own kernels or OpenBLAS. TIDE_PRODUCTS sets it at the start.
---@param name? "avx512"|"avx2"|"openblas"
---@return "avx512"|"avx2"|"openblas"
function core.products(name) end

--- Multiplies matrices of zeros, for tide bench.
---@param m integer
---@param n integer
---@param k integer
---@param repeats integer
---@return tide.tensor
function core.product(m, n, k, repeats) end

return core
