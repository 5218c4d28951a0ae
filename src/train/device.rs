//! Which device a run computes on.

use burn::prelude::*;

use super::Error;

/// Parses `auto`, `cpu`, `libtorch`, `cuda[:N]` or `vulkan[:N]` and probes for it, so that what is missing is an error and not a
/// panic in a thread of a driver.
pub fn open(asked: &str) -> Result<Device, Error> {
    let (kind, index) = match asked.split_once(':') {
        Some((kind, index)) => (
            kind,
            index
                .parse()
                .map_err(|_| refuse(asked, "the part behind ':' is a device's number, for instance cuda:0"))?,
        ),
        None => (asked, 0usize),
    };
    match kind {
        "auto" => Ok(cuda(asked, index).or_else(|_| vulkan(asked, index)).unwrap_or_else(|_| Device::flex())),
        "cpu" => Ok(Device::flex()),
        "libtorch" => libtorch(asked),
        "cuda" => cuda(asked, index),
        "vulkan" => vulkan(asked, index),
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

#[cfg(feature = "training-vulkan")]
fn vulkan(asked: &str, index: usize) -> Result<Device, Error> {
    driver(asked, "libvulkan.so.1", "a Vulkan loader")?;
    let devices = Device::enumerate(burn::tensor::DeviceType::Vulkan).into_vec();
    let count = devices.len();
    devices
        .into_iter()
        .nth(index)
        .ok_or_else(|| refuse(asked, format!("this machine has {count} Vulkan devices, counted from 0")))
}

#[cfg(not(feature = "training-vulkan"))]
fn vulkan(asked: &str, _index: usize) -> Result<Device, Error> {
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
