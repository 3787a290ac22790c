//! Wrong steps that are taken back (Ye et al. 2024, "Physics of Language Models 2.2"; Zhang et al. 2024; self-backtracking, Yang et al. 2025).
//!
//! Before each right step, with probability `rate`, a wrong one is told and taken back by a line `[BACK]`. Modes: `step` (another legal
//! step), `weak` (a later step of the solution, told too early), `multi` (up to three wrong steps, each taken back), `restart` (a wrong
//! beginning, then `[RESET]` and the whole solution; only what follows is learned) and `self-backtrack` (as `step` with `<backtrack>`,
//! the wrong step not learned).

use metacot_envs::{SettingError, Settings, World};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{STEP_FORMATS, Sample, Skip, Source, Transform, random_play};
use crate::{
    Trace,
    discourse::{Reading, reading::Retakes, steps::Retake},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Step,
    Weak,
    Multi,
    Restart,
    SelfBacktrack,
}

/// Retry injection. Settings: `rate` (0.2), `mode` (`step`).
#[derive(Clone, Debug)]
pub struct Retry {
    rate: f64,
    mode: Mode,
}

impl Retry {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["rate", "mode"])?;
        let mode = match settings.choice("mode", &["step", "weak", "multi", "restart", "self-backtrack"], "step")? {
            "weak" => Mode::Weak,
            "multi" => Mode::Multi,
            "restart" => Mode::Restart,
            "self-backtrack" => Mode::SelfBacktrack,
            _ => Mode::Step,
        };
        Ok(Self { rate: settings.number("rate", 0.0..=1.0, 0.2)?, mode })
    }

    fn mark(&self) -> &'static str {
        match self.mode {
            Mode::Restart => Retake::Steps.line(),
            Mode::SelfBacktrack => Retake::Backtrack.line(),
            Mode::Step | Mode::Weak | Mode::Multi => Retake::Step.line(),
        }
    }

    /// The lines of wrong steps to tell before step `index` of the solution.
    fn wrong_lines<E: World>(&self, source: &Source<'_, E>, plan: &[E::Action], index: usize, rng: &mut ChaCha8Rng) -> Vec<String> {
        if self.mode == Mode::Weak {
            let later: Vec<String> = step_lines(source, plan).into_iter().skip(index + 1).collect();
            return if later.is_empty() { later } else { vec![later[rng.random_range(0..later.len())].clone()] };
        }
        let state = Trace::of_plan(source.env, source.problem, &plan[..index]).map(|trace| trace.nodes.last().map(|node| node.state.clone()));
        let Some(Some(state)) = state else { return Vec::new() };
        let mut others = Vec::new();
        source.env.actions(source.problem, &state, &mut others);
        others.retain(|action| *action != plan[index]);
        let count = if self.mode == Mode::Multi { rng.random_range(1..=3_usize) } else { 1 };
        let mut lines = Vec::new();
        for _ in 0..count.min(others.len()) {
            let wrong = others.swap_remove(rng.random_range(0..others.len()));
            lines.extend(step_lines(source, &[&plan[..index], &[wrong]].concat()).pop());
        }
        lines
    }
}

/// The lines that tell the steps of some actions.
fn step_lines<E: World>(source: &Source<'_, E>, actions: &[E::Action]) -> Vec<String> {
    let Some(trace) = Trace::of_plan(source.env, source.problem, actions) else { return Vec::new() };
    let sample = Sample::plain(source, &trace);
    let lines: Vec<&str> = sample.parts().1.lines().collect();
    let end = lines.len().saturating_sub(1);
    lines[end.saturating_sub(actions.len())..end].iter().map(|line| (*line).to_string()).collect()
}

impl<E: World> Transform<E> for Retry {
    fn apply(&self, source: &Source<'_, E>, rng: &mut ChaCha8Rng) -> Result<Sample, Skip> {
        let plan = source.trace.plan().ok_or(Skip::Unsolved)?;
        let plain = Sample::plain(source, source.trace);
        let (prompt, response) = plain.parts();
        let lines: Vec<&str> = response.lines().collect();
        let num_headings = lines.len().checked_sub(plan.len() + 1).ok_or(Skip::Untransformed)?;
        let mut text = format!("{prompt}{}", lines[..num_headings].iter().fold(String::new(), |all, line| all + line + "\n"));
        let mut masked = Vec::new();
        let wrong = |text: &mut String, masked: &mut Vec<(u64, u64)>, lines: &[String]| {
            let start = text.len() as u64;
            for line in lines {
                text.push_str(line);
                text.push('\n');
            }
            if matches!(self.mode, Mode::Restart | Mode::SelfBacktrack) && !lines.is_empty() {
                masked.push((start, text.len() as u64));
            }
        };
        if self.mode == Mode::Restart && rng.random_bool(self.rate) {
            let (mut played, is_solved) = random_play(source.env, source.problem, plan.len(), rng);
            played.truncate(if is_solved { 0 } else { rng.random_range(1..=played.len().max(1)) });
            let lines = step_lines(source, &played);
            if !lines.is_empty() {
                wrong(&mut text, &mut masked, &lines);
                text.push_str(self.mark());
                text.push('\n');
            }
        }
        for (index, line) in lines[num_headings..num_headings + plan.len()].iter().enumerate() {
            if self.mode != Mode::Restart && rng.random_bool(self.rate) {
                for line in self.wrong_lines(source, &plan, index, rng) {
                    wrong(&mut text, &mut masked, &[line]);
                    text.push_str(self.mark());
                    text.push('\n');
                }
            }
            text.push_str(line);
            text.push('\n');
        }
        text.push_str(lines.last().ok_or(Skip::Untransformed)?);
        Ok(Sample { text, masked, ..plain })
    }

    fn reading(&self) -> Reading {
        let marks: &'static [Retake] = match self.mode {
            Mode::Restart => &[Retake::Steps],
            Mode::SelfBacktrack => &[Retake::Backtrack],
            Mode::Step | Mode::Weak | Mode::Multi => &[Retake::Step],
        };
        Reading { retakes: Retakes { marks, are_early: self.mode == Mode::Weak }, ..Reading::default() }
    }

    fn formats(&self) -> Option<&'static [&'static str]> {
        Some(STEP_FORMATS)
    }
}
