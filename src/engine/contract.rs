//! How a model file describes itself: the `metadata_props` that purecam writes and requires.
//!
//! `train` and `export` write [`Metadata`] into an ONNX file; the device reads it and refuses a file that does not fit.

use serde::{Deserialize, Serialize};

/// The version of the contract that this build writes and understands.
pub const CONTRACT_VERSION: u32 = 1;

/// What a model file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// `image` [1, 3, H, W] in 0..1 (and noise) -> `purified` [1, 3, H, W] in 0..1.
    Purifier,
    /// `image` [1, 3, H, W] -> `logits` [1, C].
    Classifier,
}

/// The order of a picture's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// Batch, channel, row, column.
    #[serde(rename = "NCHW")]
    Nchw,
    /// Batch, row, column, channel.
    #[serde(rename = "NHWC")]
    Nhwc,
}

/// The order of a picture's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Red, green, blue.
    Rgb,
    /// Blue, green, red.
    Bgr,
}

/// How a picture becomes the model's image input: `(pixel / 255 * range - mean) / std`, for each channel.
///
/// Mean and standard deviation are in units of the range and in the channel order of `colour`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The input's name in the graph.
    pub name: String,
    /// The order of its axes.
    pub layout: Layout,
    /// Height and width in pixels, each from 1 to 4096.
    pub size: [usize; 2],
    /// `1` for pixels in 0..1, `255` for pixels in 0..255.
    #[serde(with = "range")]
    pub range: f32,
    /// The order of its channels.
    pub colour: Colour,
    /// Subtracted from each channel; finite.
    pub mean: [f32; 3],
    /// Each channel is divided by this afterwards; above 0.
    pub std: [f32; 3],
}

impl Input {
    /// The input of every model that purecam exports: `image`, NCHW, RGB in 0..1, `side` pixels square. The graph
    /// itself normalises.
    pub fn native(side: usize) -> Self {
        Self {
            name: "image".into(),
            layout: Layout::Nchw,
            size: [side, side],
            range: 1.0,
            colour: Colour::Rgb,
            mean: [0.0; 3],
            std: [1.0; 3],
        }
    }

    /// The shape of one picture as the graph takes it.
    pub fn shape(&self) -> Vec<usize> {
        let [height, width] = self.size;
        match self.layout {
            Layout::Nchw => vec![1, 3, height, width],
            Layout::Nhwc => vec![1, height, width, 3],
        }
    }
}

/// A further input that the runtime draws afresh for every frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noise {
    /// The input's name in the graph.
    pub name: String,
    /// The input's shape; at most 2^26 numbers.
    pub shape: Vec<usize>,
    /// The distribution that its numbers are drawn from.
    pub draw: Draw,
}

/// The distribution of a [`Noise`] input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Draw {
    /// f32, independent, mean 0, variance 1.
    Normal,
    /// i64, a uniformly random permutation of `0..shape.product()`.
    Permutation,
}

/// The sides of pictures that a purifier's graph takes besides that of `purecam.input`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// Height and width are multiples of it.
    pub multiple: usize,
}

impl Sides {
    /// The size of the graph's picture for pictures of `size`: each side is the next multiple. What is added below and to
    /// the right continues the last row and column.
    pub fn padded(self, size: [usize; 2]) -> [usize; 2] {
        size.map(|side| side.next_multiple_of(self.multiple))
    }
}

/// The input by which a purifier is told the standard deviation of its noise, in 8-bit levels: more noise drowns a
/// stronger perturbation, and more of the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strength {
    /// The input's name in the graph; its shape is [1, 1, 1, 1].
    pub name: String,
    /// What it is if nobody says anything else.
    pub default: f32,
    /// The least that the purifier was trained with.
    pub least: f32,
    /// The greatest.
    pub most: f32,
}

/// One class of a classifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Its name.
    pub label: String,
    /// The WordNet identifier, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wnid: Option<String>,
}

/// All the metadata of a purecam model file.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// What the file is for.
    pub role: Role,
    /// How a picture becomes its image input.
    pub input: Input,
    /// Of a purifier: its random inputs, in graph order; empty if it is deterministic.
    pub noise: Vec<Noise>,
    /// Of a purifier: which other sides it takes; `None` if only that of `input`.
    pub sides: Option<Sides>,
    /// Of a purifier: how it is told the strength of its noise; `None` if it cannot be told.
    pub strength: Option<Strength>,
    /// Of a classifier: its classes, in output order.
    pub labels: Vec<Label>,
    /// Of a RIAE: the complete configuration that built it.
    pub riae: Option<serde_json::Value>,
    /// Of a U-Net: the complete configuration that built it.
    pub unet: Option<serde_json::Value>,
    /// Data, stages, commands, seeds: how the weights came about.
    pub training: Option<serde_json::Value>,
}

