//! Every operation of the CPU backend against its composed form, in values and gradients, on every level of vector instructions that the processor has.

mod attention;
mod decoder;
mod tape;

use burn::{
    backend::Autodiff,
    tensor::{Int, Tensor, TensorData},
};
use metacot_envs::SeedTree;
use rand::RngExt;

use super::{
    AttentionMap, AttentionShape, BlockWeights, Keep, Kernels, Precision, WeightLayout, composed,
    cpu::{on_every_isa, on_threads},
};
use crate::{
    device::Cpu,
    kernels::AdamStep,
    model::{ModelConfig, floats, rotary_angles},
};

fn random<const D: usize>(shape: [usize; D], name: &str) -> Tensor<Cpu, D> {
    let mut rng = SeedTree::root(9).child(name).stream(0);
    let elements: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_data(TensorData::new(elements, shape), &Default::default())
}

/// Asserts that two tensors agree to a part of their greatest element.
fn assert_close<const D: usize>(name: &str, fast: Tensor<Cpu, D>, reference: Tensor<Cpu, D>) {
    assert_eq!(fast.dims(), reference.dims(), "{name}");
    let (fast, reference) = (floats(fast), floats(reference));
    let scale = reference.iter().fold(1e-3_f32, |scale, x| scale.max(x.abs()));
    for (at, (fast, reference)) in fast.iter().zip(&reference).enumerate() {
        assert!((fast - reference).abs() <= 1e-5 * scale, "{name}[{at}] = {fast}, not {reference}");
    }
}

/// Gradients of `sum(output * weight)` by the inputs, as burn's autodiff finds them for composed operations.
fn reference_gradients<const N: usize>(
    inputs: [Tensor<Cpu, 2>; N],
    weight: Tensor<Cpu, 2>,
    forward: impl Fn([Tensor<Autodiff<Cpu>, 2>; N]) -> Tensor<Autodiff<Cpu>, 2>,
) -> [Tensor<Cpu, 2>; N] {
    let inputs = inputs.map(|input| Tensor::<Autodiff<Cpu>, 2>::from_inner(input).require_grad());
    let grads = (forward(inputs.clone()) * Tensor::from_inner(weight)).sum().backward();
    inputs.map(|input| input.grad(&grads).unwrap())
}

fn map(shape: AttentionShape, starts: Vec<i32>) -> AttentionMap<Cpu> {
    let config = ModelConfig { width: shape.heads * shape.head_dim, heads: shape.heads, ..config() };
    let angles = rotary_angles(&config, shape.time);
    let device = Default::default();
    AttentionMap {
        shape,
        starts: Tensor::from_data(TensorData::new(starts.clone(), [starts.len()]), &device),
        rotary: Tensor::from_data(TensorData::new(angles, [2, shape.time, shape.head_dim / 2]), &device),
    }
}

fn outer(map: &AttentionMap<Cpu>) -> AttentionMap<Autodiff<Cpu>> {
    AttentionMap { shape: map.shape, starts: Tensor::from_inner(map.starts.clone()), rotary: Tensor::from_inner(map.rotary.clone()) }
}

/// Rows with several documents, padding that sees only itself, and lengths on both sides of vectors and tiles.
fn maps() -> Vec<AttentionMap<Cpu>> {
    let shape = |rows, time, heads, kv_heads, head_dim| AttentionShape { rows, time, heads, kv_heads, head_dim };
    let row = |lengths: &[usize]| -> Vec<i32> {
        let mut starts = Vec::new();
        for &len in lengths {
            starts.extend(vec![starts.len() as i32; len]);
        }
        starts
    };
    vec![
        map(shape(1, 1, 1, 1, 2), row(&[1])),
        map(shape(2, 37, 2, 2, 6), [row(&[37]), row(&[5, 17, 12, 1, 1, 1])].concat()),
        map(shape(2, 70, 4, 2, 24), [row(&[33, 32, 5]), row(&[70])].concat()),
        map(shape(1, 96, 3, 1, 16), row(&[16, 80])),
        // On both sides of the queries that are taken at a time, and longer than the part of a sum that is.
        map(shape(1, 301, 2, 1, 20), row(&[47, 48, 49, 97, 60])),
        map(shape(1, 290, 1, 1, 32), row(&[290])),
    ]
}

