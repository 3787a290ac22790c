//! What comes after supervised training: stages in order, each of which takes the model on.
//!
//! A stage either imitates what was verified (rounds of sampling, keeping and training: STaR and its relatives), follows policy gradients, or is one of
//! the kinds that its parts name.

use metacot_objectives::Reward;
use serde::{Deserialize, Serialize};

use super::{
    guided::{GuidedRecipe, SelfPlayRecipe},
    revise::ReviseRecipe,
};
use crate::{
    improve::{EvolutionConfig, PolicyConfig},
    train::TrainConfig,
};

/// One stage; exactly one of its parts is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageRecipe {
    /// Names its checkpoints and evaluations; lower-case letters, digits and dashes, once in a recipe.
    pub name: String,
    /// Whether it starts from the supervised model, not where the stage before it ended.
    #[serde(default, skip_serializing_if = "is_false")]
    pub from_base: bool,
    /// Rounds of sampling, keeping and training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imitate: Option<ImitateRecipe>,
    /// Policy gradients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyConfig>,
    /// Expert iteration: searches that the model guides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guided: Option<GuidedRecipe>,
    /// Games of two players against itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_play: Option<SelfPlayRecipe>,
    /// Several attempts at a problem: RISE, RLEF, SCoRe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revise: Option<ReviseRecipe>,
    /// Evolution strategies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evolve: Option<EvolutionConfig>,
    /// More supervised training on the corpus: what the others are compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supervise: Option<TrainConfig>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// A named way of imitating verified samples; each sets the defaults that its paper describes, and every one can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Keep the shortest right responses to new problems and go on.
    ExpertIteration,
    /// STaR (2203.14465): the first right response, problems that stay unsolved again with the solution as a hint, restart from the base.
    Star,
    /// Meta-STaR (2501.04682, section 4.1): search and solution are kept together, and only where every statement is true.
    MetaStar,
    /// ReST (2308.08998): one grow step, then improve steps on all responses above a rising threshold.
    Rest,
    /// ReST-EM (2312.06585): 32 samples at temperature 0.7 among the 40 likeliest tokens, at most 10 right ones a problem, restart from the base.
    RestEm,
    /// RAFT (2304.06767): the best of each group.
    Raft,
    /// Search dynamics bootstrapping (2402.14083): of 32 responses the shortest that is true and optimal, again and again.
    Bootstrap,
}

/// Imitation of verified samples: sample, verify, keep, train again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "ImitateFile")]
pub struct ImitateRecipe {
    /// Whose defaults hold.
    pub method: Method,
    /// Rounds of sampling and training.
    pub rounds: usize,
    /// Training problems of each round; the most where `tokens` ends it earlier.
    pub problems: u64,
    /// Tokens that all rounds together sample, in parts of 16 problems; `None` sets no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Whether every round asks the same problems; new ones otherwise.
    pub same_problems: bool,
    /// Responses sampled for each.
    pub samples: usize,
    /// Softmax temperature of the sampling, above 0.
    pub temperature: f32,
    /// Only the likeliest tokens of this number can be chosen; 0 means all.
    pub top_k: usize,
    /// Whether problems without a right response are asked again with the plan of a symbolic search as a hint, which the training never sees.
    /// The model must know hints: see `corpus.hinted`.
    pub rationalize: bool,
    /// Whether these problems are also asked again without the hint. Nothing is learned from it: it counts what a second try solves by itself, which a
    /// hint must be measured against.
    pub second_try: bool,
    /// What a response is worth.
    pub reward: Reward,
    /// The lowest reward that is kept, by improve step; each of them trains, the first from `start`, the others from the one before.
    pub thresholds: Vec<f64>,
    /// Which of the responses above the threshold are kept.
    pub keep: Keep,
    /// The most responses kept for one problem.
    pub keep_per_problem: usize,
    /// Whether a kept response must be true throughout, not only end right.
    pub require_valid: bool,
    /// Whether the plan of a kept response must cost no more than that of a symbolic A*.
    pub require_optimal: bool,
    /// Where the training of a round starts.
    pub start: Start,
    /// Share of the examples of a round that come from the supervised corpus, in [0, 1), so that the model does not forget how to search.
    pub replay: f64,
    /// The training of an improve step.
    pub train: TrainConfig,
}

/// Which responses of a problem are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The first sampled (STaR, ReST-EM).
    First,
    /// Those of fewest tokens (Searchformer's bootstrapping).
    Shortest,
    /// Those of the highest reward (RAFT).
    Best,
}

/// Where the training of a round starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// The supervised model (STaR).
    Base,
    /// The model of the last round.
    Continue,
}

/// [`ImitateRecipe`] as it is written: what is left out is the method's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ImitateFile {
    #[serde(default = "expert_iteration")]
    method: Method,
    rounds: Option<usize>,
    problems: Option<u64>,
    tokens: Option<u64>,
    same_problems: Option<bool>,
    samples: Option<usize>,
    temperature: Option<f32>,
    top_k: Option<usize>,
    rationalize: Option<bool>,
    second_try: Option<bool>,
    reward: Option<Reward>,
    thresholds: Option<Vec<f64>>,
    keep: Option<Keep>,
    keep_per_problem: Option<usize>,
    require_valid: Option<bool>,
    require_optimal: Option<bool>,
    start: Option<Start>,
    replay: Option<f64>,
    train: Option<TrainConfig>,
}

