//! The CPU decoder: samples and scores with any number of requests at once, over packed weights and cached keys and values.
//!
//! **Invariant**: a completion depends on its request, the settings and the weights alone: not on its neighbours, the number of slots or threads, nor (where libm
//! agrees on logarithms, powers, sines and cosines) on the machine.

use super::batching::{Queue, encode};
use super::crew::Crew;
use super::draw::Chooser;
use super::forward::Executor;
use super::kernels::{Isa, TILE_ROWS};
use super::packed::PackedWeights;
use super::progress::SampleProgress;
use super::record::Recording;
use super::{Ask, Completion, Generator, LogitMask, Request, SampleConfig};
use crate::kernels::{Tape, TapeRow, Track};
use crate::model::{ModelConfig, Weights};
use std::{num::NonZero, sync::Arc};

/// How many requests at most are worked on by all threads together, column by column; with more, each thread has rows of its own.
const TEAM_REQUESTS: usize = 4;

/// Calls without a team after one that did not hold, because other programs kept its threads waiting.
const TEAM_PAUSE: u32 = 64;

/// Bytes of keys and values of one thread that stay in the processor's cache, and of weights that do beside them.
const CACHED_SLOTS: usize = 6 << 20;
const CACHED_WEIGHTS: usize = 8 << 20;

/// How a decoder uses the machine. Nothing here changes a completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderConfig {
    /// Number of threads, at least 1.
    pub threads: usize,
    /// The most completions that are in the making at once, over all threads. More need more memory for keys and values and share each reading of the weights;
    /// fewer are where the processor's cache holds them.
    pub slots: usize,
}

impl Default for DecoderConfig {
    /// All processors, 32 slots for each.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { threads, slots: 32 * threads }
    }
}

/// A model that is ready for sampling on the CPU.
#[derive(Debug)]
pub struct CpuDecoder {
    pub(super) model: PackedWeights,
    pub(super) config: DecoderConfig,
    pub(super) isa: Isa,
    executors: Vec<Executor>,
    /// Calls until a team is tried again.
    team_pause: u32,
    /// What is recorded for the trainer, while it is.
    recording: Option<Recording>,
    /// The last recording, whose memory serves the next one when nothing reads it any more.
    tape: Option<Arc<Tape>>,
    progress: SampleProgress,
}

impl CpuDecoder {
    /// Packs `weights`, which takes about as long as copying them twice.
    ///
    /// # Panics
    /// Where `weights` do not have the sizes that their configuration states.
    pub fn new(weights: &Weights, config: DecoderConfig) -> Self {
        let config = DecoderConfig { threads: config.threads.max(1), slots: config.slots.max(1) };
        let isa = Isa::best();
        let executors = (0..config.threads).map(|_| Executor::new(isa)).collect();
        Self {
            model: PackedWeights::over(None, weights, config.threads),
            config,
            isa,
            executors,
            team_pause: 0,
            recording: None,
            tape: None,
            progress: SampleProgress::default(),
        }
    }

    /// Takes over other weights, of this or another shape, and keeps the memory of the caches and, where the shape is the same, of the weights.
    ///
    /// # Panics
    /// As [`new`](Self::new); the decoder is then of no more use.
    pub fn replace(&mut self, weights: &Weights) {
        self.model = PackedWeights::over(Some(self.model.take()), weights, self.config.threads);
        // What a recording holds was computed with the weights before.
        self.recording = None;
    }

    /// How far the call at hand is, to be read by another thread.
    pub fn progress(&self) -> SampleProgress {
        self.progress.clone()
    }

    /// The shape of the model.
    pub fn model_config(&self) -> &ModelConfig {
        &self.model.config
    }

    /// Begins to record the intermediate results of completions: of the first requests of each call, as many as would fit so many bytes beside what was recorded
    /// before, were they all as long as they may be. What is recorded depends on requests and weights alone, and changes no completion. The memory is kept for the
    /// next recording.
    pub fn record(&mut self, bytes: usize) {
        let old = self.tape.take().and_then(Arc::into_inner);
        self.recording = Some(Recording::over(old, &self.model.config, self.config.threads, bytes));
    }

    /// Ends the recording: for each request since it began, in order, what was computed of it under the weights of now.
    pub fn end_recording(&mut self) -> Vec<Option<Track>> {
        let Some(recording) = self.recording.take() else { return Vec::new() };
        let (tape, tracks) = recording.end();
        self.tape = Some(tape);
        tracks
    }

