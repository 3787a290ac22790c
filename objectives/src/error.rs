//! What can be wrong with a batch or a configuration.

/// Why an objective cannot be evaluated.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ObjectiveError {
    /// A name is not registered.
    #[error("{family} {name:?} is unknown; expected one of {allowed}")]
    Unknown {
        /// What was looked up: a reward, an advantage, a loss or an objective.
        family: String,
        /// The name that was asked for.
        name: String,
        /// The names that exist.
        allowed: String,
    },
    /// A setting has a value that is not allowed.
    #[error("setting {setting} is {value}; expected {expected}")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A sequence lacks numbers that the objective reads.
    #[error("sequence {sequence} has no {field}, which this objective reads")]
    Missing {
        /// What is absent.
        field: &'static str,
        /// The index of the sequence in its batch.
        sequence: usize,
    },
    /// A sequence has a wrong number of entries.
    #[error("sequence {sequence} has {found} entries of {field}; expected {expected}")]
    Length {
        /// Which numbers.
        field: &'static str,
        /// The index of the sequence in its batch.
        sequence: usize,
        /// How many there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A number that is read is NaN or infinite.
    #[error("{field} of sequence {sequence}, token {token} is not finite")]
    NotFinite {
        /// Which number.
        field: &'static str,
        /// The index of the sequence in its batch.
        sequence: usize,
        /// The token of the response.
        token: usize,
    },
    /// Boundaries of steps or episodes do not ascend from zero within the response.
    #[error("{field} of sequence {sequence} must start at 0 and ascend within the response")]
    Boundaries {
        /// Which boundaries.
        field: &'static str,
        /// The index of the sequence in its batch.
        sequence: usize,
    },
    /// A stack's convention refuses groups of one.
    #[error("prompt {prompt} has a single rollout, which convention {convention} refuses")]
    SingleRollout {
        /// The prompt.
        prompt: usize,
        /// The stack whose convention it is.
        convention: &'static str,
    },
    /// A loss on pairs got none, or a pair names what does not exist.
    #[error("pair {pair} names a sequence or tokens outside the batch")]
    Pair {
        /// The index of the pair.
        pair: usize,
    },
    /// Advantages of another batch were handed over.
    #[error("advantages do not have the shape of the batch")]
    Shape,
}

impl ObjectiveError {
    pub(crate) fn unknown(family: &str, name: &str, allowed: impl Iterator<Item = &'static str>) -> Self {
        Self::Unknown { family: family.to_lowercase(), name: name.into(), allowed: allowed.collect::<Vec<_>>().join(", ") }
    }
}
