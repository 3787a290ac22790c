//! Recipes: everything that a run does, as one typed, validated file.
//!
//! Two recipes with the same values are the same run; nothing else (threads, device, folder) may change its numbers on a CPU.

mod builtin;
mod change;
mod check;
mod guided;
mod ladder;
mod revise;
mod stage;

use std::{fs, path::Path};

use metacot_envs::{Difficulty, Settings};
use metacot_objectives::reward::EffortDial;
use metacot_traces::{
    Budget,
    corpus::{Split, SplitShares},
    generate::Spec,
};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    attempts::{ATTEMPT_MARKS, Feedback},
    model::ModelConfig,
    sample::SampleConfig,
    tokenizer::Tokenizer,
    train::TrainConfig,
};
pub use builtin::{BUILT_IN, built_in};
pub use change::{changed, changed_from};
pub use guided::{GuidedRecipe, GuidedSearch, SelfPlayRecipe};
pub use ladder::LadderRecipe;
pub use revise::{Remarks, ReviseRecipe, RiseRecipe, Teacher};
pub use stage::{ImitateRecipe, Keep, Method, StageRecipe, Start};

/// A whole pipeline: generate, train, improve, evaluate, report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Shown in the report.
    pub title: String,
    /// Root of all randomness of the run.
    pub seed: u64,
    /// What is to be solved.
    pub task: TaskRecipe,
    /// What is learned from.
    pub corpus: CorpusRecipe,
    /// The shape of the model; the vocabulary is the tokenizer's.
    pub model: ModelRecipe,
    /// The supervised training.
    pub train: TrainConfig,
    /// What is measured.
    pub eval: EvalRecipe,
    /// Compares the stages instead of running one after the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ladder: Option<LadderRecipe>,
    /// Learning from verified samples, stage after stage.
    #[serde(default, rename = "stage")]
    pub stages: Vec<StageRecipe>,
}

/// The environment and how its searches are written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskRecipe {
    /// Registered name of the environment.
    pub env: String,
    /// Its size.
    pub size: Option<String>,
    /// Its other settings.
    #[serde(default)]
    pub settings: Settings,
    /// Settings that replace those above for the problems of the out-of-distribution evaluation, such as held-out targets; empty means none.
    #[serde(default)]
    pub held_out: Settings,
    /// Registered name of the format.
    pub format: String,
    /// Its settings.
    #[serde(default)]
    pub format_settings: Settings,
    /// The largest number that is one token; larger ones are read digit by digit. 0, 99, 999 or 9999.
    pub whole_numbers_up_to: u32,
}

/// The corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorpusRecipe {
    /// Registered name of the search that is imitated.
    pub search: String,
    /// Its settings.
    #[serde(default)]
    pub search_settings: Settings,
    /// What each search may spend.
    #[serde(default)]
    pub budget: Budget,
    /// Training problems drawn; traces that do not fit the context are left out and counted.
    pub train: u64,
    /// Validation problems drawn, for the validation loss.
    pub val: u64,
    /// Share of the fitting solved traces, in [0, 1], that are learned a second time with their plan as a hint before the prompt, so that the
    /// model can rationalize.
    #[serde(default)]
    pub hinted: f64,
    /// Shares of the problem space.
    #[serde(default)]
    pub shares: SplitShares,
}

/// The shape of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRecipe {
    /// Number of blocks.
    pub layers: usize,
    /// Width of the residual stream.
    pub width: usize,
    /// Number of heads.
    pub heads: usize,
    /// Number of key and value heads; as many as heads where it is left out.
    pub kv_heads: Option<usize>,
    /// Width of the feed-forward layer.
    pub hidden: usize,
    /// The longest sequence in tokens.
    pub context: usize,
    /// Base of the rotary frequencies.
    #[serde(default = "default_theta")]
    pub rope_theta: f32,
    /// Whether the output projection is the transposed embedding.
    #[serde(default)]
    pub tied_embeddings: bool,
    /// Folder of a checkpoint of this shape and vocabulary, such as `metacot import` writes, that the supervised training starts from instead of fresh weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<std::path::PathBuf>,
}

