//! The RIAE in burn: what it must never leak, what its shortcuts must not change, its sizes, and what it refuses.
#![cfg(feature = "training")]

use burn::module::Module;
use burn::prelude::*;
use burn::tensor::Distribution;
use parking_lot::Mutex;
use purecam::workshop::riae::block::norm;
use purecam::workshop::riae::config::{DecoderKind, FeatureNorm, FinalConv, Grouping, Masking};
use purecam::workshop::riae::decoder_self::{DecoderInput, SelfDecoder};
use purecam::workshop::riae::groups::{fixed_order, others};
use purecam::workshop::riae::{Decoder, Error, Riae, RiaeConfig, state_dict};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const SIDE: usize = 48;

/// A network of test size: 8-pixel patches, all weights random.
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

/// Seeds the device and makes something with it. All tests share one generator, so they take turns.
fn seeded<T>(seed: u64, device: Device, make: impl FnOnce(&Device) -> T) -> T {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock();
    device.seed(seed);
    make(&device)
}

fn model(config: &RiaeConfig) -> Riae {
    config.validate(SIDE).expect("a side that fits");
    seeded(1, Device::flex(), |device| config.init(device))
}

fn image(batch: usize) -> Tensor<4> {
    let distribution = Distribution::Uniform(0.0, 1.0);
    seeded(2, Device::flex(), |device| Tensor::random([batch, 3, SIDE, SIDE], distribution, device))
}

