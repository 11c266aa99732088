--- The videos in runs' folders: small ones put into the page, others linked from it.
local lfs = require "lfs"
local paths = require "tide.paths"

local videos = {}

local TOTAL = 16 -- times the greatest size of one video: the most that all of them add to a page

-- ---- base64 ----

local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local pairs_of = {} -- twelve bits -> two letters

local function make_pairs()
  for i = 0, 4095 do
    local a, b = i >> 6, i & 63
    pairs_of[i] = alphabet:sub(a + 1, a + 1) .. alphabet:sub(b + 1, b + 1)
  end
end

function videos.base64(bytes)
  if not pairs_of[0] then make_pairs() end
  local out, byte = {}, string.byte
  for i = 1, #bytes - 2, 3 do
    local a, b, c = byte(bytes, i, i + 2)
    local n = #out
    out[n + 1], out[n + 2] = pairs_of[a << 4 | b >> 4], pairs_of[(b & 15) << 8 | c]
  end
  local rest = #bytes % 3
  if rest > 0 then
    local a, b = byte(bytes, #bytes - rest + 1, #bytes)
    local first = pairs_of[a << 4 | (b or 0) >> 4]
    out[#out + 1] = rest == 1 and first .. "==" or first .. pairs_of[((b or 0) & 15) << 8]:sub(1, 1) .. "="
  end
  return table.concat(out)
end

-- ---- links ----

local function parts_of(path)
  local parts = {}
  for part in paths.absolute(path):gmatch "[^/]+" do
    if part == ".." then parts[#parts] = nil elseif part ~= "." then parts[#parts + 1] = part end
  end
  return parts
end

local function percent(part)
  return (part:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- The address of the file `path` as seen from the folder of the file `from`.
function videos.link(path, from)
  local target, base, words = parts_of(path), parts_of(from), {}
  base[#base] = nil
  local shared = 0
  while shared < #base and shared < #target - 1 and base[shared + 1] == target[shared + 1] do shared = shared + 1 end
  for _ = shared + 1, #base do words[#words + 1] = ".." end
  for i = shared + 1, #target do words[#words + 1] = percent(target[i]) end
  return table.concat(words, "/")
end

-- ---- what there is ----

local function names_in(dir)
  local names = {}
  if lfs.attributes(dir, "mode") ~= "directory" then return names end
  for name in lfs.dir(dir) do
    if name:find "%.mp4$" and lfs.attributes(dir .. "/" .. name, "mode") == "file" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

local function contents(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  return text
end

--- of(runs, page, limit) -> { { run, name, link, size, data = base64 or nil }, ... }: files of at most `limit` bytes
--- are read, as long as all that are read are not more than 16 times that; `page` is where the links are seen from.
function videos.of(runs, page, limit)
  local list, left = {}, TOTAL * limit
  for _, run in ipairs(runs) do
    for _, name in ipairs(names_in(run.dir)) do
      local path = run.dir .. "/" .. name
      local size = lfs.attributes(path, "size")
      local one = { run = run, name = name, link = videos.link(path, page), size = size }
      if size > 0 and size <= limit and size <= left then
        local bytes = contents(path)
        one.data = bytes and videos.base64(bytes)
        left = left - size
      end
      list[#list + 1] = one
    end
  end
  return list
end

return videos
