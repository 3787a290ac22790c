//! The steps of a solution, one a line, and the answer: no search is told.

/// One statement, as it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim<'t> {
    /// The problem.
    Problem {
        /// Its initial state with its goal.
        state: &'t str,
    },
    /// A fixed line that says nothing.
    Heading,
    /// The next step.
    Step {
        /// Its number, from 1.
        number: &'t str,
        /// The action.
        action: &'t str,
        /// The state it leads to.
        successor: &'t str,
    },
    /// The answer.
    Answer {
        /// The actions of the plan.
        plan: &'t str,
    },
    /// Something that is no statement of the format.
    Unreadable,
}

/// A line that takes steps back, as the transforms `retry` and `revision` write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retake {
    /// The last step.
    Step,
    /// The same in the words of self-backtracking.
    Backtrack,
    /// All steps.
    Steps,
    /// The whole attempt, its answer included.
    Attempt,
}

impl Retake {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Step, Self::Backtrack, Self::Steps, Self::Attempt];

    /// The line.
    pub fn line(self) -> &'static str {
        match self {
            Self::Step => "[BACK]",
            Self::Backtrack => "<backtrack>",
            Self::Steps => "[RESET]",
            Self::Attempt => "That is wrong. Let me try again.",
        }
    }

    /// What a line takes back; `None` for every other line.
    pub fn read(line: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|retake| retake.line() == line)
    }
}

/// The wording of a format.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// Reads one line; whatever is no statement is unreadable.
    pub read: for<'t> fn(&'t str) -> Claim<'t>,
    /// Number of fixed lines between problem and steps.
    pub num_headings: usize,
    /// Whether the steps must be told, or the answer alone stands there.
    pub has_steps: bool,
    /// What parts the actions of a plan.
    pub separator: &'static str,
}
