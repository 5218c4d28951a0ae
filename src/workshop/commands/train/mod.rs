//! `purecam train`: reads the photographs, opens the run's folder and starts the loop.

mod classifier;
mod networks;
mod purifier;

use std::path::Path;

use burn::module::Module;

use crate::commands::Failure;
use crate::console;
use crate::time::Stop;
use crate::workshop::cli::{Train, Training};
use crate::workshop::onnx::read;
use crate::workshop::train::Error;
use crate::workshop::train::checkpoint::{self, Progress, RunFolder};
use crate::workshop::train::data::Photographs;
use crate::workshop::train::journal::Journal;
use crate::workshop::train::trainer::{self, Initial, Loop, Task};

/// Largest L2 norm of all gradients of a step together.
const CLIP: f32 = 1.0;
/// What `--initial` says for random weights.
const RANDOM: &str = "none";

/// Starts or resumes a run.
///
/// # Errors
/// Options that do not fit together; photographs, classifiers, a device or a folder that cannot be used; a loss that is
/// not finite.
pub fn train(what: &Train, json: bool) -> Result<(), Failure> {
    match what {
        Train::Classifier(args) => classifier::train(args, json),
        Train::Purifier(args) => purifier::train(args, json),
    }
}

/// Runs the loop, then says which weights are the best.
fn run<T: Task>(
    mut task: T,
    model: T::Model,
    common: &Training,
    settings: &Loop,
    folder: &RunFolder,
    journal: &mut Journal,
) -> Result<(), Failure> {
    let progress = trainer::run(&mut task, model, settings, folder, journal, common.checkpoint_every, &stop())?;
    finish(journal, &progress, &common.out);
    Ok(())
}

fn finish(journal: &Journal, progress: &Progress, out: &Path) {
    if let (Some(step), Some(score)) = (progress.best_step, progress.best_score) {
        journal.say(&format!(
            "best weights: step {step}, score {score:.4}; write them with: purecam export {} --out FILE.onnx",
            out.display()
        ));
    }
}

/// Names the photographs that cannot be decoded, and splits off those for validation.
fn split(common: &Training, all: Photographs) -> Result<(Photographs, Photographs), Failure> {
    for (path, reason) in all.broken.iter().take(10) {
        console::note(format_args!("skipped {}: {reason}", path.display()));
    }
    if !all.broken.is_empty() {
        console::note(format_args!("skipped {} photographs that cannot be decoded", all.broken.len()));
    }
    Ok(all.hold_out(common.held_out)?)
}

fn loop_settings(common: &Training, batch: usize, initial: Option<Initial>) -> Loop {
    Loop {
        batch,
        learning_rate: common.learning_rate,
        weight_decay: common.weight_decay,
        clip: CLIP,
        ema_half_life: common.ema_half_life,
        seed: common.seed,
        initial,
    }
}

/// `fresh` weights, or with `--initial` the best ones of another run.
fn initial<M: Module>(common: &Training, fresh: M) -> Result<(M, Option<Initial>), Failure> {
    let Some(run) = common.initial.as_ref().filter(|run| *run != Path::new(RANDOM)) else { return Ok((fresh, None)) };
    let (model, step) = checkpoint::load_best(run, fresh)?;
    let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((model, Some(Initial::Run(name, step))))
}

/// The last two folders of the path to the data: the metadata of the models need not have the machine's whole path.
fn folder_name(common: &Training) -> String {
    let path = common.data.canonicalize().unwrap_or_else(|_| common.data.clone());
    let names: Vec<_> = path.iter().rev().take(2).map(|part| part.to_string_lossy().into_owned()).collect();
    names.into_iter().rev().collect::<Vec<_>>().join("/")
}

/// A stop that Ctrl-C requests, so that the run ends after its step with a checkpoint; a second Ctrl-C ends at once.
fn stop() -> Stop {
    let stop = Stop::new();
    let requested = stop.clone();
    let handler = move || {
        if requested.is_requested() {
            std::process::exit(130);
        }
        requested.request();
        console::note("ending after this step; the same command resumes the run");
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        log::warn!("Ctrl-C will end the run without a last checkpoint: {error}");
    }
    stop
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::HeldOut { .. } | Error::NoLayer => Self::usage(error),
            error => Self::failed(error),
        }
    }
}

impl From<read::Error> for Failure {
    fn from(error: read::Error) -> Self {
        Self::failed(error)
    }
}
