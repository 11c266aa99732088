--- The gaps that come with Tide, one table each:
--   parameters  names, in order; the last `optional` of them may be left out
--   levels      what the first parameter is at the levels that have a name; or numbers, as the benchmark lists them
--   least       the smallest number that the first parameter can be
--   whole       true where it counts something
--   about       one line;  of: what its levels are from
--   apply       (world, ...) writes it into a world
--
-- Levels 0.1, 0.5, 2 and 5, and easy, medium and hard, are the names of the off-dynamics benchmark (ODRL, Lyu et al.
-- 2024, arXiv 2410.20750). Its figures are taken where they are published; docs/gaps.md says which are not.
local limbs = require "tide.gap.limbs"
local options = require "tide.options"
local robots = require "tide.gap.robots"

local kinds = {}

local FACTORS = { 0.1, 0.5, 2.0, 5.0 }

local function scaled(vector, factor)
  local result = {}
  for i, x in ipairs(vector) do result[i] = factor * x end
  return result
end

-- ---- forces and masses ----

kinds.gravity = {
  parameters = { "factor" }, levels = FACTORS, of = "ODRL",
  about = "gravity times factor",
  apply = function(world, factor) world.model.gravity = scaled(world.model.gravity, factor) end,
}

-- MuJoCo takes the greater friction of the two geoms in contact: one geom's alone, below the other's, does nothing.
kinds.friction = {
  parameters = { "factor" }, levels = FACTORS, least = 0, of = "ODRL",
  about = "friction of every geom times factor: sliding, torsional and rolling",
  apply = function(world, factor)
    for _, geom in ipairs(world.model:geoms()) do geom.friction = scaled(geom.friction, factor) end
  end,
}

-- The compiled masses are written, so that it works on a robot whose compiler fixes the total mass.
kinds.density = {
  parameters = { "factor" }, levels = FACTORS, least = 0, of = "Tide",
  about = "mass and inertia of every body times factor",
  apply = function(world, factor)
    for _, body in ipairs(world.model:bodies()) do
      body.mass = factor * body.mass
      body.inertia = scaled(body.inertia, factor)
    end
  end,
}

local AIR_DENSITY, AIR_VISCOSITY = 1.2, 1.8e-5 -- kg/m^3, Pa s: air at 20 degrees

-- Without a medium there is no wind: a model that has none gets air, which slows the robot also in a calm.
kinds.wind = {
  parameters = { "speed" }, levels = { easy = 5.0, medium = 10.0, hard = 20.0 }, of = "Tide",
  about = "air that blows against +x with speed, in m/s; below zero from behind",
  apply = function(world, speed)
    local model = world.model
    if model.density == 0 then model.density, model.viscosity = AIR_DENSITY, AIR_VISCOSITY end
    local wind = model.wind
    model.wind = { wind[1] - speed, wind[2], wind[3] }
  end,
}

-- ---- joints and actuators ----

kinds.joint_damping = {
  parameters = { "factor" }, levels = FACTORS, least = 0, of = "Tide",
  about = "damping of every joint times factor",
  apply = function(world, factor)
    for _, joint in ipairs(world.model:joints()) do
      local damping = joint.damping
      joint.damping = type(damping) == "table" and scaled(damping, factor) or factor * damping
    end
  end,
}

-- Gain and bias together: the force of a servo is scaled too, not its target.
kinds.actuator_gain = {
  parameters = { "factor" }, levels = FACTORS, of = "Tide",
  about = "force of every actuator times factor",
  apply = function(world, factor)
    for _, actuator in ipairs(world.model:actuators()) do
      actuator.gainprm, actuator.biasprm = scaled(actuator.gainprm, factor), scaled(actuator.biasprm, factor)
    end
  end,
}

