//! The process's threads and descriptors. A program must leave their numbers unchanged. Systems
//! without Linux's `/proc` are not checked.

use std::fmt::Debug;
use std::fs;
use test_support::wait_until;

/// Whether the system counts them.
const IS_COUNTED: bool = cfg!(all(target_os = "linux", not(miri)));

/// Checks a value that is as expected once the threads have ended, after `wait_for_threads`.
pub fn check_settled<T: Debug + PartialEq>(value: impl Fn() -> T, expected: T) {
    if !IS_COUNTED {
        wait_until(|| value() == expected);
    }
    assert_eq!(value(), expected);
}

/// The numbers before a program.
pub struct Before {
    threads: usize,
    descriptors: usize,
}

impl Before {
    pub fn now() -> Before {
        Before { threads: threads(), descriptors: descriptors() }
    }

    /// Waits for the threads that were started since. A run's thread continues for a moment after
    /// it has signaled its end.
    pub fn wait_for_threads(&self) {
        wait_until(|| threads() <= self.threads);
    }

    /// Checks that no thread and no descriptor is left.
    pub fn check(self) {
        self.wait_for_threads();
        assert_eq!(descriptors(), self.descriptors, "descriptors, before and after");
    }
}

fn threads() -> usize {
    entries("/proc/self/task")
}

fn descriptors() -> usize {
    entries("/proc/self/fd")
}

/// Returns the number of entries in a folder, or always 0 if there is no such folder.
fn entries(folder: &str) -> usize {
    if IS_COUNTED { fs::read_dir(folder).map_or(0, Iterator::count) } else { 0 }
}
