//! A batch that every objective can read, drawn from a seed.

use metacot_objectives::{Batch, Objective, Pair, Role, Sequence, Span, objective};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Every named objective.
pub fn all() -> impl Iterator<Item = (&'static str, Objective)> {
    objective::NAMES.iter().map(|name| (*name, Objective::named(name).expect("names build")))
}

/// Eight responses to two prompts, of three to six tokens, with every field; some tokens masked (holding NaN), bad or a reference.
pub fn batch(seed: u64) -> Batch {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let sequences: Vec<Sequence> = (0..8).map(|index| sequence(index / 4, f64::from(u8::from(index % 3 == 0)), &mut rng)).collect();
    let span = |sequence: usize, tokens: std::ops::Range<usize>| Span { sequence, tokens };
    let pairs = vec![Pair { chosen: span(0, 0..2), rejected: span(1, 0..2) }, Pair { chosen: span(6, 1..3), rejected: span(4, 0..3) }];
    Batch::with_pairs(sequences, pairs).expect("the fixture is sound")
}

fn sequence(prompt: usize, reward: f64, rng: &mut ChaCha8Rng) -> Sequence {
    let length = rng.random_range(3..7_usize);
    let mut draw = |low: f64, high: f64| (0..length).map(|_| rng.random_range(low..high)).collect::<Vec<f64>>();
    let logp_old = draw(-3.0, -0.3);
    let near = |noise: Vec<f64>| logp_old.iter().zip(noise).map(|(old, noise)| old + noise).collect::<Vec<_>>();
    let mut sequence = Sequence {
        logp_new: near(draw(-0.25, 0.25)),
        logp_sampled: near(draw(-0.1, 0.1)),
        logp_ref: near(draw(-0.5, 0.5)),
        values: draw(-0.5, 1.0),
        values_old: draw(-0.5, 1.0),
        entropy: draw(0.1, 2.0),
        steps: vec![0, 2],
        step_rewards: vec![0.1, 0.0],
        step_values: draw(0.0, 1.0)[..2].to_vec(),
        episodes: vec![0, 1],
        episode_rewards: vec![reward, 1.0 - reward],
        ..Sequence::new(prompt, reward, logp_old.clone())
    };
    sequence.roles[length - 1] = Role::Reference;
    if length > 3 {
        sequence.roles[1] = Role::Masked;
        for numbers in [&mut sequence.logp_new, &mut sequence.logp_old, &mut sequence.logp_ref, &mut sequence.values, &mut sequence.values_old] {
            numbers[1] = f64::NAN;
        }
    }
    if length > 4 {
        sequence.roles[2] = Role::BadBranch;
    }
    sequence
}

/// The same batch with other sequences.
pub fn with(batch: &Batch, change: impl FnOnce(&mut Vec<Sequence>)) -> Batch {
    let mut sequences = batch.sequences().to_vec();
    change(&mut sequences);
    Batch::with_pairs(sequences, batch.pairs().to_vec()).expect("the change is sound")
}
