//! What can be wrong with numbers that a statistic is asked of.

use crate::error::Error;

/// Numbers from which the asked statistic cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum StatisticsError {
    /// No observation at all.
    #[error("no values: at least one is needed")]
    Empty,
    /// A pass@k of no attempts.
    #[error("k is 0: pass@k needs at least one attempt")]
    ZeroAttempts,
    /// Fewer samples than attempts, where pass@k has no unbiased estimate.
    #[error("pass@{k} needs at least {k} samples for each problem, and one has {samples}")]
    TooFewSamples {
        /// Attempts allowed.
        k: u32,
        /// Samples drawn.
        samples: u32,
    },
    /// More successes than trials.
    #[error("{successes} successes in {trials} trials")]
    TooManySuccesses {
        /// Successes counted.
        successes: u64,
        /// Trials counted.
        trials: u64,
    },
    /// An observation that is infinite or not a number.
    #[error("value {index} is {value}: only finite numbers have a mean")]
    NotFinite {
        /// Place of the observation, from 0.
        index: usize,
        /// The observation.
        value: f64,
    },
    /// Finite observations whose sum is not.
    #[error("the sum of the values is beyond the range of a double")]
    Overflow,
    /// Paired observations that do not pair.
    #[error("{left} values against {right}: a paired comparison needs the same problems on both sides")]
    Unpaired {
        /// Observations of the first side.
        left: usize,
        /// Observations of the second side.
        right: usize,
    },
    /// A quantile outside the data.
    #[error("quantile {0}: it must lie in [0, 1]")]
    QuantileRange(f64),
}

impl From<StatisticsError> for Error {
    fn from(fault: StatisticsError) -> Self {
        Self::Usage(fault.to_string())
    }
}
