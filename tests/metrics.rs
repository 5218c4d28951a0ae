//! The metrics' text, read back by a parser as strict as Prometheus' own.

mod service_parts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use purecam::health::prometheus::{booted, metrics};
use purecam::measure::Process;
use purecam::service::{Degradation, Health, Identity, Input, OutputFault, SinkNumbers};
use purecam::sink::Problem;
use purecam::source::{Reason, SkipCause};
use purecam::verdict::{Milliseconds, Models, Verdict};
use service_parts::ManualClock;

type Labels = BTreeMap<String, String>;

/// A text in Prometheus' exposition format, checked.
#[derive(Default)]
struct Exposition {
    kinds: BTreeMap<String, String>,
    samples: BTreeMap<(String, Labels), f64>,
}

impl Exposition {
    fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line is not complete");
        let mut page = Self::default();
        let mut helped = BTreeSet::new();
        let mut family = String::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').unwrap();
                assert!(!words.is_empty() && helped.insert(name.to_owned()), "{line}");
                family = name.to_owned();
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(name, family, "a type without its help");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
                assert!(page.kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} comes twice");
            } else {
                let (name, labels, value) = sample(line);
                let suffixes = ["_bucket", "_sum", "_count"];
                let of = match page.kinds.get(&family).map(String::as_str) {
                    Some("histogram") => suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap(),
                    _ => &name,
                };
                assert_eq!(of, family, "a sample outside its family: {line}");
                assert!(page.samples.insert((name.clone(), labels), value).is_none(), "twice: {line}");
            }
        }
        page
    }

    fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let camera = name.starts_with("purecam_").then_some(("camera", "front"));
        let labels = labels.iter().copied().chain(camera);
        let labels: Labels = labels.map(|(name, value)| (name.to_string(), value.to_string())).collect();
        *self.samples.get(&(name.to_owned(), labels.clone())).unwrap_or_else(|| panic!("no {name}{labels:?}"))
    }

    /// All samples of a metric, by their labels.
    fn all(&self, name: &str) -> Vec<(&Labels, f64)> {
        self.samples
            .iter()
            .filter(|((found, _), _)| found == name)
            .map(|((_, labels), value)| (labels, *value))
            .collect()
    }
}

fn is_name(text: &str) -> bool {
    let fits =
        |(place, byte): (usize, u8)| byte.is_ascii_alphabetic() || byte == b'_' || place > 0 && byte.is_ascii_digit();
    !text.is_empty() && text.bytes().enumerate().all(fits)
}

fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, value) = rest.split_once("=\"").unwrap();
            assert!(is_name(label), "{line}");
            let mut characters = value.char_indices();
            let mut read = String::new();
            let end = loop {
                match characters.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => read.push(match characters.next().unwrap().1 {
                        'n' => '\n',
                        escaped @ ('\\' | '"') => escaped,
                        other => panic!("\\{other} in {line}"),
                    }),
                    (_, other) => read.push(other),
                }
            };
            assert!(labels.insert(label.to_owned(), read).is_none(), "{line}");
            rest = &value[end + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}').unwrap();
    }
    let value = rest.strip_prefix(' ').unwrap();
    assert!(!value.contains(' '), "{line}");
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("{line}")))
}

fn health() -> Health {
    let models = Models { purifier: Some("aa".to_owned()), classifier: "bb".to_owned(), ..Models::default() };
    let identity = Identity { instance: Some("front".to_owned()), ..Identity::default() };
    Health::new(Arc::new(ManualClock::default()), Arc::new(models)).named(identity)
}

fn verdict(label: &str, age_ms: f64) -> Verdict {
    let ms = Milliseconds { decode: 0.4, resize: 1.0, purify: 25.0, classify: 6000.0, total: 6026.4 };
    Verdict { label: label.into(), age_ms, ms, suspicion: Some(0.25), ..Verdict::default() }
}

