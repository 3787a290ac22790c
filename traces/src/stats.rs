//! What a corpus is made of, in numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{StopReason, corpus::Record};

/// The spread of a quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Arithmetic mean.
    pub mean: f64,
    /// Least value.
    pub min: u64,
    /// Value at one quarter of the sorted list.
    pub p25: u64,
    /// Median.
    pub p50: u64,
    /// Value at three quarters.
    pub p75: u64,
    /// Value at 95 %.
    pub p95: u64,
    /// Largest value.
    pub max: u64,
}

impl Spread {
    /// The spread of some values; all 0 where there are none.
    pub fn of(mut values: Vec<u64>) -> Self {
        values.sort_unstable();
        let at = |share: f64| values.get(((values.len() as f64 * share) as usize).min(values.len().saturating_sub(1))).copied().unwrap_or(0);
        let mean = values.iter().sum::<u64>() as f64 / values.len().max(1) as f64;
        Self { mean, min: at(0.0), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95), max: at(1.0) }
    }
}

/// Numbers over the records of a corpus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Records.
    pub records: u64,
    /// Records whose search reached a goal.
    pub solved: u64,
    /// Distinct problems up to symmetry.
    pub distinct_problems: u64,
    /// Records by environment, search and format.
    pub by_kind: BTreeMap<String, u64>,
    /// Records by stop reason.
    pub by_stop: BTreeMap<StopReason, u64>,
    /// Bytes of text.
    pub text_bytes: Spread,
    /// Nodes expanded.
    pub expanded: Spread,
    /// Nodes generated.
    pub generated: Spread,
    /// Cost of the plans.
    pub cost: Spread,
}

/// Collects [`Stats`] record by record.
#[derive(Clone, Debug, Default)]
pub struct Collector {
    stats: Stats,
    keys: std::collections::BTreeSet<String>,
    lists: [Vec<u64>; 4],
}

impl Collector {
    /// Takes a record in.
    pub fn add(&mut self, record: &Record) {
        let stats = &mut self.stats;
        stats.records += 1;
        stats.solved += u64::from(record.plan.is_some());
        *stats.by_kind.entry(format!("{}/{}/{}", record.env, record.search, record.format)).or_default() += 1;
        *stats.by_stop.entry(record.stop).or_default() += 1;
        self.keys.insert(record.canonical_key.clone());
        let [bytes, expanded, generated, cost] = &mut self.lists;
        bytes.push(record.text.len() as u64);
        expanded.push(record.expanded);
        generated.push(record.generated);
        cost.extend(record.cost.map(u64::from));
    }

    /// The numbers of all records so far.
    pub fn finish(self) -> Stats {
        let [text_bytes, expanded, generated, cost] = self.lists.map(Spread::of);
        Stats { distinct_problems: self.keys.len() as u64, text_bytes, expanded, generated, cost, ..self.stats }
    }
}
