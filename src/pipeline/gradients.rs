//! Stages that climb the expected reward: policy gradients, and evolution strategies, which take none.

use super::{
    Notice, Run,
    corpora::Data,
    stages::{Standing, distinct_problems},
};
use crate::{
    Result,
    improve::{EvolutionConfig, EvolutionJob, PolicyConfig, PolicyJob, evolve, policy_gradient},
};

impl Run<'_> {
    /// Policy gradients from the weights as they are.
    pub(super) fn policy(&self, name: &str, policy: &PolicyConfig, standing: &mut Standing<'_>, data: &Data, notify: &mut dyn FnMut(Notice)) -> Result<()> {
        let pool = distinct_problems(policy.pool, standing.next_problem, |id| Ok(self.task.draw(id)?))?;
        standing.next_problem += 20 * policy.pool;
        let config = PolicyConfig { seed: self.seeds.child("policy").child(name).seed(), ..policy.clone() };
        let folder = self.dir.checkpoint(name);
        let sample = self.recipe.sample_config(config.temperature);
        let job = PolicyJob {
            config: &config,
            initial: &standing.weights,
            task: self.task.as_ref(),
            tokenizer: &data.tokenizer,
            pool: &pool,
            sample: &sample,
            folder: &folder,
            device: self.options.devices.first(),
            threads: self.options.threads,
        };
        notify(Notice::Note(job.plan()));
        let weights = policy_gradient(&job, &mut |report| notify(Notice::Improving(Box::new(report))))?;
        standing.weights = weights;
        Ok(())
    }

    /// Evolution strategies from the weights as they are.
    pub(super) fn evolution(
        &self,
        name: &str,
        config: &EvolutionConfig,
        standing: &mut Standing<'_>,
        data: &Data,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<()> {
        let pool = distinct_problems(config.pool, standing.next_problem, |id| Ok(self.task.draw(id)?))?;
        standing.next_problem += 20 * config.pool;
        notify(Notice::Note(config.plan()));
        let job = EvolutionJob {
            config,
            initial: &standing.weights,
            task: self.task.as_ref(),
            tokenizer: &data.tokenizer,
            pool: &pool,
            sample: &self.recipe.sample_config(config.temperature),
            seeds: &self.seeds.child("evolve").child(name),
            folder: &self.dir.checkpoint(name),
        };
        let mut decoder = self.generator(&standing.weights);
        let weights = evolve(&job, &mut decoder, &mut |step, reward| {
            if step.is_multiple_of(10) {
                notify(Notice::Note(format!("step {step}: mean reward of the perturbed copies {reward:.3}")));
            }
        })?;
        standing.weights = weights;
        Ok(())
    }
}
