// What the page knows, how old that is, and what it says of the service: state, alarm, the tab's title and icon.
//
// The service may end, hang or be cut off at any time. So the age of everything is looked at again and again, by
// performance.now(): the browser's wall clock may be wrong by hours.
"use strict";

const OLD = 3000; // What is older, in ms, is grey and says how old it is.
const ALARM = 10_000; // How long a suspicious verdict is an alarm.
const SUSPECTS = 10; // How many of them are listed.
const never = -Infinity;

const page = {
  status: null,
  verdict: null,
  /** When what is shown was true. `woke`: since when the page asks. */
  at: { status: never, verdict: never, picture: never, woke: 0 },
  /** Statuses of the last minute, and when they were true. */
  statuses: [],
  pausedAt: null,
  /** Why the last request for the status failed. */
  problem: "",
  /** Suspicious verdicts, newest first; those of one label that follow each other are one. */
  suspects: [],
  alarmUntil: never,
};

const ADVICE = {
  absent: "There is no such camera. Check its cable, hub and power; \u2018purecam probe\u2019 lists the cameras that there are.",
  denied: "purecam may not open the camera. Its user must be in the group video.",
  busy: "Another program uses the camera. \u2018fuser -v /dev/video*\u2019 names it; end it.",
  unplugged: "The camera went away while it was open. Plug it in again, and check cable, hub and power; it is found again by itself.",
  "timed-out": "The camera sends no frames. Check cable, hub and power, or plug it in again.",
  refused: "The driver does not start the stream. Often USB bandwidth is short: use MJPG, a smaller picture or another port.",
  format: "The camera offers no format that can be used, or does not keep to it. \u2018purecam probe\u2019 lists its formats; name another one.",
  io: "The driver reports an error. Check cable, hub, power and \u2018dmesg\u2019.",
  hung: "A driver, a decoder or a model has been busy with one frame for too long. Restart the service if it does not recover.",
  flat: "The pictures are of one even colour. Is the lens covered, is it dark, or has the camera no signal? No verdict is published until they show something.",
  frozen: "The camera repeats one picture. Plug it in again, or restart what feeds it; no verdict is published until the picture changes.",
  output: "Verdicts are made, but an output fails. \u2018Outputs\u2019 below says which, and why; it is tried again by itself.",
  unsure: "The models see the frames and are not sure of any: none reaches verdict.min_confidence. An empty scene does this.",
  withheld: "Frames arrive, but none gets a verdict. \u2018Frames without a verdict\u2019 below says why.",
  unusable: "Frames arrive damaged. Check cable and hub; \u2018Frames without a verdict\u2019 below says what is wrong.",
  slow: "The camera delivers less than half of the agreed rate. In the dark many cameras do: switch off their \u2018exposure, dynamic framerate\u2019.",
  stopping: "The service was asked to end.",
  "no verdict": "Frames may arrive, but no verdict has been published. \u2018Frames without a verdict\u2019 below may say why; so does the log.",
  "no verdicts received": "The service publishes verdicts, but they do not reach this page. It connects again by itself.",
  "no status": "Verdicts arrive, but the service does not say how it is. It may be overloaded.",
};

// Ages

const ageOf = (what) => performance.now() - page.at[what];
/** Frames of a slow camera are not old before the next one is due. */
const patience = () => Math.max(OLD, 2500 / (page.status?.rates.agreed || Infinity));
const isOld = (what) => ageOf(what) > (what === "status" ? OLD : patience());
const isPaused = () => page.pausedAt !== null;
/** How much time has passed since the status was true, to be added to its own times. */
const since = (ms) => ms + ageOf("status");
const hasFrames = () => ["running", "degraded"].includes(page.status?.state.state);

const nameOf = ({ state, reason }) => (reason ? `${state} (${reason})` : state);
const instance = () => page.status?.instance;

