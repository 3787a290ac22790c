//! Speed of whole traces, from seed to verified bytes on disk, and of the audit alone.
//!
//! Each row states its unit per second of user CPU per core and the ratio to what the field's own code does on the same kind of machine.
//! Correctness is checked first: `generate` refuses to write a record that fails its audit. `cargo bench -p metacot-traces`; a word on the
//! command line selects the rows that hold it.

use std::{fs, path::Path, time::Instant};

use metacot_envs::{Difficulty, Environment, SeedTree, Settings, World, connect4::Connect4, countdown::Countdown, maze::Maze};
use metacot_traces::{
    Auditor, Budget, Recorder,
    corpus::{Layout, Split, SplitShares},
    format,
    generate::{Job, Shard, Spec, generate},
    search::{
        self,
        guided::{Site, play},
        mcts::Mcts,
    },
    transform::loss::LossMask,
};

/// One corpus to time: name, environment, size, search, format, records, and the reference's records per second.
type Row = (&'static str, &'static str, usize, &'static str, &'static str, u64, f64);

const CORPORA: &[Row] = &[
    ("sos mixture, 4 numbers", "countdown", 4, "sos-mix", "sos", 150_000, 222.0),
    ("maze 10x10, deterministic A*", "maze", 10, "astar", "searchformer", 150_000, 319.0),
    ("maze 20x20, deterministic A*", "maze", 20, "astar", "searchformer", 30_000, 47.2),
    ("maze 30x30, deterministic A*", "maze", 30, "astar", "searchformer", 12_000, 20.3),
    ("sokoban 7x7, A*", "sokoban", 7, "astar", "searchformer", 300, 1.85),
];

/// User CPU seconds of this process so far, all threads.
fn user_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().nth(11).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0) / 100.0
}

/// Most memory held so far, in MiB.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|rest| rest.split_whitespace().next()).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn job(&(_, env, size, search, format, count, _): &Row, out: &Path, threads: usize) -> Job {
    let spec = Spec {
        env: env.into(),
        difficulty: Difficulty::sized(size),
        search: search.into(),
        search_settings: Settings::default(),
        format: format.into(),
        format_settings: Settings::default(),
        transform: "none".into(),
        transform_settings: Settings::default(),
        loss: LossMask::default(),
        budget: Budget::default(),
        split: Split::Train,
        shares: SplitShares::default(),
        hold_out: Settings::default(),
        distinct: false,
        count,
        seed: 7,
    };
    Job { spec, out: out.into(), layout: Layout::Shard, threads, shard: Shard { index: 0, count: 1 }, force: true }
}

fn time_corpus(row: &Row, out: &Path, report: &mut String) {
    let (user, wall) = (user_seconds(), Instant::now());
    let manifest = generate(&job(row, out, 1), &mut |_| {}).expect("a clean corpus");
    let (user, wall) = (user_seconds() - user, wall.elapsed().as_secs_f64());
    let records = manifest.counts["records"] as f64;
    let megabytes = manifest.counts["text_bytes"] as f64 / 1e6;
    let rate = records / user;
    *report += &format!(
        "{:32} {rate:>9.0} traces/s  {:>6.0} MB/s  {:>6.0}x reference  (wall {:.0} traces/s, peak {} MiB)\n",
        row.0,
        megabytes / user,
        rate / row.6,
        records / wall,
        peak_mib()
    );
}

fn time_threads(row: &Row, out: &Path, report: &mut String) {
    let mut walls = [0.0; 2];
    for (wall, threads) in walls.iter_mut().zip([1, 2]) {
        let start = Instant::now();
        generate(&job(row, out, threads), &mut |_| {}).expect("a clean corpus");
        *wall = start.elapsed().as_secs_f64();
    }
    *report += &format!("{:32} two threads {:.2}x one\n", row.0, walls[0] / walls[1]);
}

