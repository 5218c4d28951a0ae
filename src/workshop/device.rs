//! The device that a run computes on: named on the command line, opened after the rest of the command line is checked.

use std::fmt;
use std::str::FromStr;

use burn::module::{Module, ModuleVisitor, Param};
use burn::prelude::*;

/// A device by name: `auto`, `cpu`, `libtorch`, `cuda[:N]` or `vulkan[:N]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceRequest {
    /// CUDA, else a card that Vulkan offers, else the CPU.
    Auto,
    /// burn's own CPU back end.
    Cpu,
    /// The CPU through LibTorch.
    LibTorch,
    /// The N-th CUDA device, counted from 0; the first if there is no number.
    Cuda(Option<usize>),
    /// The N-th discrete card, counted from 0; the best device that Vulkan has if there is no number.
    Vulkan(Option<usize>),
}

/// The text does not name a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDeviceError {
    /// Not a kind of device, or a number behind a kind that takes none.
    #[error("expected auto, cpu, libtorch, cuda[:N] or vulkan[:N]")]
    Unknown,
    /// Not a number behind the colon.
    #[error("the part behind ':' is the number of a device, for instance cuda:0")]
    Number,
}

/// A device that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("device '{request}': {cause}")]
pub struct OpenError {
    /// The device as it was named.
    pub request: DeviceRequest,
    /// Why it cannot be opened.
    #[source]
    pub cause: Unavailable,
}

/// Why a device cannot be opened. The features of the build decide which of these can happen.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// A cargo feature is missing.
    #[error("this build has no {back_end}; build it with --features {feature}")]
    NotBuilt {
        /// The missing part by its own name.
        back_end: &'static str,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// The vendor's library is missing or broken.
    #[error("{library} cannot be loaded ({source}); install {package}, or use --device cpu")]
    Driver {
        /// The library's file name.
        library: &'static str,
        /// What brings the library.
        package: &'static str,
        /// What the dynamic linker found.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The number is too large.
    #[error("this machine has {count} CUDA devices, counted from 0")]
    NoCuda {
        /// Devices that CUDA lists.
        count: usize,
    },
    /// No device, or not the one that was named.
    #[error("Vulkan has no {what} that can be opened; vulkaninfo --summary lists its devices")]
    NoVulkan {
        /// The device in words.
        what: String,
    },
}

impl FromStr for DeviceRequest {
    type Err = ParseDeviceError;

    fn from_str(text: &str) -> Result<Self, ParseDeviceError> {
        let (kind, number) = match text.split_once(':') {
            Some((kind, number)) => (kind, Some(number.parse().map_err(|_| ParseDeviceError::Number)?)),
            None => (text, None),
        };
        match (kind, number) {
            ("auto", None) => Ok(Self::Auto),
            ("cpu", None) => Ok(Self::Cpu),
            ("libtorch", None) => Ok(Self::LibTorch),
            ("cuda", number) => Ok(Self::Cuda(number)),
            ("vulkan", number) => Ok(Self::Vulkan(number)),
            _ => Err(ParseDeviceError::Unknown),
        }
    }
}

impl fmt::Display for DeviceRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Cpu => formatter.write_str("cpu"),
            Self::LibTorch => formatter.write_str("libtorch"),
            Self::Cuda(None) => formatter.write_str("cuda"),
            Self::Cuda(Some(number)) => write!(formatter, "cuda:{number}"),
            Self::Vulkan(None) => formatter.write_str("vulkan"),
            Self::Vulkan(Some(number)) => write!(formatter, "vulkan:{number}"),
        }
    }
}

impl DeviceRequest {
    /// Probes for the device and opens it, so that a missing one is an error and not a panic in a thread of its driver.
    ///
    /// Call this once: a Vulkan device opens only once per process.
    ///
    /// # Errors
    /// A back end that this build lacks, a driver that cannot be loaded, a card that is not there. `auto` never fails.
    pub fn open(self) -> Result<Device, OpenError> {
        match self {
            Self::Auto => {
                let card = cuda(0).or_else(|_| vulkan(None, Software::Refused));
                Ok(card.unwrap_or_else(|_| Device::flex()))
            }
            Self::Cpu => Ok(Device::flex()),
            Self::LibTorch => libtorch(),
            Self::Cuda(number) => cuda(number.unwrap_or(0)),
            Self::Vulkan(number) => vulkan(number, Software::Allowed),
        }
        .map_err(|cause| OpenError { request: self, cause })
    }
}

