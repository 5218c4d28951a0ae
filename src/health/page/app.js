// The live page. Verdicts arrive as server-sent events, numbers from /api/status every second, pictures as snapshots:
// a browser allows six connections to one server, and this way a tab keeps only one of them busy.
"use strict";

const STATUS_EVERY = 1000;
const SPAN = 120_000; // The time that the sparklines show.
const OLD_AFTER = 2500; // A verdict older than this is shown as old.
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const $ = (id) => document.getElementById(id);

const page = { paused: false, verdict: null, verdictAt: -Infinity, status: null, statuses: [], lost: 0 };
const trends = { age: [], verdicts: [], frames: [], suspicion: [] };

// Text and numbers

function say(id, text) {
  const node = typeof id === "string" ? $(id) : id;
  if (node.textContent !== text) node.textContent = text;
}
const dash = "\u2013";
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const count = (number) => number.toLocaleString("en").replaceAll(",", "\u202f");
const tenths = (number) => (number == null ? dash : number.toFixed(1));
const milliseconds = (ms) => (ms == null ? dash : ms.toFixed(ms < 1 ? 2 : ms < 10 ? 1 : 0));

function span(seconds) {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor(whole / 60) % 60} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor(whole / 3600) % 24} h`;
}

function clock(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return dash;
  const today = time.toDateString() === new Date().toDateString();
  return (today ? "" : `${time.toLocaleDateString("sv")} `) + time.toLocaleTimeString("sv");
}

function build(name, attributes, ...children) {
  const svg = ["svg", "path", "rect", "line"].includes(name);
  const node = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const fill = (id, share) => { $(id).style.transform = `scaleX(${Math.min(1, Math.max(0, share ?? 0))})`; };

// What a screen reader announces: changes of state at once, changes of the verdict at most every ten seconds.

const spoken = { state: "", label: "", at: -Infinity };

function speak() {
  const state = page.status && nameOf(page.status.state);
  const label = page.verdict?.label;
  const now = performance.now();
  if (state && state !== spoken.state) {
    if (spoken.state) say("said", `State: ${state}`);
    spoken.state = state;
  } else if (label && !isOld() && label !== spoken.label && now - spoken.at > 10_000) {
    say("said", `Verdict: ${label}, ${percent(page.verdict.confidence)}`);
    Object.assign(spoken, { label, at: now });
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

function sparkline(id, trend, describe, ceiling) {
  const svg = $(`${id}-line`);
  const values = trend.map((point) => point.value);
  if (!values.length) {
    svg.replaceChildren();
    return say(`${id}-range`, dash);
  }
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const top = ceiling ?? Math.max(most * 1.15, 1e-6);
  const now = performance.now();
  const at = (point) => `${(100 - (100 * (now - point.from)) / SPAN).toFixed(2)} ${(40 - (38 * point.value) / top).toFixed(2)}`;
  const runs = [];
  for (const point of trend) {
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
  const text = `${describe(least, most)} in 2 min`;
  say(`${id}-range`, text);
  svg.setAttribute("aria-label", `Trend: ${text}`);
}

function drawTrends() {
  const range = (least, most) => `${least.toFixed(1)} to ${most.toFixed(1)}`;
  sparkline("age", trends.age, (_, most) => `max ${milliseconds(most)} ms`);
  sparkline("verdict", trends.verdicts, range);
  sparkline("frame", trends.frames, range);
  sparkline("suspicion", trends.suspicion, (_, most) => `max ${most.toFixed(2)}`, 1);
}

// The verdict

const isOld = () => performance.now() - page.verdictAt > OLD_AFTER;

function showVerdict() {
  const verdict = page.verdict;
  if (!verdict) return;
  say("label", verdict.label);
  say("verdict-note", `${verdict.purified ? "purified frame" : "frame without purification"}, ${percent(verdict.confidence)} confidence`);
  say("purified-title", verdict.purified ? "Purified" : "Not purified");
  say("purified-label", verdict.label);
  say("purified-confidence", percent(verdict.confidence));
  fill("purified-bar", verdict.confidence);
  say("raw-label", verdict.raw?.label ?? "not classified");
  say("raw-confidence", verdict.raw ? percent(verdict.raw.confidence) : "");
  fill("raw-bar", verdict.raw?.confidence);
  $("attacked").hidden = !verdict.staged?.attacked;
  say("suspicion", verdict.suspicion == null ? "not measured" : verdict.suspicion.toFixed(2));
  say("suspicion-now", verdict.suspicion == null ? dash : verdict.suspicion.toFixed(2));
  fill("suspicion-bar", verdict.suspicion);
  say("took", `${milliseconds(verdict.ms.total)} ms`);
  say("smoothed", verdict.smoothed ? "yes" : "no");
  say("frame", count(verdict.seq));
  say("captured", clock(verdict.captured_at));
  say("age", milliseconds(verdict.age_ms));
  const rows = $("top").rows;
  verdict.top.slice(0, 3).forEach((guess, place) => {
    const row = rows[place] ?? $("top").appendChild(classRow());
    say(row.cells[0], guess.label);
    row.cells[1].querySelector("i").style.transform = `scaleX(${guess.confidence})`;
    say(row.cells[2], percent(guess.confidence));
  });
  while (rows.length > Math.min(3, verdict.top.length)) rows[rows.length - 1].remove();
}

const classRow = () =>
  build("tr", {}, build("td"), build("td", {}, build("div", { class: "meter", "aria-hidden": "true" }, build("i"))), build("td", { class: "number" }));

/** Whatever depends on the time since the newest verdict. */
function showAge() {
  const old = isOld();
  for (const id of ["verdict", "raw", "purified"]) $(id).classList.toggle("old", old && page.verdict !== null);
  const ago = page.status?.last_age_ms;
  if (old || !page.verdict) say("verdict-note", page.paused ? "paused" : ago == null ? "no verdict yet" : `no verdict for ${span(ago / 1000)}`);
  if (!old) return;
  const state = page.status ? nameOf(page.status.state) : "connecting";
  for (const missing of document.querySelectorAll(".missing")) say(missing, page.paused ? "paused" : page.verdict ? `no new picture: ${state}` : `waiting for a picture: ${state}`);
}

// The status

const nameOf = ({ state, reason }) => (reason ? `${state} (${reason})` : state);

async function askStatus() {
  const answer = await fetch("/api/status", { signal: AbortSignal.timeout(4000) });
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const status = await answer.json();
  const before = page.statuses.at(-1);
  // A count that falls means that the service was restarted.
  if (before && status.verdicts.published < before.verdicts.published) page.statuses.length = 0;
  page.statuses.push(status);
  if (page.statuses.length > 61) page.statuses.shift();
  page.status = status;
  if (status.rates.verdicts != null) remember(trends.verdicts, status.rates.verdicts);
  if (status.rates.frames != null) remember(trends.frames, status.rates.frames);
}

function showStatus() {
  const { status } = page;
  $("state").dataset.state = status.state.state;
  say("state-name", nameOf(status.state));
  say("state-for", `for ${span(status.state.for_s)}`);
  const title = `${status.state.state === "running" ? "" : `${nameOf(status.state)} \u00b7 `}purecam`;
  if (document.title !== title) document.title = title;
  say("verdict-rate", tenths(status.rates.verdicts));
  say("frame-rate", tenths(status.rates.frames));
  say("suspicious", count(status.verdicts.suspicious));
  say("version", status.generator);
  showLatency(status);
  showDrops(status);
  showHistory(status);
  showModels(status);
}

/** Counts of a histogram over the last minute, or since the page was opened. */
function recent(pick) {
  const [now, before] = [pick(page.statuses.at(-1)), pick(page.statuses[0])];
  if (now === before || now.counts.every((value, place) => value === before.counts[place])) return now;
  return { counts: now.counts.map((value, place) => value - before.counts[place]), sum_s: now.sum_s - before.sum_s };
}

function quantile({ counts }, bounds, share) {
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

function showLatency({ bounds, stages }) {
  const seconds = page.statuses.length - 1;
  say("latency-span", seconds < 2 ? "since start" : seconds < 60 ? `last ${seconds} s` : "last minute");
  const rows = [...Object.keys(stages).map((name) => [name, (it) => it.stages[name]]), ["frame age", (it) => it.age]];
  const order = ["decode", "resize", "purify", "classify", "frame age"];
  rows.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  for (const [place, [name, pick]] of rows.entries()) {
    const times = recent(pick);
    const row = $("latency").rows[place] ?? $("latency").appendChild(latencyRow());
    say(row.cells[0], name);
    columns(row.querySelector("svg"), times.counts);
    const all = times.counts.reduce((sum, value) => sum + value, 0);
    say(row.cells[2], quantile(times, bounds, 0.5));
    say(row.cells[3], quantile(times, bounds, 0.95));
    say(row.cells[4], all ? milliseconds((1000 * times.sum_s) / all) : dash);
  }
  if (!$("axis").childElementCount) {
    for (const bound of [0.001, 0.01, 0.1, 1]) {
      const tick = build("span", {}, bound < 1 ? String(bound * 1000) : `${bound} s`);
      tick.style.left = `${(100 * (bounds.indexOf(bound) + 1)) / (bounds.length + 1)}%`;
      $("axis").append(tick);
    }
  }
}

const latencyRow = () =>
  build("tr", {}, build("th", { scope: "row" }), build("td", { class: "chart" }, build("svg", { "aria-hidden": "true", preserveAspectRatio: "none" })),
    ...[0, 1, 2].map(() => build("td", { class: "number" })));

function columns(svg, counts) {
  const most = Math.max(1, ...counts);
  svg.setAttribute("viewBox", `0 0 ${counts.length} 24`);
  const bars = counts.map((value, place) => {
    const height = value ? Math.max(1, (23 * value) / most) : 0;
    return build("rect", { class: "column", x: place + 0.06, width: 0.88, y: 23.5 - height, height });
  });
  svg.replaceChildren(...bars, build("line", { class: "base", x1: 0, x2: counts.length, y1: 23.5, y2: 23.5 }));
}

/** Every cause of frames without a verdict and of lost sources, with its count. */
function causes(status) {
  const all = [["replaced by a newer frame", status.frames.replaced], ["missed by the camera", status.frames.missed]];
  for (const [cause, number] of Object.entries(status.frames.unusable)) all.push([`unusable: ${cause}`, number]);
  for (const [cause, number] of Object.entries(status.verdicts.withheld)) all.push([`withheld: ${cause}`, number]);
  for (const [reason, number] of Object.entries(status.reconnects)) all.push([`source lost: ${reason}`, number]);
  return all;
}

function showDrops(status) {
  const before = new Map(causes(page.statuses[0]));
  const always = 2; // The first two, replaced and missed, are shown even if they are 0.
  const rows = causes(status).filter(([, number], place) => place < always || number > 0);
  table("drops", rows.map(([cause, number]) => [cause, count(number - (before.get(cause) ?? 0)), count(number)]), 1);
}

function showHistory({ history }) {
  const lasted = history.map((change, place) => change.for_s - (history[place + 1]?.for_s ?? 0));
  const rows = history.map((change, place) => [nameOf(change), clock(change.since), span(lasted[place])]).reverse();
  table("history", rows, 2);
  for (const [place, row] of [...$("history").rows].entries()) {
    row.dataset.state = history[history.length - 1 - place].state;
    if (!row.querySelector(".mark")) row.cells[0].prepend(build("span", { class: "mark", "aria-hidden": "true" }));
  }
}

function showModels({ models, sinks }) {
  const entries = Object.entries(models);
  if ($("models").childElementCount !== entries.length) {
    $("models").replaceChildren(...entries.map(([role]) => build("div", {}, build("dt", {}, `${role}, SHA-256`), build("dd"))));
  }
  entries.forEach(([, sha256], place) => say($("models").children[place].lastChild, sha256 ?? "none: frames are not purified"));
  table("sinks", sinks.map(({ name, written, dropped }) => [name, count(written), count(dropped)]), 1);
}

/** Fills a table's body; columns from `numbers` on are numbers. Nodes are kept, so that a screen reader keeps its place. */
function table(id, rows, numbers) {
  const body = $(id);
  while (body.rows.length > rows.length) body.rows[body.rows.length - 1].remove();
  for (const [place, cells] of rows.entries()) {
    const row = body.rows[place] ?? body.appendChild(build("tr", {}, ...cells.map((_, at) => build("td", at >= numbers ? { class: "number" } : {}, build("span")))));
    cells.forEach((text, at) => say(row.cells[at].lastChild, text));
  }
}

// Connections

function link(live, text) {
  $("link").dataset.link = live ? "live" : "lost";
  say("link-name", text);
  $("banner").hidden = live || page.lost < 2;
  if (page.lost >= 2) say("banner", "No answer from purecam; showing the last data received. Retrying every few seconds.");
}

const isQuiet = () => page.paused || document.hidden;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function watchStatus() {
  for (;;) {
    if (!isQuiet()) {
      try {
        await askStatus();
        page.lost = 0;
        showStatus();
        link(true, "live");
      } catch {
        page.lost += 1;
        link(false, "connection lost, retrying");
      }
      drawTrends();
      speak();
    }
    showAge();
    await sleep(STATUS_EVERY * Math.min(4, 1 + page.lost));
  }
}

let events = null;

function watchVerdicts() {
  if (isQuiet() || page.lost > 0) {
    events?.close();
    events = null;
    return;
  }
  if (events && events.readyState !== EventSource.CLOSED) return;
  events = new EventSource("/api/verdicts");
  let drawn = true;
  events.addEventListener("verdict", ({ data }) => {
    page.verdict = JSON.parse(data);
    page.verdictAt = performance.now();
    remember(trends.age, page.verdict.age_ms);
    if (page.verdict.suspicion != null) remember(trends.suspicion, page.verdict.suspicion);
    if (!drawn) return;
    drawn = false;
    // Nobody can read numbers that change faster than this.
    setTimeout(() => {
      drawn = true;
      showVerdict();
      showAge();
    }, calm.matches ? 1000 : 150);
  });
}

async function fetchPicture(kind) {
  const answer = await fetch(`/snapshot.jpg?${kind}`, { signal: AbortSignal.timeout(8000) });
  if (!answer.ok) throw new Error(`picture ${answer.status}`);
  return URL.createObjectURL(await answer.blob());
}

/** Shows a picture. It is decoded before the old one is released, so that nothing flickers. */
async function showPicture(kind, url) {
  const image = $(`${kind}-image`);
  const before = image.src;
  image.src = url;
  await image.decode();
  image.hidden = false;
  say(`${kind}-size`, `${image.naturalWidth} \u00d7 ${image.naturalHeight}${image.naturalWidth === image.naturalHeight ? "" : ", its central square"}`);
  if (before) URL.revokeObjectURL(before);
}

const hasFrames = () => ["running", "degraded"].includes(page.status?.state.state);

async function watchPictures() {
  for (;;) {
    const began = performance.now();
    let wait = calm.matches ? 1000 : 60;
    if (isQuiet() || page.lost > 0 || !hasFrames()) {
      wait = 200;
    } else {
      try {
        const urls = await Promise.all(["raw", "purified"].map(fetchPicture));
        await Promise.all([showPicture("raw", urls[0]), showPicture("purified", urls[1])]);
      } catch {
        wait = 2000;
      }
    }
    await sleep(Math.max(10, wait - (performance.now() - began)));
  }
}

function togglePause() {
  page.paused = !page.paused;
  $("pause").setAttribute("aria-pressed", String(page.paused));
  say("pause", page.paused ? "Resume" : "Pause");
  if (page.paused) link(true, "paused");
  watchVerdicts();
}

$("pause").addEventListener("click", togglePause);
document.addEventListener("visibilitychange", watchVerdicts);
setInterval(watchVerdicts, 1000);
watchVerdicts();
watchStatus();
watchPictures();
