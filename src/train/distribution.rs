//! What a policy gradient reads of rows of logits: the log-probability of the token that was chosen, the entropy, and the gradient of the entropy.
//!
//! In double precision and row by row, so that a number depends on its row alone.

use rayon::prelude::*;

/// Log-probability of the chosen token and entropy of one row, in nats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Outlook {
    pub log_prob: f64,
    pub entropy: f64,
}

/// Reads rows of logits `[n, v]`; a row whose target is `None` gives zeros.
pub(super) fn outlooks(logits: &[f32], targets: &[Option<u32>]) -> Vec<Outlook> {
    let v = logits.len() / targets.len().max(1);
    logits.par_chunks(v.max(1)).zip(targets.par_iter()).map(|(row, target)| target.map_or_else(Outlook::default, |target| outlook(row, target))).collect()
}

fn outlook(row: &[f32], target: u32) -> Outlook {
    let (highest, total, mean) = moments(row);
    let log_total = total.ln();
    Outlook { log_prob: f64::from(row[target as usize]) - highest - log_total, entropy: log_total - mean }
}

/// The largest logit; the sum of the exponentials of the logits less it; the mean of the logits less it under the distribution.
fn moments(row: &[f32]) -> (f64, f64, f64) {
    let highest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let (mut total, mut weighted) = (0.0, 0.0);
    for &logit in row {
        let gap = f64::from(logit) - highest;
        let power = gap.exp();
        total += power;
        // A logit of minus infinity has no part in the mean.
        weighted += if power > 0.0 { power * gap } else { 0.0 };
    }
    (highest, total, weighted / total)
}

/// The gradient of `sum(coefficient * entropy)` by the logits: `-c p (log p + H)`, `[n, v]`.
pub(super) fn entropy_gradient(logits: &[f32], coefficients: &[f64]) -> Vec<f32> {
    let v = logits.len() / coefficients.len().max(1);
    let mut gradient = vec![0.0; logits.len()];
    gradient.par_chunks_mut(v.max(1)).zip(logits.par_chunks(v.max(1))).zip(coefficients.par_iter()).for_each(|((out, row), &coefficient)| {
        if coefficient == 0.0 {
            return;
        }
        let (highest, total, mean) = moments(row);
        let log_total = total.ln();
        let entropy = log_total - mean;
        for (slope, &logit) in out.iter_mut().zip(row) {
            let log_prob = f64::from(logit) - highest - log_total;
            let prob = log_prob.exp();
            *slope = if prob > 0.0 { (-coefficient * prob * (log_prob + entropy)) as f32 } else { 0.0 };
        }
    });
    gradient
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_probabilities_and_entropies_match_hand_calculation() {
        // Probabilities 1/2, 1/4, 1/4.
        let row = [2.0_f32.ln(), 0.0, 0.0];
        let found = outlooks(&[row, row].concat(), &[Some(1), None]);
        assert!((found[0].log_prob - 0.25_f64.ln()).abs() < 1e-7);
        assert!((found[0].entropy - 1.5 * 2.0_f64.ln()).abs() < 1e-7);
        assert_eq!(found[1], Outlook::default());
    }

    #[test]
    fn the_gradient_of_the_entropy_is_its_finite_difference() {
        let row = [0.3_f32, -1.2, 0.9, 2.0];
        let gradient = entropy_gradient(&row, &[1.5]);
        for index in 0..row.len() {
            let shifted = |by: f32| {
                let mut row = row;
                row[index] += by;
                outlook(&row, 0).entropy
            };
            let finite = 1.5 * (shifted(1e-2) - shifted(-1e-2)) / 2e-2;
            assert!((f64::from(gradient[index]) - finite).abs() < 1e-4, "{index}: {} is not {finite}", gradient[index]);
        }
        assert_eq!(entropy_gradient(&row, &[0.0]), [0.0; 4]);
    }
}
