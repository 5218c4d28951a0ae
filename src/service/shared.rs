//! What the threads of a loop share, and how they report that their part is over.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::health::Health;
use super::newest::Newest;
use super::outlet::Outlet;
use crate::frame::Frame;
use crate::source::SourceError;
use crate::time::Stop;

/// What the threads share.
pub(super) struct Shared {
    /// The slot between capture and inference.
    pub newest: Newest<Frame>,
    pub health: Arc<Health>,
    pub stop: Stop,
    /// Number of the present opening of a live source, counted from 1; 0 if the source is not live.
    live: AtomicU64,
    /// Threads that still have verdicts to make or to write: inference and the outlets. The last of them ends the loop.
    at_work: AtomicUsize,
    source_error: Mutex<Option<SourceError>>,
    sink_error: Mutex<Option<(&'static str, io::Error)>>,
}

impl Shared {
    /// Of a loop with one inference thread and `outlets` outlets.
    pub fn new(health: Arc<Health>, stop: Stop, outlets: usize) -> Self {
        Self {
            newest: Newest::new(),
            health,
            stop,
            live: AtomicU64::new(0),
            at_work: AtomicUsize::new(1 + outlets),
            source_error: Mutex::default(),
            sink_error: Mutex::default(),
        }
    }

    /// The source has been opened, so many times by now, and shows the present or does not.
    pub fn opened(&self, times: u64, is_live: bool) {
        self.live.store(if is_live { times } else { 0 }, Ordering::Relaxed);
    }

    /// The number of the present opening of a live source; 0 if the source is not live.
    pub fn live(&self) -> u64 {
        self.live.load(Ordering::Relaxed)
    }

    /// The source has failed for good; no more frames come.
    pub fn source_failed(&self, error: SourceError) {
        *self.source_error.lock() = Some(error);
    }

    /// An outlet has ended. If it failed, it was essential: the loop ends too.
    pub fn outlet_ended(&self, outlet: &Outlet, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            *self.sink_error.lock() = Some((outlet.name, error));
            self.stop.request();
        }
        self.work_ended();
    }

    /// Inference or an outlet has ended.
    pub fn work_ended(&self) {
        if self.at_work.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.stop.request();
        }
    }

    /// Why the source failed, if it did.
    pub fn take_source_error(&self) -> Option<SourceError> {
        self.source_error.lock().take()
    }

    /// Which essential sink failed, and why.
    pub fn take_sink_error(&self) -> Option<(&'static str, io::Error)> {
        self.sink_error.lock().take()
    }
}

/// Whether to log the `count`th fault of its kind: the first, second, fourth, eighth and so on. A fault that comes with
/// every frame would otherwise fill the disk.
pub(super) fn is_worth_a_line(count: u64) -> bool {
    count.is_power_of_two()
}
