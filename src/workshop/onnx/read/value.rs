//! What flows between the nodes of a graph: float tensors on the device in their own rank, integers on the host.

use burn::prelude::*;

use super::error::Reason;

/// The value of one tensor of a graph.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all values are floats, and a box would cost each an allocation")]
pub enum Value {
    /// Numbers on the device; gradients flow through them.
    Float(Floats),
    /// A constant of one element, kept on the host so that it costs neither a broadcast nor a transfer.
    Number(f32),
    /// Shapes, axes, indices and permutations: arithmetic on them stays on the host.
    Int(Ints),
}

/// A float tensor whose rank is known only at run time; a scalar has rank 1.
#[derive(Clone, Debug)]
pub enum Floats {
    R1(Tensor<1>),
    R2(Tensor<2>),
    R3(Tensor<3>),
    R4(Tensor<4>),
    R5(Tensor<5>),
    R6(Tensor<6>),
}

/// A tensor of integers; an empty shape is a scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ints {
    /// In row-major order.
    pub values: Vec<i64>,
    /// The length of each axis.
    pub shape: Vec<usize>,
}

/// An expression of the tensor inside, whatever its rank.
macro_rules! with_tensor {
    ($floats:expr, $tensor:ident => $body:expr) => {
        match $floats {
            $crate::workshop::onnx::read::value::Floats::R1($tensor) => $body,
            $crate::workshop::onnx::read::value::Floats::R2($tensor) => $body,
            $crate::workshop::onnx::read::value::Floats::R3($tensor) => $body,
            $crate::workshop::onnx::read::value::Floats::R4($tensor) => $body,
            $crate::workshop::onnx::read::value::Floats::R5($tensor) => $body,
            $crate::workshop::onnx::read::value::Floats::R6($tensor) => $body,
        }
    };
}

/// An expression of two tensors of one rank; the caller has made the ranks equal.
macro_rules! with_pair {
    ($left:expr, $right:expr, ($a:ident, $b:ident) => $body:expr) => {{
        use $crate::workshop::onnx::read::value::Floats;
        match ($left, $right) {
            (Floats::R1($a), Floats::R1($b)) => $body,
            (Floats::R2($a), Floats::R2($b)) => $body,
            (Floats::R3($a), Floats::R3($b)) => $body,
            (Floats::R4($a), Floats::R4($b)) => $body,
            (Floats::R5($a), Floats::R5($b)) => $body,
            (Floats::R6($a), Floats::R6($b)) => $body,
            (left, right) => unreachable!("ranks {} and {} were made equal", left.rank(), right.rank()),
        }
    }};
}
pub(super) use {with_pair, with_tensor};

macro_rules! ranks {
    ($($variant:ident $rank:literal $into:ident),*) => {
        $(impl From<Tensor<$rank>> for Floats {
            fn from(tensor: Tensor<$rank>) -> Self {
                Self::$variant(tensor)
            }
        })*
        impl Floats {
            /// The number of axes.
            pub fn rank(&self) -> usize {
                match self { $(Self::$variant(_) => $rank),* }
            }
            $(
                /// The tensor in this rank: itself, or reshaped with leading axes of length 1 added or removed.
                ///
                /// # Errors
                /// It has a larger rank, and the leading axes are not all of length 1.
                pub fn $into(self) -> Result<Tensor<$rank>, Reason> {
                    if let Self::$variant(tensor) = self {
                        return Ok(tensor);
                    }
                    let shape = self.shape();
                    let mut wanted = [1; $rank];
                    let kept = shape.len().min($rank);
                    wanted[$rank - kept..].copy_from_slice(&shape[shape.len() - kept..]);
                    if shape[..shape.len() - kept].iter().any(|&length| length != 1) {
                        return Err(format!("expected rank {}, found shape {shape:?}", $rank).into());
                    }
                    Ok(with_tensor!(self, tensor => tensor.reshape(wanted)))
                }
            )*
            /// Tensors of one rank, joined along an axis; their other axes are equal.
            ///
            /// # Errors
            /// There is no tensor.
            pub fn cat(parts: Vec<Self>, axis: usize) -> Result<Self, Reason> {
                match parts.first() {
                    None => Err("no tensors to join".into()),
                    $(Some(Self::$variant(_)) => {
                        let parts = parts.into_iter().map(Self::$into).collect::<Result<Vec<_>, _>>()?;
                        Ok(Tensor::cat(parts, axis).into())
                    })*
                }
            }
            /// The same numbers in another shape of equal size.
            fn reshape_unchecked(self, shape: &[usize]) -> Self {
                match shape.len() {
                    0 => Self::R1(with_tensor!(self, tensor => tensor.reshape([1]))),
                    $($rank => {
                        let mut wanted = [0; $rank];
                        wanted.copy_from_slice(shape);
                        Self::$variant(with_tensor!(self, tensor => tensor.reshape(wanted)))
                    })*
                    _ => unreachable!("reshape refuses ranks above 6"),
                }
            }
        }
    };
}
ranks!(R1 1 into_rank1, R2 2 into_rank2, R3 3 into_rank3, R4 4 into_rank4, R5 5 into_rank5, R6 6 into_rank6);

impl Floats {
    /// The length of each axis.
    pub fn shape(&self) -> Vec<usize> {
        with_tensor!(self, tensor => tensor.dims().to_vec())
    }

