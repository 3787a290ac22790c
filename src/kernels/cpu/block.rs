//! A whole block of the decoder over a chunk of rows: everything between two visits of the residual stream stays in the cache.

use super::{
    attention,
    matmul::{Prepared, matmul, matmul_parallel, matmul_prepared, matmul_prepared_parallel, parts_keep_bits},
    matrix::Matrix,
    pieces::Pieces,
    rms_norm,
    space::{Scratch, take, zeros},
    swiglu,
};
use crate::kernels::AttentionShape;

/// Parameters of a block; names and shapes as in [`BlockWeights`](crate::kernels::BlockWeights).
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    pub attention_norm: &'a [f32],
    pub qkv: &'a [f32],
    pub output: &'a [f32],
    pub mlp_norm: &'a [f32],
    pub gate_up: &'a [f32],
    pub down: &'a [f32],
}

/// Sums of the gradients by the parameters.
pub struct Grads {
    pub attention_norm: Vec<f32>,
    pub qkv: Vec<f32>,
    pub output: Vec<f32>,
    pub mlp_norm: Vec<f32>,
    pub gate_up: Vec<f32>,
    pub down: Vec<f32>,
    /// Whether a chunk was added; before that the matrices hold anything, as the first product writes them.
    has_any: bool,
}

impl Grads {
    /// Sums without a chunk. One must be added before they are read.
    pub fn new(weights: &Weights<'_>) -> Self {
        let [gain, matrix] = [zeros as fn(usize) -> Vec<f32>, take].map(|space| move |weight: &[f32]| space(weight.len()));
        Self {
            attention_norm: gain(weights.attention_norm),
            qkv: matrix(weights.qkv),
            output: matrix(weights.output),
            mlp_norm: gain(weights.mlp_norm),
            gate_up: matrix(weights.gate_up),
            down: matrix(weights.down),
            has_any: false,
        }
    }

    /// The six sums, in the order of their fields.
    pub fn into_array(self) -> [Vec<f32>; 6] {
        [self.attention_norm, self.qkv, self.output, self.mlp_norm, self.gate_up, self.down]
    }
}

/// What all chunks of a batch share.
#[derive(Clone, Copy)]
pub struct Shared<'a> {
    /// The sizes; `rows` is not read, as a chunk holds as many rows as its slices do.
    pub shape: AttentionShape,
    /// Cosines, then sines, by position.
    pub rotary: &'a [f32],
    /// Epsilon of RMSNorm.
    pub epsilon: f32,
    /// The parameters.
    pub weights: Weights<'a>,
    /// Chunks on the way there, stretches on the way back: threads that find none left help with the products of the last ones.
    pub pieces: &'a Pieces,
}

impl Shared<'_> {
    /// Width of the residual stream.
    pub fn d(&self) -> usize {
        self.weights.attention_norm.len()
    }

    /// Width of the feed-forward layer.
    pub fn f(&self) -> usize {
        self.weights.down.len() / self.d()
    }

    /// Width of the output of attention.
    pub fn attended(&self) -> usize {
        self.shape.heads * self.shape.head_dim
    }

    /// Whether other threads may have nothing to do, and parts of a product for them change no bit.
    fn are_threads_idle(&self) -> bool {
        parts_keep_bits() && self.pieces.leave_idle(rayon::current_num_threads())
    }

    /// `a · b` by a matrix of the block.
    fn by_matrix(&self, out: &mut [f32], a: Matrix<'_>, b: &Prepared<'_>, accumulate: bool) {
        if self.are_threads_idle() { matmul_prepared_parallel(out, a, b, accumulate) } else { matmul_prepared(out, a, b, accumulate) }
    }

    /// The gradient by a matrix of the block from what was multiplied by it and the gradient by the product.
    fn by_gradient(&self, sum: &mut [f32], x: Matrix<'_>, grad: Matrix<'_>, accumulate: bool) {
        let x = x.transposed();
        if self.are_threads_idle() { matmul_parallel(sum, x, grad, accumulate) } else { matmul(sum, x, grad, accumulate) }
    }
}

/// The four matrices of a block as the chunks of a batch multiply by them.
pub struct Matrices<'a> {
    /// `[d, (h + 2k) e]`
    pub qkv: Prepared<'a>,
    /// `[h e, d]`
    pub output: Prepared<'a>,
    /// `[d, 2f]`
    pub gate_up: Prepared<'a>,
    /// `[f, d]`
    pub down: Prepared<'a>,
}

