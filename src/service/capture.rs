//! Capture: puts every frame of the source into the slot, and opens a lost source again, without giving up.

use std::time::Duration;

use super::shared::{Shared, is_worth_a_line};
use super::state::Input;
use crate::contain::contain;
use crate::frame::Frame;
use crate::source::{Fault, Offer, Opener, Reason, SkipCause, Skipped, SourceError};
use crate::time::Backoff;

/// The wait before the first attempt to reopen a source.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// A camera that was plugged in again is found within this wait and the time to open it.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Captures until the end is requested, the source ends, or it fails for good.
pub(super) fn capture(mut open: Opener, shared: &Shared) {
    let mut backoff = Backoff::new(FIRST_WAIT, LONGEST_WAIT);
    let clock = shared.health.clock();
    let mut openings = 0;
    while !shared.stop.is_requested() {
        openings += 1;
        match open_and_stream(&mut open, openings, &mut backoff, shared) {
            Ok(()) => break,
            Err(SourceError::Camera(fault)) => lost(&fault, shared),
            Err(error) => {
                shared.source_failed(error);
                break;
            }
        }
        shared.health.capture.idle();
        clock.wait_until(clock.now() + backoff.wait(), &shared.stop);
    }
    shared.health.capture.idle();
    shared.newest.close();
}

/// Opens the source, for the `openings`th time, and streams from it. `Ok` is the end of the stream; an error says why there are no more frames.
fn open_and_stream(
    open: &mut Opener,
    openings: u64,
    backoff: &mut Backoff,
    shared: &Shared,
) -> Result<(), SourceError> {
    let (health, stop) = (&shared.health, &shared.stop);
    let clock = health.clock();
    health.capture.busy(clock.now());
    let mut source = contain(open).unwrap_or_else(|panic| Err(panicked(panic).into()))?;
    shared.opened(openings, source.is_live());
    health.opened(source.rate());
    let mut frame = Frame::default();
    let mut missed = source.missed();
    while !stop.is_requested() {
        health.capture.busy(clock.now());
        // A decoder that panics has met a frame that it should have refused.
        match contain(|| source.next(&mut frame, stop)) {
            Ok(Ok(Offer::Frame)) => {
                backoff.reset();
                health.inference.called(clock.now());
                frame = shared.newest.put(frame).unwrap_or_default();
                let before = std::mem::replace(&mut missed, source.missed());
                health.frame(shared.newest.replaced(), missed.saturating_sub(before));
            }
            Ok(Ok(Offer::Skipped(skipped))) => skip(&skipped, shared),
            // It is alive: the next turn says so.
            Ok(Ok(Offer::Settling)) => {}
            Err(problem) => skip(&Skipped { cause: SkipCause::Corrupt, problem }, shared),
            Ok(Ok(Offer::Ended)) => break,
            Ok(Err(error)) => return Err(error),
        }
    }
    Ok(())
}

/// A panic while a device is being opened is a device fault like any other.
fn panicked(panic: String) -> Fault {
    Fault::new(Reason::Io, "the source", format!("made its driver panic: {panic}"))
}

fn skip(skipped: &Skipped, shared: &Shared) {
    let count = shared.health.count(|numbers| numbers.count_skipped(skipped.cause));
    if is_worth_a_line(count) {
        log::warn!("skipped: {} ({count} {} so far)", skipped.problem, skipped.cause.name());
    }
    shared.health.unusable();
}

fn lost(fault: &Fault, shared: &Shared) {
    let count = shared.health.count(|numbers| numbers.count_reconnect(fault.reason));
    if is_worth_a_line(count) {
        log::warn!("{fault} ({}, {count} so far); retrying", fault.reason.name());
    }
    shared.health.on(Input::Fault(fault.reason));
}
