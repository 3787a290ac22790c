//! A funnel of rules in the manner of Big-MATH (Albalak et al. 2025): each row is kept, or dropped by the first rule that it breaks.
//!
//! A rule looks at a row alone first, on any thread, and leaves a [`Mark`]; the marks are then settled in the order of the rows, so the
//! outcome does not depend on the number of threads. Rules that compare rows compare with **kept** rows: no row is dropped for one that is
//! dropped itself. Each such rule remembers a few bytes of every kept row and nothing else.

mod canonical_duplicate;
mod duplicate;
mod guessable;
mod job;
mod leak;
mod multiple_choice;
mod near_duplicate;
mod not_unique;
mod puzzle;
mod row;
mod sketch;
mod solve_rate;
mod source;
mod words;
mod yes_no;

use metacot_envs::{SettingError, Settings};
use serde::{Deserialize, Serialize};

pub use job::{FUNNEL, FilterJob, filter};
pub use leak::Leaks;
pub use puzzle::{Puzzle, Worlds};
pub use row::Row;
pub use sketch::Sketch;
pub use solve_rate::Rates;
pub use source::{Item, Source};

/// The rules in the order in which they are asked: one line per rule.
pub const RULES: &[Kind] = &[
    duplicate::KIND,
    canonical_duplicate::KIND,
    leak::KIND,
    multiple_choice::KIND,
    yes_no::KIND,
    solve_rate::KIND,
    guessable::KIND,
    not_unique::KIND,
    near_duplicate::KIND,
];

/// A rule as it is registered.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The name on the command line and in reports.
    pub name: &'static str,
    /// The settings that it knows.
    pub settings: &'static [&'static str],
    /// Whether it is asked where no rules are named.
    pub is_default: fn(&Context, &Settings) -> bool,
    /// Makes it, or says what it lacks.
    pub build: fn(&Context, &Settings) -> Result<Box<dyn Rule>, SettingError>,
}

/// What rules compare rows with, beside the rows.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// What must not be learned.
    pub leaks: Option<Leaks>,
    /// Solve rates by id of row.
    pub rates: Option<Rates>,
}

/// What a rule sees in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The row is fine.
    Pass,
    /// The row is to be dropped.
    Drop,
    /// The rule has nothing to say on such a row, such as exact answers on a question in prose.
    NotApplicable,
    /// The row is to be dropped where a kept row has one of these keys; the first is the row's own.
    Keys(Vec<u128>),
    /// The row is to be dropped where a kept row has much the same words.
    Words(Box<Sketch>),
}

/// Why rows are dropped.
pub trait Rule: Send + Sync {
    /// Looks at a row alone.
    fn look(&self, row: &Row<'_>) -> Mark;

    /// Whether a kept row is one that the mark speaks of; asked of marks that compare rows.
    fn has_seen(&self, _mark: &Mark) -> bool {
        false
    }

    /// Takes note of a kept row.
    fn remember(&mut self, _mark: &Mark) {}
}

/// What one rule did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleCount {
    /// The rule.
    pub rule: String,
    /// Rows that reached it.
    pub asked: u64,
    /// Rows that it dropped.
    pub dropped: u64,
    /// Rows that it had nothing to say on; they pass.
    pub not_applicable: u64,
}

/// A funnel in use: what it has seen and what it has dropped.
pub struct Funnel {
    rules: Vec<(Box<dyn Rule>, RuleCount)>,
    rows: u64,
    kept: u64,
}

impl Funnel {
    /// A funnel of the named rules, or of those that apply by default; they are asked in the order of [`RULES`].
    ///
    /// # Errors
    /// An unknown rule, a rule without what it needs, a setting that no rule of the funnel knows or whose value is not allowed.
    pub fn new(names: Option<&[String]>, context: &Context, settings: &Settings) -> Result<Self, SettingError> {
        if let Some(name) = names.and_then(|names| names.iter().find(|name| RULES.iter().all(|kind| kind.name != *name))) {
            let known: Vec<&str> = RULES.iter().map(|kind| kind.name).collect();
            return Err(SettingError::Value { name: "rules".into(), value: name.clone(), expected: format!("some of {}", known.join(", ")) });
        }
        let is_asked = |kind: &&Kind| names.map_or_else(|| (kind.is_default)(context, settings), |names| names.iter().any(|name| name == kind.name));
        let kinds: Vec<&Kind> = RULES.iter().filter(is_asked).collect();
        let known: Vec<&str> = kinds.iter().flat_map(|kind| kind.settings).copied().collect();
        settings.only(&known)?;
        let rules = kinds.iter().map(|kind| Ok(((kind.build)(context, settings)?, RuleCount { rule: kind.name.into(), ..RuleCount::default() })));
        Ok(Self { rules: rules.collect::<Result<_, SettingError>>()?, rows: 0, kept: 0 })
    }

    /// What the rules see in a row, up to the first that drops it; from any thread.
    pub fn look(&self, row: &Row<'_>) -> Vec<Mark> {
        let mut marks = Vec::with_capacity(self.rules.len());
        for (rule, _) in &self.rules {
            marks.push(rule.look(row));
            if marks.last() == Some(&Mark::Drop) {
                break;
            }
        }
        marks
    }

    /// Decides on the next row by its marks: the name of the rule that drops it, or `None` where it is kept.
    pub fn settle(&mut self, marks: &[Mark]) -> Option<&str> {
        self.rows += 1;
        let mut dropped_by = None;
        for (index, ((rule, count), mark)) in self.rules.iter_mut().zip(marks).enumerate() {
            count.asked += 1;
            let is_dropped = match mark {
                Mark::Pass => false,
                Mark::Drop => true,
                Mark::NotApplicable => {
                    count.not_applicable += 1;
                    false
                }
                Mark::Keys(_) | Mark::Words(_) => rule.has_seen(mark),
            };
            if is_dropped {
                count.dropped += 1;
                dropped_by = Some(index);
                break;
            }
        }
        if let Some(index) = dropped_by {
            return Some(&self.rules[index].1.rule);
        }
        self.kept += 1;
        for ((rule, _), mark) in self.rules.iter_mut().zip(marks) {
            rule.remember(mark);
        }
        None
    }

    /// Rows so far, rows kept, and what each rule did.
    pub fn counts(&self) -> (u64, u64, Vec<RuleCount>) {
        (self.rows, self.kept, self.rules.iter().map(|(_, count)| count.clone()).collect())
    }
}

/// Rules that are asked whatever there is to compare with.
fn always(_: &Context, _: &Settings) -> bool {
    true
}

/// The key of a text: 128 bits of BLAKE3, so that two texts share one by chance never in practice.
fn key_of(text: &str) -> u128 {
    let hash = blake3::hash(text.as_bytes());
    u128::from_le_bytes(hash.as_bytes()[..16].try_into().expect("a digest has 32 bytes"))
}
