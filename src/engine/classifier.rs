//! A classifier from an ONNX file, purecam's own or a foreign one: turns a picture into probabilities.

use std::path::{Path, PathBuf};

use super::check::{all_finite, check_shape, known_picture};
use super::contract::{Colour, Input, Label, Layout, Role};
use super::error::{InferenceError, ModelError, Problem};
use super::file::ModelFile;
use super::foreign::{Description, Foreign, ForeignOutput, describe};
use super::session::{Feed, Session, graph_inputs, names_text};

/// How far a sum of probabilities may be from 1 on the warm-up picture: the rounding of half precision.
const SUM_TOLERANCE: f32 = 0.02;

/// A classifier that has passed its warm-up.
pub struct Classifier {
    path: PathBuf,
    sha256: String,
    input: Input,
    labels: Vec<Label>,
    output: ForeignOutput,
    session: Session,
    feeds: Vec<Feed>,
    probabilities: Vec<f32>,
}

impl Classifier {
    /// Loads, checks and warms up a classifier. `description` is for a foreign one; purecam's own describe themselves.
    ///
    /// # Errors
    /// The file, and the first problem that was found.
    pub fn load(path: &Path, description: &Description) -> Result<Self, ModelError> {
        let file = ModelFile::open(path)?;
        Self::prepare(file, description).map_err(|problem| ModelError { file: path.to_owned(), problem })
    }

    fn prepare(file: ModelFile, description: &Description) -> Result<Self, Problem> {
        file.expect_role(Role::Classifier)?;
        warn_of_quantisation(&file);
        let Foreign { input, labels, output_name, output } = match &file.metadata {
            Some(metadata) => {
                warn_of_idle_keys(&file, description);
                Foreign {
                    input: metadata.input.clone(),
                    labels: metadata.labels.clone(),
                    output_name: "logits".to_owned(),
                    output: ForeignOutput::Logits,
                }
            }
            None => describe(&file, description)?,
        };
        let outputs = file.proto.graph.iter().flat_map(|graph| &graph.output).map(|output| output.name.as_str());
        if !outputs.clone().any(|output| output == output_name) {
            return Err(Problem::Output { expected: output_name, found: names_text(outputs) });
        }
        let shape = input_shape(&input);
        let inputs = graph_inputs(&file.proto);
        let [(name, declared)] = inputs.as_slice() else {
            let found = names_text(inputs.iter().map(|(name, _)| name.as_str()));
            return Err(Problem::Inputs { expected: names_text([input.name.as_str()]), found });
        };
        if *name != input.name {
            let [expected, found] = [&input.name, name].map(|name| names_text([name.as_str()]));
            return Err(Problem::Inputs { expected, found });
        }
        check_shape(name, &shape, declared)?;
        let feeds = vec![Feed::f32(&input.name, &shape)?];
        let session = Session::load(&file.proto, &feeds, &output_name)?;
        let probabilities = Vec::with_capacity(labels.len());
        let mut classifier =
            Self { path: file.path, sha256: file.sha256, input, labels, output, session, feeds, probabilities };
        classifier.warm_up(&output_name)?;
        Ok(classifier)
    }

    /// Height and width of its pictures, in pixels.
    pub fn size(&self) -> [usize; 2] {
        self.input.size
    }

    /// Its classes, in the order of its probabilities.
    pub fn labels(&self) -> &[Label] {
        &self.labels
    }

    /// How a picture becomes its input.
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of its file, in lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Checks that it takes pictures of `purifier`'s size: nothing is resized between the two.
    ///
    /// # Errors
    /// [`Problem::Size`], with both sizes.
    pub fn expect_size_of(&self, purifier: &super::Purifier) -> Result<(), ModelError> {
        if self.size() == purifier.size() {
            return Ok(());
        }
        let [expected, found] = [purifier.size(), self.size()].map(|[height, width]| format!("{height} x {width}"));
        let problem = Problem::Size { purifier: purifier.path().display().to_string(), expected, found };
        Err(ModelError { file: self.path.clone(), problem })
    }

    /// The probabilities of the classes.
    ///
    /// # Shapes
    /// `image`: \[3, height, width\], RGB in 0..1 -> \[classes\], each in 0..1, with the sum 1.
    ///
    /// # Errors
    /// The engine failed, or the output is not one finite number per class.
    pub fn classify(&mut self, image: &[f32]) -> Result<&[f32], InferenceError> {
        write_input(&self.input, image, self.feeds[0].numbers::<f32>()?)?;
        let probabilities = &mut self.probabilities;
        self.session.run(&self.feeds, |_, numbers| {
            probabilities.clear();
            probabilities.extend_from_slice(numbers);
        })?;
        if probabilities.len() != self.labels.len() {
            return Err(InferenceError::Length { expected: self.labels.len(), found: probabilities.len() });
        }
        all_finite(probabilities)?;
        if self.output == ForeignOutput::Logits {
            soft_max(probabilities);
        }
        Ok(probabilities)
    }

