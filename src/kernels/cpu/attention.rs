//! Causal attention over the documents of one row, from the joint projection, with the rotary embedding inside.
//!
//! Queries are taken 48 at a time: their scores against all keys up to them are the only scores that ever exist. The forward pass keeps
//! the output and the logarithm of each softmax's denominator; the backward pass makes the scores again from them
//! (Dao et al., FlashAttention, arXiv 2205.14135, without its running maximum: 48 rows of scores fit the cache).

use std::ops::Range;

use super::{
    paneled::{Panels, get_row, put_column, put_row, zero_rows},
    simd::{LANES, Simd, simd_fn},
    space::Scratch,
    tile::{Causal, Left, Size, product},
};
use crate::kernels::AttentionShape;

/// Queries whose scores exist at a time.
const QUERIES: usize = 48;

/// One row of a batch, and the tables that all rows share.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// The sizes.
    pub shape: AttentionShape,
    /// Joint projection, `[time, (h + 2k) e]`.
    pub qkv: &'a [f32],
    /// Start of the document of each token, `[time]`.
    pub starts: &'a [i32],
    /// Cosines, then sines, by position, `[2, positions, e / 2]`.
    pub rotary: &'a [f32],
}

/// What the backward pass reads of the forward pass, and the gradient that comes in.
#[derive(Clone, Copy)]
pub struct Saved<'a> {
    /// Output, `[time, h e]`.
    pub output: &'a [f32],
    /// Logarithms of the denominators, `[time, h]`.
    pub log_sum: &'a [f32],
    /// Gradient by the output, `[time, h e]`.
    pub grad: &'a [f32],
}

simd_fn! {
    /// Attention of one row into `output: [time, h e]` and `log_sum: [time, h]`.
    pub fn forward[s](row: Row<'_>, output: &mut [f32], log_sum: &mut [f32]) {
        let (heads, e) = (row.shape.heads, row.shape.head_dim);
        let group = heads / row.shape.kv_heads;
        let mut work = Work::new(row.shape, false);
        for document in documents(row.starts) {
            for kv_head in 0..row.shape.kv_heads {
                work.load_keys(&row, document.clone(), kv_head, false);
                for head in kv_head * group..(kv_head + 1) * group {
                    work.load_queries(&row, document.clone(), head);
                    for first in (0..document.len()).step_by(QUERIES) {
                        let queries = first..document.len().min(first + QUERIES);
                        work.scores(s, queries.clone());
                        let (highest, sums) = work.softmax(s, queries.clone());
                        work.weighted_values(s, queries.clone());
                        for i in queries {
                            let (token, sum) = (document.start + i, sums[i - first]);
                            log_sum[token * heads + head] = highest[i - first] + sum.ln();
                            let out = &mut output[token * heads * e + head * e..][..e];
                            get_row(&work.mixed, QUERIES, i - first, out);
                            out.iter_mut().for_each(|out| *out *= 1.0 / sum);
                        }
                    }
                }
            }
        }
    }
}

simd_fn! {
    /// The gradient by the joint projection of one row, into `grad_qkv: [time, (h + 2k) e]`.
    pub fn backward[s](row: Row<'_>, saved: Saved<'_>, grad_qkv: &mut [f32]) {
        let (heads, e) = (row.shape.heads, row.shape.head_dim);
        let group = heads / row.shape.kv_heads;
        let columns = row.shape.columns();
        let mut work = Work::new(row.shape, true);
        for document in documents(row.starts) {
            for kv_head in 0..row.shape.kv_heads {
                work.load_keys(&row, document.clone(), kv_head, true);
                zero_rows(&mut work.grad_keys, work.rows, work.len);
                zero_rows(&mut work.grad_values, work.rows, work.len);
                for head in kv_head * group..(kv_head + 1) * group {
                    work.load_queries(&row, document.clone(), head);
                    work.load_grad(&saved, document.clone(), head, heads);
                    for first in (0..document.len()).step_by(QUERIES) {
                        let queries = first..document.len().min(first + QUERIES);
                        work.backward_queries(s, queries.clone(), document.start, head, &saved, heads);
                        for i in queries {
                            let into = &mut grad_qkv[(document.start + i) * columns + head * e..][..e];
                            get_row(&work.mixed, QUERIES, i - first, &mut work.line);
                            unrotate(&work.line, &row, i, (e as f32).powf(-0.5), into);
                        }
                    }
                }
                for i in 0..document.len() {
                    let line = &mut grad_qkv[(document.start + i) * columns..][..columns];
                    get_row(&work.grad_keys, work.rows, i, &mut work.line);
                    unrotate(&work.line, &row, i, 1.0, &mut line[(heads + kv_head) * e..][..e]);
                    get_row(&work.grad_values, work.rows, i, &mut line[(heads + row.shape.kv_heads + kv_head) * e..][..e]);
                }
            }
        }
    }
}

