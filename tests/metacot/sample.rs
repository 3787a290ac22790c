//! The CPU decoder against the reference forward pass, and against itself: alone, in company, on one thread and on several.

use crate::reference::{log_softmax, odd_config, random_weights, reference_logits};
use metacot::grade::{prompt_ids, rollouts};
use metacot::model::{ModelConfig, Weights};
use metacot::sample::{Ask, Completion, Constrained, CpuDecoder, DecoderConfig, Generator, GrammarMasks, LogitMask, Request, SampleConfig, Scoring, SoFar};
use metacot::tokenizer::Tokenizer;
use metacot_envs::{Difficulty, SeedTree, Settings};
use metacot_traces::{Automaton, generate::Spec, task};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const PLAIN: SampleConfig = SampleConfig { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: 40, stop: Vec::new(), scored_at: 1.0 };

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
fn every_completion_of_a_call_is_counted_when_it_ends() {
    let config = odd_config();
    let weights = random_weights(config.clone(), 2);
    let sampling = SampleConfig { stop: vec![7, 8], ..PLAIN };
    for (threads, slots) in [(1, 3), (2, 64), (3, 7)] {
        let mut decoder = decoder(&weights, threads, slots);
        let progress = decoder.progress();
        assert_eq!(progress.counts(), (0, 0));
        for asked in [9, 2, 0, 40] {
            decoder.complete_masked(&requests(asked, config.vocab_size as u32), &sampling, None);
            assert_eq!(progress.counts(), (asked as usize, asked as usize), "{threads} threads, {slots} slots");
        }
        decoder.complete_masked(&requests(5, config.vocab_size as u32), &SampleConfig { max_new_tokens: 0, ..sampling.clone() }, None);
        assert_eq!(progress.counts(), (5, 5), "completions of no tokens");
    }
}

