//! Causal attention within documents, some queries at a time: the scores of those are the only ones that exist, and keys behind them are not computed with.

use std::ops::Range;

use burn::tensor::{Bool, Int, Tensor, backend::Backend};

use crate::kernels::{AttentionMap, AttentionShape};

/// Stands for minus infinity in masked scores; finite, so that no operation makes a NaN of it.
const MASKED: f32 = -1e30;

/// Most scores that should exist at a time: 128 MiB of them in single precision, a few times of which are in use.
const SCORES: usize = 1 << 25;

/// Most queries of a row at a time: products of so many are large enough for any device, and of the pairs that the mask hides few are left.
const QUERIES: usize = 512;

/// Queries of each row that are taken at a time, at least sixteen: memory grows with the length of a row and not with its square. Steps of one length, as near
/// as can be, are products of few shapes.
pub(in crate::kernels) fn queries_at_a_time(shape: AttentionShape) -> usize {
    let AttentionShape { rows, time, heads, .. } = shape;
    let most = (SCORES / (rows * heads * time).max(1)).clamp(16, QUERIES);
    time.div_ceil(time.div_ceil(most).max(1))
}

/// Queries, keys and values by head, rotated and repeated for the queries of a group, each `[rows, h, time, e]`.
fn split_heads<B: Backend>(qkv: Tensor<B, 2>, map: &AttentionMap<B>) -> [Tensor<B, 4>; 3] {
    let AttentionShape { rows, time, heads, kv_heads, head_dim } = map.shape;
    let heads_of = |from: usize, count: usize| -> Tensor<B, 4> {
        qkv.clone().narrow(1, from * head_dim, count * head_dim).reshape([rows, time, count, head_dim]).swap_dims(1, 2)
    };
    let repeat = |x: Tensor<B, 4>| -> Tensor<B, 4> {
        let x: Tensor<B, 5> = x.unsqueeze_dim(2);
        x.repeat_dim(2, heads / kv_heads).reshape([rows, heads, time, head_dim])
    };
    let [cos, sin] = angles(map);
    let q = rotate(heads_of(0, heads), cos.clone(), sin.clone());
    let k = rotate(heads_of(heads, kv_heads), cos, sin);
    [q, repeat(k), repeat(heads_of(heads + kv_heads, kv_heads))]
}

/// Cosine and sine of the rotary angles of every token, each `[rows, 1, time, e / 2]`.
fn angles<B: Backend>(map: &AttentionMap<B>) -> [Tensor<B, 4>; 2] {
    let AttentionShape { rows, time, head_dim, .. } = map.shape;
    let index = Tensor::<B, 1, Int>::arange(0..time as i64, &map.starts.device()).repeat_dim(0, rows);
    let positions = index - map.starts.clone();
    [0, 1].map(|part| {
        let table: Tensor<B, 2> = map.rotary.clone().narrow(0, part, 1).squeeze_dim(0);
        table.select(0, positions.clone()).reshape([rows, 1, time, head_dim / 2])
    })
}

/// Rotates the first half of each head against the second, as Hugging Face's Llama does.
fn rotate<B: Backend>(x: Tensor<B, 4>, cos: Tensor<B, 4>, sin: Tensor<B, 4>) -> Tensor<B, 4> {
    let half = x.dims()[3] / 2;
    let [a, b] = [x.clone().narrow(3, 0, half), x.narrow(3, half, half)];
    Tensor::cat(vec![a.clone() * cos.clone() - b.clone() * sin.clone(), b * cos + a * sin], 3)
}

/// Scaled scores of some queries, `q: [rows, h, n, e]`, and all keys up to the last of them, masked outside the causal part of the document,
/// `[rows, h, n, queries.end]`.
fn scores<B: Backend>(q: Tensor<B, 4>, k: Tensor<B, 4>, map: &AttentionMap<B>, queries: Range<usize>) -> Tensor<B, 4> {
    let AttentionShape { rows, time, heads, head_dim, .. } = map.shape;
    let (count, seen) = (queries.len(), queries.end);
    let index = |of: Range<usize>| Tensor::<B, 1, Int>::arange(of.start as i64..of.end as i64, &map.starts.device());
    let keys: Tensor<B, 3, Int> = index(0..seen).reshape([1, 1, seen]).expand([rows, count, seen]);
    let starts = map.starts.clone().reshape([rows, time]).narrow(1, queries.start, count);
    let starts: Tensor<B, 3, Int> = starts.reshape([rows, count, 1]).expand([rows, count, seen]);
    let queries: Tensor<B, 3, Int> = index(queries).reshape([1, count, 1]).expand([rows, count, seen]);
    let hidden = keys.clone().greater(queries).bool_or(keys.lower(starts));
    let hidden: Tensor<B, 4, Bool> = hidden.unsqueeze_dim::<4>(1).expand([rows, heads, count, seen]);
    q.matmul(k.swap_dims(2, 3)).mul_scalar((head_dim as f32).powf(-0.5)).mask_fill(hidden, MASKED)
}

