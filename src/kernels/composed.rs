//! The operations of [`Kernels`](super::Kernels) composed of a backend's own: the reference, and what a backend without its own inherits.

use burn::tensor::{DType, Int, Tensor, activation, backend::Backend};

use super::{AdamStep, AttentionMap, AttentionShape, BlockActivations, BlockSaved, BlockWeights, Keep, Kernels, WeightLayout};

/// Stands for minus infinity in masked scores; finite, so that no operation makes a NaN of it.
const MASKED: f32 = -1e30;

pub(super) fn project<B: Backend>(x: Tensor<B, 2>, weight: Tensor<B, 2>, layout: WeightLayout) -> Tensor<B, 2> {
    let kept = x.dtype();
    let x = in_type(x, weight.dtype());
    let y = match layout {
        WeightLayout::InOut => x.matmul(weight),
        WeightLayout::OutIn => x.matmul(weight.transpose()),
    };
    in_type(y, kept)
}

pub(super) fn project_backward<B: Backend>(grad: Tensor<B, 2>, x: Tensor<B, 2>, weight: Tensor<B, 2>, layout: WeightLayout) -> (Tensor<B, 2>, Tensor<B, 2>) {
    let kept = x.dtype();
    let (grad, x) = (in_type(grad, weight.dtype()), in_type(x, weight.dtype()));
    let (grad_x, grad_weight) = match layout {
        WeightLayout::InOut => (grad.clone().matmul(weight.transpose()), x.transpose().matmul(grad)),
        WeightLayout::OutIn => (grad.clone().matmul(weight), grad.transpose().matmul(x)),
    };
    (in_type(grad_x, kept), grad_weight)
}

/// The tensor in a data type; itself where it has it.
fn in_type<B: Backend>(x: Tensor<B, 2>, dtype: DType) -> Tensor<B, 2> {
    if x.dtype() == dtype { x } else { x.cast(dtype) }
}

pub(super) fn rms_norm<B: Backend>(x: Tensor<B, 2>, gain: Tensor<B, 1>, epsilon: f32) -> (Tensor<B, 2>, Tensor<B, 1>) {
    let inverse = x.clone().square().mean_dim(1).add_scalar(epsilon).sqrt().recip();
    (x * inverse.clone() * gain.unsqueeze(), inverse.squeeze_dim(1))
}

pub(super) fn rms_norm_backward<B: Backend>(grad: Tensor<B, 2>, x: Tensor<B, 2>, gain: Tensor<B, 1>, inverse: Tensor<B, 1>) -> (Tensor<B, 2>, Tensor<B, 1>) {
    let inverse: Tensor<B, 2> = inverse.unsqueeze_dim(1);
    let normed = x * inverse.clone();
    let grad_gain = (grad.clone() * normed.clone()).sum_dim(0).squeeze_dim(0);
    let scaled = grad * gain.unsqueeze();
    let along = (scaled.clone() * normed.clone()).mean_dim(1);
    ((scaled - normed * along) * inverse, grad_gain)
}

pub(super) fn swiglu<B: Backend>(gate_up: Tensor<B, 2>) -> Tensor<B, 2> {
    let half = gate_up.dims()[1] / 2;
    let [gate, up] = [gate_up.clone().narrow(1, 0, half), gate_up.narrow(1, half, half)];
    activation::silu(gate) * up
}