fn default_theta() -> f32 {
    10_000.0
}

/// What is measured, on which problems, at which budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvalRecipe {
    /// Unseen problems of the training distribution.
    pub problems: u64,
    /// Problems of the held-out settings.
    pub held_out_problems: u64,
    /// Responses sampled for each problem; pass@k is estimated from them.
    pub samples: usize,
    /// The k of pass@k, at most `samples`.
    pub k: u32,
    /// Softmax temperature.
    pub temperature: f32,
    /// The most tokens of a response, for models and symbolic searches alike.
    pub max_new_tokens: usize,
    /// Symbolic searches to compare with.
    pub searches: Vec<String>,
}

impl Recipe {
    /// Reads a recipe: a built-in name or a path, with `key.path=value` changes applied.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown key, a value that is not allowed.
    pub fn load(name: &str, changes: &[String]) -> Result<Self> {
        let text = match built_in(name) {
            Some(text) => text.to_string(),
            None if Path::new(name).exists() => fs::read_to_string(name).map_err(Error::io("cannot read", name))?,
            None => {
                let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
                return Err(Error::Usage(format!("recipe `{name}` is neither a file nor built in; built in: {}", names.join(", "))));
            }
        };
        let table: toml::Table = text.parse().map_err(|error| Error::Usage(format!("recipe {name}: {error}")))?;
        let recipe: Self = changed(table, changes).map_err(|error| match error {
            Error::Usage(reason) if !reason.starts_with("--set") => Error::Usage(format!("recipe {name}: {reason}")),
            other => other,
        })?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// The recipe as TOML, every default written out.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("a recipe is plain data")
    }

    /// The stages as they are run: those of the recipe, or the arms of the ladder seed by seed.
    pub fn all_stages(&self) -> Vec<StageRecipe> {
        match &self.ladder {
            None => self.stages.clone(),
            Some(ladder) => (1..=ladder.seeds).flat_map(|seed| ladder.arms(&self.stages, seed, self.model.context)).collect(),
        }
    }

    /// The dial of effort of the first stage that has one.
    pub fn effort(&self) -> Option<&EffortDial> {
        self.stages.iter().filter_map(|stage| stage.policy.as_ref()?.effort.as_ref()).next()
    }

