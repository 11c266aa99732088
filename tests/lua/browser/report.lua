--- The page of `tide report` in a browser, used as a person would use it. tests/browser.sh runs it.
local browser = require "support.browser"
local json = require "tide.json"
local lfs = require "lfs"
local report = require "tide.report"
local sweep_folder = require "support.sweep_folder"

local DESKTOP, PHONE = { 1280, 900 }, { 375, 800, phone = true }

local folder, page, chromium

--- Three agents in two gaps, two seeds each; names that are markup, a value that is no number, a failed run.
local function make_page()
  local dir = folder .. "/sweep"
  local evil = "</script><b>bold"
  local plan = sweep_folder.plan(dir, { name = evil, seeds = 2, steps = 10000, axes = {
    { name = "gap", labels = { "gravity", "friction" } }, { name = "agent", labels = { "h2o", "sac", evil } } } })
  sweep_folder.fill(dir, plan, function(run)
    local points, slope = {}, ({ h2o = 300, sac = 100 })[run.agent] or 20
    for i = 0, 10 do points[i + 1] = { i * 1000, i * slope * (run.seed == 1 and 0.9 or 1.1) } end
    if run.agent == evil then points[4][2] = 0 / 0 end
    local failed = run.name:find "friction%-sac" and run.seed == 2
    return points, { state = failed and "failed" or "done", tags = { { ["train/q1"] = 1 }, { ["train/q1"] = 2 } },
      config = { agent = { name = run.agent, beta = run.agent == "h2o" and 0.01 or nil, width = 256 }, seed = run.seed,
                 steps = 10000, sim = { gap = run.name:match "^%a+" } } }
  end)
  report.write({ dir }, page)
end

--- The words in the cells of a column of the table with this caption, as they are shown.
local function column(caption, place)
  return chromium:value(([[(() => {
    const found = [...document.querySelectorAll("table")].find(t => t.caption.textContent === %s);
    return [...found.tBodies[0].rows].filter(r => !r.hidden).map(r => r.cells[%d].innerText.split("\n")[0]);
  })()]]):format(json.encode(caption), place))
end

--- The selector of an element that JavaScript finds.
local function marked(expression)
  chromium:value(([[(() => {
    document.querySelectorAll("[data-test]").forEach(e => e.removeAttribute("data-test"));
    (%s).setAttribute("data-test", "");
  })()]]):format(expression))
  return "[data-test]"
end

local function head(caption, word)
  return marked(([[[...document.querySelectorAll("table")].find(t => t.caption.textContent === %s)
    .querySelectorAll("thead button").values().find(b => b.textContent === %s)]]):format(json.encode(caption),
    json.encode(word)))
end

--- The checkbox beside this text.
local function box(text)
  return marked(([[[...document.querySelectorAll("#groups label")].find(l => l.textContent === %s)
    .querySelector("input")]]):format(json.encode(text)))
end

--- The curves that are drawn, by their labels.
local function drawn()
  return chromium:value [[Chart.getChart("chart").data.datasets.map(d => d.label)]]
end

local function state()
  return chromium:value [[document.getElementById("state").textContent]]
end

--- Where a point of a curve is in the window: { x, y }
local function place_of(label, index)
  return chromium:value(([[(() => {
    const canvas = document.getElementById("chart");
    canvas.scrollIntoView({ block: "center", behavior: "instant" });
    const chart = Chart.getChart(canvas), box = canvas.getBoundingClientRect();
    const set = chart.data.datasets.findIndex(d => d.label === %s);
    const point = chart.getDatasetMeta(set).data[%d];
    return [box.left + point.x, box.top + point.y];
  })()]]):format(json.encode(label), index))
end

local function overflow()
  return chromium:value "document.documentElement.scrollWidth - document.documentElement.clientWidth"
end

