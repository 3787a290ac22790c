//! Bytes of tensors to and from `f32`.

use safetensors::{Dtype, tensor::TensorView};

/// The numbers of a tensor.
///
/// # Errors
/// The data type, where it is none that we read, as a lower-case fragment.
pub(super) fn to_f32(tensor: &TensorView) -> Result<Vec<f32>, String> {
    let data = tensor.data();
    let halves = || data.chunks_exact(2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    match tensor.dtype() {
        Dtype::F32 => Ok(data.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect()),
        Dtype::BF16 => Ok(halves().map(|bits| f32::from_bits(u32::from(bits) << 16)).collect()),
        Dtype::F16 => Ok(halves().map(f16_to_f32).collect()),
        other => Err(format!("data type {other:?} is not supported; expected F32, F16 or BF16")),
    }
}

/// Little-endian bytes.
pub(super) fn to_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The value of IEEE half-precision `bits`; exact.
fn f16_to_f32(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(bits >> 15) << 31, u32::from(bits >> 10 & 0x1F), u32::from(bits & 0x3FF));
    match exponent {
        // Subnormal: a multiple of 2^-24.
        0 => f32::from_bits(sign | (fraction as f32 / 16_777_216.0).to_bits()),
        31 => f32::from_bits(sign | 0x7F80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_values_are_exact() {
        let cases =
            [(0x0000, 0.0), (0x3C00, 1.0), (0xC000, -2.0), (0x3555, 0.333_251_95), (0x0001, 5.960_464_5e-8), (0x83FF, -6.097_555e-5), (0x7BFF, 65504.0)];
        for (bits, value) in cases {
            assert_eq!(f16_to_f32(bits), value);
        }
        assert_eq!(f16_to_f32(0x7C00), f32::INFINITY);
        assert!(f16_to_f32(0x7E00).is_nan());
        assert!(f16_to_f32(0x8000).is_sign_negative());
    }
}
