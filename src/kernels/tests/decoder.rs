//! A whole decoder against finite differences, and documents of a row against each other.

use burn::{
    backend::Autodiff,
    tensor::{Tensor, TensorData, backend::AutodiffBackend},
};
use metacot_envs::SeedTree;
use rand::RngExt;

use super::config;
use crate::{
    device::Cpu,
    kernels::{Kernels, cpu::on_every_isa},
    model::{Decoder, PackedRows, Weights, floats},
};

/// Three documents in two rows, one of them with padding.
fn rows() -> (PackedRows, Vec<i32>, Vec<f32>) {
    let n = 2 * 21;
    let mut rng = SeedTree::root(4).stream(0);
    let ids = (0..n).map(|_| rng.random_range(0..13)).collect();
    let targets = (0..n).map(|_| rng.random_range(0..13)).collect();
    let starts = (0..n).map(|at| match at {
        0..9 => 0,
        9..21 => 9,
        21..40 => 0,
        padding => padding - 21,
    });
    let weights = (0..n).map(|at| if at % 3 == 0 || at >= 40 { 0.0 } else { 1.0 / 27.0 }).collect();
    (PackedRows { rows: 2, time: 21, ids, starts: starts.collect() }, targets, weights)
}

fn loss<B: crate::kernels::Ops>(model: &Decoder<B>) -> Tensor<B, 1> {
    let (input, targets, weights) = rows();
    let (n, device) = (targets.len(), Default::default());
    let targets = Tensor::from_data(TensorData::new(targets, [n]), &device);
    B::cross_entropy(model.forward(&input), targets, Tensor::from_data(TensorData::new(weights, [n]), &device))
}

#[test]
fn the_gradient_of_a_decoder_is_the_slope_of_its_loss() {
    on_every_isa(|| {
        let device = Default::default();
        for tied_embeddings in [true, false] {
            // Weights far from their start, so that every path carries a gradient.
            let mut weights = Weights::init(&crate::model::ModelConfig { tied_embeddings, ..config() }, &SeedTree::root(6));
            let scaled: Vec<Vec<f32>> = weights.tensors().iter().map(|tensor| tensor.iter().map(|x| if *x == 1.0 { 1.1 } else { x * 8.0 }).collect()).collect();
            weights = Weights::from_tensors(&weights.config, scaled);
            let model = Decoder::<Autodiff<Cpu>>::from_weights(&weights, &device);
            let grads = Autodiff::<Cpu>::backward(loss(&model).into_primitive().tensor());
            let gradient: Vec<Vec<f32>> = {
                use burn::module::{Module, ModuleVisitor, Param};
                struct Collect<'a>(&'a <Autodiff<Cpu> as AutodiffBackend>::Gradients, Vec<Vec<f32>>);
                impl ModuleVisitor<Autodiff<Cpu>> for Collect<'_> {
                    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Autodiff<Cpu>, D>>) {
                        self.1.push(floats(param.val().grad(self.0).unwrap()));
                    }
                }
                let mut collect = Collect(&grads, Vec::new());
                model.visit(&mut collect);
                collect.1
            };
            // Along a random direction the loss changes as the gradient says.
            for tensor in 0..gradient.len() {
                let mut rng = SeedTree::root(8).index(tensor as u64).stream(0);
                let direction: Vec<f32> = gradient[tensor].iter().map(|g| g.signum() * rng.random_range(0.5..1.5)).collect();
                let slope: f64 = direction.iter().zip(&gradient[tensor]).map(|(d, g)| f64::from(d * g)).sum();
                let length = direction.iter().map(|d| f64::from(d * d)).sum::<f64>().sqrt();
                let step = 0.02 / length;
                let at = |sign: f64| -> f64 {
                    let mut tensors: Vec<Vec<f32>> = weights.tensors().iter().map(|tensor| tensor.to_vec()).collect();
                    for (x, d) in tensors[tensor].iter_mut().zip(&direction) {
                        *x += (sign * step * f64::from(*d)) as f32;
                    }
                    let moved = Weights::from_tensors(&weights.config, tensors);
                    f64::from(floats(loss(&Decoder::<Cpu>::from_weights(&moved, &device)))[0])
                };
                let measured = (at(1.0) - at(-1.0)) / (2.0 * step);
                assert!((measured / slope - 1.0).abs() < 0.01, "tensor {tensor}: slope {measured}, gradient {slope}");
            }
        }
    });
}

#[test]
fn prompt_tokens_and_other_documents_get_no_gradient() {
    // Ids that occur only where nothing is learned from them must leave their embeddings without a gradient.
    let device = Default::default();
    let weights = Weights::init(&crate::model::ModelConfig { tied_embeddings: false, ..config() }, &SeedTree::root(6));
    let model = Decoder::<Autodiff<Cpu>>::from_weights(&weights, &device);
    // Row of two documents: ids 1, 2 | 3, 4, 5. Only the last position has a label.
    let input = PackedRows { rows: 1, time: 5, ids: vec![1, 2, 3, 4, 5], starts: vec![0, 0, 2, 2, 2] };
    let targets = Tensor::from_data(TensorData::new(vec![0_i32, 0, 0, 0, 7], [5]), &device);
    let label = Tensor::from_data(TensorData::new(vec![0.0_f32, 0.0, 0.0, 0.0, 1.0], [5]), &device);
    let loss = <Autodiff<Cpu> as crate::kernels::Ops>::cross_entropy(model.forward(&input), targets, label);
    let grads = Autodiff::<Cpu>::backward(loss.into_primitive().tensor());
    let by_row: Vec<bool> = floats(model.embedding.val().grad(&grads).unwrap()).chunks(24).map(|row| row.iter().any(|x| *x != 0.0)).collect();
    assert_eq!(by_row[..7], [false, false, false, true, true, true, false], "only the document with the label has a gradient");
    let head = floats(model.head.as_ref().unwrap().val().grad(&grads).unwrap());
    assert!(head.iter().any(|x| *x != 0.0));
}

#[test]
fn packed_documents_have_the_losses_they_have_alone() {
    on_every_isa(|| {
        use crate::data::{Batch, Example};
        let mut rng = SeedTree::root(12).stream(0);
        let examples: Vec<Example> =
            [9, 30, 2, 17, 40].map(|len| Example { ids: (0..len).map(|_| rng.random_range(0..13)).collect(), response_start: len / 2 }).to_vec();
        let mut weights = Weights::init(&config(), &SeedTree::root(6));
        weights.embedding.iter_mut().for_each(|x| *x *= 20.0);
        let model = Decoder::<Cpu>::from_weights(&weights, &Default::default());
        let loss = |rows: &[Vec<usize>]| -> f64 {
            let batch = Batch::new(&examples, rows, 1.0);
            let n = batch.targets.len();
            let targets = Tensor::from_data(TensorData::new(batch.targets, [n]), &Default::default());
            let label = Tensor::from_data(TensorData::new(batch.weights, [n]), &Default::default());
            f64::from(floats(<Cpu as Kernels>::cross_entropy(model.forward(&batch.input), targets, label).0)[0])
        };
        let alone: f64 = (0..5).map(|example| loss(&[vec![example]])).sum();
        for rows in [vec![vec![0, 1, 2], vec![3, 4]], vec![vec![4, 3, 2, 1, 0]]] {
            let packed = loss(&rows);
            assert!((packed / alone - 1.0).abs() < 1e-5, "{packed} packed, {alone} alone");
        }
    });
}