#[test]
fn every_number_is_where_the_reference_says() {
    let health = health();
    health.on(Input::Opened);
    (0..7).for_each(|_| health.frame(2, 1));
    health.on(Input::Degraded(Degradation::Slow, true));
    health.verdict(&Verdict { suspicious: true, ..verdict("tench", 40.0) });
    health.verdict(&verdict("tench", 41.0));
    health.verdict(&verdict("church", 700.0));
    health.withheld("stale");
    health.unsure();
    health.count(|numbers| {
        numbers.count_skipped(SkipCause::Short);
        numbers.count_reconnect(Reason::Unplugged);
        let sink = |name, dropped| SinkNumbers { name, written: 9, dropped, ..SinkNumbers::default() };
        numbers.sinks = vec![sink("socket", 3), sink("stdout", 0), sink("socket", 4)];
        let problem = Problem { kind: "unreachable", detail: "nobody answers".to_owned() };
        numbers.sinks[2].fault = Some(OutputFault { problem, since: Duration::ZERO });
        numbers.sinks[2].faults = 8;
        (numbers.reloaded, numbers.reload_refused) = (2, 1);
        (numbers.kept, numbers.keep_failed) = (5, 6);
    });
    let page = Exposition::parse(&metrics(&health.snapshot(), None, None));

    for (result, count) in
        [("verdict", 3.0), ("unsure", 1.0), ("withheld", 1.0), ("replaced", 2.0), ("missed", 7.0), ("short", 1.0)]
    {
        assert_eq!(page.value("purecam_frames_total", &[("result", result)]), count, "{result}");
    }
    assert_eq!(page.value("purecam_verdicts_total", &[("label", "tench")]), 2.0);
    assert_eq!(page.value("purecam_verdicts_total", &[("label", "church")]), 1.0);
    assert_eq!(page.value("purecam_withheld_total", &[("reason", "stale")]), 1.0);
    assert_eq!(page.value("purecam_reconnects_total", &[("reason", "unplugged")]), 1.0);
    assert_eq!(page.all("purecam_reconnects_total").len(), Reason::ALL.len(), "also those that never happened");
    assert_eq!(page.value("purecam_suspicion", &[]), 0.25);
    assert_eq!(page.value("purecam_suspicious_total", &[]), 1.0);
    assert_eq!(page.value("purecam_kept_total", &[("result", "failed")]), 6.0);
    assert_eq!(page.value("purecam_sink_dropped_total", &[("sink", "socket")]), 7.0, "two of one name are one series");
    assert_eq!(page.value("purecam_sink_written_total", &[("sink", "socket")]), 18.0);
    assert_eq!(page.value("purecam_sink_faults_total", &[("sink", "socket")]), 8.0);
    assert_eq!(page.value("purecam_sink_up", &[("sink", "socket")]), 0.0, "one of two fails");
    assert_eq!(page.value("purecam_sink_up", &[("sink", "stdout")]), 1.0);
    assert_eq!(page.value("purecam_state_changes_total", &[("state", "degraded")]), 1.0);
    assert_eq!(page.value("purecam_state_changes_total", &[("state", "reconnecting")]), 0.0);
    assert_eq!((page.value("purecam_live", &[]), page.value("purecam_ready", &[])), (1.0, 1.0));
    assert_eq!(page.value("purecam_model_info", &[("role", "purifier"), ("sha256", "aa")]), 1.0);
    assert_eq!(page.value("purecam_model_info", &[("role", "classifier"), ("sha256", "bb")]), 1.0);
    assert_eq!(page.value("purecam_reload_total", &[("result", "taken")]), 2.0);
    assert_eq!(page.value("purecam_reload_total", &[("result", "refused")]), 1.0);
    let states: Vec<_> = page.all("purecam_state").into_iter().filter(|(_, value)| *value != 0.0).collect();
    assert_eq!(states.len(), 1);
    assert_eq!(states[0].0["state"], "degraded");
}

#[test]
fn a_histogram_is_cumulative_and_ends_in_its_count() {
    let health = health();
    for age in [40.0, 41.0, 700.0] {
        health.verdict(&verdict("tench", age));
    }
    let page = Exposition::parse(&metrics(&health.snapshot(), None, None));

    let bucket = |bound| page.value("purecam_frame_age_seconds_bucket", &[("le", bound)]);
    assert_eq!([bucket("0.03"), bucket("0.05"), bucket("0.5"), bucket("1"), bucket("+Inf")], [0.0, 2.0, 2.0, 3.0, 3.0]);
    assert_eq!(page.value("purecam_frame_age_seconds_count", &[]), 3.0);
    assert!((page.value("purecam_frame_age_seconds_sum", &[]) - 0.781).abs() < 1e-9);
    let slow = |bound| page.value("purecam_stage_seconds_bucket", &[("stage", "classify"), ("le", bound)]);
    assert_eq!([slow("5"), slow("+Inf")], [0.0, 3.0], "six seconds lie above the last bound");
    let edge = |bound| page.value("purecam_stage_seconds_bucket", &[("stage", "resize"), ("le", bound)]);
    assert_eq!([edge("0.0005"), edge("0.001")], [0.0, 3.0], "a bound belongs to its bucket");
}

#[test]
fn a_label_may_contain_anything() {
    let health = health();
    let labels = ["say \"cheese\"", "back\\slash", "two\nlines", "{brace=\"x\"}", "äöü \u{1f4f7}", ""];
    for label in labels {
        health.verdict(&verdict(label, 1.0));
    }
    let page = Exposition::parse(&metrics(&health.snapshot(), None, None));
    for label in labels {
        assert_eq!(page.value("purecam_verdicts_total", &[("label", label)]), 1.0, "{label:?}");
    }
}

#[test]
fn before_the_first_verdict_there_is_no_suspicion_and_the_rest_is_zero() {
    let page = Exposition::parse(&metrics(&health().snapshot(), None, None));
    assert!(page.all("purecam_suspicion").is_empty());
    assert_eq!((page.value("purecam_live", &[]), page.value("purecam_ready", &[])), (1.0, 0.0));
    assert_eq!(page.value("purecam_frames_total", &[("result", "verdict")]), 0.0);
    assert_eq!(page.value("purecam_state", &[("state", "starting")]), 1.0);
}

#[test]
fn the_process_reports_what_it_uses() {
    let now = || Process::now().expect("there is a /proc");
    // The kernel counts in hundredths of a second; a test may have used less than one so far.
    let process = std::iter::repeat_with(now).find(|process| !process.cpu.is_zero()).unwrap();
    let page = Exposition::parse(&metrics(&health().snapshot(), Some(&process), booted()));
    assert!(page.value("process_resident_memory_bytes", &[]) > 1e6);
    assert!(page.value("process_cpu_seconds_total", &[]) > 0.0);
    assert!(page.value("process_open_fds", &[]) >= 3.0);
    assert!(page.value("process_threads", &[]) >= 1.0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    let age = now - page.value("process_start_time_seconds", &[]);
    assert!((-2.0..3600.0).contains(&age), "the process claims to be {age} s old");
}