/// The documents of a row: runs of tokens with one start.
fn documents(starts: &[i32]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = *starts.get(from)?;
        let len = starts[from..].iter().take_while(|&&other| other == start).count();
        from += len;
        Some(from - len..from)
    })
}

/// Rotates `x: [e]` by the angles of `position` and scales it, into `out`.
#[inline(always)]
fn rotate(x: &[f32], row: &Row<'_>, position: usize, scale: f32, out: &mut [f32]) {
    let half = x.len() / 2;
    let (cos, sin) = row.rotary.split_at(row.rotary.len() / 2);
    let (cos, sin) = (&cos[position * half..][..half], &sin[position * half..][..half]);
    let (a, b) = x.split_at(half);
    let (out_a, out_b) = out.split_at_mut(half);
    let (b, out_b) = (&b[..half], &mut out_b[..half]);
    for j in 0..half {
        out_a[j] = (a[j] * cos[j] - b[j] * sin[j]) * scale;
        out_b[j] = (b[j] * cos[j] + a[j] * sin[j]) * scale;
    }
}

/// The gradient of [`rotate`]: the rotation backwards.
#[inline(always)]
fn unrotate(grad: &[f32], row: &Row<'_>, position: usize, scale: f32, out: &mut [f32]) {
    let half = out.len() / 2;
    let (cos, sin) = row.rotary.split_at(row.rotary.len() / 2);
    let (cos, sin) = (&cos[position * half..][..half], &sin[position * half..][..half]);
    let (a, b) = (&grad[..half], &grad[half..2 * half]);
    let (out_a, out_b) = out.split_at_mut(half);
    for j in 0..half {
        out_a[j] = (a[j] * cos[j] + b[j] * sin[j]) * scale;
        out_b[j] = (b[j] * cos[j] - a[j] * sin[j]) * scale;
    }
}

/// Scratch space of one thread: matrices in panels, padded to whole tiles of rows and panels of columns. Keys and values have zeros up to `len`, as sums run
/// over them; other padded rows are never summed over, and padded columns of a head are columns that no other depends on: they hold anything.
struct Work {
    /// Width of a head.
    head_dim: usize,
    /// Padded width of a head.
    e: usize,
    /// Tokens of the row, rounded up to whole steps of queries.
    rows: usize,
    /// Tokens of the document, rounded up to whole vectors.
    len: usize,
    /// A row of a head.
    line: Scratch,
    /// By token.
    queries: Scratch,
    keys: Scratch,
    values: Scratch,
    /// By column of the head.
    keys_transposed: Scratch,
    values_transposed: Scratch,
    grad: Scratch,
    grad_keys: Scratch,
    grad_values: Scratch,
    /// Scores, then weights of the queries at hand, by query.
    weights: Scratch,
    grad_scores: Scratch,
    /// Sums over keys for the queries at hand.
    mixed: Scratch,
}

impl Work {
    fn new(shape: AttentionShape, is_backward: bool) -> Self {
        let e = shape.head_dim.next_multiple_of(LANES);
        let rows = shape.time.next_multiple_of(QUERIES);
        let matrix = |is_needed: bool| Scratch::new(if is_needed { rows * e } else { 0 });
        let scores = |is_needed: bool| Scratch::new(if is_needed { rows * QUERIES } else { 0 });
        Self {
            head_dim: shape.head_dim,
            e,
            rows,
            len: 0,
            line: Scratch::new(shape.head_dim),
            queries: matrix(true),
            keys: matrix(is_backward),
            values: matrix(!is_backward),
            keys_transposed: matrix(true),
            values_transposed: matrix(is_backward),
            grad: matrix(is_backward),
            grad_keys: matrix(is_backward),
            grad_values: matrix(is_backward),
            weights: scores(true),
            grad_scores: scores(is_backward),
            mixed: Scratch::new(QUERIES * e),
        }
    }

