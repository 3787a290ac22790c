//! One device, or several that share the batches of a training.

use std::{fmt, iter::repeat_n, str::FromStr};

use super::{Cpu, DeviceChoice, DevicesTask, cuda};
use crate::error::{Error, Result};

/// Devices as the user names them: `cpu`, `cuda`, `cuda:N`, or several GPUs as `cuda:N,M`. At least one, all of one backend; the first leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Devices(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// The CPU so many times.
    Cpu(usize),
    /// The CUDA devices of these numbers.
    Cuda(Vec<usize>),
}

impl Devices {
    /// One device `count` times, at least once: what several devices compute where there is one, and no faster than it.
    pub fn repeated(device: DeviceChoice, count: usize) -> Self {
        let count = count.max(1);
        Self(match device {
            DeviceChoice::Cpu => Kind::Cpu(count),
            DeviceChoice::Cuda(number) => Kind::Cuda(vec![number; count]),
        })
    }

    /// The first of them.
    pub fn first(&self) -> DeviceChoice {
        match &self.0 {
            Kind::Cpu(_) => DeviceChoice::Cpu,
            Kind::Cuda(numbers) => DeviceChoice::Cuda(numbers[0]),
        }
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        match &self.0 {
            Kind::Cpu(count) => *count,
            Kind::Cuda(numbers) => numbers.len(),
        }
    }

    /// Checks that all of them are there, without work on them.
    ///
    /// # Errors
    /// This build or this machine does not have one of them.
    pub fn check(&self) -> Result<()> {
        match &self.0 {
            Kind::Cpu(_) => Ok(()),
            Kind::Cuda(numbers) => numbers.iter().try_for_each(|number| cuda::check(*number)),
        }
    }

    /// Runs a task on them.
    ///
    /// # Errors
    /// This build or this machine does not have one of them.
    pub fn run<T: DevicesTask>(&self, task: T) -> Result<T::Output> {
        self.check()?;
        match &self.0 {
            Kind::Cpu(count) => Ok(task.run::<Cpu>(&vec![Default::default(); *count])),
            Kind::Cuda(numbers) => cuda::run(numbers, task),
        }
    }
}

impl From<DeviceChoice> for Devices {
    fn from(device: DeviceChoice) -> Self {
        Self::repeated(device, 1)
    }
}

impl FromStr for Devices {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        const EXPECTED: &str = "expected cpu, cuda, cuda:N or several GPUs as cuda:N,M";
        if !text.contains(',') {
            return text.parse().map(|device: DeviceChoice| device.into()).map_err(|_| Error::Usage(format!("device {text} is not known; {EXPECTED}")));
        }
        if text.split(',').any(|name| name.trim() == "cpu") {
            return Err(Error::Usage(format!("device {text} is not allowed: the CPU is one device and trains alone; {EXPECTED}")));
        }
        let numbers: Option<Vec<usize>> = text.strip_prefix("cuda:").and_then(|list| list.split(',').map(|number| number.parse().ok()).collect());
        let numbers = numbers.ok_or_else(|| Error::Usage(format!("device {text} is not known; {EXPECTED}")))?;
        let twice = numbers.iter().enumerate().find(|(index, number)| numbers[..*index].contains(number));
        match twice {
            Some((_, number)) => Err(Error::Usage(format!("device {text} names cuda:{number} twice; expected each GPU once"))),
            None => Ok(Self(Kind::Cuda(numbers))),
        }
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = match &self.0 {
            Kind::Cpu(count) => repeat_n("cpu".to_owned(), *count).collect(),
            Kind::Cuda(numbers) => numbers.iter().map(usize::to_string).collect(),
        };
        let prefix = if matches!(self.0, Kind::Cuda(_)) { "cuda:" } else { "" };
        write!(f, "{prefix}{}", names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_and_print() {
        for (text, printed, first, count) in [
            ("cpu", "cpu", DeviceChoice::Cpu, 1),
            ("cuda", "cuda:0", DeviceChoice::Cuda(0), 1),
            ("cuda:3", "cuda:3", DeviceChoice::Cuda(3), 1),
            ("cuda:2,0,5", "cuda:2,0,5", DeviceChoice::Cuda(2), 3),
        ] {
            let devices: Devices = text.parse().unwrap();
            assert_eq!((devices.to_string().as_str(), devices.first(), devices.count()), (printed, first, count));
        }
        assert_eq!(Devices::repeated(DeviceChoice::Cpu, 2).to_string(), "cpu,cpu");
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let refused = |text: &str| text.parse::<Devices>().unwrap_err().to_string();
        let expected = "expected cpu, cuda, cuda:N or several GPUs as cuda:N,M";
        for text in ["gpu:1", "cuda:", "cuda:0,", "cuda:0,cuda:1", "cuda,cuda", "cuda:0,-1", "cuda:0 ,1", ","] {
            assert_eq!(refused(text), format!("device {text} is not known; {expected}"));
        }
        for text in ["cpu,cuda:0", "cuda:0,cpu", "cpu,cpu"] {
            assert_eq!(refused(text), format!("device {text} is not allowed: the CPU is one device and trains alone; {expected}"));
        }
        assert_eq!(refused("cuda:1,0,01"), "device cuda:1,0,01 names cuda:1 twice; expected each GPU once");
    }

    #[test]
    fn one_missing_device_of_several_is_an_error() {
        assert!(matches!("cuda:0,999".parse::<Devices>().unwrap().check(), Err(Error::Device(_))));
    }
}
