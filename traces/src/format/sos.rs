//! Stream of Search (Gandhi et al. 2024): one line per thought, seven forms of line.
//!
//! Departures from the published texts, each a fault of theirs: a search that fails says so in a last line, and every child has an id of
//! its own, leaves included. `sos-plan` writes the path to the goal in the same language and nothing else.

use metacot_envs::{SettingError, Settings, Status, World};

use super::{Claim, Parsed, Statement, TraceFormat};
use crate::{Event, NodeId, Trace};

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

/// The format; `sos-plan` where `plan_only`.
#[derive(Clone, Debug)]
pub struct Sos {
    plan_only: bool,
}

impl Sos {
    /// Reads the settings of `sos`: none.
    ///
    /// # Errors
    /// A setting that is unknown.
    pub fn configure(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&[])?;
        Ok(Self { plan_only: false })
    }

    /// Reads the settings of `sos-plan`: none.
    ///
    /// # Errors
    /// A setting that is unknown.
    pub fn configure_plan(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&[])?;
        Ok(Self { plan_only: true })
    }
}

/// Writes one trace.
struct Writer<'a, E: World> {
    env: &'a E,
    problem: &'a E::Problem,
    trace: &'a Trace<E>,
    /// Position of each node among the children of its parent, counted in order of generation.
    ranks: Vec<u32>,
}

impl<'a, E: World> Writer<'a, E> {
    fn new(env: &'a E, problem: &'a E::Problem, trace: &'a Trace<E>) -> Self {
        let mut num_children = vec![0_u32; trace.nodes.len()];
        let mut ranks = vec![0; trace.nodes.len()];
        for (id, node) in trace.nodes.iter().enumerate().skip(1) {
            let count = &mut num_children[node.parent as usize];
            ranks[id] = *count;
            *count += 1;
        }
        Self { env, problem, trace, ranks }
    }

    fn id(&self, node: NodeId, out: &mut String) {
        if node == 0 {
            out.push('0');
        } else {
            self.id(self.trace.node(node).parent, out);
            out.push(',');
            metacot_envs::digits::push_integer(out, i64::from(self.ranks[node as usize]));
        }
    }

    fn action(&self, node: NodeId, out: &mut String) {
        let node = self.trace.node(node);
        let action = node.action.as_ref().expect("only the root has no action");
        self.env.write_action(self.problem, &self.trace.node(node.parent).state, action, out);
    }

    fn history(&self, node: NodeId, out: &mut String) {
        out.push('[');
        self.history_items(node, out);
        out.push(']');
    }

    fn history_items(&self, node: NodeId, out: &mut String) {
        if node == 0 {
            return;
        }
        let parent = self.trace.node(node).parent;
        self.history_items(parent, out);
        out.push_str(if parent == 0 { "'" } else { ", '" });
        self.action(node, out);
        out.push('\'');
    }

    fn current(&self, node: NodeId, out: &mut String) {
        out.push_str(CURRENT);
        self.env.write_state(self.problem, &self.trace.node(node).state, out);
        out.push_str(HISTORY);
        self.history(node, out);
    }

    /// A child, with its verdict where its branch ends here. A goal that the search recognises only when it turns to it, as A* does, is
    /// named like an open node.
    fn generated(&self, node: NodeId, is_last: bool, out: &mut String) {
        let state = &self.trace.node(node).state;
        out.push('\n');
        out.push_str(EXPLORING);
        self.action(node, out);
        out.push_str(RESULT);
        self.env.write_successor(self.problem, state, out);
        out.push('\n');
        match self.env.status(self.problem, state) {
            status if status == Status::Open || (status == Status::Solved && !is_last) => {
                out.push_str(GENERATED);
                self.id(node, out);
                out.push_str(": ");
                self.env.write_state(self.problem, state, out);
                out.push_str(BY);
                self.action(node, out);
            }
            ended => self.ending(node, if ended == Status::Solved { GOAL } else { DEAD }, out),
        }
    }

    fn ending(&self, node: NodeId, verdict: &str, out: &mut String) {
        self.env.write_comparison(self.problem, &self.trace.node(node).state, out);
        out.push_str(verdict);
    }

    fn moving(&self, node: NodeId, out: &mut String) {
        out.push('\n');
        out.push_str(MOVING);
        self.id(node, out);
        out.push('\n');
        self.current(node, out);
    }
}

