//! Real foreign classifiers: a free batch, BGR with the soft-max inside, half precision, int8.

use std::path::{Path, PathBuf};

use purecam::engine::contract::{Colour, Layout};
use purecam::engine::{Classifier, Description, ForeignOutput, Range};
use purecam::frame::{Fit, read};

/// The folder of foreign models, if it is there.
fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models");
    if folder.join("labels.txt").exists() {
        return Some(folder);
    }
    eprintln!("skipped: {} is not there", folder.display());
    None
}

fn mobilenet(folder: &Path) -> Description {
    Description {
        labels: Some(folder.join("labels.txt")),
        mean: Some([0.485, 0.456, 0.406]),
        std: Some([0.229, 0.224, 0.225]),
        range: Some(Range::Unit),
        layout: Some(Layout::Nchw),
        colour: Some(Colour::Rgb),
        output: Some(ForeignOutput::Logits),
        ..Description::default()
    }
}

fn squeezenet(folder: &Path) -> Description {
    Description {
        mean: Some([103.939, 116.779, 123.68]),
        std: Some([1.0; 3]),
        range: Some(Range::Byte),
        colour: Some(Colour::Bgr),
        output: Some(ForeignOutput::Probabilities),
        ..mobilenet(folder)
    }
}

/// The most probable class of one of the demonstration's photographs, and its probability.
fn sees(file: &Path, said: &Description) -> (String, f32) {
    let mut classifier = Classifier::load(file, said).unwrap();
    let photograph = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/french-horn.jpg")).unwrap();
    let mut image = Vec::new();
    Fit::new(classifier.size()).planes(&photograph, &mut image).unwrap();
    let probabilities = classifier.classify(&image).unwrap();
    let best = (0..probabilities.len()).max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b])).unwrap();
    let confidence = probabilities[best];
    (classifier.labels()[best].wnid.clone().unwrap(), confidence)
}

#[test]
fn mobilenet_with_a_free_batch_sees_the_french_horn() {
    let Some(folder) = folder() else { return };
    let (wnid, confidence) = sees(&folder.join("mobilenet_v2_fp32.onnx"), &mobilenet(&folder));
    assert_eq!(wnid, "n03394916");
    assert!(confidence > 0.5, "{confidence}");
}

#[test]
fn squeezenet_with_bgr_and_its_own_soft_max_sees_the_french_horn_in_both_precisions() {
    let Some(folder) = folder() else { return };
    let (single, single_confidence) = sees(&folder.join("squeezenet_fp32.onnx"), &squeezenet(&folder));
    let (half, half_confidence) = sees(&folder.join("squeezenet_fp16.onnx"), &squeezenet(&folder));
    assert_eq!((single.as_str(), half.as_str()), ("n03394916", "n03394916"));
    assert!((single_confidence - half_confidence).abs() < 0.02, "{single_confidence} against {half_confidence}");
}

#[test]
fn a_soft_max_is_not_applied_to_what_has_one() {
    let Some(folder) = folder() else { return };
    let said = Description { output: Some(ForeignOutput::Logits), ..squeezenet(&folder) };
    let message = Classifier::load(&folder.join("squeezenet_fp32.onnx"), &said).err().expect("loaded").to_string();
    assert!(message.contains("gives probabilities"), "{message}");
}

#[test]
fn an_int8_mobilenet_loads_and_sees_the_french_horn() {
    let Some(folder) = folder() else { return };
    let (wnid, _) = sees(&folder.join("mobilenet_v2_int8_dynamic.onnx"), &mobilenet(&folder));
    assert_eq!(wnid, "n03394916");
}
