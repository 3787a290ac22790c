//! What a reading says beyond the statements of a text: the rating before it, and whether it is a control.

use std::ops::Range;

use metacot_envs::{Verdict, World};

use super::{Defect, DefectKind, replay::Replay};
use crate::discourse::{Discourse, Parsed, reading::Truth};

/// The text without its rating.
pub(super) fn body<'t>(parsed: &Parsed<'t>) -> &'t str {
    &parsed.text[parsed.reading.start(parsed.text)..]
}

/// Moves spans of the body to the whole text.
pub(super) fn shift<'s>(spans: impl Iterator<Item = &'s mut Range<usize>>, parsed: &Parsed<'_>) {
    let by = parsed.reading.start(parsed.text);
    if by > 0 {
        spans.for_each(|span| *span = span.start + by..span.end + by);
    }
}

/// Judges what is left when all statements of the body are checked.
pub(super) fn settle<E: World>(problem: &E::Problem, parsed: &Parsed<'_>, replay: &mut Replay<E>) {
    let is_solved = replay.verdict.as_ref().is_some_and(Verdict::is_solved);
    match parsed.reading.truth {
        Truth::Honest => {}
        Truth::Unsolved if is_solved => {
            if replay.defects.last().is_none_or(|defect| defect.kind != DefectKind::WrongAnswer) {
                replay.fault(DefectKind::WrongAnswer);
            }
        }
        Truth::Unsolved => {}
        Truth::Foreign => {
            // The rules forbid nothing that is said of another problem, but every statement has to be one, below the prompt that was asked.
            replay.defects.retain(|defect| match defect.kind {
                DefectKind::Syntax => true,
                DefectKind::WrongProblem => defect.step == 0,
                _ => false,
            });
            if is_solved {
                replay.fault(DefectKind::WrongAnswer);
            }
        }
    }
    shift(replay.defects.iter_mut().map(|defect| &mut defect.span), parsed);
    let Some(rating) = parsed.reading.rating else { return };
    let is_whole = matches!(parsed.discourse, Discourse::Tree(dialect) if dialect.is_whole);
    if replay.defects.is_empty() && !rating.is_true(parsed.text, problem, &replay.trace, (is_solved, is_whole)) {
        replay.defects.insert(0, Defect { kind: DefectKind::WrongRating, step: 0, span: 0..parsed.reading.start(parsed.text) });
    }
}