describe("the page of tide report", function()
  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    page = folder .. "/report.html"
    make_page()
    chromium = browser.start(folder .. "/profile")
  end)

  teardown(function()
    chromium:close()
    os.execute(("rm -rf '%s'"):format(folder))
  end)

  before_each(function() chromium:open(page, DESKTOP) end)

  after_each(function()
    assert.same({}, chromium:console())
    assert.same({ "file://" .. page }, chromium:requests())
  end)

  it("draws a mean for each cell, and shows names as they are", function()
    assert.equal(6, #drawn())
    assert.equal("gravity/h2o, mean of 2", drawn()[1])
    assert.equal("gravity/</script><b>bold, mean of 2", drawn()[3])
    assert.equal("</script><b>bold", chromium:value "document.querySelector('h1').textContent")
    assert.equal(0, chromium:value "document.querySelectorAll('b').length")
    local painted = chromium:value [[(() => {
      const canvas = document.getElementById("chart");
      const bytes = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
      let n = 0;
      for (let i = 0; i < bytes.length; i += 4) if (bytes[i + 3] > 200 && bytes[i] < 40 && bytes[i + 2] > 120) n += 1;
      return n;
    })()]]
    assert.is_true(painted > 500, painted) -- the blue of the first curve
  end)

  it("sorts a table by the column that is clicked, down and up", function()
    local names = column("Runs", 0)
    chromium:click(head("Runs", "seed"))
    assert.same({ "1", "1" }, { table.unpack(column("Runs", 2), 1, 2) })
    chromium:click(head("Runs", "seed"))
    assert.same({ "2", "2" }, { table.unpack(column("Runs", 2), 1, 2) })
    chromium:click(head("Cells", "final"))
    local means = column("Cells", 1)
    assert.equal("descending", chromium:value "document.querySelector('[aria-sort]').getAttribute('aria-sort')")
    assert.same({ "1650 ± 233", "1650 ± 233" }, { means[1], means[2] })
    assert.truthy(means[#means]:find "^nan")
    chromium:click(head("Cells", "final"))
    means = column("Cells", 1)
    assert.truthy(means[1]:find "^495" and means[#means]:find "^nan")
    assert.equal(#names, #column("Runs", 0))
    chromium:click(head("Runs", "run"))
    table.sort(names)
    assert.same(names, column("Runs", 0))
  end)

  it("hides and shows curves by their checkboxes, with their columns of differences", function()
    assert.same({ "agent.beta", "agent.name", "sim.gap" }, column("Configuration: what differs", 0))
    chromium:click(box "gravity/h2o")
    assert.equal(5, #drawn())
    assert.falsy(table.concat(drawn(), " "):find("gravity/h2o", 1, true))
    chromium:click(box "friction/h2o")
    assert.same({ "agent.name", "sim.gap" }, column("Configuration: what differs", 0))
    chromium:click "#none"
    assert.same(0, #drawn())
    chromium:click(box "gravity/sac")
    assert.same({ "gravity/sac, mean of 2" }, drawn())
    chromium:click "#all"
    assert.equal(6, #drawn())
    assert.equal("6 of 6 chosen", chromium:value "document.getElementById('count').textContent")
  end)

  it("shows single seeds, and one alone", function()
    chromium:click "#seeds"
    assert.equal(18, #drawn())
    chromium:click "#seeds"
    chromium:click "#groups summary"
    chromium:click "#groups details input"
    assert.equal(7, #drawn())
    assert.equal("gravity/h2o, seed 1", drawn()[1])
  end)

  it("filters the list, and all and none go for what is left", function()
    chromium:click "#filter"
    chromium:ask("Input.insertText", { text = "gravity sac" })
    chromium:frame()
    chromium:click "#none"
    assert.equal(5, #drawn())
  end)

  it("tells the values of the point that the mouse is at", function()
    local place = place_of("gravity/h2o, mean of 2", 5)
    chromium:mouse("mouseMoved", place[1] + 1, place[2] + 1)
    chromium:frame()
    assert.truthy(state():find("^Step 5,000: gravity/h2o, mean of 2: 1,500, from 1,350 to 1,650"), state())
    assert.equal(1, chromium:value [[Chart.getChart("chart").tooltip.opacity]])
  end)

  it("leaves a gap where a value is no number", function()
    local label = "gravity/</script><b>bold, mean of 2"
    local values = chromium:value(([[Chart.getChart("chart").data.datasets.find(d => d.label === %s)
      .data.map(p => p.y)]]):format(json.encode(label)))
    assert.same({ 40, json.null, 80 }, { values[3], values[4], values[5] })
  end)

  it("is read with the keyboard alone", function()
    chromium:value "document.getElementById('chart').focus()"
    chromium:key "ArrowRight"
    local first = state()
    assert.truthy(first:find "^Step 0: ")
    chromium:key "ArrowRight"
    assert.truthy(state():find "^Step 1,000: ")
    chromium:key "End"
    assert.truthy(state():find "^Step 10,000: friction/</script><b>bold", state())
    chromium:key "ArrowDown"
    assert.truthy(state():find("^Step 10,000: gravity/h2o, mean of 2: 3,000"), state())
    chromium:key "ArrowLeft"
    assert.truthy(state():find("^Step 9,000: gravity/h2o"), state())
    local highest = chromium:value [=[Chart.getChart("chart").data.datasets[0].band[1][10].y]=]
    assert.is_true(highest > 3000 and chromium:value [[Chart.getChart("chart").scales.y.max]] >= highest) -- still whole
    chromium:key "Escape"
    assert.equal("", state())
    chromium:value(("document.querySelector(%s).focus()"):format(json.encode(box "gravity/sac")))
    chromium:key "Space"
    assert.equal(5, #drawn())
    chromium:value(("document.querySelector(%s).focus()"):format(json.encode(head("Runs", "seed"))))
    chromium:key "Enter"
    chromium:key "Enter"
    assert.equal("2", column("Runs", 2)[1])
  end)

  it("reaches every control with Tab, and shows where it is", function()
    local reached = {}
    for _ = 1, 60 do
      chromium:key "Tab"
      local name = chromium:value [[(() => {
        const at = document.activeElement;
        const outline = getComputedStyle(at).outlineStyle;
        return (outline === "none" ? "unseen " : "") + (at.id || at.textContent.trim());
      })()]]
      reached[name] = true
    end
    for _, name in ipairs { "To the results", "Curves", "final", "metric", "band", "seeds", "from", "to", "log",
                            "chart", "filter", "all", "none" } do
      assert.is_true(reached[name], name)
    end
  end)

  it("draws what is chosen: values, range of steps, logarithms, bands", function()
    chromium:value [[(() => {
      const list = document.getElementById("metric");
      list.value = "train/q1";
      list.dispatchEvent(new Event("change"));
    })()]]
    assert.same({ 1, 2 }, chromium:value [=[Chart.getChart("chart").data.datasets[0].data.map(p => p.y)]=])
    assert.equal("range", chromium:value [[document.getElementById("band").value]]) -- it has no interval
    chromium:open(page, DESKTOP)
    chromium:click "#from"
    chromium:ask("Input.insertText", { text = "5000" })
    chromium:click "#to"
    chromium:ask("Input.insertText", { text = "8000" })
    chromium:frame()
    assert.same({ 5000, 8000 }, chromium:value [[(s => [s.min, s.max])(Chart.getChart("chart").scales.x)]])
    assert.is_true(chromium:value [[Chart.getChart("chart").scales.y.max]] <= 3000)
    chromium:click "#log"
    assert.equal("logarithmic", chromium:value [[Chart.getChart("chart").scales.y.type]])
    local function band() return chromium:value [=[Chart.getChart("chart").data.datasets[0].band[0][10].y]=] end
    local function choose(name)
      chromium:value(([[(list => {
        list.value = %s;
        list.dispatchEvent(new Event("change"));
      })(document.getElementById("band"))]]):format(json.encode(name)))
    end
    assert.equal("interval", chromium:value [[document.getElementById("band").value]])
    choose "range"
    assert.equal(2700, band())
    choose "std"
    assert.is_true(math.abs(band() - (3000 - 300 * math.sqrt(2))) < 0.01)
    choose "none"
    assert.is_true(chromium:value [=[Chart.getChart("chart").data.datasets[0].band === undefined]=])
  end)

  it("fits a phone: tables scroll in boxes of their own, not the page", function()
    chromium:open(page, PHONE)
    chromium:frame()
    assert.equal(0, overflow())
    assert.is_true(chromium:value "[...document.querySelectorAll('.box')].some(b => b.scrollWidth > b.clientWidth)")
    assert.is_true(chromium:value "document.getElementById('chart').getBoundingClientRect().width" <= 375)
    chromium:click "#none"
    chromium:click "#all"
    assert.equal(6, #drawn())
    assert.equal(0, overflow())
  end)

  it("follows the reader's choice of light or dark, also while it is open", function()
    local function ground() return chromium:value "getComputedStyle(document.body).backgroundColor" end
    local function colour() return chromium:value [[Chart.getChart("chart").data.datasets[0].borderColor]] end
    local light, blue = ground(), colour()
    chromium:size { 1280, 900, dark = true }
    chromium:frame()
    assert.are_not.equal(light, ground())
    assert.are_not.equal(blue, colour())
  end)

  it("prints, with what is chosen", function()
    assert.truthy(chromium:pdf():find "^%%PDF")
  end)

  it("says that there is nothing to draw where nothing was logged", function()
    local dir = folder .. "/nothing"
    sweep_folder.plan(dir, { axes = { { name = "agent", labels = { "sac" } } } })
    local other = folder .. "/nothing.html"
    report.write({ dir }, other)
    chromium:open(other, DESKTOP)
    local words = chromium:value "document.getElementById('curves').textContent"
    assert.truthy(words:find("There is nothing to draw yet", 1, true))
    assert.same({}, chromium:console())
    chromium:open(page, DESKTOP)
  end)

  it("plays the videos that it holds", function()
    if not os.execute "command -v ffmpeg >/dev/null" then return pending "ffmpeg is not installed" end
    local run = folder .. "/runs/one"
    sweep_folder.run(run, { { 0, 1 }, { 1000, 2 } }, { config = { agent = { name = "sac" }, seed = 1 } })
    assert(os.execute(("ffmpeg -loglevel error -f lavfi -i color=red:size=64x64:rate=10 -frames:v 5 -pix_fmt yuv420p "
      .. "'%s'"):format(run .. "/drive.mp4")))
    local other = folder .. "/video.html"
    report.write({ folder .. "/runs" }, other)
    chromium:open(other, DESKTOP)
    local width = chromium:value [[new Promise(done => {
      const video = document.querySelector("video");
      if (video.videoWidth) done(video.videoWidth);
      video.onloadedmetadata = () => done(video.videoWidth);
      video.onerror = () => done(-1);
      video.load();
    })]]
    assert.equal(64, width)
    assert.same({}, chromium:console())
    chromium:open(page, DESKTOP)
  end)
end)
