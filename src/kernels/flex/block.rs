//! A whole block of the decoder over the chunks of a batch.

use burn::tensor::{Tensor, TensorPrimitive};
use burn_flex::Flex;
use rayon::prelude::*;

use super::{
    CHUNK, SUMS,
    in_order::InOrder,
    whole::{Whole, integers, release, tensor},
};
use crate::kernels::{
    AttentionMap, BlockActivations, BlockSaved, BlockWeights, Keep, Kept, TapedLayer,
    cpu::{block, pieces::Pieces, space::take},
};

/// Rows of `time` tokens that make a chunk.
fn rows_of_chunk(time: usize) -> usize {
    (CHUNK / time.max(1)).max(1)
}

/// See [`Kernels::block`](crate::kernels::Kernels::block).
pub fn forward(x: Tensor<Flex, 2>, weights: &BlockWeights<Flex>, map: &AttentionMap<Flex>, epsilon: f32, keep: Keep) -> (Tensor<Flex, 2>, BlockSaved<Flex>) {
    let ([n, d], shape) = (x.dims(), map.shape);
    let keeps_all = match keep {
        Keep::Activations => true,
        Keep::Input => false,
        Keep::Taped(layer) => return taped(x, layer),
    };
    let (x, weights) = (Whole::new(x), WholeBlock::new(weights));
    let (starts, rotary) = (map.starts.clone().into_primitive(), Whole::new(map.rotary.clone()));
    let starts = integers(&starts);
    let chunk = rows_of_chunk(shape.time) * shape.time;
    let pieces = Pieces::new(n.div_ceil(chunk.max(1)));
    let shared = block::Shared { shape, rotary: rotary.slice(), epsilon, weights: weights.slices(), pieces: &pieces };
    let (columns, width, heads, f) = (shape.columns(), shared.attended(), shape.heads, shared.f());
    let matrices = block::Matrices::new(&shared);
    let mut y = take(n * d);
    let inputs = y.par_chunks_mut(chunk * d).zip((x.slice().par_chunks(chunk * d), starts.par_chunks(chunk)));
    let run = |x: &[f32], starts: &[i32], mut places: block::Places<'_>, y: &mut [f32]| {
        let _piece = pieces.take();
        block::activations(&shared, &matrices, x, starts, &mut places);
        block::output(&shared, &matrices, &places, y);
    };
    let rest = if keeps_all {
        let [mut qkv, mut attended, mut log_sum, mut middle, mut gate_up] = [columns, width, heads, d, 2 * f].map(|width| take(n * width));
        (qkv.par_chunks_mut(chunk * columns), attended.par_chunks_mut(chunk * width), log_sum.par_chunks_mut(chunk * heads))
            .into_par_iter()
            .zip((middle.par_chunks_mut(chunk * d), gate_up.par_chunks_mut(chunk * 2 * f)))
            .zip(inputs)
            .with_max_len(1)
            .for_each(|(((qkv, attended, log_sum), (middle, gate_up)), (y, (x, starts)))| {
                run(x, starts, block::Places { qkv, attended, log_sum, middle, gate_up }, y);
            });
        Kept::Activations(BlockActivations {
            qkv: tensor(qkv, [n, columns]),
            attended: tensor(attended, [n, width]),
            log_sum: tensor(log_sum, [n, heads]),
            middle: tensor(middle, [n, d]),
            gate_up: tensor(gate_up, [n, 2 * f]),
        })
    } else {
        inputs.with_max_len(1).for_each(|(y, (x, starts))| run(x, starts, block::Buffers::new(&shared, starts.len()).places(), y));
        Kept::Nothing
    };
    let saved = BlockSaved { x: Tensor::from_primitive(TensorPrimitive::Float(x.0)), rest };
    (tensor(y, [n, d]), saved)
}

/// The forward pass where all was computed before.
fn taped(x: Tensor<Flex, 2>, layer: TapedLayer) -> (Tensor<Flex, 2>, BlockSaved<Flex>) {
    let [n, d] = x.dims();
    let mut y = take(n * d);
    y.par_chunks_mut(CHUNK * d).enumerate().for_each(|(chunk, y)| layer.outputs(chunk * CHUNK..chunk * CHUNK + y.len() / d, y));
    (tensor(y, [n, d]), BlockSaved { x, rest: Kept::Taped(layer) })
}

