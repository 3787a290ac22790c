//! How far the policy is from a reference: estimators per token, and where the penalty enters.
//!
//! With `x = log pi - log pi_ref` on a token drawn from `pi` (Schulman, "Approximating KL divergence", 2020):
//! `k1 = x` (unbiased), `k2 = x^2 / 2` (unbiased gradient), `k3 = exp(-x) - 1 + x` (unbiased, never negative).

use serde::{Deserialize, Serialize};

use crate::{Batch, Field, ObjectiveError, Sequence, settings, statistics::mean};

/// An estimator of KL(pi, pi_ref) from one sampled token, in nats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Estimator {
    /// `x`; its gradient has mean zero, so it penalises only as a reward.
    K1,
    /// `x^2 / 2`.
    K2,
    /// `exp(-x) - 1 + x`, what GRPO prints.
    #[default]
    K3,
    /// `|x|`, verl's `abs`.
    Abs,
    /// k3 as verl computes it: `x` clamped to +-20, the result to +-10.
    K3Clamped,
    /// The value of k3 with the gradient of k2, verl's `k3+`: the straight-through form whose gradient is that of the KL.
    K3Straight,
}

impl Estimator {
    /// The estimate from a difference of log-probabilities.
    pub fn value(self, x: f64) -> f64 {
        match self {
            Self::K1 => x,
            Self::K2 => x * x / 2.0,
            Self::K3 | Self::K3Straight => (-x).exp_m1() + x,
            Self::Abs => x.abs(),
            Self::K3Clamped => Self::K3.value(x.clamp(-20.0, 20.0)).clamp(-10.0, 10.0),
        }
    }

    /// The derivative that is propagated to the log-probability of the policy.
    pub fn slope(self, x: f64) -> f64 {
        match self {
            Self::K1 => 1.0,
            Self::K2 | Self::K3Straight => x,
            Self::K3 => -(-x).exp_m1(),
            Self::Abs if x == 0.0 => 0.0,
            Self::Abs => x.signum(),
            Self::K3Clamped if x.abs() > 20.0 || Self::K3.value(x) > 10.0 => 0.0,
            Self::K3Clamped => Self::K3.slope(x),
        }
    }
}

/// Where the penalty enters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// Added to the loss (GRPO).
    #[default]
    Loss,
    /// Subtracted from the reward of each token before advantages are estimated (PPO for language models, 1909.08593).
    Reward,
}

/// A penalty on the distance to the reference policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KlPenalty {
    /// Its weight, at least 0; 0 switches it off, and no reference model is needed.
    pub coefficient: f64,
    /// How it is estimated.
    pub estimator: Estimator,
    /// Where it enters.
    pub placement: Placement,
}

impl KlPenalty {
    /// Checks the weight.
    ///
    /// # Errors
    /// It is negative or not finite.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        settings::not_negative("kl.coefficient", self.coefficient)
    }

    /// A penalty in the loss.
    pub fn in_loss(coefficient: f64, estimator: Estimator) -> Self {
        Self { coefficient, estimator, placement: Placement::Loss }
    }

    /// A penalty in the reward.
    pub fn in_reward(coefficient: f64, estimator: Estimator) -> Self {
        Self { coefficient, estimator, placement: Placement::Reward }
    }

    /// The distance of the policy that sampled to the reference, in nats per response: the mean over responses of the sum over their trained tokens,
    /// by the penalty's estimator. Responses without trained tokens or without a reference are left out; `None` where all are.
    pub fn per_sequence(&self, batch: &Batch) -> Option<f64> {
        let measured = batch.sequences().iter().filter(|sequence| sequence.has(Field::Reference) && sequence.policy_tokens().next().is_some());
        let gap = |sequence: &Sequence, token: usize| self.estimator.value(sequence.logp_old[token] - sequence.logp_ref[token]);
        let sums: Vec<f64> = measured.map(|sequence| sequence.policy_tokens().map(|token| gap(sequence, token)).sum()).collect();
        (!sums.is_empty()).then(|| mean(&sums))
    }

    /// Whether it enters at `placement`.
    pub fn applies(&self, placement: Placement) -> bool {
        self.coefficient != 0.0 && self.placement == placement
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    const ALL: [Estimator; 6] = [Estimator::K1, Estimator::K2, Estimator::K3, Estimator::Abs, Estimator::K3Clamped, Estimator::K3Straight];

    #[test]
    fn values_match_hand_calculation() {
        // x = log 2: k3 = 1/2 - 1 + log 2.
        let x = std::f64::consts::LN_2;
        let expected = [x, 0.240_226_506_96, 0.193_147_180_56, x, 0.193_147_180_56, 0.193_147_180_56];
        for (estimator, expected) in ALL.into_iter().zip(expected) {
            assert!((estimator.value(x) - expected).abs() < 1e-9, "{estimator:?}");
            assert_eq!(estimator.value(0.0), 0.0);
        }
        assert!((Estimator::K3.value(-x) - (1.0 - x)).abs() < 1e-12); // exp(log 2) - 1 - log 2
    }

    #[test]
    fn slopes_are_derivatives_of_the_values_except_where_declared() {
        for estimator in ALL.into_iter().filter(|estimator| *estimator != Estimator::K3Straight) {
            for x in [-1.3, -0.2, 0.4, 2.0] {
                let finite = (estimator.value(x + 1e-5) - estimator.value(x - 1e-5)) / 2e-5;
                assert!((estimator.slope(x) - finite).abs() < 1e-6, "{estimator:?} at {x}");
            }
        }
        assert_eq!(Estimator::K3Straight.slope(0.7), Estimator::K2.slope(0.7));
    }

    #[test]
    fn the_distance_of_a_response_is_the_sum_over_its_tokens() {
        // Gaps 1 and 2 in the first response (a masked token between them), 0.5 in the second; the third is masked whole.
        let mut first = Sequence { logp_ref: vec![-2.0, f64::NAN, -3.0], ..Sequence::new(0, 0.0, vec![-1.0, f64::NAN, -1.0]) };
        first.roles[1] = Role::Masked;
        let second = Sequence { logp_ref: vec![-1.5], ..Sequence::new(0, 0.0, vec![-1.0]) };
        let masked = Sequence { logp_ref: vec![-9.0], roles: vec![Role::Masked], ..Sequence::new(0, 0.0, vec![-1.0]) };
        let batch = Batch::new(vec![first, second, masked]).unwrap();
        let found = |estimator: Estimator| KlPenalty { estimator, ..KlPenalty::default() }.per_sequence(&batch).unwrap();
        assert!((found(Estimator::K1) - 1.75).abs() < 1e-12); // (3 + 0.5) / 2
        assert!((found(Estimator::K2) - 1.3125).abs() < 1e-12); // (0.5 + 2 + 0.125) / 2
        assert_eq!(KlPenalty::default().per_sequence(&Batch::new(vec![Sequence::new(0, 0.0, vec![-1.0])]).unwrap()), None);
    }

    #[test]
    fn verl_clamps_bound_the_estimate() {
        assert_eq!(Estimator::K3Clamped.value(-30.0), 10.0);
        assert_eq!(Estimator::K3Clamped.slope(-30.0), 0.0);
        assert_eq!(Estimator::K3Clamped.value(50.0), 10.0);
    }
}
