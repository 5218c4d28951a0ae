//! `purecam train`: reads the photographs, opens the run's folder and starts the loop.

use std::path::Path;

use crate::sha256;
use burn::module::Module;
use burn::prelude::Device;

use crate::commands::Failure;
use crate::config::Config;
use crate::engine::{self, Description};
use crate::time::Stop;
use crate::workshop::attack::{Attack, parse_epsilon};
use crate::workshop::cli::{Train, TrainClassifier, TrainRiae, Training};
use crate::workshop::device;
use crate::workshop::onnx::read::{Classifier, Network};
use crate::workshop::riae::RiaeConfig;
use crate::workshop::train::Error;
use crate::workshop::train::checkpoint::{self, RunFolder};
use crate::workshop::train::classifier::{ClassifierTask, Settings};
use crate::workshop::train::data::Photographs;
use crate::workshop::train::journal::Journal;
use crate::workshop::train::pairs::PairMaker;
use crate::workshop::train::perceptual::{Perceptual, PerceptualSettings};
use crate::workshop::train::riae;
use crate::workshop::train::trainer::{self, Loop};
use crate::workshop::zoo::{ClassifierConfig, Family};

/// Largest common L2 norm of a step's gradients.
const CLIP: f32 = 1.0;

pub fn train(what: &Train, json: bool) -> Result<(), Failure> {
    match what {
        Train::Classifier(args) => classifier(args, json),
        Train::Riae(args) => purifier(args, json),
    }
}

fn classifier(args: &TrainClassifier, json: bool) -> Result<(), Failure> {
    let common = &args.training;
    check_side(common.side, 32)?;
    let family: Family = args.family.parse().map_err(Failure::usage)?;
    let adversarial = args.adversarial.as_deref().map(epsilon).transpose()?;
    let device = device::open(&common.device)?.autodiff();
    let (training, validation) = photographs(common)?;
    let config = ClassifierConfig::new(family, args.width, training.labels.len());
    device.clone().inner().seed(common.seed);
    let (model, start) = initial(common, config.init(&device))?;
    let settings = Settings {
        kind: "classifier".into(),
        model: config,
        labels: training.labels.clone(),
        data: folder_name(common),
        photographs: training.items.len() + validation.items.len(),
        side: common.side,
        epochs: args.epochs,
        label_smoothing: args.label_smoothing,
        adversarial,
        held_out: common.held_out,
        training: loop_settings(common, start),
    };
    let folder = RunFolder::open(&common.out, &settings)?;
    let mut journal = Journal::new(folder.path(), json);
    journal.say(&format!(
        "{} photographs for training, {} for validation, {} classes, {:.2} GFLOP a picture",
        training.items.len(),
        validation.items.len(),
        settings.labels.len(),
        settings.model.gflop(common.side)
    ));
    let mut task =
        ClassifierTask { settings: &settings, training: &training, validation: &validation, device: device.clone() };
    let state =
        trainer::run(&mut task, model, &settings.training, &folder, &mut journal, common.checkpoint_every, &stop())?;
    finish(&journal, &state, &common.out);
    Ok(())
}