fn normal<const D: usize>(shape: [usize; D]) -> Tensor<D> {
    seeded(4, Device::flex(), |device| Tensor::random(shape, Distribution::Normal(0.0, 1.0), device))
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("f32")
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// The index of the patch, in raster order, of a value of [1, 3, SIDE, SIDE].
fn patch_of(index: usize) -> usize {
    let (row, column) = (index / SIDE % SIDE, index % SIDE);
    row / 8 * (SIDE / 8) + column / 8
}

/// Replaces all pixels of `group`. Returns whether each value before the last convolution stayed the same bit for bit:
/// of the group's own patches, and of the others.
fn survivors(config: &RiaeConfig, group: usize) -> (Vec<bool>, Vec<bool>) {
    let model = model(config);
    let draw = model.draw_training(1, SIDE, &mut ChaCha8Rng::seed_from_u64(3));
    let order = match &draw.permutations {
        Some(permutations) => permutations[0].clone(),
        None => fixed_order(config.groups, SIDE / 8),
    };
    let len = config.group_len(SIDE);
    let own = &order[group * len..(group + 1) * len];
    let before = values(image(1));
    let replaced =
        before.iter().enumerate().map(|(at, value)| if own.contains(&patch_of(at)) { 1.0 - value } else { *value });
    let replaced: Vec<f32> = replaced.collect();
    let replaced = Tensor::<4>::from_data(TensorData::new(replaced, [1, 3, SIDE, SIDE]), &Device::flex());
    let before = values(model.forward(image(1), &draw).before_conv);
    let after = values(model.forward(replaced, &draw).before_conv);
    let same = |inside: bool| {
        let of_kind = (0..before.len()).filter(|at| own.contains(&patch_of(*at)) == inside);
        of_kind.map(|at| before[at].to_bits() == after[at].to_bits()).collect::<Vec<_>>()
    };
    (same(true), same(false))
}

#[test]
fn in_mask_mode_no_pixel_of_a_group_reaches_its_own_reconstruction() {
    for kind in [DecoderKind::SelfAttention, DecoderKind::CrossAttention] {
        for (grouping, groups) in
            [(Grouping::Fixed, 4), (Grouping::Random, 4), (Grouping::Fixed, 2), (Grouping::Fixed, 3)]
        {
            for own_group_attention in [false, kind == DecoderKind::CrossAttention] {
                let mut config = small(kind, grouping, Masking::Mask, groups);
                config.decoder.own_group_attention = own_group_attention;
                for group in 0..groups {
                    let (own, others) = survivors(&config, group);
                    assert!(own.iter().all(|same| *same), "{kind:?} {grouping:?}: group {group} of {groups} leaks");
                    let moved = others.iter().filter(|same| !**same).count();
                    assert!(moved * 10 > others.len() * 9, "{kind:?} {grouping:?}: others ignore group {group}");
                }
            }
        }
    }
}

#[test]
fn without_head_token_nothing_leaks_either() {
    for kind in [DecoderKind::SelfAttention, DecoderKind::CrossAttention] {
        let mut config = small(kind, Grouping::Fixed, Masking::Mask, 4);
        config.decoder.head_token = false;
        let (own, others) = survivors(&config, 1);
        assert!(own.iter().all(|same| *same) && others.iter().any(|same| !same));
    }
}

#[test]
fn the_modes_with_noise_let_a_group_through() {
    for masking in [Masking::ImageNoise, Masking::FeatureNoise, Masking::Both] {
        let (own, _) = survivors(&small(DecoderKind::SelfAttention, Grouping::Fixed, masking, 4), 0);
        assert!(own.iter().any(|same| !same), "{masking:?} should trade isolation for detail");
    }
}

/// The decoder as the paper's code runs it: one whole pass per group, nothing shared, nothing left out.
fn plain_passes(decoder: &SelfDecoder, input: &DecoderInput) -> Tensor<4> {
    let [batch, groups, len, width] = input.visible.dims();
    let stand_ins = input.stand_ins.clone().expand([batch, groups, len, width]);
    let others = others(groups);
    let pass = |own: usize| {
        let of = |from: &Tensor<4>, group: usize| from.clone().narrow(1, group, 1).reshape([batch, len, width]);
        let mut tokens = vec![of(&stand_ins, own)];
        tokens.extend(
            others[own * (groups - 1)..(own + 1) * (groups - 1)].iter().map(|other| of(&input.visible, *other)),
        );
        tokens.extend(input.head_tokens.clone().map(|tokens| tokens.narrow(1, own, 1)));
        let decoded = decoder.blocks.iter().fold(Tensor::cat(tokens, 1), |tokens, block| block.forward(tokens));
        decoded.narrow(1, 0, len)
    };
    Tensor::stack((0..groups).map(pass).collect(), 1)
}

#[test]
fn the_shortcuts_of_the_self_decoder_change_nothing() {
    for depth in [1, 2, 3] {
        for (stand_in_sets, head_token) in [(1, true), (2, true), (2, false)] {
            let mut config = small(DecoderKind::SelfAttention, Grouping::Fixed, Masking::Mask, 4);
            (config.decoder.depth, config.decoder.head_token) = (depth, head_token);
            let model = model(&config);
            let Decoder::SelfAttention(decoder) = &model.decoder else { panic!("a self decoder") };
            let head_tokens = head_token.then(|| normal([2, 4, 16]));
            let (visible, stand_ins) = (normal([2, 4, 9, 16]), normal([stand_in_sets, 4, 9, 16]) * 0.7);
            let input = || DecoderInput {
                visible: visible.clone(),
                stand_ins: stand_ins.clone(),
                head_tokens: head_tokens.clone(),
            };
            let shortened = values(decoder.forward(input()));
            let plain = values(plain_passes(decoder, &input()));
            let difference = largest_difference(&shortened, &plain);
            assert!(difference < 1e-5, "depth {depth}: the passes with shortcuts differ by {difference}");
        }
    }
}

#[test]
fn folding_the_fusion_into_one_product_changes_nothing() {
    let model = model(&small(DecoderKind::SelfAttention, Grouping::Fixed, Masking::Mask, 4));
    let encoder = &model.encoder;
    let tokens = normal([4, 9, 24]);
    let class = encoder.cls_token.val().expand([4, 1, 24]);
    let mut hidden = Tensor::cat(vec![class, tokens.clone()], 1);
    let mut taps = Vec::new();
    for block in &encoder.blocks {
        hidden = block.forward(hidden);
        taps.push(hidden.clone());
    }
    let shares = values(burn::tensor::activation::softmax(encoder.proj_weights.val(), 0));
    let fused = encoder.proj_layers[0].forward(taps[0].clone()) * shares[0]
        + encoder.proj_layers[1].forward(taps[1].clone()) * shares[1]
        + taps[2].clone() * shares[2];
    let plain = values(norm(&encoder.norm, fused).narrow(1, 1, 9));
    let folded = values(encoder.forward(tokens).patches);
    assert!(largest_difference(&folded, &plain) < 1e-5);
}

#[test]
fn feature_noise_is_added_to_features_without_learnt_gain_unless_the_paper_s_norm_is_chosen() {
    let mut config = small(DecoderKind::CrossAttention, Grouping::Fixed, Masking::FeatureNoise, 4);
    let purify = |config: &RiaeConfig, gain: f64| {
        let mut model = model(config);
        let draw = model.draw_evaluation(1, SIDE, &mut ChaCha8Rng::seed_from_u64(3));
        // Attention is switched off, so that only the stand-ins count.
        let Decoder::CrossAttention(decoder) = &mut model.decoder else { panic!("a cross decoder") };
        for block in &mut decoder.blocks {
            block.attn.proj.weight = block.attn.proj.weight.clone().map(|weight| weight * 0.0);
        }
        model.decoder_embed_norm.gamma = model.decoder_embed_norm.gamma.clone().map(|gamma| gamma * gain);
        values(model.forward(image(1), &draw).image)
    };
    assert!(purify(&config, 1.0) == purify(&config, 9.0));
    config.feature_norm = FeatureNorm::Paper;
    assert!(purify(&config, 1.0) != purify(&config, 9.0));
}

#[test]
fn the_same_seed_draws_the_same_and_another_one_does_not() {
    let config = small(DecoderKind::SelfAttention, Grouping::Random, Masking::Both, 4);
    let model = model(&config);
    let purify = |seed| {
        let draw = model.draw_training(2, SIDE, &mut ChaCha8Rng::seed_from_u64(seed));
        values(model.forward(image(2), &draw).image)
    };
    assert!(purify(5) == purify(5));
    assert!(purify(5) != purify(6));
}

#[test]
fn a_network_is_repeated_by_seeding_the_device() {
    let config = small(DecoderKind::SelfAttention, Grouping::Fixed, Masking::Mask, 4);
    let (first, second) = (model(&config), model(&config));
    let draw = first.draw_evaluation(1, SIDE, &mut ChaCha8Rng::seed_from_u64(0));
    assert!(values(first.forward(image(1), &draw).image) == values(second.forward(image(1), &draw).image));
}

#[test]
fn a_convolution_that_starts_as_identity_changes_nothing_yet() {
    for conv in [FinalConv::Conv3x3, FinalConv::Conv1x1, FinalConv::None] {
        let mut config = small(DecoderKind::CrossAttention, Grouping::Fixed, Masking::Mask, 4);
        config.final_conv = conv;
        config.final_conv_init = purecam::workshop::riae::config::FinalConvInit::Identity;
        let model = model(&config);
        let draw = model.draw_evaluation(1, SIDE, &mut ChaCha8Rng::seed_from_u64(0));
        let purified = model.forward(image(1), &draw);
        assert!(largest_difference(&values(purified.image), &values(purified.before_conv)) < 1e-6);
    }
}

#[test]
fn gradients_reach_every_weight_that_the_mode_uses() {
    let config = small(DecoderKind::SelfAttention, Grouping::Random, Masking::Mask, 4);
    let model = seeded(1, Device::flex().autodiff(), |device| config.init(device));
    let draw = model.draw_training(2, SIDE, &mut ChaCha8Rng::seed_from_u64(0));
    let image = Tensor::from_inner(image(2));
    let loss = (model.forward(image.clone(), &draw).image - image).abs().mean();
    let gradients = burn::optim::GradientsParams::from_grads(loss.backward(), &model);
    struct Count(usize);
    impl burn::module::ModuleVisitor for Count {
        fn visit_float<const D: usize>(&mut self, _: &burn::module::Param<Tensor<D>>) {
            self.0 += 1;
        }
    }
    let mut count = Count(0);
    model.visit(&mut count);
    assert_eq!(gradients.len(), count.0);
}

#[test]
fn presets_have_the_sizes_of_the_published_network_and_of_the_plan() {
    let parameters = |name: &str| {
        let preset = RiaeConfig::preset(name).expect(name);
        seeded(1, Device::flex(), |device| preset.init(device)).num_params()
    };
    assert_eq!(parameters("base"), 115_789_914);
    for (name, millions) in [("tiny", 4.61), ("nano", 1.11), ("tiny-x", 5.89), ("nano-x", 1.58), ("edge", 1.50)] {
        let found = parameters(name) as f64 / 1e6;
        assert!((found - millions).abs() < 0.011, "{name} has {found} million parameters");
    }
}

#[test]
fn the_cost_model_gives_the_figures_that_were_measured_on_the_published_code() {
    let with = |name: &str, masking, side| {
        let config = RiaeConfig { masking, ..RiaeConfig::preset(name).expect(name) };
        config.gflop(side)
    };
    for (name, masking, side, expected) in [
        ("base", Masking::Mask, 224, 74.02),
        ("base", Masking::FeatureNoise, 224, 74.32),
        ("base", Masking::Both, 224, 110.23),
        ("base", Masking::Mask, 128, 24.2),
        ("tiny", Masking::Mask, 224, 2.49),
        ("tiny", Masking::Both, 224, 4.10),
        ("tiny", Masking::Mask, 128, 0.784),
        ("nano", Masking::Mask, 224, 0.559),
        ("nano", Masking::Both, 224, 0.95),
        ("nano", Masking::Mask, 128, 0.172),
        ("tiny-x", Masking::Mask, 224, 2.45),
        ("tiny-x", Masking::Both, 224, 4.04),
        ("nano-x", Masking::Mask, 224, 0.677),
        ("nano-x", Masking::Mask, 128, 0.214),
    ] {
        let found = with(name, masking, side);
        assert!(
            (found / expected - 1.0).abs() < 0.006,
            "{name} {masking:?} at {side}: {found:.3} GFLOP, not {expected}"
        );
    }
    assert!(RiaeConfig::preset("edge").expect("edge").gflop(128) < 0.9);
}

#[test]
fn impossible_sides_are_refused_by_name() {
    let preset = |name| RiaeConfig::preset(name).expect("a preset");
    let cases = [
        (preset("tiny"), 100, "multiple of the patch size 16"),
        (preset("tiny"), 0, "multiple of the patch size 16"),
        (preset("tiny"), 480, "at most 448"),
        (preset("edge"), 256, "at most 224"),
        (preset("edge"), 120, "use a multiple of 16"),
        (RiaeConfig { groups: 3, ..preset("edge") }, 128, "use a multiple of 24"),
        (RiaeConfig { grouping: Grouping::Random, groups: 5, ..preset("edge") }, 128, "use a multiple of 40"),
    ];
    for (config, side, expected) in cases {
        let message = config.validate(side).expect_err("an impossible side").to_string();
        assert!(message.contains(expected) && message.contains(&side.to_string()), "{message}");
    }
}

#[test]
fn impossible_configurations_are_refused_by_the_key() {
    let change = |edit: fn(&mut RiaeConfig)| {
        let mut config = RiaeConfig::preset("tiny").expect("a preset");
        edit(&mut config);
        config.validate(224)
    };
    let cases: [(&str, Result<(), Error>); 10] = [
        ("patch", change(|config| config.patch = 0)),
        ("groups", change(|config| config.groups = 1)),
        ("groups", change(|config| config.groups = 7)),
        ("encoder.width", change(|config| config.encoder.width = 30)),
        ("encoder.depth", change(|config| config.encoder.depth = 0)),
        ("encoder.heads", change(|config| config.encoder.heads = 5)),
        ("encoder.taps", change(|config| config.encoder.taps = vec![0, 8])),
        ("decoder.own_group_attention", change(|config| config.decoder.own_group_attention = true)),
        ("image_noise_t", change(|config| config.image_noise_t = 1000)),
        ("feature_noise_t_training", change(|config| config.feature_noise_t_training = [300, 200])),
    ];
    for (key, result) in cases {
        assert!(matches!(&result, Err(Error::Config { key: named, .. }) if *named == key), "{key}: {result:?}");
    }
}

#[test]
fn a_configuration_file_is_read_whole_or_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.toml");
    let write = |text: &str| std::fs::write(&path, text).expect("a file");
    let edge = RiaeConfig::preset("edge").expect("a preset");
    write(&toml::to_string(&edge).expect("TOML"));
    assert_eq!(RiaeConfig::from_file(&path).expect("a configuration"), edge);
    write("patch = 8\nmaskign = \"mask\"");
    let message = RiaeConfig::from_file(&path).expect_err("a misspelt key").to_string();
    assert!(message.contains("mine.toml") && message.contains("maskign"), "{message}");
    assert!(RiaeConfig::from_file(&folder.path().join("none.toml")).is_err());
    assert!(RiaeConfig::preset("huge").is_none());
    assert_eq!(RiaeConfig::preset_names().count(), 6);
}

