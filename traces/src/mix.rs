//! One corpus of many combinations: every environment, search, format and transform that go together.
//!
//! Records come in rounds: in each round every combination occurs as often as its weight, in an order that the round's own seed shuffles.
//! Which combination record `i` has depends on the seed, the split and `i` alone. A trace that its format cannot show is drawn anew:
//! draw `a` of record `i` is problem `i + a * 2^40` of its environment.

mod pool;
mod preset;
mod room;

use std::collections::BTreeMap;

use metacot_envs::{SeedTree, Settings};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

pub use pool::{Combination, Refusal};
pub use preset::{Preset, preset};

use crate::{
    corpus::{CorpusError, Manifest, RecordRef, Sink, Split, SplitShares},
    generate::{Producer, Run},
    transform::{Skip, loss::LossMask},
};
use pool::Pool;
use room::Bench;

/// Draws of a record before it is given up.
const MAX_DRAWS: u64 = 16;

/// Everything that decides the records of a mixed corpus. A list of names that holds `all` stands for every registered name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixSpec {
    /// Environments.
    pub envs: Vec<String>,
    /// Searches.
    pub searches: Vec<String>,
    /// Formats.
    pub formats: Vec<String>,
    /// Transforms; `none` for plain texts. `all` leaves out the controls, which are wrong on purpose.
    pub transforms: Vec<String>,
    /// Size of the environments; that of the presets where left out.
    #[serde(default)]
    pub size: Option<String>,
    /// Settings, each for every combination that knows its name; they come before those of the [presets](preset).
    #[serde(default)]
    pub settings: Settings,
    /// How often the combinations with a name occur in a round; those of several such names have the product. 1 for all others.
    #[serde(default)]
    pub weights: BTreeMap<String, u32>,
    /// Most expansions of a search; that of the presets where left out.
    #[serde(default)]
    pub expansions: Option<u64>,
    /// What of a text is learned.
    #[serde(default)]
    pub loss: LossMask,
    /// Which part of the problem space to draw from.
    pub split: Split,
    /// How large the parts are.
    #[serde(default)]
    pub shares: SplitShares,
    /// Number of records.
    pub count: u64,
    /// Root seed.
    pub seed: u64,
}

/// A mixture, checked and ready.
pub struct Mix {
    pool: Pool,
    /// Each combination as often as its weight.
    round: Vec<u32>,
    seeds: SeedTree,
}

impl Mix {
    /// Finds the combinations that go together.
    ///
    /// # Errors
    /// A name that is not registered, a setting that no combination knows, or no combination at all.
    pub fn new(spec: &MixSpec) -> Result<Self, CorpusError> {
        let pool = Pool::new(spec)?;
        let occurrences = |(index, combination): (usize, &Combination)| std::iter::repeat_n(index as u32, combination.weight as usize);
        let round = pool.combinations.iter().enumerate().flat_map(occurrences).collect();
        Ok(Self { pool, round, seeds: SeedTree::root(spec.seed).child("mix").child(spec.split.name()) })
    }

    /// The combinations that go together.
    pub fn combinations(&self) -> &[Combination] {
        &self.pool.combinations
    }

    /// Those that do not, with the reasons.
    pub fn refusals(&self) -> &[Refusal] {
        &self.pool.refusals
    }

    /// Makes record `id` of a combination, or says why the last of the draws gives none.
    ///
    /// # Errors
    /// As [`Producer::make`].
    pub fn make_of<R>(
        &self,
        combination: usize,
        id: u64,
        desk: &mut MixDesk<'_>,
        take: impl FnOnce(RecordRef<'_>) -> R,
    ) -> Result<Result<R, Skip>, CorpusError> {
        let (room, place) = self.pool.places[combination];
        let bench = &mut desk.benches[room];
        let (mut take, mut result) = (Some(take), Err(Skip::Unsolved));
        for draw in 0..MAX_DRAWS {
            let made = bench.make(place, id + (draw << 40), &mut |record| {
                if let Some(take) = take.take() {
                    result = Ok(take(RecordRef { id, ..record }));
                }
            })?;
            match made {
                Ok(()) => break,
                Err(skip) => result = Err(skip),
            }
        }
        Ok(result)
    }
}

/// What a worker of a mixture needs: a desk per environment, and the order of the round that it is in.
pub struct MixDesk<'a> {
    benches: Vec<Box<dyn Bench + 'a>>,
    order: Option<(u64, Vec<u32>)>,
}

impl Producer for Mix {
    type Desk<'a> = MixDesk<'a>;

    fn desk(&self) -> MixDesk<'_> {
        MixDesk { benches: self.pool.rooms.iter().map(|room| room.bench()).collect(), order: None }
    }

    fn make<R>(&self, id: u64, desk: &mut MixDesk<'_>, take: impl FnOnce(RecordRef<'_>) -> R) -> Result<Result<R, Skip>, CorpusError> {
        let (round, place) = (id / self.round.len() as u64, (id % self.round.len() as u64) as usize);
        if desk.order.as_ref().is_none_or(|(known, _)| *known != round) {
            let mut order = self.round.clone();
            order.shuffle(&mut self.seeds.stream(round));
            desk.order = Some((round, order));
        }
        let combination = desk.order.as_ref().map_or(0, |(_, order)| order[place]);
        self.make_of(combination as usize, id, desk, take)
    }
}

/// Generates a mixed corpus; `run` says where it goes, `progress` is told how many records are done.
///
/// # Errors
/// As [`Mix::new`] and [`generate`](crate::generate::generate).
pub fn generate(spec: &MixSpec, run: Run, progress: &mut dyn FnMut(u64)) -> Result<Manifest, CorpusError> {
    let config = serde_json::to_value(spec).expect("a spec is plain data");
    Run { count: spec.count, split: spec.split, ..run }.write(Mix::new(spec)?, config, progress)
}

/// Generates the records of a mixed corpus into a sink, in order and encoded in the layout of the run; count and split are those of the spec.
///
/// # Errors
/// As [`generate`], or what the sink returns.
pub fn generate_into(spec: &MixSpec, run: Run, sink: &mut dyn Sink, progress: &mut dyn FnMut(u64)) -> Result<(), CorpusError> {
    Run { count: spec.count, split: spec.split, ..run }.write_into(&Mix::new(spec)?, sink, progress)
}
