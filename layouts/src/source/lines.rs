//! One JSON object a line.

use std::{io::BufRead, path::Path};

use metacot_traces::corpus::CorpusError;

use super::{MOST_ROW_BYTES, Place, Take, damaged, parse};

pub(super) fn rows(path: &Path, reader: &mut dyn BufRead, take: &mut Take<'_>) -> Result<(), CorpusError> {
    let mut line = Vec::new();
    let mut place = Place { unit: "line", number: 0 };
    loop {
        line.clear();
        let (length, is_last) = next(reader, &mut line).map_err(|error| damaged(path, &error))?;
        if is_last && length == 0 {
            return Ok(());
        }
        place.number += 1;
        let text = if place.number == 1 { line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line) } else { &line };
        if length > MOST_ROW_BYTES {
            take(place, Err(format!("{length} bytes long; expected at most {MOST_ROW_BYTES}")))?;
        } else if !text.trim_ascii().is_empty() {
            take(place, parse(text))?;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// Reads to the end of a line, keeps as much of it as may be a row, and returns its length and whether the file ends with it.
fn next(reader: &mut dyn BufRead, line: &mut Vec<u8>) -> std::io::Result<(usize, bool)> {
    let mut length = 0;
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok((length, true));
        }
        let end = memchr::memchr(b'\n', bytes);
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        length += piece.len();
        line.extend_from_slice(&piece[..piece.len().min(MOST_ROW_BYTES.saturating_sub(line.len()))]);
        let used = end.map_or(bytes.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok((length, false));
        }
    }
}
