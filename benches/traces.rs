//! Speed of whole traces, from seed to verified bytes on disk, and of the audit alone.
//!
//! Each row states its unit per second of user CPU per core, the ratio to what the field's own code does on the same kind of machine, and the
//! ratio to the figure that is to be reached. Correctness is checked first: `generate` refuses to write a record that fails its audit.
//! `cargo bench -p metacot-traces`; a word on the command line selects the rows that hold it. `memory`, a million records, runs only when named.

use std::{fs, path::Path, time::Instant};

use metacot_envs::{Difficulty, Environment, Oracle, SeedTree, Settings, World, arithmetic::Arithmetic, connect4::Connect4, countdown::Countdown, maze::Maze};
use metacot_traces::{
    Auditor, Budget, Recorder,
    corpus::Layout,
    format,
    generate::{Job, Shard, Spec, generate},
    search::{
        self,
        guided::{Site, play},
        mcts::Mcts,
    },
};

/// One corpus to time.
struct Row {
    name: &'static str,
    env: &'static str,
    size: usize,
    search: &'static str,
    format: &'static str,
    layout: Layout,
    count: u64,
    /// Records per second of the field's own code.
    reference: f64,
    /// Records per second to be reached.
    target: f64,
}

const SOS: Row = Row {
    name: "sos mixture, 4 numbers",
    env: "countdown",
    size: 4,
    search: "sos-mix",
    format: "sos",
    layout: Layout::Shard,
    count: 150_000,
    reference: 222.0,
    target: 50e3,
};

const MAZE: Row = Row {
    name: "maze 10x10, deterministic A*",
    env: "maze",
    size: 10,
    search: "astar",
    format: "searchformer",
    layout: Layout::Shard,
    count: 150_000,
    reference: 319.0,
    target: 60e3,
};

const CORPORA: &[Row] = &[
    SOS,
    Row { name: "sos mixture, 4 numbers, JSON lines", layout: Layout::Jsonl, ..SOS },
    MAZE,
    Row { name: "maze 20x20, deterministic A*", size: 20, count: 30_000, reference: 47.2, target: 12e3, ..MAZE },
    Row { name: "maze 30x30, deterministic A*", size: 30, count: 12_000, reference: 20.3, target: 5e3, ..MAZE },
    Row { name: "sokoban 7x7, A*", env: "sokoban", size: 7, count: 300, reference: 1.85, target: 20.0, ..MAZE },
];

/// Text that the audit has to read per second, in MB, and what the field's own code reads.
const AUDIT: (f64, f64) = (200.0, 7.0);

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

fn job(row: &Row, out: &Path, threads: usize) -> Job {
    let spec = Spec { difficulty: Difficulty::sized(row.size), count: row.count, seed: 7, ..Spec::new(row.env, row.search, row.format) };
    Job { spec, out: out.into(), layout: row.layout, threads, shard: Shard { index: 0, count: 1 }, force: true }
}

fn time_corpus(row: &Row, out: &Path, report: &mut String) {
    let (user, wall) = (user_seconds(), Instant::now());
    let manifest = generate(&job(row, out, 1), &mut |_| {}).expect("a clean corpus");
    let (user, wall) = (user_seconds() - user, wall.elapsed().as_secs_f64());
    let records = manifest.counts["records"] as f64;
    let megabytes = manifest.counts["text_bytes"] as f64 / 1e6;
    let rate = records / user;
    *report += &format!(
        "{:36} {rate:>9.0} traces/s  {:>4.0} MB/s  {:>5.0}x reference  {:>5.2}x target  (wall {:.0} traces/s, peak {} MiB, digest {})\n",
        row.name,
        megabytes / user,
        rate / row.reference,
        rate / row.target,
        records / wall,
        peak_mib(),
        &manifest.digest[..8],
    );
}

/// Wall time of one and two threads in turns, the best of three each.
fn time_threads(row: &Row, out: &Path, report: &mut String) {
    let mut walls = [f64::INFINITY; 2];
    for _ in 0..3 {
        for (wall, threads) in walls.iter_mut().zip([1, 2]) {
            let start = Instant::now();
            generate(&job(row, out, threads), &mut |_| {}).expect("a clean corpus");
            *wall = wall.min(start.elapsed().as_secs_f64());
        }
    }
    let ratio = walls[0] / walls[1];
    *report += &format!("{:36} two threads {ratio:.2}x one  {:>5.2}x target\n", row.name, ratio / 1.9);
}

/// Peak memory after 100,000 and after a million records.
fn measure_memory(out: &Path, report: &mut String) {
    for count in [100_000, 1_000_000] {
        generate(&job(&Row { count, ..SOS }, out, 2), &mut |_| {}).expect("a clean corpus");
        *report += &format!("{count:>36} records, two threads: peak {} MiB\n", peak_mib());
    }
}

