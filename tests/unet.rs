//! The U-Net: what it does untrained, and its exported file in the engine and with gradients.
#![cfg(feature = "training")]

use std::path::PathBuf;

use burn::module::{Module, ModuleMapper, Param};
use burn::prelude::*;
use purecam::engine::contract::{Input, Metadata, Role, Sides, Strength};
use purecam::engine::{NoiseSource, Purifier, Setup};
use purecam::workshop::onnx::read::{Network, Purifier as Differentiable};
use purecam::workshop::pictures::values;
use purecam::workshop::unet::{Unet, UnetConfig, export};

/// Noise of the smallest networks: two scales, a stride of eight pixels.
fn config() -> UnetConfig {
    UnetConfig { patch: 4, widths: vec![6, 10], depths: vec![1, 2], strength: 20.0, strengths: [5.0, 40.0] }
}

/// Small random weights everywhere, also where an untrained network has zeros.
fn trained() -> Unet {
    struct Shake;

    impl ModuleMapper for Shake {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|tensor| {
                let count = tensor.shape().num_elements();
                let shaken: Vec<f32> = (0..count).map(|i| ((i * 37 + count) % 101) as f32 / 500.0 - 0.1).collect();
                Tensor::<1>::from_floats(shaken.as_slice(), &tensor.device()).reshape(tensor.shape())
            })
        }
    }

    config().init(&Device::flex()).map(&mut Shake)
}

fn metadata(side: usize) -> Metadata {
    let UnetConfig { strength, strengths: [least, most], .. } = config();
    Metadata {
        role: Role::Purifier,
        input: Input::native(side),
        noise: vec![export::noise(side)],
        sides: Some(Sides { multiple: config().stride() }),
        strength: Some(Strength { name: export::STRENGTH.to_owned(), default: strength, least, most }),
        labels: Vec::new(),
        riae: None,
        unet: Some(serde_json::json!(config())),
        training: None,
    }
}

fn bytes(model: &Unet) -> Vec<u8> {
    export::graph(model, None).into_bytes("purifier", &metadata(32))
}

/// A file in a folder that goes with it.
fn file(model: &Unet) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("purifier.onnx");
    std::fs::write(&path, bytes(model)).unwrap();
    (folder, path)
}

/// A picture [3, height, width] in 0..1.
fn picture([height, width]: [usize; 2]) -> Vec<f32> {
    (0..3 * height * width).map(|i| ((i * 37) % 255) as f32 / 255.0).collect()
}

fn tensor(numbers: &[f32], [height, width]: [usize; 2]) -> Tensor<4> {
    Tensor::<1>::from_floats(numbers, &Device::flex()).reshape([1, 3, height, width])
}

/// What the network makes of the picture with the noise that the device draws for frame 0 under `seed`.
fn expected(model: &Unet, size: [usize; 2], strength: f32, seed: u64) -> Vec<f32> {
    let mut noise = vec![0.0; 3 * size[0] * size[1]];
    let mut source = NoiseSource::new(seed);
    source.frame(0);
    source.normal(&mut noise);
    let strength = Tensor::<1>::from_floats([strength], &Device::flex()).reshape([1, 1, 1, 1]);
    values(model.forward(tensor(&picture(size), size), tensor(&noise, size), strength).clamp(0.0, 1.0))
}

fn assert_near(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    let difference = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(difference < 1e-5, "differs by {difference}");
}

#[test]
fn an_untrained_network_does_little_but_add_the_noise() {
    let device = Device::flex();
    device.seed(1);
    // As many channels as a patch has values: the head inverts the stem.
    let model = UnetConfig { widths: vec![48, 10], ..config() }.init(&device);
    let size = [16, 24];
    let image = tensor(&picture(size), size);
    for (strength, added) in [(0.0, 0.0), (51.0, 0.2)] {
        let strength = Tensor::<1>::from_floats([strength], &device).reshape([1, 1, 1, 1]);
        let purified = model.forward(image.clone(), Tensor::ones([1, 3, 16, 24], &device), strength);
        let change = values((purified - image.clone() - added).abs().mean())[0];
        assert!(change < 0.05, "changed by {change}");
    }
}

#[test]
fn one_file_answers_like_the_network_at_every_side_and_strength() {
    let model = trained();
    let (_folder, path) = file(&model);
    for (size, strength) in [(None, None), (Some([16, 40]), Some(5.0)), (Some([64, 64]), Some(40.0))] {
        let mut purifier = Purifier::load(&path, Setup { seed: 7, size, strength }).unwrap();
        let (size, strength) = (size.unwrap_or([32, 32]), strength.unwrap_or(20.0));
        assert_eq!((purifier.size(), purifier.strength()), (size, Some(strength)));
        assert_eq!(purifier.mode(), Some("noise"));
        let mut purified = Vec::new();
        purifier.purify(&picture(size), 0, &mut purified).unwrap();
        assert_near(&purified, &expected(&model, size, strength, 7));
        // The next frame gets other noise, the same frame the same.
        let mut again = Vec::new();
        purifier.purify(&picture(size), 1, &mut again).unwrap();
        assert_ne!(purified, again);
        purifier.purify(&picture(size), 0, &mut again).unwrap();
        assert_eq!(purified, again);
    }
}

