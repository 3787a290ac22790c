//! Nodes that enter and leave a frontier, each with its cost so far and its bound: the language of A* in Searchformer.

/// One statement, as it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim<'t> {
    /// The problem.
    Problem {
        /// Its initial state with its goal.
        state: &'t str,
    },
    /// A node enters the frontier.
    Create(Entry<'t>),
    /// A node enters the frontier, its costs left out: a statement of thinned texts only.
    Name {
        /// The state.
        state: &'t str,
    },
    /// A node leaves the frontier and is expanded, or is the goal.
    Close(Entry<'t>),
    /// The next place of the plan, the start included.
    Plan {
        /// The place.
        place: &'t str,
    },
    /// Something that is no statement of the format.
    Unreadable,
}

/// A node with its costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'t> {
    /// The state.
    pub state: &'t str,
    /// Cost from the start, as a number.
    pub cost: &'t str,
    /// Lower bound on the rest, as a number.
    pub bound: &'t str,
}

/// A statement, the bytes where it stands, and where the next one starts.
pub type ReadStatement<'t> = (Claim<'t>, std::ops::Range<usize>, usize);

/// The wording of a format.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// Reads the statement that starts at a byte offset and returns where the next one starts.
    pub read: for<'t> fn(&'t str, usize) -> Option<ReadStatement<'t>>,
    /// Whether the search must be told, or the plan alone stands there.
    pub has_search: bool,
    /// Whether ties must be broken as deterministic A* breaks them: the smallest state first, children in the environment's order.
    pub has_fixed_ties: bool,
}
