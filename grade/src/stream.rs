//! Rows through all cores, in the order in which they came.
//!
//! Whatever a read gives is cut behind its last line end and handed to the next free thread, so that a slow writer gets its verdicts at once
//! and a quick one keeps all cores busy. The pieces in flight are counted: memory does not grow with the input.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    thread,
};

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::{Grader, LineGrader};

/// Turns lines into lines, one after the other; every thread has its own.
pub trait Lines: Send {
    /// Reads a line without its end and appends what it gives, with an end.
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>);
}

impl Lines for LineGrader {
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        self.grade_line(line, out);
    }
}

/// How much is read at once.
const PIECE: usize = 1 << 20;
/// The longest row.
pub const MAX_ROW: usize = 64 << 20;

struct Piece {
    number: u64,
    /// Room that is kept from piece to piece, so that it is cleared once; rows stand in its first `len` bytes.
    room: Vec<u8>,
    len: usize,
    verdicts: Vec<u8>,
    /// The piece is the beginning of a row that is too long.
    is_too_long: bool,
}

/// Grades all rows of `input` on `threads` threads (at least 1).
///
/// Rows of white space are passed over; a row of more than [`MAX_ROW`] bytes gives a row with `error`.
///
/// # Errors
/// Reading or writing failed. Verdicts of all rows before were written.
pub fn grade_stream(grader: &Grader, input: impl Read + Send, output: &mut impl Write, threads: usize) -> io::Result<()> {
    stream(|| grader.lines(), input, output, threads)
}

/// Sends all rows of `input` through lines that `open` makes, one for each of `threads` threads (at least 1).
///
/// # Errors
/// As [`grade_stream`].
pub fn stream<L: Lines>(mut open: impl FnMut() -> L, input: impl Read + Send, output: &mut impl Write, threads: usize) -> io::Result<()> {
    let threads = threads.max(1);
    let num_pieces = 3 * threads + 1;
    let (pieces_in, pieces) = bounded(num_pieces);
    let (done_in, done) = bounded(num_pieces);
    let (free_in, free) = bounded(num_pieces);
    for _ in 0..num_pieces {
        let piece = Piece { number: 0, room: Vec::new(), len: 0, verdicts: Vec::new(), is_too_long: false };
        free_in.send(piece).expect("the receiver lives");
    }
    thread::scope(|scope| {
        // Owned here, so that an early return closes the channels and all threads end.
        let (done, free_in) = (done, free_in);
        let reading = scope.spawn(move || read_pieces(input, &free, &pieces_in));
        for _ in 0..threads {
            let (pieces, done_in) = (pieces.clone(), done_in.clone());
            let mut lines = open();
            scope.spawn(move || {
                for mut piece in pieces {
                    grade_piece(&mut lines, &mut piece);
                    if done_in.send(piece).is_err() {
                        return;
                    }
                }
            });
        }
        drop((pieces, done_in));
        let mut waiting: BTreeMap<u64, Piece> = BTreeMap::new();
        let mut next = 0;
        for piece in done {
            waiting.insert(piece.number, piece);
            while let Some(mut piece) = waiting.remove(&next) {
                output.write_all(&piece.verdicts)?;
                next += 1;
                piece.len = 0;
                piece.verdicts.clear();
                // The reader may have ended.
                let _ = free_in.try_send(piece);
            }
            if waiting.is_empty() {
                output.flush()?;
            }
        }
        drop(free_in);
        reading.join().expect("the reader does not panic")
    })
}

/// Grades all lines of a text.
pub(crate) fn grade_lines(lines: &mut impl Lines, rows: &[u8], out: &mut Vec<u8>) {
    let mut start = 0;
    while start < rows.len() {
        let end = memchr::memchr(b'\n', &rows[start..]).map_or(rows.len(), |length| start + length);
        let line = &rows[start..end];
        if !line.trim_ascii().is_empty() {
            lines.line(line, out);
        }
        start = end + 1;
    }
}

fn grade_piece(lines: &mut impl Lines, piece: &mut Piece) {
    if piece.is_too_long {
        let error = format!("{{\"id\":null,\"error\":\"a row of more than {MAX_ROW} bytes is not allowed\"}}\n");
        piece.verdicts.extend_from_slice(error.as_bytes());
    } else {
        grade_lines(lines, &piece.room[..piece.len], &mut piece.verdicts);
    }
}

fn read_pieces(mut input: impl Read, free: &Receiver<Piece>, pieces: &Sender<Piece>) -> io::Result<()> {
    let (mut number, mut rest, mut is_skipping) = (0, Vec::new(), false);
    let mut send = |mut piece: Piece, is_too_long| {
        piece.number = number;
        piece.is_too_long = is_too_long;
        number += 1;
        pieces.send(piece).is_ok()
    };
    loop {
        let Ok(mut piece) = free.recv() else { return Ok(()) };
        if piece.room.len() < rest.len() {
            piece.room.resize(rest.len(), 0);
        }
        piece.room[..rest.len()].copy_from_slice(&rest);
        piece.len = rest.len();
        rest.clear();
        // The last read may have ended inside a row: read on until there is a line end.
        let end = loop {
            let start = piece.len;
            if piece.room.len() < start + PIECE {
                piece.room.resize(start + PIECE, 0);
            }
            let count = read_some(&mut input, &mut piece.room[start..start + PIECE])?;
            piece.len = start + count;
            if count == 0 {
                if !is_skipping && piece.len > 0 {
                    send(piece, false);
                }
                return Ok(());
            }
            if is_skipping {
                piece.len = match memchr::memchr(b'\n', &piece.room[..piece.len]) {
                    Some(end) => {
                        piece.room.copy_within(end + 1..piece.len, 0);
                        is_skipping = false;
                        piece.len - end - 1
                    }
                    None => 0,
                };
                continue;
            }
            if let Some(end) = memchr::memrchr(b'\n', &piece.room[start..piece.len]) {
                break Some(start + end + 1);
            }
            if piece.len > MAX_ROW {
                break None;
            }
        };
        let goes_on = match end {
            Some(end) => {
                rest.extend_from_slice(&piece.room[end..piece.len]);
                piece.len = end;
                send(piece, false)
            }
            None => {
                piece.room = Vec::new();
                piece.len = 0;
                is_skipping = true;
                send(piece, true)
            }
        };
        if !goes_on {
            return Ok(());
        }
    }
}

fn read_some(input: &mut impl Read, space: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(space) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}
