//! A purifier from its ONNX file: removes adversarial perturbations from a picture.

use std::path::{Path, PathBuf};

use super::check::{all_finite, check_shape, known_picture};
use super::contract::{Draw, Input, Metadata, Noise, Role, Strength};
use super::error::{InferenceError, ModelError, Problem};
use super::file::ModelFile;
use super::noise::NoiseSource;
use super::session::{Feed, Session, graph_inputs, names_text};

/// The output of every purifier.
const OUTPUT: &str = "purified";

/// The shape of the input by which a purifier is told its strength.
const STRENGTH_SHAPE: [usize; 4] = [1; 4];

/// How far a purifier's numbers may leave 0..1 on the warm-up picture: the size of rounding errors.
const RANGE_TOLERANCE: f32 = 1e-3;

/// How a purifier is set up for its place: the classifier behind it, and what its user wants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Setup {
    /// Seed of its random inputs.
    pub seed: u64,
    /// Height and width of its pictures, if its file leaves them free; `None`: those that the file was exported with.
    pub size: Option<[usize; 2]>,
    /// Standard deviation of its noise in 8-bit levels; `None`: the file's own default.
    pub strength: Option<f32>,
}

impl From<u64> for Setup {
    /// As the file says, under `seed`.
    fn from(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

impl Setup {
    /// The file's metadata as this setup wants it: at its size, with its strength as the default.
    ///
    /// A file that takes one size only keeps it: whoever puts it before a classifier compares the two.
    ///
    /// # Errors
    /// A strength that the file was not trained with.
    pub fn apply(&self, metadata: &mut Metadata) -> Result<(), Problem> {
        if let (Some(size), Some(sides)) = (self.size, metadata.sides) {
            let own = std::mem::replace(&mut metadata.input.size, size);
            let [height, width] = sides.padded(size);
            for noise in &mut metadata.noise {
                if noise.shape == [1, 3, own[0], own[1]] {
                    noise.shape = vec![1, 3, height, width];
                }
            }
        }
        match (self.strength, &mut metadata.strength) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(Problem::NoStrength),
            (Some(found), Some(Strength { least, most, .. })) if !(*least..=*most).contains(&found) => {
                Err(Problem::Strength { found, least: *least, most: *most })
            }
            (Some(strength), Some(known)) => {
                known.default = strength;
                Ok(())
            }
        }
    }
}

/// A purifier that has passed its warm-up.
pub struct Purifier {
    path: PathBuf,
    sha256: String,
    input: Input,
    /// Height and width of the graph's picture, which may be larger than the purifier's.
    graph_size: [usize; 2],
    noise: Vec<Noise>,
    mode: Option<String>,
    strength: Option<f32>,
    partners: Option<Vec<String>>,
    source: NoiseSource,
    session: Session,
    /// The picture, then each random input, then the strength if it can be told.
    feeds: Vec<Feed>,
}

impl Purifier {
    /// Loads, checks and warms up a purifier. A seed alone is a setup, too.
    ///
    /// # Errors
    /// The file, and the first problem that was found.
    pub fn load(path: &Path, setup: impl Into<Setup>) -> Result<Self, ModelError> {
        let file = ModelFile::open(path)?;
        Self::prepare(file, setup.into()).map_err(|problem| ModelError { file: path.to_owned(), problem })
    }

    fn prepare(file: ModelFile, setup: Setup) -> Result<Self, Problem> {
        file.expect_role(Role::Purifier)?;
        let mut metadata = file.metadata.ok_or(Problem::NotAPurifier)?;
        setup.apply(&mut metadata)?;
        let (partners, mode, graph_size) = (metadata.partners(), metadata.mode(), metadata.graph_size());
        let feeds = feeds(&metadata)?;
        check_inputs(&file.proto, &metadata)?;
        let (input, noise) = (metadata.input, metadata.noise);
        let strength = metadata.strength.map(|strength| strength.default);
        let outputs = file.proto.graph.iter().flat_map(|graph| &graph.output).map(|output| output.name.as_str());
        if !outputs.clone().any(|output| output == OUTPUT) {
            return Err(Problem::Output { expected: OUTPUT.to_owned(), found: names_text(outputs) });
        }
        let session = Session::load(&file.proto, &feeds, OUTPUT)?;
        let source = NoiseSource::new(setup.seed);
        let mut purifier = Self {
            path: file.path,
            sha256: file.sha256,
            input,
            graph_size,
            noise,
            mode,
            strength,
            partners,
            source,
            session,
            feeds,
        };
        purifier.warm_up()?;
        Ok(purifier)
    }

