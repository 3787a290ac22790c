//! Several devices train the bits of one: all of them the CPU, where every device has its own replica and thread.

use std::{fs, path::Path};

use metacot::{
    Error, Result,
    device::{DeviceChoice, Devices},
    pipeline::{self, RunOptions},
    recipe::Recipe,
    train::{Job, TrainConfig, fit},
};

use crate::{
    support::{kill_until_done, tiny, tiny_model},
    train::{end_of, examples},
};

fn config(rows: usize, accumulation: usize) -> TrainConfig {
    TrainConfig { rows, accumulation, epochs: 4, checkpoint_steps: 3, validation_steps: 4, learning_rate: 3e-3, ema_decay: Some(0.9), ..TrainConfig::default() }
}

/// Trains in a folder on so many devices; gives the numbers of the steps that were done.
fn train_on(count: usize, config: &TrainConfig, folder: &Path) -> Result<Vec<usize>> {
    let (model, examples, devices) = (tiny_model(true), examples(60), &Devices::repeated(DeviceChoice::Cpu, count));
    let mut steps = Vec::new();
    fit(&Job { config, model: &model, initial: None, examples: &examples[7..], validation: &examples[..7], folder, devices, solver: None }, &mut |progress| {
        steps.push(progress.step);
    })?;
    Ok(steps)
}

/// The last checkpoint of a finished training: weights, moments, average, position and what the training is.
fn last_checkpoint(folder: &Path) -> Vec<u8> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let newest = names.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("step-")).max().unwrap();
    fs::read(newest).unwrap()
}

/// What a training on so many devices ends with.
fn trained_on(count: usize, config: &TrainConfig) -> ((Vec<u8>, String), Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    train_on(count, config, folder.path()).unwrap();
    (end_of(folder.path()), last_checkpoint(folder.path()))
}

#[test]
fn devices_that_share_a_batch_train_the_bits_of_accumulation_over_their_parts() {
    for (devices, rows) in [(2, 3), (3, 2), (6, 1)] {
        let (shared, checkpoint) = trained_on(devices, &config(6, 1));
        let (alone, other) = trained_on(1, &config(rows, devices));
        assert!(shared == alone, "{devices} devices: {} {}", shared.1, alone.1);
        assert!(checkpoint != other, "the settings differ");
    }
    assert!(trained_on(1, &config(6, 1)).0 != trained_on(2, &config(6, 1)).0, "other sums, other bits: the number of devices is a setting here");
}

#[test]
fn the_number_of_devices_changes_nothing_where_a_step_has_a_batch_for_each() {
    let alone = trained_on(1, &config(2, 4));
    for devices in [2, 3, 4] {
        assert!(trained_on(devices, &config(2, 4)) == alone, "{devices} devices");
    }
}

#[test]
fn a_training_goes_on_with_another_number_of_devices_where_it_changes_nothing() {
    let (alone, _) = trained_on(1, &config(2, 4));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let steps = train_on(2, &config(2, 4), folder.path()).unwrap();
    fs::remove_file(path(&format!("step-{:08}.safetensors", steps.len()))).unwrap();
    fs::remove_file(path("weights.safetensors")).unwrap();
    let again = train_on(3, &config(2, 4), folder.path()).unwrap();
    assert!(!again.is_empty() && again.len() < steps.len(), "{again:?} of {steps:?}");
    assert!(end_of(folder.path()) == alone);
}

#[test]
fn a_training_whose_batches_were_cut_wants_as_many_devices_again() {
    let folder = tempfile::tempdir().unwrap();
    let short = TrainConfig { max_steps: Some(4), ..config(6, 1) };
    train_on(2, &short, folder.path()).unwrap();
    assert_eq!(train_on(2, &short, folder.path()).unwrap(), [0; 0]);
    for (devices, rows) in [(1, 6), (3, 2)] {
        let error = train_on(devices, &short, folder.path()).unwrap_err();
        assert!(matches!(error, Error::Data { .. }));
        let expected = format!(
            "belongs to a training that cut its batches into parts of 3 rows, by the number of its devices; this one has parts of {rows}: expected as many \
             devices as then"
        );
        assert!(error.to_string().ends_with(&expected), "{error}");
    }
    let error = train_on(7, &short, folder.path()).unwrap_err();
    assert_eq!(error.to_string(), "train.rows * train.accumulation = 6 is not allowed with 7 devices; expected at least one row for each");
}

/// Set for the process that is to be killed; names its folder.
const VICTIM: &str = "METACOT_TEST_DEVICES_VICTIM";

fn to_be_killed() -> TrainConfig {
    TrainConfig { epochs: 12, checkpoint_steps: 1, ..config(5, 1) }
}

/// Not a test of its own: the process that `kill -9` meets, on three devices that share batches of five rows.
#[test]
fn victim() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        train_on(3, &to_be_killed(), Path::new(&folder)).unwrap();
    }
}

#[test]
fn a_killed_run_on_several_devices_ends_like_an_uninterrupted_one() {
    let killed = tempfile::tempdir().unwrap();
    let kills = kill_until_done("devices::victim", VICTIM, killed.path(), 20, 6);
    assert!(kills > 3, "{kills} kills met the run");
    let whole = trained_on(3, &to_be_killed());
    assert!((end_of(killed.path()), last_checkpoint(killed.path())) == whole);
}

#[test]
fn a_run_on_several_devices_says_so_and_too_few_rows_are_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = Recipe::load(&tiny().display().to_string(), &[]).unwrap();
    let options = RunOptions { threads: 2, devices: Devices::repeated(DeviceChoice::Cpu, 2), force: false, command: "test".into(), machine: "test".into() };
    let out = folder.path().join("run");
    let narrow = Recipe::load(&tiny().display().to_string(), &["train.rows=1".into()]).unwrap();
    let error = pipeline::run(&narrow, &out, &options, &mut |_| {}).unwrap_err();
    assert!(matches!(error, Error::Usage(_)) && error.to_string().contains("with 2 devices"), "{error}");
    assert!(!out.exists());
    pipeline::run(&recipe, &out, &options, &mut |_| {}).unwrap();
    let report = fs::read_to_string(out.join("report.json")).unwrap();
    assert!(report.contains(r#""device": "cpu,cpu""#), "{report}");
}
