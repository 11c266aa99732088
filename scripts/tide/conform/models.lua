--- Figures of the published models: those of the public Gym MuJoCo suite, and the masses (kg) and inertias (kg m^2,
--- diagonal, in the inertial frame) that MuJoCo 2.2.2 derives from their geometry. Other versions have to agree.
local FRICTION = { 0.4, 0.1, 0.1 }

local function degrees(low, high)
  return { math.rad(low), math.rad(high) }
end

--- The same figures for several parts.
local function each(names, figures)
  local parts = {}
  for name in names:gmatch "%S+" do parts[name] = figures end
  return parts
end

local function together(...)
  local all = {}
  for _, some in ipairs { ... } do
    for name, figures in pairs(some) do all[name] = figures end
  end
  return all
end

local FREE = { damping = 0, stiffness = 0, armature = 0 }

-- Hopper and Walker2d have these in common.
local BIPED = {
  torso = { mass = 3.6651914291880932, inertia = { 0.069245938072875046, 0.069245938072875046,
    0.0044505895925855419 }, centre = { 0, 0, 0 } },
  thigh = { mass = 4.0578905108868177, inertia = { 0.09329875682692193, 0.09329875682692193,
    0.0049414634447089477 }, centre = { 0, 0, -0.225 } },
  leg = { mass = 2.7813566959781637, inertia = { 0.072302540173209709, 0.072302540173209709,
    0.0021821921450855186 }, centre = { 0, 0, -0.25 } },
}
local WALKER_FOOT = { mass = 3.1667253948185117, inertia = { 0.023997746634829429, 0.023997746634829429,
  0.0053743853843491313 }, centre = { 0.1, 0, 0 } }

--- A part of the ant's leg, whose far end is at (x, y) in its own frame.
local function ant_part(mass, across, along, x, y)
  return { mass = mass, inertia = { across, across, along }, centre = { x / 2, y / 2, 0 } }
end

local function ant_leg(name, x, y)
  local mass, across, along = 0.039157753728466707, 0.00056796608319280013, 0.00011844189805957145
  return {
    [name] = ant_part(mass, across, along, x, y), [name .. "_upper"] = ant_part(mass, across, along, x, y),
    [name .. "_lower"] = ant_part(0.067592204532680264, 0.0026747906600381815, 0.00020943214063305483, 2 * x, 2 * y),
  }
end

