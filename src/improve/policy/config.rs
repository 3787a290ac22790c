//! What a policy-gradient run is told.

use metacot_objectives::{
    Importance, Objective, ObjectiveConfig, ObjectiveError, Reward, controller::KlController, filter::Filter, plan::StepPlan, reward::EffortDial,
};
use serde::{Deserialize, Serialize};

use super::{
    CurriculumConfig, Mode, ReplayConfig, VineConfig,
    needs::{ATTEMPTS, missing, needs_reference, needs_solutions, needs_step_values},
};
use crate::{
    attempts::AttemptsConfig,
    train::{Schedule, TrainerConfig},
};

/// The least tolerance between a sampler in single precision and a trainer in half of it, in nats.
const HALF_TOLERANCE: f64 = 0.1;

/// Settings of a policy-gradient run; kept in its checkpoints and compared when it resumes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyConfig {
    /// Root of the order of the problems, of the sampling and of the mini-batches.
    pub seed: u64,
    /// Steps, each of sampling and its updates.
    pub steps: usize,
    /// Sampled tokens after which the run ends with the step that reaches them; `None` runs all steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Distinct training problems that prompts are taken from.
    pub pool: u64,
    /// Softmax temperature of the policy, above 0: what is sampled from is what is trained, so that log-probabilities, ratios, entropies and distances to
    /// the reference are those of logits divided by it (as in TRL and verl).
    pub temperature: f32,
    /// Steps in a row without a positive reward and without two different ones, after which the run stops.
    pub patience: usize,
    /// Most groups sampled in a step, as a multiple of its prompts: above 1, groups that the filter drops are replaced.
    pub refill: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// How the learning rate runs over the steps.
    pub schedule: Schedule,
    /// Steps between checkpoints; there is always one at the end.
    pub checkpoint_steps: usize,
    /// Steps between those whose samples are kept on disk; 0 keeps none.
    pub rollout_steps: usize,
    /// Steps after which the policy becomes its own reference; 0 keeps the one of the start.
    pub reference_steps: usize,
    /// Whether the distance to the reference policy is measured where no penalty needs it; costs a forward pass.
    pub measure_reference: bool,
    /// Whether responses that were cut at the length limit teach nothing.
    pub mask_truncated: bool,
    /// Largest difference between the log-probabilities of sampler and trainer, in nats: in the first step, and where the trainer goes on from what the sampler
    /// computed, in the first mini-batch after each checkpoint.
    pub log_prob_tolerance: f64,
    /// Where the sampler's weights come from.
    pub mode: Mode,
    /// Prompts, responses, mini-batches and epochs of a step.
    pub plan: StepPlan,
    /// How prompts are chosen.
    pub curriculum: CurriculumConfig,
    /// Which groups are trained on.
    pub filter: Filter,
    /// What a response is worth.
    pub reward: Reward,
    /// How rewards become a gradient.
    pub objective: ObjectiveConfig,
    /// Steers the weight of the KL penalty, which replaces the objective's, towards a distance in nats per response by the penalty's estimator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kl_controller: Option<KlController>,
    /// Groups of earlier steps that are trained on again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayConfig>,
    /// How values of steps are sampled, for objectives that read them; left out, as [`VineConfig`] has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vine: Option<VineConfig>,
    /// Several attempts in a response, for objectives that credit them; the reward is that of the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<AttemptsConfig>,
    /// Levels of effort: each group draws one, its prompt says which, and the reward `effort` pays by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<EffortDial>,
    /// Batches and optimizer.
    pub trainer: TrainerConfig,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            steps: 100,
            tokens: None,
            pool: 1000,
            temperature: 1.0,
            patience: 20,
            refill: 1,
            learning_rate: 1e-4,
            schedule: Schedule::Constant,
            checkpoint_steps: 10,
            rollout_steps: 0,
            reference_steps: 0,
            measure_reference: true,
            mask_truncated: false,
            log_prob_tolerance: 0.01,
            mode: Mode::default(),
            plan: StepPlan { prompts: 16, samples: 8, minibatch: 128, epochs: 1 },
            curriculum: CurriculumConfig::default(),
            filter: Filter::All,
            reward: Reward::Outcome(Default::default()),
            objective: ObjectiveConfig { name: "grpo".into(), advantage: None, loss: None, aggregation: None, kl: None, importance: None, entropy_bonus: None },
            kl_controller: None,
            replay: None,
            vine: None,
            attempts: None,
            effort: None,
            trainer: TrainerConfig::default(),
        }
    }
}

impl PolicyConfig {
    /// The objective, with the KL weight of the controller where there is one.
    ///
    /// # Errors
    /// The name is unknown, as a lower-case fragment.
    pub fn objective(&self) -> Result<Objective, String> {
        let mut objective = self.objective.build().map_err(|error| error.to_string())?;
        if let Some(controller) = &self.kl_controller {
            objective.kl.coefficient = controller.coefficient;
        }
        Ok(objective)
    }

    /// Whether the reference policy reads what is trained on.
    pub fn reads_reference(&self) -> bool {
        self.measure_reference || self.objective().is_ok_and(|objective| needs_reference(&objective))
    }