fn purifier(args: &TrainRiae, json: bool) -> Result<(), Failure> {
    let common = &args.training;
    let config = preset(&args.preset)?;
    config.validate(common.side).map_err(Failure::usage)?;
    let attacks: Result<Vec<Attack>, _> = args.attacks.iter().map(|attack| attack.parse()).collect();
    let attacks = attacks.map_err(|error| Failure::usage(format!("--attacks: {error}")))?;
    if args.pair_epochs > 0 && (args.classifier.is_empty() || attacks.is_empty()) {
        return Err(Failure::usage(
            "stage 2 needs at least one --classifier and one of --attacks; --pair-epochs 0 leaves it out",
        ));
    }
    let device = device::open(&common.device)?.autodiff();
    let said = Config::load(args.config.as_deref()).map_err(Failure::usage)?.classifier;
    let classifiers: Result<Vec<_>, _> =
        args.classifier.iter().map(|path| read(path, common.side, &said, &device)).collect();
    let classifiers = classifiers?;
    let perceptual = perceptual(args, &said, &device)?;
    let (training, validation) = photographs(common)?;
    device.clone().inner().seed(common.seed);
    let (model, start) = initial(common, config.init(&device))?;
    let settings = riae::Settings {
        kind: "riae".into(),
        model: config,
        data: folder_name(common),
        photographs: training.items.len() + validation.items.len(),
        side: common.side,
        clean_epochs: args.clean_epochs,
        pair_epochs: args.pair_epochs,
        classifiers: args.classifier.iter().map(|path| fingerprint(path)).collect::<Result<_, _>>()?,
        perceptual: perceptual.iter().map(|(settings, _)| settings.clone()).collect(),
        attacks: args.attacks.clone(),
        epsilon: epsilon(&args.epsilon)?,
        rcm: args.rcm,
        pairs: args.pairs,
        refresh_every: args.refresh_every,
        random_windows: args.random_windows,
        held_out: common.held_out,
        training: loop_settings(common, start),
    };
    let folder = RunFolder::open(&common.out, &settings)?;
    let mut journal = Journal::new(folder.path(), json);
    journal.say(&format!(
        "{} photographs for training, {} for validation, {:.2} GFLOP a picture",
        training.items.len(),
        validation.items.len(),
        settings.model.gflop(common.side)
    ));
    let makers = PairMaker { classifiers, attacks };
    let perceptual = perceptual.into_iter().map(|(_, network)| network).collect();
    let mut task = riae::RiaeTask::new(&settings, &training, &validation, device.clone(), makers, perceptual);
    let state =
        trainer::run(&mut task, model, &settings.training, &folder, &mut journal, common.checkpoint_every, &stop())?;
    finish(&journal, &state, &common.out);
    Ok(())
}

/// A preset by name, or a configuration from a file.
fn preset(name: &str) -> Result<RiaeConfig, Failure> {
    if let Some(config) = RiaeConfig::preset(name) {
        return Ok(config);
    }
    if !name.ends_with(".toml") {
        let known: Vec<_> = RiaeConfig::preset_names().collect();
        return Err(Failure::usage(format!("--preset {name}: expected one of {}, or a TOML file", known.join(", "))));
    }
    RiaeConfig::from_file(Path::new(name)).map_err(Failure::usage)
}

/// Opens a classifier with gradients; the engine that ships checks it first, as `said` describes it.
fn read(path: &Path, side: usize, said: &Description, device: &Device) -> Result<Classifier, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
    let checked = engine::Classifier::load(path, said).map_err(|error| failed(&error))?;
    let network = Network::load(path, device).map_err(|error| failed(&error))?;
    let classifier = Classifier::new(network, Some(checked.input())).map_err(|error| failed(&error))?;
    if classifier.size() != [side, side] {
        let [height, width] = classifier.size();
        let found = format!("{}: takes pictures of {width}x{height}, --side is {side}", path.display());
        return Err(Failure::usage(format!("{found}; both must agree")));
    }
    Ok(classifier)
}

