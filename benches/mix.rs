//! What a record of each combination of a full mixture costs: mean microseconds and bytes, the dearest first, and the totals.
//!
//! `cargo bench -p metacot-traces --bench mix -- [RECORDS PER COMBINATION] [ROWS]`

#![allow(clippy::print_stdout, reason = "a bench is a program for people")]

use std::{collections::BTreeMap, time::Instant};

use metacot_envs::Settings;
use metacot_traces::{
    corpus::{Split, SplitShares},
    generate::Producer,
    mix::{Mix, MixSpec},
    transform::loss::LossMask,
};

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let (records, rows) = (numbers.first().copied().unwrap_or(40), numbers.get(1).copied().unwrap_or(25));
    let all = || vec!["all".to_string()];
    let spec = MixSpec {
        envs: all(),
        searches: all(),
        formats: all(),
        transforms: vec!["none".into()],
        size: None,
        settings: Settings::default(),
        weights: BTreeMap::new(),
        expansions: None,
        loss: LossMask::default(),
        split: Split::Train,
        shares: SplitShares::default(),
        count: records,
        seed: 1,
    };
    let mix = Mix::new(&spec).expect("the mixture is allowed");
    let mut desk = mix.desk();
    let (mut costs, mut worlds): (Vec<(f64, f64, f64, String)>, BTreeMap<&str, (f64, f64, f64)>) = Default::default();
    for (index, one) in mix.combinations().iter().enumerate() {
        let (start, mut bytes, mut shown) = (Instant::now(), 0, 0);
        for id in 0..records {
            let made = mix.make_of(index, id, &mut desk, |record| record.text.len() as u64).expect("records are true");
            bytes += made.unwrap_or(0);
            shown += u64::from(made.is_ok());
        }
        let mean = |total: f64| total / records as f64;
        let (micros, bytes) = (mean(start.elapsed().as_secs_f64() * 1e6), mean(bytes as f64));
        let of_world = worlds.entry(&one.spec.env).or_default();
        *of_world = (of_world.0 + 1.0, of_world.1 + micros, of_world.2 + bytes);
        costs.push((micros, bytes, mean(shown as f64), format!("{} {} {}", one.spec.env, one.spec.search, one.spec.format)));
    }
    costs.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("{:>10} {:>10} {:>7}  combination", "µs/record", "bytes", "shown");
    for (micros, bytes, shown, name) in costs.iter().take(rows as usize) {
        println!("{micros:>10.1} {bytes:>10.0} {shown:>7.2}  {name}");
    }
    for (name, (count, micros, bytes)) in worlds {
        println!("{:>10.1} {:>10.0}          {name}, {count} combinations", micros / count, bytes / count);
    }
    let count = costs.len() as f64;
    let mean = |value: fn(&(f64, f64, f64, String)) -> f64| costs.iter().map(value).sum::<f64>() / count;
    println!("{:>10.1} {:>10.0} {:>7.3}  all {count} combinations", mean(|cost| cost.0), mean(|cost| cost.1), mean(|cost| cost.2));
}
