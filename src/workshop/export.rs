//! The best weights of a run as one ONNX file, compared with burn before it is kept.
//!
//! The file's bytes run in tract, the engine of the device, on a random picture. They are written only if the answer is
//! that of the network in burn.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::prelude::*;
use rand::Rng;
use rand_distr::StandardNormal;
use serde_json::json;
use tract_onnx::prelude::{
    Framework, InferenceFact, InferenceModelExt, IntoRunnable, IntoTValue, TValue, TVec, Tensor as TractTensor,
    TractError, TractResult,
};

use crate::engine::contract::{self, Input, Metadata, Noise, Role};
use crate::workshop::pictures::values;
use crate::workshop::purifier::{self, Purifier};
use crate::workshop::riae::{Draw, Riae, export::Options, export::export as riae_graph, state_dict};
use crate::workshop::train::settings::PurifierSettings;
use crate::workshop::train::{self, checkpoint, generator};
use crate::workshop::unet::{self, Unet};
use crate::workshop::zoo;
use crate::{atomic, sha256};

/// Largest difference between burn and the exported file that counts as rounding, relative to the largest output.
const TOLERANCE: f32 = 1e-5;

/// Why a run has not become a file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run's settings or weights cannot be read.
    #[error(transparent)]
    Run(#[from] train::Error),
    /// The folder holds the run of something else.
    #[error("{}: expected the run of a classifier or a riae, found kind {found}", run.display())]
    Kind {
        /// The run's folder.
        run: PathBuf,
        /// The kind in its settings, as JSON.
        found: serde_json::Value,
    },
    /// An option that only a RIAE has.
    #[error("--before-conv and --safetensors belong to a RIAE; this is the run of another network")]
    OnlyRiae,
    /// A classifier cannot take pictures of this side.
    #[error("--side {side}: expected a multiple of {}", zoo::STRIDE)]
    Side {
        /// Side of the picture in pixels.
        side: usize,
    },
    /// A purifier cannot take pictures of this side.
    #[error("--side {side}: {source}")]
    PurifierSide {
        /// Side of the picture in pixels.
        side: usize,
        /// Why not.
        source: purifier::Error,
    },
    /// tract refuses the graph.
    #[error("{}: tract cannot run the exported graph: {source:#}", out.display())]
    Tract {
        /// The file that was to be written.
        out: PathBuf,
        /// What tract reports.
        source: TractError,
    },
    /// The graph computes something else than the network.
    #[error(
        "{}: the exported graph's answer differs from burn's (difference {difference:.1e}, allowed {TOLERANCE:.0e}); \
         nothing was written",
        out.display()
    )]
    Differs {
        /// The file that was to be written.
        out: PathBuf,
        /// Largest difference relative to the largest output.
        difference: f32,
    },
    /// The safetensors file cannot be written.
    #[error(transparent)]
    StateDict(#[from] state_dict::Error),
    /// The ONNX file cannot be written.
    #[error("{}: cannot be written: {source}", out.display())]
    Write {
        /// The file.
        out: PathBuf,
        /// What the operating system reports.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the command line asks for something that the run cannot give.
    pub fn is_wrong_usage(&self) -> bool {
        matches!(self, Self::OnlyRiae | Self::Side { .. } | Self::PurifierSide { .. })
    }
}

/// What to make of a run.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The run's folder.
    pub run: &'a Path,
    /// The ONNX file to write.
    pub out: &'a Path,
    /// Side of the picture in pixels; `None`: the one that the run trained with.
    pub side: Option<usize>,
    /// Whether a RIAE's picture before its last convolution becomes a second output.
    pub before_conv: bool,
    /// Whether every shape in the graph is a number.
    pub fixed: bool,
    /// The file for a RIAE's weights with the names of the published code.
    pub safetensors: Option<&'a Path>,
}

