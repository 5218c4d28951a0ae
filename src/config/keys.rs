//! Every key of the configuration, with its range, unit and documentation.
//!
//! Files, variables and flags are checked against this list. The tables of `docs/reference/config.md` and the whole of
//! `systemd/purecam.toml` are made from it: after a change, run `cargo run --release -- generate --repository .`

use toml::Value;

use super::broker::BrokerUrl;
use super::kind::{BYTES, Kind};
use super::tables::{Config, Mqtt};
use crate::source::FrameRate;

/// A table of the configuration, `[run]` for instance.
#[derive(Debug)]
pub struct Table {
    /// Its full name, as in `output.mqtt`.
    pub name: &'static str,
    /// One or two sentences in Markdown: what its keys are about. Links are relative to `docs/reference`.
    pub doc: &'static str,
}

/// A key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Table and key, as in `run.max_age_ms`.
    pub name: &'static str,
    /// What its value may be, with range and unit.
    pub kind: Kind,
    /// One to three sentences in Markdown: what it does and, unless it has a default, what happens if it is not set.
    /// Range and default are not repeated here. Links are relative to `docs/reference`.
    pub doc: &'static str,
    /// A value that the shipped file shows, as a variable would give it; for every key without a default.
    pub example: Option<&'static str>,
}

/// The tables, in the order of [`KEYS`].
pub const TABLES: &[Table] = &[
    table("source", "Where frames come from, and in what form."),
    table("purifier", "The model that removes adversarial perturbations from a frame before it is classified."),
    table(
        "classifier",
        "The model that names the class. `labels` and the keys below it describe a classifier whose file has no \
         purecam metadata ([models.md](models.md)); set those that apply to it.",
    ),
    table("run", "The loop that turns frames into verdicts."),
    table("verdict", "How verdicts are made, and which are withheld."),
    table("detect", "Detection of suspicious frames: those whose class depends on whether they are purified."),
    table("output", "Where verdicts go, besides the live page ([outputs.md](outputs.md))."),
    table(
        "output.mqtt",
        "An MQTT broker. It needs a purecam built with `--features mqtt`. The systemd unit lets only loopback through; \
         [service.md](../guide/service.md) says how to open it.",
    ),
    table("http", "The live page, the metrics and the health check ([http.md](http.md))."),
    table("log", "The log, on standard error."),
];

