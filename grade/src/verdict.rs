//! What is true of one answer, and what is wrong with it.

use std::{borrow::Cow, fmt};

/// The kind of a fault, by the names that audits of traces use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// It does not read.
    Syntax,
    /// It uses what is not there: a number not given or used before, a cell outside the grid.
    Unavailable,
    /// It leaves out what has to be used.
    Missing,
    /// The rules forbid it.
    Illegal,
    /// A claimed result is wrong.
    Arithmetic,
    /// It reads, is legal, and does not solve the problem.
    WrongAnswer,
    /// There is no answer.
    Cut,
}

impl FaultKind {
    /// The kind as rows name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Unavailable => "unavailable",
            Self::Missing => "missing",
            Self::Illegal => "illegal",
            Self::Arithmetic => "arithmetic",
            Self::WrongAnswer => "wrong-answer",
            Self::Cut => "cut",
        }
    }
}

/// The first fault of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What it is.
    pub kind: FaultKind,
    /// Where: the byte of an expression, the action of a plan.
    pub step: usize,
    /// Why, as a lower-case fragment.
    pub reason: Cow<'static, str>,
}

impl Fault {
    /// A fault with a fixed reason.
    pub const fn new(kind: FaultKind, step: usize, reason: &'static str) -> Self {
        Self { kind, step, reason: Cow::Borrowed(reason) }
    }

    /// A fault whose reason names a value.
    pub fn of(kind: FaultKind, step: usize, reason: String) -> Self {
        Self { kind, step, reason: Cow::Owned(reason) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

/// A false statement of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// Its kind, in kebab case.
    pub kind: Cow<'static, str>,
    /// The number of the statement, or of the action of a plan.
    pub step: usize,
    /// The statement itself, shortened.
    pub text: String,
}

/// All that a row says; kept between rows so that its buffers are reused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The answer solves the problem.
    pub answer_correct: bool,
    /// It does so at the least cost; `None` where that is not known or there is nothing to compare.
    pub optimal: Option<bool>,
    /// It reads as what was asked for.
    pub format_ok: bool,
    /// Every statement of the response is true; `None` for a final answer.
    pub trace_valid: Option<bool>,
    /// The actions, in the words of the environment.
    pub plan: Texts,
    /// The cost of a plan that solves.
    pub cost: Option<u32>,
    /// What is false.
    pub defects: Vec<Defect>,
    /// One fragment for people; `correct` where nothing is wrong.
    pub reason: Cow<'static, str>,
    /// The number that a peer or a grader gives.
    pub score: Option<f64>,
}

impl Verdict {
    /// Empties it, keeping its buffers.
    pub fn clear(&mut self) {
        let (mut plan, mut defects) = (std::mem::take(&mut self.plan), std::mem::take(&mut self.defects));
        plan.clear();
        defects.clear();
        *self = Self { plan, defects, ..Self::default() };
    }

    /// Notes the outcome of an answer: correct, or its fault with the part of `text` that it is about.
    pub fn settle(&mut self, fault: Option<Fault>, text: &[u8]) {
        self.answer_correct = fault.is_none();
        self.format_ok = !fault.as_ref().is_some_and(|fault| matches!(fault.kind, FaultKind::Syntax | FaultKind::Cut));
        let Some(fault) = fault else {
            self.reason = Cow::Borrowed("correct");
            return;
        };
        self.defects.push(Defect { kind: Cow::Borrowed(fault.kind.name()), step: fault.step, text: shortened(text) });
        self.reason = fault.reason;
    }
}

/// The first characters of a text that may be long and need not be UTF-8.
pub(crate) fn shortened(text: &[u8]) -> String {
    const KEPT: usize = 80;
    let is_long = text.len() > KEPT;
    let mut short = String::from_utf8_lossy(&text[..text.len().min(KEPT)]).into_owned();
    if is_long {
        short.push('…');
    }
    short
}

/// A list of texts in one buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Removes all.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Appends the text that `write` leaves behind what is there.
    pub fn push_with(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
        self.ends.push(self.text.len());
    }

    /// All of them without anything between.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.text[start..*end])
    }
}
