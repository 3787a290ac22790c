//! Weights as a file: their shape in the header, one tensor for each of their parts.

use std::{collections::BTreeMap, path::Path};

use super::{Archive, Header, digest, write};
use crate::{
    error::{Error, Result},
    model::{ModelConfig, Weights},
};

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
    /// The file cannot be read, is damaged, does not hold the tensors of its shape, or holds a number that is not finite.
    pub fn load(path: &Path) -> Result<Self> {
        let mut archive = Archive::<ModelConfig>::read(path)?;
        archive.header.validate().map_err(|reason| Error::data(path, reason))?;
        let config = archive.header.clone();
        let weights = Self::take(&config, &mut archive.tensors, "").map_err(|reason| Error::data(path, reason))?;
        weights.check_finite().map_err(|reason| Error::data(path, reason))?;
        Ok(weights)
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

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, fs};

    use metacot_envs::SeedTree;
    use safetensors::{Dtype, SafeTensors, tensor::TensorView};

    use super::{
        super::{KEY, Sealed},
        *,
    };

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

    #[test]
    fn the_bytes_are_those_of_safetensors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let weights = weights();
        weights.save(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let named = weights.named("");
        let views = named.iter().map(|(name, (shape, elements))| (name, TensorView::new(Dtype::F32, shape.clone(), bytemuck::cast_slice(elements)).unwrap()));
        assert!(bytes == safetensors::serialize(views, metadata.metadata().clone()).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_has_the_permissions_of_any_new_one() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let [ours, plain] = ["weights.safetensors", "plain"].map(|name| folder.path().join(name));
        weights().save(&ours).unwrap();
        fs::write(&plain, "").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_cannot_be_weights_is_refused_by_name_whatever_its_digest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let refusal = || Weights::load(&path).unwrap_err().to_string();
        let mut poisoned = weights();
        poisoned.layers[1].down[3] = f32::NAN;
        poisoned.save(&path).unwrap();
        assert!(refusal().ends_with("tensor layers.1.down has a number that is not finite"), "{}", refusal());

        let weights = weights();
        write(&path, &ModelConfig { heads: 0, ..weights.config.clone() }, &weights.named("")).unwrap();
        assert!(refusal().ends_with("model.heads = 0 is not allowed; expected at least 1"), "{}", refusal());

        // One tensor in half precision, with the digest that belongs to it.
        fn stored<'a>(name: &str, elements: &'a [f32]) -> (Dtype, &'a [u8]) {
            let bytes = bytemuck::cast_slice(elements);
            if name == "final_norm" { (Dtype::F16, &bytes[..bytes.len() / 2]) } else { (Dtype::F32, bytes) }
        }
        let named = weights.named("");
        let header = serde_json::to_string(&weights.config).unwrap();
        let digest = digest(&header, named.iter().map(|(name, (_, elements))| (name.as_str(), stored(name, elements).1)));
        let sealed = Sealed { format: ModelConfig::FORMAT.into(), version: ModelConfig::VERSION, digest, header };
        let views = named.iter().map(|(name, (shape, elements))| {
            let (dtype, bytes) = stored(name, elements);
            (name, TensorView::new(dtype, shape.clone(), bytes).unwrap())
        });
        let metadata = HashMap::from([(KEY.to_owned(), serde_json::to_string(&sealed).unwrap())]);
        fs::write(&path, safetensors::serialize(views, Some(metadata)).unwrap()).unwrap();
        assert!(refusal().ends_with("tensor final_norm has data type F16; expected F32"), "{}", refusal());
        assert!(crate::checkpoint::describe(&path).unwrap_err().to_string().ends_with("expected F32"));
    }

    fn altered(whole: &[u8]) -> Vec<u8> {
        let mut bytes = whole.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    }
}
