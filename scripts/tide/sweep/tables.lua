--- The results of a sweep as tables: text for a terminal, Markdown, LaTeX, CSV, JSON.
local document = require "tide.sweep.document"
local json = require "tide.json"

local tables = {}

-- ---- text and Markdown ----

local function width_of(text)
  return utf8.len(text) or #text
end

local function lines_of(cell)
  return type(cell) == "table" and cell or { cell }
end

--- Columns as wide as their widest line; those after the first `left` ones are set to the right.
local function padded(texts, widths, left)
  local out = {}
  for i, text in ipairs(texts) do
    local space = (" "):rep(widths[i] - width_of(text))
    out[i] = i <= left and text .. space or space .. text
  end
  return out
end

local function column_widths(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for i, text in ipairs(row) do widths[i] = math.max(widths[i] or 3, width_of(text)) end
  end
  return widths
end

--- A row's cells as rows of one line each.
local function unfolded(row)
  local height, out = 1, {}
  for _, cell in ipairs(row) do height = math.max(height, #lines_of(cell)) end
  for k = 1, height do
    out[k] = {}
    for i, cell in ipairs(row) do out[k][i] = lines_of(cell)[k] or "" end
  end
  return out
end

--- Words in lines of at most `width`.
local function wrapped(text, width)
  local lines, line = {}, ""
  for word in text:gmatch "%S+" do
    if line ~= "" and width_of(line) + 1 + width_of(word) > width then
      lines[#lines + 1], line = line, word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local function text_table(block)
  local rows = { block.head }
  for _, row in ipairs(block.rows) do
    for _, line in ipairs(unfolded(row)) do rows[#rows + 1] = line end
    if #unfolded(row) > 1 then rows[#rows + 1] = {} end
  end
  if #rows[#rows] == 0 then rows[#rows] = nil end
  local widths, out = column_widths(rows), { block.caption, "" }
  for i, row in ipairs(rows) do
    out[#out + 1] = ("  " .. table.concat(padded(row, widths, block.left), "  ")):gsub("%s+$", "")
    if i == 1 then
      local rules = {}
      for k, width in ipairs(widths) do rules[k] = ("-"):rep(width) end
      out[#out + 1] = "  " .. table.concat(rules, "  ")
    end
  end
  return table.concat(out, "\n")
end

--- For a terminal.
function tables.text(found)
  local made = document.of(found)
  local out = { made.title }
  for _, block in ipairs(made.blocks) do
    out[#out + 1] = block.text and wrapped(block.text, 100) or text_table(block)
  end
  return table.concat(out, "\n\n") .. "\n"
end

local function markdown_cell(cell)
  local lines = table.move(lines_of(cell), 1, #lines_of(cell), 1, {})
  for i, line in ipairs(lines) do lines[i] = line:gsub("[|\\*<]", "\\%0") end
  if type(cell) == "table" and cell.bold then lines[1] = ("**%s**"):format(lines[1]) end
  return table.concat(lines, "<br>")
end

local function markdown_table(block)
  local rows, rule = {}, {}
  for i, row in ipairs { block.head, table.unpack(block.rows) } do
    rows[i] = {}
    for k, cell in ipairs(row) do rows[i][k] = markdown_cell(cell) end
  end
  local widths, out = column_widths(rows), {}
  for i, row in ipairs(rows) do
    out[#out + 1] = "| " .. table.concat(padded(row, widths, block.left), " | ") .. " |"
    if i == 1 then
      for k, width in ipairs(widths) do
        rule[k] = k <= block.left and ("-"):rep(width) or ("-"):rep(width - 1) .. ":"
      end
      out[2] = "| " .. table.concat(rule, " | ") .. " |"
    end
  end
  return ("## %s\n\n%s"):format(block.caption, table.concat(out, "\n"))
end

function tables.md(found)
  local made = document.of(found)
  local out = { "# " .. made.title }
  for _, block in ipairs(made.blocks) do
    out[#out + 1] = block.text and wrapped(block.text:gsub("[*_<|]", "\\%0"), 120) or markdown_table(block)
  end
  return table.concat(out, "\n\n") .. "\n"
end

-- ---- LaTeX ----

local tex_words = {
  ["\\"] = "\\textbackslash{}", ["&"] = "\\&", ["%"] = "\\%", ["$"] = "\\$", ["#"] = "\\#", ["_"] = "\\_",
  ["{"] = "\\{", ["}"] = "\\}", ["~"] = "\\textasciitilde{}", ["^"] = "\\textasciicircum{}",
  ["±"] = "$\\pm$", ["×"] = "$\\times$", ["†"] = "$\\dagger$", ["<"] = "$<$", [">"] = "$>$",
}

local function tex(text)
  return (text:gsub(utf8.charpattern, tex_words):gsub("%f[%d-]%-(%d)", "$-$%1"))
end

local function tex_cell(cell)
  local lines = {}
  for i, line in ipairs(lines_of(cell)) do
    lines[i] = i == 1 and tex(line) or ("{\\scriptsize %s}"):format(tex(line))
  end
  if type(cell) == "table" and cell.bold then lines[1] = ("\\textbf{%s}"):format(lines[1]) end
  if #lines == 1 then return lines[1] end
  return ("\\shortstack[r]{%s}"):format(table.concat(lines, "\\\\"))
end

local function tex_table(block, title)
  local out = { "\\begin{table}", "  \\centering", ("  \\caption{%s: %s}"):format(tex(title), tex(block.caption)),
                ("  \\begin{tabular}{%s}"):format(("l"):rep(block.left) .. ("r"):rep(#block.head - block.left)),
                "    \\toprule" }
  for i, row in ipairs { block.head, table.unpack(block.rows) } do
    local cells = {}
    for k, cell in ipairs(row) do cells[k] = tex_cell(cell) end
    out[#out + 1] = "    " .. table.concat(cells, " & ") .. " \\\\"
    if i == 1 then out[#out + 1] = "    \\midrule" end
  end
  table.move({ "    \\bottomrule", "  \\end{tabular}", "\\end{table}" }, 1, 3, #out + 1, out)
  return table.concat(out, "\n")
end

--- For \input: \usepackage{booktabs} is needed.
function tables.tex(found)
  local made = document.of(found)
  local out = { "% \\usepackage{booktabs} is needed." }
  for _, block in ipairs(made.blocks) do
    out[#out + 1] = block.text and wrapped(tex(block.text), 120) or tex_table(block, made.title)
  end
  return table.concat(out, "\n\n") .. "\n"
end

-- ---- for programs ----

local function csv_field(value)
  if value == nil then return "" end
  local text = type(value) == "number" and json.encode(value):gsub('"', "") or tostring(value)
  if text:find '[",\n\r]' then return '"' .. text:gsub('"', '""') .. '"' end
  return text
end

--- A line a cell.
function tables.csv(found)
  local head, lines = {}, {}
  for i, axis in ipairs(found.axes) do head[i] = axis.name end
  for _, word in ipairs { "cell", "runs", "seeds", "done", "unfinished", "steps", "final_mean", "final_std",
                          "best_mean", "best_std", "score_mean", "score_std" } do
    head[#head + 1] = word
  end
  for i in ipairs(found.published or {}) do
    head[#head + 1], head[#head + 2] = ("published%d_mean"):format(i), ("published%d_std"):format(i)
  end
  for i, cell in ipairs(found.cells) do
    local line, n = {}, 0
    local function put(value)
      n = n + 1
      line[n] = csv_field(value)
    end
    for _, axis in ipairs(found.axes) do put(cell.labels[axis.name]) end
    put(cell.name)
    put(document.runs(cell))
    put(cell.seeds)
    put(cell.done)
    put(cell.unfinished)
    put(cell.steps)
    for _, field in ipairs { "final", "best", "score" } do
      put(cell[field] and cell[field].mean)
      put(cell[field] and cell[field].std)
    end
    for source in ipairs(found.published or {}) do
      local figures = document.published(cell, source) or {}
      put(figures.mean)
      put(figures.std)
    end
    lines[i] = table.concat(line, ",")
  end
  table.insert(lines, 1, table.concat(head, ","))
  return table.concat(lines, "\n") .. "\n"
end

function tables.json(found)
  return json.encode(found, "  ") .. "\n"
end

return tables