    /// The same numbers in another shape.
    ///
    /// # Errors
    /// The shape has another size, or more than six axes.
    pub fn reshape(self, shape: &[usize]) -> Result<Self, Reason> {
        let from = self.shape();
        if from == shape {
            return Ok(self);
        }
        if from.iter().product::<usize>() != shape.iter().product::<usize>() {
            return Err(format!("cannot reshape {from:?} to {shape:?}: the sizes differ").into());
        }
        if shape.len() > 6 {
            return Err(format!("shape {shape:?} has more than six axes").into());
        }
        Ok(self.reshape_unchecked(shape))
    }

    /// Both in the larger of the two ranks.
    ///
    /// # Errors
    /// Their shapes do not broadcast.
    pub fn broadcastable(left: Self, right: Self) -> Result<(Self, Self), Reason> {
        let (mut a, mut b) = (left.shape(), right.shape());
        let rank = a.len().max(b.len());
        a.splice(0..0, std::iter::repeat_n(1, rank - a.len()));
        b.splice(0..0, std::iter::repeat_n(1, rank - b.len()));
        if a.iter().zip(&b).any(|(&x, &y)| x != y && x != 1 && y != 1) {
            return Err(format!("shapes {:?} and {:?} do not broadcast", left.shape(), right.shape()).into());
        }
        Ok((left.reshape(&a)?, right.reshape(&b)?))
    }

    /// Results of single samples, each [1, ...], as one batch.
    ///
    /// # Errors
    /// The first axes are not of length 1, or the shapes differ.
    pub fn stack_batch(samples: Vec<Self>) -> Result<Self, Reason> {
        let shape = samples.first().map(Self::shape).ok_or("no samples")?;
        if shape.first() != Some(&1) || samples.iter().any(|sample| sample.shape() != shape) {
            return Err(format!("shape {shape:?}").into());
        }
        let size = shape.iter().product();
        let rows = samples
            .into_iter()
            .map(|sample| sample.reshape(&[1, size])?.into_rank2())
            .collect::<Result<Vec<_>, _>>()?;
        let batch = [vec![rows.len()], shape[1..].to_vec()].concat();
        Self::from(Tensor::cat(rows, 0)).reshape(&batch)
    }

    /// A tensor of these numbers, in row-major order, on a device.
    ///
    /// # Errors
    /// The shape has another size, or more than six axes.
    pub fn from_vec(values: Vec<f32>, shape: &[usize], device: &Device) -> Result<Self, Reason> {
        let count = values.len();
        Self::R1(Tensor::from_data(TensorData::new(values, [count]), device)).reshape(shape)
    }

    /// The numbers in row-major order, on the host.
    ///
    /// # Errors
    /// The device cannot give them.
    pub fn to_vec(&self) -> Result<Vec<f32>, Reason> {
        Ok(with_tensor!(self.clone(), tensor => tensor.into_data().try_into_vec::<f32>())?)
    }
}

impl Ints {
    /// Integers in row-major order; `shape` must have their number as its size.
    pub fn new(values: Vec<i64>, shape: Vec<usize>) -> Self {
        Self { values, shape }
    }

    /// The entries at some places of an axis; all of them must be inside.
    pub fn select(&self, axis: usize, places: &[usize]) -> Self {
        let (before, after) = (&self.shape[..axis], &self.shape[axis + 1..]);
        let (outer, inner) = (before.iter().product::<usize>(), after.iter().product::<usize>());
        let rows = (0..outer).flat_map(|outer| places.iter().map(move |place| outer * self.shape[axis] + place));
        let values = rows.flat_map(|row| &self.values[row * inner..(row + 1) * inner]).copied().collect();
        let mut shape = self.shape.clone();
        shape[axis] = places.len();
        Self { values, shape }
    }

    /// Integers along one axis.
    pub fn vector(values: Vec<i64>) -> Self {
        let shape = vec![values.len()];
        Self { values, shape }
    }
}

impl Value {
    /// The length of each axis; empty for a single number.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Float(floats) => floats.shape(),
            Self::Number(_) => Vec::new(),
            Self::Int(ints) => ints.shape.clone(),
        }
    }

    /// The value as a tensor on the device; integers and single numbers are copied there.
    ///
    /// # Errors
    /// Integers of more than six axes.
    pub fn into_floats(self, device: &Device) -> Result<Floats, Reason> {
        match self {
            Self::Float(floats) => Ok(floats),
            Self::Number(number) => Floats::from_vec(vec![number], &[1], device),
            Self::Int(ints) => {
                Floats::from_vec(ints.values.iter().map(|&value| value as f32).collect(), &ints.shape, device)
            }
        }
    }

    /// The same numbers in another shape.
    ///
    /// # Errors
    /// The shape has another size, or more than six axes.
    pub fn reshape(self, shape: &[usize]) -> Result<Self, Reason> {
        match self {
            Self::Float(floats) => Ok(Self::Float(floats.reshape(shape)?)),
            Self::Number(number) if shape.iter().product::<usize>() == 1 => Ok(Self::Number(number)),
            Self::Int(ints) if shape.iter().product::<usize>() == ints.values.len() => {
                Ok(Self::Int(Ints::new(ints.values, shape.to_vec())))
            }
            other => Err(format!("cannot reshape {:?} to {shape:?}: the sizes differ", other.shape()).into()),
        }
    }
}

impl<T: Into<Floats>> From<T> for Value {
    fn from(tensor: T) -> Self {
        Self::Float(tensor.into())
    }
}

impl From<Ints> for Value {
    fn from(ints: Ints) -> Self {
        Self::Int(ints)
    }
}
