//! The stages after supervised training, each evaluated when it ends: rounds of imitation, and policy gradients.

use std::collections::BTreeSet;

use metacot_envs::{SeedTree, Settings};
use metacot_traces::{Budget, task::Problem};

use super::{
    Notice, Run,
    corpora::Data,
    dial::Level,
    guided::GuidedCounts,
    self_play::PlayCounts,
    shortened::{RANDOM_TIES, Shortened},
    summary::RoundCounts,
    watch::watch,
};
use crate::{
    Error, Result,
    eval::{Evaluation, Revisions},
    grade::{RolloutGroup, Teacher, rollouts},
    improve::{Rationalization, keep, load_records, save_records},
    model::Weights,
    recipe::{ImitateRecipe, StageRecipe, Start},
    sample::{CpuDecoder, SampleConfig},
    tokenizer::Tokenizer,
};

/// Problems of a round that are sampled together where a budget of tokens ends it.
const PART: usize = 16;

/// Responses of such a part, at most, where a problem alone has no more.
const PART_RESPONSES: usize = 128;

/// What the stages leave.
pub(super) struct Improved {
    /// The last weights.
    pub weights: Weights,
    /// Of the supervised model, then after each round and each policy stage.
    pub evaluations: Vec<Vec<Evaluation>>,
    /// By round of imitation.
    pub rounds: Vec<RoundCounts>,
    /// By policy stage with a dial of effort, its name and the levels.
    pub efforts: Vec<(String, Vec<Level>)>,
    /// By round of expert iteration, the state before it included.
    pub guided: Vec<GuidedCounts>,
    /// By round of self-play, the state before it included.
    pub played: Vec<PlayCounts>,
    /// Attempts before and after stages of several, by kind of feedback.
    pub revised: Vec<Revisions>,
}

impl Improved {
    /// Before any stage.
    pub fn start(base: &Weights) -> Self {
        let weights = base.clone();
        Self { weights, evaluations: Vec::new(), rounds: Vec::new(), efforts: Vec::new(), guided: Vec::new(), played: Vec::new(), revised: Vec::new() }
    }
}

/// Announces a stage by its name.
pub(super) type Announce<'a> = dyn FnMut(String, &mut dyn FnMut(Notice)) + 'a;

/// Where the stages stand.
pub(super) struct Standing<'a> {
    pub base: &'a Weights,
    pub weights: Weights,
    /// What the rounds of imitation draw from.
    pub seeds: SeedTree,
    /// The first training problem that no stage has asked.
    pub next_problem: u64,
    /// Rounds of imitation so far, over all stages.
    rounds: u64,
    /// Whether each round of imitation is evaluated, not only the last.
    pub evaluates_rounds: bool,
}

impl<'a> Standing<'a> {
    /// Before any stage.
    pub fn start(base: &'a Weights, next_problem: u64, seeds: SeedTree) -> Self {
        Self { base, weights: base.clone(), seeds, next_problem, rounds: 0, evaluates_rounds: true }
    }
}

