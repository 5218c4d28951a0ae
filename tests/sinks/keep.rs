use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use purecam::frame::Picture;
use purecam::service::{Exhibit, Gallery, Health, keep};
use purecam::sink::KeepRing;
use purecam::time::Stop;
use purecam::verdict::Verdict;
use tempfile::tempdir;

use super::*;
use crate::service_parts::ManualClock;

const MUCH: u64 = 1 << 30;
/// 2026-11-22 21:16:38 UTC.
const NOON: u64 = 1_795_382_198;

fn ring(folder: &Path, files: u32, bytes: u64, clock: &Arc<ManualClock>) -> KeepRing {
    KeepRing::new(folder, files, bytes, clock.clone()).unwrap()
}

fn raw() -> Picture {
    Picture { width: 3, height: 2, rgb: (0..18).collect() }
}

/// A 2 x 2 picture that is red.
const PURIFIED: [f32; 12] = [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.2, 0.2, 0.2];

fn verdict(sequence: u64, seconds: u64) -> Verdict {
    let captured_at = SystemTime::UNIX_EPOCH + Duration::from_millis(1000 * (NOON + seconds) + 42);
    judgement(&Frame { sequence, captured_at, ..Frame::default() }, Duration::ZERO)
}

fn keep_one(ring: &mut KeepRing, sequence: u64) -> bool {
    ring.keep(&raw(), (&PURIFIED, [2, 2]), &verdict(sequence, sequence))
}

/// The numbers of the frames in a folder, by the order of their names; each must be there with all its files.
fn kept(folder: &Path) -> Vec<u64> {
    let names: BTreeSet<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let stems: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix(".json")).collect();
    for stem in &stems {
        for ending in ["-raw.png", "-purified.png"] {
            assert!(names.contains(&format!("{stem}{ending}")), "{stem} lacks {ending}");
        }
    }
    assert_eq!(names.len(), 3 * stems.len(), "{names:?}");
    stems.iter().map(|stem| stem.rsplit('-').next().unwrap().parse().unwrap()).collect()
}

fn bytes_in(folder: &Path) -> u64 {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

#[test]
fn a_frame_is_kept_as_it_came_as_it_was_classified_and_with_its_verdict() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("kept");
    assert!(keep_one(&mut ring(&home, 10, MUCH, &Arc::default()), 7));
    let stem = home.join("20261122T211645.042Z-0000000007");
    let named = |ending: &str| format!("{}{ending}", stem.display());
    let picture = |ending: &str| image::open(named(ending)).unwrap().into_rgb8();
    assert_eq!(picture("-raw.png").dimensions(), (3, 2));
    assert_eq!(picture("-raw.png").into_raw(), raw().rgb);
    assert_eq!(picture("-purified.png").into_raw(), [255, 0, 51].repeat(4));
    let said: Value = serde_json::from_slice(&fs::read(named(".json")).unwrap()).unwrap();
    assert_eq!((&said["seq"], &said["label"]), (&7.into(), &"tench".into()));
}

#[test]
fn the_oldest_frames_are_removed_if_there_would_be_too_many_files() {
    let folder = tempdir().unwrap();
    let mut ring = ring(folder.path(), 10, MUCH, &Arc::default());
    assert!((1..=7).all(|sequence| keep_one(&mut ring, sequence)));
    assert_eq!(kept(folder.path()), [5, 6, 7]);
}

#[test]
fn the_oldest_frames_are_removed_if_there_would_be_too_many_bytes() {
    let folder = tempdir().unwrap();
    assert!(keep_one(&mut ring(folder.path(), 1000, MUCH, &Arc::default()), 0));
    let bytes = 2 * bytes_in(folder.path()) + 8;
    let mut ring = ring(folder.path(), 1000, bytes, &Arc::default());
    for sequence in 1..=9 {
        assert!(keep_one(&mut ring, sequence));
        assert!(bytes_in(folder.path()) <= bytes);
        assert_eq!(kept(folder.path()), [sequence - 1, sequence]);
    }
}

#[test]
fn what_an_earlier_run_kept_counts_and_other_files_are_never_touched() {
    let folder = tempdir().unwrap();
    let mut earlier = ring(folder.path(), 30, MUCH, &Arc::default());
    (1..=10).for_each(|sequence| assert!(keep_one(&mut earlier, sequence)));
    drop(earlier);
    let others = ["notes.json", "20261122T211645.042Z-0000000007.txt", "x20261122T211645.042Z-0000000007.json"];
    others.iter().for_each(|name| fs::write(folder.path().join(name), "mine").unwrap());
    let mut ring = ring(folder.path(), 6, MUCH, &Arc::default());
    let all = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(all, 6 + others.len(), "a start does not keep to the bounds");
    assert!(keep_one(&mut ring, 11));
    others.iter().for_each(|name| fs::remove_file(folder.path().join(name)).expect("it was the user's"));
    assert_eq!(kept(folder.path()), [10, 11]);
}

