//! RISE (2407.18219): for every prefix of the model's own attempts a better one, and what a regression weighted by reward learns from them.
//!
//! Chains come from the weights as they are. A prefix is the prompt, or all that stands before a later attempt. Its target is the best of the attempts
//! made there and of further samples, or the solution of a search; its weight is the exponential of its reward, over the targets of the problem.
//! Problems of which no target earns a reward teach nothing and are left out. (The released code keeps them all, weighs by `exp(r / 0.4)` without a
//! centre, and leaves out an attempt that repeats an earlier one.)

use metacot_envs::SeedTree;
use metacot_objectives::{Batch, Objective, ObjectiveError, Reward, Sequence, advantage::Exponential, loss::Nll};
use serde::{Deserialize, Serialize};

use super::{Lesson, evidence};
use crate::{
    Error, Result,
    attempts::{Chain, ChainGroup, Exchange},
    data::Example,
    grade::{Rollout, judge},
    sample::{Completion, Generator, Request},
    tokenizer::Tokenizer,
};

/// The chains of a problem with what is learned of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RevisionRecord {
    /// What the model was given.
    pub prompt: String,
    /// Its chains of attempts.
    pub chains: Vec<Chain>,
    /// What is learned, by prefix.
    pub targets: Vec<Target>,
    /// Tokens sampled for the chains and the targets.
    pub sampled_tokens: u64,
}

/// A better attempt for one prefix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Ids of the prompt, of the attempts before it and of what was said of them; none of them is trained.
    pub prefix: Vec<u32>,
    /// Its own ids, the end mark included.
    pub ids: Vec<u32>,
    /// What it is worth.
    pub reward: f64,
    /// Whether it was said in one of the chains.
    pub is_own: bool,
}

/// A prefix with the attempts that were made there.
struct Prefix {
    group: usize,
    ids: Vec<u32>,
    made: Vec<(Vec<u32>, Rollout)>,
}

/// Where targets come from.
pub enum Source<'a> {
    /// The best of what was made and of so many samples more.
    Best {
        /// Samples behind each prefix.
        candidates: usize,
        /// Draws them: sample `n` behind prefix `p` of group `i` draws from `seeds.index(i).index(p).stream(n)`.
        generator: &'a mut dyn Generator,
        /// All samples draw from here.
        seeds: &'a SeedTree,
    },
    /// A solution of each problem as text; `None` where there is none.
    Solutions(&'a [Option<String>]),
}

/// Finds a target for every prefix of some chains, in order of the prefixes.
pub fn revise(exchange: &Exchange<'_>, groups: Vec<ChainGroup<'_>>, reward: &Reward, source: Source<'_>) -> Vec<RevisionRecord> {
    let prefixes: Vec<Prefix> = groups.iter().enumerate().flat_map(|(index, group)| prefixes(index, group)).collect();
    let mut records: Vec<RevisionRecord> = groups
        .iter()
        .map(|group| RevisionRecord {
            prompt: group.problem.prompt.clone(),
            chains: group.chains.clone(),
            targets: Vec::new(),
            sampled_tokens: group.chains.iter().map(|chain| chain.num_sampled() as u64).sum(),
        })
        .collect();
    let score = |rollout: &Rollout, ids: &[u32]| reward.score(&evidence(rollout, ids));
    match source {
        Source::Best { candidates, generator, seeds } => {
            let mut requests = Vec::new();
            let (mut group, mut place) = (usize::MAX, 0);
            for prefix in &prefixes {
                (group, place) = (prefix.group, if prefix.group == group { place + 1 } else { 0 });
                let streams = seeds.index(group as u64).index(place);
                requests.extend((0..candidates as u64).map(|sample| Request { prompt: prefix.ids.clone(), rng: streams.stream(sample) }));
            }
            let mut completions = generator.complete(requests, exchange.sample).into_iter();
            for Prefix { group, ids: prefix, made } in prefixes {
                let sampled: Vec<Completion> = completions.by_ref().take(candidates).collect();
                records[group].sampled_tokens += sampled.iter().map(|completion| completion.ids.len() as u64).sum::<u64>();
                let num_made = made.len();
                let judged =
                    sampled.into_iter().map(|completion| (judge(exchange.task, exchange.tokenizer, groups[group].problem, &completion), completion.ids));
                let all = made.into_iter().chain(judged.map(|(rollout, ids)| (ids, rollout))).enumerate();
                // An attempt that was cut cannot be learned whole; of equals the first is taken, so that what is right already stays.
                let finished = all.filter(|(_, (_, rollout))| rollout.is_finished).map(|(index, (ids, rollout))| (index, score(&rollout, &ids), ids));
                let best = finished.reduce(|best, next| if next.1 > best.1 { next } else { best });
                if let Some((index, reward, ids)) = best {
                    records[group].targets.push(Target { prefix, ids, reward, is_own: index < num_made });
                }
            }
        }
        Source::Solutions(solutions) => {
            for Prefix { group, ids: prefix, .. } in prefixes {
                let Some(solution) = solutions.get(group).and_then(Option::as_ref) else { continue };
                let ids = [exchange.tokenizer.encode(solution), vec![Tokenizer::EOS]].concat();
                let completion = Completion { log_probs: Vec::new(), is_finished: true, ids };
                let rollout = judge(exchange.task, exchange.tokenizer, groups[group].problem, &completion);
                let reward = score(&rollout, &completion.ids);
                records[group].targets.push(Target { prefix, ids: completion.ids, reward, is_own: false });
            }
        }
    }
    records
}

