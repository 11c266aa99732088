-- Networks and optimisers as scripts see them: what they compute, how they live, what they refuse.
local core = require "tide.core"
local expect = require "support.expect"
local tide = require "tide"

local refuses, near = expect.refused, expect.near

local function network(sizes, seed, ...)
  local net, rng = core.mlp(sizes, ...), core.rng(seed or 1)
  for layer = 1, #sizes - 1 do net:init_layer(layer, "torch", 0, rng) end
  return net
end

--- All weights and biases, as one list of nested tables.
local function values(net)
  local all = {}
  for layer = 1, #net:sizes() - 1 do
    all[#all + 1] = net:weight(layer):totable()
    all[#all + 1] = net:bias(layer):totable()
  end
  return all
end

describe("networks", function()
  after_each(function() core.end_step() end)

  it("compute what their weights say", function()
    local net = core.mlp({ 2, 2, 1 }, 0, true)
    net:weight(1):copy({ { 1, 2 }, { -1, 1 } })
    net:bias(1):copy({ 0.5, -0.25 })
    net:weight(2):copy({ { 3, 4 } })
    net:bias(2):copy({ -1 })
    near({ 3 * 5.5 + 4 * 0.75 - 1, 3 * 1.5 - 1 }, net(core.tensor { { 1, 2 }, { 1, 0 } }):totable())
    local squashed = core.mlp({ 1, 1 }, 2)
    squashed:weight(1):fill(1)
    near({ { 2 * (1 - 2 / (math.exp(2) + 1)) } }, squashed(core.tensor { { 1 } }):totable())
  end)

  it("know their sizes and layers", function()
    local net = core.mlp({ 3, 5, 2 })
    assert.are.same({ 3, 5, 2 }, net:sizes())
    assert.are.same({ 5, 3 }, net:weight(1).shape)
    assert.are.same({ 2 }, net:bias(2).shape)
    assert.are.same({ 0, false, false, false }, { net:properties() })
    assert.are.same({ 2, true, true, false }, { core.mlp({ 3, 1 }, 2, true, true):properties() })
    refuses({ "no such layer" }, net.weight, net, 3)
    refuses({ "less than 1" }, net.bias, net, 0)
    refuses({ "number expected" }, net.weight, net)
    assert.are.same({ { { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } } }, { values(net)[1] })
  end)

  it("normalise their hidden layers where asked to", function()
    local net = core.mlp({ 2, 2, 1 }, 0, true, true)
    assert.are.same({ 1, 1 }, net:gain(1):totable())
    assert.are.same({ 0, 0 }, net:shift(1):totable())
    net:weight(1):copy { { 1, 0 }, { 0, 1 } }
    net:gain(1):copy { 2, 3 }
    net:shift(1):copy { 0.5, -1 }
    net:weight(2):copy { { 1, 10 } }
    -- (4, 2) about their mean: (1, -1) / sqrt(1 + 1e-5); (1, 7): (-3, 3) / sqrt(9 + 1e-5)
    near({ 2 / math.sqrt(1 + 1e-5) + 0.5, 10 * (9 / math.sqrt(9 + 1e-5) - 1) },
      net(core.tensor { { 4, 2 }, { 1, 7 } }):totable())
    refuses({ "the layer has no LayerNorm" }, net.gain, net, 2)
    refuses({ "the layer has no LayerNorm" }, net.shift, core.mlp({ 2, 2, 1 }), 1)
    refuses({ "no such layer" }, net.shift, net, 3)
    net(core.tensor { { 4, 2 }, { 1, 7 } }):sum():backward(net)
    near({ 1 / math.sqrt(1 + 1e-5), 10 * 3 / math.sqrt(9 + 1e-5) }, core.gradient_of(net, 1, "gain"):totable())
    near({ 1, 10 }, core.gradient_of(net, 1, "shift"):totable())
    refuses({ "the layer has no LayerNorm" }, core.gradient_of, net, 2, "gain")
  end)

  it("train, follow and are saved with their gains and shifts", function()
    local function normalised(seed)
      return tide.mlp({ inputs = 3, outputs = 1, hidden = { 8, 8 }, scalar = true, layer_norm = true }, core.rng(seed))
    end
    local net, target, x = normalised(1), normalised(2), core.rng(3):normal(16, 3)
    core.adam({ net }, 0.01):minimise(net(x):square():mean())
    for layer = 1, 2 do
      local most = 0 -- Adam's first step is its rate; a unit without a gradient stays
      for i = 1, 8 do most = math.max(most, math.abs(net:gain(layer):get(i) - 1)) end
      near(0.01, most, 1e-4)
      assert.are_not.same(core.zeros(8):totable(), net:shift(layer):totable())
    end
    target:polyak(net, 0.5)
    near((1 + net:gain(2):get(3)) / 2, target:gain(2):get(3))
    local loaded = tide.network.load_weights(normalised(4), tide.network.weights(net))
    assert.are.same(net(x):totable(), loaded(x):totable())
    local plain = tide.mlp({ inputs = 3, outputs = 1, hidden = { 8, 8 }, scalar = true }, core.rng(1))
    refuses({ "polyak: the source has LayerNorm, the target has none" }, plain.polyak, plain, net, 0.5)
    refuses({ "polyak: the target has LayerNorm, the source has none" }, net.polyak, net, plain, 0.5)
    refuses({ "q: layer0 has a LayerNorm, the network to load it into has none" }, tide.network.load_weights, plain,
      tide.network.weights(net), "q")
    refuses({ "q: layer0 has no gain" }, tide.network.load_weights, net, tide.network.weights(plain), "q")
  end)

  it("take their input in parts, of fewer rows too", function()
    local net, rng = network({ 5, 16, 2 }), core.rng(2)
    local a, b = rng:normal(6, 3), rng:normal(2, 2)
    local joined = core.concat_columns(a, b:repeat_rows(3))
    near(net(joined):totable(), net(a, b):totable(), 1e-5)
  end)

  it("are initialised reproducibly", function()
    for _, scheme in ipairs { "torch", "xavier", "orthogonal" } do
      local a, b = core.mlp({ 4, 6 }), core.mlp({ 4, 6 })
      a:init_layer(1, scheme, 1.0, core.rng(3))
      b:init_layer(1, scheme, 1.0, core.rng(3))
      assert.are.same(values(a), values(b))
      assert.are_not.same(values(a), values(core.mlp({ 4, 6 })))
    end
  end)

  it("follow another by Polyak averaging", function()
    local target, source = network({ 2, 3 }, 1), network({ 2, 3 }, 2)
    local before, towards = target:weight(1):totable(), source:weight(1):totable()
    target:polyak(source, 0.25)
    for i = 1, 3 do
      for j = 1, 2 do near(0.75 * before[i][j] + 0.25 * towards[i][j], target:weight(1):get(i, j)) end
    end
    target:polyak(source, 1)
    assert.are.same(values(source), values(target))
    refuses({ "polyak: the target's sizes are 2-3, the source's 3-2" }, target.polyak, target, core.mlp({ 3, 2 }), 1)
    refuses({ "tau is between 0 and 1" }, target.polyak, target, source, 1.5)
    refuses({ "tau is between 0 and 1" }, target.polyak, target, source, 0 / 0)
  end)

  it("get gradients only where those are wanted", function()
    local policy, critic = network({ 3, 8, 2 }, 1), network({ 5, 8, 1 }, 2)
    local x = core.rng(4):normal(7, 3)
    local loss = critic(x, policy(x)):mean()
    loss:backward(true, policy)
    assert.is_not_nil(core.gradient_of(policy, 1, "weight"))
    assert.is_nil(core.gradient_of(critic, 1, "weight"))
    loss:backward(critic)
    assert.are.same({ 8, 5 }, core.gradient_of(critic, 1, "weight").shape)
    assert.are.same({ 1 }, core.gradient_of(critic, 2, "bias").shape)
    near({ 1 }, core.gradient_of(critic, 2, "bias"):totable())
  end)

  it("get no gradient once frozen, but pass one through", function()
    local policy, critic = network({ 3, 8, 2 }, 1), network({ 5, 8, 1 }, 2)
    assert.are.equal(critic, critic:freeze())
    local x = core.rng(4):normal(7, 3)
    local loss = critic(x, policy(x)):mean()
    loss:backward()
    assert.is_not_nil(core.gradient_of(policy, 1, "weight"))
    assert.is_nil(core.gradient_of(critic, 1, "weight"))
    local alone = critic(core.zeros(7, 5)):mean()
    refuses({ "nothing trainable" }, alone.backward, alone)
  end)

  it("take part in losses with single weights", function()
    local net = network({ 2, 1 })
    local loss = net(core.tensor { { 1, 1 } }):sum() + net:weight(1):square():sum()
    loss:backward(net)
    local w = net:weight(1):totable()[1]
    near({ { 1 + 2 * w[1], 1 + 2 * w[2] } }, core.gradient_of(net, 1, "weight"):totable())
    near({ 1 }, core.gradient_of(net, 1, "bias"):totable())
  end)

  it("refuse what they cannot be", function()
    refuses({ "mlp", "1 to 16 linear layers" }, core.mlp, { 3 })
    refuses({ "1 to 16 linear layers" }, core.mlp, {})
    local long = {}
    for i = 1, 18 do long[i] = 1 end
    refuses({ "1 to 16 linear layers" }, core.mlp, long)
    refuses({ "sizes are positive integers" }, core.mlp, { 3, 0 })
    refuses({ "sizes are positive integers" }, core.mlp, { 3, -1 })
    refuses({ "sizes are positive integers" }, core.mlp, { 3, 1.5 })
    refuses({ "sizes are positive integers" }, core.mlp, { 3, {} })
    refuses({ "2^24" }, core.mlp, { 3, math.maxinteger })
    refuses({ "the system has no" }, core.mlp, { 1 << 24, 1 << 24 })
    refuses({ "1 output, not 2" }, core.mlp, { 3, 2 }, 0, true)
    refuses({ "tanh scale" }, core.mlp, { 3, 2 }, 0 / 0)
    refuses({ "number expected, got string" }, core.mlp, { 3, 2 }, "tanh")
    refuses({ "table expected" }, core.mlp, 3)
  end)

  it("refuse inputs that do not fit, by shapes", function()
    local net = core.mlp({ 5, 2 })
    refuses({ "mlp: input 1 has shape (5)", "(batch, dim)" }, net, core.zeros(5))
    refuses({ "4 columns together, the network takes 5" }, net, core.zeros(3, 4))
    refuses({ "input 2 has 4 rows, which do not divide the batch of 6" }, net, core.zeros(6, 3), core.zeros(4, 2))
    refuses({ "0 rows" }, net, core.zeros(0, 5))
    refuses({ "takes 1 to 8 tensors, not 0" }, net)
    refuses({ "takes 1 to 8 tensors, not 9" }, net, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    refuses({ "tide.tensor expected, got table" }, net, { 1, 2, 3, 4, 5 })
    refuses({ "input 1 has shape ()" }, net, 1)
    local old = core.zeros(1, 5) + 1
    core.end_step()
    refuses({ "training step that has ended" }, net, old)
  end)

  it("refuse wrong initialisation", function()
    local net = core.mlp({ 2, 2 })
    refuses({ "layer 2 of 1" }, net.init_layer, net, 2, "torch", 1, core.rng(1))
    refuses({ "invalid option 'kaiming'" }, net.init_layer, net, 1, "kaiming", 1, core.rng(1))
    refuses({ "gain" }, net.init_layer, net, 1, "xavier", 0 / 0, core.rng(1))
    refuses({ "tide.rng expected" }, net.init_layer, net, 1, "xavier", 1)
    refuses({ "tide.mlp expected" }, net.init_layer, core.rng(1), 1, "xavier", 1, core.rng(1))
  end)

  it("cannot be closed, not even by the method of another class", function()
    local net, adam = network({ 2, 1 }), core.adam({ core.parameter(1) }, 1)
    assert.is_nil(net.close)
    local loss = net(core.zeros(1, 2)):sum()
    refuses({ "can be closed" }, adam.close, net)
    refuses({ "can be closed" }, adam.close, core.zeros(1))
    refuses({ "can be closed" }, adam.close, io.stdout)
    refuses({ "can be closed" }, adam.close, 1)
    assert.has_error(function()
      local x <close> = net -- luacheck: ignore x
    end)
    assert.is_false(getmetatable(net))
    loss:backward(net)
  end)

  it("are kept by what reads them: steps, parameters, optimisers", function()
    local loss, weight, adam
    do
      local net = network({ 2, 4, 1 })
      loss, weight, adam = net(core.zeros(3, 2)):sum(), net:weight(1), core.adam({ net }, 0.1)
    end
    collectgarbage()
    collectgarbage()
    assert.are.same({ 4, 2 }, weight.shape)
    weight:fill(1)
    refuses({ "changed after the loss" }, loss.backward, loss)
    core.end_step()
    collectgarbage()
    assert.are.equal(1, weight:get(4, 2))
    adam:step()
  end)
end)

describe("adam", function()
  after_each(function() core.end_step() end)

  it("minimises", function()
    local p = core.parameter(core.tensor { 3, -2 })
    local adam = core.adam({ p }, 0.05)
    for _ = 1, 500 do
      adam:minimise((p - core.tensor { 1, 2 }):square():sum())
      core.end_step()
    end
    near({ 1, 2 }, p:totable(), 1e-3)
  end)

  it("takes the textbook's first step", function()
    local p = core.parameter(1)
    local adam = core.adam({ p }, 0.1)
    adam:minimise(p * 7)
    near(0.9, p:item())
    assert.is_nil(core.gradient_of(p)) -- used up
  end)

  it("steps by collected gradients, and forgets them", function()
    local p = core.parameter(1)
    local adam = core.adam({ p }, 0.1)
    adam:step()
    near(1, p:item()) -- no gradient, no step
    local loss = p * 7
    loss:backward(adam)
    adam:forget()
    adam:step()
    near(1, p:item())
  end)

  it("continues with the same bits from its state", function()
    local function setup()
      local net = network({ 3, 8, 1 })
      return net, core.adam({ net }, 0.01)
    end
    local function step(net, adam, i)
      adam:minimise(net(core.rng(i):normal(4, 3)):square():mean())
      core.end_step()
    end
    local net, adam = setup()
    for i = 1, 3 do step(net, adam, i) end
    local kept, first, second, steps = values(net), adam:state()
    assert.are.same({ 3, 3 }, { steps, adam:steps() })
    for i = 4, 6 do step(net, adam, i) end
    local other, fresh = setup()
    for layer = 1, 2 do
      other:weight(layer):copy(kept[2 * layer - 1])
      other:bias(layer):copy(kept[2 * layer])
    end
    fresh:restore(first, second, steps)
    assert.are.equal(3, fresh:steps())
    for i = 4, 6 do step(other, fresh, i) end
    assert.are.same(values(net), values(other))
  end)

  it("refuses states that are none", function()
    local p = core.parameter(core.zeros(3))
    local adam = core.adam({ p }, 0.1)
    local zeros = core.zeros(3)
    refuses({ "first has shape (2), (3) is needed" }, adam.restore, adam, core.zeros(2), zeros, 0)
    refuses({ "second has shape (3, 1)" }, adam.restore, adam, zeros, core.zeros(3, 1), 0)
    refuses({ "less than 0" }, adam.restore, adam, zeros, zeros, -1)
    refuses({ "not finite" }, adam.restore, adam, core.zeros(3):fill(0 / 0), zeros, 1)
    refuses({ "-1 at place 1" }, adam.restore, adam, zeros, core.zeros(3):fill(-1), 1)
    assert.are.equal(0, select(3, adam:state()))
  end)

  it("changes and tells its rate", function()
    local adam = core.adam({ core.parameter(1) }, 0.1)
    assert.are.equal(0.1, adam:lr())
    assert.are.equal(0.01, adam:lr(0.01))
    for _, wrong in ipairs { 0, -1, 0 / 0, math.huge } do
      refuses({ "a learning rate is positive" }, adam.lr, adam, wrong)
    end
    assert.are.equal(0.01, adam:lr())
  end)

  it("leaves nothing half done by a loss that fails", function()
    local p, q = core.parameter(1), core.parameter(0)
    local adam = core.adam({ p, q }, 0.1)
    refuses({ "the loss is" }, adam.minimise, adam, (p / q))
    local steep = q:sqrt() + p -- an infinite slope at 0
    refuses({ "adam: a gradient of block 2 of 2 is not finite at step 1" }, adam.minimise, adam, steep)
    adam:step()
    near(1, p:item())
    near(0, q:item())
  end)

  it("refuses wrong parameters and rates", function()
    local p = core.parameter(1)
    refuses({ "adam: no parameters" }, core.adam, {}, 0.1)
    refuses({ "element 2 is no network and no parameter" }, core.adam, { p, core.zeros(1) }, 0.1)
    refuses({ "element 1 is no network and no parameter" }, core.adam, { core.adam({ p }, 1) }, 0.1)
    refuses({ "element 2 is no network" }, core.adam, { p, 5 }, 0.1)
    refuses({ "element 2 is no network" }, core.adam, { p, p * 2 }, 0.1)
    refuses({ "parameters 1 and 2 are the same" }, core.adam, { p, p }, 0.1)
    refuses({ "are not rates" }, core.adam, { p }, 0)
    refuses({ "are not rates" }, core.adam, { p }, 0.1, 1)
    refuses({ "are not rates" }, core.adam, { p }, 0 / 0)
    refuses({ "number expected, got no value" }, core.adam, { p })
    refuses({ "table expected" }, core.adam, p, 0.1)
    local many = {}
    for i = 1, 65 do many[i] = core.parameter(1) end
    refuses({ "too many parameters" }, core.adam, many, 0.1)
    near(1, p:item())
  end)

  it("can be closed, its parameters live on", function()
    local p = core.parameter(1)
    local adam = core.adam({ p }, 0.1)
    adam:close()
    adam:close()
    for _, f in ipairs { adam.step, adam.forget, adam.lr, adam.state } do
      refuses({ "tide.adam is closed" }, f, adam)
    end
    refuses({ "tide.adam is closed" }, adam.minimise, adam, p * 1)
    refuses({ "tide.adam is closed" }, (p * 1).backward, p * 1, adam)
    near(1, p:item())
  end)

  it("cannot be closed by a finaliser under a running call", function()
    local p = core.parameter(1)
    local adam = core.adam({ p }, 0.1)
    local message
    setmetatable({}, { __gc = function() message = select(2, pcall(adam.close, adam)) end })
    collectgarbage()
    assert.is_truthy(message:find("close: not from a finaliser", 1, true))
    adam:step()
  end)
end)

describe("products", function()
  it("tell and set their threads", function()
    local before = core.threads()
    assert.are.equal(1, core.threads(1))
    assert.are.equal(1, core.threads())
    refuses({ "0 is less than 1" }, core.threads, 0)
    refuses({ "between 1 and 64" }, core.threads, 65)
    core.threads(before)
    local library, kernel = core.blas()
    assert.is_truthy(library:find("OpenBLAS"))
    assert.is_true(#kernel > 0)
  end)

  it("are made by whom one says, with the same results but for the last bits", function()
    local before, net = core.products(), core.mlp { 23, 70, 70, 9 }
    local rng = core.rng(5, 0)
    for layer = 1, 3 do net:init_layer(layer, "torch", 0, rng) end
    local x, results = rng:normal(100, 23), {}
    for i, name in ipairs { "openblas", before } do
      assert.are.equal(name, core.products(name))
      results[i] = net(x):clone():totable()
    end
    for i, row in ipairs(results[1]) do
      for j, value in ipairs(row) do
        assert.is_true(math.abs(value - results[2][i][j]) < 1e-5, ("row %d, column %d"):format(i, j))
      end
    end
    refuses({ '"mkl" is not known', "avx512, avx2 and openblas" }, core.products, "mkl")
    assert.are.equal(before, core.products())
    core.end_step()
  end)

  it("in bfloat16 are near float32's, outputs and gradients", function()
    local before, possible = core.products(), pcall(core.mlp, { 3, 1 }, 0, true, false, true)
    core.products "openblas"
    refuses({ "bfloat16 needs a processor with AVX512_BF16, and products by avx512, not openblas" }, core.mlp, { 3, 1 },
      0, true, false, true)
    core.products(before)
    if not possible then return end
    local nets, rng = {}, core.rng(8, 0)
    for i = 1, 2 do nets[i] = core.mlp({ 23, 256, 256, 1 }, 0, true, false, i == 2) end
    for layer = 1, 3 do nets[1]:init_layer(layer, "torch", 0, rng) end
    nets[2]:polyak(nets[1], 1)
    local x, y, outputs = rng:normal(256, 23), rng:normal(256), {}
    for i, net in ipairs(nets) do
      local out = net(x)
      outputs[i] = out:clone():totable()
      tide.mse(out, y):backward(net)
    end
    local most, differ = 0, false
    for i, value in ipairs(outputs[1]) do
      most = math.max(most, math.abs(value - outputs[2][i]))
      differ = differ or value ~= outputs[2][i]
    end
    assert.is_true(differ)
    assert.is_true(most < 0.01, tostring(most))
    for layer = 1, 3 do
      local a, b = tide.gradient_of(nets[1], layer, "weight"), tide.gradient_of(nets[2], layer, "weight")
      local along = (a * b):sum():item() / math.sqrt(a:square():sum():item() * b:square():sum():item())
      assert.is_true(along > 0.995, ("layer %d: cosine %g"):format(layer, along))
      assert.is_true(along < 1, "layer " .. layer)
    end
    core.end_step()
  end)

  it("run for the benchmark", function()
    assert.are.same({ 3, 4 }, core.product(3, 4, 5, 2).shape)
    refuses({ "less than 1" }, core.product, 0, 1, 1, 1)
    refuses({ "makes more elements than memory holds" }, core.product, 1 << 31, 1, 1, 1)
    core.end_step()
  end)
end)
