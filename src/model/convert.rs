//! Weights into a module and back, bit for bit, in the one order that checkpoints and optimizers share.

use burn::{
    module::{Module, ModuleVisitor, Param},
    tensor::{Tensor, TensorData, backend::Backend},
};

use super::{Block, Decoder, LayerWeights, ModelConfig, Weights};
use crate::kernels::{Keep, Precision};

impl Weights {
    /// The shape of every tensor by name, in the order in which [`Weights::tensors`] and the module give them.
    pub fn shapes(config: &ModelConfig) -> Vec<(String, Vec<usize>)> {
        let (d, f, v) = (config.width, config.hidden, config.vocab_size);
        let joint = d + 2 * config.kv_heads * config.head_dim();
        let mut shapes = vec![("embedding".to_owned(), vec![v, d])];
        for layer in 0..config.layers {
            let of = |name: &str, shape: &[usize]| (format!("layers.{layer}.{name}"), shape.to_vec());
            shapes.extend([
                of("attention_norm", &[d]),
                of("qkv", &[d, joint]),
                of("output", &[d, d]),
                of("mlp_norm", &[d]),
                of("gate_up", &[d, 2 * f]),
                of("down", &[f, d]),
            ]);
        }
        shapes.push(("final_norm".to_owned(), vec![d]));
        if !config.tied_embeddings {
            shapes.push(("head".to_owned(), vec![d, v]));
        }
        shapes
    }

    /// Every tensor, in the order of [`Weights::shapes`].
    pub fn tensors(&self) -> Vec<&[f32]> {
        let mut tensors: Vec<&[f32]> = vec![&self.embedding];
        for layer in &self.layers {
            tensors.extend([layer.attention_norm.as_slice(), &layer.qkv, &layer.output, &layer.mlp_norm, &layer.gate_up, &layer.down]);
        }
        tensors.push(&self.final_norm);
        tensors.extend(self.head.as_deref());
        tensors
    }

    /// The tensors themselves, in the order of [`Weights::shapes`].
    pub fn into_tensors(self) -> Vec<Vec<f32>> {
        let layers = self.layers.into_iter().flat_map(|layer| {
            let LayerWeights { attention_norm, qkv, output, mlp_norm, gate_up, down } = layer;
            [attention_norm, qkv, output, mlp_norm, gate_up, down]
        });
        [self.embedding].into_iter().chain(layers).chain([self.final_norm]).chain(self.head).collect()
    }

    /// Weights from tensors in the order of [`Weights::shapes`].
    ///
    /// # Panics
    /// Where their number or lengths are not those of the shapes.
    pub fn from_tensors(config: &ModelConfig, tensors: Vec<Vec<f32>>) -> Self {
        let shapes = Self::shapes(config);
        assert_eq!(shapes.len(), tensors.len(), "one tensor per shape");
        let mut tensors = shapes.into_iter().zip(tensors).map(|((name, shape), tensor)| {
            assert_eq!(shape.iter().product::<usize>(), tensor.len(), "the length of {name}");
            tensor
        });
        let mut next = || tensors.next().expect("the counts were compared");
        Self {
            config: config.clone(),
            embedding: next(),
            layers: (0..config.layers)
                .map(|_| LayerWeights { attention_norm: next(), qkv: next(), output: next(), mlp_norm: next(), gate_up: next(), down: next() })
                .collect(),
            final_norm: next(),
            head: (!config.tied_embeddings).then(&mut next),
        }
    }
}

impl<B: Backend> Decoder<B> {
    /// A module with the given weights.
    pub fn from_weights(weights: &Weights, device: &B::Device) -> Self {
        let mut shapes = Weights::shapes(&weights.config).into_iter();
        let mut tensors = weights.tensors().into_iter();
        let mut data = || {
            let (_, shape) = shapes.next().expect("a shape for every tensor");
            TensorData::new(tensors.next().expect("a tensor for every shape").to_vec(), shape)
        };
        Self {
            embedding: Param::from_data(data(), device),
            blocks: (0..weights.config.layers)
                .map(|_| Block {
                    attention_norm: Param::from_data(data(), device),
                    qkv: Param::from_data(data(), device),
                    output: Param::from_data(data(), device),
                    mlp_norm: Param::from_data(data(), device),
                    gate_up: Param::from_data(data(), device),
                    down: Param::from_data(data(), device),
                })
                .collect(),
            final_norm: Param::from_data(data(), device),
            head: (!weights.config.tied_embeddings).then(|| Param::from_data(data(), device)),
            config: weights.config.clone(),
            keep: Keep::default(),
            precision: Precision::default(),
        }
    }

    /// The weights as plain numbers.
    pub fn to_weights(&self) -> Weights {
        struct Collect(Vec<Vec<f32>>);
        impl<B: Backend> ModuleVisitor<B> for Collect {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
                self.0.push(floats(param.val()));
            }
        }
        let mut collect = Collect(Vec::new());
        self.visit(&mut collect);
        Weights::from_tensors(&self.config, collect.0)
    }
}

/// The elements of a float tensor, row-major.
pub(crate) fn floats<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    let data = tensor.into_data().convert::<f32>();
    data.to_vec().expect("the data was converted to f32")
}
