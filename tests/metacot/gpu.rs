//! What a GPU computes beside the CPU; nothing to do where there is none, or where the build has no CUDA. `METACOT_GPU=required` makes a missing one a failure.

use metacot::{
    Result,
    device::{DeviceChoice, Devices, gpus},
    kernels::Precision,
    model::Weights,
    train::{Job, TrainConfig, fit},
};

use crate::{support::tiny_model, train::examples};

/// The device, where there is one.
fn gpu() -> Option<DeviceChoice> {
    let device = DeviceChoice::Cuda(0);
    match device.check() {
        Ok(()) => Some(device),
        Err(error) => {
            assert!(std::env::var_os("METACOT_GPU").is_none(), "a GPU was required: {error}");
            None
        }
    }
}

/// Weights and losses of a short training.
fn trained(config: &TrainConfig, devices: &Devices) -> (Weights, Vec<f64>) {
    let folder = tempfile::tempdir().unwrap();
    let (model, examples) = (tiny_model(false), examples(60));
    let job = Job { config, model: &model, initial: None, examples: &examples, validation: &examples[..5], folder: folder.path(), devices, solver: None };
    let mut losses = Vec::new();
    let weights: Result<Weights> = fit(&job, &mut |progress| losses.push(progress.loss));
    (weights.unwrap(), losses)
}

#[test]
fn a_gpu_trains_as_the_cpu_does() {
    let Some(device) = gpu() else { return };
    for (gradient_checkpointing, precision, tolerance) in
        [(false, Precision::Single, 1e-3), (true, Precision::Single, 1e-3), (false, Precision::Bfloat16, 3e-2)]
    {
        let config = TrainConfig {
            rows: 4,
            accumulation: 2,
            max_steps: Some(8),
            epochs: 4,
            learning_rate: 3e-3,
            ema_decay: Some(0.9),
            gradient_checkpointing,
            precision,
            ..TrainConfig::default()
        };
        let ((weights, losses), (expected, on_cpu)) =
            (trained(&config, &device.into()), trained(&TrainConfig { precision: Precision::Single, ..config.clone() }, &DeviceChoice::Cpu.into()));
        for (loss, expected) in losses.iter().zip(&on_cpu) {
            assert!((loss - expected).abs() < tolerance * expected, "{precision:?}: {losses:?} {on_cpu:?}");
        }
        assert!(off(&weights, &expected) < 10.0 * tolerance, "{precision:?}");
    }
}

/// How far embeddings are apart, as a part of their length.
fn off(weights: &Weights, expected: &Weights) -> f64 {
    let length = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|number| f64::from(number).powi(2)).sum::<f64>().sqrt();
    length(&mut weights.embedding.iter().zip(&expected.embedding).map(|(a, b)| a - b)) / length(&mut expected.embedding.iter().copied())
}

/// Several devices against one that works through the same parts: two threads on the first GPU, and where there are several GPUs, all of them.
#[test]
fn several_gpus_train_as_one_does() {
    let Some(device) = gpu() else { return };
    let all: Vec<String> = gpus().unwrap().iter().enumerate().map(|(number, _)| number.to_string()).collect();
    let mut tried = vec![Devices::repeated(device, 2)];
    if all.len() > 1 {
        tried.push("cuda:0,1".parse().unwrap());
        tried.push(format!("cuda:{}", all.join(",")).parse().unwrap());
    }
    for devices in tried {
        let count = devices.count();
        let config = |rows, accumulation| TrainConfig { rows, accumulation, max_steps: Some(8), epochs: 9, learning_rate: 3e-3, ..TrainConfig::default() };
        let (weights, losses) = trained(&config(2 * count, 1), &devices);
        let (expected, on_one) = trained(&config(2, count), &device.into());
        for (loss, expected) in losses.iter().zip(&on_one) {
            assert!((loss - expected).abs() < 1e-4 * expected, "{devices}: {losses:?} {on_one:?}");
        }
        assert!(off(&weights, &expected) < 1e-3, "{devices}");
    }
}

#[test]
fn a_gpu_resumes_where_it_stopped() {
    let Some(device) = gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (model, examples) = (tiny_model(true), examples(60));
    let config = TrainConfig { rows: 4, max_steps: Some(9), checkpoint_steps: 3, epochs: 4, ..TrainConfig::default() };
    let job = Job {
        config: &config,
        model: &model,
        initial: None,
        examples: &examples,
        validation: &[],
        folder: folder.path(),
        devices: &device.into(),
        solver: None,
    };
    let whole = fit(&job, &mut |_| {}).unwrap();
    std::fs::remove_file(folder.path().join("step-00000009.safetensors")).unwrap();
    let mut steps = Vec::new();
    let again = fit(&job, &mut |progress| steps.push(progress.step)).unwrap();
    assert_eq!(steps, [7, 8, 9]);
    let largest = whole.embedding.iter().zip(&again.embedding).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest < 1e-4, "{largest}");
}
