//! `purecam attack`: adversarial versions of photographs, as PNG files in the layout of their folder.

use std::collections::BTreeSet;
use std::path::Path;

use super::attack_demo::attack_demo;
use super::output::{failed, progress_bar, write, write_png};
use super::subjects::{self, SEED};
use crate::commands::Failure;
use crate::console;
use crate::frame::listing;
use crate::text;
use crate::workshop::attack::Attack;
use crate::workshop::cli;
use crate::workshop::evaluate::{Attacker, BATCH, Batch, Photograph, Subjects, photographs};
use crate::workshop::pictures::from_tensor;

/// Records the settings with which a folder of adversarial pictures was made.
const RECORD: &str = "attack.json";

/// Attacks a folder of photographs, or the demonstration's.
///
/// # Errors
/// Models, photographs or a folder that cannot be used.
pub fn attack(args: &cli::Attack, json: bool) -> Result<(), Failure> {
    if args.data == Path::new("demo:") {
        return attack_demo(args);
    }
    let attack = args.attack.or(args.epsilon);
    let seed = args.models.seed.unwrap_or(SEED);
    let subjects = subjects::open(&args.models, args.adaptive, args.device, seed)?;
    if args.adaptive && subjects.purifier.is_none() {
        let problem = "--adaptive attacks through a purifier, and purifier.enabled is false in the configuration";
        return Err(Failure::usage(problem.to_owned()));
    }
    let photographs = photographs::list(&args.data, subjects.classifier.labels(), args.limit)?;
    let among = args.folders_only.then(|| photographs::classes(&photographs));
    subjects::expect_classes(&subjects, among.as_deref(), &[attack])?;
    let record = serde_json::json!({
        "attack": attack,
        "adaptive": args.adaptive,
        "among": among,
        "seed": seed,
        "classifier": subjects.classifier_model,
        "purifier": subjects.purifier_model,
    });
    open_folder(&args.out, &format!("{record:#}\n"))?;
    if let Some(photograph) = name_that_clashes(&photographs) {
        return Err(Failure::usage(format!(
            "{photograph}: another image has the same name with another extension; rename one"
        )));
    }
    let attacker = if args.adaptive { Attacker::Adaptive { eot: 1 } } else { Attacker::Transfer };
    let bar = progress_bar(photographs.len());
    let mut skipped = Vec::new();
    for (number, batch) in photographs.chunks(BATCH).enumerate() {
        let seed = seed.wrapping_add(number as u64);
        skipped.extend(attack_batch(&subjects, &attack, attacker, batch, among.as_deref(), seed, &args.out)?);
        bar.inc(batch.len() as u64);
    }
    bar.finish_and_clear();
    report(photographs.len() - skipped.len(), &skipped, &args.out, json)?;
    Ok(())
}

/// Perturbs a batch and writes it; returns the photographs that could not be read, with the reason.
fn attack_batch(
    subjects: &Subjects,
    attack: &Attack,
    attacker: Attacker,
    photographs: &[Photograph],
    among: Option<&[usize]>,
    seed: u64,
    out: &Path,
) -> Result<Vec<(String, String)>, Failure> {
    let size = subjects.classifier.size();
    let batch = Batch::load(photographs, size);
    if let Some(clean) = batch.clean(subjects.classifier.device()) {
        let labels: Vec<usize> = batch.readable.iter().map(|&place| photographs[place].class).collect();
        let adversarial = subjects.perturb(attack, attacker, clean, &labels, among, seed);
        for (&place, picture) in batch.readable.iter().zip(from_tensor(adversarial)) {
            write_png(&out.join(&photographs[place].name).with_extension("png"), &picture, size)?;
        }
    }
    Ok(batch.skipped.iter().map(|(place, error)| (photographs[*place].name.clone(), error.to_string())).collect())
}

/// Makes the folder, or reuses it if the same attack filled it before.
fn open_folder(folder: &Path, record: &str) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    let there = folder.join(RECORD);
    match std::fs::read_to_string(&there) {
        Ok(found) if found == record => return Ok(()),
        Ok(found) => {
            return Err(Failure::usage(format!(
                "{}: holds the pictures of another attack: expected\n{record}found\n{found}choose another --out",
                folder.display()
            )));
        }
        Err(_) => {}
    }
    if !listing::entries(folder).map_err(|error| failed(folder, &error))?.is_empty() {
        return Err(Failure::usage(format!("{}: is not empty; choose another --out", folder.display())));
    }
    write(&there, record)
}

/// A photograph whose PNG file would overwrite another's.
fn name_that_clashes(photographs: &[Photograph]) -> Option<String> {
    let mut seen = BTreeSet::new();
    photographs
        .iter()
        .find(|photograph| !seen.insert(Path::new(&photograph.name).with_extension("")))
        .map(|found| found.name.clone())
}

fn report(written: usize, skipped: &[(String, String)], out: &Path, json: bool) -> std::io::Result<()> {
    if json {
        return console::print_line(
            serde_json::json!({"written": written, "skipped": skipped, "out": text::name(out)}),
        );
    }
    for (image, reason) in skipped {
        console::note(format_args!("skipped {image}: {reason}"));
    }
    let rest = if skipped.is_empty() { String::new() } else { format!("; {} could not be read", skipped.len()) };
    console::print_line(format_args!("{written} adversarial pictures in {}{rest}", out.display()))
}