#[test]
fn keys_that_are_left_out_have_their_documented_values() {
    let text = "
        patch = 8
        encoder = { width = 24, depth = 3, heads = 3 }
        decoder = { kind = 'cross', width = 16, depth = 3, heads = 2 }
    ";
    let short: RiaeConfig = toml::from_str(text).expect("a configuration");
    let whole = "
        patch = 8
        groups = 4
        grouping = 'fixed'
        masking = 'mask'
        final_conv = 'none'
        final_conv_init = 'identity'
        feature_norm = 'plain'
        image_noise_t = 400
        image_noise_t_training = [200, 600]
        feature_noise_t = 600
        feature_noise_t_training = [200, 1000]
        positions = 28
        clamp = true
        encoder = { width = 24, depth = 3, heads = 3, taps = [] }
        decoder = { kind = 'cross', width = 16, depth = 3, heads = 2, head_token = true, own_group_attention = false }
    ";
    assert_eq!(short, toml::from_str(whole).expect("a configuration"));
    for key in ["patch", "encoder", "decoder"] {
        let without: Vec<&str> = text.lines().filter(|line| !line.trim().starts_with(key)).collect();
        let message = toml::from_str::<RiaeConfig>(&without.join("\n")).expect_err(key).to_string();
        assert!(message.contains("missing field") && message.contains(key), "{message}");
    }
}

