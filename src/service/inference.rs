//! Inference: judges the newest frame, again and again, and publishes the verdicts.

use std::sync::Arc;
use std::time::Duration;

use log::Level;
use parking_lot::Mutex;

use super::gallery::{Exhibit, Gallery};
use super::health::Counts;
use super::judge::{Judge, Judgement, Withheld};
use super::shared::{Shared, is_worth_a_line};
use super::sight::{Blind, Sight, SightLimits};
use crate::contain::contain;
use crate::frame::Frame;
use crate::sink::{Broadcast, Event};

/// A judge that is ready to run.
pub struct Fresh {
    /// Its models are loaded and warm.
    pub judge: Box<dyn Judge>,
    /// The header line of its verdicts, with its line break.
    pub header: Vec<u8>,
}

/// Holds the judge that is to take over between two frames.
#[derive(Default)]
pub struct Replacement(Mutex<Option<Fresh>>);

impl Replacement {
    /// Offers a judge. One that has not been taken yet is replaced.
    pub fn offer(&self, fresh: Fresh) {
        *self.0.lock() = Some(fresh);
    }

    fn take(&self) -> Option<Fresh> {
        self.0.lock().take()
    }
}

/// What the inference thread owns; its buffers are reused from frame to frame.
pub(super) struct Inference {
    judge: Box<dyn Judge>,
    replacement: Arc<Replacement>,
    broadcast: Broadcast,
    galleries: Vec<(Arc<Gallery>, Option<Exhibit>)>,
    max_age: Duration,
    sight: Sight,
    /// Which opening of a live source `sight` has looked at; 0 if the source is not live.
    live: u64,
    blind: Option<Blind>,
    judgement: Judgement,
    line: Vec<u8>,
}

impl Inference {
    /// Publishes to `broadcast` and `galleries`. A verdict about a frame older than `max_age` is withheld, and one about a
    /// live camera that shows nothing within `sight`.
    pub fn new(
        judge: Box<dyn Judge>,
        replacement: Arc<Replacement>,
        broadcast: Broadcast,
        galleries: Vec<Arc<Gallery>>,
        max_age: Duration,
        sight: SightLimits,
    ) -> Self {
        let galleries = galleries.into_iter().map(|gallery| (gallery, None)).collect();
        Self {
            judge,
            replacement,
            broadcast,
            galleries,
            max_age,
            sight: Sight::new(sight),
            live: 0,
            blind: None,
            judgement: Judgement::default(),
            line: Vec::with_capacity(1024),
        }
    }

    /// Judges until there are no more frames, the end is requested, or `frames` verdicts are published.
    pub fn run(&mut self, shared: &Shared, frames: Option<u64>) {
        let health = &shared.health;
        let mut published = 0;
        while frames.is_none_or(|frames| published < frames) {
            health.inference.idle();
            let Some(frame) = shared.newest.take() else { break };
            if shared.stop.is_requested() {
                break;
            }
            health.inference.busy(health.clock().now());
            self.take_over(shared);
            match self.expect_sight(&frame, shared).and_then(|()| self.verdict(&frame, shared)) {
                Ok(()) => {
                    self.publish(&frame, shared);
                    published += 1;
                }
                Err(withheld) => withhold(&frame, &withheld, shared),
            }
            shared.newest.give_back(frame);
        }
        health.inference.idle();
        self.broadcast.close();
        self.galleries.iter().for_each(|(gallery, _)| gallery.newest().close());
    }

    /// Lets a judge that is ready take over.
    fn take_over(&mut self, shared: &Shared) {
        let Some(Fresh { judge, header }) = self.replacement.take() else { return };
        self.judge = judge;
        shared.health.set_judge(&*self.judge);
        self.broadcast.publish_header(&header);
    }

