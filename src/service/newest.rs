//! The slot between capture and inference: it holds one frame, and a newer frame takes its place.
//!
//! There is no queue. A slow model makes verdicts rarer, but each is about the newest frame at the time when its
//! purification began.

use parking_lot::{Condvar, Mutex};

/// A slot for the newest of a stream of items, shared by one thread that puts and one that takes.
#[derive(Debug)]
pub struct Newest<T> {
    slot: Mutex<Slot<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Slot<T> {
    newest: Option<T>,
    /// An item that is done with, to be filled again instead of allocating a new one.
    spare: Option<T>,
    replaced: u64,
    closed: bool,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        let slot = Slot { newest: None, spare: None, replaced: 0, closed: false };
        Self { slot: Mutex::new(slot), changed: Condvar::new() }
    }
}

impl<T> Newest<T> {
    /// An empty slot.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `item` into the slot. An item that nobody has taken is replaced and counted. Returns an item to be filled
    /// again: the replaced one, or one that was given back.
    pub fn put(&self, item: T) -> Option<T> {
        let mut slot = self.slot.lock();
        let replaced = slot.newest.replace(item);
        slot.replaced += u64::from(replaced.is_some());
        let spare = replaced.or_else(|| slot.spare.take());
        drop(slot);
        self.changed.notify_all();
        spare
    }

    /// Waits for the newest item. `None` once the slot is closed and empty.
    pub fn take(&self) -> Option<T> {
        let mut slot = self.slot.lock();
        self.changed.wait_while(&mut slot, |slot| slot.newest.is_none() && !slot.closed);
        slot.newest.take()
    }

    /// Returns an item that was taken, to be filled again.
    pub fn give_back(&self, item: T) {
        self.slot.lock().spare = Some(item);
    }

    /// An item that was given back, to be filled again.
    pub fn spare(&self) -> Option<T> {
        self.slot.lock().spare.take()
    }

    /// No more items come. One that is in the slot can still be taken.
    pub fn close(&self) {
        self.slot.lock().closed = true;
        self.changed.notify_all();
    }

    /// How many items were replaced before anybody took them.
    pub fn replaced(&self) -> u64 {
        self.slot.lock().replaced
    }
}