#[test]
fn prompts_that_begin_alike_are_completed_as_each_is_alone() {
    let config = odd_config();
    let weights = random_weights(config.clone(), 6);
    // Three stems, each cut at many places and continued in its own way, in an order that mixes them; some are another's beginning and some are twice there.
    let stems: Vec<Vec<u32>> = (0..3).map(|stem| tokens(64 + stem, config.vocab_size as u32).split_off(stem)).collect();
    let request = |index: u64| {
        let mut prompt = stems[index as usize % 3][..15 + (index * 7 % 23) as usize].to_vec();
        prompt.extend((0..index % 4).map(|token| (token + index / 8) as u32 % config.vocab_size as u32));
        Request { prompt, rng: ChaCha8Rng::seed_from_u64(index / 2) }
    };
    let requests: Vec<Request> = (0..60).flat_map(|index| [request(index), request(index * 5 % 60)]).collect();
    let sampling = SampleConfig { stop: vec![7, 8], max_new_tokens: 12, ..PLAIN };
    let one = |request: &Request| decoder(&weights, 1, 1).complete_masked(std::slice::from_ref(request), &sampling, None).remove(0);
    let alone: Vec<Completion> = requests.iter().map(one).collect();
    for (threads, slots) in [(1, 1), (1, 2), (1, 5), (2, 8), (2, 128)] {
        assert_eq!(decoder(&weights, threads, slots).complete_masked(&requests, &sampling, None), alone, "{threads} threads, {slots} slots");
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
    fn restrict(&self, so_far: SoFar, memory: &mut u64, allowed: &mut [bool]) {
        let length = so_far.completion.len();
        assert_eq!(std::mem::replace(memory, length as u64 + 1), length as u64, "what is remembered is this completion's own");
        assert!(so_far.room >= 1);
        allowed.iter_mut().enumerate().for_each(|(id, allowed)| *allowed = id % 2 == length % 2 && length < 10);
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

/// Tasks of every kind of format and notation: environment, size, search, format, transform with its setting.
const TASKS: &[(&str, &str, &str, &str, Option<(&str, &str, &str)>)] = &[
    ("countdown", "3", "dfs", "sos", None),
    ("countdown", "3", "dfs", "think", None),
    ("countdown", "4", "dfs", "answer", None),
    ("countdown", "3", "dfs", "cot", Some(("retry", "mode", "multi"))),
    ("countdown", "3", "dfs", "table", Some(("revision", "attempts", "3"))),
    ("maze", "5", "astar", "searchformer", None),
    ("maze", "5", "astar", "searchformer", Some(("thin", "mode_token", "true"))),
    ("maze", "5", "dfs", "sos-plan", None),
    ("sokoban", "6", "astar", "searchformer-plan", None),
    ("sudoku", "4", "dfs", "cot", None),
    ("cryptarithm", "2", "dfs", "sos", None),
    ("arithmetic", "3", "dfs", "prose", None),
    ("connect4", "4x4", "mcts", "think", None),
    ("hex", "3", "mcts", "prose", None),
];

#[test]
fn under_a_grammar_an_untrained_model_writes_only_what_reads() {
    for (env, size, search, format, transform) in TASKS {
        let difficulty = Difficulty { size: Some((*size).into()), ..Difficulty::default() };
        let mut spec = Spec { difficulty, ..Spec::new(env, search, format) };
        if ["think", "prose"].contains(format) {
            // Values have digits in their phrases, which no vocabulary takes.
            spec.format_settings.insert("values", "false");
        }
        if let Some((name, setting, value)) = transform {
            (spec.transform, spec.transform_settings) = ((*name).into(), Settings::default().with(*setting, value));
        }
        let task = task::open(&spec).unwrap();
        let tokenizer = Tokenizer::new(task.vocabulary().0.into_iter().chain(marks()), 99).unwrap();
        let problems: Vec<_> = (0..3).map(|id| task.draw(id).unwrap()).collect();
        let asked = problems.iter().map(|problem| (prompt_ids(&tokenizer, &problem.prompt), task.responses(problem)));
        let masks = GrammarMasks::new(asked, &tokenizer).unwrap();
        // More ids than the vocabulary has, as padded models do. The weights have no leaning towards the end, so it is the limit that makes
        // many responses end.
        let weights = random_weights(ModelConfig { vocab_size: tokenizer.vocab_size() + 5, context: 700, ..odd_config() }, 12);
        for max_new_tokens in [60, 250] {
            let config = SampleConfig { max_new_tokens, stop: vec![Tokenizer::EOS], ..PLAIN };
            let sample = |slots: usize| {
                let mut decoder = decoder(&weights, 2, slots);
                let mut generator = Constrained { decoder: &mut decoder, masks: &masks };
                rollouts(task.as_ref(), &tokenizer, &mut generator, &problems, 8, &config, &SeedTree::root(13))
            };
            let groups = sample(16);
            assert_eq!(sample(3), groups, "{env} {format}: slots change nothing");
            for (group, problem) in groups.iter().zip(&problems) {
                let machine = Automaton::new(&task.responses(problem));
                for rollout in &group.rollouts {
                    let what = format!("{env} {format} {transform:?} within {max_new_tokens}: {}{}", group.prompt, rollout.response);
                    assert!(rollout.is_finished && machine.accepts(&rollout.response), "{what}");
                    assert!(!rollout.defects.contains_key("syntax"), "{what}: {:?}", rollout.defects);
                    // A plan that does not arrive is a cut one, whatever its form.
                    assert!(rollout.is_format_ok || *env == "maze" || *env == "sokoban", "{what}: {:?}", rollout.defects);
                }
            }
        }
    }
}

/// The words that transforms put into texts.
fn marks() -> Vec<String> {
    ["[BACK]\n", "\n", "That is wrong. Let me try again.\n", "fast ", "slow "].map(String::from).to_vec()
}

#[test]
fn a_limit_that_holds_no_response_cuts_it() {
    let task = task::open(&Spec { difficulty: Difficulty::sized(3), ..Spec::new("countdown", "dfs", "think") }).unwrap();
    let tokenizer = Tokenizer::new(task.vocabulary().0, 99).unwrap();
    let problem = task.draw(0).unwrap();
    let prompt = prompt_ids(&tokenizer, &problem.prompt);
    let masks = GrammarMasks::new([(prompt.clone(), task.responses(&problem))], &tokenizer).unwrap();
    let weights = random_weights(ModelConfig { vocab_size: tokenizer.vocab_size(), context: 100, ..odd_config() }, 12);
    let mut decoder = decoder(&weights, 1, 4);
    let mut complete = |max_new_tokens| {
        let requests = (0..8).map(|seed| Request { prompt: prompt.clone(), rng: ChaCha8Rng::seed_from_u64(seed) }).collect();
        let config = SampleConfig { max_new_tokens, stop: vec![Tokenizer::EOS], ..PLAIN };
        Constrained { decoder: &mut decoder, masks: &masks }.complete(requests, &config)
    };
    // `<think>`, `<give_up>`, `</think>`, the answer and the end mark.
    let shortest = complete(5);
    assert!(shortest.iter().all(|completion| completion.is_finished));
    assert_eq!(tokenizer.decode(&shortest[0].ids[..4]), "<think>\n<give_up>\n</think>\n<answer>none</answer>");
    let machine = Automaton::new(&task.responses(&problem));
    for completion in complete(4) {
        assert!(!completion.is_finished && completion.ids.len() == 4);
        assert_ne!(machine.walk(Automaton::START, &tokenizer.decode(&completion.ids)), Automaton::DEAD);
    }
}
