//! The CPU decoder: samples and scores with any number of requests at once, over packed weights and cached keys and values.
//!
//! **Invariant**: a completion depends on its request, the settings and the weights alone: not on its neighbours, the number of slots or threads, nor (where libm's
//! logarithm agrees) on the machine.

use super::batching::{Queue, encode};
use super::crew::Crew;
use super::draw::Chooser;
use super::forward::Executor;
use super::kernels::Isa;
use super::packed::PackedWeights;
use super::{Completion, Generator, LogitMask, Request, SampleConfig};
use crate::model::{ModelConfig, Weights};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many requests at most are worked on by all threads together, column by column; with more, each thread has rows of its own.
const TEAM_REQUESTS: usize = 4;

/// Calls without a team after one that did not hold, because other programs kept its threads waiting.
const TEAM_PAUSE: u32 = 64;

/// How a decoder uses the machine. Nothing here changes a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderConfig {
    /// Number of threads, at least 1.
    pub threads: usize,
    /// The most completions that are in the making at once, over all threads. More need more memory for keys and values and share each reading of the weights.
    pub slots: usize,
}

impl Default for DecoderConfig {
    /// All processors, 32 slots for each.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { threads, slots: 32 * threads }
    }
}

/// A text to score: how likely is `continuation` after `prompt`?
#[derive(Clone, Copy, Debug)]
pub struct Scoring<'a> {
    /// Ids before it, BOS included; at least one.
    pub prompt: &'a [u32],
    /// Ids whose log-probabilities are wanted.
    pub continuation: &'a [u32],
}

/// A model that is ready for sampling on the CPU.
#[derive(Clone, Debug)]
pub struct CpuDecoder {
    model: PackedWeights,
    config: DecoderConfig,
    isa: Isa,
    executors: Vec<Executor>,
    /// Calls until a team is tried again.
    team_pause: u32,
}

impl CpuDecoder {
    /// Packs `weights`, which takes about as long as copying them twice.
    ///
    /// # Panics
    /// Where `weights` do not have the sizes that their configuration states.
    pub fn new(weights: &Weights, config: DecoderConfig) -> Self {
        let config = DecoderConfig { threads: config.threads.max(1), slots: config.slots.max(1) };
        let isa = Isa::best();
        Self { model: PackedWeights::new(weights, config.threads), config, isa, executors: vec![Executor::new(isa); config.threads], team_pause: 0 }
    }

    /// Takes over other weights, of this or another shape, and keeps the memory of the caches.
    pub fn replace(&mut self, weights: &Weights) {
        self.model = PackedWeights::new(weights, self.config.threads);
    }

    /// The shape of the model.
    pub fn model_config(&self) -> &ModelConfig {
        &self.model.config
    }

    /// Completes every request, in order, with tokens that `mask` allows. A completion for which it allows none ends there, unfinished.
    ///
    /// # Panics
    /// On an empty prompt and on ids outside the vocabulary.
    pub fn complete_masked(&mut self, requests: &[Request], config: &SampleConfig, mask: Option<&dyn LogitMask>) -> Vec<Completion> {
        let context = self.model.config.context;
        requests.iter().for_each(|request| self.check(&request.prompt));
        let longest = requests.iter().map(|request| request.prompt.len()).max().unwrap_or(0);
        let positions = longest.saturating_add(config.max_new_tokens).min(context.max(longest));
        let queue = Queue::new(requests, config, mask);
        let isa = self.isa;
        let could_team = !requests.is_empty() && requests.len() <= TEAM_REQUESTS && self.model.parts() > 1;
        let mut done = if could_team && self.team_pause == 0 {
            let slots = requests.len().min(self.config.slots);
            let work = |crew: &mut Crew| queue.work(crew, slots, Chooser::new(isa));
            let (done, has_held) = Crew::with_team(&self.model, &mut self.executors, slots + 1, positions, work);
            self.team_pause = if has_held { 0 } else { TEAM_PAUSE };
            done
        } else {
            self.team_pause = self.team_pause.saturating_sub(u32::from(could_team));
            let slots = self.config.slots.min(requests.len()).div_ceil(self.config.threads);
            self.each_thread(requests.len(), slots + 1, positions, |crew| queue.work(crew, slots, Chooser::new(isa)))
        };
        done.sort_unstable_by_key(|(request, _)| *request);
        done.into_iter().map(|(_, completion)| completion).collect()
    }