#[test]
fn a_fixed_graph_answers_the_same_and_has_no_free_side() {
    let (model, size) = (trained(), [32, 32]);
    let metadata = Metadata { sides: None, ..metadata(32) };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fixed.onnx");
    std::fs::write(&path, export::graph(&model, Some(32)).into_bytes("purifier", &metadata)).unwrap();
    let mut purifier = Purifier::load(&path, Setup { seed: 7, ..Setup::default() }).unwrap();
    let mut purified = Vec::new();
    purifier.purify(&picture(size), 0, &mut purified).unwrap();
    assert_near(&purified, &expected(&model, size, 20.0, 7));
    // It keeps its size whatever is asked for.
    let other = Purifier::load(&path, Setup { size: Some([16, 40]), ..Setup::default() }).unwrap();
    assert_eq!(other.size(), size);
}

#[test]
fn a_side_that_is_no_multiple_is_continued_by_its_last_row_and_column() {
    let (model, size, padded) = (trained(), [13, 21], [16, 24]);
    let (_folder, path) = file(&model);
    let small = picture(size);
    let at = |y: usize, x: usize| y.min(size[0] - 1) * size[1] + x.min(size[1] - 1);
    let large: Vec<f32> = (0..3 * 16 * 24).map(|i| small[i / (16 * 24) * 13 * 21 + at(i / 24 % 16, i % 24)]).collect();
    let mut noise = vec![0.0; large.len()];
    let mut source = NoiseSource::new(7);
    source.frame(0);
    source.normal(&mut noise);
    let strength = Tensor::<1>::from_floats([20.0], &Device::flex()).reshape([1, 1, 1, 1]);
    let purified = model.forward(tensor(&large, padded), tensor(&noise, padded), strength).clamp(0.0, 1.0);
    let expected = values(purified.narrow(2, 0, 13).narrow(3, 0, 21));

    let setup = Setup { seed: 7, size: Some(size), strength: None };
    let mut purifier = Purifier::load(&path, setup).unwrap();
    assert_eq!(purifier.size(), size);
    let mut found = Vec::new();
    purifier.purify(&small, 0, &mut found).unwrap();
    assert_near(&found, &expected);

    let network = Network::from_bytes("purifier.onnx", &bytes(&model), &Device::flex()).unwrap();
    let differentiable = Differentiable::new(network, &setup).unwrap();
    let image = tensor(&small, size).autodiff().require_grad();
    let purified = differentiable.purify(image.clone(), 7);
    assert_near(&values(purified.clone().inner()), &expected);
    assert_eq!(image.grad(&purified.sum().backward()).expect("the picture has a gradient").dims(), [1, 3, 13, 21]);
}

#[test]
fn training_can_go_on_from_an_exported_file() {
    let model = trained();
    let network = |model: &Unet| Network::from_bytes("purifier.onnx", &bytes(model), &Device::flex()).unwrap();
    // Weights that are trained must be leaves of a tape, whatever they are read from.
    let device = Device::flex().autodiff();
    let again = config().init(&device).with_weights_of(&network(&model)).unwrap();
    let size = [16, 24];
    let of = |model: &Unet, device: &Device| {
        let strength = Tensor::<1>::from_floats([9.0], device).reshape([1, 1, 1, 1]);
        let noise = Tensor::ones([1, 3, 16, 24], device);
        model.forward(tensor(&picture(size), size).to_device(device), noise, strength)
    };
    assert_near(&values(of(&again, &device)), &values(of(&model, &Device::flex())));
    for _ in 0..2 {
        let gradients = of(&again, &device).sum().backward();
        assert!(again.head.weight.val().grad(&gradients).is_some() && again.told.val().grad(&gradients).is_some());
    }

    let wider = UnetConfig { widths: vec![6, 12], ..config() }.init(&device);
    let error = wider.with_weights_of(&network(&model)).unwrap_err().to_string();
    assert!(
        ["purifier.onnx", "'down.1.0.conv1.weight'", "[12, 12, 3, 3]", "[10, 10, 3, 3]"]
            .iter()
            .all(|part| error.contains(part)),
        "{error}"
    );
}

#[test]
fn the_file_has_gradients_that_agree_with_the_network() {
    let (model, size) = (trained(), [16, 24]);
    let device = Device::flex();
    let network = Network::from_bytes("purifier.onnx", &bytes(&model), &device).unwrap();
    let setup = Setup { seed: 0, size: Some(size), strength: Some(9.0) };
    let purifier = Differentiable::new(network, &setup).unwrap();
    assert!(purifier.takes_batches() && purifier.size() == size);
    let purified = purifier.purify(tensor(&picture(size), size), 7);
    assert_near(&values(purified), &expected(&model, size, 9.0, 7));

    let image = tensor(&picture(size), size).autodiff().require_grad();
    let gradients = purifier.purify(image.clone(), 7).sum().backward();
    let gradient = image.grad(&gradients).expect("the picture has a gradient");
    assert!(values(gradient.abs()).iter().sum::<f32>() > 0.0);
}

#[test]
fn strengths_that_the_file_does_not_know_are_refused_by_name() {
    let (_folder, path) = file(&trained());
    let refused = |strength, words: [&str; 2]| {
        let error = Purifier::load(&path, Setup { strength, ..Setup::default() }).err().expect("refused").to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    };
    refused(Some(41.0), ["from 5 to 40", "purifier.strength is 41"]);
    refused(Some(4.9), ["from 5 to 40", "4.9"]);
    refused(Some(f32::NAN), ["from 5 to 40", "NaN"]);
}