/// Exact labels of random lists of four numbers, solvable or not.
fn time_labels(report: &mut String) {
    use rand::RngExt as _;
    let env = Countdown::configure(&Difficulty::sized(4)).expect("in range");
    let mut rng = SeedTree::root(3).stream(0);
    let problems: Vec<_> = (0..20_000)
        .map(|_| {
            let mut problem = env.generate(&mut rng);
            problem.numbers.fill_with(|| rng.random_range(1..=99));
            problem.target = rng.random_range(10..=100);
            problem
        })
        .collect();
    let (start, mut rounds, mut solvable) = (user_seconds(), 0_u32, 0);
    while user_seconds() - start < 1.0 {
        solvable = problems.iter().filter(|problem| env.solvable(problem)).count();
        rounds += 1;
    }
    let rate = f64::from(rounds) * problems.len() as f64 / (user_seconds() - start);
    let name = format!("labels, 4 numbers ({} % solvable)", 100 * solvable / problems.len());
    *report += &format!("{name:36} {:>9.2} M problems/s  {:>5.2}x target\n", rate / 1e6, rate / 1.5e6);
}

fn time_audit<E: World>(env: &E, search: &str, format: &str, count: u64, report: &mut String) {
    let name = format!("audit {} {format}", E::NAME);
    let settings = Settings::default();
    let (search, format) = (search::build::<E>(search, env, &settings).expect("registered"), format::build::<E>(format, &settings).expect("registered"));
    let seeds = SeedTree::root(5);
    let mut recorder = Recorder::default();
    let texts: Vec<(E::Problem, String)> = (0..count)
        .map(|index| {
            let problem = env.generate(&mut seeds.stream(index));
            search.run(env, &problem, Budget::default(), &mut seeds.child("search").stream(index), &mut recorder);
            let mut text = String::new();
            if format.can_write(recorder.trace()) {
                format.write(env, &problem, recorder.trace(), &mut text);
            }
            (problem, text)
        })
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let megabytes = texts.iter().map(|(_, text)| text.len()).sum::<usize>() as f64 / 1e6;
    let mut auditor = Auditor::default();
    let (start, mut rounds) = (user_seconds(), 0);
    while user_seconds() - start < 1.0 {
        for (problem, text) in &texts {
            auditor.check(env, problem, &format.parse(text));
            assert!(auditor.defects().is_empty(), "a genuine trace is clean");
        }
        rounds += 1;
    }
    let rate = megabytes * f64::from(rounds) / (user_seconds() - start);
    let (target, reference) = AUDIT;
    *report += &format!("{name:36} {rate:>9.0} MB/s parsed and audited  {:>5.0}x reference  {:>5.2}x target\n", rate / reference, rate / target);
}

/// Simulations per second from the empty board, `rollouts` random games per leaf; 0 for a constant value.
fn time_mcts(name: &str, simulations: u32, rollouts: u32, records: bool, (reference, target): (f64, f64), report: &mut String) -> f64 {
    let game = Connect4::configure(&Difficulty { size: Some("7x6".into()), settings: Settings::default().with("opening", 0) }).expect("allowed");
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
    *report += &format!("{name:36} {:>9.2} M simulations/s  {:>5.1}x reference  {:>5.2}x target\n", rate / 1e6, rate / reference, rate / target);
    rate
}

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).unwrap_or_default();
    let out = std::env::temp_dir().join(format!("metacot-bench-{}", std::process::id()));
    let mut report = String::new();
    for row in CORPORA.iter().filter(|row| row.name.contains(&wanted)) {
        time_corpus(row, &out, &mut report);
    }
    if "labels".contains(&wanted) {
        time_labels(&mut report);
    }
    if "audit".contains(&wanted) {
        let countdown = Countdown::configure(&Difficulty::sized(4)).expect("in range");
        for format in ["sos", "sos-plan", "think", "prose", "cot", "answer"] {
            time_audit(&countdown, "sos-mix", format, 4000, &mut report);
        }
        let maze = Maze::configure(&Difficulty::sized(20)).expect("in range");
        for format in ["searchformer", "searchformer-plan"] {
            time_audit(&maze, "astar", format, 2000, &mut report);
        }
        let arithmetic = Arithmetic::configure(&Difficulty::sized(5)).expect("in range");
        time_audit(&arithmetic, "dfs", "table", 4000, &mut report);
    }
    if "mcts".contains(&wanted) {
        let (rollouts, constant) = ((0.133e6, 1.3e6), (5e6, 5e6));
        time_mcts("connect4, 1 rollout, 1000", 1000, 1, false, rollouts, &mut report);
        time_mcts("connect4, 1 rollout, 5000", 5000, 1, false, rollouts, &mut report);
        let (mut plain, mut recorded) = (0.0_f64, 0.0_f64);
        for _ in 0..3 {
            plain = plain.max(time_mcts("connect4, constant leaf, 1000", 1000, 0, false, constant, &mut report));
            recorded = recorded.max(time_mcts("connect4, constant leaf, events", 1000, 0, true, constant, &mut report));
        }
        report += &format!("{:36} {:>9.1} % of the time (at most 40)\n", "recording events costs", 100.0 * (1.0 - recorded / plain));
    }
    if "threads".contains(&wanted) {
        time_threads(&SOS, &out, &mut report);
    }
    if wanted == "memory" {
        measure_memory(&out, &mut report);
    }
    let _ = fs::remove_dir_all(&out);
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(report.as_bytes());
}
