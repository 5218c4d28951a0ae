//! The measurement: every photograph under every condition of the protocol.

use std::collections::BTreeMap;

use burn::prelude::*;
use rayon::prelude::*;

use super::batch::Batch;
use super::engine::Outcome;
use super::error::Error;
use super::photographs::Photograph;
use super::protocol::{BATCH, CAMERA_SIDE, CLEAN, Protocol};
use super::results::{Record, Results};
use super::subjects::{Attacker, Subjects};
use crate::workshop::attack::Attack;
use crate::workshop::pictures::{from_tensor, resized, through_jpeg, to_tensor, values};

/// Measures every photograph that `results` does not have yet; calls `progress` with the number that are done.
///
/// # Errors
/// An engine that fails, results that cannot be written. An unreadable photograph is not an error; it is recorded as
/// skipped.
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

/// One batch under all conditions; `start` is the position of its first photograph in the whole list.
fn measure(
    subjects: &mut Subjects,
    photographs: &[Photograph],
    protocol: &Protocol,
    start: usize,
) -> Result<Vec<Record>, Error> {
    let record = |photograph: &Photograph| Record {
        image: photograph.name.clone(),
        class: photograph.class,
        ..Record::default()
    };
    let mut records: Vec<Record> = photographs.iter().map(record).collect();
    let batch = Batch::load(photographs, subjects.classifier.size());
    let clean = batch.clean(&subjects.classifier.device().clone().inner());
    for (place, error) in batch.skipped {
        records[place].skipped = Some(error.to_string());
    }
    if let Some(clean) = clean {
        let seed = seed_of(protocol.seed, start);
        let places = batch.readable;
        Measurement { subjects, protocol, seed, start, clean, places, records: &mut records }.run()?;
    }
    Ok(records)
}

/// The seed of the attacks on a batch. It is independent of the noise of verdicts, which no attacker can know.
fn seed_of(seed: u64, start: usize) -> u64 {
    use rand::RngCore;
    crate::workshop::train::generator(seed, "attacks on a batch", &[start as u64]).next_u64()
}

/// A batch at work: its readable photographs and their records.
struct Measurement<'a> {
    subjects: &'a mut Subjects,
    protocol: &'a Protocol,
    seed: u64,
    start: usize,
    clean: Tensor<4>,
    /// The place of each picture's record.
    places: Vec<usize>,
    records: &'a mut Vec<Record>,
}

impl Measurement<'_> {
    fn run(mut self) -> Result<(), Error> {
        self.subjects.engine.compete(self.protocol.among.as_deref());
        let clean = self.subjects.engine.classify(&values(self.clean.clone()))?;
        self.record(&clean, CLEAN, |record| &mut record.raw);
        if !self.protocol.all {
            self.keep_right(&clean);
        }
        if self.places.is_empty() {
            return Ok(());
        }
        self.defend_and_record(CLEAN, &self.seen(self.clean.clone()))?;
        for attack in &self.protocol.transfer {
            let adversarial = self.seen(self.perturb(attack, Attacker::Transfer));
            let outcomes = self.subjects.engine.classify(&adversarial)?;
            self.record(&outcomes, &attack.to_string(), |record| &mut record.raw);
            self.defend_and_record(&attack.to_string(), &adversarial)?;
        }
        for attack in &self.protocol.adaptive {
            let adversarial = self.seen(self.perturb(attack, Attacker::Adaptive { eot: self.protocol.eot }));
            let outcomes = self.defend(&adversarial)?;
            self.record(&outcomes, &attack.to_string(), |record| &mut record.adaptive);
        }
        Ok(())
    }

    /// Drops the photographs whose class was not found.
    fn keep_right(&mut self, outcomes: &[Outcome]) {
        let right = |&index: &usize| outcomes[index].class == Some(self.records[self.places[index]].class);
        let right: Vec<usize> = (0..outcomes.len()).filter(right).collect();
        self.places = right.iter().map(|&index| self.places[index]).collect();
        if !right.is_empty() {
            let indices: Vec<i64> = right.iter().map(|&index| index as i64).collect();
            let indices = Tensor::<1, Int>::from_data(TensorData::new(indices, [right.len()]), &self.clean.device());
            self.clean = self.clean.clone().select(0, indices);
        }
    }

    fn perturb(&self, attack: &Attack, attacker: Attacker) -> Tensor<4> {
        let labels: Vec<usize> = self.places.iter().map(|&place| self.records[place].class).collect();
        self.subjects.perturb(attack, attacker, self.clean.clone(), &labels, self.protocol.among.as_deref(), self.seed)
    }

    /// The numbers of pictures as the defence sees them: after JPEG, of a camera's size if the protocol has one.
    fn seen(&self, pictures: Tensor<4>) -> Vec<f32> {
        let Some(quality) = self.protocol.jpeg else { return values(pictures) };
        let (size, device) = (self.subjects.classifier.size(), pictures.device());
        let seen = |picture: &Vec<u8>| match self.protocol.camera {
            true => {
                let frame = resized(picture, size, [CAMERA_SIDE; 2]);
                resized(&through_jpeg(&frame, [CAMERA_SIDE; 2], quality), [CAMERA_SIDE; 2], size)
            }
            false => through_jpeg(picture, size, quality),
        };
        let decoded: Vec<_> = from_tensor(pictures).par_iter().map(seen).collect();
        values(to_tensor(&decoded, size, &device))
    }

    /// The outcome of pictures in the whole defence; each gets the noise of its photograph's position.
    fn defend(&mut self, pictures: &[f32]) -> Result<Vec<Outcome>, Error> {
        let frames: Vec<u64> = self.places.iter().map(|&place| (self.start + place) as u64).collect();
        self.subjects.engine.purify_and_classify(pictures, &values(self.clean.clone()), &frames)
    }

    /// Records the class and the PSNR of pictures after the purifier, if there is one.
    fn defend_and_record(&mut self, name: &str, pictures: &[f32]) -> Result<(), Error> {
        if self.subjects.purifier.is_none() {
            return Ok(());
        }
        let outcomes = self.defend(pictures)?;
        self.record(&outcomes, name, |record| &mut record.purified);
        for (&place, outcome) in self.places.iter().zip(&outcomes) {
            if let Some(psnr) = outcome.psnr {
                // As f32, because the reader of the kept lines may be off by the last bit of an f64.
                self.records[place].psnr.insert(name.to_owned(), psnr as f32);
            }
        }
        Ok(())
    }

    fn record(
        &mut self,
        outcomes: &[Outcome],
        name: &str,
        column: impl Fn(&mut Record) -> &mut BTreeMap<String, Option<usize>>,
    ) {
        for (&place, outcome) in self.places.iter().zip(outcomes) {
            column(&mut self.records[place]).insert(name.to_owned(), outcome.class);
        }
    }
}
