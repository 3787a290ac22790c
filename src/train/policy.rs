//! Policy-gradient steps: log-probabilities, entropies and values of given responses, and the gradient that an objective asks for.
//!
//! An objective answers with its derivative by every log-probability, entropy and value; here these are propagated back as constants: through
//! the weighted cross-entropy for log-probabilities (weight `-d_logp`), through a product with the logits for entropies, through the critic's
//! column for values.
//!
//! **Invariant**: scoring and updating lay a list of responses out in the same way, so that before the first update of a step every ratio is exactly 1, whether
//! its responses were scored before it or are by its own forward pass.

use burn::{
    backend::Autodiff,
    module::AutodiffModule,
    optim::{GradientsAccumulator, GradientsParams, Optimizer},
    tensor::{
        Tensor, TensorData,
        backend::{AutodiffBackend, Backend},
    },
};
use metacot_objectives as objectives;
use objectives::{Advantages, Metrics, Objective, Sequence};

use super::{
    actor::{Actor, ActorState, Outputs},
    distribution::entropy_gradient,
    learner::{Learner, Scores, TrainerConfig, Update},
    lora::Lora,
    optimizer::{AdamConfig, AdamW, gradient_norm},
    part::{Part, Total},
};
use crate::{
    data::{Example, pack},
    error::{Error, Result},
    kernels::{AdamStep, Keep, Kernels, Ops, TapedRows, Track},
    model::{Decoder, Weights, floats},
};

/// The trainer on a backend.
pub struct PolicyTrainer<B: Kernels> {
    actor: Actor<Autodiff<B>>,
    optimizer: AdamW<B>,
    lora: Option<Lora<B>>,
    reference: Option<Actor<B>>,
    temperature: f32,
    config: TrainerConfig,
    updates: usize,
    device: B::Device,
}

impl<B: Kernels> PolicyTrainer<B> {
    /// A trainer that goes on from a state.
    pub fn new(config: TrainerConfig, state: ActorState, device: &B::Device) -> Self {
        let mut actor = Actor::new(&state, device);
        actor.decoder.keep = if config.gradient_checkpointing { Keep::Input } else { Keep::Activations };
        actor.decoder.precision = config.precision;
        let optimizer = AdamW::new(config.adam, state.updates, state.moments, device);
        let lora = config.lora.clone().zip(state.lora).map(|(config, state)| Lora::new(config, state, device));
        Self { actor, optimizer, lora, reference: None, temperature: 1.0, config, updates: state.updates, device: device.clone() }
    }

    /// The same for the policy whose logits are divided by `temperature`, above 0.
    pub fn at_temperature(self, temperature: f32) -> Self {
        Self { temperature, ..self }
    }

    /// Rows of examples, cut into parts that are worked on at once, those that were taped apart from the others; pairs must not be torn, so that with them there
    /// is one part.
    fn parts(&self, examples: &[Example], tracks: &[Option<Track>], is_whole: bool) -> Vec<Vec<Vec<usize>>> {
        let row_tokens = self.config.row_tokens.unwrap_or(self.actor.decoder.config.context);
        let lengths: Vec<usize> = examples.iter().map(Example::positions).collect();
        let capacity = row_tokens.max(lengths.iter().copied().max().unwrap_or(1));
        if is_whole {
            return vec![pack(&lengths, &(0..examples.len()).collect::<Vec<_>>(), capacity)];
        }
        let is_taped = |example: &usize| tracks.get(*example).is_some_and(Option::is_some);
        let (taped, others): (Vec<usize>, Vec<usize>) = (0..examples.len()).partition(is_taped);
        let rows = [taped, others].map(|order| pack(&lengths, &order, capacity));
        rows.iter().flat_map(|rows| rows.chunks(self.config.rows.max(1)).map(<[_]>::to_vec)).collect()
    }

    fn score_with(&self, actor: &Actor<B>, examples: &[Example], tracks: &[Option<Track>]) -> Vec<Scores> {
        let mut scores = vec![Scores::default(); examples.len()];
        for rows in self.parts(examples, tracks, false) {
            let part = Part::new(examples, &rows);
            let Outputs { logits, values, .. } = actor.forward(&part.batch.input, part.taped(examples, tracks).as_ref());
            let logits = tempered(logits, self.temperature);
            for (document, found) in part.read(examples, &floats(logits), values.map(floats)) {
                scores[document] = found;
            }
        }
        scores
    }
}

