//! What a purifier is worth, measured on labelled photographs and the very files that ship.
//!
//! Two threat models, which never share a table. *Transfer*: the attacker knows the classifier and not the purifier; the
//! adversarial pictures are made on the classifier alone. *Adaptive*: the attacker knows both, and its gradient goes
//! through both. Attacked are the photographs that the classifier gets right (the papers' protocol) or all of them.

mod judge;
pub mod photographs;
mod report;
mod results;
pub mod statistics;
mod subjects;

use std::collections::BTreeMap;
use std::path::PathBuf;

use burn::prelude::*;
use rayon::prelude::*;
use serde::Serialize;

pub use judge::{Judge, Judged};
pub use photographs::Photograph;
pub use report::{Model, Pairing, Report};
pub use results::{Record, Results};
pub use subjects::Subjects;

use crate::engine::{InferenceError, ModelError};
use crate::workshop::attack::{Attack, Defended, Target};
use crate::workshop::{onnx::read, pictures};

/// Photographs that are attacked together. A part of the results: random starts are drawn by place in a batch.
pub const BATCH: usize = 16;

/// The name under which pictures that nobody attacked stand in results.
pub const CLEAN: &str = "clean";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{}: {reason}", path.display())]
    Data { path: PathBuf, reason: String },
    #[error("{}: {reason}", path.display())]
    Results { path: PathBuf, reason: String },
    #[error(transparent)]
    Refused(#[from] ModelError),
    #[error(transparent)]
    Gradients(#[from] read::Error),
    #[error(transparent)]
    Inference(#[from] InferenceError),
    #[error("results of the device cannot be read: {0}")]
    Device(String),
}

/// What is measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Protocol {
    /// Attacks on the classifier alone, each with its epsilon.
    pub transfer: Vec<Attack>,
    /// Attacks on all that there is, each with its epsilon.
    pub adaptive: Vec<Attack>,
    /// Draws of noise that an adaptive gradient is averaged over.
    pub eot: usize,
    /// Attack all photographs, not those alone that the classifier gets right.
    pub all: bool,
    pub seed: u64,
}

impl Serialize for Protocol {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = |attacks: &[Attack]| attacks.iter().map(Attack::to_string).collect::<Vec<_>>();
        let Self { transfer, adaptive, eot, all, seed } = self;
        let (transfer, adaptive) = (names(transfer), names(adaptive));
        let map = serde_json::json!({"transfer": transfer, "adaptive": adaptive, "eot": eot, "all": all, "seed": seed});
        map.serialize(serializer)
    }
}

/// Measures every photograph that `results` has not yet; `progress` hears how many are done.
///
/// # Errors
/// An engine that fails, results that cannot be written. A photograph that cannot be read is no error; it is recorded
/// as skipped.
pub fn evaluate(
    subjects: &mut Subjects,
    photographs: &[Photograph],
    protocol: &Protocol,
    results: &mut Results,
    mut progress: impl FnMut(usize),
) -> Result<(), Error> {
    for start in (0..photographs.len()).step_by(BATCH) {
        let range = start..(start + BATCH).min(photographs.len());
        let batch = &photographs[range.clone()];
        if batch.iter().any(|photograph| results.get(&photograph.name).is_none()) {
            let mut records = measure(subjects, batch, protocol, start)?;
            records.retain(|record| results.get(&record.image).is_none());
            results.add(records)?;
        }
        progress(range.end);
    }
    Ok(())
}

/// One batch, all conditions; `start` is the number of its first photograph.
fn measure(
    subjects: &mut Subjects,
    photographs: &[Photograph],
    protocol: &Protocol,
    start: usize,
) -> Result<Vec<Record>, Error> {
    let size = subjects.classifier.size();
    let loaded: Vec<_> = photographs.par_iter().map(|photograph| photographs::load(&photograph.path, size)).collect();
    let mut records: Vec<Record> = Vec::new();
    let (mut places, mut pictures) = (Vec::new(), Vec::new());
    for (photograph, picture) in photographs.iter().zip(loaded) {
        let mut record = Record { image: photograph.name.clone(), class: photograph.class, ..Record::default() };
        match picture {
            Ok(picture) => {
                places.push(records.len());
                pictures.push(picture);
            }
            Err(reason) => record.skipped = Some(reason),
        }
        records.push(record);
    }
    if !places.is_empty() {
        let clean = pictures::to_tensor(&pictures, size, &subjects.classifier.device().clone().inner());
        let seed = seed_of(protocol.seed, start);
        Batch { subjects, protocol, seed, start, clean, places, records: &mut records }.measure()?;
    }
    Ok(records)
}

