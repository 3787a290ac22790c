//! Tensors of the CPU backend as slices, and slices as tensors.

use std::borrow::Cow;

use burn::tensor::{Tensor, TensorData, TensorPrimitive};
use burn_flex::{Flex, FlexTensor};

use crate::kernels::cpu::space;

/// Elements of a chunk of a parameter.
pub const PARAMETERS: usize = 1 << 14;

/// A tensor whose elements lie in one piece, in row-major order.
pub struct Whole(pub FlexTensor);

impl Whole {
    /// Brings the elements together where they are apart.
    pub fn new<const D: usize>(tensor: Tensor<Flex, D>) -> Self {
        Self(tensor.into_primitive().tensor().to_contiguous())
    }

    /// The elements.
    pub fn slice(&self) -> &[f32] {
        self.0.as_slice().expect("the model computes in f32, and the tensor was made contiguous")
    }
}

/// The elements of an integer tensor.
pub fn integers(tensor: &FlexTensor) -> Cow<'_, [i32]> {
    match tensor.as_slice::<i32>() {
        Some(elements) => Cow::Borrowed(elements),
        None => {
            let data = tensor.clone().into_data().convert::<i32>();
            Cow::Owned(data.to_vec().expect("the data was converted to i32"))
        }
    }
}

/// A tensor of these elements.
pub fn tensor<const D: usize>(elements: Vec<f32>, shape: [usize; D]) -> Tensor<Flex, D> {
    Tensor::from_primitive(TensorPrimitive::Float(FlexTensor::from_data(TensorData::new(elements, shape))))
}

/// Gives the space of a tensor that nothing else refers to back to the pool.
pub fn release(tensor: Whole) {
    if tensor.0.is_unique()
        && let Ok(space) = tensor.0.into_data().into_vec()
    {
        space::give(space);
    }
}