    /// Checks that every value is in its range, and that the loop makes what the objective reads.
    ///
    /// # Errors
    /// The offending field and what it must satisfy, as a lower-case fragment.
    pub fn validate(&self) -> Result<(), String> {
        let objective = self.objective()?;
        self.plan.check().map_err(|error| format!("plan: {error}"))?;
        self.curriculum.validate()?;
        let positive = [
            ("steps", self.steps),
            ("pool", self.pool as usize),
            ("patience", self.patience),
            ("refill", self.refill),
            ("checkpoint_steps", self.checkpoint_steps),
            ("tokens", self.tokens.unwrap_or(1) as usize),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{name} = 0 is not allowed; expected at least 1"));
        }
        let above_zero = [("learning_rate", self.learning_rate), ("temperature", f64::from(self.temperature)), ("log_prob_tolerance", self.log_prob_tolerance)];
        if let Some((name, value)) = above_zero.iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            return Err(format!("{name} = {value} is not allowed; expected a number above 0"));
        }
        if !self.trainer.precision.is_single() && self.log_prob_tolerance < HALF_TOLERANCE {
            return Err(format!(
                "log_prob_tolerance = {} is not allowed with trainer.precision = bfloat16, as the sampler computes in single precision; expected at least {HALF_TOLERANCE}",
                self.log_prob_tolerance
            ));
        }
        self.schedule.validate().map_err(|reason| reason.trim_start_matches("train.").to_owned())?;
        if let Some((name, value)) = numbers(self)?.into_iter().find(|(_, value)| value.is_nan()) {
            return Err(format!("{name} = {value} is not allowed; expected a number"));
        }
        let weights = [
            ("objective.kl.coefficient", objective.kl.coefficient),
            ("objective.entropy_bonus", objective.entropy_bonus),
            ("kl_controller.coefficient", self.kl_controller.as_ref().map_or(0.0, |controller| controller.coefficient)),
        ];
        if let Some((name, value)) = weights.iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            return Err(format!("{name} = {value} is not allowed; expected a number of at least 0"));
        }
        self.reward.check().map_err(|error| refusal("reward", error))?;
        objective.check().map_err(|error| format!("objective: {error}"))?;
        self.filter.check().map_err(|error| refusal("filter", error))?;
        if let Some(controller) = &self.kl_controller {
            controller.check().map_err(|error| refusal("kl_controller", error))?;
        }
        if let Some(replay) = &self.replay {
            replay.validate()?;
        }
        if let Some(attempts) = &self.attempts {
            attempts.validate()?;
        }
        if self.attempts.is_some() && (needs_step_values(&objective) || needs_solutions(&objective)) {
            return Err("attempts is not allowed with an objective that reads values of steps or reference solutions".into());
        }
        if let Some(vine) = &self.vine {
            vine.validate()?;
        }
        self.trainer.validate()?;
        if let Some(dial) = &self.effort
            && (dial.gammas.is_empty() || dial.gammas.len() > 26 || dial.gammas.iter().any(|gamma| !(*gamma > 0.0 && *gamma <= 1.0)))
        {
            return Err(format!("effort.gammas = {:?} is not allowed; expected 1 to 26 numbers above 0 and at most 1", dial.gammas));
        }
        let is_off_policy = self.replay.is_some() || matches!(self.mode, Mode::Async { .. });
        if is_off_policy && objective.importance == Importance::Off {
            return Err("objective.importance = off is not allowed with replay or an asynchronous sampler; expected truncate or mask".into());
        }
        if let Some(reason) = self.clash(&objective) {
            return Err(reason);
        }
        match missing(&objective).filter(|what| self.attempts.is_none() || *what != ATTEMPTS) {
            Some(what) => Err(format!("objective.name = \"{}\" is not allowed: it reads {what}, which these rollouts do not have", self.objective.name)),
            None => Ok(()),
        }
    }
}

/// A setting of a part that is out of its range, by its path.
fn refusal(part: &str, error: ObjectiveError) -> String {
    match error {
        ObjectiveError::Setting { setting, value, expected } => format!("{part}.{setting} = {value} is not allowed; expected {expected}"),
        other => format!("{part}: {other}"),
    }
}

