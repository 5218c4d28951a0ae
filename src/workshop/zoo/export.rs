//! A classifier as an ONNX graph: normalisation folded into the stem, batch normalisation into the convolutions.
//!
//! The output of stage `i` has the name `stages.i`, so that a perceptual loss can refer to it.

use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Linear};

use super::Classifier;
use super::block::{Block, ConvNext, Inverted, NORM_EPSILON, Residual};
use crate::workshop::onnx::write::{Attribute, Graph, Value, Window};
use crate::workshop::pictures::{IMAGENET_MEAN, IMAGENET_STD, values};

/// The graph of `model`, which must be in evaluation mode and off the autodiff device.
///
/// # Shapes
/// `image` [1, 3, side, side], RGB in 0..1, side a multiple of [`super::STRIDE`] -> `logits` [1, classes]
pub fn graph(model: &Classifier, side: usize) -> Graph {
    let mut graph = Graph::new();
    let image = graph.input("image", &[1, 3, side, side]);
    let mut x = stem(&mut graph, &image, model);
    for (i, stage) in model.stages.iter().enumerate() {
        for (j, block) in stage.blocks.iter().enumerate() {
            let last = j + 1 == stage.blocks.len();
            let name = if last { format!("stages.{i}") } else { format!("stages.{i}.{j}") };
            x = add_block(&mut graph, &name, &x, block);
        }
    }
    let mean = graph.node("GlobalAveragePool", "mean", &[&x], &[]);
    let flat = graph.node("Flatten", "flat", &[&mean], &[("axis", Attribute::Int(1))]);
    let logits = linear(&mut graph, "logits", &flat, &model.head);
    graph.output(&logits, &[1, model.head.weight.dims()[1]]);
    graph
}

/// `(x - mean) / std`, the convolution and its batch normalisation as one convolution. This is exact, because nothing
/// is padded.
fn stem(graph: &mut Graph, image: &Value, model: &Classifier) -> Value {
    let (shape, mut weight, mut bias) = folded(&model.stem, Some(&model.stem_norm));
    let patch = shape[2] * shape[3];
    for (output, b) in bias.iter_mut().enumerate() {
        for channel in 0..3 {
            let start = (output * 3 + channel) * patch;
            for w in &mut weight[start..start + patch] {
                *w /= IMAGENET_STD[channel];
                *b -= *w * IMAGENET_MEAN[channel];
            }
        }
    }
    graph.conv("stem", image, (&shape, &weight), &bias, Window { stride: 4, padding: 0, groups: 1 })
}

fn add_block(graph: &mut Graph, name: &str, x: &Value, block: &Block) -> Value {
    match block {
        Block::Residual(block) => residual(graph, name, x, block),
        Block::Inverted(block) => inverted(graph, name, x, block),
        Block::ConvNext(block) => conv_next(graph, name, x, block),
    }
}

fn residual(graph: &mut Graph, name: &str, x: &Value, block: &Residual) -> Value {
    let y = conv(graph, &format!("{name}.conv1"), x, &block.conv1, Some(&block.norm1));
    let y = graph.node("Relu", &format!("{name}.relu"), &[&y], &[]);
    let y = conv(graph, &format!("{name}.conv2"), &y, &block.conv2, Some(&block.norm2));
    let shortcut = match &block.shortcut {
        Some(shortcut) => conv(graph, &format!("{name}.shortcut"), x, shortcut, None),
        None => x.clone(),
    };
    let sum = graph.node("Add", &format!("{name}.add"), &[&shortcut, &y], &[]);
    graph.node("Relu", name, &[&sum], &[])
}

