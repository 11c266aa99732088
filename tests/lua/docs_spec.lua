--- Every Lua example of the documentation runs.
---
--- A block that begins with ```lua is run by `tide run`, in a folder that the documents' examples share; one that
--- begins with ```lua norun is a fragment. A block whose first line is `-- NAME.lua` is that file, for other blocks to
--- require. Fragments of ```lua norun NAME.lua add up to that file. Each line of a ```sh block is run too. Experiments
--- are cut short (STEPS, one episode an evaluation), and datasets that take long to make are stood in for by a small
--- one.
local program = require "support.program"

local root = assert(program.path:match("^(.*)/build/[^/]+/bin/tide$"), "the build folder is not in the source tree")
local STEPS, TRANSITIONS = 12, 2000

local function documents()
  local list = { "README.md" }
  for name in require("lfs").dir(root .. "/docs") do
    if name:match("%.md$") then list[#list + 1] = "docs/" .. name end
  end
  table.sort(list)
  return list
end

--- The blocks of a document: { line =, runs =, shell =, file =, of =, text = }, in order; `file` is the name in a
--- block's first line, `of` the file that a fragment is of. Nothing where there is no such file.
local function blocks(path)
  local found, block, number = {}, nil, 0
  local file = io.open(path)
  if not file then return found end
  for line in file:lines() do
    number = number + 1
    local language = line:match("^```(.*)$")
    if block and language then
      if block.language:match("^lua") or block.language == "sh" then
        found[#found + 1] = {
          line = block.line, runs = block.language == "lua", shell = block.language == "sh",
          file = block.language == "lua" and (block[1] or ""):match("^%-%- ([%w_]+%.lua)$"),
          of = block.language:match("^lua norun (%S+)$"), text = table.concat(block, "\n"),
        }
      end
      block = nil
    elseif block then
      block[#block + 1] = line
    elseif language then
      block = { language = language, line = number }
    end
  end
  file:close()
  assert(block == nil, path .. ": a block does not end")
  return found
end

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
end

--- Text such that errors name the document's lines.
local function placed(block)
  return ("\n"):rep(block.line) .. block.text .. "\n"
end

--- A folder with a small dataset under every name that Tide makes datasets by.
local function prepare(folder)
  write(folder .. "/prepare.lua", ([[
    local tide = require "tide"
    local made = tide.recipes.make("halfcheetah-random", { transitions = %d })
    for _, name in ipairs(tide.recipes.list()) do
      local path = tide.recipes.path(name)
      if path ~= made then assert(os.execute(("cp '%%s' '%%s'"):format(made, path))) end
    end
  ]]):format(TRANSITIONS))
  local result = program.shell(("cd '%s' && unset TIDE_DATASETS && '%s' run prepare.lua"):format(folder, program.path))
  assert.are.equal(0, result.code, result.err)
end

describe("the documentation", function()
  local folder

  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir '" .. folder .. "'"))
    prepare(folder)
    for _, document in ipairs(documents()) do
      for _, block in ipairs(blocks(root .. "/" .. document)) do
        if block.file then write(folder .. "/" .. block.file, placed(block)) end
      end
    end
  end)

  teardown(function() os.execute("rm -rf '" .. folder .. "'") end)

  it("has examples to run", function()
    local runs = 0
    for _, document in ipairs(documents()) do
      for _, block in ipairs(blocks(root .. "/" .. document)) do
        if block.runs then runs = runs + 1 end
      end
    end
    assert.is_true(runs > 10)
  end)

  --- Runs `words` in the folder as a shell would, `tide` being the program under test.
  local function succeeds(words)
    if words:match("^tide run ") then
      words = ("%s --quiet --steps %d --set evaluation.episodes=1"):format(words, STEPS)
    end
    local program_words = words:gsub("^tide ", function() return ("'%s' "):format(program.path) end)
    local result = program.shell(("cd '%s' && unset TIDE_DATASETS && %s"):format(folder, program_words))
    assert.are.equal(0, result.code, words .. "\n" .. result.out .. result.err)
  end

  for _, document in ipairs(documents()) do
    for _, block in ipairs(blocks(root .. "/" .. document)) do
      if block.runs then
        it(("%s: the example at line %d runs"):format(document, block.line), function()
          local script = block.file or ("%s-%d.lua"):format(document:gsub("[/.]", "-"), block.line)
          write(folder .. "/" .. script, placed(block))
          succeeds(("tide run '%s'"):format(script))
        end)
      elseif block.shell then
        it(("%s: the commands at line %d run"):format(document, block.line), function()
          for line in block.text:gmatch("[^\n]+") do succeeds(line) end
        end)
      end
    end
  end

  it("shows a file in pieces that add up to the whole one", function()
    local files = 0
    for _, document in ipairs(documents()) do
      local pieces, whole = {}, {}
      for _, block in ipairs(blocks(root .. "/" .. document)) do
        if block.of then
          pieces[block.of] = pieces[block.of] and pieces[block.of] .. "\n\n" .. block.text or block.text
        elseif block.file then
          whole[block.file] = block.text:gsub("^[^\n]*\n", "")
        end
      end
      for name, text in pairs(pieces) do
        assert.are.equal(whole[name], text, document .. ": " .. name)
        files = files + 1
      end
    end
    assert.is_true(files > 0)
  end)

  it("has no link to a file or heading that is not there", function()
    local function anchors(path)
      local found, fenced = {}, false
      for line in io.lines(path) do
        if line:match("^```") then fenced = not fenced end
        local heading = not fenced and line:match("^#+%s+(.*)$")
        if heading then found[heading:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")] = true end
      end
      return found
    end
    local broken = {}
    for _, document in ipairs(documents()) do
      local here = root .. "/" .. document
      local file = io.open(here)
      local text = file and file:read("a") or ""
      if file then file:close() end
      for target in text:gmatch("%]%(([^)%s]+)%)") do
        if not target:match("^%a+:") then
          local path, anchor = target:match("^([^#]*)#?(.*)$")
          local there = path == "" and here or here:match("^(.*/)") .. path
          local exists = io.open(there)
          if exists then exists:close() end
          if not exists or anchor ~= "" and not anchors(there)[anchor] then
            broken[#broken + 1] = document .. ": " .. target
          end
        end
      end
    end
    assert.are.same({}, broken)
  end)
end)
