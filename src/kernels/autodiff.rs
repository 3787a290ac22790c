//! The operations as the model calls them: on a plain backend, and with the gradient recorded on `Autodiff`.

use burn::{
    backend::autodiff::{
        Autodiff,
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops as Recorded, OpsKind},
    },
    tensor::{Int, Tensor, TensorPrimitive, backend::Backend, ops::FloatTensor},
};

use super::{AttentionMap, BlockSaved, BlockWeights, Keep, Kernels, WeightLayout};

/// The differentiable operations of the model; shapes as in [`Kernels`].
pub trait Ops: Backend {
    /// See [`Kernels::project`].
    fn project(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, layout: WeightLayout) -> Tensor<Self, 2>;
    /// See [`Kernels::rms_norm`].
    fn rms_norm(x: Tensor<Self, 2>, gain: Tensor<Self, 1>, epsilon: f32) -> Tensor<Self, 2>;
    /// See [`Kernels::swiglu`].
    fn swiglu(gate_up: Tensor<Self, 2>) -> Tensor<Self, 2>;
    /// See [`Kernels::attend`].
    fn attend(qkv: Tensor<Self, 2>, map: &AttentionMap<Self>) -> Tensor<Self, 2>;
    /// See [`Kernels::block`].
    fn block(x: Tensor<Self, 2>, weights: BlockWeights<Self>, map: &AttentionMap<Self>, epsilon: f32, keep: Keep) -> Tensor<Self, 2>;
    /// See [`Kernels::embed`].
    fn embed(table: Tensor<Self, 2>, ids: Tensor<Self, 1, Int>) -> Tensor<Self, 2>;
    /// See [`Kernels::cross_entropy`].
    fn cross_entropy(logits: Tensor<Self, 2>, targets: Tensor<Self, 1, Int>, weights: Tensor<Self, 1>) -> Tensor<Self, 1>;
}

impl<B: Kernels> Ops for B {
    fn project(x: Tensor<B, 2>, weight: Tensor<B, 2>, layout: WeightLayout) -> Tensor<B, 2> {
        <B as Kernels>::project(x, weight, layout)
    }

    fn rms_norm(x: Tensor<B, 2>, gain: Tensor<B, 1>, epsilon: f32) -> Tensor<B, 2> {
        <B as Kernels>::rms_norm(x, gain, epsilon).0
    }

    fn swiglu(gate_up: Tensor<B, 2>) -> Tensor<B, 2> {
        <B as Kernels>::swiglu(gate_up)
    }

    fn attend(qkv: Tensor<B, 2>, map: &AttentionMap<B>) -> Tensor<B, 2> {
        <B as Kernels>::attend(qkv, map).0
    }

    fn block(x: Tensor<B, 2>, weights: BlockWeights<B>, map: &AttentionMap<B>, epsilon: f32, keep: Keep) -> Tensor<B, 2> {
        // Without a gradient nothing need outlive the pass.
        let keep = if matches!(keep, Keep::Taped(_)) { keep } else { Keep::Input };
        <B as Kernels>::block(x, &weights, map, epsilon, keep).0
    }

    fn embed(table: Tensor<B, 2>, ids: Tensor<B, 1, Int>) -> Tensor<B, 2> {
        <B as Kernels>::embed(table, ids)
    }

    fn cross_entropy(logits: Tensor<B, 2>, targets: Tensor<B, 1, Int>, weights: Tensor<B, 1>) -> Tensor<B, 1> {
        <B as Kernels>::cross_entropy(logits, targets, weights).0
    }
}

/// A primitive as a tensor.
fn tensor<B: Backend, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

/// A tensor as a primitive.
fn primitive<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

/// An integer tensor of `Autodiff` as one of the backend below; they are the same numbers.
fn inner_int<B: Backend, C: CheckpointStrategy>(ids: Tensor<Autodiff<B, C>, 1, Int>) -> Tensor<B, 1, Int> {
    Tensor::from_primitive(ids.into_primitive())
}

/// Hands the gradients to those parents that want one. (A macro, because burn does not export the type of a parent.)
macro_rules! register {
    ($backend:ty, $ops:ident, $grads:ident, [$($value:expr),+]) => {
        for (parent, value) in $ops.parents.into_iter().zip([$($value),+]) {
            if let Some(parent) = parent {
                $grads.register::<$backend>(parent.id, value);
            }
        }
    };
}

