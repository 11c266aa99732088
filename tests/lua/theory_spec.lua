--- The paper's theory, on tables: H2O's policy evaluation is Bellman's with the reward r - nu (docs/theory.md).
local expect = require "support.expect"
local files = require "support.files"
local program = require "support.program"
local tabular = require "tide.tabular"
local tide = require "tide"

local beta, seeds = 0.1, { 1, 2, 3 }

--- f(process, rng) for a few random processes of 4 states and 2 actions; what fails names its seed.
local function each_process(options, f)
  options.states, options.actions, options.wrong = 4, 2, options.wrong or 3
  for _, seed in ipairs(seeds) do
    local rng = tide.rng(seed)
    local ok, problem = pcall(f, tabular.random(rng, options), rng)
    if not ok then error(("seed %d: %s"):format(seed, tostring(problem)), 0) end
  end
end

local function random_distribution(rng, n)
  local list, sum = {}, 0
  for k = 1, n do
    list[k] = rng:number()
    sum = sum + list[k]
  end
  for k = 1, n do list[k] = list[k] / sum end
  return list
end

local function random_q(rng, n)
  local q = {}
  for k = 1, n do q[k] = rng:uniform(-2, 2) end
  return q
end

--- How far H2O's Q is from Bellman's with the reward r - nu, in `dynamics` or the real ones.
local function distance_to_adjusted(process, choice, dynamics)
  local found = tabular.h2o(process, choice)
  local nu = tabular.adjustment(process, choice, found.d_phi)
  return tabular.distance(found.q, tabular.evaluate_adjusted(process, nu, dynamics)), found, nu
end

describe("H2O's fixed point", function()
  it("is Bellman's with the reward r - nu, for any fixed d_phi", function()
    each_process({}, function(process, rng)
      for _, d_phi in ipairs { random_distribution(rng, process.pairs), tabular.omega(tabular.gap(process)) } do
        assert.is_true(distance_to_adjusted(process, { beta = beta, d_phi = d_phi }) < 1e-11)
      end
    end)
  end)

  it("is Bellman's with the reward r - nu where d_phi is the maximum's own, omega exp Q", function()
    for _, weight in ipairs { 0.01, 0.1, 2 } do
      each_process({}, function(process)
        assert.is_true(distance_to_adjusted(process, { beta = weight }) < 1e-11)
      end)
    end
  end)

  it("is told from the real Q, from half of nu and from Q in the simulator", function()
    each_process({}, function(process)
      local _, found, nu = distance_to_adjusted(process, { beta = beta })
      local half = {}
      for i = 1, process.pairs do half[i] = nu[i] / 2 end
      for _, other in ipairs { tabular.evaluate(process), tabular.evaluate_adjusted(process, half),
                               tabular.evaluate_adjusted(process, nu, process.sim) } do
        local distance = tabular.distance(found.q, other)
        assert.is_true(distance > 0.02, distance)
      end
    end)
  end)

  it("is where the objective's slope is 0, by central differences of the objective", function()
    each_process({}, function(process)
      local choice = { beta = beta, omega = tabular.omega(tabular.gap(process)) }
      local q = tabular.h2o(process, choice).q
      local v, step = tabular.values(process, q), 1e-4
      for i = 1, process.pairs do
        local kept = q[i]
        q[i] = kept + step
        local above = tabular.objective(process, q, v, choice)
        q[i] = kept - step
        local below = tabular.objective(process, q, v, choice)
        q[i] = kept
        assert.is_true(math.abs(above - below) / (2 * step) < 1e-8)
        assert.is_true(above > tabular.objective(process, q, v, choice))
      end
    end)
  end)

  it("is reached from anywhere, each iteration at least gamma times as near", function()
    each_process({}, function(process, rng)
      local choice = { beta = 1, omega = tabular.omega(tabular.gap(process)) }
      local near = tabular.h2o(process, choice)
      for _, offset in ipairs { -30, 30 } do
        choice.start = random_q(rng, process.pairs)
        for i = 1, process.pairs do choice.start[i] = choice.start[i] + offset end
        local far = tabular.h2o(process, choice)
        assert.is_true(tabular.distance(near.q, far.q) < 1e-11)
        local bound = math.log(1e-14 / 40) / math.log(process.discount)
        assert.is_true(far.iterations <= bound + 2, ("%d iterations, bound %g"):format(far.iterations, bound))
      end
    end)
  end)

  it("is the real Q with beta = 0 and the ratio, though half the data mislead; without the ratio it is not", function()
    each_process({}, function(process)
      local real = tabular.evaluate(process)
      assert.is_true(tabular.distance(real, tabular.h2o(process, { beta = 0 }).q) < 1e-11)
      assert.is_true(tabular.distance(real, tabular.h2o(process, { beta = 0, ratio = false }).q) > 0.02)
    end)
  end)

  it("is Bellman's in what the data amount to where the ratio is clipped, left out or blind to a transition", function()
    local function check(process, choice)
      choice.beta = beta
      assert.is_true(distance_to_adjusted(process, choice, tabular.blend(process, choice)) < 1e-11)
      assert.is_true(distance_to_adjusted(process, choice) > 1e-3) -- in the real dynamics it is not
    end
    each_process({}, function(process) check(process, { clip = { 1e-5, 1 } }) end)
    each_process({}, function(process) check(process, { ratio = false }) end)
    each_process({ wrong = 2, blind = 1 }, function(process) check(process, {}) end)
  end)
end)