fn inverted(graph: &mut Graph, name: &str, x: &Value, block: &Inverted) -> Value {
    let y = conv(graph, &format!("{name}.expand"), x, &block.expand, Some(&block.norm1));
    let y = silu(graph, &format!("{name}.silu1"), &y);
    let y = conv(graph, &format!("{name}.depthwise"), &y, &block.depthwise, Some(&block.norm2));
    let y = silu(graph, &format!("{name}.silu2"), &y);
    if block.shortcut {
        let y = conv(graph, &format!("{name}.project"), &y, &block.project, Some(&block.norm3));
        graph.node("Add", name, &[x, &y], &[])
    } else {
        conv(graph, name, &y, &block.project, Some(&block.norm3))
    }
}

fn conv_next(graph: &mut Graph, name: &str, x: &Value, block: &ConvNext) -> Value {
    let x = match &block.down {
        Some(down) => conv(graph, &format!("{name}.down"), x, down, None),
        None => x.clone(),
    };
    let y = conv(graph, &format!("{name}.depthwise"), &x, &block.depthwise, None);
    let y = graph.transpose(&format!("{name}.channels_last"), &y, &[0, 2, 3, 1]);
    let weight = values(block.norm.gamma.val());
    let bias = block.norm.beta.as_ref().map_or_else(|| vec![0.0; weight.len()], |beta| values(beta.val()));
    let y = graph.layer_norm(&format!("{name}.norm"), &y, &weight, &bias, NORM_EPSILON as f32);
    let y = linear(graph, &format!("{name}.expand"), &y, &block.expand);
    let y = graph.gelu(&format!("{name}.gelu"), &y);
    let y = linear(graph, &format!("{name}.project"), &y, &block.project);
    let y = graph.transpose(&format!("{name}.channels_first"), &y, &[0, 3, 1, 2]);
    graph.node("Add", name, &[&x, &y], &[])
}

fn silu(graph: &mut Graph, name: &str, x: &Value) -> Value {
    let gate = graph.node("Sigmoid", &format!("{name}.sigmoid"), &[x], &[]);
    graph.node("Mul", name, &[x, &gate], &[])
}

fn conv(graph: &mut Graph, name: &str, x: &Value, conv: &Conv2d, norm: Option<&BatchNorm>) -> Value {
    let (shape, weight, bias) = folded(conv, norm);
    // Every padded convolution of the zoo keeps the picture's size before its stride: half the kernel on each side.
    let padding = if conv.stride[0] == shape[2] { 0 } else { shape[2] / 2 };
    let window = Window { stride: conv.stride[0], padding, groups: conv.groups };
    graph.conv(name, x, (&shape, &weight), &bias, window)
}

fn linear(graph: &mut Graph, name: &str, x: &Value, linear: &Linear) -> Value {
    let [from, to] = linear.weight.dims();
    let bias = linear.bias.as_ref().map_or_else(|| vec![0.0; to], |bias| values(bias.val()));
    graph.linear(name, x, (&[from, to], &values(linear.weight.val())), &bias)
}

/// Shape, weight and bias of a convolution with the batch normalisation after it (its running statistics) folded in.
fn folded(conv: &Conv2d, norm: Option<&BatchNorm>) -> ([usize; 4], Vec<f32>, Vec<f32>) {
    let shape = conv.weight.dims();
    let mut weight = values(conv.weight.val());
    let Some(norm) = norm else {
        return (shape, weight, vec![0.0; shape[0]]);
    };
    let (gamma, beta) = (values(norm.gamma.val()), values(norm.beta.val()));
    let (mean, variance) = (values(norm.running_mean.value_sync()), values(norm.running_var.value_sync()));
    let mut bias = Vec::with_capacity(shape[0]);
    for (output, filter) in weight.chunks_exact_mut(shape[1] * shape[2] * shape[3]).enumerate() {
        let scale = f64::from(gamma[output]) / (f64::from(variance[output]) + norm.epsilon).sqrt();
        filter.iter_mut().for_each(|w| *w = (f64::from(*w) * scale) as f32);
        bias.push((f64::from(beta[output]) - f64::from(mean[output]) * scale) as f32);
    }
    (shape, weight, bias)
}