/// The map of a batch on the backend below.
fn inner_map<B: Backend, C: CheckpointStrategy>(map: &AttentionMap<Autodiff<B, C>>) -> AttentionMap<B> {
    AttentionMap { shape: map.shape, starts: inner_int(map.starts.clone()), rotary: tensor(primitive(map.rotary.clone()).primitive) }
}

#[derive(Debug)]
struct Linear;

impl<B: Kernels> Backward<B, 2> for Linear {
    type State = (FloatTensor<B>, FloatTensor<B>, WeightLayout);

    fn backward(self, ops: Recorded<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, weight, layout) = ops.state;
        let grad = tensor(grads.consume::<B>(&ops.node));
        let (grad_x, grad_weight) = B::project_backward(grad, tensor(x), tensor(weight), layout);
        register!(B, ops, grads, [primitive(grad_x), primitive(grad_weight)]);
    }
}

#[derive(Debug)]
struct RmsNorm;

impl<B: Kernels> Backward<B, 2> for RmsNorm {
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>);

    fn backward(self, ops: Recorded<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (x, gain, inverse) = ops.state;
        let grad = tensor(grads.consume::<B>(&ops.node));
        let (grad_x, grad_gain) = B::rms_norm_backward(grad, tensor(x), tensor(gain), tensor(inverse));
        register!(B, ops, grads, [primitive(grad_x), primitive(grad_gain)]);
    }
}

#[derive(Debug)]
struct SwiGlu;

impl<B: Kernels> Backward<B, 1> for SwiGlu {
    type State = FloatTensor<B>;

    fn backward(self, ops: Recorded<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = tensor(grads.consume::<B>(&ops.node));
        let grad = B::swiglu_backward(grad, tensor(ops.state));
        register!(B, ops, grads, [primitive(grad)]);
    }
}

#[derive(Debug)]
struct Attention;

impl<B: Kernels> Backward<B, 1> for Attention {
    type State = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>, AttentionMap<B>);

    fn backward(self, ops: Recorded<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (qkv, output, log_sum, map) = ops.state;
        let grad = tensor(grads.consume::<B>(&ops.node));
        let grad = B::attend_backward(grad, tensor(qkv), tensor(output), tensor(log_sum), &map);
        register!(B, ops, grads, [primitive(grad)]);
    }
}

#[derive(Debug)]
struct Block;

impl<B: Kernels> Backward<B, 7> for Block {
    type State = (BlockWeights<B>, BlockSaved<B>, AttentionMap<B>, f32);

    fn backward(self, ops: Recorded<Self::State, 7>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (weights, saved, map, epsilon) = ops.state;
        let grad = tensor(grads.consume::<B>(&ops.node));
        let (grad_x, by) = B::block_backward(grad, &weights, saved, &map, epsilon);
        let BlockWeights { attention_norm, qkv, output, mlp_norm, gate_up, down } = by;
        register!(
            B,
            ops,
            grads,
            [primitive(grad_x), primitive(attention_norm), primitive(qkv), primitive(output), primitive(mlp_norm), primitive(gate_up), primitive(down)]
        );
    }
}

#[derive(Debug)]
struct Embedding;

impl<B: Kernels> Backward<B, 1> for Embedding {
    type State = (Tensor<B, 1, Int>, usize);

    fn backward(self, ops: Recorded<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (ids, vocabulary) = ops.state;
        let grad = B::embed_backward(tensor(grads.consume::<B>(&ops.node)), ids, vocabulary);
        register!(B, ops, grads, [primitive(grad)]);
    }
}

#[derive(Debug)]
struct CrossEntropy;

impl<B: Kernels> Backward<B, 1> for CrossEntropy {
    /// The gradient by the logits, kept from the forward pass.
    type State = FloatTensor<B>;

    fn backward(self, ops: Recorded<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let scale: Tensor<B, 1> = tensor(grads.consume::<B>(&ops.node));
        let grad: Tensor<B, 2> = tensor(ops.state);
        // The loss is the root of nearly every graph; then the gradient is passed on as it is.
        let scale_value = scale.clone().into_data().iter::<f32>().next();
        let grad = if scale_value == Some(1.0) { grad } else { grad * scale.unsqueeze() };
        register!(B, ops, grads, [primitive(grad)]);
    }
}

