//! CUDA devices, asked of NVIDIA's driver before burn is, as burn panics where there are none. `unsafe` is calls of NVIDIA's libraries.

use std::path::Path;

use burn_cuda::{Cuda, CudaDevice};
use cudarc::driver::result;

use super::{DeviceChoice, DevicesTask, Gpu, toolkit};
use crate::{
    error::{Error, Result},
    kernels::{Kernels, Link},
};

impl Kernels for Cuda {
    fn link() -> Link {
        if has_nccl() { Link::Direct } else { Link::Host }
    }
}

/// Checks that there is a driver, a device of this number, and what kernels are compiled with.
pub(super) fn check(number: usize) -> Result<()> {
    let count = count()?;
    if number >= count {
        return Err(Error::Device(format!("device cuda:{number} does not exist; this machine has {count} CUDA devices")));
    }
    // SAFETY: loading NVIDIA's library runs its initializers, as using it would; nothing else is called here.
    let has_nvrtc = unsafe { cudarc::nvrtc::sys::is_culib_present() };
    toolkit::check(has_nvrtc, std::env::var("CUDA_PATH").ok().as_deref(), Path::exists)
}

/// Runs a task on devices that were checked.
pub(super) fn run<T: DevicesTask>(numbers: &[usize], task: T) -> Result<T::Output> {
    let devices: Vec<CudaDevice> = numbers.iter().map(|number| CudaDevice::new(*number)).collect();
    Ok(task.run::<Cuda>(&devices))
}

/// All devices.
pub(super) fn gpus() -> Result<Vec<Gpu>> {
    check(0)?;
    let fails = |error| Error::Device(format!("the CUDA driver does not describe its devices: {error}; use --device cpu"));
    let gpu = |number: usize| {
        let device = result::device::get(number as i32).map_err(fails)?;
        // SAFETY: the driver gave the device in the line above.
        let memory = unsafe { result::device::total_mem(device) }.map_err(fails)? as u64;
        Ok(Gpu { device: DeviceChoice::Cuda(number), name: result::device::get_name(device).map_err(fails)?, memory })
    };
    (0..count()?).map(gpu).collect()
}

/// Whether the library is there through which alone burn sends tensors from one device to another; burn panics without it.
pub(super) fn has_nccl() -> bool {
    // SAFETY: loading NVIDIA's library runs its initializers, as using it would; nothing else is called here.
    unsafe { cudarc::nccl::sys::is_culib_present() }
}

/// The number of devices.
fn count() -> Result<usize> {
    let names = ["libcuda.so.1", "libcuda.so", "nvcuda.dll"];
    // SAFETY: loading NVIDIA's driver library runs its initializers, as using it would; nothing else is called here.
    if !names.iter().any(|name| unsafe { libloading::Library::new(*name) }.is_ok()) {
        return Err(Error::Device("the CUDA driver library was not found on this machine; use --device cpu".to_owned()));
    }
    let count = result::init().and_then(|()| result::device::get_count());
    let count = count.map_err(|error| Error::Device(format!("the CUDA driver does not start: {error}; use --device cpu")))?;
    Ok(usize::try_from(count).unwrap_or(0))
}
