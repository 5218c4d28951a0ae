//! Weights as safetensors, with the names and layouts of the published PyTorch class.
//!
//! For a `self` decoder, `load_state_dict(strict=True)` of that class takes the file as it is: linear layers are
//! [out, in], queries, keys and values are one layer, and what the class computes by itself (positions, noise schedule)
//! is there too. The tensors that only our networks have are named in the same way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use burn::module::Param;
use burn::nn::{LayerNorm, Linear};
use burn::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::block::{Attention, Block, Mlp};
use super::config::{Masking, RiaeConfig};
use super::decoder_cross::CrossBlock;
use super::network::{Decoder, Riae};
use super::position::window;
use super::schedule::schedule;
use crate::atomic;
use crate::workshop::pictures::values;

/// Tensors that follow from the configuration. A file may have them; they are not read.
const COMPUTED: [&str; 4] = ["pos_embed", "decoder_pos_embed", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod"];

/// Why weights cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The safetensors file.
        path: PathBuf,
        /// What the operating system reports.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The safetensors file.
        path: PathBuf,
        /// What the operating system reports.
        source: std::io::Error,
    },
    /// The weights cannot be put into the format.
    #[error("{}: cannot be made a safetensors file: {source}", path.display())]
    Serialize {
        /// The safetensors file.
        path: PathBuf,
        /// What the format's library reports.
        source: safetensors::SafeTensorError,
    },
    /// The file has another format.
    #[error("{}: not a safetensors file: {source}", path.display())]
    Format {
        /// The safetensors file.
        path: PathBuf,
        /// What the format's library reports.
        source: safetensors::SafeTensorError,
    },
    /// The file holds the weights of another network, or unusable ones.
    #[error("{}: {source}", path.display())]
    Tensor {
        /// The safetensors file.
        path: PathBuf,
        /// What is wrong with which tensor.
        source: TensorError,
    },
}

/// Why a tensor of a file does not fit a network.
#[derive(Debug, thiserror::Error)]
pub enum TensorError {
    /// The network needs a tensor that the file lacks.
    #[error("there is no tensor '{name}'")]
    Missing {
        /// Its name in the file.
        name: String,
    },
    /// The file has a tensor that the network lacks.
    #[error("this RIAE has no tensor '{name}'")]
    Unknown {
        /// Its name in the file.
        name: String,
    },
    /// The tensor has another type or shape.
    #[error("tensor '{name}': expected F32 {expected:?}, found {dtype:?} {found:?}")]
    Shape {
        /// Its name in the file.
        name: String,
        /// The shape that the network needs.
        expected: Vec<usize>,
        /// The type in the file.
        dtype: Dtype,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// Not all values are numbers.
    #[error("tensor '{name}' holds a NaN or an infinity")]
    NotFinite {
        /// Its name in the file.
        name: String,
    },
}

/// Writes a network's weights, whole or not at all.
///
/// # Errors
/// The file cannot be written.
pub fn save(model: &Riae, path: &Path) -> Result<(), Error> {
    let mut file = Collected::default();
    walk(&mut model.clone(), &mut file).map_err(|source| Error::Tensor { path: path.to_owned(), source })?;
    file.computed(model.config());
    let views = file.tensors.iter().map(|(name, (shape, bytes))| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        view.map(|view| (name, view))
    });
    let refuse = |source| Error::Serialize { path: path.to_owned(), source };
    let views = views.collect::<Result<Vec<_>, _>>().map_err(refuse)?;
    let bytes = safetensors::serialize(views, None).map_err(refuse)?;
    atomic::write(path, &bytes).map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// Reads the weights of a network of this configuration.
///
/// # Errors
/// The file cannot be read, lacks a tensor, has one too many, or has one with another shape or type or with a NaN.
pub fn load(config: &RiaeConfig, path: &Path, device: &Device) -> Result<Riae, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|source| Error::Format { path: path.to_owned(), source })?;
    let mut file = Stored { tensors, read: BTreeSet::new() };
    let mut model = config.init(device);
    let filled = walk(&mut model, &mut file).and_then(|()| file.check_all_read());
    filled.map_err(|source| Error::Tensor { path: path.to_owned(), source })?;
    Ok(model)
}

