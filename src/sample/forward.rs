//! The forward pass over cached keys and values: some new positions of some sequences in, logits out.
//!
//! Letters: `m` new positions, `d` width, `v` vocabulary.
//!
//! **Invariant**: the numbers of a position depend only on its sequence, not on what else is computed in the same pass.

use super::cache::Cache;
use super::kernels::{AttentionShape, Epilogue, Isa, LANES, Line, attend, matmul, rms_norm};
use super::packed::{Columns, PackedWeights};
use super::record::Recorder;
use super::team::Member;
use std::ops::Range;

/// One new position of a sequence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    /// Where the sequence is cached.
    pub(super) slot: usize,
    /// Its index in the sequence; all before it are cached, or stand earlier in the same pass.
    pub(super) position: usize,
    pub(super) token: u32,
    /// Whether the logits of the next token are wanted.
    pub(super) wants_logits: bool,
    /// Whether a recorder keeps what is computed of it.
    pub(super) is_kept: bool,
}

/// The cache and the working memory of one thread.
#[derive(Debug)]
pub(super) struct Executor {
    isa: Isa,
    cache: Cache,
    /// Records passes of all parts for the trainer, where it is asked to.
    pub(super) recorder: Option<Recorder>,
    residual: Vec<f32>,
    normed: Vec<f32>,
    qkv: Vec<f32>,
    context: Vec<f32>,
    hidden: Vec<f32>,
    logits: Vec<f32>,
    scores: Vec<Line>,
    head: Vec<Line>,
}

/// Widths of the buffers' rows.
struct Widths {
    residual: usize,
    qkv: usize,
    hidden: usize,
    logits: usize,
}

impl Executor {
    pub(super) fn new(isa: Isa) -> Self {
        Self {
            isa,
            cache: Cache::default(),
            recorder: None,
            residual: Vec::new(),
            normed: Vec::new(),
            qkv: Vec::new(),
            context: Vec::new(),
            hidden: Vec::new(),
            logits: Vec::new(),
            scores: Vec::new(),
            head: Vec::new(),
        }
    }

    /// Makes room for the heads of `parts` in `slots` sequences of `positions`.
    pub(super) fn reserve(&mut self, model: &PackedWeights, parts: Range<usize>, slots: usize, positions: usize) {
        let heads = model.kv_heads[parts].iter().map(|heads| heads.len()).sum();
        self.cache.reserve(model.config.layers, heads, model.config.head_dim(), slots, positions);
        self.scores.resize(self.cache.capacity() / LANES, Line::ZERO);
        self.head.resize(model.config.head_dim().div_ceil(LANES), Line::ZERO);
    }

    /// Copies the first `length` positions of slot `from` to slot `to`.
    pub(super) fn copy(&mut self, from: usize, to: usize, length: usize) {
        self.cache.copy(from, to, length);
        if let Some(recorder) = &mut self.recorder {
            recorder.copy(from, to, length);
        }
    }

    /// Computes and caches `items`; alone with all parts, or as the `member` of a team that does the one part.
    pub(super) fn forward(&mut self, model: &PackedWeights, parts: Range<usize>, items: &[Item], mut member: Option<&mut Member>) {
        let (config, m) = (&model.config, items.len());
        let d = config.width;
        let widths =
            Widths { residual: end(&model.layers[0].output), qkv: end(&model.layers[0].qkv), hidden: end(&model.layers[0].gate_up), logits: end(&model.head) };
        self.residual.resize(m * widths.residual, 0.0);
        self.normed.resize(m * d, 0.0);
        self.qkv.resize(m * widths.qkv, 0.0);
        self.context.resize(m * d, 0.0);
        self.hidden.resize(m * widths.hidden, 0.0);
        for (item, row) in items.iter().zip(self.residual.chunks_exact_mut(widths.residual)) {
            let token = item.token as usize;
            row[..d].copy_from_slice(&model.embedding[token * d..(token + 1) * d]);
            row[d..].fill(0.0);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.begin(items);
        }
        for (index, layer) in model.layers.iter().enumerate() {
            self.norm(&layer.attention_norm, config.norm_epsilon, widths.residual);
            for columns in &layer.qkv[parts.clone()] {
                product(self.isa, m, &self.normed, d, columns, &mut self.qkv, widths.qkv, Epilogue::Store);
            }
            if let Some(recorder) = &mut self.recorder {
                recorder.before_attention(model, index, (&self.residual, widths.residual), (&self.qkv, widths.qkv));
            }
            self.attention(model, parts.clone(), index, items, widths.qkv);
            if let Some(member) = &mut member {
                let group = config.heads / config.kv_heads * config.head_dim();
                let heads = &model.kv_heads[parts.start];
                member.exchange(&mut self.context, d, heads.start * group..heads.end * group);
            }
            for columns in &layer.output[parts.clone()] {
                product(self.isa, m, &self.context, d, columns, &mut self.residual, widths.residual, Epilogue::Add);
            }
            if let Some(member) = &mut member {
                member.exchange(&mut self.residual, widths.residual, layer.output[parts.start].range.clone());
            }
            self.norm(&layer.mlp_norm, config.norm_epsilon, widths.residual);
            if let Some(recorder) = &mut self.recorder {
                recorder.after_attention(d, index, &self.context, (&self.residual, widths.residual));
                recorder.gate_up(self.isa, config, (index, layer), &self.normed, (&mut self.hidden, widths.hidden));
            } else {
                for columns in &layer.gate_up[parts.clone()] {
                    product(self.isa, m, &self.normed, d, columns, &mut self.hidden, widths.hidden, Epilogue::SwiGlu);
                }
            }
            if let Some(member) = &mut member {
                member.exchange(&mut self.hidden, widths.hidden, layer.gate_up[parts.start].range.clone());
            }
            for columns in &layer.down[parts.clone()] {
                product(self.isa, m, &self.hidden, widths.hidden, columns, &mut self.residual, widths.residual, Epilogue::Add);
            }
            if let Some(member) = &mut member {
                member.exchange(&mut self.residual, widths.residual, layer.down[parts.start].range.clone());
            }
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.end(d, (&self.residual, widths.residual));
        }
        self.finish(model, parts, items, &widths, member);
    }

