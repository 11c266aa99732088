local progress = require "tide.progress"

--- A stream that keeps what is written, and a clock that is set by hand.
local function harness(options)
  local h = { now = 100, writes = {} }
  local stream = {}
  function stream.write(_, ...)
    h.writes[#h.writes + 1] = table.concat({ ... })
    return stream
  end
  function stream.flush() end
  options.stream, options.clock = stream, function() return h.now end
  h.bar = progress.new(options)
  return h
end

local function text(h)
  return table.concat(h.writes)
end

--- The last line drawn on a terminal, without the codes around it.
local function line(h)
  return h.writes[#h.writes]:match("^\r(.*)\27%[K$")
end

local function terminal(width, options)
  options = options or {}
  options.terminal, options.width = true, width
  options.total = options.total or 1000
  options.unicode = options.unicode or false
  return harness(options)
end

describe("progress", function()
  it("redraws one line at most ten times a second", function()
    local h = terminal(80)
    for i = 1, 1000 do
      h.now = h.now + 0.001
      h.bar:update(i)
    end
    assert.is_true(#h.writes >= 8 and #h.writes <= 11, #h.writes .. " drawings in a second")
    assert.is_nil(text(h):find("\n"))
  end)

  it("shows share, rate, remaining time and the last return", function()
    local h = terminal(100, { total = 1000, name = "h2o" })
    for i = 1, 20 do
      h.now = h.now + 1
      h.bar:update(i * 20)
    end
    h.bar:evaluation(400, 4310.4)
    local shown = line(h)
    assert.matches("^h2o  ############%.+ ", shown)
    for _, part in ipairs { " 40 %", "20.0 updates/s", "30 s left", "return 4310" } do
      assert.is_truthy(shown:find(part, 1, true), part .. " is not in " .. shown)
    end
  end)

  it("takes the rate over the last half minute", function()
    local h = terminal(100, { total = 100000 })
    for i = 1, 100 do
      h.now = h.now + 1
      h.bar:update(i * 10)
    end
    for i = 1, 60 do
      h.now = h.now + 1
      h.bar:update(1000 + i * 100)
    end
    assert.is_truthy(line(h):find("100 updates/s", 1, true), line(h))
  end)

  it("counts a resumed run's rate from where it resumed", function()
    local h = terminal(100, { total = 2000, first = 1000 })
    h.now = h.now + 10
    h.bar:update(1100)
    assert.is_truthy(line(h):find(" 55 %", 1, true))
    assert.is_truthy(line(h):find("10.0 updates/s  1 min 30 s left", 1, true), line(h))
  end)

  it("fits every width and says less where it is narrow", function()
    for width = 8, 200 do
      for _, unicode in ipairs { true, false } do
        local h = terminal(width, { name = "halfcheetah-medium-replay", unicode = unicode })
        for i = 1, 10 do
          h.now = h.now + 7
          h.bar:update(i * 33)
        end
        h.bar:evaluation(333, 12345)
        assert.is_true(utf8.len(line(h)) < width, ("%d columns: %s"):format(width, line(h)))
        assert.is_truthy(line(h):find("33 %", 1, true))
      end
    end
  end)

  it("has a full bar at the end and an empty one at the start", function()
    local h = terminal(80, { unicode = true, total = 10 })
    h.bar:update(0)
    assert.is_nil(line(h):find("█"))
    h.now = h.now + 1
    h.bar:update(10)
    h.bar:finish()
    assert.is_nil(text(h):match("([^\r]*)\n$"):find("░"))
    assert.is_truthy(text(h):find("100 %", 1, true))
  end)

  it("prints messages above the bar", function()
    local h = terminal(60)
    h.bar:update(1)
    h.bar:print("a remark")
    assert.is_truthy(text(h):find("\r\27[Ka remark\n\r", 1, true))
  end)

  it("writes plain lines off a terminal: by time and for each evaluation", function()
    local h = harness { terminal = false, total = 200000, interval = 30, name = "sac" }
    for i = 1, 90 do
      h.now = h.now + 1
      h.bar:update(i * 80)
    end
    h.bar:evaluation(7200, -12.3)
    h.bar:finish() -- what was said last is not said again
    assert.equal(4, select(2, text(h):gsub("\n", "")))
    h.bar:update(7201)
    h.bar:finish()
    assert.equal(5, select(2, text(h):gsub("\n", "")))
    assert.is_nil(text(h):find("[\r\27]"))
    local last = "sac: 7,200 / 200,000 (3 %), 80.0 updates/s, 40 min 10 s left, return -12\n"
    assert.is_truthy(text(h):find(last, 1, true))
  end)

  it("is silent when asked, but for messages", function()
    for _, is_terminal in ipairs { true, false } do
      local h = harness { terminal = is_terminal, width = 80, total = 10, quiet = true }
      h.now = h.now + 100
      h.bar:update(3)
      h.bar:evaluation(4, 5)
      h.bar:print("a remark")
      h.bar:finish()
      assert.equal("a remark\n", text(h))
    end
  end)

  it("survives odd totals, returns and clocks", function()
    for _, total in ipairs { 0, 1, 1e6 } do
      local h = terminal(80, { total = total })
      h.bar:update(0)
      h.bar:update(5, "evaluating")
      h.now = h.now - 50
      h.bar:update(6)
      h.bar:evaluation(7, 0 / 0)
      h.bar:evaluation(7, math.huge)
      h.bar:finish()
    end
    assert.has_error(function() progress.new {} end)
    assert.error_matches(function() progress.new { total = 1, totl = 2 } end, "totl")
  end)

  it("says durations as people do", function()
    local expected = { [0] = "0 s", [59.4] = "59 s", [59.6] = "1 min 00 s", [750] = "12 min 30 s",
                       [11100] = "3 h 05 min", [187200] = "2 d 4 h" }
    for seconds, words in pairs(expected) do assert.equal(words, progress.duration(seconds)) end
  end)
end)
