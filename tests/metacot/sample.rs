//! The CPU decoder against the reference forward pass, and against itself: alone, in company, on one thread and on several.

use crate::reference::{log_softmax, odd_config, random_weights, reference_logits};
use metacot::model::{ModelConfig, Weights};
use metacot::sample::{Ask, Completion, Constrained, CpuDecoder, DecoderConfig, Generator, GrammarMask, LogitMask, Request, SampleConfig, Scoring};
use metacot::tokenizer::Tokenizer;
use metacot_envs::Difficulty;
use metacot_traces::{Automaton, generate::Spec, task};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const PLAIN: SampleConfig = SampleConfig { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: 40, stop: Vec::new() };

fn decoder(weights: &Weights, threads: usize, slots: usize) -> CpuDecoder {
    CpuDecoder::new(weights, DecoderConfig { threads, slots })
}

/// Requests with prompts of 1 to 9 ids; runs of them share a prompt.
fn requests(count: u64, vocab: u32) -> Vec<Request> {
    let request = |index: u64| {
        let mut rng = ChaCha8Rng::seed_from_u64(index / 3);
        let prompt = (0..1 + index / 3 % 9).map(|_| rng.random_range(0..vocab)).collect();
        Request { prompt, rng: ChaCha8Rng::seed_from_u64(1000 + index) }
    };
    (0..count).map(request).collect()
}

fn tokens(count: usize, vocab: u32) -> Vec<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    (0..count).map(|_| rng.random_range(0..vocab)).collect()
}

fn shapes() -> Vec<ModelConfig> {
    let odd = odd_config();
    let even = ModelConfig { vocab_size: 128, width: 128, heads: 4, kv_heads: 4, hidden: 352, ..odd.clone() };
    vec![odd.clone(), ModelConfig { tied_embeddings: true, ..odd.clone() }, ModelConfig { heads: 6, kv_heads: 3, ..odd }, even]
}

#[test]
fn cached_logits_equal_those_of_the_full_forward_pass() {
    for config in shapes() {
        let weights = random_weights(config.clone(), 1);
        let tokens = tokens(config.context, config.vocab_size as u32);
        let logits = decoder(&weights, 2, 4).logits(&tokens);
        for (t, expected) in reference_logits(&weights, &tokens).iter().enumerate() {
            for (id, expected) in expected.iter().enumerate() {
                let found = f64::from(logits[t * config.vocab_size + id]);
                assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{t} {id}: {found} {expected}");
            }
        }
    }
}

#[test]
fn a_completion_does_not_depend_on_its_neighbours_slots_or_threads() {
    for config in shapes() {
        let weights = random_weights(config.clone(), 2);
        let requests = requests(128, config.vocab_size as u32);
        // Stops are frequent, so that rows finish at different times and others take their slots.
        let sampling = SampleConfig { stop: vec![7, 8], top_p: 0.95, ..PLAIN };
        let all = decoder(&weights, 1, 128).complete_masked(&requests, &sampling, None);
        assert!(all.iter().any(|completion| completion.is_finished) && all.iter().any(|completion| !completion.is_finished));
        for (threads, slots) in [(1, 3), (2, 64), (2, 5), (3, 7)] {
            assert_eq!(decoder(&weights, threads, slots).complete_masked(&requests, &sampling, None), all, "{threads} threads, {slots} slots");
        }
        for threads in [1, 2] {
            let mut decoder = decoder(&weights, threads, 8);
            for index in (0..128).step_by(9) {
                assert_eq!(decoder.complete_masked(&requests[index..=index], &sampling, None), all[index..=index]);
            }
            assert_eq!(decoder.complete_masked(&requests[20..24], &sampling, None), all[20..24]);
        }
    }
}

#[test]
fn log_probs_equal_a_softmax_over_reference_logits() {
    let config = odd_config();
    let weights = random_weights(config.clone(), 3);
    let mut decoder = decoder(&weights, 2, 4);
    let requests = requests(9, config.vocab_size as u32);
    let sampling = SampleConfig { temperature: 0.7, top_k: 20, ..PLAIN };
    let completions = decoder.complete_masked(&requests, &sampling, None);
    let texts: Vec<Scoring> =
        requests.iter().zip(&completions).map(|(request, completion)| Scoring { prompt: &request.prompt, continuation: &completion.ids }).collect();
    let scores = decoder.score(&texts);
    for ((request, completion), scores) in requests.iter().zip(&completions).zip(scores) {
        assert_eq!(scores, completion.log_probs, "scoring gives the log-probabilities of sampling");
        let tokens = [&request.prompt[..], &completion.ids].concat();
        let logits = reference_logits(&weights, &tokens);
        for (step, (id, log_prob)) in completion.ids.iter().zip(&completion.log_probs).enumerate() {
            let expected = log_softmax(&logits[request.prompt.len() - 1 + step])[*id as usize];
            assert!((f64::from(*log_prob) - expected).abs() < 2e-5);
        }
    }
}

