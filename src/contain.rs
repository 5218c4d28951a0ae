//! Panics as errors, where a file or a frame could cause one.
//!
//! The engine's graph passes, and some image decoders, assert what a damaged or hostile file need not satisfy. One such file
//! must not end a service, so every call that depends on one goes through [`contain`].

use std::cell::RefCell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Inside [`contain`]: the message of the last panic of this thread, with its place.
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
    static DEPTH: RefCell<usize> = const { RefCell::new(0) };
}

/// Runs `work`; a panic in it becomes an `Err` with the panic's message and place, and prints nothing.
///
/// What `work` was changing when it panicked may be half changed: the caller throws it away or resets it.
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