#[test]
fn projections_equal_the_composed_ones() {
    on_every_isa(|| {
        // Also of one term and onto one number, as a value head is.
        for (n, i, o) in [(1, 1, 1), (300, 33, 65), (70, 1, 3), (70, 24, 1)] {
            for (layout, shape) in [(WeightLayout::InOut, [i, o]), (WeightLayout::OutIn, [o, i])] {
                let (x, weight, grad) = (random([n, i], "x"), random(shape, "weight"), random([n, o], "grad"));
                assert_close("y", Cpu::project(x.clone(), weight.clone(), layout), composed::project(x.clone(), weight.clone(), layout));
                let [x_reference, weight_reference] =
                    reference_gradients([x.clone(), weight.clone()], grad.clone(), |[x, weight]| composed::project(x, weight, layout));
                for backward in [Cpu::project_backward, composed::project_backward] {
                    let (grad_x, grad_weight) = backward(grad.clone(), x.clone(), weight.clone(), layout);
                    assert_close("grad_x", grad_x, x_reference.clone());
                    assert_close("grad_weight", grad_weight, weight_reference.clone());
                }
            }
        }
    });
}

#[test]
fn rms_norm_equals_the_composed_one() {
    on_every_isa(|| {
        for (n, d) in [(1, 3), (300, 37), (5, 128)] {
            let (x, gain, grad) = (random([n, d], "x"), random([1, d], "gain"), random([n, d], "grad"));
            let flat: Tensor<Cpu, 1> = gain.clone().reshape([d]);
            let (y, inverse) = Cpu::rms_norm(x.clone(), flat.clone(), 1e-5);
            assert_close("y", y, composed::rms_norm(x.clone(), flat.clone(), 1e-5).0);
            let [x_reference, gain_reference] =
                reference_gradients([x.clone(), gain.clone()], grad.clone(), |[x, gain]| composed::rms_norm(x, gain.reshape([d]), 1e-5).0);
            for backward in [Cpu::rms_norm_backward, composed::rms_norm_backward] {
                let (grad_x, grad_gain) = backward(grad.clone(), x.clone(), flat.clone(), inverse.clone());
                assert_close("grad_x", grad_x, x_reference.clone());
                assert_close("grad_gain", grad_gain.unsqueeze(), gain_reference.clone());
            }
        }
    });
}

#[test]
fn swiglu_equals_the_composed_one() {
    on_every_isa(|| {
        for (n, f) in [(1, 1), (300, 37), (5, 48)] {
            let (gate_up, grad) = (random([n, 2 * f], "gate_up") * 8.0, random([n, f], "grad"));
            assert_close("y", Cpu::swiglu(gate_up.clone()), composed::swiglu(gate_up.clone()));
            let [reference] = reference_gradients([gate_up.clone()], grad.clone(), |[gate_up]| composed::swiglu(gate_up));
            for backward in [Cpu::swiglu_backward, composed::swiglu_backward] {
                assert_close("grad", backward(grad.clone(), gate_up.clone()), reference.clone());
            }
        }
    });
}

#[test]
fn threads_and_other_passes_change_no_bit_of_a_block() {
    // Five stretches of rows whose gradients are summed; sums in several parts.
    let shape = AttentionShape { rows: 9, time: 130, heads: 2, kv_heads: 1, head_dim: 8 };
    let map = map(shape, vec![0; 9 * 130]);
    let (n, d, f) = (9 * 130, 400, 27);
    let weights = block_weights(&map, d, f);
    let pass = |keep: Keep| {
        let (y, saved) = Cpu::block(random([n, d], "x"), &weights, &map, 1e-5, keep);
        let (grad_x, by) = Cpu::block_backward(random([n, d], "grad"), &weights, saved, &map, 1e-5);
        [bits(y), bits(grad_x), bits(by.attention_norm), bits(by.qkv), bits(by.output), bits(by.mlp_norm), bits(by.gate_up), bits(by.down)]
    };
    on_every_isa(|| {
        let alone = on_threads(1, || pass(Keep::Activations));
        for keep in [Keep::Activations, Keep::Input] {
            assert!(on_threads(3, || pass(keep.clone())) == alone, "{keep:?}");
        }
        let (left, right) = on_threads(3, || rayon::join(|| pass(Keep::Activations), || pass(Keep::Input)));
        assert!(left == alone && right == alone, "two passes at once");
    });
}