impl Run<'_> {
    /// Runs every stage of the recipe, one after the other.
    pub(super) fn stages(&self, base: &Weights, data: &Data, announce: &mut Announce<'_>, notify: &mut dyn FnMut(Notice)) -> Result<Improved> {
        let mut improved = Improved::start(base);
        let mut standing = Standing::start(base, self.recipe.corpus.train, self.seeds.clone());
        for stage in &self.recipe.stages {
            self.stage(stage, &mut standing, &mut improved, data, announce, notify)?;
        }
        improved.weights = standing.weights;
        Ok(improved)
    }

    /// Runs one stage and evaluates what it gives.
    pub(super) fn stage(
        &self,
        stage: &StageRecipe,
        standing: &mut Standing<'_>,
        improved: &mut Improved,
        data: &Data,
        announce: &mut Announce<'_>,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<()> {
        let name = &stage.name;
        if stage.from_base {
            standing.weights = standing.base.clone();
        }
        if let Some(imitate) = &stage.imitate {
            let first = standing.next_problem;
            for round in 1..=imitate.rounds {
                announce(format!("{name} ({:?}), round {round} of {}", imitate.method, imitate.rounds), notify);
                if imitate.same_problems {
                    standing.next_problem = first;
                }
                let name = format!("{name}-{round}");
                let counts = self.round(&name, imitate, standing, data, notify)?;
                improved.rounds.push(counts);
                if standing.evaluates_rounds || round == imitate.rounds {
                    announce(format!("evaluation after {name}"), notify);
                    improved.evaluations.push(self.evaluate(&name, &standing.weights, data, notify)?);
                }
            }
        }
        if let Some(policy) = &stage.policy {
            announce(format!("{name} (policy gradients, {})", policy.objective.name), notify);
            // An arm of a ladder is compared by its last evaluation alone.
            let dial = policy.effort.as_ref().filter(|_| standing.evaluates_rounds);
            let before = dial.map(|_| standing.weights.clone());
            self.policy(name, policy, standing, data, notify)?;
            if let (Some(dial), Some(before)) = (dial, before) {
                improved.efforts.push((name.clone(), self.dial(name, dial, (&before, &standing.weights), data, notify)?));
            }
            announce(format!("evaluation after {name}"), notify);
            improved.evaluations.push(self.evaluate(name, &standing.weights, data, notify)?);
        }
        if let Some(guided) = &stage.guided {
            self.guided((name, guided), standing, improved, data, announce, notify)?;
        }
        if let Some(play) = &stage.self_play {
            self.self_play((name, play), standing, improved, data, announce, notify)?;
        }
        if let Some(revise) = &stage.revise {
            self.revise((name, revise), standing, improved, data, announce, notify)?;
        }
        if let Some(evolve) = &stage.evolve {
            announce(format!("{name} (evolution strategies)"), notify);
            self.evolution(name, evolve, standing, data, notify)?;
            announce(format!("evaluation after {name}"), notify);
            improved.evaluations.push(self.evaluate(name, &standing.weights, data, notify)?);
        }
        if let Some(train) = &stage.supervise {
            announce(format!("{name} (more supervised training)"), notify);
            standing.weights = self.fit(name, train, Some(&standing.weights), &data.train, data, notify)?;
            announce(format!("evaluation after {name}"), notify);
            improved.evaluations.push(self.evaluate(name, &standing.weights, data, notify)?);
        }
        Ok(())
    }

    /// One round of imitation: samples from the weights, keeps what is good enough, trains from them or from the base.
    fn round(&self, name: &str, imitate: &ImitateRecipe, standing: &mut Standing<'_>, data: &Data, notify: &mut dyn FnMut(Notice)) -> Result<RoundCounts> {
        standing.rounds += 1;
        let seeds = standing.seeds.child("improve").index(standing.rounds);
        let problems = standing.next_problem..standing.next_problem + imitate.problems;
        standing.next_problem = problems.end;
        let path = self.dir.rollouts(name);
        let groups = if path.exists() {
            load_records(&path)?
        } else {
            let problems = problems.map(|id| Ok(self.task.draw(id)?)).collect::<Result<Vec<_>>>()?;
            let groups = self.gather(imitate, &standing.weights, &problems, data, &seeds, notify)?;
            save_records(&path, &groups)?;
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
                second_try: imitate.second_try.then_some(kept.second_try),
                replayed: kept.replayed,
                shortened: imitate.require_optimal.then(|| Shortened::new(&groups, &kept.beside)),
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
        seeds: &SeedTree,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<Vec<RolloutGroup>> {
        let config = SampleConfig { top_k: imitate.top_k, ..self.recipe.sample_config(imitate.temperature) };
        let mut generator = self.generator(weights);
        let Some(tokens) = imitate.tokens else {
            notify(Notice::Note(format!("sampling {} responses to each of {} training problems", imitate.samples, problems.len())));
            let progress = generator.progress();
            return watch(&progress, notify, || self.gather_part(imitate, &mut generator, &config, problems, data, seeds));
        };
        let share = tokens.div_ceil(imitate.rounds as u64);
        notify(Notice::Note(format!(
            "sampling {} responses to each of at most {} training problems until they have {share} tokens",
            imitate.samples,
            problems.len()
        )));
        let (mut groups, mut spent) = (Vec::new(), 0);
        // Few problems at a time where each has many responses, so that a budget is not passed by much.
        let size = (PART_RESPONSES / imitate.samples.max(1)).clamp(1, PART);
        for (index, part) in problems.chunks(size).enumerate() {
            let part = self.gather_part(imitate, &mut generator, &config, part, data, &seeds.child("part").index(index as u64))?;
            spent += part.iter().flat_map(|group| group.rollouts.iter().chain(&group.hinted)).map(|rollout| rollout.tokens).sum::<u64>();
            groups.extend(part);
            if spent >= share {
                break;
            }
        }
        Ok(groups)
    }

    fn gather_part(
        &self,
        imitate: &ImitateRecipe,
        generator: &mut CpuDecoder,
        config: &SampleConfig,
        problems: &[Problem],
        data: &Data,
        seeds: &SeedTree,
    ) -> Result<Vec<RolloutGroup>> {
        let (task, tokenizer) = (self.task.as_ref(), &data.tokenizer);
        let mut groups = rollouts(task, tokenizer, generator, problems, imitate.samples, config, &seeds.child("sample"));
        if imitate.require_optimal {
            for (index, (problem, group)) in problems.iter().zip(&mut groups).enumerate() {
                if group.num_correct() > 0 {
                    group.teacher = self.teacher(problem, tokenizer, &seeds.child("teacher").index(index as u64))?;
                }
            }
        }
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
            let hints = seeds.child("hinted");
            let rationalization = Rationalization { task, tokenizer, samples: imitate.samples, config, seeds: &hints };
            rationalization.fill(generator, problems, &plans, &mut groups)?;
            if imitate.second_try {
                let seeds = seeds.child("second-try");
                Rationalization { seeds: &seeds, ..rationalization }.try_again(generator, problems, &plans, &mut groups)?;
            }
        }
        Ok(groups)
    }

    /// A symbolic A* on a problem; `None` where it does not solve it or the format cannot show it.
    fn teacher(&self, problem: &Problem, tokenizer: &Tokenizer, seeds: &SeedTree) -> Result<Option<Teacher>> {
        let solve = |name: &str, stream: u64| -> Result<Option<(u32, u64)>> {
            let solution = self.task.search(name, &Settings::default(), problem, Budget::default(), &mut seeds.stream(stream))?;
            // The end mark counts, as it does for models.
            let tokens = tokenizer.encode(&solution.text[solution.prompt_len..]).len() as u64 + 1;
            Ok(solution.cost.filter(|_| !solution.text.is_empty()).map(|cost| (cost, tokens)))
        };
        let Some((cost, tokens)) = solve("astar", 0)? else { return Ok(None) };
        let mut best_tokens = u64::MAX;
        for stream in 1..=RANDOM_TIES {
            best_tokens = best_tokens.min(solve("astar-nondet", stream)?.map_or(u64::MAX, |(_, tokens)| tokens));
        }
        Ok((best_tokens < u64::MAX).then_some(Teacher { cost, tokens, best_tokens }))
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
