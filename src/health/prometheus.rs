//! A snapshot in Prometheus' text format, version 0.0.4. Each of purecam's own series has the camera's name as a label.
//!
//! A series that is known in advance is there from the first scrape on, with 0: if a counter appears only with its
//! first fault, a rate over it misses that fault.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use crate::measure::Process;
use crate::service::{BOUNDS, Histogram, STAGES, SinkNumbers, Snapshot, State};
use crate::source::{Reason, SkipCause};

/// The media type of [`metrics`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics of a service and, if given, of its process. `booted` is when the machine was started, in seconds since
/// 1970.
pub fn metrics(snapshot: &Snapshot, process: Option<&Process>, booted: Option<f64>) -> String {
    let mut page = Page { text: String::with_capacity(16_384), camera: &snapshot.camera };
    frames(snapshot, &mut page);
    verdicts(snapshot, &mut page);
    latency(snapshot, &mut page);
    service(snapshot, &mut page);
    if let Some(process) = process {
        process_metrics(process, booted, &mut page);
    }
    page.text
}

fn frames(snapshot: &Snapshot, page: &mut Page<'_>) {
    let numbers = &snapshot.numbers;
    page.family("purecam_frames_total", "counter", "Frames by result; each frame is counted once.");
    let results = [
        ("verdict", numbers.verdicts),
        ("unsure", numbers.unsure),
        ("withheld", numbers.all_withheld()),
        ("replaced", numbers.replaced),
    ];
    let skipped = SkipCause::ALL.iter().map(|cause| (cause.name(), numbers.skipped[*cause as usize]));
    for (result, count) in results.into_iter().chain([("missed", numbers.missed)]).chain(skipped) {
        page.sample("purecam_frames_total", &[("result", result)], count);
    }
    page.family(
        "purecam_reconnects_total",
        "counter",
        "How often the source was lost or could not be opened, by reason.",
    );
    for reason in Reason::ALL {
        let count = numbers.reconnects[reason as usize];
        page.sample("purecam_reconnects_total", &[("reason", reason.name())], count);
    }
}

fn verdicts(snapshot: &Snapshot, page: &mut Page<'_>) {
    let numbers = &snapshot.numbers;
    page.family("purecam_verdicts_total", "counter", "Verdicts by label.");
    for (label, count) in &numbers.labels {
        page.sample("purecam_verdicts_total", &[("label", label)], count);
    }
    let help = "Frames whose verdict was withheld, by reason; not those of which the models were unsure.";
    page.family("purecam_withheld_total", "counter", help);
    for (reason, count) in &numbers.withheld {
        page.sample("purecam_withheld_total", &[("reason", reason)], count);
    }
    if let Some(suspicion) = numbers.suspicion {
        let help = "Disagreement of the raw and the purified frame in the newest verdict, 0 to 1.";
        page.family("purecam_suspicion", "gauge", help);
        page.sample("purecam_suspicion", &[], suspicion);
    }
    page.family("purecam_suspicious_total", "counter", "Verdicts with at least the configured suspicion threshold.");
    page.sample("purecam_suspicious_total", &[], numbers.suspicious);
    page.family("purecam_kept_total", "counter", "Suspicious frames that were written to disk, or could not be.");
    page.sample("purecam_kept_total", &[("result", "kept")], numbers.kept);
    page.sample("purecam_kept_total", &[("result", "failed")], numbers.keep_failed);
}

fn latency(snapshot: &Snapshot, page: &mut Page<'_>) {
    let numbers = &snapshot.numbers;
    page.family("purecam_stage_seconds", "histogram", "Time of one stage for one frame.");
    for (stage, histogram) in STAGES.iter().zip(&numbers.stages) {
        page.histogram("purecam_stage_seconds", &[("stage", stage)], histogram);
    }
    page.family("purecam_frame_age_seconds", "histogram", "Age of a frame when its verdict was reached.");
    page.histogram("purecam_frame_age_seconds", &[], &numbers.age);
}

