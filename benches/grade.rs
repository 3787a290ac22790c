//! Speed of the graders in answers and megabytes of rows per second of CPU time of one core, each beside the figure it is held against.
//! Where the system does not tell CPU time, wall time stands in.
//!
//! `cargo bench -p metacot-grade --bench grade -- [NAME…]` runs all, or those whose name holds one of the words.
#![allow(clippy::print_stdout, reason = "a bench is a program for people")]

use std::{
    fmt::Write,
    hint::black_box,
    sync::OnceLock,
    time::{Duration, Instant},
};

use metacot_envs::{
    Difficulty, Environment, SeedTree,
    countdown::{self, Countdown, Rules},
    grid::Move,
    maze::Maze,
};
use metacot_grade::{Config, Extraction, Grader, Rational, countdown as strict, extract, maze, verdict::Texts};

/// Runs `work` on rising indices for about a second and prints its rate, `size` units a call, against `bar`.
fn rate(name: &str, unit: &str, size: f64, bar: f64, mut work: impl FnMut(usize)) {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if !words.is_empty() && !words.iter().any(|word| name.contains(word.as_str())) {
        return;
    }
    (0..20).for_each(&mut work);
    let (begin, mut count) = (spent(), 0);
    while spent() - begin < Duration::from_secs(1) {
        (count..count + 20).for_each(&mut work);
        count += 20;
    }
    let rate = size * count as f64 / (spent() - begin).as_secs_f64();
    println!("{name:<34} {rate:>12.0} {unit}/s   {:>6.2} x the bar of {bar:.0}", rate / bar);
}

/// CPU time of this process so far.
fn spent() -> Duration {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    let begin = *BEGIN.get_or_init(Instant::now);
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok()).map_or_else(|| begin.elapsed(), Duration::from_nanos)
}

/// Problems whose target is the value of a random expression over their four numbers, with that expression.
fn solved(count: u64, rules: Rules) -> Vec<(countdown::Problem, String)> {
    let env = Countdown::configure(&Difficulty::sized(4)).expect("four numbers are allowed");
    let seeds = SeedTree::root(1).child("bench");
    let shapes = ["(a+b)*c-d", "a*b+c*d", "(a+b+c)*d", "a*(b+c-d)", "(a-b)*(c-d)", "a+b*c-d"];
    let mut solved = Vec::new();
    for index in 0.. {
        let numbers = env.generate(&mut seeds.stream(index)).numbers;
        let mut text = String::from(shapes[index as usize % shapes.len()]);
        for (name, number) in ["a", "b", "c", "d"].into_iter().zip(&numbers) {
            text = text.replacen(name, &number.to_string(), 1);
        }
        let wrong = countdown::Problem { numbers: numbers.clone(), target: countdown::MAX_TARGET, rules };
        // The reason names the value that the expression has.
        let fault = strict::grade(&wrong, text.as_bytes()).fault.map(|fault| fault.reason.into_owned()).unwrap_or_default();
        let value = fault.strip_prefix("the value is ").and_then(|rest| rest.split(' ').next()).and_then(|value| value.parse().ok());
        let Some(target) = value else { continue };
        let problem = countdown::Problem { numbers, target, rules };
        assert!(strict::grade(&problem, text.as_bytes()).is_correct());
        solved.push((problem, text));
        if solved.len() as u64 == count {
            break;
        }
    }
    solved
}

fn answers() {
    for (name, rules) in [("sos", Rules::Sos), ("rational", Rules::Rational)] {
        let right = solved(1000, rules);
        rate(&format!("countdown right {name}"), "answers", 1000.0, 1e6, |_| {
            for (problem, text) in &right {
                black_box(strict::grade(problem, text.as_bytes()).is_correct());
            }
        });
        rate(&format!("countdown mixed {name}"), "answers", 1000.0, 1e6, |_| {
            for (index, (problem, text)) in right.iter().enumerate() {
                let text = if index % 2 == 0 { text } else { &right[index / 2].1 };
                black_box(strict::grade(problem, text.as_bytes()).is_correct());
            }
        });
    }
}

