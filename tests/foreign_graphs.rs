//! Graphs as other programs export them, with onnxruntime's answers: half precision, an operator that the engine
//! computes wrongly, a branch, many labels, one output. `tests/models/*.onnx` are one or two kilobytes each.

use std::path::{Path, PathBuf};

use prost::Message;
use purecam::engine::contract::{Colour, Layout};
use purecam::engine::{Classifier, Description, ForeignOutput, Range, compute};
use purecam::frame::{Frame, Picture};
use tract_onnx::pb::ModelProto;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models").join(name)
}

/// The input whose answers are known.
fn picture(side: usize) -> Vec<f32> {
    (0..3 * side * side).map(|k| ((37 * k) % 255) as f32 / 255.0).collect()
}

/// What the engine makes of it.
fn answer(name: &str, side: usize, output: &str) -> Vec<f32> {
    let model = ModelProto::decode(std::fs::read(file(name)).unwrap().as_slice()).unwrap();
    let input = model.graph.as_ref().unwrap().input[0].name.clone();
    compute(&model, &[(&input, &[1, 3, side, side], &picture(side))], output).unwrap().1
}

fn assert_near(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (found, right) in found.iter().zip(expected) {
        assert!((found - right).abs() <= tolerance, "{found:?}, expected {expected:?}");
    }
}

/// A description with `count` labels in `folder`.
fn described(folder: &Path, count: usize, output: ForeignOutput) -> Description {
    let labels = folder.join("labels.txt");
    std::fs::write(&labels, (0..count).map(|label| format!("label {label}\n")).collect::<String>()).unwrap();
    Description {
        labels: Some(labels),
        mean: Some([0.0; 3]),
        std: Some([1.0; 3]),
        range: Some(Range::Unit),
        layout: Some(Layout::Nchw),
        colour: Some(Colour::Rgb),
        output: Some(output),
        ..Description::default()
    }
}

fn refusal(name: &str, count: usize, output: ForeignOutput) -> String {
    let folder = tempfile::tempdir().unwrap();
    Classifier::load(&file(name), &described(folder.path(), count, output)).err().expect("loaded").to_string()
}

#[test]
fn half_precision_with_a_biased_gemm_is_computed() {
    let expected = [0.02235, 0.49194, -0.23486, -0.01561, 0.03558, 0.37402, 0.03119, -0.20081, -0.09027, 0.25317];
    // The right values were rounded to half precision.
    assert_near(&answer("f16-gemm-bias.onnx", 64, "output"), &expected, 2e-3);
}

#[test]
fn celu_scales_before_the_exponential() {
    let expected = [-1.7272, -0.38723, -1.0055, 2.41865, 0.54834, -3.32311, 1.31792, -2.39567, -3.35823, 2.01544];
    assert_near(&answer("celu-alpha-0.7.onnx", 32, "output"), &expected, 1e-4);
}

#[test]
fn a_global_p_norm_is_not_divided_by_the_pixels() {
    let expected = [-5.82536, -1.20187, 5.58543, 0.63599, -2.87595, -3.28266, -1.91216, -5.95137, -2.54831, 4.60236];
    assert_near(&answer("global-lp-pool.onnx", 32, "output"), &expected, 1e-4);
}

#[test]
fn a_branch_that_depends_on_the_size_alone_is_chosen() {
    let expected = [11.40254, 1.73627, 7.55671, 1.0062, -1.6616, 1.98533, 10.88804, -0.39984, 6.19718, -1.57589];
    assert_near(&answer("if-squeeze.onnx", 32, "output"), &expected, 1e-4);
}

