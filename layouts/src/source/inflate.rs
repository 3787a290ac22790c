//! Compressed files as streams that cannot expand without end.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
};

use flate2::bufread::MultiGzDecoder;

use super::Allowance;

const BUFFER: usize = 1 << 17;
const ZSTD: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];
const GZIP: [u8; 2] = [0x1F, 0x8B];
/// Largest window, as a power of two, for which memory is given: that of `zstd --long`.
const ZSTD_WINDOW_LOG: u32 = 27;

/// A stream of the file's contents, whose first bytes were read already.
pub(super) fn open(file: File, start: &[u8], allowance: Allowance) -> io::Result<Box<dyn BufRead>> {
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(start.to_vec()).chain(file));
    if start == ZSTD {
        let mut decoder = zstd::Decoder::with_buffer(whole)?;
        decoder.window_log_max(ZSTD_WINDOW_LOG)?;
        return Ok(Box::new(BufReader::with_capacity(BUFFER, Bounded { inner: decoder, allowance })));
    }
    if start.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, Bounded { inner: MultiGzDecoder::new(whole), allowance })));
    }
    Ok(Box::new(whole))
}

struct Bounded<R> {
    inner: R,
    allowance: Allowance,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.allowance.spend(length as u64).map_err(io::Error::other)?;
        Ok(length)
    }
}
