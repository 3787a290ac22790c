//! The angles of the rotary position embedding, in the single precision in which Hugging Face's Llama computes them.

use super::ModelConfig;

/// Cosines, then sines, of the rotary angles of the first `positions` positions, row-major `[2, positions, head_dim / 2]`.
///
/// Pair `j` of a head turns by `position * rope_theta^(-2j / head_dim)`; the pair is element `j` of the first half of the head and
/// element `j` of the second.
pub fn rotary_angles(config: &ModelConfig, positions: usize) -> Vec<f32> {
    let pairs = config.head_dim() / 2;
    let frequencies: Vec<f32> = (0..pairs).map(|pair| 1.0 / config.rope_theta.powf(2.0 * pair as f32 / config.head_dim() as f32)).collect();
    let angles = || (0..positions).flat_map(|position| frequencies.iter().map(move |frequency| position as f32 * frequency));
    angles().map(f32::cos).chain(angles().map(f32::sin)).collect()
}
