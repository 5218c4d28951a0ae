use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use purecam::sink::{BACKLOG, READERS, Sink, SocketError, SocketSink};
use tempfile::tempdir;

use super::service_parts::ManualClock;
use super::*;

const MAX_AGE: Duration = Duration::from_secs(1);

fn sink(path: &Path) -> SocketSink {
    sink_by(path, &Arc::new(ManualClock::default()))
}

fn sink_by(path: &Path, clock: &Arc<ManualClock>) -> SocketSink {
    SocketSink::new(path, HEADER, MAX_AGE, clock.clone()).unwrap()
}

/// A reader that asks for every line, and fails rather than waits for ever.
fn connect(path: &Path) -> UnixStream {
    let mut stream = connect_silently(path);
    stream.write_all(b"stream\n").unwrap();
    stream
}

/// A reader that asks for nothing: it gets the newest.
fn connect_silently(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// What a reader has got when its end of the line is closed.
fn rest(mut stream: UnixStream) -> Vec<i64> {
    let mut text = Vec::new();
    // Whoever is dropped before all of its request was read gets this after the lines.
    if let Err(error) = stream.read_to_end(&mut text) {
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    }
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
    let clock = Arc::new(ManualClock::default());
    let mut waiting = sink_by(&path, &clock);
    let problem = waiting.problem().expect("it takes a living one's place");
    assert!(problem.kind == "unavailable" && problem.detail.contains("another process listens there"), "{problem:?}");
    drop(living);
    assert!(!path.exists(), "the socket stays behind");
    waiting.idle().unwrap();
    assert!(!path.exists(), "it does not wait between two attempts");
    clock.advance(100);
    waiting.idle().unwrap();
    assert_eq!(waiting.problem(), None);
    let reader = connect(&path);
    waiting.publish(&line(1, 100)).unwrap();
    drop(waiting);
    assert_eq!(rest(reader), [-1, 1]);
    let file = folder.path().join("file");
    fs::write(&file, "kept").unwrap();
    let problem = sink(&file).problem().expect("it replaces a file");
    assert!(problem.detail.contains("is not a socket"), "{problem:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "kept");
    let mut early = sink_by(&folder.path().join("none/socket"), &clock);
    let problem = early.problem().expect("no such folder");
    assert!(problem.detail.contains("none/socket"), "{problem:?}");
    fs::create_dir(folder.path().join("none")).unwrap();
    clock.advance(100);
    early.idle().unwrap();
    connect(&folder.path().join("none/socket"));
    let long = folder.path().join("s".repeat(108));
    let Err(SocketError::TooLong { .. }) = SocketSink::new(&long, HEADER, MAX_AGE, clock) else {
        panic!("no such socket can ever be")
    };
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

/// A verdict on its way out whose frame was captured `captured` milliseconds after the beginning.
fn captured_at(sequence: u64, captured: u64) -> Published {
    let mut published = line(sequence, 700);
    published.event.as_mut().unwrap().verdict.captured_monotonic_ns = Some(captured * 1_000_000);
    published
}

#[test]
fn a_reader_that_slept_gets_one_line_that_it_knows_to_be_old_and_then_the_newest() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let clock = Arc::new(ManualClock::default());
    let mut sink = sink_by(&path, &clock);
    let mut reader = connect_silently(&path);
    // Ten seconds at ten verdicts per second; it reads nothing.
    for sequence in 0..100 {
        sink.publish(&captured_at(sequence, 100 * sequence)).unwrap();
        clock.advance(100);
    }
    // What one read finds: the header, and the one line that was given before it fell asleep.
    let mut text = vec![0; 65536];
    let count = reader.read(&mut text).unwrap();
    assert_eq!(numbers(&parsed(&text[..count])), [-1, 0]);
    // From here on nothing is older than 1 s: the newest that waited, then the next.
    sink.idle().unwrap();
    let count = reader.read(&mut text).unwrap();
    assert_eq!(numbers(&parsed(&text[..count])), [99]);
    sink.publish(&captured_at(100, 10_000)).unwrap();
    assert_eq!(sink.dropped(), 98, "1 to 98 were replaced by newer ones");
    drop(sink);
    assert_eq!(rest(reader), [100]);
}

#[test]
fn a_line_that_becomes_old_while_it_waits_for_its_reader_is_never_given() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let clock = Arc::new(ManualClock::default());
    let mut sink = sink_by(&path, &clock);
    let mut reader = connect_silently(&path);
    sink.publish(&captured_at(1, 0)).unwrap();
    sink.publish(&captured_at(2, 0)).unwrap();
    clock.advance(1001);
    let mut text = vec![0; 65536];
    let count = reader.read(&mut text).unwrap();
    assert_eq!(numbers(&parsed(&text[..count])), [-1, 1]);
    sink.idle().unwrap();
    // One that is old already when it comes is not given either.
    sink.publish(&captured_at(3, 0)).unwrap();
    sink.publish(&header(NEW_HEADER)).unwrap();
    sink.publish(&captured_at(4, 1001)).unwrap();
    assert_eq!(sink.dropped(), 2);
    drop(sink);
    assert_eq!(rest(reader), [-1, 4]);
}

#[test]
fn a_reader_of_the_newest_that_keeps_up_gets_every_line_and_no_more_memory_than_two_lines() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut sink = sink(&path);
    let mut reader = connect_silently(&path);
    let published = captured_at(1, 0);
    sink.idle().unwrap();
    let mut text = vec![0; 65536];
    assert_eq!(reader.read(&mut text).unwrap(), HEADER.len());
    let count = allocations(|| {
        for _ in 0..300 {
            sink.publish(&published).unwrap();
            assert_eq!(reader.read(&mut text).unwrap(), 700);
        }
    });
    assert_eq!(sink.dropped(), 0);
    assert!(count <= 1, "{count} allocations");
}

#[test]
fn a_reader_that_sends_something_else_than_its_request_is_dropped_and_one_that_closes_its_half_is_not() {
    let _quiet = without_forks();
    let folder = tempdir().unwrap();
    let path = folder.path().join("socket");
    let mut sink = sink(&path);
    for nonsense in ["GET / HTTP/1.1\r\n\r\n", "\n", "streams\n", "stream\nstop\n"] {
        let mut strange = connect_silently(&path);
        strange.write_all(nonsense.as_bytes()).unwrap();
        sink.publish(&captured_at(1, 0)).unwrap();
        sink.publish(&captured_at(2, 0)).unwrap();
        assert_eq!(rest(strange), [-1], "{nonsense}");
    }
    let quiet = connect_silently(&path);
    quiet.shutdown(std::net::Shutdown::Write).unwrap();
    sink.publish(&captured_at(3, 0)).unwrap();
    drop(sink);
    assert_eq!(rest(quiet), [-1, 3]);
}
