//! Matrix products, sums along axes, and the normalisations.

use burn::prelude::*;
use burn::tensor::activation;

use super::host;
use super::operator::Reduction;
use super::value::{Floats, with_pair, with_tensor};
use crate::workshop::fused;

/// The scale and shift of each channel that an inference-time batch normalisation amounts to.
///
/// `parameters` are scale, bias, mean and variance, each of one number a channel.
pub fn batch_normalization(parameters: [Floats; 4], epsilon: f32) -> Result<(Tensor<1>, Tensor<1>), String> {
    let [scale, bias, mean, variance] = parameters;
    let (scale, bias) = (scale.into_rank1()?, bias.into_rank1()?);
    let (mean, variance) = (mean.into_rank1()?, variance.into_rank1()?);
    if [bias.dims(), mean.dims(), variance.dims()].iter().any(|dims| *dims != scale.dims()) {
        return Err("scale, bias, mean and variance differ in length".to_owned());
    }
    let scale = scale / (variance + epsilon).sqrt();
    let shift = bias - mean * scale.clone();
    Ok((scale, shift))
}

/// `floats * scale + shift`, a channel (axis 1) at a time.
pub fn scale_and_shift(floats: Floats, scale: Tensor<1>, shift: Tensor<1>) -> Result<Floats, String> {
    let shape = floats.shape();
    let channels = *shape.get(1).ok_or("a normalisation of a tensor without channels")?;
    if scale.dims() != [channels] {
        return Err(format!("{} scales for {channels} channels", scale.dims()[0]));
    }
    let mut wide = vec![1; shape.len()];
    wide[1] = channels;
    let (scale, shift) = (Floats::from(scale).reshape(&wide)?, Floats::from(shift).reshape(&wide)?);
    let scaled = with_pair!(floats, scale, (a, b) => a * b);
    Ok(with_pair!(scaled, shift, (a, b) => a + b))
}

/// `alpha * a b + beta * addend`.
pub fn gemm(a: Tensor<2>, b: Tensor<2>, addend: Option<Floats>, alpha: f32, beta: f32) -> Result<Tensor<2>, String> {
    if a.dims()[1] != b.dims()[0] {
        return Err(format!("a product of {:?} and {:?}", a.dims(), b.dims()));
    }
    let product = a.matmul(b);
    let product = if alpha == 1.0 { product } else { product * alpha };
    let Some(addend) = addend else { return Ok(product) };
    let (product, addend) = Floats::broadcastable(product.into(), addend)?;
    let (product, addend) = (product.into_rank2()?, addend.into_rank2()?);
    Ok(product + if beta == 1.0 { addend } else { addend * beta })
}

/// A matrix product, batched and broadcast over the leading axes.
pub fn matmul(a: Floats, b: Floats) -> Result<Floats, String> {
    let (left, right) = (a.shape(), b.shape());
    if left.len() < 2 || right.len() < 2 || left[left.len() - 1] != right[right.len() - 2] {
        return Err(format!("a product of {left:?} and {right:?}"));
    }
    if right.len() == 2 && left.len() > 2 {
        // One large product is faster than one a batch element.
        let inner = right[0];
        let rows = left[..left.len() - 1].iter().product::<usize>();
        let product = a.reshape(&[rows, inner])?.into_rank2()?.matmul(b.into_rank2()?);
        let mut shape = left;
        if let Some(last) = shape.last_mut() {
            *last = right[1];
        }
        return Floats::from(product).reshape(&shape);
    }
    let rank = left.len().max(right.len());
    host::broadcast(&left[..left.len() - 2], &right[..right.len() - 2])?;
    let lead = |shape: &[usize]| [vec![1; rank - shape.len()], shape.to_vec()].concat();
    let (a, b) = (a.reshape(&lead(&left))?, b.reshape(&lead(&right))?);
    Ok(with_pair!(a, b, (a, b) => a.matmul(b)))
}

/// A sum, mean or extremum along axes (all of them if none are named).
pub fn reduce(floats: Floats, kind: Reduction, axes: Option<Vec<i64>>, keep: bool) -> Result<Floats, String> {
    let shape = floats.shape();
    let axes = match axes {
        Some(axes) if !axes.is_empty() => host::axes(&axes, shape.len())?,
        _ => (0..shape.len()).collect(),
    };
    let reduced: Floats = with_tensor!(floats, tensor => {
        let mut tensor = tensor;
        for &axis in &axes {
            tensor = match kind {
                Reduction::Mean => tensor.mean_dim(axis),
                Reduction::Sum => tensor.sum_dim(axis),
                Reduction::Max => tensor.max_dim(axis),
                Reduction::Min => tensor.min_dim(axis),
            };
        }
        tensor.into()
    });
    if keep {
        return Ok(reduced);
    }
    let kept: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis]).collect();
    reduced.reshape(&kept)
}

/// A soft-max or its logarithm; `flatten` is the old rule that all from the axis on is one distribution.
pub fn softmax(floats: Floats, axis: i64, log: bool, flatten: bool) -> Result<Floats, String> {
    let shape = floats.shape();
    let axis = host::axis(axis, shape.len())?;
    let run = |floats: Floats, axis: usize| -> Floats {
        with_tensor!(floats, tensor => if log { activation::log_softmax(tensor, axis) } else { activation::softmax(tensor, axis) }.into())
    };
    if !flatten {
        return Ok(run(floats, axis));
    }
    let (rows, columns) = (shape[..axis].iter().product::<usize>(), shape[axis..].iter().product::<usize>());
    run(floats.reshape(&[rows, columns])?, 1).reshape(&shape)
}

/// `(x - mean) / sqrt(variance + epsilon) * scale + bias` over all axes from `axis` on.
pub fn layer_normalization(
    floats: Floats,
    scale: Floats,
    bias: Option<Floats>,
    axis: i64,
    epsilon: f32,
) -> Result<Floats, String> {
    let shape = floats.shape();
    let axis = host::axis(axis, shape.len())?;
    let inner = shape[axis..].iter().product::<usize>();
    let scale = scale.reshape(&[inner])?.into_rank1()?;
    let bias = bias.map(|bias| bias.reshape(&[inner])?.into_rank1()).transpose()?;
    let bias = bias.unwrap_or_else(|| scale.zeros_like());
    if axis + 1 == shape.len() {
        return Ok(with_tensor!(floats, tensor => fused::normalise(tensor, scale, bias, epsilon).into()));
    }
    let outer = shape[..axis].iter().product::<usize>();
    let rows = floats.reshape(&[outer, inner])?.into_rank2()?;
    Floats::from(fused::normalise(rows, scale, bias, epsilon)).reshape(&shape)
}
