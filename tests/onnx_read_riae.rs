//! Our own purifiers, exported and read back: the same pictures and the same gradients as the network in burn.
#![cfg(feature = "training")]

use burn::prelude::*;
use burn::tensor::Distribution;
use parking_lot::Mutex;
use purecam::engine::Setup;
use purecam::engine::contract::{Input, Metadata, Role};
use purecam::workshop::onnx::read::{Network, Purifier};
use purecam::workshop::riae::config::{DecoderKind, Grouping, Masking};
use purecam::workshop::riae::{Riae, RiaeConfig, export};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const SIDE: usize = 48;

/// burn draws from one generator for the whole process: tests that seed it run one at a time.
static SEEDED: Mutex<()> = Mutex::new(());

fn model(kind: DecoderKind, grouping: Grouping, masking: Masking) -> Riae {
    let text = r#"
        patch = 8
        final_conv = "3x3"
        encoder = { width = 24, depth = 3, heads = 3, taps = [0, 1] }
        decoder = { kind = "self", width = 16, depth = 3, heads = 2 }
    "#;
    let mut config: RiaeConfig = toml::from_str(text).unwrap();
    (config.decoder.kind, config.grouping, config.masking) = (kind, grouping, masking);
    // The network in burn does not clamp; only the exported graph would.
    config.clamp = false;
    let device = Device::flex();
    device.seed(1);
    config.init(&device)
}

fn exported(model: &Riae) -> Purifier {
    let exported = export::export(model, SIDE, Default::default()).unwrap();
    let (input, noise) = (Input::native(SIDE), exported.noise.clone());
    let metadata = Metadata {
        role: Role::Purifier,
        input,
        noise,
        labels: Vec::new(),
        sides: None,
        strength: None,
        riae: None,
        unet: None,
        training: None,
    };
    let bytes = exported.graph.into_bytes("riae", &metadata);
    Purifier::new(Network::from_bytes("riae.onnx", &bytes, &Device::flex()).unwrap(), &Setup::default()).unwrap()
}

fn pictures(batch: usize) -> Tensor<4> {
    let device = Device::flex();
    device.seed(2);
    Tensor::random([batch, 3, SIDE, SIDE], Distribution::Uniform(0.2, 0.8), &device)
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn a_purifier_read_back_gives_the_picture_and_the_gradient_of_the_network_in_burn() {
    let _alone = SEEDED.lock();
    for kind in [DecoderKind::SelfAttention, DecoderKind::CrossAttention] {
        let model = model(kind, Grouping::Fixed, Masking::Mask);
        let purifier = exported(&model);
        assert!(purifier.takes_batches());
        let draw = model.draw_evaluation(2, SIDE, &mut ChaCha8Rng::seed_from_u64(0));
        let gradient = |purify: &dyn Fn(Tensor<4>) -> Tensor<4>| {
            let image = pictures(2).autodiff().require_grad();
            let purified = purify(image.clone());
            // Each pixel has its own weight, so that errors do not cancel out.
            let weights = pictures(2).autodiff();
            let gradients = (purified.clone() * weights).sum().backward();
            (numbers(purified), numbers(image.grad(&gradients).unwrap()))
        };
        let (found, found_gradient) = gradient(&|image| purifier.purify(image, 0));
        let (expected, expected_gradient) = gradient(&|image| model.clone().forward(image, &draw).image);
        assert!(largest_difference(&found, &expected) < 1e-5, "{kind:?}");
        let scale = expected_gradient.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        assert!(largest_difference(&found_gradient, &expected_gradient) < 1e-4 * scale, "{kind:?}");
    }
}

#[test]
fn every_mode_runs_in_batches_and_gives_each_picture_its_own_noise() {
    let _alone = SEEDED.lock();
    for kind in [DecoderKind::SelfAttention, DecoderKind::CrossAttention] {
        for grouping in [Grouping::Fixed, Grouping::Random] {
            for masking in [Masking::Mask, Masking::ImageNoise, Masking::FeatureNoise, Masking::Both] {
                let purifier = exported(&model(kind, grouping, masking));
                let what = format!("{kind:?} {grouping:?} {masking:?}");
                assert!(purifier.takes_batches(), "{what}");
                let one = pictures(1);
                let same_twice = numbers(purifier.purify(Tensor::cat(vec![one.clone(), one.clone()], 0), 4));
                let (first, second) = same_twice.split_at(3 * SIDE * SIDE);
                assert!(largest_difference(first, &numbers(purifier.purify(one.clone(), 4))) < 1e-5, "{what}");
                let random = grouping == Grouping::Random || masking != Masking::Mask;
                assert_eq!(largest_difference(first, second) > 1e-4, random, "{what}");
                assert_eq!(largest_difference(first, &numbers(purifier.purify(one, 5))) > 1e-4, random, "{what}");
            }
        }
    }
}
