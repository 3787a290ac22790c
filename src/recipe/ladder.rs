//! Stages as arms of a comparison.

use serde::{Deserialize, Serialize};

use super::StageRecipe;

/// Turns the stages into arms of a comparison: each starts from the supervised model and samples the same number of tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LadderRecipe {
    /// How often each arm is run, every time with streams of its own.
    pub seeds: u64,
    /// Tokens that each arm samples; a step or a part of a round that has begun is ended. Supervised arms train on five thirds of as many: what
    /// sampling once, training once and a reference policy cost together.
    pub tokens: u64,
    /// An arm before the supervised ones whose compute, as it was counted with the same seed, they spend instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compute_of: Option<String>,
}

impl LadderRecipe {
    /// The stages of all arms of one seed, with the names of their runs and the budget set. `row_tokens` is the length of a packed row.
    pub fn arms(&self, stages: &[StageRecipe], seed: u64, row_tokens: usize) -> Vec<StageRecipe> {
        let arm = |stage: &StageRecipe| {
            let mut arm = StageRecipe { name: format!("{}-s{seed}", stage.name), ..stage.clone() };
            if let Some(imitate) = &mut arm.imitate {
                imitate.tokens = Some(self.tokens);
            }
            if let Some(policy) = &mut arm.policy {
                policy.tokens = Some(self.tokens);
            }
            if let Some(guided) = &mut arm.guided {
                guided.tokens = Some(self.tokens);
            }
            if let Some(revise) = &mut arm.revise {
                revise.rise.iter_mut().for_each(|rise| rise.tokens = Some(self.tokens));
                revise.policy.iter_mut().for_each(|policy| policy.tokens = Some(self.tokens));
            }
            if let Some(evolve) = &mut arm.evolve {
                evolve.tokens = Some(self.tokens);
            }
            if let Some(train) = &mut arm.supervise {
                let per_step = train.rows * train.accumulation * train.row_tokens.unwrap_or(row_tokens);
                // Every token sampled, read by a reference policy, and trained on once; the first two cost a third each.
                train.max_steps = Some((self.tokens as usize * 5 / 3).div_ceil(per_step.max(1)).max(1));
            }
            arm
        };
        stages.iter().map(arm).collect()
    }
}