fn bits<const D: usize>(tensor: Tensor<Cpu, D>) -> Vec<u32> {
    floats(tensor).into_iter().map(f32::to_bits).collect()
}

/// Weights of a block of width `d` and hidden width `f`.
fn block_weights(map: &AttentionMap<Cpu>, d: usize, f: usize) -> BlockWeights<Cpu> {
    let width = map.shape.heads * map.shape.head_dim;
    BlockWeights {
        attention_norm: random([d], "attention_norm"),
        qkv: random([d, map.shape.columns()], "qkv") * 0.3,
        output: random([width, d], "output") * 0.3,
        mlp_norm: random([d], "mlp_norm"),
        gate_up: random([d, 2 * f], "gate_up") * 0.3,
        down: random([f, d], "down") * 0.3,
    }
}

#[test]
fn a_block_equals_the_composed_one() {
    on_every_isa(|| {
        for map in maps() {
            let (n, d, f) = (map.shape.rows * map.shape.time, 20, 27);
            let weights = block_weights(&map, d, f);
            let (x, grad) = (random([n, d], "x"), random([n, d], "grad"));
            let (y, saved) = Cpu::block(x.clone(), &weights, &map, 1e-5, Keep::Activations);
            let (y_again, saved_input) = Cpu::block(x.clone(), &weights, &map, 1e-5, Keep::Input);
            assert_eq!(bits(y.clone()), bits(y_again), "what is kept changed the output");
            let (y_reference, saved_reference) = composed::block(x.clone(), &weights, &map, 1e-5, Keep::Input);
            assert_close("y", y, y_reference);
            let (grad_x, by) = Cpu::block_backward(grad.clone(), &weights, saved, &map, 1e-5);
            let (grad_x_again, by_again) = Cpu::block_backward(grad.clone(), &weights, saved_input, &map, 1e-5);
            assert_eq!(bits(grad_x.clone()), bits(grad_x_again), "what is kept changed the gradient");
            assert_eq!(bits(by.gate_up.clone()), bits(by_again.gate_up), "what is kept changed the gradient of a weight");
            assert_eq!(bits(by.qkv.clone()), bits(by_again.qkv), "what is kept changed the gradient of a weight");
            let (grad_x_reference, by_reference) = composed::block_backward(grad, &weights, saved_reference, &map, 1e-5);
            assert_close("grad_x", grad_x, grad_x_reference);
            assert_close("attention_norm", by.attention_norm, by_reference.attention_norm);
            assert_close("qkv", by.qkv, by_reference.qkv);
            assert_close("output", by.output, by_reference.output);
            assert_close("mlp_norm", by.mlp_norm, by_reference.mlp_norm);
            assert_close("gate_up", by.gate_up, by_reference.gate_up);
            assert_close("down", by.down, by_reference.down);
        }
    });
}

#[test]
fn products_in_bfloat16_are_those_of_single_precision_to_its_digits() {
    let map = maps().remove(0);
    let (n, d, f) = (map.shape.rows * map.shape.time, 20, 27);
    let weights = block_weights(&map, d, f);
    let half = |weight: &Tensor<Cpu, 2>| Precision::Bfloat16.of(weight.clone());
    let halves =
        BlockWeights { qkv: half(&weights.qkv), output: half(&weights.output), gate_up: half(&weights.gate_up), down: half(&weights.down), ..weights.clone() };
    let (x, grad) = (random([n, d], "x"), random([n, d], "grad"));
    let pass = |weights: &BlockWeights<Cpu>| {
        let (y, saved) = Cpu::block(x.clone(), weights, &map, 1e-5, Keep::Activations);
        let (grad_x, by) = Cpu::block_backward(grad.clone(), weights, saved, &map, 1e-5);
        [y, grad_x, by.qkv, by.output, by.gate_up, by.down].map(|tensor| floats(tensor.cast(burn::tensor::FloatDType::F32)))
    };
    for (single, half) in pass(&weights).iter().zip(&pass(&halves)) {
        let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        let (size, off) = (norm(&mut single.iter().copied()), norm(&mut single.iter().zip(half).map(|(single, half)| single - half)));
        assert!(off > 1e-5 * size && off < 2e-2 * size, "off by {off} of {size}");
    }
}

