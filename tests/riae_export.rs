//! The exported RIAE: tract computes burn's picture for every mode, decoder and grouping, with the same isolation.
#![cfg(feature = "training")]

use burn::prelude::*;
use prost::Message;
use purecam::engine::Setup;
use purecam::engine::contract::{Draw as Distribution, Input, Metadata, Noise, Role};
use purecam::workshop::onnx::read::{Network, Purifier};
use purecam::workshop::riae::config::{DecoderKind, FinalConv, Grouping, Masking};
use purecam::workshop::riae::draw::{FeatureNoise, ImageNoise};
use purecam::workshop::riae::export::{Options, export};
use purecam::workshop::riae::groups::fixed_order;
use purecam::workshop::riae::{Draw, Riae, RiaeConfig};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

const SIDE: usize = 48;

fn small(kind: DecoderKind, grouping: Grouping, masking: Masking, groups: usize) -> RiaeConfig {
    let text = r#"
        patch = 8
        final_conv = "3x3"
        final_conv_init = "default"
        encoder = { width = 24, depth = 3, heads = 3, taps = [0, 1] }
        decoder = { kind = "self", width = 16, depth = 3, heads = 2 }
    "#;
    let mut config: RiaeConfig = toml::from_str(text).expect("a configuration");
    (config.decoder.kind, config.grouping, config.masking, config.groups) = (kind, grouping, masking, groups);
    config
}

fn values<const D: usize>(tensor: burn::Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("f32")
}

fn picture() -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    (0..3 * SIDE * SIDE).map(|_| rng.random()).collect()
}

fn bytes(model: &Riae, options: Options) -> (Vec<u8>, Vec<Noise>) {
    let exported = export(model, SIDE, options).expect("a graph");
    let metadata = Metadata {
        role: Role::Purifier,
        input: Input::native(SIDE),
        noise: exported.noise.clone(),
        labels: Vec::new(),
        sides: None,
        strength: None,
        riae: Some(serde_json::json!(model.config())),
        unet: None,
        training: None,
    };
    (exported.graph.into_bytes("riae", &metadata), exported.noise)
}

/// A graph in tract, optimised, with the noise of one fixed draw.
struct Exported {
    plan: std::sync::Arc<TypedSimplePlan>,
    noise: Vec<Tensor2>,
}

type Tensor2 = tract_onnx::prelude::Tensor;

impl Exported {
    fn load(bytes: &[u8], noise: Vec<Tensor2>) -> Self {
        let model = tract_onnx::onnx().model_for_read(&mut &bytes[..]).expect("tract reads the graph");
        Self { plan: model.into_optimized().expect("tract optimises it").into_runnable().expect("a plan"), noise }
    }

    /// The outputs for a picture.
    fn run(&self, picture: &[f32]) -> Vec<Vec<f32>> {
        let image = Tensor2::from_shape(&[1, 3, SIDE, SIDE], picture).expect("an image");
        let inputs = std::iter::once(image).chain(self.noise.iter().cloned()).map(Tensor2::into_tvalue);
        let outputs = self.plan.run(inputs.collect()).expect("tract runs it");
        outputs
            .iter()
            .map(|output| output.to_plain_array_view::<f32>().expect("f32").iter().copied().collect())
            .collect()
    }
}

