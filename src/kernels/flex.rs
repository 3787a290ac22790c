//! The operations of the CPU backend: the functions of [`cpu`](super::cpu) over chunks of rows on all threads.
//!
//! Chunks depend on shapes only, and sums over chunks are taken in their order: one thread gives the bits of many.

mod block;
mod in_order;
mod table;
mod whole;

use burn::tensor::{DType, Int, Tensor, TensorPrimitive};
use burn_flex::Flex;
use rayon::prelude::*;

use super::{
    AdamStep, AttentionMap, AttentionShape, BlockSaved, BlockWeights, Keep, Kernels, WeightLayout, composed,
    cpu::{
        adamw, attention, cross_entropy,
        matmul::{Prepared, matmul_parallel, matmul_prepared},
        matrix::Matrix,
        rms_norm,
        space::{self, Scratch, take, zeros},
        swiglu,
    },
};
use in_order::sum_in_order;
use whole::{PARAMETERS, Whole, integers, release, tensor};

/// Tokens of a chunk: enough for a product to run at speed, few enough for its operands to stay in the cache.
const CHUNK: usize = 256;

/// Sums of weight gradients that exist at a time; each takes the chunks of one stretch of the batch.
const SUMS: usize = 8;

/// Whether a product is to be computed in single precision, as all functions here do; others are left to the backend.
fn is_single(weight: &Tensor<Flex, 2>) -> bool {
    weight.dtype() == DType::F32
}

impl Kernels for Flex {
    fn project(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, layout: WeightLayout) -> Tensor<Self, 2> {
        if !is_single(&weight) {
            return composed::project(x, weight, layout);
        }
        let ([n, i], [a, b]) = (x.dims(), weight.dims());
        let o = if layout == WeightLayout::InOut { b } else { a };
        let (x, weight) = (Whole::new(x), Whole::new(weight));
        let weight = match layout {
            WeightLayout::InOut => Matrix::new(weight.slice(), o),
            WeightLayout::OutIn => Matrix::new(weight.slice(), i).transposed(),
        };
        let weight = Prepared::new(weight);
        let mut y = take(n * o);
        y.par_chunks_mut(CHUNK * o).zip(x.slice().par_chunks(CHUNK * i)).for_each(|(y, x)| matmul_prepared(y, Matrix::new(x, i), &weight, false));
        tensor(y, [n, o])
    }

    fn project_backward(grad: Tensor<Self, 2>, x: Tensor<Self, 2>, weight: Tensor<Self, 2>, layout: WeightLayout) -> (Tensor<Self, 2>, Tensor<Self, 2>) {
        if !is_single(&weight) {
            return composed::project_backward(grad, x, weight, layout);
        }
        let ([n, o], [_, i], shape) = (grad.dims(), x.dims(), weight.dims());
        let (grad, x, weight) = (Whole::new(grad), Whole::new(x), Whole::new(weight));
        let (mut grad_x, mut grad_weight) = (take(n * i), take(i * o));
        let (weight, [left, right]) = match layout {
            WeightLayout::InOut => (Matrix::new(weight.slice(), o).transposed(), [(x.slice(), i), (grad.slice(), o)]),
            WeightLayout::OutIn => (Matrix::new(weight.slice(), i), [(grad.slice(), o), (x.slice(), i)]),
        };
        matmul_parallel(&mut grad_weight, Matrix::new(left.0, left.1).transposed(), Matrix::new(right.0, right.1), false);
        let weight = Prepared::new(weight);
        let chunks = grad_x.par_chunks_mut(CHUNK * i).zip(grad.slice().par_chunks(CHUNK * o));
        chunks.for_each(|(grad_x, grad)| matmul_prepared(grad_x, Matrix::new(grad, o), &weight, false));
        [grad, x].into_iter().for_each(release);
        (tensor(grad_x, [n, i]), tensor(grad_weight, shape))
    }

    fn rms_norm(x: Tensor<Self, 2>, gain: Tensor<Self, 1>, epsilon: f32) -> (Tensor<Self, 2>, Tensor<Self, 1>) {
        let [n, d] = x.dims();
        let (x, gain) = (Whole::new(x), Whole::new(gain));
        let (mut out, mut inverse) = (take(n * d), take(n));
        let chunks = out.par_chunks_mut(CHUNK * d).zip(inverse.par_chunks_mut(CHUNK)).zip(x.slice().par_chunks(CHUNK * d));
        chunks.for_each(|((out, inverse), x)| rms_norm::forward(x, gain.slice(), epsilon, out, inverse));
        (tensor(out, [n, d]), tensor(inverse, [n]))
    }