/// Whether Mesa's software Vulkan will do. It is slower than burn's own CPU back end, so only a request for Vulkan by
/// name gets it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Software {
    Allowed,
    Refused,
}

#[cfg(feature = "training-libtorch")]
fn libtorch() -> Result<Device, Unavailable> {
    Ok(Device::libtorch())
}

#[cfg(not(feature = "training-libtorch"))]
fn libtorch() -> Result<Device, Unavailable> {
    Err(Unavailable::NotBuilt { back_end: "LibTorch", feature: "training-libtorch" })
}

#[cfg(feature = "training-cuda")]
fn cuda(number: usize) -> Result<Device, Unavailable> {
    load_driver("libcuda.so.1", "an NVIDIA driver")?;
    let count = Device::enumerate(burn::tensor::DeviceType::Cuda).into_vec().len();
    if number >= count {
        return Err(Unavailable::NoCuda { count });
    }
    Ok(Device::cuda(number))
}

#[cfg(not(feature = "training-cuda"))]
fn cuda(_number: usize) -> Result<Device, Unavailable> {
    Err(Unavailable::NotBuilt { back_end: "CUDA", feature: "training-cuda" })
}

/// The N-th discrete card, or the best of all devices.
#[cfg(feature = "training-vulkan")]
fn vulkan(number: Option<usize>, software: Software) -> Result<Device, Unavailable> {
    use burn::tensor::DeviceKind;
    use burn::tensor::wgpu::WgpuBackend;

    load_driver("libvulkan.so.1", "a Vulkan loader")?;
    let kinds = match number {
        Some(card) => vec![DeviceKind::DiscreteGpu(card)],
        None => [DeviceKind::DiscreteGpu(0), DeviceKind::IntegratedGpu(0), DeviceKind::VirtualGpu(0)]
            .into_iter()
            .chain((software == Software::Allowed).then_some(DeviceKind::Cpu))
            .collect(),
    };
    let open = |kind| Device::wgpu_options().graphics_api(WgpuBackend::Vulkan).device_kind(kind).init();
    kinds.into_iter().find_map(|kind| open(kind).ok()).ok_or_else(|| {
        let what = number.map_or("device".to_owned(), |card| format!("discrete card {card} (counted from 0)"));
        Unavailable::NoVulkan { what }
    })
}

#[cfg(not(feature = "training-vulkan"))]
fn vulkan(_number: Option<usize>, _software: Software) -> Result<Device, Unavailable> {
    Err(Unavailable::NotBuilt { back_end: "Vulkan", feature: "training-vulkan" })
}

#[cfg(any(feature = "training-cuda", feature = "training-vulkan"))]
fn load_driver(library: &'static str, package: &'static str) -> Result<(), Unavailable> {
    // SAFETY: loading a vendor's driver runs its initialisers, as using the device would; nothing in it is called here.
    match unsafe { libloading::Library::new(library) } {
        Ok(_) => Ok(()),
        Err(error) => Err(Unavailable::Driver { library, package, source: Box::new(error) }),
    }
}

/// Makes the lazily initialised parameters of `model` draw their values, so that none is drawn at its first use.
pub fn draw_weights<M: Module>(model: &M) {
    struct DrawNow;

    impl ModuleVisitor for DrawNow {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let _ = param.val();
        }
    }

    model.visit(&mut DrawNow);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_written_as_it_is_read() {
        for text in ["auto", "cpu", "libtorch", "cuda", "cuda:0", "vulkan", "vulkan:7"] {
            assert_eq!(text.parse::<DeviceRequest>().unwrap().to_string(), text);
        }
        for text in ["", "abacus", "cpu:1", "auto:0", "CUDA"] {
            assert_eq!(text.parse::<DeviceRequest>(), Err(ParseDeviceError::Unknown), "{text}");
        }
        assert_eq!("cuda:x".parse::<DeviceRequest>(), Err(ParseDeviceError::Number));
    }
}