/// A file that was written.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its size.
    pub bytes: usize,
    /// Its SHA-256 as hexadecimal digits.
    pub sha256: String,
    /// Largest difference from burn, relative to the largest output.
    pub difference: f32,
    /// Cost of one picture in GFLOP (10^9 multiplications and additions).
    pub gflop: f64,
}

/// A file that is not compared yet.
struct Candidate {
    bytes: Vec<u8>,
    /// The graph's inputs for a test: the picture, then the noise.
    inputs: Vec<TractTensor>,
    /// The first output that burn computes for them.
    expected: Vec<f32>,
    gflop: f64,
}

/// Writes the best weights of a run as an ONNX file, and on request as safetensors.
///
/// # Errors
/// The run cannot be read, cannot be exported as requested, or a file cannot be written. Nothing is written if the
/// graph's answer differs from that of the network.
pub fn export(request: &Request) -> Result<Report, Error> {
    let settings: serde_json::Value = checkpoint::settings(request.run)?;
    let (candidate, purifier) = match settings["kind"].as_str() {
        Some("classifier") => (classifier(request)?, None),
        Some("riae") => {
            let (candidate, purifier) = purifier(request)?;
            (candidate, Some(purifier))
        }
        _ => return Err(Error::Kind { run: request.run.to_owned(), found: settings["kind"].clone() }),
    };
    let difference = candidate.check(request.out)?;
    if let (Some(file), Some(Purifier::Riae(riae))) = (request.safetensors, &purifier) {
        state_dict::save(riae, file)?;
    }
    let Candidate { bytes, gflop, .. } = candidate;
    atomic::write(request.out, &bytes).map_err(|source| Error::Write { out: request.out.to_owned(), source })?;
    Ok(Report { bytes: bytes.len(), sha256: sha256::sum(&bytes), difference, gflop })
}

fn classifier(request: &Request) -> Result<Candidate, Error> {
    let settings: train::settings::ClassifierSettings = checkpoint::settings(request.run)?;
    let side = request.side.unwrap_or(settings.side);
    if request.before_conv || request.safetensors.is_some() {
        return Err(Error::OnlyRiae);
    }
    if side == 0 || !side.is_multiple_of(zoo::STRIDE) {
        return Err(Error::Side { side });
    }
    let device = Device::flex();
    let model = load(request.run, settings.model.init(&device))?;
    let metadata = Metadata {
        role: Role::Classifier,
        input: Input::native(side),
        noise: Vec::new(),
        labels: settings.labels.clone(),
        sides: None,
        strength: None,
        riae: None,
        unet: None,
        training: Some(json!(settings)),
    };
    let picture = test_picture(side);
    Ok(Candidate {
        bytes: zoo::export::graph(&model, side).into_bytes("classifier", &metadata),
        expected: values(model.forward(tensor(&picture, side, &device))),
        inputs: vec![tract_picture(&picture, side).map_err(|source| tract_error(request.out, source))?],
        gflop: settings.model.gflop(side),
    })
}

fn purifier(request: &Request) -> Result<(Candidate, Purifier), Error> {
    let settings: PurifierSettings = checkpoint::settings(request.run)?;
    let side = request.side.unwrap_or(settings.side);
    settings.model.validate(side).map_err(|source| Error::PurifierSide { side, source })?;
    let model = load(request.run, settings.model.init(&Device::flex()))?;
    let candidate = match &model {
        Purifier::Riae(riae) => of_riae(request, &settings, riae, side)?,
        Purifier::Unet(_) if request.before_conv || request.safetensors.is_some() => return Err(Error::OnlyRiae),
        Purifier::Unet(unet) => of_unet(request, &settings, unet, side)?,
    };
    Ok((candidate, model))
}

