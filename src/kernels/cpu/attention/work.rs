//! What one thread computes attention in: the matrices of a head, in panels.

use std::ops::Range;

use super::{QUERIES, Row, Saved, head_ahead, rotary::rotate};
use crate::kernels::{
    AttentionShape,
    cpu::{
        paneled::{put_column, put_row},
        simd::{LANES, Simd},
        space::Scratch,
    },
};

/// Scratch space of one thread: matrices in panels, padded to whole tiles of rows and panels of columns. Keys and values have zeros up to `len`, as sums run
/// over them; other padded rows are never summed over, and padded columns of a head are columns that no other depends on: they hold anything.
pub(super) struct Work {
    /// Width of a head.
    pub(super) head_dim: usize,
    /// Padded width of a head.
    pub(super) e: usize,
    /// Tokens of the row, rounded up to whole steps of queries.
    pub(super) rows: usize,
    /// Tokens of the document, rounded up to whole vectors.
    pub(super) len: usize,
    /// A row of a head.
    pub(super) line: Scratch,
    /// By token.
    pub(super) queries: Scratch,
    pub(super) keys: Scratch,
    pub(super) values: Scratch,
    pub(super) grad: Scratch,
    pub(super) grad_keys: Scratch,
    pub(super) grad_values: Scratch,
    /// Sums of the output by its gradient, `[time]`.
    pub(super) along: Scratch,
    /// By column of the head.
    pub(super) keys_transposed: Scratch,
    pub(super) values_transposed: Scratch,
    /// Scores, then weights of the queries at hand, by query.
    pub(super) weights: Scratch,
    pub(super) grad_scores: Scratch,
    /// Sums over keys for the queries at hand.
    pub(super) mixed: Scratch,
}

impl Work {
    pub(super) fn new(shape: AttentionShape, is_backward: bool) -> Self {
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
            along: Scratch::new(if is_backward { rows } else { 0 }),
            grad_keys: matrix(is_backward),
            grad_values: matrix(is_backward),
            weights: scores(true),
            grad_scores: scores(is_backward),
            mixed: Scratch::new(QUERIES * e),
        }
    }

    /// Keys and values of a document, as the pass at hand reads them.
    #[inline(always)]
    pub(super) fn load_keys<S: Simd>(&mut self, s: S, row: &Row<'_>, document: Range<usize>, kv_head: usize, is_backward: bool) {
        let [keys, values] = [row.shape.heads + kv_head, row.shape.heads + row.shape.kv_heads + kv_head];
        self.len = document.len().next_multiple_of(LANES);
        for i in 0..self.len {
            let token = document.start + i;
            s.prefetch_all(row.head_ahead(token, keys));
            s.prefetch_all(row.head_ahead(token, values));
            if i < document.len() {
                rotate(row.head(token, keys), row, i, 1.0, &mut self.line);
            } else {
                // What a longer document left behind must not be seen: a weight of 0 does not silence a number that is not finite.
                self.line.fill(0.0);
            }
            put_column(&mut self.keys_transposed, i, &self.line);
            if is_backward {
                put_row(&mut self.keys, self.rows, i, &self.line);
            }
            let values = if i < document.len() { row.head(token, values) } else { &self.line };
            if is_backward { put_column(&mut self.values_transposed, i, values) } else { put_row(&mut self.values, self.rows, i, values) }
        }
    }

    /// Queries of a head, rotated and scaled.
    #[inline(always)]
    pub(super) fn load_queries<S: Simd>(&mut self, s: S, row: &Row<'_>, document: Range<usize>, head: usize) {
        let scale = (row.shape.head_dim as f32).powf(-0.5);
        for (i, token) in document.enumerate() {
            s.prefetch_all(row.head_ahead(token, head));
            rotate(row.head(token, head), row, i, scale, &mut self.line);
            put_row(&mut self.queries, self.rows, i, &self.line);
        }
    }

    /// The gradient by the output of a head, and the sums of both.
    #[inline(always)]
    pub(super) fn load_grad<S: Simd>(&mut self, s: S, saved: &Saved<'_>, document: Range<usize>, head: usize, heads: usize) {
        let e = self.head_dim;
        for (i, token) in document.enumerate() {
            let [output, grad] = [saved.output, saved.grad].map(|x| &x[(token * heads + head) * e..][..e]);
            s.prefetch_all(head_ahead(saved.output, token, heads * e, head, e));
            s.prefetch_all(head_ahead(saved.grad, token, heads * e, head, e));
            put_row(&mut self.grad, self.rows, i, grad);
            let mut along = s.splat(0.0);
            for at in (0..e).step_by(LANES) {
                along = s.fma(s.get(output, at), s.get(grad, at), along);
            }
            self.along[i] = s.sum(along);
        }
    }
}
