use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use purecam::sink::{FileSink, Sink};
use purecam::time::SystemClock;
use tempfile::tempdir;

use super::*;
use crate::service_parts::ManualClock;

/// Bytes that no test reaches.
const MUCH: u64 = 1 << 30;
const LINE: usize = 100;

fn sink(path: &Path, bytes: u64, count: u32, clock: &Arc<ManualClock>) -> FileSink {
    FileSink::new(path, bytes, count, HEADER, clock.clone())
}

fn read(path: &Path) -> Vec<i64> {
    numbers(&parsed(&fs::read(path).unwrap()))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    PathBuf::from(format!("{}.{number}", path.display()))
}

fn publish(sink: &mut FileSink, sequences: impl IntoIterator<Item = u64>) {
    sequences.into_iter().for_each(|sequence| sink.publish(&line(sequence, LINE)).unwrap());
}

#[test]
fn a_file_begins_with_the_header_and_every_start_appends_another() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::default());
    publish(&mut sink(&path, MUCH, 4, &clock), [1, 2]);
    publish(&mut sink(&path, MUCH, 4, &clock), [1]);
    assert_eq!(read(&path), [-1, 1, 2, -1, 1]);
}

#[test]
fn new_models_put_their_header_before_their_verdicts_and_into_every_file_after_that() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::default());
    let mut sink = sink(&path, (HEADER.len() + NEW_HEADER.len() + 2 * LINE) as u64, 4, &clock);
    publish(&mut sink, [1]);
    sink.publish(&header(NEW_HEADER)).unwrap();
    publish(&mut sink, [2, 3]);
    assert_eq!(read(&numbered(&path, 1)), [-1, 1, -1, 2]);
    assert_eq!(read(&path), [-1, 3]);
    assert!(fs::read(&path).unwrap().starts_with(NEW_HEADER));
}

#[test]
fn a_file_is_rotated_before_it_grows_above_its_bytes_and_the_oldest_goes() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::default());
    let bytes = (HEADER.len() + 2 * LINE) as u64;
    let mut sink = sink(&path, bytes, 3, &clock);
    publish(&mut sink, [1, 2]);
    assert_eq!(fs::metadata(&path).unwrap().len(), bytes, "the bound itself is not above the bound");
    assert!(!numbered(&path, 1).exists());
    publish(&mut sink, 3..=9);
    assert_eq!(read(&path), [-1, 9]);
    assert_eq!(read(&numbered(&path, 1)), [-1, 7, 8]);
    assert_eq!(read(&numbered(&path, 2)), [-1, 5, 6]);
    assert!(!numbered(&path, 3).exists(), "more files than were asked for");
    assert_eq!(sink.dropped(), 0);
}

#[test]
fn one_file_alone_begins_again_and_a_line_longer_than_a_file_gets_one_of_its_own() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::default());
    let mut sink = sink(&path, 50, 1, &clock);
    publish(&mut sink, [1, 2, 3]);
    assert_eq!(read(&path), [-1, 3]);
    assert!(!numbered(&path, 1).exists());
}

#[test]
fn a_rotation_that_was_cut_short_loses_nothing() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::default());
    // FILE.2 has become FILE.3 already, and FILE.1 not yet FILE.2.
    let old = |number: u64| [HEADER, &line(number, LINE).line].concat();
    fs::write(&path, old(3)).unwrap();
    fs::write(numbered(&path, 1), old(2)).unwrap();
    fs::write(numbered(&path, 3), old(1)).unwrap();
    publish(&mut sink(&path, (2 * HEADER.len() + LINE) as u64, 4, &clock), [4]);
    let files = [path.clone(), numbered(&path, 1), numbered(&path, 2), numbered(&path, 3)];
    assert_eq!(files.map(|file| read(&file)), [vec![-1, 4], vec![-1, 3, -1], vec![-1, 2], vec![-1, 1]]);
}

#[test]
fn files_beyond_a_smaller_count_go_at_the_start() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::default());
    let names = (1..=4).map(|number| numbered(&path, number));
    names.into_iter().for_each(|name| fs::write(name, HEADER).unwrap());
    drop(sink(&path, MUCH, 2, &clock));
    let there: Vec<bool> = (1..=4).map(|number| numbered(&path, number).exists()).collect();
    assert_eq!(there, [true, false, false, false]);
}

#[test]
fn a_torn_last_line_is_cut_off_by_the_next_start_wherever_it_was_torn() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::default());
    let long = line(2, 20_000).line;
    let whole = [HEADER, &line(1, LINE).line].concat();
    for torn in [1, 50, 4095, 4096, 4097, long.len() - 1] {
        fs::write(&path, [&whole[..], &long[..torn]].concat()).unwrap();
        publish(&mut sink(&path, MUCH, 4, &clock), [3]);
        assert_eq!(read(&path), [-1, 1, -1, 3], "torn after {torn} bytes");
    }
    fs::write(&path, &HEADER[..10]).unwrap();
    publish(&mut sink(&path, MUCH, 4, &clock), [3]);
    assert_eq!(read(&path), [-1, 3], "torn in the header");
}

