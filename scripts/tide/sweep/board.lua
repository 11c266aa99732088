--- What a sweep's launcher shows: on a terminal a board that is drawn again in place, a line a run; elsewhere plain
--- lines, at each event and now and then.
local core = require "tide.core"
local progress = require "tide.progress"

local process = core.process
local board = {}
local Board = {}
Board.__index = Board

local defaults = {
  name = "",           -- of the sweep
  stream = io.stderr,
  descriptor = 2,      -- of the stream
  terminal = nil,      -- true or false instead of asking
  width = nil, height = nil, -- instead of asking
  unicode = nil,       -- true or false instead of reading the locale
  interval = 60,       -- seconds between plain reports
  redraw = 0.5,        -- seconds between two drawings
  quiet = false,
  clock = process.monotonic,
}

function board.new(options)
  local self = setmetatable({}, Board)
  for key, value in pairs(defaults) do self[key] = value end
  for key, value in pairs(options) do self[key] = value end
  if self.terminal == nil then
    self.terminal = process.is_terminal(self.descriptor) and os.getenv "TERM" ~= "dumb"
  end
  if self.unicode == nil then self.unicode = progress.unicode() end
  self.drawn, self.said, self.rows = -math.huge, self.clock(), 0
  return self
end

-- ---- words ----

local function columns(text)
  return utf8.len(text) or #text
end

local function share_of(run)
  return run.steps > 0 and math.max(0, math.min(1, run.updates / run.steps)) or 1
end

--- Rate, time left, last return: what is known of them.
local function facts(run)
  local list = {}
  if run.rate then
    list[#list + 1] = progress.rate_text(run.rate) .. " updates/s"
    list[#list + 1] = progress.duration((run.steps - run.updates) / run.rate) .. " left"
  end
  if run.last_return then list[#list + 1] = ("return %.0f"):format(run.last_return) end
  if run.note then list[#list + 1] = run.note end
  return list
end

--- The sentence about all: "table1: 3 of 15 runs done, 2 running, 10 to come; about 1 h 05 min left".
function board.headline(view)
  local parts = { ("%s: %d of %d runs done"):format(view.name, view.done, view.total) }
  local function add(n, text)
    if n > 0 then parts[#parts + 1] = ("%d %s"):format(n, text) end
  end
  add(#view.running, "running")
  add(view.waiting, "to come")
  add(view.failed, "failed")
  local text = table.concat(parts, ", ")
  if view.note then return text .. "; " .. view.note end
  if view.seconds_left then text = text .. "; about " .. progress.duration(view.seconds_left) .. " left" end
  return text
end

local function cut(text, width)
  if columns(text) <= width then return text end
  return text:sub(1, (utf8.offset(text, width) or width) - 1) .. "~"
end

--- One run in at most `width` columns; facts go from the last on, then the bar, then the name is cut.
local function run_line(run, label_width, width, unicode)
  local label = "  " .. run.label .. (" "):rep(label_width - columns(run.label))
  local list = facts(run)
  table.insert(list, 1, ("%3d %%"):format(math.floor(share_of(run) * 100 + 1e-9)))
  local cells = 16
  local function columns_wanted() return columns(label) + 2 + cells + 1 + columns(table.concat(list, "  ")) end
  while #list > 1 and columns_wanted() > width do list[#list] = nil end
  if columns_wanted() > width then cells = 0 end
  if cells == 0 then return cut(label, math.max(8, width - 7)) .. "  " .. table.concat(list, "  ") end
  return label .. "  " .. progress.bar(cells, share_of(run), unicode) .. " " .. table.concat(list, "  ")
end

--- The board as lines: the sentence, then a run each; where there are more than fit, how many more.
--- view: { name, total, done, failed, waiting, seconds_left or nil, note or nil, running = { { label, updates, steps,
--- rate or nil, last_return or nil, note or nil }, ... } }
function board.lines(view, width, height, unicode)
  local lines, label_width = { cut(board.headline(view), width) }, 0
  for _, run in ipairs(view.running) do label_width = math.max(label_width, columns(run.label)) end
  local room = math.max(1, height - 2)
  for i, run in ipairs(view.running) do
    if i == room and #view.running > room then
      lines[#lines + 1] = ("  and %d more"):format(#view.running - room + 1)
      break
    end
    lines[#lines + 1] = run_line(run, label_width, width, unicode)
  end
  return lines
end

-- ---- writing ----

local function erase(self)
  if self.rows > 0 then self.stream:write(("\27[%dA\r\27[J"):format(self.rows)) end
  self.rows = 0
end

local function draw(self, view)
  local width = (self.width or process.terminal_width(self.descriptor) or 80) - 1 -- the last column stays free
  local lines = board.lines(view, width, self.height or process.terminal_height(self.descriptor) or 24, self.unicode)
  erase(self)
  self.stream:write(table.concat(lines, "\n"), "\n")
  self.stream:flush()
  self.rows, self.drawn = #lines, self.clock()
end

local function say(self, view)
  self.stream:write(board.headline(view), "\n")
  for _, run in ipairs(view.running) do
    local head = ("  %s: %s / %s updates (%d %%)"):format(run.label, progress.grouped(run.updates),
      progress.grouped(run.steps), math.floor(share_of(run) * 100 + 1e-9))
    self.stream:write(table.concat({ head, table.unpack(facts(run)) }, ", "), "\n")
  end
  self.stream:flush()
  self.said = self.clock()
end

--- Whether update() would write now: what is shown need not be gathered before.
function Board:due()
  if self.quiet then return false end
  if self.terminal then return self.clock() - self.drawn >= self.redraw end
  return self.clock() - self.said >= self.interval
end

--- Shows how things stand.
function Board:update(view)
  if self.quiet then return end
  if self.terminal then draw(self, view) else say(self, view) end
end

--- A line that stays. The board goes for it, and is due at once: something has happened.
function Board:print(text)
  if self.quiet then return end
  if self.terminal then
    erase(self)
    self.drawn = -math.huge
  end
  self.stream:write(text, "\n")
  self.stream:flush()
end

--- Takes the board away.
function Board:finish()
  if self.quiet or not self.terminal then return end
  erase(self)
  self.stream:flush()
end

return board
