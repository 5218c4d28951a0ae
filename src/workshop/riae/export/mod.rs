//! A RIAE as an ONNX graph: one picture in, its purified picture out; every random number is an explicit input.
//!
//! Everything that does not depend on the picture is computed here and stored: positions, the mask token's projections
//! in the first decoder block, the fusion's weights. The channels' normalisation is folded into the first and the last
//! layer. Tokens are kept as rows of one matrix, so that every linear layer is one matrix product.
//!
//! - `exporter`: the graph under construction, and its small nodes.
//! - `embed`, `transformer`, `decoder`, `picture`: the network's parts, from the image to the outputs.

mod decoder;
mod embed;
mod exporter;
mod picture;
mod transformer;

use super::block::NORM_EPSILON;
use super::config::{FeatureNorm, Masking};
use super::error::Error;
use super::groups::others;
use super::network::Riae;
use super::schedule::schedule;
use crate::engine::contract::Noise;
use crate::workshop::onnx::write::{Graph, Value};
use exporter::Exporter;

/// An exported network, to be given metadata and written.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The graph.
    pub graph: Graph,
    /// Its inputs besides `image`, in graph order.
    pub noise: Vec<Noise>,
}

/// What a graph may have besides its purified picture.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The picture before the last convolution is a second output of that name.
    pub before_conv: bool,
    /// Exactly one picture at a time: no shape is computed when the graph runs.
    pub fixed: bool,
}

/// Builds the graph for square images of `side` pixels. Positions and noise steps are those of
/// [`Riae::draw_evaluation`].
///
/// # Shapes
/// `image` [1, 3, side, side] in 0..1 -> `purified` [1, 3, side, side], clamped to 0..1 if the configuration says so
///
/// # Errors
/// The network cannot purify images of that side.
pub fn export(model: &Riae, side: usize, options: Options) -> Result<Exported, Error> {
    model.config().validate(side)?;
    let mut exporter = Exporter::new(model, side, options.fixed);
    exporter.build(options.before_conv);
    Ok(Exported { graph: exporter.graph, noise: exporter.noise })
}

impl Exporter<'_> {
    fn build(&mut self, before_conv: bool) {
        let shape = [1, 3, self.side, self.side];
        let image = self.graph.input("image", &shape);
        let image_noise = self.config.masking.noises_image().then(|| self.normal("image_noise", &shape));
        let features = [1, self.config.groups, self.length(), self.config.decoder.width];
        let feature_noise = self.config.masking.noises_features().then(|| self.normal("feature_noise", &features));
        let dealing = self.dealing();

        let clean = self.embed("patch_embed", &image, None, &dealing);
        let rows = match &image_noise {
            // Both pictures pass through the encoder as one batch, so that its weights are stored and read once.
            Some(noise) => {
                let noised = self.embed("noised.patch_embed", &image, Some(noise), &dealing);
                self.graph.concat("both", &[&clean, &noised], 0)
            }
            None => clean,
        };
        let (patches, class) = self.encode("encoder", &rows);
        let source = self.linear("decoder_embed", &patches, &self.model.decoder_embed);
        let normed = self.norm("decoder_embed_norm", &source, &self.model.decoder_embed_norm);
        let (d, e) = (self.config.encoder.width, self.config.decoder.width);
        let (visible, class, source, normed) = match &image_noise {
            Some(_) => (
                self.half("clean.normed", &normed, e, 0),
                class.map(|class| self.half("clean.class", &class, d, 0)),
                self.half("noised.source", &source, e, 1),
                self.half("noised.normed", &normed, e, 1),
            ),
            None => (normed.clone(), class, source, normed),
        };
        let masked = self.config.masking == Masking::Mask;
        let stand_ins = (!masked).then(|| self.stand_ins(&source, &normed, feature_noise.as_ref()));
        let head_tokens = class.map(|class| self.head_tokens(&class));
        let decoded = self.decode(&visible, stand_ins, head_tokens, &dealing);
        self.picture(&decoded, &dealing, before_conv);
    }

    /// The rows of the clean (0) or of the noised (1) pictures.
    fn half(&mut self, name: &str, rows: &Value, width: usize, which: i64) -> Value {
        let width = width as i64;
        let halves = self.graph.reshape(&format!("{name}.halves"), rows, &[2, -1, width]);
        let half = self.graph.slice(&format!("{name}.half"), &halves, 0, which, which + 1);
        self.graph.reshape(&format!("{name}.rows"), &half, &[-1, width])
    }

    /// The stand-ins of every group in the modes with noise, as rows without positions.
    fn stand_ins(&mut self, source: &Value, normed: &Value, noise: Option<&Value>) -> Value {
        let Some(noise) = noise else { return normed.clone() };
        let width = self.config.decoder.width;
        let share = schedule()[self.config.feature_noise_t];
        let signal = match self.config.feature_norm {
            FeatureNorm::Paper => self.scale("stand_ins.signal", normed, share.signal),
            FeatureNorm::Plain => {
                let (gain, bias) = (vec![share.signal; width], vec![0.0; width]);
                self.graph.layer_norm("stand_ins.signal", source, &gain, &bias, NORM_EPSILON as f32)
            }
        };
        let noise = self.scale("stand_ins.noise", noise, share.noise);
        let noise = self.graph.reshape("stand_ins.noise.rows", &noise, &[-1, width as i64]);
        self.graph.node("Add", "stand_ins", &[&signal, &noise], &[])
    }

    /// A head token for every group from the class tokens of the other groups, as rows.
    fn head_tokens(&mut self, class: &Value) -> Value {
        let (groups, width) = (self.config.groups, self.config.encoder.width);
        let class = self.graph.reshape("heads.class", class, &[-1, groups as i64, width as i64]);
        let seen = self.gather("heads.seen", &class, &others(groups));
        let seen = self.graph.reshape("heads.rows", &seen, &[-1, ((groups - 1) * width) as i64]);
        match &self.model.decoder_head_embed {
            Some(embed) => self.linear("heads", &seen, embed),
            // A network without this layer has no class tokens either.
            None => seen,
        }
    }
}