fn expert_iteration() -> Method {
    Method::ExpertIteration
}

impl From<ImitateFile> for ImitateRecipe {
    fn from(file: ImitateFile) -> Self {
        let base = Self::of(file.method);
        Self {
            method: file.method,
            rounds: file.rounds.unwrap_or(base.rounds),
            problems: file.problems.unwrap_or(base.problems),
            tokens: file.tokens,
            same_problems: file.same_problems.unwrap_or(base.same_problems),
            samples: file.samples.unwrap_or(base.samples),
            temperature: file.temperature.unwrap_or(base.temperature),
            top_k: file.top_k.unwrap_or(base.top_k),
            rationalize: file.rationalize.unwrap_or(base.rationalize),
            second_try: file.second_try.unwrap_or(base.second_try),
            reward: file.reward.unwrap_or(base.reward),
            thresholds: file.thresholds.unwrap_or(base.thresholds),
            keep: file.keep.unwrap_or(base.keep),
            keep_per_problem: file.keep_per_problem.unwrap_or(base.keep_per_problem),
            require_valid: file.require_valid.unwrap_or(base.require_valid),
            require_optimal: file.require_optimal.unwrap_or(base.require_optimal),
            start: file.start.unwrap_or(base.start),
            replay: file.replay.unwrap_or(base.replay),
            train: file.train.unwrap_or(base.train),
        }
    }
}

impl ImitateRecipe {
    /// The defaults of a method; sizes are ours, what a paper fixes is the paper's.
    pub fn of(method: Method) -> Self {
        let base = Self {
            method,
            rounds: 1,
            problems: 1000,
            tokens: None,
            same_problems: false,
            samples: 8,
            temperature: 1.0,
            top_k: 0,
            rationalize: false,
            second_try: false,
            reward: Reward::Outcome(Default::default()),
            thresholds: vec![1.0],
            keep: Keep::First,
            keep_per_problem: 4,
            require_valid: false,
            require_optimal: false,
            start: Start::Continue,
            replay: 0.0,
            train: TrainConfig::default(),
        };
        let restart = Self { same_problems: true, start: Start::Base, ..base.clone() };
        match method {
            Method::ExpertIteration => Self { keep: Keep::Shortest, ..base },
            // Temperature 0.8 is that of STaR on Stream of Search; the paper decodes greedily, one response a problem.
            Method::Star => Self { rounds: 3, samples: 1, temperature: 0.8, rationalize: true, keep_per_problem: 1, ..restart },
            Method::MetaStar => Self { rounds: 3, samples: 4, temperature: 0.8, require_valid: true, keep_per_problem: 1, ..restart },
            Method::Rest => Self { reward: graded(), thresholds: vec![0.5, 0.75, 1.0], keep_per_problem: 1000, ..base },
            Method::RestEm => Self { rounds: 2, samples: 32, temperature: 0.7, top_k: 40, keep_per_problem: 10, ..restart },
            Method::Raft => Self { keep: Keep::Best, keep_per_problem: 1, ..base },
            Method::Bootstrap => Self { rounds: 3, samples: 32, keep: Keep::Shortest, keep_per_problem: 1, require_valid: true, require_optimal: true, ..base },
        }
    }

    /// Checks that every value is in its range.
    pub(super) fn validate(&self) -> Result<(), String> {
        self.train.validate()?;
        self.reward.check().map_err(|error| format!("reward: {error}"))?;
        let positive = [("rounds", self.rounds), ("problems", self.problems as usize), ("samples", self.samples), ("keep_per_problem", self.keep_per_problem)];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{name} = 0 is not allowed; expected at least 1"));
        }
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Err(format!("temperature = {} is not allowed; expected a number above 0", self.temperature));
        }
        if self.second_try && !self.rationalize {
            return Err("second_try = true is not allowed without rationalize: there is no hint to measure against it".into());
        }
        if !(0.0..1.0).contains(&self.replay) {
            return Err(format!("replay = {} is not allowed; expected a number from 0 to below 1", self.replay));
        }
        let is_rising = self.thresholds.windows(2).all(|pair| pair[0] <= pair[1]) && self.thresholds.iter().all(|threshold| threshold.is_finite());
        if self.thresholds.is_empty() || !is_rising {
            return Err(format!("thresholds = {:?} is not allowed; expected at least one number, rising", self.thresholds));
        }
        Ok(())
    }
}

/// Half for the answer, half for the share of true statements: a graded reward for rising thresholds.
fn graded() -> Reward {
    use metacot_objectives::reward::{Outcome, Process, Term, WeightedSum};
    let term = |weight: f64, reward: Reward| Term { weight, reward };
    Reward::WeightedSum(WeightedSum { terms: vec![term(0.5, Outcome::default().into()), term(0.5, Process::default().into())], gate: false })
}

