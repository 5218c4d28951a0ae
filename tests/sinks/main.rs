//! Where verdicts go: files, sockets and kept frames, and what they do when a disk or a reader lets them down.

mod bridge;
mod file;
mod journal;
mod keep;
#[path = "../models/mod.rs"]
mod models;
#[path = "../service_parts/mod.rs"]
mod service_parts;
mod socket;
mod wiring;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use purecam::frame::Frame;
use purecam::sink::{Event, Published};
use serde_json::Value;
use service_parts::judgement;

const HEADER: &[u8] = b"{\"schema\":1,\"models\":\"first\"}\n";
const NEW_HEADER: &[u8] = b"{\"schema\":1,\"models\":\"second\"}\n";

/// A verdict about frame `sequence` on its way out; its line has `length` bytes.
fn line(sequence: u64, length: usize) -> Published {
    let verdict = judgement(&Frame { sequence, ..Frame::default() }, Duration::ZERO);
    let head = format!("{{\"seq\":{sequence},\"pad\":\"");
    let pad = length - head.len() - 3;
    let line = format!("{head}{}\"}}\n", "x".repeat(pad)).into_bytes();
    let event = Event { verdict, raw: None, staged: None, verdicts: 0, replaced: 0, withheld: 0 };
    Published { line, event: Some(event) }
}

fn header(line: &[u8]) -> Published {
    Published { line: line.to_vec(), event: None }
}

/// All lines of a text, each of which must be whole.
fn parsed(text: &[u8]) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with(b"\n"), "the last line is cut off");
    let parse =
        |line: &[u8]| serde_json::from_slice(line).unwrap_or_else(|_| panic!("{:?}", String::from_utf8_lossy(line)));
    text.split_inclusive(|byte| *byte == b'\n').map(parse).collect()
}

/// The numbers of the verdicts among lines, and -1 for every header.
fn numbers(lines: &[Value]) -> Vec<i64> {
    lines.iter().map(|line| line["seq"].as_i64().unwrap_or(-1)).collect()
}

/// Between its fork and its exec a child holds copies of this process's open files, and their locks.
static FORKS: RwLock<()> = RwLock::new(());

/// As long as this is held no child is being started: a file that is closed is closed.
fn without_forks() -> RwLockReadGuard<'static, ()> {
    FORKS.read().unwrap_or_else(PoisonError::into_inner)
}

/// Starts a child; when this returns it runs its own program.
fn start(command: &mut Command) -> io::Result<Child> {
    let _alone = FORKS.write().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// A small disk in memory.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` if this user may not mount one.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(at).stderr(Stdio::null());
        match start(&mut mount).and_then(|mut child| child.wait()) {
            Ok(status) if status.success() => Some(Self(at.to_owned())),
            _ => {
                eprintln!("skipped: no small disk can be mounted here");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        start(Command::new("umount").arg("-l").arg(&self.0)).and_then(|mut child| child.wait()).ok();
    }
}

/// Counts the allocations of each thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator as it came; the counter is a plain cell without a
// destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises about `layout` are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` comes from the system's allocator, by way of `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates on this thread.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    work();
    ALLOCATIONS.with(Cell::get) - before
}
