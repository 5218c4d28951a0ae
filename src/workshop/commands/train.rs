//! `purecam train`: reads the photographs, opens the run's folder and starts the loop.

use std::path::Path;

use burn::module::Module;
use burn::prelude::Device;

use crate::commands::Failure;
use crate::config::Config;
use crate::console;
use crate::engine::{self, Description};
use crate::sha256;
use crate::time::Stop;
use crate::workshop::cli::{Preset, Train, TrainClassifier, TrainRiae, Training};
use crate::workshop::onnx::read::{self, Classifier, Network};
use crate::workshop::riae::RiaeConfig;
use crate::workshop::train::Error;
use crate::workshop::train::checkpoint::{self, Progress, RunFolder};
use crate::workshop::train::classifier::ClassifierTask;
use crate::workshop::train::data::Photographs;
use crate::workshop::train::journal::Journal;
use crate::workshop::train::pairs::PairMaker;
use crate::workshop::train::perceptual::{Perceptual, PerceptualSettings, PerceptualSpec};
use crate::workshop::train::riae::RiaeTask;
use crate::workshop::train::settings::{ClassifierSettings, RiaeSettings};
use crate::workshop::train::trainer::{self, Loop, Task};
use crate::workshop::zoo::ClassifierConfig;

/// Largest L2 norm of all gradients of a step together.
const CLIP: f32 = 1.0;
/// Every classifier of the zoo has stages down to this stride.
const CLASSIFIER_STRIDE: usize = 32;

/// Starts or resumes a run.
///
/// # Errors
/// Options that do not fit together; photographs, classifiers, a device or a folder that cannot be used; a loss that is
/// not finite.
pub fn train(what: &Train, json: bool) -> Result<(), Failure> {
    match what {
        Train::Classifier(args) => classifier(args, json),
        Train::Riae(args) => purifier(args, json),
    }
}

fn classifier(args: &TrainClassifier, json: bool) -> Result<(), Failure> {
    let common = &args.training;
    if common.side == 0 || !common.side.is_multiple_of(CLASSIFIER_STRIDE) {
        return Err(Failure::usage(format!("--side {}: expected a multiple of {CLASSIFIER_STRIDE}", common.side)));
    }
    let device = common.device.open()?.autodiff();
    let (training, validation) = photographs(common)?;
    let config = ClassifierConfig::new(args.family, args.width, training.labels.len());
    device.clone().inner().seed(common.seed);
    let (model, start) = initial(common, config.init(&device))?;
    let settings = ClassifierSettings {
        kind: "classifier".into(),
        model: config,
        labels: training.labels.clone(),
        data: folder_name(common),
        photographs: training.items.len() + validation.items.len(),
        side: common.side,
        epochs: args.epochs,
        label_smoothing: args.label_smoothing,
        adversarial: args.adversarial,
        held_out: common.held_out,
        training: loop_settings(common, start),
    };
    let folder = RunFolder::open(&common.out, &settings)?;
    let mut journal = Journal::new(folder.path(), json);
    journal.say(&format!(
        "{} photographs for training, {} for validation, {} classes, {:.2} GFLOP per picture",
        training.items.len(),
        validation.items.len(),
        settings.labels.len(),
        settings.model.gflop(common.side)
    ));
    let task = ClassifierTask { settings: &settings, training: &training, validation: &validation, device };
    run(task, model, common, &settings.training, &folder, &mut journal)
}

fn purifier(args: &TrainRiae, json: bool) -> Result<(), Failure> {
    let common = &args.training;
    let config = preset(&args.preset)?;
    config.validate(common.side).map_err(Failure::usage)?;
    if args.pair_epochs > 0 && (args.classifier.is_empty() || args.attacks.is_empty()) {
        return Err(Failure::usage(
            "stage 2 needs at least one --classifier and one of --attacks; --pair-epochs 0 skips it",
        ));
    }
    let device = common.device.open()?.autodiff();
    let said = Config::load(args.config.as_deref()).map_err(Failure::usage)?.classifier;
    let classifiers: Result<Vec<_>, _> =
        args.classifier.iter().map(|path| open(path, common.side, &said, &device)).collect();
    let makers = PairMaker { classifiers: classifiers?, attacks: args.attacks.clone() };
    let perceptual = perceptual(args, &said, &device)?;
    let (training, validation) = photographs(common)?;
    device.clone().inner().seed(common.seed);
    let (model, start) = initial(common, config.init(&device))?;
    let photographs = training.items.len() + validation.items.len();
    let settings = riae_settings(args, config, photographs, &perceptual, start)?;
    let folder = RunFolder::open(&common.out, &settings)?;
    let mut journal = Journal::new(folder.path(), json);
    journal.say(&format!(
        "{} photographs for training, {} for validation, {:.2} GFLOP per picture",
        training.items.len(),
        validation.items.len(),
        settings.model.gflop(common.side)
    ));
    let perceptual = perceptual.into_iter().map(|(_, network)| network).collect();
    let task = RiaeTask::new(&settings, &training, &validation, device, makers, perceptual);
    run(task, model, common, &settings.training, &folder, &mut journal)
}

