--- How far a run is. On a terminal one line, drawn again in place; elsewhere plain lines, now and then.
local core = require "tide.core"

local process = core.process
local progress = {}
local Progress = {}
Progress.__index = Progress

local defaults = {
  total = nil,           -- steps in all
  first = 0,             -- the step that this part starts from (after a resume)
  name = "",             -- shown before the bar
  unit = "updates",      -- what a step is
  stream = io.stderr,
  descriptor = 2,        -- of the stream: where to ask for a terminal and its width
  terminal = nil,        -- true or false instead of asking
  width = nil,           -- columns instead of asking
  unicode = nil,         -- true or false instead of reading the locale
  interval = 30,         -- seconds between plain lines
  quiet = false,         -- nothing is written, but for print()
  redraw = 0.1,          -- least seconds between two drawings
  window = 30,           -- seconds over which the rate is taken
  clock = process.monotonic,
}

--- Whether the locale's terminals show more than ASCII.
function progress.unicode()
  local locale = os.getenv("LC_ALL")
  if not locale or locale == "" then locale = os.getenv("LC_CTYPE") end
  if not locale or locale == "" then locale = os.getenv("LANG") or "" end
  return locale:lower():find("utf%-?8") ~= nil
end

--- progress.new { total =, ... }: options as in `defaults`.
function progress.new(options)
  local self = setmetatable({}, Progress)
  for key, value in pairs(defaults) do self[key] = value end
  for key, value in pairs(options) do
    if defaults[key] == nil and key ~= "total" and key ~= "terminal" and key ~= "width" and key ~= "unicode" then
      error(("progress.new: unknown option %q"):format(tostring(key)), 2)
    end
    self[key] = value
  end
  if type(self.total) ~= "number" or self.total < 0 then error("progress.new: total is not a count", 2) end
  if self.terminal == nil then
    self.terminal = process.is_terminal(self.descriptor) and os.getenv("TERM") ~= "dumb"
  end
  if self.unicode == nil then self.unicode = progress.unicode() end
  local now = self.clock()
  self.step, self.started, self.drawn, self.said = self.first, now, -math.huge, now
  self.samples = { { now, self.first } } -- the oldest first, one a second at most
  return self
end

-- ---- words ----

--- 1234567 -> "1,234,567"
function progress.grouped(n)
  local text = ("%d"):format(math.floor(n))
  local changed
  repeat
    text, changed = text:gsub("^(%-?%d+)(%d%d%d)", "%1,%2")
  until changed == 0
  return text
end

