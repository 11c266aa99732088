--- Pictures of what policies do: they run episodes in one environment, from the same initial states, and each step's
--- reward is looked at.
local curves = require "tide.curves"
local env = require "tide.env"
local lfs = require "lfs"
local plan = require "tide.sweep.plan"
local plot = require "tide.plot"
local ridges = require "tide.plot.ridges"
local runs = require "tide.report.runs"
local tide = require "tide"
local traces = require "tide.traces"
local world = require "tide.world"

local episodes = {}

local POINTS = 400 -- of a curve over an episode, about

--- The policies in `paths`: { { label =, files = { paths } }, ... }. A path is a policy's file, a run's folder, one of
--- such folders or one of a sweep; runs that differ only in their seed are one, and so are cells that share their runs.
local function policies_of(paths, only)
  local list, folders, seen = {}, {}, {}
  local function add(groups)
    for _, group in ipairs(groups) do
      local one = { label = group.label, files = {} }
      for i, run in ipairs(group.runs) do one.files[i] = run.dir end
      local key = table.concat(one.files, "\n")
      if not seen[key] then list[#list + 1] = one end
      seen[key] = true
    end
  end
  for _, path in ipairs(paths) do
    local mode = lfs.attributes(path, "mode")
    if mode == "file" then
      list[#list + 1] = { label = path:match "([^/]+)$":gsub("%.h5$", ""), files = { path } }
    elseif mode == "directory" and plan.exists(path) then
      local groups = {}
      for _, group in ipairs(runs.sources({ path }, only)[1].groups) do
        local with_policy = { label = group.label, runs = {} }
        for _, run in ipairs(group.runs) do
          if lfs.attributes(run.dir .. "/policy.h5", "mode") then table.insert(with_policy.runs, run) end
        end
        if #with_policy.runs > 0 then groups[#groups + 1] = with_policy end
      end
      if #groups == 0 then error(("%s: no run of it has a policy (a copy of a sweep has none)"):format(path), 0) end
      add(groups)
    else
      folders[#folders + 1] = path
    end
  end
  if #folders > 0 then add(curves.group(curves.runs(folders))) end
  return list
end

--- The environment of all policies, by what they were trained for; refuses several.
local function env_of(list, given)
  local name = given.env
  for _, one in ipairs(list) do
    for i, file in ipairs(one.files) do
      local policy, about = tide.load_policy(file, given.seed)
      one[i] = policy
      if not given.env then
        if not about.env then error(("%s: does not say its environment; give --env"):format(file), 0) end
        if name and name ~= about.env then
          error(("%s is of %s, others are of %s: --env names one for all"):format(file, about.env, name), 0)
        end
        name = about.env
      end
    end
  end
  return name
end

--- Episodes of the policies in `paths`.  given: { env, gap, episodes, seed, steps, only, each may be nil }
--- -> { { name =, traces = }, ... }, the name of the environment
local function gather(paths, given)
  local list = policies_of(paths, given.only)
  local name = env_of(list, given)
  local found = {}
  for k, one in ipairs(list) do
    found[k] = { name = one.label, traces = {} }
    for i, policy in ipairs(one) do
      local made = world(name, { gap = given.gap, seed = given.seed })
      if made.observation_dim ~= policy.observation_dim or made.action_dim ~= policy.action_dim then
        error(("%s: takes %d observations and gives %d actions, %s has %d and %d"):format(one.files[i],
          policy.observation_dim, policy.action_dim, name, made.observation_dim, made.action_dim), 0)
      end
      made.max_episode_steps = given.steps or made.max_episode_steps
      for _ = 1, given.episodes do table.insert(found[k].traces, traces.run(policy, made)) end
    end
  end
  return found, env.get(name).name
end

local function words(found, given, name)
  local least, most = math.huge, 0
  for _, one in ipairs(found) do least, most = math.min(least, #one.traces), math.max(most, #one.traces) end
  local number = least == most and ("%d"):format(most) or ("%d to %d"):format(least, most)
  return ("%s%s, %s %s"):format(name, given.gap and " with " .. tostring(given.gap) or "", number,
    most == 1 and "episode" or "episodes")
end

--- How the reward of a single step is distributed, a policy below the other.  given: as above, and title
function episodes.rewards(paths, path, given)
  local found, name = gather(paths, given)
  local list = {}
  for i, one in ipairs(found) do
    list[i] = { name = one.name, values = {} }
    for _, trace in ipairs(one.traces) do
      table.move(trace.rewards, 1, #trace.rewards, #list[i].values + 1, list[i].values)
    end
  end
  ridges.draw(list, path, { x_label = "Reward of a step", title = given.title, note = words(found, given, name)
    .. "; dashed: the mean; ± standard deviation; at the ends, all that is beyond" })
end

--- The reward added up over the time of an episode, the mean over episodes.  given: as above, and title
function episodes.cumulative(paths, path, given)
  local found, name = gather(paths, given)
  local items, fell = {}, false
  for i, one in ipairs(found) do
    local longest = 0
    for _, trace in ipairs(one.traces) do longest = math.max(longest, #trace.rewards) end
    local curve = traces.cumulative(one.traces, math.max(1, longest // POINTS))
    fell = fell or #curve.falls > 0
    items[i] = { curve = curve, name = one.name, style = plot.style_of(i) }
  end
  local more = #found[1].traces > 1 and ": mean, least to greatest" or ""
  plot.items(items, path, { x_label = "Time, s", y_label = "Cumulative reward", title = given.title,
    note = words(found, given, name) .. more .. (fell and "; crosses: true ends" or "") })
end

return episodes
