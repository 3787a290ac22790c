//! What an environment says of an attempt in public: where its plan ends, or which action of it is none, in the notation of the task.
//!
//! RLEF (2410.02089) rewards the last attempt by hidden tests and shows the outcome of public ones in between. Here the public part is what a look
//! at the attempt itself gives: the state that its actions lead to, the number that one of them uses and that is not there.
//!
//! **Invariant**: a remark is a function of the problem as it is asked and of the attempt. No solution is known to it, and it does not say whether the
//! attempt was right.

use std::fmt::Write as _;

use metacot_envs::{ActionFault, Verdict, World};

use crate::{Audit, generate::plan_texts};

const OPENING: &str = "Feedback: ";
const NO_ANSWER: &str = "there is no answer";
const ENDS_AT: &str = "it ends at ";
const STEP: &str = "step ";
const UNREADABLE: &str = " does not read";
const ARITHMETIC: &str = " has a wrong result";
const ILLEGAL: &str = " is not allowed";
const USES: &str = " uses ";
const NOT_THERE: &str = ", which is not there";
const SOMETHING: &str = "what is not there";
const END: &str = ".\n";

/// The fixed pieces of text of remarks, for vocabularies; what stands between them is of the environment's notation.
pub const PHRASES: [&str; 11] = [OPENING, NO_ANSWER, ENDS_AT, STEP, UNREADABLE, ARITHMETIC, ILLEGAL, USES, NOT_THERE, SOMETHING, END];

/// A remark on one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remark {
    /// What is said: one line with its end.
    pub text: String,
    /// The actions of the claimed plan as the environment writes them; `None` where none is claimed or one of them is none.
    pub answer: Option<Vec<String>>,
}

/// The remark on an audited attempt.
pub(crate) fn remark<E: World>(env: &E, problem: &E::Problem, audit: &Audit<E>) -> Remark {
    let mut text = OPENING.to_owned();
    let step = |text: &mut String, index: usize| {
        let _ = write!(text, "{STEP}{}", index + 1);
    };
    match (&audit.plan_fault, &audit.verdict, &audit.plan) {
        (Some(fault), ..) => {
            step(&mut text, fault.step);
            match (fault.kind, fault.missing.as_str()) {
                (ActionFault::Syntax, _) => text.push_str(UNREADABLE),
                (ActionFault::Arithmetic, _) => text.push_str(ARITHMETIC),
                (ActionFault::Illegal, _) => text.push_str(ILLEGAL),
                (ActionFault::Unavailable, "") => text.extend([USES, SOMETHING]),
                (ActionFault::Unavailable, missing) => text.extend([USES, missing, NOT_THERE]),
            }
        }
        (None, Some(Verdict::Illegal { step: index, .. }), _) => {
            step(&mut text, *index);
            text.push_str(ILLEGAL);
        }
        (None, Some(_), Some(plan)) => {
            text.push_str(ENDS_AT);
            let end = plan.iter().try_fold(env.initial(problem), |state, action| env.apply(problem, &state, action));
            env.write_successor(problem, &end.unwrap_or_else(|_| env.initial(problem)), &mut text);
        }
        _ => text.push_str(NO_ANSWER),
    }
    text.push_str(END);
    let is_read = audit.plan_fault.is_none() && audit.verdict.is_some();
    Remark { text, answer: audit.plan.as_ref().filter(|_| is_read).map(|plan| plan_texts(env, problem, plan)) }
}
