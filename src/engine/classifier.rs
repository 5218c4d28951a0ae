//! A classifier from an ONNX file, purecam's own or a foreign one: turns a picture into probabilities.

use std::path::{Path, PathBuf};

use super::check::{all_finite, check_shape, known_picture};
use super::contract::{Colour, Input, Label, Layout, Role};
use super::error::{InferenceError, ModelError, Problem};
use super::file::ModelFile;
use super::foreign::{Description, Foreign, ForeignOutput, THRESHOLD, describe};
use super::graph::{Ending, ending};
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
    threshold: f32,
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
        let Foreign { input, labels, output_name, output, threshold } = match &file.metadata {
            Some(metadata) => {
                warn_of_idle_keys(&file, description);
                Foreign {
                    input: metadata.input.clone(),
                    labels: metadata.labels.clone(),
                    output_name: "logits".to_owned(),
                    output: ForeignOutput::Logits,
                    threshold: THRESHOLD,
                }
            }
            None => describe(&file, description)?,
        };
        let outputs = file.proto.graph.iter().flat_map(|graph| &graph.output).map(|output| output.name.as_str());
        if !outputs.clone().any(|output| output == output_name) {
            return Err(Problem::Output { expected: output_name, found: names_text(outputs) });
        }
        let shape = input.shape();
        let inputs = graph_inputs(&file.proto);
        let [(name, declared)] = inputs.as_slice() else {
            let found = names_text(inputs.iter().map(|(name, _)| name.as_str()));
            return Err(Problem::Inputs { expected: names_text([input.name.as_str()]), found });
        };
        if *name != input.name {
            let [expected, found] = [&input.name, name].map(|name| names_text([name.as_str()]));
            return Err(Problem::Inputs { expected, found });
        }
        check_channels(name, declared)?;
        check_shape(name, &shape, declared)?;
        let feeds = vec![Feed::f32(&input.name, &shape)?];
        let session = Session::load(&file.proto, &feeds, &output_name)?;
        let probabilities = Vec::with_capacity(labels.len());
        let mut classifier = Self {
            path: file.path,
            sha256: file.sha256,
            input,
            labels,
            output,
            threshold,
            session,
            feeds,
            probabilities,
        };
        classifier.warm_up(&output_name, ending(&file.proto, &output_name))?;
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

    /// From which probability on a label is present, if each label has a probability of its own; `None` if the
    /// probabilities are those of one choice.
    pub fn threshold(&self) -> Option<f32> {
        self.output.is_multi_label().then_some(self.threshold)
    }

    /// Whether its file gives probabilities of one choice, not logits.
    pub fn gives_probabilities(&self) -> bool {
        self.output == ForeignOutput::Probabilities
    }

    /// Checks that it chooses one class per picture.
    ///
    /// # Errors
    /// [`Problem::ManyLabels`].
    pub fn expect_one_class(&self) -> Result<(), ModelError> {
        match self.output.is_multi_label() {
            false => Ok(()),
            true => {
                let problem = Problem::ManyLabels { declared: self.output.name() };
                Err(ModelError { file: self.path.clone(), problem })
            }
        }
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
    /// `image`: \[3, height, width\], RGB in 0..1 -> \[classes\], each in 0..1, with the sum 1 unless each label has a
    /// probability of its own ([`threshold`](Self::threshold)).
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
        match self.output {
            ForeignOutput::Logits => soft_max(probabilities),
            ForeignOutput::SigmoidLogits => probabilities.iter_mut().for_each(|number| *number = sigmoid(*number)),
            ForeignOutput::Probabilities => {}
            // Rounding may leave the range by the last digit.
            ForeignOutput::Sigmoid => probabilities.iter_mut().for_each(|number| *number = number.clamp(0.0, 1.0)),
        }
        Ok(probabilities)
    }

    /// The newest result of [`classify`](Self::classify).
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// Runs the known picture, its negative and a grey one.
    fn warm_up(&mut self, output: &str, ending: Option<Ending>) -> Result<(), Problem> {
        let [height, width] = self.input.size;
        let known = known_picture(height, width);
        let negative = known.iter().map(|value| 1.0 - value).collect();
        let grey = vec![0.5; known.len()];
        let mut within = true;
        for picture in [known, negative, grey] {
            let feed = self.feeds[0].numbers::<f32>().map_err(Problem::WarmUp)?;
            write_input(&self.input, &picture, feed).map_err(Problem::WarmUp)?;
            let (labels, declared) = (self.labels.len(), self.output);
            let outcome = self.session.run(&self.feeds, |shape, numbers| {
                if !matches!(shape, [1, _] | [1, _, 1, 1]) {
                    let expected = "[1, classes] or [1, classes, 1, 1]".to_owned();
                    return Err(Problem::OutputShape { output: output.to_owned(), expected, found: shape.to_vec() });
                }
                if let ([_], false) = (numbers, declared.is_multi_label()) {
                    let instead = if ending.is_some() || declared == ForeignOutput::Probabilities {
                        ForeignOutput::Sigmoid
                    } else {
                        ForeignOutput::SigmoidLogits
                    };
                    return Err(Problem::OneOutput { declared: declared.name(), instead: instead.name() });
                }
                if numbers.len() != labels {
                    return Err(Problem::LabelCount { outputs: numbers.len(), labels });
                }
                all_finite(numbers).map_err(Problem::WarmUp)?;
                within &= numbers.iter().all(|value| (0.0..=1.0).contains(value));
                check_kind(declared, ending, numbers)
            });
            outcome.map_err(Problem::WarmUp)??;
        }
        // Few logits can all lie there by chance.
        let are_logits = matches!(self.output, ForeignOutput::Logits | ForeignOutput::SigmoidLogits);
        if within && are_logits && self.labels.len() > 4 {
            log::warn!(
                "{} gives numbers in 0..1 for every picture of its warm-up, but [classifier] declares output = \"{}\"; if \
                 they are probabilities already, every confidence is wrong: write output = \"sigmoid\" or \"probabilities\"",
                self.path.display(),
                self.output.name()
            );
        }
        Ok(())
    }
}

