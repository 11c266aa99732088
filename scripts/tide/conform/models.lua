--- Figures of the published models: those of the public Gym MuJoCo suite, and the masses (kg) and inertias (kg m^2,
--- diagonal, in the inertial frame) that MuJoCo 2.2.2 derives from their geometry. Other versions have to agree.
local FRICTION = { 0.4, 0.1, 0.1 }

return {
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
