//! The nodes of a graph that a convolution of ours can stand for.

use tract_core::internal::*;
use tract_core::ops::cnn::KernelFormat;
use tract_core::ops::cnn::conv::Conv;
use tract_core::ops::einsum::EinSum;
use tract_core::ops::nn::DataFormat;

use super::{Replacement, constant, known_shape, next, uniform, with_constant};
use crate::engine::kernel::bounds::Bounds;
use crate::engine::kernel::convolution::{Convolution, Method};
use crate::engine::kernel::dense::Dense;
use crate::engine::kernel::depthwise::{Depthwise, MOST_TAPS};
use crate::engine::kernel::operator::Operator;
use crate::engine::kernel::simd::Simd;
use crate::engine::kernel::window::Window;
use crate::engine::kernel::winograd::Winograd;

/// The least channels for which transforming tiles is worth its time.
const LEAST_INPUTS: usize = 8;
/// The least places for which it is worth it that the transformed filters have 16 numbers instead of 9: with fewer
/// places, reading the filters takes longer than the products.
const LEAST_PLACES: usize = 128;

/// A convolution of one picture with constant filters, with the bias and the limits that follow it.
pub fn find(model: &TypedModel, id: usize, simd: Simd) -> TractResult<Option<Replacement>> {
    let Some(mut found) = Found::new(model, id)? else { return Ok(None) };
    found.follow(model)?;
    Ok(found.replacement(simd))
}

/// A convolution, and what follows it.
struct Found {
    input: OutletId,
    /// The node whose output is that of the convolution.
    last: usize,
    /// Of the output: any number of ones, the channels, the places.
    shape: TVec<usize>,
    /// Where the channels are in it.
    axis: usize,
    window: Window,
    inputs: usize,
    /// One filter for each channel, instead of one for each pair of channels.
    depthwise: bool,
    filters: Arc<Tensor>,
    bias: Vec<f32>,
    bounds: Bounds,
}

impl Found {
    /// What a node computes, if it is a convolution that we can compute.
    fn new(model: &TypedModel, id: usize) -> TractResult<Option<Self>> {
        let node = model.node(id);
        if let Some(conv) = node.op_as::<Conv>() {
            Self::of_conv(model, node, conv)
        } else if let Some(product) = node.op_as::<EinSum>() {
            Self::of_product(model, node, product)
        } else {
            Ok(None)
        }
    }

    fn of_conv(model: &TypedModel, node: &TypedNode, conv: &Conv) -> TractResult<Option<Self>> {
        let pool = &conv.pool_spec;
        let axis = match pool.data_format {
            DataFormat::NCHW => 1,
            DataFormat::CHW => 0,
            _ => return Ok(None),
        };
        let facts = model.node_input_facts(node.id)?;
        let (Some(from), Some(shape), Some(filters), Some(bias)) = (
            picture(facts[0], axis),
            picture(&node.outputs[0].fact, axis),
            constant(facts.get(1).copied()),
            constant(facts.get(2).copied()),
        ) else {
            return Ok(None);
        };
        let known = pool.rank() == 2
            && conv.kernel_fmt == KernelFormat::OIHW
            && conv.q_params.is_none()
            && pool.dilations().iter().all(|dilation| *dilation == 1);
        let (inputs, outputs) = (pool.input_channels, pool.output_channels);
        let depthwise = conv.group > 1 && conv.group == inputs && conv.group == outputs;
        if !known || (conv.group != 1 && !depthwise) {
            return Ok(None);
        }
        let bias = match bias.try_as_plain_ram()?.as_slice::<f32>()? {
            [one] => vec![*one; outputs],
            all if all.len() == outputs => all.to_vec(),
            _ => return Ok(None),
        };
        let padding = pool.computed_padding(&from[axis + 1..]);
        let window = Window {
            kernel: [pool.kernel_shape[0], pool.kernel_shape[1]],
            stride: [pool.stride(0), pool.stride(1)],
            before: [padding[0].pad_before, padding[1].pad_before],
            from: [from[axis + 1], from[axis + 2]],
            to: [shape[axis + 1], shape[axis + 2]],
        };
        let (input, last, bounds) = (node.inputs[0], node.id, Bounds::NONE);
        Ok(Some(Self { input, last, shape, axis, window, inputs, depthwise, filters, bias, bounds }))
    }

