//! Samples per second of whole policy-gradient steps with the sampler on the trainer's own weights and on a copy of them.
//!
//! `cargo bench --bench improve [-- STEPS]`, at least 2 of them; Countdown-3, steps of 64 responses (8 prompts of 8) and of 16 (2 of 8), Dr.GRPO, fresh weights: traces of at most 64
//! tokens and answers of at most 16, by a model of 4 layers of width 128 and one of 6 layers of width 384. The copy goes through a file and into a new sampler at
//! every step, and its trainer computes what the sampler computed; that of shared weights goes on from there. Time runs from the end of the first step, in which
//! both compute all, to the end of the last: neither the start nor the last checkpoint is in it. Trainings of all modes take turns and part in the last digits;
//! each step counts with the shortest time that it took. Beside them stand shared weights whose trainer computes all.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use metacot::{
    bench::models,
    device::DeviceChoice,
    improve::{Mode, PolicyConfig, PolicyJob, policy_gradient},
    model::{ModelConfig, Weights},
    recipe::Recipe,
    tokenizer::Tokenizer,
};
use metacot_envs::SeedTree;
use metacot_objectives::{plan::StepPlan, reward::StepCost};
use metacot_traces::{corpus::Split, task};

const REPEATS: usize = 5;

/// Responses to each prompt.
const SAMPLES: usize = 8;

/// A mode and what its trainings gave.
struct Arm {
    mode: Mode,
    /// Of each step but the first, over all turns, in seconds: the same step is the same work in every turn, so that this is what it takes where nothing disturbs it.
    shortest: Vec<f64>,
    digests: Vec<String>,
    tokens: u64,
}

fn main() {
    let steps = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(8).max(2);
    for (format, max_new_tokens) in [("sos", 64), ("answer", 16)] {
        for model in ["i", "ii"] {
            for prompts in [8, 2] {
                compare((format, max_new_tokens), model, prompts, steps);
            }
        }
    }
}

fn compare((format, max_new_tokens): (&str, usize), model: &str, prompts: usize, steps: usize) {
    let recipe = Recipe::load("quickstart", &[format!("task.format={format}")]).expect("built in");
    let task = task::open(&recipe.spec(Split::Train, 100, 1)).expect("a built-in recipe is valid");
    let tokenizer = Tokenizer::new(task.vocabulary().0, recipe.task.whole_numbers_up_to).expect("a built-in recipe is valid");
    let shape = models::all().into_iter().find(|known| known.name == model).expect("the list has it").shape;
    let weights = Weights::init(&ModelConfig { vocab_size: tokenizer.vocab_size(), ..shape }, &SeedTree::root(1));
    let pool: Vec<_> = (0..64).map(|id| task.draw(id).expect("the split is not empty")).collect();
    let mut sample = recipe.sample_config(1.0);
    sample.max_new_tokens = max_new_tokens;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut arms = [Mode::default(), Mode::Shared { tape_mib: 0 }, Mode::Copy].map(|mode| Arm {
        mode,
        shortest: vec![f64::INFINITY; steps - 1],
        digests: Vec::new(),
        tokens: 0,
    });
    let (mut staleness, mut varied) = (0, f64::INFINITY);
    // In turns, so that a machine that slows down slows all.
    for _ in 0..REPEATS {
        for arm in &mut arms {
            let mode = arm.mode;
            let mut config = PolicyConfig {
                steps,
                mode,
                measure_reference: false,
                reward: StepCost::default().into(),
                patience: 10_000,
                checkpoint_steps: 10_000,
                ..PolicyConfig::default()
            };
            config.plan = StepPlan { prompts, samples: SAMPLES, minibatch: prompts * SAMPLES, epochs: 1 };
            config.objective.name = "dr-grpo".into();
            let folder = std::env::temp_dir().join(format!("metacot-bench-improve-{}", std::process::id()));
            let job = PolicyJob {
                config: &config,
                initial: &weights,
                task: task.as_ref(),
                tokenizer: &tokenizer,
                pool: &pool,
                sample: &sample,
                folder: &folder,
                device: DeviceChoice::Cpu,
                threads,
            };
            let mut ends = Vec::new();
            let trained = policy_gradient(&job, &mut |report| {
                ends.push(Instant::now());
                arm.tokens = report.sampled_tokens;
                staleness = staleness.max(report.metrics.staleness_max);
                varied = varied.min(1.0 - report.zero_variance_share);
            })
            .expect("the settings are valid");
            assert_eq!(ends.len(), steps, "every step reports once");
            let took = ends.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64());
            arm.shortest.iter_mut().zip(took).for_each(|(shortest, took)| *shortest = shortest.min(took));
            std::fs::remove_dir_all(&folder).expect("the folder was made by this bench");
            arm.digests.push(trained.digest());
        }
    }
    for arm in &arms {
        assert!(arm.digests.iter().all(|digest| *digest == arm.digests[0]), "a turn changed the result");
    }
    assert_eq!(arms[1].digests[0], arms[2].digests[0], "a copy changed the result");
    let tokens = arms.each_ref().map(|arm| arm.tokens);
    let [shared, untaped, copy] = arms.map(|arm| ((steps - 1) * prompts * SAMPLES) as f64 / arm.shortest.iter().sum::<f64>());
    println!(
        "{format}, at most {max_new_tokens} tokens, {} parameters, {} responses a step, {threads} threads, {steps} steps, each the shortest of {REPEATS}: \
         shared {shared:.1} samples/s, copy {copy:.1}, ratio {:.2}; shared without the sampler's tape {untaped:.1}, ratio {:.2}; {tokens:?} tokens \
         sampled; staleness at most {staleness} optimizer steps, at least {:.0} % of the groups of a step teach something",
        weights.config.num_parameters(),
        prompts * SAMPLES,
        shared / copy,
        untaped / copy,
        100.0 * varied
    );
}