/// The keys, table by table, in the order of the reference. A test compares them with [`Config`].
pub const KEYS: &[Key] = &[
    key("source.uri", Kind::Uri)
        .doc(
            "`camera:` (the first camera), `camera:WHICH` (a path, a by-id link, a name or a number), `file:PATH` (an \
             image, a folder of images or a Motion JPEG file) or `demo:`. If unset, `run` shows the demonstration on a \
             terminal and refuses to start elsewhere.",
        )
        .example("camera:"),
    whole("source.width", "pixels", 16, 8192)
        .doc("Width of the captured frame. If unset, the camera's size that suits the models best.")
        .example("640"),
    whole("source.height", "pixels", 16, 8192)
        .doc("Height of the captured frame. Set both width and height, or neither.")
        .example("480"),
    number("source.fps", "frames per second", FrameRate::LOWEST, FrameRate::HIGHEST)
        .doc("Frame rate. If unset, 15 for files and the demonstration; a camera keeps its own rate.")
        .example("30"),
    key("source.format", Kind::OneOf(&["YUYV", "UYVY", "NV12", "YU12", "RGB3", "BGR3", "GREY", "MJPG"]))
        .doc("Pixel format of the camera, as its V4L2 code. If unset, the cheapest that the camera offers.")
        .example("YUYV"),
    whole("source.skip_frames", "frames", 0, 1000)
        .doc("Frames to discard after each opening of a camera, while its exposure settles."),
    whole("source.frozen_after_ms", "milliseconds", 0, 3_600_000).doc(
        "A camera whose pictures have been identical for this long, ten of them or more, is frozen: a state, and no \
         verdict until one differs. Noise of one level is enough to differ. 0 never says so; files and the demonstration \
         are never frozen.",
    ),
    whole("source.flat_after_ms", "milliseconds", 0, 3_600_000).doc(
        "The same for pictures of one even colour: a covered lens, darkness, or no signal. 0 never says so.",
    ),
    whole("source.flat_levels", "8-bit levels", 0, 255).doc(
        "A picture is of one even colour if the mean colours of its 16 regions differ by no more than this. A blank wall \
         in even light can look the same.",
    ),
    key("source.rotate", Kind::OneNumberOf(&[0, 90, 180, 270]))
        .doc("Clockwise rotation in degrees, before anything else, for a camera that is not mounted upright."),
    key("source.flip", Kind::OneOf(&["none", "horizontal", "vertical"]))
        .doc("Mirrors the rotated frame: `horizontal` swaps left and right, `vertical` swaps top and bottom."),
    key("source.region", Kind::Region)
        .doc(
            "Part of the rotated and mirrored frame that the models see, as fractions of its size: left, top, width, \
             height. If unset, all of it.",
        )
        .example("[0.25, 0.0, 0.5, 1.0]"),
    key("source.fit", Kind::OneOf(&["crop", "pad", "stretch"])).doc(
        "How the region gets the models' proportions: `crop` takes its largest centred part and cuts off the rest \
         (44 % of a 16:9 frame for a square model), `pad` adds grey bars, `stretch` distorts it. Most classifiers are \
         trained on crops.",
    ),
    key("purifier.enabled", Kind::Flag).doc(
        "`false` classifies raw frames, for a classifier that needs no purifier. Every verdict then has `\"purified\": \
         false`, and `detect.enabled` is rejected.",
    ),
    key("purifier.model", Kind::Path)
        .doc(
            "ONNX file. If unset, a shipped purifier: with a shipped classifier the one trained for the default \
             classifier, with any other the general one.",
        )
        .example("purifier.onnx"),
    number("purifier.strength", "8-bit levels", 0.0, 255.0)
        .doc(
            "Standard deviation of the noise that the purifier adds and removes, within the range in its file: more \
             noise stops stronger perturbations and costs more clean accuracy. If unset, the file's default. A \
             purifier without this input rejects the key.",
        )
        .example("28.0"),
    whole("purifier.seed", "", 0, i64::MAX)
        .doc(
            "Seed of the purifier's random inputs. It has no effect on a purifier without random inputs, such as \
             purifier-edge-128. If unset, the operating system gives a new seed at each start.",
        )
        .example("1"),
    key("classifier.model", Kind::Path).doc("ONNX file. If unset, the shipped classifier.").example("classifier.onnx"),
    whole("classifier.top_k", "classes", 1, 1000).doc("Number of classes in a verdict. If unset, 3.").example("3"),
    key("classifier.labels", Kind::Path)
        .doc("Text file with one label per line, in the order of the outputs.")
        .example("labels.txt"),
    key("classifier.mean", Kind::Channels)
        .doc("Subtracted from the channels, in the order of `colour`.")
        .example("[0.485, 0.456, 0.406]"),
    key("classifier.std", Kind::Channels)
        .doc("The channels are divided by this after `mean` is subtracted.")
        .example("[0.229, 0.224, 0.225]"),
    key("classifier.range", Kind::OneOf(&["0..1", "0..255"]))
        .doc("Range of pixel values before `mean` is subtracted.")
        .example("0..1"),
    key("classifier.layout", Kind::OneOf(&["NCHW", "NHWC"])).doc("Order of the input's dimensions.").example("NCHW"),
    key("classifier.colour", Kind::OneOf(&["rgb", "bgr"])).doc("Order of the input's channels.").example("rgb"),
    key("classifier.output", Kind::OneOf(&["logits", "probabilities", "sigmoid", "sigmoid-logits"]))
        .doc(
            "What the output holds: `probabilities` if the graph ends in a softmax, `logits` if not. If each label has a \
             probability of its own: `sigmoid` if the graph ends in sigmoids, `sigmoid-logits` if not.",
        )
        .example("logits"),
    number("classifier.threshold", "", 0.0, 1.0)
        .doc(
            "With `sigmoid` and `sigmoid-logits`: a label with at least this probability is present. If unset, 0.5.",
        )
        .example("0.5"),
    key("classifier.output_name", Kind::Text)
        .doc("Name of the output to read, if the graph has several.")
        .example("output"),
    key("classifier.size", Kind::Size)
        .doc("Height and width of the input, if the graph leaves them free.")
        .example("[224, 224]"),
    whole("run.max_age_ms", "milliseconds", 1, 3_600_000)
        .doc("A verdict about a frame that is older than this is withheld and counted."),
    whole("run.threads", "threads", 1, 64).doc(
        "Threads per model; use no more than there are idle cores. The result does not depend on it.",
    ),
    whole("run.warm_up", "inferences", 1, 100).doc("Inferences of each model before the first frame."),
    key("run.ready", Kind::OneOf(&["frame", "at-once"])).doc(
        "When the service reports to systemd that it is ready: with the first frame (`frame`), or as soon as the \
         models are warm (`at-once`).",
    ),
    whole("verdict.smoothing", "frames", 1, 64)
        .doc("Successive frames whose class distributions a verdict combines; 1 uses only the verdict's own frame."),
    number("verdict.min_confidence", "", 0.0, 1.0)
        .doc(
            "A verdict with less confidence than this is not published: the frame counts as unsure, which is no failure.",
        ),
    key("detect.enabled", Kind::Flag).doc(
        "Classify the raw frame too, and report how far the two results disagree as `suspicion`. Costs one more \
         classification per frame.",
    ),
    number("detect.threshold", "", 0.0, 1.0)
        .doc("A verdict with at least this suspicion is marked suspicious and counted, and its frame is kept."),
    key("detect.keep_dir", Kind::Path)
        .doc("Folder for suspicious frames, raw and purified. If unset, none are kept.")
        .example("/var/lib/purecam/suspicious"),
    whole("detect.keep_files", "files", 3, 1_000_000)
        .doc("Largest number of files in `detect.keep_dir`; beyond this the oldest are deleted."),
    whole("detect.keep_bytes", BYTES, 1 << 20, 1 << 50)
        .doc("Largest size of `detect.keep_dir`; beyond this the oldest files are deleted."),
    key("output.stdout", Kind::Flag).doc(
        "Write verdicts to standard output as JSON lines ([verdict.md](verdict.md)). The systemd unit discards its \
         standard output.",
    ),
    key("output.file", Kind::Path)
        .doc("Append verdicts to this file. If unset, there is no file.")
        .example("/var/log/purecam/verdicts.jsonl"),
    whole("output.file_bytes", BYTES, 4096, 1 << 50).doc("The file is rotated before it grows beyond this size."),
    whole("output.file_count", "files", 1, 1000).doc("Largest number of files, the current one included."),
    key("output.socket", Kind::Path)
        .doc("Serve verdicts on this Unix socket. If unset, there is no socket.")
        .example("/run/purecam/verdicts.sock"),
    key("output.required", Kind::SomeOf(&["file", "socket", "mqtt"])).doc(
        "Outputs without which the service is not ready ([http.md](http.md#live-and-ready)). A fault of any other output \
         is a state of that output only.",
    ),
    key("output.mqtt.url", Kind::Broker)
        .doc("`mqtt://HOST[:PORT]`, or `mqtts://HOST[:PORT]` with TLS. If unset, no verdicts are sent to a broker.")
        .example("mqtt://localhost:1883"),
    key("output.mqtt.topic", Kind::Topic)
        .doc("Verdicts are published to `TOPIC/verdict`, the retained state to `TOPIC/state`."),
    key("output.mqtt.client_id", Kind::Text)
        .doc("Client identifier. If unset, `purecam-` and the host's name.")
        .example("robot"),
    key("output.mqtt.username", Kind::Text).doc("User name. If unset, none is sent.").example("robot"),
    key("output.mqtt.password_file", Kind::Path)
        .doc(
            "File whose first line is the password; other users must not be able to read it. It needs \
             `output.mqtt.username`.",
        )
        .example("/run/credentials/purecam.service/mqtt"),
    key("output.mqtt.ca_file", Kind::Path)
        .doc("Certificates (PEM) of the authorities to trust with `mqtts:`. If unset, the system's.")
        .example("/etc/ssl/certs/ca-certificates.crt"),
    whole("output.mqtt.qos", "", 0, 2).doc("MQTT quality of service of the verdicts."),
    key("http.listen", Kind::Address)
        .doc("Where to listen. If unset, there is no page. An address that others can reach needs `http.token_file`.")
        .example("127.0.0.1:8080"),
    key("http.token_file", Kind::Path)
        .doc("File whose first line is the token that clients must send; other users must not be able to read it.")
        .example("/run/credentials/purecam.service/token"),
    key("log.level", Kind::OneOf(&["off", "error", "warn", "info", "debug", "trace"]))
        .doc("Log messages of this level and more severe ones. The variable `RUST_LOG`, if set, takes precedence."),
];

