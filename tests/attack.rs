//! Attacks on the small networks of `tests/fixtures/make_gradients.py`.
#![cfg(feature = "training")]

use std::path::Path;

use burn::prelude::*;
use prost::Message;
use purecam::engine::contract::Input;
use purecam::workshop::attack::{Among, Epsilon, Method, Target};
use purecam::workshop::onnx::read::{Classifier, Network};
use tract_onnx::pb::{ModelProto, NodeProto};

const EPSILON: Epsilon = Epsilon::steps(16);

fn classifier(name: &str, side: usize) -> Classifier {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    Classifier::new(Network::load(&path, &Device::flex()).unwrap(), Some(&Input::native(side))).unwrap()
}

/// Four 8-bit pictures: three of waves, away from black and white, and one of black and white.
fn pictures(side: usize) -> Tensor<4> {
    let level = |sample: usize, place: usize| match sample {
        3 => {
            if place.is_multiple_of(2) {
                0.0
            } else {
                255.0
            }
        }
        _ => (127.0 + 90.0 * (place as f32 * 0.013 * (sample as f32 + 1.0)).sin()).round(),
    };
    let values: Vec<f32> =
        (0..4).flat_map(|sample| (0..3 * side * side).map(move |place| level(sample, place) / 255.0)).collect();
    Tensor::from_data(TensorData::new(values, [4, 3, side, side]), &Device::flex())
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap()
}

/// The classes that a classifier gives the pictures, so that an attack has something to lose.
fn classes(classifier: &Classifier, image: Tensor<4>) -> Vec<usize> {
    let logits = numbers(classifier.logits(image));
    let best = |row: &[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
    logits.chunks(logits.len() / 4).map(best).collect()
}

/// The logarithm of the right class's probability, per picture.
fn log_probability(classifier: &Classifier, image: Tensor<4>, label: &[usize]) -> Vec<f32> {
    let logits = burn::tensor::activation::log_softmax(Target::logits(classifier, image), 1);
    let classes = logits.dims()[1];
    let logits = numbers(logits);
    label.iter().enumerate().map(|(sample, &class)| logits[sample * classes + class]).collect()
}

fn method(text: &str) -> Method {
    text.parse().unwrap()
}

#[test]
fn every_attack_stays_inside_the_ball_of_its_own_size_and_gives_8_bit_pictures() {
    let classifier = classifier("residual.onnx", 24);
    let clean = pictures(24);
    let label = classes(&classifier, clean.clone());
    let epsilon = [EPSILON, Epsilon::steps(4), "7.3/255".parse().unwrap(), EPSILON];
    for name in [
        "clean",
        "noise",
        "pattern",
        "fgsm",
        "bim:3",
        "pgd:3",
        "pgd:3x2",
        "mi-fgsm:3",
        "di-fgsm:3",
        "m-di-fgsm:3",
        "apgd-ce:5",
        "apgd-dlr:5x2",
        "apgd-t:5",
        "fab-t:4x2",
        "square:40",
        "cw:6x2",
        "deepfool:5",
    ] {
        let adversarial = numbers(method(name).perturb(&classifier, clean.clone(), &label, &epsilon, 5));
        for (place, (found, clean)) in adversarial.iter().zip(numbers(clean.clone())).enumerate() {
            let (level, size) = (found * 255.0, epsilon[place / (3 * 24 * 24)].value() * 255.0);
            assert!((level - level.round()).abs() < 1e-3 && (0.0..=255.0).contains(&level), "{name}: level {level}");
            assert!(
                (level - clean * 255.0).abs() <= size + 1e-3,
                "{name}: {level} from {} by more than {size}",
                clean * 255.0
            );
        }
    }
}

#[test]
fn a_pattern_depends_on_the_seed_and_fills_much_of_its_ball() {
    let classifier = classifier("residual.onnx", 24);
    let clean = pictures(24);
    let pattern = |seed| numbers(method("pattern").perturb(&classifier, clean.clone(), &[0; 4], &[EPSILON; 4], seed));
    let first = pattern(5);
    assert_eq!(first, pattern(5));
    assert_ne!(first, pattern(6));
    let change = first.iter().zip(numbers(clean.clone())).map(|(found, clean)| (found - clean).abs());
    assert!(change.sum::<f32>() / first.len() as f32 > 0.3 * EPSILON.value());
}

#[test]
fn the_logits_of_a_classifier_that_only_gives_probabilities_are_their_logarithm() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/inverted.onnx");
    let mut model = ModelProto::decode(std::fs::read(&path).unwrap().as_slice()).unwrap();
    let graph = model.graph.as_mut().unwrap();
    // Behind another operator the soft-max is not found.
    let node = NodeProto {
        op_type: "Abs".into(),
        input: vec![graph.output[0].name.clone()],
        output: vec!["probabilities".into()],
        ..NodeProto::default()
    };
    graph.node.push(node);
    graph.output[0].name = "probabilities".into();
    let folder = tempfile::tempdir().unwrap();
    let hidden = folder.path().join("hidden.onnx");
    std::fs::write(&hidden, model.encode_to_vec()).unwrap();
    let hidden = Classifier::load(&hidden, Some(&Input::native(24)), &Device::flex()).unwrap().of_probabilities();
    let found = classifier("inverted.onnx", 24).of_probabilities();
    let clean = pictures(24);
    let label = classes(&found, clean.clone());
    let logarithms = |classifier: &Classifier| log_probability(classifier, clean.clone(), &label);
    let pairs = logarithms(&hidden).into_iter().zip(logarithms(&found));
    assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-4));
    let left = |classifier: &Classifier| {
        let adversarial = method("apgd-dlr:20").perturb(classifier, clean.clone(), &label, &[Epsilon::steps(4); 4], 1);
        classes(&found, adversarial).iter().zip(&label).filter(|(found, label)| found == label).count()
    };
    assert_eq!(left(&hidden), left(&found));
}

