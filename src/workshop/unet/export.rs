//! A U-Net as an ONNX graph for pictures of any side: picture, noise and strength in, purified picture out.

use burn::nn::conv::Conv2d;

use super::network::{Block, CENTRE, Scale, Unet};
use crate::engine::contract::{Draw, Noise};
use crate::workshop::onnx::write::{Axis, Graph, Value, Window};
use crate::workshop::pictures::values;

/// The name of the input that the noise is given by.
const NOISE: &str = "noise";
/// The name of the input that the strength is given by.
pub const STRENGTH: &str = "strength";

/// Builds the graph, which takes pictures of any side that is a multiple of [`super::UnetConfig::stride`], or only
/// those of `side` pixels.
///
/// # Shapes
/// `image` [1, 3, height, width] in 0..1, `noise` of the same shape and variance 1, `strength` [1, 1, 1, 1] in 8-bit
/// levels -> `purified` [1, 3, height, width], clamped to 0..1
pub fn graph(model: &Unet, side: Option<usize>) -> Graph {
    let mut graph = Graph::new();
    let [height, width] = ["height", "width"].map(|name| side.map_or(Axis::Free(name), Axis::Length));
    let picture = [Axis::Length(1), Axis::Length(3), height, width];
    let image = graph.free_input("image", &picture);
    let noise = graph.free_input(NOISE, &picture);
    let strength = graph.input(STRENGTH, &[1, 1, 1, 1]);
    let level = graph.weight("level", &[1], &[1.0 / 255.0]);
    let strength = graph.node("Mul", "strength.share", &[&strength, &level], &[]);
    let noise = graph.node("Mul", "noise.scaled", &[&noise, &strength], &[]);
    let noised = graph.node("Add", "noised", &[&image, &noise], &[]);

    let told = values(model.told.val());
    let told = graph.weight("told.weight", &[1, told.len(), 1, 1], &told);
    let told = graph.node("Mul", "told", &[&told, &strength], &[]);
    let stem = stem(&mut graph, &noised, &model.stem);
    let mut x = graph.node("Add", "stem.told", &[&stem, &told], &[]);
    let mut skipped = Vec::new();
    for (i, (down, coarser)) in model.down.iter().zip(&model.coarser).enumerate() {
        x = scale(&mut graph, &format!("down.{i}"), x, down);
        skipped.push(x.clone());
        x = conv(&mut graph, &format!("coarser.{i}"), &x, coarser);
    }
    if let Some(deepest) = model.down.get(model.coarser.len()) {
        x = scale(&mut graph, &format!("down.{}", model.coarser.len()), x, deepest);
    }
    for (i, ((finer, up), skip)) in model.finer.iter().zip(&model.up).zip(&skipped).enumerate().rev() {
        let places = conv(&mut graph, &format!("finer.{i}"), &x, finer);
        let spread = graph.depth_to_space(&format!("finer.{i}.spread"), &places, 2);
        let joined = graph.node("Add", &format!("up.{i}.joined"), &[&spread, skip], &[]);
        x = scale(&mut graph, &format!("up.{i}"), joined, up);
    }
    let centred: Vec<f32> = bias(&model.head).iter().map(|bias| bias + CENTRE).collect();
    let places = conv_with(&mut graph, "head", &x, &model.head, &centred);
    let restored = graph.depth_to_space("restored", &places, model.config().patch);
    let purified = graph.clip("purified", &restored, 0.0, 1.0);
    graph.free_output(&purified, &picture);
    graph
}

/// The graph's random input for pictures of `side` pixels.
pub fn noise(side: usize) -> Noise {
    Noise { name: NOISE.to_owned(), shape: vec![1, 3, side, side], draw: Draw::Normal }
}

/// The stem with the centring of pixels folded into it. This is exact, because nothing is padded.
fn stem(graph: &mut Graph, noised: &Value, stem: &Conv2d) -> Value {
    let weight = values(stem.weight.val());
    let per_output = weight.len() / stem.weight.dims()[0];
    let centre = |filter: &[f32]| filter.iter().sum::<f32>() * CENTRE;
    let bias = bias(stem).into_iter().zip(weight.chunks_exact(per_output)).map(|(b, filter)| b - centre(filter));
    conv_with(graph, "stem", noised, stem, &bias.collect::<Vec<_>>())
}

fn scale(graph: &mut Graph, name: &str, x: Value, scale: &Scale) -> Value {
    let blocks = scale.blocks.iter().enumerate();
    blocks.fold(x, |x, (i, part)| block(graph, &format!("{name}.{i}"), &x, part))
}

fn block(graph: &mut Graph, name: &str, x: &Value, block: &Block) -> Value {
    let y = conv(graph, &format!("{name}.conv1"), x, &block.conv1);
    let y = graph.node("Relu", &format!("{name}.relu"), &[&y], &[]);
    let y = conv(graph, &format!("{name}.conv2"), &y, &block.conv2);
    graph.node("Add", name, &[x, &y], &[])
}

fn conv(graph: &mut Graph, name: &str, x: &Value, conv: &Conv2d) -> Value {
    conv_with(graph, name, x, conv, &bias(conv))
}

/// The convolution with another bias than its own.
fn conv_with(graph: &mut Graph, name: &str, x: &Value, conv: &Conv2d, bias: &[f32]) -> Value {
    let shape = conv.weight.dims();
    let stride = conv.stride[0];
    let padding = if stride == 1 { shape[2] / 2 } else { 0 };
    graph.conv(name, x, (&shape, &values(conv.weight.val())), bias, Window { stride, padding, groups: 1 })
}

fn bias(conv: &Conv2d) -> Vec<f32> {
    conv.bias.as_ref().map_or_else(|| vec![0.0; conv.weight.dims()[0]], |bias| values(bias.val()))
}
