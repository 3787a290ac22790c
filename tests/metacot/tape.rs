//! What the sampler computed as the first half of a training pass: the same gradient, read and not computed, whatever the threads.

use std::sync::Arc;

use metacot::{
    data::Example,
    device::Cpu,
    kernels::Track,
    model::{ModelConfig, Weights},
    sample::{Completion, CpuDecoder, DecoderConfig, Generator as _, Request, SampleConfig},
    train::{ActorState, Learner, LoraConfig, PolicyTrainer, TrainerConfig, Update},
};
use metacot_envs::SeedTree;
use metacot_objectives::{Batch, Objective, Sequence};

use crate::support::tiny_model;

/// Weights far from their start, so that every path carries a gradient.
fn weights(config: &ModelConfig, seed: u64) -> Weights {
    let weights = Weights::init(config, &SeedTree::root(seed));
    let tensors = weights.tensors().iter().map(|tensor| tensor.iter().map(|x| if *x == 1.0 { 1.1 } else { x * 6.0 }).collect()).collect();
    Weights::from_tensors(config, tensors)
}

/// Prompts of which some are alike, some begin alike for longer than a block of the cache, and one is a single token.
fn requests() -> Vec<Request> {
    let prompt = |end: &[u32]| [(1..21).collect::<Vec<u32>>(), end.to_vec()].concat();
    let prompts = [prompt(&[3]), prompt(&[]), prompt(&[7, 8, 9]), vec![1], vec![5, 6, 7, 8]];
    let of = |index: usize| prompts[if index < 12 { index / 4 } else { index % 5 }].clone();
    (0..22).map(|index| Request { prompt: of(index), rng: SeedTree::root(3).stream(index as u64) }).collect()
}

const SAMPLE: SampleConfig = SampleConfig { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: 14, stop: Vec::new(), scored_at: 1.0 };

/// Two calls' completions and their tracks.
fn recorded(weights: &Weights, threads: usize, slots: usize, bytes: usize) -> (Vec<Completion>, Vec<Option<Track>>) {
    let mut decoder = CpuDecoder::new(weights, DecoderConfig { threads, slots });
    let config = SampleConfig { stop: vec![2, 9], ..SAMPLE };
    // Caches hold something already.
    decoder.complete(requests().split_off(15), &config);
    decoder.record(bytes);
    let mut requests = requests();
    let last = requests.split_off(20);
    let mut completions = decoder.complete(requests, &config);
    completions.extend(decoder.complete(last, &config));
    (completions, decoder.end_recording())
}

fn examples(completions: &[Completion]) -> Vec<Example> {
    let example = |(request, completion): (Request, &Completion)| Example {
        ids: [&request.prompt[..], &completion.ids[..]].concat(),
        response_start: request.prompt.len(),
    };
    requests().into_iter().zip(completions).map(example).collect()
}

fn trainer(weights: &Weights, config: TrainerConfig) -> PolicyTrainer<Cpu> {
    let mut state = ActorState::start(weights.clone(), true);
    state.value.iter_mut().flatten().enumerate().for_each(|(index, weight)| *weight = (index as f32).sin() * 0.2);
    let state = state.with_lora(config.lora.as_ref(), &SeedTree::root(3));
    PolicyTrainer::new(config, state, &Default::default())
}

/// An update of a critic's objective.
fn update(trainer: &mut PolicyTrainer<Cpu>, examples: &[Example], tracks: &[Option<Track>]) -> Update {
    let objective = Objective { entropy_bonus: 0.1, ..Objective::named("ppo").unwrap() };
    let scores = trainer.score_taped(examples, tracks);
    let sequences = scores.into_iter().enumerate().map(|(index, scores)| Sequence {
        values_old: scores.values.clone(),
        values: scores.values,
        ..Sequence::new(index / 4, f64::from(u8::from(index % 3 == 0)), scores.log_probs)
    });
    let batch = Batch::new(sequences.collect()).unwrap();
    let advantages = objective.advantages(&batch).unwrap();
    trainer.step(examples, tracks, &batch, &advantages, &objective, 1e-3, false).unwrap().0
}

