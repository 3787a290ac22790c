//! From advantages to a gradient: surrogates of one token, one response or one pair. **One file and one line per loss.**
//!
//! A loss says what a token (a response, a pair) costs and the derivative of that by its log-probabilities. How tokens are averaged
//! ([`Aggregation`](crate::Aggregation)), the KL penalty, the entropy bonus and corrections for off-policy samples are the
//! [`Objective`](crate::Objective)'s and the same for all.

mod apa;
mod cispo;
mod clip;
mod dpo;
mod gmpo;
mod grpo;
mod gspo;
mod keep_first;
mod nll;
mod ppo;
mod reinforce;
mod sapo;
mod unlikelihood;
mod value;
mod verifier_free;

pub use apa::Apa;
pub use cispo::Cispo;
pub use clip::Clip;
pub use dpo::{Dpo, StepDpo};
pub use gmpo::Gmpo;
pub use grpo::Grpo;
pub use gspo::Gspo;
pub use keep_first::KeepFirst;
pub use nll::Nll;
pub use ppo::Ppo;
pub use reinforce::Reinforce;
pub use sapo::Sapo;
pub use unlikelihood::Unlikelihood;
pub use value::ValueLoss;
pub use verifier_free::VerifierFree;

use crate::{Advantages, Batch, Coefficients, ObjectiveError, Role, aggregation::Scope, registry::registry};

/// The largest difference of log-probabilities, in nats, that a ratio is taken of; beyond it ratios stay and gradients vanish (verl's bound).
pub const LOG_RATIO_BOUND: f64 = 20.0;

/// What a loss is evaluated on.
pub struct Input<'a> {
    /// The sequences and pairs.
    pub batch: &'a Batch,
    /// The credit of each token.
    pub advantages: &'a Advantages,
    /// `[b][t]` the weight of each token in the batch's loss, times its importance.
    pub weights: &'a [Vec<f64>],
    /// `[b][t]` the weight without importance, for value predictions.
    pub plain: &'a [Vec<f64>],
    /// The counts of the mini-batch that the batch is a part of.
    pub scope: &'a Scope,
}

/// The contract of a loss.
pub trait Evaluate {
    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// One is not.
    fn check(&self) -> Result<(), ObjectiveError> {
        Ok(()) // There are no settings.
    }

    /// Whether tokens of a role are trained, and so counted in means.
    fn counts(&self, role: Role) -> bool {
        role == Role::Policy
    }

    /// Adds the loss, its derivatives and its diagnostics.
    ///
    /// # Errors
    /// The batch lacks what the loss reads.
    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError>;
}

registry! {
    /// A loss with its constants.
    Loss implements Evaluate {
        "nll" => Nll(Nll),
        "reinforce" => Reinforce(Reinforce),
        "ppo" => Ppo(Ppo),
        "grpo" => Grpo(Grpo),
        "gspo" => Gspo(Gspo),
        "cispo" => Cispo(Cispo),
        "sapo" => Sapo(Sapo),
        "gmpo" => Gmpo(Gmpo),
        "keep-first" => KeepFirst(KeepFirst),
        "apa" => Apa(Apa),
        "dpo" => Dpo(Dpo),
        "step-dpo" => StepDpo(StepDpo),
        "unlikelihood" => Unlikelihood(Unlikelihood),
        "verifier-free" => VerifierFree(VerifierFree),
    }
}

impl Loss {
    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// One is not.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        self.inner().check()
    }

    /// Whether tokens of a role are trained; see [`Evaluate::counts`].
    pub fn counts(&self, role: Role) -> bool {
        self.inner().counts(role)
    }

    /// Whether it is a policy gradient without a ratio to the weights that sampled, and so exact for responses of the current weights alone.
    pub fn is_exact_on_policy_only(&self) -> bool {
        matches!(self, Self::Reinforce(_) | Self::VerifierFree(_))
    }

    /// Adds the loss of a batch; see [`Evaluate::evaluate`].
    ///
    /// # Errors
    /// The batch lacks what the loss reads.
    pub fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        self.inner().evaluate(input, out)
    }
}

