//! Training through the command line: what a killed run comes to, and what is refused.
#![cfg(feature = "training")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use prost::Message;

/// Writes `count` small pictures a class: stripes across for one class, along for the other, each with its own colour.
fn photographs(folder: &Path, count: u32) {
    for class in ["across", "along"] {
        fs::create_dir_all(folder.join(class)).unwrap();
        for i in 0..count {
            let picture = RgbImage::from_fn(40, 36, |x, y| {
                let phase = (if class == "across" { y } else { x } + i) / 3 % 2;
                Rgb([(phase * 180) as u8, (i * 19 % 256) as u8, (x * 3 + y) as u8])
            });
            picture.save(folder.join(class).join(format!("{i:03}.png"))).unwrap();
        }
    }
}

fn purecam(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.args(args).env("RAYON_NUM_THREADS", "2");
    command
}

fn run(args: &[&str]) -> Output {
    purecam(args).output().unwrap()
}

fn succeed(args: &[&str]) {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The command fails with `code`, without a panic, and says all of `words`.
fn refused(args: &[&str], code: i32, words: &[&str]) {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    words.iter().for_each(|word| assert!(stderr.contains(word), "expected '{word}' in: {stderr}"));
}

/// All weights of an ONNX file, in file order.
fn weights(file: &Path) -> Vec<f32> {
    let model = tract_onnx::pb::ModelProto::decode(fs::read(file).unwrap().as_slice()).unwrap();
    let tensors = model.graph.unwrap().initializer;
    let floats = tensors.iter().filter(|tensor| tensor.data_type == 1);
    floats
        .flat_map(|t| t.raw_data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect::<Vec<_>>())
        .collect()
}

fn assert_same_weights(a: &Path, b: &Path) {
    let (a, b) = (weights(a), weights(b));
    assert!(!a.is_empty() && a.len() == b.len());
    let difference = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference <= 1e-5, "weights differ by {difference}");
}

/// Runs a command again and again, killing it a little later each time, until it ends by itself.
fn run_killed_repeatedly(args: &[&str], out: &Path) {
    let mut kills = 0;
    for attempt in 1.. {
        assert!(attempt < 200, "the run does not get ahead");
        let before = newest_checkpoint(out);
        let mut child = purecam(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Once a new checkpoint is there, a moment more, so that the kill falls anywhere in the following steps.
        let deadline = Instant::now() + Duration::from_secs(60);
        while newest_checkpoint(out) == before && child.try_wait().unwrap().is_none() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(attempt * 13 % 40));
        if child.try_wait().unwrap().is_some_and(|status| status.success()) {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills >= 2, "only {kills} kills met the run");
}

fn newest_checkpoint(out: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(out).ok()?.flatten().map(|entry| entry.path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("checkpoint-")).max()
}

#[test]
fn a_classifier_run_killed_at_any_moment_resumes_to_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    photographs(&folder.path().join("data"), 24);
    let (data, whole, pieces) = (path("data"), path("whole"), path("pieces"));
    let train = |out| {
        [
            "train",
            "classifier",
            data.as_str(),
            "--out",
            out,
            "--side",
            "32",
            "--width",
            "4",
            "--batch",
            "8",
            "--epochs",
            "6",
            "--held-out",
            "0.2",
            "--checkpoint-every",
            "3",
            "--ema-half-life",
            "5",
            "--adversarial",
            "4/255",
        ]
    };
    succeed(&train(&whole));
    run_killed_repeatedly(&train(&pieces), Path::new(&pieces));
    succeed(&["export", &whole, "--out", &path("whole.onnx")]);
    succeed(&["export", &pieces, "--out", &path("pieces.onnx")]);
    assert_same_weights(&folder.path().join("whole.onnx"), &folder.path().join("pieces.onnx"));
    let metrics = |out: &str| {
        fs::read_to_string(Path::new(out).join("metrics.jsonl"))
            .unwrap()
            .lines()
            .filter(|line| line.contains("validation"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(metrics(&whole).len(), metrics(&pieces).len(), "every validation is told once");
}

#[test]
fn a_riae_run_killed_at_any_moment_resumes_to_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    photographs(&folder.path().join("data"), 24);
    let (data, classifier, onnx) = (path("data"), path("classifier"), path("classifier.onnx"));
    succeed(&[
        "train",
        "classifier",
        &data,
        "--out",
        &classifier,
        "--side",
        "32",
        "--width",
        "4",
        "--batch",
        "8",
        "--epochs",
        "2",
        "--held-out",
        "0.2",
    ]);
    succeed(&["export", &classifier, "--out", &onnx]);
    let preset = path("small.toml");
    fs::write(&preset, SMALL_RIAE).unwrap();
    let (whole, pieces) = (path("whole"), path("pieces"));
    let train = |out| {
        [
            "train",
            "riae",
            data.as_str(),
            "--out",
            out,
            "--preset",
            preset.as_str(),
            "--classifier",
            onnx.as_str(),
            "--side",
            "32",
            "--batch",
            "8",
            "--clean-epochs",
            "2",
            "--pair-epochs",
            "3",
            "--refresh-every",
            "2",
            "--held-out",
            "0.2",
            "--checkpoint-every",
            "3",
            "--ema-half-life",
            "5",
        ]
    };
    succeed(&train(&whole));
    run_killed_repeatedly(&train(&pieces), Path::new(&pieces));
    succeed(&["export", &whole, "--out", &path("whole.onnx")]);
    succeed(&["export", &pieces, "--out", &path("pieces.onnx")]);
    assert_same_weights(&folder.path().join("whole.onnx"), &folder.path().join("pieces.onnx"));
    for picture in ["curves.png", "sheet.png"] {
        let picture = image::open(folder.path().join("whole").join(picture)).unwrap();
        assert!(picture.width() > 100, "a picture that a person can look at");
    }
}

const SMALL_RIAE: &str = r#"
patch = 8
groups = 4
grouping = "random"
masking = "both"
[encoder]
width = 16
depth = 2
heads = 2
taps = [0]
[decoder]
kind = "cross"
width = 16
depth = 1
heads = 2
head_token = true
"#;

#[test]
fn folders_that_cannot_be_trained_on_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (data, out) = (path("data"), path("out"));
    let train = ["train", "classifier", data.as_str(), "--out", out.as_str(), "--side", "32", "--device", "cpu"];
    refused(&train, 1, &[&data]);
    fs::create_dir_all(&data).unwrap();
    refused(&train, 1, &[&data, "no folder"]);
    fs::create_dir_all(folder.path().join("data/only")).unwrap();
    refused(&train, 1, &[&data, "two classes"]);
    fs::create_dir_all(folder.path().join("data/Only ")).unwrap();
    refused(&train, 1, &["only", "one name"]);
    fs::remove_dir(folder.path().join("data/Only ")).unwrap();
    fs::create_dir_all(folder.path().join("data/other")).unwrap();
    refused(&train, 1, &["only", "no image"]);
}

#[test]
fn a_corrupt_photograph_is_skipped_counted_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    photographs(&data, 12);
    fs::write(data.join("along/broken.jpg"), b"\xff\xd8\xff no picture").unwrap();
    let output = run(&[
        "train",
        "classifier",
        &data.to_string_lossy(),
        "--out",
        &folder.path().join("out").to_string_lossy(),
        "--side",
        "32",
        "--width",
        "4",
        "--batch",
        "8",
        "--epochs",
        "1",
        "--held-out",
        "0.2",
    ]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("broken.jpg") && stderr.contains("skipped 1 photographs"), "{stderr}");
}

