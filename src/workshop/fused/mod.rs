//! Attention, normalisation and GELU as single differentiable operators on the CPU.
//!
//! burn's CPU back end computes these, and above all their gradients, as chains of elementwise operators on one core
//! and through memory. Fused, a training step of a small RIAE takes half the time. Other devices, and the rare
//! settings that the fused operators do not know, use burn's own operators.

mod attention;
mod math;
mod pointwise;

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::nn::LayerNorm;
use burn::prelude::*;
use burn::tensor::{DType, GradientCheckpointingStrategy, activation, module};

use attention::Attention;
use pointwise::{Gelu, Norm};

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

    /// Of every group in turn, the same number of rows of the keys.
    pub fn rows(groups: usize, rows: Vec<usize>) -> Self {
        Self { groups, rows: Some(Arc::new(rows)) }
    }
}

/// Scaled dot-product attention in `heads` heads, every group of queries to the keys that it may see.
///
/// # Shapes
/// query [batch, groups * queries, width], key and value [batch, keys, width] -> [batch, groups * queries, width]
pub fn attention(query: Tensor<3>, key: Tensor<3>, value: Tensor<3>, heads: usize, seen: &Seen) -> Tensor<3> {
    let shape = query.dims();
    let [_, queries, width] = shape;
    let keys = key.dims()[1];
    match Fusible::new([&query, &key, &value]) {
        Some(fusible) => {
            let operator = Attention {
                groups: seen.groups,
                queries: queries / seen.groups,
                keys,
                width,
                heads,
                rows: seen.rows.clone(),
            };
            fusible.apply(operator, [fusible.input(query), fusible.input(key), fusible.input(value)], shape)
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

/// Normalises the last axis with a layer's gain and bias. `epsilon` must be the layer's.
pub fn layer_norm<const D: usize>(layer: &LayerNorm, tokens: Tensor<D>, epsilon: f32) -> Tensor<D> {
    match &layer.beta {
        Some(bias) => normalise(tokens, layer.gamma.val(), bias.val(), epsilon),
        None => layer.forward(tokens),
    }
}

/// Normalises the last axis with a gain and a bias, each of that axis's length.
pub fn normalise<const D: usize>(tokens: Tensor<D>, gain: Tensor<1>, bias: Tensor<1>, epsilon: f32) -> Tensor<D> {
    match Fusible::of(&tokens).and_then(|fusible| fusible.and(&gain)?.and(&bias)) {
        Some(fusible) => {
            let shape = tokens.dims();
            let operator = Norm { width: shape[D - 1], epsilon };
            fusible.apply(operator, [fusible.input(tokens), fusible.input(gain), fusible.input(bias)], shape)
        }
        None => module::layer_norm(tokens, gain, Some(bias), f64::from(epsilon)),
    }
}

/// The exact (error function) GELU.
pub fn gelu<const D: usize>(tokens: Tensor<D>) -> Tensor<D> {
    match Fusible::of(&tokens) {
        Some(fusible) => {
            let shape = tokens.dims();
            fusible.apply(Gelu, [fusible.input(tokens)], shape)
        }
        None => activation::gelu(tokens),
    }
}

/// A function of contiguous f32 slices and its vector-Jacobian product.
trait Operator<const N: usize>: Clone + Send + std::fmt::Debug + 'static {
    fn forward(&self, inputs: [&[f32]; N]) -> Vec<f32>;

    /// The gradients of all inputs, from the gradient of the output.
    fn backward(&self, inputs: [&[f32]; N], gradient: &[f32]) -> [Vec<f32>; N];
}

/// Says that all operands are f32 on the CPU, and whether one of them records gradients.
#[derive(Clone, Copy)]
struct Fusible {
    tracked: bool,
}

/// One operand, freed of its rank.
enum Input {
    Plain(FlexTensor),
    Tracked(FloatTensor<Autodiff<Flex>>),
}

impl Fusible {
    fn new<const D: usize, const N: usize>(operands: [&Tensor<D>; N]) -> Option<Self> {
        operands.into_iter().try_fold(Self { tracked: false }, |fusible, operand| fusible.and(operand))
    }

    fn of<const D: usize>(operand: &Tensor<D>) -> Option<Self> {
        Self { tracked: false }.and(operand)
    }

    fn and<const D: usize>(self, operand: &Tensor<D>) -> Option<Self> {
        let strategy = operand.gradient_checkpointing_strategy();
        let known = matches!(strategy, None | Some(GradientCheckpointingStrategy::Disabled));
        let on_cpu = operand.device().inner() == Device::flex() && operand.dtype() == DType::F32;
        (known && on_cpu).then_some(Self { tracked: self.tracked || strategy.is_some() })
    }

    /// Takes an operand for [`Fusible::apply`].
    fn input<const D: usize>(self, operand: Tensor<D>) -> Input {
        // The conversions cannot fail: construction of `self` saw this operand's device, type and strategy.
        if self.tracked {
            let primitive = operand.autodiff().try_into_primitive::<Autodiff<Flex>>();
            Input::Tracked(primitive.expect("an operand that was seen to be on the CPU with gradients"))
        } else {
            let primitive = operand.try_into_primitive::<Flex>();
            Input::Plain(primitive.expect("an operand that was seen to be on the CPU without gradients"))
        }
    }

    /// Computes `operator` and, where gradients are recorded, registers its backward step.
    fn apply<O: Operator<N>, const N: usize, const D: usize>(
        self,
        operator: O,
        inputs: [Input; N],
        shape: [usize; D],
    ) -> Tensor<D> {
        let mut guards = Vec::new();
        let primitives = inputs.map(|input| match input {
            Input::Plain(primitive) => primitive.to_contiguous(),
            Input::Tracked(tensor) => {
                let (primitive, guard) = tensor.into_parts();
                guards.push(guard);
                primitive.to_contiguous()
            }
        });
        let values = operator.forward(primitives.each_ref().map(values));
        let output = FlexTensor::from_data(TensorData::new(values, shape));
        let Ok(guards) = <[_; N]>::try_from(guards) else {
            return Tensor::from_primitive::<Flex>(output);
        };
        let step = Step(std::marker::PhantomData::<O>);
        let output = match step.prepare::<NoCheckpointing>(guards).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((operator, primitives), output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        Tensor::from_primitive::<Autodiff<Flex>>(output)
    }
}

/// The values of a contiguous tensor.
fn values(tensor: &FlexTensor) -> &[f32] {
    let start = tensor.layout().start_offset();
    &tensor.storage::<f32>()[start..start + tensor.layout().num_elements()]
}

/// The backward step of an operator.
#[derive(Debug)]
struct Step<O>(std::marker::PhantomData<O>);

impl<O: Operator<N>, const N: usize> Backward<Flex, N> for Step<O> {
    type State = (O, [FlexTensor; N]);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let (operator, inputs) = &ops.state;
        let computed = operator.backward(inputs.each_ref().map(values), values(&gradient));
        for ((parent, input), computed) in ops.parents.iter().zip(inputs).zip(computed) {
            if let Some(parent) = parent {
                let shape = input.layout().shape().clone();
                gradients.register::<Flex>(parent.id, FlexTensor::from_data(TensorData::new(computed, shape)));
            }
        }
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
}