/** What the page can say of the service: a name, for how long (ms), the kind that colours it, and what to do. */
function situation() {
  const { status } = page;
  if (isPaused()) return { kind: "paused", name: "paused", ms: ageOf("paused") };
  if (isOld("status")) {
    if (!isOld("verdict")) return { kind: "silent", name: "no status", ms: ageOf("status") };
    const ms = Math.min(ageOf("status"), ageOf("verdict"));
    if (ageOf("woke") <= OLD) return { kind: "unknown", name: "connecting" };
    return { kind: "lost", name: "no answer", ms: Math.min(ms, performance.now()), advice: unreachable() };
  }
  const { state } = status;
  const ms = since(1000 * state.for_s);
  // A blind camera says by itself why there is no verdict.
  const isBlind = ["flat", "frozen"].includes(state.reason);
  if (hasFrames() && !isBlind && Math.min(ageOf("verdict"), ageOf("woke"), ms) > patience()) {
    // Being unsure is an answer too.
    const unsure = status.last_unsure_age_ms;
    if (state.state === "running" && unsure != null && since(unsure) <= patience()) return { kind: "running", name: "running, unsure", advice: ADVICE.unsure };
    const last = status.last_age_ms == null ? ms : since(status.last_age_ms);
    if (last > patience()) return { kind: "silent", name: "no verdict", ms: last };
    return { kind: "silent", name: "no verdicts received", ms: Math.min(ageOf("verdict"), performance.now()) };
  }
  return { kind: state.state, name: nameOf(state), ms, advice: ADVICE[state.reason] };
}

function unreachable() {
  const host = page.status?.host ? ` on ${page.status.host}` : "";
  const unit = instance() ? `purecam@${instance()}` : "purecam";
  const shown = page.status ? "What is shown is old. " : "";
  return `${shown}purecam${host} has ended, hangs, or cannot be reached (${page.problem || "no answer yet"}). This page asks again every second; \u2018systemctl status ${unit}\u2019 on the machine says more.`;
}

/** Shows the state, and every age. To be called at least once a second, whatever has arrived. */
function showAges() {
  const now = situation();
  $("state").dataset.state = now.kind;
  say("state-name", now.name);
  say("state-for", now.ms == null ? "" : `for ${span(now.ms)}`);
  document.body.classList.toggle("paused", isPaused());
  for (const part of document.querySelectorAll("[data-from]")) {
    const from = part.dataset.from;
    const old = isOld(from) && page.at[from] !== never;
    part.classList.toggle("old", old);
    const ago = part.querySelector(".ago");
    if (ago) say(ago, old ? `${span(ageOf(from))} old` : "");
  }
  const missing = page.at.picture === never ? `waiting for a picture: ${now.name}` : `${span(ageOf("picture"))} old: ${now.name}`;
  for (const text of document.querySelectorAll(".missing")) say(text, missing);
  if (!page.verdict) say("verdict-note", `no verdict yet: ${now.name}`);
  const advice = now.advice ?? ADVICE[now.name];
  $("banner").hidden = !advice;
  $("banner").classList.toggle("warning", ["silent", "degraded", "running"].includes(now.kind));
  say("banner", advice ?? "");
  if (page.status) {
    const { history } = page.status;
    // What has happened since an old status is not known.
    const until = isOld("status") ? 0 : ageOf("status");
    const lasted = history.map((change, place) => (place + 1 < history.length ? 1000 * (change.for_s - history[place + 1].for_s) : 1000 * change.for_s + until));
    lasted.reverse().forEach((ms, place) => $("history").rows[place] && say($("history").rows[place].cells[2].lastChild, span(ms)));
  }
  showAlarm(now);
  speak(now);
}

/**
 * The part of a picture of `wide` x `high` pixels that models of `height` x `width` see: left, top, width and height as shares
 * of the picture as it came. The framing speaks of the picture turned, then mirrored.
 */
function lookedAt({ region, fit, rotate, flip }, [wide, high], [height, width]) {
  const sideways = rotate === 90 || rotate === 270;
  const turned = sideways ? [high, wide] : [wide, high];
  let [left, top, across, down] = region;
  if (fit === "crop") {
    const scale = Math.min((across * turned[0]) / width, (down * turned[1]) / height);
    const part = [(scale * width) / turned[0], (scale * height) / turned[1]];
    [left, top] = [left + (across - part[0]) / 2, top + (down - part[1]) / 2];
    [across, down] = part;
  }
  if (flip === "horizontal") left = 1 - left - across;
  if (flip === "vertical") top = 1 - top - down;
  if (rotate === 90) return [top, 1 - left - across, down, across];
  if (rotate === 180) return [1 - left - across, 1 - top - down, across, down];
  if (rotate === 270) return [1 - top - down, left, down, across];
  return [left, top, across, down];
}