#[test]
fn weights_survive_a_state_dict_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("riae.safetensors");
    for kind in [DecoderKind::SelfAttention, DecoderKind::CrossAttention] {
        for conv in [FinalConv::Conv3x3, FinalConv::Conv1x1, FinalConv::None] {
            let mut config = small(kind, Grouping::Fixed, Masking::Both, 4);
            config.final_conv = conv;
            config.decoder.own_group_attention = kind == DecoderKind::CrossAttention;
            let saved = model(&config);
            state_dict::save(&saved, &path).expect("saved");
            let loaded = seeded(9, Device::flex(), |device| state_dict::load(&config, &path, device)).expect("loaded");
            let draw = saved.draw_evaluation(1, SIDE, &mut ChaCha8Rng::seed_from_u64(0));
            assert!(values(saved.forward(image(1), &draw).image) == values(loaded.forward(image(1), &draw).image));
        }
    }
}

#[test]
fn a_state_dict_has_the_names_and_shapes_of_the_published_class() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tiny.safetensors");
    for (masking, schedules) in [(Masking::Mask, 0), (Masking::Both, 2)] {
        let config = RiaeConfig { masking, ..RiaeConfig::preset("tiny").expect("a preset") };
        state_dict::save(&seeded(1, Device::flex(), |device| config.init(device)), &path).expect("saved");
        let bytes = std::fs::read(&path).expect("a file");
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
        // 12 tensors per block, 2 per projection, 21 others.
        assert_eq!(file.len(), 12 * (8 + 3) + 21 + 2 * 3 + schedules);
        for (name, shape) in [
            ("cls_token", vec![1, 1, 192]),
            ("pos_embed", vec![1, 785, 192]),
            ("proj_weights", vec![4, 1, 1, 1]),
            ("mask_token", vec![1, 1, 128]),
            ("decoder_pos_embed", vec![1, 785, 128]),
            ("patch_embed.proj.weight", vec![192, 3, 16, 16]),
            ("blocks.7.attn.qkv.weight", vec![576, 192]),
            ("blocks.0.mlp.fc1.weight", vec![768, 192]),
            ("proj_layers.2.bias", vec![192]),
            ("decoder_head_embed.weight", vec![128, 576]),
            ("decoder_embed.weight", vec![128, 192]),
            ("decoder_embed_norm.weight", vec![128]),
            ("decoder_blocks.2.mlp.fc2.weight", vec![128, 512]),
            ("decoder_norm.bias", vec![128]),
            ("decoder_pred.weight", vec![768, 128]),
            ("decoder_rb1.weight", vec![3, 3, 3, 3]),
        ] {
            assert_eq!(file.tensor(name).expect(name).shape(), shape, "{name}");
        }
    }
}

