//! `purecam train purifier`.

use std::path::PathBuf;
use std::time::Duration;

use burn::prelude::Device;

use super::networks::{self, fingerprint, open, own_side, perceptual};
use super::{folder_name, initial, loop_settings, run, split};
use crate::commands::Failure;
use crate::config::Config;
use crate::console;
use crate::engine::{Description, Shipped};
use crate::workshop::cli::{Preset, TrainPurifier, Training};
use crate::workshop::onnx::read::{Classifier, Network};
use crate::workshop::purifier::{Purifier, PurifierConfig};
use crate::workshop::train::checkpoint::{self, RunFolder};
use crate::workshop::train::data::Photographs;
use crate::workshop::train::journal::{Journal, span};
use crate::workshop::train::pair_cache::PairCache;
use crate::workshop::train::pairs::PairMaker;
use crate::workshop::train::perceptual::{Perceptual, PerceptualSettings};
use crate::workshop::train::purifier::{Networks, PurifierTask};
use crate::workshop::train::recipe::Recipe;
use crate::workshop::train::settings::PurifierSettings;
use crate::workshop::train::trainer::Initial;

/// Side of a U-Net's pictures in training, unless the user says another.
const SIDE: usize = 128;
/// The least share of a photograph's area in a view for which the photographs' usual margin is made.
const USUAL_VIEW: f64 = 0.5;

/// What the settings follow from.
struct Plan<'a> {
    args: &'a TrainPurifier,
    config: PurifierConfig,
    classifiers: Vec<PathBuf>,
    said: Description,
    side: usize,
    recipe: Recipe,
}

/// Trains a purifier.
///
/// # Errors
/// As [`super::train`].
pub fn train(args: &TrainPurifier, json: bool) -> Result<(), Failure> {
    let common = &args.training;
    let device = common.device.open()?.autodiff();
    let plan = Plan::new(args, &device)?;
    let all = |paths: &[PathBuf]| -> Result<Vec<Classifier>, Failure> {
        paths.iter().map(|path| open(path, plan.side, &plan.said, &device)).collect()
    };
    let makers = PairMaker { classifiers: all(&plan.classifiers)?, attacks: plan.recipe.attacks.clone() };
    for classifier in &makers.classifiers {
        let classes = classifier.labels().len();
        makers.attacks.iter().try_for_each(|attack| attack.expect_classes(classes)).map_err(Failure::usage)?;
    }
    let judges = all(if args.judge.is_empty() { &plan.classifiers } else { &args.judge })?;
    let compared = perceptual(&args.perceptual, &plan.classifiers, plan.side, &plan.said, &device)?;
    console::note(format_args!("reads the photographs in {}", common.data.display()));
    let kept = kept_side(plan.side, plan.recipe.view);
    let (training, validation) = split(common, Photographs::load_unlabelled(&common.data, kept)?)?;
    device.clone().inner().seed(common.seed);
    let (model, start) = initial_purifier(common, &plan.config, &device)?;
    let settings = plan.settings(training.items.len() + validation.items.len(), &compared, start)?;
    let perceptual = compared.into_iter().map(|(_, network)| network).collect();
    let networks = Networks { makers, perceptual, judges };
    let mut task = PurifierTask::new(settings, &training, &validation, device, networks);
    let estimate = fit(&mut task, &model, args, training.items.len())?;
    let settings = task.settings().clone();
    let folder = RunFolder::open(&common.out, &settings)?;
    task.keep_pairs_in(PairCache::new(folder.path(), (args.pair_cache as usize) << 20));
    let mut journal = Journal::new(folder.path(), json);
    journal.say(&format!(
        "{} photographs for training, {} for validation, {:.2} GFLOP per picture of {side} x {side}, starts from {}",
        training.items.len(),
        validation.items.len(),
        settings.model.gflop(settings.side),
        settings.training.initial.as_ref().map_or("random weights".to_owned(), Initial::to_string),
        side = settings.side,
    ));
    estimate.iter().for_each(|estimate| journal.say(estimate));
    run(task, model, common, &settings.training, &folder, &mut journal)
}

/// Takes a trial of a new run: with `--minutes` the epochs follow from it. Returns what it found for people. A run that is
/// there already goes on as it began.
fn fit(
    task: &mut PurifierTask,
    model: &Purifier,
    args: &TrainPurifier,
    photographs: usize,
) -> Result<Option<String>, Failure> {
    if let Ok(there) = checkpoint::settings::<PurifierSettings>(&args.training.out) {
        if args.minutes.is_some() {
            let settings = task.settings_mut();
            (settings.pair_epochs, settings.pairs) = (there.pair_epochs, there.pairs);
            settings.refresh_every = there.refresh_every;
        }
        return Ok(None);
    }
    console::note("tries a few steps, to see how long they take");
    let trial = task.trial(model)?;
    if let Some(minutes) = args.minutes {
        trial.fit(task.settings_mut(), photographs, Duration::from_secs(60 * minutes));
    }
    let settings = task.settings();
    let whole = span(trial.whole(settings, photographs));
    let pairs = settings.pairs.min(photographs);
    let epochs = |count: u64| if count == 1 { "1 epoch".to_owned() } else { format!("{count} epochs") };
    let verb = if settings.clean_epochs == 0 && settings.pair_epochs == 1 { "takes" } else { "take" };
    let pair_stage = format!("{} of {pairs} pairs", epochs(settings.pair_epochs));
    let stages = match settings.clean_epochs {
        0 => pair_stage,
        count => format!("{} of {photographs} photographs and {pair_stage}", epochs(count)),
    };
    Ok(Some(format!("{stages} {verb} about {whole} on this machine")))
}

