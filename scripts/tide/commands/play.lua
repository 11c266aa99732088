--- tide play POLICY -o FILE: an episode as a video or as a strip of pictures; with a gap, the real world and the
--- simulator side by side, from the same initial state.
local core = require "tide.core"
local gap = require "tide.gap"
local interruption = require "tide.interruption"
local lfs = require "lfs"
local picture = require "tide.picture"
local progress = require "tide.progress"
local tide = require "tide"
local video = require "tide.video"

local play = { summary = "Show a policy: a video, or a strip of pictures." }

function play.configure(command)
  command:argument("policy", "A policy.h5 file, the folder of a run, or 'random'.")
  command:option("-o --output", "The file to make: .mp4 or .png."):argname("FILE"):count(1)
  command:option("--env", "The environment; the one it was trained for otherwise.")
  command:option("--gap", "The simulator's gap, such as 'gravity(2.0)': it is shown beside the real world.")
  command:flag("--alone", "Show the world with the gap alone.")
  command:option("--seed", "Of the initial state.", 0, math.tointeger)
  command:option("--steps", "Control steps at most; the whole episode otherwise.", nil, math.tointeger)
  command:flag("--sample", "Sample actions instead of taking the deterministic ones.")
  command:option("--size", "Pixels of one picture: 480x480; 320x320 in a strip."):argname("WxH")
  command:option("--fps", "Pictures a second at most; steps are left out where there are more.", 50, tonumber)
  command:option("--frames", "Pictures in a strip.", 6, math.tointeger)
  command:option("--step", "One picture, after so many steps, instead of a strip.", nil, math.tointeger)
end

-- ---- what the command line says ----

local function whole_size(text, otherwise)
  if not text then return otherwise, otherwise end
  local width, height = text:match("^(%d+)x(%d+)$")
  if not width then error(("--size %s: WIDTHxHEIGHT is needed, such as 640x480"):format(text), 0) end
  return math.tointeger(width), math.tointeger(height)
end

local function check(args)
  if not args.output:find("%.png$") and not args.output:find("%.mp4$") then
    error(("%s: a video is .mp4, a picture .png"):format(args.output), 0)
  end
  local folder = args.output:match("^(.*)/[^/]*$")
  if folder and folder ~= "" and lfs.attributes(folder, "mode") ~= "directory" then
    error(("%s: there is no folder %s"):format(args.output, folder), 0)
  end
  if args.steps and args.steps < 1 then error("--steps: at least 1", 0) end
  if args.step and args.step < 0 then error("--step: at least 0", 0) end
  if args.frames < 1 or args.frames > 100 then error("--frames: 1 to 100", 0) end
  if not (args.fps > 0 and args.fps <= 1000) then error("--fps: more than 0, up to 1000", 0) end
  if args.alone and not args.gap then error("--alone: only with --gap", 0) end
end

local uniform = {}
uniform.__index = uniform

function uniform:act()
  return self.rng:uniform(-1, 1, self.action_dim)
end

--- A fresh policy for a world: what it draws is the same in each.
local function policy_for(args, world)
  if args.policy == "random" then
    return setmetatable({ rng = core.rng(args.seed), action_dim = world.action_dim }, uniform)
  end
  local policy = tide.load_policy(args.policy, args.seed)
  if world.observation_dim ~= policy.observation_dim or world.action_dim ~= policy.action_dim then
    error(("%s: takes %d observations and gives %d actions, %s has %d and %d"):format(args.policy,
      policy.observation_dim, policy.action_dim, world.name, world.observation_dim, world.action_dim), 0)
  end
  return policy
end

local function env_of(args)
  if args.env then return args.env end
  if args.policy == "random" then error("random: give --env, the environment to act in", 0) end
  local _, about = tide.load_policy(args.policy)
  return about.env or error(("%s: does not say its environment; give --env"):format(args.policy), 0)
end

-- ---- episodes ----

--- One episode: states and returns from step 0 on; `ended` says why it was over early.
local function record(world, policy, mode, most)
  local observation, total = world:reset(), 0.0
  local episode = { states = { [0] = world.physics:state() }, returns = { [0] = 0.0 }, steps = 0 }
  for step = 1, most do
    local reward, terminal, timeout, diverged
    observation, reward, terminal, timeout, diverged = world:step(policy:act(observation, mode))
    core.end_step()
    total = total + reward
    episode.states[step], episode.returns[step], episode.steps = world.physics:state(), total, step
    if terminal or timeout then
      episode.ended = diverged and "the simulation diverged" or terminal and "a terminal state" or nil
      break
    end
  end
  return episode
