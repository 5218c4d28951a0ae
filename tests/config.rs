//! The configuration: which layer wins, how invalid values are reported, and the files made from the list of keys.

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use purecam::config::{BrokerUrl, Config, Effective, Flag, KEYS, Key, Level, Origin, Ready, Said, reference};
use purecam::source::camera::PixelFormat;
use purecam::source::{FrameRate, SourceUri};
use tempfile::{TempDir, tempdir};
use toml::Value;

/// A file in a folder of its own, and the layers above it.
struct Layers {
    folder: TempDir,
    said: Said,
}

impl Layers {
    fn of_file(text: &str) -> Self {
        let folder = tempdir().unwrap();
        let file = folder.path().join("purecam.toml");
        std::fs::write(&file, text).unwrap();
        Self { folder, said: Said { file: Some(file), ..Said::default() } }
    }

    fn variable(mut self, name: &str, text: &str) -> Self {
        self.said.variables.push((name.into(), text.into()));
        self
    }

    fn flag(mut self, name: &'static str, key: &'static str, text: &str) -> Self {
        self.said.flags.push(Flag { name, key, text: text.into() });
        self
    }

    fn effective(&self) -> Effective {
        self.said.effective().unwrap_or_else(|error| panic!("{error}"))
    }

    fn config(&self) -> Config {
        self.effective().config
    }

    /// The problems, one per line.
    fn refused(&self) -> Vec<String> {
        let error = self.said.effective().expect_err("the configuration was accepted");
        error.to_string().lines().map(str::to_owned).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[track_caller]
fn assert_says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "'{part}' is missing in: {line}");
    }
}

/// Checks that a file is rejected for one problem, at line and column.
#[track_caller]
fn assert_refused(text: &str, place: &str, parts: &[&str]) {
    let layers = Layers::of_file(text);
    let lines = layers.refused();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let place = format!("{}:{place}: ", layers.path("purecam.toml").display());
    assert!(lines[0].starts_with(&place), "expected '{place}' first in: {}", lines[0]);
    assert_says(&lines[0], parts);
}

#[test]
fn without_layers_every_key_has_its_default() {
    let effective = Said::default().effective().unwrap();
    assert_eq!(effective.config, Config::default());
    assert!(effective.entries.iter().all(|entry| entry.origin == Origin::Default));
}

#[test]
fn a_file_overrides_the_defaults() {
    let config = Layers::of_file(
        "[source]\nuri = 'camera:'\nwidth = 640\nheight = 480\nfps = 30\nformat = 'MJPG'\n\
         [run]\nready = 'at-once'\n[log]\nlevel = 'info'\n",
    )
    .config();
    assert_eq!(
        (config.source.width, config.source.height, config.source.fps),
        (Some(640), Some(480), FrameRate::new(30.0))
    );
    assert_eq!((config.source.format, config.run.ready), (Some(PixelFormat::Mjpg), Ready::AtOnce));
    assert_eq!((config.log.level, config.run.max_age_ms), (Level::Info, 1000));
}

#[test]
#[cfg(feature = "mqtt")]
fn a_broker_needs_no_more_than_its_url() {
    let mqtt = Layers::of_file("[output.mqtt]\nurl = 'mqtts://broker'\nqos = 1\n").config().output.mqtt.unwrap();
    assert_eq!((mqtt.url.to_string().as_str(), mqtt.topic.as_str(), mqtt.qos), ("mqtts://broker:8883", "purecam", 1));
}

#[test]
fn a_variable_overrides_the_file() {
    let layers =
        Layers::of_file("[run]\nmax_age_ms = 500\n[source]\nfps = 5\n").variable("PURECAM_RUN_MAX_AGE_MS", "700");
    assert_eq!((layers.config().run.max_age_ms, layers.config().source.fps), (700, FrameRate::new(5.0)));
}

