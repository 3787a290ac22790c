//! What an objective reads, and whether this loop and its plan give it.

use metacot_objectives::{
    Advantage, Loss, Objective, Placement,
    advantage::{Baseline, PassAtK, PassAtKForm, Reinforce, Single},
};

use super::{Mode, PolicyConfig};
use crate::device::DeviceChoice;

impl PolicyConfig {
    /// Whether anything but the first update of a step reads what the policy said of that update's responses before it: credit, or a second epoch.
    pub(super) fn reads_old_policy(&self, objective: &Objective) -> bool {
        needs_values(objective) || needs_solutions(objective) || objective.kl.placement == Placement::Reward || self.plan.epochs > 1
    }

    /// Whether the trainer can go on from what its sampler computed: from the same weights, as the backend of a CPU computes, each response from one request.
    pub(super) fn goes_on_from_tape(&self, objective: &Objective, device: DeviceChoice) -> bool {
        let is_recomputed = self.trainer.gradient_checkpointing || !self.trainer.precision.is_single();
        matches!(self.mode, Mode::Shared { tape_mib: 1.. })
            && device == DeviceChoice::Cpu
            && self.attempts.is_none()
            && !needs_solutions(objective)
            && !is_recomputed
    }

    /// A warning where a step has several updates and its loss no ratio that would make up for the weights that moved.
    pub(super) fn without_ratio(&self) -> Option<String> {
        let updates = self.plan.updates();
        let lacks = self.objective().is_ok_and(|objective| objective.loss.is_exact_on_policy_only());
        let first = if updates == 2 { "update 2 of a step learns".to_owned() } else { format!("updates 2 to {updates} of a step learn") };
        (lacks && updates > 1).then(|| format!("{first} from responses of older weights without a ratio, for which this loss is not exact"))
    }

    /// What an objective reads that this loop, or this plan, would only be found to lack after it has sampled.
    pub(super) fn clash(&self, objective: &Objective) -> Option<String> {
        let samples = self.plan.samples;
        match &objective.advantage {
            Advantage::Reinforce(Reinforce { baseline: Baseline::Given }) => {
                return Some(
                    "objective.advantage.baseline = given is not allowed: these rollouts have no baseline of their own; expected none, batch or a constant"
                        .into(),
                );
            }
            Advantage::PassAtK(PassAtK { k, form: PassAtKForm::Analytic, .. }) if *k > samples => {
                return Some(format!("objective.advantage.k = {k} is not allowed with plan.samples = {samples}; expected at most as many"));
            }
            Advantage::GroupNorm(norm) if samples == 1 && norm.convention.constants().single == Single::Refused => {
                return Some(
                    "plan.samples = 1 is not allowed with a convention of the group-norm advantage that refuses groups of one; expected at least 2".into(),
                );
            }
            _ => {}
        }
        let critic = match &objective.loss {
            Loss::Ppo(loss) => loss.value.coefficient,
            Loss::Apa(loss) => loss.value.coefficient,
            _ => 0.0,
        };
        (critic > 0.0 && !needs_values(objective)).then(|| {
            format!(
                "objective.loss.value.coefficient = {critic} is not allowed with the advantage \"{}\", which has no critic; expected 0, or one of gae, operation and turns",
                objective.advantage.name()
            )
        })
    }
}

/// What objectives of several attempts read.
pub(super) const ATTEMPTS: &str = "several attempts (see `attempts`)";

/// What an objective reads that the loop does not make.
pub(super) fn missing(objective: &Objective) -> Option<&'static str> {
    let reads =
        matches!(objective.advantage, Advantage::Episodes(_) | Advantage::Score(_) | Advantage::Turns(_)) || matches!(objective.loss, Loss::KeepFirst(_));
    reads.then_some(ATTEMPTS)
}

/// Whether an objective trains a critic.
pub(super) fn needs_values(objective: &Objective) -> bool {
    matches!(objective.advantage, Advantage::Gae(_) | Advantage::Operation(_) | Advantage::Turns(_))
}

/// Whether an objective reads the reference policy.
pub(super) fn needs_reference(objective: &Objective) -> bool {
    objective.kl.coefficient != 0.0 || matches!(objective.loss, Loss::Apa(_) | Loss::Dpo(_) | Loss::KeepFirst(_) | Loss::StepDpo(_))
}

/// Whether an objective learns from pairs of responses or of their steps.
pub(super) fn needs_pairs(objective: &Objective) -> bool {
    matches!(objective.loss, Loss::Dpo(_) | Loss::StepDpo(_))
}

/// Whether an objective reads reference solutions.
pub(super) fn needs_solutions(objective: &Objective) -> bool {
    matches!(objective.loss, Loss::VerifierFree(_)) || matches!(objective.advantage, Advantage::VerifierFree(_))
}

/// Whether an objective reads values of steps that sampling gives.
pub(super) fn needs_step_values(objective: &Objective) -> bool {
    matches!(objective.advantage, Advantage::Vine(_))
}

#[cfg(test)]
mod tests {
    use super::{super::config::tests::read, *};
    use metacot_objectives::plan::StepPlan;

    #[test]
    fn updates_without_a_ratio_are_named() {
        let said = |name: &str, minibatch: usize| {
            let config = PolicyConfig {
                plan: StepPlan { prompts: 4, samples: 4, minibatch, epochs: 1 },
                ..read(&format!("objective = {{ name = '{name}' }}")).unwrap()
            };
            config.without_ratio()
        };
        for name in ["reinforce", "rloo", "opo", "gpg", "nanochat", "verifier-free"] {
            let expected = "updates 2 to 4 of a step learn from responses of older weights without a ratio, for which this loss is not exact";
            assert_eq!(said(name, 4).as_deref(), Some(expected), "{name}");
            assert!(said(name, 8).unwrap().starts_with("update 2 of a step learns from"), "{name}");
            assert_eq!(said(name, 16), None, "{name}");
        }
        assert_eq!((said("grpo", 4), said("ppo", 4), said("star", 4)), (None, None, None));
    }

    #[test]
    fn what_only_sampling_would_show_is_refused_before_it() {
        let refused = |text: &str, expected: &str| {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        };
        refused("objective = { name = 'reinforce', advantage = { name = 'reinforce', baseline = 'given' } }", "objective.advantage.baseline = given");
        refused(
            "objective = { name = 'pass-at-k', advantage = { name = 'pass-at-k', k = 9 } }",
            "objective.advantage.k = 9 is not allowed with plan.samples = 8",
        );
        let single = "plan = { prompts = 4, samples = 1, minibatch = 4, epochs = 1 }\n";
        refused(&format!("{single}objective = {{ name = 'grpo-open-rlhf' }}"), "plan.samples = 1 is not allowed");
        for loss in ["ppo", "apa"] {
            refused(&format!("objective = {{ name = 'grpo', loss = {{ name = '{loss}' }} }}"), "the advantage \"group-norm\", which has no critic");
        }
        for text in [
            "objective = { name = 'pass-at-k', advantage = { name = 'pass-at-k', k = 8 } }",
            "objective = { name = 'pass-at-k', advantage = { name = 'pass-at-k', k = 9, form = 'best-minus-second' } }",
            "plan = { prompts = 4, samples = 1, minibatch = 4, epochs = 1 }\nobjective = { name = 'grpo-trl' }",
            "objective = { name = 'grpo', loss = { name = 'ppo', value = { coefficient = 0.0 } } }",
            "objective = { name = 'ppo', advantage = { name = 'operation' } }",
        ] {
            assert!(read(text).is_ok(), "{text}");
        }
    }
}