impl<E: World> TraceFormat<E> for Sos {
    fn write(&self, env: &E, problem: &E::Problem, trace: &Trace<E>, out: &mut String) -> usize {
        let solution = if self.plan_only { trace.solution_only() } else { None };
        let trace = solution.as_ref().unwrap_or(trace);
        let writer = Writer::new(env, problem, trace);
        let start = out.len();
        writer.current(0, out);
        let prompt_len = out.len() - start;
        let mut is_started = false;
        let last = trace.events.iter().rposition(|event| !matches!(event, Event::Evaluate { .. }));
        for (index, event) in trace.events.iter().enumerate() {
            match event {
                Event::Visit(node) if !std::mem::replace(&mut is_started, true) => debug_assert_eq!(*node, 0),
                Event::Visit(node) => writer.moving(*node, out),
                Event::Generate(0) | Event::Evaluate { .. } => {}
                Event::Generate(node) => writer.generated(*node, last == Some(index), out),
            }
        }
        match (trace.goal, last.map(|index| trace.events[index])) {
            (None, _) => {
                out.push('\n');
                out.push_str(GIVE_UP);
            }
            (Some(goal), Some(Event::Visit(visited))) if goal == visited => {
                out.push('\n');
                writer.ending(goal, GOAL, out);
            }
            _ => {}
        }
        prompt_len
    }

    fn write_prompt(&self, env: &E, problem: &E::Problem, out: &mut String) {
        out.push_str(CURRENT);
        env.write_state(problem, &env.initial(problem), out);
        out.push_str(HISTORY);
        out.push_str("[]");
    }

    fn can_write(&self, trace: &Trace<E>) -> bool {
        !self.plan_only || trace.goal.is_some()
    }

    fn parse<'t>(&self, text: &'t str) -> Parsed<'t> {
        let mut parsed = Parsed { is_cut: true, ..Parsed::default() };
        let mut start = 0;
        let (mut history, mut last_action) = (Vec::new(), None);
        for line in text.split('\n') {
            let span = start..start + line.len();
            start = span.end + 1;
            if line.is_empty() && span.end == text.len() {
                break;
            }
            let claim = read_line(line);
            match &claim {
                Claim::At { history: actions, .. } => {
                    history.clone_from(actions);
                    last_action = None;
                }
                Claim::Explore { action, .. } => last_action = Some(*action),
                Claim::Ending { is_goal: true, .. } if parsed.plan.is_none() => {
                    parsed.plan = Some(history.iter().copied().chain(last_action).collect());
                    parsed.is_cut = false;
                }
                Claim::GiveUp => parsed.is_cut = false,
                _ => {}
            }
            parsed.statements.push(Statement { span, claim });
        }
        parsed
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
}

/// Reads one line; whatever has none of the seven forms is unreadable.
fn read_line(line: &str) -> Claim<'_> {
    try_read_line(line).unwrap_or(Claim::Unreadable)
}

fn try_read_line(line: &str) -> Option<Claim<'_>> {
    if let Some(rest) = line.strip_prefix(EXPLORING) {
        let (action, successor) = rest.split_once(RESULT)?;
        return Some(Claim::Explore { action, successor });
    }
    if let Some(rest) = line.strip_prefix(CURRENT) {
        let (state, history) = rest.split_once(HISTORY)?;
        return Some(Claim::At { state, history: read_history(history)? });
    }
    if let Some(id) = line.strip_prefix(MOVING) {
        return Some(Claim::Move { id });
    }
    if let Some(rest) = line.strip_prefix(GENERATED) {
        let (id, rest) = rest.split_once(": ")?;
        let (state, action) = rest.split_once(BY)?;
        return Some(Claim::Name { id, state, action });
    }
    if let Some(comparison) = line.strip_suffix(GOAL) {
        return Some(Claim::Ending { comparison, is_goal: true });
    }
    if let Some(comparison) = line.strip_suffix(DEAD) {
        return Some(Claim::Ending { comparison, is_goal: false });
    }
    (line == GIVE_UP).then_some(Claim::GiveUp)
}

/// Reads `['3*5=15', '9+15=24']`.
fn read_history(text: &str) -> Option<Vec<&str>> {
    if text == "[]" {
        return Some(Vec::new());
    }
    Some(text.strip_prefix("['")?.strip_suffix("']")?.split("', '").collect())
}
