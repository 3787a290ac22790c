//! The operations of [`Kernels`](super::Kernels) composed of a backend's own: the reference, and what a backend without its own inherits.

mod attention;

use burn::tensor::{DType, Int, Tensor, activation, backend::Backend};

pub(super) use attention::{attend, attend_backward, queries_at_a_time};

use super::{AdamStep, AttentionMap, BlockActivations, BlockSaved, BlockWeights, Keep, Kept, Kernels, WeightLayout};

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

pub(super) fn block<B: Kernels>(x: Tensor<B, 2>, weights: &BlockWeights<B>, map: &AttentionMap<B>, epsilon: f32, keep: Keep) -> (Tensor<B, 2>, BlockSaved<B>) {
    let (y, activations) = block_activations(x.clone(), weights, map, epsilon);
    let rest = if matches!(keep, Keep::Input) { Kept::Nothing } else { Kept::Activations(activations) };
    (y, BlockSaved { x, rest })
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
    let BlockSaved { x, rest } = saved;
    let activations = match rest {
        Kept::Activations(activations) => activations,
        Kept::Nothing | Kept::Taped(_) => block_activations(x.clone(), weights, map, epsilon).1,
    };
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
