//! Direct preference optimisation, over whole responses or over one step.
//!
//! `-log sigmoid(beta (x_chosen - x_rejected))`, `x` being the sum of `log pi - log pi_ref` over the tokens of a side (2305.18290, equation
//! 7), averaged over pairs. With label smoothing `e` it is `-(1 - e) log sigmoid(z) - e log sigmoid(-z)` (conservative DPO). Step-DPO
//! (2406.18629) is the same on the first step where two responses with a common beginning part: the spans of the pair. Plain
//! DPO reads whole responses whatever the spans say. Advantages and aggregation are not read.

use serde::{Deserialize, Serialize};

use super::{Evaluate, Input};
use crate::{Coefficients, Field, ObjectiveError, Role, Span, settings};

/// Preferences between whole responses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dpo {
    /// The weight of the distance to the reference.
    pub beta: f64,
    /// The share of preferences that are taken to be wrong, in [0, 0.5).
    pub label_smoothing: f64,
}

impl Default for Dpo {
    fn default() -> Self {
        Self { beta: 0.1, label_smoothing: 0.0 }
    }
}

/// Preferences between single steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepDpo {
    /// The weight of the distance to the reference; the paper's experiments use 0.4 to 0.5.
    pub beta: f64,
    /// The share of preferences that are taken to be wrong, in [0, 0.5).
    pub label_smoothing: f64,
}

impl Default for StepDpo {
    fn default() -> Self {
        Self { beta: 0.4, label_smoothing: 0.0 }
    }
}

/// `log(1 + exp(x))` without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn check(dpo: &Dpo) -> Result<(), ObjectiveError> {
    settings::positive("beta", dpo.beta)?;
    settings::require((0.0..0.5).contains(&dpo.label_smoothing), "label_smoothing", dpo.label_smoothing, "a number from 0 to below 0.5")
}

fn preferences(input: &Input<'_>, out: &mut Coefficients, dpo: Dpo, is_stepwise: bool) -> Result<(), ObjectiveError> {
    input.batch.require(Field::Reference)?;
    let tokens = |span: &Span| -> Vec<usize> {
        let sequence = &input.batch.sequences()[span.sequence];
        let range = if is_stepwise { span.tokens.clone() } else { 0..sequence.len() };
        range.filter(|token| sequence.roles[*token] == Role::Policy).collect()
    };
    let gain = |span: &Span| -> f64 {
        let sequence = &input.batch.sequences()[span.sequence];
        tokens(span).into_iter().map(|token| sequence.logp_new[token] - sequence.logp_ref[token]).sum()
    };
    let weight = 1.0 / input.scope.pairs.max(1) as f64;
    let (mut right, mut margins) = (0, 0.0);
    for pair in input.batch.pairs() {
        let margin = dpo.beta * (gain(&pair.chosen) - gain(&pair.rejected));
        out.policy_loss += weight * ((1.0 - dpo.label_smoothing) * softplus(-margin) + dpo.label_smoothing * softplus(margin));
        let wrong = 1.0 / (1.0 + margin.exp());
        let slope = weight * dpo.beta * (dpo.label_smoothing - wrong);
        for (span, sign) in [(&pair.chosen, 1.0), (&pair.rejected, -1.0)] {
            for token in tokens(span) {
                out.d_logp[span.sequence][token] += sign * slope;
            }
        }
        right += u32::from(margin > 0.0);
        margins += margin;
    }
    let pairs = input.batch.pairs().len().max(1) as f64;
    out.metrics.pair_accuracy = f64::from(right) / pairs;
    out.metrics.pair_margin = margins / pairs;
    Ok(())
}

impl Evaluate for Dpo {
    fn check(&self) -> Result<(), ObjectiveError> {
        check(self)
    }

    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        preferences(input, out, *self, false)
    }
}

impl Evaluate for StepDpo {
    fn check(&self) -> Result<(), ObjectiveError> {
        check(&Dpo { beta: self.beta, label_smoothing: self.label_smoothing })
    }

    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        preferences(input, out, Dpo { beta: self.beta, label_smoothing: self.label_smoothing }, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softplus_is_exact_and_bounded() {
        assert!((softplus(0.0) - std::f64::consts::LN_2).abs() < 1e-15);
        assert_eq!((softplus(1000.0), softplus(-1000.0)), (1000.0, 0.0));
    }
}
