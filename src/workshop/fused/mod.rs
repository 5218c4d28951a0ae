//! Attention, normalisation, GELU and limits as single differentiable operators on the CPU.
//!
//! burn's CPU back end computes these, and above all their gradients, as chains of elementwise operators on one core
//! and through memory. Fused, a training step of a small RIAE takes half the time. Other devices, types of numbers and
//! gradient checkpointing use burn's own operators.

mod attention;
mod kernel;
mod math;
mod pointwise;

use std::sync::Arc;

use burn::nn::LayerNorm;
use burn::prelude::*;
use burn::tensor::{activation, module};

use attention::Attention;
use kernel::Fusible;
use pointwise::{Clamp, Gelu, Norm};

/// Which keys the queries of a group may see.
#[derive(Clone, Debug)]
pub struct Seen {
    groups: usize,
    rows: Option<Arc<Vec<usize>>>,
}

impl Seen {
    /// One group that sees everything.
    pub fn all() -> Self {
        Self { groups: 1, rows: None }
    }

    /// For each group in turn, the rows of the keys that it sees; all groups see equally many.
    pub fn rows(groups: usize, rows: Vec<usize>) -> Self {
        Self { groups, rows: Some(Arc::new(rows)) }
    }
}

/// Scaled dot-product attention (Vaswani et al. 2017, section 3.2) in `heads` heads. Each group of queries attends to
/// the keys that it may see. `width` must be a multiple of `heads`, and the groups must be equally large.
///
/// # Shapes
/// query [batch, groups * queries, width], key and value [batch, keys, width] -> [batch, groups * queries, width]
pub fn attention(query: Tensor<3>, key: Tensor<3>, value: Tensor<3>, heads: usize, seen: &Seen) -> Tensor<3> {
    let shape = query.dims();
    let [_, queries, width] = shape;
    let keys = key.dims()[1];
    match Fusible::new([&query, &key, &value]) {
        Some(fusible) => {
            let kernel = Attention {
                groups: seen.groups,
                queries: queries / seen.groups,
                keys,
                width,
                heads,
                rows: seen.rows.clone(),
            };
            fusible.apply(kernel, [fusible.input(query), fusible.input(key), fusible.input(value)], shape)
        }
        None => unfused_attention(query, key, value, heads, seen),
    }
}

fn unfused_attention(query: Tensor<3>, key: Tensor<3>, value: Tensor<3>, heads: usize, seen: &Seen) -> Tensor<3> {
    let [batch, queries, width] = query.dims();
    let (rows, queries, head_width) = (batch * seen.groups, queries / seen.groups, width / heads);
    let visible = |tensor: Tensor<3>| match &seen.rows {
        Some(indices) => {
            let indices: Vec<i64> = indices.iter().map(|row| *row as i64).collect();
            let count = indices.len();
            let indices = Tensor::from_data(TensorData::new(indices, [count]), &tensor.device());
            tensor.select(1, indices).reshape([rows, count / seen.groups, width])
        }
        None => tensor,
    };
    let (key, value) = (visible(key), visible(value));
    let keys = key.dims()[1];
    let query = query * (head_width as f64).powf(-0.5);
    let query = query.reshape([rows, queries, heads, head_width]).swap_dims(1, 2);
    let key = key.reshape([rows, keys, heads, head_width]).permute([0, 2, 3, 1]);
    let value = value.reshape([rows, keys, heads, head_width]).swap_dims(1, 2);
    let mixed = activation::softmax(query.matmul(key), 3).matmul(value);
    mixed.swap_dims(1, 2).reshape([batch, seen.groups * queries, width])
}

/// Layer normalisation of the last axis, with a layer's gain and bias. `epsilon` must be the layer's.
pub fn layer_norm<const D: usize>(layer: &LayerNorm, tokens: Tensor<D>, epsilon: f32) -> Tensor<D> {
    match &layer.beta {
        Some(bias) => normalise(tokens, layer.gamma.val(), bias.val(), epsilon),
        None => layer.forward(tokens),
    }
}

/// Layer normalisation of the last axis: `(x - mean) / sqrt(variance + epsilon) * gain + bias`. Gain and bias have that
/// axis's length.
pub fn normalise<const D: usize>(tokens: Tensor<D>, gain: Tensor<1>, bias: Tensor<1>, epsilon: f32) -> Tensor<D> {
    match Fusible::of(&tokens).and_then(|fusible| fusible.and(&gain)?.and(&bias)) {
        Some(fusible) => {
            let shape = tokens.dims();
            let kernel = Norm { width: shape[D - 1], epsilon };
            fusible.apply(kernel, [fusible.input(tokens), fusible.input(gain), fusible.input(bias)], shape)
        }
        None => module::layer_norm(tokens, gain, Some(bias), f64::from(epsilon)),
    }
}

