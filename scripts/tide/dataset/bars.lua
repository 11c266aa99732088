--- Progress bars of work on large files.
local core = require "tide.core"
local progress = require "tide.progress"

local bars = {}

local Bar = {}
Bar.__index = Bar

--- Ends the line, if one was begun. Also what a `<close>` variable does.
function Bar:close()
  if self.bar then self.bar:finish() end
  self.bar = nil
end
Bar.__close = Bar.close

--- new(name [, unit]) -> a bar: bar.report(done, total) draws it, from the first second of work on, so that small
--- files go without one.
function bars.new(name, unit)
  local self = setmetatable({}, Bar)
  local started = core.process.monotonic()
  function self.report(done, total)
    if not self.bar then
      if done >= total or core.process.monotonic() - started < 1 then return end
      self.bar = progress.new { total = total, name = name:match("[^/]*$"), unit = unit or "rows" }
    end
    self.bar:update(done)
  end
  return self
end

return bars
