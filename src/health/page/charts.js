// Text, numbers, tables and graphs: what the page draws with. Nothing here knows what purecam is.
"use strict";

const SPAN = 120_000; // The time that the sparklines show, in ms.
const $ = (id) => document.getElementById(id);
const dash = "\u2013";

function say(id, text) {
  const node = typeof id === "string" ? $(id) : id;
  if (node.textContent !== text) node.textContent = text;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const count = (number) => number.toLocaleString("en").replaceAll(",", "\u202f");
const tenths = (number) => (number == null ? dash : number.toFixed(1));
const milliseconds = (ms) => (ms == null ? dash : ms.toFixed(ms < 1 ? 2 : ms < 10 ? 1 : 0));

function span(ms) {
  const whole = Math.max(0, Math.floor(ms / 1000));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor(whole / 3600) % 24} h`;
}

/** The time of day, with the date unless it is that of `now`; both are RFC 3339, by the service's clock. */
function clock(text, now) {
  const [time, today] = [new Date(text), new Date(now)];
  if (Number.isNaN(time.getTime())) return dash;
  return (time.toDateString() === today.toDateString() ? "" : `${time.toLocaleDateString("sv")} `) + time.toLocaleTimeString("sv");
}

function build(name, attributes, ...children) {
  const svg = ["svg", "path", "rect", "line"].includes(name);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const fill = (node, share) => { node.style.transform = `scaleX(${Math.min(1, Math.max(0, share ?? 0))})`; };

/** Fills a table's body; columns from `numbers` on are numbers. Nodes are kept, so that a screen reader keeps its place. */
function table(id, rows, numbers) {
  const body = $(id);
  while (body.rows.length > rows.length) body.rows[body.rows.length - 1].remove();
  for (const [place, cells] of rows.entries()) {
    const row = body.rows[place] ?? body.appendChild(build("tr", {}, ...cells.map((_, at) => build("td", at >= numbers ? { class: "number" } : {}, build("span")))));
    cells.forEach((text, at) => say(row.cells[at].lastChild, text));
  }
}

// Sparklines

function remember(trend, value) {
  const now = performance.now();
  const last = trend.at(-1);
  // One point per second: the worst value in it.
  if (last && now - last.from < 1000) last.value = Math.max(last.value, value);
  else trend.push({ from: now, value });
  while (trend.length && now - trend[0].from > SPAN) trend.shift();
}

/** Draws a trend of `name`, whose least and greatest value `describe` puts into words. `mark`: a value with a line of its own. */
function sparkline(id, name, trend, describe, ceiling, mark) {
  const svg = $(`${id}-line`);
  const now = performance.now();
  const points = trend.filter((point) => now - point.from <= SPAN);
  const values = points.map((point) => point.value);
  if (!values.length) {
    svg.replaceChildren();
    svg.setAttribute("aria-label", `${name}: nothing in 2 min`);
    return say(`${id}-range`, "nothing");
  }
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const top = ceiling ?? Math.max(most * 1.15, 1e-6);
  const height = (value) => (40 - (38 * value) / top).toFixed(2);
  const at = (point) => `${(100 - (100 * (now - point.from)) / SPAN).toFixed(2)} ${height(point.value)}`;
  const runs = [];
  for (const point of points) {
    const run = runs.at(-1);
    // Seconds without a value are a gap, not a slope.
    if (run && point.from - run.at(-1).from < 3500) run.push(point);
    else runs.push([point]);
  }
  const lines = runs.map((run) => `M${run.map(at).join("L")}`).join("");
  const areas = runs.map((run) => `M${at(run[0]).split(" ")[0]} 40L${run.map(at).join("L")}L${at(run.at(-1)).split(" ")[0]} 40Z`);
  svg.setAttribute("viewBox", "0 0 100 40");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.replaceChildren(
    build("line", { class: "base", x1: 0, x2: 100, y1: 40, y2: 40 }),
    build("path", { class: "area", d: areas.join("") }),
    build("path", { class: "curve", d: lines }),
  );
  if (mark != null) svg.append(build("line", { class: "threshold", x1: 0, x2: 100, y1: height(mark), y2: height(mark) }));
  const text = describe(least, most);
  say(`${id}-range`, text);
  svg.setAttribute("aria-label", `${name}: ${text} in 2 min`);
}

// Histograms

function columns(svg, counts) {
  const most = Math.max(1, ...counts);
  svg.setAttribute("viewBox", `0 0 ${counts.length} 24`);
  const bars = counts.map((value, place) => {
    const height = value ? Math.max(1, (23 * value) / most) : 0;
    return build("rect", { class: "column", x: place + 0.06, width: 0.88, y: 23.5 - height, height });
  });
  svg.replaceChildren(...bars, build("line", { class: "base", x1: 0, x2: counts.length, y1: 23.5, y2: 23.5 }));
}

/** In ms, by linear interpolation inside the bucket. */
function quantile(counts, bounds, share) {
  const all = counts.reduce((sum, value) => sum + value, 0);
  if (!all) return dash;
  let below = 0;
  for (const [place, value] of counts.entries()) {
    if (value && below + value >= share * all) {
      if (place === bounds.length) return `>${bounds.at(-1) * 1000}`;
      if (place === 0) return `<${bounds[0] * 1000}`;
      const from = bounds[place - 1];
      return milliseconds(1000 * (from + ((bounds[place] - from) * (share * all - below)) / value));
    }
    below += value;
  }
  return dash;
}
