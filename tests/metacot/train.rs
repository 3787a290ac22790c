//! Training from examples to weights: it learns, it resumes exactly, and it refuses what it must.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
};

use metacot::{
    Error, Result,
    data::Example,
    device::DeviceChoice,
    kernels::Precision,
    model::{ModelConfig, Weights},
    train::{Job, Progress, Schedule, SolveCount, Solver, TrainConfig, Watch, fit},
};
use metacot_envs::SeedTree;
use rand::RngExt;

use crate::support::{kill_until_done, tiny_model};

fn model() -> ModelConfig {
    tiny_model(true)
}

/// Sequences that can be learned: the response repeats the prompt.
pub fn examples(count: usize) -> Vec<Example> {
    let mut rng = SeedTree::root(5).child("examples").stream(0);
    (0..count)
        .map(|_| {
            let len = rng.random_range(3..12);
            let prompt: Vec<u32> = (0..len).map(|_| rng.random_range(4..24)).collect();
            let ids = [vec![1], prompt.clone(), vec![3], prompt, vec![2]].concat();
            Example { ids, response_start: len + 2 }
        })
        .collect()
}

fn config() -> TrainConfig {
    TrainConfig { rows: 4, epochs: 4, checkpoint_steps: 3, learning_rate: 3e-3, ema_decay: Some(0.9), ..TrainConfig::default() }
}

pub fn run(config: &TrainConfig, examples: &[Example], folder: &Path) -> Result<(Weights, Vec<Progress>)> {
    let model = model();
    let job = Job { config, model: &model, initial: None, examples, validation: &[], folder, devices: &DeviceChoice::Cpu.into(), solver: None };
    let mut steps = Vec::new();
    fit(&job, &mut |progress| steps.push(progress)).map(|weights| (weights, steps))
}

#[test]
fn one_batch_is_learned_by_heart() {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig { epochs: 150, schedule: Schedule::Constant, checkpoint_steps: 1000, ..config() };
    let (_, steps) = run(&TrainConfig { ema_decay: None, weight_decay: 0.0, ..config }, &examples(6), folder.path()).unwrap();
    let last = steps.last().unwrap();
    assert_eq!((last.step, last.steps), (steps.len(), steps.len()));
    assert!(last.loss < 0.05, "loss {}", last.loss);
}

#[test]
fn a_finished_folder_gives_its_weights_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig { max_steps: Some(2), ..config() };
    let (first, steps) = run(&config, &examples(40), folder.path()).unwrap();
    assert_eq!(steps.len(), 2);
    let (again, steps) = run(&config, &examples(40), folder.path()).unwrap();
    assert_eq!((again, steps.len()), (first, 0));
}

#[test]
fn accumulated_batches_equal_the_large_batch() {
    let [large, small] = [(8, 1), (2, 4)].map(|(rows, accumulation)| {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainConfig { rows, accumulation, max_steps: Some(1), ema_decay: None, ..config() };
        run(&config, &examples(60), folder.path()).unwrap().1[0].clone()
    });
    assert!((large.loss - small.loss).abs() < 1e-5, "{large} {small}");
    assert!((large.gradient_norm - small.gradient_norm).abs() < 1e-4 * large.gradient_norm, "{large} {small}");
}

#[test]
fn bfloat16_products_train_like_single_ones_with_single_parameters() {
    let [single, half] = [Precision::Single, Precision::Bfloat16].map(|precision| {
        let folder = tempfile::tempdir().unwrap();
        run(&TrainConfig { precision, max_steps: Some(12), ema_decay: None, ..config() }, &examples(60), folder.path()).unwrap()
    });
    for (single, half) in single.1.iter().zip(&half.1) {
        assert!((single.loss - half.loss).abs() < 1e-2 * single.loss, "{single} {half}");
    }
    assert!(half.1[11].loss < half.1[0].loss && half.0 != single.0);
    let has_more_digits = |number: &&f32| number.to_bits() & 0xFFFF != 0;
    assert!(half.0.embedding.iter().filter(has_more_digits).count() > half.0.embedding.len() / 2);
}

#[test]
fn a_checkpoint_of_another_configuration_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig { max_steps: Some(2), ..config() };
    run(&config, &examples(40), folder.path()).unwrap();
    let other = TrainConfig { learning_rate: 1e-4, ..config };
    let error = run(&other, &examples(40), folder.path()).unwrap_err();
    assert!(matches!(error, Error::Data { .. }));
    assert!(error.to_string().contains("belongs to a training with train.learning_rate = 0.003"), "{error}");
    let error = run(&config, &examples(41), folder.path()).unwrap_err();
    assert!(error.to_string().contains("belongs to a training with examples = "), "{error}");
}