#[test]
fn a_full_disk_costs_lines_that_are_counted_and_comes_back_by_itself() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::<ManualClock>::default());
    symlink("/dev/full", &path).unwrap();
    let mut sink = sink(&path, MUCH, 4, &clock);
    publish(&mut sink, 1..=5);
    clock.advance(10_000);
    publish(&mut sink, 6..=7);
    assert_eq!(sink.dropped(), 7);
    fs::remove_file(&path).unwrap();
    publish(&mut sink, [8]);
    assert!(!path.exists(), "it is tried again without a pause");
    clock.advance(10_000);
    publish(&mut sink, [9, 10]);
    assert_eq!(read(&path), [-1, 9, 10]);
    assert_eq!(sink.dropped(), 8);
}

#[test]
fn a_small_disk_that_fills_up_holds_whole_lines_only() {
    let folder = tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), "64k") else { return };
    let quiet = without_forks();
    let (path, clock) = (disk.0.join("v.jsonl"), Arc::<ManualClock>::default());
    let ballast = disk.0.join("ballast");
    fs::write(&ballast, vec![0; 30_000]).unwrap();
    let mut sink = sink(&path, MUCH, 4, &clock);
    publish(&mut sink, 0..1000);
    let written = read(&path).len() as u64 - 1;
    assert!(written < 1000, "the disk is not full");
    assert_eq!(written + sink.dropped(), 1000);
    fs::remove_file(&ballast).unwrap();
    clock.advance(10_000);
    publish(&mut sink, [5000]);
    assert_eq!(*read(&path).last().unwrap(), 5000);
    // The disk goes by way of a child.
    drop(quiet);
}

#[test]
fn a_folder_that_vanishes_and_comes_back_gets_a_new_file_with_a_header() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (home, clock) = (folder.path().join("disk"), Arc::<ManualClock>::default());
    let path = home.join("v.jsonl");
    fs::create_dir(&home).unwrap();
    let mut sink = sink(&path, MUCH, 4, &clock);
    publish(&mut sink, [1]);
    fs::remove_dir_all(&home).unwrap();
    publish(&mut sink, [2, 3]);
    assert_eq!(sink.dropped(), 2);
    assert!(!home.exists(), "a folder that is gone may be another disk's");
    fs::create_dir(&home).unwrap();
    clock.advance(10_000);
    publish(&mut sink, [4]);
    assert_eq!(read(&path), [-1, 4]);
}

#[test]
fn a_file_that_somebody_moves_away_is_begun_anew() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::default());
    let mut sink = sink(&path, MUCH, 4, &clock);
    publish(&mut sink, [1]);
    fs::rename(&path, folder.path().join("moved")).unwrap();
    publish(&mut sink, [2]);
    assert_eq!(read(&folder.path().join("moved")), [-1, 1]);
    assert_eq!(read(&path), [-1, 2]);
}

/// What logrotate's copytruncate does: copies the file, then truncates the original.
fn copy_and_truncate(path: &Path, copy: &Path) {
    fs::copy(path, copy).unwrap();
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(0).unwrap();
}

#[test]
fn a_file_that_somebody_truncates_begins_with_its_header_again_and_counts_its_bytes_anew() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::default());
    let mut sink = sink(&path, (HEADER.len() + 3 * LINE) as u64, 4, &clock);
    publish(&mut sink, [1, 2]);
    let copy = folder.path().join("copy");
    copy_and_truncate(&path, &copy);
    publish(&mut sink, [3, 4, 5]);
    assert_eq!(read(&copy), [-1, 1, 2]);
    assert_eq!(read(&path), [-1, 3, 4, 5]);
    assert!(!numbered(&path, 1).exists(), "bytes that are gone still count");
    publish(&mut sink, [6]);
    assert_eq!((read(&numbered(&path, 1)), read(&path)), (vec![-1, 3, 4, 5], vec![-1, 6]));
    // With new models in between.
    sink.publish(&header(NEW_HEADER)).unwrap();
    copy_and_truncate(&path, &copy);
    publish(&mut sink, [7]);
    assert!(fs::read(&path).unwrap().starts_with(NEW_HEADER));
    assert_eq!(read(&path), [-1, 7]);
    assert_eq!(sink.dropped(), 0);
}