/// The largest distance of two lists, as a part of the largest number.
fn gap(a: &[f32], b: &[f32]) -> f32 {
    let scale = b.iter().fold(1e-6_f32, |scale, x| scale.max(x.abs()));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / scale
}

#[test]
fn an_update_from_tape_is_that_of_the_trainer() {
    let shapes = [
        tiny_model(false),
        ModelConfig { kv_heads: 4, hidden: 40, ..tiny_model(true) },
        ModelConfig { kv_heads: 1, hidden: 33, layers: 1, ..tiny_model(false) },
    ];
    let lora = LoraConfig { rank: 3, ..LoraConfig::default() };
    for shape in &shapes {
        let weights = weights(shape, 1);
        let (completions, tracks) = recorded(&weights, 2, 8, usize::MAX);
        let examples = examples(&completions);
        assert!(tracks.iter().zip(&examples).all(|(track, example)| track.as_ref().unwrap().rows.len() == example.positions()));
        for config in [TrainerConfig { rows: 2, ..TrainerConfig::default() }, TrainerConfig { rows: 64, lora: Some(lora.clone()), ..TrainerConfig::default() }]
        {
            let [mut from_tape, mut computed] = [trainer(&weights, config.clone()), trainer(&weights, config)];
            let [read, own] = [update(&mut from_tape, &examples, &tracks), update(&mut computed, &examples, &[])];
            assert_eq!((read.metrics.ratio_min, read.metrics.ratio_max), (1.0, 1.0), "scored and updated from the same numbers");
            assert!((read.loss - own.loss).abs() < 1e-5 * own.loss.abs().max(1.0), "{} {}", read.loss, own.loss);
            assert!((read.gradient_norm / own.gradient_norm - 1.0).abs() < 1e-4, "{} {}", read.gradient_norm, own.gradient_norm);
            // First moments are gradients.
            for ([read, _], [own, _]) in from_tape.state().moments.iter().zip(&computed.state().moments) {
                assert!(gap(read, own) < 1e-3, "{}", gap(read, own));
            }
        }
    }
}

#[test]
fn what_is_taped_is_read_and_what_is_not_is_computed() {
    let shape = tiny_model(false);
    let own = weights(&shape, 1);
    // Other blocks between the same embedding and head.
    let other = Weights { layers: weights(&shape, 2).layers, ..own.clone() };
    let (completions, tracks) = recorded(&other, 2, 8, usize::MAX);
    let examples = examples(&completions);
    let [own, other] = [own, other].map(|weights| trainer(&weights, TrainerConfig { rows: 2, ..TrainerConfig::default() }));
    let (read, by_other, computed) = (own.score_taped(&examples, &tracks), other.score(&examples), own.score(&examples));
    let far = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(read.iter().zip(&by_other).all(|(read, other)| far(&read.log_probs, &other.log_probs) < 1e-4));
    assert!(read.iter().zip(&computed).any(|(read, computed)| far(&read.log_probs, &computed.log_probs) > 0.1));
    // A part in which one is missing, or is not as long as it should be, is computed as a whole.
    let mut holes = tracks.clone();
    holes.iter_mut().step_by(2).for_each(|track| *track = None);
    holes.iter_mut().flatten().for_each(|track| _ = track.rows.pop());
    assert_eq!(own.score_taped(&examples, &holes), computed);
    assert_eq!(own.score_taped(&examples, &[]), computed);
}

#[test]
fn threads_and_slots_change_no_bit_and_recording_no_completion() {
    let weights = weights(&tiny_model(false), 1);
    let mut plain = CpuDecoder::new(&weights, DecoderConfig { threads: 1, slots: 4 });
    let expected = plain.complete(requests(), &SampleConfig { stop: vec![2, 9], ..SAMPLE });
    let mut updates = Vec::new();
    for (threads, slots) in [(1, 1), (1, 5), (2, 8), (3, 64)] {
        let (completions, tracks) = recorded(&weights, threads, slots, usize::MAX);
        assert_eq!(completions, expected, "{threads} threads, {slots} slots");
        let mut trainer = trainer(&weights, TrainerConfig { rows: 2, ..TrainerConfig::default() });
        updates.push((update(&mut trainer, &examples(&completions), &tracks), trainer.state()));
    }
    assert!(updates.iter().all(|update| *update == updates[0]));
}