fn time_audit<E: World>(name: &str, env: &E, search: &str, format: &str, count: u64, report: &mut String) {
    let settings = Settings::default();
    let (search, format) = (search::build::<E>(search, env, &settings).expect("registered"), format::build::<E>(format, &settings).expect("registered"));
    let seeds = SeedTree::root(5);
    let mut recorder = Recorder::default();
    let texts: Vec<(E::Problem, String)> = (0..count)
        .map(|index| {
            let problem = env.generate(&mut seeds.stream(index));
            search.run(env, &problem, Budget::default(), &mut seeds.child("search").stream(index), &mut recorder);
            let mut text = String::new();
            format.write(env, &problem, recorder.trace(), &mut text);
            (problem, text)
        })
        .collect();
    let megabytes = texts.iter().map(|(_, text)| text.len()).sum::<usize>() as f64 / 1e6;
    let mut auditor = Auditor::default();
    let (start, mut rounds) = (user_seconds(), 0);
    while user_seconds() - start < 1.5 {
        for (problem, text) in &texts {
            auditor.check(env, problem, &format.parse(text));
            assert!(auditor.defects().is_empty(), "a genuine trace is clean");
        }
        rounds += 1;
    }
    let rate = megabytes * f64::from(rounds) / (user_seconds() - start);
    *report += &format!("{name:32} {rate:>9.0} MB/s parsed and audited  {:>6.0}x reference (7 MB/s)\n", rate / 7.0);
}

/// Simulations per second from the empty board, `rollouts` random games per leaf; 0 for a constant value.
fn time_mcts(name: &str, simulations: u32, rollouts: u32, records: bool, reference: f64, report: &mut String) -> f64 {
    let game = Connect4::configure(&Difficulty { settings: Settings::default().with("opening", 0), ..Difficulty::default() }).expect("allowed");
    let problem = game.generate(&mut SeedTree::root(1).stream(0));
    let mcts = Mcts::configure_game(&Settings::default().with("simulations", simulations)).expect("allowed");
    let mut recorder = if records { Recorder::default() } else { Recorder::without_events() };
    let (start, mut rounds) = (user_seconds(), 0_u64);
    while user_seconds() - start < 1.0 {
        let mut rng = SeedTree::root(2).stream(rounds);
        let mut machine = mcts.machine();
        let budget = Budget { expansions: u64::MAX, nodes: u32::MAX };
        play(&mut machine, rollouts, &mut Site { env: &game, problem: &problem, budget, rng: &mut rng, recorder: &mut recorder });
        assert_eq!(machine.root_visits().iter().map(|(_, visits)| visits).sum::<u32>() + 1, simulations, "every simulation is counted");
        rounds += 1;
    }
    let rate = rounds as f64 * f64::from(simulations) / (user_seconds() - start);
    *report += &format!("{name:40} {:>6.2} M simulations/s  {:>5.1}x reference\n", rate / 1e6, rate / reference);
    rate
}

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).unwrap_or_default();
    let out = std::env::temp_dir().join(format!("metacot-bench-{}", std::process::id()));
    let mut report = String::new();
    for row in CORPORA.iter().filter(|row| row.0.contains(&wanted)) {
        time_corpus(row, &out, &mut report);
    }
    if "audit".contains(&wanted) {
        let countdown = Countdown::configure(&Difficulty::sized(4)).expect("in range");
        time_audit("audit sos mixture", &countdown, "sos-mix", "sos", 4000, &mut report);
        time_audit("audit think", &countdown, "sos-mix", "think", 4000, &mut report);
        let maze = Maze::configure(&Difficulty::sized(20)).expect("in range");
        time_audit("audit searchformer 20x20", &maze, "astar", "searchformer", 2000, &mut report);
    }
    if "mcts".contains(&wanted) {
        time_mcts("connect4, 1 rollout, 1000 simulations", 1000, 1, false, 0.133e6, &mut report);
        time_mcts("connect4, 1 rollout, 5000 simulations", 5000, 1, false, 0.133e6, &mut report);
        let plain = time_mcts("connect4, constant leaf, 1000", 1000, 0, false, 5e6, &mut report);
        let recorded = time_mcts("connect4, constant leaf, 1000, events", 1000, 0, true, 5e6, &mut report);
        report += &format!("{:40} {:.0} % of the time\n", "recording events costs", 100.0 * (1.0 - recorded / plain));
    }
    if "threads".contains(&wanted) {
        time_threads(&CORPORA[0], &out, &mut report);
    }
    let _ = fs::remove_dir_all(&out);
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(report.as_bytes());
}
