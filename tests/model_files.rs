//! Only verified models run: a fault of a file is found, and reported, before the model gets a frame.

mod models;

use std::error::Error;
use std::path::Path;

use models::*;
use prost::Message;
use purecam::engine::contract::{Colour, Layout};
use purecam::engine::{
    Classifier, Description, EngineError, ForeignOutput, Manifest, ManifestError, Purifier, Range, Shipped,
};
use sha2::{Digest, Sha256};
use tempfile::tempdir;
use tract_onnx::pb::{ModelProto, NodeProto, TensorProto, tensor_proto::DataType};

/// The message of a purifier that is refused.
fn refused_purifier(model: &ModelProto) -> String {
    let folder = tempdir().unwrap();
    let path = write(folder.path(), "purifier.onnx", model);
    let message = Purifier::load(&path, 1).err().expect("the purifier was not refused").to_string();
    assert!(message.starts_with(&path.display().to_string()), "the message does not name the file: {message}");
    message
}

/// The message of a classifier that is refused.
fn refused_classifier(model: &ModelProto, said: &Description) -> String {
    let folder = tempdir().unwrap();
    let path = write(folder.path(), "classifier.onnx", model);
    let message = Classifier::load(&path, said).err().expect("the classifier was not refused").to_string();
    assert!(message.starts_with(&path.display().to_string()), "the message does not name the file: {message}");
    message
}

fn set_prop(model: &mut ModelProto, key: &str, value: &str) {
    model.metadata_props.iter_mut().find(|prop| prop.key == key).unwrap().value = value.to_owned();
}

fn tensor<'a>(model: &'a mut ModelProto, name: &str) -> &'a mut TensorProto {
    model.graph.as_mut().unwrap().initializer.iter_mut().find(|tensor| tensor.name == name).unwrap()
}

fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "'{part}' is missing in: {message}");
    }
}

fn picture(colour: [f32; 3], side: usize) -> Vec<f32> {
    colour.iter().flat_map(|value| std::iter::repeat_n(*value, side * side)).collect()
}

#[test]
fn a_purifier_draws_the_same_noise_for_the_same_seed_and_frame_and_other_noise_otherwise() {
    let folder = tempdir().unwrap();
    let path = write(folder.path(), "purifier.onnx", &purifier(SIDE));
    let run = |seed, frames: &[u64]| {
        let (mut purifier, mut out) = (Purifier::load(&path, seed).unwrap(), Vec::new());
        frames.iter().for_each(|&frame| purifier.purify(&picture([0.5; 3], SIDE), frame, &mut out).unwrap());
        out
    };
    assert_eq!(run(7, &[3]), run(7, &[3]));
    assert_eq!(run(7, &[0, 1, 2, 3]), run(7, &[3]), "the noise of a frame depends on the frames before it");
    assert_ne!(run(7, &[3]), run(7, &[4]));
    assert_ne!(run(7, &[3]), run(8, &[3]));
    let noise: Vec<f32> = run(7, &[3]).iter().map(|value| (value - 0.5) / 0.02).collect();
    let mean = noise.iter().sum::<f32>() / noise.len() as f32;
    let variance = noise.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / noise.len() as f32;
    assert!(mean.abs() < 0.1 && (variance - 1.0).abs() < 0.1, "mean {mean}, variance {variance}");
}

#[test]
fn a_classifier_gives_probabilities_by_a_soft_max_of_its_logits() {
    let folder = tempdir().unwrap();
    let path = write(folder.path(), "classifier.onnx", &classifier(SIDE));
    let mut classifier = Classifier::load(&path, &Description::default()).unwrap();
    let probabilities = classifier.classify(&picture([0.2, 0.3, 0.25], SIDE)).unwrap();
    let exponentials: Vec<f32> = [4.0f32, 6.0, 5.0].iter().map(|logit| logit.exp()).collect();
    let sum: f32 = exponentials.iter().sum();
    for (found, expected) in probabilities.iter().zip(exponentials.iter().map(|value| value / sum)) {
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }
}

#[test]
fn a_truncated_file_is_refused_wherever_it_was_cut() {
    let bytes = purifier(SIDE).encode_to_vec();
    let folder = tempdir().unwrap();
    let path = folder.path().join("purifier.onnx");
    for length in [0, 1, 10, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&path, &bytes[..length]).unwrap();
        let message = Purifier::load(&path, 1).err().expect("a truncated purifier was loaded").to_string();
        assert_says(&message, &["purifier.onnx"]);
    }
    std::fs::write(&path, b"not a model at all").unwrap();
    assert_says(&Purifier::load(&path, 1).err().unwrap().to_string(), &["not an ONNX model"]);
}