#[test]
fn embedding_and_cross_entropy_equal_the_composed_ones() {
    on_every_isa(|| {
        for (n, d, v) in [(1, 1, 2), (700, 20, 37)] {
            let mut rng = SeedTree::root(2).stream(0);
            let mut ids = |below: i32| -> Tensor<Cpu, 1, Int> {
                let ids: Vec<i32> = (0..n).map(|_| rng.random_range(0..below)).collect();
                Tensor::from_data(TensorData::new(ids, [n]), &Default::default())
            };
            let (table, grad, ids, targets) = (random([v, d], "table"), random([n, d], "grad"), ids(v as i32), ids(v as i32));
            assert_close("rows", Cpu::embed(table.clone(), ids.clone()), composed::embed(table, ids.clone()));
            let reference = composed::embed_backward(grad.clone(), ids.clone(), v);
            assert_close("table", Cpu::embed_backward(grad, ids, v), reference);

            let logits = random([n, v], "logits") * 20.0;
            // About half of the tokens weigh nothing, as prompts do.
            let weights: Tensor<Cpu, 1> = random([n], "weights").clamp_min(0.0);
            let (loss, grad) = Cpu::cross_entropy(logits.clone(), targets.clone(), weights.clone());
            let (loss_reference, grad_reference) = composed::cross_entropy(logits, targets, weights.clone());
            assert_close("loss", loss, loss_reference);
            assert_close("logits", grad.clone(), grad_reference);
            for (weight, row) in floats(weights).iter().zip(floats(grad).chunks(v)) {
                assert!(*weight != 0.0 || row.iter().all(|x| *x == 0.0), "a token of weight 0 has a gradient");
            }
        }
    });
}

#[test]
fn adamw_and_norms_equal_the_composed_ones() {
    on_every_isa(|| {
        let step = AdamStep { learning_rate: 0.1, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.1, step: 3, gradient_scale: 0.5 };
        let n = 40_001;
        let moments = || [random([n], "first"), random([n], "second").powi_scalar(2)];
        let (fast, fast_moments) = Cpu::adamw(random([n], "p"), random([n], "g"), moments(), &step);
        let (reference, reference_moments) = composed::adamw(random([n], "p"), random([n], "g"), moments(), &step);
        assert_close("parameter", fast, reference);
        for (fast, reference) in fast_moments.into_iter().zip(reference_moments) {
            assert_close("moment", fast, reference);
        }
        let tensors = || vec![random([n], "p"), random([3], "q"), random([n], "r") * 7.0];
        for square_sums in [Cpu::square_sums, composed::square_sums] {
            let found = square_sums(tensors());
            assert_eq!(found.len(), 3);
            for (found, tensor) in found.iter().zip(tensors()) {
                let exact: f64 = floats(tensor).iter().map(|x| f64::from(*x).powi(2)).sum();
                assert!((found / exact - 1.0).abs() < 1e-5, "{found}, not {exact}");
            }
            assert!(square_sums(Vec::new()).is_empty());
        }
        let exact: f64 = floats(random([n], "p")).iter().map(|x| f64::from(*x).powi(2)).sum();
        assert!((Cpu::square_sums(vec![random([n], "p")])[0] / exact - 1.0).abs() < 1e-6);
    });
}

fn config() -> ModelConfig {
    ModelConfig {
        vocab_size: 13,
        width: 24,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        hidden: 20,
        context: 64,
        rope_theta: 10_000.0,
        rope_scaling: None,
        norm_epsilon: 1e-5,
        tied_embeddings: true,
    }
}
