--- Text, tables and templates as HTML. Whatever comes from runs goes through html.escape or html.script_json.
local json = require "tide.json"

local html = {}

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

--- Text for elements and for attributes in quotes. What is not UTF-8 is read as Latin-1.
function html.escape(text)
  text = tostring(text)
  if not utf8.len(text) then
    text = text:gsub("[\x80-\xff]", function(byte) return utf8.char(byte:byte()) end)
  end
  return (text:gsub("[%z\1-\8\11\12\14-\31\127]", "\u{FFFD}"):gsub("[&<>\"']", entities))
end

--- JSON for a <script> element: nothing in it can end the element.
function html.script_json(value)
  return (json.encode(value):gsub("<", "\\u003c"))
end

--- A program for a <script> element. The tag that would end it can stand in a string or comment only.
function html.script(text)
  return (text:gsub("</([sS][cC][rR][iI][pP][tT])", "<\\/%1"))
end

--- A template with {{name}} replaced by values.name, which is HTML already.
function html.fill(template, values)
  return (template:gsub("{{(%w+)}}", function(name)
    return values[name] or error("report: the template names " .. name .. ", which is nothing", 0)
  end))
end

-- ---- tables ----

local function attribute(name, value)
  return value ~= nil and (' %s="%s"'):format(name, html.escape(value)) or ""
end

--- A cell is a text; lines { "4224 ± 256", "3 × 50k", bold = true }; or { text =, sort = a number or word to sort by,
--- title =, class =, group = place of the group that the column is of }.
local function cell_html(cell, tag, rest)
  if type(cell) ~= "table" then cell = { text = cell } end
  local lines = cell.text and { cell.text } or cell
  local parts = {}
  for i, line in ipairs(lines) do
    local text = html.escape(line)
    if tag == "th" then text = text:gsub("/", "/<wbr>") end -- a cell's name is broken between its labels
    if i == 1 and cell.bold then text = "<strong>" .. text .. "</strong>" end
    parts[i] = i == 1 and text or "<small>" .. text .. "</small>"
  end
  local sort = type(cell.sort) == "number" and ("%.17g"):format(cell.sort) or cell.sort
  return "<" .. tag .. (rest or "") .. attribute("class", cell.class) .. attribute("title", cell.title)
    .. attribute("data-sort", sort) .. attribute("data-group", cell.group) .. ">" .. table.concat(parts, "<br>")
    .. "</" .. tag .. ">"
end

--- A block { caption =, head = { cells }, left = so many columns are words, rows = { { cells }, ... } }.
function html.table(block)
  local out = { '<div class="box" role="region" tabindex="0"' .. attribute("aria-label", block.caption) .. ">"
    .. "<table" .. attribute("class", block.class) .. ">",
    "<caption>" .. html.escape(block.caption) .. "</caption><thead><tr>" }
  for i, cell in ipairs(block.head) do
    if type(cell) ~= "table" then cell = { text = cell } end
    if i <= block.left then cell.class = "word" end
    out[#out + 1] = cell_html(cell, "th", ' scope="col"')
  end
  out[#out + 1] = "</tr></thead><tbody>"
  for _, row in ipairs(block.rows) do
    local cells = {}
    for i = 1, #block.head do
      local cell = row[i] or ""
      if i <= block.left then
        if type(cell) ~= "table" then cell = { text = cell } end
        cell.class = cell.class and cell.class .. " word" or "word"
      end
      cells[i] = cell_html(cell, i == 1 and "th" or "td", i == 1 and ' scope="row"' or nil)
    end
    out[#out + 1] = "<tr>" .. table.concat(cells) .. "</tr>"
  end
  out[#out + 1] = "</tbody></table></div>"
  return table.concat(out, "\n")
end

--- Blocks as sweep/document.lua makes them: tables, and paragraphs.
function html.blocks(blocks)
  local out = {}
  for i, block in ipairs(blocks) do
    out[i] = block.text and ('<p class="note">%s</p>'):format(html.escape(block.text)) or html.table(block)
  end
  return table.concat(out, "\n")
end

function html.list(texts)
  local out = {}
  for i, text in ipairs(texts) do out[i] = "<li>" .. html.escape(text) .. "</li>" end
  return #out > 0 and "<ul>\n" .. table.concat(out, "\n") .. "\n</ul>" or ""
end

return html