impl<'a> Plan<'a> {
    fn new(args: &'a TrainPurifier, device: &Device) -> Result<Self, Failure> {
        let config = match &args.preset {
            Preset::Named(config) => config.clone(),
            Preset::File(path) => PurifierConfig::from_file(path).map_err(Failure::usage)?,
        };
        let said = Config::load(args.config.as_deref()).map_err(Failure::usage)?.classifier;
        let mut classifiers = args.classifier.clone();
        if classifiers.is_empty() {
            classifiers.extend(said.model.clone());
        }
        let side = match args.training.side {
            Some(side) => side,
            None => usual_side(&config, classifiers.first(), &said, device)?,
        };
        config.validate(side).map_err(Failure::usage)?;
        let larger = |path: &PathBuf| own_side(path, &said).map(|own| own.is_some_and(|own| side < own));
        let is_crop = classifiers.first().map(larger).transpose()?.unwrap_or_default();
        let mut recipe = Recipe::of(&config, is_crop);
        if !args.attacks.is_empty() {
            recipe.attacks = args.attacks.clone();
        }
        recipe.view = args.view.map_or(recipe.view, |view| view.0);
        recipe.pair_epochs = args.pair_epochs.unwrap_or(recipe.pair_epochs);
        if recipe.pair_epochs > 0 && classifiers.is_empty() {
            return Err(Failure::usage(
                "stage 2 needs a classifier: name its ONNX file with --classifier, or with --config the file that \
                 describes it; --pair-epochs 0 skips stage 2",
            ));
        }
        Ok(Self { args, config, classifiers, said, side, recipe })
    }

    fn settings(
        &self,
        photographs: usize,
        perceptual: &[(PerceptualSettings, Perceptual)],
        start: Option<Initial>,
    ) -> Result<PurifierSettings, Failure> {
        let Self { args, recipe, .. } = self;
        let common = &args.training;
        let clean_epochs = if start.is_some() { 0 } else { recipe.clean_epochs };
        Ok(PurifierSettings {
            kind: "riae".into(),
            model: self.config.clone(),
            data: folder_name(common),
            photographs,
            side: self.side,
            clean_epochs: args.clean_epochs.unwrap_or(clean_epochs),
            pair_epochs: recipe.pair_epochs,
            classifiers: fingerprints(&self.classifiers)?,
            perceptual: perceptual.iter().map(|(settings, _)| settings.clone()).collect(),
            attacks: recipe.attacks.clone(),
            epsilon: args.epsilon,
            rcm: args.rcm,
            jpeg: args.jpeg.unwrap_or(recipe.jpeg),
            resample: args.resample.unwrap_or(recipe.resample),
            view: recipe.view,
            judges: fingerprints(&args.judge)?,
            perceptual_weight: args.perceptual_weight.unwrap_or(recipe.perceptual_weight),
            pairs: args.pairs.unwrap_or(recipe.pairs),
            refresh_every: args.refresh_every.unwrap_or(recipe.refresh_every),
            random_windows: args.random_windows,
            held_out: common.held_out,
            training: loop_settings(common, common.batch.unwrap_or(recipe.batch), start),
        })
    }
}

fn fingerprints(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    paths.iter().map(|path| fingerprint(path)).collect()
}

/// The side of the pictures in training: small crops for a U-Net before a classifier that runs at their size, for any
/// other the side of the classifier itself.
fn usual_side(
    config: &PurifierConfig,
    classifier: Option<&PathBuf>,
    said: &Description,
    device: &Device,
) -> Result<usize, Failure> {
    let Some(path) = classifier else { return Ok(SIDE) };
    let Some(own) = own_side(path, said)? else { return Ok(SIDE) };
    let crops = matches!(config, PurifierConfig::Unet(_)) && own > SIDE;
    Ok(if crops && networks::open(path, SIDE, said, device).is_ok() { SIDE } else { own })
}

/// The shorter side of the photographs that are kept in memory, in pixels, divided by the margin that all have: enough
/// for the smallest view of `side` pixels.
fn kept_side(side: usize, view: [f64; 2]) -> usize {
    (side as f64 * (USUAL_VIEW / view[0]).sqrt().max(1.0)).ceil() as usize
}

/// The weights that training starts from: those of `--initial`, else for the network that ships those of its file, else
/// random ones.
fn initial_purifier(
    common: &Training,
    config: &PurifierConfig,
    device: &Device,
) -> Result<(Purifier, Option<Initial>), Failure> {
    let fresh = config.init(device);
    let shipped = common.initial.is_none().then(|| shipped(config)).flatten();
    let Some(file) = shipped.as_ref().or(common.initial.as_ref()).filter(|initial| initial.is_file()) else {
        return initial(common, fresh);
    };
    let Purifier::Unet(unet) = fresh else {
        let reason =
            "only a U-Net can start from an exported file; give the folder of the run that it was exported from";
        return Err(Failure::usage(format!("--initial {}: {reason}", file.display())));
    };
    let unet = unet.with_weights_of(&Network::load(file, &Device::flex())?)?;
    let (name, sum) = fingerprint(file)?;
    Ok((Purifier::Unet(unet), Some(Initial::File(name, sum))))
}

/// The file of the network that ships, if `config` describes it.
fn shipped(config: &PurifierConfig) -> Option<PathBuf> {
    let (Ok(shipped), PurifierConfig::Unet(unet)) = (Shipped::find(), config) else { return None };
    let file = shipped.folder.join(shipped.manifest.general.as_ref()?);
    let network = Network::load(&file, &Device::flex()).ok()?;
    let same = network.metadata()?.unet.as_ref()? == &serde_json::json!(unet);
    same.then_some(file)
}
