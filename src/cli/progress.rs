//! Progress for people: a bar where stderr is a terminal, one line per interval where it is piped.

use std::{
    cell::Cell,
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Time between two lines where stderr is no terminal.
const INTERVAL: Duration = Duration::from_secs(10);

/// Progress of one counted piece of work.
pub(super) struct Bar {
    unit: &'static str,
    interval: Duration,
    bar: Option<ProgressBar>,
    last: Cell<Instant>,
    started: Instant,
}

impl Bar {
    pub fn new(unit: &'static str) -> Self {
        Self::every(unit, INTERVAL)
    }

    /// With another time between two lines.
    pub fn every(unit: &'static str, interval: Duration) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:32} {pos}/{len} {msg} {eta}").unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(0).with_style(style)
        });
        Self { unit, interval, bar, last: Cell::new(Instant::now()), started: Instant::now() }
    }

    /// Shows that `done` of `total` are done.
    pub fn show(&self, done: u64, total: u64) {
        self.message(done, total, self.unit);
    }

    /// Shows progress with words of its own.
    pub fn message(&self, done: u64, total: u64, words: &str) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(words.to_string());
        } else if self.last.get().elapsed() >= self.interval {
            self.last.set(Instant::now());
            eprintln!("  {done}/{total} {words} after {:.0} s", self.started.elapsed().as_secs_f64());
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
