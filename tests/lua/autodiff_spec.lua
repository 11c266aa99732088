-- Tensors that compute, and what backward does with it, as scripts see it. The numbers of every op are tested in
-- tests/c/autodiff; here: that each function is bound to its op, its arguments and its errors.
local core = require "tide.core"
local expect = require "support.expect"

local refuses, near = expect.refused, expect.near

local nan, inf = 0 / 0, math.huge

--- d loss / d x by backward, x a tensor made trainable.
local function gradient(x, loss_of)
  local p = core.parameter(x)
  loss_of(p):backward(p)
  return core.gradient_of(p):totable()
end

describe("ops", function()
  local x
  before_each(function() x = core.tensor { { 1, -2, 3 }, { 0.5, 4, -1 } } end)
  after_each(function() core.end_step() end)

  it("calculate with tensors and numbers on either side", function()
    local y = core.tensor { 2, 4, -8 }
    near({ { 3, 2, -5 }, { 2.5, 8, -9 } }, (x + y):totable())
    near({ { -1, -6, 11 }, { -1.5, 0, 7 } }, (x - y):totable())
    near({ { 2, -8, -24 }, { 1, 16, 8 } }, (x * y):totable())
    near({ { 0.5, -0.5, -0.375 }, { 0.25, 1, 0.125 } }, (x / y):totable())
    near({ { -1, 2, -3 }, { -0.5, -4, 1 } }, (-x):totable())
    near({ 3, 5, -7 }, (y + 1):totable())
    near({ 3, 5, -7 }, (1 + y):totable())
    near({ 1, 3, -9 }, (y - 1):totable())
    near({ -1, -3, 9 }, (1 - y):totable())
    near({ 6, 12, -24 }, (3 * y):totable())
    near({ 6, 12, -24 }, (y * 3):totable())
    near({ 1, 2, -4 }, (y / 2):totable())
    near({ 4, 2, -1 }, (8 / y):totable())
    near({ { 1, -2, -8 }, { 0.5, 4, -8 } }, core.min(x, y):totable())
    near({ { 2, 4, 3 }, { 2, 4, -1 } }, x:max(y):totable())
    near({ 2, 3, -8 }, core.min(y, 3):totable())
    near({ 3, 4, 3 }, core.max(3, y):totable())
  end)

  it("apply functions, as functions and as methods", function()
    local y = core.tensor { 0.25, 1, 4 }
    local function logistic(v) return 1 / (1 + math.exp(-v)) end
    for name, f in pairs {
      exp = math.exp, log = math.log, sqrt = math.sqrt, square = function(v) return v * v end,
      tanh = function(v) return 1 - 2 / (math.exp(2 * v) + 1) end, relu = function(v) return v end,
      sigmoid = logistic, softplus = function(v) return math.log(1 + math.exp(v)) end, abs = math.abs,
    } do
      local expected = { f(0.25), f(1), f(4) }
      near(expected, core[name](y):totable())
      near(expected, y[name](y):totable())
    end
    near({ 0, 0, 3 }, core.tensor({ -2, 0, 3 }):relu():totable())
    near({ 2, 0, 3 }, core.tensor({ -2, 0, 3 }):abs():totable())
    near({ -1, 0.5, 2 }, core.tensor({ -7, 0.5, 9 }):clamp(-1, 2):totable())
    near({ -7, 0.5, 2 }, core.tensor({ -7, 0.5, 9 }):clamp(nil, 2):totable())
    near({ -1, 0.5, 9 }, core.clamp(core.tensor { -7, 0.5, 9 }, -1):totable())
  end)

  it("reduce over everything or over one axis", function()
    near(5.5, x:sum():item())
    near({ 1.5, 2, 2 }, x:sum(1):totable())
    near({ 2, 3.5 }, core.sum(x, 2):totable())
    near(5.5 / 6, core.mean(x):item())
    near({ 2 / 3, 3.5 / 3 }, x:mean(2):totable())
    near({ math.log(math.exp(1) + math.exp(-2) + math.exp(3)), math.log(math.exp(0.5) + math.exp(4) + math.exp(-1)) },
      x:logsumexp(2):totable())
    near(math.sqrt(2.5), core.tensor({ 1, 2, 3, 4, 5 }):std())
    near(math.sqrt(2.5), core.std(core.tensor { 1, 2, 3, 4, 5 }))
  end)

  it("make losses", function()
    local y, w = core.zeros(2, 3), core.tensor { { 1, 0, 0 }, { 2, 0, 0 } }
    near((1 + 4 + 9 + 0.25 + 16 + 1) / 6, core.mse(x, y):item())
    near(1.5 / 6, x:mse(y, w):item())
    near((0.5 + 1.5 + 2.5 + 0.125 + 3.5 + 0.5) / 6, core.huber(x, y):item())
    near((0.375 + 2 * 0.125) / 6, x:huber(y, 0.5, w):item())
    local v = core.tensor { 1, -2 }
    near((0.9 * 4 + 0.1 * 1) / 2, core.expectile(v, core.tensor { 3, -3 }, 0.9):item())
    near((0.9 * 4 * 0.5 + 0.1 * 1 * 2) / 2, v:expectile(core.tensor { 3, -3 }, 0.9, core.tensor { 0.5, 2 }):item())
    local logits = core.tensor { { 0, 0 }, { 0, math.log(3) } }
    near({ math.log(2), math.log(4 / 3) }, core.cross_entropy(logits, core.tensor { 1, 2 }):totable())
  end)

  it("find and take one element of each row", function()
    near({ 3, 2 }, x:argmax():totable())
    near({ 3, 4 }, x:pick(core.argmax(x)):totable())
    near({ 1, -1 }, core.pick(x, core.tensor { 1, 3 }):totable())
  end)

  it("take parts, repeat and join", function()
    near({ { 0.5, 4, -1 } }, x:rows(2, 2):totable())
    near({ { -2, 3 }, { 4, -1 } }, core.columns(x, 2, 3):totable())
    near({ { 1, -2 }, { 3, 0.5 }, { 4, -1 } }, x:reshape(3, 2):totable())
    near({ 1, 1, 2, 2 }, core.tensor({ 1, 2 }):repeat_rows(2):totable())
    near({ 1, 2, 3 }, core.concat_rows(core.tensor { 1, 2 }, core.tensor { 3 }):totable())
    near({ { 1, 3, 4 }, { 2, 5, 6 } },
      core.concat_columns(core.tensor { { 1 }, { 2 } }, core.tensor { { 3, 4 }, { 5, 6 } }):totable())
    assert.are.same({ 0, 3 }, x:rows(1, 0).shape)
    near({ { 1, -2, 3 }, { 0.5, 4, -1 } }, x:detach():totable())
  end)

  it("sample tanh-Gaussian policies", function()
    local head, noise = core.tensor { { 0.5, -1, 0, math.log(2) } }, core.tensor { { 1, -0.5 } }
    local action, log_prob = core.tanh_gaussian(head, noise)
    local function tanh(v) return 1 - 2 / (math.exp(2 * v) + 1) end
    near({ { tanh(1.5), tanh(-2) } }, action:totable())
    local expected = 0
    for _, dim in ipairs { { 1.5, 1, 0 }, { -2, -0.5, math.log(2) } } do
      local v, z, log_std = table.unpack(dim)
      expected = expected - z * z / 2 - log_std - math.log(2 * math.pi) / 2 - math.log(1 - tanh(v) ^ 2)
    end
    near({ expected }, log_prob:totable())
    local scalars = core.tensor { 0, math.log(3) } -- multiplier 0: std 3 for all
    near({ { tanh(3.5), tanh(-2.5) } }, core.tanh_gaussian(head, noise, scalars):totable())
    near({ { tanh(0.5), tanh(-1) } }, core.tanh_mean(head):totable())
  end)

  it("give the density of actions that were not sampled", function()
    local head, actions = core.tensor { { 0.5, -1, 0, math.log(2) } }, core.tensor { { 0.25, -0.75 } }
    local half_log_2pi, expected, clamped = math.log(2 * math.pi) / 2, 0, 0
    for _, dim in ipairs { { 0.25, 0.5, 0 }, { -0.75, -1, math.log(2) } } do
      local a, mean, log_std = table.unpack(dim)
      local jacobian = math.log(1 - a * a)
      local distance = 0.5 * math.log((1 + a) / (1 - a)) - mean
      expected = expected - (distance / math.exp(log_std)) ^ 2 / 2 - log_std - half_log_2pi - jacobian
      clamped = clamped - (distance / math.exp(2)) ^ 2 / 2 - 2 - half_log_2pi - jacobian
    end
    near({ expected }, core.tanh_gaussian_log_prob(head, actions):totable())
    near({ clamped }, core.tanh_gaussian_log_prob(head, actions, core.tensor { 0, 5 }):totable())
    local bounds = core.tanh_gaussian_log_prob(head, core.tensor { { 1, -1 } })
    near(core.tanh_gaussian_log_prob(head, core.tensor { { 1 - 1e-6, -1 + 1e-6 } }):totable(), bounds:totable())
    assert.is_true(bounds:is_finite())
    local given, mean = core.tensor { { 1, 2 }, { 0, 0 } }, core.tensor { { 0, 2 }, { 3, -1 } }
    near({ -0.5 - 2 * half_log_2pi - math.log(2), -4.5 - 1 / 8 - 2 * half_log_2pi - math.log(2) },
      core.gaussian_log_prob(mean, core.tensor { 0, math.log(2) }, given):totable())
    near({ -0.5 - 2 * half_log_2pi, -(9 + 1) / 4 / 2 - 2 * half_log_2pi - 2 * math.log(2) },
      core.gaussian_log_prob(mean, core.tensor { { 0, 0 }, { math.log(2), math.log(2) } }, given):totable())
  end)

  it("refuse shapes that do not go together, by function and shapes", function()
    local y = core.zeros(4)
    refuses({ "add: shapes (2, 3) and (4)" }, function() return x + y end)
    refuses({ "subtract: shapes (4) and (2, 3)" }, function() return y - x end)
    refuses({ "multiply: shapes" }, function() return x * y end)
    refuses({ "divide: shapes" }, function() return x / y end)
    refuses({ "min: shapes (2, 3) and (4)" }, core.min, x, y)
    refuses({ "max: shapes (2, 3) and (4)" }, x.max, x, y)
    refuses({ "add: shapes (4) and (4, 1)" }, function() return y + core.zeros(4, 1) end)
    refuses({ "mse: the prediction has shape (2, 3), the target (4)" }, core.mse, x, y)
    refuses({ "huber", "the weights (4)" }, core.huber, x, x, 1, y)
    refuses({ "sum: axis 3 of shape (2, 3)" }, x.sum, x, 3)
    refuses({ "axes are 1, 2 and 3" }, x.sum, x, 0)
    refuses({ "axes are 1, 2 and 3" }, core.mean, x, -1)
    refuses({ "logsumexp: no elements in shape (0)" }, core.logsumexp, core.zeros(0))
    refuses({ "rows: 2 .. 3 of shape (2, 3)" }, x.rows, x, 2, 3)
    refuses({ "columns: 1 .. 9223372036854775807 of shape (2, 2)" }, core.columns, core.zeros(2, 2), 1, math.maxinteger)
    refuses({ "less than 1" }, x.rows, x, 0, 1)
    refuses({ "the last is before the first" }, x.rows, x, 2, 0)
    refuses({ "reshape: (2, 3) has other elements than (4)" }, x.reshape, x, 4)
    refuses({ "makes more elements than memory holds" }, x.repeat_rows, x, math.maxinteger)
    refuses({ "concat_rows", "(2, 3) and (4)" }, core.concat_rows, x, y)
    refuses({ "concat_columns", "(2, 3) and (4)" }, core.concat_columns, x, y)
    refuses({ "tanh_gaussian", "(2, 3)" }, core.tanh_gaussian, x, x)
    refuses({ "tanh_gaussian_log_prob", "(2, 3)" }, core.tanh_gaussian_log_prob, x, x)
    refuses({ "gaussian_log_prob: log_std has shape (4); (2, 3) or (3)" }, core.gaussian_log_prob, x, y, x)
    refuses({ "expectile: the prediction has shape (2, 3), the target (4)" }, core.expectile, x, y, 0.7)
    refuses({ "std", "(1)" }, core.std, core.zeros(1))
    refuses({ "cross_entropy", "logits (2, 3) and labels (3)" }, core.cross_entropy, x, core.tensor { 1, 1, 1 })
    refuses({ "pick", "positions (3) of shape (2, 3)" }, core.pick, x, core.tensor { 1, 1, 1 })
    refuses({ "argmax", "shape (3)" }, core.argmax, core.tensor { 1, 1, 1 })
  end)

  it("refuse arguments of the wrong kind, by function and argument", function()
    refuses({ "'add'", "#2", "tide.tensor expected, got string" }, function() return x + "1" end)
    refuses({ "tide.tensor expected, got nil" }, function() return x + nil end)
    refuses({ "tide.tensor expected, got table" }, function() return x * {} end)
    refuses({ "'exp'", "tide.tensor expected, got no value" }, function() core.exp() end)
    refuses({ "'clamp'", "#2", "number expected, got table" }, function() core.clamp(x, {}) end)
    refuses({ "clamp: the lower end 2 is above the upper 1" }, x.clamp, x, 2, 1)
    refuses({ "clamp: the lower end" }, x.clamp, x, nan)
    refuses({ "huber: a threshold of -1" }, core.huber, x, x, -1)
    refuses({ "expectile: tau is 1; it is between 0 and 1" }, core.expectile, x, x, 1)
    refuses({ "'expectile'", "#3", "number expected" }, function() core.expectile(x, x) end)
    refuses({ "tide.tensor expected" }, core.concat_rows, { x })
    refuses({ "concat_rows" }, core.concat_rows)
    local many = {}
    for i = 1, 33 do many[i] = x end
    refuses({ "concat", "33 tensors, at most 32" }, core.concat_rows, table.unpack(many))
    for _, label in ipairs { 0, 4, 1.5, nan, -inf } do
      refuses({ "cross_entropy: label 2 is", "classes are 1 to 3" }, core.cross_entropy, x, core.tensor { 1, label })
      refuses({ "pick: position 2 is", "positions are 1 to 3" }, core.pick, x, core.tensor { 1, label })
    end
    refuses({ "'rows'", "number expected" }, function() x:rows("a", 2) end)
    assert.has_error(function() return x < x end)
    assert.has_error(function() return x .. x end)
  end)

  it("pass NaN on", function()
    local odd = core.tensor { nan, 1 }
    for _, name in ipairs { "exp", "log", "sqrt", "square", "tanh", "relu", "sigmoid", "softplus", "abs", "sum", "mean",
      "logsumexp" } do
      assert.is_false(core[name](odd):is_finite(), name)
    end
    assert.is_false(odd:clamp(-1, 1):is_finite())
    assert.is_false(core.min(odd, core.tensor { 1, 1 }):is_finite())
    assert.is_false(core.max(core.tensor { 1, 1 }, odd):is_finite())
  end)
end)

