//! A convolution of one picture [inputs, height, width] with constant filters, bias and bounds.

use std::ops::Range;

use tract_core::internal::TractResult;
use tract_core::tract_linalg::multithread::par_chunks_mut;

use super::dense::Dense;
use super::depthwise::Depthwise;
use super::operator::{Kernel, threads, with_scratch};
use super::simd::Simd;
use super::winograd::Winograd;

/// How it is computed.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// 3x3 filters of stride 1.
    Winograd(Winograd),
    /// A filter for each channel.
    Depthwise(Depthwise),
    /// Any other filters over all channels.
    Dense(Dense),
}

/// A convolution with so many channels of output.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// How it is computed.
    pub method: Method,
    /// Channels of the output.
    pub outputs: usize,
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
        with_scratch(|scratch| match self {
            Self::Winograd(conv) => conv.run(simd, x, units, out, scratch),
            Self::Depthwise(conv) => conv.run(simd, x, units, out, scratch),
            Self::Dense(conv) => conv.run(simd, x, units, out, scratch),
        });
    }
}

impl Convolution {
    /// Where the numbers of some units lie in the output, which has `len` numbers.
    fn ranges(&self, units: &Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
        let plane = len / self.outputs;
        let (channels, places) = match &self.method {
            Method::Winograd(conv) => (0..self.outputs, conv.places(units)),
            Method::Depthwise(_) => (units.clone(), 0..plane),
            Method::Dense(_) => (0..self.outputs, units.clone()),
        };
        channels.map(move |channel| channel * plane + places.start..channel * plane + places.end)
    }
}

impl Kernel for Convolution {
    fn name(&self) -> &'static str {
        match self.method {
            Method::Winograd(_) => "purecam.Winograd",
            Method::Depthwise(_) => "purecam.Depthwise",
            Method::Dense(_) => "purecam.Dense",
        }
    }

    fn run(&self, simd: Simd, inputs: &[&[f32]], out: &mut [f32]) -> TractResult<()> {
        let (x, units, threads) = (inputs[0], self.method.units(), threads());
        if threads == 1 {
            self.method.run(simd, x, 0..units, out);
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
                self.method.run(simd, x, part.units.clone(), &mut part.out);
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
}
