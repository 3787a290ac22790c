//! Policy-gradient steps: the gradient is that of the objective's loss, ratios start at exactly 1, and the sampler is the trainer.

use metacot::{
    Error,
    data::Example,
    device::Cpu,
    kernels::Precision,
    model::{ModelConfig, Weights},
    sample::{CpuDecoder, DecoderConfig, Generator as _, Request, SampleConfig, Scoring},
    train::{ActorState, AdamConfig, Learner, LoraConfig, PolicyTrainer, Projection, TrainerConfig},
};
use metacot_envs::SeedTree;
use metacot_objectives::{Advantages, Batch, Importance, KlPenalty, Objective, Sequence, importance::Level, kl::Estimator};
use rand::RngExt;

use crate::support::tiny_model;

fn model() -> ModelConfig {
    tiny_model(false)
}

/// Weights large enough that distributions are far from uniform.
fn weights(seed: u64) -> Weights {
    let mut weights = Weights::init(&model(), &SeedTree::root(seed));
    weights.embedding.iter_mut().for_each(|weight| *weight *= 10.0);
    weights.head.iter_mut().flatten().for_each(|weight| *weight *= 10.0);
    weights
}

fn responses(count: usize) -> Vec<Example> {
    let mut rng = SeedTree::root(5).child("responses").stream(0);
    (0..count)
        .map(|_| {
            let (prompt, response) = (rng.random_range(1..6), rng.random_range(1..14));
            let ids = (0..prompt + response).map(|_| rng.random_range(1..24)).collect();
            Example { ids, response_start: prompt }
        })
        .collect()
}

/// AdamW as plain gradient descent: a step of `rate` moves by `rate / epsilon` times the gradient.
const DESCENT: f32 = 1e6;

fn trainer(state: ActorState, rows: usize) -> PolicyTrainer<Cpu> {
    let adam = AdamConfig { beta1: 0.0, beta2: 0.0, epsilon: DESCENT, weight_decay: 0.0 };
    PolicyTrainer::new(TrainerConfig { rows, clip_norm: None, adam, ..TrainerConfig::default() }, state, &Default::default())
}

fn state() -> ActorState {
    let mut state = ActorState::start(weights(1), true);
    let mut rng = SeedTree::root(8).stream(0);
    state.value.iter_mut().flatten().for_each(|weight| *weight = rng.random_range(-0.3..0.3));
    state
}

/// A batch of responses that older weights sampled, with rewards in turn.
fn batch(trainer: &PolicyTrainer<Cpu>, examples: &[Example]) -> Batch {
    batch_at(1.0, trainer, examples)
}

fn batch_at(temperature: f32, trainer: &PolicyTrainer<Cpu>, examples: &[Example]) -> Batch {
    let old = PolicyTrainer::<Cpu>::new(TrainerConfig::default(), ActorState { weights: nudged(), ..state() }, &Default::default());
    let old = old.at_temperature(temperature);
    let (new, old, reference) = (trainer.score(examples), old.score(examples), trainer.score_reference(examples));
    let sequences = new.into_iter().zip(old).zip(reference).enumerate().map(|(index, ((new, old), logp_ref))| Sequence {
        logp_new: new.log_probs,
        entropy: new.entropies,
        values: new.values,
        values_old: old.values,
        logp_ref,
        ..Sequence::new(index / 4, f64::from(u8::from(index % 3 == 0)), old.log_probs)
    });
    Batch::new(sequences.collect()).unwrap()
}

/// The weights with a small change, so that ratios differ from 1 and stay within every clip.
fn nudged() -> Weights {
    let mut weights = weights(1);
    let mut rng = SeedTree::root(9).stream(0);
    weights.head.iter_mut().flatten().for_each(|weight| *weight += rng.random_range(-0.01..0.01));
    weights
}

fn loss(trainer: &PolicyTrainer<Cpu>, batch: &Batch, advantages: &Advantages, objective: &Objective, examples: &[Example]) -> f64 {
    let mut sequences = batch.sequences().to_vec();
    for (sequence, scores) in sequences.iter_mut().zip(trainer.score(examples)) {
        (sequence.logp_new, sequence.entropy, sequence.values) = (scores.log_probs, scores.entropies, scores.values);
    }
    objective.evaluate(&Batch::new(sequences).unwrap(), advantages).unwrap().loss
}

