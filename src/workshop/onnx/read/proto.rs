//! The protobuf side of a file: stored tensors, declared inputs, metadata.

use burn::prelude::*;
use tract_core::prelude::f16;
use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

use super::error::Reason;
use super::value::{Floats, Ints, Value};
use crate::engine::contract::{Metadata, MetadataError};

/// An input that a graph declares.
#[derive(Clone, Debug)]
pub struct Declared {
    /// The tensor's name.
    pub name: String,
    /// The length of each axis; `None` if the file leaves it open. Empty if the file declares no shape.
    pub shape: Vec<Option<usize>>,
}

/// The inputs of a graph; before IR version 4 its stored tensors are listed among them and are left out here.
pub fn inputs(graph: &pb::GraphProto) -> Vec<Declared> {
    let stored = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    graph.input.iter().filter(|input| !stored(&input.name)).map(declared).collect()
}

fn declared(info: &pb::ValueInfoProto) -> Declared {
    use pb::{tensor_shape_proto::dimension::Value as Length, type_proto::Value as Type};
    let shape = match info.r#type.as_ref().and_then(|kind| kind.value.as_ref()) {
        Some(Type::TensorType(tensor)) => tensor.shape.clone().unwrap_or_default().dim,
        _ => Vec::new(),
    };
    let length = |dimension: &pb::tensor_shape_proto::Dimension| match dimension.value {
        Some(Length::DimValue(length)) => usize::try_from(length).ok().filter(|&length| length > 0),
        _ => None,
    };
    Declared { name: info.name.clone(), shape: shape.iter().map(length).collect() }
}

/// A stored tensor: floats go to the device, single numbers and integers stay on the host.
///
/// # Errors
/// Its numbers are in another file, have a type that is not supported, do not fill its shape, or include NaN.
pub fn tensor(stored: &pb::TensorProto, device: &Device) -> Result<Value, Reason> {
    if stored.data_location == Some(pb::tensor_proto::DataLocation::External as i32) {
        return Err("its numbers lie in a second file; store them in the ONNX file itself".into());
    }
    let shape = stored.dims.iter().map(|&length| usize::try_from(length)).collect::<Result<Vec<_>, _>>();
    let shape = shape.map_err(|_| format!("a shape of {:?}", stored.dims))?;
    let size = shape.iter().try_fold(1usize, |size, &length| size.checked_mul(length)).ok_or("a shape too large")?;
    let numbers = numbers(stored)?;
    let found = match &numbers {
        Numbers::Floats(values) => values.len(),
        Numbers::Ints(values) => values.len(),
    };
    if found != size {
        return Err(format!("{found} numbers for a shape of {shape:?}; is the file cut off?").into());
    }
    let values = match numbers {
        Numbers::Ints(values) => return Ok(Ints::new(values, shape).into()),
        Numbers::Floats(values) => values,
    };
    // Infinity is how masks are written; NaN is never meant.
    if values.iter().any(|value| value.is_nan()) {
        return Err("it holds NaN".into());
    }
    match values[..] {
        [number] if shape.len() < 2 => Ok(Value::Number(number)),
        _ => Ok(Floats::from_vec(values, &shape, device)?.into()),
    }
}

enum Numbers {
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

/// The numbers of a stored tensor, from its raw bytes or from the list for its type (see `TensorProto` in onnx.proto).
fn numbers(stored: &pb::TensorProto) -> Result<Numbers, Reason> {
    let raw = &stored.raw_data;
    let pick =
        |raw_numbers: Vec<i64>, listed: Vec<i64>| Numbers::Ints(if raw.is_empty() { listed } else { raw_numbers });
    let int32s = || stored.int32_data.iter().map(|&value| i64::from(value)).collect::<Vec<_>>();
    let kind = DataType::try_from(stored.data_type).map_err(|_| unsupported(&stored.data_type.to_string()))?;
    Ok(match kind {
        DataType::Float if raw.is_empty() => Numbers::Floats(stored.float_data.clone()),
        DataType::Float => Numbers::Floats(chunks(raw, f32::from_le_bytes)),
        DataType::Float16 if raw.is_empty() => {
            Numbers::Floats(stored.int32_data.iter().map(|&bits| f16::from_bits(bits as u16).to_f32()).collect())
        }
        DataType::Float16 => Numbers::Floats(chunks(raw, |bytes| f16::from_le_bytes(bytes).to_f32())),
        DataType::Double if raw.is_empty() => {
            Numbers::Floats(stored.double_data.iter().map(|&value| value as f32).collect())
        }
        DataType::Double => Numbers::Floats(chunks(raw, |bytes| f64::from_le_bytes(bytes) as f32)),
        DataType::Int64 => pick(chunks(raw, i64::from_le_bytes), stored.int64_data.clone()),
        DataType::Int32 => pick(chunks(raw, |bytes| i64::from(i32::from_le_bytes(bytes))), int32s()),
        DataType::Int8 => pick(raw.iter().map(|&byte| i64::from(byte as i8)).collect(), int32s()),
        DataType::Uint8 | DataType::Bool => pick(raw.iter().map(|&byte| i64::from(byte)).collect(), int32s()),
        other => return Err(unsupported(&format!("{other:?}"))),
    })
}

fn unsupported(kind: &str) -> Reason {
    format!("numbers of type {kind}; float, float16, double, integers of 8, 32 and 64 bits and bool can be read").into()
}

/// Raw bytes, N per number.
fn chunks<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks::<N>().0.iter().map(|bytes| read(*bytes)).collect()
}

/// What a purecam file says about itself; `None` if the file was not written by purecam.
pub fn metadata(model: &pb::ModelProto) -> Result<Option<Metadata>, MetadataError> {
    Metadata::from_props(model.metadata_props.iter().map(|prop| (prop.key.as_str(), prop.value.as_str())))
}