#[test]
fn impossible_examples_are_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let mut bad = examples(3);
    bad[1].ids[2] = 24;
    let error = run(&config(), &bad, folder.path()).unwrap_err();
    assert_eq!(error.to_string(), "example 1 has id 24; expected ids below 24");
    bad[1] = Example { ids: vec![1; 60], response_start: 1 };
    let error = run(&config(), &bad, folder.path()).unwrap_err();
    assert_eq!(error.to_string(), "example 1 has 60 ids; expected at most 41, the context and one label");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_loss_that_is_not_a_number_stops_and_keeps_the_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let config = TrainConfig { learning_rate: 1e30, schedule: Schedule::Constant, clip_norm: None, ..config() };
    let error = run(&config, &examples(40), folder.path()).unwrap_err();
    assert!(matches!(error, Error::Stopped(_)), "{error}");
    assert!(folder.path().join("step-00000000.safetensors").exists());
}

#[test]
fn weights_that_the_last_step_left_infinite_are_no_result() {
    // The decay of the first step overflows, after a loss and a gradient that are fine.
    let config = TrainConfig { learning_rate: 1e30, weight_decay: 1e30, schedule: Schedule::Constant, checkpoint_steps: 1, ..config() };
    for max_steps in [1, 3] {
        let folder = tempfile::tempdir().unwrap();
        let error = run(&TrainConfig { max_steps: Some(max_steps), ..config.clone() }, &examples(40), folder.path()).unwrap_err();
        assert!(matches!(error, Error::Stopped(_)), "{error}");
        assert!(error.to_string().starts_with("training stopped at step 1: tensor embedding has a number that is not finite; the last"), "{error}");
        assert!(!folder.path().join("weights.safetensors").exists());
        assert_eq!(checkpoints(folder.path()), [folder.path().join("step-00000000.safetensors")]);
    }
}

#[test]
fn a_validation_loss_that_is_not_a_number_stops_the_training() {
    let (folder, model, examples) = (tempfile::tempdir().unwrap(), model(), examples(40));
    // Finite weights whose products are not.
    let config = TrainConfig { learning_rate: 1e15, schedule: Schedule::Constant, max_steps: Some(1), ema_decay: None, ..config() };
    let (folder, devices) = (folder.path(), &DeviceChoice::Cpu.into());
    let job = Job { config: &config, model: &model, initial: None, examples: &examples, validation: &examples[..5], folder, devices, solver: None };
    let error = fit(&job, &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Stopped(_)), "{error}");
    assert!(error.to_string().starts_with("training stopped at step 1: validation loss "), "{error}");
    assert!(!folder.join("weights.safetensors").exists());
}