impl<'a> Matrices<'a> {
    /// Those of the way there.
    pub fn new(shared: &Shared<'a>) -> Self {
        Self::prepare(shared, |matrix| matrix)
    }

    /// Those of the way back: each transposed.
    pub fn transposed(shared: &Shared<'a>) -> Self {
        Self::prepare(shared, Matrix::transposed)
    }

    fn prepare(shared: &Shared<'a>, side: impl Fn(Matrix<'a>) -> Matrix<'a>) -> Self {
        let (d, weights) = (shared.d(), &shared.weights);
        let prepared = |weight, columns| Prepared::new(side(Matrix::new(weight, columns)));
        Self {
            qkv: prepared(weights.qkv, shared.shape.columns()),
            output: prepared(weights.output, d),
            gate_up: prepared(weights.gate_up, 2 * shared.f()),
            down: prepared(weights.down, d),
        }
    }
}

/// The intermediate results of a chunk, filled by [`activations`].
pub struct Places<'a> {
    pub qkv: &'a mut [f32],
    pub attended: &'a mut [f32],
    pub log_sum: &'a mut [f32],
    pub middle: &'a mut [f32],
    pub gate_up: &'a mut [f32],
}

impl<'a> Places<'a> {
    /// In the order of the fields.
    pub fn into_array(self) -> [&'a mut [f32]; 5] {
        [self.qkv, self.attended, self.log_sum, self.middle, self.gate_up]
    }
}

/// Places of its own for the intermediate results of a chunk.
pub struct Buffers([Scratch; 5]);

impl Buffers {
    /// Places for `n` tokens.
    pub fn new(shared: &Shared<'_>, n: usize) -> Self {
        let widths = [shared.shape.columns(), shared.attended(), shared.shape.heads, shared.d(), 2 * shared.f()];
        Self(widths.map(|width| Scratch::new(n * width)))
    }

    /// To be filled.
    pub fn places(&mut self) -> Places<'_> {
        let [qkv, attended, log_sum, middle, gate_up] = &mut self.0;
        Places { qkv, attended, log_sum, middle, gate_up }
    }

    /// For the backward pass, once filled.
    pub fn saved<'a>(&'a self, x: &'a [f32], starts: &'a [i32]) -> Saved<'a> {
        let [qkv, attended, log_sum, middle, gate_up] = &self.0;
        Saved { x, starts, qkv, attended, log_sum, middle, gate_up }
    }
}

/// What the backward pass reads of a chunk.
#[derive(Clone, Copy)]
pub struct Saved<'a> {
    pub x: &'a [f32],
    pub starts: &'a [i32],
    pub qkv: &'a [f32],
    pub attended: &'a [f32],
    pub log_sum: &'a [f32],
    pub middle: &'a [f32],
    pub gate_up: &'a [f32],
}

/// Runs a chunk of rows forward, up to the gate and up projection.
pub fn activations(shared: &Shared<'_>, matrices: &Matrices<'_>, x: &[f32], starts: &[i32], places: &mut Places<'_>) {
    let Shared { shape, rotary, epsilon, weights, .. } = *shared;
    let (d, n) = (shared.d(), starts.len());
    let Places { qkv, attended, log_sum, middle, gate_up } = places;
    let (mut normed, mut inverse) = (Scratch::new(n * d), Scratch::new(n));
    rms_norm::forward(x, weights.attention_norm, epsilon, &mut normed, &mut inverse);
    shared.by_matrix(qkv, Matrix::new(&normed, d), &matrices.qkv, false);
    for row in 0..n / shape.time {
        let tokens = row * shape.time..(row + 1) * shape.time;
        let part = |width: usize| tokens.start * width..tokens.end * width;
        let input = attention::Row { shape, qkv: &qkv[part(shape.columns())], starts: &starts[tokens.clone()], rotary };
        attention::forward(input, &mut attended[part(shared.attended())], &mut log_sum[part(shape.heads)]);
    }
    middle.copy_from_slice(x);
    shared.by_matrix(middle, Matrix::new(attended, shared.attended()), &matrices.output, true);
    rms_norm::forward(middle, weights.mlp_norm, epsilon, &mut normed, &mut inverse);
    shared.by_matrix(gate_up, Matrix::new(&normed, d), &matrices.gate_up, false);
}