#[test]
fn a_missing_file_is_named() {
    let message = Purifier::load(Path::new("/nowhere/purifier.onnx"), 1).err().unwrap().to_string();
    assert_says(&message, &["/nowhere/purifier.onnx", "cannot be read"]);
}

#[test]
fn a_refusal_keeps_its_causes() {
    let missing = Purifier::load(Path::new("/nowhere/purifier.onnx"), 1).err().unwrap();
    let cause = missing.source().and_then(|problem| problem.source()).unwrap();
    assert_eq!(cause.downcast_ref::<std::io::Error>().unwrap().kind(), std::io::ErrorKind::NotFound);
    let folder = tempdir().unwrap();
    let mut model = classifier(SIDE);
    model.graph.as_mut().unwrap().node.last_mut().unwrap().op_type = "Einsum".into();
    let path = write(folder.path(), "classifier.onnx", &model);
    let refused = Classifier::load(&path, &Description::default()).err().unwrap();
    let cause = refused.source().and_then(|problem| problem.source());
    let cause = cause.unwrap_or_else(|| panic!("{refused}"));
    assert!(cause.is::<EngineError>(), "{cause:?}");
    assert_says(&refused.to_string(), &["its operator Einsum (node 'logits')", "export the model"]);
    model.graph.as_mut().unwrap().node.last_mut().unwrap().op_type = "Teleport".into();
    let refused = Classifier::load(&write(folder.path(), "unknown.onnx", &model), &Description::default());
    let message = refused.err().unwrap().to_string();
    assert_says(&message, &["its operator Teleport (node 'logits')", "not among the operators", "plain operators"]);
}

#[test]
fn a_purifier_without_random_inputs_is_deterministic() {
    let folder = tempdir().unwrap();
    let load = |name, model| Purifier::load(&write(folder.path(), name, &model), 1).unwrap();
    assert!(!load("noise.onnx", purifier(SIDE)).is_deterministic());
    assert!(load("plain.onnx", purifier_that_fails_on_black(SIDE)).is_deterministic());
}

#[test]
fn a_model_in_the_other_ones_place_is_refused() {
    assert_says(&refused_purifier(&classifier(SIDE)), &["is a classifier, expected a purifier"]);
    assert_says(
        &refused_classifier(&purifier(SIDE), &Description::default()),
        &["is a purifier, expected a classifier"],
    );
    assert_says(&refused_purifier(&foreign_classifier(SIDE)), &["no purecam metadata", "expected one that"]);
}

#[test]
fn a_contract_of_the_future_is_refused_with_both_versions() {
    let mut model = purifier(SIDE);
    set_prop(&mut model, "purecam.contract", "2");
    assert_says(&refused_purifier(&model), &["contract version is 2", "understands 1", "update purecam"]);
    set_prop(&mut model, "purecam.contract", "new");
    assert_says(&refused_purifier(&model), &["purecam.contract 'new'"]);
}

#[test]
fn damaged_metadata_is_refused_with_its_key() {
    let mut model = purifier(SIDE);
    set_prop(&mut model, "purecam.input", "{\"name\": \"image\"}");
    assert_says(&refused_purifier(&model), &["purecam.input", "cannot be understood"]);
    let mut model = purifier(SIDE);
    set_prop(
        &mut model,
        "purecam.noise",
        "[{\"name\": \"noise\", \"shape\": [4294967296, 4294967296, 8], \"draw\": \"normal\"}]",
    );
    assert_says(&refused_purifier(&model), &["purecam.noise", "makes no sense"]);
    let mut model = classifier(SIDE);
    model.metadata_props.retain(|prop| prop.key != "purecam.labels");
    assert_says(&refused_classifier(&model, &Description::default()), &["lacks purecam.labels"]);
}

#[test]
fn metadata_that_contradicts_the_graph_is_refused() {
    let mut model = purifier(SIDE);
    set_prop(&mut model, "purecam.noise", "[]");
    assert_says(&refused_purifier(&model), &["takes the inputs 'image', 'noise', 'order', expected 'image'"]);
    let mut model = purifier(SIDE);
    model.metadata_props = purifier_metadata(64, Vec::new()).to_props().into_iter().map(entry).collect();
    set_prop(&mut model, "purecam.noise", &purifier(SIDE).metadata_props[3].value);
    assert_says(&refused_purifier(&model), &["'image' has shape [1, 3, 32, 32], expected [1, 3, 64, 64]"]);
    let mut model = classifier(SIDE);
    set_prop(&mut model, "purecam.labels", "[{\"label\": \"red\"}, {\"label\": \"green\"}]");
    assert_says(&refused_classifier(&model, &Description::default()), &["3 outputs for 2 labels"]);
}

