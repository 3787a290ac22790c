//! Corpora: from a seed to audited records, not written to a disk.

use metacot_envs::Difficulty;
use metacot_traces::{
    corpus::{CorpusError, Files, Layout, Sink},
    generate::{Job, Shard, Spec, generate_into},
};

use super::{Case, Setup, timing};
use crate::Result;

pub(super) const CASE: Case =
    Case { name: "generate Countdown-4, SoS mixture, audited", unit: "traces", is_slow: false, is_single: false, flops: None, measure };

/// Records that one thread makes in a call.
const RECORDS: u64 = 4000;

fn measure(setup: &Setup) -> Result<Vec<f64>> {
    let count = RECORDS * setup.threads as u64;
    let spec = Spec { difficulty: Difficulty::sized(4), count, seed: 7, ..Spec::new("countdown", "sos-mix", "sos") };
    let shard = Shard { index: 0, count: 1 };
    let job = Job { spec, out: Default::default(), layout: Layout::Shard, threads: setup.threads, shard, force: false };
    timing::repeat(setup, || {
        let mut counter = Counter::default();
        generate_into(&job, &mut counter, &mut |_| {})?;
        assert!(counter.records > 0 && counter.bytes > 0, "a run makes records");
        Ok(counter.records as f64)
    })
}

/// Takes records and keeps none.
#[derive(Default)]
struct Counter {
    records: u64,
    bytes: usize,
}

impl Sink for Counter {
    fn begin(&mut self, _files: Files) -> std::result::Result<(), CorpusError> {
        Ok(())
    }

    fn append(&mut self, bytes: &[u8], records: u64) -> std::result::Result<(), CorpusError> {
        self.bytes += bytes.len();
        self.records += records;
        Ok(())
    }

    fn count(&mut self, _name: &str, _count: u64) {}

    fn end_file(&mut self) -> std::result::Result<(), CorpusError> {
        Ok(())
    }
}
