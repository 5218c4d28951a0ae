//! `purecam check`: its findings, its exit codes, and that `purecam run` does what it says.

mod models;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use models::*;
use serde_json::Value;
use tempfile::{TempDir, tempdir};

/// A folder with two good models, a picture and a configuration.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempdir().unwrap());
        let (purifier, classifier) = write_pair(home.0.path());
        std::fs::rename(purifier, home.path("purifier.onnx")).unwrap();
        std::fs::rename(classifier, home.path("classifier.onnx")).unwrap();
        write_picture(&home.path("red.png"), 40, 40, [200, 40, 40]);
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Checks a configuration with the good models, a good source, and these tables.
    fn check(&self, tables: &str) -> Check {
        self.check_source("file:red.png", tables)
    }

    fn check_source(&self, uri: &str, tables: &str) -> Check {
        self.check_whole(&format!(
            "source.uri = '{uri}'\npurifier.model = 'purifier.onnx'\nclassifier.model = 'classifier.onnx'\n{tables}"
        ))
    }

    /// Runs the configuration that was checked last. Returns what it wrote to standard error; it must succeed.
    #[track_caller]
    fn run(&self) -> String {
        let output = self.purecam(&["run", "--json", "--config", "purecam.toml"]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        said
    }

    fn check_whole(&self, text: &str) -> Check {
        std::fs::write(self.path("purecam.toml"), text).unwrap();
        let output = self.purecam(&["check", "--json", "--config", "purecam.toml"]);
        let lines = String::from_utf8(output.stdout).unwrap();
        let findings = lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        Check { code: output.status.code(), findings }
    }

    fn purecam(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_purecam")).current_dir(self.0.path()).args(args).output().unwrap()
    }
}

struct Check {
    code: Option<i32>,
    findings: Vec<Value>,
}

impl Check {
    #[track_caller]
    fn assert(&self, item: &str, grade: &str, parts: &[&str]) -> &Self {
        let of_item = self.findings.iter().filter(|finding| finding["item"] == item);
        let found =
            of_item.max_by_key(|finding| ["ok", "warn", "fail"].iter().position(|grade| finding["grade"] == *grade));
        let found = found.unwrap_or_else(|| panic!("nothing is said of {item}: {:#?}", self.findings));
        assert_eq!(found["grade"], grade, "{found}");
        let detail = found["detail"].as_str().unwrap();
        parts.iter().for_each(|part| assert!(detail.contains(part), "'{part}' is missing in: {detail}"));
        self
    }