#[test]
fn a_small_step_lowers_the_loss_by_the_square_of_the_gradient() {
    let examples = responses(12);
    let with = |name: &str, change: fn(&mut Objective)| {
        let mut objective = Objective::named(name).unwrap();
        change(&mut objective);
        (name.to_owned(), objective)
    };
    let cases = [
        with("ppo", |objective| objective.entropy_bonus = 0.1),
        with("ppo-operation", |_| ()),
        with("grpo", |objective| objective.kl = KlPenalty::in_loss(0.3, Estimator::K3)),
        with("gspo", |_| ()),
        with("rloo", |_| ()),
        with("apa", |_| ()),
        with("star", |_| ()),
        with("reinforce", |objective| objective.entropy_bonus = 0.5),
    ];
    for ((name, objective), temperature) in cases.iter().flat_map(|case| [1.0, 0.8].map(|temperature| (case, temperature))) {
        let mut trainer = trainer(state(), 2).at_temperature(temperature);
        trainer.set_reference(Some(&weights(2)));
        let batch = batch_at(temperature, &trainer, &examples);
        let advantages = objective.advantages(&batch).unwrap();
        let before = loss(&trainer, &batch, &advantages, objective, &examples);
        // A first step of size 0 tells the norm.
        let norm = trainer.update(&examples, &batch, &advantages, objective, 0.0).unwrap().gradient_norm;
        let step = 1e-3 / norm.max(1e-3);
        let update = trainer.update(&examples, &batch, &advantages, objective, step * f64::from(DESCENT)).unwrap();
        let after = loss(&trainer, &batch, &advantages, objective, &examples);
        assert!((update.loss - before).abs() < 1e-6 * before.abs().max(1.0), "{name} at {temperature}: {} is not {before}", update.loss);
        let expected = step * norm * norm;
        assert!((before - after - expected).abs() < 0.05 * expected, "{name} at {temperature}: {before} fell to {after}; expected {expected:e}");
    }
}

#[test]
fn parts_of_a_minibatch_add_up_to_the_whole() {
    let examples = responses(12);
    let objective = Objective { entropy_bonus: 0.1, ..Objective::named("ppo").unwrap() };
    let [small, large] = [1, 64].map(|rows| {
        let mut trainer = trainer(state(), rows);
        let batch = batch(&trainer, &examples);
        let advantages = objective.advantages(&batch).unwrap();
        trainer.update(&examples, &batch, &advantages, &objective, 0.1).unwrap()
    });
    assert!((small.loss - large.loss).abs() < 1e-6, "{} {}", small.loss, large.loss);
    assert!((small.gradient_norm - large.gradient_norm).abs() < 1e-4 * large.gradient_norm, "{} {}", small.gradient_norm, large.gradient_norm);
}

#[test]
fn ratios_are_exactly_one_before_the_first_update() {
    let examples = responses(12);
    let objective = Objective::named("ppo").unwrap();
    let mut trainer = trainer(state(), 2);
    let sequences = trainer.score(&examples).into_iter().enumerate().map(|(index, scores)| Sequence {
        values_old: scores.values.clone(),
        values: scores.values,
        ..Sequence::new(index / 4, f64::from(u8::from(index % 3 == 0)), scores.log_probs)
    });
    let batch = Batch::new(sequences.collect()).unwrap();
    let advantages = objective.advantages(&batch).unwrap();
    let first = trainer.update(&examples, &batch, &advantages, &objective, 1e-2 * f64::from(DESCENT)).unwrap().metrics;
    assert_eq!((first.ratio_min, first.ratio_max, first.clip_fraction), (1.0, 1.0, 0.0));
    let second = trainer.update(&examples, &batch, &advantages, &objective, 0.0).unwrap().metrics;
    assert!(second.ratio_min < 1.0 && second.ratio_max > 1.0);
}

