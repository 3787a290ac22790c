//! A JSON array of objects, element by element: files of Stream of Search are one array each.

use std::{io::BufRead, path::Path};

use metacot_traces::corpus::CorpusError;

use super::{MOST_ROW_BYTES, Place, Take, damaged, parse};

/// Where in the text of an array a byte stands.
#[derive(Default)]
struct Scanner {
    depth: u64,
    is_string: bool,
    is_escaped: bool,
    has_ended: bool,
}

/// What a byte means at the level of the array.
enum Part {
    Inside,
    Comma,
    Outside,
    End,
}

impl Scanner {
    fn step(&mut self, byte: u8) -> Part {
        if self.has_ended {
            return Part::Outside;
        }
        if self.is_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.is_string = false,
                _ => {}
            }
            return Part::Inside;
        }
        match byte {
            b'"' => self.is_string = true,
            b'[' | b'{' => {
                self.depth += 1;
                if self.depth == 1 {
                    return Part::Outside;
                }
            }
            b']' | b'}' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.has_ended = true;
                    return Part::End;
                }
            }
            b',' if self.depth == 1 => return Part::Comma,
            _ => {}
        }
        Part::Inside
    }
}

/// The element that is being read.
#[derive(Default)]
struct Element {
    text: Vec<u8>,
    length: usize,
    /// Line of its first byte.
    line: u64,
}

impl Element {
    fn push(&mut self, byte: u8, line: u64) {
        if self.length == 0 {
            if byte.is_ascii_whitespace() {
                return;
            }
            self.line = line;
        }
        self.length += 1;
        if self.text.len() < MOST_ROW_BYTES {
            self.text.push(byte);
        }
    }

    fn hand_on(&mut self, take: &mut Take<'_>) -> Result<(), CorpusError> {
        let place = Place { unit: "line", number: self.line };
        let row = if self.length > MOST_ROW_BYTES {
            Err(format!("an element of {} bytes; expected at most {MOST_ROW_BYTES}", self.length))
        } else {
            parse(&self.text)
        };
        self.text.clear();
        self.length = 0;
        take(place, row)
    }
}

pub(super) fn rows(path: &Path, reader: &mut dyn BufRead, take: &mut Take<'_>) -> Result<(), CorpusError> {
    let (mut scanner, mut element, mut line) = (Scanner::default(), Element::default(), 1);
    let mut num_elements = 0_u64;
    loop {
        let bytes = reader.fill_buf().map_err(|error| damaged(path, &error))?;
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        for byte in bytes.iter().copied() {
            match scanner.step(byte) {
                Part::Inside => element.push(byte, line),
                Part::Outside if byte.is_ascii_whitespace() || (byte == b'[' && !scanner.has_ended) => {}
                Part::Outside => return Err(CorpusError::data(path, format!("line {line}: text after the end of the array"))),
                Part::End if element.length == 0 && num_elements == 0 => {}
                Part::Comma | Part::End => {
                    if element.length == 0 {
                        element.line = line;
                    }
                    num_elements += 1;
                    element.hand_on(take)?;
                }
            }
            line += u64::from(byte == b'\n');
        }
        reader.consume(length);
    }
    if scanner.has_ended {
        return Ok(());
    }
    Err(CorpusError::data(path, format!("line {line}: the file ends within its array; it is truncated")))
}
