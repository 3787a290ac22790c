//! `metrics.jsonl`: one line per step, the same bytes for an interrupted and an uninterrupted run.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, ErrorKind, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    atomic,
    error::{Error, Result},
};

/// A line of the file.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Line {
    /// A step of the optimizer.
    Step {
        /// Steps done.
        step: usize,
        /// Positions that held a document, since the start.
        tokens: u64,
        /// Mean negative log-likelihood of the labels, in nats.
        loss: f64,
        /// Learning rate.
        lr: f64,
        /// Norm of the gradient before clipping.
        grad_norm: f64,
    },
    /// A measurement on the validation examples.
    Validation {
        /// Steps done.
        step: usize,
        /// Mean negative log-likelihood of the validation labels, in nats.
        validation_loss: f64,
    },
    /// A measurement on validation problems.
    Solve {
        /// Steps done.
        step: usize,
        /// Share of the problems whose answer is right, in [0, 1].
        solve_rate: f64,
        /// Share of the responses without a false statement, in [0, 1].
        valid_rate: f64,
    },
}

/// The file, open at its end.
pub(super) struct MetricsFile {
    path: PathBuf,
    file: BufWriter<File>,
}

impl MetricsFile {
    /// Opens the file and drops what it says of steps after `step`: they will be done again.
    pub fn resume(path: &Path, step: usize) -> Result<Self> {
        #[derive(Deserialize)]
        struct Numbered {
            step: usize,
        }
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::io("cannot read", path)(error)),
        };
        let kept = text
            .split_inclusive('\n')
            .take_while(|line| line.ends_with('\n') && serde_json::from_str::<Numbered>(line).is_ok_and(|line| line.step <= step))
            .collect::<String>();
        atomic::write(path, kept.as_bytes())?;
        let file = OpenOptions::new().append(true).open(path).map_err(Error::io("cannot write", path))?;
        Ok(Self { path: path.to_path_buf(), file: BufWriter::new(file) })
    }

    /// Appends a line.
    pub fn append(&mut self, line: &Line) -> Result<()> {
        let text = serde_json::to_string(line).map_err(|error| Error::data(&self.path, format!("cannot hold a line: {error}")))?;
        writeln!(self.file, "{text}").map_err(Error::io("cannot write", &self.path))
    }

    /// Puts all lines on the disk; done before every checkpoint, so that a checkpoint never knows of steps that the file does not.
    pub fn sync(&mut self) -> Result<()> {
        self.file.flush().and_then(|()| self.file.get_ref().sync_all()).map_err(Error::io("cannot write", &self.path))
    }
}
