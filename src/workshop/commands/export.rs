//! `purecam export`: the best weights of a run as one ONNX file, compared with burn before it is kept.

use std::path::Path;

use crate::sha256;
use crate::workshop::pictures;
use burn::module::Module;
use burn::prelude::*;
use rand::Rng;
use serde_json::json;

use tract_onnx::prelude::{
    Framework, InferenceModelExt, IntoRunnable, IntoTValue, TValue, TVec, Tensor as TractTensor, TractResult,
};

use crate::atomic;
use crate::commands::Failure;
use crate::engine::contract::{self, Input, Metadata, Noise, Role};
use crate::workshop::cli::Export;
use crate::workshop::riae::{Draw, export::export as export_riae, state_dict};
use crate::workshop::train::{checkpoint, classifier, generator, riae};
use crate::workshop::zoo;

/// Largest difference between burn and the exported file that is put down to rounding, relative to the largest output.
const TOLERANCE: f32 = 1e-5;

pub fn export(args: &Export, json: bool) -> Result<(), Failure> {
    let settings: serde_json::Value = checkpoint::settings(&args.run)?;
    let (bytes, report) = match settings["kind"].as_str() {
        Some("classifier") => classifier_file(args)?,
        Some("riae") => purifier_file(args)?,
        other => {
            return Err(Failure::failed(format!(
                "{}: expected the run of a classifier or a riae, found kind {other:?}",
                args.run.display()
            )));
        }
    };
    atomic::write(&args.out, &bytes)
        .map_err(|error| Failure::failed(format!("{}: cannot be written: {error}", args.out.display())))?;
    let sha256 = sha256::sum(&bytes);
    if json {
        println!(
            "{}",
            json!({"file": args.out, "bytes": bytes.len(), "sha256": sha256, "difference": report.difference, "gflop": report.gflop})
        );
    } else {
        println!(
            "{}: {} bytes, {:.3} GFLOP, differs from burn by {:.1e}\nsha256 {sha256}",
            args.out.display(),
            bytes.len(),
            report.gflop,
            report.difference
        );
    }
    Ok(())
}

struct Report {
    /// Largest difference to burn relative to the largest output.
    difference: f32,
    gflop: f64,
}

fn classifier_file(args: &Export) -> Result<(Vec<u8>, Report), Failure> {
    let settings: classifier::Settings = checkpoint::settings(&args.run)?;
    let side = args.side.unwrap_or(settings.side);
    if args.before_conv || args.safetensors.is_some() {
        return Err(Failure::usage(
            "--before-conv and --safetensors belong to a RIAE; this is the run of a classifier",
        ));
    }
    if side == 0 || !side.is_multiple_of(32) {
        return Err(Failure::usage(format!("--side {side}: expected a multiple of 32")));
    }
    let device = Device::flex();
    let model = load(&args.run, settings.model.init(&device))?;
    let metadata = Metadata {
        role: Role::Classifier,
        input: Input::native(side),
        noise: Vec::new(),
        labels: settings.labels.clone(),
        riae: None,
        training: Some(json!(settings)),
    };
    let bytes = zoo::export::graph(&model, side).into_bytes("classifier", &metadata);
    let image = test_picture(side);
    let wanted = pictures::values(model.forward(tensor(&image, side, &device)));
    let image = TractTensor::from_shape(&[1, 3, side, side], &image);
    let found = run_in_tract(&bytes, vec![image], &args.out)?;
    let difference = compare(&wanted, &found[0], &args.out)?;
    Ok((bytes, Report { difference, gflop: settings.model.gflop(side) }))
}