fn service(snapshot: &Snapshot, page: &mut Page<'_>) {
    let numbers = &snapshot.numbers;
    page.family("purecam_state", "gauge", "1 for the current state of the service, 0 for the others.");
    for state in State::NAMES {
        page.sample("purecam_state", &[("state", state)], u8::from(state == snapshot.state.to.name()));
    }
    page.family("purecam_state_changes_total", "counter", "How often a state began, by state; a new reason counts.");
    for (state, count) in State::NAMES.iter().zip(snapshot.entered) {
        page.sample("purecam_state_changes_total", &[("state", state)], count);
    }
    page.family("purecam_live", "gauge", "0 while only a restart would help, else 1.");
    page.sample("purecam_live", &[], u8::from(snapshot.live().is_ok()));
    page.family("purecam_ready", "gauge", "1 while verdicts are made and reach every required output, else 0.");
    page.sample("purecam_ready", &[], u8::from(snapshot.ready().is_ok()));
    sinks(&numbers.sinks, page);
    page.family("purecam_model_info", "gauge", "The models in use, by SHA-256.");
    let purifier = snapshot.models.purifier.as_deref().map(|sha256| ("purifier", sha256));
    for (role, sha256) in purifier.into_iter().chain([("classifier", snapshot.models.classifier.as_str())]) {
        page.sample("purecam_model_info", &[("role", role), ("sha256", sha256)], 1);
    }
    page.family("purecam_reload_total", "counter", "Reloads of configuration and models.");
    page.sample("purecam_reload_total", &[("result", "taken")], numbers.reloaded);
    page.sample("purecam_reload_total", &[("result", "refused")], numbers.reload_refused);
}

/// Reads a count of a sink.
type Count = fn(&SinkNumbers) -> u64;

/// Several sinks of one name are one series.
fn sinks(sinks: &[SinkNumbers], page: &mut Page<'_>) {
    let mut of_name: BTreeMap<&str, Vec<&SinkNumbers>> = BTreeMap::new();
    sinks.iter().for_each(|sink| of_name.entry(sink.name).or_default().push(sink));
    let counters: [(&str, &str, Count); 3] = [
        ("written", "Verdicts that a sink took.", |sink| sink.written),
        ("dropped", "Verdicts that a sink, or one of its readers, missed.", |sink| sink.dropped),
        ("faults", "How often a sink began to fail.", |sink| sink.faults),
    ];
    for (what, help, count) in counters {
        let name = format!("purecam_sink_{what}_total");
        page.family(&name, "counter", help);
        for (sink, all) in &of_name {
            page.sample(&name, &[("sink", sink)], all.iter().map(|sink| count(sink)).sum::<u64>());
        }
    }
    page.family("purecam_sink_up", "gauge", "1 while a sink works, 0 while it fails.");
    for (sink, all) in &of_name {
        page.sample("purecam_sink_up", &[("sink", sink)], u8::from(all.iter().all(|sink| sink.fault.is_none())));
    }
}

/// Metrics of the process, under the names that Prometheus' own client libraries use.
fn process_metrics(process: &Process, booted: Option<f64>, page: &mut Page<'_>) {
    page.family("process_cpu_seconds_total", "counter", "User and system CPU time spent in seconds.");
    page.sample("process_cpu_seconds_total", &[], process.cpu.as_secs_f64());
    page.family("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
    page.sample("process_resident_memory_bytes", &[], process.resident);
    page.family("process_open_fds", "gauge", "Number of open file descriptors.");
    page.sample("process_open_fds", &[], process.open_files);
    page.family("process_threads", "gauge", "Number of threads.");
    page.sample("process_threads", &[], process.threads);
    if let Some(booted) = booted {
        page.family("process_start_time_seconds", "gauge", "Start time of the process in seconds since 1970.");
        page.sample("process_start_time_seconds", &[], booted + process.started.as_secs_f64());
    }
}

/// When this machine was started, in seconds since 1970; `None` without a /proc.
pub fn booted() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

/// The text so far.
struct Page<'a> {
    text: String,
    /// The camera's name, a label of all series but those of the process.
    camera: &'a str,
}

impl Page<'_> {
    /// The beginning of a metric.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    /// One series.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let camera = name.starts_with("purecam_").then_some(("camera", self.camera));
        let labels: Vec<_> = camera.into_iter().chain(labels.iter().copied()).collect();
        self.line(format_args!("{name}{} {value}", Labels(&labels)));
    }

    /// A histogram's series; Prometheus' buckets are cumulative.
    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        let bounds = BOUNDS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
        let mut below = 0;
        for (bound, count) in bounds.zip(histogram.counts) {
            below += count;
            let labels: Vec<_> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            self.sample(&format!("{name}_bucket"), &labels, below);
        }
        self.sample(&format!("{name}_sum"), labels, histogram.sum);
        self.sample(&format!("{name}_count"), labels, below);
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

/// `{name="value",...}`, or nothing without labels. A value may come from a user's model and contain anything.
struct Labels<'a>(&'a [(&'a str, &'a str)]);

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            write!(f, "{}{name}=\"", if index == 0 { "{" } else { "," })?;
            for character in value.chars() {
                match character {
                    '\\' => f.write_str("\\\\")?,
                    '"' => f.write_str("\\\"")?,
                    '\n' => f.write_str("\\n")?,
                    other => f.write_char(other)?,
                }
            }
            f.write_char('"')?;
        }
        if self.0.is_empty() { Ok(()) } else { f.write_char('}') }
    }
}