fn of_riae(request: &Request, settings: &PurifierSettings, model: &Riae, side: usize) -> Result<Candidate, Error> {
    let device = Device::flex();
    let options = Options { before_conv: request.before_conv, fixed: request.fixed };
    let exported =
        riae_graph(model, side, options).map_err(|source| Error::PurifierSide { side, source: source.into() })?;
    let metadata = Metadata {
        role: Role::Purifier,
        input: Input::native(side),
        noise: exported.noise,
        labels: Vec::new(),
        sides: None,
        strength: None,
        riae: Some(json!(settings.model)),
        unet: None,
        training: Some(json!(settings)),
    };
    let picture = test_picture(side);
    let draw = model.draw_evaluation(1, side, &mut generator(0, "test draw", &[]));
    let noise = metadata.noise.iter().map(|noise| tract_noise(noise, &draw));
    let inputs: TractResult<_> = std::iter::once(tract_picture(&picture, side)).chain(noise).collect();
    Ok(Candidate {
        bytes: exported.graph.into_bytes("purifier", &metadata),
        inputs: inputs.map_err(|source| tract_error(request.out, source))?,
        expected: values(model.forward(tensor(&picture, side, &device), &draw).image.clamp(0.0, 1.0)),
        gflop: settings.model.gflop(side),
    })
}

fn of_unet(request: &Request, settings: &PurifierSettings, model: &Unet, side: usize) -> Result<Candidate, Error> {
    let (device, config) = (Device::flex(), model.config());
    let noise = unet::export::noise(side);
    let metadata = Metadata {
        role: Role::Purifier,
        input: Input::native(side),
        noise: vec![noise.clone()],
        sides: (!request.fixed).then(|| contract::Sides { multiple: config.stride() }),
        strength: Some(contract::Strength {
            name: unet::export::STRENGTH.to_owned(),
            default: config.strength,
            least: config.strengths[0],
            most: config.strengths[1],
        }),
        labels: Vec::new(),
        riae: None,
        unet: Some(json!(settings.model)),
        training: Some(json!(settings)),
    };
    let picture = test_picture(side);
    let drawn: Vec<f32> = generator(0, "test draw", &[]).sample_iter(StandardNormal).take(picture.len()).collect();
    let strength = Tensor::<1>::from_floats([config.strength], &device).reshape([1, 1, 1, 1]);
    let purified = model.forward(tensor(&picture, side, &device), tensor(&drawn, side, &device), strength);
    let inputs = tract_picture(&picture, side).and_then(|picture| {
        let noise = TractTensor::from_shape(&noise.shape, &drawn)?;
        Ok(vec![picture, noise, TractTensor::from_shape(&[1, 1, 1, 1], &[config.strength])?])
    });
    Ok(Candidate {
        bytes: unet::export::graph(model, request.fixed.then_some(side)).into_bytes("purifier", &metadata),
        inputs: inputs.map_err(|source| tract_error(request.out, source))?,
        expected: values(purified.clamp(0.0, 1.0)),
        gflop: settings.model.gflop(side),
    })
}

impl Candidate {
    /// Runs the bytes in tract and returns the difference from burn relative to the largest output.
    fn check(&self, out: &Path) -> Result<f32, Error> {
        let found = self.run_in_tract().map_err(|source| tract_error(out, source))?;
        let largest = self.expected.iter().fold(1.0f32, |largest, x| largest.max(x.abs()));
        let difference = self.expected.iter().zip(&found).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max) / largest;
        // The maximum ignores a NaN, so finiteness is a check of its own.
        let finite = self.expected.iter().chain(&found).all(|x| x.is_finite());
        match finite && self.expected.len() == found.len() && difference <= TOLERANCE {
            true => Ok(difference),
            false => Err(Error::Differs { out: out.to_owned(), difference }),
        }
    }

    /// The first output of the graph.
    fn run_in_tract(&self) -> TractResult<Vec<f32>> {
        let mut model =
            tract_onnx::onnx().with_ignore_output_shapes(true).model_for_read(&mut self.bytes.as_slice())?;
        for (index, input) in self.inputs.iter().enumerate() {
            model.set_input_fact(index, InferenceFact::dt_shape(input.datum_type(), input.shape()))?;
        }
        let model = model.into_optimized()?.into_runnable()?;
        let inputs: TVec<TValue> = self.inputs.iter().cloned().map(IntoTValue::into_tvalue).collect();
        let outputs = model.run(inputs)?;
        let output = outputs.first().ok_or_else(|| TractError::msg("the graph has no output"))?;
        Ok(output.cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
    }
}