/// The exact GELU: `x / 2 * (1 + erf(x / sqrt(2)))`.
pub fn gelu<const D: usize>(tokens: Tensor<D>) -> Tensor<D> {
    match Fusible::of(&tokens) {
        Some(fusible) => {
            let shape = tokens.dims();
            fusible.apply(Gelu, [fusible.input(tokens)], shape)
        }
        None => activation::gelu(tokens),
    }
}

/// Limits to `min..=max`; the gradient is 1 inside and 0 outside.
pub fn clamp<const D: usize>(tensor: Tensor<D>, min: f32, max: f32) -> Tensor<D> {
    match Fusible::of(&tensor) {
        Some(fusible) => {
            let shape = tensor.dims();
            fusible.apply(Clamp { min, max }, [fusible.input(tensor)], shape)
        }
        None => tensor.clamp(min, max),
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::LayerNormConfig;
    use burn::tensor::{Distribution, Tolerance};

    use super::*;

    fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
        Tensor::random(shape, Distribution::Normal(0.0, 2.0), device).require_grad()
    }

    /// The value, and the gradients of its sum weighted by an arbitrary but fixed pattern.
    fn gradients<const D: usize>(value: Tensor<D>, of: &[&Tensor<3>]) -> Vec<TensorData> {
        let pattern = Tensor::<1, Int>::arange(0..value.shape().num_elements() as i64, &value.device()).float();
        let pattern = pattern.sin().reshape(value.dims());
        let gradients = (value.clone() * pattern).sum().backward();
        let gradient = |tensor: &&Tensor<3>| tensor.grad(&gradients).map(Tensor::into_data);
        std::iter::once(value.into_data()).chain(of.iter().filter_map(gradient)).collect()
    }

    fn assert_equal(fused: Vec<TensorData>, unfused: Vec<TensorData>) {
        assert_eq!(fused.len(), unfused.len());
        for (fused, unfused) in fused.iter().zip(&unfused) {
            fused.assert_approx_eq::<f32>(unfused, Tolerance::absolute(2e-5).set_relative(1e-4));
        }
    }

    #[test]
    fn fused_attention_and_its_gradients_equal_burns_own() {
        let device = Device::flex().autodiff();
        let all = (Seen::all(), 19);
        let some = (Seen::rows(2, vec![3, 1, 4, 15, 9, 2, 6, 5, 3, 18]), 19);
        for (seen, keys) in [all, some] {
            let [query, key, value] =
                [[3, 14, 12], [3, keys, 12], [3, keys, 12]].map(|shape| random::<3>(shape, &device));
            let operands = [&query, &key, &value];
            let fused = gradients(attention(query.clone(), key.clone(), value.clone(), 3, &seen), &operands);
            let unfused = gradients(unfused_attention(query.clone(), key.clone(), value.clone(), 3, &seen), &operands);
            assert_equal(fused, unfused);
        }
    }

    #[test]
    fn fused_normalisation_and_its_gradients_equal_burns_own() {
        let device = Device::flex().autodiff();
        let tokens = random::<3>([5, 7, 21], &device);
        let mut layer = LayerNormConfig::new(21).with_epsilon(1e-6).init(&device);
        layer.gamma = burn::module::Param::from_tensor(random([21], &device));
        layer.beta = Some(burn::module::Param::from_tensor(random([21], &device)));
        let with_weights = |value: Tensor<3>| {
            let gradients = (value.clone() * tokens.clone().detach()).sum().backward();
            let gain = layer.gamma.val().grad(&gradients).map(Tensor::into_data);
            let bias = layer.beta.as_ref().and_then(|beta| beta.val().grad(&gradients)).map(Tensor::into_data);
            gain.into_iter().chain(bias).collect::<Vec<_>>()
        };
        assert_equal(
            gradients(layer_norm(&layer, tokens.clone(), 1e-6), &[&tokens]),
            gradients(layer.forward(tokens.clone()), &[&tokens]),
        );
        assert_equal(
            with_weights(layer_norm(&layer, tokens.clone(), 1e-6)),
            with_weights(layer.forward(tokens.clone())),
        );
    }

    #[test]
    fn fused_gelu_and_its_gradient_equal_burns_own() {
        let tokens = random::<3>([5, 7, 21], &Device::flex().autodiff());
        assert_equal(
            gradients(gelu(tokens.clone()), &[&tokens]),
            gradients(activation::gelu(tokens.clone()), &[&tokens]),
        );
    }

    #[test]
    fn fused_limits_and_their_gradient_equal_burns_own() {
        let tokens = random::<3>([5, 7, 21], &Device::flex().autodiff());
        assert_equal(
            gradients(clamp(tokens.clone(), -0.5, 1.0), &[&tokens]),
            gradients(tokens.clone().clamp(-0.5, 1.0), &[&tokens]),
        );
    }
}
