//! A snapshot as JSON, for the page and for scripts. `docs/reference/http.md` explains every field.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::frame::Framing;
use crate::service::{BOUNDS, Change, Histogram, Identity, STAGES, SinkNumbers, Snapshot};
use crate::sink::KeptFrame;
use crate::source::{Reason, SkipCause};
use crate::verdict::{Files, Models, Verdict};

/// The version of the document. A new field does not change it; removing a field or changing its meaning does.
const SCHEMA_VERSION: u32 = 1;

/// `/api/status`.
#[derive(Serialize)]
pub struct Status<'a> {
    schema: u32,
    generator: &'static str,
    now: String,
    source: &'a str,
    host: Option<&'a str>,
    instance: Option<&'a str>,
    camera: &'a str,
    /// Why a restart would help; `None` if it would not.
    not_live: Option<String>,
    /// Why no verdicts reach their readers; `None` if they do.
    not_ready: Option<String>,
    state: Since,
    /// Oldest first; the last is the current state.
    history: Vec<Since>,
    /// Per second, over the last seconds.
    rates: Rates,
    frames: Frames,
    verdicts: Verdicts<'a>,
    reconnects: BTreeMap<&'static str, u64>,
    /// Upper bounds in seconds of the buckets in `stages` and `age`; one more bucket counts what is above the last.
    bounds: [f64; BOUNDS.len()],
    stages: BTreeMap<&'static str, Times>,
    age: Times,
    sinks: Vec<Sink<'a>>,
    reloads: Reloads,
    /// Where in a frame the models look.
    framing: Framing,
    models: &'a Models,
    files: &'a Files,
    /// The latest frames that were kept, oldest first; `None` if none are to be.
    kept_frames: Option<Vec<Kept<'a>>>,
    last: Option<&'a Verdict>,
    /// How long ago `last` was published.
    last_age_ms: Option<f64>,
    /// How long ago a frame was seen that the models were not sure of.
    last_unsure_age_ms: Option<f64>,
    http: Http,
}

/// The web server's own numbers.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Http {
    /// Open connections.
    pub connections: usize,
    /// Clients that view pictures.
    pub viewers: usize,
    /// Pictures encoded since the start.
    pub encoded: u64,
}

#[derive(Serialize)]
struct Since {
    state: &'static str,
    reason: Option<&'static str>,
    since: String,
    for_s: f64,
}

#[derive(Serialize)]
struct Rates {
    frames: Option<f64>,
    verdicts: Option<f64>,
    /// What the camera agreed to.
    agreed: Option<f64>,
}

#[derive(Serialize)]
struct Frames {
    arrived: u64,
    replaced: u64,
    missed: u64,
    unusable: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Verdicts<'a> {
    published: u64,
    labels: BTreeMap<&'a str, u64>,
    unsure: u64,
    withheld: &'a BTreeMap<String, u64>,
    suspicion: Option<f32>,
    threshold: Option<f32>,
    suspicious: u64,
    kept: u64,
    keep_failed: u64,
}

#[derive(Serialize)]
struct Times {
    /// By bucket, not cumulative; one more than there are bounds.
    counts: [u64; BOUNDS.len() + 1],
    sum_s: f64,
}

#[derive(Serialize)]
struct Sink<'a> {
    name: &'static str,
    written: u64,
    dropped: u64,
    required: bool,
    /// `running`, or `degraded`.
    state: &'static str,
    /// The kind of its fault, one word.
    reason: Option<&'static str>,
    detail: Option<&'a str>,
    /// How long it has failed.
    for_s: Option<f64>,
    faults: u64,
}

impl<'a> Sink<'a> {
    fn new(sink: &'a SinkNumbers, now: Duration) -> Self {
        let SinkNumbers { name, written, dropped, required, faults, .. } = *sink;
        let fault = sink.fault.as_ref();
        Self {
            name,
            written,
            dropped,
            required,
            state: if fault.is_none() { "running" } else { "degraded" },
            reason: fault.map(|fault| fault.problem.kind),
            detail: fault.map(|fault| &*fault.problem.detail),
            for_s: fault.map(|fault| now.saturating_sub(fault.since).as_secs_f64()),
            faults,
        }
    }
}