    /// A product of the channels with a constant matrix [outputs, inputs], place by place: a convolution of 1x1.
    fn of_product(model: &TypedModel, node: &TypedNode, product: &EinSum) -> TractResult<Option<Self>> {
        let facts = model.node_input_facts(node.id)?;
        let (2, None) = (facts.len(), product.q_params) else { return Ok(None) };
        let Some(filters) = constant(facts.get(1).copied()).filter(|filters| filters.rank() == 2) else {
            return Ok(None);
        };
        let made = product.axes.axis((InOut::In(1), 0))?;
        let ([axis], []) = (made.outputs[0].as_slice(), made.inputs[0].as_slice()) else { return Ok(None) };
        let (Some(from), Some(shape)) = (picture(facts[0], *axis), picture(&node.outputs[0].fact, *axis)) else {
            return Ok(None);
        };
        for place in 0..from.len() {
            let found = product.axes.axis((InOut::In(0), place))?;
            let (weight, output): (&[usize], &[usize]) = if place == *axis { (&[1], &[]) } else { (&[], &[place]) };
            if found.inputs[1].as_slice() != weight || found.outputs[0].as_slice() != output {
                return Ok(None);
            }
        }
        let (outputs, inputs) = (filters.shape()[0], filters.shape()[1]);
        let places = [1, shape[axis + 1..].iter().product()];
        let window = Window { kernel: [1, 1], stride: [1, 1], before: [0, 0], from: places, to: places };
        let (input, last, axis) = (node.inputs[0], node.id, *axis);
        let (bias, bounds) = (vec![0.0; outputs], Bounds::NONE);
        Ok(Some(Self { input, last, shape, axis, window, inputs, depthwise: false, filters, bias, bounds }))
    }

    /// Takes in the constants that are added, and the limits that are set, one after the other.
    fn follow(&mut self, model: &TypedModel) -> TractResult<()> {
        while let Some(node) = next(model, self.last)? {
            let Some((op, constant)) = with_constant(model, node, self.last)? else { return Ok(()) };
            let Bounds { least, most } = self.bounds;
            match (op, uniform(&constant)) {
                ("Max", Some(number)) => self.bounds = Bounds { least: least.max(number), most: most.max(number) },
                ("Min", Some(number)) => self.bounds = Bounds { least: least.min(number), most: most.min(number) },
                ("Add", _) if self.bounds == Bounds::NONE => {
                    let added = constant.try_as_plain_ram()?.as_slice::<f32>()?;
                    let one_each = constant.shape().get(self.axis) == Some(&self.bias.len());
                    match added {
                        [one] => self.bias.iter_mut().for_each(|bias| *bias += one),
                        all if one_each && all.len() == self.bias.len() => {
                            self.bias.iter_mut().zip(all).for_each(|(bias, added)| *bias += added);
                        }
                        _ => return Ok(()),
                    }
                }
                _ => return Ok(()),
            }
            self.last = node.id;
        }
        Ok(())
    }

    fn replacement(self, simd: Simd) -> Option<Replacement> {
        let Self { window, bounds, .. } = self;
        let numbers = self.filters.try_as_plain_ram().ok()?;
        let (filters, bias) = (numbers.as_slice::<f32>().ok()?, &self.bias);
        let method = if self.depthwise {
            if window.kernel[0] * window.kernel[1] > MOST_TAPS {
                return None;
            }
            Method::Depthwise(Depthwise { window, filters: filters.to_vec(), bias: bias.clone(), bounds })
        } else if window.kernel == [3, 3]
            && window.stride == [1, 1]
            && window.before == [1, 1]
            && window.to == window.from
            && self.inputs >= LEAST_INPUTS
            && window.places() >= LEAST_PLACES
        {
            Method::Winograd(Winograd::new(window.from, filters, bias, bounds))
        } else if simd.has_fast_products() {
            Method::Dense(Dense::new(window, filters, bias, bounds))
        } else {
            return None;
        };
        let convolution = Convolution { method, outputs: bias.len() };
        let operator = Box::new(Operator::new(convolution, simd, self.shape));
        Some(Replacement { inputs: tvec!(self.input), operator, last: self.last })
    }
}

/// The shape of one f32 picture whose channels are axis `axis`: only ones stand before it.
fn picture(fact: &TypedFact, axis: usize) -> Option<TVec<usize>> {
    let shape = known_shape(fact)?;
    (shape.len() > axis && shape[..axis].iter().all(|count| *count == 1)).then(|| shape.into())
}
