//! `purecam attack`: adversarial versions of photographs, as PNG files in the layout of their folder.

use std::collections::BTreeSet;
use std::path::Path;

use burn::prelude::*;
use rayon::prelude::*;

use super::attack_demo::attack_demo;
use super::evaluate::{SEED, progress_bar, write};
use crate::commands::{Failure, models};
use crate::config::flags::ModelFlags;
use crate::frame;
use crate::workshop::attack::{Attack, Defended, Target, parse_epsilon};
use crate::workshop::cli;
use crate::workshop::evaluate::{BATCH, Photograph, Subjects, photographs};
use crate::workshop::{device, pictures};

/// The largest change where neither `--epsilon` nor `@EPSILON` says otherwise.
const EPSILON: &str = "16/255";
/// Says what a folder of adversarial pictures was made with.
const RECORD: &str = "attack.json";

pub fn attack(args: &cli::Attack, json: bool) -> Result<(), Failure> {
    if args.data == Path::new("demo:") {
        return attack_demo(args);
    }
    let epsilon = parse_epsilon(&args.epsilon).map_err(Failure::usage)?;
    let attack = attack_of(&args.attack, epsilon)?;
    let seed = args.models.seed.unwrap_or(SEED);
    let subjects = open_subjects(&args.models, args.adaptive, &args.device, seed)?;
    if args.adaptive && subjects.purifier.is_none() {
        let problem = "--adaptive attacks through a purifier, and purifier.enabled is false in the configuration";
        return Err(Failure::usage(problem.to_owned()));
    }
    let photographs = photographs::list(&args.data, subjects.classifier.labels(), args.limit)?;
    let record = serde_json::json!({
        "attack": attack.to_string(),
        "adaptive": args.adaptive,
        "seed": seed,
        "classifier": subjects.classifier_model,
        "purifier": subjects.purifier_model,
    });
    open_folder(&args.out, &format!("{record:#}\n"))?;
    if let Some(photograph) = name_that_clashes(&photographs) {
        return Err(Failure::usage(format!(
            "{photograph}: another image differs from it in its extension alone; rename one"
        )));
    }
    let bar = progress_bar(photographs.len());
    let mut skipped = Vec::new();
    for (number, batch) in photographs.chunks(BATCH).enumerate() {
        skipped.extend(attack_batch(
            &subjects,
            &attack,
            args.adaptive,
            batch,
            seed.wrapping_add(number as u64),
            &args.out,
        )?);
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    tell(photographs.len() - skipped.len(), &skipped, &args.out, json);
    Ok(())
}

/// Perturbs a batch and writes it; returns the images that could not be read.
fn attack_batch(
    subjects: &Subjects,
    attack: &Attack,
    adaptive: bool,
    batch: &[Photograph],
    seed: u64,
    out: &Path,
) -> Result<Vec<(String, String)>, Failure> {
    let size = subjects.classifier.size();
    let loaded: Vec<_> = batch.par_iter().map(|photograph| photographs::load(&photograph.path, size)).collect();
    let (mut skipped, mut readable, mut pictures) = (Vec::new(), Vec::new(), Vec::new());
    for (photograph, picture) in batch.iter().zip(loaded) {
        match picture {
            Ok(picture) => {
                readable.push(photograph);
                pictures.push(picture);
            }
            Err(reason) => skipped.push((photograph.name.clone(), reason)),
        }
    }
    if readable.is_empty() {
        return Ok(skipped);
    }
    let clean = pictures::to_tensor(&pictures, size, subjects.classifier.device());
    let labels: Vec<usize> = readable.iter().map(|photograph| photograph.class).collect();
    let epsilon = vec![attack.epsilon.unwrap_or_default(); labels.len()];
    let classifier = &subjects.classifier;
    let defended =
        subjects.purifier.as_ref().filter(|_| adaptive).map(|purifier| Defended { purifier, classifier, eot: 1, seed });
    let target: &dyn Target = defended.as_ref().map_or(classifier, |defended| defended);
    let adversarial = attack.perturb(target, clean, &labels, &epsilon, seed);
    for (photograph, picture) in readable.iter().zip(levels(adversarial)?) {
        save(&out.join(&photograph.name).with_extension("png"), &picture, size)?;
    }
    Ok(skipped)
}

/// A batch [B, 3, H, W] of 8-bit pictures as bytes, channels last.
fn levels(pictures: Tensor<4>) -> Result<Vec<Vec<u8>>, Failure> {
    let [_, channels, height, width] = pictures.dims();
    let values = pictures.permute([0, 2, 3, 1]).into_data().try_into_vec::<f32>();
    let values = values.map_err(|error| Failure::failed(format!("results of the device cannot be read: {error:?}")))?;
    let bytes: Vec<u8> = values.into_iter().map(|value| (value * 255.0).round() as u8).collect();
    Ok(bytes.chunks(channels * height * width).map(<[u8]>::to_vec).collect())
}

pub(super) fn save(path: &Path, picture: &[u8], size: [usize; 2]) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::failed(format!("{}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(fail)?;
    }
    frame::write_png(path, picture, size).map_err(fail)
}

/// Makes the folder, or takes it again if the same attack filled it before.
fn open_folder(folder: &Path, record: &str) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::failed(format!("{}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(fail)?;
    let there = folder.join(RECORD);
    match std::fs::read_to_string(&there) {
        Ok(found) if found == record => return Ok(()),
        Ok(found) => {
            let reason = format!("expected\n{record}found\n{found}take another --out");
            return Err(Failure::usage(format!(
                "{}: holds the pictures of another attack: {reason}",
                folder.display()
            )));
        }
        Err(_) => {}
    }
    if std::fs::read_dir(folder).map_err(fail)?.next().is_some() {
        return Err(Failure::usage(format!("{}: is not empty; take another --out", folder.display())));
    }
    write(&there, record)
}

/// An image whose PNG another image's would write over.
fn name_that_clashes(photographs: &[Photograph]) -> Option<String> {
    let mut seen = BTreeSet::new();
    photographs
        .iter()
        .find(|photograph| !seen.insert(Path::new(&photograph.name).with_extension("")))
        .map(|found| found.name.clone())
}

fn tell(written: usize, skipped: &[(String, String)], out: &Path, json: bool) {
    if json {
        anstream::println!("{}", serde_json::json!({"written": written, "skipped": skipped, "out": out}));
        return;
    }
    for (image, reason) in skipped {
        anstream::eprintln!("skipped {image}: {reason}");
    }
    let rest = if skipped.is_empty() { String::new() } else { format!("; {} could not be read", skipped.len()) };
    anstream::println!("{written} adversarial pictures in {}{rest}", out.display());
}

/// The attacks that a list names, each with an epsilon.
pub(super) fn attacks(names: &[String]) -> Result<Vec<Attack>, Failure> {
    let default = parse_epsilon(EPSILON).map_err(Failure::usage)?;
    names.iter().filter(|name| !name.is_empty()).map(|name| attack_of(name, default)).collect()
}

fn attack_of(name: &str, epsilon: f32) -> Result<Attack, Failure> {
    let attack: Attack = name.parse().map_err(Failure::usage)?;
    Ok(Attack { epsilon: attack.epsilon.or(Some(epsilon)), ..attack })
}

/// Opens the models that flags or configuration name, or the ones that ship.
pub(super) fn open_subjects(
    args: &ModelFlags,
    with_purifier: bool,
    device: &str,
    seed: u64,
) -> Result<Subjects, Failure> {
    let config = args.config()?;
    let classifier = models::classifier_path(&config)?;
    let purifier = if with_purifier { models::purifier_path(&config)? } else { None };
    Ok(Subjects::open(&classifier, &config.classifier, purifier.as_deref(), &device::open(device)?, seed)?)
}
