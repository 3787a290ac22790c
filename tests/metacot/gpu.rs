//! What a GPU computes beside the CPU; nothing to do where there is none, or where the build has no CUDA. `METACOT_GPU=required` makes a missing one a failure.

use metacot::{
    Result,
    device::DeviceChoice,
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
fn trained(config: &TrainConfig, device: DeviceChoice) -> (Weights, Vec<f64>) {
    let folder = tempfile::tempdir().unwrap();
    let (model, examples) = (tiny_model(false), examples(60));
    let job = Job { config, model: &model, initial: None, examples: &examples, validation: &examples[..5], folder: folder.path(), device, solver: None };
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
            (trained(&config, device), trained(&TrainConfig { precision: Precision::Single, ..config.clone() }, DeviceChoice::Cpu));
        for (loss, expected) in losses.iter().zip(&on_cpu) {
            assert!((loss - expected).abs() < tolerance * expected, "{precision:?}: {losses:?} {on_cpu:?}");
        }
        let off = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt();
        let moved = off(&weights.embedding, &vec![0.0; weights.embedding.len()]);
        assert!(off(&weights.embedding, &expected.embedding) < 10.0 * tolerance * moved, "{precision:?}");
    }
}

#[test]
fn a_gpu_resumes_where_it_stopped() {
    let Some(device) = gpu() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (model, examples) = (tiny_model(true), examples(60));
    let config = TrainConfig { rows: 4, max_steps: Some(9), checkpoint_steps: 3, epochs: 4, ..TrainConfig::default() };
    let job = Job { config: &config, model: &model, initial: None, examples: &examples, validation: &[], folder: folder.path(), device, solver: None };
    let whole = fit(&job, &mut |_| {}).unwrap();
    std::fs::remove_file(folder.path().join("step-00000009.safetensors")).unwrap();
    let mut steps = Vec::new();
    let again = fit(&job, &mut |progress| steps.push(progress.step)).unwrap();
    assert_eq!(steps, [7, 8, 9]);
    let largest = whole.embedding.iter().zip(&again.embedding).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest < 1e-4, "{largest}");
}