fn riae_settings(
    args: &TrainRiae,
    model: RiaeConfig,
    photographs: usize,
    perceptual: &[(PerceptualSettings, Perceptual)],
    start: Option<(String, u64)>,
) -> Result<RiaeSettings, Failure> {
    let common = &args.training;
    Ok(RiaeSettings {
        kind: "riae".into(),
        model,
        data: folder_name(common),
        photographs,
        side: common.side,
        clean_epochs: args.clean_epochs,
        pair_epochs: args.pair_epochs,
        classifiers: args.classifier.iter().map(|path| fingerprint(path)).collect::<Result<_, _>>()?,
        perceptual: perceptual.iter().map(|(settings, _)| settings.clone()).collect(),
        attacks: args.attacks.clone(),
        epsilon: args.epsilon,
        rcm: args.rcm,
        pairs: args.pairs,
        refresh_every: args.refresh_every,
        random_windows: args.random_windows,
        held_out: common.held_out,
        training: loop_settings(common, start),
    })
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

fn preset(preset: &Preset) -> Result<RiaeConfig, Failure> {
    match preset {
        Preset::Named(config) => Ok(config.clone()),
        Preset::File(path) => RiaeConfig::from_file(path).map_err(Failure::usage),
    }
}

/// Opens a classifier with gradients; the engine that ships checks it first, as `said` describes it.
fn open(path: &Path, side: usize, said: &Description, device: &Device) -> Result<Classifier, Failure> {
    let checked = engine::Classifier::load(path, said).map_err(Failure::failed)?;
    checked.expect_one_class().map_err(Failure::failed)?;
    let network = Network::load_for(path, Some(checked.input()), device)?;
    let classifier = Classifier::new(network, Some(checked.input()))?;
    if classifier.size() != [side, side] {
        let [height, width] = classifier.size();
        let found = format!("{}: expects pictures of {width}x{height}, --side is {side}", path.display());
        return Err(Failure::usage(format!("{found}; both must agree")));
    }
    Ok(classifier)
}

/// The networks of `--perceptual`, or every classifier with its stages.
fn perceptual(
    args: &TrainRiae,
    said: &Description,
    device: &Device,
) -> Result<Vec<(PerceptualSettings, Perceptual)>, Failure> {
    let open = |path: &Path, layers: Option<&[(String, f32)]>| {
        let classifier = open(path, args.training.side, said, device)?;
        let layers = match layers {
            Some(layers) => layers.to_vec(),
            None => weighted_stages(&classifier)?,
        };
        let known: Vec<&str> = classifier.network().node_outputs().collect();
        if let Some((name, _)) = layers.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            let known = known.join(", ");
            return Err(Failure::usage(format!("{}: has no tensor '{name}'; it has {known}", path.display())));
        }
        let settings = PerceptualSettings { network: fingerprint(path)?, layers: layers.clone() };
        Ok((settings, Perceptual { classifier, layers }))
    };
    if args.perceptual.is_empty() {
        return args.classifier.iter().map(|path| open(path, None)).collect();
    }
    let networks = args.perceptual.iter().filter_map(|spec| match spec {
        PerceptualSpec::None => None,
        PerceptualSpec::Network { file, layers } => Some(open(file, layers.as_deref())),
    });
    networks.collect()
}

/// The stages of a classifier. The deeper a layer, the more it depends on the class and the less on single pixels, so
/// each counts twice as much as the one before.
fn weighted_stages(classifier: &Classifier) -> Result<Vec<(String, f32)>, Failure> {
    let stages = classifier.stages()?;
    let count = stages.len() as i32;
    Ok(stages.into_iter().enumerate().map(|(i, name)| (name, 0.5f32.powi(count - 1 - i as i32))).collect())
}

/// A file's name and SHA-256.
fn fingerprint(path: &Path) -> Result<(String, String), Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, sha256::sum(&bytes)))
}

fn finish(journal: &Journal, progress: &Progress, out: &Path) {
    if let (Some(step), Some(score)) = (progress.best_step, progress.best_score) {
        journal.say(&format!(
            "best weights: step {step}, score {score:.4}; write them with: purecam export {} --out FILE.onnx",
            out.display()
        ));
    }
}

/// Reads the photographs, names those that cannot be decoded, and splits off those for validation.
fn photographs(common: &Training) -> Result<(Photographs, Photographs), Failure> {
    let all = Photographs::load(&common.data, common.names.as_deref(), common.side)?;
    for (path, reason) in all.broken.iter().take(10) {
        console::note(format_args!("skipped {}: {reason}", path.display()));
    }
    if !all.broken.is_empty() {
        console::note(format_args!("skipped {} photographs that cannot be decoded", all.broken.len()));
    }
    Ok(all.hold_out(common.held_out)?)
}

fn loop_settings(common: &Training, initial: Option<(String, u64)>) -> Loop {
    Loop {
        batch: common.batch,
        learning_rate: common.learning_rate,
        weight_decay: common.weight_decay,
        clip: CLIP,
        ema_half_life: common.ema_half_life,
        seed: common.seed,
        initial,
    }
}

/// `fresh` weights, or with `--initial` the best ones of another run, with its folder's name and their step.
fn initial<M: Module>(common: &Training, fresh: M) -> Result<(M, Option<(String, u64)>), Failure> {
    let Some(run) = &common.initial else { return Ok((fresh, None)) };
    let (model, step) = checkpoint::load_best(run, fresh)?;
    let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((model, Some((name, step))))
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