    /// What is said between attempts, for the vocabulary: marks where a stage lets responses have several attempts, and words where remarks are made.
    pub fn attempt_phrases(&self) -> Vec<&'static str> {
        let of_policy = |stage: &StageRecipe| stage.policy.as_ref().and_then(|policy| policy.attempts).map(|attempts| attempts.feedback);
        let of_stage = |stage: &StageRecipe| of_policy(stage).or(stage.revise.as_ref().map(|_| Feedback::Text));
        let feedback: Vec<Feedback> = self.stages.iter().filter_map(of_stage).collect();
        let marks = if feedback.is_empty() { Vec::new() } else { ATTEMPT_MARKS.to_vec() };
        let words = feedback.iter().find(|feedback| matches!(feedback, Feedback::Text | Feedback::RandomText));
        marks.into_iter().chain(words.into_iter().flat_map(|words| words.phrases().iter().copied())).collect()
    }

    /// Whether a stage teaches values, so that the vocabulary has marks for them.
    pub fn has_values(&self) -> bool {
        self.stages.iter().any(|stage| stage.guided.is_some() || stage.self_play.is_some())
    }

    /// The number of trainings and evaluations that follow the supervised ones: of each round of imitation and of each other stage; a ladder
    /// evaluates the last round only.
    pub fn num_stage_parts(&self) -> usize {
        let parts = |stage: &StageRecipe| {
            let improvements = stage.improvements().len();
            improvements + if self.ladder.is_some() { 1 } else { improvements }
        };
        self.all_stages().iter().map(parts).sum()
    }

    /// The names of all trainings, in order.
    pub fn trainings(&self) -> Vec<String> {
        std::iter::once("supervised".to_owned()).chain(self.all_stages().iter().flat_map(StageRecipe::trainings)).collect()
    }

    /// The evaluation that judges the weights of a training; `None` where a round goes on from them without one.
    pub fn evaluated_as(&self, training: &str) -> Option<String> {
        let found = self.all_stages().iter().find_map(|stage| stage.evaluated_as(training));
        found.or_else(|| (training == "supervised").then(|| training.to_owned()))
    }

    /// The settings of all supervised trainings.
    pub fn train_configs(&self) -> impl Iterator<Item = &TrainConfig> {
        let imitations = self.stages.iter().filter_map(|stage| stage.imitate.as_ref()).map(|imitate| &imitate.train);
        std::iter::once(&self.train).chain(imitations).chain(self.stages.iter().filter_map(|stage| stage.supervise.as_ref()))
    }

    /// The spec of one of the corpora.
    pub fn spec(&self, split: Split, count: u64, seed: u64) -> Spec {
        Spec {
            difficulty: Difficulty { size: self.task.size.clone(), settings: self.task.settings.clone() },
            search_settings: self.corpus.search_settings.clone(),
            format_settings: self.task.format_settings.clone(),
            budget: self.corpus.budget,
            split,
            shares: self.corpus.shares,
            count,
            seed,
            ..Spec::new(&self.task.env, &self.corpus.search, &self.task.format)
        }
    }

    /// The spec of the out-of-distribution problems; `None` where the recipe has none.
    pub fn held_out_spec(&self) -> Option<Spec> {
        if self.task.held_out.is_empty() || self.eval.held_out_problems == 0 {
            return None;
        }
        let mut spec = self.spec(Split::Test, self.eval.held_out_problems, self.seed);
        for (name, value) in self.task.held_out.iter() {
            spec.difficulty.settings.insert(name, value);
        }
        Some(spec)
    }

    /// The shape of the model over a vocabulary.
    pub fn model_config(&self, tokenizer: &Tokenizer) -> ModelConfig {
        let ModelRecipe { layers, width, heads, kv_heads, hidden, context, rope_theta, tied_embeddings, from: _ } = self.model;
        let kv_heads = kv_heads.unwrap_or(heads);
        ModelConfig {
            vocab_size: tokenizer.vocab_size(),
            width,
            layers,
            heads,
            kv_heads,
            hidden,
            context,
            rope_theta,
            rope_scaling: None,
            norm_epsilon: 1e-5,
            tied_embeddings,
        }
    }

    /// How responses are sampled at a temperature.
    pub fn sample_config(&self, temperature: f32) -> SampleConfig {
        SampleConfig { temperature, top_k: 0, top_p: 1.0, max_new_tokens: self.eval.max_new_tokens, stop: vec![Tokenizer::EOS], scored_at: 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_training_is_judged_by_the_evaluation_of_the_round_that_it_ends() {
        let recipe = |thresholds: &str| {
            let table: toml::Table = built_in("star").unwrap().parse().unwrap();
            changed(table, &["stage.star.imitate.method=rest".into(), format!("stage.star.imitate.thresholds={thresholds}")]).unwrap()
        };
        let (plain, stepped): (Recipe, Recipe) = (recipe("[0.5]"), recipe("[0.2, 0.5]"));
        let judged = |recipe: &Recipe| recipe.trainings().iter().map(|name| recipe.evaluated_as(name)).collect::<Vec<_>>();
        assert_eq!(judged(&plain), ["supervised", "star-1", "star-2", "star-3"].map(|name| Some(name.to_owned())));
        let names = ["supervised", "", "star-1", "", "star-2", "", "star-3"].map(|name| (!name.is_empty()).then(|| name.to_owned()));
        assert_eq!(judged(&stepped), names);
        assert_eq!(plain.evaluated_as("star-9"), None);
    }

    #[test]
    fn a_model_that_no_machine_holds_is_refused_by_its_number() {
        let error = |change: &str| Recipe::load("quickstart", &[change.into()]).unwrap_err().to_string();
        let huge = error("model.width=10000000");
        assert!(huge.ends_with("expected at most 8589934592 parameters"), "{huge}");
        assert!(error("model.hidden=9223372036854775800").contains("more than can be counted"));
    }
}
