//! The slot between capture and inference: it holds one frame, and a newer one takes its place.
//!
//! There is no queue. A slow model makes verdicts rarer, but each is about the newest frame there was when its
//! purification began.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A slot for the newest of a stream of things, shared by one who puts and one who takes.
#[derive(Debug)]
pub struct Newest<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<T> {
    newest: Option<T>,
    /// Things that are done with, to be filled again instead of allocated anew.
    spare: Option<T>,
    replaced: u64,
    closed: bool,
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        let state = State { newest: None, spare: None, replaced: 0, closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl<T> Newest<T> {
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `item` into the slot. One that is still there is replaced, counted, and handed back to be filled again.
    pub fn put(&self, item: T) -> Option<T> {
        let mut state = self.lock();
        let replaced = state.newest.replace(item);
        state.replaced += u64::from(replaced.is_some());
        let spare = replaced.or_else(|| state.spare.take());
        drop(state);
        self.changed.notify_all();
        spare
    }

    /// Waits for the newest item. Nothing when the slot is closed and empty.
    pub fn take(&self) -> Option<T> {
        let state = self.lock();
        let waiting = |state: &mut State<T>| state.newest.is_none() && !state.closed;
        let mut state = self.changed.wait_while(state, waiting).unwrap_or_else(PoisonError::into_inner);
        state.newest.take()
    }

    /// Gives an item that was taken back, to be filled again.
    pub fn give_back(&self, item: T) {
        self.lock().spare = Some(item);
    }

    /// An item that was given back, to be filled again.
    pub fn spare(&self) -> Option<T> {
        self.lock().spare.take()
    }

    /// Says that nothing more comes. What is in the slot can still be taken.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// How many items were replaced before anybody took them.
    pub fn replaced(&self) -> u64 {
        self.lock().replaced
    }

    /// A panic of another holder leaves the state whole: no method can panic half-way through a change.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
