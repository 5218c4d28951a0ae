//! `purecam train classifier`.

use super::{folder_name, initial, loop_settings, run, split};
use crate::commands::Failure;
use crate::console;
use crate::workshop::cli::TrainClassifier;
use crate::workshop::train::checkpoint::RunFolder;
use crate::workshop::train::classifier::ClassifierTask;
use crate::workshop::train::data::Photographs;
use crate::workshop::train::journal::Journal;
use crate::workshop::train::settings::ClassifierSettings;
use crate::workshop::zoo::{ClassifierConfig, STRIDE};

/// Side of the pictures in pixels, unless the user says another.
const SIDE: usize = 128;
/// Pictures per step, unless the user says another number.
const BATCH: usize = 32;
/// The most classes without a photograph for validation that are named.
const NAMED: usize = 20;

/// Trains a classifier.
///
/// # Errors
/// As [`super::train`].
pub fn train(args: &TrainClassifier, json: bool) -> Result<(), Failure> {
    let common = &args.training;
    let side = common.side.unwrap_or(SIDE);
    if side == 0 || !side.is_multiple_of(STRIDE) {
        return Err(Failure::usage(format!("--side {side}: expected a multiple of {STRIDE}")));
    }
    let device = common.device.open()?.autodiff();
    let (training, validation) = split(common, Photographs::load(&common.data, args.names.as_deref(), side)?)?;
    name_missing(&validation);
    let config = ClassifierConfig::new(args.family, args.width, training.labels.len());
    device.clone().inner().seed(common.seed);
    let (model, start) = initial(common, config.init(&device))?;
    let settings = ClassifierSettings {
        kind: "classifier".into(),
        model: config,
        labels: training.labels.clone(),
        data: folder_name(common),
        photographs: training.items.len() + validation.items.len(),
        side,
        epochs: args.epochs,
        label_smoothing: args.label_smoothing,
        adversarial: args.adversarial,
        held_out: common.held_out,
        training: loop_settings(common, common.batch.unwrap_or(BATCH), start),
    };
    let folder = RunFolder::open(&common.out, &settings)?;
    let mut journal = Journal::new(folder.path(), json);
    journal.say(&format!(
        "{} photographs for training, {} for validation, {} classes, {:.2} GFLOP per picture",
        training.items.len(),
        validation.items.len(),
        settings.labels.len(),
        settings.model.gflop(side)
    ));
    let task = ClassifierTask { settings: &settings, training: &training, validation: &validation, device };
    run(task, model, common, &settings.training, &folder, &mut journal)
}

/// Names the classes that validations say nothing about. Every class has a photograph for training.
fn name_missing(validation: &Photographs) {
    let missing = validation.missing();
    if !missing.is_empty() {
        let shown: Vec<String> = missing.iter().take(NAMED).map(|label| format!("'{label}'")).collect();
        let more = if missing.len() > NAMED { format!(" and {} more", missing.len() - NAMED) } else { String::new() };
        console::note(format_args!(
            "no photograph is held out for validation of {} of {} classes: {}{more}; their accuracy is not measured: add \
             photographs, or raise --held-out",
            missing.len(),
            validation.labels.len(),
            shown.join(", ")
        ));
    }
}
