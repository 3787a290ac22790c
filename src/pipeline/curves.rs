//! The curves of a run in one place: every training's metrics and every evaluation's scores, as `metrics.jsonl` and TensorBoard events.

use std::{collections::BTreeMap, fs};

use super::Run;
use crate::{
    Error, Result,
    eval::{
        Evaluation, Revisions,
        statistics::{Bootstrap, mean},
    },
    metrics::{MetricsLog, Row},
};

impl Run<'_> {
    /// Writes both files anew from the finished trainings and evaluations. Steps of a training start at 1; those of evaluations are rounds.
    pub(super) fn curves(&self, trainings: &[String], evaluations: &[Vec<Evaluation>], revised: &[Revisions]) -> Result<()> {
        let mut log = MetricsLog::create(self.dir.root())?;
        for name in trainings {
            let path = self.dir.checkpoint(name).join("metrics.jsonl");
            // A run of a ladder that stopped may have left nothing.
            if !path.exists() {
                continue;
            }
            let text = fs::read_to_string(&path).map_err(Error::io("cannot read", &path))?;
            for (index, line) in text.lines().enumerate() {
                let damaged = |error: serde_json::Error| Error::data(&path, format!("line {}: {error}", index + 1));
                let values: BTreeMap<String, serde_json::Value> = serde_json::from_str(line).map_err(damaged)?;
                let step = values.get("step").and_then(serde_json::Value::as_u64).unwrap_or(0);
                let numbers = values.into_iter().filter_map(|(name, value)| Some((name, value.as_f64()?)));
                log.append(&numbers.filter(|(name, _)| name != "step").fold(Row::new(step, name), |row, (name, value)| row.with(name, value)))?;
            }
        }
        for (round, sets) in evaluations.iter().enumerate() {
            let rates = sets.iter().map(|evaluation| mean(&evaluation.solve_rates())).collect::<std::result::Result<Vec<f64>, _>>()?;
            for (set, rate) in ["eval-unseen", "eval-held-out"].into_iter().zip(rates) {
                log.append(&Row::new(round as u64, set).with("pass_at_1", rate))?;
            }
        }
        let mut rounds: BTreeMap<&str, u64> = BTreeMap::new();
        for revisions in revised {
            let round = rounds.entry(&revisions.feedback).or_default();
            // Only the means are wanted: one resample is enough.
            let scores = revisions.scores(&Bootstrap::new(&self.seeds).with_resamples(1))?;
            let row = Row::new(*round, format!("revisions-{}", revisions.feedback));
            let row = row.with("change", scores.change.value).with("repaired", scores.repaired.value).with("spoiled", scores.spoiled.value);
            let accuracy = scores.accuracy.iter().enumerate();
            log.append(&accuracy.fold(row, |row, (attempt, share)| row.with(format!("accuracy_{}", attempt + 1), share.value)))?;
            *round += 1;
        }
        log.sync()
    }
}