#[test]
fn a_state_dict_of_another_network_is_refused_by_the_tensor() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("small.safetensors");
    let config = small(DecoderKind::SelfAttention, Grouping::Fixed, Masking::Mask, 4);
    let message = |config: &RiaeConfig| {
        let loaded = seeded(9, Device::flex(), |device| state_dict::load(config, &path, device));
        loaded.expect_err("another network").to_string()
    };
    state_dict::save(&model(&config), &path).expect("saved");
    let edit = |edit: fn(&mut RiaeConfig)| {
        let mut other = config.clone();
        edit(&mut other);
        other
    };
    let deeper = message(&edit(|config| config.decoder.depth = 4));
    assert!(deeper.contains("small.safetensors") && deeper.contains("decoder_blocks.3.norm1.weight"), "{deeper}");
    let shallower = message(&edit(|config| config.decoder.depth = 2));
    assert!(shallower.contains("no tensor 'decoder_blocks.2."), "{shallower}");
    let wider = message(&edit(|config| config.encoder.width = 36));
    assert!(wider.contains("cls_token") && wider.contains("36") && wider.contains("24"), "{wider}");
    let mut broken = model(&config);
    broken.decoder_norm.beta = broken.decoder_norm.beta.map(|beta| beta.map(|beta| beta * f32::NAN));
    state_dict::save(&broken, &path).expect("saved");
    assert!(message(&config).contains("decoder_norm.bias"));
    std::fs::write(&path, b"short").expect("a file");
    assert!(message(&config).contains("not a safetensors file"));
}