#[test]
fn patience_without_anything_to_look_at_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = run(&TrainConfig { patience: Some(2), ..config() }, &examples(6), folder.path()).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().starts_with("train.patience is not allowed without validation examples"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn patience_ends_the_training_with_the_best_weights() {
    let folder = tempfile::tempdir().unwrap();
    let model = model();
    let config = TrainConfig { epochs: 100, validation_steps: 2, patience: Some(2), ema_decay: None, ..config() };
    // Six examples are soon learned by heart, at the cost of all others.
    let (train, validation) = (examples(6), examples(40)[20..].to_vec());
    let job = Job {
        config: &config,
        model: &model,
        initial: None,
        examples: &train,
        validation: &validation,
        folder: folder.path(),
        devices: &DeviceChoice::Cpu.into(),
        solver: None,
    };
    let mut steps = Vec::new();
    let weights = fit(&job, &mut |progress| steps.push(progress)).unwrap();
    assert!(steps.len() < steps[0].steps, "it never stopped");
    assert_eq!(weights, Weights::load(&folder.path().join("best.safetensors")).unwrap());
}

/// Says what it was told to say, measurement by measurement.
struct Scripted {
    solved: Vec<usize>,
    asked: Cell<usize>,
}

impl Solver for Scripted {
    fn digest(&self) -> String {
        "scripted".into()
    }

    fn solve(&self, _weights: &Weights) -> Result<SolveCount> {
        let solved = self.solved[self.asked.replace(self.asked.get() + 1)];
        Ok(SolveCount { problems: 20, solved, valid: solved / 2 })
    }
}

#[test]
fn patience_can_look_at_the_solve_rate() {
    let [folder, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (model, examples) = (model(), examples(40));
    let config =
        TrainConfig { solve_problems: 20, solve_steps: 2, patience: Some(2), watch: Watch::SolveRate, ema_decay: None, max_steps: Some(20), ..config() };
    let solver = Scripted { solved: vec![2, 9, 9, 4, 20], asked: Cell::new(0) };
    let job = Job {
        config: &config,
        model: &model,
        initial: None,
        examples: &examples,
        validation: &[],
        folder: folder.path(),
        devices: &DeviceChoice::Cpu.into(),
        solver: Some(&solver),
    };
    let mut steps = Vec::new();
    let weights = fit(&job, &mut |progress| {
        assert!(progress.solve_rate.is_none_or(|rate| [0.1, 0.45, 0.2].contains(&rate)), "{progress}");
        steps.push(progress.step);
    })
    .unwrap();
    // The best is that of step 4; two more do not beat it.
    assert_eq!(solver.asked.get(), 4);
    assert_eq!(steps, [1, 2, 3, 4, 5, 6, 7, 8]);
    let metrics = fs::read_to_string(folder.path().join("metrics.jsonl")).unwrap();
    let measured: Vec<&str> = metrics.lines().filter(|line| line.contains("solve_rate")).collect();
    assert_eq!(measured[1], r#"{"step":4,"solve_rate":0.45,"valid_rate":0.2}"#);
    let short = TrainConfig { max_steps: Some(4), schedule: Schedule::Constant, ..config.clone() };
    let long = TrainConfig { schedule: Schedule::Constant, ..config.clone() };
    let best_of = |config: &TrainConfig, folder: &Path| {
        let solver = Scripted { solved: vec![2, 9, 9, 4], asked: Cell::new(0) };
        fit(&Job { config, folder, solver: Some(&solver), ..job }, &mut |_| {}).unwrap()
    };
    let third = tempfile::tempdir().unwrap();
    assert_eq!(best_of(&short, other.path()), best_of(&long, third.path()));
    assert_ne!(weights, best_of(&long, third.path()), "another schedule");

    let error = fit(&Job { solver: None, folder: other.path(), ..job }, &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "train.solve_problems = 20 is not allowed here; expected 0: there are no problems");
    let blind = TrainConfig { solve_problems: 0, ..config.clone() };
    assert!(matches!(fit(&Job { config: &blind, ..job }, &mut |_| {}), Err(Error::Usage(_))));
}

/// What a folder holds at the end of a training.
pub fn end_of(folder: &Path) -> (Vec<u8>, String) {
    (fs::read(folder.join("weights.safetensors")).unwrap(), fs::read_to_string(folder.join("metrics.jsonl")).unwrap())
}

/// Checks that nothing lies in the folder of a finished training but its files: the weights, the metrics, the two newest checkpoints, and an older one
/// where a kill fell between the last checkpoint and the removal of those before.
#[track_caller]
pub fn assert_clean(folder: &Path) {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let steps = checkpoints(folder).len();
    assert!((2..=3).contains(&steps), "{names:?}");
    names.retain(|name| !name.starts_with("step-"));
    assert_eq!(names, ["metrics.jsonl", "weights.safetensors"]);
}

fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with("step-") && path.extension().unwrap() == "safetensors");
    paths.sort();
    paths
}

#[test]
fn a_torn_checkpoint_is_passed_over() {
    let [whole, torn] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    run(&config(), &examples(60), whole.path()).unwrap();
    run(&config(), &examples(60), torn.path()).unwrap();
    let newest = checkpoints(torn.path()).pop().unwrap();
    let bytes = fs::read(&newest).unwrap();
    fs::write(&newest, &bytes[..bytes.len() / 2]).unwrap();
    fs::remove_file(torn.path().join("weights.safetensors")).unwrap();
    let (_, steps) = run(&config(), &examples(60), torn.path()).unwrap();
    assert!(!steps.is_empty() && steps.len() <= 3, "{} steps were repeated", steps.len());
    assert_eq!(end_of(whole.path()), end_of(torn.path()));
}

/// Set for the process that is to be killed; names its folder.
pub const VICTIM: &str = "METACOT_TEST_TRAIN_VICTIM";

/// Not a test of its own: the process that `kill -9` meets.
#[test]
fn victim() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        run(&to_be_killed(), &examples(60), Path::new(&folder)).unwrap();
    }
}

/// Many steps and a checkpoint after each, so that kills also fall into the writing of checkpoints.
pub fn to_be_killed() -> TrainConfig {
    TrainConfig { epochs: 12, checkpoint_steps: 1, ..config() }
}

#[test]
fn a_killed_run_ends_like_an_uninterrupted_one() {
    let [whole, killed] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    run(&to_be_killed(), &examples(60), whole.path()).unwrap();
    let kills = kill_until_done("train::victim", VICTIM, killed.path(), 20, 3);
    assert!(kills > 3, "{kills} kills met the run");
    assert_eq!(end_of(whole.path()), end_of(killed.path()));
    assert_clean(killed.path());
}
