//! Training throughput in tokens per second: whole optimizer steps through `train::fit`, median over steps.
//!
//! `cargo bench --bench train` (or with a model name and a number of steps: `-- i 20`); `RAYON_NUM_THREADS` sets the threads, `METACOT_DEVICE` the device
//! (`cpu`, `cuda`). One line of JSON a model: tokens/s (median and best step), the process's peak memory in MB and GFLOP/s
//! (`flops_per_token` states what is counted).

use std::{error::Error, io::Write, time::Instant};

use metacot::{
    data::Example,
    device::DeviceChoice,
    model::ModelConfig,
    train::{Job, TrainConfig, fit},
};
use metacot_envs::SeedTree;
use rand::RngExt;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The models that are measured: a name, the shape, and the rows of a batch.
fn models() -> [(&'static str, ModelConfig, usize); 4] {
    let shape = |layers, width, heads, hidden, context, vocab_size| ModelConfig {
        vocab_size,
        width,
        layers,
        heads,
        kv_heads: heads,
        hidden,
        context,
        rope_theta: 10_000.0,
        norm_epsilon: 1e-5,
        tied_embeddings: false,
    };
    [
        ("small", shape(3, 96, 4, 256, 256, 160), 32),
        ("i", shape(4, 128, 4, 352, 256, 128), 32),
        ("ii", shape(6, 384, 6, 1024, 512, 128), 8),
        ("long", shape(4, 128, 4, 352, 2048, 128), 4),
    ]
}

/// Floating-point operations per token of forward and backward: six per weight of a matrix product, and twelve per width, layer and key that a query sees
/// (half the context on average, as attention is causal).
fn flops_per_token(model: &ModelConfig) -> f64 {
    let (d, f, v) = (model.width as f64, model.hidden as f64, model.vocab_size as f64);
    let layers = model.layers as f64;
    6.0 * (layers * (4.0 * d * d + 3.0 * d * f) + d * v) + 12.0 * layers * d * (model.context as f64 / 2.0)
}

/// Highest resident memory of this process so far in MB; 0 where the system does not say.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) * 1024.0 / 1e6
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let steps = arguments.get(1).map_or(Ok(20), |text| text.parse())?;
    let device: DeviceChoice = std::env::var("METACOT_DEVICE").map_or(Ok(DeviceChoice::Cpu), |name| name.parse())?;
    for (name, model, rows) in models() {
        if arguments.first().is_some_and(|wanted| wanted != name) {
            continue;
        }
        // Every row is one document of full length, so that all positions count.
        let mut rng = SeedTree::root(1).child("bench").stream(0);
        let examples: Vec<Example> = (0..rows * (steps + 3))
            .map(|_| Example { ids: (0..=model.context).map(|_| rng.random_range(0..model.vocab_size as u32)).collect(), response_start: 1 })
            .collect();
        let gradient_checkpointing = std::env::var_os("METACOT_CHECKPOINTING").is_some();
        let config = TrainConfig { rows, gradient_checkpointing, ..TrainConfig::default() };
        let folder = tempfile::tempdir()?;
        let job = Job { config: &config, model: &model, initial: None, examples: &examples, validation: &[], folder: folder.path(), device };
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
        let tokens = (rows * model.context) as f64;
        let line = serde_json::json!({
            "case": format!("train {name}"),
            "tokens_per_s": (tokens / median).round(),
            "best_tokens_per_s": (tokens / seconds[0]).round(),
            "gflops": (flops_per_token(&model) * tokens / median / 1e8).round() / 10.0,
            "peak_mb": peak_memory().round(),
        });
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}
