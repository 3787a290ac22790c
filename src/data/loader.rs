//! The batches of a whole training, in an order that a seed fixes; any step can be the first.

use std::{ops::Range, sync::Arc};

use burn::{
    data::dataloader::{DataLoader, DataLoaderIterator, Progress},
    tensor::backend::Backend,
};
use metacot_envs::SeedTree;
use rand::seq::SliceRandom;

use super::{Batch, Example, pack};

/// How examples become batches; together with the examples it fixes every batch.
#[derive(Clone, Debug, PartialEq)]
pub struct DataPlan {
    /// Shuffles examples and rows: node `index(e)` is for epoch `e` and nothing else. `None` keeps the order given.
    pub seeds: Option<SeedTree>,
    /// Times that every example is seen.
    pub epochs: usize,
    /// Steps after which to end early; `None` sees all epochs to their end.
    pub max_steps: Option<usize>,
    /// Tokens of a row.
    pub row_tokens: usize,
    /// Rows of a batch.
    pub rows: usize,
    /// Rows whose gradients add up to one step, in batches of `rows` and a last one of what is left.
    pub step_rows: usize,
}

/// A data loader whose items are batches and whose position is the number of the step.
#[derive(Clone)]
pub struct Loader {
    examples: Arc<Vec<Example>>,
    plan: DataPlan,
    /// Steps before each epoch, and after the last.
    boundaries: Arc<Vec<usize>>,
    steps: Range<usize>,
}

impl Loader {
    /// The loader of a whole training.
    pub fn new(examples: Arc<Vec<Example>>, plan: DataPlan) -> Self {
        let mut loader = Self { examples, plan, boundaries: Arc::new(Vec::new()), steps: 0..0 };
        let mut boundaries = vec![0];
        let most = loader.plan.max_steps.unwrap_or(usize::MAX);
        let mut total = 0;
        for epoch in 0..loader.plan.epochs {
            if total >= most {
                break;
            }
            let rows = loader.epoch_rows(epoch).len();
            total += rows.div_ceil(loader.plan.step_rows);
            boundaries.push(total);
        }
        loader.steps = 0..total.min(most);
        loader.boundaries = Arc::new(boundaries);
        loader
    }

    /// Number of steps of the loader.
    pub fn num_steps(&self) -> usize {
        self.steps.len()
    }

    /// The loader of those of its steps that lie in a range, counted from the first step of the whole training.
    pub fn of_steps(&self, steps: Range<usize>) -> Self {
        let steps = steps.start.max(self.steps.start)..steps.end.min(self.steps.end);
        Self { steps, ..self.clone() }
    }

    /// The batches of the loader's steps, in order.
    pub fn batches(&self) -> Batches<'_> {
        Batches { loader: self, step: self.steps.start, epoch: None, waiting: Vec::new() }
    }

    /// The rows of an epoch, in the order in which they are learned.
    fn epoch_rows(&self, epoch: usize) -> Vec<Vec<usize>> {
        let lengths: Vec<usize> = self.examples.iter().map(Example::positions).collect();
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        let mut rng = self.plan.seeds.as_ref().map(|seeds| seeds.index(epoch as u64).stream(0));
        if let Some(rng) = &mut rng {
            order.shuffle(rng);
        }
        let mut rows = pack(&lengths, &order, self.plan.row_tokens);
        if let Some(rng) = &mut rng {
            // Rows close in the order of their fill; that must not be the order of learning.
            rows.shuffle(rng);
        }
        rows
    }
}

/// Iterates over the batches of a loader.
pub struct Batches<'a> {
    loader: &'a Loader,
    /// The step that the next drawn group of rows makes.
    step: usize,
    /// Number and rows of the epoch that the step lies in.
    epoch: Option<(usize, Vec<Vec<usize>>)>,
    /// Batches of the current step that are still to be handed out, last first.
    waiting: Vec<Batch>,
}

