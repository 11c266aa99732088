--- The paper's theory on tables, exactly: H2O's policy evaluation is Bellman's with the reward r - nu,
---
---   nu(s, a) = beta (d_phi - d_D) / (d_D + d_B E_{s' ~ P^}[P / P^])
---
---   scripts/run experiments/theory.lua                                the picture is runs/theory/theory.png
---   scripts/run experiments/theory.lua elsewhere.png --seed 1         another picture, another process
---
--- Prints a random process of 18 state-action pairs, the simulator wrong in 5 of them: Q as H2O's objective gives it,
--- by minimising it over and over, beside Q from Bellman's equation. docs/theory.md explains what one sees.
local tide = require "tide"
local tabular = tide.tabular

local picture = ... or "runs/theory/theory.png"
local seed = require("tide.experiment").overrides.seed or 3 -- `--seed` of the command line
local beta = 0.1            -- h2o.lua weighs squared errors, not half of them: its beta would be 0.2

local process = tabular.random(tide.rng(seed), { states = 6, actions = 3, wrong = 5, discount = 0.8 })

-- H2O's side: minimise the objective with targets from the last Q, until it stays.
local h2o = tabular.h2o(process, { beta = beta })

-- Bellman's side: linear equations.
local nu = tabular.adjustment(process, { beta = beta }, h2o.d_phi)
local adjusted = tabular.evaluate_adjusted(process, nu)
local real = tabular.evaluate(process)
local mixed = tabular.h2o(process, { beta = 0, ratio = false }) -- no regulariser and no ratio: half the data mislead
local weighted = tabular.h2o(process, { beta = 0 })             -- the ratio alone

local u = tabular.gap(process)

-- ---- the table ----

print(("A random process of %d states and %d actions (seed %d); discount %g, beta %g. The simulator is wrong if u > 0.")
  :format(process.states, process.actions, seed, process.discount, beta))
print()
print("             simulator    u   d_phi     d_D     d_B       nu   Q real  Q mixed    Q H2O  Q of r - nu")
local above, wrong = 0, 0
for i = 1, process.pairs do
  local s, a = (i - 1) // process.actions + 1, (i - 1) % process.actions + 1
  print(("s = %d, a = %d    %5s %5.3f  %6.4f  %6.4f  %6.4f  %+7.4f  %7.4f  %7.4f  %7.4f  %11.4f")
    :format(s, a, u[i] > 0 and "wrong" or "right", u[i], h2o.d_phi[i], process.d_real[i], process.d_sim[i], nu[i],
      real[i], mixed.q[i], h2o.q[i], adjusted[i]))
  if u[i] > 0 then
    wrong = wrong + 1
    if nu[i] > 0 then above = above + 1 end
  end
end

local backup, measured = tabular.backup(process, h2o.q), {} -- nu as Q itself tells it
for i = 1, process.pairs do measured[i] = backup[i] - h2o.q[i] end

print(([[

Q H2O and Q of r - nu differ by %.1e at most; nu and (r + gamma P Q - Q) by %.1e. %d iterations.
nu is positive in %d of the %d pairs where the simulator is wrong: where d_phi > d_D.
With beta = 0: Q is off from the real Q by %.1e with the ratio P / P^, by %.4f without it.]])
  :format(tabular.distance(h2o.q, adjusted), tabular.distance(nu, measured), h2o.iterations, above, wrong,
    tabular.distance(weighted.q, real), tabular.distance(mixed.q, real)))

-- ---- where it is not exact: transitions that the simulator never makes, and a ratio that is held within limits ----

--- How far Q is from Bellman's with the reward r - nu: in the real dynamics, and in those that the data amount to.
local function report(what, p, choice)
  choice.beta = beta
  local found = tabular.h2o(p, choice)
  local taken = tabular.adjustment(p, choice, found.d_phi)
  local mean, least = tabular.ratio_mean(p, tabular.ratio(p, choice)), 1
  for i = 1, p.pairs do least = math.min(least, mean[i]) end
  print(("  %-44s %7.4f  %14.1e  %16.1e"):format(what, least,
    tabular.distance(found.q, tabular.evaluate_adjusted(p, taken)),
    tabular.distance(found.q, tabular.evaluate_adjusted(p, taken, tabular.blend(p, choice)))))
end

print("\nQ H2O - Q of r - nu:                           least E[ratio]  in P, at most  in the data's own")
report("the ratio P / P^", process, {})
report("held within [1e-5, 1], as the agent does", process, { clip = { 1e-5, 1 } })
local blind = tabular.random(tide.rng(seed), { states = 6, actions = 3, wrong = 4, blind = 1, discount = 0.8 })
report("P / P^, and a next state P^ never reaches", blind, {})

-- ---- the picture ----

local function block(name, columns)
  local lines = { "$" .. name .. " << EOD" }
  for i = 1, process.pairs do
    local line = { i }
    for c, column in ipairs(columns) do line[c + 1] = ("%.10g"):format(column[i]) end
    lines[#lines + 1] = table.concat(line, " ")
  end
  lines[#lines + 1] = "EOD"
  return table.concat(lines, "\n")
end

local shades, names = {}, {}
for i = 1, process.pairs do
  names[i] = ("'%d,%d' %d"):format((i - 1) // process.actions + 1, (i - 1) % process.actions + 1, i)
  if u[i] > 0 then
    shades[#shades + 1] = ("set object rectangle from first %g, graph 0 to first %g, graph 1"
      .. " behind fc rgb '#E2E2E2' fs noborder"):format(i - 0.5, i + 0.5)
  end
end

local commands = table.concat({
  block("nu", { nu, measured }),
  block("q", { real, mixed.q, h2o.q, adjusted }),
  table.concat(shades, "\n"),
  ("set xrange [0.4:%g]"):format(process.pairs + 0.6),
  "set lmargin at screen 0.105",
  "set rmargin at screen 0.985",
  "set multiplot",
  -- above: what is taken off the reward
  "set tmargin at screen 0.935",
  "set bmargin at screen 0.595",
  "set key at graph 1, screen 0.968 right center horizontal samplen 1.2 tc rgb '#222222' noenhanced",
  "set ylabel 'ν' tc rgb '#222222'",
  "set boxwidth 0.62",
  "set xtics scale 0 format ''",
  "set xzeroaxis lt 1 lc rgb '#777777' lw 0.8",
  [[plot NaN with boxes fs solid 1 noborder fc rgb '#E2E2E2' title 'simulator wrong', \
     $nu using 1:2 with boxes fs solid 1 noborder fc rgb '#0072B2' title 'ν, by the formula', \
     $nu using 1:3 with points pt 6 ps 0.9 lw 1.6 lc rgb '#000000' title 'r + γ P Q − Q of H2O']],
  -- below: the values
  "set tmargin at screen 0.515",
  "set bmargin at screen 0.095",
  "set key at graph 1, screen 0.548",
  "unset xzeroaxis",
  "set xtics (" .. table.concat(names, ", ") .. ") scale 0 format '%h'",
  "set xlabel 'State, action' tc rgb '#222222'",
  "set ylabel 'Q' tc rgb '#222222'",
  [[plot $q using ($1-0.31):2:(0.62):(0) with vectors nohead lw 2.4 lc rgb '#000000' title 'real', \
     $q using 1:3 with points pt 2 ps 0.8 lw 1.6 lc rgb '#D55E00' title 'β = 0, no ratio', \
     $q using 1:4 with points pt 7 ps 0.75 lc rgb '#0072B2' title 'H2O', \
     $q using 1:5 with points pt 6 ps 1.35 lw 1.4 lc rgb '#000000' title 'Bellman, r − ν']],
  "unset multiplot",
}, "\n")

local folder = picture:match("^(.*)/[^/]*$")
if folder then require("tide.records").make_folder(folder) end
tide.plot.draw(commands, picture, { 900, 640 })
print("\nThe picture: " .. picture)
