// The live page. Verdicts arrive as server-sent events, numbers from /api/status every second, pictures as snapshots:
// a browser allows six connections to one server, and this way a tab keeps only one of them busy.
"use strict";

const STATUS_EVERY = 1000;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const trends = { age: [], verdicts: [], frames: [], suspicion: [] };

// The verdict

function showVerdict() {
  const { verdict } = page;
  if (!verdict) return;
  const { raw, present, purified, suspicion } = verdict;
  say("label", labelOf(verdict));
  $("label").classList.toggle("many", (present?.length ?? 0) > 3);
  const frame = purified ? "purified frame" : "frame without purification";
  const sure = `${percent(verdict.confidence)} confidence`;
  say("verdict-note", present ? `${present.length} of ${page.status?.files.classifier.classes ?? "all"} labels, ${frame}` : `${frame}, ${sure}`);
  say("purified-label", labelOf(verdict));
  say("purified-confidence", present ? "" : percent(verdict.confidence));
  fill($("purified-bar"), verdict.confidence);
  say("raw-label", raw?.label ?? "not classified");
  $("raw-label").classList.toggle("quiet", !raw);
  say("raw-confidence", raw ? percent(raw.confidence) : "");
  $("raw-meter").hidden = !raw;
  fill($("raw-bar"), raw?.confidence);
  $("attacked").hidden = !verdict.staged?.attacked;
  $("verdict").classList.toggle("suspicious", verdict.suspicious);
  $("suspicious-now").hidden = !verdict.suspicious;
  $("suspicion-part").hidden = suspicion == null;
  if (suspicion != null) {
    say("suspicion", suspicion.toFixed(2));
    fill($("suspicion-bar"), suspicion);
  }
  say("took", `${milliseconds(verdict.ms.total)} ms`);
  say("smoothed", verdict.smoothed ? "yes" : "no");
  say("frame", count(verdict.seq));
  say("captured", clock(verdict.captured_at, page.status?.now));
  say("age", milliseconds(verdict.age_ms));
  showClasses(verdict);
  showSuspects();
}

/** The most probable classes, or all labels that are present and the most probable ones that are not. */
function showClasses({ top, present }) {
  const absent = present ? top.filter((guess) => !present.some((it) => it.index === guess.index)) : [];
  const guesses = present ? [...present.slice(0, 8), ...absent].slice(0, Math.max(3, Math.min(8, present.length))) : top.slice(0, 3);
  const rows = $("top").rows;
  guesses.forEach((guess, place) => {
    const row = rows[place] ?? $("top").appendChild(classRow());
    row.classList.toggle("absent", absent.includes(guess));
    say(row.cells[0], absent.includes(guess) ? `${guess.label} (absent)` : guess.label);
    fill(row.cells[1].querySelector("i"), guess.confidence);
    say(row.cells[2], percent(guess.confidence));
  });
  while (rows.length > guesses.length) rows[rows.length - 1].remove();
}

const classRow = () =>
  build("tr", {}, build("td"), build("td", {}, build("div", { class: "meter", "aria-hidden": "true" }, build("i"))), build("td", { class: "number" }));

function showSuspects() {
  const { status } = page;
  const measured = status?.verdicts.threshold != null;
  const rows = page.suspects.map(({ from, label, raw, most, count: number }) => [clock(from, status?.now), `${label} (raw: ${raw})`, most.toFixed(2), count(number)]);
  table("suspects", rows, 2);
  page.suspects.forEach(({ pictures }, place) => {
    const cell = $("suspects").rows[place].cells[1];
    const before = cell.querySelector(".kept");
    if (before === pictures) return;
    before?.remove();
    if (pictures) cell.prepend(pictures);
  });
  $("suspects-table").hidden = !rows.length;
  if (!status) return;
  say("suspicious", measured ? `${count(status.verdicts.suspicious)} since the start` : "");
  const why = status.models.purifier ? "detect is off. [detect] enabled = true compares each frame before and after purification." : "there is no purifier.";
  say("suspects-note", !measured ? `Not measured: ${why}` : rows.length ? "" : "None since this page was opened.");
}

/** Gives each suspicious verdict that has none yet the pictures of a frame that was kept of it. */
function findPictures(kept) {
  for (const suspect of page.suspects) {
    // Times of the same form, in UTC.
    const frame = suspect.pictures ? null : kept?.find(({ captured_at }) => suspect.from <= captured_at && captured_at <= suspect.to);
    if (frame) suspect.pictures = build("div", { class: "kept" }, keptPicture(frame.name, "raw"), keptPicture(frame.name, "purified"));
  }
}