--- Names in `groups` (a robot's) and of `parts` (joints or bodies), for the error about one that is neither.
local function known_parts(groups, parts)
  local names = {}
  for name in pairs(groups) do
    if name ~= "default" then names[#names + 1] = name end
  end
  table.sort(names)
  for _, part in ipairs(parts) do
    if part.name and not groups[part.name] then names[#names + 1] = part.name end
  end
  return names
end

--- Those of `parts` that a gap of kind `kind` changes: of the group or of the name `wanted`; of the robot's own group
-- where nothing is named; `otherwise`, unless all, on a robot without groups.
local function chosen_parts(world, kind, wanted, parts, otherwise)
  local groups = robots[world.name] and robots[world.name][kind] or {}
  wanted = wanted or groups.default
  if not wanted then return otherwise or parts end
  local names, chosen = groups[wanted] or { wanted }, {}
  for _, name in ipairs(names) do
    for _, part in ipairs(parts) do
      if part.name == name then chosen[#chosen + 1] = part end
    end
  end
  if #chosen < #names then
    error(options.unknown(("gap.%s: part of %s"):format(kind, world.name), wanted, known_parts(groups, parts)), 0)
  end
  return chosen
end

local function limited_joints(model)
  local joints = {}
  for _, joint in ipairs(model:joints()) do
    local range = joint.range
    if range[1] < range[2] then joints[#joints + 1] = joint end
  end
  return joints
end

-- The benchmark multiplies both ends, which is the same where 0 is within them.
kinds.joint_range = {
  parameters = { "factor", "part" }, optional = 1, levels = { easy = 0.8, medium = 0.5, hard = 0.2 }, least = 0,
  of = "ODRL, its humanoid's",
  about = "range of the part's joints times factor, about 0 or the end nearest to it",
  apply = function(world, factor, part)
    for _, joint in ipairs(chosen_parts(world, "joint_range", part, limited_joints(world.model))) do
      local low, high = joint.range[1], joint.range[2]
      local still = math.min(math.max(0.0, low), high)
      joint.range = { still + factor * (low - still), still + factor * (high - still) }
    end
  end,
}

--- All bodies but the world, and those of them that do not stand in the world themselves.
local function bodies_and_limbs(model)
  local bodies, limbs_ = {}, {}
  for _, body in ipairs(model:bodies()) do
    local parent = body.parent
    if parent then bodies[#bodies + 1] = body end
    if parent and parent.parent then limbs_[#limbs_ + 1] = body end
  end
  return bodies, limbs_
end

-- Levels below 1: a leg that grows stands in the floor when the episode begins.
kinds.limb_size = {
  parameters = { "factor", "part" }, optional = 1, levels = { easy = 0.9, medium = 0.7, hard = 0.5 }, least = 0.01,
  of = "Tide",
  about = "the part's limbs times factor in all dimensions, mass and inertia with them",
  apply = function(world, factor, part)
    for _, body in ipairs(chosen_parts(world, "limb_size", part, bodies_and_limbs(world.model))) do
      limbs.scale(world.model, body.name, factor)
    end
  end,
}

-- ---- actions and observations ----

kinds.joint_noise = {
  parameters = { "sigma" }, levels = { easy = 0.1, medium = 0.3, hard = 1.0 }, least = 0, of = "Tide; 1 is H2O's",
  about = "sigma N(0, 1) added to the action that is executed; whoever chose it keeps the clean one",
  apply = function(world, sigma)
    world:on_action(function(action, rng) rng:add_normal(action, sigma) end)
  end,
}

kinds.action_delay = {
  parameters = { "steps" }, levels = { easy = 1, medium = 2, hard = 4 }, least = 1, whole = true, of = "Tide",
  about = "each action is executed that many control steps late",
  apply = function(world, steps) world:delay_actions(steps) end,
}

kinds.observation_noise = {
  parameters = { "sigma" }, levels = { easy = 0.01, medium = 0.03, hard = 0.1 }, least = 0, of = "Tide",
  about = "sigma N(0, 1) added to every number observed; rewards and ends are of the true state",
  apply = function(world, sigma)
    world:on_observation(function(observation, rng) rng:add_normal(observation, sigma) end)
  end,
}

return kinds
