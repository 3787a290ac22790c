//! Measures how well a model corrects itself: several attempts at unseen problems, all of them made, whatever came before.
//!
//! Three ways of taking one answer from them: the last attempt, the first right one (an oracle stops), and the answer that most of them give
//! (RISE, 2407.18219). What the second attempt gains over the first is SCoRe's measure (2409.12917); a model that had feedback of other problems
//! or none is what RLEF compares with (2410.02089).

use std::path::Path;

use metacot_envs::SeedTree;
use metacot_traces::task::Problem;
use serde::{Deserialize, Serialize};

use super::statistics::{Bootstrap, Estimate, plurality, wilson};
use crate::{
    Error, Result,
    attempts::{AttemptsConfig, Chain, ChainGroup, Exchange, Feedback},
    sample::Generator,
};

/// One attempt as it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Whether it solves the problem.
    pub is_correct: bool,
    /// Its plan, action by action; `None` where none reads.
    pub answer: Option<Vec<String>>,
}

/// One model under one kind of feedback; plain data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revisions {
    /// The model.
    pub policy: String,
    /// What is said between attempts.
    pub feedback: String,
    /// Attempts allowed.
    pub attempts: usize,
    /// `[problem][chain][attempt]`; a chain is shorter where the context ends or an attempt was cut.
    pub problems: Vec<Vec<Vec<Tried>>>,
}

/// The conditions under which models are compared.
#[derive(Clone, Copy)]
pub struct RevisionExam<'a> {
    /// Where attempts are made.
    pub exchange: Exchange<'a>,
    /// What is asked.
    pub problems: &'a [Problem],
    /// Attempts allowed, at least 2.
    pub attempts: usize,
    /// Chains of attempts at each problem, at least 1.
    pub samples: usize,
    /// All samples draw from here.
    pub seeds: &'a SeedTree,
}

impl RevisionExam<'_> {
    /// Measures a generator under a kind of feedback that reports call `name`.
    pub fn take(&self, policy: &str, (name, feedback): (&str, Feedback), generator: &mut dyn Generator) -> Revisions {
        let config = AttemptsConfig { count: self.attempts, feedback, ends_when_right: false, malformed: 0.0 };
        let groups = self.exchange.chains(&config, self.problems, self.samples, generator, self.seeds);
        let tried = |group: &ChainGroup<'_>, chain: &Chain| {
            let of = |verdict: &crate::grade::Rollout| Tried {
                is_correct: verdict.is_correct,
                answer: self.exchange.task.remark(group.problem, &verdict.response).answer,
            };
            chain.attempts.iter().map(|attempt| of(&attempt.verdict)).collect()
        };
        let problems = groups.iter().map(|group| group.chains.iter().map(|chain| tried(group, chain)).collect()).collect();
        Revisions { policy: policy.into(), feedback: name.into(), attempts: self.attempts, problems }
    }
}

/// The numbers that a report shows, each with its 95 % interval over problems.
#[derive(Clone, Debug, PartialEq)]
pub struct RevisionScores {
    /// Share right at each attempt; a chain that has ended keeps its last.
    pub accuracy: Vec<Estimate>,
    /// Share with a right one among the attempts up to each.
    pub oracle: Vec<Estimate>,
    /// Share whose most frequent answer among the attempts up to each is right; of equally frequent ones the first counts.
    pub majority: Vec<Estimate>,
    /// What the second attempt gains over the first, paired.
    pub change: Estimate,
    /// Share that goes from a wrong first attempt to a right second one.
    pub repaired: Estimate,
    /// Share that goes from a right first attempt to a wrong second one.
    pub spoiled: Estimate,
}

impl Revisions {
    /// Computes the scores.
    ///
    /// # Errors
    /// There are no problems.
    pub fn scores(&self, bootstrap: &Bootstrap) -> Result<RevisionScores> {
        let by_attempt =
            |counts: fn(&[Tried], usize) -> bool| (0..self.attempts).map(|attempt| self.rates(|chain| counts(chain, attempt))).collect::<Vec<Vec<f64>>>();
        let accuracy = by_attempt(is_right);
        let estimates = |rates: &[Vec<f64>]| rates.iter().map(|rates| share(rates, bootstrap)).collect::<Result<Vec<Estimate>>>();
        let turns = |from: bool| self.rates(|chain| is_right(chain, 0) == from && is_right(chain, 1) != from);
        let change = match accuracy.as_slice() {
            [first, second, ..] => bootstrap.difference(second, first)?,
            _ => return Err(Error::Usage(format!("{} attempts are not allowed; expected at least 2", self.attempts))),
        };
        Ok(RevisionScores {
            accuracy: estimates(&accuracy)?,
            oracle: estimates(&by_attempt(has_right))?,
            majority: estimates(&by_attempt(is_majority_right))?,
            change,
            repaired: share(&turns(false), bootstrap)?,
            spoiled: share(&turns(true), bootstrap)?,
        })
    }

