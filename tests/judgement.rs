//! Suspicion, and smoothing over earlier frames.

use std::time::Duration;

use purecam::service::{Smoothing, suspicion};

const SIZE: [usize; 2] = [32, 32];

fn picture(value: f32) -> Vec<f32> {
    vec![value; 3 * SIZE[0] * SIZE[1]]
}

#[test]
fn suspicion_is_zero_if_both_agree_and_one_if_they_share_nothing() {
    assert_eq!(suspicion(&[0.2, 0.3, 0.5], &[0.2, 0.3, 0.5]), 0.0);
    assert_eq!(suspicion(&[1.0, 0.0, 0.0], &[0.0, 0.4, 0.6]), 1.0);
}

#[test]
fn suspicion_is_symmetric_and_agrees_with_its_definition() {
    let (raw, purified) = ([0.7f32, 0.2, 0.1], [0.1f32, 0.6, 0.3]);
    let found = suspicion(&raw, &purified);
    assert_eq!(found, suspicion(&purified, &raw));
    // With m = (p + q) / 2: half of the sum of p log2(p / m) + q log2(q / m).
    let bits = |p: f64, q: f64| p * (2.0 * p / (p + q)).log2() + q * (2.0 * q / (p + q)).log2();
    let expected = (bits(0.7, 0.1) + bits(0.2, 0.6) + bits(0.1, 0.3)) / 2.0;
    assert!((f64::from(found) - expected).abs() < 1e-6, "{found} is not {expected}");
}

#[test]
fn smoothing_by_one_leaves_every_frame_to_itself() {
    let mut smoothing = Smoothing::new(1);
    for (frame, probabilities) in [[0.9f32, 0.1], [0.2, 0.8]].iter().enumerate() {
        let at = Duration::from_millis(33 * frame as u64);
        assert_eq!(smoothing.combine(at, &picture(0.5), SIZE, probabilities), (&probabilities[..], false));
    }
}

#[test]
fn smoothing_is_the_mean_of_the_last_frames_and_says_when_there_are_any() {
    let mut smoothing = Smoothing::new(3);
    let frames = [[1.0f32, 0.0], [0.0, 1.0], [0.5, 0.5], [0.0, 1.0]];
    let expected = [[1.0f32, 0.0], [0.5, 0.5], [0.5, 0.5], [0.5 / 3.0, 2.5 / 3.0]];
    for (index, (frame, expected)) in frames.iter().zip(expected).enumerate() {
        let at = Duration::from_millis(33 * index as u64);
        let (found, smoothed) = smoothing.combine(at, &picture(0.5), SIZE, frame);
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "frame {index}: {found:?}");
        assert_eq!(smoothed, index > 0);
    }
}

#[test]
fn earlier_frames_do_not_contribute_after_a_new_scene_or_a_gap() {
    let (tench, church) = ([1.0f32, 0.0], [0.0f32, 1.0]);
    for (at, value) in [(33, 0.9), (2_034, 0.5)] {
        let mut smoothing = Smoothing::new(5);
        smoothing.combine(Duration::ZERO, &picture(0.5), SIZE, &tench);
        let (found, smoothed) = smoothing.combine(Duration::from_millis(at), &picture(value), SIZE, &church);
        assert_eq!((found, smoothed), (&church[..], false), "after {at} ms, brightness {value}");
    }
    let mut smoothing = Smoothing::new(5);
    smoothing.combine(Duration::ZERO, &picture(0.5), SIZE, &tench);
    let (_, smoothed) = smoothing.combine(Duration::from_millis(1_999), &picture(0.55), SIZE, &church);
    assert!(smoothed, "a little more light is not a new scene");
}