#[test]
fn an_attack_among_a_few_classes_is_made_for_their_outputs_alone() {
    let classifier = classifier("residual.onnx", 24);
    let clean = pictures(24);
    let among = Among { target: &classifier, classes: &[1, 3] };
    let logits = numbers(Target::logits(&classifier, clean.clone()));
    let chosen = numbers(among.logits(clean.clone()));
    let all = logits.len() / 4;
    let expected: Vec<f32> = logits.chunks(all).flat_map(|row| [row[1], row[3]]).collect();
    assert_eq!(chosen, expected);
    // The margin between the two classes shrinks, whatever becomes of the others.
    let attacked = method("pgd:5").perturb(&among, clean, &[0; 4], &[EPSILON; 4], 5);
    let margins = |logits: Vec<f32>| logits.chunks(2).map(|pair| pair[0] - pair[1]).collect::<Vec<_>>();
    let (before, after) = (margins(chosen), margins(numbers(among.logits(attacked))));
    assert!(before.iter().zip(&after).all(|(before, after)| after < before), "{before:?} {after:?}");
}

#[test]
fn pgd_hurts_more_than_fgsm_and_fgsm_more_than_noise() {
    for (name, side) in [("residual.onnx", 24), ("inverted.onnx", 24), ("transformer.onnx", 32)] {
        let classifier = classifier(name, side);
        let clean = pictures(side);
        let label = classes(&classifier, clean.clone());
        let left = |text: &str| {
            let adversarial = method(text).perturb(&classifier, clean.clone(), &label, &[EPSILON; 4], 1);
            log_probability(&classifier, adversarial, &label).iter().sum::<f32>()
        };
        let (noise, fgsm, pgd, square) = (left("noise"), left("fgsm"), left("pgd:20"), left("square:300"));
        assert!(pgd < fgsm && fgsm < noise, "{name}: noise {noise}, fgsm {fgsm}, pgd {pgd}");
        assert!(square < noise, "{name}: noise {noise}, square {square}");
    }
}

#[test]
fn more_restarts_and_more_classes_to_aim_at_never_help_the_defender() {
    let classifier = classifier("residual.onnx", 24);
    let clean = pictures(24);
    let label = classes(&classifier, clean.clone());
    let small = [Epsilon::steps(1); 4];
    let kept = |text: &str| {
        let adversarial = method(text).perturb(&classifier, clean.clone(), &label, &small, 1);
        (0..4).filter(|&place| classes(&classifier, adversarial.clone())[place] == label[place]).count()
    };
    assert!(kept("pgd:5x4") <= kept("pgd:5") && kept("apgd-dlr:10x4") <= kept("apgd-dlr:10"));
    assert!(kept("apgd-t:20x2") <= kept("apgd-t:20"));
}

#[test]
fn the_same_seed_gives_the_same_picture_and_another_seed_another() {
    let classifier = classifier("residual.onnx", 24);
    let clean = pictures(24);
    let label = classes(&classifier, clean.clone());
    for name in ["pgd:2", "di-fgsm:4", "apgd-ce:4", "apgd-t:4"] {
        let run = |seed| numbers(method(name).perturb(&classifier, clean.clone(), &label, &[EPSILON; 4], seed));
        assert_eq!(run(1), run(1), "{name}");
        assert_ne!(run(1), run(2), "{name}");
    }
}

#[test]
fn a_picture_is_perturbed_the_same_alone_and_among_others() {
    let classifier = classifier("residual.onnx", 24);
    let clean = pictures(24);
    let label = classes(&classifier, clean.clone());
    let run = |image: Tensor<4>, label: &[usize]| {
        numbers(method("fgsm").perturb(&classifier, image, label, &vec![EPSILON; label.len()], 1))
    };
    let (together, alone) = (run(clean.clone(), &label), run(clean.narrow(0, 1, 1), &label[1..2]));
    let pixels = 3 * 24 * 24;
    let equal = together[pixels..2 * pixels].iter().zip(&alone).filter(|(a, b)| a == b).count();
    // A gradient near zero may change its sign if a sum is made in another order.
    assert!(equal as f32 > 0.999 * pixels as f32, "{equal} of {pixels} numbers agree");
}
