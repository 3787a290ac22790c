//! The machine's peak in single precision: the fastest of some large square matrix products as training computes them, on one processor and on all, in GFLOP/s.
//!
//! `cargo bench --bench sgemm`: the bar beside which `train` and `sample` are read.

use std::io::Write;

use metacot::bench::sgemm::peak;

fn main() -> std::io::Result<()> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    for threads in [1, processors] {
        let line = serde_json::json!({ "case": format!("sgemm {threads}"), "gflops": (peak(threads, 3.0) * 10.0).round() / 10.0 });
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}
