//! `purecam evaluate`: the worth of a purifier on a folder of labelled photographs.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::output::{progress_bar, write};
use super::subjects::{self, SEED, attacks};
use crate::commands::Failure;
use crate::console;
use crate::sha256;
use crate::workshop::cli;
use crate::workshop::evaluate::{self, Photograph, Protocol, Report, Results, Subjects, photographs};

/// Quality of a camera's Motion JPEG where nobody says another.
const CAMERA_QUALITY: u8 = 80;

/// Measures, and writes or prints the report.
///
/// # Errors
/// Models, photographs or a folder that cannot be used; an engine that fails.
pub fn evaluate(args: &cli::Evaluate, json: bool) -> Result<(), Failure> {
    let mut protocol = Protocol {
        transfer: attacks(&args.transfer),
        adaptive: attacks(&args.adaptive),
        eot: args.eot.max(1),
        among: None,
        jpeg: args.jpeg.or(args.camera.then_some(CAMERA_QUALITY)),
        camera: args.camera,
        strength: None,
        all: args.all,
        seed: args.models.seed.unwrap_or(SEED),
    };
    let mut subjects = subjects::open(&args.models, true, args.device, protocol.seed)?;
    let photographs = photographs::list(&args.data, subjects.classifier.labels(), args.limit)?;
    protocol.strength = args.models.config()?.purifier.strength;
    protocol.among = args.folders_only.then(|| photographs::classes(&photographs));
    for attacks in [&protocol.transfer, &protocol.adaptive] {
        subjects::expect_classes(&subjects, protocol.among.as_deref(), attacks)?;
    }
    let mut results = match &args.out {
        Some(folder) => Results::open(folder, &header(&subjects, &protocol, &photographs))?,
        None => Results::in_memory(),
    };
    let bar = progress_bar(photographs.len());
    evaluate::evaluate(&mut subjects, &photographs, &protocol, &mut results, |done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let outcome = args.self_check.then(|| evaluate::self_check(&subjects, &photographs, &protocol)).flatten();
    if args.self_check && outcome.is_none() {
        console::note("no self-check: the defence gets none of the photographs right without an attack");
    }
    let data = args.data.display().to_string();
    let Subjects { classifier_model, purifier_model, pairing, .. } = subjects;
    let mut report = Report::new(data, classifier_model, purifier_model, pairing, &protocol, &photographs, &results);
    report.self_check = outcome;
    if let Some(folder) = &args.out {
        write(&folder.join("report.json"), &format!("{:#}\n", json!(report)))?;
        write(&folder.join("table.txt"), &report.table())?;
    }
    if json {
        console::print_line(json!(report))?;
    } else {
        console::print(report.table())?;
    }
    Ok(())
}

/// All that the results depend on: the first line of their file.
fn header(subjects: &Subjects, protocol: &Protocol, photographs: &[Photograph]) -> serde_json::Value {
    let mut names = Sha256::new();
    for photograph in photographs {
        names.update(photograph.name.as_bytes());
        names.update([0]);
    }
    let names: String = sha256::hex(names.finalize());
    json!({
        "results": 2,
        "classifier": subjects.classifier_model,
        "purifier": subjects.purifier_model,
        "protocol": protocol,
        "batch": evaluate::BATCH,
        "photographs": {"count": photographs.len(), "sha256_of_names": names},
    })
}
