//! A funnel of rules in the manner of Big-MATH (Albalak et al. 2025): each record is kept, or dropped by the first rule that it breaks.

use std::collections::{BTreeMap, BTreeSet};

use metacot_envs::{
    Difficulty, SeedTree, World,
    registry::{self, EnvironmentVisitor},
};
use serde::{Deserialize, Serialize};

use super::{CorpusError, Record};
use crate::search::leaf::Leaf;

/// Why a record is dropped, in the order in which the rules are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// An earlier record has the same text.
    Duplicate,
    /// An earlier record has the same problem up to symmetry.
    CanonicalDuplicate,
    /// The problem is one of those that must not be learned.
    Leak,
    /// The problem has two answers at most, so that it can be guessed.
    YesNo,
    /// Random play solves it too often.
    Guessable,
    /// The share of random plays that solve it lies outside of the band.
    SolveRate,
}

/// What is asked of a record; a rule that is not set drops nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilterConfig {
    /// Drop repeated texts.
    pub duplicate: bool,
    /// Drop repeated problems.
    pub canonical_duplicate: bool,
    /// Drop problems with at most two legal plans of one action.
    pub yes_no: bool,
    /// Drop problems that random play solves more often than this, in [0, 1].
    pub guessable_above: Option<f64>,
    /// Keep only problems that random play solves within this band, in [0, 1].
    pub solve_rate: Option<(f64, f64)>,
    /// Random plays per problem.
    pub plays: u32,
}

/// A funnel in use: what it has seen and what it has dropped.
#[derive(Clone, Debug, Default)]
pub struct Funnel {
    config: FilterConfig,
    held_out: BTreeSet<String>,
    texts: BTreeSet<[u8; 32]>,
    keys: BTreeSet<String>,
    counts: BTreeMap<Rule, u64>,
    kept: u64,
}

impl Funnel {
    /// A funnel that also drops the problems of `held_out`, given by canonical key.
    pub fn new(config: FilterConfig, held_out: BTreeSet<String>) -> Self {
        Self { config, held_out, ..Self::default() }
    }

    /// Whether a record passes, and else the first rule that it breaks.
    ///
    /// # Errors
    /// A record of an environment that is not registered, or whose problem does not read.
    pub fn judge(&mut self, record: &Record) -> Result<Option<Rule>, CorpusError> {
        let broken = self.first_broken(record)?;
        match broken {
            Some(rule) => *self.counts.entry(rule).or_default() += 1,
            None => self.kept += 1,
        }
        Ok(broken)
    }

    /// Records kept so far, and records dropped by rule.
    pub fn counts(&self) -> (u64, &BTreeMap<Rule, u64>) {
        (self.kept, &self.counts)
    }

    fn first_broken(&mut self, record: &Record) -> Result<Option<Rule>, CorpusError> {
        if !self.texts.insert(*blake3::hash(record.text.as_bytes()).as_bytes()) && self.config.duplicate {
            return Ok(Some(Rule::Duplicate));
        }
        if !self.keys.insert(record.canonical_key.clone()) && self.config.canonical_duplicate {
            return Ok(Some(Rule::CanonicalDuplicate));
        }
        if self.held_out.contains(&record.canonical_key) {
            return Ok(Some(Rule::Leak));
        }
        let FilterConfig { yes_no, guessable_above, solve_rate, plays, .. } = self.config;
        if !yes_no && guessable_above.is_none() && solve_rate.is_none() {
            return Ok(None);
        }
        let guess = registry::visit(&record.env, Guess { record, plays: plays.max(1) }).map_err(|error| CorpusError::Usage(error.to_string()))??;
        Ok(if yes_no && guess.num_short_plans <= 2 {
            Some(Rule::YesNo)
        } else if guessable_above.is_some_and(|most| guess.rate > most) {
            Some(Rule::Guessable)
        } else if solve_rate.is_some_and(|(low, high)| !(low..=high).contains(&guess.rate)) {
            Some(Rule::SolveRate)
        } else {
            None
        })
    }
}

/// How a problem looks to somebody who guesses.
struct Guessed {
    rate: f64,
    /// Legal first actions where every one of them ends the problem; `usize::MAX` where play can go on.
    num_short_plans: usize,
}

struct Guess<'a> {
    record: &'a Record,
    plays: u32,
}

impl EnvironmentVisitor for Guess<'_> {
    type Output = Result<Guessed, CorpusError>;

    fn visit<E: World>(self) -> Self::Output {
        let usage = |error: String| CorpusError::Usage(format!("record {}: {error}", self.record.id));
        let env = E::configure(&Difficulty::default()).map_err(|error| usage(error.to_string()))?;
        let problem: E::Problem = serde_json::from_value(self.record.problem.clone()).map_err(|error| usage(error.to_string()))?;
        let state = env.initial(&problem);
        let mut actions = Vec::new();
        env.actions(&problem, &state, &mut actions);
        let goes_on =
            actions.iter().any(|action| env.apply(&problem, &state, action).is_ok_and(|next| env.status(&problem, &next) == metacot_envs::Status::Open));
        // The problem alone decides the plays, so the verdict does not depend on where the record stands.
        let mut rng = SeedTree::root(0).child("guess").child(&self.record.canonical_key).stream(0);
        let play = Leaf::Rollouts { count: 1, depth: 1000 };
        let solved = (0..self.plays).filter(|_| play.evaluate(&env, &problem, &state, &mut rng).solution.is_some()).count();
        Ok(Guessed { rate: solved as f64 / f64::from(self.plays), num_short_plans: if goes_on { usize::MAX } else { actions.len() } })
    }
}