#[test]
fn sigmoids_are_refused_as_logits_and_taken_as_what_they_are() {
    for output in [ForeignOutput::Logits, ForeignOutput::Probabilities, ForeignOutput::SigmoidLogits] {
        let message = refusal("ten-sigmoid-outputs.onnx", 10, output);
        assert!(message.contains("write output = \"sigmoid\""), "{message}");
    }
    let folder = tempfile::tempdir().unwrap();
    let said = described(folder.path(), 10, ForeignOutput::Sigmoid);
    let mut classifier = Classifier::load(&file("ten-sigmoid-outputs.onnx"), &said).unwrap();
    let raw = answer("ten-sigmoid-outputs.onnx", 32, "p");
    assert_near(classifier.classify(&picture(32)).unwrap(), &raw, 1e-6);
    assert!(raw.iter().sum::<f32>() > 1.1, "each label has a probability of its own: {raw:?}");
    assert_eq!(classifier.threshold(), Some(0.5));
}

#[test]
fn one_output_is_the_probability_of_one_label() {
    for output in [ForeignOutput::Logits, ForeignOutput::Probabilities] {
        let message = refusal("one-sigmoid-output.onnx", 1, output);
        assert!(message.contains("write output = \"sigmoid\", and one label"), "{message}");
    }
    let message = refusal("one-sigmoid-output.onnx", 2, ForeignOutput::Sigmoid);
    assert!(message.contains("1 outputs for 2 labels; a binary classifier with one output has one label"), "{message}");
    let folder = tempfile::tempdir().unwrap();
    let said = described(folder.path(), 1, ForeignOutput::Sigmoid);
    let mut classifier = Classifier::load(&file("one-sigmoid-output.onnx"), &said).unwrap();
    assert_near(classifier.classify(&picture(32)).unwrap(), &[0.72849], 1e-4);
}

/// What `purecam` judges: a picture of the models' size whose planes are given.
fn judged(said: &Description, name: &str) -> purecam::verdict::Verdict {
    use purecam::service::{Judge, Judgement, Options, Pipeline};
    use purecam::time::SystemClock;
    let classifier = Classifier::load(&file(name), said).unwrap();
    let options = Options { compare_raw: true, ..Options::default() };
    let mut pipeline = Pipeline::new(None, classifier, options, std::sync::Arc::new(SystemClock));
    let planes = picture(32);
    let bytes = (0..32 * 32).flat_map(|pixel| (0..3).map(move |channel| (channel, pixel)));
    let bytes = bytes.map(|(channel, pixel)| (planes[channel * 1024 + pixel] * 255.0).round() as u8).collect();
    let frame = Frame { picture: Picture { width: 32, height: 32, rgb: bytes }, ..Frame::default() };
    let mut judgement = Judgement::default();
    pipeline.judge(&frame, &mut judgement).unwrap();
    judgement.verdict
}

#[test]
fn a_verdict_says_which_labels_are_present_and_that_none_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut said = described(folder.path(), 1, ForeignOutput::Sigmoid);
    let verdict = judged(&said, "one-sigmoid-output.onnx");
    let present = verdict.present.as_deref().unwrap();
    assert_eq!(present.iter().map(|guess| &*guess.label).collect::<Vec<_>>(), ["label 0"]);
    assert_near(&[verdict.confidence, present[0].confidence], &[0.72849, 0.72849], 1e-3);
    assert_eq!((verdict.suspicion, verdict.suspicious), (Some(0.0), false));
    said.threshold = Some(0.9);
    let absent = serde_json::to_value(judged(&said, "one-sigmoid-output.onnx")).unwrap();
    assert_eq!((&absent["present"], &absent["label"]), (&serde_json::json!([]), &"label 0".into()));
}

#[test]
fn the_verdict_of_a_classifier_that_chooses_one_class_has_no_new_field() {
    let folder = tempfile::tempdir().unwrap();
    let said = described(folder.path(), 10, ForeignOutput::Logits);
    let verdict = serde_json::to_value(judged(&said, "if-squeeze.onnx")).unwrap();
    assert!(verdict.get("present").is_none(), "{verdict}");
    assert_eq!(verdict["label"], "label 0");
}