/// The queries of a row, so many at a time.
fn steps(time: usize, queries: usize) -> impl DoubleEndedIterator<Item = Range<usize>> {
    let queries = queries.max(1);
    (0..time.div_ceil(queries)).map(move |step| step * queries..time.min((step + 1) * queries))
}

/// See [`Kernels::attend`](crate::kernels::Kernels::attend); so many queries of each row at a time.
pub(in crate::kernels) fn attend<B: Backend>(qkv: Tensor<B, 2>, map: &AttentionMap<B>, queries: usize) -> (Tensor<B, 2>, Tensor<B, 2>) {
    let AttentionShape { rows, time, heads, head_dim, .. } = map.shape;
    let [q, k, v] = split_heads(qkv, map);
    let (mut outputs, mut log_sums) = (Vec::new(), Vec::new());
    for queries in steps(time, queries) {
        let q = q.clone().narrow(2, queries.start, queries.len());
        let [k, v] = [&k, &v].map(|x| x.clone().narrow(2, 0, queries.end));
        let scores = scores(q, k, map, queries);
        let highest = scores.clone().detach().max_dim(3);
        let powers = (scores - highest.clone()).exp();
        let sum = powers.clone().sum_dim(3);
        outputs.push((powers / sum.clone()).matmul(v));
        log_sums.push(sum.log() + highest);
    }
    let output = Tensor::cat(outputs, 2).swap_dims(1, 2).reshape([rows * time, heads * head_dim]);
    let log_sum = Tensor::cat(log_sums, 2).swap_dims(1, 2).reshape([rows * time, heads]);
    (output, log_sum)
}

/// See [`Kernels::attend_backward`](crate::kernels::Kernels::attend_backward); so many queries of each row at a time.
pub(in crate::kernels) fn attend_backward<B: Backend>(
    grad: Tensor<B, 2>,
    qkv: Tensor<B, 2>,
    output: Tensor<B, 2>,
    log_sum: Tensor<B, 2>,
    map: &AttentionMap<B>,
    queries: usize,
) -> Tensor<B, 2> {
    let AttentionShape { rows, time, heads, kv_heads, head_dim } = map.shape;
    let by_head = |x: Tensor<B, 2>| -> Tensor<B, 4> {
        let width = x.dims()[1] / heads;
        x.reshape([rows, time, heads, width]).swap_dims(1, 2)
    };
    let [q, k, v] = split_heads(qkv, map);
    let (grad, log_sum) = (by_head(grad), by_head(log_sum));
    let along = (grad.clone() * by_head(output)).sum_dim(3);
    // From the last queries to the first: those of each step are the last that the keys among them are seen by, so that the gradients of these keys are whole.
    let (mut of_queries, mut of_keys, mut of_values) = (Vec::new(), Vec::new(), Vec::new());
    let mut earlier: Option<[Tensor<B, 4>; 2]> = None;
    for queries in steps(time, queries).rev() {
        let (start, count) = (queries.start, queries.len());
        let [q, grad, log_sum, along] = [&q, &grad, &log_sum, &along].map(|x| x.clone().narrow(2, start, count));
        let [k, v] = [&k, &v].map(|x| x.clone().narrow(2, 0, queries.end));
        let weights = (scores(q.clone(), k.clone(), map, queries) - log_sum).exp();
        let grad_v = weights.clone().swap_dims(2, 3).matmul(grad.clone());
        let grad_scores = (grad.matmul(v.swap_dims(2, 3)) - along) * weights.mul_scalar((head_dim as f32).powf(-0.5));
        let grad_k = grad_scores.clone().swap_dims(2, 3).matmul(q);
        of_queries.push(grad_scores.matmul(k));
        let [grad_k, grad_v] = match earlier.take() {
            Some([later_k, later_v]) => [grad_k + later_k, grad_v + later_v],
            None => [grad_k, grad_v],
        };
        of_keys.push(grad_k.clone().narrow(2, start, count));
        of_values.push(grad_v.clone().narrow(2, start, count));
        earlier = (start > 0).then(|| [grad_k, grad_v].map(|x| x.narrow(2, 0, start)));
    }
    let [grad_q, grad_k, grad_v] = [of_queries, of_keys, of_values].map(|mut parts| {
        parts.reverse();
        Tensor::cat(parts, 2)
    });
    let gather = |x: Tensor<B, 4>| -> Tensor<B, 4> { x.reshape([rows, kv_heads, heads / kv_heads, time, head_dim]).sum_dim(2).squeeze_dim(2) };
    let [cos, sin] = angles(map);
    let sin = sin.neg();
    let flat = |x: Tensor<B, 4>| -> Tensor<B, 2> {
        let count = x.dims()[1];
        x.swap_dims(1, 2).reshape([rows * time, count * head_dim])
    };
    let grad_q = rotate(grad_q, cos.clone(), sin.clone());
    let grad_k = rotate(gather(grad_k), cos, sin);
    Tensor::cat(vec![flat(grad_q), flat(grad_k), flat(gather(grad_v))], 1)
}
