//! AdamW over all parameters of a module, with its state in plain sight so that a checkpoint can hold it beside the weights.
//!
//! Decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101) on matrices only.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::{
    module::{AutodiffModule, EmptyRecord, ModuleMapper, ModuleVisitor, Param},
    optim::{GradientsParams, LearningRate, MultiGradientsParams, Optimizer},
    tensor::{Tensor, backend::AutodiffBackend},
};

use serde::{Deserialize, Serialize};

use crate::{
    kernels::{AdamStep, Kernels},
    model::floats,
};

/// First and second moment of a parameter.
type Moments<B> = [Tensor<B, 1>; 2];

/// The constants of AdamW.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Decay of the first moment, in [0, 1).
    pub beta1: f32,
    /// Decay of the second moment, in [0, 1).
    pub beta2: f32,
    /// Added to the square root of the second moment, above 0.
    pub epsilon: f32,
    /// Decoupled weight decay of the matrices, at least 0; gains are not decayed.
    pub weight_decay: f32,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

impl AdamConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// The offending field and what it must satisfy, as a lower-case fragment.
    pub fn validate(&self) -> Result<(), String> {
        if let Some((name, value)) = [("beta1", self.beta1), ("beta2", self.beta2)].iter().find(|(_, value)| !(0.0..1.0).contains(value)) {
            return Err(format!("{name} = {value} is not allowed; expected a number from 0 to below 1"));
        }
        if !(self.epsilon.is_finite() && self.epsilon > 0.0) {
            return Err(format!("epsilon = {} is not allowed; expected a number above 0", self.epsilon));
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return Err(format!("weight_decay = {} is not allowed; expected a number of at least 0", self.weight_decay));
        }
        Ok(())
    }
}

/// The optimizer; clones share one state.
pub(super) struct AdamW<B: Kernels> {
    state: Arc<Mutex<State<B>>>,
}

struct State<B: Kernels> {
    /// By the order in which the module visits its parameters; empty before the first step.
    moments: Vec<Moments<B>>,
    /// The parameters before the last step: the module that the step began with may still hold them.
    replaced: Vec<Tensor<B, 1>>,
    next: AdamStep,
}

impl<B: Kernels> Clone for AdamW<B> {
    fn clone(&self) -> Self {
        Self { state: Arc::clone(&self.state) }
    }
}

impl<B: Kernels> AdamW<B> {
    /// An optimizer that has done `steps` steps and holds these moments, by parameter; no moments mean that it has done none.
    pub fn new(config: AdamConfig, steps: usize, moments: Vec<[Vec<f32>; 2]>, device: &B::Device) -> Self {
        let moments = moments.into_iter().map(|pair| pair.map(|moment| Tensor::from_data(moment.as_slice(), device))).collect();
        let next = AdamStep {
            learning_rate: 0.0,
            beta1: config.beta1,
            beta2: config.beta2,
            epsilon: config.epsilon,
            weight_decay: config.weight_decay,
            step: steps as i32,
            gradient_scale: 1.0,
        };
        Self { state: Arc::new(Mutex::new(State { moments, replaced: Vec::new(), next })) }
    }

    /// Multiplies the gradients of the steps to come.
    pub fn set_gradient_scale(&self, scale: f32) {
        self.lock().next.gradient_scale = scale;
    }

    /// Gives back the space of the parameters before the last step; to be called when the module that held them is gone.
    pub fn recycle(&self) {
        self.lock().replaced.drain(..).for_each(B::recycle);
    }

    /// The moments of every parameter, in the order of the module.
    pub fn moments(&self) -> Vec<[Vec<f32>; 2]> {
        self.lock().moments.iter().map(|pair| pair.clone().map(floats)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State<B>> {
        // A thread that panicked ends the training; what it left is not used.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B, A, M> Optimizer<M, A> for AdamW<B>
where
    B: Kernels,
    A: AutodiffBackend<InnerBackend = B>,
    M: AutodiffModule<A>,
{
    /// The state is saved by the checkpoint, with the weights it belongs to in one file.
    type Record = EmptyRecord;

    fn step(&mut self, rate: LearningRate, module: M, grads: GradientsParams) -> M {
        let mut state = self.lock();
        state.replaced.clear();
        state.next.step += 1;
        state.next.learning_rate = rate as f32;
        module.map(&mut Update { state: &mut state, grads, index: 0 })
    }

    fn step_multi(&mut self, rate: LearningRate, module: M, mut grads: MultiGradientsParams) -> M {
        let (first, _) = grads.grads.swap_remove(0);
        self.step(rate, module, first)
    }

    fn to_record(&self) -> EmptyRecord {
        EmptyRecord::new()
    }

    fn load_record(self, _record: EmptyRecord) -> Self {
        self
    }
}

/// Steps one parameter after the other.
struct Update<'a, B: Kernels> {
    state: &'a mut State<B>,
    grads: GradientsParams,
    index: usize,
}

impl<B: Kernels, A: AutodiffBackend<InnerBackend = B>> ModuleMapper<A> for Update<'_, B> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<A, D>>) -> Param<Tensor<A, D>> {
        let (id, tensor, mapper) = param.consume();
        let inner = tensor.inner();
        let (shape, length) = (inner.shape(), inner.shape().num_elements());
        if self.state.moments.len() == self.index {
            let zeros = Tensor::zeros([length], &inner.device());
            self.state.moments.push([zeros.clone(), zeros]);
        }
        let updated = match self.grads.remove::<B, D>(id) {
            Some(grad) => {
                let mut step = self.state.next;
                if D < 2 {
                    step.weight_decay = 0.0;
                }
                let nothing = || Tensor::empty([0], &inner.device());
                let moments = std::mem::replace(&mut self.state.moments[self.index], [nothing(), nothing()]);
                let inner = inner.reshape([length]);
                let (updated, moments) = B::adamw(inner.clone(), grad.reshape([length]), moments, &step);
                self.state.replaced.push(inner);
                self.state.moments[self.index] = moments;
                updated.reshape(shape)
            }
            None => inner,
        };
        self.index += 1;
        Param::from_mapped_value(id, Tensor::from_inner(updated).require_grad(), mapper)
    }
}

/// The norm of all gradients of a module together.
pub(super) fn gradient_norm<B: Kernels, A: AutodiffBackend<InnerBackend = B>, M: AutodiffModule<A>>(module: &M, grads: &GradientsParams) -> f64 {
    struct Collect<'a, B: Kernels> {
        grads: &'a GradientsParams,
        flat: Vec<Tensor<B, 1>>,
    }
    impl<B: Kernels, A: AutodiffBackend<InnerBackend = B>> ModuleVisitor<A> for Collect<'_, B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<A, D>>) {
            if let Some(grad) = self.grads.get::<B, D>(param.id) {
                let length = grad.shape().num_elements();
                self.flat.push(grad.reshape([length]));
            }
        }
    }
    let mut collect = Collect::<B> { grads, flat: Vec::new() };
    module.visit(&mut collect);
    B::square_sums(collect.flat).iter().sum::<f64>().sqrt()
}
