//! Audit of solutions told step by step.

use metacot_envs::{Status, World};

use super::{DefectKind, StatementKind, replay::Replay};
use crate::{
    Event, NodeId,
    discourse::{
        lines, split_at_phrase,
        steps::{Claim, Dialect, Retake},
    },
};

/// Checks all statements of a text.
pub(super) fn audit<E: World>(env: &E, problem: &E::Problem, text: &str, dialect: &Dialect, replay: &mut Replay<E>) {
    let (mut at, mut has_answer, mut num_headings) = (0, false, 0);
    // Where each step that stands was taken, and how its action was written.
    let mut before: Vec<(NodeId, &str)> = Vec::new();
    let mut count = 0;
    for (step, (start, line)) in lines(text).enumerate() {
        count = step + 1;
        replay.begin(step, start..start + line.len());
        if let Some(retake) = Retake::read(line).filter(|_| dialect.has_retakes) {
            replay.is_a(StatementKind::Retake);
            match retake {
                Retake::Step => match before.pop() {
                    Some((node, _)) => at = node,
                    None => replay.fault(DefectKind::WrongOrder),
                },
                Retake::Steps | Retake::Attempt => {
                    at = 0;
                    before.clear();
                }
            }
            if retake == Retake::Attempt {
                (num_headings, has_answer) = (0, false);
            }
            replay.about(at);
            continue;
        }
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
                answer(env, problem, plan, dialect, replay, at, &before);
            }
            Claim::Unreadable => replay.fault(DefectKind::Syntax),
        }
    }
    if !has_answer {
        replay.cut(count, text.len());
    }
}

/// The answer must solve the problem, and be what the steps did where there are steps.
fn answer<E: World>(env: &E, problem: &E::Problem, plan: &str, dialect: &Dialect, replay: &mut Replay<E>, at: NodeId, steps: &[(NodeId, &str)]) {
    let actions = || parts(plan, dialect.separator);
    // Word for word what true steps did, which is then not read again.
    let repeats = dialect.has_steps && replay.trace.node(at).depth as usize == steps.len() && actions().eq(steps.iter().map(|(_, action)| *action));
    if repeats {
        replay.judge_path(env, problem, at);
    } else {
        replay.judge(env, problem, actions());
    }
    let is_solved = replay.verdict.as_ref().is_some_and(metacot_envs::Verdict::is_solved);
    // Compared as text, since actions of the same text may use equal operands at different positions.
    let is_told = !dialect.has_steps
        || repeats
        || replay.is_written(plan, |trace, out| {
            for (index, node) in trace.path(at).into_iter().enumerate() {
                out.push_str(if index == 0 { "" } else { dialect.separator });
                Replay::write_action(env, problem, trace, node, out);
            }
        });
    if !is_solved || !is_told {
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
