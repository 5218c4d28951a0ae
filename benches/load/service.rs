//! The real binary, its standard output, and its numbers in /proc.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use purecam::measure::Process;
use serde_json::Value;
use tempfile::TempDir;

use super::clients::{Tally, get};

/// How long the first verdict, or the next one, may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A verdict, as a reader of standard output sees it.
#[derive(Clone, Copy)]
struct Seen {
    at: Instant,
    age_ms: f64,
    ms: f64,
}

/// A running service with the page, a file and a socket.
pub struct Service {
    child: Child,
    folder: TempDir,
    page: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    reader: JoinHandle<()>,
}

/// What the loop did during some seconds.
pub struct Slice {
    /// Verdicts per second.
    pub rate: f64,
    /// The age of each verdict, in milliseconds.
    pub ages: Vec<f64>,
    /// The time of all stages for each verdict, in milliseconds.
    pub ms: Vec<f64>,
}

impl Slice {
    /// A quantile of the age over all verdicts of `slices`, in milliseconds.
    pub fn age_quantile(slices: &[Self], share: f64) -> f64 {
        quantile(slices.iter().flat_map(|slice| slice.ages.iter().copied()).collect(), share)
    }
}

impl Service {
    /// Starts it with `rate` frames per second, and waits for its first verdict.
    pub fn start(source: &str, rate: f64, variables: &[(&str, String)]) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_purecam"))
            .args(["run", source, "--json", "--fps", &rate.to_string(), "--http", "127.0.0.1:0"])
            .arg("--socket")
            .arg(folder.path().join("socket"))
            .arg("--output-file")
            .arg(folder.path().join("verdicts.jsonl"))
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        // Both are piped, see above.
        let (stdout, stderr) = (child.stdout.take().ok_or("no stdout")?, child.stderr.take().ok_or("no stderr")?);
        let (found, page) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                match line.split_once("live page at http://").map(|(_, rest)| rest.trim_end_matches('/').parse()) {
                    Some(Ok(address)) => drop(found.send(address)),
                    _ => eprintln!("{line}"),
                }
            }
        });
        let page = page.recv_timeout(PATIENCE).map_err(|error| match error {
            RecvTimeoutError::Timeout => "no page after a minute",
            RecvTimeoutError::Disconnected => "the service has ended",
        })?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let reader = {
            let seen = seen.clone();
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let at = Instant::now();
                    let Ok(line) = serde_json::from_str::<Value>(&line) else { continue };
                    let Some((age_ms, ms)) = line["age_ms"].as_f64().zip(line["ms"]["total"].as_f64()) else {
                        continue;
                    };
                    seen.lock().push(Seen { at, age_ms, ms });
                }
            })
        };
        let service = Self { child, folder, page, seen, reader };
        service.wait_for_verdict(Instant::now())?;
        Ok(service)
    }

    pub fn page(&self) -> SocketAddr {
        self.page
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn verdicts(&self) -> usize {
        self.seen.lock().len()
    }

    pub fn process(&self) -> Result<Process, Box<dyn Error>> {
        let folder = format!("/proc/{}", self.child.id());
        Process::read(folder.as_ref()).ok_or_else(|| "the service has ended".into())
    }

    /// Its open descriptors and its threads.
    pub fn held(&self) -> Result<(u64, u64), Box<dyn Error>> {
        self.process().map(|process| (process.open_files, process.threads))
    }

    /// The same, once it is as expected, or after `patience`.
    pub fn held_at_last(&self, expected: (u64, u64), patience: Duration) -> Result<(u64, u64), Box<dyn Error>> {
        let began = Instant::now();
        while self.held()? != expected && began.elapsed() < patience {
            thread::sleep(Duration::from_millis(100));
        }
        self.held()
    }

    /// Observes the loop for `length`, from the last verdict before it to the first one after it: no stall at either
    /// end is missed, and none is counted in part.
    pub fn slice(&self, length: Duration) -> Result<Slice, Box<dyn Error>> {
        let begin = Instant::now();
        thread::sleep(length);
        let end = Instant::now();
        self.wait_for_verdict(end)?;
        let seen = self.seen.lock();
        let first = seen.partition_point(|seen| seen.at < begin).saturating_sub(1);
        let last = seen.partition_point(|seen| seen.at < end);
        let span = seen[last].at - seen[first].at;
        let verdicts = &seen[first + 1..=last];
        Ok(Slice {
            rate: verdicts.len() as f64 / span.as_secs_f64(),
            ages: verdicts.iter().map(|seen| seen.age_ms).collect(),
            ms: verdicts.iter().map(|seen| seen.ms).collect(),
        })
    }

    /// Waits for a verdict that comes after `since`.
    fn wait_for_verdict(&self, since: Instant) -> Result<(), Box<dyn Error>> {
        let began = Instant::now();
        while self.seen.lock().last().is_none_or(|seen| seen.at < since) {
            if began.elapsed() > PATIENCE || self.reader.is_finished() {
                return Err("no more verdicts arrive".into());
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The service's own counts.
    pub fn tally(&self) -> Result<Tally, Box<dyn Error>> {
        let body = get(self.page, "/api/status").ok_or("no status")?;
        let status: Value = serde_json::from_slice(&body)?;
        let mut tally = Tally::default();
        let mut count = |what: &str, count: &Value| tally.count(what, count.as_u64().unwrap_or(0));
        count("frames", &status["frames"]["arrived"]);
        count("frames replaced", &status["frames"]["replaced"]);
        count("verdicts", &status["verdicts"]["published"]);
        for sink in status["sinks"].as_array().into_iter().flatten() {
            count(&format!("lines missed by {}", sink["name"].as_str().unwrap_or("?")), &sink["dropped"]);
        }
        for (cause, number) in status["verdicts"]["withheld"].as_object().into_iter().flatten() {
            count(&format!("withheld ({cause})"), number);
        }
        count("suspicious frames kept", &status["verdicts"]["kept"]);
        Ok(tally)
    }

    /// Ends it with SIGTERM, and waits for its end.
    pub fn end(mut self) -> Result<(), Box<dyn Error>> {
        Command::new("kill").arg(self.child.id().to_string()).status()?;
        let status = self.child.wait()?;
        // It reads until the pipe is closed, which has happened.
        drop(self.reader.join());
        if status.success() { Ok(()) } else { Err(format!("the service ended with {status}").into()) }
    }
}

/// The median of `values`.
pub fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value below which `share` of the values lie.
pub fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() as f64 * share) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
