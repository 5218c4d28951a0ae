//! The one training loop.
//!
//! Everything random in step `n` comes from a generator made of the seed and `n`, so a run that is killed and goes on
//! from a checkpoint takes the same steps as one that is not.

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::prelude::*;
use serde::Serialize;

use super::Error;
use super::checkpoint::{RunFolder, State, Trained};
use super::journal::Journal;
use super::optimiser::{adamw, average, clip_global_norm, learning_rate};
use crate::time::Stop;

/// What a step or a validation tells besides its loss or score: names and values.
pub type Values = Vec<(&'static str, f32)>;

/// What is trained, seen from the loop.
pub trait Task {
    type Model: Module;

    /// Steps of the whole run.
    fn steps(&self) -> u64;

    /// Whether to validate once `step` steps are done.
    fn validates_at(&self, step: u64) -> bool;

    /// The loss \[1\] of step `step` and what else is worth telling of it.
    fn loss(&mut self, model: &Self::Model, step: u64) -> Result<(Tensor<1>, Values), Error>;

    /// Measures averaged weights, in evaluation mode and off the autodiff device; may draw pictures into `folder`.
    fn validate(&mut self, model: &Self::Model, step: u64, folder: &std::path::Path) -> Result<Validation, Error>;
}

/// What a validation found.
pub struct Validation {
    /// The larger, the better the weights.
    pub score: f64,
    pub values: Values,
}

/// The part of the settings that the loop itself reads.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct Loop {
    pub batch: usize,
    pub learning_rate: f64,
    pub weight_decay: f64,
    /// Largest common L2 norm of a step's gradients.
    pub clip: f32,
    /// Half-life of the averaged weights in steps; 0 for none.
    pub ema_half_life: f64,
    pub seed: u64,
    /// The best weights of another run that this one starts from: the folder's name and its step.
    pub initial: Option<(String, u64)>,
}

/// Trains from wherever the folder stands to the end, or until `stop`.
///
/// # Errors
/// A loss that is not finite, a folder that cannot be written, and whatever the task fails with.
pub fn run<T: Task>(
    task: &mut T,
    model: T::Model,
    settings: &Loop,
    folder: &RunFolder,
    journal: &mut Journal,
    checkpoint_every: u64,
    stop: &Stop,
) -> Result<State, Error> {
    let blank = Trained { average: model.valid(), model, optimiser: adamw(settings.weight_decay) };
    let (mut state, mut trained) = match folder.load(blank.clone())? {
        Some(found) => found,
        None => (State::default(), blank),
    };
    let steps = task.steps();
    journal.begin(state.step, steps)?;
    while state.step < steps && !stop.is_requested() {
        let rate = learning_rate(settings.learning_rate, state.step, steps);
        let mut values = step(task, &mut trained, settings, state.step, rate)?;
        state.step += 1;
        values.push(("learning_rate", rate as f32));
        journal.step(state.step, settings.batch, &values)?;
        let validates = task.validates_at(state.step) || state.step == steps;
        if validates {
            let found = task.validate(&trained.average, state.step, folder.path())?;
            if state.best_score.is_none_or(|best| found.score > best) {
                (state.best_step, state.best_score) = (Some(state.step), Some(found.score));
                folder.save_best(state.step, &trained.average)?;
            }
            journal.validation(state.step, found.score, &found.values, folder.path())?;
        }
        if validates || state.step.is_multiple_of(checkpoint_every) {
            folder.save(&state, &trained)?;
        }
    }
    if stop.is_requested() && state.step < steps {
        folder.save(&state, &trained)?;
    }
    journal.end();
    Ok(state)
}

fn step<T: Task>(
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
    // `valid` also merges the pending statistics of batch normalisation, which neither average nor checkpoint would see.
    let current = trained.model.valid();
    trained.average = average(trained.average.clone(), &current, settings.ema_half_life, step);
    values.insert(0, ("loss", value));
    Ok(values)
}
