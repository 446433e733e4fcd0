"use strict";
// Draws the figures, filters and sorts the tables. Text reaches the page as text alone.
const data = JSON.parse(document.getElementById("data").textContent);
const filters = document.getElementById("filters");
const chosen = (name) => (filters.elements[name] ? filters.elements[name].value : "");
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;"); // Plotly reads some tags
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (value) => (100 * value).toFixed(2) + " %";
const unique = (values) => [...new Set(values)];
const sameModel = (one, two) => (data.aliases[one] || one) === (data.aliases[two] || two);

// ---- filters -------------------------------------------------------------------------------------------------------
function fits(node) {
  const { model, objective, form, property } = node.dataset;
  return (!model || !chosen("model") || sameModel(model, chosen("model")))
    && (!objective || !chosen("objective") || objective.split("\n").includes(chosen("objective")))
    && (!form || !chosen("form") || form === chosen("form"))
    && (!property || !chosen("property") || property === chosen("property"));
}

function applyFilters() {
  document.querySelectorAll("article").forEach((article) => { article.hidden = article.dataset.section !== chosen("section"); });
  document.querySelectorAll("tbody tr, th, td, .card, .card [data-form]").forEach((node) => { node.hidden = !fits(node); });
  document.querySelectorAll(".table").forEach((table) => {
    const rows = [...table.querySelectorAll("tbody tr")], shown = rows.filter((row) => !row.hidden).length;
    table.querySelector(".count").textContent = shown === rows.length ? `${rows.length} rows` : `${shown} of ${rows.length} rows`;
  });
  draw();
}
filters.addEventListener("change", applyFilters);
filters.addEventListener("reset", () => setTimeout(applyFilters));

// ---- sorting -------------------------------------------------------------------------------------------------------
function sortBy(header) {
  const table = header.closest("table"), body = table.tBodies[0], place = header.cellIndex;
  const up = header.getAttribute("aria-sort") !== "ascending";
  table.querySelectorAll("th").forEach((other) => other.setAttribute("aria-sort", "none"));
  header.setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = (row) => row.cells[place].dataset.sort;
  const compare = (one, two) => {
    const first = key(one), second = key(two);
    if (first !== undefined && second !== undefined) return (up ? 1 : -1) * (first - second);
    if (first !== undefined || second !== undefined) return first !== undefined ? -1 : 1; // without a figure: last
    return (up ? 1 : -1) * row_text(one, place).localeCompare(row_text(two, place), "en", { numeric: true });
  };
  [...body.rows].sort(compare).forEach((row) => body.append(row));
}
const row_text = (row, place) => row.cells[place].textContent;
document.querySelectorAll("th button").forEach((button) => button.addEventListener("click", () => sortBy(button.closest("th"))));

// ---- the runs behind a figure ----------------------------------------------------------------------------------------
function element(name, text, parent) {
  const made = document.createElement(name);
  if (text !== null) made.textContent = text;
  parent.append(made);
  return made;
}

function showRuns(numbers) {
  const dialog = document.getElementById("from"), place = dialog.querySelector(".scroll");
  place.textContent = "";
  const table = element("table", null, place), head = element("tr", null, element("thead", null, table)), body = element("tbody", null, table);
  ["run", "seed", "samples", "configuration", "benchmark", "commit", "relsym"].forEach((name) => element("th", name, head));
  numbers.map((number) => data.runs[number]).forEach((run) => {
    const row = element("tr", null, body);
    element("a", run.name, element("td", null, row)).setAttribute("href", run.href);
    [run.seed, run.samples, run.configuration, run.benchmark, run.commit, run.relsym].forEach((value) => element("td", value, row));
  });
  dialog.showModal();
}
document.addEventListener("click", (event) => {
  const button = event.target.closest(".from");
  if (button) showRuns(button.dataset.runs.split(" ").map(Number));
});

