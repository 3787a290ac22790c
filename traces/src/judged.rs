//! What is true of a response, and what was counted in it: all that a reward can be made of.

use std::{collections::BTreeSet, ops::Range};

use metacot_envs::{Verdict, World};
use serde::{Deserialize, Serialize};

use crate::{
    Audit, DefectKind,
    audit::{Statement, StatementKind},
};

/// What is true of a response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// The claimed plan solves the problem.
    pub is_correct: bool,
    /// Every statement of the response reads as the format.
    pub is_format_ok: bool,
    /// Every statement of the response is true; implies that it is complete.
    pub is_valid: bool,
    /// Cost of the claimed plan, where it solves the problem.
    pub cost: Option<u32>,
    /// The kinds of false statements, in order.
    pub defects: Vec<DefectKind>,
    /// Bytes of the response before the answer at its end; all of them where it states no answer apart from its search.
    pub thought_bytes: usize,
    /// What was counted in it.
    pub counts: Counts,
}

/// What was counted in a response. Its prompt is not, nor are fixed lines that say nothing, as long as they stand where they belong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    /// Statements; one more where the text stops before its end.
    pub statements: u32,
    /// Those of them that are true.
    pub true_statements: u32,
    /// Those of them that have a form of the format.
    pub readable: u32,
    /// Nodes that the told search generated, as far as it is true, the root included.
    pub nodes: u32,
    /// Actions of the claimed plan, as far as they read.
    pub plan: u32,
    /// How near the end of the claimed plan comes to the goal, in [0, 1], as the environment measures it
    /// ([`closeness`](metacot_envs::Environment::closeness)); 0 where no plan is claimed or an action of it is none, 1 where it solves the problem.
    pub closeness: f64,
}

/// Judges an audited text whose first `prompt_len` bytes are the prompt.
pub(crate) fn judged<E: World>(env: &E, problem: &E::Problem, (audit, statements): &(Audit<E>, Vec<Statement>), (prompt_len, len): (usize, usize)) -> Judged {
    let defects: Vec<DefectKind> = audit.defects.iter().map(|defect| defect.kind).collect();
    let cost = match audit.verdict {
        Some(Verdict::Solved { cost }) => Some(cost),
        _ => None,
    };
    let own: Vec<&Statement> = statements.iter().filter(|statement| statement.span.end > prompt_len).collect();
    let answer = own.iter().rev().take_while(|statement| is_of_the_answer(statement.kind));
    let answer = answer.filter(|statement| statement.kind != StatementKind::Frame).last();
    Judged {
        is_correct: cost.is_some(),
        is_format_ok: !defects.contains(&DefectKind::Syntax) && !defects.contains(&DefectKind::Cut),
        is_valid: audit.is_clean(),
        cost,
        thought_bytes: answer.map_or(len, |answer| answer.span.start).saturating_sub(prompt_len),
        counts: Counts {
            nodes: audit.trace.nodes.len() as u32,
            plan: audit.plan.as_ref().map_or(0, Vec::len) as u32,
            closeness: closeness(env, problem, audit),
            ..counted(audit, &own)
        },
        defects,
    }
}

fn is_of_the_answer(kind: StatementKind) -> bool {
    matches!(kind, StatementKind::Answer | StatementKind::Plan | StatementKind::Frame)
}

/// The counts of statements. A statement is false once, whatever is wrong with it.
fn counted<E: World>(audit: &Audit<E>, own: &[&Statement]) -> Counts {
    let spans = |is_meant: fn(DefectKind) -> bool| -> BTreeSet<(usize, usize)> {
        audit.defects.iter().filter(|defect| is_meant(defect.kind)).map(|defect| (defect.span.start, defect.span.end)).collect()
    };
    let (false_spans, unread) = (spans(|kind| kind != DefectKind::Cut), spans(|kind| kind == DefectKind::Syntax));
    let is_in = |spans: &BTreeSet<(usize, usize)>, span: &Range<usize>| spans.contains(&(span.start, span.end));
    let mut counts = Counts::default();
    for statement in own {
        let is_false = is_in(&false_spans, &statement.span);
        if !is_false && matches!(statement.kind, StatementKind::Frame | StatementKind::Problem) {
            continue;
        }
        let is_unread = statement.kind == StatementKind::Unreadable || is_in(&unread, &statement.span);
        counts.statements += 1;
        counts.true_statements += u32::from(!is_false);
        counts.readable += u32::from(!is_unread);
    }
    counts.statements += u32::from(audit.defects.iter().any(|defect| defect.kind == DefectKind::Cut));
    counts
}

fn closeness<E: World>(env: &E, problem: &E::Problem, audit: &Audit<E>) -> f64 {
    match (&audit.verdict, &audit.plan) {
        (Some(Verdict::Solved { .. }), _) => 1.0,
        (Some(Verdict::Unsolved), Some(plan)) => {
            let end = plan.iter().try_fold(env.initial(problem), |state, action| env.apply(problem, &state, action));
            end.map_or(0.0, |end| env.closeness(problem, &end))
        }
        _ => 0.0,
    }
}
