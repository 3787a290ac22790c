//! The choice of the next token from its logits.

use super::SampleConfig;
use super::kernels::{Isa, LANES, exponentials, maximum};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// Chooses tokens; holds the working memory for it.
#[derive(Clone, Debug)]
pub(super) struct Chooser {
    isa: Isa,
    /// Logits with the forbidden ones at minus infinity.
    masked: Vec<f32>,
    /// Unnormalised probabilities.
    weights: Vec<f32>,
    /// Candidates, the likeliest first.
    order: Vec<u32>,
}

impl Chooser {
    pub(super) fn new(isa: Isa) -> Self {
        Self { isa, masked: Vec::new(), weights: Vec::new(), order: Vec::new() }
    }

    /// A token and its log-probability (at the temperature `scored_at`, no mask, no cut-offs). `None` where `allowed` has no `true`.
    ///
    /// One draw is taken from `rng`, none where the choice is greedy. Where no allowed token has a probability, as with logits that are not numbers,
    /// it is the smallest allowed id.
    pub(super) fn choose(&mut self, logits: &[f32], allowed: Option<&[bool]>, config: &SampleConfig, rng: &mut ChaCha8Rng) -> Option<(u32, f32)> {
        let largest = maximum(self.isa, logits);
        self.weights.resize(logits.len(), 0.0);
        let scale = 1.0 / config.scored_at;
        let total = exponentials(self.isa, logits, largest, scale, &mut self.weights);
        let log_total = total.ln();
        let is_plain = config.temperature == config.scored_at && allowed.is_none();
        if let Some(allowed) = allowed {
            self.masked.clear();
            self.masked.extend(logits.iter().zip(allowed).map(|(logit, is_allowed)| if *is_allowed { *logit } else { f32::NEG_INFINITY }));
            if !allowed.contains(&true) {
                return None;
            }
        }
        let candidates = if allowed.is_some() { &self.masked[..] } else { logits };
        let id = if config.temperature <= 0.0 {
            let best = maximum(self.isa, candidates);
            candidates.iter().position(|logit| *logit == best).filter(|id| allowed.is_none_or(|allowed| allowed[*id]))
        } else {
            if !is_plain {
                let best = maximum(self.isa, candidates);
                exponentials(self.isa, candidates, best, (1.0 / config.temperature).min(f32::MAX), &mut self.weights);
            }
            let point = (rng.next_u32() >> 8) as f32 / (1 << 24) as f32;
            let id = if config.top_k == 0 && config.top_p >= 1.0 { Some(self.pick_any(point)) } else { self.pick_likely(point, config) };
            // Forbidden tokens and those without a number weigh nothing.
            id.filter(|id| self.weights[*id] > 0.0)
        };
        let id = id.unwrap_or_else(|| allowed.and_then(|allowed| allowed.iter().position(|is_allowed| *is_allowed)).unwrap_or(0));
        Some((id as u32, (logits[id] - largest) * scale - log_total))
    }

    /// The log-probability of `id`.
    pub(super) fn log_prob(&mut self, logits: &[f32], id: u32) -> f32 {
        let largest = maximum(self.isa, logits);
        self.weights.resize(logits.len(), 0.0);
        let total = exponentials(self.isa, logits, largest, 1.0, &mut self.weights);
        logits[id as usize] - largest - total.ln()
    }

    /// The token in whose share of the weights `point` (in [0, 1)) falls.
    fn pick_any(&self, point: f32) -> usize {
        let blocks = || self.weights.chunks(LANES).map(|block| block.iter().sum::<f32>());
        let mut left = point * blocks().sum::<f32>();
        let mut last = 0;
        for (block, sum) in blocks().enumerate() {
            if sum > 0.0 {
                last = block;
                if left < sum {
                    break;
                }
                left -= sum;
            }
        }
        let first = last * LANES;
        let block = &self.weights[first..self.weights.len().min(first + LANES)];
        first + pick(block.iter().copied(), left)
    }

    /// As [`pick_any`](Self::pick_any), among the likeliest tokens only; `None` where none has a weight.
    fn pick_likely(&mut self, point: f32, config: &SampleConfig) -> Option<usize> {
        let weights = &self.weights;
        self.order.clear();
        self.order.extend((0..weights.len() as u32).filter(|id| weights[*id as usize] > 0.0));
        let likelier = |a: &u32, b: &u32| weights[*b as usize].total_cmp(&weights[*a as usize]).then(a.cmp(b));
        if config.top_k > 0 && config.top_k < self.order.len() {
            self.order.select_nth_unstable_by(config.top_k - 1, likelier);
            self.order.truncate(config.top_k);
        }
        self.order.sort_unstable_by(likelier);
        let sum = |order: &[u32]| order.iter().map(|id| weights[*id as usize]).sum::<f32>();
        if config.top_p < 1.0 {
            let enough = config.top_p * sum(&self.order);
            let mut reached = 0.0;
            let below = self.order.iter().take_while(|id| {
                let is_below = reached < enough;
                reached += weights[**id as usize];
                is_below
            });
            let kept = below.count().max(1);
            self.order.truncate(kept);
        }
        let left = point * sum(&self.order);
        self.order.get(pick(self.order.iter().map(|id| weights[*id as usize]), left)).map(|id| *id as usize)
    }
}

