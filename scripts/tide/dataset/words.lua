--- How counts and rows are said to people.
local words = {}

--- 1234567 -> "1,234,567"
function words.grouped(n)
  local text = ("%d"):format(n)
  local changed
  repeat
    text, changed = text:gsub("^(%-?%d+)(%d%d%d)", "%1,%2")
  until changed == 0
  return text
end

--- 1 -> "1 row", 2000 -> "2,000 rows"
function words.plural(n, word)
  return ("%s %s%s"):format(words.grouped(n), word, n == 1 and "" or "s")
end

--- { 3, 7 } -> "row 3, 7": the first few of what may be more
function words.rows(rows)
  local texts = {}
  for i, row in ipairs(rows) do texts[i] = words.grouped(row) end
  return (#rows == 1 and "row " or "rows ") .. table.concat(texts, "; ") .. (#rows >= 8 and "; ..." or "")
end

return words
