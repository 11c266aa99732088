--- Rollouts written as a dataset: row by row, so that memory does not grow with them.
local core = require "tide.core"

--- Episodes of a part's actor until its rows are written; the last one is cut there, as a timeout.
local function write_part(writer, part, returns, report)
  local real, actor, rows = part.world, part.actor, part.rows
  local written = 0
  while written < rows do
    if actor.begin then actor:begin(written / rows) end
    local observation, total, over = real:reset(), 0.0, false
    while not over and written < rows do
      local qpos, qvel = real.physics:qpos(), real.physics:qvel() -- before the action, as D4RL's
      local action = actor:act(observation, "sample")
      local next_observation, reward, terminal, timeout, diverged = real:step(action)
      if diverged then
        error(("dataset: the simulation diverged after %d transitions, try another seed: %s"):format(writer:count(),
          real.divergence), 0)
      end
      written = written + 1
      over = terminal or timeout
      writer:add(observation, action, reward, next_observation, terminal,
        timeout or (written == rows and not terminal), qpos, qvel)
      core.end_step()
      total, observation = total + reward, next_observation
    end
    if over then returns[#returns + 1] = total end
    report()
  end
end

--- rollout(path, parts, metadata [, report]) -> the returns of the episodes that ended. The parts stand one after
--- the other, each { actor =, world =, rows = }; report(rows done, rows in all) is called after each episode.
return function(path, parts, metadata, report)
  local real, total, returns = parts[1].world, 0, {}
  for _, part in ipairs(parts) do total = total + part.rows end
  local nq, nv = real.physics:sizes()
  local writer <close> = core.dataset_writer(path, { observation_dim = real.observation_dim,
    action_dim = real.action_dim, metadata = metadata, infos = { qpos = nq, qvel = nv } })
  local function told()
    if report then report(writer:count(), total) end
  end
  for _, part in ipairs(parts) do write_part(writer, part, returns, told) end
  writer:commit()
  return returns
end
