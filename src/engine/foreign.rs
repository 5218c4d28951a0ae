//! A classifier that was not made by purecam, described by its user: the `[classifier]` table of the configuration.
//!
//! A wrong guess (BGR for RGB, a missing mean) costs most of a classifier's accuracy without any error. So nothing is
//! guessed: the user must describe what the file does not, and the error names every missing key.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::contract::{Colour, Input, Label, Layout};
use super::error::{MissingKeys, Problem};
use super::file::ModelFile;
use super::session::{graph_inputs, names_text};
use crate::text;

/// The `[classifier]` table of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Description {
    /// The ONNX file, if no flag names one.
    pub model: Option<PathBuf>,
    /// How many classes a verdict names.
    pub top_k: Option<usize>,
    /// A text file with one line per class, in output order; a WordNet identifier may stand before the name.
    pub labels: Option<PathBuf>,
    /// Subtracted from each channel, in units of `range` and in the order of `colour`.
    pub mean: Option<[f32; 3]>,
    /// Each channel is divided by this afterwards.
    pub std: Option<[f32; 3]>,
    /// The range of a pixel's value before mean and std.
    pub range: Option<Range>,
    /// The order of the input's axes.
    pub layout: Option<Layout>,
    /// The order of the input's channels.
    pub colour: Option<Colour>,
    /// What the output's numbers are.
    pub output: Option<ForeignOutput>,
    /// From which probability on a label is present, if each label has one of its own.
    pub threshold: Option<f32>,
    /// The output's name, if the graph has several.
    pub output_name: Option<String>,
    /// Height and width in pixels, if the graph leaves them free.
    pub size: Option<[usize; 2]>,
}

impl Description {
    /// Whether it describes a model, and does not only name its file.
    pub(super) fn describes(&self) -> bool {
        let Self { model: _, top_k: _, labels, mean, std, range, layout, colour, output, threshold, output_name, size } =
            self;
        labels.is_some()
            || mean.is_some()
            || std.is_some()
            || range.is_some()
            || layout.is_some()
            || colour.is_some()
            || output.is_some()
            || threshold.is_some()
            || output_name.is_some()
            || size.is_some()
    }
}

/// The range of a pixel's value before mean and std.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Range {
    /// From 0 to 1.
    #[serde(rename = "0..1")]
    Unit,
    /// From 0 to 255.
    #[serde(rename = "0..255")]
    Byte,
}

/// What the numbers of a classifier's output are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForeignOutput {
    /// Any numbers; a soft-max is applied to them.
    Logits,
    /// Probabilities: the soft-max is in the graph.
    Probabilities,
    /// A probability per label, each by itself: the sigmoids are in the graph.
    Sigmoid,
    /// A number per label; a sigmoid is applied to each.
    SigmoidLogits,
}

impl ForeignOutput {
    /// As it is written in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Logits => "logits",
            Self::Probabilities => "probabilities",
            Self::Sigmoid => "sigmoid",
            Self::SigmoidLogits => "sigmoid-logits",
        }
    }

    /// Whether several labels, or none, may be present at once.
    pub fn is_multi_label(self) -> bool {
        matches!(self, Self::Sigmoid | Self::SigmoidLogits)
    }
}

/// A foreign classifier, completely described.
pub(super) struct Foreign {
    pub input: Input,
    pub labels: Vec<Label>,
    pub output_name: String,
    pub output: ForeignOutput,
    pub threshold: f32,
}

/// From which probability on a label is present, unless the user says otherwise.
pub(super) const THRESHOLD: f32 = 0.5;

