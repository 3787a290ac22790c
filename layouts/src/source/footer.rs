//! Looks at the schema in the footer of a Parquet file before the decoder does, which follows it by recursion and makes room for as many members
//! of a group as the group says it has.

use std::{
    fs::File,
    io::{self, BufReader, Read as _, Seek as _, SeekFrom},
};

use super::thrift::{INT, LIST, STOP, STRUCT, Thrift};

/// Deepest nesting of a schema; what is read is shallower still.
const MOST_DEPTH: usize = 64;
/// The length of the footer and the magic bytes behind it.
const TAIL: u64 = 8;

/// Checks the schema of a file.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(file: &mut File) -> Result<(), String> {
    let damaged = |error: io::Error| format!("damaged: a footer that does not read: {error}");
    let length = file.metadata().map_err(damaged)?.len();
    let mut tail = [0; TAIL as usize];
    let start = length.checked_sub(TAIL).ok_or("damaged: too short for a footer")?;
    file.seek(SeekFrom::Start(start)).and_then(|_| file.read_exact(&mut tail)).map_err(damaged)?;
    let size = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    let footer = start.checked_sub(size).ok_or_else(|| format!("damaged: a footer of {size} bytes in a file of {length}"))?;
    file.seek(SeekFrom::Start(footer)).map_err(damaged)?;
    let mut thrift = Thrift::new(BufReader::new(file.take(size)));
    let mut id = 0;
    loop {
        let (next, kind) = thrift.field(id).map_err(damaged)?;
        id = next;
        match (id, kind) {
            // The decoder says what is missing.
            (_, STOP) => return Ok(()),
            (2, LIST) => return schema(&mut thrift, size),
            (_, kind) => thrift.skip(kind).map_err(damaged)?,
        }
    }
}

/// Follows the elements, which stand in the order of a walk that visits a group before its members.
fn schema<R: io::Read>(thrift: &mut Thrift<R>, size: u64) -> Result<(), String> {
    let damaged = |error: io::Error| format!("damaged: a schema that does not read: {error}");
    let (element, count) = thrift.list().map_err(damaged)?;
    // Every element takes a byte at least.
    if element != STRUCT || count > size {
        return Err(format!("damaged: a schema of {count} elements in a footer of {size} bytes"));
    }
    // How many members of each open group are still to come.
    let mut open: Vec<u64> = Vec::new();
    for index in 0..count {
        let members = members(thrift).map_err(damaged)?;
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        let left = count - index - 1;
        let members = u64::try_from(members).ok().filter(|members| *members <= left);
        match members.ok_or_else(|| format!("damaged: a group says that it has more members than the {left} elements behind it")) {
            Ok(0) => {}
            Ok(members) => open.push(members),
            Err(reason) => return Err(reason),
        }
        if open.len() > MOST_DEPTH {
            return Err(format!("a schema nested deeper than {MOST_DEPTH}"));
        }
    }
    Ok(())
}

/// How many members an element says it has.
fn members<R: io::Read>(thrift: &mut Thrift<R>) -> io::Result<i64> {
    let (mut id, mut members) = (0, 0);
    loop {
        let (next, kind) = thrift.field(id)?;
        id = next;
        match (id, kind) {
            (_, STOP) => return Ok(members),
            (5, INT) => members = thrift.integer()?,
            (_, kind) => thrift.skip(kind)?,
        }
    }
}
