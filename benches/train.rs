//! Training throughput in tokens per second: whole optimizer steps through `train::fit`, median over steps.
//!
//! `cargo bench --bench train` (or with a model name and a number of steps: `-- i 20`); `RAYON_NUM_THREADS` sets the threads, `METACOT_DEVICE` the device
//! (`cpu`, `cuda`, several as `cuda:0,1`), `METACOT_PRECISION` what products are computed in (`single`, `bfloat16`), `METACOT_CHECKPOINTING` gradient
//! checkpointing, `METACOT_ACCUMULATION` the batches of a step. One line of JSON a model: tokens/s (median and best step), the process's peak memory in MB
//! and GFLOP/s (`BenchModel::flops_per_token` states what is counted).

use std::{error::Error, io::Write, time::Instant};

use metacot::{
    bench::{models, timing::peak_memory},
    device::{DeviceChoice, Devices},
    kernels::Precision,
    train::{Job, TrainConfig, fit},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let steps = arguments.get(1).map_or(Ok(20), |text| text.parse())?;
    let devices: Devices = std::env::var("METACOT_DEVICE").map_or(Ok(DeviceChoice::Cpu.into()), |name| name.parse())?;
    let accumulation = std::env::var("METACOT_ACCUMULATION").map_or(Ok(1), |text| text.parse())?;
    for model in models::all() {
        if arguments.first().is_some_and(|wanted| wanted != model.name) {
            continue;
        }
        let examples = model.examples((steps + 3) * accumulation);
        let gradient_checkpointing = std::env::var_os("METACOT_CHECKPOINTING").is_some();
        let precision = match std::env::var("METACOT_PRECISION").as_deref() {
            Ok("bfloat16") => Precision::Bfloat16,
            Ok("single") | Err(_) => Precision::Single,
            Ok(other) => return Err(format!("METACOT_PRECISION={other}: expected single or bfloat16").into()),
        };
        let config = TrainConfig { rows: model.rows, accumulation, gradient_checkpointing, precision, ..TrainConfig::default() };
        let folder = tempfile::tempdir()?;
        let job = Job {
            config: &config,
            model: &model.shape,
            initial: None,
            examples: &examples,
            validation: &[],
            folder: folder.path(),
            devices: &devices,
            solver: None,
        };
        let mut times = vec![Instant::now()];
        let (mut first, mut last) = (0.0, 0.0);
        fit(&job, &mut |progress| {
            times.push(Instant::now());
            first = if progress.step == 1 { progress.loss } else { first };
            last = progress.loss;
        })?;
        assert!(last < first, "the loss did not fall: {first} to {last}");
        let mut seconds: Vec<f64> = times.windows(2).skip(3).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        seconds.sort_unstable_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        let tokens = (model.batch_tokens() * accumulation) as f64;
        let line = serde_json::json!({
            "case": format!("train {}", model.name),
            "tokens_per_s": (tokens / median).round(),
            "best_tokens_per_s": (tokens / seconds[0]).round(),
            "gflops": (model.flops_per_token() * tokens / median / 1e8).round() / 10.0,
            "peak_mb": peak_memory().round(),
        });
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}
