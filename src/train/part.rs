//! A mini-batch in parts: rows that are worked on at once, what is read from them, and what the parts add up to.

use std::{collections::BTreeMap, sync::Arc};

use metacot_objectives::{Coefficients, Metrics};

use super::{distribution::outlooks, learner::Scores};
use crate::{
    data::{Batch, Example},
    kernels::{Tape, TapedRows, Track},
};

/// Rows of responses that are worked on at once, and where their labels lie.
pub(super) struct Part {
    pub batch: Batch,
    /// Example, position of its first label, number of its labels.
    places: Vec<(usize, usize, usize)>,
}

impl Part {
    pub fn new(examples: &[Example], rows: &[Vec<usize>]) -> Self {
        let batch = Batch::new(examples, rows, 1.0);
        let places = batch.first_labels(examples, rows).into_iter().map(|(document, at)| (document, at, examples[document].labels())).collect();
        Self { batch, places }
    }

    /// The scores of each response from logits `[n, v]` and values `[n]`.
    pub fn read(&self, examples: &[Example], logits: &[f32], values: Option<Vec<f32>>) -> BTreeMap<usize, Scores> {
        let mut targets = vec![None; self.batch.targets.len()];
        for &(document, at, labels) in &self.places {
            let example = &examples[document];
            targets[at..at + labels].iter_mut().zip(&example.ids[example.response_start..]).for_each(|(target, id)| *target = Some(*id));
        }
        let outlooks = outlooks(logits, &targets);
        let scores = |&(document, at, labels): &(usize, usize, usize)| {
            let own = &outlooks[at..at + labels];
            let values = values.as_ref().map(|values| values[at..at + labels].iter().map(|value| f64::from(*value)).collect()).unwrap_or_default();
            let scores = Scores {
                log_probs: own.iter().map(|outlook| outlook.log_prob).collect(),
                entropies: own.iter().map(|outlook| outlook.entropy).collect(),
                values,
            };
            (document, scores)
        };
        self.places.iter().map(scores).collect()
    }

    /// The rows of the part as the sampler taped them, where it taped all of them.
    pub fn taped(&self, examples: &[Example], tracks: &[Option<Track>]) -> Option<TapedRows> {
        let mut rows = vec![None; self.batch.targets.len()];
        let mut tape: Option<&Arc<Tape>> = None;
        for &(document, at, _) in &self.places {
            let (example, track) = (&examples[document], tracks.get(document)?.as_ref()?);
            if track.rows.len() != example.positions() || !Arc::ptr_eq(tape.get_or_insert(&track.tape), &track.tape) {
                return None;
            }
            let first = at + 1 - example.response_start;
            rows[first..first + track.rows.len()].iter_mut().zip(&track.rows).for_each(|(row, taped)| *row = Some(*taped));
        }
        Some(TapedRows::new(tape?.clone(), rows))
    }

    /// Coefficients by response, in the order of `indices`, as coefficients by position.
    pub fn spread(&self, indices: &[usize], rows: &[Vec<f64>]) -> Vec<f64> {
        let of: BTreeMap<usize, &Vec<f64>> = indices.iter().copied().zip(rows).collect();
        let mut spread = vec![0.0; self.batch.targets.len()];
        for (document, at, labels) in &self.places {
            spread[*at..at + labels].copy_from_slice(of[document]);
        }
        spread
    }
}

/// What the parts of a mini-batch add up to.
pub(super) struct Total {
    pub loss: f64,
    pub is_finite: bool,
    pub has_gradient: bool,
    tokens: f64,
    /// Clipped from below, from above, by the dual clip; values held: each times tokens.
    clips: [f64; 4],
    pairs: [f64; 2],
}

impl Default for Total {
    fn default() -> Self {
        Self { loss: 0.0, is_finite: true, has_gradient: false, tokens: 0.0, clips: [0.0; 4], pairs: [0.0; 2] }
    }
}

impl Total {
    pub fn add(&mut self, answer: &Coefficients) {
        let metrics = &answer.metrics;
        let tokens = metrics.tokens as f64;
        self.loss += answer.loss;
        self.is_finite &= answer.is_finite();
        self.tokens += tokens;
        let clips = [metrics.clip_low_fraction, metrics.clip_high_fraction, metrics.dual_clip_fraction, metrics.value_clip_fraction];
        self.clips.iter_mut().zip(clips).for_each(|(sum, clip)| *sum += clip * tokens);
        // Pairs lie in one part.
        self.pairs = [metrics.pair_accuracy, metrics.pair_margin];
    }

    pub fn metrics(&self, measured: Metrics) -> Metrics {
        let [low, high, dual, value] = self.clips.map(|clip| clip / self.tokens.max(1.0));
        Metrics {
            clip_fraction: low + high,
            clip_low_fraction: low,
            clip_high_fraction: high,
            dual_clip_fraction: dual,
            value_clip_fraction: value,
            pair_accuracy: self.pairs[0],
            pair_margin: self.pairs[1],
            ..measured
        }
    }
}