    /// The newest result of [`classify`](Self::classify).
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    fn warm_up(&mut self, output: &str) -> Result<(), Problem> {
        let [height, width] = self.input.size;
        write_input(
            &self.input,
            &known_picture(height, width),
            self.feeds[0].numbers::<f32>().map_err(Problem::WarmUp)?,
        )
        .map_err(Problem::WarmUp)?;
        let (labels, declared) = (self.labels.len(), self.output);
        let outcome = self.session.run(&self.feeds, |shape, numbers| {
            if !matches!(shape, [1, _] | [1, _, 1, 1]) {
                let expected = "[1, classes] or [1, classes, 1, 1]".to_owned();
                return Err(Problem::OutputShape { output: output.to_owned(), expected, found: shape.to_vec() });
            }
            if numbers.len() != labels {
                return Err(Problem::LabelCount { outputs: numbers.len(), labels });
            }
            all_finite(numbers).map_err(Problem::WarmUp)?;
            check_kind(declared, numbers)
        });
        outcome.map_err(Problem::WarmUp)?
    }
}

/// Refuses an output that is plainly not of its declared kind: every confidence would be wrong.
fn check_kind(declared: ForeignOutput, numbers: &[f32]) -> Result<(), Problem> {
    let sum: f32 = numbers.iter().sum();
    let probabilities =
        numbers.iter().all(|value| (0.0..=1.0 + SUM_TOLERANCE).contains(value)) && (sum - 1.0).abs() < SUM_TOLERANCE;
    match (declared, probabilities) {
        (ForeignOutput::Probabilities, false) => {
            Err(Problem::Kind { declared: "probabilities", found: "does not give probabilities", sum })
        }
        // A single class gives 1 either way, and few equal logits can have the sum 1 by chance.
        (ForeignOutput::Logits, true) if numbers.len() > 4 => {
            Err(Problem::Kind { declared: "logits", found: "gives probabilities", sum })
        }
        _ => Ok(()),
    }
}

fn input_shape(input: &Input) -> Vec<usize> {
    let [height, width] = input.size;
    match input.layout {
        Layout::Nchw => vec![1, 3, height, width],
        Layout::Nhwc => vec![1, height, width, 3],
    }
}

/// Writes an RGB picture in 0..1, [3, height, width], in the model's range, colour order, mean, std and layout.
fn write_input(input: &Input, image: &[f32], out: &mut [f32]) -> Result<(), InferenceError> {
    if image.len() != out.len() {
        return Err(InferenceError::PictureLength { expected: out.len(), found: image.len() });
    }
    let pixels = image.len() / 3;
    for channel in 0..3 {
        let from = match input.colour {
            Colour::Rgb => channel,
            Colour::Bgr => 2 - channel,
        };
        let plane = &image[from * pixels..][..pixels];
        let (mean, std) = (input.mean[channel], input.std[channel]);
        let normalised = plane.iter().map(|value| (value * input.range - mean) / std);
        match input.layout {
            Layout::Nchw => {
                out[channel * pixels..][..pixels].iter_mut().zip(normalised).for_each(|(out, value)| *out = value)
            }
            Layout::Nhwc => {
                out.iter_mut().skip(channel).step_by(3).zip(normalised).for_each(|(out, value)| *out = value)
            }
        }
    }
    Ok(())
}

/// Soft-max in place, without overflow: the largest logit becomes 0 first.
fn soft_max(logits: &mut [f32]) {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter_mut().for_each(|logit| *logit = (*logit - largest).exp());
    let sum: f32 = logits.iter().sum();
    logits.iter_mut().for_each(|probability| *probability /= sum);
}

/// Warns that a description has no effect on a file that describes itself.
fn warn_of_idle_keys(file: &ModelFile, description: &Description) {
    if description.describes() {
        let file = file.path.display();
        log::warn!("{file} describes itself; labels, mean, std and so on in [classifier] have no effect");
    }
}

fn warn_of_quantisation(file: &ModelFile) {
    let operators = file.quantised_operators();
    if !operators.is_empty() {
        log::warn!(
            "{} is quantised ({}): the engine runs quantised graphs slowly, and gives wrong results for some; compare \
             its results with onnxruntime's first, or use the f32 model",
            file.path.display(),
            operators.join(", ")
        );
    }
}
