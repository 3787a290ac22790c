//! Weights in the order in which the decoder reads them, cut into parts so that several threads can share one row's work.
//!
//! A part holds a range of the heads and of the columns of every other matrix. One thread that owns all parts, or a team in which each owns one, computes the same
//! numbers: cutting columns changes no sum.

use super::kernels::{PANEL, PackedMatrix};
use crate::model::{LayerWeights, ModelConfig, Weights, rotary_angles};
use std::ops::Range;

/// All weights of a model, packed.
#[derive(Clone, Debug)]
pub(super) struct PackedWeights {
    pub(super) config: ModelConfig,
    /// `[v, d]`, as given.
    pub(super) embedding: Vec<f32>,
    pub(super) layers: Vec<PackedLayer>,
    /// `[d]`.
    pub(super) final_norm: Vec<f32>,
    /// The head of each part.
    pub(super) head: Vec<Columns>,
    pub(super) rotary: Rotary,
    /// The key and value heads of each part.
    pub(super) kv_heads: Vec<Range<usize>>,
}

/// One block.
#[derive(Clone, Debug)]
pub(super) struct PackedLayer {
    /// `[d]`.
    pub(super) attention_norm: Vec<f32>,
    /// For each part its query heads, then its key heads, then its value heads, padded.
    pub(super) qkv: Vec<Columns>,
    /// Output projection of attention.
    pub(super) output: Vec<Columns>,
    /// `[d]`.
    pub(super) mlp_norm: Vec<f32>,
    /// Panels of 32 gates and the 32 values that they gate.
    pub(super) gate_up: Vec<Columns>,
    /// Down projection.
    pub(super) down: Vec<Columns>,
}

/// Some columns of a product.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    pub(super) weights: PackedMatrix,
    /// Where they stand in the output row.
    pub(super) range: Range<usize>,
}

/// The rotation of each position.
#[derive(Clone, Debug)]
pub(super) struct Rotary {
    half: usize,
    /// Cosines, then sines, of each position's angles, `[2, context, head_dim / 2]`.
    table: Vec<f32>,
}

impl PackedWeights {
    /// Packs `weights` for teams of at most `threads`.
    pub(super) fn new(weights: &Weights, threads: usize) -> Self {
        let config = weights.config.clone();
        let parts = (1..=threads.max(1)).rev().find(|parts| config.kv_heads.is_multiple_of(*parts)).unwrap_or(1);
        let (d, v) = (config.width, config.vocab_size);
        let head = match &weights.head {
            Some(head) => split(parts, d, v, |row, column| head[row * v + column]),
            None => split(parts, d, v, |row, column| weights.embedding[column * d + row]),
        };
        Self {
            embedding: weights.embedding.clone(),
            layers: weights.layers.iter().map(|layer| PackedLayer::new(layer, &config, parts)).collect(),
            final_norm: weights.final_norm.clone(),
            head,
            rotary: Rotary::new(&config),
            kv_heads: (0..parts).map(|part| part * config.kv_heads / parts..(part + 1) * config.kv_heads / parts).collect(),
            config,
        }
    }

    /// Number of parts, the size of the largest team.
    pub(super) fn parts(&self) -> usize {
        self.kv_heads.len()
    }

    /// The most numbers of a row that members of a team exchange.
    pub(super) fn widest(&self) -> usize {
        self.layers
            .iter()
            .flat_map(|layer| [&layer.output, &layer.gate_up])
            .chain([&self.head])
            .filter_map(|columns| Some(columns.last()?.range.end))
            .max()
            .unwrap_or(0)
    }
}

impl PackedLayer {
    fn new(layer: &LayerWeights, config: &ModelConfig, parts: usize) -> Self {
        let (d, f) = (config.width, config.hidden);
        Self {
            attention_norm: layer.attention_norm.clone(),
            qkv: split_heads(layer, config, parts),
            output: split(parts, d, d, |row, column| layer.output[row * d + column]),
            mlp_norm: layer.mlp_norm.clone(),
            gate_up: split_gates(layer, config, parts),
            down: split(parts, f, d, |row, column| layer.down[row * d + column]),
        }
    }
}

/// Cuts `columns` columns into whole panels, spread evenly over the parts.
fn split(parts: usize, inner: usize, columns: usize, weight: impl Fn(usize, usize) -> f32) -> Vec<Columns> {
    let panels = columns.div_ceil(PANEL);
    let pack = |part| {
        let (first, end) = (panels * part / parts, panels * (part + 1) / parts);
        let from = first * PANEL;
        let weights = PackedMatrix::new(inner, end - first, |row, column| if from + column < columns { weight(row, from + column) } else { 0.0 });
        Columns { weights, range: from..end * PANEL }
    };
    (0..parts).map(pack).collect()
}

fn split_heads(layer: &LayerWeights, config: &ModelConfig, parts: usize) -> Vec<Columns> {
    let (d, g) = (config.width, config.kv_heads * config.head_dim());
    let row_width = d + 2 * g;
    let (queries, keys) = (d / parts, g / parts);
    let used = queries + 2 * keys;
    let panels = used.div_ceil(PANEL);
    let pack = |part: usize| {
        let source = |column: usize| match column {
            _ if column < queries => part * queries + column,
            _ if column < queries + keys => d + part * keys + column - queries,
            _ => d + g + part * keys + column - queries - keys,
        };
        let weight = |row, column| if column < used { layer.qkv[row * row_width + source(column)] } else { 0.0 };
        Columns { weights: PackedMatrix::new(d, panels, weight), range: part * panels * PANEL..(part + 1) * panels * PANEL }
    };
    (0..parts).map(pack).collect()
}

fn split_gates(layer: &LayerWeights, config: &ModelConfig, parts: usize) -> Vec<Columns> {
    const HALF: usize = PANEL / 2;
    let f = config.hidden;
    let panels = f.div_ceil(HALF);
    let pack = |part| {
        let (first, end) = (panels * part / parts, panels * (part + 1) / parts);
        let weight = |row: usize, column: usize| {
            let (panel, within) = (first + column / PANEL, column % PANEL);
            let unit = panel * HALF + within % HALF;
            if unit >= f { 0.0 } else { layer.gate_up[row * 2 * f + if within < HALF { unit } else { f + unit }] }
        };
        Columns { weights: PackedMatrix::new(config.width, end - first, weight), range: first * HALF..end * HALF }
    };
    (0..parts).map(pack).collect()
}

impl Rotary {
    /// The very numbers that the model was trained with.
    fn new(config: &ModelConfig) -> Self {
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
