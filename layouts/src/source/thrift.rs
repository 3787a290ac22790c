//! Thrift's compact protocol, as far as it takes to look at some fields and pass over all others.

use std::io;

/// Deepest nesting that is passed over.
const MOST_DEPTH: usize = 16;

/// The end of a struct.
pub(super) const STOP: u8 = 0;
/// An integer of 32 bits.
pub(super) const INT: u8 = 5;
pub(super) const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// A reader that keeps nothing: what it says has a length is never allocated.
pub(super) struct Thrift<R> {
    input: R,
    used: u64,
}

impl<R: io::Read> Thrift<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, used: 0 }
    }

    /// Bytes read so far.
    pub(super) fn used(&self) -> u64 {
        self.used
    }

    /// The id and type of the next field.
    pub(super) fn field(&mut self, last: i64) -> io::Result<(i64, u8)> {
        let byte = self.byte()?;
        let (delta, kind) = (byte >> 4, byte & 0x0F);
        if kind == STOP {
            return Ok((last, STOP));
        }
        let id = if delta == 0 { self.integer()? } else { last.saturating_add(i64::from(delta)) };
        Ok((id, kind))
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self, kind: u8) -> io::Result<()> {
        self.skip_at(kind, 0)
    }

    /// The type of the elements of a list, and how many it says there are.
    pub(super) fn list(&mut self) -> io::Result<(u8, u64)> {
        let byte = self.byte()?;
        let length = if byte >> 4 == 15 { self.varint()? } else { u64::from(byte >> 4) };
        Ok((byte & 0x0F, length))
    }

    fn skip_at(&mut self, kind: u8, depth: usize) -> io::Result<()> {
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
            LIST | 10 => {
                let (element, length) = self.list()?;
                // Booleans in lists take a byte each, unlike those of fields.
                let element = if matches!(element, 1 | 2) { 3 } else { element };
                (0..length).try_for_each(|_| self.skip_at(element, depth + 1))
            }
            STRUCT => {
                let mut id = 0;
                loop {
                    let (next, kind) = self.field(id)?;
                    id = next;
                    if kind == STOP {
                        return Ok(());
                    }
                    self.skip_at(kind, depth + 1)?;
                }
            }
            kind => Err(io::Error::other(format!("type {kind}"))),
        }
    }

    /// An integer of any width.
    pub(super) fn integer(&mut self) -> io::Result<i64> {
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