#[test]
fn a_flag_overrides_the_variable() {
    let layers = Layers::of_file("[run]\nmax_age_ms = 500\n").variable("PURECAM_RUN_MAX_AGE_MS", "700").flag(
        "--max-age-ms",
        "run.max_age_ms",
        "900",
    );
    assert_eq!(layers.config().run.max_age_ms, 900);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let layers = Layers::of_file("[run]\nmax_age_ms = 500\n").variable("PURECAM_RUN_MAX_AGE_MS", "");
    assert_eq!(layers.config().run.max_age_ms, 500);
}

#[test]
fn variables_that_are_not_keys_are_ignored() {
    let layers = Layers::of_file("").variable("PURECAM_MODELS", "/nowhere").variable("HOME", "/root");
    assert_eq!(layers.config(), Config::default());
}

#[test]
fn every_key_can_be_set_by_its_variable() {
    for key in KEYS {
        let text = example(key);
        let mut layers = Layers::of_file("").variable(&key.variable(), text);
        for (name, other) in companions(key.name) {
            layers = layers.variable(name, other);
        }
        // A build without MQTT rejects it by name, which shows that the variable was read.
        if key.name.starts_with("output.mqtt") && !cfg!(feature = "mqtt") {
            assert_says(&layers.refused()[0], &["mqtt"]);
            continue;
        }
        let effective = layers.effective();
        let entry = effective.entries.iter().find(|entry| entry.key.name == key.name).unwrap();
        assert_eq!(entry.origin, Origin::Variable(key.variable()), "{}", key.name);
        assert_ne!(entry.value, key.default(), "{}: the example is the default", key.name);
    }
}

/// A valid value of each key that is not its default.
fn example(key: &Key) -> &'static str {
    key.example.unwrap_or(match key.name {
        "run.ready" => "at-once",
        "verdict.min_confidence" | "detect.threshold" => "0.25",
        "detect.enabled" => "true",
        "purifier.enabled" | "output.stdout" => "false",
        "detect.keep_bytes" | "output.file_bytes" => "2000000",
        "output.mqtt.topic" => "other",
        "output.mqtt.qos" => "2",
        "log.level" => "debug",
        "source.rotate" => "90",
        "source.flip" => "vertical",
        "source.fit" => "pad",
        "output.required" => "['file']",
        _ => "7",
    })
}

/// Variables that must be set together with a key.
fn companions(key: &str) -> &'static [(&'static str, &'static str)] {
    match key {
        "source.width" => &[("PURECAM_SOURCE_HEIGHT", "480")],
        "source.height" => &[("PURECAM_SOURCE_WIDTH", "640")],
        "output.required" => &[("PURECAM_OUTPUT_FILE", "verdicts")],
        "output.mqtt.password_file" => {
            &[("PURECAM_OUTPUT_MQTT_URL", "mqtt://localhost"), ("PURECAM_OUTPUT_MQTT_USERNAME", "robot")]
        }
        "output.mqtt.url" => &[],
        key if key.starts_with("output.mqtt.") => &[("PURECAM_OUTPUT_MQTT_URL", "mqtt://localhost")],
        _ => &[],
    }
}

#[test]
fn the_list_of_keys_and_the_typed_configuration_name_the_same_keys() {
    // The typed configuration rejects unknown keys: if all of the list are accepted, the list has none too many.
    let mut whole = toml::Table::new();
    for key in KEYS {
        let (table, name) = key.name.rsplit_once('.').unwrap();
        let mut inside = &mut whole;
        for part in table.split('.') {
            inside = inside.entry(part).or_insert_with(|| toml::Table::new().into()).as_table_mut().unwrap();
        }
        inside.insert(name.to_owned(), key.kind.check(&key.kind.read(example(key))).expect(key.name));
    }
    let config: Config = whole.clone().try_into().unwrap();
    // And none too few: with all of them set, the typed configuration has no others.
    assert_eq!(names("", &Value::try_from(&config).unwrap()), names("", &Value::Table(whole)));
}

