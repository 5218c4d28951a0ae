//! Weights as safetensors, with the names and layouts of the published PyTorch class.
//!
//! For a `self` decoder, `load_state_dict(strict=True)` of that class takes the file as it is: linear layers are
//! [out, in], queries, keys and values are one layer, and what the class computes by itself (positions, noise schedule)
//! is there too. What only our networks have carries names in the same manner.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::Param;
use burn::nn::{LayerNorm, Linear};
use burn::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use super::block::{Attention, Mlp};
use super::config::Masking;
use super::noise::schedule;
use super::position::window;
use super::{Decoder, Error, Riae, RiaeConfig};
use crate::atomic;

/// Tensors that follow from the configuration; a file may have them, and they are not read.
const COMPUTED: [&str; 4] = ["pos_embed", "decoder_pos_embed", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod"];

/// Writes a network's weights, whole or not at all.
pub fn save(model: &Riae, path: &Path) -> Result<(), Error> {
    let mut file = Collected::default();
    walk(&mut model.clone(), &mut file)?;
    file.computed(model.config());
    let views = file.tensors.iter().map(|(name, (shape, bytes))| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        view.map(|view| (name, view))
    });
    let refuse =
        |error: safetensors::SafeTensorError| Error::StateDict { path: path.to_owned(), reason: error.to_string() };
    let views = views.collect::<Result<Vec<_>, _>>().map_err(refuse)?;
    let bytes = safetensors::serialize(views, None).map_err(refuse)?;
    atomic::write(path, &bytes).map_err(|source| Error::Write { path: path.to_owned(), source })
}

/// Reads a network's weights.
///
/// # Errors
/// The file cannot be read, lacks a tensor, has one too many, or one of another shape or type or with a NaN.
pub fn load(config: &RiaeConfig, path: &Path, device: &Device) -> Result<Riae, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let refuse = |reason: String| Error::StateDict { path: path.to_owned(), reason };
    let tensors =
        SafeTensors::deserialize(&bytes).map_err(|error| refuse(format!("not a safetensors file: {error}")))?;
    let mut file = Stored { tensors, path, read: Vec::new() };
    let mut model = config.init(device);
    walk(&mut model, &mut file)?;
    let known = |name: &str| COMPUTED.contains(&name) || file.read.iter().any(|read| read == name);
    match file.tensors.names().into_iter().find(|name| !known(name)) {
        Some(name) => Err(refuse(format!("this RIAE has no tensor '{name}'"))),
        None => Ok(model),
    }
}

/// One way through all tensors: it sees each as the file has it and says what it shall become.
trait Visit {
    fn tensor(&mut self, name: &str, shape: &[usize], current: Vec<f32>) -> Result<Vec<f32>, Error>;
}

/// Collects what is to be written.
#[derive(Default)]
struct Collected {
    tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)>,
}

impl Visit for Collected {
    fn tensor(&mut self, name: &str, shape: &[usize], current: Vec<f32>) -> Result<Vec<f32>, Error> {
        let bytes = current.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.tensors.insert(name.to_owned(), (shape.to_vec(), bytes));
        Ok(current)
    }
}

impl Collected {
    /// Adds what the published class keeps in its state though it is never learnt.
    fn computed(&mut self, config: &RiaeConfig) {
        let mut add = |name: &str, shape: &[usize], values: Vec<f32>| {
            let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            self.tensors.insert(name.to_owned(), (shape.to_vec(), bytes));
        };
        let rows = config.positions * config.positions + 1;
        for (name, width) in [("pos_embed", config.encoder.width), ("decoder_pos_embed", config.decoder.width)] {
            // The class token's position is zero.
            let table = [vec![0.0; width], window(config.positions, width, [0, 0])].concat();
            add(name, &[1, rows, width], table);
        }
        if config.masking != Masking::Mask {
            let schedule = schedule();
            add("sqrt_alphas_cumprod", &[schedule.len()], schedule.iter().map(|mix| mix.signal).collect());
            add("sqrt_one_minus_alphas_cumprod", &[schedule.len()], schedule.iter().map(|mix| mix.noise).collect());
        }
    }
}

/// A file that is being read.
struct Stored<'a> {
    tensors: SafeTensors<'a>,
    path: &'a Path,
    read: Vec<String>,
}

impl Visit for Stored<'_> {
    fn tensor(&mut self, name: &str, shape: &[usize], _: Vec<f32>) -> Result<Vec<f32>, Error> {
        let refuse = |reason: String| Error::StateDict { path: self.path.to_owned(), reason };
        let found = self.tensors.tensor(name).map_err(|_| refuse(format!("there is no tensor '{name}'")))?;
        if found.dtype() != Dtype::F32 || found.shape() != shape {
            let (dtype, found) = (found.dtype(), found.shape());
            return Err(refuse(format!("tensor '{name}': expected F32 {shape:?}, found {dtype:?} {found:?}")));
        }
        let bytes = found.data().chunks_exact(4);
        let values: Vec<f32> = bytes.map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect();
        if values.iter().any(|value| !value.is_finite()) {
            return Err(refuse(format!("tensor '{name}' holds a NaN or an infinity")));
        }
        self.read.push(name.to_owned());
        Ok(values)
    }
}

