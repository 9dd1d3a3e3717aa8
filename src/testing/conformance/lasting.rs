//! The rules of threads and handles that stay after a run.

use super::check::{Check, Finding};
use super::provider::Store;
use alloc::format;
use std::thread;
use std::time::{Duration, Instant};

/// The number of runs between two counts. A leak is at least one for each run, so that the threads of
/// a pool, which are created once, are none.
const RUNS: usize = 5;
/// The longest wait for threads that are about to end.
const SETTLING: Duration = Duration::from_secs(1);

pub(super) fn threads_and_handles(check: &mut Check<'_>, store: &Store) {
    let ids = ["lasting-thread", "lasting-handle"];
    check.rules(ids, |check| {
        if !check.options.is_alone {
            let why = "other code of this process may start threads and open handles; \
                       see Conformance::alone_in_process";
            return ids.map(|_| Finding::not_applicable(why));
        }
        let outlook = check.outlook();
        // The first run may start threads and open handles that stay for the next ones.
        let _first = check.run(&outlook, store, ids[0]);
        let counts = [threads, handles];
        let before = counts.map(|count| lowest(count, 0));
        for _ in 0..RUNS {
            if !check.is_stopped() {
                let _outcome = check.run(&outlook, store, ids[0]);
            }
        }
        if check.is_stopped() {
            return ids.map(|_| Finding::not_applicable("a run has not ended"));
        }
        let after = [0, 1].map(|n| lowest(counts[n], before[n].unwrap_or(0)));
        [("threads", 0), ("handles", 1)].map(|(what, n)| match (before[n], after[n]) {
            (Some(before), Some(after)) => {
                let seen = format!(
                    "the process had {before} {what} before {RUNS} runs, and {after} after them"
                );
                Finding::from_seen((after >= before + RUNS).then_some(seen))
            }
            _ => Finding::not_applicable(format_args!("{what} cannot be counted on this system")),
        })
    });
}

/// Counts until the count is `expected`, or until the limit. Returns the lowest count.
fn lowest(count: fn() -> Option<usize>, expected: usize) -> Option<usize> {
    let limit = if expected == 0 { SETTLING / 10 } else { SETTLING };
    let (started, mut lowest) = (Instant::now(), count()?);
    while lowest > expected && started.elapsed() < limit {
        thread::sleep(Duration::from_millis(2));
        lowest = lowest.min(count()?);
    }
    Some(lowest)
}

/// Returns the number of threads of this process.
fn threads() -> Option<usize> {
    #[cfg(target_os = "linux")]
    return Some(std::fs::read_dir("/proc/self/task").ok()?.count());
    #[cfg(not(target_os = "linux"))]
    return None;
}

/// Returns the number of open handles of this process.
fn handles() -> Option<usize> {
    #[cfg(all(windows, not(miri)))]
    return Some(crate::event::open_handles());
    #[cfg(target_os = "linux")]
    return Some(std::fs::read_dir("/proc/self/fd").ok()?.count());
    #[cfg(not(any(all(windows, not(miri)), target_os = "linux")))]
    return None;
}
