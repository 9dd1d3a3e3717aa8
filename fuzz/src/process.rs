//! What an iteration must leave as it found it: the process's threads and descriptors.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for anything that ends by itself; what takes longer is taken to hang.
pub const LONG: Duration = Duration::from_secs(60);

/// Waits for what is bound to become true.
pub fn until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    for round in 0_u32.. {
        if condition() {
            return;
        }
        assert!(started.elapsed() < LONG, "it has not come true: {what}");
        if round < 100 {
            thread::yield_now();
        } else {
            thread::sleep(Duration::from_micros(50));
        }
    }
}

/// What there is before an iteration.
pub struct Before {
    threads: usize,
    descriptors: usize,
}

impl Before {
    pub fn now() -> Before {
        Before {
            threads: threads(),
            descriptors: descriptors(),
        }
    }

    /// Waits for the threads that were started since. A run's thread has a moment to go after it has signalled its end.
    pub fn settle(&self) {
        until("every thread has ended", || threads() <= self.threads);
    }

    /// Nothing else has stayed either.
    pub fn check(self) {
        self.settle();
        assert_eq!(
            descriptors(),
            self.descriptors,
            "descriptors, before and after"
        );
    }
}

fn threads() -> usize {
    entries("/proc/self/task")
}

fn descriptors() -> usize {
    entries("/proc/self/fd")
}

/// How many entries a folder has; where the system has no such folder, always as many.
fn entries(folder: &str) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}