impl StageRecipe {
    /// The names of its rounds, or its own.
    pub fn improvements(&self) -> Vec<String> {
        let rounds = [
            self.imitate.as_ref().map(|imitate| imitate.rounds),
            self.guided.as_ref().map(|guided| guided.rounds),
            self.self_play.as_ref().map(|play| play.rounds),
            self.revise.as_ref().and_then(|revise| revise.rise.as_ref()).map(|rise| rise.rounds),
        ];
        match rounds.into_iter().flatten().next() {
            Some(rounds) => (1..=rounds).map(|round| format!("{}-{round}", self.name)).collect(),
            None => vec![self.name.clone()],
        }
    }

    /// The names of its trainings.
    pub fn trainings(&self) -> Vec<String> {
        match &self.imitate {
            Some(imitate) if imitate.thresholds.len() > 1 => {
                let steps = |round: String| (1..=imitate.thresholds.len()).map(move |step| format!("{round}-{step}"));
                self.improvements().into_iter().flat_map(steps).collect()
            }
            _ => self.improvements(),
        }
    }

    /// The evaluation that judges the weights of one of its trainings: that of the round which the training ends.
    pub fn evaluated_as(&self, training: &str) -> Option<String> {
        let steps = (self.trainings().len() / self.improvements().len().max(1)).max(1);
        let last = self.trainings().into_iter().skip(steps - 1).step_by(steps);
        last.zip(self.improvements()).find(|(last, _)| last == training).map(|(_, round)| round)
    }

    /// Checks the name and the part.
    pub(super) fn validate(&self) -> Result<(), String> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || self.name == "supervised" || !self.name.bytes().all(is_plain) {
            return Err(format!("stage.name = \"{}\" is not allowed; expected lower-case letters, digits and dashes, and not supervised", self.name));
        }
        let name = &self.name;
        let parts = [
            self.imitate.is_some(),
            self.policy.is_some(),
            self.guided.is_some(),
            self.self_play.is_some(),
            self.revise.is_some(),
            self.evolve.is_some(),
            self.supervise.is_some(),
        ];
        let parts = parts.into_iter().filter(|is_there| *is_there).count();
        if parts != 1 {
            return Err(format!("stage {name} has {parts} parts; expected one of imitate, policy, guided, self_play, revise, evolve and supervise"));
        }
        let imitate = self.imitate.as_ref().map_or(Ok(()), ImitateRecipe::validate).map_err(|reason| format!("stage.{name}.imitate.{reason}"));
        let policy = self.policy.as_ref().map_or(Ok(()), PolicyConfig::validate).map_err(|reason| format!("stage.{name}.policy.{reason}"));
        let supervise = self.supervise.as_ref().map_or(Ok(()), TrainConfig::validate).map_err(|reason| format!("stage.{name}.supervise: {reason}"));
        let guided = self.guided.as_ref().map_or(Ok(()), GuidedRecipe::validate).map_err(|reason| format!("stage.{name}.guided.{reason}"));
        let play = self.self_play.as_ref().map_or(Ok(()), SelfPlayRecipe::validate).map_err(|reason| format!("stage.{name}.self_play.{reason}"));
        let revise = self.revise.as_ref().map_or(Ok(()), ReviseRecipe::validate).map_err(|reason| format!("stage.{name}.revise: {reason}"));
        let evolve = self.evolve.as_ref().map_or(Ok(()), EvolutionConfig::validate).map_err(|reason| format!("stage.{name}.evolve.{reason}"));
        imitate.and(policy).and(guided).and(play).and(revise).and(evolve).and(supervise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHODS: [Method; 7] = [Method::ExpertIteration, Method::Star, Method::MetaStar, Method::Rest, Method::RestEm, Method::Raft, Method::Bootstrap];

    #[test]
    fn methods_are_valid_and_survive_their_own_text() {
        for method in METHODS {
            let recipe = ImitateRecipe::of(method);
            assert_eq!(recipe.validate(), Ok(()), "{method:?}");
            assert_eq!(toml::from_str::<ImitateRecipe>(&toml::to_string(&recipe).unwrap()).unwrap(), recipe);
        }
    }

    #[test]
    fn what_is_written_replaces_the_defaults_of_the_method() {
        let recipe: ImitateRecipe = toml::from_str("method = 'rest-em'\nsamples = 4").unwrap();
        assert_eq!((recipe.samples, recipe.top_k, recipe.keep_per_problem, recipe.start), (4, 40, 10, Start::Base));
        assert!(toml::from_str::<ImitateRecipe>("method = 'rest-em'\nsample = 4").is_err());
    }

    #[test]
    fn thresholds_must_rise_and_a_stage_has_one_part() {
        let recipe = ImitateRecipe { thresholds: vec![1.0, 0.5], ..ImitateRecipe::of(Method::Rest) };
        assert_eq!(recipe.validate().unwrap_err(), "thresholds = [1.0, 0.5] is not allowed; expected at least one number, rising");
        let stage: StageRecipe = toml::from_str("name = 'a'").unwrap();
        assert_eq!(stage.validate().unwrap_err(), "stage a has 0 parts; expected one of imitate, policy, guided, self_play, revise, evolve and supervise");
    }
}
