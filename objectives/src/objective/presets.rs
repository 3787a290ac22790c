//! The named objectives: **one line each**, with the constants of the paper or stack that the comment names.
//!
//! Constants of the parts (clip bounds, epsilons, discounts) are the defaults of their files, where they are cited; a line states only what
//! differs. DAPO's other parts are a [`Filter`](crate::filter::Filter) and the `overlong` reward. Lengths of `constant-length` means and group conventions are settings that a recipe will want to set itself.

use crate::{
    Aggregation::{ConstantLength, SequenceMeanTokenMean, SequenceMeanTokenSum, TokenMean},
    Estimator, KlPenalty, Objective, ObjectiveError,
    advantage::{
        BestOf, Convention, Credit, DrGrpo, Episodes, Exponential, Gae, Gpg, GroupNorm, Operation, Opo, PassAtK, Raw, Reinforce as Baselined, ReinforcePp,
        ReinforcePpBaseline, Rloo, Scale, Score, Threshold, Turns, VerifierFree as Likelihood, Vine, Weighing,
    },
    loss::{Apa, Cispo, Clip, Dpo, Gmpo, Grpo, Gspo, KeepFirst, Nll, Ppo, Reinforce, Sapo, StepDpo, Unlikelihood, VerifierFree},
};

macro_rules! objectives {
    ($($(#[$meta:meta])* $name:literal => $build:expr),* $(,)?) => {
        /// The names of the compositions, in order of registration.
        pub const NAMES: &[&str] = &[$($name),*];

        /// The composition called `name`.
        pub(super) fn named(name: &str) -> Result<Objective, ObjectiveError> {
            match name {
                $($name => Ok($build),)*
                _ => Err(ObjectiveError::unknown("Objective", name, NAMES.iter().copied())),
            }
        }
    };
}

/// Rewards standardised within their group by a stack's constants.
fn standardised(convention: Convention) -> GroupNorm {
    GroupNorm { convention, scale: Scale::Group }
}

/// The clipped surrogate with given bounds.
fn clipped(low: f64, high: f64, dual: Option<f64>) -> Grpo {
    Grpo { clip: Clip { low, high, dual } }
}

impl Objective {
    fn averaged(self, aggregation: crate::Aggregation) -> Self {
        Self { aggregation, ..self }
    }

    fn penalised(self, kl: KlPenalty) -> Self {
        Self { kl, ..self }
    }
}

objectives! {
    // Imitation of what was kept.
    "nll" => Objective::new(Raw {}, Nll {}),
    "star" => Objective::new(Threshold { tau: 1.0 }, Nll {}),
    "rest" => Objective::new(Threshold { tau: 0.5 }, Nll {}),
    "raft" => Objective::new(BestOf::default(), Nll {}),
    "reward-weighted" => Objective::new(Exponential::default(), Nll {}),
    "unlikelihood" => Objective::new(Raw {}, Unlikelihood::default()),
    // Policy gradients without a ratio.
    "reinforce" => Objective::new(Baselined::default(), Reinforce {}).averaged(SequenceMeanTokenSum),
    "rloo" => Objective::new(Rloo {}, Reinforce {}).averaged(SequenceMeanTokenSum),
    "opo" => Objective::new(Opo {}, Reinforce {}).averaged(SequenceMeanTokenSum),
    "gpg" => Objective::new(Gpg::default(), Reinforce {}),
    "nanochat" => Objective::new(DrGrpo {}, Reinforce {}), // centred rewards, no deviation, clip or penalty, means over tokens
    "reinforce++" => Objective::new(ReinforcePp::default(), Grpo::default()).penalised(KlPenalty::in_reward(0.01, Estimator::K1)), // OpenRLHF's weight
    "reinforce++-baseline" => Objective::new(ReinforcePpBaseline {}, Grpo::default()),
    // With a critic.
    "ppo" => Objective::new(Gae::default(), Ppo::default()),
    "ppo-operation" => Objective::new(Operation::default(), Ppo::default()),
    "apa" => Objective::new(Gae::default(), Apa::default()),
    // Values from rollouts or an oracle.
    "vineppo" => Objective::new(Vine::default(), Grpo::default()),
    // Group-relative.
    "grpo" => Objective::new(standardised(Convention::Paper), Grpo::default()) // DeepSeekMath: equation 3, KL weight 0.04
        .averaged(SequenceMeanTokenMean).penalised(KlPenalty::in_loss(0.04, Estimator::K3)),
    "grpo-trl" => Objective::new(standardised(Convention::Trl), Grpo::default()),
    "grpo-verl" => Objective::new(standardised(Convention::Verl), clipped(0.2, 0.2, Some(3.0))),
    "grpo-open-rlhf" => Objective::new(standardised(Convention::OpenRlhf), Grpo::default()) // its penalty is charged token by token, here standardised, too
        .penalised(KlPenalty::in_reward(0.01, Estimator::K1)),
    "grpo-open-instruct" => Objective::new(DrGrpo {}, Grpo::default()).penalised(KlPenalty::in_loss(0.05, Estimator::K3)), // `centered` by default
    "dr-grpo" => Objective::new(DrGrpo {}, Grpo::default()).averaged(ConstantLength { length: 512 }), // TRL's form and its default length
    "dapo" => Objective::new(standardised(Convention::Verl), clipped(0.2, 0.28, Some(3.0))).averaged(TokenMean),
    "gspo" => Objective::new(standardised(Convention::Trl), Gspo::default()).averaged(SequenceMeanTokenMean),
    "cispo" => Objective::new(standardised(Convention::Trl), Cispo::default()),
    "sapo" => Objective::new(standardised(Convention::Trl), Sapo::default()).averaged(SequenceMeanTokenMean),
    "gmpo" => Objective::new(standardised(Convention::Verl), Gmpo::default()).averaged(SequenceMeanTokenMean),
    "pass-at-k" => Objective::new(PassAtK::default(), Grpo::default()),
    // Several attempts in one response.
    "rl2" => Objective::new(Episodes { credit: Credit::ToGo }, Grpo::default()),
    "e-rl2" => Objective::new(Episodes { credit: Credit::Last }, Grpo::default()),
    "score-first" => Objective::new(Episodes { credit: Credit::Last }, KeepFirst::default()).penalised(KlPenalty::in_loss(0.01, Estimator::K3)), // stage one
    "score" => Objective::new(Score::default(), Grpo::default()),
    "rise" => Objective::new(Exponential { temperature: 0.4, weighing: Weighing::Plain }, Nll {}).averaged(SequenceMeanTokenMean), // the released code
    "rlef" => Objective::new(Turns::default(), Ppo::default()).penalised(KlPenalty::in_reward(0.05, Estimator::K1)),
    // Preferences, and references without a verifier.
    "dpo" => Objective::new(Raw {}, Dpo::default()),
    "step-dpo" => Objective::new(Raw {}, StepDpo::default()),
    "verifier-free" => Objective::new(Likelihood::default(), VerifierFree::default()),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_with_a_penalty_by_default_have_it() {
        for name in ["grpo-open-rlhf", "reinforce++"] {
            assert_eq!(Objective::named(name).unwrap().kl, KlPenalty::in_reward(0.01, Estimator::K1), "{name}");
        }
        for name in ["grpo-trl", "grpo-verl", "nanochat", "dr-grpo"] {
            assert_eq!(Objective::named(name).unwrap().kl.coefficient, 0.0, "{name}");
        }
    }

    #[test]
    fn nanochat_is_the_plain_gradient_of_centred_rewards() {
        use crate::{Batch, Sequence};
        // Rewards 1, 0, 0, 0, the first response of two tokens: advantages 3/4 and -1/4 over five tokens, whatever the ratio.
        let moved = Sequence { logp_new: vec![-0.1, -0.1], ..Sequence::new(0, 1.0, vec![-1.0; 2]) };
        let others = (0..3).map(|_| Sequence::new(0, 0.0, vec![-1.0]));
        let batch = Batch::new(std::iter::once(moved).chain(others).collect()).unwrap();
        let objective = Objective::named("nanochat").unwrap();
        let found = objective.evaluate(&batch, &objective.advantages(&batch).unwrap()).unwrap();
        let expected = [-0.15, -0.15, 0.05, 0.05, 0.05];
        assert!(found.d_logp.iter().flatten().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-12), "{:?}", found.d_logp);
    }

    #[test]
    fn every_name_builds_and_unknown_names_list_what_exists() {
        for name in NAMES {
            assert!(Objective::named(name).is_ok(), "{name}");
        }
        let message = Objective::named("gropo").unwrap_err().to_string();
        assert!(message.starts_with("objective \"gropo\" is unknown; expected one of nll, star"), "{message}");
    }
}
