//! Attention: our own, the composed one, and the composed one in steps.

use burn::tensor::Tensor;

use super::{Cpu, assert_close, bits, maps, outer, random, reference_gradients};
use crate::kernels::{AttentionMap, AttentionShape, Kernels, composed, cpu::on_every_isa};

#[test]
fn attention_equals_the_composed_one_within_documents() {
    on_every_isa(|| {
        for map in maps() {
            let n = map.shape.rows * map.shape.time;
            let width = map.shape.heads * map.shape.head_dim;
            let (qkv, grad) = (random([n, map.shape.columns()], "qkv") * 3.0, random([n, width], "grad"));
            let (output, log_sum) = Cpu::attend(qkv.clone(), &map);
            let (output_reference, log_sum_reference) = composed::attend(qkv.clone(), &map, map.shape.time);
            assert_close("output", output.clone(), output_reference);
            assert_close("log_sum", log_sum.clone(), log_sum_reference);
            let [reference] = reference_gradients([qkv.clone()], grad.clone(), |[qkv]| composed::attend(qkv, &outer(&map), map.shape.time).0);
            assert_close("grad", Cpu::attend_backward(grad, qkv, output, log_sum, &map), reference);
        }
    });
}

#[test]
fn composed_attention_is_the_same_for_any_number_of_queries_at_a_time() {
    for map in maps() {
        let AttentionShape { rows, time, heads, head_dim, .. } = map.shape;
        let (qkv, grad) = (random([rows * time, map.shape.columns()], "qkv") * 3.0, random([rows * time, heads * head_dim], "grad"));
        let (output_reference, log_sum_reference) = composed::attend(qkv.clone(), &map, time);
        let [reference] = reference_gradients([qkv.clone()], grad.clone(), |[qkv]| composed::attend(qkv, &outer(&map), time).0);
        for queries in [16, 48, 145, time, usize::MAX] {
            let (output, log_sum) = composed::attend(qkv.clone(), &map, queries);
            assert_close("output", output.clone(), output_reference.clone());
            assert_close("log_sum", log_sum.clone(), log_sum_reference.clone());
            assert_close("grad", composed::attend_backward(grad.clone(), qkv.clone(), output, log_sum, &map, queries), reference.clone());
        }
    }
}

#[test]
fn queries_at_a_time_bound_the_scores_that_exist() {
    let shape = |rows, time, heads| AttentionShape { rows, time, heads, kv_heads: heads, head_dim: 64 };
    assert_eq!(composed::queries_at_a_time(shape(8, 512, 6)), 512);
    assert_eq!(composed::queries_at_a_time(shape(2, 2048, 4)), 512, "no more than pay");
    assert_eq!(composed::queries_at_a_time(shape(8, 8192, 16)), 32);
    assert_eq!(composed::queries_at_a_time(shape(64, 1 << 20, 16)), 16, "some are always taken");
    assert_eq!(composed::queries_at_a_time(shape(4, 600, 6)), 300, "steps of one length");
}

#[test]
fn numbers_that_are_not_finite_stay_in_their_document_and_their_pass() {
    on_every_isa(|| {
        let map = maps().remove(4);
        let (columns, width) = (map.shape.columns(), map.shape.heads * map.shape.head_dim);
        let pass = |map: &AttentionMap<Cpu>, qkv: Tensor<Cpu, 2>| {
            let grad = random([map.shape.time, width], "grad");
            let (output, log_sum) = Cpu::attend(qkv.clone(), map);
            [bits(output.clone()), bits(Cpu::attend_backward(grad, qkv, output, log_sum, map))]
        };
        let qkv = random([map.shape.time, columns], "qkv");
        let before = pass(&map, qkv.clone());
        // One document over the whole row: every place of the space that is used again holds what is not a number.
        let whole = AttentionMap { starts: map.starts.zeros_like(), ..map.clone() };
        pass(&whole, qkv.full_like(f32::NAN));
        assert_eq!(pass(&map, qkv.clone()), before, "what was computed before");
        // In the second document only.
        let spoiled = Tensor::cat(vec![qkv.clone().narrow(0, 0, 47), qkv.clone().narrow(0, 47, 48).full_like(f32::NAN), qkv.narrow(0, 95, 206)], 0);
        for (width, (found, before)) in [width, columns].into_iter().zip(pass(&map, spoiled).into_iter().zip(before)) {
            assert_eq!(found[..47 * width], before[..47 * width], "the document before");
            assert_eq!(found[95 * width..], before[95 * width..], "the documents behind");
        }
    });
}