/// The perceptual networks that were asked for, or every classifier with its stages.
fn perceptual(
    args: &TrainRiae,
    said: &Description,
    device: &Device,
) -> Result<Vec<(PerceptualSettings, Perceptual)>, Failure> {
    let specs: Vec<(&Path, Option<&str>)> = if args.perceptual.is_empty() {
        args.classifier.iter().map(|path| (path.as_path(), None)).collect()
    } else {
        let asked = args.perceptual.iter().filter(|spec| *spec != "none");
        asked
            .map(|spec| {
                spec.rsplit_once(':').map_or((Path::new(spec), None), |(path, layers)| (Path::new(path), Some(layers)))
            })
            .collect()
    };
    specs
        .into_iter()
        .map(|(path, layers)| {
            let classifier = read(path, args.training.side, said, device)?;
            let layers = match layers {
                Some(text) => text.split(',').map(layer).collect::<Result<Vec<_>, _>>()?,
                None => {
                    let stages = classifier.stages().map_err(Failure::failed)?;
                    let count = stages.len() as i32;
                    // The deeper the layer, the more it says of the class and the less of single pixels.
                    stages.into_iter().enumerate().map(|(i, name)| (name, 0.5f32.powi(count - 1 - i as i32))).collect()
                }
            };
            let known: Vec<&str> = classifier.network().node_outputs().collect();
            if let Some((name, _)) = layers.iter().find(|(name, _)| !known.contains(&name.as_str())) {
                return Err(Failure::usage(format!(
                    "{}: has no tensor '{name}'; it has {}",
                    path.display(),
                    known.join(", ")
                )));
            }
            let settings = PerceptualSettings { network: fingerprint(path)?, layers: layers.clone() };
            Ok((settings, Perceptual { classifier, layers }))
        })
        .collect()
}

/// `name=weight`, or `name` with weight 1.
fn layer(text: &str) -> Result<(String, f32), Failure> {
    let (name, weight) = text.rsplit_once('=').unwrap_or((text, "1"));
    let weight = weight
        .parse()
        .map_err(|_| Failure::usage(format!("--perceptual: '{weight}' is no weight; expected TENSOR=WEIGHT")))?;
    Ok((name.to_owned(), weight))
}

/// A file's name and SHA-256.
fn fingerprint(path: &Path) -> Result<(String, String), Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, sha256::sum(&bytes)))
}

fn finish(journal: &Journal, state: &crate::workshop::train::checkpoint::State, out: &std::path::Path) {
    if let (Some(step), Some(score)) = (state.best_step, state.best_score) {
        journal.say(&format!(
            "best weights: step {step}, score {score:.4}; write them with: purecam export {} --out FILE.onnx",
            out.display()
        ));
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

/// `fresh` weights, or with `--initial` the best ones of another run, named by its folder and step.
fn initial<M: Module>(common: &Training, fresh: M) -> Result<(M, Option<(String, u64)>), Failure> {
    let Some(run) = &common.initial else { return Ok((fresh, None)) };
    let (model, step) = checkpoint::load_best(run, fresh)?;
    let name = run.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((model, Some((name, step))))
}

/// The data's folder without the machine's path, for the metadata of the models.
fn folder_name(common: &Training) -> String {
    let path = common.data.canonicalize().unwrap_or_else(|_| common.data.clone());
    let names: Vec<_> = path.iter().rev().take(2).map(|part| part.to_string_lossy().into_owned()).collect();
    names.into_iter().rev().collect::<Vec<_>>().join("/")
}

fn check_side(side: usize, multiple: usize) -> Result<(), Failure> {
    if side == 0 || !side.is_multiple_of(multiple) {
        return Err(Failure::usage(format!("--side {side}: expected a multiple of {multiple}")));
    }
    Ok(())
}

/// A perturbation's size above zero, in units of 1/255.
fn epsilon(text: &str) -> Result<f32, Failure> {
    match parse_epsilon(text) {
        Ok(size) if size > 0.0 => Ok(size * 255.0),
        Ok(_) => Err(Failure::usage(format!("epsilon '{text}': expected more than 0"))),
        Err(error) => Err(Failure::usage(error)),
    }
}

/// A flag that Ctrl-C sets, so that the run ends after its step with a checkpoint; a second Ctrl-C ends at once.
fn stop() -> Stop {
    let stop = Stop::new();
    let asked = stop.clone();
    let handler = move || {
        if asked.is_requested() {
            std::process::exit(130);
        }
        asked.request();
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
            Error::Settings(_) | Error::Device { .. } => Self::usage(error),
            _ => Self::failed(error),
        }
    }
}
