//! Whole-trace audit: every statement of a text is replayed against the environment, and each false one is named.
//!
//! Two questions, two answers: whether the claimed plan solves the problem ([`Audit::verdict`]), and whether all that was said on the way
//! is true ([`Audit::is_clean`]). A right answer after a wrong search, and the reverse, both occur in models.
//!
//! What has to stand there is rendered once per node; where it is said again, it is compared with the place where it was found true.

mod defect;
mod frontier;
mod reading;
mod replay;
mod statement;
mod steps;
mod tree;

use metacot_envs::{Verdict, World};

pub use defect::{Defect, DefectKind, PlanFault};
use replay::Replay;
pub use statement::{Statement, StatementKind};

use crate::{
    Trace,
    discourse::{Discourse, Parsed, Reading},
};

/// The result of an audit.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit<E: World> {
    /// Every false statement in order; empty means that the whole text is true.
    pub defects: Vec<Defect>,
    /// The problem that was audited against: the one asked, else the one that the text states. `None` where neither is known.
    pub problem: Option<E::Problem>,
    /// The claimed plan as far as its actions read; `None` where no solution is claimed.
    pub plan: Option<Vec<E::Action>>,
    /// Whether the claimed plan solves the problem; `None` where no solution is claimed or some action of it does not read.
    pub verdict: Option<Verdict>,
    /// The action at which the claimed plan stops being one.
    pub plan_fault: Option<PlanFault>,
    /// The search that the text tells of, as far as it is true.
    pub trace: Trace<E>,
}

impl<E: World> Audit<E> {
    /// Whether no statement is false.
    pub fn is_clean(&self) -> bool {
        self.defects.is_empty()
    }

    /// Whether the claimed plan solves the problem.
    pub fn is_solved(&self) -> bool {
        self.verdict.as_ref().is_some_and(Verdict::is_solved)
    }
}

/// Checks a parsed text against `problem`, or against the problem that its first statement states.
pub fn audit<E: World>(env: &E, problem: Option<&E::Problem>, parsed: &Parsed<'_>) -> Audit<E> {
    conclude(Auditor::default(), env, problem, parsed).0
}

/// As [`audit`], and says what each statement was taken to tell; a text whose problem is unknown has no statements.
pub fn audit_statements<E: World>(env: &E, problem: Option<&E::Problem>, parsed: &Parsed<'_>) -> (Audit<E>, Vec<Statement>) {
    let mut auditor = Auditor::default();
    auditor.replay.keep_statements();
    conclude(auditor, env, problem, parsed)
}

fn conclude<E: World>(mut auditor: Auditor<E>, env: &E, problem: Option<&E::Problem>, parsed: &Parsed<'_>) -> (Audit<E>, Vec<Statement>) {
    let problem = problem.cloned().or_else(|| stated(env, parsed));
    match &problem {
        Some(problem) => auditor.check(env, problem, parsed),
        None => auditor.refuse(parsed),
    }
    let mut statements = auditor.replay.take_statements();
    reading::shift(statements.iter_mut().map(|statement| &mut statement.span), parsed);
    let Replay { trace, defects, plan, verdict, plan_fault, .. } = auditor.replay;
    (Audit { defects, problem, plan, verdict, plan_fault, trace }, statements)
}

/// Audits text after text in the same buffers.
pub struct Auditor<E: World> {
    replay: Replay<E>,
    tree: tree::Marks,
    frontier: frontier::Tables,
}

impl<E: World> Default for Auditor<E> {
    fn default() -> Self {
        Self { replay: Replay::default(), tree: tree::Marks::default(), frontier: frontier::Tables::default() }
    }
}

impl<E: World> Auditor<E> {
    /// Checks a parsed text against `problem`; the outcome can be asked until the next call.
    pub fn check(&mut self, env: &E, problem: &E::Problem, parsed: &Parsed<'_>) {
        let Self { replay, tree, frontier } = self;
        let text = reading::body(parsed);
        replay.start(env, problem);
        match (&parsed.discourse, parsed.reading.thinning) {
            (Discourse::Tree(dialect), _) => tree::audit(env, problem, text, dialect, replay, tree),
            (Discourse::Frontier(dialect), None) => frontier::audit(env, problem, text, dialect, replay, frontier),
            (Discourse::Frontier(dialect), Some(thinning)) => frontier::thinned::audit(env, problem, text, (dialect, thinning), replay, frontier),
            (Discourse::Steps(dialect), _) => steps::audit(env, problem, text, (dialect, parsed.reading), replay),
        }
        if parsed.reading != Reading::default() {
            reading::settle(problem, parsed, replay);
        }
    }

    /// The false statements of the last text, in order.
    pub fn defects(&self) -> &[Defect] {
        &self.replay.defects
    }

    /// Whether the plan of the last text solves its problem.
    pub fn is_solved(&self) -> bool {
        self.replay.verdict.as_ref().is_some_and(Verdict::is_solved)
    }

    /// The claimed plan of the last text and its cost, where it solves its problem.
    pub fn solution(&self) -> Option<(&[E::Action], u32)> {
        match (&self.replay.plan, &self.replay.verdict) {
            (Some(plan), Some(Verdict::Solved { cost })) => Some((plan, *cost)),
            _ => None,
        }
    }

    /// The search that the last text told of, as far as it was true.
    pub fn trace(&self) -> &Trace<E> {
        &self.replay.trace
    }

    /// Notes that a text states no problem at all.
    fn refuse(&mut self, parsed: &Parsed<'_>) {
        let kind = if parsed.text.trim().is_empty() { DefectKind::Cut } else { DefectKind::WrongProblem };
        let end = parsed.text.find('\n').unwrap_or(parsed.text.len());
        self.replay.defects.push(Defect { kind, step: 0, span: 0..end });
    }
}

/// The problem that a text states.
fn stated<E: World>(env: &E, parsed: &Parsed<'_>) -> Option<E::Problem> {
    use crate::discourse::{frontier, lines, steps, tree};
    let text = reading::body(parsed);
    let first = lines(text).next().map(|(_, line)| line)?;
    let state = match &parsed.discourse {
        Discourse::Tree(dialect) => match (dialect.read)(first) {
            tree::Claim::At { state, .. } | tree::Claim::Problem { state } => state,
            _ => return None,
        },
        Discourse::Frontier(dialect) => match (dialect.read)(text, 0)?.0 {
            frontier::Claim::Problem { state } => state,
            _ => return None,
        },
        Discourse::Steps(dialect) => match (dialect.read)(first) {
            steps::Claim::Problem { state } => state,
            _ => return None,
        },
    };
    env.read_problem(state)
}