/// A frame that was kept.
#[derive(Serialize)]
struct Kept<'a> {
    /// What the names of its files begin with.
    name: &'a str,
    seq: u64,
    captured_at: String,
}

#[derive(Serialize)]
struct Reloads {
    taken: u64,
    refused: u64,
}

impl<'a> Status<'a> {
    /// Describes `snapshot` of the service `identity`, which was taken at `wall` on the wall clock. `kept`: the latest
    /// frames that were kept, if frames are.
    pub fn new(
        snapshot: &'a Snapshot,
        identity: &'a Identity,
        wall: SystemTime,
        kept: Option<&'a [KeptFrame]>,
        http: Http,
    ) -> Self {
        let numbers = &snapshot.numbers;
        let since = |change: &Change| Since::new(change, snapshot.now);
        Self {
            schema: SCHEMA_VERSION,
            generator: concat!("purecam ", env!("CARGO_PKG_VERSION")),
            now: rfc3339(wall),
            source: &identity.source,
            host: identity.host.as_deref(),
            instance: identity.instance.as_deref(),
            camera: identity.camera(),
            not_live: snapshot.live().err(),
            not_ready: snapshot.ready().err(),
            state: since(&snapshot.state),
            history: snapshot.history.iter().map(since).collect(),
            rates: Rates { frames: snapshot.frame_rate, verdicts: snapshot.verdict_rate, agreed: snapshot.agreed_rate },
            frames: Frames {
                arrived: numbers.frames,
                replaced: numbers.replaced,
                missed: numbers.missed,
                unusable: SkipCause::ALL.iter().map(|it| (it.name(), numbers.skipped[*it as usize])).collect(),
            },
            verdicts: Verdicts {
                published: numbers.verdicts,
                labels: numbers.labels.iter().map(|(label, count)| (&**label, *count)).collect(),
                unsure: numbers.unsure,
                withheld: &numbers.withheld,
                suspicion: numbers.suspicion,
                threshold: snapshot.threshold,
                suspicious: numbers.suspicious,
                kept: numbers.kept,
                keep_failed: numbers.keep_failed,
            },
            reconnects: Reason::ALL.iter().map(|it| (it.name(), numbers.reconnects[*it as usize])).collect(),
            bounds: BOUNDS,
            stages: STAGES.iter().copied().zip(numbers.stages.iter().map(Times::new)).collect(),
            age: Times::new(&numbers.age),
            sinks: numbers.sinks.iter().map(|sink| Sink::new(sink, snapshot.now)).collect(),
            reloads: Reloads { taken: numbers.reloaded, refused: numbers.reload_refused },
            framing: snapshot.framing,
            models: &snapshot.models,
            files: &snapshot.models.files,
            kept_frames: kept.map(|kept| kept.iter().map(Kept::new).collect()),
            last: snapshot.last.as_ref(),
            last_age_ms: snapshot.last_age.map(|age| age.as_secs_f64() * 1e3),
            last_unsure_age_ms: snapshot.unsure_age.map(|age| age.as_secs_f64() * 1e3),
            http,
        }
    }
}

impl Since {
    fn new(change: &Change, now: Duration) -> Self {
        Self {
            state: change.to.name(),
            reason: change.to.reason(),
            since: rfc3339(change.wall),
            for_s: now.saturating_sub(change.at).as_secs_f64(),
        }
    }
}

impl<'a> Kept<'a> {
    fn new(frame: &'a KeptFrame) -> Self {
        Self { name: &frame.name, seq: frame.sequence, captured_at: rfc3339(frame.captured_at) }
    }
}

impl Times {
    fn new(histogram: &Histogram) -> Self {
        Self { counts: histogram.counts, sum_s: histogram.sum }
    }
}

/// RFC 3339 in UTC; empty for a wall clock outside of the years -9999 to 9999, which that format cannot express.
fn rfc3339(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map(|time| format!("{time:.3}")).unwrap_or_default()
}
