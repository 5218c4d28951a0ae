//! The defence as it is judged: by the engine that ships, one picture at a time, as the device does it.

use std::path::Path;

use rayon::prelude::*;

use super::Error;
use crate::engine::{Classifier, Description, InferenceError, Purifier};
use crate::workshop::pictures;

/// More engines than this cost memory and gain nothing on the machines that evaluate.
const ENGINES: usize = 8;

/// The models under test, in as many copies as there are cores.
pub struct Judge {
    engines: Vec<Engine>,
}

struct Engine {
    classifier: Classifier,
    purifier: Option<Purifier>,
    purified: Vec<f32>,
}

/// What became of a picture in the defence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// `None` where a model gave NaN or infinity: the device withholds such a verdict, so it is never right.
    pub class: Option<usize>,
    /// Of the purified picture against the clean one, in dB; `None` without a purified picture.
    pub psnr: Option<f64>,
}

impl Judge {
    /// Loads the files; `seed` is that of the purifier's noise.
    ///
    /// # Errors
    /// Whatever the device would refuse the files for.
    pub fn load(classifier: &Path, said: &Description, purifier: Option<&Path>, seed: u64) -> Result<Self, Error> {
        let engine = || -> Result<Engine, Error> {
            let classifier = Classifier::load(classifier, said)?;
            let purifier = purifier.map(|path| Purifier::load(path, seed)).transpose()?;
            if let Some(purifier) = &purifier {
                classifier.expect_size_of(purifier)?;
            }
            Ok(Engine { classifier, purifier, purified: Vec::new() })
        };
        let count = rayon::current_num_threads().clamp(1, ENGINES);
        Ok(Self { engines: (0..count).map(|_| engine()).collect::<Result<_, _>>()? })
    }

    pub fn classifier(&self) -> &Classifier {
        // `load` makes at least one.
        &self.engines[0].classifier
    }

    pub fn purifier(&self) -> Option<&Purifier> {
        self.engines[0].purifier.as_ref()
    }

    /// The class of each picture as it is.
    ///
    /// # Shapes
    /// `pictures`: [batch, 3, height, width] as one slice, RGB in 0..1.
    pub fn classify(&mut self, pictures: &[f32]) -> Result<Vec<Judged>, Error> {
        self.each(pictures, |engine, _, picture| {
            Ok(Judged { class: class(engine.classifier.classify(picture))?, psnr: None })
        })
    }

    /// The class of each picture once it is purified, and how far the purified picture is from the `clean` one.
    ///
    /// Picture i gets the noise of frame `frames[i]`. Without a purifier the picture goes on as it is.
    pub fn purify(&mut self, pictures: &[f32], clean: &[f32], frames: &[u64]) -> Result<Vec<Judged>, Error> {
        let size = self.picture_size();
        self.each(pictures, |engine, place, picture| {
            let Some(purifier) = &mut engine.purifier else {
                return Ok(Judged { class: class(engine.classifier.classify(picture))?, psnr: None });
            };
            match purifier.purify(picture, frames[place], &mut engine.purified) {
                Ok(()) => Ok(Judged {
                    class: class(engine.classifier.classify(&engine.purified))?,
                    psnr: Some(pictures::psnr(&engine.purified, &clean[place * size..][..size])),
                }),
                Err(error) => withheld(error).map(|()| Judged { class: None, psnr: None }),
            }
        })
    }

    fn picture_size(&self) -> usize {
        let [height, width] = self.classifier().size();
        3 * height * width
    }

    /// Judges every picture, a share of them on each engine; results in the pictures' order.
    fn each(
        &mut self,
        pictures: &[f32],
        judge: impl Fn(&mut Engine, usize, &[f32]) -> Result<Judged, InferenceError> + Sync,
    ) -> Result<Vec<Judged>, Error> {
        let size = self.picture_size();
        let share = (pictures.len() / size).div_ceil(self.engines.len()).max(1);
        let parts: Result<Vec<Vec<Judged>>, InferenceError> = self
            .engines
            .par_iter_mut()
            .zip(pictures.par_chunks(share * size))
            .enumerate()
            .map(|(part, (engine, pictures))| {
                let places = part * share..;
                places.zip(pictures.chunks(size)).map(|(place, picture)| judge(engine, place, picture)).collect()
            })
            .collect();
        Ok(parts?.concat())
    }
}

fn class(probabilities: Result<&[f32], InferenceError>) -> Result<Option<usize>, InferenceError> {
    match probabilities {
        Ok(probabilities) => Ok(largest(probabilities)),
        Err(error) => withheld(error).map(|()| None),
    }
}

/// An answer that the device would withhold is a result; an engine that fails is an error.
fn withheld(error: InferenceError) -> Result<(), InferenceError> {
    match error {
        InferenceError::NotFinite { .. } | InferenceError::OutOfRange { .. } => Ok(()),
        error => Err(error),
    }
}

fn largest(row: &[f32]) -> Option<usize> {
    (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]).then(b.cmp(&a)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(largest(&[1.0, 3.0, 3.0]), Some(1));
    }

    #[test]
    fn an_answer_that_is_not_finite_is_nobodys_class_and_a_failing_engine_is_an_error() {
        let not_finite = InferenceError::NotFinite { index: 0, found: "NaN".into() };
        assert_eq!(class(Err(not_finite)), Ok(None));
        assert!(class(Err(InferenceError::Engine("broken".into()))).is_err());
    }
}