/// A visitor of all tensors in the file's layout. It gets each one's current values and returns its new ones.
trait Visit {
    fn tensor(&mut self, name: &str, shape: &[usize], current: Vec<f32>) -> Result<Vec<f32>, TensorError>;
}

/// Collects the tensors to write: name to shape and little-endian bytes.
#[derive(Default)]
struct Collected {
    tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)>,
}

impl Visit for Collected {
    fn tensor(&mut self, name: &str, shape: &[usize], current: Vec<f32>) -> Result<Vec<f32>, TensorError> {
        self.add(name, shape, &current);
        Ok(current)
    }
}

impl Collected {
    fn add(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensors.insert(name.to_owned(), (shape.to_vec(), bytes));
    }

    /// Adds what the published class keeps in its state although it is never learnt.
    fn computed(&mut self, config: &RiaeConfig) {
        let rows = config.positions * config.positions + 1;
        for (name, width) in [("pos_embed", config.encoder.width), ("decoder_pos_embed", config.decoder.width)] {
            // The class token's position is zero.
            let table = [vec![0.0; width], window(config.positions, width, [0, 0])].concat();
            self.add(name, &[1, rows, width], &table);
        }
        if config.masking != Masking::Mask {
            let (signal, noise): (Vec<_>, Vec<_>) =
                schedule().into_iter().map(|level| (level.signal, level.noise)).unzip();
            self.add("sqrt_alphas_cumprod", &[signal.len()], &signal);
            self.add("sqrt_one_minus_alphas_cumprod", &[noise.len()], &noise);
        }
    }
}

/// A file that is being read.
struct Stored<'a> {
    tensors: SafeTensors<'a>,
    read: BTreeSet<String>,
}

impl Stored<'_> {
    /// Refuses a file with a tensor that has not been read and does not follow from the configuration.
    fn check_all_read(&self) -> Result<(), TensorError> {
        let known = |name: &str| COMPUTED.contains(&name) || self.read.contains(name);
        match self.tensors.names().into_iter().find(|name| !known(name)) {
            Some(name) => Err(TensorError::Unknown { name: name.to_owned() }),
            None => Ok(()),
        }
    }
}

impl Visit for Stored<'_> {
    fn tensor(&mut self, name: &str, shape: &[usize], _: Vec<f32>) -> Result<Vec<f32>, TensorError> {
        // By name, an absent tensor is the only failure.
        let found = self.tensors.tensor(name).map_err(|_| TensorError::Missing { name: name.to_owned() })?;
        if found.dtype() != Dtype::F32 || found.shape() != shape {
            let (dtype, found) = (found.dtype(), found.shape().to_vec());
            return Err(TensorError::Shape { name: name.to_owned(), expected: shape.to_vec(), dtype, found });
        }
        let bytes = found.data().chunks_exact(4);
        let values: Vec<f32> = bytes.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(TensorError::NotFinite { name: name.to_owned() });
        }
        self.read.insert(name.to_owned());
        Ok(values)
    }
}

