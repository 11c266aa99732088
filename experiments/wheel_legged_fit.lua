--- Fits the real wheel-legged robot's surrogate to a log of it, and shows how well it predicts.
---
---   scripts/run experiments/wheel_legged_fit.lua LOG [FOLDER]      FOLDER: runs/wheel-legged-fit otherwise
---
--- LOG: rows of x, v, pitch, pitch rate, raw command, done, 200 of them a second. Writes FOLDER/real.lua, which is
--- envs/wheel_legged/real.lua once it is copied there, and FOLDER/residuals.png. docs/robot.md holds what it printed.
---
--- The surrogate is placed in a row's state, its motors in what the commands before it made of them, and driven by the
--- log's commands for 10 rows. What is minimised is the error of v, pitch and pitch rate in all of these rows, in
--- standard deviations of their change, squared up to 1 and linear beyond; by Nelder and Mead's simplex (1965),
--- for delays of 0, 1 and 2 rows, and once more for the best two. Every fourth block of 500 rows is kept for measuring.
local tide = require "tide"
local text_rows = require "tide.text_rows"

local log, folder = ...
if not log then error("wheel_legged_fit.lua: the log's path is needed", 0) end
folder = folder or "runs/wheel-legged-fit"

local STEPS, HISTORY, BLOCK = 10, 20, 500   -- rows predicted; rows of commands before; rows of a block
local DT, SUBSTEPS = 0.005, 5
local COMMAND = 3.0                         -- raw command at full action
local TRAINING_WINDOWS = 600
local TRIED, REFINED = 200, 400             -- evaluations for each delay; for the best two, from where they stand

-- ---- the log ----

local names = { "x", "v", "pitch", "pitch_rate" }

