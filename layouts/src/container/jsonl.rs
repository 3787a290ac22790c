//! One JSON object a line, plain, with zstd (level 3) or with gzip (level 6).

use std::{io::Write, path::Path};

use flate2::write::GzEncoder;
use metacot_traces::corpus::{CorpusError, Record};

use super::{Container, FileWriter};
use crate::{
    cell::{Cell, Field, JsonRow},
    draft::{Draft, Finished},
};

const ZSTD_LEVEL: i32 = 3;
/// Lines are handed on in pieces of this many bytes.
const PIECE: usize = 1 << 16;

/// JSON lines, by compression.
#[derive(Clone, Copy, Debug)]
pub(super) enum Jsonl {
    Plain,
    Zstd,
    Gzip,
}

impl Container for Jsonl {
    fn start(&self, stem: &Path, fields: &[Field]) -> Result<Box<dyn FileWriter>, CorpusError> {
        let draft = Draft::create(stem, self.extension())?;
        let path = draft.path().to_path_buf();
        let out = match self {
            Self::Plain => Out::Plain(draft),
            Self::Zstd => Out::Zstd(zstd::Encoder::new(draft, ZSTD_LEVEL).map_err(CorpusError::io("cannot compress", &path))?),
            Self::Gzip => Out::Gzip(GzEncoder::new(draft, flate2::Compression::default())),
        };
        Ok(Box::new(Lines { fields: fields.to_vec(), out, extension: self.extension(), piece: Vec::new(), path, records: 0 }))
    }

    fn extension(&self) -> &'static str {
        match self {
            Self::Plain => "jsonl",
            Self::Zstd => "jsonl.zst",
            Self::Gzip => "jsonl.gz",
        }
    }
}

enum Out {
    Plain(Draft),
    Zstd(zstd::Encoder<'static, Draft>),
    Gzip(GzEncoder<Draft>),
}

struct Lines {
    fields: Vec<Field>,
    out: Out,
    extension: &'static str,
    piece: Vec<u8>,
    path: std::path::PathBuf,
    records: u64,
}

impl Lines {
    fn hand_on(&mut self) -> Result<(), CorpusError> {
        let written = match &mut self.out {
            Out::Plain(draft) => draft.write_all(&self.piece),
            Out::Zstd(encoder) => encoder.write_all(&self.piece),
            Out::Gzip(encoder) => encoder.write_all(&self.piece),
        };
        self.piece.clear();
        written.map_err(CorpusError::io("cannot write", &self.path))
    }
}

impl FileWriter for Lines {
    fn push(&mut self, _: &Record, cells: &[Cell<'_>]) -> Result<(), CorpusError> {
        serde_json::to_writer(&mut self.piece, &JsonRow { fields: &self.fields, cells })
            .map_err(|error| CorpusError::data(&self.path, format!("row {}: {error}", self.records + 1)))?;
        self.piece.push(b'\n');
        self.records += 1;
        if self.piece.len() >= PIECE { self.hand_on() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<Finished>, CorpusError> {
        self.hand_on()?;
        let Self { out, extension, path, records, .. } = *self;
        let draft = match out {
            Out::Plain(draft) => Ok(draft),
            Out::Zstd(encoder) => encoder.finish(),
            Out::Gzip(encoder) => encoder.finish(),
        };
        Ok(vec![draft.map_err(CorpusError::io("cannot write", &path))?.finish(extension, records)?])
    }
}