impl<B: Kernels> Learner for PolicyTrainer<B> {
    fn score_taped(&self, examples: &[Example], tracks: &[Option<Track>]) -> Vec<Scores> {
        self.score_with(&self.actor.valid(), examples, tracks)
    }

    fn score_reference(&self, examples: &[Example]) -> Vec<Vec<f64>> {
        match &self.reference {
            Some(reference) => self.score_with(reference, examples, &[]).into_iter().map(|scores| scores.log_probs).collect(),
            None => vec![Vec::new(); examples.len()],
        }
    }

    fn step(
        &mut self,
        examples: &[Example],
        tracks: &[Option<Track>],
        batch: &objectives::Batch,
        advantages: &Advantages,
        objective: &Objective,
        rate: f64,
        is_first: bool,
    ) -> Result<(Update, Vec<Scores>)> {
        let refuse = |error: objectives::ObjectiveError| Error::Usage(format!("objective: {error}"));
        let scope = objective.scope(batch);
        let mut accumulator = GradientsAccumulator::new();
        let mut total = Total::default();
        let mut sequences = batch.sequences().to_vec();
        for rows in self.parts(examples, tracks, !batch.pairs().is_empty()) {
            let part = Part::new(examples, &rows);
            let taped = part.taped(examples, tracks);
            let Outputs { logits, values, embedded } = self.actor.forward(&part.batch.input, taped.as_ref());
            let logits = tempered(logits, self.temperature);
            let plain = floats(logits.clone().inner());
            let found = part.read(examples, &plain, values.clone().map(|values| floats(values.inner())));
            if found.values().any(|scores| !scores.is_finite()) {
                return Err(Error::Stopped("log-probabilities are not finite numbers, so the weights were left as they are".into()));
            }
            let indices: Vec<usize> = found.keys().copied().collect();
            for (document, scores) in found {
                let sequence = &mut sequences[document];
                if is_first {
                    (sequence.logp_old, sequence.values_old) = (scores.log_probs.clone(), scores.values.clone());
                }
                (sequence.logp_new, sequence.entropy, sequence.values) = (scores.log_probs, scores.entropies, scores.values);
            }
            let whole = objectives::Batch::with_pairs(sequences.clone(), batch.pairs().to_vec()).map_err(refuse)?;
            let (micro, credit) = (whole.select(&indices).map_err(refuse)?, advantages.select(&indices).map_err(refuse)?);
            let answer = objective.evaluate_within(&micro, &credit, &scope).map_err(refuse)?;
            total.add(&answer);
            if !answer.is_finite() {
                break;
            }
            let [d_logp, d_entropy, d_value] = [&answer.d_logp, &answer.d_entropy, &answer.d_value].map(|rows| part.spread(&indices, rows));
            if let Some(surrogate) = self.surrogate(&part, logits, values, &plain, &d_logp, &d_entropy, &d_value) {
                drop(embedded);
                let grads = <Autodiff<B> as AutodiffBackend>::backward(surrogate.into_primitive().tensor());
                accumulator.accumulate(&self.actor, GradientsParams::from_grads(grads, &self.actor));
                total.has_gradient = true;
            } else {
                free_graph(embedded);
            }
            taped.iter().for_each(TapedRows::release);
        }
        let stopped =
            |norm: f64| Error::Stopped(format!("loss {} with gradient norm {norm}: not a finite number, so the weights were left as they are", total.loss));
        if !total.is_finite {
            return Err(stopped(f64::NAN));
        }
        let scores =
            |sequence: &Sequence| Scores { log_probs: sequence.logp_new.clone(), entropies: sequence.entropy.clone(), values: sequence.values.clone() };
        let scores = sequences.iter().map(scores).collect();
        let measured = objectives::Batch::new(sequences).map_err(refuse)?;
        let metrics = total.metrics(Metrics::measure(&measured, advantages));
        if !total.has_gradient {
            return Ok((Update { loss: total.loss, gradient_norm: 0.0, metrics, is_skipped: true }, scores));
        }
        let grads = accumulator.grads();
        let (grads, factors, norm) = self.trained(grads);
        if !norm.is_finite() {
            return Err(stopped(norm));
        }
        let gradient_scale = match self.config.clip_norm {
            Some(limit) if norm > f64::from(limit) => (f64::from(limit) / norm) as f32,
            _ => 1.0,
        };
        self.optimizer.set_gradient_scale(gradient_scale);
        self.actor = self.optimizer.step(rate, self.actor.clone(), grads);
        self.optimizer.recycle();
        if let Some(lora) = &mut self.lora {
            let AdamConfig { beta1, beta2, epsilon, weight_decay } = self.config.adam;
            let step = AdamStep { learning_rate: rate as f32, beta1, beta2, epsilon, weight_decay, step: self.updates as i32 + 1, gradient_scale };
            self.actor = lora.step(self.actor.clone(), factors, &step);
        }
        self.updates += 1;
        Ok((Update { loss: total.loss, gradient_norm: norm, metrics, is_skipped: false }, scores))
    }