#[test]
fn greedy_completions_follow_the_largest_reference_logit() {
    let weights = random_weights(odd_config(), 4);
    let sampling = SampleConfig { temperature: 0.0, ..PLAIN };
    let request = Request { prompt: vec![1, 9, 4], rng: ChaCha8Rng::seed_from_u64(0) };
    let completion = decoder(&weights, 2, 4).complete_masked(&[request], &sampling, None).remove(0);
    let mut tokens = vec![1, 9, 4];
    for id in completion.ids {
        let logits = reference_logits(&weights, &tokens).pop().unwrap();
        assert_eq!(logits[id as usize], logits.iter().copied().fold(f64::MIN, f64::max));
        tokens.push(id);
    }
}

#[test]
fn completions_end_at_stops_at_the_limit_and_at_the_context() {
    let weights = random_weights(odd_config(), 5);
    let mut decoder = decoder(&weights, 2, 4);
    let all: Vec<u32> = (0..53).collect();
    let mut complete = |prompt: usize, sampling: SampleConfig| -> Completion {
        let request = Request { prompt: tokens(prompt, 53), rng: ChaCha8Rng::seed_from_u64(3) };
        decoder.complete_masked(&[request], &sampling, None).remove(0)
    };
    let stopped = complete(5, SampleConfig { stop: all, ..PLAIN });
    assert!(stopped.is_finished && stopped.ids.len() == 1 && stopped.log_probs.len() == 1);
    let cut = complete(5, PLAIN);
    assert!(!cut.is_finished && cut.ids.len() == 40);
    let full = complete(90, PLAIN);
    assert!(!full.is_finished && full.ids.len() == 6);
    let crowded = complete(96, PLAIN);
    assert!(!crowded.is_finished && crowded.ids.is_empty());
    assert!(complete(5, SampleConfig { max_new_tokens: 0, ..PLAIN }).ids.is_empty());
}

#[test]
fn sampled_tokens_are_among_the_likeliest_that_the_cut_offs_leave() {
    let weights = random_weights(odd_config(), 6);
    let mut decoder = decoder(&weights, 2, 16);
    let requests = requests(30, 53);
    for (top_k, top_p) in [(3, 1.0), (0, 0.5), (5, 0.8)] {
        for completion in decoder.complete_masked(&requests, &SampleConfig { top_k, top_p, ..PLAIN }, None).iter().zip(&requests) {
            let (completion, request) = completion;
            let tokens = [&request.prompt[..], &completion.ids].concat();
            let logits = decoder.logits(&tokens);
            for (step, id) in completion.ids.iter().enumerate() {
                let row = &logits[(request.prompt.len() - 1 + step) * 53..][..53];
                let own = row[*id as usize];
                let rank = row.iter().filter(|logit| **logit > own).count();
                let mass = |keep: &dyn Fn(f32) -> bool| row.iter().filter(|logit| keep(**logit)).map(|logit| f64::from(logit - own).exp()).sum::<f64>();
                assert!(top_k == 0 || rank < top_k);
                assert!(mass(&|logit| logit > own) <= f64::from(top_p) * mass(&|_| true) + 1e-6);
            }
        }
    }
}

/// Allows the ids of one parity, in turn; nothing after ten tokens.
struct Alternating;

impl LogitMask for Alternating {
    fn restrict(&self, _: &[u32], completion: &[u32], allowed: &mut [bool]) {
        let parity = completion.len() % 2;
        allowed.iter_mut().enumerate().for_each(|(id, allowed)| *allowed = id % 2 == parity && completion.len() < 10);
    }
}

#[test]
fn a_mask_restricts_every_choice_and_can_end_a_completion() {
    let weights = random_weights(odd_config(), 7);
    for temperature in [0.0, 1.0] {
        let sampling = SampleConfig { temperature, ..PLAIN };
        for completion in decoder(&weights, 2, 4).complete_masked(&requests(9, 53), &sampling, Some(&Alternating)) {
            assert!(completion.ids.len() == 10 && !completion.is_finished);
            assert!(completion.ids.iter().enumerate().all(|(step, id)| *id as usize % 2 == step % 2));
        }
    }
}

#[test]
fn replaced_weights_are_the_ones_that_count() {
    let (one, other) = (random_weights(odd_config(), 8), random_weights(odd_config(), 9));
    let mut decoder = decoder(&one, 2, 4);
    let before = decoder.complete_masked(&requests(6, 53), &PLAIN, None);
    decoder.replace(&other);
    assert_ne!(decoder.complete_masked(&requests(6, 53), &PLAIN, None), before);
    decoder.replace(&one);
    assert_eq!(decoder.complete_masked(&requests(6, 53), &PLAIN, None), before);
}

#[test]
fn no_requests_give_no_completions() {
    let weights = random_weights(odd_config(), 8);
    assert!(decoder(&weights, 2, 4).complete_masked(&[], &PLAIN, None).is_empty());
    assert!(decoder(&weights, 2, 4).score(&[]).is_empty());
}

