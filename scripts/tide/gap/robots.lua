--- What the gaps of kinematics and of morphology change on the robots that come with Tide: groups of joints and of
--- limbs by name, and the group meant where none is named. Other robots have no groups: see gap/kinds.lua.
--
-- HalfCheetah's joints "thigh", Hopper's "leg", Walker2d's "foot" and Ant's limbs "legs" are tasks that the
-- off-dynamics benchmark names (halfcheetah-kinematic-thighjnt, hopper-kinematic-legjnt, walker2d-kinematic-footjnt,
-- ant-morph-alllegs); the other defaults are Tide's choice.
local robots = {}

robots.HalfCheetah = {
  joint_range = { default = "thigh",
    thigh = { "bthigh", "fthigh" }, shin = { "bshin", "fshin" }, foot = { "bfoot", "ffoot" },
    back = { "bthigh", "bshin", "bfoot" }, front = { "fthigh", "fshin", "ffoot" } },
  limb_size = { default = "thigh",
    thigh = { "bthigh", "fthigh" }, shin = { "bshin", "fshin" }, foot = { "bfoot", "ffoot" },
    back = { "bthigh", "bshin", "bfoot" }, front = { "fthigh", "fshin", "ffoot" } },
}

robots.Hopper = {
  joint_range = { default = "leg" },
  limb_size = { default = "leg" },
}

robots.Walker2d = {
  joint_range = { default = "foot",
    thigh = { "thigh", "thigh_left" }, leg = { "leg", "leg_left" }, foot = { "foot", "foot_left" } },
  limb_size = { default = "leg",
    thigh = { "thigh", "thigh_left" }, leg = { "leg", "leg_left" }, foot = { "foot", "foot_left" } },
}

local function of_legs(pattern)
  local names = {}
  for _, leg in ipairs { "front_left", "front_right", "back_left", "back_right" } do
    for _, end_ in ipairs(pattern) do names[#names + 1] = leg .. end_ end
  end
  return names
end

robots.Ant = {
  joint_range = { default = "hip",
    hip = { "hip_1", "hip_2", "hip_3", "hip_4" }, ankle = { "ankle_1", "ankle_2", "ankle_3", "ankle_4" } },
  limb_size = { default = "legs",
    legs = of_legs { "", "_upper", "_lower" }, upper = of_legs { "_upper" }, lower = of_legs { "_lower" } },
}

return robots
