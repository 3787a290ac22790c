//! Long sampling, with a word on how far it is.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::Notice;
use crate::sample::SampleProgress;

/// Time between two notices.
const INTERVAL: Duration = Duration::from_secs(1);

/// Runs `sample` on a thread of its own and tells meanwhile how far the sampler is whose progress this is.
pub(super) fn watch<T: Send>(progress: &SampleProgress, notify: &mut dyn FnMut(Notice), sample: impl FnOnce() -> T + Send) -> T {
    let watcher = thread::current();
    thread::scope(|scope| {
        let sampling = scope.spawn(move || {
            // Also where it panics.
            let _end = Wake(watcher);
            sample()
        });
        let (mut told, mut last) = (progress.counts(), Instant::now());
        while !sampling.is_finished() {
            thread::park_timeout(INTERVAL);
            let counts = progress.counts();
            if counts != told && last.elapsed() >= INTERVAL {
                (told, last) = (counts, Instant::now());
                notify(Notice::Sampled { done: counts.0 as u64, total: counts.1 as u64 });
            }
        }
        sampling.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Wakes a thread when it is dropped.
struct Wake(thread::Thread);

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sampled_comes_back_and_a_panic_goes_on() {
        let progress = SampleProgress::default();
        let mut notices = Vec::new();
        assert_eq!(watch(&progress, &mut |notice| notices.push(notice), || vec![3]), [3]);
        let panic = std::panic::catch_unwind(|| watch(&SampleProgress::default(), &mut |_| (), || -> () { panic!("no model") }));
        assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"no model"));
        assert!(notices.is_empty(), "nothing was sampled");
    }
}
