//! What a recipe may say: every value that is out of its range, or at odds with another, is refused by its name before any work.

use std::collections::BTreeSet;

use metacot_traces::search;

use super::Recipe;
use crate::{Error, Result, model::ModelConfig, tokenizer::Tokenizer};

impl Recipe {
    pub(super) fn validate(&self) -> Result<()> {
        let refuse = |key: &str, value: String, expected: &str| Err(Error::Usage(format!("{key} = {value} is not allowed; expected {expected}")));
        let config =
            ModelConfig { vocab_size: 1, kv_heads: self.model.kv_heads.unwrap_or(self.model.heads), ..self.model_config(&Tokenizer::new([""; 0], 0)?) };
        config.validate().map_err(Error::Usage)?;
        self.train.validate().map_err(Error::Usage)?;
        // Refuses a limit that the vocabulary cannot have.
        Tokenizer::new([""; 0], self.task.whole_numbers_up_to)?;
        if let Some(name) = self.eval.searches.iter().find(|name| !search::NAMES.contains(&name.as_str())) {
            return refuse("eval.searches", format!("`{name}`"), &format!("some of {}", search::NAMES.join(", ")));
        }
        if self.corpus.train == 0 {
            return refuse("corpus.train", "0".into(), "at least 1");
        }
        if self.eval.problems == 0 || self.eval.samples == 0 {
            return refuse("eval.problems and eval.samples", format!("{} and {}", self.eval.problems, self.eval.samples), "at least 1 each");
        }
        if self.eval.k == 0 || self.eval.k as usize > self.eval.samples {
            return refuse("eval.k", self.eval.k.to_string(), "1 to eval.samples");
        }
        if !(self.eval.temperature.is_finite() && self.eval.temperature >= 0.0) {
            return refuse("eval.temperature", self.eval.temperature.to_string(), "a number of at least 0");
        }
        if self.eval.max_new_tokens == 0 || self.eval.max_new_tokens >= self.model.context {
            return refuse("eval.max_new_tokens", self.eval.max_new_tokens.to_string(), "1 to below model.context");
        }
        let shares = self.corpus.shares;
        if !(shares.val > 0.0 && shares.test > 0.0 && shares.val + shares.test < 1.0) {
            return refuse("corpus.shares", format!("{} and {}", shares.val, shares.test), "both above 0 and less than 1 together");
        }
        if !(0.0..=1.0).contains(&self.corpus.hinted) {
            return refuse("corpus.hinted", self.corpus.hinted.to_string(), "a number from 0 to 1");
        }
        if let Some(ladder) = &self.ladder {
            if ladder.seeds == 0 || ladder.tokens == 0 {
                return refuse("ladder.seeds and ladder.tokens", format!("{} and {}", ladder.seeds, ladder.tokens), "at least 1 each");
            }
            let mut before = self.stages.iter().take_while(|stage| stage.supervise.is_none());
            if let Some(name) = ladder.compute_of.as_ref().filter(|name| !before.any(|stage| stage.name == **name)) {
                return refuse("ladder.compute_of", format!("\"{name}\""), "a stage before every supervised one");
            }
        }
        if let Some(stage) =
            self.stages.iter().find(|stage| stage.policy.as_ref().is_some_and(|policy| policy.effort.is_some() && policy.effort.as_ref() != self.effort()))
        {
            return refuse(
                &format!("stage.{}.policy.effort", stage.name),
                "another dial".into(),
                "the gammas and marks of the first stage with effort: a mark has one meaning",
            );
        }
        let mut names = BTreeSet::new();
        for stage in &self.stages {
            stage.validate().map_err(Error::Usage)?;
            if !names.insert(&stage.name) {
                return refuse("stage.name", format!("\"{}\"", stage.name), "each name once");
            }
            if self.stages.iter().any(|other| is_numbered(&stage.name, &other.name)) {
                return refuse("stage.name", format!("\"{}\"", stage.name), "a name that no round of another stage has");
            }
            if stage.imitate.as_ref().is_some_and(|imitate| imitate.rationalize) && self.corpus.hinted == 0.0 {
                return refuse(
                    &format!("stage.{}.imitate.rationalize", stage.name),
                    "true".into(),
                    "corpus.hinted above 0: without it the model has never seen a hint",
                );
            }
        }
        Ok(())
    }
}

/// Whether `name` is `stage` with numbers behind it, as rounds are called.
fn is_numbered(name: &str, stage: &str) -> bool {
    let numbers = name.strip_prefix(stage).and_then(|rest| rest.strip_prefix('-'));
    numbers.is_some_and(|numbers| numbers.split('-').all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::built_in, *};

    #[test]
    fn no_stage_is_called_as_a_round_of_another() {
        assert_eq!(["x-1", "x-12-3", "x-", "x-s1", "x", "x-1-", "y-1"].map(|name| is_numbered(name, "x")), [true, true, false, false, false, false, false]);
        let stages = "[[stage]]\nname = 'round-1'\nsupervise = {}\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipe.toml");
        fs::write(&path, format!("{}\n{stages}", built_in("quickstart").unwrap().split("[eval]").next().unwrap())).unwrap();
        let eval: Vec<String> = ["problems=1", "held_out_problems=0", "samples=1", "k=1", "temperature=1.0", "max_new_tokens=9", "searches=[]"]
            .map(|set| format!("eval.{set}"))
            .into();
        let error = Recipe::load(path.to_str().unwrap(), &eval).unwrap_err().to_string();
        assert!(error.contains("a name that no round of another stage has"), "{error}");
    }
}