/// The seed of the attacks on a batch. The noise of verdicts comes from elsewhere: no attacker can know it.
fn seed_of(seed: u64, start: usize) -> u64 {
    use rand::RngCore;
    crate::workshop::train::generator(seed, "attacks on a batch", &[start as u64]).next_u64()
}

fn numbers(tensor: Tensor<4>) -> Result<Vec<f32>, Error> {
    tensor.into_data().try_into_vec::<f32>().map_err(|error| Error::Device(format!("{error:?}")))
}

/// A batch at work: its readable photographs, and where their records are.
struct Batch<'a> {
    subjects: &'a mut Subjects,
    protocol: &'a Protocol,
    seed: u64,
    start: usize,
    clean: Tensor<4>,
    /// The place of each picture's record.
    places: Vec<usize>,
    records: &'a mut Vec<Record>,
}

impl Batch<'_> {
    fn measure(mut self) -> Result<(), Error> {
        let judged = self.subjects.judge.classify(&numbers(self.clean.clone())?)?;
        self.record(&judged, CLEAN, |record| &mut record.raw);
        if !self.protocol.all {
            self.keep_right(&judged);
        }
        if self.places.is_empty() {
            return Ok(());
        }
        self.judge_purified(CLEAN, &numbers(self.clean.clone())?)?;
        for attack in &self.protocol.transfer {
            let adversarial = numbers(self.perturb(attack, &self.subjects.classifier))?;
            let judged = self.subjects.judge.classify(&adversarial)?;
            self.record(&judged, &attack.to_string(), |record| &mut record.raw);
            self.judge_purified(&attack.to_string(), &adversarial)?;
        }
        for attack in &self.protocol.adaptive {
            let classifier = &self.subjects.classifier;
            let adversarial = match &self.subjects.purifier {
                Some(purifier) => {
                    self.perturb(attack, &Defended { purifier, classifier, eot: self.protocol.eot, seed: self.seed })
                }
                None => self.perturb(attack, classifier),
            };
            let judged = self.judge(&numbers(adversarial)?)?;
            self.record(&judged, &attack.to_string(), |record| &mut record.adaptive);
        }
        Ok(())
    }

    /// Goes on with those photographs alone whose class was found.
    fn keep_right(&mut self, judged: &[Judged]) {
        let right = |&index: &usize| judged[index].class == Some(self.records[self.places[index]].class);
        let right: Vec<usize> = (0..judged.len()).filter(right).collect();
        self.places = right.iter().map(|&index| self.places[index]).collect();
        if !right.is_empty() {
            let indices: Vec<i64> = right.iter().map(|&index| index as i64).collect();
            let indices = Tensor::<1, Int>::from_data(TensorData::new(indices, [right.len()]), &self.clean.device());
            self.clean = self.clean.clone().select(0, indices);
        }
    }

    fn perturb(&self, attack: &Attack, target: &dyn Target) -> Tensor<4> {
        let labels: Vec<usize> = self.places.iter().map(|&place| self.records[place].class).collect();
        let epsilon = vec![attack.epsilon.unwrap_or_default(); labels.len()];
        attack.perturb(target, self.clean.clone(), &labels, &epsilon, self.seed)
    }

    /// The whole defence's opinion of pictures; each gets the noise of its photograph's number.
    fn judge(&mut self, pictures: &[f32]) -> Result<Vec<Judged>, Error> {
        let frames: Vec<u64> = self.places.iter().map(|&place| (self.start + place) as u64).collect();
        let clean = numbers(self.clean.clone())?;
        self.subjects.judge.purify(pictures, &clean, &frames)
    }

    /// Records the class and the PSNR of pictures after the purifier, if there is one.
    fn judge_purified(&mut self, name: &str, pictures: &[f32]) -> Result<(), Error> {
        if self.subjects.purifier.is_none() {
            return Ok(());
        }
        let judged = self.judge(pictures)?;
        self.record(&judged, name, |record| &mut record.purified);
        for (&place, judged) in self.places.iter().zip(&judged) {
            if let Some(psnr) = judged.psnr {
                self.records[place].psnr.insert(name.to_owned(), psnr);
            }
        }
        Ok(())
    }

    fn record(
        &mut self,
        judged: &[Judged],
        name: &str,
        column: impl Fn(&mut Record) -> &mut BTreeMap<String, Option<usize>>,
    ) {
        for (&place, judged) in self.places.iter().zip(judged) {
            column(&mut self.records[place]).insert(name.to_owned(), judged.class);
        }
    }
}
