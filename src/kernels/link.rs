//! The way of a tensor from one device of a backend to another.

use burn::tensor::{Tensor, backend::Backend};

/// How tensors get from device to device; both ways keep every bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// As the backend does it, from device to device.
    Direct,
    /// Through the memory of the host, where the backend has no way of its own.
    Host,
}

impl Link {
    /// The tensor on another device; ready when it is there.
    pub fn carry<B: Backend, const D: usize>(self, tensor: Tensor<B, D>, device: &B::Device) -> Tensor<B, D> {
        match self {
            Self::Direct => tensor.to_device(device),
            Self::Host => Tensor::from_data(tensor.into_data(), device),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{device::Cpu, model::floats};

    #[test]
    fn every_bit_arrives() {
        let numbers = [1.0, -0.0, f32::MIN_POSITIVE / 2.0, f32::INFINITY, 1.0 + f32::EPSILON, f32::NAN];
        let tensor = Tensor::<Cpu, 1>::from_floats(numbers, &Default::default());
        for link in [Link::Direct, Link::Host] {
            let arrived = floats(link.carry(tensor.clone(), &Default::default()));
            assert_eq!(arrived.iter().map(|number| number.to_bits()).collect::<Vec<_>>(), numbers.map(f32::to_bits), "{link:?}");
        }
    }
}
