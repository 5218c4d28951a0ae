//! The real purecam as a child: its verdicts as they come, each held against what every verdict must be; its log; its page.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Outcome;
use crate::clock::{ALLOWANCE, Moment, wait_for};

/// `run.max_age_ms`. With the models that ship a frame takes two to four seconds in an emulated machine.
pub const MAX_AGE_MS: f64 = 6000.0;
/// A request to end is obeyed within this.
const END: Duration = Duration::from_secs(1);
const ADDRESS: &str = "127.0.0.1:8080";

/// A verdict, as far as it is looked at.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub label: String,
    pub captured: Moment,
    /// When its line was read.
    pub read: Moment,
    /// From decoding to classifying.
    pub total_ms: f64,
}

/// What its two streams have brought so far.
#[derive(Default)]
struct Heard {
    verdicts: Vec<Verdict>,
    last_sequence: Option<u64>,
    /// What was wrong with a verdict.
    problems: Vec<String>,
    log: Vec<String>,
}

/// Which models it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Models {
    Shipped,
    /// Those of the repository's own tests, which cost next to nothing: four processor seconds a frame of an emulated machine
    /// are better spent on more faults.
    Small,
}

/// A running purecam.
pub struct Purecam {
    child: Child,
    heard: Arc<Mutex<Heard>>,
    readers: Vec<JoinHandle<()>>,
}

