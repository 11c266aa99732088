--- Walker2d (Erez, Tassa and Todorov 2011), as in Gym v2 and v4: walk forward on two legs without falling.
local walker2d = {
  name = "Walker2d",
  model = "walker2d.xml",
  frame_skip = 4,                             -- MuJoCo steps of 0.002 s a control step
  max_episode_steps = 1000,
  observation = { skip_qpos = 1, clip = 10 }, -- qpos without x, then qvel: 17 numbers
  reference_scores = { random = 1.629008, expert = 4592.3 }, -- D4RL's, for normalised scores
  about = {
    task = "walk forward on two legs without falling",
    reward = "dx/dt + 1 - 0.001 |a|^2",
    ends = "the torso outside 0.8 to 2 m, or tilted by 1 rad or more",
    starts = "qpos and qvel + U(-0.005, 0.005)",
  },
}

--- Starts near the model's initial state: both qpos and qvel + U(-0.005, 0.005).
function walker2d.reset(physics, rng)
  physics:add_noise("qpos", "uniform", 0.005, rng)
  physics:add_noise("qvel", "uniform", 0.005, rng)
end

--- What the reward compares before and after a step: x of the torso.
function walker2d.measure(physics)
  return physics:qpos(1)
end

--- reward = dx/dt + 1 - 0.001 |a|^2, dt = 0.008 s; the 1 for being upright is paid on the terminal step too.
function walker2d.reward(physics, x_before, x_after, dt)
  return (x_after - x_before) / dt + 1.0 - 1e-3 * physics:control_squares()
end

--- Fallen: the torso outside 0.8 to 2 m, or tilted by 1 rad or more.
function walker2d.terminal(physics)
  local z, angle = physics:qpos(2), physics:qpos(3)
  return not (z > 0.8 and z < 2.0 and math.abs(angle) < 1.0)
end

return walker2d
