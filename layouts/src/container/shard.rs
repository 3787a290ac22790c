//! `shard`: the binary layout of our own corpora, record for record.

use std::{io::Write as _, path::Path};

use metacot_traces::corpus::{CorpusError, Layout, Record};

use super::{Container, FileWriter};
use crate::{
    cell::{Cell, Field},
    draft::{Draft, Finished},
};

const EXTENSION: &str = "shard";

/// Shards.
pub(super) struct Shard;

impl Container for Shard {
    fn start(&self, stem: &Path, _: &[Field]) -> Result<Box<dyn FileWriter>, CorpusError> {
        let mut draft = Draft::create(stem, EXTENSION)?;
        draft.write_all(&Layout::Shard.header()).map_err(CorpusError::io("cannot write", draft.path()))?;
        Ok(Box::new(Records { draft, piece: Vec::new(), records: 0 }))
    }

    fn extension(&self) -> &'static str {
        EXTENSION
    }

    fn is_data_set(&self) -> bool {
        false
    }
}

struct Records {
    draft: Draft,
    piece: Vec<u8>,
    records: u64,
}

impl FileWriter for Records {
    fn push(&mut self, record: &Record, _: &[Cell<'_>]) -> Result<(), CorpusError> {
        let problem = record.problem.to_string();
        self.piece.clear();
        Layout::Shard.encode(&record.borrowed(&problem), &mut self.piece);
        self.records += 1;
        self.draft.write_all(&self.piece).map_err(CorpusError::io("cannot write", self.draft.path()))
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<Finished>, CorpusError> {
        self.draft.write_all(&Layout::Shard.footer(self.records)).map_err(CorpusError::io("cannot write", self.draft.path()))?;
        Ok(vec![self.draft.finish(EXTENSION, self.records)?])
    }
}
