//! How many threads share the work of computing a model.

use std::sync::{Mutex, PoisonError};

use tract_core::tract_linalg::multithread::{Executor, set_default_executor};

use crate::contain::contain;

/// Shares matrix products and long element-wise operators of every model of this process among `threads` threads; 1 computes
/// on the caller's own. What a model says does not depend on it, bit for bit: work is divided where no sum is.
///
/// # Errors
/// The system's message, where it gives no more threads. What was set before stays.
pub fn share_among(threads: usize) -> Result<(), String> {
    static CURRENT: Mutex<usize> = Mutex::new(1);
    let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    if *current == threads {
        return Ok(());
    }
    let executor = match threads {
        0 | 1 => Executor::SingleThread,
        // It panics where the pool cannot be had.
        _ => contain(|| Executor::multithread_with_name(threads, "engine"))
            .map_err(|panic| format!("run.threads: expected {threads} threads for the models, found: {panic}"))?,
    };
    set_default_executor(executor);
    *current = threads;
    Ok(())
}
