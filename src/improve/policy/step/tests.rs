//! Credit and pairs of a step, and what it doubts.

use super::*;
use crate::{
    device::Cpu,
    model::{ModelConfig, Weights},
    sample::{CpuDecoder, DecoderConfig, Generator as _, Request, SampleConfig},
    train::{ActorState, PolicyTrainer, TrainerConfig},
};

/// Learning that compares nothing.
fn learning<'a>(config: &'a PolicyConfig, objective: &'a Objective, tokenizer: &'a Tokenizer) -> Learning<'a> {
    let (seeds, has_reference, check_sampler, check_tape) = (SeedTree::root(1), false, false, false);
    Learning { config, objective, tokenizer, seeds, rate: 0.1, updates: 0, has_reference, check_sampler, check_tape }
}

#[test]
fn a_pair_is_the_best_and_the_worst_of_a_group_that_varies() {
    let rewards = [vec![0.0, 1.0, 1.0, 0.0], vec![1.0, 1.0], vec![0.5, 0.0]];
    let sequences: Vec<Sequence> = (0..8).map(|length| Sequence::new(0, 0.0, vec![-1.0; length + 1])).collect();
    let found: Vec<(usize, usize)> = pairs(&rewards, &sequences).iter().map(|pair| (pair.chosen.sequence, pair.rejected.sequence)).collect();
    assert_eq!(found, [(1, 0), (6, 7)]);
    assert_eq!(pairs(&rewards, &sequences)[1].chosen.tokens, 0..7);
}

#[test]
fn attempts_are_paid_by_their_effort_and_pay_in_their_last_line() {
    use crate::attempts::{Attempt, AttemptsConfig, Feedback};
    use metacot_objectives::{Reward, reward::EffortDial};

    let tokenizer = Tokenizer::new(["a", "b\n"], 0).unwrap();
    let text = tokenizer.encode("b\na");
    let config = PolicyConfig {
        attempts: Some(AttemptsConfig { count: 2, feedback: Feedback::default(), ends_when_right: false, malformed: 0.2 }),
        effort: Some(EffortDial { gammas: vec![0.5], ..EffortDial::default() }),
        reward: Reward::named("effort").unwrap(),
        ..PolicyConfig::default()
    };
    let mut group = EpisodeGroup { effort: Some(0), ..EpisodeGroup::of_version(0) };
    let episode = &mut group.episodes[0];
    let malformed = crate::grade::Rollout { is_format_ok: false, ..episode.verdict.clone() };
    let solved = crate::grade::Rollout { is_correct: true, tokens: 2, thought_tokens: 2, response: "b\na".into(), ..episode.verdict.clone() };
    // Two lines that do not read, two tokens between the attempts, two lines that are right.
    episode.ids = [text.as_slice(), &[Tokenizer::EOS, 9, 9], &text, &[Tokenizer::EOS]].concat();
    episode.log_prob_bits = vec![(-1.0_f32).to_bits(); episode.ids.len()];
    episode.verdict = malformed;
    episode.attempts = vec![Attempt { mark_at: 3, said: 2, verdict: solved }];
    let paid = config.reward.score(&Evidence { gamma: Some(0.5), ..episode.evidence() });
    assert!(paid > 0.0 && paid < 1.0);
    let objective = Objective::named("rl2").unwrap();
    let sequences = learning(&config, &objective, &tokenizer).sequences(&[group], &[vec![paid]]);
    assert_eq!((&sequences[0].steps[..], &sequences[0].step_rewards[..]), (&[0, 1, 3, 6][..], &[0.0, -0.2, 0.0, 0.0][..]));
    assert_eq!(sequences[0].episode_rewards, [0.0, paid]);
    assert!(sequences[0].is_solved && sequences[0].roles[3..5] == [Role::Masked; 2]);
}

#[test]
fn pairs_with_one_better_response_stay_together() {
    let span = |sequence: usize| Span { sequence, tokens: 0..1 };
    let pair = |chosen: usize, rejected: usize| Pair { chosen: span(chosen), rejected: span(rejected) };
    assert_eq!(together(&[pair(4, 5), pair(1, 0), pair(1, 2)]), [vec![1, 0, 2], vec![4, 5]]);
}

#[test]
fn a_tape_of_other_weights_is_found_out() {
    let tokenizer = Tokenizer::new(["a", "b\n"], 0).unwrap();
    let shape = ModelConfig {
        vocab_size: tokenizer.vocab_size(),
        width: 16,
        layers: 1,
        heads: 2,
        kv_heads: 2,
        hidden: 32,
        context: 16,
        rope_theta: 100.0,
        rope_scaling: None,
        norm_epsilon: 1e-5,
        tied_embeddings: true,
    };
    let weights = |seed: u64| {
        let weights = Weights::init(&shape, &SeedTree::root(seed));
        let tensors = weights.tensors().iter().map(|tensor| tensor.iter().map(|weight| if *weight == 1.0 { 1.0 } else { 10.0 * weight }).collect()).collect();
        Weights::from_tensors(&shape, tensors)
    };
    let config = PolicyConfig { plan: metacot_objectives::plan::StepPlan { prompts: 1, samples: 4, minibatch: 4, epochs: 1 }, ..PolicyConfig::default() };
    let learned = |of_sampler: Weights, check_tape: bool| {
        let mut decoder = CpuDecoder::new(&of_sampler, DecoderConfig { threads: 1, slots: 4 });
        decoder.record(1 << 20);
        let sample = SampleConfig { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: 8, stop: Vec::new(), scored_at: 1.0 };
        let requests = (0..4).map(|stream| Request { prompt: vec![1], rng: SeedTree::root(5).stream(stream) }).collect();
        let completions = decoder.complete(requests, &sample);
        let mut group = EpisodeGroup::of_version(0);
        let episode = group.episodes.remove(0);
        group.episodes.extend(completions.into_iter().map(|completion| Episode {
            log_prob_bits: completion.log_probs.iter().map(|number| number.to_bits()).collect(),
            ids: completion.ids,
            ..episode.clone()
        }));
        let objective = Objective::named("dr-grpo").unwrap();
        let learning = Learning { check_tape, ..learning(&config, &objective, &tokenizer) };
        let mut learner = PolicyTrainer::<Cpu>::new(TrainerConfig::default(), ActorState::start(weights(1), false), &Default::default());
        learning.learn(&mut learner, &[group], &[vec![0.0, 1.0, 0.0, 1.0]], &decoder.end_recording()).map(|learned| learned.metrics().sampler_gap_max)
    };
    assert!(learned(weights(1), true).unwrap() < 1e-4);
    // Other blocks, and the embedding of the trainer, which is the output layer too: read from the tape, nothing seems wrong.
    let other = Weights { layers: weights(2).layers, ..weights(1) };
    assert!(learned(other.clone(), false).unwrap() < 1e-4);
    let error = learned(other, true).unwrap_err().to_string();
    assert!(error.contains("not the same model"), "{error}");
}
