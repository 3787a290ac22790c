//! Stages that teach a model to try again: RISE, and policy gradients over several attempts (RLEF, SCoRe).

use metacot_objectives::{Reward, advantage::Exponential};
use serde::{Deserialize, Serialize};

use super::Start;
use crate::{
    attempts::{AttemptsConfig, Feedback},
    improve::{DistillConfig, PolicyConfig},
};

/// What the environment says between attempts, as [`metacot_traces::feedback`] has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Remarks {
    /// What is seen of the attempt in public.
    #[default]
    True,
    /// The same of an attempt at another problem.
    Random,
    /// That another attempt follows.
    None,
}

impl Remarks {
    /// All kinds, in reading order.
    pub const ALL: [Self; 3] = [Self::True, Self::Random, Self::None];

    /// The name in recipes and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::Random => "random",
            Self::None => "none",
        }
    }

    /// As attempts have it.
    pub fn feedback(self) -> Feedback {
        match self {
            Self::True => Feedback::Text,
            Self::Random => Feedback::RandomText,
            Self::None => Feedback::None,
        }
    }
}

/// Attempts with what is said between them, and one way of learning from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReviseRecipe {
    /// Attempts at a problem, at least 2; fewer where the context ends.
    pub attempts: usize,
    /// What is said between them in training; evaluations have all kinds.
    pub feedback: Remarks,
    /// Whether a right attempt is the last in training; SCoRe always makes all.
    pub ends_when_right: bool,
    /// What an attempt costs that does not read as the format, with policy gradients (RLEF has 0.2).
    pub malformed: f64,
    /// Unseen problems on which attempts are measured before the stage and after its rounds.
    pub measured: u64,
    /// Chains of attempts at each of them.
    pub samples: usize,
    /// RISE (2407.18219).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rise: Option<RiseRecipe>,
    /// Policy gradients over all attempts: objective `rlef` (2410.02089), `score-first` and `score` (2409.12917), `rl2` and others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyConfig>,
}

impl Default for ReviseRecipe {
    fn default() -> Self {
        Self { attempts: 3, feedback: Remarks::True, ends_when_right: true, malformed: 0.0, measured: 200, samples: 2, rise: None, policy: None }
    }
}

/// Where the improved attempts of RISE come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Teacher {
    /// The best of several samples of the model itself.
    #[default]
    Own,
    /// The search of the corpus.
    Solver,
}

/// RISE: rollouts of the model's own attempts, a better attempt for each of their prefixes, and a regression on these that is weighted by reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RiseRecipe {
    /// Rounds of rollouts and training.
    pub rounds: usize,
    /// Training problems of each round; the most where `tokens` ends it earlier.
    pub problems: u64,
    /// Tokens that all rounds together sample, in parts of 16 problems; `None` sets no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Chains of attempts at each problem.
    pub chains: usize,
    /// Softmax temperature of the sampling, above 0.
    pub temperature: f32,
    /// Where better attempts come from.
    pub teacher: Teacher,
    /// Attempts sampled behind each prefix, of which, with those that are there, the best is learned; nothing is sampled for a solver.
    pub candidates: usize,
    /// What an attempt is worth.
    pub reward: Reward,
    /// Weights of the attempts that are learned, by reward, over those of a problem. Centred where left out, so that easy problems do not outweigh hard
    /// ones; the released code of RISE takes `{ temperature = 0.4, weighing = "plain" }`.
    pub weights: Exponential,
    /// Where the training of a round starts.
    pub start: Start,
    /// The training of a round.
    pub train: DistillConfig,
}

impl Default for RiseRecipe {
    fn default() -> Self {
        Self {
            rounds: 2,
            problems: 300,
            tokens: None,
            chains: 2,
            temperature: 1.0,
            teacher: Teacher::Own,
            candidates: 4,
            reward: Reward::Outcome(Default::default()),
            weights: Exponential { temperature: 1.0, weighing: metacot_objectives::advantage::Weighing::Centred },
            start: Start::Continue,
            train: DistillConfig { epochs: 2, ..DistillConfig::default() },
        }
    }
}

