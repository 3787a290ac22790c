//! Rationalization (STaR, 2203.14465, section 3.2): problems that stay unsolved are asked again with a solution before the prompt; what is
//! learned from a right response never shows the hint.
//!
//! A hint is the plan of a symbolic search, each action behind a mark of its own. The model must have seen hints in its supervised training.

use metacot_envs::SeedTree;
use metacot_traces::task::{Problem, Task};

use crate::{
    data::Example,
    error::{Error, Result},
    grade::{Rollout, RolloutGroup, judge, prompt_ids},
    sample::{Generator, Request, SampleConfig},
    tokenizer::Tokenizer,
};

/// The mark before each action of a hint; a token of its own.
pub const HINT: &str = "<hint>";

/// The ids of a prompt behind a hint: BOS, the marked actions, the prompt.
///
/// # Errors
/// The vocabulary cannot say an action.
pub fn hinted_prompt_ids(tokenizer: &Tokenizer, plan: &[String], prompt: &str) -> Result<Vec<u32>> {
    let hint: String = plan.iter().flat_map(|action| [HINT, action]).collect();
    let mut ids = vec![Tokenizer::BOS];
    ids.extend(tokenizer.encode_strict(&hint).map_err(|error| Error::Usage(format!("the plan {plan:?} cannot be a hint: {error}")))?);
    tokenizer.encode_into(prompt, &mut ids);
    Ok(ids)
}

/// A prompt behind a hint and its response as an example that ends with EOS.
///
/// # Errors
/// The vocabulary cannot say an action.
pub fn hinted_example(tokenizer: &Tokenizer, plan: &[String], prompt: &str, response: &str) -> Result<Example> {
    let mut ids = hinted_prompt_ids(tokenizer, plan, prompt)?;
    let response_start = ids.len();
    tokenizer.encode_into(response, &mut ids);
    ids.push(Tokenizer::EOS);
    Ok(Example { ids, response_start })
}

/// What rationalization is done with.
pub struct Rationalization<'a> {
    /// Judges responses, by the problem without the hint.
    pub task: &'a dyn Task,
    /// The vocabulary.
    pub tokenizer: &'a Tokenizer,
    /// Responses sampled for each problem.
    pub samples: usize,
    /// How they are sampled.
    pub config: &'a SampleConfig,
    /// Sample `j` of problem `i` draws from `seeds.index(i).stream(j)`.
    pub seeds: &'a SeedTree,
}

impl Rationalization<'_> {
    /// Asks every problem without a right response again where `plans` has a solution for it; the responses become the group's hinted ones.
    ///
    /// # Errors
    /// The vocabulary cannot say an action.
    pub fn fill(&self, generator: &mut dyn Generator, problems: &[Problem], plans: &[Option<Vec<String>>], groups: &mut [RolloutGroup]) -> Result<()> {
        let hinted = |plan: &[String], problem: &Problem| hinted_prompt_ids(self.tokenizer, plan, &problem.prompt);
        for (index, responses) in self.ask(generator, problems, plans, groups, &hinted)? {
            groups[index].hinted = responses;
        }
        Ok(())
    }

    /// Asks the same problems without the hint; the responses become the group's further ones.
    ///
    /// # Errors
    /// None of its own.
    pub fn try_again(&self, generator: &mut dyn Generator, problems: &[Problem], plans: &[Option<Vec<String>>], groups: &mut [RolloutGroup]) -> Result<()> {
        let plain = |_: &[String], problem: &Problem| Ok(prompt_ids(self.tokenizer, &problem.prompt));
        for (index, responses) in self.ask(generator, problems, plans, groups, &plain)? {
            groups[index].again = responses;
        }
        Ok(())
    }

    /// Responses to the prompts of the problems that have a plan and no right response, with their places.
    fn ask(
        &self,
        generator: &mut dyn Generator,
        problems: &[Problem],
        plans: &[Option<Vec<String>>],
        groups: &[RolloutGroup],
        prompt: &dyn Fn(&[String], &Problem) -> Result<Vec<u32>>,
    ) -> Result<Vec<(usize, Vec<Rollout>)>> {
        let mut asked = Vec::new();
        let mut requests = Vec::new();
        for (index, (group, plan)) in groups.iter().zip(plans).enumerate() {
            let Some(plan) = plan.as_ref().filter(|_| group.num_correct() == 0) else { continue };
            let prompt = prompt(plan, &problems[index])?;
            let streams = self.seeds.index(index as u64);
            requests.extend((0..self.samples as u64).map(|sample| Request { prompt: prompt.clone(), rng: streams.stream(sample) }));
            asked.push(index);
        }
        let mut completions = generator.complete(requests, self.config).into_iter();
        let judged = |index: usize| {
            let own = completions.by_ref().take(self.samples);
            (index, own.map(|completion| judge(self.task, self.tokenizer, &problems[index], &completion)).collect())
        };
        Ok(asked.into_iter().map(judged).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_stands_before_the_prompt_and_must_be_sayable() {
        let tokenizer = Tokenizer::new([HINT, "+", "=", "p"], 0).unwrap();
        let plan = ["1+2=3".to_owned()];
        let example = hinted_example(&tokenizer, &plan, "p", "3").unwrap();
        assert_eq!(tokenizer.decode(&example.ids), "<hint>1+2=3p3");
        assert_eq!(tokenizer.decode(&example.ids[example.response_start..]), "3");
        assert!(hinted_prompt_ids(&tokenizer, &["1*2".into()], "p").unwrap_err().to_string().contains("cannot be a hint"));
    }
}
