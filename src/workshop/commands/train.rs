//! `purecam train`: reads the photographs, opens the run's folder and starts the loop.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::prelude::Device;

use crate::commands::Failure;
use crate::config::Config;
use crate::console;
use crate::engine::contract::Input;
use crate::engine::{self, Description};
use crate::sha256;
use crate::time::Stop;
use crate::workshop::cli::{Preset, Train, TrainClassifier, TrainPurifier, Training};
use crate::workshop::onnx::read::{self, Classifier, Network};
use crate::workshop::purifier::{Purifier, PurifierConfig};
use crate::workshop::train::Error;
use crate::workshop::train::checkpoint::{self, Progress, RunFolder};
use crate::workshop::train::classifier::ClassifierTask;
use crate::workshop::train::data::Photographs;
use crate::workshop::train::journal::Journal;
use crate::workshop::train::pair_cache::PairCache;
use crate::workshop::train::pairs::PairMaker;
use crate::workshop::train::perceptual::{Perceptual, PerceptualSettings, PerceptualSpec};
use crate::workshop::train::purifier::{Networks, PurifierTask};
use crate::workshop::train::settings::{ClassifierSettings, PurifierSettings};
use crate::workshop::train::trainer::{self, Initial, Loop, Task};
use crate::workshop::zoo::ClassifierConfig;

/// Largest L2 norm of all gradients of a step together.
const CLIP: f32 = 1.0;
/// The least share of a photograph's area in a view for which the photographs' usual margin is made.
const USUAL_VIEW: f64 = 0.5;
/// Every classifier of the zoo has stages down to this stride.
const CLASSIFIER_STRIDE: usize = 32;
/// The most classes without a photograph for validation that are named.
const NAMED: usize = 20;

/// Starts or resumes a run.
///
/// # Errors
/// Options that do not fit together; photographs, classifiers, a device or a folder that cannot be used; a loss that is
/// not finite.
pub fn train(what: &Train, json: bool) -> Result<(), Failure> {
    match what {
        Train::Classifier(args) => classifier(args, json),
        Train::Purifier(args) => purifier(args, json),
    }
}

