//! Promise 5: the same answer everywhere. `tests/golden` holds the results of one x86-64 machine for two photographs and
//! the purifiers that ship: the models' input, the purified picture, the probabilities. Every machine must agree with
//! them to 1e-3.
//!
//! `PURECAM_GOLDEN=write cargo test --release --test golden` writes them anew, after a change of the models or of the
//! stages before them. `PURECAM_GOLDEN_BINARY`, a command, tests another binary: the one that ships for boards.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::{ImageBuffer, Rgb};
use purecam::engine::{Classifier, Description, Purifier, Setup, Shipped, share_among};
use purecam::frame::{self, Fit};
use serde::{Deserialize, Serialize};

const PHOTOGRAPHS: [&str; 2] = ["church-tower", "french-horn"];
const TOLERANCE: f32 = 1e-3;
/// The purifiers that the manifest names: the default one, which is deterministic, and the general one, whose noise seed
/// and frame determine.
fn purifiers() -> Vec<&'static str> {
    let general = Shipped::find().unwrap().manifest.general.map(|_| "general");
    std::iter::once("default").chain(general).collect()
}

/// The file beside the pictures.
#[derive(Serialize, Deserialize)]
struct Golden {
    /// SHA-256 of the models' files.
    purifier: String,
    classifier: String,
    /// Of each photograph, in label order.
    probabilities: Vec<Vec<f32>>,
}

/// The results of the shipped models for one photograph.
struct Answer {
    frame: Vec<f32>,
    purified: Vec<f32>,
    probabilities: Vec<f32>,
}

struct Models {
    purifier: Purifier,
    classifier: Classifier,
}

impl Models {
    fn shipped(which: &str) -> Self {
        let classifier = Classifier::load(&Shipped::find().unwrap().classifier(), &Description::default()).unwrap();
        let setup = Setup { seed: 1, size: Some(classifier.size()), strength: None };
        Self { purifier: Purifier::load(&purifier(which), setup).unwrap(), classifier }
    }

    fn answer(&mut self, photograph: &str) -> Answer {
        let picture = frame::read(&file(photograph)).unwrap();
        let (mut frame, mut purified) = (Vec::new(), Vec::new());
        Fit::new(self.purifier.size()).planes(&picture, &mut frame).unwrap();
        // `classify` gives every file the noise of frame 0.
        self.purifier.purify(&frame, 0, &mut purified).unwrap();
        let probabilities = self.classifier.classify(&purified).unwrap().to_vec();
        Answer { frame, purified, probabilities }
    }
}

fn purifier(which: &str) -> PathBuf {
    let shipped = Shipped::find().unwrap();
    match which {
        "general" => shipped.folder.join(shipped.manifest.general.as_ref().expect("a general purifier ships")),
        _ => shipped.purifier(),
    }
}

fn file(photograph: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo").join(photograph).with_extension("jpg")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Writes planes in 0..1 as a picture of 16 bits per channel, whose rounding is far below the tolerance.
fn write(path: &Path, planes: &[f32], [height, width]: [usize; 2]) {
    let at = |x: u32, y: u32, channel: usize| planes[(channel * height + y as usize) * width + x as usize];
    let level = |value: f32| (value * f32::from(u16::MAX)).round() as u16;
    let pixel = |x, y| Rgb([0, 1, 2].map(|channel| level(at(x, y, channel))));
    ImageBuffer::from_fn(width as u32, height as u32, pixel).save(path).unwrap();
}

fn read(path: &Path) -> Vec<f32> {
    let picture = image::open(path).unwrap().into_rgb16();
    let plane = |channel: usize| picture.pixels().map(move |pixel| f32::from(pixel[channel]) / f32::from(u16::MAX));
    (0..3).flat_map(plane).collect()
}

fn farthest(one: &[f32], other: &[f32]) -> f32 {
    assert_eq!(one.len(), other.len());
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max)
}

#[test]
fn every_machine_says_what_the_golden_vectors_say() {
    purifiers().into_iter().for_each(compare);
}

