--- tide env: the environments there are; of one, what it observes and does, what it pays, what can be wrong with it.
local env = require "tide.env"
local gap = require "tide.gap"
local json = require "tide.json"
local spaces = require "tide.spaces"
local world = require "tide.world"

local command = { summary = "List the environments; show one's spaces, rewards, gaps and reference scores." }

function command.configure(parser)
  parser:argument("env", "A name, or the .lua file of an environment."):args("?")
  parser:flag("--json", "Print one JSON object, or an array of them.")
end

local function mass_of(model)
  local total, bodies = 0.0, 0
  for _, body in ipairs(model:bodies()) do
    total = total + body.mass
    if body.parent then bodies = bodies + 1 end
  end
  return total, bodies
end

local function gaps_of(name)
  local list = {}
  for _, kind in ipairs(gap.list()) do
    local about = gap.about(kind)
    if about.about then
      about.levels = gap.levels(kind)
      about.parts, about.default_part = gap.groups(kind, name)
      list[#list + 1] = about
    end
  end
  return list
end

local function describe(what)
  local definition = env.get(what)
  local w = world(definition)
  local mass, bodies = mass_of(w.model)
  local timestep = w.model.timestep
  return {
    name = definition.name, model = env.model_path(definition), mass = mass, bodies = bodies,
    about = definition.about or {}, reference_scores = definition.reference_scores,
    timestep = timestep, frame_skip = definition.frame_skip, control_step = timestep * definition.frame_skip,
    max_episode_steps = definition.max_episode_steps, observation_clip = definition.observation.clip,
    positions = spaces.positions(w.model), velocities = spaces.velocities(w.model),
    observations = spaces.observations(w), actions = spaces.actions(w), gaps = gaps_of(definition.name),
  }
end

local function list_all(as_json)
  local all = {}
  for i, name in ipairs(env.list()) do all[i] = describe(name) end
  if as_json then return print(json.encode(all, "  ")) end
  print(("%-20s %12s %8s  %s"):format("environment", "observations", "actions", "task"))
  for _, one in ipairs(all) do
    print(("%-20s %12d %8d  %s"):format(one.name, #one.observations, #one.actions, one.about.task or ""))
  end
  print("\n`tide env NAME` shows one.")
end

local function show_numbers(title, list, detail)
  print(("\n%s: %d number%s"):format(title, #list, #list == 1 and "" or "s"))
  for i, one in ipairs(list) do print(("  %3d  %-22s %s"):format(i, one.name, detail(one))) end
end

local function unit_of(one) return one.unit end

local function show_gaps(one)
  print(("\ngaps, and their levels (`tide gap NAME %s` measures one):"):format(one.name))
  for _, about in ipairs(one.gaps) do
    local levels = {}
    for i, level in ipairs(about.levels) do
      levels[i] = level.name == level.value and tostring(level.value) or ("%s %s"):format(level.name, level.value)
    end
    print(("  %-18s %-34s %s"):format(about.name, table.concat(levels, ", "), about.about))
    if #about.parts > 0 then
      print(("  %-18s parts: %s; %s unless named"):format("", table.concat(about.parts, ", "), about.default_part))
    elseif about.default_part then
      print(("  %-18s part: %s unless named"):format("", about.default_part))
    end
  end
end

local function show(one)
  local about, scores = one.about, one.reference_scores
  print(("%s%s"):format(one.name, about.task and ": " .. about.task or ""))
  print(("  model      %s, %.3g kg in %d bodies"):format(one.model, one.mass, one.bodies))
  print(("  control    every %g s: %d MuJoCo steps of %g s; episodes of at most %d steps"):format(one.control_step,
    one.frame_skip, one.timestep, one.max_episode_steps))
  print(("  reward     %s"):format(about.reward or "see its file"))
  print(("  ends       %s"):format(about.ends or "see its file"))
  print(("  starts     %s"):format(about.starts or "see its file"))
  print(scores and ("  scores     random %.1f, expert %.1f: 0 and 100 normalised"):format(scores.random, scores.expert)
        or "  scores     no reference scores")
  local clip = one.observation_clip
  show_numbers("observations" .. (clip and clip > 0 and (", clipped to [-%g, %g]"):format(clip, clip) or ""),
    one.observations, unit_of)
  show_numbers("actions", one.actions, function(action)
    return ("%g to %g, times %g"):format(action.low, action.high, action.gear)
  end)
  show_numbers("positions (qpos)", one.positions, unit_of)
  show_numbers("velocities (qvel)", one.velocities, unit_of)
  show_gaps(one)
end

function command.run(args)
  if not args.env then return list_all(args.json) end
  local one = describe(args.env)
  if args.json then print(json.encode(one, "  ")) else show(one) end
end

return command