describe("backward", function()
  after_each(function() core.end_step() end)

  it("gives the gradient of what was computed", function()
    near({ 2, -4, 6 }, gradient(core.tensor { 1, -2, 3 }, function(p) return p:square():sum() end))
    near({ 3, 3 }, gradient(core.tensor { 1, 2 }, function(p) return (3 * p - 1):sum() end))
    near({ 0.5, 0.25 }, gradient(core.tensor { 1, 2 }, function(p) return p:log():mean() end))
    near({ 1, 0 }, gradient(core.tensor { 1, 2 }, function(p) return p:rows(1, 1):sum() end))
    local scalar = core.parameter(2)
    local loss = (scalar * core.tensor { 1, 2, 3 }):sum()
    loss:backward(scalar)
    near(6, core.gradient_of(scalar):item())
  end)

  it("stops at detached values", function()
    near({ 1, 2 }, gradient(core.tensor { 1, 2 }, function(p) return (p * p:detach()):sum() end))
    local p = core.parameter(core.tensor { 1 })
    refuses({ "nothing trainable leads to this loss" }, p.backward, p:detach():sum())
  end)

  it("adds up until a step uses it, and nil is where none came", function()
    local p, q = core.parameter(1), core.parameter(1)
    assert.is_nil(core.gradient_of(p))
    for i = 1, 3 do
      (p * 5):backward(p)
      near(5 * i, core.gradient_of(p):item())
    end
    assert.is_nil(core.gradient_of(q))
  end)

  it("walks a graph twice only if it was kept", function()
    local p = core.parameter(3)
    local loss = p * p
    loss:backward(true, p)
    loss:backward(p)
    near(12, core.gradient_of(p):item())
    refuses({ "backward", "walked already", "retain" }, loss.backward, loss, p)
  end)

  it("refuses losses that are no losses", function()
    local p = core.parameter(core.tensor { 1, 2 })
    refuses({ "backward: a loss has one element, this has shape (2)" }, p.backward, p * 2, p)
    refuses({ "the loss is -nan" }, p.backward, p:sum() * nan, p)
    refuses({ "the loss is inf" }, p.backward, p:sum() * inf, p)
    refuses({ "nothing trainable" }, p.backward, core.tensor(1), p)
    refuses({ "none of the wanted parameters" }, p.backward, p:sum(), core.parameter(1))
    refuses({ "a network, an optimiser or a parameter is needed" }, p.backward, p:sum(), core.tensor(1))
    refuses({ "a network, an optimiser or a parameter is needed" }, p.backward, p:sum(), {})
    assert.is_nil(core.gradient_of(p))
  end)

  it("refuses numbers that were overwritten after the loss was computed", function()
    local p, data = core.parameter(core.tensor { 1, 2 }), core.tensor { 3, 4 }
    local loss = (p * data):sum()
    data:set(1, 5)
    refuses({ "backward", "overwritten" }, loss.backward, loss, p)
    loss = (p * data):sum()
    p:fill(0)
    refuses({ "backward", "after the loss was computed" }, loss.backward, loss, p)
    local hidden = p:exp()
    loss = hidden:sum()
    hidden:detach():fill(0) -- the same memory
    refuses({ "backward", "overwritten" }, loss.backward, loss, p)
    loss = (p + data):sum() -- needs no numbers
    data:fill(7)
    loss:backward(p)
    near({ 1, 1 }, core.gradient_of(p):totable())
  end)

  it("records nothing while recording is off", function()
    local p = core.parameter(1)
    assert.is_true(core.set_recording(false))
    local loss = p * 2
    assert.is_false(core.set_recording(true))
    refuses({ "nothing trainable" }, loss.backward, loss, p)
  end)

  it("survives a graph of thousands of records", function()
    local p = core.parameter(core.tensor { 1, 1 })
    local sum = p * 0
    for _ = 1, 20000 do sum = sum + p end
    collectgarbage()
    sum:mean():backward(p)
    near({ 10000, 10000 }, core.gradient_of(p):totable())
  end)

  it("is unharmed by a step that wanted more memory than there is", function()
    local p = core.parameter(core.tensor { 1, 1 })
    local loss = (p * p):sum()
    local row = core.zeros(1, 1024)
    refuses({ "arena", "wants 274877906944 more", "the limit is" }, row.repeat_rows, row, 1 << 26)
    loss:backward(p)
    near({ 2, 2 }, core.gradient_of(p):totable())
  end)
end)
