//! The operations of the CPU backend as functions on slices.

use burn_flex::Flex;

use super::Kernels;

impl Kernels for Flex {}
