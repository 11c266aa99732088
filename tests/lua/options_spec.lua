local options = require "tide.options"

describe("options", function()
  local defaults = { beta = 0.01, hidden = { 256, 256 }, entropy = "auto", lagrange = false,
                     sim = { env = "", gap = false } }

  it("merge keeps defaults and takes what is given", function()
    local merged = options.merge(defaults, { beta = 0.1, sim = { env = "HalfCheetah" } }, "test")
    assert.are.same({ beta = 0.1, hidden = { 256, 256 }, entropy = "auto", lagrange = false,
                      sim = { env = "HalfCheetah", gap = false } }, merged)
  end)

  it("merge never shares tables with the defaults", function()
    local merged = options.merge(defaults, {}, "test")
    merged.hidden[1], merged.sim.env = 1, "other"
    assert.are.equal(256, defaults.hidden[1])
    assert.are.equal("", defaults.sim.env)
  end)

  it("a list is replaced as a whole", function()
    assert.are.same({ 64 }, options.merge(defaults, { hidden = { 64 } }, "test").hidden)
  end)

  it("an unknown name is refused with the nearest one", function()
    local ok, problem = pcall(options.merge, defaults, { betta = 1 }, "h2o")
    assert.is_false(ok)
    assert.are.equal("h2o: unknown 'betta'; nearest: beta", problem)
    ok, problem = pcall(options.merge, defaults, { sim = { gab = 1 } }, "h2o")
    assert.is_false(ok)
    assert.are.equal("h2o.sim: unknown 'gab'; nearest: gap", problem)
  end)

  it("a name that resembles none gets the list of all", function()
    local _, problem = pcall(options.merge, { beta = 1, tau = 2 }, { zzzzzzzzzz = 1 }, "h2o")
    assert.are.equal("h2o: unknown 'zzzzzzzzzz'; there are: beta, tau", problem)
  end)

  it("a value of another type is refused, but for auto and false", function()
    assert.has_error(function() options.merge(defaults, { beta = "much" }, "h2o") end,
      "h2o.beta: a number is needed, not a string")
    assert.are.equal(-3, options.merge(defaults, { entropy = -3 }, "h2o").entropy)
    assert.are.equal(2.0, options.merge(defaults, { lagrange = 2.0 }, "h2o").lagrange)
  end)

  describe("set", function()
    local tree
    before_each(function() tree = options.copy(defaults) end)

    it("reaches any value by its path", function()
      options.set(tree, "beta=0.5", "--set")
      options.set(tree, "sim.env=Hopper", "--set")
      options.set(tree, "hidden={64, 32}", "--set")
      options.set(tree, "sim.gap=gravity(2.0)", "--set")
      assert.are.same({ beta = 0.5, hidden = { 64, 32 }, entropy = "auto", lagrange = false,
                        sim = { env = "Hopper", gap = "gravity(2.0)" } }, tree)
    end)

    it("reaches an element of a list", function()
      options.set(tree, "hidden.2=128", "--set")
      assert.are.same({ 256, 128 }, tree.hidden)
    end)

    it("refuses an unknown path with the nearest names", function()
      assert.has_error(function() options.set(tree, "sim.enw=Hopper", "--set") end,
        "--set.sim: unknown 'enw'; nearest: env")
    end)

    it("refuses a value of another type and what is no assignment", function()
      assert.has_error(function() options.set(tree, "beta=big", "--set") end, "--set: beta is a number, 'big' is not")
      assert.has_error(function() options.set(tree, "beta", "--set") end, "--set: 'beta' is not of the form path=value")
    end)
  end)
end)
