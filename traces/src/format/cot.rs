//! The steps of the solution and the answer: classical chain of thought, without the search. `cot`, `answer` and `table` differ in wording.

use metacot_envs::{Language, Pattern, SettingError, Settings, World, digits::push_integer};

use super::{
    TraceFormat, Turn, number,
    tale::{between, write_plan},
};
use crate::{
    Trace,
    discourse::{
        Discourse, Parsed, Reading, split_at_phrase,
        steps::{Claim, Dialect, Retake},
    },
};

/// The wording of a format of solutions.
#[derive(Debug)]
pub(super) struct Book {
    /// Around the problem.
    pub problem: [&'static str; 2],
    /// Fixed lines between problem and steps.
    pub headings: &'static [&'static str],
    /// Around the number, the action and the successor of a step; `None` where no steps are told.
    pub step: Option<[&'static str; 4]>,
    /// Around the actions of the answer.
    pub answer: [&'static str; 2],
    /// Between the actions of the answer.
    pub separator: &'static str,
}

/// A format of solutions. No settings.
#[derive(Clone, Debug)]
pub struct Solution {
    pub(super) book: &'static Book,
    pub(super) read: for<'t> fn(&'t str) -> Claim<'t>,
}

impl Solution {
    pub(super) fn new(book: &'static Book, read: for<'t> fn(&'t str) -> Claim<'t>, settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&[])?;
        Ok(Self { book, read })
    }
}

const BOOK: Book = Book { problem: ["Problem: ", ""], headings: &[], step: Some(["Step ", ": ", " gives ", ""]), answer: ["Answer: ", ""], separator: "; " };

/// Reads the settings of `cot`: none.
///
/// # Errors
/// A setting that is unknown.
pub fn configure(settings: &Settings) -> Result<Solution, SettingError> {
    Solution::new(&BOOK, |line| read_line(&BOOK, line), settings)
}

impl<E: World> TraceFormat<E> for Solution {
    fn write(&self, env: &E, problem: &E::Problem, trace: &Trace<E>, out: &mut String) -> usize {
        let (book, start) = (self.book, out.len());
        TraceFormat::<E>::write_prompt(self, env, problem, out);
        let prompt_len = out.len() - start;
        for heading in book.headings {
            out.push_str(heading);
            out.push('\n');
        }
        if let Some([before, after_number, after_action, end]) = book.step {
            let path = trace.goal.map(|goal| trace.path(goal)).unwrap_or_default();
            for (index, id) in path.into_iter().enumerate() {
                let node = trace.node(id);
                out.push_str(before);
                push_integer(out, index as i64 + 1);
                out.push_str(after_number);
                env.write_action(problem, &trace.node(node.parent).state, node.action.as_ref().expect("only the root has no action"), out);
                out.push_str(after_action);
                env.write_successor(problem, &node.state, out);
                out.push_str(end);
                out.push('\n');
            }
        }
        out.push_str(book.answer[0]);
        write_plan(env, problem, trace, book.separator, out);
        out.push_str(book.answer[1]);
        prompt_len
    }

    fn write_prompt(&self, env: &E, problem: &E::Problem, out: &mut String) {
        write_position(self.book, env, problem, &env.initial(problem), out);
    }

    fn write_turn(&self, env: &E, problem: &E::Problem, state: &E::State, out: &mut String) -> Option<Turn> {
        write_position(self.book, env, problem, state, out);
        let headings: String = self.book.headings.iter().flat_map(|heading| [heading, "\n"]).collect();
        Some(match self.book.step {
            Some([before, after_number, ending, _]) => Turn { opening: format!("{headings}{before}1{after_number}"), ending, is_whole: false },
            None => Turn { opening: format!("{headings}{}", self.book.answer[0]), ending: self.book.answer[1], is_whole: E::HAS_OPPONENT },
        })
    }

    fn can_write(&self, trace: &Trace<E>) -> bool {
        trace.goal.is_some()
    }

    fn parse<'t>(&self, text: &'t str) -> Parsed<'t> {
        let Book { headings, step, separator, .. } = self.book;
        Parsed::plain(text, Discourse::Steps(Dialect { read: self.read, num_headings: headings.len(), has_steps: step.is_some(), separator }))
    }

    fn phrases(&self) -> Vec<String> {
        let Book { problem, headings, step, answer, separator } = self.book;
        let mut phrases = vec![problem[0].to_string(), format!("{}\n", problem[1]), answer[0].into(), answer[1].into(), (*separator).into()];
        phrases.extend(headings.iter().map(|heading| format!("{heading}\n")));
        if let Some([before, after_number, after_action, end]) = step {
            phrases.extend([before, after_number, after_action].map(|phrase| phrase.to_string()));
            phrases.push(format!("{end}\n"));
        }
        phrases.retain(|phrase| !phrase.is_empty());
        phrases.sort_unstable();
        phrases.dedup();
        phrases
    }

    fn grammar(&self, notation: &Language, reading: Reading) -> Pattern {
        let Book { headings, step, answer, separator, .. } = self.book;
        let marks = reading.retakes.marks;
        let mark = |retake: &Retake| Pattern::text(format!("{}\n", retake.line()));
        let headings = Pattern::sequence(headings.iter().map(|heading| Pattern::text(format!("{heading}\n"))));
        let steps = step.map_or(Pattern::sequence([]), |[before, after_number, after_action, end]| {
            let parts = [number(), notation.action.clone(), notation.successor.clone()];
            let step = Pattern::line(&[before, after_number, after_action, &format!("{end}\n")], parts);
            let taken_back = marks.iter().filter(|retake| matches!(retake, Retake::Step | Retake::Backtrack)).map(mark);
            let steps = Pattern::sequence([step, Pattern::choice(taken_back).optional()]);
            let begun_again =
                marks.iter().filter(|retake| **retake == Retake::Steps).map(|retake| Pattern::sequence([steps.clone().repeat(1, None), mark(retake)]));
            Pattern::sequence([Pattern::choice(begun_again).optional(), steps.clone().many()])
        });
        let answer = Pattern::line(answer, [notation.action.clone().list(separator, None).optional()]);
        let attempt = Pattern::sequence([headings, steps, answer]);
        let failed = marks.iter().filter(|retake| **retake == Retake::Attempt).map(|retake| Pattern::line(&["", "\n", ""], [attempt.clone(), mark(retake)]));
        Pattern::sequence([Pattern::choice(failed).many(), attempt])
    }
}

fn write_position<E: World>(book: &Book, env: &E, problem: &E::Problem, state: &E::State, out: &mut String) {
    out.push_str(book.problem[0]);
    env.write_state(problem, state, out);
    out.push_str(book.problem[1]);
    out.push('\n');
}

/// Reads one line of a solution. Inlined into the reader of each book, as those of tales are.
#[inline(always)]
pub(super) fn read_line<'t>(book: &Book, line: &'t str) -> Claim<'t> {
    if book.headings.contains(&line) {
        return Claim::Heading;
    }
    if let Some([before, after_number, after_action, end]) = book.step
        && let Some(rest) = between(line, [before, end])
        && let Some((number, rest)) = split_at_phrase(rest, after_number)
        && let Some((action, successor)) = split_at_phrase(rest, after_action)
    {
        return Claim::Step { number, action, successor };
    }
    if let Some(state) = between(line, book.problem) {
        return Claim::Problem { state };
    }
    between(line, book.answer).map_or(Claim::Unreadable, |plan| Claim::Answer { plan })
}
