//! Data parallelism on one machine: a replica of the decoder on every further device, each worked by a thread of its own.
//!
//! The parts of a step are dealt to the devices in turns. Every gradient is brought to the first device and added there in the order of the parts,
//! whichever was ready first: the sum has the bits that one device gets from the same parts one after the other, at any number of devices. Where
//! the optimizer has stepped on the first device, the new parameters go to the others with the next step.
//!
//! This is composed of burn's tensors, `TrainStep` and `GradientsAccumulator`, as none of what burn 0.21 has for several devices keeps that order:
//! burn-train's `MultiDevice` gives every device a stretch of the data of its own, so that a step sees other rows than on one device, adds gradients
//! as they arrive, and waits for ever for a worker that panicked; its `DistributedDataParallel` needs a backend that `DistributedBackend` is written
//! for, which the CPU's is not, and sums as NCCL likes; burn-collective adds in the order of a hash map. `Module::fork` writes the copy into
//! the graph of the model that is copied, whose lock a backward pass holds; parameters are therefore copied beside it.

use std::{
    panic::resume_unwind,
    thread::{Builder, JoinHandle},
};

use burn::{
    backend::Autodiff,
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    optim::{GradientsAccumulator, GradientsParams},
    tensor::Tensor,
};
use burn_train::{TrainOutput, TrainStep};
use crossbeam::channel::{Receiver, Sender, bounded};

use super::step::Measured;
use crate::{
    data::Batch,
    kernels::{Kernels, Link},
    model::Decoder,
};

/// The devices beside the first; there may be none.
pub(super) struct Replicas<B: Kernels> {
    workers: Vec<Worker<B>>,
}

/// A device, its thread, and both ends of the way there and back.
struct Worker<B: Kernels> {
    orders: Sender<Order<B>>,
    passes: Receiver<TrainOutput<Measured>>,
    thread: JoinHandle<()>,
}

/// What a device does in a step.
struct Order<B: Kernels> {
    /// The model of the first device.
    model: Decoder<Autodiff<B>>,
    /// The device's parts of the step, in order.
    parts: Vec<Batch>,
}

impl<B: Kernels> Replicas<B> {
    /// Replicas on all devices but the first, to and from which tensors get by `link`.
    pub fn new(devices: &[B::Device], link: Link) -> Self {
        let worker = |device: &B::Device| {
            let (orders, received) = bounded(1);
            // At most one gradient waits while the next is made, so that a fast device does not fill the memory of the first.
            let (finished, passes) = bounded(1);
            let (first, device) = (devices[0].clone(), device.clone());
            let work = move || work::<B>(&first, &device, link, &received, &finished);
            let thread = Builder::new().name("replica".to_owned()).spawn(work).expect("the system has threads left");
            Worker { orders, passes, thread }
        };
        Self { workers: devices[1..].iter().map(worker).collect() }
    }

    /// Loss, tokens and gradient of the parts of a step under a model on the first device.
    pub fn pass(&mut self, model: &Decoder<Autodiff<B>>, parts: Vec<Batch>) -> (GradientsParams, Measured) {
        let (count, devices) = (parts.len(), 1 + self.workers.len());
        let mut shares: Vec<Vec<Batch>> = vec![Vec::new(); devices];
        parts.into_iter().enumerate().for_each(|(index, part)| shares[index % devices].push(part));
        let mut shares = shares.into_iter();
        let mut own = shares.next().unwrap_or_default().into_iter();
        for (worker, parts) in shares.enumerate() {
            if !parts.is_empty() && self.workers[worker].orders.send(Order { model: model.clone(), parts }).is_err() {
                self.fail(worker);
            }
        }
        let mut measured = Measured::default();
        let mut accumulator = GradientsAccumulator::new();
        for index in 0..count {
            let pass = match index % devices {
                0 => model.step(own.next().expect("every turn of the first device is a part of its own")),
                device => self.workers[device - 1].passes.recv().unwrap_or_else(|_| self.fail(device - 1)),
            };
            measured.loss += pass.item.loss;
            measured.tokens += pass.item.tokens;
            accumulator.accumulate(model, pass.grads);
        }
        (accumulator.grads(), measured)
    }

    /// Goes on with the panic that ended a worker.
    fn fail(&mut self, worker: usize) -> ! {
        let Worker { orders, passes, thread } = self.workers.swap_remove(worker);
        drop((orders, passes));
        match thread.join() {
            Err(panic) => resume_unwind(panic),
            Ok(()) => unreachable!("a worker ends when its orders do"),
        }
    }
}

impl<B: Kernels> Drop for Replicas<B> {
    fn drop(&mut self) {
        for Worker { orders, passes, thread } in self.workers.drain(..) {
            // Without both ends a worker neither waits for an order nor for room for a gradient.
            drop((orders, passes));
            // Where it panicked, the training that it belonged to is over already.
            let _ = thread.join();
        }
    }
}

