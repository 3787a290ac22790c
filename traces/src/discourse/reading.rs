//! What was done to a text of a format before it was written, as far as reading it goes: lines that take steps back, parts that were left
//! out, a rating before the prompt, or another search than the prompt asks for.
//!
//! A [transform](crate::transform) states it; a plain text has none of it.

use metacot_envs::World;

use super::{Discourse, Parsed, lines, steps::Retake};
use crate::{Trace, TraceFormat};

/// How a transformed text is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What stands before the prompt.
    pub rating: Option<Rating>,
    /// The lines that may take steps back, in discourses of steps.
    pub retakes: Retakes,
    /// What may be left out, in discourses of frontiers.
    pub thinning: Option<Thinning>,
    /// What its statements claim to be.
    pub truth: Truth,
}

/// The lines of a text that may take steps back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retakes {
    /// Those that may occur.
    pub marks: &'static [Retake],
    /// Whether a step that is taken back is one of the solution, told too early, instead of another legal one.
    pub are_early: bool,
}

/// A rating of the search before the prompt, two decimals and an arrow: `0.87->`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rating {
    /// The share of the generated nodes that the plan needed, 0 where the search failed.
    Share,
    /// That of Stream of Search: one minus the generated nodes over the nodes of the whole tree, 0 where the search failed.
    Sos,
}

/// What is left out of a frontier, by the levels of Dualformer: 1 closings, 2 costs too, 3 some creations too, 4 the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thinning {
    /// The level of every text; `None` where each has its own.
    pub level: Option<u8>,
    /// Whether the response begins with `fast` (level 4) or `slow`.
    pub has_mode_token: bool,
}

/// What the statements of a text claim to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Truth {
    /// True, and the answer solves the problem.
    #[default]
    Honest,
    /// True, but for the answer, which must not solve the problem: a control.
    Unsolved,
    /// Those of another problem, of which only the form can be audited: a control.
    Foreign,
}

impl Reading {
    /// Whether the text is wrong on purpose.
    pub fn is_control(self) -> bool {
        self.truth != Truth::Honest
    }

    /// A text of `format` with the way to read it.
    pub fn parse<'t, E: World>(self, format: &dyn TraceFormat<E>, text: &'t str) -> Parsed<'t> {
        Parsed { reading: self, ..format.parse(text) }
    }

    /// The reading of a response, before which no rating stands.
    pub fn of_response(self) -> Self {
        Self { rating: None, ..self }
    }

    /// The reading that lets most be said, for texts of which nobody says how they were made: as far as a text looks so, it may begin with a
    /// rating and take steps back.
    pub fn guessed(text: &str) -> Self {
        let takes_back = lines(text).any(|(_, line)| Retake::read(line).is_some());
        let marks: &'static [Retake] = if takes_back { Retake::ALL } else { &[] };
        Self { rating: rating(text).map(|_| Rating::Share), retakes: Retakes { marks, are_early: false }, ..Self::default() }
    }

    /// The length in bytes of the rating that a text begins with; 0 where there is none or none is expected.
    pub fn start(self, text: &str) -> usize {
        self.rating.and(rating(text)).map_or(0, |rating| rating.len() + ARROW.len())
    }
}

/// What stands behind a rating.
const ARROW: &str = "->";

/// The rating that a text begins with, without its arrow.
fn rating(text: &str) -> Option<&str> {
    let number = text.get(..4)?;
    let is_rating = text[4..].starts_with(ARROW) && number.parse::<f64>().is_ok_and(|value| (0.0..=1.0).contains(&value));
    is_rating.then_some(number)
}

impl Rating {
    /// The rating of a search as it stands before the prompt.
    pub fn write<E: World>(self, problem: &E::Problem, trace: &Trace<E>) -> String {
        format!("{:.2}{ARROW}", self.of(problem, trace))
    }

    /// Whether `text` begins with the rating of the search that it tells, which is all of the search where `is_whole`; the search of a text
    /// that leaves nodes out has rated no better.
    pub(crate) fn is_true<E: World>(self, text: &str, problem: &E::Problem, told: &Trace<E>, (is_solved, is_whole): (bool, bool)) -> bool {
        let Some(claimed) = rating(text) else { return false };
        let expected = if told.goal.is_some() { self.of(problem, told) } else { f64::from(u8::from(is_solved)) };
        let expected = format!("{expected:.2}");
        if is_whole { claimed == expected } else { claimed <= expected.as_str() }
    }

    fn of<E: World>(self, problem: &E::Problem, trace: &Trace<E>) -> f64 {
        let Some(goal) = trace.goal else { return 0.0 };
        let generated = trace.nodes.len().max(1) as f64;
        match self {
            Self::Share => f64::from(trace.node(goal).depth + 1) / generated,
            Self::Sos => (1.0 - generated / tree_size(problem)).max(0.0),
        }
    }
}

/// The nodes of the whole tree of a Countdown problem as Stream of Search counts them: every pair of numbers at each level, four operations.
fn tree_size(problem: &impl serde::Serialize) -> f64 {
    let json = serde_json::to_value(problem).unwrap_or_default();
    let count = json.get("numbers").and_then(serde_json::Value::as_array).map_or(0, Vec::len);
    (2..=count).map(|left| 2.0 * (left * (left - 1)) as f64).product()
}

impl Discourse {
    /// Whether texts tell nodes, and not an answer alone.
    pub fn tells_nodes(&self) -> bool {
        match self {
            Self::Tree(_) => true,
            Self::Frontier(dialect) => dialect.has_search,
            Self::Steps(dialect) => dialect.has_steps,
        }
    }
}
