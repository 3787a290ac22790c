//! A search told node by node, one statement a line: what is looked at, where the search turns, how branches end.

/// One statement, as it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim<'t> {
    /// The problem that is to be solved.
    Problem {
        /// Its initial state with its goal.
        state: &'t str,
    },
    /// The text begins to tell the search.
    Begin,
    /// The search stands at a state that was reached by these actions.
    At {
        /// The state with its problem's goal.
        state: &'t str,
        /// The list of actions from the start.
        history: &'t str,
    },
    /// An action of the state where the search stands, and what it leads to.
    Explore {
        /// The name of the new node, where the dialect gives it here.
        id: Option<&'t str>,
        /// The action.
        action: &'t str,
        /// The state it leads to.
        successor: &'t str,
    },
    /// The explored state gets a name and will be searched.
    Name {
        /// Its id.
        id: &'t str,
        /// The state with its problem's goal.
        state: &'t str,
        /// The action again.
        action: &'t str,
    },
    /// A branch ends here.
    Ending {
        /// The state compared with the goal.
        comparison: &'t str,
        /// Whether it is claimed to be the goal.
        is_goal: bool,
    },
    /// A game ends here, won by the player that the problem is posed for; the search goes on.
    Won {
        /// The state compared with the goal.
        comparison: &'t str,
    },
    /// How often a node was valued, it and all below it, and with what mean.
    Tally {
        /// Its id.
        id: &'t str,
        /// The number of values told.
        visits: &'t str,
        /// Their mean as a decimal fraction.
        mean: &'t str,
    },
    /// The line of play to a node is chosen, which ends the search of a game.
    Choose {
        /// Its id.
        id: &'t str,
        /// The state.
        state: &'t str,
    },
    /// The search turns to a named state.
    Move {
        /// Its id.
        id: &'t str,
        /// The state, where the dialect gives it here.
        state: Option<&'t str>,
        /// Whether the wording says that the search goes deeper, where the dialect tells that from coming back.
        is_deeper: Option<bool>,
    },
    /// A node is given a value.
    Value {
        /// Its id.
        id: &'t str,
        /// The value as a decimal fraction.
        value: &'t str,
    },
    /// The search gives up.
    GiveUp,
    /// The text has told the search.
    Close,
    /// The answer; `None` where the text says that there is none.
    Answer {
        /// The actions of the plan.
        plan: Option<&'t str>,
    },
    /// Something that is no statement of the format.
    Unreadable,
}

/// How nodes are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids {
    /// The position of each node among its siblings, from the root: `0,3,1`.
    Path,
    /// The same, counting only the siblings that are open, so that ended siblings share an id (Stream of Search).
    SharedPath,
    /// The order of generation: `7`.
    Number,
}

/// The wording of a format.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// Reads one line; whatever is no statement is unreadable.
    pub read: for<'t> fn(&'t str) -> Claim<'t>,
    /// How nodes are named.
    pub ids: Ids,
    /// Whether an answer stands at the end; the goal line ends the text where not.
    pub has_answer: bool,
    /// Whether all of the search is told, or the way to the goal alone.
    pub is_whole: bool,
    /// Whether a search that fails must say so.
    pub must_close: bool,
    /// What parts the actions of a plan.
    pub separator: &'static str,
}