describe("nu", function()
  it("is positive where d_phi is above d_D, negative where the simulator is right, and what Q itself lacks", function()
    local above = 0
    each_process({}, function(process)
      local _, found, nu = distance_to_adjusted(process, { beta = beta })
      local u, backup = tabular.gap(process), tabular.backup(process, found.q)
      for i = 1, process.pairs do
        local lacks = backup[i] - found.q[i] -- r + gamma P Q - Q, no formula
        expect.near(nu[i], lacks, 1e-11)
        if u[i] == 0 then assert.is_true(lacks < 0) end
        if found.d_phi[i] > process.d_real[i] then
          assert.is_true(u[i] > 0 and lacks > 0)
          above = above + 1
        end
      end
    end)
    assert.is_true(above >= 2 * #seeds, above)
  end)
end)

describe("the ratio P / P^", function()
  local function means(process, choice)
    return tabular.ratio_mean(process, tabular.ratio(process, choice))
  end

  it("has mean 1 under P^ where P^ can reach all that P can, and less where it cannot", function()
    each_process({ wrong = 3, blind = 2 }, function(process)
      local blind = 0
      for i, mean in ipairs(means(process)) do
        local reached = 0
        for s = 1, process.states do reached = reached + (process.sim[i][s] > 0 and process.real[i][s] or 0) end
        expect.near(reached, mean, 1e-12)
        if reached < 1 - 1e-9 then
          blind = blind + 1
          assert.is_true(mean < 0.9)
        end
      end
      assert.are.equal(2, blind)
    end)
  end)

  it("clipped at 1 has mean 1 less the total variation between P and P^", function()
    each_process({}, function(process)
      for i, mean in ipairs(means(process, { clip = { 0, 1 } })) do
        local variation = 0
        for s = 1, process.states do variation = variation + math.abs(process.real[i][s] - process.sim[i][s]) / 2 end
        expect.near(1 - variation, mean, 1e-12)
      end
    end)
  end)
end)

describe("the inner maximum", function()
  it("is ln sum omega exp Q, attained by omega exp(Q) / sum and by no other distribution", function()
    each_process({}, function(process, rng)
      local omega, q = tabular.omega(tabular.gap(process)), random_q(rng, process.pairs)
      local function value(d) -- sum d Q - KL(d || omega)
        local sum = 0
        for i = 1, process.pairs do
          if d[i] > 0 then sum = sum + d[i] * (q[i] - math.log(d[i] / omega[i])) end
        end
        return sum
      end
      local most, d_phi = tabular.soft_max(omega, q)
      expect.near(value(d_phi), most, 1e-12)
      for _ = 1, 20 do
        local other = tabular.omega(omega, random_distribution(rng, process.pairs)) -- 0 where omega is
        assert.is_true(value(other) < most - 1e-6)
      end
    end)
  end)

  it("leans on u: KL(P^ || P), 0 where the simulator is right", function()
    local process = tabular.process {
      rewards = { 0, 0, 0, 0 }, discount = 0.5, policy = { { 0.5, 0.5 }, { 0.5, 0.5 } },
      real = { { 0.5, 0.5 }, { 0.25, 0.75 }, { 0, 1 }, { 0.5, 0.5 } },
      sim = { { 0.25, 0.75 }, { 0.25, 0.75 }, { 0.5, 0.5 }, { 1, 0 } },
      d_real = { 0.25, 0.25, 0.25, 0.25 }, d_sim = { 0.25, 0.25, 0.25, 0.25 },
    }
    local u = tabular.gap(process)
    expect.near(0.25 * math.log(0.5) + 0.75 * math.log(1.5), u[1], 1e-12)
    assert.are.equal(0, u[2])
    assert.are.equal(math.huge, u[3])
    expect.near(math.log(2), u[4], 1e-12)
    expect.near({ 0.2, 0, 0.8 }, tabular.omega { 1, 0, 4 }, 1e-12)
    expect.near({ 0.5, 0, 0.5 }, tabular.omega({ 1, 0, 4 }, { 0.8, 0, 0.2 }), 1e-12)
    expect.near({ 0.5, 0.5 }, tabular.omega { 0, 0 }, 1e-12)
  end)
end)

describe("the agent h2o", function()
  --- D and B as rows whose frequencies are the process's own: 4 pairs, all probabilities multiples of 1/4 and 1/8.
  local process = tabular.process {
    rewards = { 0.9, 0.2, 0.5, -0.4 }, discount = 0.75, policy = { { 0.25, 0.75 }, { 0.5, 0.5 } },
    real = { { 0.5, 0.5 }, { 0.25, 0.75 }, { 0.75, 0.25 }, { 0.25, 0.75 } },
    sim = { { 0.25, 0.75 }, { 0.25, 0.75 }, { 0.25, 0.75 }, { 0.75, 0.25 } },
    d_real = { 0.25, 0.125, 0.5, 0.125 }, d_sim = { 0.375, 0.25, 0.125, 0.25 },
  }

  --- The gradient of the agent's own critic loss, of a critic that is a table, at q.
  local function agent_gradient(q, weight)
    local table_q, v = tide.parameter(tide.tensor(q)), tabular.values(process, q)
    local u = tabular.gap(process)
    local rows, targets, ratio, gaps, n_real = {}, {}, {}, {}, 0
    for part, half in ipairs { { process.d_real, process.real }, { process.d_sim, process.sim } } do
      for i = 1, process.pairs do
        for s = 1, process.states do
          for _ = 1, math.tointeger(32 * half[1][i] * half[2][i][s]) do
            local row = { 0, 0, 0, 0 }
            row[i] = 1
            rows[#rows + 1] = row
            targets[#targets + 1] = process.rewards[i] + process.discount * v[s]
            if part == 1 then
              n_real = n_real + 1
            else
              ratio[#ratio + 1], gaps[#gaps + 1] = process.real[i][s] / process.sim[i][s], u[i]
            end
          end
        end
      end
    end
    assert.are.equal(32, n_real)
    assert.are.equal(32, #ratio)
    local function critic(observations) return (observations * table_q):sum(2) end
    local agent = setmetatable({
      q1 = critic, q2 = critic, beta = weight, lagrange = false, regulariser = "logsumexp",
      regulariser_clip = { -1000, 1000 },
      optimisers = { critics = { minimise = function(_, loss) loss:backward(table_q) end } },
    }, tide.agents.h2o)
    local omega, log_omega = tide.h2o.omega(tide.clamp(tide.tensor(gaps), 1e-30, 10))
    agent:update_critics({ observations = tide.tensor(rows), actions = nil, n_real = n_real },
      tide.tensor(targets), tide.tensor(ratio), omega, log_omega, {})
    local gradient, most = tide.gradient_of(table_q):totable(), 0
    tide.end_step()
    for i = 1, process.pairs do most = math.max(most, math.abs(gradient[i])) end
    return most
  end

  it("has a critic loss that is flat at the theory's Q, its beta twice the theory's, omega weighted by d_B", function()
    local omega = tabular.omega(tabular.gap(process), process.d_sim)
    local distance, found = distance_to_adjusted(process, { beta = beta, omega = omega })
    assert.is_true(distance < 1e-11)
    assert.is_true(agent_gradient(found.q, 2 * beta) < 1e-5)
    -- and nowhere near it
    assert.is_true(agent_gradient(found.q, beta) > 1e-2)
    assert.is_true(agent_gradient(tabular.evaluate(process), 2 * beta) > 1e-2)
    assert.is_true(agent_gradient(tabular.h2o(process, { beta = beta }).q, 2 * beta) > 1e-3)
    assert.is_true(agent_gradient(tabular.evaluate(process), 0) < 1e-5)
  end)
end)

describe("tabular", function()
  it("visits are the discounted frequencies of a policy, summed over time", function()
    each_process({}, function(process)
      local now, total = {}, {}
      for s = 1, process.states do now[s] = 1 / process.states end
      for i = 1, process.pairs do total[i] = 0 end
      for t = 0, 200 do
        local following = {}
        for s = 1, process.states do following[s] = 0 end
        for i = 1, process.pairs do
          local s = (i - 1) // process.actions + 1
          local here = now[s] * process.policy[s][(i - 1) % process.actions + 1]
          total[i] = total[i] + (1 - process.discount) * process.discount ^ t * here
          for k = 1, process.states do following[k] = following[k] + here * process.sim[i][k] end
        end
        now = following
      end
      expect.near(total, tabular.visits(process, process.policy, process.sim), 1e-12)
      expect.near(total, process.d_sim, 1e-12)
    end)
  end)

  it("solves linear equations, also with a zero on the diagonal, and names a singular column", function()
    expect.near({ 3, -1, 2 }, tabular.solve({ { 0, 1, 2 }, { 1, 0, -1 }, { 2, 3, 0 } }, { 3, 1, 3 }), 1e-12)
    expect.refused("column 2 of 2 is singular", tabular.solve, { { 1, 2 }, { 2, 4 } }, { 1, 1 })
  end)

  it("the same seed gives the same process, with the wrong pairs asked for", function()
    local one, two = tabular.random(tide.rng(7), { wrong = 4 }), tabular.random(tide.rng(7), { wrong = 4 })
    assert.are.same(one, two)
    local wrong = 0
    for _, u in ipairs(tabular.gap(one)) do wrong = wrong + (u > 0 and 1 or 0) end
    assert.are.equal(4, wrong)
    expect.refused({ "30 wrong", "of 18 pairs" }, tabular.random, tide.rng(1), { wrong = 30 })
  end)

  it("refuses what is no process and says where", function()
    local function process(change)
      local p = { rewards = { 0, 0 }, real = { { 1 }, { 1 } }, sim = { { 1 }, { 1 } }, policy = { { 0.5, 0.5 } },
                  d_real = { 0.5, 0.5 }, d_sim = { 0.5, 0.5 }, discount = 0.9 }
      for key, value in pairs(change) do p[key] = value end
      return p
    end
    assert.are.equal(2, tabular.process(process {}).pairs)
    expect.refused({ "real[2]", "add to 0.9" }, tabular.process, process { real = { { 1 }, { 0.9 } } })
    expect.refused({ "sim[1][1] is -1" }, tabular.process, process { sim = { { -1 }, { 1 } } })
    expect.refused({ "d_real[2]" }, tabular.process, process { d_real = { 1 } })
    expect.refused("discount 1 ", tabular.process, process { discount = 1 })
    expect.refused("neither d_real nor d_sim holds pair 2", tabular.process,
      process { d_real = { 1, 0 }, d_sim = { 1, 0 } })
  end)
end)

describe("experiments/theory.lua", function()
  it("prints Q of H2O and of Bellman side by side, equal, and draws them", function()
    program.with_folder(function(folder)
      local root = assert(program.path:match("^(.*)/build/[^/]+/bin/tide$"))
      local picture = folder .. "/deep/theory.png"
      local result = program.run { "run", root .. "/experiments/theory.lua", picture }
      assert.are.equal(0, result.code, result.err)
      local rows = 0
      for line in result.out:gmatch("[^\n]+") do
        local kind, numbers = line:match("^s = %d, a = %d%s+(%a+)(.*)$")
        if kind then
          local column = {}
          for number in numbers:gmatch("%S+") do column[#column + 1] = tonumber(number) end
          local u, nu, h2o, adjusted = column[1], column[5], column[8], column[9]
          assert.are.equal(9, #column)
          assert.are.equal(h2o, adjusted)
          assert.are.equal(kind == "wrong", u > 0)
          assert.are.equal(kind == "wrong", nu > 0)
          rows = rows + 1
        end
      end
      assert.are.equal(18, rows)
      local width, height = string.unpack(">I4I4", files.read(picture), 17)
      assert.are.same({ 1800, 1280 }, { width, height })
    end)
  end)
end)