/// The same draw for burn and for the graph.
fn draws(model: &Riae, noise: &[Noise]) -> (Draw, Vec<Tensor2>) {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut draw = model.draw_evaluation(1, SIDE, &mut rng);
    let mut tensors = Vec::new();
    for noise in noise {
        let count = noise.shape.iter().product();
        match noise.draw {
            Distribution::Permutation => {
                let mut order: Vec<usize> = (0..count).collect();
                order.shuffle(&mut rng);
                let numbers: Vec<i64> = order.iter().map(|patch| *patch as i64).collect();
                tensors.push(Tensor2::from_shape(&noise.shape, &numbers).expect("a permutation"));
                draw.permutations = Some(vec![order]);
            }
            Distribution::Normal => {
                let numbers: Vec<f32> = (&mut rng).sample_iter(rand_distr::StandardNormal).take(count).collect();
                tensors.push(Tensor2::from_shape(&noise.shape, &numbers).expect("noise"));
                let shape: [usize; 4] = noise.shape.clone().try_into().expect("four axes");
                let tensor = burn::Tensor::from_data(TensorData::new(numbers, shape), &Device::flex());
                match noise.name.as_str() {
                    "image_noise" => draw.image_noise = draw.image_noise.map(|old| ImageNoise { noise: tensor, ..old }),
                    _ => draw.feature_noise = draw.feature_noise.map(|old| FeatureNoise { noise: tensor, ..old }),
                }
            }
        }
    }
    (draw, tensors)
}

