//! Why a problem gives no record.

/// A reason, counted in manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// The search failed, and the format or the transform tells solutions only.
    Unsolved,
    /// The search succeeded, and the transform keeps failed ones only.
    Solved,
    /// The transform found nothing to tell: no other problem, or no line of play that fails.
    Untransformed,
}

impl Skip {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::Unsolved, Self::Solved, Self::Untransformed];

    /// Its name among the counts of a manifest.
    pub fn count_name(self) -> &'static str {
        match self {
            Self::Unsolved => "skipped_unsolved",
            Self::Solved => "skipped_solved",
            Self::Untransformed => "skipped_untransformed",
        }
    }

    /// The reason in words that follow a number of problems.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unsolved => "whose search failed, where solutions only can be told",
            Self::Solved => "whose search succeeded, where failed ones are kept",
            Self::Untransformed => "for which the transform found nothing to tell",
        }
    }
}