// ---- figures ---------------------------------------------------------------------------------------------------------
// Plotly would offer to send a figure to its maker's server.
const config = { responsive: true, displaylogo: false, showSendToCloud: false, plotlyServerURL: "", modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const names = (points) => unique(points.map((point) => JSON.stringify([point.objective, point.model])));
const nameOf = (key, points) => {
  const [objective, model] = JSON.parse(key);
  return plain(unique(points.map((point) => point.model)).length > 1 ? `${objective}, ${model}` : objective);
};
const ofName = (key) => (point) => JSON.stringify([point.objective, point.model]) === key;
// An objective has a colour and a marker, an encoder a kind of line.
const place = (key, all, which) => unique(all.map((point) => [point.objective, point.model][which])).indexOf(JSON.parse(key)[which]);
const pick = (list, number) => list[Math.max(0, number) % list.length];
const colour = (key, all) => pick(data.colours, place(key, all, 0));
const symbol = (key, all) => pick(["circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "x", "star"], place(key, all, 0));
const dash = (key, all) => pick(["solid", "dot", "dashdot", "longdash"], place(key, all, 1));
const kept = (points) => points.filter((point) => fits({ dataset: { ...point, property: "" } }));

const modebar = () => ({ bgcolor: "rgba(0,0,0,0)", color: css("--soft"), activecolor: css("--accent") });
const hoverlabel = () => ({ bgcolor: css("--card"), bordercolor: css("--soft"), font: { color: css("--text"), size: 12 }, align: "left" });

function axis(title, extra) {
  return { title: { text: title, font: { size: 12 } }, gridcolor: css("--line"), zerolinecolor: css("--line"), linecolor: css("--line"), ...extra };
}
const samplesAxis = (points) => {
  const values = unique(points.map((point) => point.samples)).sort((one, two) => one - two);
  return axis("training samples", { type: "log", tickvals: values, ticktext: values.map(String) });
};

// Panels side by side where there is room, else one below the other; one legend for all.
function panels(place, titles, traces, xaxis, yaxes, height) {
  const wide = place.clientWidth > 620, count = titles.length, drawn = wide ? height : height * count;
  const letters = traces.filter((trace) => trace.showlegend).map((trace) => 52 + 6.3 * trace.name.length);
  const rows = Math.max(1, Math.ceil(letters.reduce((sum, width) => sum + width, 0) / (0.88 * place.clientWidth)));
  const layout = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: css("--text"), family: "system-ui, sans-serif", size: 12 },
    margin: { l: 56, r: 14, t: wide ? 34 : 54, b: 68 + 21 * rows }, height: drawn + 110 + 21 * rows, legend: { orientation: "h", yanchor: "top", y: -58 / drawn },
    hovermode: "closest", annotations: [], modebar: modebar(), hoverlabel: hoverlabel() };
  titles.forEach((title, i) => {
    const suffix = i ? String(i + 1) : "", gap = wide ? 0.075 : 0.13, last = wide || i === count - 1;
    const size = (1 - gap * (count - 1)) / count, start = i * (size + gap), across = [start, Math.min(1, start + size)], down = [1 - Math.min(1, start + size), 1 - start];
    layout["xaxis" + suffix] = { ...xaxis, domain: wide ? across : [0, 1], anchor: "y" + suffix, ...(last ? {} : { title: {} }) };
    layout["yaxis" + suffix] = { ...yaxes[i], domain: wide ? [0, 1] : down, anchor: "x" + suffix };
    layout.annotations.push({ text: `<b>${plain(title)}</b>`, showarrow: false, xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom",
      x: wide ? across[0] : 0, y: wide ? 1.02 : down[1] });
  });
  Plotly.react(place, traces, layout, config);
}

function band(points, key, all, panel, name) {
  const on = { xaxis: "x" + panel, yaxis: "y" + panel, legendgroup: key }, x = points.map((point) => point.samples), paint = colour(key, all);
  const top = points.map((point) => 100 * Math.max(...point.values)), bottom = points.map((point) => 100 * Math.min(...point.values));
  const text = points.map((point) => `${name}<br>${point.samples} samples: ${percent(mean(point.values))}<br>${point.values.length} seeds, `
    + `${percent(Math.min(...point.values))} to ${percent(Math.max(...point.values))}` + (point.stopped ? `<br>${point.stopped} solved with fewer samples` : ""));
  return [{ ...on, x: [...x, ...[...x].reverse()], y: [...top, ...bottom.reverse()], fill: "toself", fillcolor: paint + "26", line: { width: 0 }, mode: "lines",
    hoverinfo: "skip", showlegend: false },
  { ...on, x, y: points.map((point) => 100 * mean(point.values)), name, text, hoverinfo: "text", mode: "lines+markers", showlegend: !panel,
    line: { color: paint, width: 2, dash: dash(key, all) }, marker: { color: paint, size: 7, symbol: symbol(key, all) } }];
}

const draws = {
  accuracy(place, points) {
    const property = chosen("property"), all = points.accuracy;
    const shown = kept(all).filter((point) => point.property === property), forms = unique(shown.map((point) => point.form)), traces = [];
    forms.forEach((form, i) => {
      const panel = i ? String(i + 1) : "", curve = shown.filter((point) => point.form === form);
      names(curve).forEach((key) => traces.push(...band(curve.filter(ofName(key)), key, all, panel, nameOf(key, all))));
      const best = property ? [] : points.shortcuts.filter((point) => point.form === form);
      if (best.length) {
        traces.push({ xaxis: "x" + panel, yaxis: "y" + panel, x: best.map((point) => point.samples), y: best.map((point) => 100 * point.value), name: "best shortcut",
          legendgroup: "shortcut", showlegend: !i, mode: "lines", line: { color: css("--soft"), dash: "dash", width: 1.5 }, hoverinfo: "text",
          text: best.map((point) => `best shortcut: ${plain(point.name)}<br>${point.samples} samples: ${percent(point.value)}`) });
      }
    });
    const label = property ? `accuracy in %, ${plain(property)}` : "accuracy in %";
    panels(place, forms, traces, samplesAxis(all), forms.map(() => axis(label, { rangemode: "normal" })), 310);
  },
  heat(place, points) {
    const all = points.accuracy.filter((point) => point.property);
    const shown = kept(all).filter((point) => !chosen("property") || point.property === chosen("property"));
    [...place.children].forEach((panel) => Plotly.purge(panel));
    place.textContent = "";
    const places = names(shown).map(() => element("div", null, place)); // all of them first: they share the width
    names(shown).forEach((key, i) => {
      const mine = shown.filter(ofName(key)), rows = unique(mine.map((point) => point.property)), columns = unique(mine.map((point) => point.samples)).sort((a, b) => a - b);
      const level = (row, column) => mine.filter((point) => point.property === row && point.samples === column).map((point) => mean(point.values));
      const z = rows.map((row) => columns.map((column) => { const values = level(row, column); return values.length ? 100 * mean(values) : null; }));
      const text = rows.map((row, j) => columns.map((column, k) => `${plain(row)}, ${column} samples<br>${z[j][k] === null ? "-" : z[j][k].toFixed(2) + " %"}`));
      const trace = { type: "heatmap", x: columns.map(String), y: rows.map(plain), z, text, hoverinfo: "text", zmin: 0, zmax: 100, colorscale: data.scale, showscale: false,
        texttemplate: "%{z:.0f}", textfont: { size: 10 }, xgap: 1, ygap: 1 };
      const layout = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: css("--text"), family: "system-ui, sans-serif", size: 11 },
        hoverlabel: hoverlabel(), title: { text: nameOf(key, all), font: { size: 13 }, x: 0.02 }, margin: { l: 10, r: 8, t: 34, b: 40 }, height: 90 + 22 * rows.length,
        xaxis: { type: "category", title: { text: "training samples", font: { size: 11 } } }, yaxis: { type: "category", autorange: "reversed", automargin: true } };
      Plotly.newPlot(places[i], [trace], layout, { ...config, displayModeBar: false });
    });
  },
  cost(place, points) {
    const all = points.cost, shown = kept(all);
    const measures = [["seconds", "seconds of training"], ["memory", "peak memory in GiB"]].filter(([key]) => shown.some((point) => key in point)), traces = [];
    measures.forEach(([measure], i) => names(shown).forEach((key) => {
      const mine = shown.filter(ofName(key)).filter((point) => measure in point), name = nameOf(key, all), paint = colour(key, all);
      traces.push({ xaxis: "x" + (i ? i + 1 : ""), yaxis: "y" + (i ? i + 1 : ""), x: mine.map((point) => point.samples), y: mine.map((point) => point[measure]), name,
        legendgroup: key, showlegend: !i, mode: "lines+markers", line: { color: paint, width: 2, dash: dash(key, all) }, marker: { color: paint, size: 7, symbol: symbol(key, all) },
        hoverinfo: "text", text: mine.map((point) => `${name}<br>${point.samples} samples: ${point[measure].toFixed(1)} ${measure === "seconds" ? "s" : "GiB"}`) });
    }));
    panels(place, measures.map(([, title]) => title), traces, samplesAxis(all), measures.map(() => axis("", { rangemode: "tozero" })), 250);
  },
  forgetting(place, points) {
    const all = points.forgetting, shown = kept(all);
    const traces = names(shown).map((key) => {
      const mine = shown.filter(ofName(key)), name = nameOf(key, all);
      return { x: mine.map((point) => 100 * point.drop), y: mine.map((point) => 100 * point.accuracy), name, mode: "markers", hoverinfo: "text",
        marker: { color: colour(key, all), size: 9, symbol: symbol(key, all) },
        text: mine.map((point) => `${name}, seed ${point.seed}, ${point.samples} samples<br>drop ${(100 * point.drop).toFixed(2)} points, accuracy ${percent(point.accuracy)}`) };
    });
    const front = shown.filter((point) => point.front), setting = (point) => JSON.stringify([point.objective, point.model, point.samples]);
    const means = unique(front.map(setting)).map((key) => front.filter((point) => setting(point) === key))
      .map((runs) => [mean(runs.map((point) => point.drop)), mean(runs.map((point) => point.accuracy))]).sort((one, other) => one[0] - other[0]);
    traces.push({ x: means.map((at) => 100 * at[0]), y: means.map((at) => 100 * at[1]), name: "Pareto front", mode: "lines", hoverinfo: "skip",
      line: { color: css("--soft"), dash: "dash", width: 1.5, shape: "hv" } });
    panels(place, ["accuracy in %, mean over the forms"], traces, axis("forgetting: drop in points"), [axis("")], 300);
  },
  models(place, points) {
    const all = points.models, shown = kept(all), forms = unique(all.map((point) => point.form));
    const line = (point) => plain(`${point.name}, ${point.reading}`), lines = unique(shown.map(line));
    const traces = unique(shown.map((point) => point.form)).map((form) => {
      const mine = shown.filter((point) => point.form === form), paint = pick(data.colours, forms.indexOf(form));
      return { x: mine.map((point) => 100 * point.value), y: mine.map(line), name: plain(form), mode: "markers", hoverinfo: "text", showlegend: true,
        marker: { color: paint, size: 8, symbol: pick(["circle", "square", "diamond"], forms.indexOf(form)) },
        error_x: { type: "data", symmetric: false, array: mine.map((point) => 100 * (point.high - point.value)),
          arrayminus: mine.map((point) => 100 * (point.value - point.low)), color: paint, thickness: 1.2 },
        text: mine.map((point) => `${line(point)}<br>${plain(form)}: ${percent(point.value)}<br>${percent(point.low)} to ${percent(point.high)}`
          + (point.first ? "<br>stands for the model" : "")) };
    });
    unique(shown.map((point) => point.constant)).forEach((constant) => traces.push({ x: [100 * constant, 100 * constant], y: [lines[0], lines[lines.length - 1]],
      mode: "lines", line: { color: css("--soft"), dash: "dash", width: 1.5 }, hoverinfo: "skip", showlegend: false }));
    panels(place, [""], traces, axis("accuracy in %", { range: [-2, 102] }),
      [axis("", { type: "category", categoryarray: lines, autorange: "reversed", automargin: true, tickfont: { size: 10 } })], 60 + 20 * lines.length);
  },
  reliability(place, points) {
    const all = points.reliability, shown = kept(all), forms = unique(shown.map((point) => point.form)), known = unique(all.map((point) => point.name)), traces = [];
    forms.forEach((form, i) => {
      const on = { xaxis: "x" + (i ? i + 1 : ""), yaxis: "y" + (i ? i + 1 : "") };
      traces.push({ ...on, x: [0, 1], y: [0, 1], mode: "lines", line: { color: css("--soft"), dash: "dash", width: 1.5 }, hoverinfo: "skip", showlegend: false });
      shown.filter((point) => point.form === form).forEach((point) => {
        const number = known.indexOf(point.name), paint = pick(data.colours, number), first = shown.find((other) => other.name === point.name) === point;
        traces.push({ ...on, x: point.bins.map((bin) => bin.probability), y: point.bins.map((bin) => bin.entailment), name: plain(point.name), legendgroup: point.name,
          showlegend: first, mode: "lines+markers", line: { color: paint, width: 1.5 }, hoverinfo: "text",
          marker: { color: paint, size: point.bins.map((bin) => 5 + Math.min(11, Math.sqrt(bin.rows) / 3)) },
          text: point.bins.map((bin) => `${plain(point.name)}<br>${bin.rows} rows, mean probability ${percent(bin.probability)}<br>entailment: ${percent(bin.entailment)}`) });
      });
    });
    panels(place, forms, traces, axis("probability of entailment", { range: [-0.03, 1.03] }), forms.map(() => axis("share of entailment", { range: [-0.03, 1.03] })), 310);
  },
};

function draw() {
  document.querySelectorAll("article:not([hidden]) .figure").forEach((place) => {
    draws[place.dataset.figure](place, data.points[place.closest("article").dataset.section]);
  });
}

// ---- dark and light --------------------------------------------------------------------------------------------------
const system = matchMedia("(prefers-color-scheme: dark)");
document.getElementById("theme").addEventListener("click", () => {
  const dark = (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  draw();
});
system.addEventListener("change", draw);
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; draw(); } });
applyFilters();
