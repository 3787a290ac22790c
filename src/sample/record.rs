//! Recording of passes for the trainer: the intermediate results of every position that a completion is made of, as [`kernels::Tape`](crate::kernels::Tape) has them.

use super::Ask;
use super::forward::Item;
use super::kernels::{Epilogue, Isa, PANEL, gate_panels, matmul};
use super::packed::{PackedLayer, PackedWeights};
use crate::kernels::{Reel, Tape, TapeRow, TapeShape, Track};
use crate::model::ModelConfig;
use std::sync::Arc;

/// The row that everything is written to that is not kept.
const UNKEPT: usize = 0;

/// What one thread records.
#[derive(Debug)]
pub(super) struct Recorder {
    reel: Reel,
    /// Its place on the tape.
    number: u32,
    /// By slot, the rows of the positions that it holds.
    tracks: Vec<Vec<u32>>,
    /// The row of each item of this pass.
    rows: Vec<usize>,
    /// Gates and values as products give them, panel by panel.
    panels: Vec<f32>,
}

impl Recorder {
    fn new(reel: Reel, number: u32) -> Self {
        let mut recorder = Self { reel, number, tracks: Vec::new(), rows: Vec::new(), panels: Vec::new() };
        recorder.reel.extend(UNKEPT + 1);
        recorder
    }

    /// Takes a row for each item of a pass that is kept.
    pub(super) fn begin(&mut self, items: &[Item]) {
        self.rows.clear();
        for item in items {
            let row = if item.is_kept { self.reel.extend(1) } else { UNKEPT };
            self.rows.push(row);
            if item.is_kept {
                let track = self.track_mut(item.slot);
                debug_assert!(item.position <= track.len(), "all before a position was kept");
                track.truncate(item.position);
                track.push(row as u32);
            }
        }
    }

    /// Notes that a slot holds the first `length` positions of another.
    pub(super) fn copy(&mut self, from: usize, to: usize, length: usize) {
        let held = self.track_mut(from)[..length].to_vec();
        *self.track_mut(to) = held;
    }

    /// The rows of the first `length` positions of a slot.
    pub(super) fn track(&self, slot: usize, length: usize) -> Vec<TapeRow> {
        let held = self.tracks.get(slot).map(Vec::as_slice).unwrap_or_default();
        held[..length].iter().map(|&row| TapeRow { reel: self.number, row }).collect()
    }

    /// The residual stream before a block, `[m, stride]`, and its joint projection, before heads are rotated.
    pub(super) fn before_attention(&mut self, model: &PackedWeights, layer: usize, (residual, stride): (&[f32], usize), (qkv, width): (&[f32], usize)) {
        let (d, e) = (model.config.width, model.config.head_dim());
        let (group, all_keys) = (d / model.config.kv_heads, e * model.config.kv_heads);
        for (item, (residual, row)) in residual.chunks_exact(stride).zip(qkv.chunks_exact(width)).enumerate() {
            let token = self.reel.token(self.rows[item], layer);
            token.x.copy_from_slice(&residual[..d]);
            for (heads, columns) in model.kv_heads.iter().zip(&model.layers[layer].qkv) {
                let (queries, keys) = (heads.len() * group, heads.len() * e);
                let part = &row[columns.range.start..][..queries + 2 * keys];
                token.qkv[heads.start * group..][..queries].copy_from_slice(&part[..queries]);
                token.qkv[d + heads.start * e..][..keys].copy_from_slice(&part[queries..queries + keys]);
                token.qkv[d + all_keys + heads.start * e..][..keys].copy_from_slice(&part[queries + keys..]);
            }
        }
    }

    /// The logarithm of the denominator of a head's attention.
    pub(super) fn log_sum(&mut self, item: usize, layer: usize, head: usize, log_sum: f32) {
        self.reel.token(self.rows[item], layer).log_sum[head] = log_sum;
    }

    /// The output of attention, `[m, d]`, and the residual stream behind it, `[m, stride]`.
    pub(super) fn after_attention(&mut self, d: usize, layer: usize, context: &[f32], (residual, stride): (&[f32], usize)) {
        for (item, (context, residual)) in context.chunks_exact(d).zip(residual.chunks_exact(stride)).enumerate() {
            let token = self.reel.token(self.rows[item], layer);
            token.attended.copy_from_slice(context);
            token.middle.copy_from_slice(&residual[..d]);
        }
    }

