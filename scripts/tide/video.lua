--- MP4 videos: images go through a pipe to ffmpeg, the file appears when it is whole.
--
--   local video <close> = tide.video("run.mp4", { width = 480, height = 480, rate = 20 })
--   video:add(image)                             -- of that size; as often as there are pictures
--   video:finish()
--
-- Whatever ends the scope before `finish` leaves no file behind.
local core = require "tide.core"
local options = require "tide.options"
local uv = require "luv"

local video = {}
local Video = {}
Video.__index = Video

local defaults = {
  width = 480, height = 480, -- pixels
  rate = 20,                 -- pictures a second
}

--- H.264, as every player and browser shows it: colours at half the resolution, so of even sides.
local function arguments(size, rate, path)
  return {
    "-nostdin", "-hide_banner", "-loglevel", "error", "-y",
    "-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", size, "-framerate", ("%.6f"):format(rate),
    "-i", "pipe:0",
    "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4",
    "file:" .. path,
  }
end

local function wait(condition)
  while not condition() do uv.run("once") end
end

--- Raises an error where there is no ffmpeg.
function video.check()
  if not os.execute("command -v ffmpeg >/dev/null 2>&1") then
    error("video: ffmpeg is not installed (Debian: apt-get install ffmpeg)", 0)
  end
end

--- open(path, { width =, height =, rate = }) -> a video to add images to.
function video.open(path, given)
  local chosen = options.merge(defaults, given, "video")
  if type(path) ~= "string" or not path:find("%.mp4$") then
    error(("video: %s: videos are .mp4"):format(tostring(path)), 0)
  end
  if type(chosen.rate) ~= "number" or not (chosen.rate > 0 and chosen.rate <= 1000) then
    error(("video: rate %s; pictures a second, up to 1000"):format(tostring(chosen.rate)), 0)
  end
  video.check()
  local self = setmetatable({
    path = path, temporary = ("%s.%d.tmp"):format(path, core.process.pid()), pictures = 0, said = "",
    width = chosen.width, height = chosen.height, input = uv.new_pipe(), errors = uv.new_pipe(),
  }, Video)
  local size = ("%dx%d"):format(chosen.width, chosen.height)
  -- A pipe that ffmpeg has left is an error of the write, not this process's end.
  self.broken = uv.new_signal()
  self.broken:start("sigpipe", function() end)
  -- Through the shell, which is always there: luv does not survive a program that cannot be started.
  self.process = assert(uv.spawn("sh", {
    args = { "-c", 'exec "$0" "$@"', "ffmpeg", table.unpack(arguments(size, chosen.rate, self.temporary)) },
    stdio = { self.input, nil, self.errors },
    detached = true, -- a Ctrl-C is ours to answer
  }, function(code, signal) self.code = signal ~= 0 and 128 + signal or code end))
  self.errors:read_start(function(_, text)
    if text then self.said = (self.said .. text):sub(-2000) else self.errors:close() end
  end)
  return self
end

--- Waits until ffmpeg has ended, with everything that it says.
local function await_end(self)
  if self.over then return end
  self.over = true
  self.input:close()
  wait(function() return self.code and self.errors:is_closing() end)
  self.process:close()
  self.broken:close()
  uv.run("nowait")
end

local function fail(self)
  await_end(self)
  os.remove(self.temporary)
  local said = self.said:gsub("%s+$", ""):gsub("\n", "; ")
  error(("video: %s: ffmpeg failed (exit code %d): %s"):format(self.path, self.code, said), 0)
end

--- One more picture: an image of the video's size.
function Video:add(image)
  if self.over then error("video: it is finished", 2) end
  local width, height = image:size()
  if width ~= self.width or height ~= self.height then
    error(("video: an image of %d x %d pixels, the video has %d x %d"):format(width, height, self.width,
      self.height), 2)
  end
  local written, problem = false, nil
  self.input:write(image:bytes(), function(why) written, problem = true, why end)
  wait(function() return written end)
  if problem then fail(self) end
  self.pictures = self.pictures + 1
end

--- No more pictures: the file is there on return.
function Video:finish()
  if self.over then error("video: it is finished", 2) end
  await_end(self)
  if self.code ~= 0 then fail(self) end
  local renamed, why = os.rename(self.temporary, self.path)
  if not renamed then
    os.remove(self.temporary)
    error("video: " .. why, 0)
  end
end

--- Gives up: no file is left.
function Video:abandon()
  if self.over then return end
  if not self.code then self.process:kill("sigkill") end
  await_end(self)
  os.remove(self.temporary)
end

Video.__close = Video.abandon

return setmetatable(video, { __call = function(_, ...) return video.open(...) end })
