//! The rotation of heads by their position, with the very numbers of training.

use crate::model::{ModelConfig, rotary_angles};

/// The rotation of each position.
#[derive(Clone, Debug, Default)]
pub(super) struct Rotary {
    half: usize,
    /// Cosines, then sines, of each position's angles, `[2, context, head_dim / 2]`.
    table: Vec<f32>,
}

impl Rotary {
    /// The very numbers that the model was trained with.
    pub(super) fn new(config: &ModelConfig) -> Self {
        Self { half: config.head_dim() / 2, table: rotary_angles(config, config.context) }
    }

    /// Rotates one head, `[head_dim]`: its first half are the real parts, its second half the imaginary ones.
    pub(super) fn rotate(&self, position: usize, head: &mut [f32]) {
        let (cosines, sines) = self.table.split_at(self.table.len() / 2);
        let row = position * self.half..(position + 1) * self.half;
        let (real, imaginary) = head.split_at_mut(self.half);
        for (((x, y), cosine), sine) in real.iter_mut().zip(imaginary).zip(&cosines[row.clone()]).zip(&sines[row]) {
            (*x, *y) = (*x * cosine - *y * sine, *y * cosine + *x * sine);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RopeScaling;

    #[test]
    fn heads_turn_by_the_bits_of_training_at_any_length() {
        let llama3 = RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_position_embeddings: 8192 };
        for (rope_theta, rope_scaling) in [(10_000.0, None), (500_000.0, Some(llama3))] {
            let (width, context) = (16, 131_072);
            let config = ModelConfig {
                vocab_size: 1,
                width,
                layers: 1,
                heads: 1,
                kv_heads: 1,
                hidden: 1,
                context,
                rope_theta,
                rope_scaling,
                norm_epsilon: 1e-5,
                tied_embeddings: true,
            };
            let rotary = Rotary::new(&config);
            // Training makes its table as long as its rows are.
            for positions in [2_048, context] {
                let trained = rotary_angles(&config, positions);
                let (cosines, sines) = trained.split_at(positions * width / 2);
                for (position, (cosines, sines)) in cosines.chunks(width / 2).zip(sines.chunks(width / 2)).enumerate() {
                    let mut head: Vec<f32> = (0..width).map(|at| if at < width / 2 { 1.0 } else { 0.0 }).collect();
                    rotary.rotate(position, &mut head);
                    assert_eq!(head, [cosines, sines].concat(), "position {position} of {positions}");
                }
            }
        }
    }
}
