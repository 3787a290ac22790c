//! Timings of work that can be repeated, and what the process held in memory.

use std::time::Instant;

use super::Setup;
use crate::Result;

/// Units per second, timing by timing, of work that says how many units a call did. A first call that is not counted warms caches and buffers up.
///
/// # Errors
/// Those of the work.
pub(super) fn repeat(setup: &Setup, mut work: impl FnMut() -> Result<f64>) -> Result<Vec<f64>> {
    work()?;
    (0..setup.repeats)
        .map(|_| {
            let (start, mut units) = (Instant::now(), 0.0);
            loop {
                units += work()?;
                let seconds = start.elapsed().as_secs_f64();
                if seconds >= setup.seconds {
                    return Ok(units / seconds);
                }
            }
        })
        .collect()
}

/// Runs `work` on so many threads, each told its number, and adds up what they did.
pub(super) fn on_threads(threads: usize, work: impl Fn(usize) -> f64 + Sync) -> f64 {
    let work = &work;
    std::thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        let own = work(0);
        helpers.into_iter().fold(own, |sum, helper| sum + helper.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Highest resident memory of this process so far in MB; 0 where the system does not say.
pub fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kilobytes.unwrap_or(0.0) * 1024.0 / 1e6
}
