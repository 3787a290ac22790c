//! Parquet with zstd (level 3). Rows are taken apart into columns with definition and repetition levels as in Dremel (Melnik et al. 2010).
//!
//! Every value is optional and lists have three levels, which is what `pyarrow`, `datasets` and `polars` write themselves. No dictionaries:
//! zstd finds repeated words as well, and texts are all different.

mod columns;

use std::{io::Write as _, path::Path, sync::Arc};

use metacot_traces::corpus::{CorpusError, Record};
use parquet::{
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::{
        properties::{EnabledStatistics, WriterProperties},
        writer::SerializedFileWriter,
    },
};

use super::{Container, FileWriter};
use crate::{
    cell::{Cell, Field},
    draft::{Draft, Finished},
};
use columns::Columns;

const EXTENSION: &str = "parquet";
const ZSTD_LEVEL: i32 = 3;
/// Bytes of values after which a row group is written; what a writer holds in memory.
const GROUP_BYTES: usize = 16 << 20;
/// Values after which a page may end: long texts must not make a page much larger than its limit.
const PAGE_STEP: usize = 64;

/// Columns in row groups.
pub(super) struct Parquet;

impl Container for Parquet {
    fn start(&self, stem: &Path, fields: &[Field]) -> Result<Box<dyn FileWriter>, CorpusError> {
        let draft = Draft::create(stem, EXTENSION)?;
        let path = draft.path().to_path_buf();
        let columns = Columns::new(fields);
        let level = ZstdLevel::try_new(ZSTD_LEVEL).expect("zstd has a level 3");
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_created_by(concat!("metacot version ", env!("CARGO_PKG_VERSION")).into())
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_write_batch_size(PAGE_STEP)
            .build();
        let schema = columns::schema(fields).map_err(|error| cannot(&path, &error))?;
        let writer = SerializedFileWriter::new(draft, Arc::new(schema), Arc::new(properties)).map_err(|error| cannot(&path, &error))?;
        Ok(Box::new(Groups { columns, writer, path, records: 0 }))
    }

    fn extension(&self) -> &'static str {
        EXTENSION
    }
}

fn cannot(path: &Path, error: &ParquetError) -> CorpusError {
    CorpusError::io("cannot write", path)(std::io::Error::other(error.to_string()))
}

struct Groups {
    columns: Columns,
    writer: SerializedFileWriter<Draft>,
    path: std::path::PathBuf,
    records: u64,
}

impl Groups {
    fn end_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        self.columns.write(&mut group)?;
        group.close()?;
        Ok(())
    }
}

impl FileWriter for Groups {
    fn push(&mut self, _: &Record, row: &[Cell<'_>]) -> Result<(), CorpusError> {
        self.columns.push(row).map_err(|reason| CorpusError::data(&self.path, format!("row {}: {reason}", self.records + 1)))?;
        self.records += 1;
        if self.columns.bytes() >= GROUP_BYTES { self.end_group().map_err(|error| cannot(&self.path, &error)) } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<Finished>, CorpusError> {
        if self.columns.bytes() > 0 {
            self.end_group().map_err(|error| cannot(&self.path, &error))?;
        }
        let Self { writer, path, records, .. } = *self;
        let mut draft = writer.into_inner().map_err(|error| cannot(&path, &error))?;
        draft.flush().map_err(CorpusError::io("cannot write", &path))?;
        Ok(vec![draft.finish(EXTENSION, records)?])
    }
}