/** A small picture that leads to the file. It goes with its entry and is loaded once: the ring goes on. */
function keptPicture(name, kind) {
  const image = build("img", { src: `/kept/${name}-${kind}.png?small`, alt: `${kind} picture` });
  const link = build("a", { href: `/kept/${name}-${kind}.png`, target: "_blank", title: `${kind}: ${name}` }, image);
  image.addEventListener("error", () => link.remove());
  return link;
}

// The status

async function askStatus() {
  const asked = performance.now();
  const answer = await fetch("/api/status", { signal: AbortSignal.timeout(4000) });
  if (answer.status === 401) location.reload();
  if (!answer.ok) throw new Error(`HTTP status ${answer.status}`);
  const status = await answer.json();
  const before = page.statuses.at(-1)?.status;
  // After an upgrade, the page is another one too.
  if (before && status.generator !== before.generator) location.reload();
  // A count that falls means that the service was restarted.
  if (before && (status.verdicts.published < before.verdicts.published || status.frames.arrived < before.frames.arrived)) page.statuses.length = 0;
  page.statuses.push({ at: asked, status });
  while (asked - page.statuses[0].at > 60_500) page.statuses.shift();
  page.status = status;
  page.at.status = asked;
  findPictures(status.kept_frames);
  if (status.rates.verdicts != null) remember(trends.verdicts, status.rates.verdicts);
  if (status.rates.frames != null) remember(trends.frames, status.rates.frames);
}

function showStatus() {
  const { status } = page;
  say("verdict-rate", tenths(status.rates.verdicts));
  say("frame-rate", tenths(status.rates.frames));
  say("version", status.generator);
  showIdentity(status);
  showLatency(status);
  showDrops(status);
  showHistory(status);
  table("sinks", status.sinks.map((sink) => [sink.name, sinkState(sink), count(sink.written), count(sink.dropped)]), 2);
  showSuspects();
}

/** How an output is, and since when if it fails. */
const sinkState = ({ state, reason, detail, for_s, required }) =>
  reason ? `${state}: ${reason} for ${span(1000 * for_s)}${required ? ", required" : ""} (${detail})` : state;

const purifierText = ({ name, mode, strength }) => {
  const how = [mode, strength == null ? "" : `strength ${strength}`].filter(Boolean).join(", ");
  return how ? `${name} (${how})` : name;
};
const classifierText = ({ name, classes }) => `${name} (${classes === 1 ? "1 class" : `${count(classes)} classes`})`;

/** Which camera, machine and models this is. */
function showIdentity({ source, host, instance, files, framing, models, verdicts }) {
  say("instance", instance ? ` ${instance}` : "");
  say("source", source);
  say("host", host ?? "unknown");
  const isPurified = files.purifier !== null;
  say("purifier", isPurified ? purifierText(files.purifier) : "none");
  say("classifier", classifierText(files.classifier));
  $("warning").hidden = isPurified;
  $("top-parts").classList.toggle("single", !isPurified);
  $("raw").hidden = !isPurified;
  showWhere(framing, files.classifier.size);
  say("purified-title", isPurified ? "Purified" : "Not purified");
  const { threshold } = verdicts;
  $("threshold").hidden = threshold == null;
  if (threshold != null) {
    $("threshold").style.left = `${100 * threshold}%`;
    say("threshold-text", `suspicious from ${threshold.toFixed(2)}`);
  }
  const size = ([height, width]) => `${width} \u00d7 ${height}`;
  const rows = [["Classifier", classifierText(files.classifier), size(files.classifier.size), models.classifier]];
  if (isPurified) rows.unshift(["Purifier", purifierText(files.purifier), size(files.purifier.size), models.purifier]);
  if ($("models").childElementCount !== rows.length) {
    $("models").replaceChildren(...rows.map(([role]) => build("div", {}, build("dt", {}, role), build("dd"), build("dd", { class: "hash" }))));
  }
  rows.forEach(([, text, pixels, sha256], place) => {
    const [, name, hash] = $("models").children[place].children;
    say(name, `${text}, ${pixels}`);
    say(hash, `SHA-256 ${sha256}`);
  });
}

