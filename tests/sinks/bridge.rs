//! The ROS 2 example without ROS: what it would publish of what a socket gives it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use purecam::host;
use purecam::time::{Clock, SystemClock};
use tempfile::tempdir;

use super::*;

/// A verdict's line about a frame that was captured so many seconds ago, by the monotonic clock alone.
fn aged(label: &str, seconds: u64, boot_id: &str) -> String {
    let captured = SystemClock.now().as_nanos() as u64 - seconds * 1_000_000_000;
    let top = serde_json::json!([{"label": label, "index": 0, "confidence": 0.5}]);
    // The wall clock was a year behind at that time.
    let verdict = serde_json::json!({"seq": 1, "captured_at": "2025-01-01T00:00:00.000Z", "label": label, "top": top,
        "captured_monotonic_ns": captured, "boot_id": boot_id, "suspicion": null, "suspicious": false});
    format!("{verdict}\n")
}

#[test]
fn the_bridge_passes_on_the_newest_verdict_alone_and_stamps_it_from_its_capture() {
    let Some(boot_id) = host::boot_id() else { return eprintln!("skipped: this system does not say its boot") };
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let bridge = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/ros2_bridge.py");
    let mut command = Command::new("python3");
    command.arg(bridge).arg(&path).arg("--print").stdout(Stdio::piped());
    let Ok(mut child) = start(&mut command) else { return eprintln!("skipped: python3 is not installed") };
    let (mut stream, _) = listener.accept().unwrap();
    let header = "{\"schema\":1,\"max_age_ms\":3000}\n";
    // It was held up: ten seconds of verdicts have piled up, the newest is young.
    let old: String = (1..=10).rev().map(|seconds| aged("old", seconds + 3, &boot_id)).collect();
    stream.write_all(format!("{header}{old}{}", aged("young", 2, &boot_id)).as_bytes()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    // What is old, or of another boot and old by the wall clock, is passed over.
    stream.write_all(format!("{}{}", aged("young", 0, &boot_id), aged("old", 4, &boot_id)).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    stream.write_all(aged("old", 0, "another boot").as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    stream.write_all(aged("newest", 0, &boot_id).as_bytes()).unwrap();
    let second = lines.next().unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let seconds: u64 = first.split(' ').next().unwrap().parse().unwrap();
    assert!(first.contains("young") && (2..60).contains(&(now - seconds)), "{first}, {now}");
    assert!(second.contains("newest"), "{second}");
}
