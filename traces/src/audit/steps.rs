//! Audit of solutions told step by step.

use metacot_envs::{Status, Verdict, World};
use rustc_hash::FxHashMap;

use super::{DefectKind, StatementKind, replay::Replay};
use crate::{
    Event, NodeId,
    discourse::{
        Reading, lines,
        reading::Truth,
        split_at_phrase,
        steps::{Claim, Dialect, Retake},
    },
};

/// Checks all statements of a text.
///
/// A step that is taken back was legal, or, where the reading says that it is told too early, is told again later; an attempt that is taken
/// back has the answer of its steps, which does not solve the problem.
pub(super) fn audit<E: World>(env: &E, problem: &E::Problem, text: &str, (dialect, reading): (&Dialect, Reading), replay: &mut Replay<E>) {
    let (mut at, mut has_answer, mut num_headings) = (0, false, 0);
    // Where each step that stands was taken, and how its action was written.
    let mut before: Vec<(NodeId, &str)> = Vec::new();
    let mut count = 0;
    let retake_of = |line: &str| Retake::read(line).filter(|retake| reading.retakes.marks.contains(retake));
    let is_early = |retake: Option<Retake>| reading.retakes.are_early && retake == Some(Retake::Step);
    let standing = if reading.retakes.are_early { standing(text, retake_of) } else { FxHashMap::default() };
    let mut all = lines(text).enumerate().peekable();
    while let Some((step, (start, line))) = all.next() {
        count = step + 1;
        replay.begin(step, start..start + line.len());
        if let Some(retake) = retake_of(line) {
            replay.is_a(StatementKind::Retake);
            match retake {
                Retake::Step | Retake::Backtrack => match before.pop() {
                    Some((node, _)) => at = node,
                    None => replay.fault(DefectKind::WrongOrder),
                },
                Retake::Steps | Retake::Attempt => {
                    at = 0;
                    before.clear();
                }
            }
            if retake == Retake::Attempt {
                if !has_answer {
                    replay.fault(DefectKind::WrongOrder);
                } else if replay.verdict.as_ref().is_some_and(Verdict::is_solved) {
                    replay.fault(DefectKind::WrongVerdict);
                }
                (num_headings, has_answer) = (0, false);
                replay.forget_plan();
                replay.trace.goal = None;
            } else if has_answer {
                replay.fault(DefectKind::AfterEnd);
            }
            replay.about(at);
            continue;
        }
        let next = all.peek().and_then(|(_, (_, line))| retake_of(line));
        let claim = (dialect.read)(line);
        replay.is_a(kind_of(&claim));
        if has_answer {
            replay.fault(DefectKind::AfterEnd);
            continue;
        }
        let is_first = matches!(claim, Claim::Problem { .. });
        if is_first != (step == 0) {
            replay.fault(if step == 0 { DefectKind::WrongProblem } else { DefectKind::WrongOrder });
        }
        match claim {
            Claim::Problem { state } => {
                replay.about(0);
                if step == 0 && !replay.is_written(state, |trace, out| env.write_state(problem, &trace.node(0).state, out)) {
                    replay.fault(DefectKind::WrongProblem);
                }
            }
            Claim::Heading => {
                num_headings += 1;
                if num_headings > dialect.num_headings || !before.is_empty() {
                    replay.fault(DefectKind::WrongOrder);
                }
            }
            Claim::Step { action, .. } if is_early(next) => {
                before.push((at, action));
                if standing.get(line).is_none_or(|last| *last < step) {
                    replay.fault(DefectKind::Illegal);
                }
                replay.about(at);
            }
            Claim::Step { number, action, successor } => {
                before.push((at, action));
                if !dialect.has_steps || num_headings != dialect.num_headings {
                    replay.fault(DefectKind::WrongOrder);
                }
                if number.parse() != Ok(before.len()) {
                    replay.fault(DefectKind::WrongId);
                }
                replay.trace.events.push(Event::Visit(at));
                match replay.explore(env, problem, at, action, successor) {
                    Some((node, _)) => at = node,
                    None => replay.about(at),
                }
            }
            Claim::Answer { plan } => {
                has_answer = true;
                if num_headings != dialect.num_headings {
                    replay.fault(DefectKind::WrongOrder);
                }
                replay.about(at);
                let may_fail = next == Some(Retake::Attempt) || reading.truth == Truth::Unsolved;
                answer(env, problem, (plan, may_fail), dialect, replay, (at, &before));
            }
            Claim::Unreadable => replay.fault(DefectKind::Syntax),
        }
    }
    if !has_answer {
        replay.cut(count, text.len());
    }
}

/// The lines that are not taken back by the next one, each with the last place where it stands.
fn standing(text: &str, retake_of: impl Fn(&str) -> Option<Retake>) -> FxHashMap<&str, usize> {
    let mut all = lines(text).enumerate().peekable();
    let mut standing = FxHashMap::default();
    while let Some((step, (_, line))) = all.next() {
        if all.peek().is_none_or(|(_, (_, next))| retake_of(next).is_none()) {
            standing.insert(line, step);
        }
    }
    standing
}

/// The answer must be what the steps did where there are steps, and solve the problem unless it may fail.
fn answer<E: World>(
    env: &E,
    problem: &E::Problem,
    (plan, may_fail): (&str, bool),
    dialect: &Dialect,
    replay: &mut Replay<E>,
    (at, steps): (NodeId, &[(NodeId, &str)]),
) {
    let actions = || parts(plan, dialect.separator);
    // Word for word what true steps did, which is then not read again.
    let repeats = dialect.has_steps && replay.trace.node(at).depth as usize == steps.len() && actions().eq(steps.iter().map(|(_, action)| *action));
    if repeats {
        replay.judge_path(env, problem, at);
    } else {
        replay.judge(env, problem, actions());
    }
    let is_solved = replay.verdict.as_ref().is_some_and(Verdict::is_solved);
    // Compared as text, since actions of the same text may use equal operands at different positions.
    let is_told = !dialect.has_steps
        || repeats
        || replay.is_written(plan, |trace, out| {
            for (index, node) in trace.path(at).into_iter().enumerate() {
                out.push_str(if index == 0 { "" } else { dialect.separator });
                Replay::write_action(env, problem, trace, node, out);
            }
        });
    // What may fail still has to be a line of play.
    let is_legal = !matches!(replay.verdict, None | Some(Verdict::Illegal { .. }));
    if !is_told || !(is_solved || may_fail && is_legal) {
        replay.fault(DefectKind::WrongAnswer);
    }
    let is_goal = if E::HAS_OPPONENT { is_solved && is_told } else { env.status(problem, replay.state(at)) == Status::Solved };
    if dialect.has_steps && is_goal {
        replay.solve(at);
    }
}

/// The parts of a text between separators; none in an empty text.
fn parts<'t>(text: &'t str, separator: &str) -> impl Iterator<Item = &'t str> {
    let mut rest = Some(text).filter(|text| !text.is_empty());
    std::iter::from_fn(move || {
        let text = rest.take()?;
        Some(match split_at_phrase(text, separator) {
            Some((part, after)) => {
                rest = Some(after);
                part
            }
            None => text,
        })
    })
}

fn kind_of(claim: &Claim<'_>) -> StatementKind {
    match claim {
        Claim::Problem { .. } => StatementKind::Problem,
        Claim::Heading => StatementKind::Frame,
        Claim::Step { .. } => StatementKind::Step,
        Claim::Answer { .. } => StatementKind::Answer,
        Claim::Unreadable => StatementKind::Unreadable,
    }
}
