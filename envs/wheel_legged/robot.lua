--- What the wheel-legged robot's environments share: WheelLeggedStand and WheelLeggedMove in the ideal simulator,
--- WheelLeggedStandReal and WheelLeggedMoveReal on the real robot's surrogate. Called with the folder it lies in.
local folder = ...

local robot = {}

local COMMAND = 3.0        -- the motors' raw command at full action
local FALL = math.pi / 6   -- the log's first row that is done has pitched by 30.04 degrees; none before has by 30
local START = { 0.5, 0.3, 0.1, 0.5 } -- x (m), v (m/s), pitch (rad), pitch rate (rad/s)

--- The published rewards, of the raw command and the next state.
local rewards = {
  --- 30 - a^2 - (x^2 + v^2 + pitch^2 + rate^2)
  stand = function(a, x, v, pitch, rate)
    return 30.0 - a * a - (x * x + v * v + pitch * pitch + rate * rate)
  end,
  --- 15 - ((v - 0.2)^2 + a^2)
  move = function(a, _, v)
    return 15.0 - ((v - 0.2) ^ 2 + a * a)
  end,
}

--- The parameters that experiments/wheel_legged_fit.lua found.
function robot.parameters()
  return dofile(folder .. "/real.lua")
end

local function command_of(action)
  return COMMAND * math.max(-1.0, math.min(1.0, action))
end

local words = {
  stand = { task = "stand still on two wheels", reward = "30 - a^2 - |next state|^2, a: 3 times the action" },
  move = { task = "move at 0.2 m/s on two wheels", reward = "15 - (v - 0.2)^2 - a^2, a: 3 times the action" },
}

--- How each robot reads its state x, v, pitch, pitch rate: f(physics). The real one does so with noise besides.
local readers = {
  ideal = function()
    return function(physics)
      return physics:qpos(1), physics:qvel(1), physics:qpos(2), physics:qvel(2)
    end
  end,
  real = function()
    local p = robot.parameters()
    return function(physics)
      return physics:qpos(1), physics:qvel(1), physics:qpos(2) + p.pitch_offset, p.gyroscope * physics:qvel(2)
    end
  end,
}

--- Writes the surrogate's parameters into a model of real.xml.
function robot.write(model, p)
  local body, wheels = model:body "body", model:actuator "wheels"
  body.mass = p.mass - model:body("axle").mass
  body.centre = { 0.0, 0.0, p.height }
  local inertia = body.inertia
  inertia[2] = p.inertia
  body.inertia = inertia
  model:joint("x").frictionloss = p.rolling
  local gain, bias, lag = wheels.gainprm, wheels.biasprm, wheels.dynprm
  gain[1], bias[3], lag[1] = COMMAND * p.strength, -p.back_emf, p.lag
  wheels.gainprm, wheels.biasprm, wheels.dynprm = gain, bias, lag
end

--- Makes a world the real robot's: its model, its delay, its sensors' noise.
local function make_real(world)
  local p = robot.parameters()
  robot.write(world.model, p)
  if p.delay > 0 then world:delay_actions(p.delay) end
  local noise, scales = world.observation:clone(), { 0.0, p.noise.v, p.noise.pitch, p.noise.pitch_rate }
  world:on_observation(function(observation, rng)
    noise:fill(0)
    rng:add_normal(noise, 1.0)
    for i = 2, 4 do observation:set(i, observation:get(i) + scales[i] * noise:get(i)) end
  end)
end

--- A definition.  task: "stand" or "move"; kind: "ideal" or "real"
function robot.environment(name, task, kind)
  local reward, read = rewards[task], readers[kind]()
  return {
    name = name,
    model = "wheel_legged/" .. kind .. ".xml",
    frame_skip = 5,            -- MuJoCo steps of 0.001 s a control step: 200 Hz
    max_episode_steps = 1000,  -- 5 s
    observation = { size = 4, names = { "x", "v", "pitch", "pitch rate" }, units = { "m", "m/s", "rad", "rad/s" } },
    about = {
      task = words[task].task .. (kind == "real" and ", on the real robot's surrogate" or ""),
      reward = words[task].reward,
      ends = "the pitch past 30 degrees",
      starts = "x, v, pitch and pitch rate uniform within 0.5 m, 0.3 m/s, 0.1 rad and 0.5 rad/s of rest",
    },
    setup = kind == "real" and make_real or nil,

    --- Starts where the log's rows are, about: x, v, pitch and pitch rate uniform within START.
    reset = function(physics, rng)
      local at = {}
      for i, most in ipairs(START) do at[i] = most * (2 * rng:number() - 1) end
      physics:place({ at[1], at[3] }, { at[2], at[4] })
    end,

    measure = function(physics)
      return physics:qpos(1)
    end,

    --- Of the command that was given, whatever the motors made of it, and of the state as it is read but for its noise.
    reward = function(physics, _, _, _, action)
      local a = type(action) == "table" and action[1] or action:get(1)
      return reward(command_of(a), read(physics))
    end,

    reward_of = function(_, action, next_observation)
      return reward(command_of(action[1]), table.unpack(next_observation, 1, 4))
    end,

    terminal = function(physics)
      local _, _, pitch = read(physics)
      return math.abs(pitch) > FALL
    end,

    observe = function(physics, observation)
      for i, value in ipairs { read(physics) } do observation:set(i, value) end
    end,
  }
end

return robot
