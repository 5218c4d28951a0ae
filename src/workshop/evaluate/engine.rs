//! The defence in the engine that ships: one picture at a time, as the device does it.

use std::path::Path;

use rayon::prelude::*;

use super::error::Error;
use crate::engine::{Classifier, Description, InferenceError, Purifier, Setup};
use crate::workshop::pictures;

/// More copies than this cost memory and gain nothing on the machines that evaluate.
const COPIES: usize = 8;

/// The models under test in the engine that ships, one copy per core.
pub struct EngineUnderTest {
    copies: Vec<Loaded>,
    /// The classes that compete; `None`: all.
    among: Option<Vec<usize>>,
}

struct Loaded {
    classifier: Classifier,
    purifier: Option<Purifier>,
    purified: Vec<f32>,
}

/// What the defence made of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// `None` if a model gave NaN or infinity: the device withholds that verdict, so it is never right.
    pub class: Option<usize>,
    /// PSNR in dB of the purified picture against the clean one; `None` without a purified picture.
    pub psnr: Option<f64>,
}

impl EngineUnderTest {
    /// Loads the files; the purifier is set up as `setup` says, at the classifier's size.
    ///
    /// # Errors
    /// Files that the device would refuse.
    pub fn load(classifier: &Path, said: &Description, purifier: Option<&Path>, setup: &Setup) -> Result<Self, Error> {
        let copy = || -> Result<Loaded, Error> {
            let classifier = Classifier::load(classifier, said)?;
            classifier.expect_one_class()?;
            let setup = Setup { size: Some(classifier.size()), ..*setup };
            let purifier = purifier.map(|path| Purifier::load(path, setup)).transpose()?;
            if let Some(purifier) = &purifier {
                classifier.expect_size_of(purifier)?;
            }
            Ok(Loaded { classifier, purifier, purified: Vec::new() })
        };
        let count = rayon::current_num_threads().clamp(1, COPIES);
        Ok(Self { copies: (0..count).map(|_| copy()).collect::<Result<_, _>>()?, among: None })
    }

    /// Lets only the classes `among` compete; `None`: all.
    pub fn compete(&mut self, among: Option<&[usize]>) {
        self.among = among.map(<[usize]>::to_vec);
    }

    /// The classifier; every copy has the same.
    pub fn classifier(&self) -> &Classifier {
        // `load` makes at least one.
        &self.copies[0].classifier
    }

    /// The purifier, if there is one.
    pub fn purifier(&self) -> Option<&Purifier> {
        self.copies[0].purifier.as_ref()
    }

    /// The class of each picture as it is.
    ///
    /// # Shapes
    /// `pictures`: [batch, 3, height, width] as one slice, RGB in 0..1.
    ///
    /// # Errors
    /// An engine that fails. A picture without an answer is an outcome.
    pub fn classify(&mut self, pictures: &[f32]) -> Result<Vec<Outcome>, Error> {
        let among = self.among.clone();
        self.each(pictures, |copy, _, picture| {
            Ok(Outcome { class: class(copy.classifier.classify(picture), among.as_deref())?, psnr: None })
        })
    }

    /// The class of each picture after purification, and how far the purified picture is from the `clean` one.
    ///
    /// Picture i gets the noise of frame `frames[i]`. Without a purifier the picture is classified as it is. Shapes and
    /// errors are those of [`EngineUnderTest::classify`].
    pub fn purify_and_classify(
        &mut self,
        pictures: &[f32],
        clean: &[f32],
        frames: &[u64],
    ) -> Result<Vec<Outcome>, Error> {
        let (size, among) = (self.picture_size(), self.among.clone());
        let among = among.as_deref();
        self.each(pictures, |copy, place, picture| {
            let Some(purifier) = &mut copy.purifier else {
                return Ok(Outcome { class: class(copy.classifier.classify(picture), among)?, psnr: None });
            };
            match purifier.purify(picture, frames[place], &mut copy.purified) {
                Ok(()) => Ok(Outcome {
                    class: class(copy.classifier.classify(&copy.purified), among)?,
                    psnr: Some(pictures::psnr(&copy.purified, &clean[place * size..][..size])),
                }),
                Err(error) => withheld(error).map(|()| Outcome { class: None, psnr: None }),
            }
        })
    }

    fn picture_size(&self) -> usize {
        let [height, width] = self.classifier().size();
        3 * height * width
    }

    /// Judges every picture, a share of them on each copy; outcomes in the pictures' order.
    fn each(
        &mut self,
        pictures: &[f32],
        judge: impl Fn(&mut Loaded, usize, &[f32]) -> Result<Outcome, InferenceError> + Sync,
    ) -> Result<Vec<Outcome>, Error> {
        let size = self.picture_size();
        let share = (pictures.len() / size).div_ceil(self.copies.len()).max(1);
        let parts: Result<Vec<Vec<Outcome>>, InferenceError> = self
            .copies
            .par_iter_mut()
            .zip(pictures.par_chunks(share * size))
            .enumerate()
            .map(|(part, (copy, pictures))| {
                let places = part * share..;
                places.zip(pictures.chunks(size)).map(|(place, picture)| judge(copy, place, picture)).collect()
            })
            .collect();
        Ok(parts?.concat())
    }
}

/// The likeliest class, of those `among` if not all compete.
fn class(
    probabilities: Result<&[f32], InferenceError>,
    among: Option<&[usize]>,
) -> Result<Option<usize>, InferenceError> {
    match (probabilities, among) {
        (Ok(probabilities), None) => Ok(largest(probabilities)),
        (Ok(probabilities), Some(classes)) => {
            let competing: Vec<f32> = classes.iter().map(|class| probabilities[*class]).collect();
            Ok(largest(&competing).map(|place| classes[place]))
        }
        (Err(error), _) => withheld(error).map(|()| None),
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
    fn the_first_of_equal_classes_wins() {
        assert_eq!(largest(&[1.0, 3.0, 3.0]), Some(1));
    }

    #[test]
    fn an_answer_that_is_not_finite_has_no_class_and_a_failing_engine_is_an_error() {
        let not_finite = InferenceError::NotFinite { index: 0, found: "NaN".into() };
        assert_eq!(class(Err(not_finite), None), Ok(None));
        assert!(class(Err(InferenceError::Engine("broken".into())), None).is_err());
    }
}
