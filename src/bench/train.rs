//! Whole optimizer steps of supervised training on the CPU.

use std::time::Instant;

use super::{Case, Setup, models::BenchModel, scratch::Scratch};
use crate::{
    Result,
    device::DeviceChoice,
    train::{Job, TrainConfig, fit},
};

pub(super) const SMALL: Case = Case {
    name: "train, model i",
    unit: "tokens",
    is_slow: false,
    is_single: false,
    flops: Some(|| BenchModel::named("i").flops_per_token()),
    measure: |setup| measure(setup, "i"),
};

pub(super) const LARGE: Case =
    Case { name: "train, model ii", is_slow: true, flops: Some(|| BenchModel::named("ii").flops_per_token()), measure: |setup| measure(setup, "ii"), ..SMALL };

fn measure(setup: &Setup, name: &str) -> Result<Vec<f64>> {
    let model = BenchModel::named(name);
    let probe = steps(&model, 2)?;
    let steps_of_timing = (setup.seconds / probe[1]).clamp(1.0, 1000.0) as usize;
    // The first step warms up.
    let seconds = steps(&model, 1 + setup.repeats * steps_of_timing)?;
    let tokens = (model.batch_tokens() * steps_of_timing) as f64;
    Ok(seconds[1..].chunks_exact(steps_of_timing).map(|timing| tokens / timing.iter().sum::<f64>()).collect())
}

/// The seconds of each of so many steps.
fn steps(model: &BenchModel, steps: usize) -> Result<Vec<f64>> {
    let folder = Scratch::new()?;
    let config = TrainConfig { rows: model.rows, checkpoint_steps: usize::MAX, ..TrainConfig::default() };
    let examples = model.examples(steps);
    let job = Job {
        config: &config,
        model: &model.shape,
        initial: None,
        examples: &examples,
        validation: &[],
        folder: folder.path(),
        devices: &DeviceChoice::Cpu.into(),
        solver: None,
    };
    let (mut seconds, mut last) = (Vec::with_capacity(steps), Instant::now());
    fit(&job, &mut |_| {
        seconds.push(last.elapsed().as_secs_f64());
        last = Instant::now();
    })?;
    Ok(seconds)
}
