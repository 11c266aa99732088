--- Hopper (Erez, Tassa and Todorov 2011), as in Gym v2 and v4: hop forward on one leg without falling.
local hopper = {
  name = "Hopper",
  model = "hopper.xml",
  frame_skip = 4,                             -- MuJoCo steps of 0.002 s a control step
  max_episode_steps = 1000,
  observation = { skip_qpos = 1, clip = 10 }, -- qpos without x, then qvel: 11 numbers
  reference_scores = { random = -20.272305, expert = 3234.3 }, -- D4RL's, for normalised scores
  about = {
    task = "hop forward on one leg without falling",
    reward = "dx/dt + 1 - 0.001 |a|^2",
    ends = "the torso below 0.7 m, tilted by 0.2 rad or more, or any number but x past 100",
    starts = "qpos and qvel + U(-0.005, 0.005)",
  },
}

--- Starts near the model's initial state: both qpos and qvel + U(-0.005, 0.005).
function hopper.reset(physics, rng)
  physics:add_noise("qpos", "uniform", 0.005, rng)
  physics:add_noise("qvel", "uniform", 0.005, rng)
end

--- What the reward compares before and after a step: x of the torso.
function hopper.measure(physics)
  return physics:qpos(1)
end

--- reward = dx/dt + 1 - 0.001 |a|^2, dt = 0.008 s; the 1 for being upright is paid on the terminal step too.
function hopper.reward(physics, x_before, x_after, dt)
  return (x_after - x_before) / dt + 1.0 - 1e-3 * physics:control_squares()
end

--- Fallen: the torso below 0.7 m, tilted by 0.2 rad or more, or any number but x past 100.
function hopper.terminal(physics)
  local z, angle = physics:qpos(2), physics:qpos(3)
  if not (z > 0.7 and math.abs(angle) < 0.2) then return true end
  local nq, nv = physics:sizes()
  for i = 3, nq do
    if math.abs(physics:qpos(i)) >= 100 then return true end
  end
  for i = 1, nv do
    if math.abs(physics:qvel(i)) >= 100 then return true end
  end
  return false
end

return hopper
