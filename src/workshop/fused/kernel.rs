//! How a kernel becomes a differentiable operator of burn: the tensors that it can take, and its backward step.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::prelude::*;
use burn::tensor::{DType, GradientCheckpointingStrategy};

/// A function of contiguous f32 slices and its vector-Jacobian product.
pub trait Kernel<const N: usize>: Clone + Send + Debug + 'static {
    /// The values of the output.
    fn forward(&self, inputs: [&[f32]; N]) -> Vec<f32>;

    /// The gradients of all inputs, from the gradient of the output.
    fn backward(&self, inputs: [&[f32]; N], gradient: &[f32]) -> [Vec<f32>; N];
}

/// Proof that all operands are f32 on the CPU, and whether one of them records gradients.
#[derive(Clone, Copy)]
pub struct Fusible {
    tracked: bool,
}

/// One operand without its rank.
pub enum Input {
    Plain(FlexTensor),
    Tracked(FloatTensor<Autodiff<Flex>>),
}

impl Fusible {
    /// The proof for operands of one rank; `None` if a kernel cannot take them.
    pub fn new<const D: usize, const N: usize>(operands: [&Tensor<D>; N]) -> Option<Self> {
        operands.into_iter().try_fold(Self { tracked: false }, |fusible, operand| fusible.and(operand))
    }

    /// The proof for one operand.
    pub fn of<const D: usize>(operand: &Tensor<D>) -> Option<Self> {
        Self { tracked: false }.and(operand)
    }

    /// Adds an operand to the proof.
    pub fn and<const D: usize>(self, operand: &Tensor<D>) -> Option<Self> {
        let strategy = operand.gradient_checkpointing_strategy();
        let known = matches!(strategy, None | Some(GradientCheckpointingStrategy::Disabled));
        let on_cpu = operand.device().inner() == Device::flex() && operand.dtype() == DType::F32;
        (known && on_cpu).then_some(Self { tracked: self.tracked || strategy.is_some() })
    }

    /// Takes an operand for [`Fusible::apply`].
    pub fn input<const D: usize>(self, operand: Tensor<D>) -> Input {
        // The conversions cannot fail: construction of `self` saw this operand's device, type and strategy.
        if self.tracked {
            let primitive = operand.autodiff().try_into_primitive::<Autodiff<Flex>>();
            Input::Tracked(primitive.expect("an operand that was seen to be on the CPU with gradients"))
        } else {
            let primitive = operand.try_into_primitive::<Flex>();
            Input::Plain(primitive.expect("an operand that was seen to be on the CPU without gradients"))
        }
    }

    /// Computes `kernel` and, if gradients are recorded, registers its backward step.
    pub fn apply<K: Kernel<N>, const N: usize, const D: usize>(
        self,
        kernel: K,
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
        let values = kernel.forward(primitives.each_ref().map(values));
        let output = FlexTensor::from_data(TensorData::new(values, shape));
        let Ok(guards) = <[_; N]>::try_from(guards) else {
            return Tensor::from_primitive::<Flex>(output);
        };
        let step = Step(PhantomData::<K>);
        let output = match step.prepare::<NoCheckpointing>(guards).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish((kernel, primitives), output),
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

/// The backward step of a kernel.
#[derive(Debug)]
struct Step<K>(PhantomData<K>);

impl<K: Kernel<N>, const N: usize> Backward<Flex, N> for Step<K> {
    type State = (K, [FlexTensor; N]);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<Flex>(&ops.node).to_contiguous();
        let (kernel, inputs) = &ops.state;
        let computed = kernel.backward(inputs.each_ref().map(values), values(&gradient));
        for ((parent, input), computed) in ops.parents.iter().zip(inputs).zip(computed) {
            if let Some(parent) = parent {
                let shape = input.layout().shape().clone();
                gradients.register::<Flex>(parent.id, FlexTensor::from_data(TensorData::new(computed, shape)));
            }
        }
    }
}