/// The thread of a device: all that crosses between it and the first is sent from here, so that both ends agree on the order.
fn work<B: Kernels>(first: &B::Device, device: &B::Device, link: Link, orders: &Receiver<Order<B>>, passes: &Sender<TrainOutput<Measured>>) {
    for Order { model, parts } in orders {
        let replica = model.map(&mut Copied::<B> { device, link });
        for part in parts {
            let mut pass = replica.step(part);
            replica.visit(&mut Returned::<B> { grads: &mut pass.grads, device: first, link });
            if passes.send(pass).is_err() {
                return;
            }
        }
    }
}

/// Copies parameters to a device, as leaves of a graph of their own.
struct Copied<'a, B: Kernels> {
    device: &'a B::Device,
    link: Link,
}

impl<B: Kernels> ModuleMapper<Autodiff<B>> for Copied<'_, B> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<Autodiff<B>, D>>) -> Param<Tensor<Autodiff<B>, D>> {
        let (id, tensor, mapper) = param.consume();
        let copy = self.link.carry(tensor.inner(), self.device);
        Param::from_mapped_value(id, Tensor::from_inner(copy).require_grad(), mapper)
    }
}

/// Brings gradients to a device.
struct Returned<'a, B: Kernels> {
    grads: &'a mut GradientsParams,
    device: &'a B::Device,
    link: Link,
}

impl<B: Kernels> ModuleVisitor<Autodiff<B>> for Returned<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Autodiff<B>, D>>) {
        if let Some(grad) = self.grads.remove::<B, D>(param.id) {
            self.grads.register::<B, D>(param.id, self.link.carry(grad, self.device));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use metacot_envs::SeedTree;

    use super::*;
    use crate::{
        data::Example,
        device::Cpu,
        model::{ModelConfig, Weights, floats},
    };

    type Model = Decoder<Autodiff<Cpu>>;

    fn model() -> Model {
        let config = ModelConfig {
            vocab_size: 24,
            width: 32,
            layers: 2,
            heads: 4,
            kv_heads: 2,
            hidden: 48,
            context: 40,
            rope_theta: 10_000.0,
            rope_scaling: None,
            norm_epsilon: 1e-5,
            tied_embeddings: false,
        };
        Decoder::from_weights(&Weights::init(&config, &SeedTree::root(4)), &Default::default())
    }

    /// Parts of so many rows each, so that some take far longer than others.
    fn parts(rows: &[usize]) -> Vec<Batch> {
        let example = |row: usize| Example { ids: (0..38).map(|at| (at * at + 7 * row) as u32 % 24).collect(), response_start: 3 };
        rows.iter()
            .enumerate()
            .map(|(part, rows)| {
                let examples: Vec<Example> = (0..*rows).map(|row| example(10 * part + row)).collect();
                Batch::new(&examples, &(0..*rows).map(|row| vec![row]).collect::<Vec<_>>(), 0.01)
            })
            .collect()
    }

    /// All numbers of a gradient, as bits.
    fn bits(model: &Model, grads: &GradientsParams) -> Vec<u32> {
        struct Bits<'a>(&'a GradientsParams, Vec<u32>);
        impl ModuleVisitor<Autodiff<Cpu>> for Bits<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Autodiff<Cpu>, D>>) {
                let grad = self.0.get::<Cpu, D>(param.id).unwrap();
                self.1.extend(floats(grad).into_iter().map(f32::to_bits));
            }
        }
        let mut bits = Bits(grads, Vec::new());
        model.visit(&mut bits);
        bits.1
    }

    #[test]
    fn gradients_are_added_in_the_order_of_the_parts_at_any_number_of_devices() {
        let model = model();
        let parts = parts(&[1, 30, 1, 2, 1, 40, 1]);
        let mut accumulator = GradientsAccumulator::new();
        let mut loss = 0.0;
        for part in parts.clone() {
            let pass = model.step(part);
            loss += pass.item.loss;
            accumulator.accumulate(&model, pass.grads);
        }
        let expected = bits(&model, &accumulator.grads());
        for (devices, link) in [(1, Link::Direct), (2, Link::Direct), (3, Link::Host), (4, Link::Direct), (9, Link::Host)] {
            let mut replicas = Replicas::<Cpu>::new(&vec![Default::default(); devices], link);
            for _ in 0..3 {
                let (grads, measured) = replicas.pass(&model, parts.clone());
                assert!(bits(&model, &grads) == expected, "{devices} devices, {link:?}");
                assert_eq!((measured.loss.to_bits(), measured.tokens), (loss.to_bits(), 37 * 76));
            }
        }
    }

    #[test]
    fn a_panic_on_a_further_device_ends_the_pass() {
        let model = model();
        let mut parts = parts(&[1, 1, 1]);
        parts[1].input.ids[5] = 1_000_000;
        let mut replicas = Replicas::<Cpu>::new(&[Default::default(); 3], Link::Direct);
        assert!(catch_unwind(AssertUnwindSafe(|| replicas.pass(&model, parts))).is_err());
    }
}
