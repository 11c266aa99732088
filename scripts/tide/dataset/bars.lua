--- Progress bars of work on large files. Where a signal came, telling the bar how far it is ends the work.
local core = require "tide.core"
local interruption = require "tide.interruption"
local progress = require "tide.progress"

local bars = {}

local Bar = {}
Bar.__index = Bar

local PATIENCE = 1 -- seconds of work before a bar is shown: small files go without one

--- Ends the line, if one was begun. Also what a `<close>` variable does.
function Bar:close()
  if self.bar then self.bar:finish() end
  self.bar = nil
end
Bar.__close = Bar.close

--- new(name [, shown]) -> a bar: bar.report(done, total) draws it.  shown: options of progress.new.
function bars.new(name, shown)
  shown = shown or {}
  local self, clock = setmetatable({}, Bar), shown.clock or core.process.monotonic
  local started = clock()
  function self.report(done, total)
    interruption.check()
    if not self.bar then
      if done >= total or clock() - started < PATIENCE then return end
      local given = { total = total, name = name:match("[^/]*/*$"), unit = "rows" }
      for key, value in pairs(shown) do given[key] = value end
      self.bar = progress.new(given)
    end
    self.bar:update(done)
  end
  return self
end

return bars
