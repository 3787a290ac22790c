//! Speed of generation and of the exact oracles, in units per second of CPU time of one core, each beside the figure it is held against.
//! Where the system does not tell CPU time, wall time stands in.
//!
//! `cargo bench -p metacot-envs --bench envs -- [NAME…]` runs all, or those whose name holds one of the words.
#![allow(clippy::print_stdout, reason = "a bench is a program for people")]

use std::{
    hint::black_box,
    sync::OnceLock,
    time::{Duration, Instant},
};

use metacot_envs::{
    Canonical, Difficulty, Environment, Oracle, SeedTree, TwoPlayer, arithmetic::Arithmetic, connect4::Connect4, countdown::Countdown,
    cryptarithm::Cryptarithm, hex::Hex, maze::Maze, sokoban::Sokoban, sudoku::Sudoku,
};

/// Runs `work` on rising indices for about a second and prints its rate in `unit` per second against `bar`.
fn rate(name: &str, unit: &str, bar: f64, mut work: impl FnMut(u64)) {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if !words.is_empty() && !words.iter().any(|word| name.contains(word.as_str())) {
        return;
    }
    (0..20).for_each(&mut work);
    let (begin, mut count) = (spent(), 0);
    while spent() - begin < Duration::from_secs(1) {
        (count..count + 200).for_each(&mut work);
        count += 200;
    }
    let rate = count as f64 / (spent() - begin).as_secs_f64();
    println!("{name:<34} {rate:>12.0} {unit}/s   {:>6.2} x the bar of {bar:.0}", rate / bar);
}

/// CPU time of this process so far.
fn spent() -> Duration {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    let begin = *BEGIN.get_or_init(Instant::now);
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok()).map_or_else(|| begin.elapsed(), Duration::from_nanos)
}

fn env<E: Environment>(size: &str, settings: &[(&str, &str)]) -> E {
    let mut difficulty = Difficulty { size: Some(size.into()), ..Difficulty::default() };
    settings.iter().for_each(|(name, value)| difficulty.settings.insert(*name, *value));
    E::configure(&difficulty).expect("bench settings are valid")
}

fn generation<E: Environment>(name: &str, bar: f64, env: &E) {
    let seeds = SeedTree::root(1).child(name);
    rate(&format!("generate {name}"), "problems", bar, |index| {
        black_box(env.generate(&mut seeds.stream(index)));
    });
}

fn mazes() {
    for (size, bar) in [("10", 60e3), ("20", 12e3), ("30", 5e3)] {
        generation(&format!("maze {size}"), bar, &env::<Maze>(size, &[]));
    }
    for kind in ["dfs", "kruskal", "wilson", "braided"] {
        generation(&format!("maze 10 {kind}"), 60e3, &env::<Maze>("10", &[("kind", kind)]));
    }
    let env = env::<Maze>("10", &[]);
    let problems: Vec<_> = (0..1000).map(|index| env.generate(&mut SeedTree::root(2).stream(index))).collect();
    rate("key of maze 10", "keys", 60e3, |index| {
        black_box(env.canonical_key(&problems[index as usize % problems.len()]));
    });
}

fn countdown() {
    for (size, bar) in [("4", 1.5e6), ("5", 157e3), ("6", 9e3)] {
        let env = env::<Countdown>(size, &[]);
        let problems: Vec<_> = (0..20_000).map(|index| random_numbers(&env, &mut SeedTree::root(3).stream(index))).collect();
        rate(&format!("label countdown {size}"), "problems", bar, |index| {
            black_box(env.solvable(&problems[index as usize % problems.len()]));
        });
        generation(&format!("countdown {size}"), 50e3, &env);
    }
}

/// A problem with uniform numbers from 1 to 99 and a uniform target from 10 to 100, solvable or not.
fn random_numbers(env: &Countdown, rng: &mut rand_chacha::ChaCha8Rng) -> metacot_envs::countdown::Problem {
    use rand::RngExt;
    let mut problem = env.generate(&mut rng.clone());
    problem.numbers.fill_with(|| rng.random_range(1..=99));
    problem.target = rng.random_range(10..=100);
    problem
}

fn others() {
    generation("sokoban 7", 1.05 * 20.0, &env::<Sokoban>("7", &[]));
    generation("sudoku 4", 1e3, &env::<Sudoku>("4", &[]));
    generation("sudoku 9", 100.0, &env::<Sudoku>("9", &[]));
    generation("cryptarithm 3", 100.0, &env::<Cryptarithm>("3", &[]));
    for kind in ["add", "order", "graph"] {
        generation(&format!("arithmetic {kind}"), 50e3, &env::<Arithmetic>("5", &[("kind", kind)]));
    }
}

/// A rollout must leave room for the rest of 1.3 M simulations a second.
fn games() {
    let mut rng = SeedTree::root(4).stream(0);
    let game = env::<Connect4>("7x6", &[("opening", "0")]);
    let problem = game.generate(&mut rng);
    rate("rollout connect4 7x6", "games", 2.5e6, |_| {
        black_box(game.rollout(&problem, &game.initial(&problem), &mut rng));
    });
    let game = env::<Hex>("5", &[("opening", "0")]);
    let problem = game.generate(&mut rng);
    rate("rollout hex 5", "games", 1.3e6, |_| {
        black_box(game.rollout(&problem, &game.initial(&problem), &mut rng));
    });
}

fn main() {
    mazes();
    countdown();
    others();
    games();
}
