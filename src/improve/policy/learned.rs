//! What a step of learning did, update by update, and what its updates amount to.

use metacot_objectives::Metrics;

use crate::train::Update;

/// What a step of learning did.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Learned {
    /// By update: the first holds what is true before anything moved.
    pub updates: Vec<Update>,
    /// Responses trained on, replayed ones included.
    pub responses: usize,
    /// The distance to the reference before the first update, in nats per response, where it was measured.
    pub distance: Option<f64>,
}

impl Learned {
    /// Diagnostics over all updates, each weighted by its tokens; extremes stay extremes.
    pub fn metrics(&self) -> Metrics {
        let tokens: f64 = self.updates.iter().map(|update| update.metrics.tokens as f64).sum();
        let mean =
            |read: fn(&Metrics) -> f64| self.updates.iter().map(|update| read(&update.metrics) * update.metrics.tokens as f64).sum::<f64>() / tokens.max(1.0);
        let Some(first) = self.updates.first().map(|update| update.metrics.clone()) else {
            return Metrics::default();
        };
        Metrics {
            tokens: tokens as usize,
            ratio_mean: mean(|metrics| metrics.ratio_mean),
            ratio_min: self.updates.iter().map(|update| update.metrics.ratio_min).fold(f64::INFINITY, f64::min),
            ratio_max: self.updates.iter().map(|update| update.metrics.ratio_max).fold(0.0, f64::max),
            clip_fraction: mean(|metrics| metrics.clip_fraction),
            clip_low_fraction: mean(|metrics| metrics.clip_low_fraction),
            clip_high_fraction: mean(|metrics| metrics.clip_high_fraction),
            dual_clip_fraction: mean(|metrics| metrics.dual_clip_fraction),
            value_clip_fraction: mean(|metrics| metrics.value_clip_fraction),
            old_kl_k1: mean(|metrics| metrics.old_kl_k1),
            old_kl_k2: mean(|metrics| metrics.old_kl_k2),
            old_kl_k3: mean(|metrics| metrics.old_kl_k3),
            ref_kl_k1: mean(|metrics| metrics.ref_kl_k1),
            ref_kl_k2: mean(|metrics| metrics.ref_kl_k2),
            ref_kl_k3: mean(|metrics| metrics.ref_kl_k3),
            entropy: mean(|metrics| metrics.entropy),
            effective_sample_share: mean(|metrics| metrics.effective_sample_share),
            sampler_gap_mean: mean(|metrics| metrics.sampler_gap_mean),
            sampler_gap_max: self.updates.iter().map(|update| update.metrics.sampler_gap_max).fold(0.0, f64::max),
            staleness_mean: mean(|metrics| metrics.staleness_mean),
            staleness_max: self.updates.iter().map(|update| update.metrics.staleness_max).max().unwrap_or(0),
            explained_variance: mean(|metrics| metrics.explained_variance),
            ..first
        }
    }

    /// Mean loss and mean gradient norm of the updates.
    pub fn loss_and_norm(&self) -> (f64, f64) {
        let count = self.updates.len().max(1) as f64;
        let sum = |read: fn(&Update) -> f64| self.updates.iter().map(read).sum::<f64>() / count;
        (sum(|update| update.loss), sum(|update| update.gradient_norm))
    }
}