/// Visits every tensor of the file and gives the network what the visit returns.
fn walk(model: &mut Riae, visit: &mut impl Visit) -> Result<(), Error> {
    let config = model.config().clone();
    let (d, patch, taps) = (config.encoder.width, config.patch, config.encoder.taps.len());
    let encoder = &mut model.encoder;
    plain("cls_token", &mut encoder.cls_token, &[1, 1, d], visit)?;
    plain("proj_weights", &mut encoder.proj_weights, &[taps + 1, 1, 1, 1], visit)?;
    linear_as("patch_embed.proj", &mut encoder.patch_embed, &[d, 3, patch, patch], visit)?;
    for (number, block) in encoder.blocks.iter_mut().enumerate() {
        let name = format!("blocks.{number}");
        norm(&format!("{name}.norm1"), &mut block.norm1, visit)?;
        attention(&format!("{name}.attn"), &mut block.attn, visit)?;
        norm(&format!("{name}.norm2"), &mut block.norm2, visit)?;
        mlp(&format!("{name}.mlp"), &mut block.mlp, visit)?;
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

fn decoder(decoder: &mut Decoder, visit: &mut impl Visit) -> Result<(), Error> {
    match decoder {
        Decoder::SelfAttention(decoder) => {
            for (number, block) in decoder.blocks.iter_mut().enumerate() {
                let name = format!("decoder_blocks.{number}");
                norm(&format!("{name}.norm1"), &mut block.norm1, visit)?;
                attention(&format!("{name}.attn"), &mut block.attn, visit)?;
                norm(&format!("{name}.norm2"), &mut block.norm2, visit)?;
                mlp(&format!("{name}.mlp"), &mut block.mlp, visit)?;
            }
        }
        Decoder::CrossAttention(decoder) => {
            for (number, block) in decoder.blocks.iter_mut().enumerate() {
                let name = format!("decoder_blocks.{number}");
                norm(&format!("{name}.norm1"), &mut block.norm1, visit)?;
                attention(&format!("{name}.attn"), &mut block.attn, visit)?;
                if let Some(own) = &mut block.own {
                    norm(&format!("{name}.own.norm"), &mut own.norm, visit)?;
                    attention(&format!("{name}.own.attn"), &mut own.attn, visit)?;
                }
                norm(&format!("{name}.norm2"), &mut block.norm2, visit)?;
                mlp(&format!("{name}.mlp"), &mut block.mlp, visit)?;
            }
        }
    }
    Ok(())
}

/// The final convolution, always 3x3 in the file: a 1x1 one is its middle, none is the identity.
fn final_conv(model: &mut Riae, visit: &mut impl Visit) -> Result<(), Error> {
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

/// A parameter that the file has in our layout, under a shape of its own.
fn plain<const D: usize>(
    name: &str,
    param: &mut Param<Tensor<D>>,
    shape: &[usize],
    visit: &mut impl Visit,
) -> Result<(), Error> {
    let (dims, device) = (param.dims(), param.val().device());
    let new = visit.tensor(name, shape, values(param.val()))?;
    *param = Param::from_data(TensorData::new(new, dims), &device);
    Ok(())
}

fn norm(name: &str, layer: &mut LayerNorm, visit: &mut impl Visit) -> Result<(), Error> {
    let width = layer.gamma.dims()[0];
    plain(&format!("{name}.weight"), &mut layer.gamma, &[width], visit)?;
    match &mut layer.beta {
        Some(beta) => plain(&format!("{name}.bias"), beta, &[width], visit),
        None => Ok(()),
    }
}

fn linear(name: &str, layer: &mut Linear, visit: &mut impl Visit) -> Result<(), Error> {
    let [from, to] = layer.weight.dims();
    linear_as(name, layer, &[to, from], visit)
}

/// A linear layer whose weight, transposed to [out, in], the file has under some shape.
fn linear_as(name: &str, layer: &mut Linear, shape: &[usize], visit: &mut impl Visit) -> Result<(), Error> {
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
fn attention(name: &str, attn: &mut Attention, visit: &mut impl Visit) -> Result<(), Error> {
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

fn mlp(name: &str, mlp: &mut Mlp, visit: &mut impl Visit) -> Result<(), Error> {
    linear(&format!("{name}.fc1"), &mut mlp.fc1, visit)?;
    linear(&format!("{name}.fc2"), &mut mlp.fc2, visit)
}

/// A weight [from, to] out of values [to, from].
fn transposed(values: Vec<f32>, from: usize, to: usize, device: &Device) -> Param<Tensor<2>> {
    let turned = (0..from * to).map(|at| values[at % to * from + at / to]).collect();
    Param::from_data(TensorData::new::<f32, _>(turned, [from, to]), device)
}

/// A tensor's values in row-major order.
fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    // f32 is the only float type that this crate creates.
    tensor.inner().into_data().try_to_vec().unwrap_or_default()
}
