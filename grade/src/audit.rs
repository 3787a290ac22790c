//! Whole responses through the audit of traces: the only file that knows the text formats.

use std::borrow::Cow;

use metacot_envs::{
    Difficulty, Settings, World,
    registry::{self, EnvironmentVisitor},
};
use metacot_traces::{Audit, DefectKind, TraceFormat, audit, format, generate::plan_texts, told::Prompts};

use crate::{
    Verdict,
    grader::Auditor,
    verdict::{Defect, shortened},
};

/// The auditor of a format of an environment.
///
/// # Errors
/// A name or setting that is not allowed.
pub fn open(env: &str, difficulty: &Difficulty, format: &str, settings: &Settings) -> Result<Box<dyn Auditor>, String> {
    registry::visit(env, Open { difficulty, format, settings }).map_err(|error| error.to_string())?
}

/// The problem that a prompt in any of the formats poses.
pub(crate) fn read_prompt<E: World>(env: &E, words: &str) -> Option<E::Problem> {
    format::NAMES.iter().find_map(|name| {
        let format = format::build::<E>(name, &Settings::default()).ok()?;
        audit(env, None, &format.parse(words)).problem
    })
}

struct Open<'a> {
    difficulty: &'a Difficulty,
    format: &'a str,
    settings: &'a Settings,
}

impl EnvironmentVisitor for Open<'_> {
    type Output = Result<Box<dyn Auditor>, String>;
    fn visit<E: World>(self) -> Self::Output {
        let env: E = crate::plan::default_env(self.difficulty)?;
        let format = format::build::<E>(self.format, self.settings).map_err(|error| error.to_string())?;
        Ok(Box::new(Typed { env, format, problem: None, text: Vec::new() }))
    }
}

struct Typed<E: World> {
    env: E,
    format: Box<dyn TraceFormat<E>>,
    problem: Option<(E::Problem, Prompts<E>)>,
    text: Vec<u8>,
}

impl<E: World> Auditor for Typed<E> {
    fn load(&mut self, problem: &[u8]) -> Result<(), String> {
        if self.problem.is_some() && self.text == problem {
            return Ok(());
        }
        self.problem = None;
        let read = crate::problem::read(&self.env, problem)?;
        let prompts = Prompts::new(&self.env, self.format.as_ref(), &read);
        self.problem = Some((read, prompts));
        self.text.clear();
        self.text.extend_from_slice(problem);
        Ok(())
    }

    fn audit(&mut self, response: &str, verdict: &mut Verdict) {
        let (problem, prompts) = self.problem.as_ref().expect("a problem is loaded before it is audited");
        let body = bare(response);
        // Completions come with or without the prompt that they continue.
        let (env, prompt, is_there) = prompts.reader(&self.env, body);
        let text = if is_there { Cow::Borrowed(body) } else { Cow::Owned([prompt, body].concat()) };
        let audit = audit(env, Some(problem), &self.format.parse(&text));
        note(env, problem, &audit, &text, verdict);
    }
}

/// A response without the marks that peers put around texts.
pub(crate) fn bare(mut text: &str) -> &str {
    const MARKS: [&str; 6] = ["<|endoftext|>", "<bos>", "<eos>", "<s>", "</s>", "<|im_end|>"];
    loop {
        let shorter = MARKS.iter().find_map(|mark| text.strip_prefix(mark).or_else(|| text.strip_suffix(mark)));
        match shorter {
            Some(shorter) => text = shorter,
            None => return text,
        }
    }
}

fn note<E: World>(env: &E, problem: &E::Problem, audit: &Audit<E>, text: &str, verdict: &mut Verdict) {
    let has = |kind| audit.defects.iter().any(|defect| defect.kind == kind);
    verdict.answer_correct = audit.is_solved();
    verdict.format_ok = !has(DefectKind::Syntax) && !has(DefectKind::Cut);
    verdict.trace_valid = Some(audit.is_clean());
    if let Some(plan) = &audit.plan {
        for action in plan_texts(env, problem, plan) {
            verdict.plan.push_with(|out| out.push_str(&action));
        }
    }
    if let Some(metacot_envs::Verdict::Solved { cost }) = audit.verdict {
        verdict.cost = Some(cost);
        if env.lower_bound(problem, &env.initial(problem)) == Some(cost) {
            verdict.optimal = Some(true);
        }
    }
    for defect in &audit.defects {
        let stated = text.get(defect.span.clone()).unwrap_or_default();
        verdict.defects.push(Defect { kind: Cow::Owned(defect.kind.to_string()), step: defect.step, text: shortened(stated.as_bytes()) });
    }
    verdict.reason = match (&audit.verdict, audit.defects.first()) {
        (Some(metacot_envs::Verdict::Solved { .. }), None) => Cow::Borrowed("correct"),
        (Some(metacot_envs::Verdict::Solved { .. }), Some(defect)) => {
            Cow::Owned(format!("correct after a false statement: {} in statement {}", defect.kind, defect.step))
        }
        (Some(metacot_envs::Verdict::Illegal { step, reason }), _) => Cow::Owned(format!("action {step} of the plan: {reason}")),
        (Some(metacot_envs::Verdict::Unsolved), _) => Cow::Borrowed("the plan is legal and does not solve the problem"),
        (None, Some(defect)) => Cow::Owned(format!("no plan that reads: {} in statement {}", defect.kind, defect.step)),
        (None, None) => Cow::Borrowed("no solution is claimed"),
    };
}