/// The different prefixes of a group in order of appearance, each with the attempts that were made there.
fn prefixes(index: usize, group: &ChainGroup<'_>) -> Vec<Prefix> {
    let mut found: Vec<Prefix> = Vec::new();
    for chain in &group.chains {
        for (attempt, span) in chain.attempts.iter().zip(chain.spans()) {
            let ids = [group.prompt.as_slice(), &chain.ids[..span.start]].concat();
            let made = (chain.ids[span].to_vec(), attempt.verdict.clone());
            match found.iter_mut().find(|prefix| prefix.ids == ids) {
                Some(prefix) => prefix.made.push(made),
                None => found.push(Prefix { group: index, ids, made: vec![made] }),
            }
        }
    }
    found
}

/// The targets as lessons with their weights; those longer than `context` are left out, and all of a problem without a reward.
///
/// # Errors
/// The temperature of the weights is not allowed, or a reward is not finite.
pub fn regression(records: &[RevisionRecord], weights: &Exponential, context: usize) -> Result<Vec<Lesson>> {
    let refuse = |error: ObjectiveError| Error::Usage(format!("weights: {error}"));
    let teaches = |record: &&RevisionRecord| record.targets.iter().any(|target| target.reward > 0.0);
    let targets: Vec<(usize, &Target)> =
        records.iter().filter(teaches).enumerate().flat_map(|(group, record)| record.targets.iter().map(move |target| (group, target))).collect();
    let batch = Batch::new(targets.iter().map(|(group, target)| Sequence::new(*group, target.reward, vec![0.0])).collect()).map_err(refuse)?;
    let credit = Objective::new(*weights, Nll {}).advantages(&batch).map_err(refuse)?;
    let lesson = |((_, target), weight): (&(usize, &Target), &Vec<f64>)| {
        vec![(Example { ids: [target.prefix.as_slice(), &target.ids].concat(), response_start: target.prefix.len() }, weight[0])]
    };
    let fits = |lesson: &Lesson| lesson.iter().all(|(example, _)| example.ids.len() <= context);
    Ok(targets.iter().zip(&credit.tokens).map(lesson).filter(fits).collect())
}

#[cfg(test)]
mod tests {
    use metacot_objectives::advantage::Weighing;

    use super::*;

    fn target(prefix: &[u32], reward: f64) -> Target {
        Target { prefix: prefix.to_vec(), ids: vec![7, 2], reward, is_own: false }
    }

    #[test]
    fn lessons_weigh_what_is_better_more_and_train_the_target_alone() {
        let record = |targets: Vec<Target>| RevisionRecord { prompt: String::new(), chains: Vec::new(), targets, sampled_tokens: 0 };
        // One right of two; none right; a single one, whose prefix fills the context.
        let records = [
            record(vec![target(&[1, 5], 1.0), target(&[1, 5, 6, 2, 9], 0.0)]),
            record(vec![target(&[1], 0.0), target(&[1, 8], 0.0)]),
            record(vec![target(&[1; 9], 1.0)]),
        ];
        let weights = Exponential { temperature: 0.5, weighing: Weighing::Centred };
        let found = regression(&records, &weights, 10).unwrap();
        let lessons: Vec<(usize, usize, f64)> = found.iter().map(|lesson| (lesson[0].0.response_start, lesson[0].0.labels(), lesson[0].1)).collect();
        // (1 - 1/2) / 0.5 = 1 above the mean, and 1 below.
        assert_eq!(lessons, [(2, 2, 1.0_f64.exp()), (5, 2, (-1.0_f64).exp())]);
        assert!(regression(&records, &Exponential { temperature: 0.0, ..weights }, 10).is_err());
    }
}