pub(super) fn swiglu_backward<B: Backend>(grad: Tensor<B, 2>, gate_up: Tensor<B, 2>) -> Tensor<B, 2> {
    let half = gate_up.dims()[1] / 2;
    let [gate, up] = [gate_up.clone().narrow(1, 0, half), gate_up.narrow(1, half, half)];
    let sigmoid = activation::sigmoid(gate.clone());
    let silu = gate.clone() * sigmoid.clone();
    // d silu(g) / dg = s + g s (1 - s) = s + silu (1 - s)
    let slope = sigmoid.clone() + silu.clone() * (sigmoid.neg() + 1.0);
    Tensor::cat(vec![grad.clone() * up * slope, grad * silu], 1)
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

/// Scaled scores of all pairs of a row, masked outside the causal part of the document, `[rows, h, time, time]`.
fn scores<B: Backend>(q: Tensor<B, 4>, k: Tensor<B, 4>, map: &AttentionMap<B>) -> Tensor<B, 4> {
    let AttentionShape { rows, time, heads, head_dim, .. } = map.shape;
    let index = Tensor::<B, 1, Int>::arange(0..time as i64, &map.starts.device());
    let keys: Tensor<B, 3, Int> = index.clone().reshape([1, 1, time]).expand([rows, time, time]);
    let queries: Tensor<B, 3, Int> = index.reshape([1, time, 1]).expand([rows, time, time]);
    let starts: Tensor<B, 3, Int> = map.starts.clone().reshape([rows, time, 1]).expand([rows, time, time]);
    let hidden = keys.clone().greater(queries).bool_or(keys.lower(starts));
    let hidden: burn::tensor::Tensor<B, 4, burn::tensor::Bool> = hidden.unsqueeze_dim::<4>(1).expand([rows, heads, time, time]);
    q.matmul(k.swap_dims(2, 3)).mul_scalar((head_dim as f32).powf(-0.5)).mask_fill(hidden, MASKED)
}

pub(super) fn attend<B: Backend>(qkv: Tensor<B, 2>, map: &AttentionMap<B>) -> (Tensor<B, 2>, Tensor<B, 2>) {
    let AttentionShape { rows, time, heads, head_dim, .. } = map.shape;
    let [q, k, v] = split_heads(qkv, map);
    let scores = scores(q, k, map);
    let highest = scores.clone().detach().max_dim(3);
    let powers = (scores - highest.clone()).exp();
    let sum = powers.clone().sum_dim(3);
    let output = (powers / sum.clone()).matmul(v).swap_dims(1, 2).reshape([rows * time, heads * head_dim]);
    let log_sum = (sum.log() + highest).swap_dims(1, 2).reshape([rows * time, heads]);
    (output, log_sum)
}

pub(super) fn attend_backward<B: Backend>(
    grad: Tensor<B, 2>,
    qkv: Tensor<B, 2>,
    output: Tensor<B, 2>,
    log_sum: Tensor<B, 2>,
    map: &AttentionMap<B>,
) -> Tensor<B, 2> {
    let AttentionShape { rows, time, heads, kv_heads, head_dim } = map.shape;
    let by_head = |x: Tensor<B, 2>| -> Tensor<B, 4> {
        let width = x.dims()[1] / heads;
        x.reshape([rows, time, heads, width]).swap_dims(1, 2)
    };
    let [q, k, v] = split_heads(qkv, map);
    let weights = (scores(q.clone(), k.clone(), map) - by_head(log_sum)).exp();
    let (grad, output) = (by_head(grad), by_head(output));
    let grad_v = weights.clone().swap_dims(2, 3).matmul(grad.clone());
    let along = (grad.clone() * output).sum_dim(3);
    let grad_scores = (grad.matmul(v.swap_dims(2, 3)) - along) * weights.mul_scalar((head_dim as f32).powf(-0.5));
    let grad_k = grad_scores.clone().swap_dims(2, 3).matmul(q);
    let grad_q = grad_scores.matmul(k);
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

pub(super) fn block<B: Kernels>(x: Tensor<B, 2>, weights: &BlockWeights<B>, map: &AttentionMap<B>, epsilon: f32, keep: Keep) -> (Tensor<B, 2>, BlockSaved<B>) {
    let (y, activations) = block_activations(x.clone(), weights, map, epsilon);
    (y, BlockSaved { x, activations: (keep == Keep::Activations).then_some(activations) })
}

fn block_activations<B: Kernels>(x: Tensor<B, 2>, weights: &BlockWeights<B>, map: &AttentionMap<B>, epsilon: f32) -> (Tensor<B, 2>, BlockActivations<B>) {
    let project = |x, weight: &Tensor<B, 2>| B::project(x, weight.clone(), WeightLayout::InOut);
    let (normed, _) = B::rms_norm(x.clone(), weights.attention_norm.clone(), epsilon);
    let qkv = project(normed, &weights.qkv);
    let (attended, log_sum) = B::attend(qkv.clone(), map);
    let middle = x + project(attended.clone(), &weights.output);
    let (normed, _) = B::rms_norm(middle.clone(), weights.mlp_norm.clone(), epsilon);
    let gate_up = project(normed, &weights.gate_up);
    let y = middle.clone() + project(B::swiglu(gate_up.clone()), &weights.down);
    (y, BlockActivations { qkv, attended, log_sum, middle, gate_up })
}

pub(super) fn block_backward<B: Kernels>(
    grad: Tensor<B, 2>,
    weights: &BlockWeights<B>,
    saved: BlockSaved<B>,
    map: &AttentionMap<B>,
    epsilon: f32,
) -> (Tensor<B, 2>, BlockWeights<B>) {
    let BlockSaved { x, activations } = saved;
    let activations = activations.unwrap_or_else(|| block_activations(x.clone(), weights, map, epsilon).1);
    let BlockActivations { qkv, attended, log_sum, middle, gate_up } = activations;
    let back = |grad, x, weight: &Tensor<B, 2>| B::project_backward(grad, x, weight.clone(), WeightLayout::InOut);
    let gated = B::swiglu(gate_up.clone());
    let (grad_gated, grad_down) = back(grad.clone(), gated, &weights.down);
    let (normed, inverse) = B::rms_norm(middle.clone(), weights.mlp_norm.clone(), epsilon);
    let (grad_normed, grad_gate_up) = back(B::swiglu_backward(grad_gated, gate_up), normed, &weights.gate_up);
    let (grad_middle, grad_mlp_norm) = B::rms_norm_backward(grad_normed, middle, weights.mlp_norm.clone(), inverse);
    let grad = grad + grad_middle;
    let (grad_attended, grad_output) = back(grad.clone(), attended.clone(), &weights.output);
    let (normed, inverse) = B::rms_norm(x.clone(), weights.attention_norm.clone(), epsilon);
    let (grad_normed, grad_qkv) = back(B::attend_backward(grad_attended, qkv, attended, log_sum, map), normed, &weights.qkv);
    let (grad_x, grad_attention_norm) = B::rms_norm_backward(grad_normed, x, weights.attention_norm.clone(), inverse);
    let grads = BlockWeights {
        attention_norm: grad_attention_norm,
        qkv: grad_qkv,
        output: grad_output,
        mlp_norm: grad_mlp_norm,
        gate_up: grad_gate_up,
        down: grad_down,
    };
    (grad + grad_x, grads)
}

pub(super) fn embed<B: Backend>(table: Tensor<B, 2>, ids: Tensor<B, 1, Int>) -> Tensor<B, 2> {
    table.select(0, ids)
}

pub(super) fn embed_backward<B: Backend>(grad: Tensor<B, 2>, ids: Tensor<B, 1, Int>, vocabulary: usize) -> Tensor<B, 2> {
    let zeros = Tensor::zeros([vocabulary, grad.dims()[1]], &grad.device());
    zeros.select_assign(0, ids, grad, burn::tensor::IndexingUpdateOp::Add)
}

pub(super) fn cross_entropy<B: Backend>(logits: Tensor<B, 2>, targets: Tensor<B, 1, Int>, weights: Tensor<B, 1>) -> (Tensor<B, 1>, Tensor<B, 2>) {
    let vocabulary = logits.dims()[1];
    let log_probs = activation::log_softmax(logits, 1);
    let chosen: Tensor<B, 1> = log_probs.clone().gather(1, targets.clone().unsqueeze_dim(1)).squeeze_dim(1);
    let loss = (chosen * weights.clone()).sum().neg();
    let one_hot = targets.one_hot::<2>(vocabulary).float();
    (loss, (log_probs.exp() - one_hot) * weights.unsqueeze_dim(1))
}

pub(super) fn square_sums<B: Backend>(tensors: Vec<Tensor<B, 1>>) -> Vec<f64> {
    if tensors.is_empty() {
        return Vec::new();
    }
    let sums = tensors.into_iter().map(|x| x.square().sum()).collect();
    Tensor::cat(sums, 0).into_data().iter::<f64>().collect()
}

pub(super) fn adamw<B: Backend>(
    parameter: Tensor<B, 1>,
    gradient: Tensor<B, 1>,
    [first, second]: [Tensor<B, 1>; 2],
    step: &AdamStep,
) -> (Tensor<B, 1>, [Tensor<B, 1>; 2]) {
    let gradient = gradient.mul_scalar(step.gradient_scale);
    let first = first.mul_scalar(step.beta1) + gradient.clone().mul_scalar(1.0 - step.beta1);
    let second = second.mul_scalar(step.beta2) + gradient.square().mul_scalar(1.0 - step.beta2);
    let (correct1, correct2) = step.corrections();
    let update = first.clone().mul_scalar(correct1) / (second.clone().mul_scalar(correct2).sqrt().add_scalar(step.epsilon));
    let decay = 1.0 - step.learning_rate * step.weight_decay;
    (parameter.mul_scalar(decay) - update.mul_scalar(step.learning_rate), [first, second])
}

impl AdamStep {
    /// The factors that remove the moments' bias towards their start at zero.
    pub(super) fn corrections(&self) -> (f32, f32) {
        let correction = |beta: f32| (1.0 / (1.0 - f64::from(beta).powi(self.step))) as f32;
        (correction(self.beta1), correction(self.beta2))
    }
}