#[test]
fn a_first_update_scores_its_responses_itself() {
    let examples = responses(12);
    for name in ["grpo", "dr-grpo", "rloo", "cispo", "gspo", "reinforce"] {
        let importance = Importance::Truncate { cap: 2.0, level: Level::Token };
        let objective = Objective { kl: KlPenalty::in_loss(0.3, Estimator::K3), importance, ..Objective::named(name).unwrap() };
        let [scored, unscored] = [true, false].map(|is_scored| {
            let mut trainer = trainer(state(), 2);
            trainer.set_reference(Some(&weights(2)));
            let references = trainer.score_reference(&examples);
            let sequences = trainer.score(&examples).into_iter().zip(references).enumerate().map(|(index, (scores, logp_ref))| {
                let reward = f64::from(u8::from(index % 3 == 0));
                let old = if is_scored { scores.log_probs } else { vec![-9.0; scores.log_probs.len()] };
                Sequence { logp_ref, logp_sampled: vec![-3.0; old.len()], ..Sequence::new(index / 4, reward, old) }
            });
            let batch = Batch::new(sequences.collect()).unwrap();
            let advantages = objective.advantages(&batch).unwrap();
            let (old, rate) = (trainer.score(&examples), 1e-2 * f64::from(DESCENT));
            let update = if is_scored {
                trainer.update(&examples, &batch, &advantages, &objective, rate).unwrap()
            } else {
                let (update, scores) = trainer.step(&examples, &[], &batch, &advantages, &objective, rate, true).unwrap();
                assert_eq!(scores, old, "{name}");
                update
            };
            assert_eq!((update.metrics.ratio_min, update.metrics.ratio_max), (1.0, 1.0), "{name}");
            (update.loss.to_bits(), update.gradient_norm.to_bits(), trainer.weights().digest())
        });
        assert_eq!(scored, unscored, "{name}");
    }
}

#[test]
fn checkpointed_gradients_have_the_same_bits_and_bfloat16_its_own_policy() {
    let examples = responses(12);
    let objective = Objective::named("ppo").unwrap();
    let updated = |gradient_checkpointing: bool, precision: Precision| {
        let config = TrainerConfig { rows: 2, gradient_checkpointing, precision, ..TrainerConfig::default() };
        let mut trainer = PolicyTrainer::<Cpu>::new(config, state(), &Default::default());
        trainer.set_reference(Some(&weights(1)));
        assert_eq!(trainer.score_reference(&examples)[0], trainer.score(&examples)[0].log_probs, "the reference is the start");
        let batch = batch(&trainer, &examples);
        let advantages = objective.advantages(&batch).unwrap();
        let (update, _) = trainer.step(&examples, &[], &batch, &advantages, &objective, 1e-3, true).unwrap();
        assert_eq!((update.metrics.ratio_min, update.metrics.ratio_max), (1.0, 1.0), "{precision:?}");
        (update, trainer.state())
    };
    let plain = updated(false, Precision::Single);
    assert_eq!(updated(true, Precision::Single), plain);
    let (half, state) = updated(false, Precision::Bfloat16);
    let gap = (half.gradient_norm - plain.0.gradient_norm).abs() / plain.0.gradient_norm;
    assert!(gap > 0.0 && gap < 0.05, "{gap}");
    assert!(state.weights != plain.1.weights);
}

#[test]
fn the_sampler_gives_the_log_probabilities_of_the_trainer() {
    let examples = responses(20);
    let trainer = trainer(state(), 4);
    let mut sampler = CpuDecoder::new(&trainer.weights(), DecoderConfig { threads: 1, ..DecoderConfig::default() });
    let texts: Vec<Scoring> = examples
        .iter()
        .map(|example| Scoring { prompt: &example.ids[..example.response_start], continuation: &example.ids[example.response_start..] })
        .collect();
    for (sampled, scores) in sampler.score(&texts).into_iter().zip(trainer.score(&examples)) {
        assert_eq!(sampled.len(), scores.log_probs.len());
        assert!(sampled.iter().zip(&scores.log_probs).all(|(sampled, trained)| (f64::from(*sampled) - trained).abs() < 1e-4));
    }
}

