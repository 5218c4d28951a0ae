//! Training through the command line: killed runs, stored settings, refusals.
#![cfg(feature = "training")]

use std::ffi::{OsStr, OsString};
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use prost::Message;
use purecam::workshop::riae::RiaeConfig;
use purecam::workshop::train::data::Photographs;

/// Writes `count` small pictures per class: stripes across for one class, along for the other, each of its own colour.
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

fn purecam(args: &[impl AsRef<OsStr> + Debug]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.args(args).env("RAYON_NUM_THREADS", "2");
    command
}

fn run(args: &[impl AsRef<OsStr> + Debug]) -> Output {
    purecam(args).output().unwrap()
}

fn succeed(args: &[impl AsRef<OsStr> + Debug]) {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The command fails with `code` and without a panic; its message has all of `words`.
fn refused(args: &[impl AsRef<OsStr> + Debug], code: i32, words: &[&str]) {
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

/// Runs a command repeatedly, killing it a little later each time, until it ends by itself.
fn run_killed_repeatedly(args: &[impl AsRef<OsStr> + Debug], out: &Path) {
    let mut kills = 0;
    for attempt in 1.. {
        assert!(attempt < 200, "the run makes no progress");
        let before = newest_checkpoint(out);
        let mut child = purecam(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A moment after a new checkpoint, so that the kill falls anywhere in the following steps.
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
    assert!(kills >= 2, "only {kills} kills hit the run");
}

fn newest_checkpoint(out: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(out).ok()?.flatten().map(|entry| entry.path());
    entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("checkpoint-")).max()
}

/// A temporary folder with photographs in `data`, and the commands that train on them.
struct Bench(tempfile::TempDir);

impl Bench {
    /// With `count` photographs per class.
    fn new(count: u32) -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        photographs(&bench.0.path().join("data"), count);
        bench
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    /// `train kind` on the photographs into the folder `out`, with pictures of 32 pixels, and `options`.
    fn train(&self, kind: &str, out: &str, options: &[&str]) -> Vec<String> {
        let mut args: Vec<String> = ["train", kind].map(str::to_owned).to_vec();
        args.extend([self.path("data"), "--out".to_owned(), self.path(out)]);
        args.extend(["--side", "32", "--batch", "8", "--held-out", "0.2"].map(str::to_owned));
        args.extend(options.iter().map(|option| (*option).to_owned()));
        args
    }

    fn export(&self, run: &str) -> PathBuf {
        let file = self.path(&format!("{run}.onnx"));
        succeed(&["export", &self.path(run), "--out", &file]);
        file.into()
    }

    /// A run that is killed at any moment, and resumed each time, ends with the weights of one that is not.
    fn assert_killed_run_resumes(&self, kind: &str, options: &[&str]) {
        let options = [options, &["--checkpoint-every", "3", "--ema-half-life", "5"]].concat();
        succeed(&self.train(kind, "whole", &options));
        run_killed_repeatedly(&self.train(kind, "pieces", &options), Path::new(&self.path("pieces")));
        assert_same_weights(&self.export("whole"), &self.export("pieces"));
        assert_eq!(self.validations("whole"), self.validations("pieces"), "every validation is written once");
    }

    /// The number of validations in a run's metrics.
    fn validations(&self, run: &str) -> usize {
        let metrics = fs::read_to_string(self.0.path().join(run).join("metrics.jsonl")).unwrap();
        metrics.lines().filter(|line| line.contains("validation")).count()
    }
}

#[test]
fn a_classifier_run_killed_at_any_moment_resumes_to_the_same_weights() {
    Bench::new(24)
        .assert_killed_run_resumes("classifier", &["--width", "4", "--epochs", "6", "--adversarial", "4/255"]);
}

#[test]
fn a_riae_run_killed_at_any_moment_resumes_to_the_same_weights() {
    let bench = Bench::new(24);
    succeed(&bench.train("classifier", "classifier", &["--width", "4", "--epochs", "2"]));
    let classifier = bench.export("classifier");
    let preset = bench.path("small.toml");
    fs::write(&preset, SMALL_RIAE).unwrap();
    let models = ["--preset", &preset, "--classifier", classifier.to_str().unwrap()];
    let epochs = ["--clean-epochs", "2", "--pair-epochs", "3", "--refresh-every", "2"];
    bench.assert_killed_run_resumes("riae", &[&models[..], &epochs].concat());
    for picture in ["curves.png", "sheet.png"] {
        let picture = image::open(bench.0.path().join("whole").join(picture)).unwrap();
        assert!(picture.width() > 100, "a picture that a person can look at");
    }
}

#[test]
fn a_purifier_for_the_classifier_of_a_configuration_needs_no_classes_and_says_how_long_it_will_take() {
    let bench = Bench::new(24);
    succeed(&bench.train("classifier", "classifier", &["--width", "4", "--epochs", "2"]));
    bench.export("classifier");
    let configuration = bench.path("mine.toml");
    fs::write(&configuration, "[classifier]\nmodel = \"classifier.onnx\"\n").unwrap();
    let preset = bench.path("small.toml");
    fs::write(&preset, "patch = 4\nwidths = [4, 6]\ndepths = [1, 1]\n").unwrap();
    let flat = bench.path("flat");
    fs::create_dir(&flat).unwrap();
    for (number, class) in ["across", "along"].into_iter().enumerate() {
        for file in fs::read_dir(bench.0.path().join("data").join(class)).unwrap() {
            let file = file.unwrap();
            let name = format!("{number}{}", file.file_name().to_string_lossy());
            fs::copy(file.path(), Path::new(&flat).join(name)).unwrap();
        }
    }
    let out = bench.path("purifier");
    let mut args = ["train", "purifier", &flat, "--config", &configuration, "--out", &out].to_vec();
    args.extend(["--preset", &preset, "--batch", "8", "--held-out", "0.2", "--pair-epochs", "2", "--device", "cpu"]);
    let output = run(&args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    // The classifier is for 32 pixels, and so is the training.
    for words in ["of 32 x 32", "starts from random weights", "take about", "samples/s", "left of stage"] {
        assert!(said.contains(words), "'{words}' is missing in: {said}");
    }
    assert!(Path::new(&out).join("pairs.bin").exists());

    // The weights of the exported file are a start for another run.
    let file = bench.export("purifier");
    let again = bench.path("again");
    let place = args.iter().position(|arg| *arg == out).unwrap();
    args[place] = &again;
    args.extend(["--initial", file.to_str().unwrap()]);
    let output = run(&args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("starts from purifier.onnx"), "{said}");

    let nothing = bench.path("nothing");
    fs::create_dir(&nothing).unwrap();
    args[2] = &nothing;
    refused(&args, 1, &["nothing", "expected photographs"]);
    refused(&["train", "purifier", &flat, "--out", &bench.path("x"), "--minutes", "0"], 2, &["--minutes", "0"]);
    refused(
        &["train", "purifier", &flat, "--out", &bench.path("x"), "--device", "cpu"],
        2,
        &["--classifier", "--config"],
    );
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
fn folders_that_cannot_be_trained_on_are_refused_with_their_names() {
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
fn two_class_folders_of_one_name_are_refused_as_evaluate_refuses_them() {
    let bench = Bench::new(2);
    fs::create_dir(bench.path("data/garbage_truck")).unwrap();
    fs::create_dir(bench.path("data/garbage truck")).unwrap();
    refused(&bench.train("classifier", "out", &[]), 1, &["'garbage truck'", "'garbage_truck'", "one name"]);
}

/// Splits photographs of a folder as `train` does.
fn split(folder: &str, share: f64) -> (Photographs, Photographs) {
    Photographs::load(Path::new(folder), None, 32).unwrap().hold_out(share).unwrap()
}

#[test]
fn a_hold_out_never_takes_all_photographs_of_a_class_and_names_the_classes_without_one() {
    let bench = Bench::new(24);
    for number in 0..20 {
        let class = bench.path(&format!("data/single-{number:02}"));
        fs::create_dir(&class).unwrap();
        fs::copy(bench.path("data/along/000.png"), format!("{class}/{number}.png")).unwrap();
    }
    for share in [0.05, 0.5, 0.9, 0.99] {
        let (training, validation) = split(&bench.path("data"), share);
        assert!(training.missing().is_empty(), "{share}: no training photograph of {:?}", training.missing());
        assert!((0..20).all(|number| validation.missing().contains(&&*format!("single-{number:02}"))));
        assert_eq!(training.items.len() + validation.items.len(), 68);
        let classes: Vec<usize> = training.items.iter().map(|item| item.class).collect();
        assert!(classes.is_sorted(), "{classes:?}");
    }
    let output = run(&bench.train("classifier", "out", &["--width", "4", "--epochs", "1"]));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    for part in ["no photograph is held out for validation of 20 of 22 classes", "'single-00'", "--held-out"] {
        assert!(stderr.contains(part), "'{part}' is missing in: {stderr}");
    }
}

#[test]
fn hidden_files_and_folders_are_no_photographs_and_names_need_not_be_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let bench = Bench::new(8);
    let odd = |name: &[u8]| bench.0.path().join(OsStr::from_bytes(name));
    fs::write(bench.path("data/along/._000.png"), b"\0\x05\x16\x07").unwrap();
    fs::write(bench.path("data/.DS_Store"), b"Bud1").unwrap();
    fs::create_dir(bench.path("data/.thumbnails")).unwrap();
    fs::rename(bench.path("data/along/000.png"), odd(b"data/along/\xFF.png")).unwrap();
    fs::rename(bench.path("data/along"), odd(b"data/al\xFFng")).unwrap();
    let (training, validation) = split(&bench.path("data"), 0.4);
    assert!(training.broken.is_empty(), "{:?}", training.broken);
    assert_eq!(training.items.len() + validation.items.len(), 16);
    let names: Vec<&str> = training.labels.iter().map(|label| label.label.as_str()).collect();
    assert_eq!(names, ["across", "al\\xffng"]);
    // Every folder and file of the commands may have such a name.
    fs::rename(bench.path("data"), odd(b"d\xFF")).unwrap();
    let arg = |text: &str| OsString::from(text);
    let path = |name: &[u8]| odd(name).into_os_string();
    let mut args = vec![arg("train"), arg("classifier"), path(b"d\xFF"), arg("--out"), path(b"r\xFF")];
    args.extend(["--side", "32", "--batch", "8", "--width", "4", "--epochs", "1", "--held-out", "0.4"].map(arg));
    succeed(&args);
    succeed(&[arg("export"), path(b"r\xFF"), arg("--json"), arg("--out"), path(b"m\xFF.onnx")]);
    assert!(odd(b"m\xFF.onnx").exists());
    let mut args = vec![arg("train"), arg("riae"), path(b"d\xFF"), arg("--out"), path(b"p\xFF")];
    args.extend(["--preset".into(), path(b"p\xFF.toml")]);
    refused(&args, 2, &["p\\xff.toml' is not UTF-8"]);
}

#[test]
fn a_byte_order_mark_before_the_names_of_classes_and_a_preset_is_no_part_of_them() {
    let bench = Bench::new(2);
    fs::write(bench.path("names"), "\u{feff}across gestreift quer, waagerecht\nalong längs\n").unwrap();
    let set = Photographs::load(Path::new(&bench.path("data")), Some(Path::new(&bench.path("names"))), 32).unwrap();
    let labels: Vec<&str> = set.labels.iter().map(|label| label.label.as_str()).collect();
    assert_eq!(labels, ["gestreift quer", "längs"]);
    let preset = include_str!("../src/workshop/riae/presets/edge.toml");
    fs::write(bench.path("preset.toml"), format!("\u{feff}{preset}")).unwrap();
    let read = RiaeConfig::from_file(Path::new(&bench.path("preset.toml"))).unwrap();
    assert_eq!(Some(read), RiaeConfig::preset("edge"));
}

#[test]
fn a_corrupt_photograph_is_skipped_counted_and_named() {
    let bench = Bench::new(12);
    fs::write(bench.path("data/along/broken.jpg"), b"\xff\xd8\xff no picture").unwrap();
    let output = run(&bench.train("classifier", "out", &["--width", "4", "--epochs", "1"]));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(stderr.contains("broken.jpg") && stderr.contains("skipped 1 photographs"), "{stderr}");
}

#[test]
fn a_run_with_other_settings_does_not_enter_a_folder_that_has_one() {
    let bench = Bench::new(12);
    let train = |width| bench.train("classifier", "out", &["--width", width, "--epochs", "1"]);
    succeed(&train("4"));
    refused(&train("8"), 1, &[&bench.path("out"), "model.width = 4", "model.width = 8"]);
}

#[test]
fn an_older_run_whose_epsilon_is_a_number_of_8_bit_steps_is_resumed_and_exported() {
    let bench = Bench::new(12);
    let train = |size| bench.train("classifier", "out", &["--width", "4", "--epochs", "1", "--adversarial", size]);
    succeed(&train("4/255"));
    let file = bench.path("out/settings.json");
    let settings = fs::read_to_string(&file).unwrap();
    let older = settings.replace("\"4/255\"", "4.0");
    assert_ne!(settings, older);
    fs::write(&file, older).unwrap();
    succeed(&train("4/255"));
    refused(&train("8/255"), 1, &["adversarial = \"4/255\"", "adversarial = \"8/255\""]);
    bench.export("out");
    fs::write(&file, settings.replace("\"4/255\"", "400.0")).unwrap();
    refused(&["export", &bench.path("out"), "--out", &bench.path("x.onnx")], 1, &["settings.json", "400", "16/255"]);
}

#[test]
fn two_runs_do_not_share_a_folder() {
    let bench = Bench::new(12);
    fs::create_dir_all(bench.path("out")).unwrap();
    let lock = fs::File::create(bench.path("out/lock")).unwrap();
    lock.lock().unwrap();
    refused(&bench.train("classifier", "out", &[]), 1, &[&bench.path("out"), "another process"]);
}

#[test]
fn a_device_that_is_not_there_is_an_error_and_not_a_panic() {
    let bench = Bench::new(4);
    for device in ["cuda:77", "vulkan:77", "abacus", "cuda:x", "cpu:1"] {
        refused(&bench.train("classifier", "out", &["--device", device]), 2, &["device", device]);
    }
}

#[test]
fn options_that_are_not_what_they_should_be_are_refused_with_what_was_expected() {
    let bench = Bench::new(4);
    for (kind, flag, value, expected) in [
        ("classifier", "--family", "transformer", "convnext"),
        ("classifier", "--adversarial", "4", "4/255"),
        ("classifier", "--adversarial", "0/255", "more than 0"),
        ("riae", "--epsilon", "16", "4/255"),
        ("riae", "--attacks", "clean,cw", "pgd:STEPS"),
        ("riae", "--attacks", "pgd:4@4/255", "pgd:STEPS"),
        ("riae", "--preset", "huge", "nano-x"),
        ("riae", "--perceptual", "a.onnx:logits=x", "TENSOR=WEIGHT"),
    ] {
        refused(&bench.train(kind, "out", &[flag, value]), 2, &[flag, expected]);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_named() {
    let bench = Bench::new(12);
    fs::write(bench.path("file"), b"").unwrap();
    refused(&bench.train("classifier", "file/run", &[]), 1, &[&bench.path("file/run"), "cannot be created"]);
    refused(&["export", &bench.path("data"), "--out", &bench.path("x.onnx")], 1, &["settings.json", "training run"]);
}