    /// Log-probability (natural logarithm, temperature 1) of each id of each continuation, in order. Neighbours with equal prompts share its encoding.
    ///
    /// # Panics
    /// On an empty prompt, on ids outside the vocabulary, and where a text is longer than the context.
    pub fn score(&mut self, texts: &[Scoring]) -> Vec<Vec<f32>> {
        for text in texts {
            self.check(text.prompt);
            text.continuation.iter().for_each(|id| assert!((*id as usize) < self.model.config.vocab_size, "id {id} is outside the vocabulary"));
            let length = text.prompt.len() + text.continuation.len();
            assert!(length <= self.model.config.context, "a text of {length} tokens is longer than the context");
        }
        let positions = texts.iter().map(|text| text.prompt.len() + text.continuation.len()).max().unwrap_or(0);
        let (next, isa) = (AtomicUsize::new(0), self.isa);
        let mut done = self.each_thread(texts.len(), 1, positions, |crew| {
            let mut chooser = Chooser::new(isa);
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(text) = texts.get(index) else {
                    return done;
                };
                let mut scores = Vec::with_capacity(text.continuation.len());
                if let Some((_, fed)) = text.continuation.split_last() {
                    let tokens = [text.prompt, fed].concat();
                    let first = text.prompt.len() - 1;
                    encode(
                        crew,
                        &tokens,
                        0,
                        |position| position >= first,
                        |position, logits| scores.push(chooser.log_prob(logits, text.continuation[position - first])),
                    );
                }
                done.push((index, scores));
            }
        });
        done.sort_unstable_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, scores)| scores).collect()
    }

    /// The logits after each of `tokens`.
    ///
    /// # Shapes
    /// `[t, v]`
    ///
    /// # Panics
    /// Where `tokens` is empty, longer than the context or has ids outside the vocabulary.
    pub fn logits(&mut self, tokens: &[u32]) -> Vec<f32> {
        self.check(tokens);
        assert!(tokens.len() <= self.model.config.context, "{} tokens are longer than the context", tokens.len());
        let mut all = Vec::with_capacity(tokens.len() * self.model.config.vocab_size);
        let mut crew = Crew::alone(&self.model, &mut self.executors[0], 1, tokens.len());
        encode(&mut crew, tokens, 0, |_| true, |_, logits| all.extend_from_slice(logits));
        all
    }

    /// Runs `work` on as many threads as there are and as there is work for, each with a crew of its own, and gathers the results.
    fn each_thread<T: Send>(&mut self, work_items: usize, slots: usize, positions: usize, work: impl Fn(&mut Crew) -> Vec<T> + Sync) -> Vec<T> {
        let threads = self.config.threads.min(work_items);
        let (model, work) = (&self.model, &work);
        let mut executors = self.executors.iter_mut().take(threads);
        let run = move |executor: &mut Executor| work(&mut Crew::alone(model, executor, slots, positions));
        std::thread::scope(|scope| {
            let own = executors.next();
            let helpers: Vec<_> = executors.map(|executor| scope.spawn(move || run(executor))).collect();
            let mut results = own.map(run).unwrap_or_default();
            for helper in helpers {
                match helper.join() {
                    Ok(more) => results.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            results
        })
    }

    fn check(&self, prompt: &[u32]) {
        assert!(!prompt.is_empty(), "a prompt has at least one id");
        prompt.iter().for_each(|id| assert!((*id as usize) < self.model.config.vocab_size, "id {id} is outside the vocabulary"));
    }
}

impl Generator for CpuDecoder {
    fn complete(&mut self, requests: Vec<Request>, config: &SampleConfig) -> Vec<Completion> {
        self.complete_masked(&requests, config, None)
    }
}
