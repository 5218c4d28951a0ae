//! `purecam train`: reads the photographs, opens the run's folder and starts the loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Failure;
use crate::cli::{Train, TrainClassifier, Training};
use crate::train::checkpoint::RunFolder;
use crate::train::classifier::{ClassifierTask, Settings};
use crate::train::data::Photographs;
use crate::train::journal::Journal;
use crate::train::trainer::{self, Loop};
use crate::train::{Error, Stop, device};
use crate::zoo::{ClassifierConfig, Family};

/// Largest common L2 norm of a step's gradients.
const CLIP: f32 = 1.0;

pub fn train(what: &Train, json: bool) -> Result<(), Failure> {
    match what {
        Train::Classifier(args) => classifier(args, json),
        Train::Riae(_) => todo!(),
    }
}

fn classifier(args: &TrainClassifier, json: bool) -> Result<(), Failure> {
    let common = &args.training;
    check_side(common.side, 32)?;
    let family: Family = args.family.parse().map_err(Failure::Usage)?;
    let adversarial = args.adversarial.as_deref().map(epsilon).transpose()?;
    let device = device::open(&common.device)?.autodiff();
    let (training, validation) = photographs(common)?;
    let settings = Settings {
        kind: "classifier".into(),
        model: ClassifierConfig::new(family, args.width, training.labels.len()),
        labels: training.labels.clone(),
        data: folder_name(common),
        photographs: training.items.len() + validation.items.len(),
        side: common.side,
        epochs: args.epochs,
        label_smoothing: args.label_smoothing,
        adversarial,
        held_out: common.held_out,
        training: loop_settings(common),
    };
    let folder = RunFolder::open(&common.out, &settings)?;
    let mut journal = Journal::new(folder.path(), json);
    journal.say(&format!(
        "{} photographs for training, {} for validation, {} classes, {:.2} GFLOP a picture",
        training.items.len(), validation.items.len(), settings.labels.len(), settings.model.gflop(common.side)
    ));
    let mut task = ClassifierTask { settings: &settings, training: &training, validation: &validation, device: device.clone() };
    let init = || {
        device.clone().inner().seed(common.seed);
        settings.model.init(&device)
    };
    let state = trainer::run(&mut task, init, &settings.training, &folder, &mut journal, common.checkpoint_every, &stop())?;
    finish(&journal, &state, &common.out);
    Ok(())
}

fn finish(journal: &Journal, state: &crate::train::checkpoint::State, out: &std::path::Path) {
    if let (Some(step), Some(score)) = (state.best_step, state.best_score) {
        journal.say(&format!("best weights: step {step}, score {score:.4}; write them with: purecam export {} --out FILE.onnx", out.display()));
    }
}

/// Reads the photographs and tells of those that cannot be read.
fn photographs(common: &Training) -> Result<(Photographs, Photographs), Failure> {
    let all = Photographs::load(&common.data, common.names.as_deref(), common.side)?;
    for (path, reason) in all.broken.iter().take(10) {
        eprintln!("skipped {}: {reason}", path.display());
    }
    if !all.broken.is_empty() {
        eprintln!("skipped {} photographs that cannot be decoded", all.broken.len());
    }
    Ok(all.hold_out(common.held_out)?)
}

fn loop_settings(common: &Training) -> Loop {
    Loop {
        batch: common.batch,
        learning_rate: common.learning_rate,
        weight_decay: common.weight_decay,
        clip: CLIP,
        ema_half_life: common.ema_half_life,
        seed: common.seed,
    }
}

/// The data's folder without the machine's path, for the metadata of the models.
fn folder_name(common: &Training) -> String {
    let path = common.data.canonicalize().unwrap_or_else(|_| common.data.clone());
    let names: Vec<_> = path.iter().rev().take(2).map(|part| part.to_string_lossy().into_owned()).collect();
    names.into_iter().rev().collect::<Vec<_>>().join("/")
}

fn check_side(side: usize, multiple: usize) -> Result<(), Failure> {
    if side == 0 || !side.is_multiple_of(multiple) {
        return Err(Failure::Usage(format!("--side {side}: expected a multiple of {multiple}")));
    }
    Ok(())
}

/// An L-infinity size such as `4/255` or `0.0157`, in units of 1/255.
fn epsilon(text: &str) -> Result<f32, Failure> {
    let value = match text.split_once('/') {
        Some((a, b)) => a.trim().parse::<f32>().ok().zip(b.trim().parse::<f32>().ok()).map(|(a, b)| a / b * 255.0),
        None => text.parse::<f32>().ok().map(|x| x * 255.0),
    };
    value.filter(|x| x.is_finite() && *x > 0.0 && *x <= 255.0).ok_or_else(|| {
        Failure::Usage(format!("'{text}': expected a size between 0 and 1, for instance 4/255"))
    })
}

/// A flag that Ctrl-C sets, so that the run ends after its step with a checkpoint; a second Ctrl-C ends at once.
fn stop() -> Stop {
    let stop: Stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let handler = move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("ending after this step; the run goes on with the same command");
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        log::warn!("Ctrl-C will end the run without a last checkpoint: {error}");
    }
    stop
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Settings(_) | Error::Device { .. } => Self::Usage(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}
