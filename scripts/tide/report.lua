--- One page about runs: their results, curves, configurations and ends. It holds all that it needs: its program, the
--- chart library and the data, and asks no network.
local blocks = require "tide.report.blocks"
local core = require "tide.core"
local document = require "tide.sweep.document"
local html = require "tide.report.html"
local lfs = require "lfs"
local library = require "tide.report.library"
local options = require "tide.options"
local paths = require "tide.paths"
local results = require "tide.sweep.results"
local runs = require "tide.report.runs"
local series = require "tide.report.series"
local videos = require "tide.report.videos"

local report = {}

local defaults = {
  title = false,   -- the name of the sweep or the folder
  metrics = false, -- globs of the tags to show; all but clock readings without any
  only = false,    -- globs of a sweep's cells, or of runs' names
  last = false,    -- evaluations that the final return is the mean of; as the sweep says otherwise
  embed = 4,       -- MB: videos up to this size are put into the page
}

local function template(name)
  local file = assert(io.open(paths.modules .. "/report/" .. name, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

-- ---- parts of the page ----

local order = { "done", "running", "interrupted", "failed", "waiting", "unknown" }

local function summary(list)
  local counts, words = {}, {}
  for _, run in ipairs(list) do counts[run.state] = (counts[run.state] or 0) + 1 end
  for _, state in ipairs(order) do
    if counts[state] then
      words[#words + 1] = ("%d %s"):format(counts[state], state == "unknown" and "without a record" or state)
    end
  end
  return ("%d %s: %s"):format(#list, #list == 1 and "run" or "runs", table.concat(words, ", "))
end

local function results_section(sources, last)
  local out = {}
  for _, source in ipairs(sources) do
    if #sources > 1 then out[#out + 1] = "<h3>" .. html.escape(source.name) .. "</h3>" end
    local found = results.of(source.dir, source.plan, { last = last or nil, only = source.only })
    found.name = source.name
    out[#out + 1] = html.blocks(document.of(found).blocks)
  end
  return table.concat(out, "\n")
end

local embedded = '<figure><video controls preload="metadata" aria-label="%s" src="data:video/mp4;base64,%s"></video>'
  .. "<figcaption>%s</figcaption></figure>"
local linked = '<figure><a href="%s">%s</a><figcaption>%.1f MB, beside this page</figcaption></figure>'
local links_note = '<p class="note">Videos of more than %g MB are linked, not put into the page, and so are those past '
  .. "16 times that in all.</p>"

local function videos_section(list, labels, embed)
  if #list == 0 then
    return "<p>No run's folder holds a video (<code>tide play RUN -o RUN/NAME.mp4</code> makes one).</p>"
  end
  local out, links = {}, 0
  for _, one in ipairs(list) do
    local about = ("%s, %s"):format(labels[one.run][1] or one.run.name, one.name)
    local seed = one.run.seed and (" (seed %d)"):format(one.run.seed) or ""
    local text = html.escape(about .. seed)
    if one.data then
      out[#out + 1] = embedded:format(text, one.data, text)
    else
      links = links + 1
      out[#out + 1] = linked:format(html.escape(one.link), text, one.size / 1e6)
    end
  end
  local note = links > 0 and links_note:format(embed) or ""
  return note .. '<div class="videos">' .. table.concat(out, "\n") .. "</div>"
end

local function differences_section(groups)
  local block = blocks.differences(groups)
  if not block then return "<p>There is one configuration: nothing to compare.</p>" end
  if #block.rows == 0 then return "<p>The configurations do not differ, but for seeds and names.</p>" end
  return html.table(block) .. '<p class="note">–: there is no such value. Columns are those of the curves that are '
    .. "chosen above; keys in which these agree are left out.</p>"
end

local function runs_section(all, labels)
  local block, shared = blocks.runs(all, labels)
  local note = shared ~= "" and '<p class="note">All of them: ' .. html.escape(shared) .. ".</p>" or ""
  return html.table(block) .. note
end

--- All runs and groups of the sources, and the labels of the groups that a run is in.
local function together(sources)
  local all, groups, labels = {}, {}, {}
  for _, source in ipairs(sources) do
    for _, run in ipairs(source.runs) do
      all[#all + 1], labels[run] = run, {}
    end
    for _, group in ipairs(source.groups) do
      groups[#groups + 1] = group
      for _, run in ipairs(group.runs) do table.insert(labels[run], group.label) end
    end
  end
  return all, groups, labels
end

local function title_of(sources, chosen)
  if chosen.title then return chosen.title end
  local names = {}
  for i, source in ipairs(sources) do names[i] = source.name end
  return table.concat(names, ", ")
end

local function check(path, chosen)
  if type(path) ~= "string" or not path:find "%.html?$" then
    error(("report: %s: a report is a .html file"):format(tostring(path)), 0)
  end
  local folder = path:match "^(.*)/[^/]*$"
  if folder and folder ~= "" and lfs.attributes(folder, "mode") ~= "directory" then
    error(("report: %s: there is no folder %s"):format(path, folder), 0)
  end
  if chosen.last and (math.type(chosen.last) ~= "integer" or chosen.last < 1) then
    error("report: last: a whole number from 1 on is needed", 0)
  end
  if type(chosen.embed) ~= "number" or not (chosen.embed >= 0 and chosen.embed <= 1000) then
    error("report: embed: megabytes, 0 to 1000", 0)
  end
end

-- ---- the page ----

--- write(folders, path, { title =, metrics = globs, only = globs, last =, embed = }) -> remarks, a sequence of texts.
--- Writes the page about the runs in folders, of sweeps or of runs, to a .html file, whole or not at all.
function report.write(folders, path, given)
  local chosen = options.merge(defaults, given, "report")
  check(path, chosen)
  local chart, version = library.load()
  local sources = runs.sources(folders, chosen.only or {})
  local all, groups, labels = together(sources)
  local metrics = series.metrics(all, chosen.metrics or {})
  local data, thinned = series.of(all, groups, metrics)
  local remarks = {}
  for _, run in ipairs(all) do table.move(run.remarks, 1, #run.remarks, #remarks + 1, remarks) end
  if #metrics == 0 then remarks[#remarks + 1] = "No run has logged anything yet." end
  local notes = table.move(remarks, 1, #remarks, 1, {})
  notes[#notes + 1] = thinned
  local made = os.date("!%Y-%m-%d %H:%M UTC")
  local page = html.fill(template "page.html", {
    title = html.escape(title_of(sources, chosen)),
    summary = html.escape(("%s. As of %s."):format(summary(all), made)),
    remarks = #notes > 0 and '<section aria-label="Remarks" class="remarks">' .. html.list(notes) .. "</section>" or "",
    results = results_section(sources, chosen.last),
    differences = differences_section(groups),
    runs = runs_section(all, labels),
    videos = videos_section(videos.of(all, path, chosen.embed * 1e6), labels, chosen.embed),
    version = html.escape(version),
    tide = html.escape(core.process.versions().tide),
    style = template "page.css",
    chart = html.script(chart),
    data = html.script_json(data),
    program = html.script(template "page.js"),
  })
  core.process.write_file(path, page)
  return remarks, { runs = #all, bytes = #page }
end

return report