    #[track_caller]
    fn assert_code(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{:#?}", self.findings);
    }
}

#[test]
fn what_would_work_is_ok_item_by_item() {
    let home = Home::new();
    let check =
        home.check("[output]\nfile = 'verdicts.jsonl'\nsocket = 'verdicts.sock'\n[http]\nlisten = '127.0.0.1:0'\n");
    for item in ["configuration", "output.file", "output.socket", "http.listen", "source", "purifier", "classifier"] {
        check.assert(item, "ok", &[]);
    }
    check.assert_code(0);
    assert!(!home.path("verdicts.jsonl").exists() && !home.path("verdicts.sock").exists(), "it left something behind");
}

#[test]
fn people_get_one_line_per_item() {
    let home = Home::new();
    home.check("");
    let output = home.purecam(&["check", "--config", "purecam.toml", "file:blue.png"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.lines().any(|line| line.starts_with("ok    purifier       ")), "{said}");
    assert!(said.lines().any(|line| line.starts_with("fail  source         blue.png")), "{said}");
    let summary = String::from_utf8(output.stderr).unwrap();
    assert!(summary.contains("1 problem would prevent a start (4 items checked)"), "{summary}");
}

#[test]
fn a_configuration_that_cannot_be_is_a_line_a_problem_and_78() {
    let check = Home::new().check("[run]\nmax_age = 1\nready = 'now'\n");
    let problems = check.findings.iter().filter(|finding| finding["item"] == "configuration").count();
    assert_eq!(problems, 2, "{:#?}", check.findings);
    check.assert("configuration", "fail", &["purecam.toml:"]).assert_code(78);
}

#[test]
fn a_file_that_is_not_toml_is_named_with_the_first_faults_line_and_the_rest_is_checked_without_it() {
    let home = Home::new();
    for (text, line) in [
        ("[source]\nuri = 'demo:'\n\n[detect\nenabled = true\n[http\n", 4),
        ("[run]\nmax_age_ms = \n\n\nfps = = 3\n", 2),
        ("[source]\nuri = \"demo:\n[run]\nthreads = 2\n", 2),
        ("[source]\nfps = 3\nfps = 4\n", 3),
        ("just words\n[run]\n", 1),
        ("[run]\nthreads = 2 # two\n]\n", 3),
    ] {
        std::fs::write(home.path("purecam.toml"), text).unwrap();
        let args = ["--purifier", "purifier.onnx", "--classifier", "classifier.onnx"];
        let output =
            home.purecam(&[&["check", "file:red.png", "--json", "--config", "purecam.toml"], &args[..]].concat());
        let lines = String::from_utf8(output.stdout).unwrap();
        let findings = lines.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        let check = Check { code: output.status.code(), findings };
        check.assert("configuration", "fail", &[&format!("purecam.toml:{line}:"), "this is not TOML: "]);
        for item in ["source", "purifier", "classifier"] {
            check.assert(item, "ok", &["unless the configuration names another: "]);
        }
        check.assert_code(78);
    }
    // What it may replace is no reason against a start.
    std::fs::write(home.path("purecam.toml"), "[").unwrap();
    let output = home.purecam(&["check", "--config", "purecam.toml", "--classifier", "nowhere.onnx"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("warn  classifier     unless the configuration names another: "), "{said}");
    assert!(said.contains(" source         unless the configuration names another: "), "{said}");
    assert_eq!(output.status.code(), Some(78));
}

#[test]
fn models_that_can_never_work_are_78() {
    let home = Home::new();
    let swapped = "source.uri = 'demo:'\npurifier.model = 'classifier.onnx'\nclassifier.model = 'classifier.onnx'\n";
    let check = home.check_whole(swapped);
    check.assert("purifier", "fail", &["is a classifier, expected a purifier"]).assert("classifier", "ok", &[]);
    check.assert_code(78);
    write(home.0.path(), "larger.onnx", &classifier(64));
    let check = home.check_whole(
        &swapped.replacen("classifier.onnx", "purifier.onnx", 1).replace("classifier.onnx", "larger.onnx"),
    );
    check.assert("models", "fail", &["64 x 64", "32 x 32"]).assert_code(78);
}

#[test]
fn a_model_that_is_not_there_is_1_because_its_disk_may_be_mounted_later() {
    let home = Home::new();
    let text = "source.uri = 'demo:'\npurifier.model = 'purifier.onnx'\nclassifier.model = 'disk/classifier.onnx'\n";
    home.check_whole(text).assert("classifier", "fail", &["disk/classifier.onnx", "cannot be read"]).assert_code(1);
    let output = home.purecam(&["run", "--json", "--config", "purecam.toml"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::create_dir(home.path("disk")).unwrap();
    std::fs::write(home.path("disk/classifier.onnx"), "no model").unwrap();
    home.check_whole(text).assert("classifier", "fail", &["is not an ONNX model"]).assert_code(78);
}

#[test]
fn a_port_that_is_taken_is_waited_for() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("[http]\nlisten = '{}'\n", taken.local_addr().unwrap());
    let parts = ["would run without it", "another program"];
    home.check(&listen).assert("http.listen", "warn", &parts).assert_code(0);
    let said = home.run();
    assert!(said.contains("another program uses this port") && said.contains("tries again"), "{said}");
}

#[test]
fn a_socket_that_answers_is_taken_and_one_that_does_not_is_left_over() {
    let home = Home::new();
    let listener = UnixListener::bind(home.path("verdicts.sock")).unwrap();
    let table = "[output]\nsocket = 'verdicts.sock'\n";
    let parts = ["would run without it", "another process listens there"];
    home.check(table).assert("output.socket", "warn", &parts).assert_code(0);
    let said = home.run();
    assert!(said.contains("another process listens there"), "{said}");
    drop(listener);
    home.check(table).assert("output.socket", "ok", &["stale socket"]).assert_code(0);
    std::fs::write(home.path("verdicts.sock"), "").unwrap();
    home.check(table).assert("output.socket", "warn", &["is not a socket"]).assert_code(0);
}

#[test]
fn a_socket_whose_path_is_too_long_can_never_work() {
    let home = Home::new();
    let table = |length: usize| {
        let folder = home.0.path().as_os_str().len() + 1;
        format!("[output]\nsocket = '{}/{}'\n", home.0.path().display(), "s".repeat(length - folder))
    };
    home.check(&table(107)).assert("output.socket", "ok", &["free"]).assert_code(0);
    home.check(&table(108))
        .assert("output.socket", "fail", &["has 108 bytes", "at most 107", "choose a shorter one"])
        .assert_code(78);
    let output = home.purecam(&["run", "--json", "--config", "purecam.toml"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("[output] socket: ") && said.contains("at most 107"), "{said}");
    // From within its folder, the same socket has a short name.
    home.check("[output]\nsocket = 'ssss'\n").assert("output.socket", "ok", &["free"]).assert_code(0);
}

#[test]
fn a_token_that_others_may_read_is_refused() {
    let home = Home::new();
    let table = "[http]\nlisten = '127.0.0.1:0'\ntoken_file = 'token'\n";
    // Its disk may be mounted later.
    home.check(table).assert("http.token_file", "fail", &["cannot be read"]).assert_code(1);
    std::fs::write(home.path("token"), "a-secret-of-some-length\n").unwrap();
    let mode = |mode| std::fs::set_permissions(home.path("token"), PermissionsExt::from_mode(mode)).unwrap();
    mode(0o644);
    home.check(table).assert("http.token_file", "fail", &["mode 0644", "chmod o= "]).assert_code(78);
    mode(0o600);
    home.check(table).assert("http.token_file", "ok", &[]).assert_code(0);
    std::fs::write(home.path("token"), "\na-secret-of-some-length\n").unwrap();
    home.check(table).assert("http.token_file", "fail", &["empty first line"]).assert_code(78);
}

#[test]
fn what_works_otherwise_than_it_may_be_meant_is_a_warning_and_0() {
    let home = Home::new();
    std::fs::create_dir(home.path("kept")).unwrap();
    home.check("[detect]\nkeep_dir = 'kept'\n")
        .assert("configuration", "warn", &["detect.enabled is false"])
        .assert_code(0);
    home.check("[detect]\nenabled = true\nkeep_dir = 'kept'\nkeep_bytes = 1125899906842624\n")
        .assert("detect.keep_dir", "warn", &["MiB free"])
        .assert_code(0);
    home.check("purifier.enabled = false\n")
        .assert("purifier", "warn", &["none, because purifier.enabled is false"])
        .assert("classifier", "ok", &[])
        .assert_code(0);
    home.check("[output]\nstdout = false\n").assert("configuration", "warn", &["verdicts go nowhere"]).assert_code(0);
}

#[test]
fn a_folder_that_run_creates_is_ok_and_one_that_it_cannot_create_only_costs_the_frames() {
    let home = Home::new();
    let table = |folder: &str| format!("[detect]\nenabled = true\nthreshold = 0.0\nkeep_dir = '{folder}'\n");
    home.check(&table("kept")).assert("detect.keep_dir", "ok", &["will be created"]).assert_code(0);
    assert!(!home.path("kept").exists(), "check has created it");
    home.run();
    assert!(home.path("kept").is_dir());
    home.check(&table("nowhere/kept"))
        .assert("detect.keep_dir", "warn", &["would run without it", "nowhere/kept", "create the folder"])
        .assert_code(0);
    let said = home.run();
    assert!(said.contains("suspicious frames cannot be kept in") && !home.path("nowhere").exists(), "{said}");
}

#[test]
fn a_file_that_cannot_be_written_only_costs_its_lines() {
    let home = Home::new();
    home.check("[output]\nfile = 'nowhere/verdicts'\n")
        .assert("output.file", "warn", &["would run without it", "nowhere", "create the folder"])
        .assert_code(0);
    let said = home.run();
    assert!(said.contains("verdicts cannot be written to") && said.contains("nowhere/verdicts"), "{said}");
}

#[test]
fn an_absent_camera_is_waited_for() {
    let home = Home::new();
    home.check_source("camera:/dev/no-such-camera", "")
        .assert("source", "warn", &["would wait for it", "no-such-camera", "is not there"])
        .assert_code(0);
    let mut command = Command::new(env!("CARGO_BIN_EXE_purecam"));
    command.current_dir(home.0.path()).args(["run", "--json", "--config", "purecam.toml"]).env_remove("RUST_LOG");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // The second attempt is logged too: the first did not end it.
    let attempts = lines.by_ref().map(Result::unwrap).filter(|line| line.contains("no-such-camera")).take(2).count();
    assert!(child.try_wait().unwrap().is_none(), "it has ended after {attempts} attempts");
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    drop(lines.last());
    assert!(child.wait().unwrap().success());
    assert_eq!(attempts, 2);
}

#[cfg(feature = "mqtt")]
#[test]
fn an_unreachable_broker_is_waited_for_and_its_password_file_is_judged_as_run_judges_it() {
    let home = Home::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let table = format!("[output.mqtt]\nurl = 'mqtt://{free}'\nusername = 'robot'\npassword_file = 'word'\n");
    std::fs::write(home.path("word"), "word\n").unwrap();
    let mode = |mode| std::fs::set_permissions(home.path("word"), PermissionsExt::from_mode(mode)).unwrap();
    // Both used to differ on a file that others may only execute.
    for refused in [0o601, 0o644] {
        mode(refused);
        home.check(&table).assert("output.mqtt", "fail", &["password_file", "open to other users"]).assert_code(78);
        assert_eq!(home.purecam(&["run", "--config", "purecam.toml"]).status.code(), Some(78));
    }
    mode(0o640);
    home.check(&table).assert("output.mqtt", "warn", &["would wait for it", "cannot be reached"]).assert_code(0);
    home.run();
}

#[test]
fn print_shows_what_holds_and_checks_nothing() {
    let home = Home::new();
    std::fs::write(home.path("purecam.toml"), "[source]\nuri = 'file:nowhere'\n").unwrap();
    let output = home.purecam(&["check", "--print", "--config", "purecam.toml", "--fps", "10"]);
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    let line = |start: &str| said.lines().find(|line| line.starts_with(start)).expect(&said);
    assert!(line("fps = 10.0").ends_with("# --fps"), "{said}");
    assert!(line("uri = ").ends_with("# purecam.toml:2:7"), "{said}");
    let output = home.purecam(&["check", "--print", "--json", "--config", "purecam.toml"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["run.max_age_ms"], serde_json::json!({"value": 1000, "origin": "default"}));
}

#[test]
fn run_refuses_what_check_refuses() {
    let home = Home::new();
    std::fs::write(home.path("purecam.toml"), "[source]\nfps = 0\n").unwrap();
    let output = home.purecam(&["run", "--config", "purecam.toml"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("purecam.toml:2:7: invalid source.fps 0"));
    let output = home.purecam(&["run", "demo:", "--smoothing", "0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--smoothing: invalid verdict.smoothing '0'"));
}
