--- The real robot's surrogate, as experiments/wheel_legged_fit.lua fitted it to the log.
return {
  mass = 12.0,              -- kg, published
  height = 0.1503,          -- m, of the body's centre of mass above the axle
  inertia = 0.0837,         -- kg m^2, of the body about its centre of mass
  strength = 2.3887,        -- N m a unit of the raw command
  back_emf = 0.0432,        -- N m a rad/s between wheels and body
  rolling = 6.864,          -- N of rolling friction
  lag = 0.00421,            -- s, time constant of the motors' torque
  delay = 1,                -- control steps until a command arrives
  gyroscope = 0.7816,       -- what the pitch rate is read as, of what it is
  pitch_offset = 0.00661,  -- rad, of the pitch that is read
  noise = { v = 0.00568, pitch = 0.000127, pitch_rate = 0.01416 }, -- standard deviations
}