    fn rms_norm_backward(grad: Tensor<Self, 2>, x: Tensor<Self, 2>, gain: Tensor<Self, 1>, inverse: Tensor<Self, 1>) -> (Tensor<Self, 2>, Tensor<Self, 1>) {
        let [n, d] = x.dims();
        let (grad, x, gain, inverse) = (Whole::new(grad), Whole::new(x), Whole::new(gain), Whole::new(inverse));
        let mut grad_x = zeros(n * d);
        let chunks = grad_x.par_chunks_mut(CHUNK * d).zip(grad.slice().par_chunks(CHUNK * d)).zip(x.slice().par_chunks(CHUNK * d));
        let sums = chunks
            .zip(inverse.slice().par_chunks(CHUNK))
            .map(|(((grad_x, grad), x), inverse)| {
                let mut grad_gain = zeros(d);
                rms_norm::backward(grad, &rms_norm::Saved { x, gain: gain.slice(), inverse }, grad_x, &mut grad_gain);
                grad_gain
            })
            .collect();
        [grad, x, inverse].into_iter().for_each(release);
        (tensor(grad_x, [n, d]), tensor(sum_in_order(sums), [d]))
    }

    fn swiglu(gate_up: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let [n, joint] = gate_up.dims();
        let f = joint / 2;
        let gate_up = Whole::new(gate_up);
        let mut out = take(n * f);
        let chunks = out.par_chunks_mut(CHUNK * f).zip(gate_up.slice().par_chunks(CHUNK * joint));
        chunks.for_each(|(out, gate_up)| swiglu::forward(gate_up, f, out));
        tensor(out, [n, f])
    }

    fn swiglu_backward(grad: Tensor<Self, 2>, gate_up: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let [n, f] = grad.dims();
        let (grad, gate_up) = (Whole::new(grad), Whole::new(gate_up));
        let mut out = take(n * 2 * f);
        let chunks = out.par_chunks_mut(CHUNK * 2 * f).zip(grad.slice().par_chunks(CHUNK * f)).zip(gate_up.slice().par_chunks(CHUNK * 2 * f));
        chunks.for_each(|((out, grad), gate_up)| {
            let mut place = Scratch::new(grad.len());
            place.copy_from_slice(grad);
            swiglu::backward(&mut place, gate_up, f, out);
        });
        tensor(out, [n, 2 * f])
    }

    fn attend(qkv: Tensor<Self, 2>, map: &AttentionMap<Self>) -> (Tensor<Self, 2>, Tensor<Self, 2>) {
        let AttentionShape { rows, time, heads, head_dim, .. } = map.shape;
        let (qkv, starts, rotary) = (Whole::new(qkv), map.starts.clone().into_primitive(), Whole::new(map.rotary.clone()));
        let starts = integers(&starts);
        let (n, width) = (rows * time, heads * head_dim);
        let (mut out, mut log_sum) = (take(n * width), take(n * heads));
        let chunks = out.par_chunks_mut(time * width).zip(log_sum.par_chunks_mut(time * heads));
        chunks.zip(qkv.slice().par_chunks(time * map.shape.columns())).zip(starts.par_chunks(time)).for_each(|(((out, log_sum), qkv), starts)| {
            attention::forward(attention::Row { shape: map.shape, qkv, starts, rotary: rotary.slice() }, out, log_sum);
        });
        (tensor(out, [n, width]), tensor(log_sum, [n, heads]))
    }

    fn attend_backward(
        grad: Tensor<Self, 2>,
        qkv: Tensor<Self, 2>,
        output: Tensor<Self, 2>,
        log_sum: Tensor<Self, 2>,
        map: &AttentionMap<Self>,
    ) -> Tensor<Self, 2> {
        let AttentionShape { rows, time, heads, head_dim, .. } = map.shape;
        let (n, width, columns) = (rows * time, heads * head_dim, map.shape.columns());
        let (grad, qkv, output, log_sum) = (Whole::new(grad), Whole::new(qkv), Whole::new(output), Whole::new(log_sum));
        let (starts, rotary) = (map.starts.clone().into_primitive(), Whole::new(map.rotary.clone()));
        let starts = integers(&starts);
        let mut out = take(n * columns);
        out.par_chunks_mut(time * columns).enumerate().for_each(|(row, out)| {
            let part = |width: usize| row * time * width..(row + 1) * time * width;
            let input = attention::Row { shape: map.shape, qkv: &qkv.slice()[part(columns)], starts: &starts[part(1)], rotary: rotary.slice() };
            let saved = attention::Saved { output: &output.slice()[part(width)], log_sum: &log_sum.slice()[part(heads)], grad: &grad.slice()[part(width)] };
            attention::backward(input, saved, out);
        });
        tensor(out, [n, columns])
    }

