//! The demonstration: it moves, it is attacked half of the time, and the attack is what it says it is.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use purecam::engine::{Classifier, Description, Purifier, Shipped};
use purecam::frame::{Fit, Picture, decode};
use purecam::source::{Demo, FrameRate, PHOTOGRAPHS};
use purecam::time::SystemClock;

const SIDE: usize = 128;

fn demo() -> Demo {
    Demo::new([SIDE, SIDE], FrameRate::new(15.0).unwrap(), Arc::new(SystemClock)).unwrap()
}

fn frame(demo: &mut Demo, seconds: f64) -> (Picture, bool, &'static str) {
    let mut picture = Picture::default();
    let staged = demo.render(Duration::from_secs_f64(seconds), &mut picture).unwrap();
    (picture, staged.attacked, staged.photograph)
}

fn largest_difference(a: &Picture, b: &Picture) -> u8 {
    a.rgb.iter().zip(&b.rgb).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn every_photograph_is_shown_clean_for_four_seconds_and_attacked_for_four() {
    let mut demo = demo();
    for (number, photograph) in PHOTOGRAPHS.iter().enumerate() {
        let began = 8.0 * number as f64;
        for (second, expected) in [(0.0, false), (3.9, false), (4.1, true), (7.9, true)] {
            let (picture, attacked, name) = frame(&mut demo, began + second);
            assert_eq!((attacked, name), (expected, photograph.name), "{second} s into scene {number}");
            assert_eq!((picture.width, picture.height, picture.rgb.len()), (128, 128, SIDE * SIDE * 3));
        }
    }
    let round = 8.0 * PHOTOGRAPHS.len() as f64;
    assert_eq!(frame(&mut demo, round + 1.0), frame(&mut demo, 1.0), "the second round differs from the first");
}

#[test]
fn an_attack_changes_no_channel_by_more_than_16_and_nothing_but_the_attack_differs() {
    let mut demo = demo();
    for (number, photograph) in PHOTOGRAPHS.iter().enumerate() {
        let into_scene = Duration::from_millis(5_500);
        let mut clean = Picture::default();
        demo.render_clean(number, into_scene, &mut clean).unwrap();
        let (attacked, ..) = frame(&mut demo, 8.0 * number as f64 + 5.5);
        assert!(largest_difference(&clean, &attacked) <= 16, "{}", photograph.name);
        let perturbation = decode(photograph.perturbation).unwrap();
        assert_eq!((perturbation.width, perturbation.height), (128, 128), "{}", photograph.name);
        for (at, clean) in clean.rgb.iter().enumerate() {
            let expected = (i16::from(*clean) + i16::from(perturbation.rgb[at]) - 128).clamp(0, 255) as u8;
            assert_eq!(attacked.rgb[at], expected, "{} at {at}", photograph.name);
        }
    }
}

#[test]
fn the_picture_moves_from_frame_to_frame_but_never_jumps() {
    let mut demo = demo();
    let mean = |a: &Picture, b: &Picture| {
        let sum: u64 = a.rgb.iter().zip(&b.rgb).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / a.rgb.len() as f64
    };
    let frames: Vec<Picture> = (0..60).map(|number| frame(&mut demo, f64::from(number) / 15.0).0).collect();
    let other = frame(&mut demo, 9.0).0;
    for pair in frames.windows(2) {
        let moved = mean(&pair[0], &pair[1]);
        assert!(
            moved > 0.05 && moved < 0.25 * mean(&pair[0], &other),
            "a frame differs by {moved} from the one before"
        );
    }
}

/// How often the shipped models are right about frames of one kind.
#[derive(Clone, Copy, Default)]
struct Share {
    right: usize,
    all: usize,
}

impl Share {
    fn count(&mut self, is_right: bool) {
        self.right += usize::from(is_right);
        self.all += 1;
    }

    fn is_at_least(self, share: f64) -> bool {
        self.right as f64 >= share * self.all as f64
    }
}

#[test]
fn the_shipped_models_do_not_embarrass_it() {
    let shipped = Shipped::find().unwrap();
    let mut purifier = Purifier::load(&shipped.purifier(), 1).unwrap();
    let mut classifier = Classifier::load(&shipped.classifier(), &Description::default()).unwrap();
    let wnids: Vec<_> = classifier.labels().iter().map(|label| label.wnid.clone()).collect();
    let mut says = |image: &[f32], wnid: &str| {
        let probabilities = classifier.classify(image).unwrap();
        let best = (0..probabilities.len()).max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b])).unwrap();
        wnids[best].as_deref() == Some(wnid)
    };
    let (mut demo, mut fit) = (demo(), Fit::new([SIDE, SIDE]));
    let (mut image, mut purified) = (Vec::new(), Vec::new());
    // Of all frames: clean, attacked, and attacked without a purifier.
    let mut all = [Share::default(); 3];
    for (number, photograph) in PHOTOGRAPHS.iter().enumerate() {
        let mut own = [Share::default(); 2];
        for eighth in 0..64 {
            let (picture, attacked, _) = frame(&mut demo, 8.0 * number as f64 + f64::from(eighth) / 8.0);
            fit.planes(&picture, &mut image).unwrap();
            purifier.purify(&image, 0, &mut purified).unwrap();
            let is_right = says(&purified, photograph.wnid);
            let kind = usize::from(attacked);
            own[kind].count(is_right);
            all[kind].count(is_right);
            if attacked {
                all[2].count(says(&image, photograph.wnid));
            }
        }
        let [clean, attacked] = own.map(|share| share.right as f64 / share.all as f64);
        println!("{}: {clean:.2} clean, {attacked:.2} attacked", photograph.name);
        assert!(own.iter().all(|share| share.is_at_least(0.501)), "{}: {clean} and {attacked}", photograph.name);
    }
    let [clean, attacked, raw] = all.map(|share| share.right as f64 / share.all as f64);
    println!("all: {clean:.3} clean, {attacked:.3} attacked, {raw:.3} attacked without a purifier");
    assert!(all[0].is_at_least(0.95) && all[1].is_at_least(0.9), "{clean} clean, {attacked} attacked");
    assert!(!all[2].is_at_least(0.05), "without a purifier {raw} of the attacked frames are right");
}

#[test]
fn every_photograph_is_attributed() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/ATTRIBUTION.md")).unwrap();
    for photograph in &PHOTOGRAPHS {
        let line = text.lines().find(|line| line.contains(&format!("| {} |", photograph.name)));
        assert!(line.is_some_and(|line| line.contains(photograph.wnid)), "{}", photograph.name);
    }
}
