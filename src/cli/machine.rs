//! The machine in words, for reports and `metacot doctor`.

use std::fs;

/// Processor, cores and memory, as far as the system tells.
pub(super) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut parts = vec![processor().unwrap_or_else(|| std::env::consts::ARCH.into()), format!("{cores} cores")];
    if let Some(memory) = memory_gib() {
        parts.push(format!("{memory:.0} GiB"));
    }
    parts.push(std::env::consts::OS.into());
    parts.join(", ")
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_string())
}

fn memory_gib() -> Option<f64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0 / 1024.0)
}
