//! What an arm of a ladder cost, counted from the files that it left: tokens sampled, trained on, and read by the reference policy.

use std::{fs, path::Path};

use serde::Deserialize;

use super::{Run, guided, revise};
use crate::{
    Error, Result,
    grade::RolloutGroup,
    improve::{PolicyConfig, load_records},
    recipe::StageRecipe,
    train::TrainConfig,
};

/// Forward passes that cost as much as a training step on the same tokens: a step is a forward pass and two products of its size backward.
pub(super) const FORWARD_PER_STEP: u64 = 3;

/// Tokens by what was done with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Compute {
    /// Drawn from the model, or scored to guide a search.
    pub sampled: u64,
    /// Trained on, each as often as it was.
    pub trained: u64,
    /// Read by the reference policy.
    pub referred: u64,
}

impl Compute {
    /// The same work in tokens trained on.
    pub fn steps(&self) -> f64 {
        self.trained as f64 + (self.sampled + self.referred) as f64 / FORWARD_PER_STEP as f64
    }
}

/// What metrics say of tokens, whichever kind of training wrote them.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    /// Supervised training: positions so far.
    tokens: Option<u64>,
    /// Policy gradients: sampled so far.
    sampled_tokens: Option<f64>,
    /// Policy gradients and distillation: trained on in this step.
    trained_tokens: Option<f64>,
}

impl Run<'_> {
    /// What a finished stage cost. Prompts count where they are trained on as part of an example; policy gradients count responses only.
    pub(super) fn compute(&self, stage: &StageRecipe) -> Result<Compute> {
        let mut compute = Compute::default();
        for name in stage.trainings() {
            let of_training = read(&self.dir.checkpoint(&name).join(crate::metrics::METRICS_FILE))?;
            compute.sampled += of_training.sampled;
            compute.trained += of_training.trained;
        }
        if stage.imitate.is_some() {
            for name in stage.improvements() {
                let groups: Vec<RolloutGroup> = load_records(&self.dir.rollouts(&name))?;
                compute.sampled += groups.iter().flat_map(|group| group.rollouts.iter().chain(&group.hinted)).map(|rollout| rollout.tokens).sum::<u64>();
            }
        }
        if stage.guided.is_some() {
            for name in stage.improvements() {
                compute.sampled += guided::scored_tokens(&self.dir.rollouts(&name))?;
            }
        }
        if stage.revise.as_ref().is_some_and(|revise| revise.rise.is_some()) {
            for name in stage.improvements() {
                compute.sampled += revise::sampled_tokens(&self.dir.rollouts(&name))?;
            }
        }
        let policies = [stage.policy.as_ref(), stage.revise.as_ref().and_then(|revise| revise.policy.as_ref())];
        if policies.into_iter().flatten().any(PolicyConfig::reads_reference) {
            compute.referred = compute.trained;
        }
        Ok(compute)
    }
}

impl Run<'_> {
    /// The optimizer steps in which a supervised training sees so many tokens; rows are as full as those of the training before the arms.
    pub(super) fn supervised_steps(&self, train: &TrainConfig, tokens: f64) -> Result<usize> {
        let base = &self.recipe.train;
        let path = self.dir.checkpoint("supervised").join(crate::metrics::METRICS_FILE);
        let (steps, seen) = (last_step(&path)?, read(&path)?.trained);
        let per_row = seen as f64 / (steps.max(1) * base.rows * base.accumulation).max(1) as f64;
        Ok(((tokens / (per_row * (train.rows * train.accumulation) as f64)).round() as usize).max(1))
    }
}

/// The last step that metrics of a supervised training count.
fn last_step(path: &Path) -> Result<usize> {
    let text = fs::read_to_string(path).map_err(Error::io("cannot read", path))?;
    let step = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok().filter(|line| line["tokens"].is_u64())?["step"].as_u64();
    Ok(text.lines().rev().find_map(step).unwrap_or(0) as usize)
}

fn read(path: &Path) -> Result<Compute> {
    let text = fs::read_to_string(path).map_err(Error::io("cannot read", path))?;
    let mut compute = Compute::default();
    for (number, line) in text.lines().enumerate() {
        let line: Line = serde_json::from_str(line).map_err(|error| Error::data(path, format!("line {}: {error}", number + 1)))?;
        compute.sampled = line.sampled_tokens.map_or(compute.sampled, |tokens| tokens as u64);
        // One kind of line counts from the start, the other by step; no file has both.
        compute.trained = line.tokens.unwrap_or(compute.trained) + line.trained_tokens.unwrap_or(0.0) as u64;
    }
    Ok(compute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_counted_from_each_kind_of_metrics() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let counted = |text: &str| {
            fs::write(&path, text).unwrap();
            read(&path).map(|compute| (compute.sampled, compute.trained))
        };
        assert_eq!(
            counted("{\"step\":1,\"tokens\":10,\"loss\":1}\n{\"step\":1,\"validation_loss\":2}\n{\"step\":2,\"tokens\":25,\"loss\":1}\n").unwrap(),
            (0, 25)
        );
        let policy = "{\"step\":1,\"split\":\"policy\",\"sampled_tokens\":40.0,\"trained_tokens\":30.0}\n{\"step\":2,\"split\":\"policy\",\"sampled_tokens\":90.0,\"trained_tokens\":0.0}\n";
        assert_eq!(counted(policy).unwrap(), (90, 30));
        assert!(counted("rubbish").is_err());
    }

    #[test]
    fn the_last_step_is_that_of_training_and_not_of_a_validation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        fs::write(&path, "{\"step\":1,\"tokens\":10}\n{\"step\":4,\"tokens\":25}\n{\"step\":5,\"validation_loss\":2}\n").unwrap();
        assert_eq!(last_step(&path).unwrap(), 4);
    }

    #[test]
    fn three_forward_passes_are_a_step() {
        assert_eq!(Compute { sampled: 300, trained: 100, referred: 30 }.steps(), 210.0);
    }
}
