//! Reads a model file and checks it before the engine sees it: checksum, protobuf, tensors, metadata.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use prost::Message;
use tract_onnx::pb::{self, tensor_proto::DataLocation, tensor_proto::DataType};

use super::contract::{Metadata, Role};
use super::error::{ModelError, Problem};
use super::manifest::Manifest;
use crate::passing::{Passing, expect_room};
use crate::sha256;

/// The most bytes of a model file: protobuf cannot hold more in one message.
const MAX_BYTES: u64 = (2 << 30) - 1;

/// An ONNX file whose bytes have been checked; the engine has not seen it yet.
#[derive(Debug)]
pub struct ModelFile {
    /// Where it was read from.
    pub path: PathBuf,
    /// SHA-256 of the file's bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// The decoded model.
    pub proto: pb::ModelProto,
    /// `None` if the file was not written by purecam.
    pub metadata: Option<Metadata>,
}

impl ModelFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// The file, and the first problem that was found.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        Self::check(path).map_err(|problem| ModelError { file: path.to_owned(), problem })
    }

    fn check(path: &Path) -> Result<Self, Problem> {
        let bytes = read(path)?;
        let sha256 = sha256::sum(&bytes);
        check_manifest(path, &sha256)?;
        expect_room(Self::room_for(bytes.len()))?;
        let proto = pb::ModelProto::decode(bytes.as_slice())?;
        drop(bytes);
        let Some(graph) = &proto.graph else { return Err(Problem::Incomplete { lacks: "it has no graph" }) };
        if graph.node.is_empty() || graph.output.is_empty() || proto.opset_import.is_empty() {
            return Err(Problem::Incomplete { lacks: "its graph has no nodes, no output, or no operator set" });
        }
        check_graph(graph)?;
        proto.functions.iter().flat_map(|function| &function.node).try_for_each(check_node)?;
        let props = proto.metadata_props.iter().map(|entry| (entry.key.as_str(), entry.value.as_str()));
        let metadata = Metadata::from_props(props)?;
        Ok(Self { path: path.to_owned(), sha256, proto, metadata })
    }

    /// Bytes that loading a model of `length` bytes takes beyond one copy of it: a limit of three times a model and 8 MiB
    /// is what it works with.
    pub(super) fn room_for(length: usize) -> usize {
        length.saturating_mul(2).saturating_add(8 << 20)
    }

    /// Refuses a file whose metadata gives it another role.
    pub fn expect_role(&self, expected: Role) -> Result<(), Problem> {
        match &self.metadata {
            Some(metadata) if metadata.role != expected => {
                Err(Problem::Role { expected: expected.name(), found: metadata.role.name() })
            }
            _ => Ok(()),
        }
    }

    /// The types of the graph's quantised operators, sorted, each once.
    pub fn quantised_operators(&self) -> Vec<&str> {
        let nodes = self.proto.graph.iter().flat_map(|graph| &graph.node);
        let mut found: Vec<&str> = nodes
            .map(|node| node.op_type.as_str())
            .filter(|op| op.contains("Quantize") || op.starts_with("QLinear") || op.ends_with("Integer"))
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Problem> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > MAX_BYTES {
        return Err(Problem::TooLarge { found: length, most: MAX_BYTES });
    }
    let mut bytes = Vec::new();
    // At most `MAX_BYTES`, which fits.
    bytes.try_reserve_exact(length as usize).map_err(io::Error::from)?;
    // A file that grows while it is read, or that is a device, still ends.
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Compares with the entry of the manifest in the same folder, if there are both.
fn check_manifest(path: &Path, sha256: &str) -> Result<(), Problem> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let manifest = match Manifest::read(folder) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => return Ok(()),
        // What may pass is no reason to run a model that nobody has verified.
        Err(error) if Passing::of(&error).is_some() => return Err(Problem::Manifest(error)),
        Err(error) => {
            log::warn!("{error}; the checksum of {} is not verified", path.display());
            return Ok(());
        }
    };
    let entry = path.file_name().and_then(|name| manifest.entry(&name.to_string_lossy()));
    match entry {
        Some(entry) if !entry.sha256.eq_ignore_ascii_case(sha256) => Err(Problem::Checksum {
            expected: entry.sha256.clone(),
            found: sha256.to_owned(),
            manifest: Manifest::path(folder).display().to_string(),
        }),
        _ => Ok(()),
    }
}