impl Metadata {
    /// SHA-256 of the classifiers that a purifier was trained with: those that its training attacked, and those whose
    /// features its perceptual loss compared. `None` if the file does not list them.
    pub fn partners(&self) -> Option<Vec<String>> {
        let training = self.training.as_ref()?;
        let attacked = training.get("classifiers")?.as_array()?.iter().map(|file| &file[1]);
        let perceptual = training.get("perceptual")?.as_array()?.iter().map(|loss| &loss["network"][1]);
        attacked.chain(perceptual).map(|sha256| sha256.as_str().map(str::to_owned)).collect()
    }

    /// Height and width of the graph's picture: those of `input`, or larger ([`Sides::padded`]).
    pub fn graph_size(&self) -> [usize; 2] {
        self.sides.map_or(self.input.size, |sides| sides.padded(self.input.size))
    }

    /// How a purifier removes a perturbation: the masking of a RIAE (`mask`, `image-noise`, `feature-noise` or `both`), or
    /// `noise` of a U-Net; `None` if the file does not say.
    pub fn mode(&self) -> Option<String> {
        match (&self.riae, &self.unet) {
            (Some(riae), _) => riae.get("masking")?.as_str().map(str::to_owned),
            (None, Some(_)) => Some("noise".to_owned()),
            (None, None) => None,
        }
    }

    /// The `metadata_props` of the file, key and value, in a fixed order.
    pub fn to_props(&self) -> Vec<(String, String)> {
        // Serialising these plain structs and JSON values cannot fail: no map has a key that is not a string.
        let json = |value: serde_json::Value| value.to_string();
        let mut props = vec![
            ("purecam.contract".to_owned(), CONTRACT_VERSION.to_string()),
            ("purecam.role".to_owned(), self.role.name().to_owned()),
            ("purecam.input".to_owned(), json(serde_json::json!(self.input))),
        ];
        match self.role {
            Role::Purifier => props.push(("purecam.noise".to_owned(), json(serde_json::json!(self.noise)))),
            Role::Classifier => props.push(("purecam.labels".to_owned(), json(serde_json::json!(self.labels)))),
        }
        props.extend(self.sides.map(|sides| ("purecam.sides".to_owned(), json(serde_json::json!(sides)))));
        let strength = self.strength.as_ref();
        props.extend(strength.map(|strength| ("purecam.strength".to_owned(), json(serde_json::json!(strength)))));
        props.extend(self.unet.as_ref().map(|unet| ("purecam.unet".to_owned(), unet.to_string())));
        props.extend(self.riae.as_ref().map(|riae| ("purecam.riae".to_owned(), riae.to_string())));
        props.extend(self.training.as_ref().map(|training| ("purecam.training".to_owned(), training.to_string())));
        props
    }
}

/// Why a file's metadata is refused.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// Written by a newer purecam.
    #[error(
        "its contract version is {found}, this build understands {CONTRACT_VERSION}: update purecam, or export the model again"
    )]
    Future { found: u32 },
    /// The contract version is not a version.
    #[error("its metadata has purecam.contract '{found}', expected a whole number from 1")]
    Contract { found: String },
    /// An unknown role.
    #[error("its metadata has purecam.role '{found}', expected 'purifier' or 'classifier'")]
    Role { found: String },
    /// A key that its role needs is missing.
    #[error("its metadata lacks {key}, which a {role} must have")]
    Missing { key: &'static str, role: &'static str },
    /// A value is not the JSON that its key needs.
    #[error("its metadata has a {key} that cannot be understood: {cause}")]
    Malformed {
        key: &'static str,
        #[source]
        cause: serde_json::Error,
    },
    /// `purecam.input` describes an input that no picture can become.
    #[error("its metadata has a purecam.input that makes no sense: {0}")]
    Input(#[from] InputError),
    /// A value can be read, but no model can have it.
    #[error("its metadata has a {key} that makes no sense: {problem}")]
    Senseless { key: &'static str, problem: String },
}

/// Why no picture can become an [`Input`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InputError {
    /// A side of 0 pixels, or of too many.
    #[error("size is {0:?}, expected [height, width] from 1 to {MAX_SIDE}")]
    Size([usize; 2]),
    /// A channel would be divided by 0, or by a number that is not finite.
    #[error("std is {0:?}, expected three numbers above 0")]
    Std([f32; 3]),
    /// A mean that is not finite.
    #[error("mean is {0:?}, expected three finite numbers")]
    Mean([f32; 3]),
}

/// The most pixels along a side of a model's picture; a damaged number could otherwise ask for gigabytes.
const MAX_SIDE: usize = 4096;
/// The most numbers of one noise input, for the same reason.
const MAX_NOISE: usize = 1 << 26;

impl Role {
    /// Its name in metadata, manifests and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Purifier => "purifier",
            Self::Classifier => "classifier",
        }
    }
}

