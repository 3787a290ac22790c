//! The text of problems, states and actions, from a closed list of symbols: what formats write and audits read back.
//!
//! **Invariant**: reading never fails hard. A claim about an action or state either is understood, or its fault is named.

use crate::{Environment, Language};

/// Why the text of an action is not an action of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActionFault {
    /// It does not read as an action at all.
    Syntax,
    /// The operation is legal but its claimed result is wrong.
    Arithmetic,
    /// It uses something that the state does not have (a number already used, a cell outside the grid).
    Unavailable,
    /// It reads, its operands exist, and the rules forbid it.
    Illegal,
}

/// The closed vocabulary of a notation: every text it writes is a sequence of these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    /// Fixed pieces of text, such as operators and brackets. Non-empty, without digits.
    pub phrases: Vec<String>,
    /// Whether decimal integers occur.
    pub has_integers: bool,
    /// The largest integer that an input of a problem can be; results may be larger.
    pub largest_input: u32,
}

/// How an environment is written. All methods append to `out`, which is never cleared.
pub trait Notation: Environment {
    /// What an action is called in prose, capitalised (`Operation`, `Move`).
    const ACTION_NOUN: &'static str;
    /// What a successor state is called in prose, capitalised (`Numbers`, `Position`).
    const STATE_NOUN: &'static str;

    /// The symbols that the methods below can write.
    fn symbols(&self) -> Symbols;

    /// The whole of a state together with its problem's goal, from which both can be read back (`24:[3, 5, 9]`).
    fn write_state(&self, problem: &Self::Problem, state: &Self::State, out: &mut String);

    /// Appends what [`write_state`](Self::write_state) puts before the successor of every state (`24:`), and says so, where it writes that and
    /// then the state alone: a state that stands there once need not be rendered again. `false`, and nothing, elsewhere.
    fn write_state_prefix(&self, _problem: &Self::Problem, _out: &mut String) -> bool {
        false
    }

    /// The state alone (`[3, 5]`).
    fn write_successor(&self, problem: &Self::Problem, state: &Self::State, out: &mut String);

    /// The part of a state by which a Searchformer plan names it (the worker's cell in Sokoban).
    fn write_place(&self, problem: &Self::Problem, state: &Self::State, out: &mut String) {
        self.write_successor(problem, state, out);
    }

    /// An action taken in `state`, with its effect where the notation shows one (`3*9=27`).
    fn write_action(&self, problem: &Self::Problem, state: &Self::State, action: &Self::Action, out: &mut String);

    /// A state that ends a branch, compared with the goal (`27,24`).
    fn write_comparison(&self, problem: &Self::Problem, state: &Self::State, out: &mut String);

    /// How exactly these texts can be written: all that the methods above write of the states of a problem is of it, and where no problem is
    /// given, all that they write of any problem that the environment draws. Where nothing more is known, any sequence of symbols.
    fn language(&self, _problem: Option<&Self::Problem>) -> Language {
        Language::of_symbols(&self.symbols())
    }

    /// The problem whose initial state [`write_state`](Self::write_state) wrote as `text`; `None` where it does not read as one.
    fn read_problem(&self, text: &str) -> Option<Self::Problem>;

    /// The action of `state` that `text` names; where several do, the one whose successor is written as `effect`.
    ///
    /// # Errors
    /// Which fault keeps the text from being one.
    fn read_action(&self, problem: &Self::Problem, state: &Self::State, text: &str, effect: Option<&str>) -> Result<Self::Action, ActionFault>;

    /// Appends what an action that is [`Unavailable`](ActionFault::Unavailable) uses and `state` does not have (`7`); nothing where the notation
    /// has no word for it.
    fn write_missing(&self, _problem: &Self::Problem, _state: &Self::State, _text: &str, _out: &mut String) {}
}
