//! Files with the names and the encodings that the world gives them: hidden ones, names that are not UTF-8, texts with a
//! byte-order mark.

mod models;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use models::*;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

/// A name with a byte that is no UTF-8.
fn odd(name: &[u8]) -> OsString {
    OsStr::from_bytes(name).to_owned()
}

/// A folder with two good models in a folder `m`, and three pictures.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempdir().unwrap());
        fs::create_dir(home.path("m")).unwrap();
        let (purifier, classifier) = write_pair(&home.path("m"));
        fs::rename(purifier, home.path("m/purifier.onnx")).unwrap();
        fs::rename(classifier, home.path("m/classifier.onnx")).unwrap();
        fs::create_dir(home.path("pictures")).unwrap();
        for (name, colour) in [("red", [200, 40, 40]), ("green", [40, 200, 40]), ("blue", [40, 40, 200])] {
            write_picture(&home.path(format!("pictures/{name}.png")), 40, 40, colour);
        }
        home
    }

    fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.0.path().join(name.as_ref())
    }

    fn purecam<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
        command.args(args).current_dir(self.0.path()).env_remove("RUST_LOG");
        command.args(["--purifier", "m/purifier.onnx", "--classifier", "m/classifier.onnx"]).output().unwrap()
    }

    /// Files whose names begin with a dot, as macOS and file managers leave them, and a hidden folder.
    fn hide(&self, folder: &str) {
        fs::write(self.path(format!("{folder}/._red.png")), b"\0\x05\x16\x07").unwrap();
        fs::write(self.path(format!("{folder}/.DS_Store")), b"Bud1").unwrap();
        fs::create_dir(self.path(format!("{folder}/.thumbnails"))).unwrap();
        write_picture(&self.path(format!("{folder}/.thumbnails/red.png")), 8, 8, [200, 40, 40]);
    }
}

/// What it said: warnings and errors, then what it printed.
fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stderr[..], &output.stdout].concat()).into_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[track_caller]
fn assert_refused(output: &Output, code: i32, parts: &[&str]) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    parts.iter().for_each(|part| assert!(said.contains(part), "'{part}' is missing in: {said}"));
}