#[test]
fn what_does_not_fit_is_not_recorded() {
    let weights = weights(&tiny_model(false), 1);
    let (all, whole) = recorded(&weights, 2, 8, usize::MAX);
    assert!(whole.iter().all(Option::is_some));
    // Prompts of the 20 requests of the first call take 353 positions, those of the two requests after it 41; completions at most 14 each.
    let row_bytes = (2 * (32 + 64 + 32 + 4 + 32 + 96) + 32) * 4;
    let are_recorded = |rows: usize| {
        let found = [1, 2].map(|threads| {
            let (completions, tracks) = recorded(&weights, threads, 8, rows * row_bytes);
            assert_eq!(completions, all);
            tracks.iter().map(Option::is_some).collect::<Vec<bool>>()
        });
        assert_eq!(found[0], found[1], "threads decide what fits");
        found[0].clone()
    };
    let first = |kept: usize, len: usize| (0..len).map(move |index| index < kept);
    assert!(are_recorded(100).into_iter().eq(first(0, 20).chain(first(2, 2))));
    assert!(are_recorded(353 + 14 * 5 + 13)[..20].iter().copied().eq(first(5, 20)));
    // What completions did not use is there for the next call.
    let used: usize = 353 + all[..5].iter().map(|completion| completion.ids.len() - 1).sum::<usize>();
    assert!(are_recorded(353 + 14 * 5)[20..].iter().copied().eq(first(usize::from(353 + 14 * 5 - used >= 41 + 14), 2)));
    assert!(are_recorded(used + 41 + 14 + 13)[20..].iter().filter(|is_recorded| **is_recorded).count() <= 1);
    assert!(recorded(&weights, 2, 8, 0).1.iter().all(Option::is_none));
    let mut decoder = CpuDecoder::new(&weights, DecoderConfig::default());
    assert!(decoder.end_recording().is_empty(), "none was begun");
    decoder.record(usize::MAX);
    assert!(decoder.complete(Vec::new(), &SAMPLE).is_empty() && decoder.end_recording().is_empty());
    // A prompt that fills the context has no completion and no track, and the longest one beside it has one.
    decoder.record(usize::MAX);
    let prompt = |length: u32| Request { prompt: (0..length).map(|id| id % 24).collect(), rng: SeedTree::root(3).stream(0) };
    let completions = decoder.complete(vec![prompt(40), prompt(39), prompt(44)], &SAMPLE);
    let tracks = decoder.end_recording();
    assert_eq!(completions.iter().map(|completion| completion.ids.len()).collect::<Vec<_>>(), [0, 1, 0]);
    assert_eq!(tracks.iter().map(|track| track.as_ref().map(|track| track.rows.len())).collect::<Vec<_>>(), [None, Some(39), None]);
}

#[test]
fn no_update_holds_the_tape_even_without_a_gradient() {
    let weights = weights(&tiny_model(false), 1);
    let objective = Objective::named("dr-grpo").unwrap();
    for (case, rewards) in [[1.0, 1.0], [0.0, 1.0]].into_iter().enumerate() {
        let (completions, tracks) = recorded(&weights, 2, 8, usize::MAX);
        let examples = examples(&completions);
        let holders = || Arc::strong_count(&tracks[0].as_ref().unwrap().tape);
        let mut trainer = trainer(&weights, TrainerConfig { rows: 2, ..TrainerConfig::default() });
        let before = holders();
        for _ in 0..3 {
            // In the second case some parts have a gradient, and the last has none.
            let reward = |index: usize| if index < 4 { rewards[index % 2] } else { 1.0 };
            let sequences = completions.iter().enumerate().map(|(index, completion)| Sequence::new(index / 4, reward(index), vec![-1.0; completion.ids.len()]));
            let batch = Batch::new(sequences.collect()).unwrap();
            let advantages = objective.advantages(&batch).unwrap();
            let (update, _) = trainer.step(&examples, &tracks, &batch, &advantages, &objective, 1e-3, true).unwrap();
            assert_eq!(update.is_skipped, case == 0);
            assert_eq!(holders(), before, "case {case}");
        }
    }
}