fn purifier_file(args: &Export) -> Result<(Vec<u8>, Report), Failure> {
    let settings: riae::Settings = checkpoint::settings(&args.run)?;
    let side = args.side.unwrap_or(settings.side);
    settings.model.validate(side).map_err(|error| Failure::usage(format!("--side {side}: {error}")))?;
    let device = Device::flex();
    let model = load(&args.run, settings.model.init(&device))?;
    if let Some(file) = &args.safetensors {
        state_dict::save(&model, file).map_err(Failure::failed)?;
    }
    let exported = export_riae(&model, side, args.before_conv).map_err(Failure::failed)?;
    let metadata = Metadata {
        role: Role::Purifier,
        input: Input::native(side),
        noise: exported.noise,
        labels: Vec::new(),
        riae: Some(json!(settings.model)),
        training: Some(json!(settings)),
    };
    let bytes = exported.graph.into_bytes("purifier", &metadata);
    let image = test_picture(side);
    let draw = model.draw_evaluation(1, side, &mut generator(0, "test draw", &[]));
    let wanted = pictures::values(model.forward(tensor(&image, side, &device), &draw).image.clamp(0.0, 1.0));
    let mut inputs = vec![TractTensor::from_shape(&[1, 3, side, side], &image)];
    inputs.extend(metadata.noise.iter().map(|noise| draw_as_input(noise, &draw)));
    let found = run_in_tract(&bytes, inputs, &args.out)?;
    let difference = compare(&wanted, &found[0], &args.out)?;
    Ok((bytes, Report { difference, gflop: settings.model.gflop(side) }))
}

/// The part of burn's draw that the exported graph takes as its input `noise`.
fn draw_as_input(noise: &Noise, draw: &Draw) -> TractResult<TractTensor> {
    let normal = match noise.name.as_str() {
        "image_noise" => draw.image_noise.as_ref().map(|noise| pictures::values(noise.noise.clone())),
        _ => draw.feature_noise.as_ref().map(|noise| pictures::values(noise.noise.clone())),
    };
    match noise.draw {
        contract::Draw::Normal => TractTensor::from_shape(&noise.shape, &normal.unwrap_or_default()),
        contract::Draw::Permutation => {
            let order = draw.permutations.iter().flatten().flatten().map(|place| *place as i64);
            TractTensor::from_shape(&noise.shape, &order.collect::<Vec<_>>())
        }
    }
}

fn load<M: Module>(run: &Path, blank: M) -> Result<M, Failure> {
    Ok(checkpoint::load_best(run, blank)?.0.valid())
}

/// A picture that no symmetry hides an error in.
fn test_picture(side: usize) -> Vec<f32> {
    let mut rng = generator(0, "test picture", &[]);
    (0..3 * side * side).map(|_| rng.random()).collect()
}

fn tensor(image: &[f32], side: usize, device: &Device) -> Tensor<4> {
    Tensor::<1>::from_floats(image, device).reshape([1, 3, side, side])
}

/// The outputs of the file's bytes in the engine of the device.
fn run_in_tract(bytes: &[u8], inputs: Vec<TractResult<TractTensor>>, file: &Path) -> Result<Vec<Vec<f32>>, Failure> {
    let run = || -> TractResult<Vec<Vec<f32>>> {
        let model = tract_onnx::onnx().model_for_read(&mut std::io::Cursor::new(bytes))?;
        let model = model.into_optimized()?.into_runnable()?;
        let inputs: TractResult<TVec<TValue>> = inputs.into_iter().map(|input| Ok(input?.into_tvalue())).collect();
        let outputs = model.run(inputs?)?;
        let values = |output: &TValue| Ok(output.cast_to::<f32>()?.try_as_plain_ram()?.as_slice::<f32>()?.to_vec());
        outputs.iter().map(values).collect()
    };
    run()
        .map_err(|error| Failure::failed(format!("{}: tract cannot run the exported graph: {error:#}", file.display())))
}

fn compare(wanted: &[f32], found: &[f32], file: &Path) -> Result<f32, Failure> {
    let largest = wanted.iter().fold(1.0f32, |largest, x| largest.max(x.abs()));
    let difference = wanted.iter().zip(found).map(|(a, b)| (a - b).abs()).fold(0.0f32, f32::max) / largest;
    if wanted.len() != found.len() || !difference.is_finite() || difference > TOLERANCE {
        let reason = format!(
            "the exported graph gives another answer than burn (difference {difference:.1e}, allowed {TOLERANCE:.0e}); nothing was written"
        );
        return Err(Failure::failed(format!("{}: {reason}", file.display())));
    }
    Ok(difference)
}