#[test]
fn at_another_temperature_the_sampler_is_the_trainer_too() {
    let trainer = trainer(state(), 4).at_temperature(0.7);
    let mut sampler = CpuDecoder::new(&trainer.weights(), DecoderConfig { threads: 1, ..DecoderConfig::default() });
    let config = SampleConfig { temperature: 0.7, top_k: 0, top_p: 1.0, max_new_tokens: 12, stop: Vec::new(), scored_at: 0.7 };
    let request = |stream: u64| Request { prompt: vec![1, 3, 5], rng: SeedTree::root(4).stream(stream) };
    let completions = sampler.complete((0..8).map(request).collect(), &config);
    let examples: Vec<Example> = completions.iter().map(|completion| Example { ids: [&[1, 3, 5], &completion.ids[..]].concat(), response_start: 3 }).collect();
    let plain = self::trainer(state(), 4).score(&examples);
    for ((sampled, scores), plain) in completions.iter().zip(trainer.score(&examples)).zip(plain) {
        assert!(sampled.log_probs.iter().zip(&scores.log_probs).all(|(sampled, trained)| (f64::from(*sampled) - trained).abs() < 1e-4));
        let change = scores.log_probs.iter().zip(&plain.log_probs).map(|(cold, plain)| (cold - plain).abs()).fold(0.0, f64::max);
        assert!(change > 0.01, "the temperature changed nothing");
    }
}

#[test]
fn nothing_moves_without_a_gradient_or_with_one_that_is_not_finite() {
    let examples = responses(4);
    let objective = Objective::named("grpo-trl").unwrap();
    let mut trainer = trainer(state(), 4);
    let sequences: Vec<Sequence> = trainer.score(&examples).into_iter().map(|scores| Sequence::new(0, 1.0, scores.log_probs)).collect();
    let batch = Batch::new(sequences).unwrap();
    let advantages = objective.advantages(&batch).unwrap();
    let before = trainer.state();
    assert!(trainer.update(&examples, &batch, &advantages, &objective, 1.0).unwrap().is_skipped);
    let mut weights = weights(1);
    weights.final_norm[0] = f32::NAN;
    assert_eq!(trainer.state(), before);
    let mut broken = self::trainer(ActorState { weights, ..state() }, 4);
    assert!(matches!(broken.update(&examples, &batch, &advantages, &objective, 1.0), Err(Error::Stopped(_))));
}

#[test]
fn low_rank_factors_follow_their_gradient_and_leave_the_rest_alone() {
    let examples = responses(12);
    let objective = Objective::named("ppo").unwrap();
    let lora = LoraConfig { rank: 3, alpha: 6.0, projections: vec![Projection::Qkv, Projection::Down] };
    let adam = AdamConfig { beta1: 0.0, beta2: 0.0, epsilon: DESCENT, weight_decay: 0.0 };
    let config = TrainerConfig { rows: 2, clip_norm: None, adam, lora: Some(lora.clone()), ..TrainerConfig::default() };
    let start = state().with_lora(Some(&lora), &SeedTree::root(3));
    let mut trainer = PolicyTrainer::<Cpu>::new(config.clone(), start.clone(), &Default::default());
    assert_eq!(trainer.weights(), start.weights, "a product of zero");
    let batch = batch(&trainer, &examples);
    let advantages = objective.advantages(&batch).unwrap();
    // The first step leaves the zeros of B; from then on both factors have gradients.
    trainer.update(&examples, &batch, &advantages, &objective, 0.1 * f64::from(DESCENT)).unwrap();
    let before = loss(&trainer, &batch, &advantages, &objective, &examples);
    let norm = trainer.update(&examples, &batch, &advantages, &objective, 0.0).unwrap().gradient_norm;
    let step = 1e-3 / norm.max(1e-3);
    trainer.update(&examples, &batch, &advantages, &objective, step * f64::from(DESCENT)).unwrap();
    let after = loss(&trainer, &batch, &advantages, &objective, &examples);
    let expected = step * norm * norm;
    assert!((before - after - expected).abs() < 0.05 * expected, "{before} fell to {after}; expected {expected:e}");
    let state = trainer.state();
    for (old, new) in start.weights.layers.iter().zip(&state.weights.layers) {
        assert!(old.qkv != new.qkv && old.down != new.down);
        assert!(old.output == new.output && old.gate_up == new.gate_up && old.attention_norm == new.attention_norm);
    }
    assert!(start.weights.embedding == state.weights.embedding && start.weights.head == state.weights.head && start.value != state.value);
    // At rest and awake again, it goes on alike.
    let mut again = PolicyTrainer::<Cpu>::new(config, state, &Default::default());
    let updates = [&mut trainer, &mut again].map(|trainer| trainer.update(&examples, &batch, &advantages, &objective, 0.1 * f64::from(DESCENT)).unwrap());
    assert_eq!(updates[0], updates[1]);
    assert_eq!(trainer.state(), again.state());
}
