//! A convolution of ours as an operator of the engine.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use tract_core::internal::*;
use tract_core::tract_linalg::multithread::{Executor, current_tract_executor, par_chunks_mut};

use super::dense::Dense;
use super::depthwise::Depthwise;
use super::scratch::Scratch;
use super::simd::Simd;
use super::winograd::Winograd;

/// How a convolution is computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// 3x3 filters of stride 1.
    Winograd(Winograd),
    /// A filter for each channel.
    Depthwise(Depthwise),
    /// Any other filters over all channels.
    Dense(Dense),
}

/// A convolution of one picture [.., inputs, height, width] with constant filters, bias and bounds.
#[derive(Clone, Debug)]
pub struct Convolution {
    simd: Simd,
    method: Arc<Method>,
    /// Of the output: any number of ones, the channels, the places.
    shape: TVec<usize>,
    /// Channels of the output.
    outputs: usize,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// What one thread computes: some of the units that a method's output falls into.
struct Part {
    units: Range<usize>,
    out: Vec<f32>,
}

impl Method {
    /// Units that can be computed each by itself: rows of tiles, channels, or places.
    fn units(&self) -> usize {
        match self {
            Self::Winograd(conv) => conv.rows(),
            Self::Depthwise(conv) => conv.bias.len(),
            Self::Dense(conv) => conv.places(),
        }
    }

    /// Computes some units.
    ///
    /// # Shapes
    /// x [inputs, height, width] -> out [outputs, .., ..] of these units only
    fn run(&self, simd: Simd, x: &[f32], units: Range<usize>, out: &mut [f32]) {
        SCRATCH.with_borrow_mut(|scratch| match self {
            Self::Winograd(conv) => conv.run(simd, x, units, out, scratch),
            Self::Depthwise(conv) => conv.run(simd, x, units, out, scratch),
            Self::Dense(conv) => conv.run(simd, x, units, out, scratch),
        });
    }
}

impl Convolution {
    /// A convolution whose output has this shape, with so many channels.
    pub fn new(simd: Simd, method: Method, shape: TVec<usize>, outputs: usize) -> Self {
        Self { simd, method: Arc::new(method), shape, outputs }
    }

    fn run(&self, x: &[f32], out: &mut [f32]) -> TractResult<()> {
        let units = self.method.units();
        let threads = match current_tract_executor() {
            Executor::MultiThread(pool) => pool.current_num_threads(),
            _ => 1,
        };
        if threads == 1 {
            self.method.run(self.simd, x, 0..units, out);
            return Ok(());
        }
        // As many parts as the engine makes of other operators.
        let each = units.div_ceil(4 * threads).max(1);
        let part = |first: usize| {
            let units = first..units.min(first + each);
            Part { out: vec![0.0; self.ranges(&units, out.len()).map(|range| range.len()).sum()], units }
        };
        let mut parts: Vec<Part> = (0..units).step_by(each).map(part).collect();
        par_chunks_mut(&mut parts, 1, out.len(), |_, parts| {
            for part in parts {
                self.method.run(self.simd, x, part.units.clone(), &mut part.out);
            }
            Ok(())
        })?;
        for part in &parts {
            let mut numbers = part.out.as_slice();
            for range in self.ranges(&part.units, out.len()) {
                let (head, tail) = numbers.split_at(range.len());
                out[range].copy_from_slice(head);
                numbers = tail;
            }
        }
        Ok(())
    }

    /// Where the numbers of some units lie in the output, which has `len` numbers.
    fn ranges(&self, units: &Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
        let plane = len / self.outputs;
        let (channels, places) = match &*self.method {
            Method::Winograd(conv) => (0..self.outputs, conv.places(units)),
            Method::Depthwise(_) => (units.clone(), 0..plane),
            Method::Dense(_) => (0..self.outputs, units.clone()),
        };
        channels.map(move |channel| channel * plane + places.start..channel * plane + places.end)
    }
}

impl PartialEq for Convolution {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.method, &other.method)
    }
}

impl Eq for Convolution {}

impl Op for Convolution {
    fn name(&self) -> StaticName {
        match *self.method {
            Method::Winograd(_) => "purecam.Winograd",
            Method::Depthwise(_) => "purecam.Depthwise",
            Method::Dense(_) => "purecam.Dense",
        }
        .into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl EvalOp for Convolution {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let x = inputs[0].try_as_plain_ram()?;
        // SAFETY: numbers of any bits are f32, and every one is written before the tensor is read: the parts that `run`
        // computes cover the output.
        let mut output = unsafe { Tensor::uninitialized::<f32>(&self.shape)? };
        self.run(x.as_slice::<f32>()?, output.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?)?;
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for Convolution {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&self.shape)))
    }

    as_op!();
}
