//! The metrics of a run folder: each row goes to `metrics.jsonl` and to the TensorBoard event file beside it.

use std::path::Path;

use super::{EventWriter, JsonlWriter, Row, Scalar};
use crate::error::Result;

/// Name of the metrics file in a run folder.
pub const METRICS_FILE: &str = "metrics.jsonl";
/// Name of the event file in a run folder: no time and no host in it, so that runs can be compared by bytes.
pub const EVENTS_FILE: &str = "events.out.tfevents.0000000000.metacot";

/// Both files, open for appending. A metric `loss` of split `train` becomes the TensorBoard curve `train/loss`; the event's wall time
/// is its step in seconds, because the files must not depend on the clock.
#[derive(Debug)]
pub struct MetricsLog {
    jsonl: JsonlWriter,
    events: EventWriter,
}

impl MetricsLog {
    /// Starts both files in `folder`, in place of what is there.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the folder cannot be written.
    pub fn create(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        Ok(Self { jsonl: JsonlWriter::create(folder.join(METRICS_FILE))?, events: EventWriter::create(folder.join(EVENTS_FILE))? })
    }

    /// Goes on with both files as they were after `last_step`; missing ones are begun.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the folder cannot be written, [`Error::Data`](crate::Error::Data) when `metrics.jsonl` is
    /// damaged before its last line.
    pub fn resume(folder: impl AsRef<Path>, last_step: u64) -> Result<Self> {
        let folder = folder.as_ref();
        let jsonl = JsonlWriter::resume(folder.join(METRICS_FILE), last_step)?;
        Ok(Self { jsonl, events: EventWriter::resume(folder.join(EVENTS_FILE), last_step)? })
    }

    /// Appends one row to both files.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the disk is full, or a metric is named `step` or `split`.
    pub fn append(&mut self, row: &Row) -> Result<()> {
        self.jsonl.append(row)?;
        for (name, &value) in &row.values {
            let tag = format!("{}/{name}", row.split);
            self.events.append(&Scalar { tag, step: row.step, value: value as f32, wall_time: row.step as f64 })?;
        }
        Ok(())
    }

    /// Waits until both files are on the disk; call it before a checkpoint that counts on them.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the disk fails.
    pub fn sync(&mut self) -> Result<()> {
        self.jsonl.sync()?;
        self.events.sync()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn row(step: u64) -> Row {
        Row::new(step, "train").with("loss", 1.0 / step as f64).with("tokens", 512.0 * step as f64)
    }

    #[test]
    fn a_resumed_log_equals_an_uninterrupted_one() {
        let (straight, resumed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut log = MetricsLog::create(straight.path()).unwrap();
        (1..=6).for_each(|step| log.append(&row(step)).unwrap());
        log.sync().unwrap();
        // The second run is killed after step 5; its last checkpoint is of step 3.
        let mut log = MetricsLog::resume(resumed.path(), 0).unwrap();
        (1..=5).for_each(|step| log.append(&row(step)).unwrap());
        let mut log = MetricsLog::resume(resumed.path(), 3).unwrap();
        (4..=6).for_each(|step| log.append(&row(step)).unwrap());
        for name in [METRICS_FILE, EVENTS_FILE] {
            assert_eq!(fs::read(straight.path().join(name)).unwrap(), fs::read(resumed.path().join(name)).unwrap());
        }
    }
}
