//! Devices, and the only place that knows which backends exist: everything else is generic over [`Kernels`].

use std::{fmt, str::FromStr};

use crate::{
    error::{Error, Result},
    kernels::Kernels,
};

/// The backend of the CPU.
pub type Cpu = burn_flex::Flex;

/// A device as the user names it: `cpu`, `cuda` or `cuda:N`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceChoice {
    /// The processor, with all its cores.
    Cpu,
    /// The CUDA device of this number.
    Cuda(usize),
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = match text.split_once(':') {
            None if text == "cpu" => return Ok(Self::Cpu),
            None if text == "cuda" => Some(0),
            Some(("cuda", number)) => number.parse().ok(),
            _ => None,
        };
        number.map(Self::Cuda).ok_or_else(|| Error::Usage(format!("device {text} is not known; expected cpu, cuda or cuda:N")))
    }
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => write!(f, "cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
        }
    }
}

/// Work that is generic over the backend.
pub trait DeviceTask {
    /// What it gives.
    type Output;

    /// Does the work on a device of a backend.
    fn run<B: Kernels>(self, device: B::Device) -> Self::Output;
}

impl DeviceChoice {
    /// Runs a task on the device.
    ///
    /// # Errors
    /// This build or this machine does not have the device.
    pub fn run<T: DeviceTask>(self, task: T) -> Result<T::Output> {
        match self {
            Self::Cpu => Ok(task.run::<Cpu>(Default::default())),
            Self::Cuda(number) => run_cuda(number, task),
        }
    }

    /// Checks that the device is there, without work on it.
    ///
    /// # Errors
    /// This build or this machine does not have the device.
    pub fn check(self) -> Result<()> {
        match self {
            Self::Cpu => Ok(()),
            Self::Cuda(number) => check_cuda(number),
        }
    }
}

#[cfg(not(feature = "cuda"))]
fn check_cuda(number: usize) -> Result<()> {
    Err(Error::Device(format!("device cuda:{number} is not in this build; build with `--features cuda`, or use --device cpu")))
}

#[cfg(not(feature = "cuda"))]
fn run_cuda<T: DeviceTask>(number: usize, _task: T) -> Result<T::Output> {
    check_cuda(number).map(|()| unreachable!("a build without CUDA has no CUDA device"))
}

#[cfg(feature = "cuda")]
impl Kernels for burn_cuda::Cuda {}

#[cfg(feature = "cuda")]
fn check_cuda(number: usize) -> Result<()> {
    let names = ["libcuda.so.1", "libcuda.so", "nvcuda.dll"];
    // SAFETY: loading NVIDIA's driver library runs its initializers, as using it would; nothing else is called here.
    if !names.iter().any(|name| unsafe { libloading::Library::new(*name) }.is_ok()) {
        return Err(Error::Device("the CUDA driver library was not found on this machine; use --device cpu".to_owned()));
    }
    let count = cudarc::driver::result::init()
        .and_then(|()| cudarc::driver::result::device::get_count())
        .map_err(|error| Error::Device(format!("the CUDA driver does not start: {error}; use --device cpu")))?;
    match usize::try_from(count) {
        Ok(count) if number < count => Ok(()),
        _ => Err(Error::Device(format!("device cuda:{number} does not exist; this machine has {count} CUDA devices"))),
    }
}

#[cfg(feature = "cuda")]
fn run_cuda<T: DeviceTask>(number: usize, task: T) -> Result<T::Output> {
    check_cuda(number)?;
    Ok(task.run::<burn_cuda::Cuda>(burn_cuda::CudaDevice::new(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_and_print() {
        for (text, device) in [("cpu", DeviceChoice::Cpu), ("cuda:0", DeviceChoice::Cuda(0)), ("cuda:3", DeviceChoice::Cuda(3))] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap(), device);
            assert_eq!(device.to_string(), text);
        }
        assert_eq!("cuda".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(0));
        let error = "gpu:1".parse::<DeviceChoice>().unwrap_err().to_string();
        assert_eq!(error, "device gpu:1 is not known; expected cpu, cuda or cuda:N");
    }

    #[test]
    fn a_missing_device_is_an_error() {
        assert!(matches!(DeviceChoice::Cuda(999).check(), Err(Error::Device(_))));
    }
}
