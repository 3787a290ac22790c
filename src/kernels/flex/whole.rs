//! Tensors of the CPU backend as slices, and slices as tensors.

use std::borrow::Cow;

use burn::tensor::{Tensor, TensorData, TensorPrimitive};
use burn_flex::{Flex, FlexTensor};
use rayon::prelude::*;

use crate::kernels::cpu::{space, sum};

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

/// Adds the rows of `parts` up, in order.
pub fn sum_in_order(parts: Vec<Vec<f32>>) -> Vec<f32> {
    let [total] = sums_in_order(parts.into_iter().map(|part| [part]).collect());
    total
}

/// Adds up, in order, what the parts hold of each of several sums.
pub fn sums_in_order<const N: usize>(parts: Vec<[Vec<f32>; N]>) -> [Vec<f32>; N] {
    let mut parts = parts.into_iter();
    let Some(mut totals) = parts.next() else {
        return [const { Vec::new() }; N];
    };
    let parts: Vec<[Vec<f32>; N]> = parts.collect();
    // The chunks of all sums at once, so that threads are woken once.
    let chunks = totals.iter_mut().enumerate().flat_map(|(index, total)| {
        let chunks = total.chunks_mut(PARAMETERS).enumerate();
        chunks.map(move |(chunk, total)| (index, chunk * PARAMETERS, total))
    });
    let chunks: Vec<(usize, usize, &mut [f32])> = chunks.collect();
    chunks.into_par_iter().for_each(|(index, first, total)| {
        let parts: Vec<&[f32]> = parts.iter().map(|part| &part[index][first..][..total.len()]).collect();
        sum::add(total, &parts);
    });
    parts.into_iter().flatten().for_each(space::give);
    totals
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_taken_in_the_order_of_the_parts() {
        // In another order the small number would survive.
        for len in [1, 19, PARAMETERS + 21] {
            let part = |x: f32| [vec![x; len], vec![2.0 * x; 3]];
            assert_eq!(sums_in_order(vec![part(1.0), part(1e9), part(-1e9)]), part(0.0), "{len}");
            assert_eq!(sums_in_order(vec![part(1e9), part(-1e9), part(1.0)]), part(1.0), "{len}");
        }
        assert!(sums_in_order::<2>(Vec::new()).iter().all(Vec::is_empty));
    }
}