    /// Completes every request, in order, with tokens that `mask` allows. A completion for which it allows none ends there, unfinished.
    ///
    /// # Panics
    /// On an empty prompt and on ids outside the vocabulary.
    pub fn complete_masked(&mut self, requests: &[Request], config: &SampleConfig, mask: Option<&dyn LogitMask>) -> Vec<Completion> {
        let asks: Vec<Ask> = requests.iter().map(|request| Ask { request, config, mask }).collect();
        self.complete_each(&asks)
    }

    /// Completes every request, in order, each with its own settings and mask.
    ///
    /// # Panics
    /// As [`complete_masked`](Self::complete_masked).
    pub fn complete_each(&mut self, asks: &[Ask]) -> Vec<Completion> {
        let context = self.model.config.context;
        asks.iter().for_each(|ask| self.check(&ask.request.prompt));
        let of_ask = |ask: &Ask| ask.request.prompt.len().saturating_add(ask.config.max_new_tokens).min(context.max(ask.request.prompt.len()));
        let positions = asks.iter().map(of_ask).max().unwrap_or(0);
        let kept = self.recording.as_ref().map_or(0, |recording| recording.admits(asks, context));
        self.progress.begin(asks.len());
        let queue = Queue::new(asks, kept, self.progress.clone());
        let isa = self.isa;
        if kept > 0 {
            let recorders = self.recording.as_mut().map(Recording::lend).unwrap_or_default();
            self.executors.iter_mut().zip(recorders).for_each(|(executor, recorder)| executor.recorder = Some(recorder));
        }
        // A team has no member that knows the whole of a row.
        let could_team = kept == 0 && !asks.is_empty() && asks.len() <= TEAM_REQUESTS && self.model.parts() > 1;
        let mut done = if could_team && self.team_pause == 0 {
            let slots = asks.len().min(self.config.slots);
            let work = |crew: &mut Crew| queue.work(crew, slots, Chooser::new(isa));
            let (done, has_held) = Crew::with_team(&self.model, &mut self.executors, slots, positions, work);
            self.team_pause = if has_held { 0 } else { TEAM_PAUSE };
            done
        } else {
            self.team_pause = self.team_pause.saturating_sub(u32::from(could_team));
            let slots = self.config.slots.min(asks.len()).div_ceil(self.config.threads).min(self.slots_in_cache(positions));
            self.each_thread(asks.len(), slots, positions, |crew| queue.work(crew, slots, Chooser::new(isa)))
        };
        done.sort_unstable_by_key(|(request, ..)| *request);
        let (completions, tracks): (Vec<Completion>, Vec<Vec<TapeRow>>) = done.into_iter().map(|(_, completion, track)| (completion, track)).unzip();
        if let Some(recording) = &mut self.recording {
            recording.give_back(self.executors.iter_mut().filter_map(|executor| executor.recorder.take()));
            recording.note(asks, kept, tracks);
        }
        completions
    }

    /// Slots of a thread whose keys and values of `positions` stay in the processor's cache, in whole tiles of rows; no bound where the weights do not stay there
    /// either, so that each reading of them should serve many rows, and none with wide tiles, which were measured to be as fast with many slots.
    fn slots_in_cache(&self, positions: usize) -> usize {
        let config = &self.model.config;
        if self.isa.has_wide_tiles() || config.num_parameters() * size_of::<f32>() > CACHED_WEIGHTS {
            return usize::MAX;
        }
        let of_slot = positions * config.layers * 2 * config.kv_heads * config.head_dim() * size_of::<f32>();
        (CACHED_SLOTS / of_slot.max(1) / TILE_ROWS * TILE_ROWS).max(TILE_ROWS)
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
        encode(&mut crew, tokens, 0, 0, |_| true, |_, logits| all.extend_from_slice(logits));
        all
    }

    /// Runs `work` on as many threads as there are and as there is work for, each with a crew of its own, and gathers the results.
    pub(super) fn each_thread<T: Send>(&mut self, work_items: usize, slots: usize, positions: usize, work: impl Fn(&mut Crew) -> Vec<T> + Sync) -> Vec<T> {
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

    pub(super) fn check(&self, prompt: &[u32]) {
        assert!(!prompt.is_empty(), "a prompt has at least one id");
        prompt.iter().for_each(|id| assert!((*id as usize) < self.model.config.vocab_size, "id {id} is outside the vocabulary"));
    }
}

impl Generator for CpuDecoder {
    fn complete(&mut self, requests: Vec<Request>, config: &SampleConfig) -> Vec<Completion> {
        self.complete_masked(&requests, config, None)
    }
}