#[test]
fn a_clock_that_goes_back_does_not_make_new_frames_old() {
    let folder = tempdir().unwrap();
    let mut ring = ring(folder.path(), 6, MUCH, &Arc::default());
    for (sequence, seconds) in [(1, 5000), (2, 5001), (3, 0), (4, 1)] {
        assert!(ring.keep(&raw(), (&PURIFIED, [2, 2]), &verdict(sequence, seconds)));
    }
    assert_eq!(kept(folder.path()), [3, 4]);
}

#[test]
fn a_folder_that_is_gone_costs_frames_and_comes_back_by_itself() {
    let folder = tempdir().unwrap();
    let (home, clock) = (folder.path().join("disk"), Arc::<ManualClock>::default());
    fs::create_dir(&home).unwrap();
    let mut ring = ring(&home, 9, MUCH, &clock);
    assert!(keep_one(&mut ring, 1));
    fs::remove_dir_all(&home).unwrap();
    assert!(!keep_one(&mut ring, 2));
    fs::create_dir(&home).unwrap();
    assert!(!keep_one(&mut ring, 3), "it is tried again without a pause");
    clock.advance(10_000);
    assert!(keep_one(&mut ring, 4));
    assert_eq!(kept(&home), [4]);
}

#[test]
fn a_full_disk_costs_frames_holds_whole_ones_only_and_comes_back_by_itself() {
    let folder = tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), "128k") else { return };
    let clock = Arc::<ManualClock>::default();
    let ballast = disk.0.join("ballast");
    fs::write(&ballast, vec![0; 100_000]).unwrap();
    let mut ring = ring(&disk.0, 1000, MUCH, &clock);
    let written = (1..=20).filter(|sequence| keep_one(&mut ring, *sequence)).count();
    assert!(written < 20, "the disk is not full");
    fs::remove_file(&ballast).unwrap();
    assert_eq!(kept(&disk.0).len(), written);
    clock.advance(10_000);
    assert!(keep_one(&mut ring, 21));
    assert_eq!(kept(&disk.0).len(), written + 1);
}

#[test]
fn what_a_kill_left_half_written_is_removed_once_it_is_old() {
    let folder = tempdir().unwrap();
    let (old, young) = (folder.path().join(".purecam-aB3dE6"), folder.path().join(".purecam-Xyz123"));
    [&old, &young].into_iter().for_each(|path| fs::write(path, "half").unwrap());
    let yesterday = SystemTime::now() - Duration::from_secs(86_400);
    File::options().write(true).open(&old).unwrap().set_modified(yesterday).unwrap();
    drop(ring(folder.path(), 9, MUCH, &Arc::default()));
    assert_eq!((old.exists(), young.exists()), (false, true));
}

#[test]
fn a_ring_without_room_for_one_frame_is_refused() {
    let folder = tempdir().unwrap();
    let Err(error) = KeepRing::new(folder.path(), 2, MUCH, Arc::<ManualClock>::default()) else { panic!("two files") };
    assert!(error.to_string().contains("keep_files = 2"), "{error}");
    assert!(!keep_one(&mut ring(folder.path(), 3, 10, &Arc::default()), 1), "ten bytes are enough");
    assert_eq!(kept(folder.path()), [0; 0]);
}

#[test]
fn the_keeper_counts_what_it_kept_and_what_it_could_not() {
    let clock = Arc::<ManualClock>::default();
    let health = Health::new(clock, Arc::default());
    let gallery = Gallery::of_suspicious();
    let exhibit = Exhibit { raw: raw(), purified: PURIFIED.to_vec(), size: [2, 2], verdict: verdict(1, 1) };
    let mut outcomes = [Some(true), Some(false), None].into_iter();
    gallery.newest().put(exhibit.clone());
    keep(&gallery, &health, &Stop::new(), |_| {
        let outcome = outcomes.next().unwrap();
        match outcomes.len() {
            0 => gallery.newest().close(),
            _ => drop(gallery.newest().put(exhibit.clone())),
        }
        outcome.expect("an encoder that trusts its input")
    });
    let numbers = health.snapshot().numbers;
    assert_eq!((numbers.kept, numbers.keep_failed), (1, 2));
}