/// Refuses an output that is plainly not of its declared kind: every confidence would be wrong.
fn check_kind(declared: ForeignOutput, ending: Option<Ending>, numbers: &[f32]) -> Result<(), Problem> {
    use ForeignOutput::{Logits, Probabilities, Sigmoid, SigmoidLogits};
    let sum: f32 = numbers.iter().sum();
    let within = numbers.iter().all(|value| (-SUM_TOLERANCE..=1.0 + SUM_TOLERANCE).contains(value));
    let distribution = within && numbers.iter().all(|value| *value >= 0.0) && (sum - 1.0).abs() < SUM_TOLERANCE;
    let refuse = |found: String, instead: ForeignOutput| {
        Err(Problem::Kind { declared: declared.name(), found, instead: instead.name() })
    };
    match (declared, ending) {
        (Logits | SigmoidLogits, Some(Ending::Sigmoid)) => refuse("ends in a sigmoid".to_owned(), Sigmoid),
        (Logits | Sigmoid | SigmoidLogits, Some(Ending::SoftMax)) => {
            refuse("gives probabilities (it ends in a soft-max)".to_owned(), Probabilities)
        }
        // Few equal logits can have the sum 1 by chance.
        (Logits, None) if distribution && numbers.len() > 4 => {
            refuse(format!("gives probabilities (they sum to {sum})"), Probabilities)
        }
        (Probabilities, _) if !distribution => {
            let instead = if ending == Some(Ending::Sigmoid) || within { Sigmoid } else { Logits };
            refuse(format!("does not give probabilities of one choice (they sum to {sum})"), instead)
        }
        (Sigmoid, _) if !within => {
            let outside = numbers.iter().find(|value| !(0.0..=1.0).contains(*value)).copied().unwrap_or_default();
            refuse(format!("does not give a probability per label (one is {outside})"), SigmoidLogits)
        }
        _ => Ok(()),
    }
}

/// The probability that a logit stands for; no exponential overflows.
fn sigmoid(logit: f32) -> f32 {
    let small = (-logit.abs()).exp();
    if logit >= 0.0 { 1.0 / (1.0 + small) } else { small / (1.0 + small) }
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

/// Refuses an image input that has three channels in neither layout.
fn check_channels(input: &str, declared: &[Option<usize>]) -> Result<(), Problem> {
    match *declared {
        [_, Some(first), _, Some(last)] if first != 3 && last != 3 => {
            let found = first.min(last);
            Err(Problem::Channels { input: input.to_owned(), found })
        }
        _ => Ok(()),
    }
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
