//! Where the sampler's weights come from: the trainer's own, a copy of them, or those of some steps ago.
//!
//! All modes give the same responses from the same weights; with a lag the weights differ, and the staleness of every response is known. What a copy's trainer
//! computes again, the trainer of shared weights reads from the sampler's tape: the same but for rounding, so that the two part in the last digits.

use std::{collections::VecDeque, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    kernels::Track,
    model::Weights,
    sample::{CpuDecoder, DecoderConfig},
};

/// Where the sampler's weights come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Mode {
    /// The trainer's own, packed where they lie; the sampler and its caches live as long as the run. The sampler's forward pass is that of the step's first update,
    /// too, and of what is scored before it, where it can be: on a CPU, in single precision, without gradient checkpointing, of responses of one attempt without
    /// reference solutions. `sampler_gap` then compares output layers alone.
    Shared {
        /// MiB that what the sampler computed for the trainer may take; of responses beyond, and with 0 of all, the trainer computes it again. Both ways agree but for
        /// rounding.
        #[serde(default = "default_tape", skip_serializing_if = "is_default_tape")]
        tape_mib: usize,
    },
    /// A copy through a file, read by a new sampler at every step, as stacks with a sampler of its own process do.
    Copy,
    /// Those of `lag` steps ago, as if sampling ran ahead of training.
    Async {
        /// Steps, at least 1 to differ from shared.
        lag: usize,
    },
}

fn default_tape() -> usize {
    2048
}

fn is_default_tape(tape_mib: &usize) -> bool {
    *tape_mib == default_tape()
}

impl Default for Mode {
    fn default() -> Self {
        Self::Shared { tape_mib: default_tape() }
    }
}

/// The sampler of a run.
pub(super) struct Sampler {
    mode: Mode,
    config: DecoderConfig,
    decoder: Option<CpuDecoder>,
    /// Weights of the last steps with the optimizer steps before them, oldest first; only with a lag.
    history: VecDeque<(usize, Weights)>,
    /// Optimizer steps before the weights that are sampled from.
    version: usize,
    folder: PathBuf,
}

impl Sampler {
    /// A sampler; `history` is what [`Sampler::history`] gave.
    pub fn new(mode: Mode, config: DecoderConfig, history: VecDeque<(usize, Weights)>, folder: PathBuf) -> Self {
        Self { mode, config, decoder: None, history, version: 0, folder }
    }

    /// Brings the sampler to where it samples a step from, whose weights are `weights` after `updates` optimizer steps.
    ///
    /// # Errors
    /// The weights are not finite, or the file of a copy cannot be written or read.
    pub fn refresh(&mut self, weights: Weights, updates: usize) -> Result<()> {
        weights.check_finite().map_err(Error::Stopped)?;
        self.version = updates;
        match self.mode {
            Mode::Shared { .. } => self.pack(&weights),
            Mode::Copy => {
                let path = self.folder.join("sampler.safetensors");
                weights.save(&path)?;
                self.decoder = Some(CpuDecoder::new(&Weights::load(&path)?, self.config));
            }
            Mode::Async { lag } => {
                self.history.push_back((updates, weights));
                while self.history.len() > lag + 1 {
                    self.history.pop_front();
                }
                if let Some((version, weights)) = self.history.front().cloned() {
                    self.version = version;
                    self.pack(&weights);
                }
            }
        }
        Ok(())
    }

    /// The sampler over the weights of the last refresh.
    pub fn decoder(&mut self) -> &mut CpuDecoder {
        self.decoder.as_mut().expect("a sampler is refreshed before it is used")
    }

    /// Begins to record what the trainer of a step need not compute again, where the mode asks for it.
    pub fn record(&mut self) {
        if let Mode::Shared { tape_mib: tape_mib @ 1.. } = self.mode {
            self.decoder().record(tape_mib.saturating_mul(1 << 20));
        }
    }

    /// Ends the recording: what was computed of each response since it began, in order; nothing where there was none.
    pub fn end_recording(&mut self) -> Vec<Option<Track>> {
        self.decoder().end_recording()
    }

    /// Optimizer steps before the weights that are sampled from.
    pub fn version(&self) -> usize {
        self.version
    }

    /// What a checkpoint keeps.
    pub fn history(&self) -> &VecDeque<(usize, Weights)> {
        &self.history
    }

    fn pack(&mut self, weights: &Weights) {
        match &mut self.decoder {
            Some(decoder) => decoder.replace(weights),
            None => self.decoder = Some(CpuDecoder::new(weights, self.config)),
        }
    }
}
