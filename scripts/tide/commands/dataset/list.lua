--- tide dataset list: the datasets that Tide makes itself.
local json = require "tide.json"
local recipes = require "tide.recipes"

local list = { summary = "List the datasets that Tide makes, by name." }

function list.configure(command)
  command:flag("--json", "Print a JSON array of objects.")
end

--- 1234567 -> "1,234,567"
local function grouped(n)
  local text = ("%d"):format(n):reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (text:gsub("^,", ""))
end

local function row(name, size, made_of, place)
  print((("%-27s %12s  %-30s %s"):format(name, size, made_of, place):gsub("%s+$", "")))
end

function list.run(args)
  local all = {}
  for i, name in ipairs(recipes.list(true)) do all[i] = recipes.about(name) end
  if args.json then
    print(json.encode(all, "  "))
    return 0
  end
  row("dataset", "transitions", "made of", "")
  for _, one in ipairs(all) do
    if #one.missing == 0 then
      local size = one.training and "a training" or grouped(one.transitions)
      row(one.name, size, one.made_of, one.exists and one.path or "")
    end
  end
  for _, one in ipairs(all) do
    if #one.missing > 0 then print(("not yet: %s needs %s"):format(one.name, table.concat(one.missing, " and "))) end
  end
  print("\n`tide dataset make NAME` makes one; a file that is there is named.")
  return 0
end

return list