fn compare(which: &str) {
    let (mut models, path) = (Models::shipped(which), folder().join(format!("{which}.json")));
    let answers = PHOTOGRAPHS.map(|photograph| models.answer(photograph));
    let [purifier, classifier] = [models.purifier.sha256(), models.classifier.sha256()].map(str::to_owned);
    let frame = |photograph: &str| folder().join(format!("{photograph}-frame.png"));
    let purified = |photograph: &str| folder().join(format!("{photograph}-{which}.png"));
    if std::env::var_os("PURECAM_GOLDEN").is_some_and(|value| value == "write") {
        fs::create_dir_all(folder()).unwrap();
        for (photograph, answer) in PHOTOGRAPHS.iter().zip(&answers) {
            write(&frame(photograph), &answer.frame, models.purifier.size());
            write(&purified(photograph), &answer.purified, models.purifier.size());
        }
        let probabilities = answers.iter().map(|answer| answer.probabilities.clone()).collect();
        let golden = Golden { purifier, classifier, probabilities };
        fs::write(&path, serde_json::to_string_pretty(&golden).unwrap() + "\n").unwrap();
        return;
    }
    let golden: Golden = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!([golden.purifier, golden.classifier], [purifier, classifier], "other models: write the vectors anew");
    for ((photograph, answer), probabilities) in PHOTOGRAPHS.iter().zip(&answers).zip(&golden.probabilities) {
        let differences = [
            farthest(&answer.frame, &read(&frame(photograph))),
            farthest(&answer.purified, &read(&purified(photograph))),
            farthest(&answer.probabilities, probabilities),
        ];
        println!(
            "{which}, {photograph}: frame {}, purified {}, probabilities {}",
            differences[0], differences[1], differences[2]
        );
        assert!(differences.iter().all(|difference| *difference <= TOLERANCE), "{photograph}: {differences:?}");
    }
}

#[test]
fn the_binary_that_ships_says_what_the_golden_vectors_say() {
    let Some(command) = std::env::var("PURECAM_GOLDEN_BINARY").ok() else {
        return eprintln!("skipped: PURECAM_GOLDEN_BINARY names no binary");
    };
    for which in purifiers() {
        compare_binary(&command, which);
    }
}

fn compare_binary(command: &str, which: &str) {
    let mut words = command.split_whitespace();
    let output = Command::new(words.next().unwrap())
        .args(words)
        .args(["classify", "--json", "--top", "10", "--seed", "1", "--purifier"])
        .arg(purifier(which))
        .args(PHOTOGRAPHS.map(file))
        .env_remove("PURECAM_GOLDEN_BINARY")
        .env("PURECAM_MODELS", Path::new(env!("CARGO_MANIFEST_DIR")).join("models"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    let golden: Golden = serde_json::from_slice(&fs::read(folder().join(format!("{which}.json"))).unwrap()).unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let verdicts: Vec<serde_json::Value> =
        lines.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(verdicts.len(), PHOTOGRAPHS.len(), "{lines}");
    for ((photograph, verdict), expected) in PHOTOGRAPHS.iter().zip(&verdicts).zip(&golden.probabilities) {
        let mut found = vec![f32::NAN; expected.len()];
        for guess in verdict["top"].as_array().unwrap() {
            found[guess["index"].as_u64().unwrap() as usize] = guess["confidence"].as_f64().unwrap() as f32;
        }
        let farthest = farthest(&found, expected);
        println!("{which}, {photograph}: {farthest}");
        assert!(found.iter().all(|value| value.is_finite()) && farthest <= TOLERANCE, "{photograph}: {found:?}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit_of_the_answer() {
    let mut models = Models::shipped("default");
    let mut bits = |threads| {
        share_among(threads).unwrap();
        let answer = models.answer(PHOTOGRAPHS[0]);
        let numbers = answer.purified.into_iter().chain(answer.probabilities);
        numbers.map(f32::to_bits).collect::<Vec<_>>()
    };
    let alone = bits(1);
    assert_eq!(alone, bits(2));
    assert_eq!(alone, bits(3));
}
