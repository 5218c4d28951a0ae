//! The binary as its users meet it: images in, verdicts out, and its messages about what it cannot use.

mod models;

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use models::*;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

/// A folder with two good models and three pictures.
struct Home {
    folder: TempDir,
    purifier: PathBuf,
    classifier: PathBuf,
}

impl Home {
    fn new() -> Self {
        let folder = tempdir().unwrap();
        let (purifier, classifier) = write_pair(folder.path());
        let pictures = folder.path().join("pictures");
        std::fs::create_dir(&pictures).unwrap();
        write_picture(&pictures.join("a-red.png"), 90, 50, [200, 40, 40]);
        write_picture(&pictures.join("b-green.png"), 32, 32, [40, 200, 40]);
        write_picture(&pictures.join("c-blue.png"), 1, 1, [40, 40, 200]);
        Self { folder, purifier, classifier }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn purecam(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
        command.current_dir(self.folder.path()).args(args).arg("--seed=5");
        command.arg("--purifier").arg(&self.purifier).arg("--classifier").arg(&self.classifier);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.purecam(args).output().unwrap()
    }
}

fn lines(output: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(output).lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn assert_fails(output: &Output, code: i32, parts: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    for part in parts {
        assert!(said.contains(part), "'{part}' is missing in: {said}");
    }
}

#[test]
fn classify_writes_a_header_and_a_purified_verdict_for_every_image_of_a_folder() {
    let home = Home::new();
    let output = home.run(&["classify", "pictures", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let lines = lines(&output.stdout);
    assert_eq!(lines[0]["schema"], 1);
    assert_eq!(lines[0]["models"]["purifier"].as_str().unwrap().len(), 64);
    let files = &lines[0]["files"];
    assert_eq!((&files["purifier"]["name"], &files["purifier"]["mode"]), (&"purifier-test.onnx".into(), &Value::Null));
    assert_eq!(
        (&files["classifier"]["name"], &files["classifier"]["classes"]),
        (&"classifier-test.onnx".into(), &3.into())
    );
    let labels: Vec<&str> = lines[1..].iter().map(|line| line["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["red", "green", "blue"]);
    for line in &lines[1..] {
        assert_eq!(line["purified"], true);
        assert_eq!(line["models"], lines[0]["models"]);
        let confidences = line["top"].as_array().unwrap().iter().map(|guess| guess["confidence"].as_f64().unwrap());
        assert!((confidences.sum::<f64>() - 1.0).abs() < 1e-5);
        assert!(line["captured_at"].as_str().unwrap().ends_with('Z'));
        for stage in ["decode", "resize", "purify", "classify", "total"] {
            assert!(line["ms"][stage].as_f64().unwrap() >= 0.0, "{stage}");
        }
    }
}

#[test]
fn classify_says_the_same_of_a_picture_alone_and_among_others() {
    let home = Home::new();
    let of = |output: &Output, file: &str| {
        let line = lines(&output.stdout).into_iter().find(|line| line["file"] == file).unwrap();
        (line["label"].clone(), line["top"].clone())
    };
    let alone = home.run(&["classify", "pictures/c-blue.png", "--json"]);
    let among = home.run(&["classify", "pictures", "--json"]);
    assert_eq!(of(&alone, "pictures/c-blue.png"), of(&among, "pictures/c-blue.png"));
}

#[test]
fn classify_prints_a_table_for_people() {
    let home = Home::new();
    let output = home.run(&["classify", "pictures"]);
    let table = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 5, "{table}");
    assert!(rows[1].contains("a-red.png") && rows[1].contains("red") && rows[1].contains('%'), "{table}");
    assert!(rows[4].starts_with("median ms of 3: decode"), "{table}");
}

#[test]
fn classify_goes_on_after_a_broken_image_and_fails_at_the_end() {
    let home = Home::new();
    std::fs::write(home.path("pictures/b-broken.jpg"), b"\xFF\xD8\xFF\xE0 cut off").unwrap();
    let output = home.run(&["classify", "pictures", "--json"]);
    assert_fails(&output, 1, &["1 of 4 could not be classified"]);
    let lines = lines(&output.stdout);
    assert_eq!(lines.len(), 5);
    let broken = lines.iter().find(|line| line["file"] == "pictures/b-broken.jpg").unwrap();
    assert!(broken["error"].as_str().unwrap().contains("truncated JPEG"));
    assert_eq!(lines.iter().filter(|line| line["purified"] == true).count(), 3);
}

#[test]
fn a_picture_that_makes_a_model_fail_gets_no_verdict() {
    let mut home = Home::new();
    home.purifier = write(home.folder.path(), "purifier-fragile.onnx", &purifier_that_fails_on_black(SIDE));
    write_picture(&home.path("pictures/d-black.png"), 40, 40, [0; 3]);
    let output = home.run(&["classify", "pictures", "--json"]);
    assert_fails(&output, 1, &[]);
    let lines = lines(&output.stdout);
    let black = lines.iter().find(|line| line["file"] == "pictures/d-black.png").unwrap();
    assert!(black["label"].is_null());
    assert!(black["error"].as_str().unwrap().contains("purification failed: the output contains NaN"), "{black}");
    assert_eq!(lines.iter().filter(|line| line["label"].is_string()).count(), 3);
}

#[test]
fn classify_without_a_purifier_says_so_in_every_verdict() {
    let home = Home::new();
    let output = Command::new(env!("CARGO_BIN_EXE_purecam"))
        .args(["classify", "--no-purifier", "--json", "--classifier"])
        .args([&home.classifier, &home.path("pictures/a-red.png")])
        .output()
        .unwrap();
    let lines = lines(&output.stdout);
    assert_eq!((&lines[1]["purified"], &lines[1]["models"]["purifier"]), (&Value::Bool(false), &Value::Null));
    assert_eq!(lines[1]["label"], "red");
}

#[test]
fn run_without_a_purifier_says_so_at_the_start_and_in_every_verdict() {
    let home = Home::new();
    let purecam = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
        command.args(["run", "--json", "--fps", "20", "--classifier"]).arg(&home.classifier);
        command.arg(format!("file:{}", home.path("pictures").display()));
        command
    };
    let output = purecam().arg("--no-purifier").output().unwrap();
    assert!(output.status.success() && stderr(&output).contains("without a purifier"), "{}", stderr(&output));
    let lines = lines(&output.stdout);
    assert!(lines.len() > 1 && lines[0]["models"]["purifier"].is_null(), "{lines:?}");
    assert!(lines[1..].iter().all(|verdict| verdict["purified"] == false), "{lines:?}");
    // A flag that names a purifier overrides the configuration.
    let output =
        purecam().env("PURECAM_PURIFIER_ENABLED", "false").arg("--purifier").arg(&home.purifier).output().unwrap();
    assert!(!stderr(&output).contains("without a purifier"), "{}", stderr(&output));
    assert!(self::lines(&output.stdout)[1..].iter().all(|verdict| verdict["purified"] == true));
    let output = purecam().args(["--no-purifier", "--detect"]).output().unwrap();
    assert_fails(&output, 2, &["detect.enabled", "purifier.enabled is false"]);
}

#[test]
fn a_folder_without_images_is_an_error_that_names_it() {
    let home = Home::new();
    std::fs::create_dir(home.path("nothing")).unwrap();
    assert_fails(&home.run(&["classify", "nothing"]), 1, &["nothing has no images", "png"]);
    assert_fails(&home.run(&["run", "file:nothing"]), 1, &["nothing has no images"]);
}

#[test]
fn purified_pictures_are_saved_under_names_of_their_own() {
    let home = Home::new();
    std::fs::create_dir(home.path("more")).unwrap();
    write_picture(&home.path("more/a-red.png"), 8, 8, [40, 200, 40]);
    let output = home.run(&["classify", "pictures/a-red.png", "more/a-red.png", "--save", "out"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let mean = |name: &str| {
        let picture = image::open(home.path(name)).unwrap().into_rgb8();
        assert_eq!(picture.dimensions(), (32, 32));
        picture.pixels().map(|pixel| f64::from(pixel.0[0])).sum::<f64>() / 1024.0
    };
    assert!((mean("out/a-red.png") - 200.0).abs() < 3.0);
    assert!((mean("out/a-red-2.png") - 40.0).abs() < 3.0);
    assert_eq!(std::fs::read_dir(home.path("out")).unwrap().count(), 2);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let home = Home::new();
    std::fs::write(home.path("taken"), b"a file").unwrap();
    assert_fails(
        &home.run(&["classify", "pictures", "--save", "taken/out"]),
        1,
        &["--save taken/out", "cannot be written to"],
    );
}

#[test]
fn models_that_can_never_work_end_with_78() {
    let mut home = Home::new();
    std::mem::swap(&mut home.purifier, &mut home.classifier);
    assert_fails(&home.run(&["classify", "pictures"]), 78, &["is a purifier, expected a classifier"]);
    let mut home = Home::new();
    home.classifier = write(home.folder.path(), "classifier-64.onnx", &classifier(64));
    assert_fails(&home.run(&["run", "file:pictures"]), 78, &["pictures of 64 x 64", "32 x 32"]);
}

#[test]
fn a_foreign_classifier_runs_with_a_configuration() {
    let mut home = Home::new();
    home.classifier = write(home.folder.path(), "foreign.onnx", &foreign_classifier(SIDE));
    assert_fails(&home.run(&["classify", "pictures"]), 78, &["foreign.onnx", "labels, mean, std"]);
    std::fs::create_dir(home.path("etc")).unwrap();
    std::fs::write(home.path("etc/labels.txt"), "rot\ngrün\nblau\n").unwrap();
    let table = "[classifier]\nlabels = \"labels.txt\"\nmean = [0, 0, 0]\nstd = [1, 1, 1]\nrange = \"0..1\"\nlayout = \"NCHW\"\n\
                 colour = \"rgb\"\noutput = \"logits\"\n";
    std::fs::write(home.path("etc/purecam.toml"), table).unwrap();
    let output = home.run(&["classify", "pictures", "--json", "--config", "etc/purecam.toml"]);
    let lines = lines(&output.stdout);
    assert_eq!(lines[0]["configuration"].as_str().unwrap().len(), 64);
    assert_eq!(lines[2]["label"], "grün");
}

#[test]
fn an_unknown_key_of_the_configuration_is_refused_with_the_known_ones() {
    let home = Home::new();
    std::fs::write(home.path("purecam.toml"), "[classifier]\ncolor = \"rgb\"\n").unwrap();
    assert_fails(
        &home.run(&["classify", "pictures", "--config", "purecam.toml"]),
        78,
        &["purecam.toml", "color", "colour"],
    );
}

#[test]
fn an_unknown_source_is_wrong_usage() {
    assert_fails(&Home::new().run(&["run", "0"]), 2, &["invalid source.uri '0': write 'camera:0'"]);
    assert_fails(&Home::new().run(&["run", "photo.jpg"]), 2, &["write 'file:photo.jpg'"]);
    assert_fails(
        &Home::new().run(&["run", "http://camera"]),
        2,
        &["invalid source.uri 'http://camera'", "network cameras are not read"],
    );
    assert_fails(&Home::new().run(&["run", "demo:", "--fps", "0"]), 2, &["frames per second"]);
    assert_fails(&Home::new().run(&["run"]), 2, &["no source", "'demo:'"]);
}

#[test]
fn run_gives_verdicts_of_a_folder_in_order_and_ends_with_it() {
    let home = Home::new();
    let output = home.run(&["run", "file:pictures", "--fps", "5"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let lines = lines(&output.stdout);
    assert_eq!(lines[0]["schema"], 1);
    let sequence: Vec<u64> = lines[1..].iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert!(!sequence.is_empty() && sequence.is_sorted(), "{sequence:?}");
    assert_eq!(lines.last().unwrap()["label"], "blue", "the last picture has no verdict");
    assert!(stderr(&output).contains("verdicts of 3 frames"), "{}", stderr(&output));
}

#[test]
fn suspicious_verdicts_are_logged_ever_more_rarely_and_counted_in_the_summary() {
    let home = Home::new();
    for is_enabled in [true, false] {
        let config = format!("[detect]\nenabled = {is_enabled}\nthreshold = 0.0\n");
        std::fs::write(home.path("purecam.toml"), config).unwrap();
        let output = home.run(&["run", "file:pictures", "--fps", "5", "--config", "purecam.toml"]);
        let said = stderr(&output);
        let verdicts = lines(&output.stdout).len() - 1;
        assert!(output.status.success() && verdicts > 0, "{said}");
        // The 1st, 2nd, 4th ...
        let logged = if is_enabled { verdicts.ilog2() as usize + 1 } else { 0 };
        assert_eq!(said.matches("suspicious: frame").count(), logged, "{said}");
        assert_eq!(said.contains(&format!("unusable, {verdicts} suspicious")), is_enabled, "{said}");
    }
}

#[test]
fn run_ends_after_as_many_verdicts_as_were_asked_for() {
    let output = Home::new().run(&["run", "demo:", "--frames", "3", "--fps", "100"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let lines = lines(&output.stdout);
    assert_eq!(lines.len(), 4);
    assert!(lines[1..].iter().all(|line| line["purified"] == true));
}

#[test]
fn run_reads_motion_jpeg_and_skips_what_is_broken_in_it() {
    let home = Home::new();
    let mut jpeg = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_pixel(48, 32, image::Rgb([40, 200, 40]))
        .write_to(&mut jpeg, image::ImageFormat::Jpeg)
        .unwrap();
    let jpeg = jpeg.into_inner();
    let stream = [&jpeg[..], &jpeg[..jpeg.len() - 9], &jpeg[..], &jpeg[..]].concat();
    std::fs::write(home.path("stream.mjpeg"), stream).unwrap();
    let output = home.run(&["run", "file:stream.mjpeg", "--fps", "5"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("of 3 frames") && stderr(&output).contains("1 unusable"), "{}", stderr(&output));
    assert!(lines(&output.stdout)[1..].iter().all(|line| line["label"] == "green"));
}

#[test]
fn a_stream_without_one_verdict_has_failed() {
    let home = Home::new();
    std::fs::write(home.path("pictures/a-red.png"), b"\x89PNG\r\n\x1a\n broken").unwrap();
    std::fs::remove_file(home.path("pictures/b-green.png")).unwrap();
    std::fs::remove_file(home.path("pictures/c-blue.png")).unwrap();
    assert_fails(&home.run(&["run", "file:pictures"]), 1, &["a-red.png is a broken PNG", "there was no verdict"]);
}

#[test]
fn run_ends_cleanly_on_an_interrupt_and_on_a_termination() {
    for signal in ["-INT", "-TERM"] {
        let home = Home::new();
        let mut child =
            home.purecam(&["run", "demo:", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        // The header and one verdict: it runs.
        (0..2).for_each(|_| assert!(stdout.read_line(&mut line).unwrap() > 0));
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let status = child.wait().unwrap();
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(rest.is_empty() || rest.ends_with('\n'), "{signal}: half a line was written");
    }
}

#[test]
fn a_reader_that_has_read_enough_ends_the_run() {
    let home = Home::new();
    let mut child = home
        .purecam(&["run", "demo:", "--json", "--fps", "100"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn without_models_it_says_where_it_looked() {
    let home = Home::new();
    let output = Command::new(env!("CARGO_BIN_EXE_purecam"))
        .env("PURECAM_MODELS", home.path("nowhere"))
        .args(["classify", "--no-purifier"])
        .arg(home.path("pictures"))
        .output()
        .unwrap();
    assert_fails(&output, 78, &["no models found", "nowhere", "--classifier"]);
}

#[test]
fn what_is_neither_a_file_nor_a_folder_is_no_source() {
    assert_fails(&Home::new().run(&["run", "file:/dev/zero"]), 1, &["/dev/zero is neither a file nor a folder"]);
}

/// Names of everything that a user can type: the page that it belongs on, and the flag, value or command.
fn definition(command: &clap::Command, page: &str, names: &mut Vec<(String, String)>) {
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        let value = argument.get_value_names().map_or(argument.get_id().as_str(), |names| names[0].as_str());
        let name = argument.get_long().map_or(value.to_owned(), |long| format!("--{long}"));
        names.push((page.to_owned(), name));
    }
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let page_below = format!("{page}-{}", command.get_name());
        names.push((page.to_owned(), format!("{page_below}(1)")));
        definition(command, &page_below, names);
    }
}

#[test]
fn every_command_and_flag_stands_in_the_manual_and_in_the_completions() {
    use clap::CommandFactory;
    let folder = tempdir().unwrap();
    let folder = folder.path().join("new/generated");
    let mut generate = Command::new(env!("CARGO_BIN_EXE_purecam"));
    let output = generate.env("SOURCE_DATE_EPOCH", "86400").arg("generate").arg(&folder).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect(name);

    #[cfg(not(feature = "training"))]
    use purecam::cli::Command as Commands;
    #[cfg(feature = "training")]
    use purecam::workshop::cli::Command as Commands;
    let mut command = purecam::cli::Cli::<Commands>::command().disable_help_subcommand(true);
    command.build();
    let mut names = Vec::new();
    definition(&command, "purecam", &mut names);
    assert!(names.contains(&("purecam".to_owned(), "purecam-run(1)".to_owned())), "{names:?}");
    assert!(names.contains(&("purecam-run".to_owned(), "--max-age-ms".to_owned())), "{names:?}");
    let (bash, zsh, fish) = (read("purecam"), read("_purecam"), read("purecam.fish"));
    for (page, name) in &names {
        let text = read(&format!("{page}.1")).replace(r"\-", "-");
        assert!(text.contains(name.as_str()), "{page}.1 lacks {name}");
        if let Some(flag) = name.strip_prefix("--") {
            assert!(text.contains(&format!(r"\fB{name}\fR")), "{page}.1 lacks {name}");
            assert!(bash.contains(name) && zsh.contains(name), "bash or zsh lack {name}");
            assert!(fish.contains(&format!("-l {flag}")), "fish lacks {name}");
        }
    }
    let title = concat!(".TH purecam 1 1970-01-02 \"purecam ", env!("CARGO_PKG_VERSION"), "\"");
    assert!(read("purecam.1").contains(title), "no {title}");
    assert_eq!(read("purecam.1").matches("EXIT STATUS").count(), 1);
}

#[test]
fn a_manual_that_cannot_be_written_is_an_error_with_the_folder_in_it() {
    let home = Home::new();
    std::fs::write(home.path("taken"), "a file").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_purecam")).arg("generate").arg(home.path("taken")).output().unwrap();
    assert_fails(&output, 1, &["taken: cannot be written"]);
}

/// The writing end of a pipe whose reader has gone.
fn closed() -> std::process::Stdio {
    let (_, writer) = std::io::pipe().unwrap();
    writer.into()
}

fn full() -> std::process::Stdio {
    std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn a_reader_of_standard_output_that_has_read_enough_changes_no_exit_code() {
    let home = Home::new();
    for (args, code) in [
        (&["classify", "pictures"][..], 0),
        (&["classify", "pictures", "--json"], 0),
        (&["check", "demo:", "--print"], 0),
        (&["check", "file:missing"], 1),
        (&["run", "demo:", "--frames", "3", "--json"], 0),
    ] {
        let output = home.purecam(args).stdout(closed()).output().unwrap();
        assert!(!stderr(&output).contains("panicked"), "{args:?}: {}", stderr(&output));
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", stderr(&output));
    }
    let mut probe = Command::new(env!("CARGO_BIN_EXE_purecam"));
    let output = probe.args(["probe", "camera:/dev/none"]).stdout(closed()).output().unwrap();
    assert_fails(&output, 1, &["no camera"]);
}

#[test]
fn a_flag_that_a_command_would_ignore_is_refused_with_a_sentence() {
    for (args, parts) in [
        (["bench", "demo:", "--http", ":0"], &["'bench' does not take --http", "'run' and 'check'"][..]),
        (["bench", "demo:", "--max-age-ms", "1"], &["'bench' does not take --max-age-ms"]),
        (["probe", "camera:", "--seed", "1"], &["'probe' does not take --seed"]),
        (["classify", "pictures", "--fps", "5"], &["'classify' does not take --fps"]),
        (["generate", "--repository", ".", "--json"], &["leave --json out"]),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_purecam")).args(args).output().unwrap();
        assert_fails(&output, 2, parts);
    }
}

#[test]
fn standard_error_that_cannot_be_written_ends_nothing() {
    let home = Home::new();
    std::fs::write(home.path("pictures/b-broken.jpg"), b"\xFF\xD8\xFF\xE0 cut off").unwrap();
    for stderr in [closed, full] {
        let output = home.purecam(&["run", "demo:", "--frames", "3", "--json"]).stderr(stderr()).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(lines(&output.stdout).len(), 4);
        let output = home.purecam(&["classify", "pictures"]).stderr(stderr()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let table = String::from_utf8(output.stdout).unwrap();
        assert!(table.contains("median ms of 3"), "the other files are classified: {table}");
    }
}

#[test]
fn standard_output_on_a_full_disk_is_a_failure_with_its_reason() {
    let home = Home::new();
    let output = home.purecam(&["check", "demo:", "--print"]).stdout(full()).output().unwrap();
    assert_fails(&output, 1, &["No space left"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_limit_of_file_sizes_costs_lines_and_not_the_program() {
    let home = Home::new();
    let script = format!(
        "ulimit -f 2; exec '{}' run demo: --frames 12 --json --output-file verdicts.jsonl",
        env!("CARGO_BIN_EXE_purecam")
    );
    let output = Command::new("sh").args(["-c", &script]).current_dir(home.path("")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot be written"), "{}", stderr(&output));
    assert_eq!(lines(&output.stdout).len(), 13);
}