end

--- A world, its episode and a camera: what is shown in one place of the picture.
local function new_panel(args, name, given_gap, title, size)
  local world = tide.world(name, { gap = given_gap, seed = args.seed })
  local camera = picture(world, size)
  local most = math.min(args.steps or math.huge, args.step or math.huge, world.max_episode_steps)
  local episode = record(world, policy_for(args, world), args.sample and "sample" or "mean", most)
  return { title = title, world = world, camera = camera, episode = episode }
end

local function panels_for(args, width, height)
  local name, size = env_of(args), { width = width, height = height }
  local wrong = gap.from(args.gap)
  local function panel(...) return new_panel(args, name, ...) end
  if not wrong then return { panel(nil, nil, size) } end
  local title = "simulator: " .. tostring(wrong):gsub(" %+ ", "\n  + ")
  local simulated = panel(wrong, title, size)
  return args.alone and { simulated } or { panel(nil, "real", size), simulated }
end

--- Draws a panel as it is after `step` steps; where its episode is over, as it was then.
local function draw(panel, step, image, x, y)
  local episode = panel.episode
  local at = math.min(step, episode.steps)
  panel.world.physics:restore(episode.states[at])
  local over = step > at and episode.ended and " (over)" or ""
  local label = ("step %d%s   return %.1f"):format(at, over, episode.returns[at])
  panel.camera:draw((panel.title and panel.title .. "\n" or "") .. label, image, x, y)
end

local function longest(panels)
  local steps = 0
  for _, panel in ipairs(panels) do steps = math.max(steps, panel.episode.steps) end
  return steps
end

-- ---- files ----

local GAP = 2 -- black pixels between pictures

--- Where a picture begins, and how long n of them are: multiples of their side and the gaps between.
local function offset(index, side) return (index - 1) * (side + GAP) end
local function extent(n, side) return n * side + (n - 1) * GAP end

--- From left to right through the episode, a row for each panel.
local function make_strip(args, panels, width, height)
  local last, steps = longest(panels), {}
  local n = args.step and 1 or math.min(args.frames, last + 1)
  for i = 1, n do steps[i] = n == 1 and last or math.floor(last * (i - 1) / (n - 1) + 0.5) end
  local image = picture.image(extent(n, width), extent(#panels, height))
  for row, panel in ipairs(panels) do
    for column, step in ipairs(steps) do draw(panel, step, image, offset(column, width), offset(row, height)) end
  end
  image:save(args.output)
  return ("%s: %d %s"):format(args.output, n, n == 1 and "picture" or "pictures")
end

--- Panels side by side, in real time.  -> a line about it; nil and the signal where one came
local function make_video(args, panels, width, height)
  local world, last = panels[1].world, longest(panels)
  local dt = world.env.frame_skip * world.physics:timestep()
  local stride = math.max(1, math.ceil(1 / (dt * args.fps) - 1e-9))
  local rate, n = 1 / (dt * stride), last // stride + 1
  local image = picture.image(extent(#panels, width), height)
  local film <close> = video(args.output, { width = extent(#panels, width), height = height, rate = rate })
  local bar = progress.new { total = n, name = "play", unit = "pictures" }
  for i = 1, n do
    for column, panel in ipairs(panels) do draw(panel, (i - 1) * stride, image, offset(column, width), 0) end
    film:add(image)
    bar:update(i)
    local signal = core.process.signalled()
    if signal then return nil, signal end
  end
  film:finish()
  bar:finish()
  return ("%s: %d pictures, %.4g a second"):format(args.output, n, rate)
end

--- make(...), which ends early where a signal came.
local function minding_signals(make, ...)
  core.process.catch_signals()
  local ok, said, signal = pcall(make, ...)
  core.process.release_signals()
  if not ok then error(said, 0) end
  return said, signal and interruption.exit_code(signal)
end

function play.run(args)
  check(args)
  local is_video = args.output:find("%.mp4$") ~= nil
  if is_video then video.check() end
  local width, height = whole_size(args.size, is_video and 480 or 320)
  local panels = panels_for(args, width, height)
  local said, code = minding_signals(is_video and make_video or make_strip, args, panels, width, height)
  if not said then return code end
  print(said)
  for _, panel in ipairs(panels) do
    local episode = panel.episode
    print(("  %s: return %.1f in %d steps%s"):format((panel.title or panel.world.name):gsub("\n *", " "),
      episode.returns[episode.steps], episode.steps, episode.ended and ", then " .. episode.ended or ""))
  end
  return 0
end

return play