fn entry((key, value): (String, String)) -> tract_onnx::pb::StringStringEntryProto {
    tract_onnx::pb::StringStringEntryProto { key, value }
}

#[test]
fn a_purifier_whose_output_has_another_shape_is_refused() {
    let mut model = purifier(SIDE);
    let graph = model.graph.as_mut().unwrap();
    graph.node.last_mut().unwrap().output[0] = "whole".into();
    graph.node.push(node("GlobalAveragePool", &["whole"], "purified"));
    assert_says(&refused_purifier(&model), &["'purified' has shape [1, 3, 1, 1], expected [1, 3, 32, 32]"]);
}

#[test]
fn a_purifier_that_leaves_the_range_of_pictures_is_refused() {
    let mut model = purifier(SIDE);
    *tensor(&mut model, "high") = floats("high", &[], &[9.0]);
    *tensor(&mut model, "offset") = floats("offset", &[], &[5.0]);
    assert_says(&refused_purifier(&model), &["warm-up", "must be in 0..1"]);
}

#[test]
fn nan_in_weights_is_refused_with_the_tensors_name() {
    let mut model = classifier(SIDE);
    *tensor(&mut model, "scale") = floats("scale", &[], &[f32::NAN]);
    assert_says(&refused_classifier(&model, &Description::default()), &["'scale' contain NaN"]);
    // Half precision, in the second of the two places where ONNX stores it.
    let half = TensorProto {
        name: "half".into(),
        dims: vec![1],
        data_type: DataType::Float16 as i32,
        int32_data: vec![0x7E00],
        ..Default::default()
    };
    let mut model = classifier(SIDE);
    model.graph.as_mut().unwrap().initializer.push(half);
    assert_says(&refused_classifier(&model, &Description::default()), &["'half' contain NaN"]);
}

#[test]
fn nan_that_only_running_shows_is_refused_by_the_warm_up() {
    let mut model = purifier(SIDE);
    let graph = model.graph.as_mut().unwrap();
    // The square root of a negative number, after the clip that would hide it.
    graph.node.last_mut().unwrap().output[0] = "clipped".into();
    graph.initializer.push(floats("minus_two", &[], &[-2.0]));
    graph.node.push(node("Add", &["clipped", "minus_two"], "negative"));
    graph.node.push(node("Sqrt", &["negative"], "purified"));
    assert_says(&refused_purifier(&model), &["warm-up", "NaN"]);
}

#[test]
fn weights_that_are_not_as_long_as_their_shape_are_refused() {
    let mut model = classifier(SIDE);
    tensor(&mut model, "flat").dims = vec![1 << 40];
    assert_says(&refused_classifier(&model, &Description::default()), &["'flat' is damaged", "found 16"]);
    let mut model = classifier(SIDE);
    tensor(&mut model, "scale").data_location = Some(1);
    assert_says(&refused_classifier(&model, &Description::default()), &["'scale'", "another file"]);
}

#[test]
fn an_operator_that_the_engine_lacks_is_named() {
    let mut model = classifier(SIDE);
    let unknown = NodeProto { op_type: "Teleport".into(), ..node("Teleport", &["means"], "moved") };
    let graph = model.graph.as_mut().unwrap();
    graph.node.insert(2, unknown);
    graph.node[3].input[0] = "moved".into();
    assert_says(&refused_classifier(&model, &Description::default()), &["Teleport"]);
}

#[test]
fn models_of_two_sizes_are_refused_together() {
    let folder = tempdir().unwrap();
    let purifier = Purifier::load(&write(folder.path(), "p.onnx", &purifier(SIDE)), 1).unwrap();
    let classifier =
        Classifier::load(&write(folder.path(), "c.onnx", &classifier(64)), &Description::default()).unwrap();
    let message = classifier.expect_size_of(&purifier).unwrap_err().to_string();
    assert_says(&message, &["c.onnx", "pictures of 64 x 64", "p.onnx makes 32 x 32"]);
}

