//! What is computed for the queries at hand.

use std::ops::Range;

use super::{QUERIES, Saved, work::Work};
use crate::kernels::cpu::{
    paneled::Panels,
    simd::{LANES, Simd},
    tile::{Causal, Left, Size, product},
};

impl Work {
    /// Number of keys that these queries can see, rounded up to whole vectors.
    #[inline(always)]
    fn seen(&self, queries: &Range<usize>) -> usize {
        self.len.min(queries.end.next_multiple_of(LANES))
    }

    /// Scores of these queries against all keys that they can see; other keys have any score.
    #[inline(always)]
    pub(super) fn scores<S: Simd>(&mut self, s: S, queries: Range<usize>) {
        let size = Size { m: queries.len(), k: self.head_dim, n: self.seen(&queries) };
        let left = Left::Plain(Panels::new(&self.queries, self.rows).skip_rows(queries.start));
        let keys = Panels::new(&self.keys_transposed, self.head_dim);
        product(s, size, Causal::Columns(queries.start), left, keys, (&mut self.weights, QUERIES), false);
    }

    /// Turns the scores of these queries into weights before division: 0 for keys that they cannot see. Gives the highest score and the sum of each query.
    #[inline(always)]
    pub(super) fn softmax<S: Simd>(&mut self, s: S, queries: Range<usize>) -> ([f32; QUERIES], [f32; QUERIES]) {
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
    pub(super) fn weighted_values<S: Simd>(&mut self, s: S, queries: Range<usize>) {
        let size = Size { m: queries.len(), k: self.seen(&queries), n: self.e };
        let weights = Left::Plain(Panels::new(&self.weights, QUERIES));
        product(s, size, Causal::Sum(queries.start), weights, Panels::new(&self.values, self.rows), (&mut self.mixed, QUERIES), false);
    }

    /// The gradients of these queries of the document that begins at a token, into `mixed`, and their part in those of keys and values.
    #[inline(always)]
    pub(super) fn backward_queries<S: Simd>(&mut self, s: S, queries: Range<usize>, start: usize, head: usize, saved: &Saved<'_>, heads: usize) {
        let (seen, e, first, count) = (self.seen(&queries), self.head_dim, queries.start, queries.len());
        self.scores(s, queries.clone());
        let [left, grad, keys] = [&self.queries, &self.grad, &self.keys].map(|matrix| Panels::new(matrix, self.rows));
        let [left, grad] = [left, grad].map(|matrix| matrix.skip_rows(first));
        let over_head = Size { m: count, k: e, n: seen };
        let values = Panels::new(&self.values_transposed, e);
        product(s, over_head, Causal::Columns(first), Left::Plain(grad), values, (&mut self.grad_scores, QUERIES), false);
        let [weights, grads] = [&mut self.weights, &mut self.grad_scores].map(|matrix| matrix.as_chunks_mut::<LANES>().0);
        for (q, i) in queries.enumerate() {
            let (along, log_sum) = (s.splat(self.along[i]), s.splat(saved.log_sum[(start + i) * heads + head]));
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
