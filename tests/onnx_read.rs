//! Reading ONNX files with gradients: the same answers as tract, the same gradients as PyTorch.
#![cfg(feature = "training")]

use std::path::{Path, PathBuf};

use burn::prelude::{Device, TensorData};
use burn::tensor::{Tensor, activation};
use purecam::engine::contract::{Colour, Input};
use purecam::workshop::onnx::read::{Classifier, Error, Network};
use safetensors::SafeTensors;
use tract_onnx::prelude::{DatumExt, Framework, InferenceModelExt, IntoRunnable, Tensor as TractTensor, tvec};

/// A foreign classifier beside the maintainers' checkout; `None` on other machines.
fn shared_model(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/models").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} does not exist", path.display());
    None
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn squeezenet_input() -> Input {
    let mean = [103.939, 116.779, 123.68];
    Input { name: "data_0".into(), range: 255.0, colour: Colour::Bgr, mean, ..Input::native(224) }
}

fn mobilenet_input() -> Input {
    Input { name: "input".into(), mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], ..Input::native(224) }
}

/// A picture of smooth waves, RGB in 0..1, one channel after the other.
fn picture(side: usize, phase: f32) -> Vec<f32> {
    let value = |channel: usize, row: usize, column: usize| {
        let (x, y) = (column as f32 / side as f32, row as f32 / side as f32);
        0.5 + 0.45 * (9.0 * x + 5.0 * y * (channel as f32 + 1.0) + phase).sin()
    };
    (0..3).flat_map(|channel| (0..side * side).map(move |pixel| value(channel, pixel / side, pixel % side))).collect()
}

/// What tract makes of a picture after the preprocessing that `input` describes.
fn tract_output(path: &Path, input: &Input, picture: &[f32]) -> Vec<f32> {
    let [height, width] = input.size;
    let pixels = height * width;
    let prepared: Vec<f32> = (0..3 * pixels)
        .map(|place| {
            let channel = place / pixels;
            let from = if input.colour == Colour::Bgr { 2 - channel } else { channel };
            (picture[from * pixels + place % pixels] * input.range - input.mean[channel]) / input.std[channel]
        })
        .collect();
    let fact = f32::fact([1, 3, height, width]).into();
    let plan = tract_onnx::onnx().model_for_path(path).unwrap().with_input_fact(0, fact).unwrap();
    let plan = plan.into_optimized().unwrap().into_runnable().unwrap();
    let tensor = TractTensor::from_shape(&[1, 3, height, width], &prepared).unwrap();
    plan.run(tvec!(tensor.into())).unwrap()[0].to_plain_array_view::<f32>().unwrap().iter().copied().collect()
}