local rows = {}
text_rows.open(log).each(function(row)
  rows[#rows + 1] = { row[1], row[2], row[3], row[4], command = row[5], done = row[6] ~= 0 }
end)

--- True where row i does not follow the row before it: its pitch is not what the pitch rate accounts for, or its x not
--- what v does; or where the command is none of the robot's.
local function breaks(i)
  local function excess(column, rate)
    local low, high = DT * rows[i - 1][rate], DT * rows[i][rate]
    if low > high then low, high = high, low end
    local step = rows[i][column] - rows[i - 1][column]
    return math.max(low - step, step - high)
  end
  return i == 1 or rows[i].done or rows[i - 1].done or math.abs(rows[i].command) > COMMAND
    or excess(3, 4) > 0.02 or excess(1, 2) > 0.0003
end

--- First rows of windows that lie in one block and hold no break: for fitting, and for measuring.
local function find_windows()
  local fitting, measuring, since = {}, {}, 0
  for last = 1, #rows do
    since = breaks(last) and 0 or since + 1
    local first = last - STEPS
    local block = (last - 1) // BLOCK
    if since >= HISTORY + STEPS and (first - HISTORY - 1) // BLOCK == block then
      local list = block % 4 == 3 and measuring or fitting
      list[#list + 1] = first
    end
  end
  return fitting, measuring
end

--- `n` of a list, evenly.
local function thinned(list, n)
  local chosen = {}
  for i = 1, math.min(n, #list) do chosen[i] = list[1 + (i - 1) * #list // math.min(n, #list)] end
  return chosen
end

local all_fitting, measuring = find_windows()
local fitting = thinned(all_fitting, TRAINING_WINDOWS)

-- ---- predictors: f(first) -> states of the STEPS rows after it, each { x, v, pitch, pitch_rate } as read ----

local scratch = tide.world "WheelLeggedStandReal"
local robot = assert(loadfile(scratch.env.folder .. "/wheel_legged/robot.lua"))(scratch.env.folder .. "/wheel_legged")

local function surrogate(p)
  local physics = scratch.physics
  robot.write(scratch.model, p)
  local kept = (1 - DT / SUBSTEPS / p.lag) ^ SUBSTEPS -- of the motors' distance to their command, a control step
  return function(first)
    local motor = 0.0
    for i = first - HISTORY + p.delay, first - 1 do
      local command = rows[i - p.delay].command / COMMAND
      motor = command + kept * (motor - command)
    end
    local from, states = rows[first], {}
    physics:place({ from[1], from[3] - p.pitch_offset }, { from[2], from[4] / p.gyroscope })
    local state = physics:state() -- steps, time, qpos, qvel, then the motors
    state[7] = motor
    physics:restore(state)
    for k = 1, STEPS do
      physics:step({ rows[first + k - 1 - p.delay].command / COMMAND }, SUBSTEPS)
      states[k] = { physics:qpos(1), physics:qvel(1), physics:qpos(2) + p.pitch_offset, p.gyroscope * physics:qvel(2) }
    end
    return states
  end
end

local function ideal()
  local physics = tide.world("WheelLeggedStand").physics
  return function(first)
    local from, states = rows[first], {}
    physics:place({ from[1], from[3] }, { from[2], from[4] })
    for k = 1, STEPS do
      physics:step({ rows[first + k - 1].command / COMMAND }, SUBSTEPS)
      states[k] = { physics:qpos(1), physics:qvel(1), physics:qpos(2), physics:qvel(2) }
    end
    return states
  end
end

--- The x of m x = y, by Gauss and Jordan; m is positive definite.
local function solve(m, y)
  local n = #m
  for i = 1, n do
    local pivot = m[i][i]
    for j = 1, n do m[i][j] = m[i][j] / pivot end
    y[i] = y[i] / pivot
    for k = 1, n do
      local factor = m[k][i]
      if k ~= i then
        for j = 1, n do m[k][j] = m[k][j] - factor * m[i][j] end
        y[k] = y[k] - factor * y[i]
      end
    end
  end
  return y
end

--- Least squares: the change of each state from v, pitch, pitch rate, command and 1; repeated for more rows.
local function linear(windows)
  local function features(state, command) return { state[2], state[3], state[4], command, 1.0 } end
  local weights = {}
  for s = 1, 4 do
    local m, y = {}, {}
    for i = 1, 5 do m[i], y[i] = { 0, 0, 0, 0, 0 }, 0 end
    for _, first in ipairs(windows) do
      local f = features(rows[first], rows[first].command)
      local change = rows[first + 1][s] - rows[first][s]
      for i = 1, 5 do
        for j = 1, 5 do m[i][j] = m[i][j] + f[i] * f[j] end
        y[i] = y[i] + f[i] * change
      end
    end
    weights[s] = solve(m, y)
  end
  return function(first)
    local state, states = rows[first], {}
    for k = 1, STEPS do
      local f, following = features(state, rows[first + k - 1].command), {}
      for s = 1, 4 do
        following[s] = state[s]
        for i = 1, 5 do following[s] = following[s] + weights[s][i] * f[i] end
      end
      states[k], state = following, following
    end
    return states
  end, weights
end

-- ---- how well they predict ----

--- Standard deviations of the change after k rows.
local function scales_of(windows)
  local scales = {}
  for k = 1, STEPS do
    scales[k] = {}
    for s = 1, 4 do
      local sum, squares = 0.0, 0.0
      for _, first in ipairs(windows) do
        local change = rows[first + k][s] - rows[first][s]
        sum, squares = sum + change, squares + change * change
      end
      scales[k][s] = math.sqrt(squares / #windows - (sum / #windows) ^ 2)
    end
  end
  return scales
end

local scales = scales_of(fitting)

local function loss(p)
  local predict, sum = surrogate(p), 0.0
  for _, first in ipairs(fitting) do
    for k, state in ipairs(predict(first)) do
      for s = 2, 4 do
        local e = math.abs(state[s] - rows[first + k][s]) / scales[k][s]
        sum = sum + (e < 1 and e * e or 2 * e - 1)
      end
    end
  end
  return sum / (#fitting * STEPS)
end

--- R2 of the change and root mean square error after each number of rows.  -> r2[k][s], rmse[k][s]
local function measure(predict, windows)
  local squares, r2, rmse = {}, {}, {}
  for k = 1, STEPS do squares[k] = { 0.0, 0.0, 0.0, 0.0 } end
  for _, first in ipairs(windows) do
    for k, state in ipairs(predict(first)) do
      for s = 1, 4 do squares[k][s] = squares[k][s] + (state[s] - rows[first + k][s]) ^ 2 end
    end
  end
  local of_change = scales_of(windows)
  for k = 1, STEPS do
    r2[k], rmse[k] = {}, {}
    for s = 1, 4 do
      rmse[k][s] = math.sqrt(squares[k][s] / #windows)
      r2[k][s] = 1 - (rmse[k][s] / of_change[k][s]) ^ 2
    end
  end
  return r2, rmse
end

-- ---- the fit ----

--- Nelder and Mead's simplex (1965) from `start`, with edges `steps`.  -> the best point, its value
local function minimise(f, start, steps, evaluations)
  local n, simplex, used = #start, {}, 0
  local function vertex(point)
    used = used + 1
    return { point = point, value = f(point) }
  end
  local function between(a, b, t) -- a + t (b - a)
    local point = {}
    for i = 1, n do point[i] = a[i] + t * (b[i] - a[i]) end
    return point
  end
  simplex[1] = vertex(start)
  for i = 1, n do
    local point = table.move(start, 1, n, 1, {})
    point[i] = point[i] + steps[i]
    simplex[i + 1] = vertex(point)
  end
  while used < evaluations do
    table.sort(simplex, function(a, b) return a.value < b.value end)
    local best, worst, middle = simplex[1], simplex[n + 1], {}
    for i = 1, n do
      middle[i] = 0.0
      for j = 1, n do middle[i] = middle[i] + simplex[j].point[i] / n end
    end
    local reflected = vertex(between(worst.point, middle, 2))
    if reflected.value < best.value then
      local expanded = vertex(between(worst.point, middle, 3))
      simplex[n + 1] = expanded.value < reflected.value and expanded or reflected
    elseif reflected.value < simplex[n].value then
      simplex[n + 1] = reflected
    else
      local contracted = vertex(between(worst.point, middle, 0.5))
      if contracted.value < worst.value then
        simplex[n + 1] = contracted
      else
        for i = 2, n + 1 do simplex[i] = vertex(between(best.point, simplex[i].point, 0.5)) end
      end
    end
  end
  table.sort(simplex, function(a, b) return a.value < b.value end)
  return simplex[1].point, simplex[1].value
end

-- Positive ones are searched for by their logarithm.
local searched = { "height", "inertia", "strength", "back_emf", "rolling", "lag", "gyroscope" }
local start = { height = 0.15, inertia = 0.06, strength = 1.5, back_emf = 0.03, rolling = 2.0, lag = 0.006,
                gyroscope = 0.8 }

local function parameters_of(point, delay)
  local p = { mass = 12.0, delay = delay, pitch_offset = point[#searched + 1] }
  for i, name in ipairs(searched) do p[name] = math.exp(point[i]) end
  p.lag = math.max(p.lag, DT / SUBSTEPS) -- MuJoCo's step: faster than that is at once
  return p
end

--- -> the best point, its loss
local function fit(delay, point, width, evaluations)
  local steps = {}
  for i = 1, #searched do steps[i] = width end
  steps[#searched + 1] = 0.06 * width
  return minimise(function(at) return loss(parameters_of(at, delay)) end, point, steps, evaluations)
end

--- Noise of the sensors: from third differences, in which motion all but vanishes, of the quietest half of the
--- rows; the median, so that the remaining motion counts little.
local function noise_of(s)
  local quiet = {}
  for i = 4, #rows do
    if not (breaks(i) or breaks(i - 1) or breaks(i - 2)) then
      quiet[#quiet + 1] = { math.abs(rows[i].command - rows[i - 3].command),
                            math.abs(rows[i][s] - 3 * rows[i - 1][s] + 3 * rows[i - 2][s] - rows[i - 3][s]) }
    end
  end
  table.sort(quiet, function(a, b) return a[1] < b[1] end)
  local differences = {}
  for i = 1, #quiet // 2 do differences[i] = quiet[i][2] end
  table.sort(differences)
  return differences[(#differences + 1) // 2] / 0.6745 / math.sqrt(20) -- a normal's median; 1 + 9 + 9 + 1
end

-- ---- doing it ----

print(("%d rows; windows of %d rows without a break: %d to fit, of which %d are used, %d to measure"):format(#rows,
  STEPS, #all_fitting, #fitting, #measuring))
local tried = {}
for delay = 0, 2 do
  local point = {}
  for i, name in ipairs(searched) do point[i] = math.log(start[name]) end
  point[#searched + 1] = 0.0
  local found, value = fit(delay, point, 0.3, TRIED)
  tried[#tried + 1] = { delay = delay, point = found, value = value }
  print(("  delay of %d rows: loss %.4f"):format(delay, value))
end
table.sort(tried, function(a, b) return a.value < b.value end)
for i = 1, 2 do
  local one = tried[i]
  one.point, one.value = fit(one.delay, one.point, 0.1, REFINED)
  print(("  delay of %d rows, refined: loss %.5f"):format(one.delay, one.value))
end
table.sort(tried, function(a, b) return a.value < b.value end)
local best = parameters_of(tried[1].point, tried[1].delay)
best.noise = { v = noise_of(2), pitch = noise_of(3), pitch_rate = noise_of(4) }

local text = ([[
--- The real robot's surrogate, as experiments/wheel_legged_fit.lua fitted it to the log.
return {
  mass = %.1f,              -- kg, published
  height = %.4f,          -- m, of the body's centre of mass above the axle
  inertia = %.4f,         -- kg m^2, of the body about its centre of mass
  strength = %.4f,        -- N m a unit of the raw command
  back_emf = %.4f,        -- N m a rad/s between wheels and body
  rolling = %.3f,          -- N of rolling friction
  lag = %.5f,            -- s, time constant of the motors' torque
  delay = %d,                -- control steps until a command arrives
  gyroscope = %.4f,       -- what the pitch rate is read as, of what it is
  pitch_offset = %.5f,  -- rad, of the pitch that is read
  noise = { v = %.5f, pitch = %.6f, pitch_rate = %.5f }, -- standard deviations
}
]]):format(best.mass, best.height, best.inertia, best.strength, best.back_emf, best.rolling, best.lag, best.delay,
  best.gyroscope, best.pitch_offset, best.noise.v, best.noise.pitch, best.noise.pitch_rate)
print(text)

local predictors = { { "surrogate", surrogate(best) }, { "linear", (linear(all_fitting)) }, { "ideal", ideal() } }
print("Rows that were not fitted; R2 of the change of x, v, pitch, pitch rate (and root mean square errors):")
local curves = {}
for _, predictor in ipairs(predictors) do
  local r2, rmse = measure(predictor[2], measuring)
  curves[predictor[1]] = r2
  for _, k in ipairs { 1, 2, 5, 10 } do
    print(("  %-10s %2d rows  %7.3f %7.3f %7.3f %7.3f   (%.5f m, %.4f m/s, %.5f rad, %.4f rad/s)"):format(
      predictor[1], k, r2[k][1], r2[k][2], r2[k][3], r2[k][4], rmse[k][1], rmse[k][2], rmse[k][3], rmse[k][4]))
  end
end

-- ---- the picture: predicted against measured after 10 rows, and R2 over the rows ----

local blocks = { "$points << EOD" }
local predict = surrogate(best)
for _, first in ipairs(thinned(measuring, 1200)) do
  local line, states = {}, predict(first)
  for s = 2, 4 do
    line[#line + 1] = ("%.6g %.6g"):format(rows[first + STEPS][s] - rows[first][s], states[STEPS][s] - rows[first][s])
  end
  blocks[#blocks + 1] = table.concat(line, " ")
end
blocks[#blocks + 1] = "EOD"
blocks[#blocks + 1] = "$r2 << EOD"
for k = 1, STEPS do
  local line = { k }
  for _, predictor in ipairs(predictors) do
    for s = 2, 4 do line[#line + 1] = ("%.5g"):format(curves[predictor[1]][k][s]) end
  end
  blocks[#blocks + 1] = table.concat(line, " ")
end
blocks[#blocks + 1] = "EOD"

local panels = { "set multiplot layout 2,2 margins 0.075,0.985,0.085,0.955 spacing 0.09,0.115", "set key off" }
for s = 2, 4 do
  local unit = ({ nil, "m/s", "rad", "rad/s" })[s]
  local limit = ({ nil, 0.5, 0.12, 2.4 })[s]
  panels[#panels + 1] = ([[
set xrange [-%g:%g]
set yrange [-%g:%g]
set xlabel 'Change of %s in 10 rows, measured (%s)' noenhanced tc rgb '#222222' offset 0,0.4
set ylabel 'Predicted' tc rgb '#222222' offset 1.2,0
plot $points using %d:%d with points pt 7 ps 0.22 lc rgb '#0072B2', x with lines lw 1 lc rgb '#777777']]):format(limit,
    limit, limit, limit, names[s], unit, 2 * s - 3, 2 * s - 2)
end
panels[#panels + 1] = [[
set xrange [0.7:10.3]
set yrange [-0.3:1]
set xtics 1, 1, 10
set key at graph 1, 0.03 right bottom vertical maxrows 3 samplen 1.2 width -3 font ',16' tc rgb '#222222' noenhanced
set xlabel 'Rows ahead (of 5 ms)' tc rgb '#222222' offset 0,0.4
set ylabel 'R2 of the change' noenhanced tc rgb '#222222' offset 1.2,0
plot $r2 using 1:2 with lines lw 2.2 dt solid lc rgb '#0072B2' title 'fitted: v', \
  '' using 1:3 with lines lw 2.2 dt (12,5) lc rgb '#0072B2' title 'pitch', \
  '' using 1:4 with lines lw 2.2 dt (3,3) lc rgb '#0072B2' title 'pitch rate', \
  '' using 1:5 with lines lw 2.2 dt solid lc rgb '#009E73' title 'linear: v', \
  '' using 1:6 with lines lw 2.2 dt (12,5) lc rgb '#009E73' title 'pitch', \
  '' using 1:7 with lines lw 2.2 dt (3,3) lc rgb '#009E73' title 'pitch rate', \
  '' using 1:8 with lines lw 2.2 dt solid lc rgb '#D55E00' title 'ideal: v', \
  '' using 1:9 with lines lw 2.2 dt (12,5) lc rgb '#D55E00' title 'pitch', \
  '' using 1:10 with lines lw 2.2 dt (3,3) lc rgb '#D55E00' title 'pitch rate'
unset multiplot]]

require("tide.records").make_folder(folder)
local file <close> = assert(io.open(folder .. "/real.lua", "w"))
file:write(text)
local commands = table.concat(blocks, "\n") .. "\n" .. table.concat(panels, "\n")
tide.plot.draw(commands, folder .. "/residuals.png", { 900, 700 })
print(("\n%s/real.lua, %s/residuals.png"):format(folder, folder))