    /// Withholds a verdict if a live camera's pictures have shown nothing for too long.
    fn expect_sight(&mut self, frame: &Frame, shared: &Shared) -> Result<(), Withheld> {
        let live = shared.live();
        if std::mem::replace(&mut self.live, live) != live {
            self.sight.reset();
        }
        let found = match live {
            0 => None,
            _ => self.sight.look(&frame.picture, shared.health.clock().now()),
        };
        let blind = found.map(|(blind, _)| blind);
        if std::mem::replace(&mut self.blind, blind) != blind {
            shared.health.sees(blind);
        }
        match found {
            None => Ok(()),
            Some((Blind::Frozen, lasting)) => Err(Withheld::Frozen(lasting)),
            Some((Blind::Flat, lasting)) => Err(Withheld::Flat(lasting)),
        }
    }

    /// Writes the verdict about `frame` into `self.judgement`, and its JSON line into `self.line`.
    fn verdict(&mut self, frame: &Frame, shared: &Shared) -> Result<(), Withheld> {
        let Self { judge, judgement, line, max_age, .. } = self;
        let clock = shared.health.clock();
        let expect_fresh = || {
            let (age, max_age) = (clock.now().saturating_sub(frame.captured), *max_age);
            if age > max_age { Err(Withheld::Stale { age, max_age }) } else { Ok(()) }
        };
        expect_fresh()?;
        contain(|| judge.judge(frame, judgement)).unwrap_or_else(|panic| Err(Withheld::Panic(panic)))?;
        expect_fresh()?;
        let (camera, boot_id) = &shared.health.origin;
        judgement.verdict.camera = Some(camera.clone());
        judgement.verdict.boot_id.clone_from(boot_id);
        judgement.verdict.captured_monotonic_ns = u64::try_from(frame.captured.as_nanos()).ok();
        line.clear();
        serde_json::to_writer(&mut *line, &judgement.verdict).map_err(Withheld::Write)?;
        line.push(b'\n');
        Ok(())
    }

    fn publish(&mut self, frame: &Frame, shared: &Shared) {
        let Judgement { verdict, raw } = &self.judgement;
        let counts = shared.health.verdict(verdict);
        let Counts { verdicts, replaced, withheld, .. } = counts;
        if verdict.suspicious {
            suspect(frame, &self.judgement, counts.suspicious);
        }
        self.broadcast.publish(|published| {
            published.line.extend_from_slice(&self.line);
            match &mut published.event {
                Some(event) => {
                    event.verdict.clone_from(verdict);
                    event.raw.clone_from(raw);
                    (event.staged, event.verdicts) = (frame.staged, verdicts);
                    (event.replaced, event.withheld) = (replaced, withheld);
                }
                event => {
                    let (verdict, raw, staged) = (verdict.clone(), raw.clone(), frame.staged);
                    *event = Some(Event { verdict, raw, staged, verdicts, replaced, withheld });
                }
            }
        });
        if let Some(purified) = self.judge.picture() {
            for (gallery, spare) in &mut self.galleries {
                gallery.show(frame, purified, verdict, spare);
            }
        }
    }
}

/// Logs the `count`th suspicious verdict. The demonstration attacks its own frames: they are no reason for a warning.
fn suspect(frame: &Frame, Judgement { verdict, raw }: &Judgement, count: u64) {
    if !is_worth_a_line(count) {
        return;
    }
    let level = if frame.staged.is_some() { Level::Info } else { Level::Warn };
    let before = raw.as_ref().map_or("unknown", |raw| &raw.label);
    log::log!(
        level,
        "suspicious: frame {} is '{before}' before purification and '{}' after it; suspicion {:.3} ({count} so far)",
        frame.sequence,
        verdict.label,
        verdict.suspicion.unwrap_or_default()
    );
}

fn withhold(frame: &Frame, withheld: &Withheld, shared: &Shared) {
    let (count, level) = match withheld {
        Withheld::Unsure { .. } => (shared.health.unsure(), Level::Info),
        // States of their own, which do not become the general one.
        Withheld::Frozen(_) | Withheld::Flat(_) => {
            (shared.health.count(|numbers| numbers.count_withheld(&withheld.cause())), Level::Warn)
        }
        withheld => (shared.health.withheld(&withheld.cause()), Level::Warn),
    };
    if is_worth_a_line(count) {
        log::log!(level, "no verdict about frame {}: {withheld} ({count} so far)", frame.sequence);
    }
}
