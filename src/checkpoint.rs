//! Tensors in a file: safetensors with a typed header, a digest over everything, and a write that is either there or not.
//!
//! The header is one JSON string under the metadata key `metacot`, so that equal contents are equal bytes. Other programs read the
//! tensors as in any safetensors file.

pub(crate) mod series;

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io,
    path::Path,
};

use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    model::{ModelConfig, Weights},
};

/// The metadata key of the header.
const KEY: &str = "metacot";

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
/// # Errors
/// The file cannot be written.
pub fn write<H: Header>(path: &Path, header: &H, tensors: &BTreeMap<String, (Vec<usize>, &[f32])>) -> Result<()> {
    let cannot_hold = |error| Error::data(path, format!("cannot hold its header: {error}"));
    let header = serde_json::to_string(header).map_err(cannot_hold)?;
    let bytes = tensors.iter().map(|(name, (_, elements))| (name.as_str(), bytemuck::cast_slice(elements)));
    let sealed = Sealed { format: H::FORMAT.to_owned(), version: H::VERSION, digest: digest(&header, bytes), header };
    let text = serde_json::to_string(&sealed).map_err(cannot_hold)?;
    let views = tensors.iter().map(|(name, (shape, elements))| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(elements));
        (name.as_str(), view.expect("a tensor has as many elements as its shape says"))
    });
    replace(path, |temporary| {
        safetensors::serialize_to_file(views, Some(HashMap::from([(KEY.to_owned(), text)])), temporary).map_err(|error| match error {
            SafeTensorError::IoError(error) => error,
            error => io::Error::other(error),
        })
    })
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
        let broken = |reason: String| Error::data(path, reason);
        let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| broken(format!("not a whole safetensors file: {error}")))?;
        let text = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
        let text = text.ok_or_else(|| broken(format!("its metadata has no `{KEY}`; expected a file written by metacot")))?;
        let sealed: Sealed = serde_json::from_str(text).map_err(|error| broken(format!("its header cannot be read: {error}")))?;
        if (sealed.format.as_str(), sealed.version) != (H::FORMAT, H::VERSION) {
            return Err(broken(format!("is {} version {}; expected {} version {}", sealed.format, sealed.version, H::FORMAT, H::VERSION)));
        }
        let file = SafeTensors::deserialize(&bytes).map_err(|error| broken(format!("not a whole safetensors file: {error}")))?;
        let views: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
        if digest(&sealed.header, views.iter().map(|(name, view)| (name.as_str(), view.data()))) != sealed.digest {
            return Err(broken("its contents do not match its digest".to_owned()));
        }
        let header = serde_json::from_str(&sealed.header).map_err(|error| broken(format!("its header cannot be read: {error}")))?;
        let tensors = views.into_iter().map(|(name, view)| (name, (view.shape().to_vec(), from_little_endian(view.data())))).collect();
        Ok(Self { header, tensors })
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
    let broken = |reason: String| Error::data(path, reason);
    let (_, metadata) = SafeTensors::read_metadata(&bytes).map_err(|error| broken(format!("not a whole safetensors file: {error}")))?;
    let text = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
    let text = text.ok_or_else(|| broken(format!("its metadata has no `{KEY}`; expected a file written by metacot")))?;
    let sealed: Sealed = serde_json::from_str(text).map_err(|error| broken(format!("its header cannot be read: {error}")))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| broken(format!("not a whole safetensors file: {error}")))?;
    let views: BTreeMap<String, TensorView<'_>> = file.tensors().into_iter().collect();
    if digest(&sealed.header, views.iter().map(|(name, view)| (name.as_str(), view.data()))) != sealed.digest {
        return Err(broken("its contents do not match its digest".to_owned()));
    }
    let header = serde_json::from_str(&sealed.header).map_err(|error| broken(format!("its header cannot be read: {error}")))?;
    let tensors = views.into_iter().map(|(name, view)| (name, view.shape().to_vec())).collect();
    Ok(Description { format: sealed.format, version: sealed.version, digest: sealed.digest, header, tensors })
}

impl Header for ModelConfig {
    const FORMAT: &'static str = "metacot-weights";
    const VERSION: u32 = 1;
}