/// Visits every tensor of the file and gives the network what the visitor returns.
fn walk(model: &mut Riae, visit: &mut impl Visit) -> Result<(), TensorError> {
    let config = model.config().clone();
    let (d, patch, taps) = (config.encoder.width, config.patch, config.encoder.taps.len());
    let encoder = &mut model.encoder;
    plain("cls_token", &mut encoder.cls_token, &[1, 1, d], visit)?;
    plain("proj_weights", &mut encoder.proj_weights, &[taps + 1, 1, 1, 1], visit)?;
    linear_as("patch_embed.proj", &mut encoder.patch_embed, &[d, 3, patch, patch], visit)?;
    for (number, layers) in encoder.blocks.iter_mut().enumerate() {
        block(&format!("blocks.{number}"), layers, visit)?;
    }
    norm("norm", &mut encoder.norm, visit)?;
    for (number, layer) in encoder.proj_layers.iter_mut().enumerate() {
        linear(&format!("proj_layers.{number}"), layer, visit)?;
    }
    plain("mask_token", &mut model.mask_token, &[1, 1, config.decoder.width], visit)?;
    if let Some(embed) = &mut model.decoder_head_embed {
        linear("decoder_head_embed", embed, visit)?;
    }
    linear("decoder_embed", &mut model.decoder_embed, visit)?;
    norm("decoder_embed_norm", &mut model.decoder_embed_norm, visit)?;
    decoder(&mut model.decoder, visit)?;
    norm("decoder_norm", &mut model.decoder_norm, visit)?;
    linear("decoder_pred", &mut model.decoder_pred, visit)?;
    final_conv(model, visit)
}

fn decoder(decoder: &mut Decoder, visit: &mut impl Visit) -> Result<(), TensorError> {
    match decoder {
        Decoder::SelfAttention(decoder) => {
            for (number, layers) in decoder.blocks.iter_mut().enumerate() {
                block(&format!("decoder_blocks.{number}"), layers, visit)?;
            }
        }
        Decoder::CrossAttention(decoder) => {
            for (number, layers) in decoder.blocks.iter_mut().enumerate() {
                cross_block(&format!("decoder_blocks.{number}"), layers, visit)?;
            }
        }
    }
    Ok(())
}

fn block(name: &str, block: &mut Block, visit: &mut impl Visit) -> Result<(), TensorError> {
    norm(&format!("{name}.norm1"), &mut block.norm1, visit)?;
    attention(&format!("{name}.attn"), &mut block.attn, visit)?;
    norm(&format!("{name}.norm2"), &mut block.norm2, visit)?;
    mlp(&format!("{name}.mlp"), &mut block.mlp, visit)
}

fn cross_block(name: &str, block: &mut CrossBlock, visit: &mut impl Visit) -> Result<(), TensorError> {
    norm(&format!("{name}.norm1"), &mut block.norm1, visit)?;
    attention(&format!("{name}.attn"), &mut block.attn, visit)?;
    if let Some(own) = &mut block.own {
        norm(&format!("{name}.own.norm"), &mut own.norm, visit)?;
        attention(&format!("{name}.own.attn"), &mut own.attn, visit)?;
    }
    norm(&format!("{name}.norm2"), &mut block.norm2, visit)?;
    mlp(&format!("{name}.mlp"), &mut block.mlp, visit)
}

/// The final convolution, always 3x3 in the file: 1x1 becomes its middle, and no convolution becomes the identity.
fn final_conv(model: &mut Riae, visit: &mut impl Visit) -> Result<(), TensorError> {
    let device = model.device();
    let mut kernel = vec![0.0; 81];
    let mut bias = vec![0.0; 3];
    match &model.final_conv {
        Some(conv) => {
            let own = values(conv.weight.val());
            let taps = own.len() / 9;
            for (at, value) in own.iter().enumerate() {
                kernel[if taps == 9 { at } else { at * 9 + 4 }] = *value;
            }
            bias = conv.bias.as_ref().map_or(bias, |bias| values(bias.val()));
        }
        None => (0..3).for_each(|channel| kernel[channel * 36 + 4] = 1.0),
    }
    let kernel = visit.tensor("decoder_rb1.weight", &[3, 3, 3, 3], kernel)?;
    let bias = visit.tensor("decoder_rb1.bias", &[3], bias)?;
    if let Some(conv) = &mut model.final_conv {
        let side = conv.weight.dims()[2];
        let kernel = if side == 3 { kernel } else { kernel.chunks_exact(9).map(|taps| taps[4]).collect() };
        conv.weight = Param::from_data(TensorData::new(kernel, [3, 3, side, side]), &device);
        conv.bias = Some(Param::from_data(TensorData::new(bias, [3]), &device));
    }
    Ok(())
}

