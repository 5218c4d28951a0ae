//! Turns panics that a file or a frame could cause into errors.
//!
//! The engine's graph passes, and some image decoders, assert things that a damaged or hostile file can violate. Such a
//! file must not end a service, so every call that depends on one goes through [`contain`].

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// The message and place of the last panic of this thread inside [`contain`].
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
    /// How many calls of [`contain`] this thread is inside of.
    static DEPTH: RefCell<usize> = const { RefCell::new(0) };
}

/// Runs `work`; a panic in it becomes an `Err` with the panic's message and place, and prints nothing.
///
/// Values that `work` was changing when it panicked may be half changed: the caller discards or resets them.
pub fn contain<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if DEPTH.with(|depth| *depth.borrow() > 0) {
                CAUGHT.with(|caught| *caught.borrow_mut() = Some(info.to_string().replace('\n', " ")));
            } else {
                previous(info);
            }
        }));
    });
    DEPTH.with(|depth| *depth.borrow_mut() += 1);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    DEPTH.with(|depth| *depth.borrow_mut() -= 1);
    outcome.map_err(|_| CAUGHT.with(|caught| caught.borrow_mut().take()).unwrap_or_else(|| "panicked".to_owned()))
}
