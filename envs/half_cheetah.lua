--- HalfCheetah (Wawrzynski 2009), as in Gym v2 and v4: run forward, spend little torque.
local half_cheetah = {
  name = "HalfCheetah",
  model = "half_cheetah.xml",
  frame_skip = 5,                  -- MuJoCo steps of 0.01 s a control step
  max_episode_steps = 1000,
  observation = { skip_qpos = 1 }, -- qpos without x, then qvel: 17 numbers
  reference_scores = { random = -280.178953, expert = 12135.0 }, -- D4RL's, for normalised scores
  about = {
    task = "run forward, spend little torque",
    reward = "dx/dt - 0.1 |a|^2",
    ends = "never: a cheetah on its back goes on",
    starts = "qpos + U(-0.1, 0.1), qvel + 0.1 N(0, 1)",
  },
}

--- Starts near the model's initial state: qpos + U(-0.1, 0.1), qvel + 0.1 N(0, 1).
function half_cheetah.reset(physics, rng)
  physics:add_noise("qpos", "uniform", 0.1, rng)
  physics:add_noise("qvel", "normal", 0.1, rng)
end

--- What the reward compares before and after a step: x of the torso.
function half_cheetah.measure(physics)
  return physics:qpos(1)
end

--- reward = dx/dt - 0.1 |a|^2, dt = 0.05 s
function half_cheetah.reward(physics, x_before, x_after, dt)
  return (x_after - x_before) / dt - 0.1 * physics:control_squares()
end

--- A cheetah on its back goes on.
function half_cheetah.terminal()
  return false
end

return half_cheetah