/// A parameter whose values have the same order in the file, possibly under another shape.
fn plain<const D: usize>(
    name: &str,
    param: &mut Param<Tensor<D>>,
    shape: &[usize],
    visit: &mut impl Visit,
) -> Result<(), TensorError> {
    let (dims, device) = (param.dims(), param.val().device());
    let new = visit.tensor(name, shape, values(param.val()))?;
    *param = Param::from_data(TensorData::new(new, dims), &device);
    Ok(())
}

fn norm(name: &str, layer: &mut LayerNorm, visit: &mut impl Visit) -> Result<(), TensorError> {
    let width = layer.gamma.dims()[0];
    plain(&format!("{name}.weight"), &mut layer.gamma, &[width], visit)?;
    match &mut layer.beta {
        Some(beta) => plain(&format!("{name}.bias"), beta, &[width], visit),
        None => Ok(()),
    }
}

fn linear(name: &str, layer: &mut Linear, visit: &mut impl Visit) -> Result<(), TensorError> {
    let [from, to] = layer.weight.dims();
    linear_as(name, layer, &[to, from], visit)
}

/// A linear layer. The file has its weight transposed to [out, in], under the given shape.
fn linear_as(name: &str, layer: &mut Linear, shape: &[usize], visit: &mut impl Visit) -> Result<(), TensorError> {
    let ([from, to], device) = (layer.weight.dims(), layer.weight.val().device());
    let current = values(layer.weight.val().transpose());
    let new = visit.tensor(&format!("{name}.weight"), shape, current)?;
    layer.weight = transposed(new, from, to, &device);
    match &mut layer.bias {
        Some(bias) => plain(&format!("{name}.bias"), bias, &[to], visit),
        None => Ok(()),
    }
}

/// Queries, keys and values as one layer `qkv`, and the projection.
fn attention(name: &str, attn: &mut Attention, visit: &mut impl Visit) -> Result<(), TensorError> {
    let [width, _] = attn.query.weight.dims();
    let device = attn.query.weight.val().device();
    let thirds = [&mut attn.query, &mut attn.key, &mut attn.value];
    let weights = thirds.iter().flat_map(|layer| values(layer.weight.val().transpose())).collect();
    let biases = thirds.iter().filter_map(|layer| layer.bias.as_ref()).flat_map(|bias| values(bias.val())).collect();
    let weights = visit.tensor(&format!("{name}.qkv.weight"), &[3 * width, width], weights)?;
    let biases = visit.tensor(&format!("{name}.qkv.bias"), &[3 * width], biases)?;
    let new = weights.chunks_exact(width * width).zip(biases.chunks_exact(width));
    for (layer, (weight, bias)) in thirds.into_iter().zip(new) {
        layer.weight = transposed(weight.to_vec(), width, width, &device);
        layer.bias = Some(Param::from_data(TensorData::new(bias.to_vec(), [width]), &device));
    }
    linear(&format!("{name}.proj"), &mut attn.proj, visit)
}

fn mlp(name: &str, mlp: &mut Mlp, visit: &mut impl Visit) -> Result<(), TensorError> {
    linear(&format!("{name}.fc1"), &mut mlp.fc1, visit)?;
    linear(&format!("{name}.fc2"), &mut mlp.fc2, visit)
}

/// A weight [from, to] from values [to, from].
fn transposed(values: Vec<f32>, from: usize, to: usize, device: &Device) -> Param<Tensor<2>> {
    let turned = (0..from * to).map(|at| values[at % to * from + at / to]).collect();
    Param::from_data(TensorData::new::<f32, _>(turned, [from, to]), device)
}