impl Metadata {
    /// Reads `metadata_props`, key and value. `None` if there is no `purecam.contract`: then the file is a foreign one.
    ///
    /// # Errors
    /// The first key that is missing, malformed, or of a newer version.
    pub fn from_props<'a>(props: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Option<Self>, MetadataError> {
        let props: std::collections::HashMap<&str, &str> = props.into_iter().collect();
        let Some(&contract) = props.get("purecam.contract") else { return Ok(None) };
        match contract.parse::<u32>() {
            Ok(CONTRACT_VERSION) => {}
            Ok(found) if found > CONTRACT_VERSION => return Err(MetadataError::Future { found }),
            _ => return Err(MetadataError::Contract { found: contract.to_owned() }),
        }
        let role = match props.get("purecam.role").copied().unwrap_or_default() {
            "purifier" => Role::Purifier,
            "classifier" => Role::Classifier,
            found => return Err(MetadataError::Role { found: found.to_owned() }),
        };
        let own = |key, wanted| match wanted == role {
            true => required(&props, key, role).map(Some),
            false => Ok(None),
        };
        let noise = own("purecam.noise", Role::Purifier)?;
        let labels = own("purecam.labels", Role::Classifier)?;
        let metadata = Self {
            role,
            input: json("purecam.input", required(&props, "purecam.input", role)?)?,
            noise: noise.map_or(Ok(Vec::new()), |text| json("purecam.noise", text))?,
            labels: labels.map_or(Ok(Vec::new()), |text| json("purecam.labels", text))?,
            sides: optional(&props, "purecam.sides")?,
            strength: optional(&props, "purecam.strength")?,
            riae: optional(&props, "purecam.riae")?,
            unet: optional(&props, "purecam.unet")?,
            training: optional(&props, "purecam.training")?,
        };
        metadata.check()?;
        Ok(Some(metadata))
    }

    /// Refuses values that can be read, but that no model can have.
    fn check(&self) -> Result<(), MetadataError> {
        self.input.check()?;
        if self.role == Role::Purifier && self.input != (Input { size: self.input.size, ..Input::native(1) }) {
            let problem = "a purifier takes `image`, NCHW, rgb, range 0..1, mean 0 and std 1".to_owned();
            return Err(MetadataError::Senseless { key: "purecam.input", problem });
        }
        for noise in &self.noise {
            let count = noise.shape.iter().try_fold(1usize, |count, &side| count.checked_mul(side));
            if count.is_none_or(|count| count == 0 || count > MAX_NOISE) {
                let problem = format!("'{}' has shape {:?}", noise.name, noise.shape);
                return Err(MetadataError::Senseless { key: "purecam.noise", problem });
            }
        }
        if self
            .sides
            .is_some_and(|sides| sides.multiple == 0 || self.input.size.iter().any(|side| side % sides.multiple != 0))
        {
            let problem = "`multiple` does not divide the size of purecam.input".to_owned();
            return Err(MetadataError::Senseless { key: "purecam.sides", problem });
        }
        if let Some(Strength { default, least, most, .. }) = &self.strength
            && !(0.0 <= *least && least <= default && default <= most && *most <= 255.0)
        {
            let problem = format!("{default} is not between {least} and {most}, or these not between 0 and 255");
            return Err(MetadataError::Senseless { key: "purecam.strength", problem });
        }
        if self.role == Role::Classifier && self.labels.is_empty() {
            let problem = "it names no class".to_owned();
            return Err(MetadataError::Senseless { key: "purecam.labels", problem });
        }
        Ok(())
    }
}

impl Input {
    /// Refuses a size out of range, a standard deviation of zero or less, and numbers that are not finite.
    ///
    /// # Errors
    /// The first value that is wrong.
    pub fn check(&self) -> Result<(), InputError> {
        if self.size.iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
            return Err(InputError::Size(self.size));
        }
        if self.std.iter().any(|std| !std.is_finite() || *std <= 0.0) {
            return Err(InputError::Std(self.std));
        }
        if self.mean.iter().any(|mean| !mean.is_finite()) {
            return Err(InputError::Mean(self.mean));
        }
        Ok(())
    }
}

fn required<'a>(
    props: &std::collections::HashMap<&str, &'a str>,
    key: &'static str,
    role: Role,
) -> Result<&'a str, MetadataError> {
    props.get(key).copied().ok_or(MetadataError::Missing { key, role: role.name() })
}

fn optional<T: serde::de::DeserializeOwned>(
    props: &std::collections::HashMap<&str, &str>,
    key: &'static str,
) -> Result<Option<T>, MetadataError> {
    props.get(key).map(|text| json(key, text)).transpose()
}

fn json<T: serde::de::DeserializeOwned>(key: &'static str, text: &str) -> Result<T, MetadataError> {
    serde_json::from_str(text).map_err(|cause| MetadataError::Malformed { key, cause })
}

/// The range as the metadata writes it: the strings `0..1` and `0..255`.
mod range {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(range: &f32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0..{range}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "0..1" => Ok(1.0),
            "0..255" => Ok(255.0),
            other => Err(D::Error::custom(format!("range is '0..1' or '0..255', found '{other}'"))),
        }
    }
}
