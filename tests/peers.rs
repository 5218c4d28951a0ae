//! Attacks agree with those of torchattacks on the network and the pictures of `tests/peers/make.py`.
#![cfg(feature = "training")]

use std::path::{Path, PathBuf};

use burn::prelude::*;
use purecam::workshop::attack::{Epsilon, Method};
use purecam::workshop::onnx::read::Classifier;
use safetensors::SafeTensors;

/// The size of the attacks that `make.py` makes.
const EPSILON: Epsilon = Epsilon::steps(16);
/// Runs of each attack, of other seeds; the outcome of most of them counts, as in `make.py`.
const RUNS: u64 = 5;
/// The share of pixels that are equal after an attack without randomness, at least.
const SAME_PIXELS: f64 = 0.999;
/// The share of pictures with the same outcome after any attack, at least.
const SAME_OUTCOME: f64 = 0.98;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name)
}

/// The network, its pictures with their classes, and what torchattacks made of them.
struct Peers {
    classifier: Classifier,
    image: Tensor<4>,
    label: Vec<usize>,
    answers: Vec<u8>,
}

impl Peers {
    fn load() -> Self {
        let device = Device::flex();
        let answers = std::fs::read(fixture("answers.safetensors")).unwrap();
        let file = SafeTensors::deserialize(&answers).unwrap();
        let image = file.tensor("image").unwrap();
        let dims: [usize; 4] = image.shape().try_into().unwrap();
        let levels: Vec<f32> = image.data().iter().map(|&level| f32::from(level) / 255.0).collect();
        Self {
            classifier: Classifier::load(&fixture("classifier.onnx"), None, &device).unwrap(),
            image: Tensor::from_data(TensorData::new(levels, dims), &device),
            label: file.tensor("label").unwrap().data().iter().map(|&class| usize::from(class)).collect(),
            answers,
        }
    }

    fn answer(&self, name: &str) -> Vec<u8> {
        SafeTensors::deserialize(&self.answers).unwrap().tensor(name).unwrap().data().to_vec()
    }

    /// Our attack on all pictures.
    fn perturb(&self, attack: &str, epsilon: Epsilon, seed: u64) -> Tensor<4> {
        let method: Method = attack.parse().unwrap();
        method.perturb(&self.classifier, self.image.clone(), &self.label, &vec![epsilon; self.label.len()], seed)
    }

    /// Whether the classifier errs after our attack, in most of the runs, per picture.
    fn fooled_mostly(&self, attack: &str, epsilon: Epsilon) -> Vec<u8> {
        let runs: Vec<Vec<u8>> = (0..RUNS).map(|seed| self.fooled(self.perturb(attack, epsilon, seed))).collect();
        (0..self.label.len())
            .map(|place| u8::from(runs.iter().filter(|run| run[place] == 1).count() * 2 > runs.len()))
            .collect()
    }

    /// Whether the classifier errs, per picture.
    fn fooled(&self, image: Tensor<4>) -> Vec<u8> {
        let logits: Vec<f32> = self.classifier.logits(image).into_data().try_into_vec().unwrap();
        let best = |row: &[f32]| (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
        let classes = logits.chunks(logits.len() / self.label.len()).map(best);
        classes.zip(&self.label).map(|(found, &label)| u8::from(found != label)).collect()
    }
}

/// The L2 size of the change per picture.
fn sizes(peers: &Peers, image: Tensor<4>) -> Vec<f32> {
    let change = (image - peers.image.clone()).powi_scalar(2).sum_dims(&[1, 2, 3]).sqrt();
    change.into_data().try_into_vec().unwrap()
}

fn share_of_equal<T: PartialEq>(a: &[T], b: &[T]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / b.len() as f64
}

#[test]
fn attacks_without_randomness_make_the_pixels_of_torchattacks() {
    let peers = Peers::load();
    for attack in ["fgsm", "bim:10", "mi-fgsm:10"] {
        let expected = peers.answer(&format!("pixels {attack}"));
        let found: Vec<f32> = peers.perturb(attack, EPSILON, 1).into_data().try_into_vec().unwrap();
        let found: Vec<u8> = found[..expected.len()].iter().map(|value| (value * 255.0).round() as u8).collect();
        let same = share_of_equal(&found, &expected);
        println!("{attack}: {:.2} % of the pixels are equal", 100.0 * same);
        assert!(same >= SAME_PIXELS, "{attack}: {same}");
    }
}

#[test]
fn attacks_in_a_ball_fool_the_classifier_with_the_pictures_that_torchattacks_does() {
    let peers = Peers::load();
    for attack in [
        "fgsm",
        "bim:10",
        "mi-fgsm:10",
        "pgd:10",
        "di-fgsm:10",
        "m-di-fgsm:10",
        "apgd-ce:50",
        "apgd-dlr:50",
        "apgd-t:20",
        "fab-t:20",
        "square:500",
    ] {
        let expected = peers.answer(&format!("fooled {attack}"));
        let found = peers.fooled_mostly(attack, EPSILON);
        let (same, count) =
            (share_of_equal(&found, &expected), |fooled: &[u8]| fooled.iter().filter(|&&one| one == 1).count());
        println!(
            "{attack}: {} fooled, {} by torchattacks, {:.0} % alike",
            count(&found),
            count(&expected),
            100.0 * same
        );
        assert!(same >= SAME_OUTCOME, "{attack}: {same}");
    }
}

#[test]
fn attacks_for_the_smallest_change_find_ones_as_small_as_torchattacks() {
    let peers = Peers::load();
    let everywhere = Epsilon::steps(255);
    for attack in ["cw:200", "deepfool:50"] {
        let expected = peers.answer(&format!("fooled {attack}"));
        let image = peers.perturb(attack, everywhere, 1);
        let found = peers.fooled(image.clone());
        let same = share_of_equal(&found, &expected);
        let bytes = peers.answer(&format!("size {attack}"));
        let theirs: Vec<f32> = bytes.chunks(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
        let both = |sizes: &[f32]| -> f32 {
            let of_both = found.iter().zip(&expected).zip(sizes).filter(|((a, b), _)| **a == 1 && **b == 1);
            of_both.map(|(_, size)| size).sum()
        };
        let ratio = both(&sizes(&peers, image)) / both(&theirs);
        let count = |fooled: &[u8]| fooled.iter().filter(|&&one| one == 1).count();
        println!(
            "{attack}: {} fooled, {} by torchattacks, changes {ratio:.3} times as large",
            count(&found),
            count(&expected)
        );
        // Rounding to 8 bits lengthens the smallest changes a little.
        assert!(same >= SAME_OUTCOME && ratio < 1.05, "{attack}: {same}, {ratio}");
    }
}

#[test]
fn autoattack_fools_the_classifier_with_the_pictures_that_its_peer_does() {
    let peers = Peers::load();
    let (found, expected) = (peers.fooled(peers.perturb("autoattack", EPSILON, 1)), peers.answer("fooled autoattack"));
    let same = share_of_equal(&found, &expected);
    println!("autoattack: {:.0} % alike", 100.0 * same);
    assert!(same >= SAME_OUTCOME, "{same}");
}
