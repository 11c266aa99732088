--- A headless Chromium that tests drive as a person would: DevTools' protocol over a pair of pipes, so that no port is
--- opened and no other program is needed.
local json = require "tide.json"
local uv = require "luv"

local browser = {}
local Browser = {}
Browser.__index = Browser

local TIMEOUT = 60000 -- ms for one answer: a busy machine is slow, not wrong

--- start(folder) -> a browser with one empty page; `folder` is for its profile.
function browser.start(folder)
  local self = setmetatable({ input = uv.new_pipe(), output = uv.new_pipe(), text = "", answers = {}, events = {},
    next = 1 }, Browser)
  self.process = assert(uv.spawn("chromium", {
    args = { "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
      "--remote-debugging-pipe", "--user-data-dir=" .. folder, "--hide-scrollbars", "about:blank" },
    stdio = { nil, nil, nil, self.input, self.output },
  }, function() self.gone, self.ended = true, true end))
  self.output:read_start(function(_, chunk)
    if not chunk then
      self.gone = true
      return
    end
    self.text = self.text .. chunk
    while true do
      local message, rest = self.text:match "^([^\0]*)\0(.*)$"
      if not message then return end
      self.text = rest
      self:receive(assert(json.decode(message)))
    end
  end)
  local target = self:ask("Target.createTarget", { url = "about:blank" }).targetId
  self.session = self:ask("Target.attachToTarget", { targetId = target, flatten = true }).sessionId
  for _, domain in ipairs { "Page", "Runtime", "Log", "Network" } do self:ask(domain .. ".enable") end
  return self
end

function Browser:receive(message)
  if message.id then
    self.answers[math.tointeger(message.id)] = message
  else
    self.events[#self.events + 1] = message
  end
end

--- Runs until done() is true.
function Browser:wait(what, done)
  local late, timer = false, uv.new_timer()
  timer:start(TIMEOUT, 0, function() late = true end)
  while not done() do
    if late or self.gone then
      timer:close()
      error(("chromium: %s: %s"):format(what, late and "no answer" or "it ended"), 0)
    end
    uv.run "once"
  end
  timer:close()
end

--- A command of the protocol -> its result.
function Browser:ask(method, parameters)
  local id = self.next
  self.next = id + 1
  local body = json.encode { id = id, method = method, sessionId = self.session, params = parameters or {} }
  self.input:write(body .. "\0")
  self:wait(method, function() return self.answers[id] ~= nil end)
  local answer = self.answers[id]
  self.answers[id] = nil
  if answer.error then error(("chromium: %s: %s"):format(method, answer.error.message), 0) end
  return answer.result
end

local function seen(events, method)
  for _, event in ipairs(events) do
    if event.method == method then return true end
  end
  return false
end

--- Opens a file and waits until it is loaded. size: { width, height, dark = false, phone = false }
function Browser:open(path, size)
  self.events = {}
  self:size(size)
  self:ask("Page.navigate", { url = "file://" .. path })
  self:wait("loading " .. path, function() return seen(self.events, "Page.loadEventFired") end)
end

function Browser:size(size)
  self:ask("Emulation.setDeviceMetricsOverride", { width = size[1], height = size[2], deviceScaleFactor = 1,
    mobile = size.phone or false })
  self:ask("Emulation.setEmulatedMedia", { features = { { name = "prefers-color-scheme",
    value = size.dark and "dark" or "light" } } })
end

--- The value of a JavaScript expression.
function Browser:value(expression)
  local answer = self:ask("Runtime.evaluate", { expression = expression, returnByValue = true, awaitPromise = true })
  if answer.exceptionDetails then
    local thrown = answer.exceptionDetails.exception
    error(("%s: %s"):format(expression, thrown and thrown.description or answer.exceptionDetails.text), 2)
  end
  return answer.result.value
end

--- Waits for two frames, so that what was asked for is drawn.
function Browser:frame()
  self:value "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"
end

-- ---- a person's hands ----

function Browser:mouse(kind, x, y)
  local pressed = kind ~= "mouseMoved"
  self:ask("Input.dispatchMouseEvent", { type = kind, x = x, y = y, button = pressed and "left" or "none",
    clickCount = pressed and 1 or 0 })
end

--- Clicks the middle of the first element that a selector finds.
function Browser:click(selector)
  local where = self:value(([[(() => {
    const found = document.querySelector(%s);
    if (!found) return null;
    found.scrollIntoView({ block: "center", behavior: "instant" });
    const box = found.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
  })()]]):format(json.encode(selector)))
  if type(where) ~= "table" then error("there is no " .. selector, 2) end
  self:mouse("mousePressed", where[1], where[2])
  self:mouse("mouseReleased", where[1], where[2])
  self:frame()
end

local codes = { Tab = 9, Enter = 13, Escape = 27, Space = 32, End = 35, Home = 36, ArrowLeft = 37, ArrowUp = 38,
  ArrowRight = 39, ArrowDown = 40 }
local texts = { Enter = "\r", Space = " " }

--- Presses a key: "Tab", "Space", "ArrowLeft", ...
function Browser:key(name)
  local event = { type = texts[name] and "keyDown" or "rawKeyDown", key = name == "Space" and " " or name, code = name,
    windowsVirtualKeyCode = codes[name], text = texts[name] }
  self:ask("Input.dispatchKeyEvent", event)
  event.type, event.text = "keyUp", nil
  self:ask("Input.dispatchKeyEvent", event)
  self:frame()
end

-- ---- what it shows ----

--- All that the console said since the page was opened, and all errors: a sequence of texts.
function Browser:console()
  local said = {}
  for _, event in ipairs(self.events) do
    if event.method == "Runtime.consoleAPICalled" or event.method == "Runtime.exceptionThrown"
      or event.method == "Log.entryAdded" then
      said[#said + 1] = json.encode(event.params)
    end
  end
  return said
end

--- The addresses that the page has asked for.
function Browser:requests()
  local urls = {}
  for _, event in ipairs(self.events) do
    if event.method == "Network.requestWillBeSent" then urls[#urls + 1] = event.params.request.url end
  end
  return urls
end

local function decoded(text)
  local letters, place = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", {}
  for i = 1, 64 do place[letters:byte(i)] = i - 1 end
  local out, bits, n = {}, 0, 0
  for i = 1, #text do
    local six = place[text:byte(i)]
    if six then
      bits, n = (bits << 6 | six) & 0xffffff, n + 6
      if n >= 8 then
        n = n - 8
        out[#out + 1] = string.char(bits >> n & 255)
      end
    end
  end
  return table.concat(out)
end

--- What is in the window, or all of the page, as a PNG.
function Browser:screenshot(whole)
  return decoded(self:ask("Page.captureScreenshot", { format = "png", captureBeyondViewport = whole or false }).data)
end

--- The page as it would be printed: a PDF.
function Browser:pdf()
  return decoded(self:ask("Page.printToPDF", {}).data)
end

function Browser:close()
  if not self.gone then pcall(self.ask, self, "Browser.close") end
  for _ = 1, 200 do -- its last files are written by then
    if self.ended then break end
    local timer = uv.new_timer()
    timer:start(50, 0, function() timer:close() end)
    uv.run "once"
  end
  for _, handle in ipairs { self.input, self.output, self.process } do
    if not handle:is_closing() then handle:close() end
  end
  uv.run "nowait"
end

Browser.__close = Browser.close

return browser
