//! Tensors in a file: safetensors with a typed header, a digest over everything, and a write that is either there or not.
//!
//! The header is one JSON string under the metadata key `metacot`, so that equal contents are equal bytes. Other programs read the
//! tensors as in any safetensors file.

pub(crate) mod series;
mod weights;

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::Write as _,
    path::Path,
};

use safetensors::{
    Dtype, SafeTensors,
    tensor::{Metadata, TensorInfo, TensorView},
};
use serde::{Deserialize, Serialize};

use crate::{
    atomic::AtomicFile,
    error::{Error, Result},
};

/// The metadata key of the header.
const KEY: &str = "metacot";

/// Most bytes of the JSON before the tensors; the readers of safetensors refuse more.
const MAX_HEAD: usize = 100_000_000;

/// Named tensors and what they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive<H> {
    /// What the tensors are; its type says which kind of file it is.
    pub header: H,
    /// Shape and elements by name.
    pub tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

/// The header with what guards it.
#[derive(Serialize, Deserialize)]
struct Sealed {
    format: String,
    version: u32,
    digest: String,
    /// JSON within JSON: the digest covers these very characters, whatever a parser makes of their numbers.
    header: String,
}

/// A kind of file: its name and the version that is written and read.
pub trait Header: Serialize + for<'a> Deserialize<'a> {
    /// Name of the format.
    const FORMAT: &'static str;
    /// Version of the format.
    const VERSION: u32;
}

/// Writes a header and borrowed tensors as an [`Archive`]; until the last moment the old file, if any, stands.
///
/// Of the tensors no copy is made. The bytes are those of [`safetensors::serialize`], which knows no other place to write to than memory or
/// a file that it names itself.
///
/// # Errors
/// The file cannot be written.
pub fn write<H: Header>(path: &Path, header: &H, tensors: &BTreeMap<String, (Vec<usize>, &[f32])>) -> Result<()> {
    let head = head(header, tensors).map_err(|reason| Error::data(path, format!("cannot hold its header: {reason}")))?;
    let mut file = AtomicFile::create(path)?;
    let length = (head.len() as u64).to_le_bytes();
    let elements = tensors.values().map(|(_, elements)| bytemuck::cast_slice(elements));
    [&length[..], &head].into_iter().chain(elements).try_for_each(|bytes| file.write_all(bytes)).map_err(Error::io("cannot write", path))?;
    file.commit()
}

/// The JSON before the tensors: where each lies, and the sealed header.
fn head<H: Header>(header: &H, tensors: &BTreeMap<String, (Vec<usize>, &[f32])>) -> std::result::Result<Vec<u8>, String> {
    let header = serde_json::to_string(header).map_err(|error| error.to_string())?;
    let bytes = tensors.iter().map(|(name, (_, elements))| (name.as_str(), bytemuck::cast_slice(elements)));
    let sealed = Sealed { format: H::FORMAT.to_owned(), version: H::VERSION, digest: digest(&header, bytes), header };
    let text = serde_json::to_string(&sealed).map_err(|error| error.to_string())?;
    let mut end = 0;
    let places = tensors.iter().map(|(name, (shape, elements))| {
        let start = end;
        end += size_of_val(*elements);
        (name.clone(), TensorInfo { dtype: Dtype::F32, shape: shape.clone(), data_offsets: (start, end) })
    });
    let metadata = Metadata::new(Some(HashMap::from([(KEY.to_owned(), text)])), places.collect());
    let metadata = metadata.expect("a tensor has as many elements as its shape says");
    let mut head = serde_json::to_vec(&metadata).map_err(|error| error.to_string())?;
    // The tensors begin at a multiple of 8.
    head.resize(head.len().next_multiple_of(8), b' ');
    if head.len() > MAX_HEAD { Err(format!("it has {} bytes; expected at most {MAX_HEAD}", head.len())) } else { Ok(head) }
}

