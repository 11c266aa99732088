--- Ant (Schulman et al. 2016), as in Gym v2 and v4: run forward on four legs without falling over.
local ant = {
  name = "Ant",
  model = "ant.xml",
  frame_skip = 5,                  -- MuJoCo steps of 0.01 s a control step
  max_episode_steps = 1000,
  observation = { skip_qpos = 2 }, -- qpos without x and y, then qvel: 27 numbers; D4RL adds 84 zeros
  reference_scores = { random = -325.6, expert = 3879.7 }, -- D4RL's, for normalised scores
  about = {
    task = "run forward on four legs without falling over",
    reward = "dx/dt + 1 - 0.5 |a|^2",
    ends = "the torso outside 0.2 to 1 m",
    starts = "qpos + U(-0.1, 0.1), qvel + 0.1 N(0, 1)",
  },
}

--- Starts near the model's initial state: qpos + U(-0.1, 0.1), qvel + 0.1 N(0, 1).
function ant.reset(physics, rng)
  physics:add_noise("qpos", "uniform", 0.1, rng)
  physics:add_noise("qvel", "normal", 0.1, rng)
end

--- What the reward compares before and after a step: x of the torso.
function ant.measure(physics)
  return (physics:body_position("torso"))
end

--- reward = dx/dt + 1 - 0.5 |a|^2, dt = 0.05 s. The published contact cost is of forces that MuJoCo from 2.0 on
--- leaves at zero.
function ant.reward(physics, x_before, x_after, dt)
  return (x_after - x_before) / dt + 1.0 - 0.5 * physics:control_squares()
end

--- Fallen or flying: the torso outside 0.2 to 1 m.
function ant.terminal(physics)
  local z = physics:qpos(3)
  return not (z >= 0.2 and z <= 1.0)
end

return ant