// The alarm, the tab's title and icon

/** The class of a verdict, or the labels that are present. */
function labelOf({ label, present }) {
  if (!present) return label;
  return present.length ? present.map((guess) => guess.label).join(", ") : "no label present";
}

function isAlarm() {
  return performance.now() < page.alarmUntil;
}

function suspect(verdict) {
  const last = page.suspects[0];
  const label = labelOf(verdict);
  const raw = verdict.raw?.label;
  if (last && last.label === label && last.raw === raw && performance.now() - last.at < OLD) {
    Object.assign(last, { to: verdict.captured_at, at: performance.now(), count: last.count + 1, most: Math.max(last.most, verdict.suspicion) });
  } else {
    page.suspects.unshift({ from: verdict.captured_at, to: verdict.captured_at, at: performance.now(), label, raw, count: 1, most: verdict.suspicion });
    page.suspects.length = Math.min(page.suspects.length, SUSPECTS);
  }
  // It is an alarm until somebody can have seen it.
  page.alarmUntil = document.hidden ? Infinity : performance.now() + ALARM;
}

function showAlarm(now) {
  const alarm = isAlarm();
  const last = page.suspects[0];
  $("alarm").hidden = !alarm;
  if (alarm) say("alarm", `Suspicious: ${last.label}, ${last.most.toFixed(2)}, ${performance.now() - last.at < 1000 ? "now" : `${span(performance.now() - last.at)} ago`}`);
  const isGood = now.kind === "running";
  const title = [isGood ? "" : now.name, alarm ? `suspicious: ${last.label}` : "", who(), "purecam"].filter(Boolean).join(" \u00b7 ");
  if (document.title !== title) document.title = title;
  icon(now.kind === "lost" || now.kind === "paused" ? now.kind : alarm ? "alarm" : isGood || now.kind === "unknown" ? "good" : "warn");
}

/** Which service this is, in a few words. */
function who() {
  if (!page.status) return "";
  const { source, host } = page.status;
  return `${instance() ?? source}${host ? ` on ${host}` : ""}`;
}

const ICONS = {
  alarm: ["#b3261e", "M16 6v12M16 23.5v2"],
  warn: ["#93600a", "M16 6v12M16 23.5v2"],
  lost: ["#59636b", "M9 9l14 14M23 9l-14 14"],
  paused: ["#59636b", "M12 9v14M20 9v14"],
};

function icon(kind) {
  const link = document.querySelector("link[rel=icon]");
  if (link.dataset.kind === kind) return;
  link.dataset.kind = kind;
  if (link.href.startsWith("blob:")) URL.revokeObjectURL(link.href);
  if (kind === "good") return link.setAttribute("href", "/icon.svg");
  const [colour, path] = ICONS[kind];
  const svg = build("svg", { viewBox: "0 0 32 32" }, build("rect", { width: 32, height: 32, rx: 7, fill: colour }),
    build("path", { d: path, stroke: "#fff", "stroke-width": 4, "stroke-linecap": "round" }));
  link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" }));
}

// What a screen reader announces: changes of state and alarms at once, changes of the verdict at most every ten seconds.

const spoken = { state: "connecting", alarm: false, label: "", at: never };

function speak(now) {
  const label = page.verdict && labelOf(page.verdict);
  const alarm = isAlarm();
  if (now.name !== spoken.state) {
    const bad = ["lost", "silent", "reconnecting", "degraded"].includes(now.kind);
    say(bad ? "alerted" : "said", `State: ${now.name}. ${bad ? (now.advice ?? ADVICE[now.name] ?? "") : ""}`);
    spoken.state = now.name;
  } else if (alarm && !spoken.alarm) {
    say("alerted", $("alarm").textContent);
  } else if (label && !isOld("verdict") && label !== spoken.label && performance.now() - spoken.at > 10_000) {
    say("said", `Verdict: ${label}, ${percent(page.verdict.confidence)}`);
    Object.assign(spoken, { label, at: performance.now() });
  }
  spoken.alarm = alarm;
}