    /// Number of keys that these queries can see, rounded up to whole vectors.
    #[inline(always)]
    fn seen(&self, queries: &Range<usize>) -> usize {
        self.len.min(queries.end.next_multiple_of(LANES))
    }

    #[inline(always)]
    fn load_keys(&mut self, row: &Row<'_>, document: Range<usize>, kv_head: usize, is_backward: bool) {
        let (columns, e) = (row.shape.columns(), row.shape.head_dim);
        let [at_keys, at_values] = [row.shape.heads + kv_head, row.shape.heads + row.shape.kv_heads + kv_head].map(|head| head * e);
        self.len = document.len().next_multiple_of(LANES);
        for i in 0..self.len {
            let mut values: &[f32] = &[];
            if i < document.len() {
                let line = &row.qkv[(document.start + i) * columns..][..columns];
                rotate(&line[at_keys..][..e], row, i, 1.0, &mut self.line);
                values = &line[at_values..][..e];
            } else {
                // What a longer document left behind must not be seen: a weight of 0 does not silence a number that is not finite.
                self.line.fill(0.0);
            }
            put_column(&mut self.keys_transposed, i, &self.line);
            if is_backward {
                put_row(&mut self.keys, self.rows, i, &self.line);
            }
            let values = if i < document.len() { values } else { &self.line };
            if is_backward { put_column(&mut self.values_transposed, i, values) } else { put_row(&mut self.values, self.rows, i, values) }
        }
    }

    #[inline(always)]
    fn load_queries(&mut self, row: &Row<'_>, document: Range<usize>, head: usize) {
        let (columns, e) = (row.shape.columns(), row.shape.head_dim);
        let scale = (e as f32).powf(-0.5);
        for (i, token) in document.enumerate() {
            rotate(&row.qkv[token * columns + head * e..][..e], row, i, scale, &mut self.line);
            put_row(&mut self.queries, self.rows, i, &self.line);
        }
    }

    #[inline(always)]
    fn load_grad(&mut self, saved: &Saved<'_>, document: Range<usize>, head: usize, heads: usize) {
        let e = self.head_dim;
        for (i, token) in document.enumerate() {
            put_row(&mut self.grad, self.rows, i, &saved.grad[(token * heads + head) * e..][..e]);
        }
    }

    /// Scores of these queries against all keys that they can see; other keys have any score.
    #[inline(always)]
    fn scores<S: Simd>(&mut self, s: S, queries: Range<usize>) {
        let size = Size { m: queries.len(), k: self.head_dim, n: self.seen(&queries) };
        let left = Left::Plain(Panels::new(&self.queries, self.rows).skip_rows(queries.start));
        let keys = Panels::new(&self.keys_transposed, self.head_dim);
        product(s, size, Causal::Columns(queries.start), left, keys, (&mut self.weights, QUERIES), false);
    }

    /// Turns the scores of these queries into weights before division: 0 for keys that they cannot see. Gives the highest score and the sum of each query.
    #[inline(always)]
    fn softmax<S: Simd>(&mut self, s: S, queries: Range<usize>) -> ([f32; QUERIES], [f32; QUERIES]) {
        let panels = self.seen(&queries) / LANES;
        let lines = self.weights.as_chunks_mut::<LANES>().0;
        let (mut highest, mut sums) = ([0.0; QUERIES], [0.0; QUERIES]);
        for (q, i) in queries.enumerate() {
            // The last line that the query sees, and how much of it.
            let (last, seen) = (i / LANES, i % LANES + 1);
            lines[last * QUERIES + q][seen..].fill(f32::MIN);
            let mut most = s.splat(f32::MIN);
            for panel in 0..=last {
                most = s.max(most, s.load(&lines[panel * QUERIES + q]));
            }
            highest[q] = s.greatest(most);
            let (most, mut sum) = (s.splat(highest[q]), s.splat(0.0));
            for panel in 0..=last {
                let line = &mut lines[panel * QUERIES + q];
                let weight = s.exp(s.sub(s.load(line), most));
                s.store(weight, line);
                sum = s.add(sum, weight);
            }
            sums[q] = s.sum(sum);
            lines[last * QUERIES + q][seen..].fill(0.0);
            (last + 1..panels).for_each(|panel| lines[panel * QUERIES + q] = [0.0; LANES]);
        }
        (highest, sums)
    }

