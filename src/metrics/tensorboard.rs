//! TensorBoard scalar event files, written by hand: protocol-buffer events in TFRecord frames.
//!
//! A frame is the length of its data (u64, little endian), the masked CRC-32C of those 8 bytes, the data, and the masked CRC-32C of
//! the data. Fields used: `Event` 1 wall_time (double), 2 step (int64), 3 file_version (string), 5 summary; `Summary` 1 value;
//! `Value` 1 tag (string), 2 simple_value (float). Everything else of TensorBoard is left out.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use super::crc32c;
use crate::error::{Error, Result};

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// One point of one curve.
#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    /// Name of the curve; a slash groups curves, as in `train/loss`.
    pub tag: String,
    /// Place on the horizontal axis; TensorBoard reads it as a signed number.
    pub step: u64,
    /// The value; TensorBoard stores single precision.
    pub value: f32,
    /// Seconds since 1970, or the step or 0 where files must not depend on the clock.
    pub wall_time: f64,
}

/// Appends scalars to an event file. TensorBoard finds files whose name contains `tfevents`.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: File,
}

impl EventWriter {
    /// Starts a file with the version event that TensorBoard expects first, in place of what is there.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let mut file = File::create(&path).map_err(Error::io("cannot write", &path))?;
        file.write_all(&version_frame()).map_err(Error::io("cannot write", &path))?;
        Ok(Self { path, file })
    }

    /// Goes on with a file after a stop: a torn or damaged frame and everything after it, and everything from the first scalar beyond
    /// `last_step` on, are cut off. A missing file, or one without its version event, is begun.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read or written.
    pub fn resume(path: impl AsRef<Path>, last_step: u64) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(Error::io("cannot write", &path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(Error::io("cannot read", &path))?;
        if !bytes.starts_with(&version_frame()) {
            return Self::create(path);
        }
        let mut rest = bytes.as_slice();
        let mut kept = 0;
        while let Some((data, after)) = next_frame(rest) {
            if parse_event(data).is_some_and(|scalar| scalar.step > last_step) {
                break;
            }
            kept += rest.len() - after.len();
            rest = after;
        }
        file.set_len(kept as u64).map_err(Error::io("cannot write", &path))?;
        Ok(Self { path, file })
    }

    /// Appends one scalar in one system call.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk is full.
    pub fn append(&mut self, scalar: &Scalar) -> Result<()> {
        self.file.write_all(&encode_scalar(scalar)).map_err(Error::io("cannot write", &self.path))
    }

    /// Waits until everything appended is on the disk.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk fails.
    pub fn sync(&mut self) -> Result<()> {
        self.file.sync_all().map_err(Error::io("cannot write", &self.path))
    }
}

/// The framed bytes of one scalar.
pub fn encode_scalar(scalar: &Scalar) -> Vec<u8> {
    let mut value = Vec::new();
    put_bytes(&mut value, 1, scalar.tag.as_bytes());
    put_key(&mut value, 2, FIXED32);
    value.extend(scalar.value.to_le_bytes());
    let mut summary = Vec::new();
    put_bytes(&mut summary, 1, &value);
    let mut event = Vec::new();
    put_key(&mut event, 1, FIXED64);
    event.extend(scalar.wall_time.to_le_bytes());
    put_key(&mut event, 2, VARINT);
    put_varint(&mut event, scalar.step);
    put_bytes(&mut event, 5, &summary);
    frame(&event)
}

/// The scalars of an event file, up to the first torn or damaged frame; events of other kinds are passed over.
pub fn parse_scalars(mut bytes: &[u8]) -> Vec<Scalar> {
    let mut scalars = Vec::new();
    while let Some((data, rest)) = next_frame(bytes) {
        scalars.extend(parse_event(data));
        bytes = rest;
    }
    scalars
}

fn version_frame() -> Vec<u8> {
    let mut event = Vec::new();
    put_key(&mut event, 1, FIXED64);
    event.extend(0f64.to_le_bytes());
    put_bytes(&mut event, 3, b"brain.Event:2");
    frame(&event)
}

fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), data, &masked(data)].concat()
}

/// TFRecord stores checksums rotated and shifted, so that the checksum of data that holds checksums stays meaningful.
fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn put_key(out: &mut Vec<u8>, field: u64, wire_type: u64) {
    put_varint(out, field << 3 | wire_type);
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_key(out, field, BYTES);
    put_varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The data of the first frame and what follows it; `None` where no whole and undamaged frame begins.
fn next_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (header, rest) = bytes.split_at_checked(12)?;
    let (length, checksum) = header.split_at(8);
    let size = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let (data, rest) = rest.split_at_checked(size)?;
    let (end, rest) = rest.split_at_checked(4)?;
    (checksum == masked(length) && end == masked(data)).then_some((data, rest))
}

