-- Pictures, videos, and the command that makes them of a policy.
local core = require "tide.core"
local expect = require "support.expect"
local files = require "support.files"
local lfs = require "lfs"
local program = require "support.program"
local tide = require "tide"

local root = lfs.currentdir()
local policy = root .. "/envs/policies/halfcheetah-medium.h5"
local small = { width = 64, height = 48 }

local function has(command)
  return os.execute(("command -v %s >/dev/null 2>&1"):format(command)) == true
end

local drawable = pcall(tide.picture, tide.world("Hopper"), small)

--- A promise that needs OSMesa; without it the machine's message is one of its own.
local function promise(name, f)
  it(name, function()
    if not drawable then pending("libOSMesa is not installed") end
    f()
  end)
end

--- Width and height in a PNG file's header.
local function png_size(path)
  local head = files.read(path):sub(1, 24)
  assert.are.equal("\137PNG\r\n\26\n", head:sub(1, 8))
  local width, height = string.unpack(">I4I4", head, 17)
  return width, height
end

local function play(arguments, env)
  local words = { "play" }
  for word in arguments:gmatch("%S+") do words[#words + 1] = word end
  return program.run(words, { env = env })
end

--- f(folder, env): the folder is empty, but for a program ffmpeg that is the script `body`, first in env.PATH.
local function with_ffmpeg(body, f)
  program.with_folder(function(folder)
    assert(lfs.mkdir(folder .. "/bin"))
    files.write(folder .. "/bin/ffmpeg", "#!/bin/sh\n" .. body .. "\n")
    assert(os.execute("chmod +x " .. folder .. "/bin/ffmpeg"))
    f(folder, { PATH = folder .. "/bin:" .. os.getenv("PATH") })
  end)
end

local function entries(folder)
  local list = {}
  for name in lfs.dir(folder) do
    if name ~= "." and name ~= ".." and name ~= "bin" then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

describe("an image", function()
  it("is black at first, knows its size and becomes a PNG file", function()
    local image = tide.picture.image(5, 3)
    assert.are.same({ 5, 3 }, { image:size() })
    assert.are.equal(("\0"):rep(45), image:bytes())
    program.with_folder(function(folder)
      image:save(folder .. "/black.png")
      assert.are.same({ 5, 3 }, { png_size(folder .. "/black.png") })
      expect.refused("zero byte", image.save, image, folder .. "/a\0b.png")
    end)
  end)

  it("of no pixels or of too many is refused", function()
    for _, side in ipairs { 0, -1, 32769, math.maxinteger, math.mininteger } do
      expect.refused("width", tide.picture.image, side, 1)
      expect.refused("height", tide.picture.image, 1, side)
    end
    expect.refused("number", tide.picture.image, 1.5, 1)
  end)
end)

describe("a picture", function()
  promise("shows the state that the world is in, the same state with the same bytes", function()
    local world = tide.world("HalfCheetah", { seed = 1 })
    local camera = tide.picture(world, small)
    assert.are.same({ 64, 48 }, { camera:size() })
    world:reset()
    local state, first = world.physics:state(), camera:draw():bytes()
    assert.are.equal(3 * 64 * 48, #first)
    assert.are_not.equal(first:sub(1, 3):rep(64 * 48), first)
    for _ = 1, 10 do world:step({ 1, -1, 1, -1, 1, -1 }) end
    assert.are_not.equal(first, camera:draw():bytes())
    world.physics:restore(state)
    assert.are.equal(first, camera:draw():bytes())
  end)

  promise("leaves the steps of a world as they are", function()
    local function returns(drawn)
      local world = tide.world("Ant", { seed = 3 })
      local camera = drawn and tide.picture(world, small)
      world:reset()
      local list = {}
      for step = 1, 10 do
        local _, reward = world:step(core.rng(step):uniform(-1, 1, 8))
        if camera then camera:draw("step " .. step) end
        list[step] = reward
      end
      return list
    end
    assert.are.same(returns(false), returns(true))
  end)

  promise("stands where it is told to in a larger image", function()
    local world = tide.world("Hopper")
    local camera, image = tide.picture(world, small), tide.picture.image(200, 100)
    local alone = camera:draw("label"):bytes()
    assert.are.equal(image, camera:draw("label", image, 130, 50))
    local bytes, black = image:bytes(), ("\0"):rep(3 * 200)
    assert.are.equal(black:rep(50), bytes:sub(1, 50 * 600))
    for row = 0, 47 do
      local at = (50 + row) * 600
      assert.are.equal(("\0"):rep(3 * 130) .. alone:sub(row * 192 + 1, row * 192 + 192) .. ("\0"):rep(3 * 6),
        bytes:sub(at + 1, at + 600))
    end
    for _, place in ipairs { { 137, 0 }, { 0, 53 }, { math.maxinteger, 0 }, { -1, 0 } } do
      assert.is_false((pcall(camera.draw, camera, nil, image, place[1], place[2])))
    end
    expect.refused("do not fit", camera.draw, camera, nil, tide.picture.image(63, 48))
  end)

  promise("is of a living physics", function()
    local world = tide.world("Hopper")
    local camera = tide.picture(world, small)
    world.physics:close()
    expect.refused("closed", camera.draw, camera)
    camera:close()
    expect.refused("closed", camera.draw, camera)
    expect.refused("closed", tide.picture, world)
    local kept = tide.picture(tide.world("Hopper"), small) -- keeps the physics that no one else has
    collectgarbage()
    kept:draw()
  end)

  promise("of options that cannot be is refused", function()
    local world = tide.world("Hopper")
    for _, wrong in ipairs {
      { { width = 15 }, "16 to 4096" }, { { height = 4097 }, "16 to 4096" }, { { width = 0 }, "width" },
      { { width = 20.5 }, "width" }, { { width = "wide" }, "width" }, { { distance = -1 }, "distance" },
      { { azimuth = 0 / 0 }, "azimuth" }, { { elevation = 91 }, "elevation" }, { { body = "tail" }, "tail" },
      { { colour = 1 }, "colour" },
    } do
      expect.refused(wrong[2], tide.picture, world, wrong[1])
    end
    expect.refused("physics", tide.picture, 1)
  end)
end)

describe("a video", function()
  it("is refused where it cannot be", function()
    with_ffmpeg("cat >/dev/null", function(folder)
      expect.refused(".mp4", tide.video, folder .. "/a.avi")
      expect.refused("rate", tide.video, folder .. "/a.mp4", { rate = 0 })
      expect.refused("length", tide.video, folder .. "/a.mp4", { length = 0 })
    end)
  end)

  it("hands every byte of its images on, in order, and the file appears when it is whole", function()
    -- cat in ffmpeg's place: the last argument is file:PATH
    with_ffmpeg('for last in "$@"; do :; done\nexec cat >"${last#file:}"', function(folder, env)
      local result = program.run({ "repl" }, { env = env, input = ([[
        do
          local video <close> = tide.video("%s/it's $(one) \"file\".mp4", { width = 640, height = 480, rate = 30 })
          for i = 1, 3 do video:add(tide.picture.image(640, 480)) end
          print(pcall(video.add, video, tide.picture.image(641, 480)))
          video:finish()
          print(video.pictures, pcall(video.add, video, tide.picture.image(640, 480)))
        end]]):format(folder) })
      assert.are.equal(0, result.code, result.err)
      assert.matches("641 x 480", result.out, 1, true)
      assert.matches("3\tfalse\tvideo: it is finished", result.out, 1, true)
      local name = [[it's $(one) "file".mp4]]
      assert.are.same({ name }, entries(folder))
      assert.are.equal(3 * 3 * 640 * 480, lfs.attributes(folder .. "/" .. name, "size"))
    end)
  end)

  it("that ffmpeg fails at leaves no file, and an older one as it was", function()
    local failures = {
      'for last in "$@"; do :; done; head -c 100 >"${last#file:}"; echo "disk full" >&2; exit 3', -- ends early
      'for last in "$@"; do :; done; cat >"${last#file:}"; echo "disk full" >&2; exit 3',         -- fails at the end
    }
    for _, body in ipairs(failures) do
      with_ffmpeg(body, function(folder, env)
        files.write(folder .. "/run.mp4", "older")
        local result = program.run({ "repl" }, { env = env, input = ([[
          local video <close> = tide.video("%s/run.mp4", { width = 640, height = 480 }); %s video:finish()
          ]]):format(folder, ("video:add(tide.picture.image(640, 480)); "):rep(3)) })
        assert.are.equal(1, result.code, result.err)
        assert.matches("exit code 3", result.err .. result.out, 1, true)
        assert.matches("disk full", result.err .. result.out, 1, true)
        assert.are.same({ "run.mp4" }, entries(folder))
        assert.are.equal("older", files.read(folder .. "/run.mp4"))
      end)
    end
  end)

  it("that is given up leaves no file and no process", function()
    with_ffmpeg('echo $$ >"$0.pid"; for last in "$@"; do :; done; exec cat >"${last#file:}"', function(folder, env)
      local result = program.run({ "repl" }, { env = env, input = ([[
        do local video <close> = tide.video("%s/run.mp4"); video:add(tide.picture.image(480, 480)) end
        ]]):format(folder) })
      assert.are.equal(0, result.code, result.err)
      assert.are.same({}, entries(folder))
      local pid = files.read(folder .. "/bin/ffmpeg.pid"):match("%d+")
      assert.is_nil(lfs.attributes("/proc/" .. pid))
    end)
  end)

  it("without ffmpeg says what to install", function()
    local result = program.shell(("PATH=/nowhere %s play %s -o never.mp4"):format(program.path, policy))
    assert.are.equal(1, result.code)
    assert.matches("apt-get install ffmpeg", result.err, 1, true)
  end)
end)

describe("tide play", function()
  promise("makes a strip of pictures, a row for each world", function()
    program.with_folder(function(folder)
      local path = folder .. "/strip.png"
      local result = play(policy .. " --gap gravity(2.0) --steps 6 --size 40x32 -o " .. path)
      assert.are.equal(0, result.code, result.err)
      assert.matches("real: return .* in 6 steps", result.out)
      assert.are.same({ 6 * 40 + 5 * 2, 2 * 32 + 2 }, { png_size(path) })
      assert.are.equal(0, play(policy .. " --gap gravity(2.0) --alone --step 4 --size 40x32 -o " .. path).code)
      assert.are.same({ 40, 32 }, { png_size(path) })
      assert.are.same({ "strip.png" }, entries(folder))
    end)
  end)

  promise("runs the episode that tide eval runs, from the same initial state in both worlds", function()
    program.with_folder(function(folder)
      local one = " --step 1000 --size 40x32 -o " .. folder .. "/x.png"
      local result = play("random --env Hopper --gap gravity(1.0) --seed 5" .. one)
      assert.are.equal(0, result.code, result.err)
      local real, simulated = result.out:match("real: (return [^\n]*)\n.*gravity%(1.0%): (return [^\n]*)\n")
      assert.is_truthy(real)
      assert.are.equal(real, simulated) -- a gap of nothing
      assert.matches("then a terminal state", real)
      local shown = play(policy .. " --seed 7" .. one).out
      local evaluated = program.run({ "eval", policy, "--seed", "7", "--episodes", "1" }).out
      assert.are.equal(evaluated:match("episode 1 +return +([%d.-]+)"), shown:match("return ([%d.-]+)"))
    end)
  end)

  promise("makes a video of the steps in real time, leaving out what is too many", function()
    local raw = 'for last in "$@"; do :; done\necho "$@" >"$0.arguments"\nexec cat >"${last#file:}"'
    with_ffmpeg(raw, function(folder, env)
      local result = play(policy .. " --steps 10 --size 40x32 -o " .. folder .. "/a.mp4", env)
      assert.are.equal(0, result.code, result.err)
      assert.matches("a.mp4: 11 pictures, 20 a second", result.out, 1, true)
      assert.are.equal(11 * 3 * 40 * 32, lfs.attributes(folder .. "/a.mp4", "size"))
      assert.matches("-video_size 40x32 -framerate 20.000000", files.read(folder .. "/bin/ffmpeg.arguments"), 1, true)
      -- 125 steps a second: every third; two worlds and the gap between them
      result = play("random --env Hopper --steps 12 --gap friction(1.0) --size 40x32 -o " .. folder .. "/b.mp4", env)
      assert.matches("b.mp4: 5 pictures, 41.67 a second", result.out, 1, true)
      assert.are.equal(5 * 3 * 82 * 32, lfs.attributes(folder .. "/b.mp4", "size"))
    end)
  end)

  promise("makes an mp4 file with a picture for each step", function()
    if not (has "ffmpeg" and has "ffprobe") then pending("ffmpeg is not installed") end
    program.with_folder(function(folder)
      local path = folder .. "/a.mp4"
      local result = play(policy .. " --steps 10 --size 41x33 -o " .. path)
      assert.are.equal(0, result.code, result.err)
      local said = program.shell("ffprobe -v error -show_entries stream=codec_name,width,height,r_frame_rate,nb_frames"
        .. " -of csv=p=0 " .. path)
      assert.are.equal("h264,42,34,20/1,11", (said.out:gsub("%s+$", "")))
    end)
  end)

  promise("ends well where a signal ends it: no file, no bar", function()
    local slow = 'for last in "$@"; do :; done\n: >"$0.began"\nexec cat >"${last#file:}"'
    with_ffmpeg(slow, function(folder, env)
      local command = ("%s play %s --size 400x400 -o %s/a.mp4 2>/dev/null & pid=$!; "
        .. "while [ ! -e %s/bin/ffmpeg.began ]; do sleep 0.02; done; kill -TERM $pid; wait $pid"):format(program.path,
        policy, folder, folder)
      local result = program.shell(command, { env = env })
      assert.are.equal(143, result.code)
      assert.are.same({}, entries(folder))
    end)
  end)

  it("refuses what it cannot do, saying why", function()
    for arguments, wanted in pairs {
      [policy .. " -o a.gif"] = ".mp4", [policy .. " -o /nowhere/a.png"] = "no folder /nowhere",
      ["random -o a.png"] = "--env", ["missing.h5 -o a.png"] = "missing.h5",
      [policy .. " --env Ant -o a.png"] = "17 observations", [policy .. " --env Nothing -o a.png"] = "Nothing",
      [policy .. " --gap nothing -o a.png"] = "gap", [policy .. " --alone -o a.png"] = "--gap",
      [policy .. " --size 480 -o a.png"] = "WIDTHxHEIGHT", [policy .. " --size 0x9 -o a.png"] = "width",
      [policy .. " --steps 0 -o a.png"] = "--steps", [policy .. " --frames 0 -o a.png"] = "--frames",
      [policy .. " --fps 0 -o a.png"] = "--fps", [policy .. " --size 99999x99 -o a.png"] = "4096",
    } do
      local result = play(arguments)
      assert.are.equal(1, result.code, arguments)
      if drawable or not arguments:find("99999") then assert.matches(wanted, result.err, 1, true) end
    end
    assert.are.equal(2, play(policy).code)
    assert.is_nil(lfs.attributes("a.png"))
  end)
end)