/// See [`Kernels::block_backward`](crate::kernels::Kernels::block_backward).
pub fn backward(
    grad: Tensor<Flex, 2>,
    weights: &BlockWeights<Flex>,
    saved: BlockSaved<Flex>,
    map: &AttentionMap<Flex>,
    epsilon: f32,
) -> (Tensor<Flex, 2>, BlockWeights<Flex>) {
    let ([n, d], shape) = (grad.dims(), map.shape);
    let shapes = (weights.qkv.dims(), weights.output.dims(), weights.gate_up.dims(), weights.down.dims());
    let (grad, weights) = (Whole::new(grad), WholeBlock::new(weights));
    let (starts, rotary) = (map.starts.clone().into_primitive(), Whole::new(map.rotary.clone()));
    let starts = integers(&starts);
    let chunk = rows_of_chunk(shape.time);
    let stretch = shape.rows.div_ceil(SUMS).next_multiple_of(chunk) * shape.time;
    let pieces = Pieces::new(n.div_ceil(stretch.max(1)));
    let shared = block::Shared { shape, rotary: rotary.slice(), epsilon, weights: weights.slices(), pieces: &pieces };
    let transposed = block::Matrices::transposed(&shared);
    let x = Whole::new(saved.x);
    let (kept, layer) = match saved.rest {
        Kept::Nothing => (None, None),
        Kept::Activations(kept) => (Some([kept.qkv, kept.attended, kept.log_sum, kept.middle, kept.gate_up].map(Whole::new)), None),
        Kept::Taped(layer) => (None, Some(layer)),
    };
    // To make what was not kept again.
    let matrices = (kept.is_none() && layer.is_none()).then(|| block::Matrices::new(&shared));
    let mut grad_x: Vec<f32> = grad.0.into_data().into_vec().expect("the model computes in f32");
    // A thread takes the next stretch when it is done with one. Sums are added up in order, so that the number of threads changes no bit, and no more than one
    // waits beside those that are in the making. Products are parted among threads only after the last stretch was begun: one that waits for parts can be
    // given other work meanwhile, which must not be a stretch that waits for the one below it. (It can be that of another batch, whose turns then come first.)
    let totals = InOrder::new(rayon::current_num_threads());
    grad_x.chunks_mut(stretch * d).enumerate().par_bridge().for_each(|(index, grad)| {
        let turn = totals.turn(index);
        // After the turn has come: see above.
        let _piece = pieces.take();
        let mut sums = block::Grads::new(&shared.weights);
        for (part, grad) in grad.chunks_mut(chunk * shape.time * d).enumerate() {
            let first = index * stretch + part * chunk * shape.time;
            let tokens = grad.len() / d;
            let of = |width: usize| first * width..(first + tokens) * width;
            let (x, starts) = (&x.slice()[of(d)], &starts[of(1)]);
            if let Some([qkv, attended, log_sum, middle, gate_up]) = &kept {
                let saved = block::Saved {
                    x,
                    starts,
                    qkv: &qkv.slice()[of(shape.columns())],
                    attended: &attended.slice()[of(shared.attended())],
                    log_sum: &log_sum.slice()[of(shape.heads)],
                    middle: &middle.slice()[of(d)],
                    gate_up: &gate_up.slice()[of(2 * shared.f())],
                };
                block::backward(&shared, &transposed, &saved, grad, &mut sums);
            } else {
                let mut buffers = block::Buffers::new(&shared, tokens);
                let mut places = buffers.places();
                match (&matrices, &layer) {
                    (Some(matrices), _) => block::activations(&shared, matrices, x, starts, &mut places),
                    (None, Some(layer)) => layer.activations(first..first + tokens, places.into_array()),
                    (None, None) => unreachable!("what was neither kept nor taped is made again"),
                }
                block::backward(&shared, &transposed, &buffers.saved(x, starts), grad, &mut sums);
            }
        }
        turn.add(sums.into_array());
    });
    drop(starts);
    kept.into_iter().flatten().chain([x]).for_each(release);
    let [attention_norm, qkv, output, mlp_norm, gate_up, down] = totals.total();
    let grads = BlockWeights {
        attention_norm: tensor(attention_norm, [d]),
        qkv: tensor(qkv, shapes.0),
        output: tensor(output, shapes.1),
        mlp_norm: tensor(mlp_norm, [d]),
        gate_up: tensor(gate_up, shapes.2),
        down: tensor(down, shapes.3),
    };
    (tensor(grad_x, [n, d]), grads)
}

/// The parameters of a block, each in one piece.
struct WholeBlock([Whole; 6]);

impl WholeBlock {
    fn new(weights: &BlockWeights<Flex>) -> Self {
        let BlockWeights { attention_norm, qkv, output, mlp_norm, gate_up, down } = weights.clone();
        Self([Whole::new(attention_norm), Whole::new(qkv), Whole::new(output), Whole::new(mlp_norm), Whole::new(gate_up), Whole::new(down)])
    }

    fn slices(&self) -> block::Weights<'_> {
        let [attention_norm, qkv, output, mlp_norm, gate_up, down] = &self.0;
        block::Weights {
            attention_norm: attention_norm.slice(),
            qkv: qkv.slice(),
            output: output.slice(),
            mlp_norm: mlp_norm.slice(),
            gate_up: gate_up.slice(),
            down: down.slice(),
        }
    }
}