/// The value of a protocol-buffer field.
enum Field<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(&'a [u8]),
}

/// The scalar of an event; `None` for events of other kinds and for bytes that are no event.
fn parse_event(mut data: &[u8]) -> Option<Scalar> {
    let (mut wall_time, mut step, mut point) = (0.0, 0, None);
    while !data.is_empty() {
        match take_field(&mut data)? {
            (1, Field::Fixed64(bytes)) => wall_time = f64::from_le_bytes(bytes),
            (2, Field::Varint(value)) => step = value,
            (5, Field::Bytes(mut summary)) => {
                while let Some((1, Field::Bytes(value))) = take_field(&mut summary) {
                    point = parse_value(value);
                }
            }
            _ => {}
        }
    }
    point.map(|(tag, value)| Scalar { tag, step, value, wall_time })
}

fn parse_value(mut data: &[u8]) -> Option<(String, f32)> {
    let (mut tag, mut number) = (None, None);
    while !data.is_empty() {
        match take_field(&mut data)? {
            (1, Field::Bytes(bytes)) => tag = String::from_utf8(bytes.to_vec()).ok(),
            (2, Field::Fixed32(bytes)) => number = Some(f32::from_le_bytes(bytes)),
            _ => {}
        }
    }
    Some((tag?, number?))
}

fn take_field<'a>(data: &mut &'a [u8]) -> Option<(u64, Field<'a>)> {
    let key = take_varint(data)?;
    let field = match key & 7 {
        VARINT => Field::Varint(take_varint(data)?),
        FIXED64 => Field::Fixed64(take(data, 8)?.try_into().ok()?),
        FIXED32 => Field::Fixed32(take(data, 4)?.try_into().ok()?),
        BYTES => {
            let size = usize::try_from(take_varint(data)?).ok()?;
            Field::Bytes(take(data, size)?)
        }
        _ => return None,
    };
    Some((key >> 3, field))
}

fn take_varint(data: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(data, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(data: &mut &'a [u8], size: usize) -> Option<&'a [u8]> {
    let (head, rest) = data.split_at_checked(size)?;
    *data = rest;
    Some(head)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn scalars() -> Vec<Scalar> {
        let scalar = |tag: &str, step, value| Scalar { tag: tag.into(), step, value, wall_time: step as f64 };
        vec![scalar("train/loss", 1, 2.5), scalar("val/pass@1", 300, 0.125), scalar("train/loss", 70_000, -1e-9)]
    }

    fn written(path: &Path) -> Vec<u8> {
        let mut writer = EventWriter::create(path).unwrap();
        scalars().iter().for_each(|scalar| writer.append(scalar).unwrap());
        fs::read(path).unwrap()
    }

    #[test]
    fn the_bytes_of_a_scalar_are_those_of_the_format() {
        let bytes = encode_scalar(&Scalar { tag: "a".into(), step: 300, value: 1.0, wall_time: 0.0 });
        // wall_time, step 300 as a varint, summary { value { tag "a", simple_value 1.0 } }.
        let event = b"\x09\0\0\0\0\0\0\0\0\x10\xac\x02\x2a\x0a\x0a\x08\x0a\x01a\x15\0\0\x80\x3f";
        assert_eq!(bytes[..8], (event.len() as u64).to_le_bytes());
        assert_eq!(bytes[12..bytes.len() - 4], event[..]);
        assert_eq!(bytes.len(), event.len() + 16);
    }

    #[test]
    fn a_file_cut_anywhere_reads_and_resumes_to_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.out.tfevents.0.metacot");
        let whole = written(&path);
        assert_eq!(parse_scalars(&whole), scalars());
        for cut in 0..=whole.len() {
            let kept = parse_scalars(&whole[..cut]);
            assert_eq!(kept, scalars()[..kept.len()]);
            fs::write(&path, &whole[..cut]).unwrap();
            let mut writer = EventWriter::resume(&path, 70_000).unwrap();
            scalars()[kept.len()..].iter().for_each(|scalar| writer.append(scalar).unwrap());
            assert_eq!(fs::read(&path).unwrap(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_ends_the_reading_and_never_panics() {
        let folder = tempfile::tempdir().unwrap();
        let whole = written(&folder.path().join("e"));
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] ^= 0x10;
            assert!(parse_scalars(&damaged).len() < scalars().len());
        }
    }

    #[test]
    fn scalars_beyond_the_checkpoint_are_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e");
        written(&path);
        EventWriter::resume(&path, 300).unwrap();
        assert_eq!(parse_scalars(&fs::read(&path).unwrap()), scalars()[..2]);
    }
}