/// The position in whose share `left` falls; the last that has one where rounding leaves too much.
fn pick(weights: impl Iterator<Item = f32>, mut left: f32) -> usize {
    let mut last = 0;
    for (position, weight) in weights.enumerate() {
        if weight > 0.0 {
            last = position;
            if left < weight {
                break;
            }
            left -= weight;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    const LOGITS: [f32; 5] = [1.0, 3.0, 2.0, 3.0, -4.0];

    fn config(temperature: f32, top_k: usize, top_p: f32) -> SampleConfig {
        SampleConfig { temperature, top_k, top_p, max_new_tokens: 1, stop: Vec::new(), scored_at: 1.0 }
    }

    fn counts(config: &SampleConfig, allowed: Option<&[bool]>) -> [usize; 5] {
        let (mut chooser, mut rng) = (Chooser::new(Isa::best()), ChaCha8Rng::seed_from_u64(3));
        let mut counts = [0; 5];
        for _ in 0..20_000 {
            counts[chooser.choose(&LOGITS, allowed, config, &mut rng).unwrap().0 as usize] += 1;
        }
        counts
    }

    #[test]
    fn frequencies_follow_the_softmax_at_every_temperature() {
        for temperature in [0.5, 1.0, 2.0] {
            let weights = LOGITS.map(|logit| f64::from(logit / temperature).exp());
            for (count, weight) in counts(&config(temperature, 0, 1.0), None).iter().zip(weights) {
                let expected = weight / weights.iter().sum::<f64>();
                // Four standard deviations.
                assert!((*count as f64 / 20_000.0 - expected).abs() < 4.0 * (expected / 20_000.0).sqrt() + 1e-4);
            }
        }
    }

    #[test]
    fn greedy_takes_the_smallest_of_equal_ids_and_no_draw() {
        let (mut chooser, mut rng) = (Chooser::new(Isa::best()), ChaCha8Rng::seed_from_u64(3));
        assert_eq!(chooser.choose(&LOGITS, None, &config(0.0, 0, 1.0), &mut rng).unwrap().0, 1);
        assert_eq!(rng, ChaCha8Rng::seed_from_u64(3));
    }

    #[test]
    fn top_k_keeps_k_and_the_smallest_ids_of_a_tie() {
        assert_eq!(counts(&config(1.0, 1, 1.0), None), [0, 20_000, 0, 0, 0]);
        let three = counts(&config(1.0, 3, 1.0), None);
        assert!(three[0] == 0 && three[4] == 0 && three[1] > 0 && three[2] > 0 && three[3] > 0);
    }

    #[test]
    fn top_p_keeps_the_smallest_set_that_reaches_p() {
        // Probabilities: 0.061, 0.397, 0.146, 0.397, 0.0004.
        assert_eq!(counts(&config(1.0, 0, 0.3), None)[1], 20_000);
        let two = counts(&config(1.0, 0, 0.7), None);
        assert_eq!(two[1] + two[3], 20_000);
        assert!(counts(&config(1.0, 0, 0.9), None)[2] > 0);
        assert_eq!(counts(&config(1.0, 0, 0.0), None)[1], 20_000);
    }

    #[test]
    fn a_mask_forbids_and_leaves_log_probs_alone() {
        let allowed = [true, false, false, false, true];
        let counted = counts(&config(1.0, 0, 1.0), Some(&allowed));
        assert_eq!(counted[0] + counted[4], 20_000);
        let (mut chooser, mut rng) = (Chooser::new(Isa::best()), ChaCha8Rng::seed_from_u64(3));
        let (id, log_prob) = chooser.choose(&LOGITS, Some(&allowed), &config(0.0, 0, 1.0), &mut rng).unwrap();
        let total: f32 = LOGITS.iter().map(|logit| logit.exp()).sum();
        assert!(id == 0 && (log_prob - (1.0 - total.ln())).abs() < 1e-6);
        assert_eq!(chooser.choose(&LOGITS, Some(&[false; 5]), &config(1.0, 0, 1.0), &mut rng), None);
    }

    #[test]
    fn logits_that_are_not_numbers_give_the_smallest_allowed_id() {
        let (allowed, settings) =
            ([false, false, true, true, false], [(0.0, 0, 1.0), (1.0, 0, 1.0), (0.5, 0, 1.0), (1.0, 2, 1.0), (1.0, 0, 0.9), (2.0, 3, 0.5)]);
        for isa in Isa::available() {
            let mut chooser = Chooser::new(isa);
            for (temperature, top_k, top_p) in settings {
                for bad in [f32::NAN, f32::NEG_INFINITY] {
                    let mut id = |logits: &[f32; 5], allowed: Option<&[bool]>| {
                        let mut rng = ChaCha8Rng::seed_from_u64(3);
                        chooser.choose(logits, allowed, &config(temperature, top_k, top_p), &mut rng).unwrap().0
                    };
                    assert_eq!([id(&[bad; 5], None), id(&[bad; 5], Some(&allowed))], [0, 2]);
                    // Numbers for forbidden tokens alone.
                    assert_eq!(id(&[1.0, 3.0, bad, bad, -4.0], Some(&allowed)), 2);
                }
            }
        }
    }
}
