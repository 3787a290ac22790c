//! Distilling searches: a weighted likelihood of actions by their visits, of marks by values, and of whole texts.
//!
//! A state's visits are learned as `-sum over actions of share(a) log pi(a)`, an action's likelihood being that of its tokens; its value `z` as
//! `-z log p(good) - (1 - z) log p(bad)`. All texts of a state stand in one mini-batch, where each token weighs the same, so that shares
//! are kept.

use metacot_envs::SeedTree;
use metacot_objectives::{Batch, Objective, Sequence, advantage::Raw, loss::Nll};
use metacot_traces::guide::Target;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::guide::{ValueMarks, turn_ids, value_ids};
use crate::{
    data::Example,
    device::{DeviceChoice, DeviceTask},
    error::{Error, Result},
    kernels::Kernels,
    metrics::{MetricsLog, Row},
    model::Weights,
    tokenizer::Tokenizer,
    train::{ActorState, Learner, PolicyTrainer, Schedule, TrainerConfig},
};

/// Shares below this teach nothing that is worth a text.
const LEAST_SHARE: f32 = 0.005;

/// How searches are distilled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DistillConfig {
    /// Times that every state and text is seen.
    pub epochs: usize,
    /// States and texts of an optimizer step.
    pub batch: usize,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// How the learning rate runs over the steps.
    pub schedule: Schedule,
    /// Weight of a value against the visits of its state.
    pub value_weight: f64,
    /// Batches and optimizer.
    pub trainer: TrainerConfig,
}

impl Default for DistillConfig {
    fn default() -> Self {
        Self {
            epochs: 1,
            batch: 32,
            learning_rate: 3e-4,
            schedule: Schedule::Cosine { warmup: 0.05, end: 0.1 },
            value_weight: 1.0,
            trainer: TrainerConfig::default(),
        }
    }
}

impl DistillConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// The offending field and what it must satisfy, as a lower-case fragment.
    pub fn validate(&self) -> std::result::Result<(), String> {
        let positive = [("epochs", self.epochs), ("batch", self.batch), ("trainer.rows", self.trainer.rows)];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("train.{name} = 0 is not allowed; expected at least 1"));
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return Err(format!("train.learning_rate = {} is not allowed; expected a number above 0", self.learning_rate));
        }
        if !(self.value_weight.is_finite() && self.value_weight >= 0.0) {
            return Err(format!("train.value_weight = {} is not allowed; expected a number of at least 0", self.value_weight));
        }
        if self.trainer.lora.is_some() {
            return Err("train.trainer.lora is not allowed here: what searches teach goes into all weights".into());
        }
        self.schedule.validate()
    }
}

/// Texts that stay together, each with its weight.
pub type Lesson = Vec<(Example, f64)>;

/// What a state teaches; empty where nothing of it fits `context` or is worth a text.
pub fn lesson(tokenizer: &Tokenizer, target: &Target, value_weight: f64, context: usize) -> Lesson {
    let mut lesson = Vec::new();
    let (prompt, actions) = turn_ids(tokenizer, &target.question);
    for (action, share) in actions.iter().zip(&target.shares).filter(|(_, share)| **share >= LEAST_SHARE) {
        lesson.push((Example { ids: [prompt.as_slice(), action].concat(), response_start: prompt.len() }, f64::from(*share)));
    }
    if let Some(marks) = ValueMarks::of(tokenizer).filter(|_| value_weight > 0.0) {
        let asked = value_ids(tokenizer, &target.question, marks);
        for (mark, share) in [(marks.good, target.value), (marks.bad, 1.0 - target.value)] {
            if share >= LEAST_SHARE {
                lesson.push((Example { ids: [asked.as_slice(), &[mark]].concat(), response_start: asked.len() }, value_weight * f64::from(share)));
            }
        }
    }
    if lesson.iter().any(|(example, _)| example.ids.len() > context) { Vec::new() } else { lesson }
}