fn described(labels: &Path) -> Description {
    Description {
        labels: Some(labels.to_owned()),
        mean: Some([0.0; 3]),
        std: Some([1.0; 3]),
        range: Some(Range::Unit),
        layout: Some(Layout::Nchw),
        colour: Some(Colour::Rgb),
        output: Some(ForeignOutput::Logits),
        ..Description::default()
    }
}

#[test]
fn a_foreign_classifier_is_asked_for_every_missing_key_by_name() {
    let message = refused_classifier(&foreign_classifier(SIDE), &Description::default());
    assert_says(
        &message,
        &["labels, mean, std, range, layout, colour, output", "[classifier]", "mean = [0.485", "--config"],
    );
    let folder = tempdir().unwrap();
    let labels = folder.path().join("labels.txt");
    std::fs::write(&labels, "red\ngreen\nblue\n").unwrap();
    let message = refused_classifier(&foreign_classifier(SIDE), &Description { colour: None, ..described(&labels) });
    assert_says(&message, &["also sets colour,", "colour = \"rgb\""]);
    assert!(!message.contains("mean"), "{message}");
    let message = refused_classifier(
        &foreign_classifier(SIDE),
        &Description { layout: Some(Layout::Nhwc), ..described(&labels) },
    );
    assert_says(&message, &["'data' has shape"]);
}

#[test]
fn a_classifier_of_grey_pictures_is_refused_with_what_to_do() {
    let folder = tempdir().unwrap();
    let labels = folder.path().join("labels.txt");
    std::fs::write(&labels, "red\ngreen\nblue\n").unwrap();
    let mut grey = foreign_classifier(SIDE);
    grey.graph.as_mut().unwrap().input[0] = float_value("data", &[1, 1, SIDE as i64, SIDE as i64]);
    assert_says(
        &refused_classifier(&grey, &described(&labels)),
        &["'data' takes 1 channel", "three", "into the graph"],
    );
}

#[test]
fn a_foreign_classifier_gets_the_colours_range_mean_and_std_that_it_was_described_with() {
    let folder = tempdir().unwrap();
    let path = write(folder.path(), "foreign.onnx", &foreign_classifier(SIDE));
    let labels = folder.path().join("labels.txt");
    std::fs::write(&labels, "\u{feff}n00000001 blue, azure\nn00000002 green\nred\n").unwrap();
    let said = Description {
        range: Some(Range::Byte),
        colour: Some(Colour::Bgr),
        mean: Some([10.0, 20.0, 30.0]),
        std: Some([255.0, 255.0, 127.5]),
        ..described(&labels)
    };
    let mut classifier = Classifier::load(&path, &said).unwrap();
    assert_eq!(classifier.labels()[0].label, "blue, azure");
    assert_eq!(classifier.labels()[0].wnid.as_deref(), Some("n00000001"));
    assert_eq!(classifier.labels()[2].label, "red");
    let probabilities = classifier.classify(&picture([0.2, 0.4, 0.1], SIDE)).unwrap();
    // Blue, green, red, each times 20: the mean in 0..255 minus `mean`, divided by `std`.
    let logits = [25.5 - 10.0, 102.0 - 20.0, 51.0 - 30.0];
    let logits = [logits[0] / 255.0 * 20.0, logits[1] / 255.0 * 20.0, logits[2] / 127.5 * 20.0f32];
    let sum: f32 = logits.iter().map(|logit| logit.exp()).sum();
    for (found, logit) in probabilities.iter().zip(logits) {
        assert!((found - logit.exp() / sum).abs() < 1e-5, "{probabilities:?} is not the soft-max of {logits:?}");
    }
}

#[test]
fn logits_that_are_called_probabilities_are_refused() {
    let folder = tempdir().unwrap();
    let labels = folder.path().join("labels.txt");
    std::fs::write(&labels, "red\ngreen\nblue\n").unwrap();
    let said = Description { output: Some(ForeignOutput::Probabilities), ..described(&labels) };
    assert_says(
        &refused_classifier(&foreign_classifier(SIDE), &said),
        &["does not give probabilities", "output = \"probabilities\""],
    );
}

#[test]
fn quantised_operators_are_found() {
    let folder = tempdir().unwrap();
    let mut model = classifier(SIDE);
    let graph = model.graph.as_mut().unwrap();
    graph.node.push(node("DynamicQuantizeLinear", &["logits"], "quantised"));
    graph.node.push(node("MatMulInteger", &["quantised", "quantised"], "product"));
    let file = purecam::engine::ModelFile::open(&write(folder.path(), "int8.onnx", &model)).unwrap();
    assert_eq!(file.quantised_operators(), ["DynamicQuantizeLinear", "MatMulInteger"]);
}