    /// Gate and up projection of `normed: [m, d]`, recorded, and SwiGLU of it into `hidden: [m, width]`, with the bits of [`Epilogue::SwiGlu`].
    pub(super) fn gate_up(
        &mut self,
        isa: Isa,
        config: &ModelConfig,
        (index, layer): (usize, &PackedLayer),
        normed: &[f32],
        (hidden, width): (&mut [f32], usize),
    ) {
        const HALF: usize = PANEL / 2;
        let (d, f) = (config.width, config.hidden);
        let m = normed.len() / d;
        self.panels.resize(m * 2 * width, 0.0);
        for columns in &layer.gate_up {
            if m > 0 && !columns.range.is_empty() {
                matmul(isa, m, normed, d, &columns.weights, &mut self.panels[2 * columns.range.start..], 2 * width, Epilogue::Store);
            }
        }
        for (item, (panels, hidden)) in self.panels.chunks_exact(2 * width).zip(hidden.chunks_exact_mut(width)).enumerate() {
            gate_panels(isa, panels, hidden);
            let (gates, values) = self.reel.token(self.rows[item], index).gate_up.split_at_mut(f);
            for (panel, (gates, values)) in panels.chunks_exact(PANEL).zip(gates.chunks_mut(HALF).zip(values.chunks_mut(HALF))) {
                gates.copy_from_slice(&panel[..gates.len()]);
                values.copy_from_slice(&panel[HALF..HALF + values.len()]);
            }
        }
    }

    /// The residual stream behind the last block, `[m, stride]`.
    pub(super) fn end(&mut self, d: usize, (residual, stride): (&[f32], usize)) {
        for (item, residual) in residual.chunks_exact(stride).enumerate() {
            self.reel.last(self.rows[item]).copy_from_slice(&residual[..d]);
        }
    }

    fn track_mut(&mut self, slot: usize) -> &mut Vec<u32> {
        if self.tracks.len() <= slot {
            self.tracks.resize(slot + 1, Vec::new());
        }
        &mut self.tracks[slot]
    }
}

/// A recording under way: what was recorded of all calls since it began.
#[derive(Debug)]
pub(super) struct Recording {
    /// One for each thread; away while they record.
    recorders: Vec<Recorder>,
    /// Rows that are left of the most: each position of each request is one, though what prompts have in common is computed once.
    rows: usize,
    /// By request; nothing of those that were not kept.
    tracks: Vec<Vec<TapeRow>>,
}

impl Recording {
    /// Begins one in at most so many bytes, in the memory of an earlier tape.
    pub(super) fn over(old: Option<Tape>, config: &ModelConfig, threads: usize, bytes: usize) -> Self {
        let shape = TapeShape {
            layers: config.layers,
            width: config.width,
            columns: config.width + 2 * config.kv_heads * config.head_dim(),
            attended: config.width,
            heads: config.heads,
            hidden: config.hidden,
        };
        let rows = bytes / shape.row_bytes();
        let recorders = Reel::set(old, shape, threads, rows).into_iter().zip(0..).map(|(reel, number)| Recorder::new(reel, number)).collect();
        Self { recorders, rows, tracks: Vec::new() }
    }

    /// How many requests of a call are kept, the first ones: as many as fit beside all prompts, were every completion as long as it may be in a context.
    pub(super) fn admits(&self, asks: &[Ask], context: usize) -> usize {
        let Some(mut left) = self.rows.checked_sub(prompts(asks)) else { return 0 };
        let fits = |ask: &&Ask| {
            let rest = left.checked_sub(ask.config.max_new_tokens.min(context.saturating_sub(ask.request.prompt.len())));
            left = rest.unwrap_or(left);
            rest.is_some()
        };
        asks.iter().take_while(fits).count()
    }

    /// The recorders, to be given back.
    pub(super) fn lend(&mut self) -> Vec<Recorder> {
        std::mem::take(&mut self.recorders)
    }

    pub(super) fn give_back(&mut self, recorders: impl Iterator<Item = Recorder>) {
        self.recorders.extend(recorders);
    }

    /// Notes the tracks of a call, in the order of its requests, of which so many were kept.
    pub(super) fn note(&mut self, asks: &[Ask], kept: usize, tracks: Vec<Vec<TapeRow>>) {
        let rows = |(track, ask): (&Vec<TapeRow>, &Ask)| track.len().saturating_sub(ask.request.prompt.len());
        self.rows -= if kept > 0 { prompts(asks) + tracks.iter().zip(asks).map(rows).sum::<usize>() } else { 0 };
        self.tracks.extend(tracks);
    }

    /// The tape, and the tracks of all requests since the recording began, in order.
    pub(super) fn end(self) -> (Arc<Tape>, Vec<Option<Track>>) {
        let tape = Arc::new(Tape::new(self.recorders.into_iter().map(|recorder| recorder.reel).collect()));
        let track = |rows: Vec<TapeRow>| (!rows.is_empty()).then(|| Track { tape: tape.clone(), rows });
        let tracks = self.tracks.into_iter().map(track).collect();
        (tape, tracks)
    }
}

/// Positions of all prompts.
fn prompts(asks: &[Ask]) -> usize {
    asks.iter().map(|ask| ask.request.prompt.len()).sum()
}