/** Draws a frame around the part of the raw picture that the models see. */
function showWhere(framing, size) {
  const { naturalWidth: wide, naturalHeight: high } = $("raw-image");
  const part = wide ? lookedAt(framing, [wide, high], size) : [0, 0, 1, 1];
  const isPart = part[2] < 0.999 || part[3] < 0.999;
  const place = (node, [left, top, width, height]) => {
    for (const [side, share] of Object.entries({ left, top, width, height })) node.style[side] = `${100 * share}%`;
  };
  // The picture is fitted into a square.
  const [across, down] = [wide, high].map((side) => side / Math.max(wide, high, 1));
  place($("picture"), [(1 - across) / 2, (1 - down) / 2, across, down]);
  place($("look"), part);
  $("picture").hidden = !isPart;
  const words = [isPart ? "framed part" : "", framing.rotate ? `turned ${framing.rotate}\u00b0` : "", framing.flip === "none" ? "" : "mirrored"];
  say("raw-part", words.filter(Boolean).map((word) => `, ${word}`).join(""));
}

/** Counts of a histogram over the last minute, or since the page was opened. */
function recent(pick) {
  const [now, before] = [page.statuses.at(-1), page.statuses[0]].map(({ status }) => pick(status));
  if (now === before || now.counts.every((value, place) => value === before.counts[place])) return now;
  return { counts: now.counts.map((value, place) => value - before.counts[place]), sum_s: now.sum_s - before.sum_s };
}