impl Weights {
    /// Saves the weights with their shape.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        write(path, &self.config, &self.named(""))
    }

    /// Loads weights and their shape.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or does not hold the tensors of its shape.
    pub fn load(path: &Path) -> Result<Self> {
        let mut archive = Archive::<ModelConfig>::read(path)?;
        archive.header.validate().map_err(|reason| Error::data(path, reason))?;
        let config = archive.header.clone();
        Self::take(&config, &mut archive.tensors, "").map_err(|reason| Error::data(path, reason))
    }

    /// Blake3 digest of shape and elements, in hexadecimal.
    pub fn digest(&self) -> String {
        let header = serde_json::to_string(&self.config).expect("a configuration is plain data");
        let named: BTreeMap<String, &[f32]> = Self::shapes(&self.config).into_iter().map(|(name, _)| name).zip(self.tensors()).collect();
        digest(&header, named.iter().map(|(name, elements)| (name.as_str(), bytemuck::cast_slice(elements))))
    }

    /// The tensors by name, each name behind `prefix`.
    pub(crate) fn named(&self, prefix: &str) -> BTreeMap<String, (Vec<usize>, &[f32])> {
        let shapes = Self::shapes(&self.config);
        shapes.into_iter().zip(self.tensors()).map(|((name, shape), tensor)| (format!("{prefix}{name}"), (shape, tensor))).collect()
    }

    /// As [`Weights::named`], with the tensors themselves.
    pub(crate) fn into_named(self, prefix: &str) -> BTreeMap<String, (Vec<usize>, Vec<f32>)> {
        let shapes = Self::shapes(&self.config);
        shapes.into_iter().zip(self.into_tensors()).map(|((name, shape), tensor)| (format!("{prefix}{name}"), (shape, tensor))).collect()
    }

    /// Takes the tensors whose names stand behind `prefix` out of a file's; the error says which one is missing or misshapen.
    pub(crate) fn take(config: &ModelConfig, tensors: &mut BTreeMap<String, (Vec<usize>, Vec<f32>)>, prefix: &str) -> std::result::Result<Self, String> {
        let mut taken = Vec::new();
        for (name, expected) in Self::shapes(config) {
            let name = format!("{prefix}{name}");
            match tensors.remove(&name) {
                Some((shape, elements)) if shape == expected => taken.push(elements),
                Some((shape, _)) => return Err(format!("{name} has shape {shape:?}; expected {expected:?}")),
                None => return Err(format!("has no tensor {name}")),
            }
        }
        Ok(Self::from_tensors(config, taken))
    }
}

/// Writes a file so that its name never stands for half of it.
///
/// # Errors
/// See [`replace`].
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, |temporary| fs::write(temporary, bytes))
}

/// Replaces a file by what `write` writes under a temporary name: sync, rename, sync of the folder.
///
/// # Errors
/// Any of these steps fails; then the temporary file is removed where possible and the old file stands.
fn replace(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let temporary = path.with_file_name(name);
    let steps = || -> io::Result<()> {
        write(&temporary)?;
        File::options().write(true).open(&temporary)?.sync_all()?;
        fs::rename(&temporary, path)?;
        match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    };
    steps().map_err(|error| {
        // The first failure is the one to report, whatever becomes of the clean-up.
        let _ = fs::remove_file(&temporary);
        Error::io("cannot write", path)(error)
    })
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

#[cfg(test)]
mod tests {
    use metacot_envs::SeedTree;

    use super::*;

    fn weights() -> Weights {
        let config = ModelConfig {
            vocab_size: 11,
            width: 8,
            layers: 2,
            heads: 2,
            kv_heads: 1,
            hidden: 12,
            context: 16,
            rope_theta: 10_000.0,
            rope_scaling: None,
            norm_epsilon: 1e-5,
            tied_embeddings: false,
        };
        Weights::init(&config, &SeedTree::root(1))
    }

    #[test]
    fn saved_weights_load_bit_for_bit_and_save_to_equal_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = ["a", "b"].map(|name| folder.path().join(name));
        weights().save(&first).unwrap();
        let loaded = Weights::load(&first).unwrap();
        assert_eq!(loaded, weights());
        loaded.save(&second).unwrap();
        assert_eq!(fs::read(first).unwrap(), fs::read(second).unwrap());
    }

    #[test]
    fn a_cut_or_altered_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        weights().save(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        for damaged in [whole[..whole.len() - 1].to_vec(), whole[..4].to_vec(), altered(&whole)] {
            fs::write(&path, damaged).unwrap();
            let error = Weights::load(&path).unwrap_err();
            assert!(matches!(error, Error::Data { .. }), "{error}");
        }
    }

    fn altered(whole: &[u8]) -> Vec<u8> {
        let mut bytes = whole.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    }
}
