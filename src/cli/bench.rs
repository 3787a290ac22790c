//! `metacot bench`: what this machine does in a second.

use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::{machine, progress::Bar};
use crate::{
    Error, Result,
    bench::{CASES, Case, Measurement, Setup},
    sample::simd_level,
};

/// Measures this machine: corpora, audits, grading, training, sampling, tree search, beside its peak in single precision. About a minute.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Three short timings of each case and the large model left out: about ten seconds.
    #[arg(long)]
    quick: bool,
    /// Seconds that the whole table may take, within what the slowest steps allow.
    #[arg(long, conflicts_with = "quick")]
    seconds: Option<f64>,
    /// Timings of each case; the median counts.
    #[arg(long)]
    repeats: Option<usize>,
    /// Only the rows whose name holds this text.
    #[arg(long)]
    only: Option<String>,
    /// Worker threads; all cores where left out.
    #[arg(long)]
    threads: Option<usize>,
    /// Prints one JSON object instead of the table.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Table {
    version: &'static str,
    machine: String,
    threads: usize,
    simd: &'static str,
    /// Seconds that all of it took.
    seconds: f64,
    /// The fastest matrix product on all threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_gflops: Option<f64>,
    rows: Vec<Measurement>,
}

pub(super) fn run(args: &BenchArgs) -> Result<()> {
    let total = args.seconds.unwrap_or(if args.quick { 8.0 } else { 55.0 });
    if !(total > 0.0 && total <= 86_400.0) || args.repeats == Some(0) {
        return Err(Error::Usage(format!("--seconds {total} --repeats {:?}: expected above 0 to a day, and at least 1", args.repeats.unwrap_or(1))));
    }
    let wanted = |case: &&Case| args.only.as_ref().map_or(!(args.quick && case.is_slow), |only| case.name.contains(only.as_str()));
    let cases: Vec<&Case> = CASES.iter().filter(wanted).collect();
    if cases.is_empty() {
        let names: Vec<&str> = CASES.iter().map(|case| case.name).collect();
        return Err(Error::Usage(format!("--only {}: expected a part of one of: {}", args.only.as_deref().unwrap_or_default(), names.join("; "))));
    }
    let threads = super::training_threads(args.threads)?;
    let repeats = args.repeats.unwrap_or(if args.quick { 3 } else { 5 });
    let setup = Setup { threads, repeats, seconds: total / (cases.len() * (repeats + 1)) as f64 };
    let (started, bar) = (Instant::now(), Bar::every("cases", Duration::from_secs(5)));
    let mut rows = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        bar.message(index as u64, cases.len() as u64, case.name);
        rows.push(case.measure(&setup)?);
    }
    bar.clear();
    let peak_gflops = rows.iter().filter(|row| row.unit == "GFLOP" && row.threads == threads).map(|row| row.highest).reduce(f64::max);
    let (seconds, simd) = ((started.elapsed().as_secs_f64() * 10.0).round() / 10.0, simd_level());
    let table = Table { version: env!("CARGO_PKG_VERSION"), machine: machine::describe(), threads, simd, seconds, peak_gflops, rows };
    if args.json {
        println!("{}", serde_json::to_string(&table)?);
    } else {
        print!("{}", table.text());
    }
    Ok(())
}

impl Table {
    fn text(&self) -> String {
        let Self { version, machine, threads, simd, seconds, .. } = self;
        let mut text = format!("metacot {version} on {machine}; {threads} threads, {simd}; medians of {} timings, {seconds:.0} s in all\n\n", self.repeats());
        text += &format!("{:<44}{:>8}{:>22}  {:<21}{:>9}{:>8}\n", "", "threads", "median", "slowest to fastest", "GFLOP/s", "of peak");
        for row in &self.rows {
            let spread = format!("{} to {}", short(row.lowest), short(row.highest));
            let gflops = row.gflops.map(short).unwrap_or_default();
            let share = row.gflops.zip(self.peak_gflops).map(|(gflops, peak)| format!("{:.0} %", 100.0 * gflops / peak)).unwrap_or_default();
            let median = format!("{} {}/s", short(row.median), row.unit);
            text += &format!("{:<44}{:>8}{median:>22}  {spread:<21}{gflops:>9}{share:>8}\n", row.name, row.threads);
        }
        text
    }

    fn repeats(&self) -> usize {
        self.rows.iter().map(|row| row.repeats).min().unwrap_or(0)
    }
}

/// Three digits and thousands, millions as a letter.
fn short(number: f64) -> String {
    let (number, letter) = match number {
        _ if number >= 1e6 => (number / 1e6, " M"),
        _ if number >= 1e4 => (number / 1e3, " k"),
        _ => (number, ""),
    };
    let digits = if number >= 100.0 {
        0
    } else if number >= 10.0 {
        1
    } else {
        2
    };
    format!("{number:.digits$}{letter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([0.5, 99.96, 1234.0, 23_456.0, 3_210_000.0].map(short), ["0.50", "100.0", "1234", "23.5 k", "3.21 M"]);
    }
}
