//! Causal attention over the documents of one row, from the joint projection, with the rotary embedding inside.
//!
//! Queries are taken 48 at a time: their scores against all keys up to them are the only scores that ever exist. The forward pass keeps
//! the output and the logarithm of each softmax's denominator; the backward pass makes the scores again from them
//! (Dao et al., FlashAttention, arXiv 2205.14135, without its running maximum: 48 rows of scores fit the cache).

mod queries;
mod rotary;
mod work;

use std::ops::Range;

use self::{rotary::unrotate, work::Work};
use super::{
    paneled::{get_row, zero_rows},
    simd::simd_fn,
};
use crate::kernels::AttentionShape;

/// Queries whose scores exist at a time.
const QUERIES: usize = 48;

/// Rows of a head, of which each is read and written far from the last one, are asked for so many rows ahead.
const AHEAD: usize = 8;

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

impl<'a> Row<'a> {
    /// A head of the projection of a token, counted over queries, keys and values.
    #[inline(always)]
    fn head(&self, token: usize, head: usize) -> &'a [f32] {
        &self.qkv[token * self.shape.columns() + head * self.shape.head_dim..][..self.shape.head_dim]
    }

    /// That of the token [`AHEAD`] of this one.
    #[inline(always)]
    fn head_ahead(&self, token: usize, head: usize) -> &'a [f32] {
        head_ahead(self.qkv, token, self.shape.columns(), head, self.shape.head_dim)
    }
}

/// A head of the token [`AHEAD`] of this one of `x: [time, columns]`, to be asked for; nothing beyond the last token.
#[inline(always)]
fn head_ahead(x: &[f32], token: usize, columns: usize, head: usize, e: usize) -> &[f32] {
    x.get((token + AHEAD) * columns + head * e..).and_then(|x| x.get(..e)).unwrap_or_default()
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
                work.load_keys(s, &row, document.clone(), kv_head, false);
                for head in kv_head * group..(kv_head + 1) * group {
                    work.load_queries(s, &row, document.clone(), head);
                    for first in (0..document.len()).step_by(QUERIES) {
                        let queries = first..document.len().min(first + QUERIES);
                        work.scores(s, queries.clone());
                        let (highest, sums) = work.softmax(s, queries.clone());
                        work.weighted_values(s, queries.clone());
                        for i in queries {
                            let (token, sum) = (document.start + i, sums[i - first]);
                            s.prefetch_all(head_ahead(output, token, heads * e, head, e));
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
                work.load_keys(s, &row, document.clone(), kv_head, true);
                zero_rows(&mut work.grad_keys, work.rows, work.len);
                zero_rows(&mut work.grad_values, work.rows, work.len);
                for head in kv_head * group..(kv_head + 1) * group {
                    work.load_queries(s, &row, document.clone(), head);
                    work.load_grad(s, &saved, document.clone(), head, heads);
                    for first in (0..document.len()).step_by(QUERIES) {
                        let queries = first..document.len().min(first + QUERIES);
                        work.backward_queries(s, queries.clone(), document.start, head, &saved, heads);
                        for i in queries {
                            s.prefetch_all(head_ahead(grad_qkv, document.start + i, columns, head, e));
                            let into = &mut grad_qkv[(document.start + i) * columns + head * e..][..e];
                            get_row(&work.mixed, QUERIES, i - first, &mut work.line);
                            unrotate(&work.line, &row, i, (e as f32).powf(-0.5), into);
                        }
                    }
                }
                let [keys, values] = [heads + kv_head, heads + row.shape.kv_heads + kv_head];
                for i in 0..document.len() {
                    s.prefetch_all(head_ahead(grad_qkv, document.start + i, columns, keys, e));
                    s.prefetch_all(head_ahead(grad_qkv, document.start + i, columns, values, e));
                    let line = &mut grad_qkv[(document.start + i) * columns..][..columns];
                    get_row(&work.grad_keys, work.rows, i, &mut work.line);
                    unrotate(&work.line, &row, i, 1.0, &mut line[keys * e..][..e]);
                    get_row(&work.grad_values, work.rows, i, &mut line[values * e..][..e]);
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
