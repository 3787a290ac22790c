//! What only the out-of-distribution splits have: values of facets that training, validation and test never see.
//!
//! `train`, `val` and `test` hold no problem of which any facet is held out. `test-ood-target` holds those of which the target alone is,
//! and so `test-ood-size` and `test-ood-set`, so that each shows one shift, and no problem is in two splits, whatever the seeds. What target,
//! size and set are, the environment says ([`Canonical::facet`](metacot_envs::Canonical::facet)).

use std::collections::BTreeSet;

use metacot_envs::{Difficulty, Facet, SeedTree, SettingError, World, canonical::split_point};

use super::Spec;
use crate::corpus::{CorpusError, Split};

/// Problems whose facets show what values look like.
const EXAMPLES: u64 = 32;
/// Problems that are drawn to see how much a share holds out.
const SHARE_DRAWS: u64 = 200;
/// The most values that one range can name.
const MAX_RANGE: i64 = 1_000_000;

/// The held-out values of an environment, read from [`Spec::hold_out`]: `targets`, `sizes` and `sets`, each a comma-separated list of values,
/// of ranges of whole numbers such as `30..40` (both ends belong to it), or a share such as `10%`, which a hash of the value decides.
pub struct HeldOut<E: World> {
    values: Vec<(Facet, Values)>,
    /// The environments of the held-out sizes; problem `id` of `test-ood-size` is of number `id` modulo their number.
    sizes: Vec<E>,
}

/// Values of one facet.
#[derive(Clone, Debug, Default, PartialEq)]
struct Values {
    names: BTreeSet<String>,
    ranges: Vec<(i64, i64)>,
    share: f64,
}

impl Values {
    fn read(name: &str, text: &str) -> Result<Self, SettingError> {
        let refuse = || SettingError::Value {
            name: name.into(),
            value: text.into(),
            expected: "values, ranges such as 30..40 or one share such as 10%, comma-separated".into(),
        };
        let mut values = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            if let Some(percent) = part.strip_suffix('%') {
                let percent: f64 = percent.parse().map_err(|_| refuse())?;
                if !(percent > 0.0 && percent < 100.0) || values.share > 0.0 {
                    return Err(refuse());
                }
                values.share = percent / 100.0;
            } else if let Some((first, last)) = part.split_once("..") {
                let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) else { return Err(refuse()) };
                if first > last || last.checked_sub(first).is_none_or(|width| width >= MAX_RANGE) {
                    return Err(refuse());
                }
                values.ranges.push((first, last));
            } else {
                values.names.insert(part.into());
            }
        }
        if values == Self::default() { Err(refuse()) } else { Ok(values) }
    }

    fn has(&self, facet: Facet, value: &str) -> bool {
        let is_in_range = || value.parse::<i64>().is_ok_and(|value| self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&value)));
        let is_in_share = || f64::from(split_point(&format!("{}:{value}", facet.plural()))) / f64::from(u32::MAX) < self.share;
        self.names.contains(value) || is_in_range() || (self.share > 0.0 && is_in_share())
    }

    /// The single values, ranges written out.
    fn listed(&self) -> impl Iterator<Item = String> + '_ {
        self.names.iter().cloned().chain(self.ranges.iter().flat_map(|(first, last)| (*first..=*last).map(|value| value.to_string())))
    }
}

impl<E: World> HeldOut<E> {
    /// Reads what a spec holds out.
    ///
    /// # Errors
    /// A name or value that is not allowed, a size that the environment does not have or that is the one to train on, or an
    /// out-of-distribution split of which nothing is held out.
    pub fn new(spec: &Spec, env: &E) -> Result<Self, CorpusError> {
        let usage = |error: SettingError| CorpusError::Usage(format!("held out: {error}"));
        if let Some((name, _)) = spec.hold_out.iter().find(|(name, _)| Facet::ALL.iter().all(|facet| facet.plural() != *name)) {
            let expected = "expected targets=…, sizes=… or sets=… with values, ranges such as 30..40 or a share such as 10%";
            return Err(CorpusError::Usage(format!("held out: `{name}` is no facet of problems; {expected}")));
        }
        let mut held_out = Self { values: Vec::new(), sizes: Vec::new() };
        for facet in Facet::ALL {
            let Some(text) = spec.hold_out.get(facet.plural()) else { continue };
            let mut values = Values::read(facet.plural(), text).map_err(usage)?;
            if facet == Facet::Size {
                held_out.sizes = sizes(spec, &mut values, text)?;
                let usual = facet_of(env, Facet::Size);
                if usual.as_ref().is_some_and(|usual| values.has(facet, usual)) {
                    return Err(CorpusError::Usage(format!("held out: sizes = `{text}` has the size {} that is generated", usual.unwrap_or_default())));
                }
            }
            if facet != Facet::Size {
                possible(env, facet, &values)?;
            }
            if values.share > 0.0 {
                check_share(env, facet, &values, text)?;
            }
            held_out.values.push((facet, values));
        }
        match spec.split.held_out() {
            Some(facet) if held_out.values.iter().all(|(other, _)| *other != facet) => {
                Err(CorpusError::Usage(format!("split `{}` is empty: nothing is held out; give --hold-out {}=…", spec.split.name(), facet.plural())))
            }
            _ => Ok(held_out),
        }
    }

    /// The environment that problem `id` is drawn from, where it is not the usual one.
    pub fn drawn_from(&self, id: u64) -> Option<&E> {
        self.sizes.get((id % self.sizes.len().max(1) as u64) as usize)
    }

