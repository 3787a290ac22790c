//! Stream of Search (Gandhi et al. 2024): one line per thought, seven forms of line.
//!
//! Departures from the published texts, each a fault of theirs: a search that fails says so in a last line, and every child has an id of
//! its own, leaves included. `compat=true` takes both back and ends goal lines as they do. `sos-plan` writes the path to the goal in the
//! same language and nothing else.

mod writer;

use metacot_envs::{Language, Pattern, SettingError, Settings, Status, World};

use super::{TraceFormat, Turn, number};
use crate::{
    Event, Trace,
    discourse::{
        Discourse, Parsed, Reading, split_at_mark,
        tree::{Claim, Dialect, Ids},
    },
};
use writer::Writer;

const CURRENT: &str = "Current State: ";
const HISTORY: &str = ", Operations: ";
const EXPLORING: &str = "Exploring Operation: ";
const RESULT: &str = ", Resulting Numbers: ";
const GENERATED: &str = "Generated Node #";
const BY: &str = " Operation: ";
const MOVING: &str = "Moving to Node #";
const GOAL: &str = " equal: Goal Reached";
const DEAD: &str = " unequal: No Solution";
const GIVE_UP: &str = "No solution found.";

/// The format; `sos-plan` where `plan_only`. Settings: `compat` (the published text, faults included).
#[derive(Clone, Debug)]
pub struct Sos {
    plan_only: bool,
    is_compat: bool,
}

impl Sos {
    /// Reads the settings of `sos`.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["compat"])?;
        Ok(Self { plan_only: false, is_compat: settings.flag("compat", false)? })
    }

    /// Reads the settings of `sos-plan`.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure_plan(settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self { plan_only: true, ..Self::configure(settings)? })
    }
}

/// Whether the published generator ends this failed search with a line of its own: its BFS does, which visits its dead leaves last; its DFS,
/// which never turns to one, just stops.
fn says_that_it_failed<E: World>(env: &E, problem: &E::Problem, trace: &Trace<E>) -> bool {
    matches!(trace.events.last(), Some(Event::Visit(node)) if env.status(problem, &trace.node(*node).state) == Status::DeadEnd)
}

impl<E: World> TraceFormat<E> for Sos {
    fn write(&self, env: &E, problem: &E::Problem, trace: &Trace<E>, out: &mut String) -> usize {
        let solution = if self.plan_only { trace.solution_only() } else { None };
        let trace = solution.as_ref().unwrap_or(trace);
        let start = out.len();
        let mut writer = Writer::new(env, problem, trace, self.is_compat, out);
        writer.current(0);
        let prompt_len = writer.len() - start;
        let mut is_started = false;
        let last = trace.events.iter().rposition(|event| !matches!(event, Event::Evaluate { .. }));
        for (index, event) in trace.events.iter().enumerate() {
            match event {
                Event::Visit(node) if !std::mem::replace(&mut is_started, true) => debug_assert_eq!(*node, 0),
                Event::Visit(node) => writer.moving(*node),
                Event::Generate(0) | Event::Evaluate { .. } => {}
                Event::Generate(node) => writer.generated(*node, last == Some(index) && trace.goal == Some(*node)),
            }
        }
        match (trace.goal, last.map(|index| trace.events[index])) {
            (None, _) if self.is_compat && !says_that_it_failed(env, problem, trace) => out.push('\n'),
            (None, _) => {
                out.push('\n');
                out.push_str(GIVE_UP);
            }
            (Some(goal), Some(Event::Visit(visited))) if goal == visited => {
                out.push('\n');
                env.write_comparison(problem, &trace.node(goal).state, out);
                out.push_str(GOAL);
            }
            _ => {}
        }
        if self.is_compat && trace.goal.is_some() {
            out.push('\n');
        }
        prompt_len
    }

    fn write_prompt(&self, env: &E, problem: &E::Problem, out: &mut String) {
        write_position(env, problem, &env.initial(problem), out);
    }

    fn write_turn(&self, env: &E, problem: &E::Problem, state: &E::State, out: &mut String) -> Option<Turn> {
        write_position(env, problem, state, out);
        Some(Turn { opening: format!("\n{EXPLORING}"), ending: RESULT, is_whole: false })
    }

    fn can_write(&self, trace: &Trace<E>) -> bool {
        !self.plan_only || trace.goal.is_some()
    }

