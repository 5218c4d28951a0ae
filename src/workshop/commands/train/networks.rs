//! The fixed networks of a purifier's training: opened, checked, described.

use std::path::{Path, PathBuf};

use burn::prelude::Device;

use crate::commands::Failure;
use crate::config::Config;
use crate::engine::contract::Input;
use crate::engine::{self, Description};
use crate::sha256;
use crate::workshop::onnx::read::{Classifier, Network};
use crate::workshop::train::perceptual::{Perceptual, PerceptualSettings, PerceptualSpec};

/// Opens a classifier with gradients, for pictures of `side` pixels; the engine that ships checks it first, at its own
/// size and as `said` describes it.
pub fn open(path: &Path, side: usize, said: &Description, device: &Device) -> Result<Classifier, Failure> {
    let (path, said) = described(path, said)?;
    let (path, said) = (path.as_path(), &said);
    let checked = engine::Classifier::load(path, said).map_err(Failure::failed)?;
    checked.expect_one_class().map_err(Failure::failed)?;
    let input = checked.input();
    let [height, width] = input.size;
    let wanted = Input { size: [side, side], ..input.clone() };
    let network = Network::load_for(path, Some(&wanted), device)?;
    let as_declared = |classifier: Classifier| match checked.gives_probabilities() {
        true => classifier.of_probabilities(),
        false => classifier,
    };
    if [height, width] == [side, side] {
        return Ok(as_declared(Classifier::new(network, Some(input))?));
    }
    let resized = Classifier::resized(network, input, [side, side]).map_err(|error| {
        let found = format!("{}: expects pictures of {width}x{height}, --side is {side}", path.display());
        Failure::usage(format!("{found}, and its layers do not run at another size: use --side {width} ({error})"))
    });
    resized.map(as_declared)
}

/// The side of the pictures that a classifier is for; `None` if they are not square.
pub fn own_side(path: &Path, said: &Description) -> Result<Option<usize>, Failure> {
    let (path, said) = described(path, said)?;
    let [height, width] = engine::Classifier::load(&path, &said).map_err(Failure::failed)?.size();
    Ok((height == width).then_some(height))
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

/// The networks of `--perceptual`, or every classifier with its stages.
pub fn perceptual(
    specs: &[PerceptualSpec],
    classifiers: &[PathBuf],
    side: usize,
    said: &Description,
    device: &Device,
) -> Result<Vec<(PerceptualSettings, Perceptual)>, Failure> {
    let open = |path: &Path, layers: Option<&[(String, f32)]>| {
        let classifier = self::open(path, side, said, device)?;
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
    if specs.is_empty() {
        return classifiers.iter().map(|path| open(path, None)).collect();
    }
    let networks = specs.iter().filter_map(|spec| match spec {
        PerceptualSpec::None => None,
        PerceptualSpec::Network { file, layers } => Some(open(file, layers.as_deref())),
    });
    networks.collect()
}

/// The stages of a classifier, and its logits. The deeper a layer, the more it depends on the class and the less on
/// single pixels, so each stage counts twice as much as the one before, and the logits as much as the last.
fn weighted_stages(classifier: &Classifier) -> Result<Vec<(String, f32)>, Failure> {
    let stages = classifier.stages()?;
    let count = stages.len() as i32;
    let weighted = stages.into_iter().enumerate().map(|(i, name)| (name, 0.5f32.powi(count - 1 - i as i32)));
    Ok(weighted.chain([(classifier.logits_name().to_owned(), 1.0)]).collect())
}

/// A classifier's file name and SHA-256; a configuration file stands for the model that it describes.
pub fn fingerprint(path: &Path) -> Result<(String, String), Failure> {
    let path = described(path, &Description::default())?.0;
    let bytes = std::fs::read(&path).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, sha256::sum(&bytes)))
}