/// Every number with a point among the settings, by its path.
fn numbers(config: &PolicyConfig) -> Result<Vec<(String, f64)>, String> {
    fn walk(path: &str, value: &toml::Value, found: &mut Vec<(String, f64)>) {
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        match value {
            toml::Value::Float(number) => found.push((path.to_owned(), *number)),
            toml::Value::Table(table) => table.iter().for_each(|(name, value)| walk(&below(name), value, found)),
            toml::Value::Array(entries) => entries.iter().enumerate().for_each(|(index, value)| walk(&below(&index.to_string()), value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    // TOML has no room for the largest whole numbers, which are none of these.
    let config = PolicyConfig { seed: 0, steps: 1, tokens: None, ..config.clone() };
    walk("", &toml::Value::try_from(&config).map_err(|error| error.to_string())?, &mut found);
    Ok(found)
}

#[cfg(test)]
pub(super) mod tests {
    use super::{super::needs::needs_values, *};

    /// Settings that were read and are in their ranges.
    pub fn read(text: &str) -> Result<PolicyConfig, String> {
        let config: PolicyConfig = toml::from_str(text).map_err(|error| error.to_string())?;
        config.validate().map(|()| config)
    }

    #[test]
    fn a_name_is_enough_and_survives_its_own_text() {
        let config = read("objective = { name = 'dapo' }\nfilter = { keep = 'varied' }\nrefill = 4").unwrap();
        assert_eq!(toml::from_str::<PolicyConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
        assert!(!needs_values(&config.objective().unwrap()) && needs_values(&Objective::named("ppo").unwrap()));
    }

    #[test]
    fn shared_weights_are_written_as_they_were_before_there_was_a_tape() {
        let [default, named, none] = ["", "mode = { kind = 'shared' }", "mode = { kind = 'shared', tape_mib = 0 }"].map(|text| read(text).unwrap());
        assert_eq!((default.mode, named.mode), (Mode::Shared { tape_mib: 2048 }, Mode::default()));
        let text = |config: &PolicyConfig| toml::to_string(config).unwrap();
        assert!(text(&default) == text(&named) && text(&default).contains("[mode]\nkind = \"shared\"\n\n"));
        assert_eq!(toml::from_str::<PolicyConfig>(&text(&none)).unwrap().mode, Mode::Shared { tape_mib: 0 });
        assert!(read("mode = { kind = 'shared', tape_mib = -1 }").is_err());
    }

    #[test]
    fn values_out_of_range_are_named() {
        let error = |text: &str| read(text).unwrap_err();
        assert_eq!(error("steps = 0"), "steps = 0 is not allowed; expected at least 1");
        assert_eq!(
            error("plan = { prompts = 3, samples = 3, minibatch = 4, epochs = 1 }"),
            "plan: setting minibatch is 4; expected a divisor of prompts times samples"
        );
        for name in ["score", "score-first", "rlef"] {
            assert!(error(&format!("objective = {{ name = '{name}' }}")).contains("reads several attempts"));
        }
        assert!(error("vine = { steps = 0 }").contains("expected at least 1 each"));
        assert!(error("objective = { name = 'gropo' }").starts_with("objective \"gropo\" is unknown"));
        assert!(error("mode = { kind = 'async', lag = 2 }").contains("expected truncate or mask"));
        for (text, expected) in [
            ("trainer.clip_norm = -1.0", "trainer.clip_norm = -1 is not allowed; expected a number above 0"),
            ("trainer.clip_norm = nan", "trainer.clip_norm = NaN is not allowed; expected a number"),
            ("trainer.row_tokens = 0", "trainer.row_tokens = 0 is not allowed; expected at least 1"),
            ("trainer.adam.beta2 = 1.0", "trainer.adam.beta2 = 1 is not allowed; expected a number from 0 to below 1"),
            ("trainer.adam.epsilon = 0.0", "trainer.adam.epsilon = 0 is not allowed; expected a number above 0"),
            ("trainer.adam.weight_decay = -0.5", "trainer.adam.weight_decay = -0.5 is not allowed; expected a number of at least 0"),
            ("learning_rate = -1.0", "learning_rate = -1 is not allowed; expected a number above 0"),
            ("reward = { name = 'outcome', right = nan }", "reward.right = NaN is not allowed; expected a number"),
            ("objective = { name = 'grpo', entropy_bonus = -1.0 }", "objective.entropy_bonus = -1 is not allowed; expected a number of at least 0"),
            ("kl_controller.target = 0.0", "kl_controller.target = 0 is not allowed; expected a number above 0"),
            ("filter = { keep = 'band', low = 0.7, high = 0.2 }", "filter.high = 0.2 is not allowed; expected a number from low to 1"),
            (
                "objective = { name = 'ppo', loss = { name = 'ppo', clip = { low = -0.2 } } }",
                "objective: setting clip.low is -0.2; expected a number from 0 to 1",
            ),
            ("objective = { name = 'ppo', advantage = { name = 'gae', gamma = 1.5 } }", "objective: setting gamma is 1.5; expected a number from 0 to 1"),
            ("objective = { name = 'dr-grpo', aggregation = { mode = 'constant-length', length = 0 } }", "objective: setting length is 0; expected at least 1"),
            (
                "objective = { name = 'sapo', loss = { name = 'sapo', tau_positive = 0.0 } }",
                "objective: setting tau_positive is 0; expected a finite number above 0",
            ),
            (
                "trainer.precision = 'bfloat16'",
                "log_prob_tolerance = 0.01 is not allowed with trainer.precision = bfloat16, as the sampler computes in single precision; expected at least 0.1",
            ),
            ("schedule = { kind = 'cosine', warmup = 2.0, end = 0.0 }", "schedule.warmup = 2 is not allowed; expected a number from 0 to 1"),
        ] {
            assert_eq!(error(text), expected);
        }
    }
}