fn tract_error(out: &Path, source: TractError) -> Error {
    Error::Tract { out: out.to_owned(), source }
}

fn load<M: Module>(run: &Path, blank: M) -> Result<M, Error> {
    Ok(checkpoint::load_best(run, blank)?.0.valid())
}

/// A random picture, so that no symmetry hides an error: [3, side, side] in 0..1.
fn test_picture(side: usize) -> Vec<f32> {
    let mut rng = generator(0, "test picture", &[]);
    (0..3 * side * side).map(|_| rng.random()).collect()
}

fn tensor(picture: &[f32], side: usize, device: &Device) -> Tensor<4> {
    Tensor::<1>::from_floats(picture, device).reshape([1, 3, side, side])
}

fn tract_picture(picture: &[f32], side: usize) -> TractResult<TractTensor> {
    TractTensor::from_shape(&[1, 3, side, side], picture)
}

/// The part of burn's draw that the exported graph takes as its input `noise`.
fn tract_noise(noise: &Noise, draw: &Draw) -> TractResult<TractTensor> {
    let normal = match noise.name.as_str() {
        "image_noise" => draw.image_noise.as_ref().map(|noise| values(noise.noise.clone())),
        _ => draw.feature_noise.as_ref().map(|noise| values(noise.noise.clone())),
    };
    match noise.draw {
        contract::Draw::Normal => TractTensor::from_shape(&noise.shape, &normal.unwrap_or_default()),
        contract::Draw::Permutation => {
            let order = draw.permutations.iter().flatten().flatten().map(|place| *place as i64);
            TractTensor::from_shape(&noise.shape, &order.collect::<Vec<_>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(shift: f32) -> Candidate {
        let mut graph = crate::workshop::onnx::write::Graph::new();
        let image = graph.input("image", &[1, 3, 2, 2]);
        let logits = graph.clip("logits", &image, 0.0, 1.0);
        graph.output(&logits, &[1, 3, 2, 2]);
        let metadata = Metadata {
            role: Role::Classifier,
            input: Input::native(2),
            noise: Vec::new(),
            labels: Vec::new(),
            sides: None,
            strength: None,
            riae: None,
            unet: None,
            training: None,
        };
        let picture = test_picture(2);
        Candidate {
            bytes: graph.into_bytes("classifier", &metadata),
            inputs: vec![tract_picture(&picture, 2).expect("a tensor")],
            expected: picture.iter().map(|value| value + shift).collect(),
            gflop: 0.0,
        }
    }

    #[test]
    fn a_graph_that_answers_differently_is_refused() {
        let out = Path::new("model.onnx");
        assert!(candidate(0.0).check(out).is_ok_and(|difference| difference < TOLERANCE));
        let message = candidate(0.1).check(out).expect_err("another answer").to_string();
        assert!(message.contains("model.onnx") && message.contains("differs from burn's"), "{message}");
        let short = Candidate { expected: vec![0.5; 3], ..candidate(0.0) };
        assert!(matches!(short.check(out), Err(Error::Differs { .. })));
        let not_a_number = Candidate { expected: vec![f32::NAN; 12], ..candidate(0.0) };
        assert!(matches!(not_a_number.check(out), Err(Error::Differs { .. })));
    }

    #[test]
    fn bytes_that_tract_cannot_read_are_refused_with_its_reason() {
        let broken = Candidate { bytes: b"not a graph".to_vec(), ..candidate(0.0) };
        let error = broken.check(Path::new("model.onnx")).expect_err("no graph");
        assert!(error.to_string().contains("tract cannot run the exported graph: "), "{error}");
        assert!(std::error::Error::source(&error).is_some());
    }
}
