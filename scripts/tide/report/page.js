/* The page of a report: tables that can be sorted, and curves that can be chosen and read. */
"use strict";

/* ---- tables ---- */

(function () {
  /* What a cell is sorted by: what it says of itself, else the number that it begins with, else its text. */
  function sortValue(cell) {
    const own = cell.dataset.sort;
    const text = (own !== undefined ? own : cell.innerText.split("\n")[0]).trim();
    if (/^(|–|-?nan\b.*|no number)$/.test(text)) return null;
    const number = own !== undefined ? Number(own) : parseFloat(text.replace(/^\[/, "").replace(/(\d),(?=\d{3})/g, "$1"));
    const isNumber = Number.isFinite(number) && (own !== undefined || /^\[?[-+]?\.?\d/.test(text));
    return isNumber ? number : text;
  }

  function compare(a, b) {
    return typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
  }

  /* Numbers, then words ("no run"), then nothing, whichever way is up. */
  function rank(value) {
    return typeof value === "number" ? 0 : value === null ? 2 : 1;
  }

  function sort(table, column, descending) {
    const body = table.tBodies[0];
    const rows = Array.from(body.rows).map(function (row, place) {
      return { row: row, value: sortValue(row.cells[column]), place: place };
    });
    rows.sort(function (a, b) {
      if (rank(a.value) !== rank(b.value)) return rank(a.value) - rank(b.value);
      const order = a.value === null ? 0 : compare(a.value, b.value);
      return (descending ? -order : order) || a.place - b.place;
    });
    rows.forEach(function (item) { body.append(item.row); });
  }

  document.querySelectorAll("table").forEach(function (table) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach(function (head, column) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", function () {
        const now = head.getAttribute("aria-sort");
        const wanted = now === "ascending" ? "descending" : now === "descending" ? "ascending"
          : head.classList.contains("word") ? "ascending" : "descending";
        heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
        head.setAttribute("aria-sort", wanted);
        sort(table, column, wanted === "descending");
      });
    });
  });
})();

/* ---- curves ---- */

