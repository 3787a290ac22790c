//! Which environment reads a text: what a text leaves unsaid (the size of a maze, the rules of Countdown) is told by its problem, where one is given.

use std::borrow::Cow;

use metacot_envs::World;

use crate::{TraceFormat, discourse::Reading};

/// The prompts that may stand before the texts of a problem.
pub struct Prompts<E: World> {
    /// As the environment at hand writes it.
    given: String,
    /// The environment at the problem's own settings and its prompt, where they differ from those at hand.
    own: Option<(E, String)>,
}

impl<E: World> Prompts<E> {
    /// The prompts of a problem in a format.
    pub fn new(env: &E, format: &dyn TraceFormat<E>, problem: &E::Problem) -> Self {
        let prompt = |env: &E| {
            let mut prompt = String::new();
            format.write_prompt(env, problem, &mut prompt);
            prompt
        };
        let own = env.at(problem).map(|own| {
            let prompt = prompt(&own);
            (own, prompt)
        });
        Self { given: prompt(env), own }
    }

    /// The environment that reads `text`, the prompt that belongs before it, and whether it stands there already. Settings that the text does
    /// not contradict are those of the problem.
    pub fn reader<'a>(&'a self, env: &'a E, text: &str) -> (&'a E, &'a str, bool) {
        match &self.own {
            Some((own, prompt)) if text.starts_with(prompt.as_str()) => (own, prompt, true),
            Some((own, prompt)) if !text.starts_with(self.given.as_str()) => (own, prompt, false),
            _ => (env, &self.given, text.starts_with(self.given.as_str())),
        }
    }
    /// The environment that reads `text`, the text with the prompt of the problem before it, and how it is then read: completions come with
    /// or without the prompt that they continue, and without it no rating stands before them.
    pub fn complete<'a, 't>(&'a self, env: &'a E, reading: Reading, text: &'t str) -> (&'a E, Cow<'t, str>, Reading) {
        match self.reader(env, &text[reading.start(text)..]) {
            (env, _, true) => (env, Cow::Borrowed(text), reading),
            (env, prompt, false) => (env, Cow::Owned([prompt, text].concat()), reading.of_response()),
        }
    }
}