    fn parse<'t>(&self, text: &'t str) -> Parsed<'t> {
        let ids = if self.is_compat { Ids::SharedPath } else { Ids::Path };
        Parsed::plain(
            text,
            Discourse::Tree(Dialect { read: read_line, ids, has_answer: false, is_whole: !self.plan_only, must_close: !self.is_compat, separator: "', '" }),
        )
    }

    fn marks(&self) -> &'static [&'static str] {
        &["<|endoftext|>"]
    }

    fn phrases(&self) -> Vec<String> {
        let lines = [EXPLORING, GENERATED, MOVING, CURRENT];
        let mut phrases: Vec<String> = lines.iter().map(|line| format!("\n{line}")).collect();
        phrases.extend([CURRENT, HISTORY, RESULT, BY, GOAL, DEAD, ": ", ", Operations: []", "['", "']", "', '", "\n"].map(String::from));
        if !self.plan_only {
            phrases.push(format!("\n{GIVE_UP}"));
        }
        phrases
    }

    fn grammar(&self, notation: &Language, _reading: Reading) -> Pattern {
        let Language { action, state, successor, comparison, .. } = notation;
        let (action, state) = (|| action.clone(), || state.clone());
        let rank = || Pattern::line(&[",", ""], [number()]);
        let child = Pattern::line(&["0", ""], [rank().repeat(1, None)]);
        let named = Pattern::line(&[GENERATED, ": ", BY, ""], [child, state(), action()]);
        let ended = |phrase: &str| Pattern::line(&["", phrase], [comparison.clone()]);
        let explored = |outcome: Pattern| Pattern::line(&[&format!("\n{EXPLORING}"), RESULT, "\n", ""], [action(), successor.clone(), outcome]);
        let history = Pattern::line(&["[", "]"], [Pattern::line(&["'", "'"], [action().list("', '", None)]).optional()]);
        let node = Pattern::line(&["0", ""], [rank().many()]);
        let moved = Pattern::line(&[&format!("\n{MOVING}"), &format!("\n{CURRENT}"), HISTORY, ""], [node, state(), history]);
        let line = Pattern::choice([explored(Pattern::choice([named, ended(DEAD)])), moved]);
        let goal = Pattern::choice([explored(ended(GOAL)), Pattern::line(&["\n", ""], [ended(GOAL)])]);
        let give_up = Pattern::text(format!("\n{GIVE_UP}"));
        let endings = match (self.is_compat, self.plan_only) {
            (false, true) => goal,
            (false, false) => Pattern::choice([goal, give_up]),
            (true, _) => Pattern::choice([Pattern::line(&["", "\n"], [goal]), give_up, Pattern::text("\n")]),
        };
        Pattern::sequence([line.many(), endings])
    }
}

/// A state without a history: the prompt of the problem that starts there.
fn write_position<E: World>(env: &E, problem: &E::Problem, state: &E::State, out: &mut String) {
    out.push_str(CURRENT);
    env.write_state(problem, state, out);
    out.push_str(HISTORY);
    out.push_str("[]");
}

/// Reads one line; whatever has none of the seven forms is unreadable.
fn read_line(line: &str) -> Claim<'_> {
    try_read_line(line).unwrap_or(Claim::Unreadable)
}

fn try_read_line(line: &str) -> Option<Claim<'_>> {
    // The first byte tells the form.
    match line.as_bytes().first()? {
        b'E' => {
            let (action, successor) = split_at_mark(line.strip_prefix(EXPLORING)?, RESULT, 2)?;
            Some(Claim::Explore { id: None, action, successor })
        }
        b'C' => {
            let (state, history) = split_at_mark(line.strip_prefix(CURRENT)?, HISTORY, 2)?;
            Some(Claim::At { state, history })
        }
        b'M' => Some(Claim::Move { id: line.strip_prefix(MOVING)?, state: None, is_deeper: None }),
        b'G' => {
            let (id, rest) = split_at_mark(line.strip_prefix(GENERATED)?, ": ", 0)?;
            let (state, action) = split_at_mark(rest, BY, 1)?;
            Some(Claim::Name { id, state, action })
        }
        _ => {
            let ending = |phrase, is_goal| line.strip_suffix(phrase).map(|comparison| Claim::Ending { comparison, is_goal });
            ending(DEAD, false).or_else(|| ending(GOAL, true)).or_else(|| (line == GIVE_UP).then_some(Claim::GiveUp))
        }
    }
}