(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const metrics = Array.from(data.metrics);
  const groups = Array.from(data.groups);
  const runs = Array.from(data.runs);
  if (metrics.length === 0) {
    const empty = document.createElement("p");
    empty.textContent = "There is nothing to draw yet.";
    document.getElementById("curves").append(empty);
    return;
  }

  const element = function (id) { return document.getElementById(id); };
  const FIRST_SHOWN = 12; /* of many groups, so many are chosen at first */

  /* Colours that the colour-blind tell apart (after Okabe and Ito), on light and on dark ground; dashes tell them apart in
     grey. Past seven the colours return with other dashes. */
  const COLOURS = {
    light: ["#0072b2", "#d55e00", "#009e73", "#b0508a", "#b07d00", "#3a9bd9", "#000000"],
    dark: ["#4fa8e8", "#ff8a3d", "#2fc79a", "#e49ac4", "#f0b429", "#8fd0f7", "#ffffff"],
  };
  const DASHES = [[], [8, 4], [2, 3], [9, 3, 2, 3], [14, 4], [6, 2, 2, 2, 2, 2], [2, 6]];
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  let printing = false;

  function theme() {
    const style = getComputedStyle(document.documentElement);
    const pick = function (name) { return style.getPropertyValue(name).trim(); };
    if (printing) return { colours: COLOURS.light, ground: "#ffffff", text: "#000000", soft: "#444444", line: "#cccccc" };
    return {
      colours: media.matches ? COLOURS.dark : COLOURS.light,
      ground: pick("--ground"), text: pick("--text"), soft: pick("--soft"), line: pick("--line"),
    };
  }

  function look(place) {
    const turn = Math.floor(place / COLOURS.light.length);
    return { colour: theme().colours[place % COLOURS.light.length], dash: DASHES[(place + 3 * turn) % DASHES.length] };
  }

  function withAlpha(colour, alpha) {
    return colour + Math.round(alpha * 255).toString(16).padStart(2, "0");
  }

  /* ---- words ---- */

  const grouped = new Intl.NumberFormat("en");
  function words(value) {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(3);
    return new Intl.NumberFormat("en", { maximumSignificantDigits: size >= 1000 ? 21 : 5, maximumFractionDigits: 1,
      roundingPriority: size >= 1000 ? "lessPrecision" : "morePrecision" }).format(value);
  }

  function short(value) {
    const size = Math.abs(value);
    if (size >= 1e6) return String(+(value / 1e6).toPrecision(6)) + "M";
    if (size >= 1e4) return String(+(value / 1e3).toPrecision(6)) + "k";
    if (size !== 0 && size < 1e-3) return value.toExponential(1);
    return String(+value.toPrecision(6));
  }

  function seedName(run) {
    return run.seed === undefined ? run.name : "seed " + run.seed;
  }

  /* ---- what is chosen ---- */

  const chosen = {
    metric: metrics[0], band: "none", wantedBand: "interval", log: false, from: null, to: null,
    group: groups.map(function (_, i) { return i < FIRST_SHOWN || groups.length <= FIRST_SHOWN + 3; }),
    seed: groups.map(function (group) { return Array.from(group.runs).map(function () { return false; }); }),
  };

  function bandOf(curve) {
    return curve[chosen.band] || null;
  }

  /* Of the values that are shown only some bands are known; another one is taken then, and the list shows which. */
  function offerBands() {
    const known = function (band) {
      return band === "none" || groups.some(function (group) {
        const curve = group.curves[chosen.metric];
        return curve !== undefined && curve[band] !== undefined;
      });
    };
    Array.from(element("band").options).forEach(function (option) { option.disabled = !known(option.value); });
    chosen.band = [chosen.wantedBand, "range", "none"].find(known);
    element("band").value = chosen.band;
  }

  function groupCurve(group) {
    if (group.runs.length === 1) {
      const own = runs[group.runs[0]].curves[chosen.metric];
      return own && { g: own.g, mean: own.y, n: 1 };
    }
    return group.curves[chosen.metric];
  }

  function inRange(x) {
    return (chosen.from === null || x >= chosen.from) && (chosen.to === null || x <= chosen.to);
  }

  function points(grid, values) {
    return data.grids[grid].map(function (x, i) { return { x: x, y: chosen.log && !(values[i] > 0) ? null : values[i] }; });
  }

  function dataset(place, curve, name, values, thin) {
    const style = look(place);
    const n = values.length;
    return {
      label: name, data: points(curve.g, values), place: place, thin: thin,
      borderColor: thin ? withAlpha(style.colour, 0.65) : style.colour, borderWidth: thin ? 1 : 2.25, borderDash: style.dash,
      backgroundColor: style.colour, pointRadius: n === 1 ? 4 : 0, pointHoverRadius: 5, pointHitRadius: 6,
      pointBackgroundColor: style.colour, pointBorderColor: style.colour, pointHoverBackgroundColor: style.colour,
    };
  }

  function datasets() {
    const list = [];
    groups.forEach(function (group, place) {
      Array.from(group.runs).forEach(function (index, k) {
        const curve = chosen.group[place] && chosen.seed[place][k] && runs[index].curves[chosen.metric];
        if (curve) list.push(dataset(place, curve, group.label + ", " + seedName(runs[index]), curve.y, true));
      });
    });
    groups.forEach(function (group, place) {
      const curve = chosen.group[place] && groupCurve(group);
      if (!curve) return;
      const single = group.runs.length === 1;
      const name = group.label + (single ? ", " + seedName(runs[group.runs[0]]) : ", mean of " + curve.n);
      const one = dataset(place, curve, name, curve.mean, false);
      const band = bandOf(curve);
      if (band) one.band = band.map(function (side) { return points(curve.g, side); });
      list.push(one);
    });
    return list;
  }

  /* ---- the chart ---- */

  /* Bands are drawn below all curves; pieces end where a value is none. */
  const bands = {
    id: "bands",
    beforeDatasetsDraw: function (chart) {
      const context = chart.ctx, area = chart.chartArea, scales = chart.scales;
      context.save();
      context.beginPath();
      context.rect(area.left, area.top, area.right - area.left, area.bottom - area.top);
      context.clip();
      chart.data.datasets.forEach(function (one) {
        if (!one.band) return;
        const low = one.band[0], high = one.band[1];
        context.fillStyle = withAlpha(one.backgroundColor, 0.17);
        let from = 0;
        while (from < low.length) {
          let end = from;
          while (end < low.length && low[end].y !== null && high[end].y !== null) end += 1;
          if (end > from) {
            context.beginPath();
            for (let i = from; i < end; i += 1) {
              context.lineTo(scales.x.getPixelForValue(high[i].x), scales.y.getPixelForValue(high[i].y));
            }
            for (let i = end - 1; i >= from; i -= 1) {
              context.lineTo(scales.x.getPixelForValue(low[i].x), scales.y.getPixelForValue(low[i].y));
            }
            context.closePath();
            context.fill();
          }
          from = end + 1;
        }
      });
      context.restore();
    },
  };

  function bandEnds(list) {
    let least, most;
    list.forEach(function (one) {
      (one.band || []).forEach(function (side) {
        side.forEach(function (point) {
          if (point.y === null || !inRange(point.x)) return;
          if (least === undefined || point.y < least) least = point.y;
          if (most === undefined || point.y > most) most = point.y;
        });
      });
    });
    return [least, most];
  }

  function tooltipLines(item) {
    const one = item.dataset;
    const lines = [one.label + ": " + words(item.parsed.y)];
    if (one.band) {
      const low = one.band[0][item.dataIndex].y, high = one.band[1][item.dataIndex].y;
      lines.push("from " + words(low) + " to " + words(high));
    }
    return lines;
  }

  /* Canvas text has no element to wrap in: long labels are cut into lines. */
  function wrapped(text, width) {
    const lines = [];
    let line = "";
    text.split(/(?<=[ /,_-])/).forEach(function (word) {
      if (line !== "" && (line + word).length > width) {
        lines.push(line);
        line = "";
      }
      line += word;
      while (line.length > width) {
        lines.push(line.slice(0, width));
        line = line.slice(width);
      }
    });
    lines.push(line);
    return lines;
  }

  function options(ends) {
    const now = theme();
    const axis = function (title) {
      return {
        title: { display: true, text: title, color: now.text },
        ticks: { color: now.soft, callback: short, maxRotation: 0, autoSkipPadding: 12 },
        grid: { color: withAlpha(now.line, 0.6), borderColor: now.line },
      };
    };
    const y = axis(chosen.metric);
    y.suggestedMin = ends[0];
    y.suggestedMax = ends[1];
    y.type = chosen.log ? "logarithmic" : "linear";
    const x = axis("updates");
    x.type = "linear";
    if (chosen.from !== null) x.min = chosen.from;
    if (chosen.to !== null) x.max = chosen.to;
    return {
      animation: false, responsive: true, maintainAspectRatio: false, parsing: false, spanGaps: false,
      interaction: { mode: "nearest", intersect: false, axis: "xy" },
      scales: { x: x, y: y },
      onHover: function (_, active, chart) { say(chart, active[0]); },
      plugins: {
        legend: { display: false },
        tooltip: {
          backgroundColor: now.ground, titleColor: now.text, bodyColor: now.text, borderColor: now.soft, borderWidth: 1,
          padding: 8, displayColors: false,
          callbacks: {
            title: function (items) { return items.length > 0 ? "step " + grouped.format(items[0].parsed.x) : ""; },
            label: function (item) {
              const width = Math.max(20, Math.floor(item.chart.width / 11));
              return tooltipLines(item).flatMap(function (line) { return wrapped(line, width); });
            },
          },
        },
      },
    };
  }

  /* What is pointed at, in words too: for those who cannot see the tooltip. */
  function say(chart, active) {
    let text = "";
    if (active) {
      const one = chart.data.datasets[active.datasetIndex];
      const point = one.data[active.index];
      const item = { dataset: one, dataIndex: active.index, parsed: point };
      text = "Step " + grouped.format(point.x) + ": " + tooltipLines(item).join(", ");
    }
    if (element("state").textContent !== text) element("state").textContent = text;
  }

  ["controls", "plot", "choice"].forEach(function (id) { element(id).hidden = false; });
  const chart = new Chart(element("chart"), { type: "line", data: { datasets: [] }, options: options([]), plugins: [bands] });

  function draw() {
    offerBands();
    const list = datasets();
    chart.data.datasets = list;
    chart.options = options(bandEnds(list));
    chart.setActiveElements([]);
    chart.tooltip.setActiveElements([], { x: 0, y: 0 });
    chart.update();
    say(chart, undefined);
    const shown = chosen.group.filter(Boolean).length;
    element("count").textContent = shown + " of " + groups.length + " chosen"
      + (list.length === 0 && shown > 0 ? "; none of them has " + chosen.metric : "");
    element("chart").setAttribute("aria-label", chosen.metric + " over updates: " + list.length
      + (list.length === 1 ? " curve" : " curves"));
    showDifferences();
  }

  /* ---- reading it with the keyboard ---- */

  function isNumber(point) {
    return point !== undefined && point.y !== null && inRange(point.x);
  }

  function select(set, index) {
    const active = [{ datasetIndex: set, index: index }];
    const place = chart.getDatasetMeta(set).data[index];
    chart.setActiveElements(active);
    chart.tooltip.setActiveElements(active, { x: place.x, y: place.y });
    chart.update();
    say(chart, active[0]);
  }

  function nearestIndex(points, x) {
    let best = -1;
    points.forEach(function (point, i) {
      if (isNumber(point) && (best < 0 || Math.abs(point.x - x) < Math.abs(points[best].x - x))) best = i;
    });
    return best;
  }

  function along(points, from, by) {
    let i = from + by;
    while (i >= 0 && i < points.length && !isNumber(points[i])) i += by;
    return isNumber(points[i]) ? i : from;
  }

  element("chart").addEventListener("keydown", function (event) {
    const sets = chart.data.datasets;
    if (event.key === "Escape") {
      chart.setActiveElements([]);
      chart.tooltip.setActiveElements([], { x: 0, y: 0 });
      chart.update();
      say(chart, undefined);
      return;
    }
    const keys = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"];
    if (!keys.includes(event.key) || sets.length === 0) return;
    event.preventDefault();
    const now = chart.getActiveElements()[0];
    let set = now ? now.datasetIndex : sets.length - 1;
    let index = now ? now.index : nearestIndex(sets[set].data, -Infinity);
    if (!now) index = along(sets[set].data, -1, 1);
    else if (event.key === "ArrowRight") index = along(sets[set].data, index, 1);
    else if (event.key === "ArrowLeft") index = along(sets[set].data, index, -1);
    else if (event.key === "Home") index = along(sets[set].data, -1, 1);
    else if (event.key === "End") index = along(sets[set].data, sets[set].data.length, -1);
    else {
      const x = sets[set].data[index].x;
      for (let tries = 0; tries < sets.length; tries += 1) {
        set = (set + (event.key === "ArrowDown" ? 1 : sets.length - 1)) % sets.length;
        index = nearestIndex(sets[set].data, x);
        if (index >= 0) break;
      }
    }
    if (index >= 0 && index < sets[set].data.length) select(set, index);
  });

  /* ---- the list of groups ---- */

  const items = [];

  function swatch(place) {
    const style = look(place);
    const space = "http://www.w3.org/2000/svg";
    const picture = document.createElementNS(space, "svg");
    picture.setAttribute("width", "36");
    picture.setAttribute("height", "10");
    picture.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(space, "line");
    Object.entries({ x1: 0, x2: 36, y1: 5, y2: 5, stroke: style.colour, "stroke-width": 2.5,
      "stroke-dasharray": style.dash.join(" ") }).forEach(function (pair) { line.setAttribute(pair[0], pair[1]); });
    picture.append(line);
    return picture;
  }

  function checkbox(checked, changed, ...rest) {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = checked;
    box.addEventListener("change", function () {
      changed(box.checked);
      draw();
    });
    label.append(box, ...rest);
    return { label: label, box: box };
  }

  function span(text) {
    const made = document.createElement("span");
    made.textContent = text;
    return made;
  }

  function addGroup(group, place) {
    const item = document.createElement("li");
    const own = Array.from(group.runs);
    const what = checkbox(chosen.group[place], function (on) {
      chosen.group[place] = on;
      item.classList.toggle("off", !on);
    }, swatch(place), span(group.label));
    item.append(what.label);
    const entry = { item: item, box: what.box, label: group.label.toLowerCase(), swatch: what.label, seeds: [] };
    if (own.length > 1) {
      const details = document.createElement("details");
      const summary = document.createElement("summary");
      summary.textContent = own.length + " seeds";
      details.append(summary);
      own.forEach(function (index, k) {
        const state = runs[index].state === "done" ? "" : " (" + runs[index].state + ")";
        const seed = checkbox(false, function (on) { chosen.seed[place][k] = on; }, span(seedName(runs[index]) + state));
        details.append(seed.label);
        entry.seeds.push(seed.box);
      });
      item.append(details);
    }
    item.classList.toggle("off", !chosen.group[place]);
    element("groups").append(item);
    items.push(entry);
  }

  groups.forEach(addGroup);

  function recolour() {
    items.forEach(function (entry, place) { entry.swatch.querySelector("svg").replaceWith(swatch(place)); });
    draw();
  }

  function tick(on) {
    items.forEach(function (entry, place) {
      if (entry.item.hidden) return;
      entry.box.checked = on;
      chosen.group[place] = on;
      entry.item.classList.toggle("off", !on);
    });
    draw();
  }

  element("all").addEventListener("click", function () { tick(true); });
  element("none").addEventListener("click", function () { tick(false); });
  element("filter").addEventListener("input", function () {
    const parts = element("filter").value.toLowerCase().split(/\s+/);
    items.forEach(function (entry) {
      entry.item.hidden = !parts.every(function (part) { return entry.label.includes(part); });
    });
  });

  /* ---- controls ---- */

  metrics.forEach(function (tag) {
    const option = document.createElement("option");
    option.value = tag;
    option.textContent = tag;
    element("metric").append(option);
  });
  element("metric").value = chosen.metric; /* not what the browser remembers */
  element("seeds").checked = false;
  element("log").checked = false;
  ["from", "to"].forEach(function (id) {
    element(id).value = "";
    element(id).addEventListener("input", function () {
      chosen[id] = element(id).value === "" ? null : Number(element(id).value);
      draw();
    });
  });
  element("metric").addEventListener("change", function () {
    chosen.metric = element("metric").value;
    draw();
  });
  element("band").addEventListener("change", function () {
    chosen.wantedBand = element("band").value;
    draw();
  });
  element("log").addEventListener("change", function () {
    chosen.log = element("log").checked;
    draw();
  });
  element("seeds").addEventListener("change", function () {
    const on = element("seeds").checked;
    items.forEach(function (entry, place) {
      entry.seeds.forEach(function (box, k) {
        box.checked = on;
        chosen.seed[place][k] = on;
      });
    });
    draw();
  });

  /* ---- differences of the chosen groups ---- */

  function showDifferences() {
    const table = document.querySelector("table.differences");
    if (!table) return;
    const wanted = function (cell) { return cell.dataset.group === undefined || chosen.group[Number(cell.dataset.group)]; };
    const show = function (row) {
      const values = [];
      Array.from(row.cells).forEach(function (cell) {
        cell.hidden = !wanted(cell);
        if (cell.dataset.group !== undefined && !cell.hidden) values.push(cell.textContent);
      });
      return values;
    };
    show(table.tHead.rows[0]);
    Array.from(table.tBodies[0].rows).forEach(function (row) {
      const values = show(row);
      row.hidden = values.length > 1 && values.every(function (value) { return value === values[0]; });
    });
  }

  media.addEventListener("change", recolour);
  window.addEventListener("beforeprint", function () {
    printing = true;
    recolour();
  });
  window.addEventListener("afterprint", function () {
    printing = false;
    recolour();
  });
  draw();
})();
