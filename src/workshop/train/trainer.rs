//! The one training loop.
//!
//! Everything random in step `n` comes from a generator seeded with the run's seed and `n`, so a run that is killed and
//! resumes from a checkpoint makes the same steps as an undisturbed one.

use std::fmt;
use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::prelude::*;
use serde::Serialize;

use super::checkpoint::{Progress, RunFolder, Trained};
use super::error::Error;
use super::journal::{Journal, Step};
use super::optimiser::{average, clip_global_norm, learning_rate};
use super::pace::Ahead;
use crate::time::Stop;

/// What a step or a validation reports besides its loss or score: names and values.
pub type Values = Vec<(&'static str, f32)>;

/// A training task, as the loop sees it.
pub trait Task {
    /// What is trained.
    type Model: Module;

    /// Steps of the whole run.
    fn steps(&self) -> u64;

    /// Whether to validate once `step` steps are done.
    fn validates_at(&self, step: u64) -> bool;

    /// Whether something must be made before step `step`, counted from 0, that takes much longer than a step.
    fn prepares_at(&self, _step: u64) -> bool {
        false
    }

    /// Makes what step `step` needs, if it is not there; returns whether it had to.
    ///
    /// # Errors
    /// A network that cannot be run.
    fn prepare(&mut self, _step: u64) -> Result<bool, Error> {
        Ok(false)
    }

    /// The stage that step `step` is in: its name, and the number of steps after which it ends. The steps of one stage
    /// take equally long.
    fn stage(&self, _step: u64) -> (&'static str, u64) {
        ("the run", self.steps())
    }

    /// The loss \[1\] of step `step`, counted from 0, and other values to report.
    ///
    /// # Errors
    /// A network that cannot be run.
    fn loss(&mut self, model: &Self::Model, step: u64) -> Result<(Tensor<1>, Values), Error>;

    /// Measures averaged weights, in evaluation mode and off the autodiff device; may draw pictures into `folder`.
    ///
    /// # Errors
    /// A picture that cannot be written.
    fn validate(&mut self, model: &Self::Model, step: u64, folder: &std::path::Path) -> Result<Validation, Error>;
}

/// The result of a validation.
pub struct Validation {
    /// The larger, the better the weights.
    pub score: f64,
    /// Other values to report.
    pub values: Values,
}

/// The part of the settings that the loop itself reads.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct Loop {
    /// Pictures in a step.
    pub batch: usize,
    /// Highest learning rate of the schedule.
    pub learning_rate: f64,
    /// Weight decay of AdamW.
    pub weight_decay: f64,
    /// Largest L2 norm of all gradients of a step together.
    pub clip: f32,
    /// Half-life of the averaged weights in steps; 0 for none.
    pub ema_half_life: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// The weights that this run starts from; `None` for random ones.
    pub initial: Option<Initial>,
}

/// Weights that a run starts from.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Initial {
    /// The best ones of another run: the folder's name and the step.
    Run(String, u64),
    /// Those of an exported file: its name and SHA-256.
    File(String, String),
}

impl fmt::Display for Initial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(name, step) => write!(f, "step {step} of {name}"),
            Self::File(name, _) => f.write_str(name),
        }
    }
}

/// Trains from the folder's newest checkpoint to the end, or until `stop`; writes a checkpoint every `checkpoint_every`
/// steps and at every validation.
///
/// # Errors
/// A loss that is not finite, a folder that cannot be read or written, an error of the task.
pub fn run<T: Task>(
    task: &mut T,
    model: T::Model,
    settings: &Loop,
    folder: &RunFolder,
    journal: &mut Journal,
    checkpoint_every: u64,
    stop: &Stop,
) -> Result<Progress, Error> {
    let blank = Trained::new(model, settings.weight_decay);
    let (mut progress, mut trained) = match folder.load(blank.clone())? {
        Some(found) => found,
        None => (Progress::default(), blank),
    };
    let steps = task.steps();
    journal.begin(progress.step, steps)?;
    while progress.step < steps && !stop.is_requested() {
        let rate = learning_rate(settings.learning_rate, progress.step, steps);
        let start = Instant::now();
        if task.prepare(progress.step)? {
            journal.prepared(start.elapsed());
        }
        let start = Instant::now();
        let mut values = step(task, &mut trained, settings, progress.step, rate)?;
        progress.step += 1;
        values.push(("learning_rate", rate as f32));
        let done = Step {
            number: progress.step,
            batch: settings.batch,
            took: start.elapsed(),
            stage: task.stage(progress.step - 1).0,
        };
        journal.step(&done, &values, || ahead(task, progress.step))?;
        let validates = task.validates_at(progress.step) || progress.step == steps;
        if validates {
            let start = Instant::now();
            let found = task.validate(&trained.average, progress.step, folder.path())?;
            journal.validated(start.elapsed());
            if progress.best_score.is_none_or(|best| found.score > best) {
                (progress.best_step, progress.best_score) = (Some(progress.step), Some(found.score));
                folder.save_best(progress.step, &trained.average)?;
            }
            journal.validation(progress.step, found.score, &found.values, folder.path())?;
        }
        if validates || progress.step.is_multiple_of(checkpoint_every) {
            folder.save(&progress, &trained)?;
        }
    }
    if stop.is_requested() && progress.step < steps {
        folder.save(&progress, &trained)?;
    }
    journal.end();
    Ok(progress)
}

/// What is left of the stage once `done` steps are done.
fn ahead<T: Task>(task: &T, done: u64) -> Ahead {
    let end = task.stage(done.saturating_sub(1)).1;
    let count = |is: &dyn Fn(u64) -> bool| (done..end).filter(|step| is(*step)).count() as u64;
    Ahead {
        steps: end.saturating_sub(done),
        preparations: count(&|step| task.prepares_at(step)),
        validations: count(&|step| task.validates_at(step + 1)),
    }
}

/// Takes step `step`, counted from 0, with learning rate `rate`; returns the loss and what the task reports.
pub(super) fn step<T: Task>(
    task: &mut T,
    trained: &mut Trained<T::Model>,
    settings: &Loop,
    step: u64,
    rate: f64,
) -> Result<Values, Error> {
    let (loss, mut values) = task.loss(&trained.model, step)?;
    let value = loss.clone().into_scalar::<f32>();
    if !value.is_finite() {
        return Err(Error::Diverged { step, loss: value });
    }
    let gradients = GradientsParams::from_grads(loss.backward(), &trained.model);
    let gradients = clip_global_norm(&trained.model, gradients, settings.clip);
    trained.model = trained.optimiser.step(rate, trained.model.clone(), gradients);
    // `valid` also merges the pending statistics of batch normalisation, which average and checkpoint would not see.
    let current = trained.model.valid();
    trained.average = average(trained.average.clone(), &current, settings.ema_half_life, step);
    values.insert(0, ("loss", value));
    Ok(values)
}
