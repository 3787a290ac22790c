//! Walks the page headers of a Parquet file before anything is decoded, so that no page can ask for more memory than a page may.
//!
//! Headers are in Thrift's compact protocol; only the sizes are looked at, all else is skipped.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
};

use parquet::file::metadata::ColumnChunkMetaData;

/// The largest page, decoded, in bytes; writers end pages at about 1 MiB.
const MOST_PAGE_BYTES: i64 = 256 << 20;
/// The most values of a page.
const MOST_PAGE_VALUES: i64 = 1 << 23;
/// No header is longer: statistics of a page may hold its least and largest text.
const MOST_HEADER_BYTES: u64 = 16 << 20;
const MOST_DEPTH: usize = 16;

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
        let mut thrift = Thrift { input: buffer, used: 0 };
        let header = thrift.header().map_err(|error| format!("a page header at byte {at} that does not read: {error}"))?;
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
        at += thrift.used + header.stored as u64;
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

struct Thrift<R> {
    input: R,
    used: u64,
}

const STOP: u8 = 0;
const STRUCT: u8 = 12;

impl<R: io::Read> Thrift<R> {
    fn header(&mut self) -> io::Result<Header> {
        let mut header = Header::default();
        let mut id = 0;
        loop {
            let (next, kind) = self.field(id)?;
            id = next;
            match (id, kind) {
                (_, STOP) => return Ok(header),
                (1, 5) => header.is_dictionary = self.integer()? == 2,
                (2, 5) => header.decoded = self.integer()?,
                (3, 5) => header.stored = self.integer()?,
                // The headers of data pages, dictionary pages and data pages of version 2; each begins with its number of values.
                (5 | 7 | 8, STRUCT) => header.values = self.first_integer()?,
                (_, kind) => self.skip(kind, 0)?,
            }
        }
    }

    /// The integer in field 1 of a struct.
    fn first_integer(&mut self) -> io::Result<i64> {
        let (mut id, mut found) = (0, 0);
        loop {
            let (next, kind) = self.field(id)?;
            id = next;
            match (id, kind) {
                (_, STOP) => return Ok(found),
                (1, 5) => found = self.integer()?,
                (_, kind) => self.skip(kind, 1)?,
            }
        }
    }

    /// The id and type of the next field.
    fn field(&mut self, last: i64) -> io::Result<(i64, u8)> {
        let byte = self.byte()?;
        let (delta, kind) = (byte >> 4, byte & 0x0F);
        if kind == STOP {
            return Ok((last, STOP));
        }
        let id = if delta == 0 { self.integer()? } else { last.saturating_add(i64::from(delta)) };
        Ok((id, kind))
    }

    fn skip(&mut self, kind: u8, depth: usize) -> io::Result<()> {
        if depth > MOST_DEPTH {
            return Err(io::Error::other("too deep"));
        }
        match kind {
            1 | 2 => Ok(()),
            3 => self.byte().map(|_| ()),
            4..=6 => self.varint().map(|_| ()),
            7 => (0..8).try_for_each(|_| self.byte().map(|_| ())),
            8 => {
                let length = self.varint()?;
                (0..length).try_for_each(|_| self.byte().map(|_| ()))
            }
            9 | 10 => {
                let byte = self.byte()?;
                let length = if byte >> 4 == 15 { self.varint()? } else { u64::from(byte >> 4) };
                // Booleans in lists take a byte each, unlike those of fields.
                let element = if matches!(byte & 0x0F, 1 | 2) { 3 } else { byte & 0x0F };
                (0..length).try_for_each(|_| self.skip(element, depth + 1))
            }
            STRUCT => {
                let mut id = 0;
                loop {
                    let (next, kind) = self.field(id)?;
                    id = next;
                    if kind == STOP {
                        return Ok(());
                    }
                    self.skip(kind, depth + 1)?;
                }
            }
            kind => Err(io::Error::other(format!("type {kind}"))),
        }
    }

    fn integer(&mut self) -> io::Result<i64> {
        let raw = self.varint()?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(io::Error::other("an integer of more than 64 bits"))
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        self.used += 1;
        Ok(byte[0])
    }
}