    fn set_reference(&mut self, weights: Option<&Weights>) {
        self.reference = weights.map(|weights| {
            let mut decoder = Decoder::from_weights(weights, &self.device);
            decoder.precision = self.config.precision;
            Actor { decoder, value: None }
        });
    }

    fn updates(&self) -> usize {
        self.updates
    }

    fn weights(&self) -> Weights {
        self.actor.decoder.to_weights()
    }

    fn state(&self) -> ActorState {
        let lora = self.lora.as_ref().map(Lora::state);
        ActorState { weights: self.weights(), value: self.actor.value_head(), moments: self.optimizer.moments(), lora, updates: self.updates }
    }
}

impl<B: Kernels> PolicyTrainer<B> {
    /// The gradients that the optimizer steps with, those of the factors, and the norm of all of them together. Where factors are trained,
    /// the critic is the only other thing that is.
    fn trained(&self, grads: GradientsParams) -> (GradientsParams, Vec<[Tensor<B, 2>; 2]>, f64) {
        let Some(lora) = &self.lora else {
            let norm = gradient_norm::<B, _, _>(&self.actor, &grads);
            return (grads, Vec::new(), norm);
        };
        let (factors, norm) = lora.gradients(&self.actor, &grads);
        let mut rest = GradientsParams::new();
        if let Some(value) = &self.actor.value
            && let Some(grad) = grads.get::<B, 2>(value.id)
        {
            rest.register::<B, 2>(value.id, grad);
        }
        let rest_norm = gradient_norm::<B, _, _>(&self.actor, &rest);
        (rest, factors, norm.hypot(rest_norm))
    }

    /// The scalar whose gradient is the objective's; `None` where every coefficient is 0.
    #[expect(clippy::too_many_arguments, reason = "one call site; three kinds of coefficients for two kinds of outputs")]
    fn surrogate(
        &self,
        part: &Part,
        logits: Tensor<Autodiff<B>, 2>,
        values: Option<Tensor<Autodiff<B>, 2>>,
        plain: &[f32],
        d_logp: &[f64],
        d_entropy: &[f64],
        d_value: &[f64],
    ) -> Option<Tensor<Autodiff<B>, 1>> {
        let [n, v] = logits.dims();
        let is_flat = |coefficients: &[f64]| coefficients.iter().all(|coefficient| *coefficient == 0.0);
        let constant = |numbers: Vec<f32>, width: usize| Tensor::<Autodiff<B>, 2>::from_data(TensorData::new(numbers, [n, width]), &self.device);
        let mut sum: Option<Tensor<Autodiff<B>, 1>> = None;
        let mut add = |term: Tensor<Autodiff<B>, 1>| sum = Some(sum.take().map_or(term.clone(), |sum| sum + term));
        if !is_flat(d_entropy) {
            add((logits.clone() * constant(entropy_gradient(plain, d_entropy), v)).sum());
        }
        if let Some(values) = values
            && !is_flat(d_value)
        {
            add((values * constant(d_value.iter().map(|number| *number as f32).collect(), 1)).sum());
        }
        if !is_flat(d_logp) {
            let targets = Tensor::from_data(TensorData::new(part.batch.targets.clone(), [n]), &self.device);
            let weights = Tensor::from_data(TensorData::new(d_logp.iter().map(|number| -number as f32).collect::<Vec<f32>>(), [n]), &self.device);
            add(<Autodiff<B> as Ops>::cross_entropy(logits, targets, weights));
        }
        sum
    }
}

/// Frees most of what a forward pass kept that no backward pass will read, by one from where it began, which takes away what all else stands on: burn 0.21 frees
/// graphs in backward passes alone.
fn free_graph<B: AutodiffBackend>(embedded: Tensor<B, 2>) {
    drop(B::backward(embedded.sum().into_primitive().tensor()));
}

/// Logits of the policy at a temperature.
fn tempered<B: Backend>(logits: Tensor<B, 2>, temperature: f32) -> Tensor<B, 2> {
    if temperature == 1.0 { logits } else { logits / temperature }
}
