--- Rows of numbers from a text file: blanks, tabs or commas between them, names in the first line where they are
--- words. Empty lines and lines that begin with # are passed over. One chunk of the file is held at a time.
local text_rows = {}

local CHUNK = 1 << 16
local LONGEST_LINE = 1 << 20

--- Iterator over (line, its number); what ends a line is cut off.
local function lines_of(file, path)
  local held, at, number, ended = "", 1, 0, false
  return function()
    while true do
      local stop = held:find("\n", at, true) or (ended and at <= #held and #held + 1)
      if stop then
        local line = held:sub(at, stop - 1):gsub("\r$", "")
        at, number = stop + 1, number + 1
        return line, number
      end
      if ended then return nil end
      local chunk, problem = file:read(CHUNK)
      if problem then error(("%s: %s"):format(path, problem), 0) end
      if chunk then held, at = held:sub(at) .. chunk, 1 else ended = true end
      if #held > LONGEST_LINE + CHUNK then
        error(("%s: line %d is longer than %d bytes: no text of numbers"):format(path, number + 1, LONGEST_LINE), 0)
      end
    end
  end
end

--- The words of a line: between commas where it has any, else between blanks and tabs.
local function words_of(line, words)
  local n = 0
  if line:find(",", 1, true) then
    for word in (line .. ","):gmatch("%s*([^,]-)%s*,") do
      n = n + 1
      words[n] = word
    end
  else
    for word in line:gmatch("%S+") do
      n = n + 1
      words[n] = word
    end
  end
  for i = #words, n + 1, -1 do words[i] = nil end
  return n
end

--- A decimal number; nil where the word is none, or not finite.
local function number_of(word)
  if not word:find("^[-+]?[%d.]") or word:find("[xX]") then return nil end
  local value = tonumber((word:gsub("^%+", "")))
  if value == nil or math.abs(value) == math.huge then return nil end
  return value + 0.0
end

local function is_header(words)
  for _, word in ipairs(words) do
    local lower = word:lower()
    if not number_of(word) and lower ~= "nan" and not lower:find("^[-+]?inf") and word:find("%a") then return true end
  end
  return false
end

--- A word for a message: of a file that is no text, too.
local function shown(word)
  local text = word:sub(1, 40):gsub("[^\32-\126]", function(byte) return ("\\x%02X"):format(byte:byte()) end)
  return #word > 40 and text .. "..." or text
end

--- open(path) -> { names = from the header, or nil, width =, each = function(f) }; each(f) goes through the file from
--- its beginning with f(row, line number); `row` is one table, filled anew. A row that has another number of words
--- than the first, or a word that is no finite number, is refused with its line and its column.
function text_rows.open(path)
  local source = { path = path }
  local function scan(f)
    local file <close> = io.open(path, "rb") or error(("%s: no such file, or not to be read"):format(path), 0)
    local words, row, first = {}, {}, true
    for line, number in lines_of(file, path) do
      if line:find("%S") and not line:find("^%s*#") then
        local n = words_of(line, words)
        local header = first and is_header(words)
        if first then
          source.names = header and table.move(words, 1, n, 1, {}) or nil
          source.width, first = n, false
        end
        if n ~= source.width then
          error(("%s, line %d: %d columns, %d are needed"):format(path, number, n, source.width), 0)
        end
        if not header then
          for i = 1, n do
            row[i] = number_of(words[i])
              or error(("%s, line %d: column %s: '%s' is no finite number"):format(path, number,
                   source.names and shown(source.names[i]) or i, shown(words[i])), 0)
          end
          if f(row, number) == false then return end
        end
      end
    end
    if first then error(path .. ": no rows", 0) end
  end
  source.each = scan
  scan(function() return false end)
  return source
end

return text_rows
