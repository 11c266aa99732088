-- Policies: what each kind computes, what an optimiser reaches, and that a file gives the same actions back.
local core = require "tide.core"
local expect = require "support.expect"
local tide = require "tide"

local refused, near = expect.refused, expect.near
local S, A = 4, 2

local function make(name, more)
  return tide[name](S, A, { 16 }, core.rng(1), more)
end

local function normaliser()
  return { mean = core.tensor { 1, -2, 0.5, 0 }, std = core.tensor { 2, 0.5, 1, 4 } }
end

--- Every option that each kind takes.
local kinds = {
  policy = { {}, { scalars = true }, { tanh_scale = 2.0 }, { layer_norm = true } },
  deterministic_policy = { {}, { exploration_noise = 0.3 }, { layer_norm = true } },
  gaussian_policy = { {}, { layer_norm = true } },
}

describe("policies", function()
  local path = os.tmpname() .. ".h5"
  teardown(function()
    os.remove(path)
    os.remove((path:gsub("%.h5$", "")))
  end)
  after_each(function() core.end_step() end)

  for name, choices in pairs(kinds) do
    describe(name, function()
      it("saved and loaded acts as before, to the bit", function()
        for _, more in ipairs(choices) do
          for normalised = 0, 1 do
            more.normaliser = normalised == 1 and normaliser() or nil
            local policy, observation = make(name, more), core.rng(2):normal(S)
            if policy.log_std then policy.log_std:copy { -1, 0.5 } end
            if more.layer_norm then policy.net:gain(1):copy(core.rng(3):normal(16)) end
            if policy.scalars then policy.scalars:copy { 0.5, -2 } end
            tide.save_policy(path, policy, { env = "HalfCheetah" })
            local loaded, about = tide.load_policy(path, 7)
            assert.are.equal("HalfCheetah", about.env)
            assert.are.same(policy:act(observation, "mean"):totable(), loaded:act(observation, "mean"):totable())
            policy.rng = core.rng(7)
            assert.are.same(policy:act(observation, "sample"):totable(), loaded:act(observation, "sample"):totable())
            assert.are.same(policy:export().kind, loaded:export().kind)
            core.end_step()
          end
        end
      end)

      it("normalises observations inside", function()
        local plain, inside = make(name), make(name, { normaliser = normaliser() })
        local observations = core.rng(2):normal(3, S)
        local outside = (observations - normaliser().mean) / normaliser().std
        assert.are.same(plain:mean(outside):totable(), inside:mean(observations):totable())
        assert.are.same(outside:totable(), inside:normalise(observations):totable())
        assert.are.same(observations:totable(), plain:normalise(observations):totable())
      end)

      it("keeps its normaliser when the given tensors change", function()
        local given = normaliser()
        local policy, observations = make(name, { normaliser = given }), core.rng(2):normal(1, S)
        local before = policy:mean(observations):totable()
        given.mean:fill(9)
        policy:export().normaliser.std:fill(9)
        assert.are.same(before, policy:mean(observations):totable())
      end)

      it("acts within the bounds, without recording", function()
        local policy = make(name, name == "deterministic_policy" and { exploration_noise = 2.0 } or nil)
        if policy.log_std then policy.log_std:fill(1.5) end
        for i = 1, 20 do
          local action = policy:act(core.rng(i):normal(S), "sample")
          for _, x in ipairs(action:totable()) do assert.is_true(x >= -1 and x <= 1) end
          refused("nothing trainable", action.backward, action:sum())
        end
        assert.is_true(core.set_recording(true))
      end)

      it("leaves recording on when an observation does not fit", function()
        local policy = make(name)
        refused("reshape", policy.act, policy, core.zeros(S + 1), "mean")
        assert.is_true(core.set_recording(true))
      end)

      it("refuses normalisers that are none, and options it does not know", function()
        local std = core.tensor { 1, 1, 0, 1 }
        refused("normaliser.std is 0 in dimension 3", make, name, { normaliser = { mean = core.zeros(S), std = std } })
        refused("normaliser.mean:", make, name, { normaliser = { mean = core.zeros(S + 1), std = core.zeros(S) } })
        refused("normaliser.std:", make, name, { normaliser = { mean = core.zeros(S) } })
        refused("unknown 'scalar_", make, name, { scalar_ = true })
      end)
    end)
  end

  it("refuse files that are no policies, by the file's name", function()
    local policy = require "tide.policy"
    local tree = make("gaussian_policy"):export()
    refused("a.h5: not a policy that Tide knows (kind nil)", policy.from, {}, core.rng(1), "a.h5")
    tree.log_std = { 1 }
    refused("a.h5: ", policy.from, tree, core.rng(1), "a.h5")
    tree = make("policy"):export()
    tree.net.layer1 = nil
    refused("a.h5: network: layer1 is missing", policy.from, tree, core.rng(1), "a.h5")
    tree.sizes = nil
    refused("a.h5: ", policy.from, tree, core.rng(1), "a.h5")
  end)

  it("a tanh-Gaussian's density of its own sample is the one that came with it", function()
    local policy = make("policy", { scalars = true, normaliser = normaliser() })
    local observations = core.rng(3):normal(5, S)
    local action, log_prob = policy:sample(observations)
    near(log_prob:totable(), policy:log_prob(observations, action):totable(), 1e-4)
    policy:log_prob(observations, action:detach()):mean():backward(table.unpack(policy:parameters()))
    assert.is_not_nil(core.gradient_of(policy.net, 1, "weight"))
    assert.is_not_nil(core.gradient_of(policy.scalars))
  end)

  it("a deterministic one is tanh of its network and lets a gradient through", function()
    local policy, observations = make("deterministic_policy"), core.rng(3):normal(5, S)
    local action = policy(observations)
    assert.are.same(action:totable(), policy:mean(observations):totable())
    assert.are.same(policy:act(observations:rows(1, 1):reshape(S), "mean"):totable(),
      policy:act(observations:rows(1, 1):reshape(S), "sample"):totable()) -- no noise unless asked for
    action:square():mean():backward(policy.net)
    assert.is_not_nil(core.gradient_of(policy.net, 1, "weight"))
    local flat = policy:mean(observations):sum()
    refused("nothing trainable", flat.backward, flat)
  end)

  it("a deterministic one explores with noise of the given std", function()
    local policy = make("deterministic_policy", { exploration_noise = 0.05 })
    local rows = core.rng(3):normal(1, S):repeat_rows(4000)
    local off = policy:sample(rows) - policy:mean(rows)
    near(0.05, off:std(), 0.002)
    near(0, off:mean():item(), 0.003)
  end)

  it("a Gaussian one draws what its density says", function()
    local policy = make("gaussian_policy")
    policy.log_std:copy { math.log(0.05), math.log(0.02) }
    local rows = core.rng(3):normal(1, S):repeat_rows(4000)
    local off = policy:sample(rows) - policy:mean(rows)
    near(0.05, off:columns(1, 1):std(), 0.002)
    near(0.02, off:columns(2, 2):std(), 0.001)
    local observation, half_log_2pi = core.rng(3):normal(1, S), math.log(2 * math.pi) / 2
    local mean = policy:mean(observation):totable()[1]
    local density = policy:log_prob(observation, core.tensor { { mean[1] + 0.05, mean[2] } }):item()
    near(-0.5 - 2 * half_log_2pi - math.log(0.05) - math.log(0.02), density, 1e-4)
  end)

  it("a Gaussian one learns its spread, held within [-5, 2]", function()
    local policy = make("gaussian_policy")
    local observations, actions = core.rng(3):normal(64, S), core.rng(4):uniform(-1, 1, 64, A)
    policy:log_prob(observations, actions):mean():backward(table.unpack(policy:parameters()))
    assert.is_true(core.gradient_of(policy.log_std):is_finite())
    assert.is_not_nil(core.gradient_of(policy.net, 2, "bias"))
    for outside, held in pairs { [-9] = -5, [7] = 2 } do
      policy.log_std:fill(outside)
      local far = policy:log_prob(observations, actions):totable()
      policy.log_std:fill(held)
      assert.are.same(policy:log_prob(observations, actions):totable(), far)
    end
  end)
end)

describe("targets", function()
  after_each(function() core.end_step() end)

  it("keep every property of their source, and compute the same", function()
    local rng = core.rng(1)
    local observations = rng:normal(5, S)
    for _, options in ipairs { { outputs = 3 }, { outputs = 3, tanh_scale = 2.0 }, { outputs = 1 },
                               { outputs = 1, scalar = true }, { outputs = 1, scalar = true, tanh_scale = 0.5 },
                               { outputs = 1, scalar = true, layer_norm = true } } do
      options.inputs, options.hidden = S, { 8, 8 }
      local net = tide.mlp(options, rng)
      local target = tide.target(net)
      assert.are.same({ net:properties() }, { target:properties() })
      local out = target(observations)
      assert.are.same(net(observations):totable(), out:totable())
      refused("nothing trainable", out.backward, out:sum())
      net:weight(1):fill(0)
      assert.are_not.same(net(observations):totable(), target(observations):totable())
    end
  end)
end)