/// A maze with a plan of it.
fn walked(index: u64) -> (metacot_envs::maze::Problem, String) {
    let env = Maze::configure(&Difficulty::sized(10)).expect("a side of 10 is allowed");
    let problem = env.generate(&mut SeedTree::root(2).stream(index));
    // Greedy on exact distances.
    let distance = |cell| {
        let to_goal = metacot_envs::maze::Problem::new(problem.grid(), problem.walls().iter(), cell, problem.goal());
        to_goal.ok().and_then(|problem| metacot_envs::Oracle::optimal_cost(&env, &problem)).unwrap_or(u32::MAX)
    };
    let (mut at, mut text) = (problem.start(), String::new());
    while at != problem.goal() {
        let steps = Move::ALL.into_iter().filter_map(|step| Some((problem.grid().step(at, step).filter(|next| !problem.walls().has(*next))?, step)));
        let (next, step) = steps.min_by_key(|(next, _)| distance(*next)).expect("a maze with a plan has a step");
        write!(text, "{} ", step.word()).expect("strings take all");
        at = next;
    }
    (problem, text)
}

fn plans(mazes: &[(metacot_envs::maze::Problem, String)]) {
    let mut plan = Texts::default();
    rate("maze 10 plans with optimality", "plans", mazes.len() as f64, 0.5e6, |_| {
        for (problem, text) in mazes {
            plan.clear();
            let outcome = maze::grade(problem, text.as_bytes(), &mut plan);
            assert!(outcome.fault.is_none() && maze::is_shortest(problem, outcome.cost));
        }
    });
}

fn readers() {
    let texts = [&b".05"[..], b"1/20", b"5E-02", b"5 x 10^-2", br"\frac{1}{20}"];
    rate("rational", "numbers", 5.0, 1e6, |_| {
        texts.iter().for_each(|text| assert!(black_box(Rational::read(text)).is_some()));
    });
    let text = [b"Assistant: ".to_vec(), b"so 3 + 5 is 8, and then\n".repeat(400), b"<answer>3*5+9</answer>".to_vec()].concat();
    rate("extract from 10 kB", "MB", text.len() as f64 / 1e6, 1000.0, |_| {
        assert_eq!(black_box(extract(&text, Extraction::Auto)).map(<[u8]>::len), Some(5));
    });
}

fn rows(mazes: &[(metacot_envs::maze::Problem, String)]) {
    let json = |value: &str| serde_json::to_string(value).expect("strings are JSON");
    let (mut short, mut long, mut walks) = (String::new(), String::new(), String::new());
    for (id, (given, text)) in solved(2000, Rules::Sos).iter().enumerate() {
        writeln!(short, r#"{{"id":{id},"problem":{},"answer":{}}}"#, serde_json::to_string(given).expect("problems are plain data"), json(text))
            .expect("strings take all");
        let thought = format!("<think>{}</think>\n<answer>{text}</answer>", "I try 3 * 5 = 15, and then 15 + 9 = 24; no.\n".repeat(20));
        writeln!(long, r#"{{"id":{id},"problem":{},"response":{}}}"#, serde_json::to_string(given).expect("problems are plain data"), json(&thought))
            .expect("strings take all");
    }
    for (id, (given, text)) in mazes.iter().enumerate() {
        writeln!(walks, r#"{{"id":{id},"problem":{},"answer":{}}}"#, serde_json::to_string(given).expect("problems are plain data"), json(text))
            .expect("strings take all");
    }
    for (name, env, text) in [("answers", "countdown", &short), ("responses", "countdown", &long), ("mazes", "maze", &walks)] {
        let grader = Grader::new(Config::new(env)).expect("the environment exists");
        let mut lines = grader.lines();
        let mut out = Vec::new();
        rate(&format!("rows: {name}"), "MB", text.len() as f64 / 1e6, 100.0, |_| {
            out.clear();
            text.lines().for_each(|line| lines.grade_line(line.as_bytes(), &mut out));
        });
    }
}

fn main() {
    answers();
    let mazes: Vec<_> = (0..1000).map(walked).collect();
    plans(&mazes);
    readers();
    rows(&mazes);
}
