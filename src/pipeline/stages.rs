//! The stages after supervised training, each evaluated when it ends: rounds of imitation, and policy gradients.

use std::collections::BTreeSet;

use metacot_traces::task::Problem;

use super::{Notice, Run, corpora::Data, summary::RoundCounts};
use crate::{
    Error, Result,
    eval::Evaluation,
    grade::{RolloutGroup, rollouts},
    improve::{PolicyConfig, PolicyJob, Rationalization, keep, load_groups, policy_gradient, save_groups},
    model::Weights,
    recipe::{ImitateRecipe, Start},
    sample::SampleConfig,
};

/// What the stages leave.
pub(super) struct Improved {
    /// The last weights.
    pub weights: Weights,
    /// Of the supervised model, then after each round and each policy stage.
    pub evaluations: Vec<Vec<Evaluation>>,
    /// By round of imitation.
    pub rounds: Vec<RoundCounts>,
}

/// Announces a stage by its name.
pub(super) type Announce<'a> = dyn FnMut(String, &mut dyn FnMut(Notice)) + 'a;

/// Where the stages stand.
struct Standing<'a> {
    base: &'a Weights,
    weights: Weights,
    /// The first training problem that no stage has asked.
    next_problem: u64,
    /// Rounds of imitation so far, over all stages.
    rounds: u64,
}

