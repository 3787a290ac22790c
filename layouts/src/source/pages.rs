//! Walks the page headers of a Parquet file before anything is decoded, so that no page can ask for more memory than a page may.
//!
//! Headers are in Thrift's compact protocol; only the sizes are looked at, all else is skipped.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
};

use parquet::file::metadata::ColumnChunkMetaData;

use super::thrift::{INT, STOP, STRUCT, Thrift};

/// The largest page, decoded, in bytes; writers end pages at about 1 MiB.
const MOST_PAGE_BYTES: i64 = 256 << 20;
/// The most values of a page.
const MOST_PAGE_VALUES: i64 = 1 << 23;
/// No header is longer: statistics of a page may hold its least and largest text.
const MOST_HEADER_BYTES: u64 = 16 << 20;

/// Checks the headers of all pages of a column chunk.
///
/// # Errors
/// What is wrong with them.
pub(super) fn check(file: &mut File, chunk: &ColumnChunkMetaData) -> Result<(), String> {
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let (start, size) = (chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset()).min(chunk.data_page_offset()), chunk.compressed_size());
    let (Ok(start), Ok(size)) = (u64::try_from(start), u64::try_from(size)) else { return Err("a column chunk at a negative place".into()) };
    let end = start.checked_add(size).filter(|end| *end <= length).ok_or("a column chunk beyond the end of the file")?;
    let (mut at, mut num_values) = (start, 0_i64);
    while at < end && num_values < chunk.num_values() {
        file.seek(SeekFrom::Start(at)).map_err(|error| error.to_string())?;
        let buffer = io::BufReader::with_capacity(256, file.by_ref().take((end - at).min(MOST_HEADER_BYTES)));
        let mut thrift = Thrift::new(buffer);
        let header = header(&mut thrift).map_err(|error| format!("a page header at byte {at} that does not read: {error}"))?;
        let allowed = |name: &str, value: i64, most: i64| match value {
            value if (0..=most).contains(&value) => Ok(()),
            value => Err(format!("a page at byte {at} whose {name} is {value}; expected at most {most}")),
        };
        allowed("size", header.decoded, MOST_PAGE_BYTES)?;
        allowed("compressed size", header.stored, (end - at) as i64)?;
        allowed("number of values", header.values, MOST_PAGE_VALUES)?;
        if !header.is_dictionary {
            num_values += header.values;
        }
        at += thrift.used() + header.stored as u64;
    }
    Ok(())
}

#[derive(Default)]
struct Header {
    decoded: i64,
    stored: i64,
    values: i64,
    is_dictionary: bool,
}

fn header<R: io::Read>(thrift: &mut Thrift<R>) -> io::Result<Header> {
    let mut header = Header::default();
    let mut id = 0;
    loop {
        let (next, kind) = thrift.field(id)?;
        id = next;
        match (id, kind) {
            (_, STOP) => return Ok(header),
            (1, INT) => header.is_dictionary = thrift.integer()? == 2,
            (2, INT) => header.decoded = thrift.integer()?,
            (3, INT) => header.stored = thrift.integer()?,
            // The headers of data pages, dictionary pages and data pages of version 2; each begins with its number of values.
            (5 | 7 | 8, STRUCT) => header.values = first_integer(thrift)?,
            (_, kind) => thrift.skip(kind)?,
        }
    }
}

/// The integer in field 1 of a struct.
fn first_integer<R: io::Read>(thrift: &mut Thrift<R>) -> io::Result<i64> {
    let (mut id, mut found) = (0, 0);
    loop {
        let (next, kind) = thrift.field(id)?;
        id = next;
        match (id, kind) {
            (_, STOP) => return Ok(found),
            (1, INT) => found = thrift.integer()?,
            (_, kind) => thrift.skip(kind)?,
        }
    }
}
