//! New models and configurations for a running service: SIGHUP, systemd's notifications, and the watchdog.

mod models;

use std::fs;
use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use models::*;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

/// A service whose configuration and models lie in a folder of its own.
struct Service {
    folder: TempDir,
    classifier: PathBuf,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    notifications: UnixDatagram,
}

impl Service {
    fn start() -> Self {
        Self::on("demo:")
    }

    fn on(source: &str) -> Self {
        Self::with(source, |_| String::new())
    }

    /// A service with more tables, which may depend on its folder.
    fn with(source: &str, more: impl FnOnce(&Path) -> String) -> Self {
        let folder = tempdir().unwrap();
        let (purifier, classifier) = write_pair(folder.path());
        let config = folder.path().join("purecam.toml");
        fs::write(&config, configuration(&purifier, &classifier, &more(folder.path()))).unwrap();
        let socket = folder.path().join("notify");
        let notifications = UnixDatagram::bind(&socket).unwrap();
        notifications.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_purecam"))
            .args(["run", source, "--json", "--fps", "100", "--config"])
            .arg(&config)
            .env("NOTIFY_SOCKET", &socket)
            .env("RUST_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { folder, classifier, child, lines, notifications }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    fn line(&mut self) -> Value {
        serde_json::from_str(&self.lines.next().unwrap().unwrap()).unwrap()
    }

    /// The next header; verdicts before it are skipped.
    fn header(&mut self) -> Value {
        loop {
            let line = self.line();
            if line["schema"].is_u64() {
                return line;
            }
        }
    }

    /// Waits until the log has `text`; verdicts are still read meanwhile, so that the pipe does not fill up.
    fn wait_for_log(&mut self, text: &str) {
        while !fs::read_to_string(self.path("log")).unwrap().contains(text) {
            self.line();
        }
    }

    /// The next notification with this beginning.
    fn wait_for_notification(&mut self, beginning: &str) -> String {
        let mut buffer = [0; 4096];
        loop {
            let length = self.notifications.recv(&mut buffer).unwrap();
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.starts_with(beginning) {
                return text;
            }
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn configuration(purifier: &Path, classifier: &Path, more: &str) -> String {
    format!("[purifier]\nmodel = {purifier:?}\nseed = 1\n[classifier]\nmodel = {classifier:?}\n{more}")
}

/// The same model with another hash: if a protobuf field is repeated, the last one counts; this one is the description.
fn with_another_hash(model: &[u8]) -> Vec<u8> {
    const DOC_STRING: u8 = 6 << 3 | 2;
    [model, &[DOC_STRING, 1, b'x']].concat()
}

#[test]
fn a_reload_swaps_models_between_two_frames_and_says_so_in_a_new_header() {
    let mut service = Service::start();
    let before = service.header();
    assert_eq!(service.line()["models"], before["models"]);
    let bytes = fs::read(&service.classifier).unwrap();
    fs::write(&service.classifier, with_another_hash(&bytes)).unwrap();
    service.signal("-HUP");
    let after = service.header();
    assert_ne!(after["models"]["classifier"], before["models"]["classifier"]);
    assert_eq!(after["models"]["purifier"], before["models"]["purifier"]);
    assert_eq!(service.line()["models"], after["models"], "a verdict of the old models follows the new header");
}

#[test]
fn a_reload_that_cannot_work_is_refused_with_its_reason_and_what_runs_goes_on() {
    let mut service = Service::start();
    let before = service.header();
    let bytes = fs::read(&service.classifier).unwrap();
    fs::write(&service.classifier, &bytes[..bytes.len() / 2]).unwrap();
    service.signal("-HUP");
    service.wait_for_log("not reloaded");
    fs::write(&service.classifier, &bytes).unwrap();
    let config = fs::read_to_string(service.path("purecam.toml")).unwrap();
    fs::write(service.path("purecam.toml"), config.clone() + "[runn]\nmax_age_ms = 5\n").unwrap();
    service.signal("-HUP");
    service.wait_for_log("runn");
    for _ in 0..5 {
        assert_eq!(service.line()["models"], before["models"]);
    }
    // A repaired configuration is accepted.
    fs::write(service.path("purecam.toml"), config + "[verdict]\nsmoothing = 2\n").unwrap();
    service.signal("-HUP");
    let after = service.header();
    assert_ne!(after["configuration"], before["configuration"]);
    service.line();
    assert_eq!(service.line()["smoothed"], true);
}

#[test]
fn a_reload_that_is_refused_changes_nothing_of_what_runs() {
    let mut service = Service::start();
    service.header();
    let config = fs::read_to_string(service.path("purecam.toml")).unwrap();
    fs::write(service.path("purecam.toml"), config + "[run]\nthreads = 3\n[log]\nlevel = 'off'\n").unwrap();
    let bytes = fs::read(&service.classifier).unwrap();
    fs::write(&service.classifier, &bytes[..bytes.len() / 2]).unwrap();
    service.signal("-HUP");
    service.wait_for_log("not reloaded");
    let tasks = fs::read_dir(format!("/proc/{}/task", service.child.id())).unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    let names: Vec<String> = names.collect();
    assert!(!names.iter().any(|name| name.starts_with("engine")), "it has new threads: {names:?}");
    assert!(names.iter().any(|name| name.starts_with("inference")), "{names:?}");
}

#[test]
fn a_port_and_a_socket_that_are_taken_are_states_and_are_used_once_they_are_free() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = port.local_addr().unwrap();
    let mut listener = None;
    let mut service = Service::with("demo:", |folder| {
        listener = Some(UnixListener::bind(folder.join("verdicts.sock")).unwrap());
        let socket = folder.join("verdicts.sock");
        format!("[http]\nlisten = '{address}'\n[output]\nsocket = {socket:?}\nrequired = ['socket']\n")
    });
    service.header();
    assert_eq!(service.line()["purified"], true, "verdicts are made all the same");
    // The page is tried at the start, the socket reports with its first verdict.
    while !service
        .wait_for_notification("STATUS=degraded (output)")
        .contains("; output.socket unavailable; http.listen unavailable")
    {}
    drop((port, listener));
    service.wait_for_notification("STATUS=running");
    let mut page = TcpStream::connect(address).unwrap();
    page.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("ready\n"), "{answer}");
    let mut lines = BufReader::new(UnixStream::connect(service.path("verdicts.sock")).unwrap()).lines();
    let mut line = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let (header, verdict) = (line(), line());
    assert_eq!((&header["max_age_ms"], &header["camera"]), (&1000.into(), &"demo:".into()));
    assert_eq!((&verdict["boot_id"], &verdict["camera"]), (&header["boot_id"], &header["camera"]));
    assert!(header["boot_id"].as_str().is_some_and(|id| id.len() == 36), "{header}");
    let now = purecam::time::Clock::now(&purecam::time::SystemClock).as_nanos() as u64;
    let captured = verdict["captured_monotonic_ns"].as_u64().unwrap();
    assert!(captured < now && now - captured < 60_000_000_000, "{captured}, {now}");
    service.signal("-TERM");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
    assert!(TcpStream::connect(address).is_err() && !service.path("verdicts.sock").exists());
}

#[test]
fn the_service_manager_hears_of_readiness_life_status_and_the_end() {
    let mut service = Service::start();
    service.header();
    service.wait_for_notification("READY=1");
    service.wait_for_notification("WATCHDOG=1");
    // Before the first verdict the status has no numbers.
    let status = service.wait_for_notification("STATUS=running: ");
    assert!(status.contains("age"), "{status}");
    service.signal("-TERM");
    service.wait_for_notification("STOPPING=1");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_service_without_its_camera_starts_for_as_long_as_it_takes_and_says_why() {
    let mut service = Service::on("camera:/dev/no-such-camera");
    service.header();
    service.wait_for_notification("STATUS=reconnecting (absent)");
    service.wait_for_notification("EXTEND_TIMEOUT_USEC=");
    service.notifications.set_nonblocking(true).unwrap();
    let mut buffer = [0; 4096];
    while let Ok(length) = service.notifications.recv(&mut buffer) {
        assert!(!buffer[..length].starts_with(b"READY"), "it reports readiness without a frame");
    }
    service.signal("-TERM");
    assert_eq!(service.child.wait().unwrap().code(), Some(0));
}