fn classifier(args: &TrainClassifier, json: bool) -> Result<(), Failure> {
    let common = &args.training;
    if common.side == 0 || !common.side.is_multiple_of(CLASSIFIER_STRIDE) {
        return Err(Failure::usage(format!("--side {}: expected a multiple of {CLASSIFIER_STRIDE}", common.side)));
    }
    let device = common.device.open()?.autodiff();
    let (training, validation) = split(common, Photographs::load(&common.data, args.names.as_deref(), common.side)?)?;
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

fn purifier(args: &TrainPurifier, json: bool) -> Result<(), Failure> {
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
    let all = |paths: &[PathBuf]| -> Result<Vec<Classifier>, Failure> {
        paths.iter().map(|path| open(path, common.side, &said, &device)).collect()
    };
    let makers = PairMaker { classifiers: all(&args.classifier)?, attacks: args.attacks.clone() };
    let judges = all(if args.judge.is_empty() { &args.classifier } else { &args.judge })?;
    let perceptual = perceptual(args, &said, &device)?;
    let (training, validation) =
        split(common, Photographs::load_unlabelled(&common.data, kept_side(common.side, args.view.0))?)?;
    device.clone().inner().seed(common.seed);
    let (model, start) = initial_purifier(common, config.init(&device))?;
    let photographs = training.items.len() + validation.items.len();
    let settings = purifier_settings(args, config, photographs, &perceptual, start)?;
    let folder = RunFolder::open(&common.out, &settings)?;
    let mut journal = Journal::new(folder.path(), json);
    journal.say(&format!(
        "{} photographs for training, {} for validation, {:.2} GFLOP per picture",
        training.items.len(),
        validation.items.len(),
        settings.model.gflop(common.side)
    ));
    let perceptual = perceptual.into_iter().map(|(_, network)| network).collect();
    let networks = Networks { makers, perceptual, judges };
    let cache = PairCache::new(folder.path(), (args.pair_cache as usize) << 20);
    let task = PurifierTask::new(&settings, &training, &validation, device, networks, cache);
    run(task, model, common, &settings.training, &folder, &mut journal)
}

fn purifier_settings(
    args: &TrainPurifier,
    model: PurifierConfig,
    photographs: usize,
    perceptual: &[(PerceptualSettings, Perceptual)],
    start: Option<Initial>,
) -> Result<PurifierSettings, Failure> {
    let common = &args.training;
    Ok(PurifierSettings {
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
        jpeg: args.jpeg,
        view: args.view.0,
        judges: args.judge.iter().map(|path| fingerprint(path)).collect::<Result<_, _>>()?,
        perceptual_weight: args.perceptual_weight,
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

fn preset(preset: &Preset) -> Result<PurifierConfig, Failure> {
    match preset {
        Preset::Named(config) => Ok(config.clone()),
        Preset::File(path) => PurifierConfig::from_file(path).map_err(Failure::usage),
    }
}

/// Opens a classifier with gradients, for pictures of `side` pixels; the engine that ships checks it first, at its own
/// size and as `said` describes it.
fn open(path: &Path, side: usize, said: &Description, device: &Device) -> Result<Classifier, Failure> {
    let (path, said) = described(path, said)?;
    let (path, said) = (path.as_path(), &said);
    let checked = engine::Classifier::load(path, said).map_err(Failure::failed)?;
    checked.expect_one_class().map_err(Failure::failed)?;
    let input = checked.input();
    let [height, width] = input.size;
    let wanted = Input { size: [side, side], ..input.clone() };
    let network = Network::load_for(path, Some(&wanted), device)?;
    if [height, width] == [side, side] {
        return Ok(Classifier::new(network, Some(input))?);
    }
    Classifier::resized(network, input, [side, side]).map_err(|error| {
        let found = format!("{}: expects pictures of {width}x{height}, --side is {side}", path.display());
        Failure::usage(format!("{found}, and its layers do not run at another size: use --side {width} ({error})"))
    })
}

/// The ONNX file that an option names, with its description: that of `--config`, or, if the option names a
/// configuration file, the one in there.
fn described(path: &Path, said: &Description) -> Result<(PathBuf, Description), Failure> {
    if path.extension().is_none_or(|extension| extension != "toml") {
        return Ok((path.to_owned(), said.clone()));
    }
    let own = Config::load(Some(path)).map_err(Failure::usage)?.classifier;
    match own.model.clone() {
        Some(model) => Ok((model, own)),
        None => {
            Err(Failure::usage(format!("{}: [classifier] names no model; add model = \"FILE.onnx\"", path.display())))
        }
    }
}

/// The shorter side of the photographs that are kept in memory, in pixels, divided by the margin that all have: enough
/// for the smallest view of `side` pixels.
fn kept_side(side: usize, view: [f64; 2]) -> usize {
    (side as f64 * (USUAL_VIEW / view[0]).sqrt().max(1.0)).ceil() as usize
}

/// The networks of `--perceptual`, or every classifier with its stages.
fn perceptual(
    args: &TrainPurifier,
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

/// A classifier's file name and SHA-256; a configuration file stands for the model that it describes.
fn fingerprint(path: &Path) -> Result<(String, String), Failure> {
    let path = described(path, &Description::default())?.0;
    let bytes = std::fs::read(&path).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
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

fn loop_settings(common: &Training, initial: Option<Initial>) -> Loop {
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

/// `fresh` weights, or with `--initial` the best ones of another run.
fn initial<M: Module>(common: &Training, fresh: M) -> Result<(M, Option<Initial>), Failure> {
    let Some(run) = &common.initial else { return Ok((fresh, None)) };
    let (model, step) = checkpoint::load_best(run, fresh)?;
    let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((model, Some(Initial::Run(name, step))))
}

/// The same for a purifier, which may also start from an exported file.
fn initial_purifier(common: &Training, fresh: Purifier) -> Result<(Purifier, Option<Initial>), Failure> {
    let Some(file) = common.initial.as_ref().filter(|initial| initial.is_file()) else { return initial(common, fresh) };
    let Purifier::Unet(unet) = fresh else {
        let reason =
            "only a U-Net can start from an exported file; give the folder of the run that it was exported from";
        return Err(Failure::usage(format!("--initial {}: {reason}", file.display())));
    };
    let unet = unet.with_weights_of(&Network::load(file, &Device::flex())?)?;
    let (name, sum) = fingerprint(file)?;
    Ok((Purifier::Unet(unet), Some(Initial::File(name, sum))))
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