/// Checks every tensor of a graph, those of its inner graphs included.
fn check_graph(graph: &pb::GraphProto) -> Result<(), Problem> {
    graph.initializer.iter().try_for_each(check_tensor)?;
    graph.node.iter().try_for_each(check_node)
}

fn check_node(node: &pb::NodeProto) -> Result<(), Problem> {
    node.attribute.iter().try_for_each(|attribute| {
        attribute.t.iter().chain(&attribute.tensors).try_for_each(check_tensor)?;
        attribute.g.iter().chain(&attribute.graphs).try_for_each(check_graph)
    })
}

/// Refuses a tensor whose data is in another file, has not the length that its shape needs, or contains NaN.
///
/// Infinities are allowed: attention masks are made of them. If they do harm, the warm-up finds it.
fn check_tensor(tensor: &pb::TensorProto) -> Result<(), Problem> {
    if tensor.data_location == Some(DataLocation::External as i32) || !tensor.external_data.is_empty() {
        return Err(Problem::ExternalData { tensor: tensor.name.clone() });
    }
    let Some(width) = element_width(tensor.data_type) else { return Ok(()) };
    let count = tensor.dims.iter().try_fold(1u64, |count, &side| count.checked_mul(u64::try_from(side).ok()?));
    let expected = count.and_then(|count| count.checked_mul(width)).unwrap_or(u64::MAX);
    let found = match tensor.raw_data.len() as u64 {
        0 => typed_elements(tensor) * width,
        length => length,
    };
    if expected != found {
        let (tensor, shape) = (tensor.name.clone(), tensor.dims.clone());
        return Err(Problem::TensorSize { tensor, shape, expected, found });
    }
    match has_nan(tensor) {
        true => Err(Problem::NanWeights { tensor: tensor.name.clone() }),
        false => Ok(()),
    }
}

/// Bytes of one element; `None` for types without a fixed length, which the engine checks itself.
fn element_width(data_type: i32) -> Option<u64> {
    Some(match DataType::try_from(data_type).ok()? {
        DataType::Uint8 | DataType::Int8 | DataType::Bool => 1,
        DataType::Uint16 | DataType::Int16 | DataType::Float16 | DataType::Bfloat16 => 2,
        DataType::Float | DataType::Int32 | DataType::Uint32 => 4,
        DataType::Double | DataType::Int64 | DataType::Uint64 => 8,
        _ => return None,
    })
}

fn typed_elements(tensor: &pb::TensorProto) -> u64 {
    let lengths = [
        tensor.float_data.len(),
        tensor.int32_data.len(),
        tensor.int64_data.len(),
        tensor.double_data.len(),
        tensor.uint64_data.len(),
    ];
    lengths.iter().sum::<usize>() as u64
}

fn has_nan(tensor: &pb::TensorProto) -> bool {
    let raw = &tensor.raw_data;
    let half_is_nan = |bits: u16| bits & 0x7C00 == 0x7C00 && bits & 0x03FF != 0;
    match DataType::try_from(tensor.data_type) {
        Ok(DataType::Float) => {
            let mut raw = raw.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes));
            raw.any(f32::is_nan) || tensor.float_data.iter().any(|value| value.is_nan())
        }
        Ok(DataType::Double) => {
            let mut raw = raw.as_chunks().0.iter().map(|&bytes| f64::from_le_bytes(bytes));
            raw.any(f64::is_nan) || tensor.double_data.iter().any(|value| value.is_nan())
        }
        Ok(DataType::Float16) => {
            let mut raw = raw.as_chunks().0.iter().map(|&bytes| u16::from_le_bytes(bytes));
            raw.any(half_is_nan) || tensor.int32_data.iter().any(|&bits| half_is_nan(bits as u16))
        }
        Ok(DataType::Bfloat16) => {
            let is_nan = |bits: u16| f32::from_bits(u32::from(bits) << 16).is_nan();
            let mut raw = raw.as_chunks().0.iter().map(|&bytes| u16::from_le_bytes(bytes));
            raw.any(is_nan) || tensor.int32_data.iter().any(|&bits| is_nan(bits as u16))
        }
        _ => false,
    }
}