impl ReviseRecipe {
    /// The attempts of the training.
    pub fn attempts(&self) -> AttemptsConfig {
        AttemptsConfig { count: self.attempts, feedback: self.feedback.feedback(), ends_when_right: self.ends_when_right, malformed: self.malformed }
    }

    /// The policy gradients with their attempts.
    pub fn policy(&self) -> Option<PolicyConfig> {
        self.policy.as_ref().map(|policy| PolicyConfig { attempts: Some(self.attempts()), ..policy.clone() })
    }

    /// Checks that every value is in its range.
    pub(super) fn validate(&self) -> Result<(), String> {
        self.attempts().validate().map_err(|reason| reason.replace("attempts.count", "attempts").replace("attempts.malformed", "malformed"))?;
        if self.measured == 0 || self.samples == 0 {
            return Err(format!("measured = {} and samples = {} are not allowed; expected at least 1 each", self.measured, self.samples));
        }
        match (&self.rise, &self.policy) {
            (Some(rise), None) => rise.validate().map_err(|reason| format!("rise.{reason}")),
            (None, Some(PolicyConfig { attempts: Some(_), .. })) => Err("policy.attempts is not allowed; attempts are those of the stage".into()),
            (None, Some(_)) => self.policy().map_or(Ok(()), |policy| policy.validate()).map_err(|reason| format!("policy.{reason}")),
            _ => Err("expected one of rise and policy".into()),
        }
    }
}

impl RiseRecipe {
    fn validate(&self) -> Result<(), String> {
        let positive = [("rounds", self.rounds), ("problems", self.problems as usize), ("chains", self.chains), ("candidates", self.candidates)];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{name} = 0 is not allowed; expected at least 1"));
        }
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Err(format!("temperature = {} is not allowed; expected a number above 0", self.temperature));
        }
        self.reward.check().map_err(|error| format!("reward: {error}"))?;
        self.weights.check().map_err(|error| format!("weights: {error}"))?;
        self.train.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ReviseRecipe, String> {
        let recipe: ReviseRecipe = toml::from_str(text).map_err(|error| error.to_string())?;
        recipe.validate().map(|()| recipe)
    }

    #[test]
    fn a_part_is_enough_and_survives_its_own_text() {
        for text in ["rise = {}", "feedback = 'none'\nmalformed = 0.2\npolicy = { objective = { name = 'rlef' } }"] {
            let recipe = read(text).unwrap();
            assert_eq!(toml::from_str::<ReviseRecipe>(&toml::to_string(&recipe).unwrap()).unwrap(), recipe, "{text}");
        }
        let attempts = read("attempts = 4\nfeedback = 'random'\nrise = {}").unwrap().attempts();
        assert_eq!(attempts, AttemptsConfig { count: 4, feedback: Feedback::RandomText, ends_when_right: true, malformed: 0.0 });
    }

    #[test]
    fn values_out_of_range_are_named() {
        let error = |text: &str| read(text).unwrap_err();
        assert_eq!(error(""), "expected one of rise and policy");
        assert_eq!(error("rise = {}\npolicy = {}"), "expected one of rise and policy");
        assert_eq!(error("attempts = 1\nrise = {}"), "attempts = 1 is not allowed; expected at least 2");
        assert_eq!(error("malformed = -1.0\nrise = {}"), "malformed = -1 is not allowed; expected a number of at least 0");
        assert_eq!(error("rise = { candidates = 0 }"), "rise.candidates = 0 is not allowed; expected at least 1");
        assert!(error("rise = { weights = { temperature = 0.0 } }").starts_with("rise.weights: "));
        assert_eq!(error("policy = { steps = 0, objective = { name = 'rlef' } }"), "policy.steps = 0 is not allowed; expected at least 1");
        assert!(error("policy = { attempts = { count = 2 } }").starts_with("policy.attempts is not allowed"));
    }
}
