//! Which ids of a run have a problem that an earlier id has: known before any search is run, so that a corpus without repeats has the same
//! bytes at any number of threads, and its shards merge to the whole.
//!
//! Problems are drawn once more for it, those of earlier shards too; 16 to 32 bytes are kept per problem.

use std::{ops::Range, thread};

use metacot_envs::World;
use rustc_hash::FxHashSet;

use super::Maker;
use crate::corpus::CorpusError;

/// Ids whose problems are drawn before they are compared.
const BLOCK: u64 = 1 << 16;

/// The ids of `ids` whose problem, up to symmetry, a smaller id of the run has, in rising order.
pub(super) fn repeats<E: World>(maker: &Maker<E>, ids: Range<u64>, threads: usize) -> Result<Vec<u64>, CorpusError> {
    let (mut seen, mut repeats) = (FxHashSet::default(), Vec::new());
    for start in (0..ids.end).step_by(BLOCK as usize) {
        let block = start..ids.end.min(start + BLOCK);
        for (id, key) in block.clone().zip(keys(maker, block, threads)?) {
            if !seen.insert(key) && id >= ids.start {
                repeats.push(id);
            }
        }
    }
    Ok(repeats)
}

fn keys<E: World>(maker: &Maker<E>, ids: Range<u64>, threads: usize) -> Result<Vec<u128>, CorpusError> {
    let share = (ids.end - ids.start).div_ceil(threads.max(1) as u64).max(1);
    thread::scope(|scope| {
        let parts = ids.clone().step_by(share as usize).map(|start| start..ids.end.min(start + share));
        let workers: Vec<_> = parts.map(|part| scope.spawn(move || part.map(|id| key(maker, id)).collect::<Result<Vec<u128>, _>>())).collect();
        let mut keys = Vec::with_capacity((ids.end - ids.start) as usize);
        for worker in workers {
            keys.extend(worker.join().expect("drawing a problem does not panic")?);
        }
        Ok(keys)
    })
}

fn key<E: World>(maker: &Maker<E>, id: u64) -> Result<u128, CorpusError> {
    let (_, key) = maker.problem(id)?;
    let hash = blake3::hash(key.as_bytes());
    Ok(u128::from_le_bytes(hash.as_bytes()[..16].try_into().expect("a digest has 32 bytes")))
}