/// What clipping did to a token or a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Clipped {
    #[default]
    No,
    Low,
    High,
    Dual,
}

/// A cost with its derivative by a log-probability (or by a mean of them).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cost {
    pub value: f64,
    pub slope: f64,
    pub clipped: Clipped,
}

impl Cost {
    pub(crate) fn smooth(value: f64, slope: f64) -> Self {
        Self { value, slope, clipped: Clipped::No }
    }
}

/// A token of the policy with what a surrogate reads of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Token {
    pub sequence: usize,
    pub index: usize,
    pub logp: f64,
    pub log_ratio: f64,
    pub advantage: f64,
}

/// The ratio of a difference of log-probabilities and its derivative.
pub(crate) fn ratio(log_ratio: f64) -> (f64, f64) {
    let ratio = log_ratio.clamp(-LOG_RATIO_BOUND, LOG_RATIO_BOUND).exp();
    (ratio, if log_ratio.abs() <= LOG_RATIO_BOUND { ratio } else { 0.0 })
}

/// Adds a surrogate that looks at each token of the policy alone.
pub(crate) fn per_token(input: &Input<'_>, out: &mut Coefficients, mut cost: impl FnMut(Token) -> Cost) {
    let mut clips = ClipCount::default();
    for (index, sequence) in input.batch.sequences().iter().enumerate() {
        for token in sequence.policy_tokens() {
            let logp = sequence.logp_new[token];
            let log_ratio = logp - sequence.logp_old[token];
            let advantage = input.advantages.tokens[index][token];
            let weight = input.weights[index][token];
            let cost = cost(Token { sequence: index, index: token, logp, log_ratio, advantage });
            out.policy_loss += weight * cost.value;
            out.d_logp[index][token] += weight * cost.slope;
            clips.count(cost.clipped, 1);
        }
    }
    clips.report(out);
}

/// Adds a surrogate of a response as a whole: `cost` gets the differences of log-probabilities of its tokens and its mean advantage, and
/// answers with a cost and the derivative by each difference.
pub(crate) fn per_sequence(input: &Input<'_>, out: &mut Coefficients, mut cost: impl FnMut(&[f64], f64) -> (Cost, Vec<f64>)) {
    let mut clips = ClipCount::default();
    for (index, sequence) in input.batch.sequences().iter().enumerate() {
        let tokens: Vec<usize> = sequence.policy_tokens().collect();
        if tokens.is_empty() {
            continue;
        }
        let log_ratios: Vec<f64> = tokens.iter().map(|&token| sequence.logp_new[token] - sequence.logp_old[token]).collect();
        let advantage = tokens.iter().map(|&token| input.advantages.tokens[index][token]).sum::<f64>() / tokens.len() as f64;
        let weight: f64 = tokens.iter().map(|&token| input.weights[index][token]).sum();
        let (cost, slopes) = cost(&log_ratios, advantage);
        out.policy_loss += weight * cost.value;
        for (&token, slope) in tokens.iter().zip(slopes) {
            out.d_logp[index][token] += weight * slope;
        }
        clips.count(cost.clipped, tokens.len());
    }
    clips.report(out);
}

#[derive(Default)]
struct ClipCount {
    total: usize,
    low: usize,
    high: usize,
    dual: usize,
}

impl ClipCount {
    fn count(&mut self, clipped: Clipped, tokens: usize) {
        self.total += tokens;
        match clipped {
            Clipped::No => {}
            Clipped::Low => self.low += tokens,
            Clipped::High => self.high += tokens,
            Clipped::Dual => self.dual += tokens,
        }
    }

    fn report(&self, out: &mut Coefficients) {
        let share = |count: usize| if self.total == 0 { 0.0 } else { count as f64 / self.total as f64 };
        out.metrics.clip_low_fraction = share(self.low);
        out.metrics.clip_high_fraction = share(self.high);
        out.metrics.clip_fraction = share(self.low + self.high);
        out.metrics.dual_clip_fraction = share(self.dual);
    }
}
