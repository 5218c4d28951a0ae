use std::fs;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::{TempDir, tempdir};

use super::models::*;
use super::*;

/// A folder with two models, three pictures, and a configuration.
fn home(configuration: &str) -> TempDir {
    let home = tempdir().unwrap();
    write_pair(home.path());
    let pictures = home.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    for (name, colour) in [("a.png", [200, 40, 40]), ("b.png", [40, 200, 40]), ("c.png", [40, 40, 200])] {
        write_picture(&pictures.join(name), 40, 40, colour);
    }
    fs::write(home.path().join("purecam.toml"), configuration).unwrap();
    home
}

fn purecam(home: &Path, source: &str) -> Command {
    let (purifier, classifier) = write_pair(home);
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.current_dir(home).args(["run", source, "--json", "--seed=5", "--config=purecam.toml"]);
    command.arg("--purifier").arg(purifier).arg("--classifier").arg(classifier).env_remove("RUST_LOG");
    command
}

fn run(home: &Path, source: &str) -> Output {
    let output = start(purecam(home, source).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let output = output.unwrap().wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn the_file_holds_what_standard_output_says_and_suspicious_frames_are_kept() {
    let home = home(concat!(
        "[output]\nfile = 'v.jsonl'\n[log]\nlevel = 'info'\n[source]\nfps = 5\n",
        "[detect]\nenabled = true\nthreshold = 0.0\nkeep_dir = 'kept'\n"
    ));
    let output = run(home.path(), "file:pictures");
    let lines = parsed(&output.stdout);
    assert_eq!(numbers(&lines), [-1, 0, 1, 2]);
    assert_eq!(parsed(&fs::read(home.path().join("v.jsonl")).unwrap()), lines);
    // The first of three at least: the end does not wait long for a disk that is slow.
    let mut kept = fs::read_dir(home.path().join("kept")).unwrap().map(|entry| entry.unwrap().path());
    assert!(kept.any(|path| path.extension().is_some_and(|ending| ending == "json")));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("INFO"), "the configured level is not heard: {said}");
    home.close().unwrap();
}

#[test]
fn a_reader_of_the_socket_sees_the_stream_and_the_socket_goes_at_the_end() {
    let home = home("[output]\nstdout = false\nsocket = 'socket'\n");
    let path = home.path().join("socket");
    let mut child = start(purecam(home.path(), "demo:").stderr(Stdio::null())).unwrap();
    let mut reader = loop {
        match UnixStream::connect(&path) {
            Ok(reader) => break reader,
            Err(_) => assert!(child.try_wait().unwrap().is_none(), "it has ended"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut text = Vec::new();
    let mut chunk = [0; 4096];
    while text.iter().filter(|byte| **byte == b'\n').count() < 4 {
        let count = reader.read(&mut chunk).unwrap();
        assert!(count > 0, "the stream ends");
        text.extend_from_slice(&chunk[..count]);
    }
    start(Command::new("kill").arg(child.id().to_string())).unwrap().wait().unwrap();
    assert!(child.wait().unwrap().success());
    reader.read_to_end(&mut text).unwrap();
    let lines = parsed(&text);
    assert_eq!(lines[0]["schema"], 1);
    assert!(numbers(&lines[1..]).windows(2).all(|pair| pair[0] < pair[1]));
    assert!(!path.exists());
}

#[cfg(not(feature = "mqtt"))]
#[test]
fn a_broker_is_refused_if_the_feature_is_missing() {
    let home = home("[output.mqtt]\nurl = 'mqtt://127.0.0.1'\n");
    let child = start(purecam(home.path(), "demo:").stderr(Stdio::piped())).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("feature 'mqtt'"));
}