#[test]
fn a_run_with_other_settings_does_not_enter_a_folder_that_has_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    photographs(&folder.path().join("data"), 12);
    let (data, out) = (path("data"), path("out"));
    let train = |width| {
        [
            "train",
            "classifier",
            data.as_str(),
            "--out",
            out.as_str(),
            "--side",
            "32",
            "--width",
            width,
            "--batch",
            "8",
            "--epochs",
            "1",
            "--held-out",
            "0.2",
        ]
    };
    succeed(&train("4"));
    refused(&train("8"), 1, &[&out, "model.width = 4", "model.width = 8"]);
}

#[test]
fn two_runs_do_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    photographs(&folder.path().join("data"), 12);
    fs::create_dir_all(folder.path().join("out")).unwrap();
    let lock = fs::File::create(folder.path().join("out/lock")).unwrap();
    lock.lock().unwrap();
    refused(
        &["train", "classifier", &path("data"), "--out", &path("out"), "--side", "32"],
        1,
        &[&path("out"), "another process"],
    );
}

#[test]
fn a_device_that_is_not_there_is_an_error_and_not_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    photographs(&folder.path().join("data"), 4);
    let data = folder.path().join("data");
    let out = folder.path().join("out");
    for device in ["cuda:77", "vulkan:77", "abacus", "cuda:x", "cpu:1"] {
        refused(
            &[
                "train",
                "classifier",
                &data.to_string_lossy(),
                "--out",
                &out.to_string_lossy(),
                "--side",
                "32",
                "--device",
                device,
            ],
            2,
            &[device],
        );
    }
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    photographs(&folder.path().join("data"), 12);
    fs::write(folder.path().join("file"), b"").unwrap();
    let out = path("file/run");
    refused(&["train", "classifier", &path("data"), "--out", &out, "--side", "32"], 1, &[&out, "cannot be created"]);
    refused(&["export", &path("data"), "--out", &path("x.onnx")], 1, &["settings.json", "training run"]);
}