fn names(prefix: &str, value: &Value) -> Vec<String> {
    match value {
        Value::Table(table) => table.iter().flat_map(|(key, value)| names(&format!("{prefix}.{key}"), value)).collect(),
        _ => vec![prefix.to_owned()],
    }
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_line_and_column() {
    assert_refused(
        "# Überschrift\n[source]\n  width = \"wide\"\nheight = 480\n",
        "3:11",
        &["invalid source.width \"wide\": expected a whole number of pixels from 16 to 8192"],
    );
    assert_refused("[output]\nstdout = 1\n", "2:10", &["invalid output.stdout 1: expected true or false"]);
    assert_refused("[classifier]\nmean = [1, 2]\n", "2:8", &["invalid classifier.mean [1, 2]: expected three numbers"]);
    assert_refused("[classifier]\nsize = [224, 0]\n", "2:8", &["expected height and width"]);
    assert_refused("[purifier]\nmodel = ''\n", "2:9", &["invalid purifier.model '': expected a path"]);
}

#[test]
fn a_value_out_of_range_is_named_with_the_range() {
    assert_refused(
        "[source]\nfps = 0\n",
        "2:7",
        &["invalid source.fps 0: expected a number of frames per second from 0.01 to 1000"],
    );
    assert_refused("[source]\nfps = nan\n", "2:7", &["invalid source.fps nan"]);
    assert_refused("run.max_age_ms = -1\n", "1:18", &["invalid run.max_age_ms -1", "from 1 to 3600000"]);
    assert_refused("[verdict]\nmin_confidence = 1.5\n", "2:18", &["invalid verdict.min_confidence 1.5", "from 0 to 1"]);
    assert_refused(
        "[purifier]\nseed = 9223372036854775808\n",
        "2:8",
        &["invalid purifier.seed 9223372036854775808: expected a whole number from 0 to 2^63-1"],
    );
    assert_refused(
        "output = {file_bytes = 1}\n",
        "1:24",
        &["invalid output.file_bytes 1: expected a whole number of bytes from 4 KiB to 1 PiB"],
    );
}

#[test]
fn an_unknown_word_is_named_with_the_known_ones() {
    assert_refused("[source]\nformat = 'yuyv'\n", "2:10", &["invalid source.format 'yuyv'", "one of YUYV, UYVY, NV12"]);
    assert_refused("[run]\nready = 'now'\n", "2:9", &["expected one of frame, at-once"]);
    let parts = ["invalid output.required", "an array with some of file, socket, mqtt, as in [\"file\"]"];
    assert_refused("[output]\nrequired = ['stdout']\n", "2:12", &parts);
    assert_refused("[log]\nlevel = 'loud'\n", "2:9", &["expected one of off, error, warn"]);
}

#[test]
fn a_source_an_address_and_a_broker_must_look_like_one() {
    assert_refused(
        "[source]\nuri = '/dev/video0'\n",
        "2:7",
        &["invalid source.uri '/dev/video0'", "write 'camera:/dev/video0'"],
    );
    assert_refused("[http]\nlisten = 'localhost'\n", "2:10", &["invalid http.listen 'localhost'", "127.0.0.1:8080"]);
    for url in
        ["http://broker", "mqtt://", "mqtt://broker:0", "mqtt://broker:99999", "mqtt://a b", "mqtt://[::1", "broker"]
    {
        let text = format!("[output.mqtt]\nurl = '{url}'\n");
        assert_refused(&text, "2:7", &[&format!("invalid output.mqtt.url '{url}'"), "mqtt://HOST:PORT"]);
    }
    assert_refused("[output.mqtt]\ntopic = 'a/#'\n", "2:9", &["a topic without # and +"]);
}

#[test]
fn a_broker_is_read_with_the_port_of_its_scheme() {
    let broker = |url: &str| url.parse::<BrokerUrl>().map(|url| (url.tls, url.host, url.port)).ok();
    assert_eq!(broker("mqtt://robot.local"), Some((false, "robot.local".to_owned(), 1883)));
    assert_eq!(broker("mqtts://robot.local/"), Some((true, "robot.local".to_owned(), 8883)));
    assert_eq!(broker("mqtt://[fe80::1]:99"), Some((false, "fe80::1".to_owned(), 99)));
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one() {
    assert_refused("[source]\nfsp = 5\n", "2:1", &["'source.fsp' is unknown", "the nearest known is source.fps"]);
    assert_refused("[classifier]\ncolor = 'rgb'\n", "2:1", &["the nearest known is classifier.colour", "top_k"]);
    assert_refused("\nfps = 5\n", "2:1", &["'fps' is unknown", "the nearest known is source.fps"]);
    assert_refused("[http]\ntoken = 'x'\n", "2:1", &["the nearest known is http.token_file"]);
}

#[test]
fn an_unknown_table_is_refused_with_the_nearest_known_one() {
    assert_refused("[sources]\nfps = 5\n", "1:2", &["'sources' is unknown", "the nearest known is [source]"]);
    assert_refused("source = 5\n", "1:10", &["5 is not a table; expected [source]"]);
    assert_refused("[[source]]\nfps = 5\n", "1:1", &["is not a table; expected [source]"]);
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_known_one() {
    let lines = Layers::of_file("").variable("PURECAM_SOURCE_URL", "demo:").refused();
    assert_says(&lines[0], &["PURECAM_SOURCE_URL: ", "is unknown", "the nearest known is PURECAM_SOURCE_URI"]);
}

#[test]
fn a_bad_variable_is_named() {
    let lines = Layers::of_file("").variable("PURECAM_RUN_MAX_AGE_MS", "1s").refused();
    assert_says(&lines[0], &["PURECAM_RUN_MAX_AGE_MS: invalid run.max_age_ms '1s'", "a whole number of milliseconds"]);
    let mut layers = Layers::of_file("");
    let text = std::os::unix::ffi::OsStringExt::from_vec(vec![0xff]);
    layers.said.variables.push((OsString::from("PURECAM_OUTPUT_FILE"), text));
    assert_says(&layers.refused()[0], &["PURECAM_OUTPUT_FILE: invalid output.file"]);
}

#[test]
fn a_bad_flag_is_named_and_is_wrong_usage() {
    let layers = Layers::of_file("").flag("--smoothing", "verdict.smoothing", "100");
    assert_says(&layers.refused()[0], &["--smoothing: invalid verdict.smoothing '100'", "from 1 to 64"]);
    assert!(layers.said.effective().unwrap_err().is_wrong_usage());
    let both = layers.variable("PURECAM_RUN_THREADS", "0");
    assert!(!both.said.effective().unwrap_err().is_wrong_usage());
}

#[test]
fn a_file_that_is_not_toml_is_named_with_the_place() {
    assert_refused("[source]\nuri = demo:\n", "2:7", &["this is not TOML"]);
    assert_refused("[source]\nfps = 1\nfps = 2\n", "3:1", &["this is not TOML", "duplicate key"]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let said = Said { file: Some("/nowhere/purecam.toml".into()), ..Said::default() };
    let error = said.effective().unwrap_err();
    assert_says(&error.to_string(), &["/nowhere/purecam.toml cannot be read: No such file"]);
    assert!(error.source().is_some_and(|cause| cause.is::<std::io::Error>()), "{error:?}");
}

#[test]
fn all_problems_are_reported_at_once() {
    let layers = Layers::of_file("[source]\nfps = 0\nuri = ''\n[run]\nmaxage = 1\n")
        .variable("PURECAM_LOG_LEVEL", "loud")
        .flag("--width", "source.width", "x");
    let lines = layers.refused();
    let places = ["purecam.toml:2:7", "purecam.toml:3:7", "purecam.toml:5:1", "PURECAM_LOG_LEVEL", "--width"];
    assert_eq!(lines.len(), places.len(), "{lines:#?}");
    places.iter().zip(&lines).for_each(|(place, line)| assert_says(line, &[place]));
}

#[test]
fn values_that_do_not_fit_together_are_rejected_at_the_place_of_one() {
    assert_refused("[source]\nwidth = 640\n", "2:9", &["source.width is set without source.height"]);
    assert_refused("[output.mqtt]\ntopic = 'a'\n", "2:9", &["output.mqtt.topic is set without output.mqtt.url"]);
    let parts = ["output.required names 'mqtt', and output.mqtt.url is not set"];
    assert_refused("[output]\nfile = 'v'\nrequired = ['file', 'mqtt']\n", "3:12", &parts);
    let raw = "[purifier]\nenabled = false\n[detect]\nenabled = true\n";
    assert_refused(raw, "4:11", &["detect.enabled compares frames", "purifier.enabled is false"]);
    let open = "0.0.0.0:8080 can be reached from other machines, and http.token_file is not set";
    assert_refused("[http]\nlisten = '0.0.0.0:8080'\n", "2:10", &[open]);
    let named = Layers::of_file("[http]\nlisten = '0.0.0.0:8080'\ntoken_file = 'token'\n");
    assert!(named.config().http.listen.is_some());
    let own = Layers::of_file("").variable("PURECAM_HTTP_LISTEN", "[::ffff:127.0.0.1]:8080");
    assert!(own.config().http.listen.is_some());
}

#[test]
#[cfg(not(feature = "mqtt"))]
fn a_broker_is_refused_by_a_build_without_mqtt() {
    assert_refused("[output.mqtt]\nurl = 'mqtt://broker'\n", "2:7", &["built without 'mqtt'", "--features mqtt"]);
}

#[test]
#[cfg(feature = "mqtt")]
fn a_password_without_a_name_is_refused() {
    let text = "[output.mqtt]\nurl = 'mqtt://broker'\npassword_file = 'secret'\n";
    assert_refused(text, "3:17", &["without output.mqtt.username"]);
}

#[test]
fn paths_of_a_file_are_relative_to_its_folder_and_others_are_as_they_are() {
    let layers = Layers::of_file(
        "[purifier]\nmodel = 'p.onnx'\n[source]\nuri = 'file:pictures'\n[output]\nfile = '/var/log/v'\n",
    )
    .variable("PURECAM_OUTPUT_SOCKET", "here.sock");
    let config = layers.config();
    assert_eq!(config.purifier.model, Some(layers.path("p.onnx")));
    assert_eq!(config.source.uri, Some(SourceUri::File(layers.path("pictures"))));
    assert_eq!(config.output.file.as_deref(), Some(Path::new("/var/log/v")));
    assert_eq!(config.output.socket.as_deref(), Some(Path::new("here.sock")));
}

#[test]
fn the_hash_is_that_of_the_values_and_not_of_the_layers_they_come_from() {
    let file = Layers::of_file("[run]\nmax_age_ms = 500 # half a second\n").config();
    let variable = Layers::of_file("").variable("PURECAM_RUN_MAX_AGE_MS", "500").config();
    let other = Layers::of_file("").variable("PURECAM_RUN_MAX_AGE_MS", "501").config();
    assert_eq!(file.sha256().unwrap().len(), 64);
    assert_eq!(file.sha256(), variable.sha256());
    assert_ne!(variable.sha256(), other.sha256());
}

#[test]
fn the_printed_configuration_names_the_origin_of_each_value_and_can_be_read_again() {
    let layers = Layers::of_file("[source]\nuri = 'demo:'\n").variable("PURECAM_RUN_MAX_AGE_MS", "700").flag(
        "--fps",
        "source.fps",
        "10",
    );
    let printed = layers.effective().to_toml();
    let line = |key: &str| printed.lines().find(|line| line.starts_with(key)).expect(key);
    assert!(line("uri = ").ends_with(&format!("# {}:2:7", layers.path("purecam.toml").display())), "{printed}");
    assert!(line("max_age_ms = 700").ends_with("# PURECAM_RUN_MAX_AGE_MS"), "{printed}");
    assert!(line("fps = 10.0").ends_with("# --fps"), "{printed}");
    assert!(line("stdout = true").ends_with("# default"), "{printed}");
    assert_eq!(Layers::of_file(&printed).config(), layers.config());
}

#[test]
fn the_configuration_that_ships_names_every_key_and_comments_the_real_defaults() {
    let text = reference::shipped_file();
    let shipped = Layers::of_file(&text).effective();
    let set: Vec<&str> =
        (shipped.entries.iter()).filter(|entry| entry.origin != Origin::Default).map(|entry| entry.key.name).collect();
    assert_eq!(set, ["source.uri"], "only the source is set; the rest are comments");
    assert_eq!(shipped.config, Layers::of_file("[source]\nuri = 'camera:'\n").config());

    let mut table = String::new();
    let mut seen = Vec::new();
    for line in text.lines() {
        let line = line.strip_prefix("# ").unwrap_or(line);
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            table = name.to_owned();
        } else if let Some((key, value)) = line.split_once(" = ")
            && let Some(key) = KEYS.iter().find(|known| known.name == format!("{table}.{key}"))
        {
            seen.push(key.name);
            let value =
                toml::from_str::<toml::Table>(&format!("value = {value}")).expect(line).remove("value").unwrap();
            let value = key.kind.check(&value).unwrap_or_else(|| panic!("{line}: not valid for {}", key.name));
            if let Some(default) = key.default() {
                assert_eq!(value, default, "{line}: this is not the default of {}", key.name);
            }
        }
    }
    assert_eq!(seen, KEYS.iter().map(|key| key.name).collect::<Vec<_>>());
}

#[test]
fn every_key_is_documented_and_has_either_a_default_or_an_example() {
    for key in KEYS {
        assert!(key.doc.ends_with('.'), "{}: a sentence is missing", key.name);
        assert_ne!(key.default().is_some(), key.example.is_some(), "{}", key.name);
        if let Some(example) = key.example {
            assert!(key.kind.check(&key.kind.read(example)).is_some(), "{}: {example}", key.name);
        }
    }
}

/// Compares a file of the repository with what it must be.
#[track_caller]
fn assert_up_to_date(name: &str, made: impl FnOnce(&str) -> String) {
    let tracked = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect(name);
    let command = "cargo run --release -- generate --repository .";
    assert!(made(&tracked) == tracked, "{name} differs from the list of keys in src/config/keys.rs; run: {command}");
}

#[test]
fn the_reference_is_what_the_list_of_keys_makes_of_it() {
    assert_up_to_date(reference::PAGE, |page| reference::page(page).expect("the two marker comments"));
}

#[test]
fn the_configuration_that_ships_is_what_the_list_of_keys_makes() {
    assert_up_to_date(reference::SHIPPED_FILE, |_| reference::shipped_file());
}

#[test]
fn generate_updates_the_files_of_a_repository() {
    let repository = tempdir().unwrap();
    for name in [reference::PAGE, reference::SHIPPED_FILE] {
        std::fs::create_dir_all(repository.path().join(name).parent().unwrap()).unwrap();
    }
    let page = repository.path().join(reference::PAGE);
    let generate = || {
        let mut purecam = Command::new(env!("CARGO_BIN_EXE_purecam"));
        purecam.args(["generate", "--repository"]).arg(repository.path()).output().unwrap()
    };
    std::fs::write(&page, "# Keys\n").unwrap();
    let output = generate();
    assert_eq!(output.status.code(), Some(1));
    assert_says(&String::from_utf8_lossy(&output.stderr), &["config.md: ", "marker comments", "are missing"]);

    let tracked = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(reference::PAGE)).unwrap();
    let stale = tracked.replace("| `log.level` |", "| `log.volume` |");
    assert_ne!(stale, tracked);
    std::fs::write(&page, stale).unwrap();
    let output = generate();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_to_string(&page).unwrap(), tracked);
    let shipped = std::fs::read_to_string(repository.path().join(reference::SHIPPED_FILE)).unwrap();
    assert_eq!(shipped, reference::shipped_file());
}
