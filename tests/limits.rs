//! Too little memory, too few threads and descriptors: whatever can be caught is exit code 1 with its reason, so that a
//! service manager tries again, and never 78.
#![cfg(target_os = "linux")]

mod models;

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use models::*;
use tempfile::{TempDir, tempdir};

/// A folder with a picture and two models; the classifier has `weights` numbers that it multiplies by zero.
struct Home(TempDir);

impl Home {
    fn new(weights: usize) -> Self {
        let home = Self(tempdir().unwrap());
        let (purifier, _) = write_pair(home.0.path());
        std::fs::rename(purifier, home.path("purifier.onnx")).unwrap();
        write(home.0.path(), "classifier.onnx", &heavy_classifier(weights));
        write_picture(&home.path("red.png"), 40, 40, [200, 40, 40]);
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `purecam ARGS` with the models, after `limit`, a line of shell.
    fn purecam(&self, limit: &str, args: &str) -> Output {
        let binary = env!("CARGO_BIN_EXE_purecam");
        let models = "--purifier purifier.onnx --classifier classifier.onnx";
        let script = format!("{limit}; ulimit -c 0; exec '{binary}' {args} {models}");
        Command::new("sh").args(["-c", &script]).current_dir(self.0.path()).output().unwrap()
    }
}

/// The small classifier, whose logits have the mean of `weights` zeros added.
fn heavy_classifier(weights: usize) -> tract_onnx::pb::ModelProto {
    let mut model = classifier(SIDE);
    let graph = model.graph.as_mut().unwrap();
    let last = graph.node.last_mut().unwrap();
    (last.name, last.output) = ("light".into(), vec!["light".into()]);
    let mut mean = node("ReduceMean", &["heavy"], "nothing");
    mean.attribute =
        vec![tract_onnx::pb::AttributeProto { name: "keepdims".into(), r#type: 2, i: 0, ..Default::default() }];
    graph.node.extend([mean, node("Add", &["light", "nothing"], "logits")]);
    graph.initializer.push(floats("heavy", &[weights as i64], &vec![0.0; weights]));
    model
}

const COMMANDS: [&str; 3] = ["classify red.png", "run demo: --frames 2 --json", "check demo:"];

/// What the program says where something is short: its own words, and those of Rust's and glibc's abort.
const SHORT: [&str; 5] = [
    "memory is short",
    "no more threads",
    "too many files are open",
    "memory allocation of",
    "error while loading shared libraries",
];

#[track_caller]
fn assert_never_hopeless(output: &Output, what: &str) -> bool {
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    match (output.status.code(), output.status.signal()) {
        (Some(0), _) => true,
        // 127 is the dynamic loader's.
        (Some(1 | 127), _) | (None, Some(_)) => {
            assert!(SHORT.iter().any(|short| said.contains(short)), "{what}: {}: {said}", output.status);
            false
        }
        _ => panic!("{what}: {}: {said}", output.status),
    }
}

#[test]
fn at_no_limit_of_memory_a_model_can_never_work() {
    let home = Home::new(8 << 20);
    for command in COMMANDS {
        // With less, not even the dynamic loader works.
        let worked = (72..=480).step_by(24).filter(|mebibytes| {
            let output = home.purecam(&format!("ulimit -v {}", mebibytes << 10), command);
            assert_never_hopeless(&output, &format!("{command} in {mebibytes} MiB"))
        });
        assert!(worked.count() > 2, "{command} never works in 400 MiB");
    }
}

#[test]
fn a_model_that_does_not_fit_into_memory_fails_with_the_reason_and_what_to_do() {
    let home = Home::new(64 << 20);
    for command in COMMANDS {
        let output = home.purecam("ulimit -v 450000", command);
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{command}: {said}");
        for part in ["classifier.onnx", "memory is short", "MemoryMax="] {
            assert!(said.contains(part), "{command}: '{part}' is missing in {said}");
        }
    }
}

#[test]
fn an_image_that_does_not_fit_into_memory_is_named_and_the_others_go_on() {
    let home = Home::new(1);
    image::RgbImage::new(9000, 9000).save(home.path("large.bmp")).unwrap();
    let output = home.purecam("ulimit -v 400000", "classify large.bmp red.png --json");
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{lines}");
    assert!(lines.lines().any(|line| line.contains("large.bmp") && line.contains("out of memory")), "{lines}");
    assert!(lines.lines().any(|line| line.contains("red.png") && line.contains("\"label\":\"red\"")), "{lines}");
}

#[test]
fn a_thread_that_cannot_be_started_fails_with_its_name() {
    let home = Home::new(1);
    // The stack of each thread would need more than there is of addresses.
    let output = home.purecam("export RUST_MIN_STACK=140000000000000", "run demo: --frames 2 --json");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot be started") && said.contains("no more threads"), "{said}");
    let output = home.purecam("ulimit -v 400000; export PURECAM_RUN_THREADS=64 RUST_MIN_STACK=64000000", COMMANDS[0]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("run.threads: expected 64") && said.contains("no more threads"), "{said}");
}

#[test]
fn with_too_few_descriptors_nothing_can_never_work() {
    let home = Home::new(1);
    std::fs::write(home.path("manifest.toml"), "purifier = 'a'\nclassifier = 'b'\n").unwrap();
    for command in COMMANDS {
        let worked = (3..=40).filter(|files| {
            let output = home.purecam(&format!("ulimit -n {files}"), command);
            assert_never_hopeless(&output, &format!("{command} with {files} files"))
        });
        assert!(worked.count() > 2, "{command} never works with 40 files");
    }
}