#[test]
fn a_file_that_is_truncated_in_the_middle_of_a_line_holds_whole_lines_only() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::default());
    let mut sink = sink(&path, MUCH, 4, &clock);
    publish(&mut sink, [1, 2]);
    let left = HEADER.len() + LINE + LINE / 2;
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(left as u64).unwrap();
    publish(&mut sink, [3]);
    assert_eq!(read(&path), [-1, 1, -1, 3]);
    fs::write(&path, b"{\"cut").unwrap();
    publish(&mut sink, [4]);
    assert_eq!(read(&path), [-1, 4]);
}

#[test]
fn whenever_somebody_truncates_the_file_it_begins_with_the_header() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("v.jsonl");
    let mut sink = sink(&path, MUCH, 4, &Arc::default());
    let (stop, truncated) = (Arc::new(AtomicBool::new(false)), path.clone());
    let on_stop = stop.clone();
    let truncating = std::thread::spawn(move || {
        let file = fs::OpenOptions::new().write(true).open(truncated).unwrap();
        let mut times = 0;
        while !on_stop.load(Ordering::Relaxed) {
            file.set_len(0).unwrap();
            times += 1;
            std::thread::sleep(Duration::from_micros(300));
        }
        times
    });
    // Where the file is truncated between two calls, the next line mends it: so two more at the end.
    publish(&mut sink, 0..20_000);
    stop.store(true, Ordering::Relaxed);
    let times = truncating.join().unwrap();
    publish(&mut sink, [20_000, 20_001]);
    assert!(times > 100, "truncated only {times} times");
    let lines = read(&path);
    assert_eq!(lines[0], -1, "the first line is no header: {:?}", &lines[..lines.len().min(5)]);
    assert_eq!(lines.last(), Some(&20_001));
    assert_eq!(fs::metadata(&path).unwrap().len(), parsed_length(&path), "the file has a hole");
}

/// The bytes of the file's lines.
fn parsed_length(path: &Path) -> u64 {
    let text = fs::read(path).unwrap();
    text.iter().filter(|byte| **byte != 0).count() as u64
}

#[test]
fn a_device_is_written_to_but_never_renamed() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::default());
    symlink("/dev/null", &path).unwrap();
    let mut sink = sink(&path, 1, 4, &clock);
    publish(&mut sink, 0..10);
    assert_eq!(sink.dropped(), 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn two_writers_do_not_share_a_file() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let (path, clock) = (folder.path().join("v.jsonl"), Arc::<ManualClock>::default());
    let mut first = sink(&path, MUCH, 4, &clock);
    let mut second = sink(&path, MUCH, 4, &clock);
    publish(&mut first, [1]);
    publish(&mut second, [2]);
    assert_eq!((first.dropped(), second.dropped()), (0, 1));
    drop(first);
    clock.advance(10_000);
    publish(&mut second, [3]);
    assert_eq!(read(&path), [-1, 1, -1, 3]);
}

#[test]
fn a_line_that_is_written_allocates_nothing() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let mut sink = sink(&folder.path().join("v.jsonl"), MUCH, 4, &Arc::default());
    let published = line(1, LINE);
    assert_eq!(allocations(|| (0..100).for_each(|_| sink.publish(&published).unwrap())), 0);
    assert_eq!(sink.dropped(), 0);
}

/// Not a test: what the next one starts and kills.
#[test]
#[ignore = "it writes until it is killed"]
fn the_writer_that_is_killed() {
    let path = PathBuf::from(std::env::var_os("PURECAM_TEST_FILE").expect("only the test after this one starts it"));
    let mut sink = FileSink::new(&path, 100_000, 3, HEADER, Arc::new(SystemClock));
    for sequence in 0.. {
        sink.publish(&line(sequence, 80 + sequence as usize % 3000)).unwrap();
        if sequence == 500 {
            println!("well under way");
        }
    }
}

#[test]
fn a_writer_that_is_killed_leaves_whole_lines_and_the_next_start_repairs_the_last() {
    for _ in 0..5 {
        let folder = tempdir().unwrap();
        let path = folder.path().join("v.jsonl");
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "file::the_writer_that_is_killed", "--ignored", "--nocapture"]);
        let mut child = start(command.env("PURECAM_TEST_FILE", &path).stdout(Stdio::piped())).unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        assert!(said.lines().any(|line| line.unwrap().ends_with("well under way")));
        child.kill().unwrap();
        child.wait().unwrap();
        let _quiet = without_forks();
        for number in [1, 2] {
            let rotated = numbered(&path, number);
            if rotated.exists() {
                assert_eq!(read(&rotated)[0], -1);
            }
        }
        // Only the file that grew may end in the middle of a line, or be between two names.
        let left = fs::read(&path).unwrap_or_default();
        let whole = left.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
        let before = parsed(&left[..whole]);
        drop(sink(&path, MUCH, 3, &Arc::default()));
        let after = parsed(&fs::read(&path).unwrap());
        assert_eq!(&after[..before.len()], before, "the repair has changed whole lines");
        assert_eq!(numbers(&after[before.len()..]), [-1]);
    }
}