    /// The logits of the `row`th item that wanted some, `[v]`.
    pub(super) fn logits(&self, model: &PackedWeights, row: usize) -> &[f32] {
        let width = end(&model.head);
        &self.logits[row * width..row * width + model.config.vocab_size]
    }

    fn norm(&mut self, gain: &[f32], epsilon: f32, width: usize) {
        for (row, out) in self.residual.chunks_exact(width).zip(self.normed.chunks_exact_mut(gain.len())) {
            rms_norm(self.isa, &row[..gain.len()], gain, epsilon, out);
        }
    }

    /// Rotates queries and keys, caches keys and values, attends.
    fn attention(&mut self, model: &PackedWeights, parts: Range<usize>, layer: usize, items: &[Item], width: usize) {
        let config = &model.config;
        let (head_dim, group) = (config.head_dim(), config.heads / config.kv_heads);
        let scale = 1.0 / (head_dim as f32).sqrt();
        let first_head = model.kv_heads[parts.start].start;
        for part in parts {
            let heads = model.kv_heads[part].clone();
            let (queries, keys) = (heads.len() * group * head_dim, heads.len() * head_dim);
            let columns = &model.layers[layer].qkv[part].range;
            let row = |row: usize| row * width + columns.start..row * width + columns.end;
            for (index, item) in items.iter().enumerate() {
                let qkv = &mut self.qkv[row(index)];
                for head in qkv[..queries + keys].chunks_exact_mut(head_dim) {
                    model.rotary.rotate(item.position, head);
                }
                for (within, head) in heads.clone().enumerate() {
                    let key = queries + within * head_dim;
                    let (key, value) = (&qkv[key..key + head_dim], &qkv[key + keys..key + keys + head_dim]);
                    self.cache.store(item.slot, layer, head - first_head, item.position, key, value);
                }
            }
            for (index, item) in items.iter().enumerate() {
                let qkv = &self.qkv[row(index)];
                let shape = AttentionShape { head_dim, length: item.position + 1, scale };
                for (within, head) in (heads.start * group..heads.end * group).enumerate() {
                    let (keys, values) = self.cache.head(item.slot, layer, head / group - first_head);
                    let query = &qkv[within * head_dim..(within + 1) * head_dim];
                    let [largest, sum] = attend(self.isa, shape, query, keys, values, &mut self.scores, &mut self.head);
                    if let Some(recorder) = &mut self.recorder {
                        recorder.log_sum(index, layer, head, largest + sum.ln());
                    }
                    let out = &mut self.context[index * config.width + head * head_dim..][..head_dim];
                    for (numbers, line) in out.chunks_mut(LANES).zip(&self.head) {
                        numbers.copy_from_slice(&line.0[..numbers.len()]);
                    }
                }
            }
        }
    }

    /// Logits of the items that want them.
    fn finish(&mut self, model: &PackedWeights, parts: Range<usize>, items: &[Item], widths: &Widths, member: Option<&mut Member>) {
        let d = model.config.width;
        let wanted = items.iter().enumerate().filter(|(_, item)| item.wants_logits);
        let mut m = 0;
        for (index, _) in wanted {
            let row = &self.residual[index * widths.residual..][..d];
            rms_norm(self.isa, row, &model.final_norm, model.config.norm_epsilon, &mut self.normed[m * d..(m + 1) * d]);
            m += 1;
        }
        self.logits.resize(m * widths.logits, 0.0);
        for columns in &model.head[parts.clone()] {
            product(self.isa, m, &self.normed, d, columns, &mut self.logits, widths.logits, Epilogue::Store);
        }
        if let Some(member) = member {
            member.exchange(&mut self.logits, widths.logits, model.head[parts.start].range.clone());
        }
    }
}

fn end(columns: &[Columns]) -> usize {
    columns.last().map_or(0, |columns| columns.range.end)
}

/// One part's columns of a product, written where they belong.
#[allow(clippy::too_many_arguments)]
fn product(isa: Isa, m: usize, a: &[f32], stride: usize, columns: &Columns, out: &mut [f32], out_stride: usize, epilogue: Epilogue) {
    if m > 0 && !columns.range.is_empty() {
        matmul(isa, m, a, stride, &columns.weights, &mut out[columns.range.start..], out_stride, epilogue);
    }
}
