--- tide gap: the gaps there are; by how much one step of the simulator differs from the real world's, and a picture.
local gap = require "tide.gap"
local json = require "tide.json"
local plot = require "tide.plot"
local recipes = require "tide.recipes"
local tide = require "tide"

local command = { summary = "List the gaps; measure what one does to an environment, and draw it." }

function command.configure(parser)
  parser:argument("gap", "A gap, such as 'gravity(2.0) + joint_noise(0.1)'; a name alone is measured at all its"
    .. " levels."):args("?")
  parser:argument("env", "An environment: a name, or its .lua file."):args("?")
  parser:option("--states", "How many states of the real world.", 1000, math.tointeger)
  parser:option("--steps", "Control steps from each state until the worlds are compared.", 1, math.tointeger)
  parser:option("--seed", "Of the states and of the noise.", 0, math.tointeger)
  parser:option("--policy", "States of this policy's rollouts: a policy.h5 or the folder of a run."):argname("RUN")
  parser:option("--dataset", "States of this dataset, which holds infos/qpos and infos/qvel."):argname("NAME")
  parser:option("--load", "A Lua file that defines the gap."):argname("FILE")
  parser:option("-o --output", "Draw the shares into this .png or .svg file."):argname("FILE")
  parser:flag("--json", "Print one array of objects, one a gap measured.")
end

-- ---- the list ----

local function written(about)
  local parameters = {}
  for i, name in ipairs(about.parameters) do
    parameters[i] = i > #about.parameters - about.optional and ("[%s]"):format(name) or name
  end
  return ("%s(%s)"):format(about.name, table.concat(parameters, ", "))
end

local function levels_of(name)
  local words = {}
  for i, level in ipairs(gap.levels(name)) do
    words[i] = level.name == level.value and tostring(level.value) or ("%s %s"):format(level.name, level.value)
  end
  return table.concat(words, ", ")
end

local function list(names, as_json)
  local all = {}
  for i, name in ipairs(names) do
    all[i] = gap.about(name)
    all[i].levels = gap.levels(name)
  end
  if as_json then return print(json.encode(all, "  ")) end
  print(("%-27s %-34s %s"):format("gap", "levels", "what it changes"))
  for _, about in ipairs(all) do
    print(("%-27s %-34s %s"):format(written(about), levels_of(about.name), about.about or "defined by a script"))
  end
  print("\nA level stands for its number: joint_range(\"hard\") is joint_range(0.2). Gaps add up with +."
    .. "\n`tide gap NAME ENV` measures one.")
end

-- ---- the table ----

--- What is to be measured: a name alone is all its levels.
local function wanted(text)
  local list_ = {}
  if text:match("^%s*%a[%w_-]*%s*$") then
    local name = text:match("%S+")
    local known = gap.about(name)
    for i, level in ipairs(gap.levels(name)) do list_[i] = gap[name](level.name) end
    if #list_ == 0 and #known.parameters > known.optional then
      error(("gap %s: it takes %s and has no levels; write %s"):format(name, table.concat(known.parameters, ", "),
        written(known)), 0)
    end
  end
  return #list_ > 0 and list_ or { gap.from(text) }
end

local function share_text(share)
  return share and ("%.3f"):format(share) or "-"
end

local function steps_of(result)
  return ("%d control step%s"):format(result.steps, result.steps == 1 and "" or "s")
end

