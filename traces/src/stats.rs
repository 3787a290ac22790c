//! What a corpus is made of, in numbers.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;
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

/// How often each value occurs: memory grows with the number of different values, not with that of records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: BTreeMap<u64, u64>,
}

impl Histogram {
    /// Counts a value.
    pub fn add(&mut self, value: u64) {
        *self.counts.entry(value).or_default() += 1;
    }

    /// The sum of all values.
    pub fn total(&self) -> u64 {
        self.counts.iter().map(|(value, count)| value * count).sum()
    }

    /// The spread of the values; all 0 where there are none.
    pub fn spread(&self) -> Spread {
        let len: u64 = self.counts.values().sum();
        let at = |share: f64| {
            let place = ((len as f64 * share) as u64).min(len.saturating_sub(1));
            let mut before = 0;
            let found = self.counts.iter().find(|(_, count)| {
                before += **count;
                before > place
            });
            found.map_or(0, |(value, _)| *value)
        };
        let mean = self.total() as f64 / len.max(1) as f64;
        Spread { mean, min: at(0.0), p25: at(0.25), p50: at(0.5), p75: at(0.75), p95: at(0.95), max: at(1.0) }
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
    /// Records by split.
    pub by_split: BTreeMap<String, u64>,
    /// Records whose text an earlier record has.
    pub repeated_texts: u64,
    /// Bytes of text.
    pub text_bytes: Spread,
    /// Bytes of the prompts.
    pub prompt_bytes: Spread,
    /// Bytes that a learner is trained on.
    pub loss_bytes: Spread,
    /// Steps of the plans.
    pub plan_steps: Spread,
    /// Bytes of text in all records.
    pub total_text_bytes: u64,
    /// Nodes expanded.
    pub expanded: Spread,
    /// Nodes generated.
    pub generated: Spread,
    /// Cost of the plans.
    pub cost: Spread,
}

/// Collects [`Stats`] record by record; keeps 16 bytes of each distinct problem and text.
#[derive(Clone, Debug, Default)]
pub struct Collector {
    stats: Stats,
    problems: FxHashSet<u128>,
    texts: FxHashSet<u128>,
    histograms: [Histogram; 7],
}

impl Collector {
    /// Takes a record in.
    pub fn add(&mut self, record: &Record) {
        let stats = &mut self.stats;
        stats.records += 1;
        stats.solved += u64::from(record.plan.is_some());
        *stats.by_kind.entry(format!("{}/{}/{}", record.env, record.search, record.format)).or_default() += 1;
        *stats.by_stop.entry(record.stop).or_default() += 1;
        *stats.by_split.entry(record.split.name().into()).or_default() += 1;
        self.problems.insert(digest(&record.canonical_key));
        stats.repeated_texts += u64::from(!self.texts.insert(digest(&record.text)));
        let [text, prompt, loss, steps, expanded, generated, cost] = &mut self.histograms;
        text.add(record.text.len() as u64);
        prompt.add(record.prompt_len);
        loss.add(record.loss_spans.iter().map(|(start, end)| end.saturating_sub(*start)).sum());
        expanded.add(record.expanded);
        generated.add(record.generated);
        if let Some(plan) = &record.plan {
            steps.add(plan.len() as u64);
        }
        if let Some(value) = record.cost {
            cost.add(u64::from(value));
        }
    }

    /// The numbers of all records so far.
    pub fn finish(self) -> Stats {
        let total_text_bytes = self.histograms[0].total();
        let [text_bytes, prompt_bytes, loss_bytes, plan_steps, expanded, generated, cost] = self.histograms.each_ref().map(Histogram::spread);
        let distinct_problems = self.problems.len() as u64;
        Stats { distinct_problems, total_text_bytes, text_bytes, prompt_bytes, loss_bytes, plan_steps, expanded, generated, cost, ..self.stats }
    }
}

fn digest(text: &str) -> u128 {
    u128::from_le_bytes(blake3::hash(text.as_bytes()).as_bytes()[..16].try_into().expect("a digest has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_that_of_the_sorted_list() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.spread(), Spread::default());
        let mut values: Vec<u64> = (0..101).map(|index| index * 37 % 53).collect();
        values.iter().for_each(|value| histogram.add(*value));
        values.sort_unstable();
        let spread = histogram.spread();
        assert_eq!([spread.min, spread.p25, spread.p50, spread.p75, spread.p95, spread.max], [0, 25, 50, 75, 95, 100].map(|place| values[place]));
        assert_eq!(spread.mean, values.iter().sum::<u64>() as f64 / 101.0);
    }
}
