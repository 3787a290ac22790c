//! `bin`: tokens for trainers that read nothing else, in the layout of llm.c: 256 little-endian 32-bit integers (magic 20240520 for tokens of
//! 16 bits, 20240801 for 32; version 1 or 7; number of tokens), then the tokens, every document followed by the end token.
//!
//! Beside it `.idx`: the place of every document's first token as little-endian 64-bit integers, and last the number of tokens, so that
//! document `i` is `tokens[index[i]..index[i + 1]]`.

use std::{io::Write as _, path::Path, sync::Arc};

use metacot_traces::corpus::{CorpusError, Record};

use super::{Container, FileWriter};
use crate::{
    cell::{Cell, Field},
    draft::{Draft, Finished},
};

const EXTENSION: &str = "bin";
/// Extension of the document index.
pub const INDEX_EXTENSION: &str = "idx";
const HEADER_BYTES: usize = 1024;
/// Magic number and version of files with tokens of 16 and of 32 bits.
const NARROW: [u32; 2] = [20_240_520, 1];
const WIDE: [u32; 2] = [20_240_801, 7];
/// The header counts tokens in 31 bits.
const MOST_TOKENS: u64 = i32::MAX as u64;

/// Turns text into token ids.
pub trait Encoder: Send + Sync {
    /// Appends the ids of a whole document, without the end token.
    ///
    /// # Errors
    /// The text has something that no id stands for.
    fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Result<(), String>;

    /// The id that ends a document.
    fn end(&self) -> u32;

    /// Number of ids; up to 65,536 of them are written with 16 bits.
    fn vocab_size(&self) -> usize;
}

/// Bytes as tokens: ids 0 to 255, and 256 for the end.
pub struct Bytes;

impl Encoder for Bytes {
    fn encode(&self, text: &str, ids: &mut Vec<u32>) -> Result<(), String> {
        ids.extend(text.bytes().map(u32::from));
        Ok(())
    }

    fn end(&self) -> u32 {
        256
    }

    fn vocab_size(&self) -> usize {
        257
    }
}

/// Token files by an encoder.
pub(super) struct Tokens {
    encoder: Arc<dyn Encoder>,
}

impl Tokens {
    pub(super) fn new(encoder: &Arc<dyn Encoder>) -> Self {
        Self { encoder: encoder.clone() }
    }
}

impl Container for Tokens {
    fn start(&self, stem: &Path, _: &[Field]) -> Result<Box<dyn FileWriter>, CorpusError> {
        let (mut tokens, index) = (Draft::create(stem, EXTENSION)?, Draft::create(stem, INDEX_EXTENSION)?);
        tokens.write_all(&[0; HEADER_BYTES]).map_err(CorpusError::io("cannot write", tokens.path()))?;
        Ok(Box::new(Stream { encoder: self.encoder.clone(), tokens, index, ids: Vec::new(), bytes: Vec::new(), count: 0, documents: 0 }))
    }

    fn extension(&self) -> &'static str {
        EXTENSION
    }

    fn extensions(&self) -> Vec<&'static str> {
        vec![EXTENSION, INDEX_EXTENSION]
    }

    fn is_data_set(&self) -> bool {
        false
    }
}

struct Stream {
    encoder: Arc<dyn Encoder>,
    tokens: Draft,
    index: Draft,
    ids: Vec<u32>,
    bytes: Vec<u8>,
    count: u64,
    documents: u64,
}

impl Stream {
    fn is_narrow(&self) -> bool {
        self.encoder.vocab_size() <= 1 << 16
    }
}

impl FileWriter for Stream {
    fn push(&mut self, _: &Record, row: &[Cell<'_>]) -> Result<(), CorpusError> {
        let wrong = |reason: String| CorpusError::data(self.tokens.path(), format!("document {}: {reason}", self.documents + 1));
        let Some(Cell::Text(text)) = row.first() else { return Err(wrong("no text".into())) };
        self.ids.clear();
        self.encoder.encode(text, &mut self.ids).map_err(wrong)?;
        self.ids.push(self.encoder.end());
        self.bytes.clear();
        if self.is_narrow() {
            self.bytes.extend(self.ids.iter().flat_map(|id| (*id as u16).to_le_bytes()));
        } else {
            self.bytes.extend(self.ids.iter().flat_map(|id| id.to_le_bytes()));
        }
        self.tokens.write_all(&self.bytes).map_err(CorpusError::io("cannot write", self.tokens.path()))?;
        self.index.write_all(&self.count.to_le_bytes()).map_err(CorpusError::io("cannot write", self.index.path()))?;
        self.count += self.ids.len() as u64;
        self.documents += 1;
        if self.count > MOST_TOKENS {
            return Err(CorpusError::data(self.tokens.path(), format!("{} tokens in one file; its header counts up to {MOST_TOKENS}", self.count)));
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<Finished>, CorpusError> {
        self.index.write_all(&self.count.to_le_bytes()).map_err(CorpusError::io("cannot write", self.index.path()))?;
        let [magic, version] = if self.is_narrow() { NARROW } else { WIDE };
        let header: Vec<u8> = [magic, version, self.count as u32].iter().flat_map(|number| number.to_le_bytes()).collect();
        let Self { tokens, index, documents, .. } = *self;
        Ok(vec![tokens.finish_with_start(&header, EXTENSION, documents)?, index.finish(INDEX_EXTENSION, documents)?])
    }
}