impl<B: Kernels, C: CheckpointStrategy> Ops for Autodiff<B, C> {
    fn project(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, layout: WeightLayout) -> Tensor<Self, 2> {
        let (x, weight) = (primitive(x), primitive(weight));
        let output = primitive(<B as Kernels>::project(tensor(x.primitive.clone()), tensor(weight.primitive.clone()), layout));
        tensor(match Linear.prepare::<C>([x.node.clone(), weight.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x.primitive, weight.primitive, layout), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        })
    }

    fn rms_norm(x: Tensor<Self, 2>, gain: Tensor<Self, 1>, epsilon: f32) -> Tensor<Self, 2> {
        let (x, gain) = (primitive(x), primitive(gain));
        let (output, inverse) = <B as Kernels>::rms_norm(tensor(x.primitive.clone()), tensor(gain.primitive.clone()), epsilon);
        tensor(match RmsNorm.prepare::<C>([x.node.clone(), gain.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((x.primitive, gain.primitive, primitive(inverse)), primitive(output)),
            OpsKind::UnTracked(prep) => prep.finish(primitive(output)),
        })
    }

    fn swiglu(gate_up: Tensor<Self, 2>) -> Tensor<Self, 2> {
        let gate_up = primitive(gate_up);
        let output = primitive(<B as Kernels>::swiglu(tensor(gate_up.primitive.clone())));
        tensor(match SwiGlu.prepare::<C>([gate_up.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(gate_up.primitive, output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        })
    }

    fn attend(qkv: Tensor<Self, 2>, map: &AttentionMap<Self>) -> Tensor<Self, 2> {
        let qkv = primitive(qkv);
        let map = AttentionMap { shape: map.shape, starts: inner_int(map.starts.clone()), rotary: tensor(primitive(map.rotary.clone()).primitive) };
        let (output, log_sum) = <B as Kernels>::attend(tensor(qkv.primitive.clone()), &map);
        let output = primitive(output);
        tensor(match Attention.prepare::<C>([qkv.node.clone()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((qkv.primitive, output.clone(), primitive(log_sum), map), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        })
    }

    fn block(x: Tensor<Self, 2>, weights: BlockWeights<Self>, map: &AttentionMap<Self>, epsilon: f32, keep: Keep) -> Tensor<Self, 2> {
        let x = primitive(x);
        let BlockWeights { attention_norm, qkv, output, mlp_norm, gate_up, down } = weights;
        let gains = [attention_norm, mlp_norm].map(primitive);
        let matrices = [qkv, output, gate_up, down].map(primitive);
        let inner = BlockWeights {
            attention_norm: tensor(gains[0].primitive.clone()),
            qkv: tensor(matrices[0].primitive.clone()),
            output: tensor(matrices[1].primitive.clone()),
            mlp_norm: tensor(gains[1].primitive.clone()),
            gate_up: tensor(matrices[2].primitive.clone()),
            down: tensor(matrices[3].primitive.clone()),
        };
        let map = inner_map(map);
        let (y, saved) = <B as Kernels>::block(tensor(x.primitive), &inner, &map, epsilon, keep);
        let [attention_norm, mlp_norm] = gains.map(|gain| gain.node);
        let [qkv, output, gate_up, down] = matrices.map(|matrix| matrix.node);
        let parents = [x.node, attention_norm, qkv, output, mlp_norm, gate_up, down];
        tensor(match Block.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((inner, saved, map, epsilon), primitive(y)),
            OpsKind::UnTracked(prep) => prep.finish(primitive(y)),
        })
    }

    fn embed(table: Tensor<Self, 2>, ids: Tensor<Self, 1, Int>) -> Tensor<Self, 2> {
        let vocabulary = table.dims()[0];
        let (table, ids) = (primitive(table), inner_int(ids));
        let output = primitive(<B as Kernels>::embed(tensor(table.primitive), ids.clone()));
        tensor(match Embedding.prepare::<C>([table.node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish((ids, vocabulary), output),
            OpsKind::UnTracked(prep) => prep.finish(output),
        })
    }

    fn cross_entropy(logits: Tensor<Self, 2>, targets: Tensor<Self, 1, Int>, weights: Tensor<Self, 1>) -> Tensor<Self, 1> {
        let logits = primitive(logits);
        let weights = tensor(primitive(weights).primitive);
        let (loss, grad) = <B as Kernels>::cross_entropy(tensor(logits.primitive), inner_int(targets), weights);
        tensor(match CrossEntropy.prepare::<C>([logits.node]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(primitive(grad), primitive(loss)),
            OpsKind::UnTracked(prep) => prep.finish(primitive(loss)),
        })
    }
}