/// A distillation to do.
pub struct DistillJob<'a> {
    /// The settings.
    pub config: &'a DistillConfig,
    /// Where it starts.
    pub initial: &'a Weights,
    /// What is learned; at least one.
    pub lessons: &'a [Lesson],
    /// Order of the lessons: one stream per epoch.
    pub seeds: &'a SeedTree,
    /// Folder of the metrics.
    pub folder: &'a std::path::Path,
    /// Where the tensors live.
    pub device: DeviceChoice,
}

/// Trains on lessons and gives the weights. Nothing but metrics is kept on the way: a run that is stopped begins this training again.
///
/// # Errors
/// [`Error::Stopped`] on numbers that are not finite; what the device or the system refuses.
pub fn distill(job: &DistillJob<'_>) -> Result<Weights> {
    job.device.run(Launch { job })?
}

struct Launch<'a> {
    job: &'a DistillJob<'a>,
}

impl DeviceTask for Launch<'_> {
    type Output = Result<Weights>;

    fn run<B: Kernels>(self, device: B::Device) -> Result<Weights> {
        let mut learner = PolicyTrainer::<B>::new(self.job.config.trainer.clone(), ActorState::start(self.job.initial.clone(), false), &device);
        train(self.job, &mut learner)
    }
}

fn train(job: &DistillJob<'_>, learner: &mut dyn Learner) -> Result<Weights> {
    let DistillJob { config, lessons, .. } = job;
    let refuse = |error: metacot_objectives::ObjectiveError| Error::Usage(format!("objective: {error}"));
    let objective = Objective::new(Raw {}, Nll {});
    let steps = config.epochs * lessons.len().div_ceil(config.batch);
    let mut metrics = MetricsLog::create(job.folder)?;
    let mut step = 0;
    for epoch in 0..config.epochs {
        let mut order: Vec<usize> = (0..lessons.len()).collect();
        order.shuffle(&mut job.seeds.stream(epoch as u64));
        for chunk in order.chunks(config.batch) {
            let (mut examples, mut sequences) = (Vec::new(), Vec::new());
            for (example, weight) in chunk.iter().flat_map(|&index| &lessons[index]) {
                sequences.push(Sequence::new(sequences.len(), *weight, vec![0.0; example.labels()]));
                examples.push(example.clone());
            }
            let batch = Batch::new(sequences).map_err(refuse)?;
            let credit = objective.advantages(&batch).map_err(refuse)?;
            let rate = config.learning_rate * config.schedule.factor(step, steps);
            let update = learner.update(&examples, &batch, &credit, &objective, rate)?;
            step += 1;
            let row = Row::new(step as u64, "distill").with("loss", update.loss).with("grad_norm", update.gradient_norm).with("learning_rate", rate);
            let tokens: usize = examples.iter().map(|example| example.ids.len()).sum();
            metrics.append(&row.with("texts", examples.len() as f64).with("trained_tokens", tokens as f64))?;
        }
    }
    metrics.sync()?;
    let weights = learner.weights();
    weights.check_finite().map_err(|reason| Error::Stopped(format!("distilling stopped after its last step: {reason}")))?;
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use metacot_traces::guide::Question;

    #[test]
    fn a_lesson_weighs_actions_by_visits_and_marks_by_value() {
        let tokenizer = Tokenizer::new([&["p", "a", "b", "\n"][..], &ValueMarks::PHRASES].concat(), 0).unwrap();
        let question = Question { prompt: "p".into(), opening: "\n".into(), actions: vec!["a".into(), "b".into(), "ab".into()], is_whole: true };
        let target = Target { question, shares: vec![0.75, 0.0, 0.25], value: 0.75 };
        let found = lesson(&tokenizer, &target, 2.0, 16);
        let texts: Vec<(String, usize, f64)> =
            found.iter().map(|(example, weight)| (tokenizer.decode(&example.ids[example.response_start..]), example.labels(), *weight)).collect();
        let expected = [("a", 2, 0.75), ("ab", 3, 0.25), ("<good>", 1, 1.5), ("<bad>", 1, 0.5)];
        assert_eq!(texts, expected.map(|(text, labels, weight)| (text.to_owned(), labels, weight)));
        assert!(lesson(&tokenizer, &target, 2.0, 4).is_empty());
        assert_eq!(lesson(&tokenizer, &target, 0.0, 16).len(), 2);
    }
}