/// The output of a chunk of rows from its intermediate results.
pub fn output(shared: &Shared<'_>, matrices: &Matrices<'_>, places: &Places<'_>, y: &mut [f32]) {
    let (d, f) = (shared.d(), shared.f());
    let mut gated = Scratch::new(y.len() / d * f);
    swiglu::forward(places.gate_up, f, &mut gated);
    y.copy_from_slice(places.middle);
    shared.by_matrix(y, Matrix::new(&gated, f), &matrices.down, true);
}

/// Runs a chunk of rows backward, by the transposed matrices: turns the gradient by the output, in `grad: [n, d]`, into that by the input, and adds to the
/// sums.
pub fn backward(shared: &Shared<'_>, transposed: &Matrices<'_>, saved: &Saved<'_>, grad: &mut [f32], sums: &mut Grads) {
    let Shared { shape, rotary, epsilon, weights, .. } = *shared;
    let (d, f, n) = (shared.d(), shared.f(), saved.starts.len());
    let accumulate = std::mem::replace(&mut sums.has_any, true);
    let (mut normed, mut inverse, mut grad_normed) = (Scratch::new(n * d), Scratch::new(n), Scratch::new(n * d));

    // Both layers have a joint projection and something before the last one: they use the same space.
    let mut joint = Scratch::new(n * shape.columns().max(2 * f));
    let mut inner = Scratch::new(n * shared.attended().max(f));

    // The feed-forward layer.
    let (grad_gate_up, gated) = (&mut joint[..n * 2 * f], &mut inner[..n * f]);
    shared.by_matrix(gated, Matrix::new(grad, d), &transposed.down, false);
    swiglu::backward(gated, saved.gate_up, f, grad_gate_up);
    shared.by_gradient(&mut sums.down, Matrix::new(gated, f), Matrix::new(grad, d), accumulate);
    rms_norm::forward(saved.middle, weights.mlp_norm, epsilon, &mut normed, &mut inverse);
    shared.by_gradient(&mut sums.gate_up, Matrix::new(&normed, d), Matrix::new(grad_gate_up, 2 * f), accumulate);
    shared.by_matrix(&mut grad_normed, Matrix::new(grad_gate_up, 2 * f), &transposed.gate_up, false);
    let norm = rms_norm::Saved { x: saved.middle, gain: weights.mlp_norm, inverse: &inverse };
    rms_norm::backward(&grad_normed, &norm, grad, &mut sums.mlp_norm);

    // Attention.
    let (grad_qkv, grad_attended) = (&mut joint[..n * shape.columns()], &mut inner[..n * shared.attended()]);
    shared.by_matrix(grad_attended, Matrix::new(grad, d), &transposed.output, false);
    shared.by_gradient(&mut sums.output, Matrix::new(saved.attended, shared.attended()), Matrix::new(grad, d), accumulate);
    for row in 0..n / shape.time {
        let tokens = row * shape.time..(row + 1) * shape.time;
        let part = |width: usize| tokens.start * width..tokens.end * width;
        let input = attention::Row { shape, qkv: &saved.qkv[part(shape.columns())], starts: &saved.starts[tokens.clone()], rotary };
        let of_attention = attention::Saved {
            output: &saved.attended[part(shared.attended())],
            log_sum: &saved.log_sum[part(shape.heads)],
            grad: &grad_attended[part(shared.attended())],
        };
        attention::backward(input, of_attention, &mut grad_qkv[part(shape.columns())]);
    }
    rms_norm::forward(saved.x, weights.attention_norm, epsilon, &mut normed, &mut inverse);
    shared.by_gradient(&mut sums.qkv, Matrix::new(&normed, d), Matrix::new(grad_qkv, shape.columns()), accumulate);
    shared.by_matrix(&mut grad_normed, Matrix::new(grad_qkv, shape.columns()), &transposed.qkv, false);
    let norm = rms_norm::Saved { x: saved.x, gain: weights.attention_norm, inverse: &inverse };
    rms_norm::backward(&grad_normed, &norm, grad, &mut sums.attention_norm);
}
