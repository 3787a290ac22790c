//! Weights in the order in which the decoder reads them, cut into parts so that several threads can share one row's work.
//!
//! A part holds a range of the heads and of the columns of every other matrix. One thread that owns all parts, or a team in which each owns one, computes the same
//! numbers: cutting columns changes no sum.

use super::kernels::{LANES, PANEL, PackedMatrix};
use super::rotary::Rotary;
use crate::model::{LayerWeights, ModelConfig, Weights};
use std::{mem::take, ops::Range};

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

impl PackedWeights {
    /// Packs `weights` for teams of at most `threads`, their blocks with as many, into the memory of earlier weights where they have the same shape.
    pub(super) fn over(old: Option<Self>, weights: &Weights, threads: usize) -> Self {
        let config = weights.config.clone();
        let parts = (1..=threads.max(1)).rev().find(|parts| config.kv_heads.is_multiple_of(*parts)).unwrap_or(1);
        let (d, v) = (config.width, config.vocab_size);
        let (old_layers, old_head, rotary) = match old.filter(|old| old.config == config && old.parts() == parts) {
            Some(old) => (old.layers.into_iter().map(Some).collect(), Some(old.head), old.rotary),
            None => (vec![None; config.layers], None, Rotary::new(&config)),
        };
        let head = match &weights.head {
            Some(head) => split(old_head, parts, d, v, |row, column| line(&head[row * v..(row + 1) * v], column)),
            None => split(old_head, parts, d, v, |row, column| {
                std::array::from_fn(|lane| if column + lane < v { weights.embedding[(column + lane) * d + row] } else { 0.0 })
            }),
        };
        assert_eq!(weights.layers.len(), config.layers, "as many layers as the configuration states");
        let jobs: Vec<(&LayerWeights, Option<PackedLayer>)> = weights.layers.iter().zip(old_layers).collect();
        Self {
            embedding: weights.embedding.clone(),
            layers: at_once(threads, jobs, |(layer, old)| PackedLayer::over(old, layer, &config, parts)),
            final_norm: weights.final_norm.clone(),
            head,
            rotary,
            kv_heads: (0..parts).map(|part| part * config.kv_heads / parts..(part + 1) * config.kv_heads / parts).collect(),
            config,
        }
    }

    /// All of it, which leaves nothing here but the shape.
    pub(super) fn take(&mut self) -> Self {
        Self {
            config: self.config.clone(),
            embedding: take(&mut self.embedding),
            layers: take(&mut self.layers),
            final_norm: take(&mut self.final_norm),
            head: take(&mut self.head),
            rotary: take(&mut self.rotary),
            kv_heads: take(&mut self.kv_heads),
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
    fn over(old: Option<Self>, layer: &LayerWeights, config: &ModelConfig, parts: usize) -> Self {
        let (d, f) = (config.width, config.hidden);
        let [qkv, output, gate_up, down] = old.map_or([const { None }; 4], |old| [old.qkv, old.output, old.gate_up, old.down].map(Some));
        Self {
            attention_norm: layer.attention_norm.clone(),
            qkv: split_heads(qkv, layer, config, parts),
            output: split(output, parts, d, d, |row, column| line(&layer.output[row * d..(row + 1) * d], column)),
            mlp_norm: layer.mlp_norm.clone(),
            gate_up: split_gates(gate_up, layer, config, parts),
            down: split(down, parts, f, d, |row, column| line(&layer.down[row * d..(row + 1) * d], column)),
        }
    }
}

/// The results of `jobs` in order, shared among threads in stretches.
fn at_once<J: Send, R: Send>(threads: usize, jobs: Vec<J>, work: impl Fn(J) -> R + Sync) -> Vec<R> {
    if threads < 2 {
        return jobs.into_iter().map(work).collect();
    }
    let share = jobs.len().div_ceil(threads).max(1);
    let (mut jobs, work) = (jobs.into_iter(), &work);
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        while jobs.len() > 0 {
            let stretch: Vec<J> = jobs.by_ref().take(share).collect();
            workers.push(scope.spawn(move || stretch.into_iter().map(work).collect::<Vec<R>>()));
        }
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// The numbers of a row from a column on; zeros behind its end.
fn line(row: &[f32], first: usize) -> [f32; LANES] {
    match row.get(first..first + LANES) {
        Some(numbers) => numbers.try_into().expect("as many as a line holds"),
        None => std::array::from_fn(|lane| row.get(first + lane).copied().unwrap_or(0.0)),
    }
}

/// Cuts `columns` columns into whole panels, spread evenly over the parts.
fn split(old: Option<Vec<Columns>>, parts: usize, inner: usize, columns: usize, line: impl Fn(usize, usize) -> [f32; LANES]) -> Vec<Columns> {
    let panels = columns.div_ceil(PANEL);
    let mut old = matrices(old);
    let pack = |part| {
        let (first, end) = (panels * part / parts, panels * (part + 1) / parts);
        let from = first * PANEL;
        let weights = PackedMatrix::over(old.next(), inner, end - first, |row, column| line(row, from + column));
        Columns { weights, range: from..end * PANEL }
    };
    (0..parts).map(pack).collect()
}

fn split_heads(old: Option<Vec<Columns>>, layer: &LayerWeights, config: &ModelConfig, parts: usize) -> Vec<Columns> {
    let (d, g) = (config.width, config.kv_heads * config.head_dim());
    let row_width = d + 2 * g;
    let (queries, keys) = (d / parts, g / parts);
    let used = queries + 2 * keys;
    let panels = used.div_ceil(PANEL);
    let mut old = matrices(old);
    let pack = |part: usize| {
        let source = |column: usize| match column {
            _ if column < queries => part * queries + column,
            _ if column < queries + keys => d + part * keys + column - queries,
            _ => d + g + part * keys + column - queries - keys,
        };
        let line = |row: usize, column: usize| {
            let row = &layer.qkv[row * row_width..(row + 1) * row_width];
            let last = column + LANES - 1;
            // Sources only rise, so that no gap lies between two that are as far apart as their columns.
            match last < used && source(last) - source(column) == LANES - 1 {
                true => line(row, source(column)),
                false => std::array::from_fn(|lane| if column + lane < used { row[source(column + lane)] } else { 0.0 }),
            }
        };
        Columns { weights: PackedMatrix::over(old.next(), d, panels, line), range: part * panels * PANEL..(part + 1) * panels * PANEL }
    };
    (0..parts).map(pack).collect()
}

fn split_gates(old: Option<Vec<Columns>>, layer: &LayerWeights, config: &ModelConfig, parts: usize) -> Vec<Columns> {
    const HALF: usize = PANEL / 2;
    let f = config.hidden;
    let panels = f.div_ceil(HALF);
    let mut old = matrices(old);
    let pack = |part| {
        let (first, end) = (panels * part / parts, panels * (part + 1) / parts);
        let line = |row: usize, column: usize| {
            let (panel, within) = (first + column / PANEL, column % PANEL);
            let (gates, values) = layer.gate_up[row * 2 * f..(row + 1) * 2 * f].split_at(f);
            line(if within < HALF { gates } else { values }, panel * HALF + within % HALF)
        };
        Columns { weights: PackedMatrix::over(old.next(), config.width, end - first, line), range: first * HALF..end * HALF }
    };
    (0..parts).map(pack).collect()
}

/// The matrices of earlier columns, part by part.
fn matrices(old: Option<Vec<Columns>>) -> impl Iterator<Item = PackedMatrix> {
    old.into_iter().flatten().map(|columns| columns.weights)
}
