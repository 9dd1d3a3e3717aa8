//! The process's threads and descriptors. An iteration must leave their numbers unchanged.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// The longest wait for an operation that ends on its own. A longer operation counts as hung.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// Waits until `condition`, described by `description`, is true.
pub fn wait_until(description: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    for round in 0_u32.. {
        if condition() {
            return;
        }
        assert!(started.elapsed() < TIMEOUT, "still false: {description}");
        if round < 100 {
            thread::yield_now();
        } else {
            thread::sleep(Duration::from_micros(50));
        }
    }
}

/// The numbers before an iteration.
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

    /// Waits for the threads that were started since. A run's thread continues for a moment after
    /// it has signaled its end.
    pub fn wait_for_threads(&self) {
        wait_until("every thread has ended", || threads() <= self.threads);
    }

    /// Checks that no thread and no descriptor is left.
    pub fn check(self) {
        self.wait_for_threads();
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

/// Returns the number of entries in a folder, or always 0 if the system has no such folder.
fn entries(folder: &str) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}