#[test]
fn hidden_files_and_folders_are_no_frames() {
    let home = Home::new();
    home.hide("pictures");
    let output = home.purecam(["classify", "pictures", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(lines(&output).len(), 4, "a header and three verdicts");
    let output = home.purecam(["run", "file:pictures", "--json", "--fps", "20"]);
    assert!(output.status.success() && said(&output).contains("of 3 frames"), "{}", said(&output));
    assert!(said(&output).contains(" 0 unusable"), "{}", said(&output));
    // A hidden file that is named is wanted.
    fs::copy(home.path("pictures/red.png"), home.path("pictures/.red.png")).unwrap();
    let output = home.purecam(["classify", "pictures/.red.png", "--json"]);
    assert_eq!(lines(&output)[1]["label"], "red", "{}", said(&output));
    let output = home.purecam(["classify", "pictures/.thumbnails", "--json"]);
    assert_eq!(lines(&output)[1]["label"], "red", "{}", said(&output));
}

#[test]
fn a_folder_of_hidden_images_only_has_none() {
    let home = Home::new();
    fs::create_dir(home.path("empty")).unwrap();
    home.hide("empty");
    assert_refused(&home.purecam(["classify", "empty"]), 1, &["empty has no images"]);
    assert_refused(&home.purecam(["run", "file:empty"]), 1, &["empty has no images"]);
}

#[test]
fn images_with_names_that_are_not_utf_8_get_verdicts_and_names_of_their_own() {
    let home = Home::new();
    fs::create_dir(home.path(odd(b"d\xFF"))).unwrap();
    for name in [b"d\xFF/r\xFE.png", b"d\xFF/r\xFF.png"] {
        fs::copy(home.path("pictures/red.png"), home.path(odd(name))).unwrap();
    }
    let output = home.purecam([odd(b"classify"), odd(b"d\xFF"), odd(b"--json"), odd(b"--save"), odd(b"o\xFF")]);
    assert!(output.status.success(), "{}", said(&output));
    let files: Vec<Value> = lines(&output)[1..].iter().map(|line| line["file"].clone()).collect();
    assert_eq!(files, ["d\\xff/r\\xfe.png", "d\\xff/r\\xff.png"]);
    for name in ["r\\xfe.png", "r\\xff.png"] {
        assert!(home.path(odd(b"o\xFF")).join(name).exists(), "{name} was not saved");
    }
    let output = home.purecam([odd(b"classify"), odd(b"d\xFF")]);
    assert!(output.status.success(), "{}", said(&output));
    // Within a folder whose name is UTF-8 they are frames.
    fs::rename(home.path(odd(b"d\xFF")), home.path("d")).unwrap();
    let output = home.purecam(["run", "file:d", "--json", "--fps", "20"]);
    assert!(output.status.success() && said(&output).contains("of 2 frames"), "{}", said(&output));
}

#[test]
fn paths_of_a_configuration_that_are_not_utf_8_are_refused_by_name() {
    let home = Home::new();
    for command in ["run", "check", "bench"] {
        let output = home.purecam([odd(command.as_bytes()), odd(b"file:p\xFF")]);
        assert_refused(&output, 2, &["'file:p\\xff' is not UTF-8", "rename"]);
    }
    for (flag, key) in [("--output-file", "output.file"), ("--socket", "output.socket")] {
        let output = home.purecam([odd(b"run"), odd(b"demo:"), odd(flag.as_bytes()), odd(b"v\xFF")]);
        assert_refused(&output, 2, &[flag, key, "'v\\xff': not UTF-8", "rename"]);
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.current_dir(home.0.path()).args(["classify", "pictures"]);
    let output = command.arg("--classifier").arg(odd(b"c\xFF.onnx")).output().unwrap();
    assert_refused(&output, 2, &["--classifier", "'c\\xff.onnx': not UTF-8"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.current_dir(home.0.path()).args(["check", "demo:"]).env("PURECAM_OUTPUT_FILE", odd(b"v\xFF"));
    let parts = ["PURECAM_OUTPUT_FILE", "'v\\xff': not UTF-8"];
    assert_refused(&command.output().unwrap(), 78, &parts);
}

#[test]
fn a_configuration_in_a_folder_that_is_not_utf_8_works_unless_a_path_in_it_is_relative() {
    let home = Home::new();
    fs::create_dir(home.path(odd(b"etc\xFF"))).unwrap();
    let run = |text: &str| {
        fs::write(home.path(odd(b"etc\xFF/purecam.toml")), text).unwrap();
        let rest = [odd(b"--config"), odd(b"etc\xFF/purecam.toml")];
        home.purecam(["run", "file:pictures", "--json", "--fps", "20"].map(OsString::from).into_iter().chain(rest))
    };
    assert!(run("[verdict]\nsmoothing = 2\n").status.success());
    let absolute = format!("[output]\nfile = '{}'\n", home.path("verdicts").display());
    assert!(run(&absolute).status.success() && home.path("verdicts").exists());
    assert_refused(
        &run("[output]\nfile = 'verdicts'\n"),
        78,
        &[":2:8: invalid output.file", "etc\\xff/verdicts': not UTF-8"],
    );
}

#[test]
fn the_shipped_models_may_be_in_a_folder_that_is_not_utf_8() {
    let home = Home::new();
    fs::rename(home.path("m"), home.path(odd(b"m\xFF"))).unwrap();
    let sum = |name: &str| purecam::sha256::sum(fs::read(home.path(odd(b"m\xFF")).join(name)).unwrap());
    let entry = |role: &str| {
        let file = format!("{role}.onnx");
        let sha256 = sum(&file);
        format!(
            "[[model]]\nfile = '{file}'\nrole = '{role}'\nsha256 = '{sha256}'\nbytes = 1\ngflop = 0.0\ncard = 'card.md'\n"
        )
    };
    // With the byte-order mark that some editors put there.
    let manifest = format!(
        "\u{feff}purifier = 'purifier.onnx'\nclassifier = 'classifier.onnx'\n{}{}",
        entry("purifier"),
        entry("classifier")
    );
    fs::write(home.path(odd(b"m\xFF")).join("manifest.toml"), manifest).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.args(["classify", "pictures", "--json"]).current_dir(home.0.path());
    let output = command.env("PURECAM_MODELS", home.path(odd(b"m\xFF"))).output().unwrap();
    assert!(output.status.success() && !said(&output).contains("not verified"), "{}", said(&output));
    assert_eq!(lines(&output).len(), 4);
}

#[test]
fn a_byte_order_mark_before_a_configuration_is_no_part_of_it_and_another_encoding_is_named() {
    let home = Home::new();
    let check = |bytes: &[u8]| {
        fs::write(home.path("purecam.toml"), bytes).unwrap();
        home.purecam(["check", "demo:", "--print", "--config", "purecam.toml"])
    };
    let output = check("\u{feff}[run]\r\nmax_age_ms = 500\r\n".as_bytes());
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(printed.contains("max_age_ms = 500"), "{printed}{}", said(&output));
    assert!(printed.contains("purecam.toml:2:14"), "{printed}");
    assert_refused(&check("\u{feff}fps = 3\n".as_bytes()), 78, &["purecam.toml:1:1: 'fps' is unknown"]);
    let utf_16: Vec<u8> = "\u{feff}[run]\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_refused(&check(&utf_16), 78, &["purecam.toml cannot be read", "found UTF-16", "save it as UTF-8"]);
}