--- Seconds as a person says them: "48 s", "12 min 30 s", "3 h 05 min", "2 d 4 h".
function progress.duration(seconds)
  local s = math.max(0, math.floor(seconds + 0.5))
  if s < 60 then return ("%d s"):format(s) end
  if s < 3600 then return ("%d min %02d s"):format(s // 60, s % 60) end
  if s < 86400 then return ("%d h %02d min"):format(s // 3600, s % 3600 // 60) end
  return ("%d d %d h"):format(s // 86400, s % 86400 // 3600)
end

--- 123.4 -> "123", 12.34 -> "12.3", 1.234 -> "1.23"
function progress.rate_text(rate)
  if rate >= 100 then return ("%.0f"):format(rate) end
  return (rate >= 10 and "%.1f" or "%.2f"):format(rate)
end

--- Steps a second over the last `window` seconds, or nil before there is a second of them.
function Progress:rate(now)
  local oldest = self.samples[1]
  local seconds = now - oldest[1]
  if seconds < 1 or self.step <= oldest[2] then return nil end
  return (self.step - oldest[2]) / seconds
end

local function note_sample(self, now)
  local samples = self.samples
  if now - samples[#samples][1] < 1 then return end
  samples[#samples + 1] = { now, self.step }
  while #samples > 2 and now - samples[2][1] >= self.window do table.remove(samples, 1) end
end

--- The facts, most important first: rate, time left, last return, and what the caller adds.
local function facts(self, now)
  local list, rate = {}, self:rate(now)
  if rate then
    list[#list + 1] = progress.rate_text(rate) .. " " .. self.unit .. "/s"
    if self.step < self.total then list[#list + 1] = progress.duration((self.total - self.step) / rate) .. " left" end
  end
  if self.last_return then list[#list + 1] = ("return %.0f"):format(self.last_return) end
  if self.note then list[#list + 1] = self.note end
  return list
end

-- ---- drawing ----

local function columns(text)
  return utf8.len(text) or #text
end

--- `cells` columns of bar, `share` of them full; Unicode has eighths of a column.
function progress.bar(cells, share, unicode)
  if not unicode then
    local full = math.floor(cells * share + 1e-9)
    return ("#"):rep(full) .. ("."):rep(cells - full)
  end
  local eighths = math.floor(cells * 8 * share + 1e-9)
  local full, part = eighths // 8, eighths % 8
  local text = ("█"):rep(full)
  if part > 0 then text = text .. utf8.char(0x2590 - part) end
  return text .. ("░"):rep(cells - full - (part > 0 and 1 or 0))
end

local function share_done(self)
  return self.total > 0 and math.max(0, math.min(1, self.step / self.total)) or 1
end

--- One line of at most `width` columns: name, bar, share, facts. Where it is narrow the bar shrinks to
--- 8 columns, then the name goes, then the facts from the last on, then the bar.
local function compose(self, now, width)
  local list = facts(self, now)
  table.insert(list, 1, ("%3d %%"):format(math.floor(share_done(self) * 100 + 1e-9)))
  local name = self.name ~= "" and self.name .. "  " or ""
  local text = table.concat(list, "  ")
  if columns(name) + columns(text) + 9 > width then name = "" end
  while #list > 1 and columns(text) + 9 > width do
    list[#list] = nil
    text = table.concat(list, "  ")
  end
  local cells = math.min(30, width - columns(name) - columns(text) - 1)
  if cells < 8 then return text end
  return name .. progress.bar(cells, share_done(self), self.unicode) .. " " .. text
end

local function draw(self, now)
  if self.quiet then return end
  -- the last column stays free: some terminals break the line there
  local width = (self.width or process.terminal_width(self.descriptor) or 80) - 1
  self.stream:write("\r", compose(self, now, width), "\27[K")
  self.stream:flush()
  self.drawn, self.shown = now, true
end

local function say(self, now)
  if self.quiet then return end
  local list = facts(self, now)
  local head = ("%s / %s (%d %%)"):format(progress.grouped(self.step), progress.grouped(self.total),
    math.floor(share_done(self) * 100 + 1e-9))
  table.insert(list, 1, (self.name ~= "" and self.name .. ": " or "") .. head)
  self.stream:write(table.concat(list, ", "), "\n")
  self.stream:flush()
  self.said, self.said_step = now, self.step
end

local function clear(self)
  if self.shown then self.stream:write("\r\27[K") end
  self.shown = false
end

-- ---- what the trainer calls ----

--- The run has reached `step`. Cheap: draws ten times a second at most, or a line every `interval` seconds.
--- note: a few words shown after the facts, e.g. "evaluating"; nil for none.
function Progress:update(step, note)
  self.step, self.note = step, note
  local now = self.clock()
  note_sample(self, now)
  if self.terminal then
    if now - self.drawn >= self.redraw then draw(self, now) end
  elseif now - self.said >= self.interval then
    say(self, now)
  end
end

--- An evaluation gave the mean return `value`: shown from now on, and a plain line of its own off a terminal.
function Progress:evaluation(step, value)
  self.step, self.last_return = step, value
  local now = self.clock()
  note_sample(self, now)
  if self.terminal then draw(self, now) else say(self, now) end
end

--- Prints a line without breaking the bar.
function Progress:print(text)
  clear(self)
  self.stream:write(text, "\n")
  if self.terminal then draw(self, self.clock()) else self.stream:flush() end
end

--- Ends the line; the last state of the bar stays on the screen.
function Progress:finish()
  local now = self.clock()
  self.note = nil
  if not self.terminal then
    if self.said_step ~= self.step then say(self, now) end
    return
  end
  draw(self, now)
  if self.shown then self.stream:write("\n") end
  self.stream:flush()
  self.shown = false
end

return progress