local function show(results, args)
  local first = results[1]
  local from = args.policy and "rollouts of " .. args.policy or args.dataset or "rollouts of uniform actions"
  print(("%s: %d states of %s, %s, seed %d\n"):format(first.env, first.states, from, steps_of(first), first.seed))
  if #results == 1 then
    print(("%-22s %-6s %12s %12s %8s"):format("", "unit", "difference", "real step", "share"))
    for _, c in ipairs(first.components) do
      print(("%-22s %-6s %12.3g %12.3g %8s"):format(c.name, c.unit, c.difference, c.step, share_text(c.share)))
    end
    print(("%-54s %8.3f"):format("mean share", first.share))
  else
    local heads = {}
    for i, result in ipairs(results) do heads[i] = ("%14s"):format(result.gap:match("%((.*)%)"):gsub('"', "")) end
    print(("share at the level     unit   %12s%s"):format("real step", table.concat(heads)))
    for i, c in ipairs(first.components) do
      local shares = {}
      for r, result in ipairs(results) do shares[r] = ("%14s"):format(share_text(result.components[i].share)) end
      print(("%-22s %-6s %12.3g%s"):format(c.name, c.unit, c.step, table.concat(shares)))
    end
    local means = {}
    for r, result in ipairs(results) do means[r] = ("%14.3f"):format(result.share) end
    print(("%-42s%s"):format("mean share", table.concat(means)))
  end
  print("\ndifference: mean |next state in the simulator - in the real world|; real step: standard deviation of the"
    .. "\nreal world's own change; share: the first over the second.")
  for _, result in ipairs(results) do
    print((result.effect.differs and "" or "warning: ") .. result.effect.text)
    if result.effect.differs and result.share == 0 then
      print(("  but not within %s of these states: --steps looks farther, --policy takes other states"):format(
        steps_of(result)))
    end
    if result.diverged > 0 then print(("%d states diverged and are left out"):format(result.diverged)) end
  end
end

-- ---- the picture ----

-- From light to dark, as the levels rise; in grey too.
local SHADES = { "#DCEBF3", "#86B9D6", "#2E75A6", "#0B2545" }

local function quoted(text)
  return "'" .. text:gsub("'", "''") .. "'"
end

--- gnuplot's commands for one group of bars a component, one bar a gap.
local function bars(results)
  local lines, plots, steps, largest = { "$shares << EOD" }, {}, results[1].steps, 0.0
  for _, result in ipairs(results) do largest = math.max(largest, result.share) end
  for i, c in ipairs(results[1].components) do
    local row = { ('"%s"'):format(c.name:gsub('"', "")) }
    for r, result in ipairs(results) do row[r + 1] = ("%.6g"):format(result.components[i].share or 0.0) end
    lines[#lines + 1] = table.concat(row, " ")
  end
  lines[#lines + 1] = "EOD"
  for r, result in ipairs(results) do
    local shade = SHADES[(math.max(0, #SHADES - #results) + r - 1) % #SHADES + 1]
    plots[r] = ("$shares using %d:xtic(1) title %s lc rgb '%s'"):format(r + 1,
      quoted(("%s: mean %.3f"):format(result.gap, result.share)), shade)
  end
  for _, line in ipairs {
    "set title " .. quoted(("%s from the same states and actions: the simulator's against the real %s's")
      :format(steps == 1 and "One step" or steps .. " steps", results[1].env)) .. " noenhanced tc rgb '#111111'",
    "set ylabel 'Mean difference / std of the real step' tc rgb '#222222'",
    "set style data histograms",
    "set style histogram clustered gap 1",
    "set style fill solid 1.0 border rgb '#333333'", "set boxwidth 0.9",
    "set xtics rotate by 45 right noenhanced", "set yrange [0:*]", "set rmargin 3",
    largest == 0 and "set label 'no difference' at graph 0.5, 0.5 center tc rgb '#222222'" or "",
    "set key above left reverse Left noenhanced tc rgb '#222222' samplen 1.5",
    "plot " .. table.concat(plots, ", "),
  } do
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\n")
end

function command.run(args)
  if args.load then
    local chunk, problem = loadfile(args.load)
    if not chunk then error("--load: " .. problem, 0) end
    chunk()
  end
  if not args.gap then return list(gap.list(), args.json) end
  if not args.env then return list({ gap.about(args.gap).name }, args.json) end
  if args.policy and args.dataset then error("--policy and --dataset: states come from one of them", 0) end
  if args.output then plot.check_path(args.output) end
  local options = { states = args.states, steps = args.steps, seed = args.seed,
    policy = args.policy and tide.load_policy(args.policy, args.seed) or false,
    dataset = args.dataset and recipes.open(args.dataset, { infos = true }) or false }
  local results = {}
  for i, one in ipairs(wanted(args.gap)) do
    results[i] = one:measure(args.env, options)
    results[i].effect = one:effect(args.env, { seed = args.seed })
  end
  if args.output then
    plot.draw(bars(results), args.output, { math.max(800, 34 * #results[1].components), 500 })
  end
  if args.json then print(json.encode(results, "  ")) else show(results, args) end
  if args.output and not args.json then print(args.output) end
end

return command
