//! Stages of several attempts: RISE in rounds, or policy gradients over attempts; and what attempts are worth before and after.

use std::path::Path;

use metacot_envs::SeedTree;
use metacot_traces::task::Problem;

use super::{
    Notice, Run,
    corpora::Data,
    stages::{Announce, Improved, Standing},
    watch::watch,
};
use crate::{
    Error, Result,
    attempts::Exchange,
    eval::{RevisionExam, Revisions},
    improve::{self, RevisionRecord, Source, load_records, regression, save_records},
    model::Weights,
    recipe::{Remarks, ReviseRecipe, RiseRecipe, Start, Teacher},
    sample::CpuDecoder,
};

/// Problems of a round that are sampled together where a budget of tokens ends it.
const PART: usize = 16;

/// A stage with its name.
type Named<'a> = (&'a str, &'a ReviseRecipe);

impl Run<'_> {
    /// Runs a stage and measures attempts before it, after each round, and at its end with every kind of feedback.
    pub(super) fn revise(
        &self,
        (name, revise): Named<'_>,
        standing: &mut Standing<'_>,
        improved: &mut Improved,
        data: &Data,
        announce: &mut Announce<'_>,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<()> {
        // The arms of a ladder are compared by their evaluations alone.
        let is_measured = standing.evaluates_rounds;
        let all: &[Remarks] = &Remarks::ALL;
        let measure = |policy: &str, kinds: &[Remarks], standing: &Standing<'_>, improved: &mut Improved, notify: &mut dyn FnMut(Notice)| {
            for kind in kinds.iter().filter(|_| is_measured) {
                improved.revised.push(self.revisions((policy, revise), *kind, &standing.weights, data, notify)?);
            }
            Ok::<(), Error>(())
        };
        measure(&format!("before {name}"), all, standing, improved, notify)?;
        if let Some(rise) = &revise.rise {
            for round in 1..=rise.rounds {
                announce(format!("{name} (RISE, {} attempts), round {round} of {}", revise.attempts, rise.rounds), notify);
                let name = format!("{name}-{round}");
                self.rise_round(&name, (revise, rise), standing, data, notify)?;
                let is_last = round == rise.rounds;
                measure(&name, if is_last { all } else { std::slice::from_ref(&revise.feedback) }, standing, improved, notify)?;
                if is_measured || is_last {
                    announce(format!("evaluation after {name}"), notify);
                    improved.evaluations.push(self.evaluate(&name, &standing.weights, data, notify)?);
                }
            }
        }
        if let Some(policy) = revise.policy() {
            announce(format!("{name} (policy gradients over {} attempts, {})", revise.attempts, policy.objective.name), notify);
            self.policy(name, &policy, standing, data, notify)?;
            measure(name, all, standing, improved, notify)?;
            announce(format!("evaluation after {name}"), notify);
            improved.evaluations.push(self.evaluate(name, &standing.weights, data, notify)?);
        }
        Ok(())
    }

    /// One round of RISE: chains from the weights, a target for each prefix, regression.
    fn rise_round(
        &self,
        name: &str,
        (revise, rise): (&ReviseRecipe, &RiseRecipe),
        standing: &mut Standing<'_>,
        data: &Data,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<()> {
        let first = standing.next_problem;
        standing.next_problem += rise.problems;
        let path = self.dir.rollouts(name);
        let records = if path.exists() {
            load_records(&path)?
        } else {
            let problems = (first..standing.next_problem).map(|id| Ok(self.task.draw(id)?)).collect::<Result<Vec<_>>>()?;
            let (mut generator, seeds) = (self.generator(&standing.weights), standing.seeds.child("rise").child(name));
            let records = watch(&generator.progress(), notify, || self.rise_records((revise, rise), &problems, &mut generator, data, &seeds))?;
            save_records(&path, &records)?;
            records
        };
        let lessons = regression(&records, &rise.weights, self.recipe.model.context)?;
        notify(Notice::Note(told(&records, lessons.len())));
        if lessons.is_empty() {
            return Err(Error::Stopped(format!("{name}: no attempt at {} problems earned a reward, so there is nothing to learn from", records.len())));
        }
        let initial = if rise.start == Start::Base { standing.base } else { &standing.weights };
        standing.weights = self.distilled(name, &rise.train, initial, &lessons, notify)?;
        Ok(())
    }

    fn rise_records(
        &self,
        (revise, rise): (&ReviseRecipe, &RiseRecipe),
        problems: &[Problem],
        generator: &mut CpuDecoder,
        data: &Data,
        seeds: &SeedTree,
    ) -> Result<Vec<RevisionRecord>> {
        let sample = self.recipe.sample_config(rise.temperature);
        let exchange = Exchange { task: self.task.as_ref(), tokenizer: &data.tokenizer, sample: &sample };
        let share = rise.tokens.map(|tokens| tokens.div_ceil(rise.rounds as u64));
        let (mut records, mut spent) = (Vec::new(), 0);
        let size = if share.is_some() { PART } else { problems.len().max(1) };
        for (index, part) in problems.chunks(size).enumerate() {
            let seeds = seeds.index(index as u64);
            let groups = exchange.chains(&revise.attempts(), part, rise.chains, generator, &seeds.child("chains"));
            let part = match rise.teacher {
                Teacher::Own => {
                    let seeds = seeds.child("targets");
                    let source = Source::Best { candidates: rise.candidates, generator: &mut *generator, seeds: &seeds };
                    improve::revise(&exchange, groups, &rise.reward, source)
                }
                Teacher::Solver => {
                    let solutions = self.solutions(part, &seeds.child("solver"))?;
                    improve::revise(&exchange, groups, &rise.reward, Source::Solutions(&solutions))
                }
            };
            spent += part.iter().map(|record| record.sampled_tokens).sum::<u64>();
            records.extend(part);
            if share.is_some_and(|share| spent >= share) {
                break;
            }
        }
        Ok(records)
    }

    /// The search of the corpus on each problem, as a response; `None` where it fails or the format cannot show it.
    fn solutions(&self, problems: &[Problem], seeds: &SeedTree) -> Result<Vec<Option<String>>> {
        let corpus = &self.recipe.corpus;
        let solve = |(index, problem): (usize, &Problem)| {
            let mut rng = seeds.index(index as u64).stream(0);
            let solution = self.task.search(&corpus.search, &corpus.search_settings, problem, corpus.budget, &mut rng)?;
            let is_shown = solution.plan.is_some() && !solution.text.is_empty();
            Ok(is_shown.then(|| solution.text[solution.prompt_len..].to_owned()))
        };
        problems.iter().enumerate().map(solve).collect()
    }

    /// What attempts of weights are worth on unseen problems, or what was measured of them.
    fn revisions(&self, (policy, revise): Named<'_>, kind: Remarks, weights: &Weights, data: &Data, notify: &mut dyn FnMut(Notice)) -> Result<Revisions> {
        let path = self.dir.eval(&format!("{}-revisions-{}", policy.replace(' ', "-"), kind.name()));
        if path.exists() {
            return Revisions::load(&path);
        }
        let problems = &data.unseen[..data.unseen.len().min(revise.measured as usize)];
        notify(Notice::Note(format!("{} attempts at {} unseen problems, feedback {}", revise.attempts, problems.len(), kind.name())));
        let sample = self.recipe.sample_config(self.recipe.eval.temperature);
        let exchange = Exchange { task: self.task.as_ref(), tokenizer: &data.tokenizer, sample: &sample };
        let seeds = self.seeds.child("eval").child("revisions");
        let exam = RevisionExam { exchange, problems, attempts: revise.attempts, samples: revise.samples, seeds: &seeds };
        let mut generator = self.generator(weights);
        let revisions = watch(&generator.progress(), notify, || exam.take(policy, (kind.name(), kind.feedback()), &mut generator));
        revisions.save(&path)?;
        Ok(revisions)
    }
}

/// A round in words.
fn told(records: &[RevisionRecord], lessons: usize) -> String {
    let chains: Vec<_> = records.iter().flat_map(|record| &record.chains).collect();
    let most = chains.iter().map(|chain| chain.attempts.len()).max().unwrap_or(0);
    let right = |attempts: usize| chains.iter().filter(|chain| chain.attempts.iter().take(attempts).any(|attempt| attempt.verdict.is_correct)).count();
    let solved: Vec<String> = (1..=most).map(|attempts| format!("{} by attempt {attempts}", right(attempts))).collect();
    let targets: Vec<_> = records.iter().flat_map(|record| &record.targets).collect();
    let own = targets.iter().filter(|target| target.is_own).count();
    format!(
        "of {} chains of attempts {} right; {lessons} of {} better attempts learned, {own} of them made on the way",
        chains.len(),
        solved.join(", "),
        targets.len()
    )
}

/// Tokens that a round sampled.
pub(super) fn sampled_tokens(path: &Path) -> Result<u64> {
    let records: Vec<RevisionRecord> = load_records(path)?;
    Ok(records.iter().map(|record| record.sampled_tokens).sum())
}
