//! CUDA devices in a build without them: there are none.

use super::{DevicesTask, Gpu};
use crate::error::{Error, Result};

pub(super) fn check(number: usize) -> Result<()> {
    Err(Error::Device(format!("device cuda:{number} is not in this build; build with `--features cuda`, or use --device cpu")))
}

pub(super) fn run<T: DevicesTask>(numbers: &[usize], _task: T) -> Result<T::Output> {
    check(numbers[0]).map(|()| unreachable!("a build without CUDA has no CUDA device"))
}

pub(super) fn gpus() -> Result<Vec<Gpu>> {
    check(0).map(|()| Vec::new())
}

pub(super) fn has_nccl() -> bool {
    false
}
