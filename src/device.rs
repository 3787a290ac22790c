//! Devices, and the only place that knows which backends exist: everything else is generic over [`Kernels`].

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(not(feature = "cuda"))]
#[path = "device/no_cuda.rs"]
mod cuda;
mod several;
#[cfg(any(feature = "cuda", test))]
mod toolkit;

use std::{fmt, str::FromStr};

use crate::{
    error::{Error, Result},
    kernels::Kernels,
};
pub use several::Devices;

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

/// Work that is generic over the backend and spread over several of its devices.
pub trait DevicesTask {
    /// What it gives.
    type Output;

    /// Does the work on devices of a backend, at least one.
    fn run<B: Kernels>(self, devices: &[B::Device]) -> Self::Output;
}

impl DeviceChoice {
    /// Runs a task on the device.
    ///
    /// # Errors
    /// This build or this machine does not have the device.
    pub fn run<T: DeviceTask>(self, task: T) -> Result<T::Output> {
        Devices::from(self).run(OnOne(task))
    }

    /// Checks that the device is there, without work on it.
    ///
    /// # Errors
    /// This build or this machine does not have the device.
    pub fn check(self) -> Result<()> {
        match self {
            Self::Cpu => Ok(()),
            Self::Cuda(number) => cuda::check(number),
        }
    }
}

/// A GPU that training can run on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu {
    /// Its name on the command line.
    pub device: DeviceChoice,
    /// What its maker calls it.
    pub name: String,
    /// Its memory in bytes.
    pub memory: u64,
}

/// All usable GPUs, in the order of their numbers.
///
/// # Errors
/// This build or this machine has none.
pub fn gpus() -> Result<Vec<Gpu>> {
    cuda::gpus()
}

/// What several GPUs exchange gradients and parameters through, in words.
pub fn exchange() -> &'static str {
    if cuda::has_nccl() { "NCCL, from GPU to GPU" } else { "the memory of the host, as the library libnccl.so was not found" }
}

/// A task of one device as one of several.
struct OnOne<T>(T);

impl<T: DeviceTask> DevicesTask for OnOne<T> {
    type Output = T::Output;

    fn run<B: Kernels>(self, devices: &[B::Device]) -> T::Output {
        self.0.run::<B>(devices[0].clone())
    }
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
