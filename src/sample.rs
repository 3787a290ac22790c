//! Completions from a model: the one generator that rollouts, evaluation and test-time search share.

mod batching;
mod cache;
mod crew;
mod decoder;
mod draw;
mod forward;
mod grammar;
mod kernels;
mod packed;
mod progress;
mod record;
mod rotary;
mod score;
mod scripted;
mod team;

pub use decoder::{CpuDecoder, DecoderConfig};
pub use grammar::{Constrained, GrammarMask, GrammarMasks};
pub use progress::SampleProgress;
pub use score::Scoring;
pub use scripted::ScriptedGenerator;

use rand_chacha::ChaCha8Rng;

/// The instruction set that the decoder's inner loops run on here: `AVX-512`, `AVX2` or `portable`.
pub fn simd_level() -> &'static str {
    kernels::Isa::best().name()
}

/// How tokens are chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleConfig {
    /// Divides the logits; 0 means greedy (the smallest id wins a tie).
    pub temperature: f32,
    /// Only the `k` likeliest tokens can be chosen; 0 means all.
    pub top_k: usize,
    /// Only the smallest set of likeliest tokens whose probability reaches `p` can be chosen; 1 means all.
    pub top_p: f32,
    /// The most tokens of a completion, EOS included; the context bounds it as well.
    pub max_new_tokens: usize,
    /// Ids that end a completion.
    pub stop: Vec<u32>,
    /// The temperature, above 0, of the distribution whose log-probabilities are reported; no effect on what is chosen.
    pub scored_at: f32,
}

/// One sampled continuation of a prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The sampled ids, the stop id included where one was sampled.
    pub ids: Vec<u32>,
    /// Natural logarithm of the probability of each sampled id at the temperature asked for, without cut-offs, the same length as `ids`.
    pub log_probs: Vec<f32>,
    /// Whether it ended with a stop id; `false` means that it was cut at the limit.
    pub is_finished: bool,
}

/// One row of work: a prompt and the stream that all draws of its completion come from.
#[derive(Clone, Debug)]
pub struct Request {
    /// Ids of the prompt, BOS included; at least one.
    pub prompt: Vec<u32>,
    /// Used for sampling this completion and nothing else, so that neighbours and batch size cannot change it.
    pub rng: ChaCha8Rng,
}

/// A request with its own settings: neighbours may have others.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// The row of work.
    pub request: &'a Request,
    /// How its tokens are chosen, where it ends, and how long it may be.
    pub config: &'a SampleConfig,
    /// What it may say; everything where there is none.
    pub mask: Option<&'a dyn LogitMask>,
}

/// Something that continues prompts: the transformer, or a scripted double in tests.
pub trait Generator {
    /// Completes every request, in order. What prompts begin with in common is computed once by each thread, as long as a slot holds it.
    fn complete(&mut self, requests: Vec<Request>, config: &SampleConfig) -> Vec<Completion>;
}

/// A completion in the making, as a mask sees it.
#[derive(Clone, Copy, Debug)]
pub struct SoFar<'a> {
    /// What it continues.
    pub prompt: &'a [u32],
    /// The ids that were chosen.
    pub completion: &'a [u32],
    /// The most ids that can still be chosen, the next one and EOS included; at least 1.
    pub room: usize,
}

/// Restricts which tokens can be chosen, such as to what a format's notation allows next.
///
/// **Invariant**: what is allowed depends on the completion alone, and not on its neighbours, its slot or the steps of which `memory` knows.
pub trait LogitMask: Sync {
    /// Sets `allowed[id]` to `false` for every id that cannot follow. All are `true` before.
    ///
    /// `memory` belongs to this completion: 0 at its first step and then what the last step left there, so that a mask need not read again
    /// what it has read.
    fn restrict(&self, so_far: SoFar, memory: &mut u64, allowed: &mut [bool]);
}