    /// Values summed with the weights of these queries.
    #[inline(always)]
    fn weighted_values<S: Simd>(&mut self, s: S, queries: Range<usize>) {
        let size = Size { m: queries.len(), k: self.seen(&queries), n: self.e };
        let weights = Left::Plain(Panels::new(&self.weights, QUERIES));
        product(s, size, Causal::Sum(queries.start), weights, Panels::new(&self.values, self.rows), (&mut self.mixed, QUERIES), false);
    }

    /// The gradients of these queries of the document that begins at a token, into `mixed`, and their part in those of keys and values.
    #[inline(always)]
    fn backward_queries<S: Simd>(&mut self, s: S, queries: Range<usize>, start: usize, head: usize, saved: &Saved<'_>, heads: usize) {
        let (seen, e, first, count) = (self.seen(&queries), self.head_dim, queries.start, queries.len());
        self.scores(s, queries.clone());
        let [left, grad, keys] = [&self.queries, &self.grad, &self.keys].map(|matrix| Panels::new(matrix, self.rows));
        let [left, grad] = [left, grad].map(|matrix| matrix.skip_rows(first));
        let over_head = Size { m: count, k: e, n: seen };
        let values = Panels::new(&self.values_transposed, e);
        product(s, over_head, Causal::Columns(first), Left::Plain(grad), values, (&mut self.grad_scores, QUERIES), false);
        let [weights, grads] = [&mut self.weights, &mut self.grad_scores].map(|matrix| matrix.as_chunks_mut::<LANES>().0);
        for (q, i) in queries.enumerate() {
            let at = (start + i) * heads + head;
            let (output, grad) = (&saved.output[at * e..][..e], &saved.grad[at * e..][..e]);
            let mut along = s.splat(0.0);
            for at in (0..e).step_by(LANES) {
                along = s.fma(s.get(output, at), s.get(grad, at), along);
            }
            let (along, log_sum) = (s.splat(s.sum(along)), s.splat(saved.log_sum[at]));
            // As in the softmax: whole lines, then what is not seen of the last one and of others.
            let (last, seen_of_last) = (i / LANES, i % LANES + 1);
            for panel in 0..=last {
                let line = panel * QUERIES + q;
                let weight = s.exp(s.sub(s.load(&weights[line]), log_sum));
                let grad = s.mul(weight, s.sub(s.load(&grads[line]), along));
                s.store(weight, &mut weights[line]);
                s.store(grad, &mut grads[line]);
            }
            for matrix in [&mut *weights, &mut *grads] {
                matrix[last * QUERIES + q][seen_of_last..].fill(0.0);
                (last + 1..seen / LANES).for_each(|panel| matrix[panel * QUERIES + q] = [0.0; LANES]);
            }
        }
        // By value, by key: sums over these queries. By query: sums over keys.
        let over_queries = Size { m: seen, k: count, n: self.e };
        let [weights, grads] = [&self.weights, &self.grad_scores].map(|matrix| Panels::new(matrix, QUERIES));
        product(s, over_queries, Causal::SumFrom(first), Left::Transposed(weights), grad, (&mut self.grad_values, self.rows), true);
        product(s, over_queries, Causal::SumFrom(first), Left::Transposed(grads), left, (&mut self.grad_keys, self.rows), true);
        let over_keys = Size { m: count, k: seen, n: self.e };
        product(s, over_keys, Causal::Sum(first), Left::Plain(grads), keys, (&mut self.mixed, QUERIES), false);
    }
}
