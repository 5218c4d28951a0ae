//! `purecam evaluate`: what a purifier is worth on a folder of labelled photographs.

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::attack::{attacks, open_subjects};
use crate::commands::Failure;
use crate::workshop::cli;
use crate::workshop::evaluate::{self, Photograph, Protocol, Report, Results, Subjects, photographs};
use crate::{atomic, sha256};

/// Seed of random starts and noise where the user names none: the same numbers from the same files.
pub(super) const SEED: u64 = 1;

pub fn evaluate(args: &cli::Evaluate, json: bool) -> Result<(), Failure> {
    let protocol = Protocol {
        transfer: attacks(&args.transfer)?,
        adaptive: attacks(&args.adaptive)?,
        eot: args.eot.max(1),
        all: args.all,
        seed: args.models.seed.unwrap_or(SEED),
    };
    let mut subjects = open_subjects(&args.models, true, &args.device, protocol.seed)?;
    let photographs = photographs::list(&args.data, subjects.classifier.labels(), args.limit)?;
    let mut results = match &args.out {
        Some(folder) => Results::open(folder, &header(&subjects, &protocol, &photographs))?,
        None => Results::in_memory(),
    };
    let bar = progress_bar(photographs.len());
    evaluate::evaluate(&mut subjects, &photographs, &protocol, &mut results, |done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let data = args.data.display().to_string();
    let Subjects { classifier_model, purifier_model, pairing, .. } = subjects;
    let report = Report::new(data, classifier_model, purifier_model, pairing, &protocol, &photographs, &results);
    if let Some(folder) = &args.out {
        write(&folder.join("report.json"), &format!("{:#}\n", json!(report)))?;
        write(&folder.join("table.txt"), &report.table())?;
    }
    if json {
        anstream::println!("{}", json!(report));
    } else {
        anstream::print!("{}", report.table());
    }
    Ok(())
}

/// What results depend on: the first line of their file.
fn header(subjects: &Subjects, protocol: &Protocol, photographs: &[Photograph]) -> serde_json::Value {
    let mut names = Sha256::new();
    for photograph in photographs {
        names.update(photograph.name.as_bytes());
        names.update([0]);
    }
    let names: String = sha256::hex(names.finalize());
    json!({
        "results": 1,
        "classifier": subjects.classifier_model,
        "purifier": subjects.purifier_model,
        "protocol": protocol,
        "batch": evaluate::BATCH,
        "photographs": {"count": photographs.len(), "sha256_of_names": names},
    })
}

pub(super) fn progress_bar(length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}, {per_sec}, {eta} left");
    // Without a terminal indicatif draws nothing; a template that it does not know leaves its own look.
    let bar = ProgressBar::new(length as u64);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Writes a file as a whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    atomic::write(path, text.as_bytes()).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
}

impl From<evaluate::Error> for Failure {
    fn from(error: evaluate::Error) -> Self {
        match error {
            evaluate::Error::Data { .. } => Self::usage(error),
            evaluate::Error::Refused(_) | evaluate::Error::Gradients(_) => Self::hopeless(error),
            error => Self::failed(error),
        }
    }
}