/// The beginning of the names of variables.
pub const PREFIX: &str = "PURECAM_";

const fn table(name: &'static str, doc: &'static str) -> Table {
    Table { name, doc }
}

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, doc: "", example: None }
}

const fn whole(name: &'static str, unit: &'static str, from: i64, to: i64) -> Key {
    key(name, Kind::Whole { unit, from, to })
}

const fn number(name: &'static str, unit: &'static str, from: f64, to: f64) -> Key {
    key(name, Kind::Number { unit, from, to })
}

impl Key {
    const fn doc(self, doc: &'static str) -> Self {
        Self { doc, ..self }
    }

    const fn example(self, example: &'static str) -> Self {
        Self { example: Some(example), ..self }
    }

    /// The position in [`KEYS`] of the key of this name.
    pub(super) fn find(name: &str) -> Option<usize> {
        KEYS.iter().position(|key| key.name == name)
    }

    /// Table and key, separately: `("output.mqtt", "qos")`.
    pub fn parts(&self) -> (&'static str, &'static str) {
        self.name.rsplit_once('.').unwrap_or(("", self.name))
    }

    /// The environment variable that sets it: `PURECAM_RUN_MAX_AGE_MS`.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.replace('.', "_").to_uppercase())
    }

    /// The value if no layer sets one, from the `Default` of [`Config`]; `None` if the key then stays unset.
    pub fn default(&self) -> Option<Value> {
        let mut config = Config::default();
        config.output.mqtt = Some(Mqtt::new(BrokerUrl { tls: false, host: String::new(), port: 0 }));
        let table = toml::Table::try_from(config).ok()?;
        let mut value = &Value::Table(table);
        for part in self.name.split('.') {
            value = value.get(part)?;
        }
        (self.name != "output.mqtt.url").then(|| value.clone())
    }
}

/// Whether this is the name of a table, or of a table of tables.
pub(super) fn is_table(name: &str) -> bool {
    TABLES.iter().any(|table| table.name == name)
}
