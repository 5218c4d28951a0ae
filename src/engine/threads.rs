//! How many threads share the work of computing a model.

use parking_lot::Mutex;
use tract_core::tract_linalg::multithread::{Executor, set_default_executor};

use crate::contain::contain;
use crate::passing::Passing;

/// The system gave fewer threads than the models should use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("run.threads: expected {expected} threads for the models, found: {found}; {}", Passing::Threads.advice())]
pub struct ThreadsError {
    /// How many threads were wanted.
    pub expected: usize,
    /// The message of the panic with which the thread pool failed.
    pub found: String,
}

/// Shares matrix products and long element-wise operators of every model of this process among `threads` threads. With
/// 0 or 1 the caller's own thread computes them. The results do not depend on the number, bit for bit: no sum is
/// divided.
///
/// # Errors
/// The system gives no more threads. The number that was set before stays.
pub fn share_among(threads: usize) -> Result<(), ThreadsError> {
    static CURRENT: Mutex<usize> = Mutex::new(1);
    let mut current = CURRENT.lock();
    if *current == threads {
        return Ok(());
    }
    let executor = match threads {
        0 | 1 => Executor::SingleThread,
        // It panics if the pool cannot be created.
        _ => contain(|| Executor::multithread_with_name(threads, "engine"))
            .map_err(|found| ThreadsError { expected: threads, found })?,
    };
    set_default_executor(executor);
    *current = threads;
    Ok(())
}