impl Purecam {
    /// Starts `purecam run` on a camera.
    pub fn start(folder: &Path, models: Models, camera: &str, flags: &[&str]) -> Outcome<Self> {
        let mut command = Command::new(folder.join("purecam"));
        command.args(["run", camera, "--json", "--http", ADDRESS, "--max-age-ms", &MAX_AGE_MS.to_string()]);
        command.args(flags).env("PURECAM_MODELS", folder.join("models")).env("PURECAM_SOURCE_SKIP_FRAMES", "1");
        // Colour bars and the picture of the USB camera never change, which is a fault of its own.
        command.env("PURECAM_SOURCE_FROZEN_AFTER_MS", "0");
        if models == Models::Small {
            let small = folder.join("small");
            command.arg("--purifier").arg(small.join("purifier.onnx"));
            command.arg("--classifier").arg(small.join("residual.onnx"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("purecam cannot be started: {error}"))?;
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err("purecam was started without pipes".to_owned());
        };
        let readers = vec![
            listen(output, heard.clone(), |heard, line| heard.judge(line)),
            listen(errors, heard.clone(), |heard, line| heard.log.push(line.to_owned())),
        ];
        Ok(Self { child, heard, readers })
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error where the process has ended, or has said a verdict that must not be, which is told once.
    pub fn check(&mut self) -> Outcome {
        if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
            return Err(format!("purecam ended with {status}; it said: {}", self.last_words()));
        }
        match self.heard().problems.pop() {
            Some(problem) => Err(problem),
            None => Ok(()),
        }
    }

    pub fn last_words(&self) -> String {
        let heard = self.heard();
        heard.log[heard.log.len().saturating_sub(6)..].join(" | ")
    }

    /// Lines of its log that contain `text`.
    pub fn count_in_log(&self, text: &str) -> u64 {
        self.heard().log.iter().filter(|line| line.contains(text)).count() as u64
    }

    /// The verdicts about frames that were captured after a moment.
    pub fn verdicts_after(&self, moment: Moment) -> Vec<Verdict> {
        self.heard().verdicts.iter().filter(|verdict| verdict.captured > moment).cloned().collect()
    }

    /// How many verdicts have been judged.
    pub fn verdicts(&self) -> usize {
        self.heard().verdicts.len()
    }

    /// Waits for a verdict about a frame that was captured after a moment.
    pub fn wait_for_verdict(&mut self, after: Moment, within: Duration) -> Outcome<Verdict> {
        let answer = wait_for("a verdict", within, || {
            self.check()?;
            Ok(self.heard().verdicts.iter().find(|verdict| verdict.captured > after).cloned())
        });
        answer.map_err(|problem| format!("{problem}; purecam said: {}", self.last_words()))
    }

    /// `/api/status`.
    pub fn status(&mut self) -> Outcome<Value> {
        self.check()?;
        let body = get("/api/status")?;
        serde_json::from_slice(&body).map_err(|error| format!("/api/status is no JSON: {error}"))
    }

    /// The next frame that gets a verdict as it came, as JPEG.
    pub fn wait_for_raw_snapshot(&mut self, within: Duration) -> Outcome<Vec<u8>> {
        // Until there is a page, and a verdict within its patience, the answer is no.
        let mut refusal = String::new();
        let found = wait_for("a snapshot", within, || {
            self.check()?;
            get("/snapshot.jpg?raw").map(Some).or_else(|problem| {
                refusal = problem;
                Ok(None)
            })
        });
        found.map_err(|problem| format!("{problem}; {refusal}; purecam said: {}", self.last_words()))
    }

    /// Asks it to end, and returns how long that took.
    pub fn end(mut self) -> Outcome<Duration> {
        self.check()?;
        let begun = Instant::now();
        // SAFETY: a signal to a child that has not been waited for, so its number is its own.
        unsafe { libc::kill(self.child.id().cast_signed(), libc::SIGTERM) };
        let child = &mut self.child;
        let ended: Outcome<ExitStatus> = wait_for("purecam's end after SIGTERM", 4 * ALLOWANCE * END, || {
            child.try_wait().map_err(|error| error.to_string())
        });
        let took = begun.elapsed();
        let status = ended?;
        for reader in self.readers.drain(..) {
            reader.join().map_err(|_| "a reader panicked".to_owned())?;
        }
        if !status.success() {
            return Err(format!("after SIGTERM purecam ended with {status}; it said: {}", self.last_words()));
        }
        if took > ALLOWANCE * END {
            return Err(format!("purecam took {:.1} s to end after SIGTERM", took.as_secs_f64()));
        }
        match self.heard().problems.pop() {
            Some(problem) => Err(problem),
            None => Ok(took),
        }
    }
}

impl Drop for Purecam {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Heard {
    /// Takes a line of standard output: never raw, never stale, never out of order, never of another time.
    fn judge(&mut self, line: &str) {
        let read = Moment::now();
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            return self.problems.push(format!("no JSON: {line}"));
        };
        if value.get("schema").is_some() {
            return;
        }
        let captured = value["captured_at"].as_str().and_then(Moment::parse);
        let (Some(sequence), Some(age_ms), Some(total_ms), Some(captured), Some(label)) = (
            value["seq"].as_u64(),
            value["age_ms"].as_f64(),
            value["ms"]["total"].as_f64(),
            captured,
            value["label"].as_str(),
        ) else {
            return self.problems.push(format!("a field is missing: {line}"));
        };
        let mut wrong = |what: String| self.problems.push(format!("{what}: {line}"));
        if value["purified"] != true {
            wrong("a raw verdict".to_owned());
        }
        if !(0.0..=MAX_AGE_MS).contains(&age_ms) {
            wrong(format!("a stale verdict, {MAX_AGE_MS} ms allowed"));
        }
        // What it waited before the models had it: until they were done with the frame before, where no newer one came.
        if age_ms - total_ms > total_ms + 500.0 * f64::from(ALLOWANCE) {
            wrong("a verdict about a frame that had waited".to_owned());
        }
        if self.last_sequence.is_some_and(|last| sequence <= last || sequence - last > 100_000) {
            wrong(format!("out of order after {:?}", self.last_sequence));
        }
        let late = read.since(captured) - age_ms / 1e3;
        if late.abs() > f64::from(ALLOWANCE) {
            wrong(format!("captured_at is {late:.1} s from where its age says"));
        }
        self.last_sequence = Some(sequence);
        self.verdicts.push(Verdict { label: label.to_owned(), captured, read, total_ms });
    }
}

fn listen(stream: impl Read + Send + 'static, heard: Arc<Mutex<Heard>>, take: fn(&mut Heard, &str)) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            take(&mut heard.lock().unwrap_or_else(PoisonError::into_inner), &line);
        }
    })
}

/// The body of an answer with status 200.
fn get(place: &str) -> Outcome<Vec<u8>> {
    let ask = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(ADDRESS)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(stream, "GET {place} HTTP/1.1\r\nHost: {ADDRESS}\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error| format!("{place} cannot be asked for: {error}"))?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or(format!("{place}: no answer"))?;
    let head = String::from_utf8_lossy(&answer[..end]);
    if !head.starts_with("HTTP/1.1 200") {
        return Err(format!("{place}: {}", head.lines().next().unwrap_or_default()));
    }
    Ok(answer[end + 4..].to_vec())
}