    /// Whether a problem belongs to a split as far as held-out values go.
    pub fn admits(&self, env: &E, problem: &E::Problem, split: Split) -> bool {
        self.values.iter().all(|(facet, values)| {
            let is_held_out = env.facet(problem, *facet).is_some_and(|value| values.has(*facet, &value));
            is_held_out == (split.held_out() == Some(*facet))
        })
    }
}

/// A facet of problems of an environment, by its first problem.
fn facet_of<E: World>(env: &E, facet: Facet) -> Option<String> {
    env.facet(&env.generate(&mut SeedTree::root(0).child("facet").stream(0)), facet)
}

/// Refuses values of another sort than those that problems have: a word where all are numbers, a range where none is.
fn possible<E: World>(env: &E, facet: Facet, values: &Values) -> Result<(), CorpusError> {
    if values.names.is_empty() && values.ranges.is_empty() {
        return Ok(());
    }
    let seeds = SeedTree::root(0).child("facet");
    let examples: Vec<String> = (0..EXAMPLES).filter_map(|index| env.facet(&env.generate(&mut seeds.stream(index)), facet)).collect();
    let Some(example) = examples.first() else {
        return Err(CorpusError::Usage(format!("held out: problems of {} have no {}", E::NAME, facet.plural())));
    };
    let known: BTreeSet<char> = examples.iter().flat_map(|example| example.chars().map(sort)).collect();
    // Targets have one shape, such as `24` or `3x7`; sets may have any length.
    let shapes: BTreeSet<String> = examples.iter().map(|example| shape(example)).collect();
    let is_strange = |name: &&String| name.chars().any(|letter| !known.contains(&sort(letter))) || facet == Facet::Target && !shapes.contains(&shape(name));
    let named = values.names.iter().find(is_strange).cloned();
    let is_number = |example: &String| example.parse::<i64>().is_ok();
    let ranged = values.ranges.first().filter(|_| !examples.iter().any(is_number)).map(|(first, last)| format!("{first}..{last}"));
    let Some(value) = named.or(ranged) else { return Ok(()) };
    let facet = facet.plural();
    let expected = if is_number(example) { format!("values such as {example}, ranges such as 30..40") } else { format!("values such as `{example}`") };
    Err(CorpusError::Usage(format!("held out: {facet} = `{value}` is not allowed; {} has {expected}, or give a share such as 10%", E::NAME)))
}

/// The sorts of the letters of a value, each once where equal ones follow each other.
fn shape(value: &str) -> String {
    let mut sorts: Vec<char> = value.chars().map(sort).collect();
    sorts.dedup();
    sorts.into_iter().collect()
}

/// The sort of a letter of a value: digits are one, and so are letters, but for the `x` between two sides.
fn sort(letter: char) -> char {
    match letter {
        '0'..='9' => '0',
        'x' => 'x',
        letter if letter.is_alphabetic() => 'a',
        other => other,
    }
}

/// Refuses a share that a facet of few values cannot be parted by.
fn check_share<E: World>(env: &E, facet: Facet, values: &Values, text: &str) -> Result<(), CorpusError> {
    let seeds = SeedTree::root(0).child("facet");
    let drawn: Vec<String> = (0..SHARE_DRAWS).filter_map(|index| env.facet(&env.generate(&mut seeds.stream(index)), facet)).collect();
    let different: BTreeSet<&String> = drawn.iter().collect();
    let held = drawn.iter().filter(|value| values.has(facet, value)).count() as f64 / drawn.len().max(1) as f64;
    // Where nearly every problem has a value of its own, shares are met.
    if different.len() > drawn.len() / 4 || (held - values.share).abs() <= values.share / 2.0 {
        return Ok(());
    }
    let (name, percent) = (facet.plural(), 100.0 * held);
    let reason = format!(
        "{percent:.1} % of the problems have a {name} value that it holds out, since there are few values ({} in {} problems)",
        different.len(),
        drawn.len()
    );
    Err(CorpusError::Usage(format!("held out: {name} = `{text}` is not allowed: {reason}; name the values instead")))
}

/// The environments of held-out sizes, their names as facets added to the values. Empty where the split is another.
fn sizes<E: World>(spec: &Spec, values: &mut Values, text: &str) -> Result<Vec<E>, CorpusError> {
    if values.share > 0.0 {
        return Err(CorpusError::Usage(format!("held out: sizes = `{text}` is not allowed; expected a list of sizes")));
    }
    let mut sizes = Vec::new();
    let names: Vec<String> = values.listed().take(1000).collect();
    for size in names {
        let difficulty = Difficulty { size: Some(size), settings: spec.difficulty.settings.clone() };
        let env = E::configure(&difficulty).map_err(|error| CorpusError::Usage(format!("held out: {error}")))?;
        values.names.extend(facet_of(&env, Facet::Size));
        sizes.push(env);
    }
    Ok(if spec.split == Split::TestOodSize { sizes } else { Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_ranges_and_shares_read() {
        let values = Values::read("targets", "24, 30..32,3x7").unwrap();
        let inside = ["24", "30", "31", "32", "3x7"];
        assert!(inside.iter().all(|value| values.has(Facet::Target, value)));
        assert!(["23", "29", "33", "7x3", ""].iter().all(|value| !values.has(Facet::Target, value)));
        let share = Values::read("sets", "10%").unwrap();
        let count = (0..10_000).filter(|value| share.has(Facet::Set, &value.to_string())).count();
        assert!((900..1100).contains(&count), "{count}");
        for text in ["", ",", "0%", "100%", "10%,20%", "x%", "5..3", "1..2..3", "a..b", "0..2000000"] {
            assert!(Values::read("targets", text).is_err(), "{text}");
        }
    }
}