/// A manifest of the two test models with the checksums that their files have.
fn manifest(folder: &Path) -> String {
    let entry = |file: &str, role: &str| {
        let sha256: String = Sha256::digest(std::fs::read(folder.join(file)).unwrap())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!(
            "[[model]]\nfile = \"{file}\"\nrole = \"{role}\"\nsha256 = \"{sha256}\"\nbytes = 1\ngflop = 0.1\ncard = \"{role}.md\"\n[model.accuracy]\nclean = 0.9\n"
        )
    };
    format!(
        "purifier = \"purifier-test.onnx\"\nclassifier = \"classifier-test.onnx\"\n{}{}",
        entry("purifier-test.onnx", "purifier"),
        entry("classifier-test.onnx", "classifier")
    )
}

#[test]
fn a_file_that_its_manifest_does_not_recognise_is_refused() {
    let folder = tempdir().unwrap();
    let (purifier, _) = write_pair(folder.path());
    std::fs::write(folder.path().join("manifest.toml"), manifest(folder.path())).unwrap();
    assert!(Purifier::load(&purifier, 1).is_ok());
    let mut other = models::purifier(SIDE);
    other.producer_name = "someone else".into();
    write(folder.path(), "purifier-test.onnx", &other);
    let message = Purifier::load(&purifier, 1).err().expect("another file was loaded").to_string();
    assert_says(&message, &["purifier-test.onnx", "SHA-256", "manifest.toml says"]);
}

#[test]
fn the_first_folder_with_a_manifest_has_the_default_models() {
    let (empty, folder) = (tempdir().unwrap(), tempdir().unwrap());
    write_pair(folder.path());
    std::fs::write(folder.path().join("manifest.toml"), manifest(folder.path())).unwrap();
    let shipped = Shipped::find_in([empty.path().to_owned(), folder.path().to_owned()]).unwrap();
    assert_eq!(shipped.purifier(), folder.path().join("purifier-test.onnx"));
    assert_eq!(shipped.classifier(), folder.path().join("classifier-test.onnx"));
    let error = Shipped::find_in([empty.path().to_owned()]).unwrap_err().to_string();
    assert_says(&error, &[&empty.path().display().to_string(), "--purifier", "PURECAM_MODELS"]);
}

#[test]
fn the_general_purifier_is_for_every_classifier_that_does_not_ship() {
    let folder = tempdir().unwrap();
    let (purifier, classifier) = write_pair(folder.path());
    let general = folder.path().join("purifier-general.onnx");
    std::fs::copy(&purifier, &general).unwrap();
    let find = |text: &str| {
        std::fs::write(folder.path().join("manifest.toml"), text).unwrap();
        Shipped::find_in([folder.path().to_owned()])
    };
    let without = manifest(folder.path());
    let shipped = find(&without).unwrap();
    assert_eq!(shipped.purifier_for(Path::new("mine.onnx")), purifier);

    let entry = "[[model]]\nfile = \"purifier-general.onnx\"\nrole = \"purifier\"\nsha256 = \"0\"\nbytes = 1\ngflop = 0.1\ncard = \"general.md\"\n";
    let with = format!("general = \"purifier-general.onnx\"\n{without}{entry}");
    let shipped = find(&with).unwrap();
    assert_eq!(shipped.purifier_for(Path::new("mine.onnx")), general);
    assert_eq!(shipped.purifier_for(&classifier), purifier);
    // The same file by another way is the same classifier.
    assert_eq!(shipped.purifier_for(&folder.path().join(".").join("classifier-test.onnx")), purifier);

    let message = find(&format!("general = \"purifier-gone.onnx\"\n{without}")).unwrap_err().to_string();
    assert_says(&message, &["purifier-gone.onnx", "does not list"]);
}

#[test]
fn a_manifest_whose_defaults_do_not_exist_is_an_error() {
    let folder = tempdir().unwrap();
    write_pair(folder.path());
    let text =
        manifest(folder.path()).replace("purifier = \"purifier-test.onnx\"", "purifier = \"purifier-gone.onnx\"");
    std::fs::write(folder.path().join("manifest.toml"), text).unwrap();
    assert!(matches!(Manifest::read(folder.path()), Err(ManifestError::Default { .. })));
    std::fs::write(folder.path().join("manifest.toml"), "purifier = 3").unwrap();
    assert!(matches!(Manifest::read(folder.path()), Err(ManifestError::Malformed { .. })));
}
