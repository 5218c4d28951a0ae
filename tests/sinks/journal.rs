use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use tempfile::tempdir;

use super::start;

/// What purecam says of a source that does not exist, on a standard error that may or may not be the journal's.
fn said(stream: impl FnOnce(&fs::Metadata) -> Option<String>) -> String {
    let folder = tempdir().unwrap();
    let file = folder.path().join("stderr");
    let stderr = File::create(&file).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.args(["run", "file:nothing", "--config", "none.toml"]).env_remove("JOURNAL_STREAM").current_dir(&folder);
    if let Some(stream) = stream(&stderr.metadata().unwrap()) {
        command.env("JOURNAL_STREAM", stream);
    }
    assert!(!start(command.stderr(stderr)).unwrap().wait().unwrap().success());
    fs::read_to_string(&file).unwrap()
}

#[test]
fn the_journal_gets_the_priority_of_a_failure_and_people_do_not() {
    let to_journal = said(|stderr| Some(format!("{}:{}", stderr.dev(), stderr.ino())));
    assert!(to_journal.starts_with("<3>purecam: "), "{to_journal}");
    for led_elsewhere in [said(|_| None), said(|stderr| Some(format!("{}:{}", stderr.dev(), stderr.ino() + 1)))] {
        assert!(led_elsewhere.starts_with("purecam: "), "{led_elsewhere}");
    }
}