/// Combines the file with its user's description. Refuses one that is incomplete or contradicts the graph.
pub(super) fn describe(file: &ModelFile, description: &Description) -> Result<Foreign, Problem> {
    let inputs = graph_inputs(&file.proto);
    let [(name, shape)] = inputs.as_slice() else {
        let found = names_text(inputs.iter().map(|(name, _)| name.as_str()));
        return Err(Problem::Inputs { expected: "one, a picture".to_owned(), found });
    };
    let outputs: Vec<&str> =
        file.proto.graph.iter().flat_map(|graph| &graph.output).map(|output| output.name.as_str()).collect();
    let size = description.size.or(description.layout.and_then(|layout| declared_size(shape, layout)));
    // Without a layout the size cannot be read from the graph. It is asked for only if a layout would not help.
    let size_is_free = size.is_none() && shape.iter().filter(|side| side.is_some()).count() < 3;
    let (Some(labels), Some(mean), Some(std), Some(range), Some(layout), Some(colour), Some(output)) = (
        &description.labels,
        description.mean,
        description.std,
        description.range,
        description.layout,
        description.colour,
        description.output,
    ) else {
        return Err(missing(description, size_is_free, outputs.len() > 1).into());
    };
    let (Some(size), true) = (size, outputs.len() == 1 || description.output_name.is_some()) else {
        return Err(missing(description, size.is_none(), outputs.len() > 1).into());
    };
    let output_name = description.output_name.as_deref().or(outputs.first().copied()).unwrap_or_default();
    if !outputs.contains(&output_name) {
        return Err(Problem::Output { expected: output_name.to_owned(), found: names_text(outputs) });
    }
    let range = if range == Range::Unit { 1.0 } else { 255.0 };
    let input = Input { name: name.clone(), layout, size, range, colour, mean, std };
    input.check().map_err(Problem::Described)?;
    if description.threshold.is_some() && !output.is_multi_label() {
        log::warn!("classifier.threshold has no effect with output = \"{}\"", output.name());
    }
    let threshold = description.threshold.unwrap_or(THRESHOLD);
    Ok(Foreign { input, labels: read_labels(labels)?, output_name: output_name.to_owned(), output, threshold })
}

/// Height and width of the graph's input; `None` if it does not declare them.
fn declared_size(shape: &[Option<usize>], layout: Layout) -> Option<[usize; 2]> {
    let (height, width) = match layout {
        Layout::Nchw => (2, 3),
        Layout::Nhwc => (1, 2),
    };
    Some([(*shape.get(height)?)?, (*shape.get(width)?)?])
}

/// The keys that `description` lacks; `size` and `output_name` say whether this graph needs those two.
fn missing(description: &Description, size: bool, output_name: bool) -> MissingKeys {
    let asked = [
        (description.labels.is_none(), "labels", "\"labels.txt\"              # one line per class, in output order"),
        (description.mean.is_none(), "mean", "[0.485, 0.456, 0.406]      # in units of range; [0, 0, 0] for none"),
        (description.std.is_none(), "std", "[0.229, 0.224, 0.225]       # [1, 1, 1] for none"),
        (description.range.is_none(), "range", "\"0..1\"                    # or \"0..255\""),
        (description.layout.is_none(), "layout", "\"NCHW\"                   # or \"NHWC\""),
        (description.colour.is_none(), "colour", "\"rgb\"                    # or \"bgr\""),
        (
            description.output.is_none(),
            "output",
            "\"logits\"                 # or \"probabilities\", with a soft-max in the graph; \"sigmoid\": many labels",
        ),
        (size && description.size.is_none(), "size", "[224, 224]                 # height, width"),
        (
            output_name && description.output_name.is_none(),
            "output_name",
            "\"output\"            # the graph has several",
        ),
    ];
    let asked: Vec<_> = asked.into_iter().filter(|(missing, ..)| *missing).collect();
    let lines: Vec<String> = asked.iter().map(|(_, key, line)| format!("{key} = {line}")).collect();
    let keys: Vec<&str> = asked.iter().map(|(_, key, _)| *key).collect();
    MissingKeys { keys: keys.join(", "), example: lines.join("\n") }
}

/// Reads a labels file, one line per class: `n01440764 tench, Tinca tinca` or `tench`.
fn read_labels(path: &Path) -> Result<Vec<Label>, Problem> {
    let text = text::read(path).map_err(|cause| Problem::LabelsRead { file: path.to_owned(), cause })?;
    let labels: Vec<Label> = text.trim_end().lines().map(label).collect();
    if labels.is_empty() || labels.iter().any(|label| label.label.is_empty()) {
        return Err(Problem::LabelsEmpty { file: path.to_owned() });
    }
    Ok(labels)
}

fn label(line: &str) -> Label {
    let line = line.trim();
    let is_wnid =
        |word: &str| word.len() == 9 && word.starts_with('n') && word[1..].bytes().all(|byte| byte.is_ascii_digit());
    match line.split_once(char::is_whitespace) {
        Some((word, name)) if is_wnid(word) => Label { label: name.trim().to_owned(), wnid: Some(word.to_owned()) },
        _ => Label { label: line.to_owned(), wnid: None },
    }
}