#[test]
fn neighbours_with_other_settings_change_nothing() {
    let weights = random_weights(odd_config(), 10);
    let requests = requests(24, 53);
    let configs = [
        SampleConfig { temperature: 0.0, ..PLAIN },
        SampleConfig { temperature: 0.8, top_k: 5, ..PLAIN },
        SampleConfig { top_p: 0.6, max_new_tokens: 11, stop: vec![7], ..PLAIN },
        PLAIN,
    ];
    let asks: Vec<Ask> = requests
        .iter()
        .enumerate()
        .map(|(index, request)| Ask { request, config: &configs[index % 4], mask: (index % 3 == 0).then_some(&Alternating) })
        .collect();
    let together = decoder(&weights, 2, 5).complete_each(&asks);
    for (ask, completion) in asks.iter().zip(&together) {
        let alone = decoder(&weights, 1, 1).complete_masked(std::slice::from_ref(ask.request), ask.config, ask.mask);
        assert_eq!(alone, std::slice::from_ref(completion));
    }
    assert!(together.iter().any(|completion| completion.ids.len() == 11) && together.iter().any(|completion| completion.ids.len() == 40));
}

#[test]
fn scores_do_not_depend_on_what_is_scored_beside() {
    let weights = random_weights(odd_config(), 11);
    let ids = tokens(96, 53);
    let mut texts = Vec::new();
    for (prompt, length) in [(1, 30), (12, 1), (12, 40), (12, 40), (30, 0), (30, 66), (95, 1), (12, 3)] {
        texts.push((ids[..prompt].to_vec(), ids[prompt..prompt + length].to_vec()));
        let mut other = ids[prompt..prompt + length].to_vec();
        other.iter_mut().skip(length / 2).for_each(|id| *id = (*id + 1) % 53);
        texts.push((ids[..prompt].to_vec(), other));
    }
    let scorings: Vec<Scoring> = texts.iter().map(|(prompt, continuation)| Scoring { prompt, continuation }).collect();
    let expected: Vec<Vec<f32>> = scorings.iter().map(|text| decoder(&weights, 1, 1).score(&[*text]).remove(0)).collect();
    for threads in [1, 2, 3] {
        assert_eq!(decoder(&weights, threads, 4).score(&scorings), expected, "{threads} threads");
    }
    for ((prompt, continuation), scores) in texts.iter().zip(&expected) {
        let logits = reference_logits(&weights, &[&prompt[..], continuation].concat());
        for (step, (id, score)) in continuation.iter().zip(scores).enumerate() {
            let expected = log_softmax(&logits[prompt.len() - 1 + step])[*id as usize];
            assert!((f64::from(*score) - expected).abs() < 2e-5);
        }
    }
}

#[test]
fn under_a_grammar_every_finished_response_is_of_the_language() {
    for (env, size, format) in [("countdown", "3", "sos"), ("countdown", "3", "answer"), ("maze", "5", "searchformer"), ("countdown", "3", "think")] {
        let difficulty = Difficulty { size: Some(size.into()), ..Difficulty::default() };
        let search = if env == "maze" { "astar" } else { "dfs" };
        let task = task::open(&Spec { difficulty, ..Spec::new(env, search, format) }).unwrap();
        let tokenizer = Tokenizer::new(task.vocabulary().0, 99).unwrap();
        let automaton = task.automaton().unwrap();
        let mask = GrammarMask::new(&automaton, &tokenizer).unwrap();
        // More ids than the vocabulary has, as padded models do; the reference has no bias towards the end, so many responses are long.
        let weights = random_weights(ModelConfig { vocab_size: tokenizer.vocab_size() + 5, context: 400, ..odd_config() }, 12);
        let prompt = metacot::grade::prompt_ids(&tokenizer, &task.draw(0).unwrap().prompt);
        let requests: Vec<Request> = (0..40).map(|seed| Request { prompt: prompt.clone(), rng: ChaCha8Rng::seed_from_u64(seed) }).collect();
        let sampling = SampleConfig { max_new_tokens: 300, stop: vec![Tokenizer::EOS], ..PLAIN };
        let mut decoder = decoder(&weights, 2, 16);
        let completions = Constrained { decoder: &mut decoder, mask: &mask }.complete(requests, &sampling);
        for completion in &completions {
            assert!(completion.is_finished || completion.ids.len() == 300, "{format}: no response ends for want of a token");
            let text = tokenizer.decode(&completion.ids);
            let state = automaton.walk(Automaton::START, &text);
            assert!(state != Automaton::DEAD && (!completion.is_finished || automaton.is_final(state)), "{format}: {text}");
        }
        let finished = completions.iter().filter(|completion| completion.is_finished).count();
        assert!(finished > 0 || format != "answer", "{format}: {finished} responses ended");
    }
}