    fn block(x: Tensor<Self, 2>, weights: &BlockWeights<Self>, map: &AttentionMap<Self>, epsilon: f32, keep: Keep) -> (Tensor<Self, 2>, BlockSaved<Self>) {
        if is_single(&weights.qkv) { block::forward(x, weights, map, epsilon, keep) } else { composed::block(x, weights, map, epsilon, keep) }
    }

    fn block_backward(
        grad: Tensor<Self, 2>,
        weights: &BlockWeights<Self>,
        saved: BlockSaved<Self>,
        map: &AttentionMap<Self>,
        epsilon: f32,
    ) -> (Tensor<Self, 2>, BlockWeights<Self>) {
        if is_single(&weights.qkv) { block::backward(grad, weights, saved, map, epsilon) } else { composed::block_backward(grad, weights, saved, map, epsilon) }
    }

    fn embed(table: Tensor<Self, 2>, ids: Tensor<Self, 1, Int>) -> Tensor<Self, 2> {
        let ([_, d], [n]) = (table.dims(), ids.dims());
        let (table, ids) = (Whole::new(table), ids.into_primitive());
        let ids = integers(&ids);
        let mut out = take(n * d);
        out.par_chunks_mut(CHUNK * d).zip(ids.par_chunks(CHUNK)).for_each(|(out, ids)| {
            for (out, &id) in out.chunks_exact_mut(d).zip(ids) {
                out.copy_from_slice(&table.slice()[id as usize * d..][..d]);
            }
        });
        tensor(out, [n, d])
    }

    fn embed_backward(grad: Tensor<Self, 2>, ids: Tensor<Self, 1, Int>, vocabulary: usize) -> Tensor<Self, 2> {
        let [n, d] = grad.dims();
        let (grad, ids) = (Whole::new(grad), ids.into_primitive());
        let mut sums = zeros(vocabulary * d);
        table::backward(grad.slice(), &integers(&ids), n.div_ceil(SUMS).max(1), d, &mut sums);
        release(grad);
        tensor(sums, [vocabulary, d])
    }

    fn cross_entropy(logits: Tensor<Self, 2>, targets: Tensor<Self, 1, Int>, weights: Tensor<Self, 1>) -> (Tensor<Self, 1>, Tensor<Self, 2>) {
        let [n, v] = logits.dims();
        let (targets, weights) = (targets.into_primitive(), Whole::new(weights));
        let targets = integers(&targets);
        let data = Whole::new(logits).0.into_data();
        let mut grad: Vec<f32> = data.into_vec().expect("the model computes in f32");
        let chunks = grad.par_chunks_mut(CHUNK * v).zip(targets.par_chunks(CHUNK)).zip(weights.slice().par_chunks(CHUNK));
        let losses: Vec<f64> = chunks.map(|((grad, targets), weights)| cross_entropy::forward_backward(grad, targets, weights)).collect();
        (tensor(vec![losses.iter().sum::<f64>() as f32], [1]), tensor(grad, [n, v]))
    }

    fn trim() {
        space::clear();
    }

    fn recycle(x: Tensor<Self, 1>) {
        release(Whole::new(x));
    }

    fn square_sums(tensors: Vec<Tensor<Self, 1>>) -> Vec<f64> {
        let square_sum = |x: Tensor<Self, 1>| -> f64 {
            let x = Whole::new(x);
            let sums: Vec<f64> = x.slice().par_chunks(PARAMETERS).map(adamw::square_sum).collect();
            sums.iter().sum()
        };
        tensors.into_iter().map(square_sum).collect()
    }

    fn adamw(parameter: Tensor<Self, 1>, gradient: Tensor<Self, 1>, moments: [Tensor<Self, 1>; 2], step: &AdamStep) -> (Tensor<Self, 1>, [Tensor<Self, 1>; 2]) {
        let [n] = parameter.dims();
        let (parameter, gradient) = (Whole::new(parameter), Whole::new(gradient));
        let [mut first, mut second] = moments.map(|moment| Whole::new(moment).0);
        let mut out = take(n);
        // The moments are the optimizer's alone, so that this writes in place.
        let (m, v) = (first.storage_mut::<f32>(), second.storage_mut::<f32>());
        (out.par_chunks_mut(PARAMETERS), m.par_chunks_mut(PARAMETERS), v.par_chunks_mut(PARAMETERS))
            .into_par_iter()
            .zip((parameter.slice().par_chunks(PARAMETERS), gradient.slice().par_chunks(PARAMETERS)))
            .for_each(|((out, first, second), (parameter, gradient))| adamw::step(parameter, gradient, first, second, step, out));
        [parameter, gradient].into_iter().for_each(release);
        (tensor(out, [n]), [first, second].map(|moment| Tensor::from_primitive(TensorPrimitive::Float(moment))))
    }
}
