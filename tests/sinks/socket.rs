use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use purecam::sink::{BACKLOG, READERS, Sink, SocketError, SocketSink};
use tempfile::tempdir;

use super::*;

fn sink(path: &Path) -> SocketSink {
    SocketSink::new(path, HEADER).unwrap()
}

/// A reader that fails rather than waits for ever.
fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// What a reader has got when its end of the line is closed.
fn rest(mut stream: UnixStream) -> Vec<i64> {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).unwrap();
    numbers(&parsed(&text))
}

#[test]
fn what_still_waits_for_a_reader_at_the_end_is_counted() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut sink = sink(&path);
    let slow = connect(&path);
    let published = 250;
    (0..published).for_each(|sequence| sink.publish(&line(sequence, 1000)).unwrap());
    assert_eq!(sink.dropped(), 0, "the reader is not too slow yet");
    sink.finish();
    let dropped = sink.dropped();
    assert!(dropped > 0, "nothing waits");
    drop(sink);
    let got = rest(slow).len() as u64 - 1;
    assert_eq!(got + dropped, published);
}

#[test]
fn a_fast_reader_among_ten_slow_ones_gets_every_line() {
    const LINES: u64 = 2000;
    const LENGTH: usize = 1000;
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut sink = sink(&path);
    let slow: Vec<_> = (0..10).map(|_| connect(&path)).collect();
    let fast = BufReader::new(connect(&path));
    let (got, progress) = channel();
    let fast = std::thread::spawn(move || {
        let lines = fast.lines().map(Result::unwrap).inspect(|_| got.send(()).unwrap());
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect::<Vec<Value>>()
    });
    sink.idle().unwrap();
    progress.recv().unwrap();
    for sequence in 0..LINES {
        sink.publish(&line(sequence, LENGTH)).unwrap();
        progress.recv().unwrap();
    }
    let dropped = sink.dropped();
    drop(sink);
    let whole: Vec<i64> = (-1..LINES as i64).collect();
    assert_eq!(numbers(&fast.join().unwrap()), whole);
    let least = BACKLOG / LENGTH;
    assert!(dropped >= 10 * least as u64, "{dropped}");
    for reader in slow {
        let got = rest(reader);
        assert!(got.len() < whole.len(), "a reader that takes nothing has got everything");
        assert_eq!(got, whole[..got.len()], "what a slow reader has got before it was dropped has holes");
    }
}

#[test]
fn a_reader_that_is_slow_for_a_while_gets_every_line() {
    // More than the kernel holds, less than the backlog besides.
    const LINES: u64 = 300;
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut sink = sink(&path);
    let reader = BufReader::new(connect(&path));
    (0..LINES).for_each(|sequence| sink.publish(&line(sequence, 1000)).unwrap());
    let reading = std::thread::spawn(move || {
        let lines = reader.lines().take(LINES as usize + 1).map(Result::unwrap);
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect::<Vec<Value>>()
    });
    while !reading.is_finished() {
        sink.idle().unwrap();
        std::thread::yield_now();
    }
    assert_eq!(numbers(&reading.join().unwrap()), (-1..LINES as i64).collect::<Vec<_>>());
    assert_eq!(sink.dropped(), 0);
}

#[test]
fn a_reader_gets_the_newest_header_first() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut sink = sink(&path);
    let early = connect(&path);
    sink.publish(&line(1, 100)).unwrap();
    sink.publish(&header(NEW_HEADER)).unwrap();
    let late = connect(&path);
    sink.publish(&line(2, 100)).unwrap();
    drop(sink);
    assert_eq!(rest(early), [-1, 1, -1, 2]);
    let mut text = Vec::new();
    BufReader::new(late).read_to_end(&mut text).unwrap();
    assert_eq!(numbers(&parsed(&text)), [-1, 2]);
    assert!(text.starts_with(NEW_HEADER));
}

#[test]
fn there_are_so_many_readers_at_most_and_one_that_hangs_up_makes_place() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut sink = sink(&path);
    let mut readers: Vec<_> = (0..READERS).map(|_| connect(&path)).collect();
    sink.idle().unwrap();
    let one_more = connect(&path);
    sink.idle().unwrap();
    assert_eq!(rest(one_more), Vec::<i64>::new());
    readers.pop();
    let another = connect(&path);
    sink.idle().unwrap();
    sink.publish(&line(1, 100)).unwrap();
    drop(sink);
    assert_eq!(rest(another), [-1, 1]);
    readers.into_iter().for_each(|reader| assert_eq!(rest(reader), [-1, 1]));
}

#[test]
fn a_reader_that_is_gone_does_not_count_as_dropped() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut sink = sink(&path);
    let reader = connect(&path);
    sink.publish(&line(1, 100)).unwrap();
    drop(reader);
    sink.publish(&line(2, 100)).unwrap();
    sink.publish(&line(3, 100)).unwrap();
    assert_eq!(sink.dropped(), 0);
}

#[test]
fn what_a_dead_process_left_is_replaced_and_what_a_living_one_offers_is_not() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "there is nothing to replace");
    let living = sink(&path);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let Err(SocketError::Taken { .. }) = SocketSink::new(&path, HEADER) else {
        panic!("it takes a living one's place")
    };
    drop(living);
    assert!(!path.exists(), "the socket stays behind");
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    let Err(error) = SocketSink::new(&file, HEADER) else { panic!("it replaces a file") };
    assert!(error.to_string().contains("is not a socket"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    let Err(error) = SocketSink::new(&folder.path().join("none/socket"), HEADER) else { panic!("no such folder") };
    assert!(error.to_string().contains("none/socket"), "{error}");
}

#[test]
fn a_socket_that_is_somebody_elses_by_now_is_not_removed() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let old = sink(&path);
    fs::remove_file(&path).unwrap();
    let new = sink(&path);
    drop(old);
    connect(&path);
    drop(new);
}

#[test]
fn a_line_allocates_nothing_but_one_buffer_for_each_slow_reader() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut sink = sink(&path);
    let slow = connect(&path);
    let mut fast = connect(&path);
    let published = line(1, 1000);
    let mut lines = vec![0; HEADER.len()];
    sink.idle().unwrap();
    fast.read_exact(&mut lines).unwrap();
    lines.resize(1000, 0);
    let count = allocations(|| {
        for _ in 0..300 {
            sink.publish(&published).unwrap();
            fast.read_exact(&mut lines).unwrap();
        }
    });
    assert_eq!((count, sink.dropped()), (1, 0));
    drop(slow);
}