function showLatency({ bounds, stages, models }) {
  const seconds = Math.round((page.statuses.at(-1).at - page.statuses[0].at) / 1000);
  say("latency-span", seconds < 2 ? "since start" : seconds < 59 ? `last ${seconds} s` : "last minute");
  const rows = [...Object.keys(stages).map((name) => [name, (it) => it.stages[name]]), ["frame age", (it) => it.age]]
    .filter(([name]) => name !== "purify" || models.purifier);
  const order = ["decode", "resize", "purify", "classify", "frame age"];
  rows.sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  while ($("latency").rows.length > rows.length) $("latency").rows[0].remove();
  for (const [place, [name, pick]] of rows.entries()) {
    const times = recent(pick);
    const row = $("latency").rows[place] ?? $("latency").appendChild(latencyRow());
    const [half, most] = [0.5, 0.95].map((share) => quantile(times.counts, bounds, share));
    say(row.cells[0], name);
    const svg = row.querySelector("svg");
    columns(svg, times.counts);
    svg.setAttribute("aria-label", `${name}: histogram; half take up to ${half} ms, 95 % up to ${most} ms`);
    const all = times.counts.reduce((sum, value) => sum + value, 0);
    say(row.cells[2], half);
    say(row.cells[3], most);
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
  build("tr", {}, build("th", { scope: "row" }), build("td", { class: "chart" }, build("svg", { role: "img", preserveAspectRatio: "none" })),
    ...[0, 1, 2].map(() => build("td", { class: "number" })));

/** Every cause of frames without a verdict and of lost sources, with its count. */
function causes(status) {
  const all = [["replaced by a newer frame", status.frames.replaced], ["missed by the camera", status.frames.missed]];
  all.push(["unsure: below the least confidence", status.verdicts.unsure]);
  for (const [cause, number] of Object.entries(status.frames.unusable)) all.push([`unusable: ${cause}`, number]);
  for (const [cause, number] of Object.entries(status.verdicts.withheld)) all.push([`withheld: ${cause}`, number]);
  for (const [reason, number] of Object.entries(status.reconnects)) all.push([`source lost: ${reason}`, number]);
  return all;
}

function showDrops(status) {
  const before = new Map(causes(page.statuses[0].status));
  const always = 2; // The first two, replaced and missed, are shown even if they are 0.
  const rows = causes(status).filter(([, number], place) => place < always || number > 0);
  table("drops", rows.map(([cause, number]) => [cause, count(number - (before.get(cause) ?? 0)), count(number)]), 1);
}

/** The states, newest first; `showAges` says how long they lasted. */
function showHistory({ history, now }) {
  const newest = [...history].reverse();
  table("history", newest.map((change) => [nameOf(change), clock(change.since, now), ""]), 2);
  for (const [place, row] of [...$("history").rows].entries()) {
    row.dataset.state = newest[place].state;
    if (!row.querySelector(".mark")) row.cells[0].prepend(build("span", { class: "mark", "aria-hidden": "true" }));
  }
}

function drawTrends() {
  const range = (least, most) => `${least.toFixed(1)} to ${most.toFixed(1)}`;
  sparkline("age", "Frame age", trends.age, (_, most) => `max ${milliseconds(most)} ms`);
  sparkline("verdict", "Verdicts per second", trends.verdicts, range);
  sparkline("frame", "Frames per second", trends.frames, range);
  sparkline("suspicion", "Suspicion", trends.suspicion, (_, most) => `max ${most.toFixed(2)}`, 1, page.status?.verdicts.threshold);
}

// Connections

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Also in a tab that is not looked at: its title tells. */
async function watchStatus() {
  for (;;) {
    if (!isPaused()) {
      try {
        await askStatus();
        page.problem = "";
        showStatus();
        showAges();
      } catch (error) {
        page.problem = { TimeoutError: "no answer in time", TypeError: "no connection" }[error.name] ?? error.message;
      }
    }
    await sleep(STATUS_EVERY);
  }
}

let events = null;
let eventsSince = never;

/** Reopens a stream that was given up, or one that is silent while the service publishes: its connection is dead. */
function watchVerdicts() {
  if (isPaused()) {
    events?.close();
    events = null;
    return;
  }
  const now = performance.now();
  const isDead = !isOld("status") && hasFrames() && isOld("verdict") && page.status.last_age_ms < OLD && now - eventsSince > 5000;
  if (events && events.readyState !== EventSource.CLOSED && !isDead) return;
  events?.close();
  events = new EventSource("/api/verdicts");
  eventsSince = now;
  let drawn = true;
  events.addEventListener("error", showAges);
  events.addEventListener("verdict", ({ data }) => {
    take(JSON.parse(data));
    if (!drawn || document.hidden) return;
    drawn = false;
    // Nobody can read numbers that change faster than this.
    setTimeout(() => {
      drawn = true;
      showVerdict();
      showAges();
    }, calm.matches ? 1000 : 150);
  });
}

function take(verdict) {
  page.verdict = verdict;
  page.at.verdict = performance.now() - delayOf(verdict);
  remember(trends.age, verdict.age_ms);
  if (verdict.suspicion != null) remember(trends.suspicion, verdict.suspicion);
  if (verdict.suspicious) suspect(verdict);
}

/** How long ago a verdict was published, in ms, if it is old: a network that stood still delivers what it held back. */
function delayOf(verdict) {
  if (isOld("status")) return 0;
  const delay = since(Date.parse(page.status.now)) - Date.parse(verdict.captured_at) - verdict.age_ms;
  return delay > OLD ? delay : 0;
}

async function fetchPicture(kind) {
  const answer = await fetch(`/snapshot.jpg?${kind}`, { signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(`picture ${answer.status}`);
  const [at, frame] = [performance.now(), answer.headers.get("purecam-frame")];
  return { kind, at, frame, url: URL.createObjectURL(await answer.blob()) };
}

/** Shows a picture. It is decoded before the old one is released, so that nothing flickers. */
async function showPicture({ kind, at, url }) {
  const image = $(`${kind}-image`);
  const before = image.src;
  image.src = url;
  await image.decode();
  image.hidden = false;
  page.at.picture = at;
  say(`${kind}-size`, `${image.naturalWidth} \u00d7 ${image.naturalHeight}`);
  if (before) URL.revokeObjectURL(before);
  if (kind === "raw" && page.status) showWhere(page.status.framing, page.status.files.classifier.size);
}

async function watchPictures() {
  for (;;) {
    const began = performance.now();
    let wait = calm.matches ? 1000 : 60;
    if (isPaused() || document.hidden || !page.status || (!isOld("status") && !hasFrames())) {
      wait = 200;
    } else {
      try {
        const kinds = page.status.models.purifier ? ["raw", "purified"] : ["purified"];
        const pictures = await Promise.all(kinds.map(fetchPicture));
        // Two pictures side by side are of one frame, unless that would take too long.
        if (pictures.every(({ frame }) => frame === pictures[0].frame) || ageOf("picture") > 1000) await Promise.all(pictures.map(showPicture));
        else pictures.forEach(({ url }) => URL.revokeObjectURL(url));
      } catch {
        wait = 1000;
      }
    }
    await sleep(Math.max(10, wait - (performance.now() - began)));
  }
}

function tick() {
  watchVerdicts();
  showAges();
  if (!document.hidden) drawTrends();
}

/** The page asks again: until an answer can have come, its silence says nothing. */
function wake() {
  page.at.woke = performance.now();
  if (page.alarmUntil === Infinity) page.alarmUntil = page.at.woke + ALARM;
  showVerdict();
  tick();
}

function togglePause() {
  page.pausedAt = isPaused() ? null : performance.now();
  page.at.paused = page.pausedAt;
  $("pause").setAttribute("aria-pressed", String(isPaused()));
  say("pause", isPaused() ? "Resume" : "Pause");
  if (isPaused()) tick();
  else wake();
}

$("pause").addEventListener("click", togglePause);
document.addEventListener("visibilitychange", () => { if (!document.hidden) wake(); });
setInterval(tick, 500);
wake();
watchStatus();
watchPictures();
