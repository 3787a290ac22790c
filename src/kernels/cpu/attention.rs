//! Causal attention over the documents of one row, from the joint projection, with the rotary embedding inside.
//!
//! Queries are taken 32 at a time: their scores against all keys up to them are the only scores that ever exist. The forward pass keeps
//! the output and the logarithm of each softmax's denominator; the backward pass makes the scores again from them
//! (Dao et al., FlashAttention, arXiv 2205.14135, without its running maximum: 32 rows of scores fit the cache).

use std::ops::Range;

use super::{
    simd::{LANES, Simd, simd_fn},
    space::Scratch,
    tile::{Causal, Left, Size, product},
};
use crate::kernels::AttentionShape;

/// Queries whose scores exist at a time.
const QUERIES: usize = 32;

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
                        work.scores(s, first);
                        let seen = work.seen(first);
                        for i in queries.clone() {
                            let scores = &mut work.weights[(i - first) * work.width..][..seen];
                            let (highest, sum) = softmax(s, scores, i);
                            let token = document.start + i;
                            log_sum[token * heads + head] = highest + sum.ln();
                            work.denominators[i - first] = sum;
                        }
                        work.weighted_values(s, first);
                        for i in queries {
                            let token = document.start + i;
                            let (out, scale) = (&work.mixed[(i - first) * work.e..], 1.0 / work.denominators[i - first]);
                            for (to, from) in output[token * heads * e + head * e..][..e].iter_mut().zip(out) {
                                *to = from * scale;
                            }
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
                work.grad_keys.fill(0.0);
                work.grad_values.fill(0.0);
                for head in kv_head * group..(kv_head + 1) * group {
                    work.load_queries(&row, document.clone(), head);
                    work.load_grad(&saved, document.clone(), head, heads);
                    for first in (0..document.len()).step_by(QUERIES) {
                        work.backward_queries(s, first, document.clone(), head, &saved, heads);
                        for i in first..document.len().min(first + QUERIES) {
                            let into = &mut grad_qkv[(document.start + i) * columns + head * e..][..e];
                            let scale = (e as f32).powf(-0.5);
                            unrotate(&work.mixed[(i - first) * work.e..], &row, i, scale, into);
                        }
                    }
                }
                for i in 0..document.len() {
                    let line = &mut grad_qkv[(document.start + i) * columns..][..columns];
                    unrotate(&work.grad_keys[i * work.e..], &row, i, 1.0, &mut line[(heads + kv_head) * e..][..e]);
                    let values = &mut line[(heads + row.shape.kv_heads + kv_head) * e..][..e];
                    values.copy_from_slice(&work.grad_values[i * work.e..][..e]);
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

/// Turns the scores of query `i` into weights before division: 0 beyond `i`. Gives the highest score and the sum.
#[inline(always)]
fn softmax<S: Simd>(s: S, scores: &mut [f32], i: usize) -> (f32, f32) {
    let blocks = (i + LANES) / LANES * LANES;
    scores[i + 1..blocks].fill(f32::MIN);
    let mut highest = s.splat(f32::MIN);
    for at in (0..blocks).step_by(LANES) {
        highest = s.max(highest, s.get(scores, at));
    }
    let highest = s.greatest(highest);
    for at in (0..blocks).step_by(LANES) {
        s.put(scores, at, s.exp(s.sub(s.get(scores, at), s.splat(highest))));
    }
    scores[i + 1..].fill(0.0);
    let mut sum = s.splat(0.0);
    for at in (0..blocks).step_by(LANES) {
        sum = s.add(sum, s.get(scores, at));
    }
    (highest, s.sum(sum))
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

/// Writes the transpose of `rows` (a multiple of 16) by `columns` numbers: a vector of rows at a time, so that what is written lies together.
#[inline(always)]
fn transpose((from, from_row): (&[f32], usize), (rows, columns): (usize, usize), (to, to_row): (&mut [f32], usize)) {
    for first in (0..rows).step_by(LANES) {
        let from = &from[first * from_row..][..LANES * from_row];
        for column in 0..columns {
            let to: &mut [f32; LANES] = to[column * to_row + first..].first_chunk_mut().expect("rows are padded to whole vectors");
            for (row, to) in to.iter_mut().enumerate() {
                *to = from[row * from_row + column];
            }
        }
    }
}

/// Scratch space of one thread. Rows and columns are padded to whole tiles and vectors: padded rows hold zeros, as they are summed over;
/// padded columns of a head hold anything, as no other column depends on them.
struct Work {
    /// Width of a head.
    head_dim: usize,
    /// Padded width of a head.
    e: usize,
    /// Row length of transposed matrices and of scores: the padded longest document, and a vector more, as rows a power of two apart would share few
    /// sets of the cache.
    width: usize,
    /// Tokens of the document, rounded up to whole vectors.
    len: usize,
    queries: Scratch,
    keys: Scratch,
    keys_transposed: Scratch,
    values: Scratch,
    values_transposed: Scratch,
    grad: Scratch,
    grad_keys: Scratch,
    grad_values: Scratch,
    /// Scores, then weights of the queries at hand.
    weights: Scratch,
    grad_scores: Scratch,
    /// Sums over keys for the queries at hand.
    mixed: Scratch,
    denominators: [f32; QUERIES],
}

impl Work {
    fn new(shape: AttentionShape, is_backward: bool) -> Self {
        let e = shape.head_dim.next_multiple_of(LANES);
        let rows = shape.time.next_multiple_of(QUERIES);
        let width = rows + LANES;
        let matrix = || Scratch::new(rows * e);
        let backward = |len: usize| Scratch::new(if is_backward { len } else { 0 });
        Self {
            head_dim: shape.head_dim,
            e,
            width,
            len: 0,
            queries: matrix(),
            keys: matrix(),
            keys_transposed: Scratch::new(width * e),
            values: matrix(),
            values_transposed: backward(width * e),
            grad: backward(rows * e),
            grad_keys: backward(rows * e),
            grad_values: backward(rows * e),
            weights: Scratch::new(QUERIES * width),
            grad_scores: backward(QUERIES * width),
            mixed: Scratch::new(QUERIES * e),
            denominators: [0.0; QUERIES],
        }
    }

    /// Number of keys that the queries from `first` on can see, rounded up to whole vectors.
    #[inline(always)]
    fn seen(&self, first: usize) -> usize {
        self.len.min(first + QUERIES)
    }

    #[inline(always)]
    fn load_keys(&mut self, row: &Row<'_>, document: Range<usize>, kv_head: usize, is_backward: bool) {
        let (columns, e) = (row.shape.columns(), row.shape.head_dim);
        let [at_keys, at_values] = [row.shape.heads + kv_head, row.shape.heads + row.shape.kv_heads + kv_head].map(|head| head * e);
        self.len = document.len().next_multiple_of(LANES);
        for (i, token) in document.clone().enumerate() {
            let line = &row.qkv[token * columns..][..columns];
            rotate(&line[at_keys..][..e], row, i, 1.0, &mut self.keys[i * self.e..][..e]);
            self.values[i * self.e..][..e].copy_from_slice(&line[at_values..][..e]);
        }
        // What a longer document left behind must not be seen: a weight of 0 does not silence a number that is not finite.
        for i in document.len()..self.len {
            self.keys[i * self.e..][..e].fill(0.0);
            self.values[i * self.e..][..e].fill(0.0);
        }
        transpose((&self.keys, self.e), (self.len, e), (&mut self.keys_transposed, self.width));
        if is_backward {
            transpose((&self.values, self.e), (self.len, e), (&mut self.values_transposed, self.width));
        }
    }

    #[inline(always)]
    fn load_queries(&mut self, row: &Row<'_>, document: Range<usize>, head: usize) {
        let (columns, e) = (row.shape.columns(), row.shape.head_dim);
        let scale = (e as f32).powf(-0.5);
        for i in document.len()..document.len().next_multiple_of(QUERIES) {
            self.queries[i * self.e..][..e].fill(0.0);
        }
        for (i, token) in document.enumerate() {
            rotate(&row.qkv[token * columns + head * e..][..e], row, i, scale, &mut self.queries[i * self.e..][..e]);
        }
    }

    #[inline(always)]
    fn load_grad(&mut self, saved: &Saved<'_>, document: Range<usize>, head: usize, heads: usize) {
        let e = saved.output.len() / saved.log_sum.len();
        for i in document.len()..document.len().next_multiple_of(QUERIES) {
            self.grad[i * self.e..][..e].fill(0.0);
        }
        for (i, token) in document.enumerate() {
            self.grad[i * self.e..][..e].copy_from_slice(&saved.grad[(token * heads + head) * e..][..e]);
        }
    }

    /// Scores of the queries from `first` on against all keys that they can see; other keys have any score.
    #[inline(always)]
    fn scores<S: Simd>(&mut self, s: S, first: usize) {
        let size = Size { m: QUERIES, k: self.head_dim, n: self.seen(first) };
        let queries = Left::Rows(&self.queries[first * self.e..], self.e);
        product(s, size, Causal::Columns(first as isize), queries, (&self.keys_transposed, self.width), (&mut self.weights, self.width), false);
    }

    /// Values summed with the weights of the queries at hand.
    #[inline(always)]
    fn weighted_values<S: Simd>(&mut self, s: S, first: usize) {
        let size = Size { m: QUERIES, k: self.seen(first), n: self.e };
        let weights = Left::Rows(&self.weights, self.width);
        product(s, size, Causal::Sum(first), weights, (&self.values, self.e), (&mut self.mixed, self.e), false);
    }

    /// The gradients of the queries from `first` on into `mixed`, and their part in those of keys and values.
    #[inline(always)]
    fn backward_queries<S: Simd>(&mut self, s: S, first: usize, document: Range<usize>, head: usize, saved: &Saved<'_>, heads: usize) {
        let (seen, e) = (self.seen(first), saved.output.len() / saved.log_sum.len());
        self.scores(s, first);
        let grad = Left::Rows(&self.grad[first * self.e..], self.e);
        let over_head = Size { m: QUERIES, k: self.head_dim, n: seen };
        product(s, over_head, Causal::Columns(first as isize), grad, (&self.values_transposed, self.width), (&mut self.grad_scores, self.width), false);
        for i in first..first + QUERIES {
            let weights = &mut self.weights[(i - first) * self.width..][..seen];
            let grads = &mut self.grad_scores[(i - first) * self.width..][..seen];
            if i >= document.len() {
                weights.fill(0.0);
                grads.fill(0.0);
                continue;
            }
            let at = (document.start + i) * heads + head;
            let (output, grad) = (&saved.output[at * e..][..e], &saved.grad[at * e..][..e]);
            let mut along = s.splat(0.0);
            for at in (0..e).step_by(LANES) {
                along = s.fma(s.get(output, at), s.get(grad, at), along);
            }
            let (along, log_sum) = (s.splat(s.sum(along)), s.splat(saved.log_sum[at]));
            let blocks = (i + LANES) / LANES * LANES;
            for at in (0..blocks).step_by(LANES) {
                let weight = s.exp(s.sub(s.get(weights, at), log_sum));
                s.put(weights, at, weight);
                s.put(grads, at, s.mul(weight, s.sub(s.get(grads, at), along)));
            }
            weights[i + 1..].fill(0.0);
            grads[i + 1..].fill(0.0);
        }
        // By value, by key: sums over these queries. By query: sums over keys.
        let over_queries = Size { m: seen, k: QUERIES, n: self.e };
        let weights = Left::Columns(&self.weights, self.width);
        product(s, over_queries, Causal::SumFrom(first), weights, (&self.grad[first * self.e..], self.e), (&mut self.grad_values, self.e), true);
        let grads = Left::Columns(&self.grad_scores, self.width);
        product(s, over_queries, Causal::SumFrom(first), grads, (&self.queries[first * self.e..], self.e), (&mut self.grad_keys, self.e), true);
        let grads = Left::Rows(&self.grad_scores, self.width);
        let over_keys = Size { m: QUERIES, k: seen, n: self.e };
        product(s, over_keys, Causal::Sum(first), grads, (&self.keys, self.e), (&mut self.mixed, self.e), false);
    }
}