    /// Height and width of its pictures, in pixels, before and after.
    pub fn size(&self) -> [usize; 2] {
        self.input.size
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it has no random inputs. Then the seed and the frame's number have no effect.
    pub fn is_deterministic(&self) -> bool {
        self.noise.is_empty()
    }

    /// How it removes a perturbation ([`Metadata::mode`]).
    pub fn mode(&self) -> Option<&str> {
        self.mode.as_deref()
    }

    /// Standard deviation of its noise in 8-bit levels; `None` if it cannot be told.
    pub fn strength(&self) -> Option<f32> {
        self.strength
    }

    /// SHA-256 of its file, in lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// SHA-256 of the classifiers that it was trained with; `None` if its file does not list them.
    pub fn partners(&self) -> Option<&[String]> {
        self.partners.as_deref()
    }

    /// Purifies a picture. The random inputs depend only on the seed and on `frame`, the frame's number.
    ///
    /// # Shapes
    /// `image`: \[3, height, width\], RGB in 0..1 -> `purified`: the same.
    ///
    /// # Errors
    /// The engine failed, or the output is not a picture. `purified` is then not to be used.
    pub fn purify(&mut self, image: &[f32], frame: u64, purified: &mut Vec<f32>) -> Result<(), InferenceError> {
        self.fill(image, frame)?;
        let ([height, width], graph_size) = (self.input.size, self.graph_size);
        let expected = 3 * graph_size[0] * graph_size[1];
        self.session.run(&self.feeds, |_, numbers| {
            if numbers.len() != expected {
                return Err(InferenceError::Length { expected, found: numbers.len() });
            }
            purified.clear();
            for plane in numbers.chunks_exact(graph_size[0] * graph_size[1]) {
                let rows = plane.chunks_exact(graph_size[1]).take(height);
                rows.for_each(|row| purified.extend_from_slice(&row[..width]));
            }
            Ok(())
        })??;
        all_finite(purified)?;
        purified.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
        Ok(())
    }

    /// Writes the picture and newly drawn noise into the graph's inputs.
    fn fill(&mut self, image: &[f32], frame: u64) -> Result<(), InferenceError> {
        self.source.frame(frame);
        let (picture, draws) = self.feeds.split_at_mut(1);
        let [height, width] = self.input.size;
        if image.len() != 3 * height * width {
            return Err(InferenceError::PictureLength { expected: 3 * height * width, found: image.len() });
        }
        pad(image, self.input.size, picture[0].numbers::<f32>()?, self.graph_size);
        for (noise, feed) in self.noise.iter().zip(draws) {
            match noise.draw {
                Draw::Normal => self.source.normal(feed.numbers::<f32>()?),
                Draw::Permutation => self.source.permutation(feed.numbers::<i64>()?),
            }
        }
        Ok(())
    }

    fn warm_up(&mut self) -> Result<(), Problem> {
        let [height, width] = self.input.size;
        let picture = known_picture(height, width);
        self.fill(&picture, 0).map_err(Problem::WarmUp)?;
        let [height, width] = self.graph_size;
        let outcome = self.session.run(&self.feeds, |shape, numbers| {
            if shape != [1, 3, height, width] {
                let expected = format!("[1, 3, {height}, {width}]");
                return Err(Problem::OutputShape { output: OUTPUT.to_owned(), expected, found: shape.to_vec() });
            }
            all_finite(numbers).and_then(|()| all_in_range(numbers)).map_err(Problem::WarmUp)
        });
        outcome.map_err(Problem::WarmUp)?
    }
}

/// A feed for the picture, then one for each random input, then one for the strength, which is filled here.
fn feeds(metadata: &Metadata) -> Result<Vec<Feed>, Problem> {
    let Metadata { input, noise, strength, .. } = metadata;
    let [height, width] = metadata.graph_size();
    let mut feeds = vec![Feed::f32(&input.name, &[1, 3, height, width])?];
    for noise in noise {
        feeds.push(match noise.draw {
            Draw::Normal => Feed::f32(&noise.name, &noise.shape)?,
            Draw::Permutation => Feed::i64(&noise.name, &noise.shape)?,
        });
    }
    if let Some(strength) = strength {
        let mut feed = Feed::f32(&strength.name, &STRENGTH_SHAPE)?;
        feed.numbers::<f32>().map_err(Problem::WarmUp)?.fill(strength.default);
        feeds.push(feed);
    }
    Ok(feeds)
}

/// Compares the names and shapes of the graph's inputs with those in the metadata.
fn check_inputs(proto: &tract_onnx::pb::ModelProto, metadata: &Metadata) -> Result<(), Problem> {
    let Metadata { input, noise, strength, .. } = metadata;
    let [height, width] = metadata.graph_size();
    let expected: Vec<(&str, Vec<usize>)> = std::iter::once((input.name.as_str(), vec![1, 3, height, width]))
        .chain(noise.iter().map(|noise| (noise.name.as_str(), noise.shape.clone())))
        .chain(strength.iter().map(|strength| (strength.name.as_str(), STRENGTH_SHAPE.to_vec())))
        .collect();
    let found = graph_inputs(proto);
    let mut names = [
        expected.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
    ];
    names.iter_mut().for_each(|names| names.sort_unstable());
    if names[0] != names[1] {
        let [expected, found] = names.map(names_text);
        return Err(Problem::Inputs { expected, found });
    }
    for (name, shape) in expected {
        let declared =
            found.iter().find(|(found, _)| found == name).map(|(_, shape)| shape.as_slice()).unwrap_or_default();
        check_shape(name, &shape, declared)?;
    }
    Ok(())
}

/// Copies a picture [3, height, width] of `size` into a larger one, whose further rows and columns repeat the last.
fn pad(image: &[f32], size: [usize; 2], padded: &mut [f32], padded_size: [usize; 2]) {
    let planes = image.chunks_exact(size[0] * size[1]).zip(padded.chunks_exact_mut(padded_size[0] * padded_size[1]));
    for (plane, padded) in planes {
        for (y, row) in padded.chunks_exact_mut(padded_size[1]).enumerate() {
            let from = &plane[y.min(size[0] - 1) * size[1]..][..size[1]];
            row[..size[1]].copy_from_slice(from);
            row[size[1]..].fill(from[size[1] - 1]);
        }
    }
}

fn all_in_range(numbers: &[f32]) -> Result<(), InferenceError> {
    let range = -RANGE_TOLERANCE..=1.0 + RANGE_TOLERANCE;
    match numbers.iter().position(|value| !range.contains(value)) {
        Some(index) => Err(InferenceError::OutOfRange { index, found: numbers[index].to_string() }),
        None => Ok(()),
    }
}
