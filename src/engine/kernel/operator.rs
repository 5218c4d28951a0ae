//! The kernels as operators of the engine, and the threads that share their work.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::Arc;

use tract_core::internal::*;
use tract_core::tract_linalg::multithread::{Executor, current_tract_executor};

use super::scratch::Scratch;
use super::simd::Simd;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// A function of f32 tensors whose every other number is known when the graph is loaded.
pub trait Kernel: Debug + Send + Sync + 'static {
    /// The operator's name.
    fn name(&self) -> &'static str;

    /// Computes the output, all of it. `inputs` are as long as the graph says.
    ///
    /// # Errors
    /// The engine's, of a thread.
    fn run(&self, simd: Simd, inputs: &[&[f32]], out: &mut [f32]) -> TractResult<()>;
}

/// A kernel in a graph.
#[derive(Debug)]
pub struct Operator<K> {
    kernel: Arc<K>,
    simd: Simd,
    /// Of the output.
    shape: TVec<usize>,
}

impl<K> Operator<K> {
    /// An operator whose output has this shape.
    pub fn new(kernel: K, simd: Simd, shape: TVec<usize>) -> Self {
        Self { kernel: Arc::new(kernel), simd, shape }
    }
}

/// Runs `work` with this thread's scratch memory.
pub fn with_scratch(work: impl FnOnce(&mut Scratch)) {
    SCRATCH.with_borrow_mut(work);
}

/// Threads among which the engine shares its work.
pub fn threads() -> usize {
    match current_tract_executor() {
        Executor::MultiThread(pool) => pool.current_num_threads(),
        _ => 1,
    }
}

impl<K> Clone for Operator<K> {
    fn clone(&self) -> Self {
        Self { kernel: self.kernel.clone(), simd: self.simd, shape: self.shape.clone() }
    }
}

impl<K> PartialEq for Operator<K> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.kernel, &other.kernel)
    }
}

impl<K> Eq for Operator<K> {}

impl<K: Kernel> Op for Operator<K> {
    fn name(&self) -> StaticName {
        self.kernel.name().into()
    }

    fn validation(&self) -> Validation {
        Validation::Rounding
    }

    op_as_typed_op!();
}

impl<K: Kernel> EvalOp for Operator<K> {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let views = inputs.iter().map(|input| input.try_as_plain_ram()).collect::<TractResult<TVec<_>>>()?;
        let inputs = views.iter().map(|view| view.as_slice::<f32>()).collect::<TractResult<TVec<_>>>()?;
        // SAFETY: numbers of any bits are f32, and a kernel writes every one of them.
        let mut output = unsafe { Tensor::uninitialized::<f32>(&self.shape)? };
        self.kernel.run(self.simd, &inputs, output.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?)?;
        Ok(tvec!(output.into_tvalue()))
    }
}

impl<K: Kernel> TypedOp for Operator<K> {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&self.shape)))
    }

    as_op!();
}