fn relative_error(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
    let difference = norm(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    difference / norm(&mut expected.iter().copied()).max(1e-12)
}

fn images(pictures: &[Vec<f32>], side: usize, device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(pictures.concat(), [pictures.len(), 3, side, side]), device)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

#[test]
fn mobilenet_gives_the_logits_that_tract_gives() {
    let Some(path) = shared_model("mobilenet_v2_fp32.onnx") else { return };
    let device = Device::flex();
    let classifier = Classifier::load(&path, Some(&mobilenet_input()), &device).unwrap();
    let (one, two) = (picture(224, 0.0), picture(224, 2.0));
    let found = numbers(classifier.logits(images(&[one.clone(), two.clone()], 224, &device)));
    let expected =
        [tract_output(&path, &mobilenet_input(), &one), tract_output(&path, &mobilenet_input(), &two)].concat();
    assert!(relative_error(&found, &expected) < 1e-4);
}

#[test]
fn squeezenet_gives_the_probabilities_that_tract_gives_once_its_softmax_is_put_back() {
    let Some(path) = shared_model("squeezenet_fp32.onnx") else { return };
    let device = Device::flex();
    let classifier = Classifier::load(&path, Some(&squeezenet_input()), &device).unwrap();
    let (one, two) = (picture(224, 0.0), picture(224, 2.0));
    let logits = classifier.logits(images(&[one.clone(), two.clone()], 224, &device));
    let found = numbers(activation::softmax(logits.clone(), 1));
    let expected =
        [tract_output(&path, &squeezenet_input(), &one), tract_output(&path, &squeezenet_input(), &two)].concat();
    assert!(relative_error(&found, &expected) < 1e-4);
    let row: f32 = numbers(logits).iter().take(1000).sum();
    assert!((row - 1.0).abs() > 1.0, "logits, not probabilities");
}

#[test]
fn the_mask_of_a_dropout_is_not_among_the_tensors_of_a_network() {
    let Some(path) = shared_model("squeezenet_fp32.onnx") else { return };
    let classifier = Classifier::load(&path, Some(&squeezenet_input()), &Device::flex()).unwrap();
    assert!(classifier.network().node_outputs().all(|name| !name.contains("_mask_")));
    assert_eq!(classifier.stages().unwrap().len(), 4);
}

#[test]
fn half_precision_weights_are_read() {
    let (Some(half), Some(single)) = (shared_model("squeezenet_fp16.onnx"), shared_model("squeezenet_fp32.onnx"))
    else {
        return;
    };
    let device = Device::flex();
    let logits = |path: &Path| {
        let classifier = Classifier::load(path, Some(&squeezenet_input()), &device).unwrap();
        numbers(classifier.logits(images(&[picture(224, 1.0)], 224, &device)))
    };
    assert!(relative_error(&logits(&half), &logits(&single)) < 1e-3);
}

#[test]
fn an_operator_without_a_gradient_is_named_with_its_node() {
    let Some(path) = shared_model("mobilenet_v2_int8_dynamic.onnx") else { return };
    let error = Classifier::load(&path, Some(&mobilenet_input()), &Device::flex()).unwrap_err();
    let Error::Unsupported { operator, node, .. } = &error else { panic!("{error}") };
    assert_eq!(operator, "DynamicQuantizeLinear");
    assert!(
        error.to_string().contains(node.as_str()) && error.to_string().contains("mobilenet_v2_int8_dynamic.onnx"),
        "{error}"
    );
}

/// What PyTorch computed for a network of `tests/fixtures/make_gradients.py`.
struct Expected {
    image: Vec<f32>,
    labels: Vec<i64>,
    logits: Vec<f32>,
    gradient: Vec<f32>,
    side: usize,
}

fn expected(name: &str) -> Expected {
    let bytes = std::fs::read(fixture(&format!("{name}.safetensors"))).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let floats = |name: &str| -> Vec<f32> {
        tensors.tensor(name).unwrap().data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    let labels =
        tensors.tensor("labels").unwrap().data().as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect();
    let side = tensors.tensor("image").unwrap().shape()[2];
    Expected { image: floats("image"), labels, logits: floats("logits"), gradient: floats("gradient"), side }
}

/// Logits, and the gradient of the summed cross-entropy with respect to the picture.
fn logits_and_gradient(name: &str) -> (Expected, Vec<f32>, Vec<f32>) {
    let expected = expected(name);
    let device = Device::flex();
    let network = Network::load(&fixture(&format!("{name}.onnx")), &device).unwrap();
    let classifier = Classifier::new(network, Some(&Input::native(expected.side))).unwrap();
    let shape = [2, 3, expected.side, expected.side];
    let image = Tensor::<4>::from_data(TensorData::new(expected.image.clone(), shape), &device.clone().autodiff())
        .require_grad();
    let logits = classifier.logits(image.clone());
    let labels = Tensor::<1, burn::tensor::Int>::from_data(TensorData::new(expected.labels.clone(), [2]), &device);
    let chosen = activation::log_softmax(logits.clone(), 1).gather(1, labels.reshape([2, 1]));
    let gradients = chosen.sum().neg().backward();
    let gradient = image.grad(&gradients).unwrap();
    (expected, numbers(logits), numbers(gradient))
}

fn assert_agrees_with_pytorch(name: &str) {
    let (expected, logits, gradient) = logits_and_gradient(name);
    let (forward, backward) =
        (relative_error(&logits, &expected.logits), relative_error(&gradient, &expected.gradient));
    assert!(forward < 1e-5 && backward < 1e-4, "{name}: logits differ by {forward}, the gradient by {backward}");
}

#[test]
fn a_residual_network_has_the_gradient_that_pytorch_gives() {
    assert_agrees_with_pytorch("residual");
}

#[test]
fn an_inverted_network_has_the_gradient_that_pytorch_gives_at_its_logits() {
    assert_agrees_with_pytorch("inverted");
}

#[test]
fn a_transformer_has_the_gradient_that_pytorch_gives() {
    assert_agrees_with_pytorch("transformer");
}

#[test]
fn a_graph_with_a_batch_of_one_baked_in_runs_any_batch() {
    assert_agrees_with_pytorch("transformer_batch1");
}