impl Batches<'_> {
    /// Lays out the batches of one step; each label weighs one part of all labels of the step.
    fn fill(&mut self) {
        let Loader { examples, plan, boundaries, .. } = self.loader;
        let epoch = boundaries.partition_point(|&boundary| boundary <= self.step) - 1;
        let rows = match self.epoch.take() {
            Some((number, rows)) if number == epoch => rows,
            _ => self.loader.epoch_rows(epoch),
        };
        let first = (self.step - boundaries[epoch]) * plan.step_rows;
        let of_step = &rows[first..rows.len().min(first + plan.step_rows)];
        let labels: usize = of_step.iter().flatten().map(|&example| examples[example].labels()).sum();
        self.waiting = of_step.chunks(plan.rows).map(|rows| Batch::new(examples, rows, 1.0 / labels as f32)).rev().collect();
        let last = self.waiting.len();
        for (index, batch) in self.waiting.iter_mut().rev().enumerate() {
            batch.completes_step = index + 1 == last;
        }
        self.epoch = Some((epoch, rows));
        self.step += 1;
    }
}

impl Iterator for Batches<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if self.waiting.is_empty() && self.step < self.loader.steps.end {
            self.fill();
        }
        self.waiting.pop()
    }
}

impl DataLoaderIterator<Batch> for Batches<'_> {
    fn progress(&self) -> Progress {
        Progress::new(self.step, self.loader.steps.end)
    }
}

impl<B: Backend> DataLoader<B, Batch> for Loader {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<Batch> + 'a> {
        Box::new(self.batches())
    }

    fn num_items(&self) -> usize {
        self.num_steps()
    }

    fn to_device(&self, _device: &B::Device) -> Arc<dyn DataLoader<B, Batch>> {
        // Batches are plain numbers; the model puts them on its device.
        Arc::new(self.clone())
    }

    fn slice(&self, start: usize, end: usize) -> Arc<dyn DataLoader<B, Batch>> {
        Arc::new(self.of_steps(self.steps.start + start..self.steps.start + end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loader(max_steps: Option<usize>) -> Loader {
        let examples = (0..50).map(|i| Example { ids: vec![1; 3 + i % 7], response_start: 2 }).collect();
        let plan = DataPlan { seeds: Some(SeedTree::root(3)), epochs: 3, max_steps, row_tokens: 16, rows: 2, step_rows: 5 };
        Loader::new(Arc::new(examples), plan)
    }

    #[test]
    fn starting_in_the_middle_gives_the_batches_that_would_have_followed() {
        let whole = loader(None);
        let all: Vec<Batch> = whole.batches().collect();
        assert_eq!(all.iter().filter(|batch| batch.completes_step).count(), whole.num_steps());
        for step in [1, 5, whole.num_steps() - 1] {
            let rest: Vec<Batch> = whole.of_steps(step..whole.num_steps()).batches().collect();
            let skipped = all.iter().scan(0, |done, batch| {
                let before = *done;
                *done += usize::from(batch.completes_step);
                Some(before)
            });
            let first = skipped.take_while(|&done| done < step).count();
            assert_eq!(rest, all[first..]);
        }
    }

    #[test]
    fn every_epoch_sees_every_label_once() {
        let whole = loader(None);
        let labels: usize = whole.batches().map(|batch| batch.labels).sum();
        assert_eq!(labels, 3 * whole.examples.iter().map(Example::labels).sum::<usize>());
    }

    #[test]
    fn the_weights_of_a_step_sum_to_one_and_steps_can_be_bounded() {
        let bounded = loader(Some(4));
        assert_eq!(bounded.num_steps(), 4);
        let (mut sum, mut steps) = (0.0, 0);
        for batch in bounded.batches() {
            sum += batch.weights.iter().sum::<f32>();
            if batch.completes_step {
                assert!((sum - 1.0).abs() < 1e-5, "{sum}");
                (sum, steps) = (0.0, steps + 1);
            }
        }
        assert_eq!(steps, 4);
    }
}