impl<H: Header> Archive<H> {
    /// Writes the archive; until the last moment the old file, if any, stands.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let tensors = self.tensors.iter().map(|(name, (shape, elements))| (name.clone(), (shape.clone(), elements.as_slice()))).collect();
        write(path, &self.header, &tensors)
    }

    /// Reads an archive and checks its format, version and digest.
    ///
    /// # Errors
    /// The file cannot be read, is cut short or altered, or is of another format or version.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(Error::io("cannot read", path))?;
        Self::from_bytes(&bytes).map_err(|fault| fault.at(path))
    }

    /// As [`Archive::read`], with `None` for a file that is cut short or altered.
    fn read_whole(path: &Path) -> Result<Option<Self>> {
        let bytes = fs::read(path).map_err(Error::io("cannot read", path))?;
        match Self::from_bytes(&bytes) {
            Ok(archive) => Ok(Some(archive)),
            Err(Fault::Damaged(_)) => Ok(None),
            Err(fault @ Fault::Unwanted(_)) => Err(fault.at(path)),
        }
    }

    fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, Fault> {
        let (sealed, views) = open(bytes, Some((H::FORMAT, H::VERSION)))?;
        let header = serde_json::from_str(&sealed.header).map_err(|error| Fault::Unwanted(format!("its header cannot be read: {error}")))?;
        let tensors = views.into_iter().map(|(name, view)| (name, (view.shape().to_vec(), from_little_endian(view.data())))).collect();
        Ok(Self { header, tensors })
    }
}

/// Why a file gives no archive.
enum Fault {
    /// It is cut short or altered: what was written is lost.
    Damaged(String),
    /// It is something else than what is wanted: written by another program, or of another kind, version or data type.
    Unwanted(String),
}

impl Fault {
    fn at(self, path: &Path) -> Error {
        match self {
            Self::Damaged(reason) | Self::Unwanted(reason) => Error::data(path, reason),
        }
    }
}

/// The sealed header and the tensors of a file, with format and version (where some are wanted), digest and data types checked.
fn open<'a>(bytes: &'a [u8], wanted: Option<(&str, u32)>) -> std::result::Result<(Sealed, BTreeMap<String, TensorView<'a>>), Fault> {
    let damaged = |error| Fault::Damaged(format!("not a whole safetensors file: {error}"));
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let text = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
    let text = text.ok_or_else(|| Fault::Unwanted(format!("its metadata has no `{KEY}`; expected a file written by metacot")))?;
    let sealed: Sealed = serde_json::from_str(text).map_err(|error| Fault::Unwanted(format!("its header cannot be read: {error}")))?;
    if let Some((format, version)) = wanted.filter(|wanted| *wanted != (sealed.format.as_str(), sealed.version)) {
        return Err(Fault::Unwanted(format!("is {} version {}; expected {format} version {version}", sealed.format, sealed.version)));
    }
    let views: BTreeMap<String, TensorView<'_>> = SafeTensors::deserialize(bytes).map_err(damaged)?.tensors().into_iter().collect();
    if digest(&sealed.header, views.iter().map(|(name, view)| (name.as_str(), view.data()))) != sealed.digest {
        return Err(Fault::Damaged("its contents do not match its digest".to_owned()));
    }
    match views.iter().find(|(_, view)| view.dtype() != Dtype::F32) {
        Some((name, view)) => Err(Fault::Unwanted(format!("tensor {name} has data type {:?}; expected F32", view.dtype()))),
        None => Ok((sealed, views)),
    }
}

/// What a file of tensors is, whatever its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// Name of the format.
    pub format: String,
    /// Version of the format.
    pub version: u32,
    /// Digest over everything, which was checked.
    pub digest: String,
    /// The header as JSON.
    pub header: serde_json::Value,
    /// Name and shape of every tensor, by name.
    pub tensors: Vec<(String, Vec<usize>)>,
}

/// Reads what a file of tensors is and checks its digest.
///
/// # Errors
/// The file cannot be read, is cut short or altered, or was not written by metacot.
pub fn describe(path: &Path) -> Result<Description> {
    let bytes = fs::read(path).map_err(Error::io("cannot read", path))?;
    let (sealed, views) = open(&bytes, None).map_err(|fault| fault.at(path))?;
    let header = serde_json::from_str(&sealed.header).map_err(|error| Error::data(path, format!("its header cannot be read: {error}")))?;
    let tensors = views.into_iter().map(|(name, view)| (name, view.shape().to_vec())).collect();
    Ok(Description { format: sealed.format, version: sealed.version, digest: sealed.digest, header, tensors })
}

/// Blake3 over the header and the named bytes, in hexadecimal.
fn digest<'a>(header: &str, tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    part(header.as_bytes());
    for (name, bytes) in tensors {
        part(name.as_bytes());
        part(bytes);
    }
    hasher.finalize().to_hex().to_string()
}

// The elements are written as they lie in memory.
const _: () = assert!(cfg!(target_endian = "little"), "the format is little-endian");

fn from_little_endian(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}