    /// The share of the chains of each problem of which something is so.
    fn rates(&self, is_so: impl Fn(&[Tried]) -> bool) -> Vec<f64> {
        let rate = |chains: &Vec<Vec<Tried>>| chains.iter().filter(|chain| is_so(chain)).count() as f64 / chains.len().max(1) as f64;
        self.problems.iter().map(rate).collect()
    }

    /// Chains at each problem.
    pub fn samples(&self) -> usize {
        self.problems.first().map_or(0, Vec::len)
    }

    /// Publishes the measurement as JSON.
    ///
    /// # Errors
    /// What the system refused.
    pub fn save(&self, path: &Path) -> Result<()> {
        crate::atomic::write(path, serde_json::to_string(self).expect("plain data") + "\n")
    }

    /// Reads a published measurement.
    ///
    /// # Errors
    /// It cannot be read or is damaged.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io("cannot read", path))?;
        serde_json::from_str(&text).map_err(|error| Error::data(path, format!("damaged: {error}")))
    }
}

/// The mean over problems; where all have the same value 0 or 1, and resampling would claim certainty, with Wilson's interval.
fn share(rates: &[f64], bootstrap: &Bootstrap) -> Result<Estimate> {
    let problems = rates.len() as u64;
    Ok(match rates.first() {
        Some(first) if (*first == 0.0 || *first == 1.0) && rates.iter().all(|rate| rate == first) => wilson(problems * *first as u64, problems)?,
        _ => bootstrap.mean(rates)?,
    })
}

fn is_right(chain: &[Tried], attempt: usize) -> bool {
    chain.get(attempt).or(chain.last()).is_some_and(|tried| tried.is_correct)
}

fn up_to(chain: &[Tried], attempt: usize) -> &[Tried] {
    &chain[..chain.len().min(attempt + 1)]
}

fn has_right(chain: &[Tried], attempt: usize) -> bool {
    up_to(chain, attempt).iter().any(|tried| tried.is_correct)
}

fn is_majority_right(chain: &[Tried], attempt: usize) -> bool {
    let made = up_to(chain, attempt);
    let answers: Vec<&Vec<String>> = made.iter().filter_map(|tried| tried.answer.as_ref()).collect();
    plurality(&answers).is_some_and(|answer| made.iter().any(|tried| tried.is_correct && tried.answer.as_ref() == Some(*answer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(answers: &str) -> Vec<Tried> {
        // Capitals are right, a dot reads as no answer.
        answers.chars().map(|letter| Tried { is_correct: letter.is_uppercase(), answer: (letter != '.').then(|| vec![letter.to_string()]) }).collect()
    }

    #[test]
    fn attempts_count_as_last_first_right_and_most_frequent() {
        let problems = [["aBB", "Aaa"], [".A", "ab."], ["AaA", "abc"]].map(|chains| chains.map(tried).to_vec()).to_vec();
        let revisions = Revisions { policy: "p".into(), feedback: "true".into(), attempts: 3, problems };
        let scores = revisions.scores(&Bootstrap::new(&SeedTree::root(1)).with_resamples(10)).unwrap();
        let sixths = |estimates: &[Estimate]| estimates.iter().map(|estimate| (estimate.value * 6.0).round() as u32).collect::<Vec<u32>>();
        // Right at 1: Aaa, AaA. At 2: aBB, .A. At 3: aBB, the last of .A, AaA.
        assert_eq!(sixths(&scores.accuracy), [2, 2, 3]);
        assert_eq!(sixths(&scores.oracle), [2, 4, 4]);
        // Most frequent up to 2, the first of equals: a, A, A, a, A, a; up to 3: B, a, A, a, A, a.
        assert_eq!(sixths(&scores.majority), [2, 3, 3]);
        assert_eq!(sixths(&[scores.change, scores.repaired, scores.spoiled]), [0, 2, 2]);
        assert!(Revisions { attempts: 1, ..revisions.clone() }.scores(&Bootstrap::new(&SeedTree::root(1))).is_err());
        let folder = tempfile::tempdir().unwrap();
        revisions.save(&folder.path().join("r")).unwrap();
        assert_eq!(Revisions::load(&folder.path().join("r")).unwrap(), revisions);
    }
}