impl Run<'_> {
    /// Runs every stage of the recipe.
    pub(super) fn stages(&self, base: &Weights, data: &Data, announce: &mut Announce<'_>, notify: &mut dyn FnMut(Notice)) -> Result<Improved> {
        let mut improved = Improved { weights: base.clone(), evaluations: Vec::new(), rounds: Vec::new() };
        let mut standing = Standing { base, weights: base.clone(), next_problem: self.recipe.corpus.train, rounds: 0 };
        for stage in &self.recipe.stages {
            if let Some(imitate) = &stage.imitate {
                let first = standing.next_problem;
                for round in 1..=imitate.rounds {
                    let name = format!("{}-{round}", stage.name);
                    announce(format!("{} ({:?}), round {round} of {}", stage.name, imitate.method, imitate.rounds), notify);
                    if imitate.same_problems {
                        standing.next_problem = first;
                    }
                    improved.rounds.push(self.round(&name, imitate, &mut standing, data, notify)?);
                    announce(format!("evaluation after {name}"), notify);
                    improved.evaluations.push(self.evaluate(&name, &standing.weights, data, notify)?);
                }
            }
            if let Some(policy) = &stage.policy {
                announce(format!("{} (policy gradients, {})", stage.name, policy.objective.name), notify);
                self.policy(&stage.name, policy, &mut standing, data, notify)?;
                announce(format!("evaluation after {}", stage.name), notify);
                improved.evaluations.push(self.evaluate(&stage.name, &standing.weights, data, notify)?);
            }
        }
        improved.weights = standing.weights;
        Ok(improved)
    }

    /// One round of imitation: samples from the weights, keeps what is good enough, trains from them or from the base.
    fn round(&self, name: &str, imitate: &ImitateRecipe, standing: &mut Standing<'_>, data: &Data, notify: &mut dyn FnMut(Notice)) -> Result<RoundCounts> {
        standing.rounds += 1;
        let seeds = self.seeds.child("improve").index(standing.rounds);
        let problems = standing.next_problem..standing.next_problem + imitate.problems;
        standing.next_problem = problems.end;
        let path = self.dir.rollouts(name);
        let groups = if path.exists() {
            load_groups(&path)?
        } else {
            let problems = problems.map(|id| Ok(self.task.draw(id)?)).collect::<Result<Vec<_>>>()?;
            let groups = self.gather(imitate, &standing.weights, &problems, data, &seeds, notify)?;
            save_groups(&path, &groups)?;
            groups
        };
        let mut counts = RoundCounts { name: name.into(), ..RoundCounts::default() };
        let mut initial = if imitate.start == Start::Base { standing.base.clone() } else { standing.weights.clone() };
        for (step, &threshold) in imitate.thresholds.iter().enumerate() {
            let kept = keep(&groups, imitate, threshold, &data.tokenizer, &data.train, &seeds);
            if kept.kept == 0 {
                return Err(Error::Stopped(format!(
                    "{name}: none of {} sampled responses earns {threshold}, so there is nothing to learn from",
                    groups.len() * imitate.samples
                )));
            }
            counts = RoundCounts {
                name: name.into(),
                sampled: groups.iter().map(|group| group.rollouts.len()).sum(),
                hinted: groups.iter().map(|group| group.hinted.len()).sum(),
                correct: kept.correct,
                kept: kept.kept,
                problems: groups.len(),
                solved_problems: kept.problems,
                unlocked: kept.unlocked,
                replayed: kept.replayed,
            };
            notify(Notice::Note(counts.to_string()));
            let training = if imitate.thresholds.len() == 1 { name.to_owned() } else { format!("{name}-{}", step + 1) };
            initial = self.fit(&training, &imitate.train, Some(&initial), &kept.examples, data, notify)?;
        }
        standing.weights = initial;
        Ok(counts)
    }

    /// The responses of a round, to hinted prompts as well where the recipe rationalizes.
    fn gather(
        &self,
        imitate: &ImitateRecipe,
        weights: &Weights,
        problems: &[Problem],
        data: &Data,
        seeds: &metacot_envs::SeedTree,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<Vec<RolloutGroup>> {
        notify(Notice::Note(format!("sampling {} responses to each of {} training problems", imitate.samples, problems.len())));
        let config = SampleConfig { top_k: imitate.top_k, ..self.recipe.sample_config(imitate.temperature) };
        let mut generator = self.generator(weights);
        let (task, tokenizer) = (self.task.as_ref(), &data.tokenizer);
        let mut groups = rollouts(task, tokenizer, &mut generator, problems, imitate.samples, &config, &seeds.child("sample"));
        if imitate.rationalize {
            let corpus = &self.recipe.corpus;
            let plans = problems.iter().zip(&groups).enumerate().map(|(index, (problem, group))| {
                if group.num_correct() > 0 {
                    return Ok(None);
                }
                let mut rng = seeds.child("plan").index(index as u64).stream(0);
                Ok(task.search(&corpus.search, &corpus.search_settings, problem, corpus.budget, &mut rng)?.plan)
            });
            let plans = plans.collect::<Result<Vec<_>>>()?;
            notify(Notice::Note(format!("rationalizing {} unsolved problems", plans.iter().flatten().count())));
            let hints = seeds.child("hinted");
            let rationalization = Rationalization { task, tokenizer, samples: imitate.samples, config: &config, seeds: &hints };
            rationalization.fill(&mut generator, problems, &plans, &mut groups)?;
        }
        Ok(groups)
    }

    /// Policy gradients from the weights as they are.
    fn policy(&self, name: &str, policy: &PolicyConfig, standing: &mut Standing<'_>, data: &Data, notify: &mut dyn FnMut(Notice)) -> Result<()> {
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
            device: self.options.device,
            threads: self.options.threads,
        };
        notify(Notice::Note(job.plan()));
        let weights = policy_gradient(&job, &mut |report| notify(Notice::Improving(report)))?;
        standing.weights = weights;
        Ok(())
    }
}

/// The first `count` problems that differ up to symmetry, from number `first` on; fewer where 20 times as many draws do not give them.
pub(super) fn distinct_problems(count: u64, first: u64, draw: impl Fn(u64) -> Result<Problem>) -> Result<Vec<Problem>> {
    let (mut problems, mut seen): (Vec<Problem>, BTreeSet<String>) = Default::default();
    let mut id = first;
    while (problems.len() as u64) < count && id < first + 20 * count {
        let problem = draw(id)?;
        if seen.insert(problem.canonical_key.clone()) {
            problems.push(problem);
        }
        id += 1;
    }
    Ok(problems)
}