return {
  Hopper = {
    option = { model = { gravity = { 0, 0, -9.81 }, timestep = 0.002 } },
    body = together(BIPED, { foot = { mass = 5.3155747698739306, inertia = { 0.1035230805900054,
      0.1035230805900054, 0.0092423142594488857 }, centre = { 0.065, 0, 0 } } }),
    joint = together(each("rootx rootz rooty", FREE),
      each("thigh leg", { damping = 1, stiffness = 0, armature = 1, range = degrees(-150, 0) }),
      each("foot", { damping = 1, stiffness = 0, armature = 1, range = degrees(-45, 45) })),
    geom = together(each("floor", { friction = { 1, 0.005, 0.0001 } }),
      each("torso thigh leg", { friction = { 0.9, 0.005, 0.0001 } }),
      each("foot", { friction = { 2, 0.005, 0.0001 } })),
    actuator = each("thigh leg foot", { gear = 200, ctrlrange = { -1, 1 } }),
  },
  Walker2d = {
    option = { model = { gravity = { 0, 0, -9.81 }, timestep = 0.002 } },
    body = together(BIPED, { thigh_left = BIPED.thigh, leg_left = BIPED.leg },
      each("foot foot_left", WALKER_FOOT)),
    joint = together(each("rootx rootz rooty", FREE),
      each("thigh leg thigh_left leg_left", { damping = 0.1, stiffness = 0, armature = 0.01,
        range = degrees(-150, 0) }),
      each("foot foot_left", { damping = 0.1, stiffness = 0, armature = 0.01, range = degrees(-45, 45) })),
    geom = together(each("floor", { friction = { 0.7, 0.1, 0.1 } }),
      each("torso thigh leg foot thigh_left leg_left", { friction = { 0.9, 0.1, 0.1 } }),
      each("foot_left", { friction = { 1.9, 0.1, 0.1 } })),
    actuator = each("thigh leg foot thigh_left leg_left foot_left", { gear = 100, ctrlrange = { -1, 1 } }),
  },
  Ant = {
    option = { model = { gravity = { 0, 0, -9.81 }, timestep = 0.01 } },
    body = together({ torso = { mass = 0.32724923474893675, inertia = { 0.008181230868723419,
      0.008181230868723419, 0.008181230868723419 }, centre = { 0, 0, 0 } } },
      ant_leg("front_left", 0.2, 0.2), ant_leg("front_right", -0.2, 0.2), ant_leg("back_left", -0.2, -0.2),
      ant_leg("back_right", 0.2, -0.2)),
    joint = together(
      each("hip_1 hip_2 hip_3 hip_4", { damping = 1, stiffness = 0, armature = 1, range = degrees(-30, 30) }),
      each("ankle_1 ankle_4", { damping = 1, stiffness = 0, armature = 1, range = degrees(30, 70) }),
      each("ankle_2 ankle_3", { damping = 1, stiffness = 0, armature = 1, range = degrees(-70, -30) })),
    geom = each("floor torso front_left_root front_left_upper front_left_lower back_right_lower",
      { friction = { 1, 0.5, 0.5 } }),
    actuator = each("hip_1 ankle_1 hip_2 ankle_2 hip_3 ankle_3 hip_4 ankle_4", { gear = 150, ctrlrange = { -1, 1 } }),
  },
  HalfCheetah = {
    option = { model = { gravity = { 0, 0, -9.81 }, timestep = 0.01 } },
    body = {
      torso = { mass = 6.2502092050209201, inertia = { 0.89711768811174342, 0.88565545223515785, 0.017960923407966355 },
        centre = { 0.15238987816307403, 0, 0.025398313027179008 } },
      bthigh = { mass = 1.5435146443514645, inertia = { 0.01684433958158996, 0.01684433958158996,
        0.0015760215899581589 }, centre = { 0.1, 0, -0.13 } },
      bshin = { mass = 1.5874476987447697, inertia = { 0.018267419079497905, 0.018267419079497905,
        0.0016225027615062756 }, centre = { -0.14, 0, -0.07 } },
      bfoot = { mass = 1.0953974895397491, inertia = { 0.0063524232635983275, 0.0063524232635983275,
        0.0011019136401673642 }, centre = { 0.03, 0, -0.097 } },
      fthigh = { mass = 1.4380753138075317, inertia = { 0.013739643347280341, 0.013739643347280341,
        0.0014644667782426782 }, centre = { -0.07, 0, -0.12 } },
      fshin = { mass = 1.2008368200836821, inertia = { 0.0082221086192468609, 0.0082221086192468609,
        0.001213468451882845 }, centre = { 0.065, 0, -0.09 } },
      ffoot = { mass = 0.8845188284518829, inertia = { 0.0035291094560669458, 0.0035291094560669458,
        0.00087880401673640172 }, centre = { 0.045, 0, -0.07 } },
    },
    joint = {
      rootx = { damping = 0, stiffness = 0, armature = 0 },
      rootz = { damping = 0, stiffness = 0, armature = 0 },
      rooty = { damping = 0, stiffness = 0, armature = 0 },
      bthigh = { damping = 6, stiffness = 240, armature = 0.1, range = { -0.52, 1.05 } },
      bshin = { damping = 4.5, stiffness = 180, armature = 0.1, range = { -0.785, 0.785 } },
      bfoot = { damping = 3, stiffness = 120, armature = 0.1, range = { -0.4, 0.785 } },
      fthigh = { damping = 4.5, stiffness = 180, armature = 0.1, range = { -1, 0.7 } },
      fshin = { damping = 3, stiffness = 120, armature = 0.1, range = { -1.2, 0.87 } },
      ffoot = { damping = 1.5, stiffness = 60, armature = 0.1, range = { -0.5, 0.5 } },
    },
    geom = {
      floor = { friction = FRICTION }, torso = { friction = FRICTION }, head = { friction = FRICTION },
      bthigh = { friction = FRICTION }, bshin = { friction = FRICTION }, bfoot = { friction = FRICTION },
      fthigh = { friction = FRICTION }, fshin = { friction = FRICTION }, ffoot = { friction = FRICTION },
    },
    actuator = {
      bthigh = { gear = 120, ctrlrange = { -1, 1 } }, bshin = { gear = 90, ctrlrange = { -1, 1 } },
      bfoot = { gear = 60, ctrlrange = { -1, 1 } }, fthigh = { gear = 120, ctrlrange = { -1, 1 } },
      fshin = { gear = 60, ctrlrange = { -1, 1 } }, ffoot = { gear = 30, ctrlrange = { -1, 1 } },
    },
  },
}