fn image(picture: &[f32]) -> burn::Tensor<4> {
    burn::Tensor::from_data(TensorData::new(picture.to_vec(), [1, 3, SIDE, SIDE]), &Device::flex())
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[track_caller]
fn assert_tract_equals_burn(config: &RiaeConfig) {
    let model = config.init(&Device::flex());
    for fixed in [false, true] {
        let (bytes, noise) = bytes(&model, Options { before_conv: true, fixed });
        let (draw, tensors) = draws(&model, &noise);
        let outputs = Exported::load(&bytes, tensors).run(&picture());
        let purified = model.forward(image(&picture()), &draw);
        let clamped = if config.clamp { purified.image.clamp(0.0, 1.0) } else { purified.image };
        for (found, expected) in outputs.iter().zip([values(clamped), values(purified.before_conv)]) {
            let difference = largest_difference(found, &expected);
            assert!(difference < 1e-5, "tract and burn differ by {difference} with {config:?}, fixed: {fixed}");
        }
        assert_eq!(outputs.len(), 2);
        assert!(!(fixed && computes_shapes(&bytes)), "{config:?}");
    }
}

/// Whether a node of the file computes a shape or repeats something as often as a shape says.
fn computes_shapes(bytes: &[u8]) -> bool {
    let nodes = ModelProto::decode(bytes).expect("a model").graph.expect("a graph").node;
    nodes.iter().any(|node| ["Shape", "Expand"].contains(&node.op_type.as_str()))
}

#[test]
fn tract_gives_burns_picture_in_every_mode() {
    for kind in [DecoderKind::SelfAttention, DecoderKind::CrossAttention] {
        for masking in [Masking::Mask, Masking::ImageNoise, Masking::FeatureNoise, Masking::Both] {
            for (grouping, groups) in [(Grouping::Fixed, 4), (Grouping::Random, 4), (Grouping::Fixed, 3)] {
                assert_tract_equals_burn(&small(kind, grouping, masking, groups));
            }
        }
    }
}

#[test]
fn tract_gives_burns_picture_for_every_further_choice() {
    let base = small(DecoderKind::SelfAttention, Grouping::Fixed, Masking::Mask, 4);
    let cross = small(DecoderKind::CrossAttention, Grouping::Fixed, Masking::FeatureNoise, 2);
    let edits: [fn(&mut RiaeConfig); 8] = [
        |config| config.decoder.depth = 1,
        |config| config.decoder.depth = 2,
        |config| config.decoder.head_token = false,
        |config| config.decoder.own_group_attention = config.decoder.kind == DecoderKind::CrossAttention,
        |config| config.final_conv = FinalConv::Conv1x1,
        |config| config.final_conv = FinalConv::None,
        |config| config.encoder.taps.clear(),
        |config| (config.clamp, config.feature_norm) = (false, purecam::workshop::riae::config::FeatureNorm::Paper),
    ];
    for edit in edits {
        for mut config in [base.clone(), cross.clone()] {
            edit(&mut config);
            assert_tract_equals_burn(&config);
        }
    }
}

#[test]
fn in_the_exported_file_no_pixel_of_a_group_reaches_its_own_reconstruction() {
    for kind in [DecoderKind::SelfAttention, DecoderKind::CrossAttention] {
        for grouping in [Grouping::Fixed, Grouping::Random] {
            let config = small(kind, grouping, Masking::Mask, 4);
            let model = config.init(&Device::flex());
            let (bytes, noise) = bytes(&model, Options { before_conv: true, fixed: false });
            let (draw, tensors) = draws(&model, &noise);
            let order = draw.permutations.map_or_else(|| fixed_order(4, SIDE / 8), |mut orders| orders.remove(0));
            let exported = Exported::load(&bytes, tensors);
            let before = exported.run(&picture())[1].clone();
            for group in 0..4 {
                let own = &order[group * 9..(group + 1) * 9];
                let inside = |at: usize| own.contains(&(at / SIDE % SIDE / 8 * (SIDE / 8) + at % SIDE / 8));
                let replaced = picture()
                    .iter()
                    .enumerate()
                    .map(|(at, x)| if inside(at) { 1.0 - x } else { *x })
                    .collect::<Vec<_>>();
                let after = &exported.run(&replaced)[1];
                let same = |at: &usize| before[*at].to_bits() == after[*at].to_bits();
                let (own, others): (Vec<usize>, Vec<usize>) = (0..before.len()).partition(|at| inside(*at));
                assert!(own.iter().all(same), "{kind:?} {grouping:?}: group {group} leaks in the exported file");
                let moved = others.iter().filter(|at| !same(at)).count();
                assert!(moved * 10 > others.len() * 9, "{kind:?} {grouping:?}: others ignore group {group}");
            }
        }
    }
}

#[test]
fn an_exported_file_has_gradients_as_it_ships_and_in_batches() {
    for kind in [DecoderKind::SelfAttention, DecoderKind::CrossAttention] {
        for (grouping, masking) in [(Grouping::Fixed, Masking::Both), (Grouping::Random, Masking::Mask)] {
            let model = small(kind, grouping, masking, 4).init(&Device::flex());
            let (bytes, _) = bytes(&model, Options::default());
            let device = Device::flex().autodiff();
            let purifier = Network::from_bytes("riae.onnx", &bytes, &device)
                .and_then(|network| Purifier::new(network, &Setup::default()))
                .expect("a purifier");
            let one = image(&picture());
            let batch = burn::Tensor::cat(vec![one.clone(), one.clone().flip([3])], 0);
            let batch = burn::Tensor::from_inner(batch).require_grad();
            let purified = purifier.purify(batch.clone(), 3);
            let alone = purifier.purify(burn::Tensor::from_inner(one), 3);
            let first = purified.clone().narrow(0, 0, 1);
            assert!(largest_difference(&values(first.inner()), &values(alone.inner())) < 1e-5);
            let gradient = batch.grad(&purified.sum().backward()).expect("a gradient");
            assert!(values(gradient).iter().any(|slope| slope.abs() > 0.0));
        }
    }
}

#[test]
fn every_preset_exports() {
    for name in RiaeConfig::preset_names().filter(|name| *name != "base") {
        let model = RiaeConfig::preset(name).expect("a preset").init(&Device::flex());
        let exported = export(&model, 128, Options::default()).expect("a graph");
        assert!(exported.noise.is_empty(), "{name} needs no noise");
    }
}

#[test]
fn only_a_graph_for_any_batch_computes_shapes() {
    let model = small(DecoderKind::CrossAttention, Grouping::Fixed, Masking::Mask, 4).init(&Device::flex());
    let computes = |fixed| computes_shapes(&bytes(&model, Options { before_conv: false, fixed }).0);
    assert!(computes(false) && !computes(true));
}

#[test]
fn a_side_that_the_network_cannot_purify_is_refused() {
    let model = RiaeConfig::preset("edge").expect("a preset").init(&Device::flex());
    let message = export(&model, 100, Options::default()).expect_err("an impossible side").to_string();
    assert!(message.contains("100") && message.contains("patch size 8"), "{message}");
}
