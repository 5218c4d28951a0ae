//! Which device a run computes on.

use burn::prelude::*;

use super::train::Error;

/// Parses `auto`, `cpu`, `libtorch`, `cuda[:N]` or `vulkan[:N]` and probes for it, so that what is missing is an error and not a
/// panic in a thread of a driver. `vulkan:N` is the N-th discrete card. Called once: a Vulkan device opens once in a process.
pub fn open(asked: &str) -> Result<Device, Error> {
    let (kind, index) = match asked.split_once(':') {
        Some((kind, index)) => {
            let index = index.parse::<usize>();
            let hint = "the part behind ':' is a device's number, for instance cuda:0";
            (kind, Some(index.map_err(|_| refuse(asked, hint))?))
        }
        None => (asked, None),
    };
    match (kind, index) {
        ("auto", None) => Ok(cuda(asked, 0).or_else(|_| vulkan(asked, None)).unwrap_or_else(|_| Device::flex())),
        ("cpu", None) => Ok(Device::flex()),
        ("libtorch", None) => libtorch(asked),
        ("cuda", _) => cuda(asked, index.unwrap_or(0)),
        ("vulkan", _) => vulkan(asked, index),
        _ => Err(refuse(asked, "expected auto, cpu, libtorch, cuda[:N] or vulkan[:N]")),
    }
}

fn refuse(asked: &str, reason: impl Into<String>) -> Error {
    Error::Device { asked: asked.to_owned(), reason: reason.into() }
}

#[cfg(feature = "training-libtorch")]
fn libtorch(_asked: &str) -> Result<Device, Error> {
    Ok(Device::libtorch())
}

#[cfg(not(feature = "training-libtorch"))]
fn libtorch(asked: &str) -> Result<Device, Error> {
    Err(refuse(asked, "this build has no LibTorch; build it with --features training-libtorch"))
}

#[cfg(feature = "training-cuda")]
fn cuda(asked: &str, index: usize) -> Result<Device, Error> {
    driver(asked, "libcuda.so.1", "an NVIDIA driver")?;
    let count = Device::enumerate(burn::tensor::DeviceType::Cuda).into_vec().len();
    if index >= count {
        return Err(refuse(asked, format!("this machine has {count} CUDA devices, counted from 0")));
    }
    Ok(Device::cuda(index))
}

#[cfg(not(feature = "training-cuda"))]
fn cuda(asked: &str, _index: usize) -> Result<Device, Error> {
    Err(refuse(asked, "this build has no CUDA; build it with --features training-cuda"))
}

/// The N-th discrete card, or the best of what there is. Mesa's rasteriser, slower than burn's own CPU back end, has to be
/// asked for by name.
#[cfg(feature = "training-vulkan")]
fn vulkan(asked: &str, index: Option<usize>) -> Result<Device, Error> {
    use burn::tensor::DeviceKind;
    use burn::tensor::wgpu::WgpuBackend;

    driver(asked, "libvulkan.so.1", "a Vulkan loader")?;
    let kinds = match index {
        Some(card) => vec![DeviceKind::DiscreteGpu(card)],
        None => [DeviceKind::DiscreteGpu(0), DeviceKind::IntegratedGpu(0), DeviceKind::VirtualGpu(0)]
            .into_iter()
            .chain((asked != "auto").then_some(DeviceKind::Cpu))
            .collect(),
    };
    let open = |kind| Device::wgpu_options().graphics_api(WgpuBackend::Vulkan).device_kind(kind).init();
    kinds.into_iter().find_map(|kind| open(kind).ok()).ok_or_else(|| {
        let what = index.map_or("device".to_owned(), |card| format!("discrete card {card} (counted from 0)"));
        refuse(asked, format!("Vulkan has no {what} that can be opened; vulkaninfo --summary lists what it has"))
    })
}

#[cfg(not(feature = "training-vulkan"))]
fn vulkan(asked: &str, _index: Option<usize>) -> Result<Device, Error> {
    Err(refuse(asked, "this build has no Vulkan; build it with --features training-vulkan"))
}

#[cfg(any(feature = "training-cuda", feature = "training-vulkan"))]
fn driver(asked: &str, library: &str, what: &str) -> Result<(), Error> {
    // SAFETY: loading a vendor's driver runs its initialisers, as using the device would; nothing is called in it here.
    match unsafe { libloading::Library::new(library) } {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(refuse(asked, format!("{library} cannot be loaded ({error}); install {what}, or take --device cpu")))
        }
    }
}
