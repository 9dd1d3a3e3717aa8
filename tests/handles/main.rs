//! Runs and the handles of the process. A run leaks no handle and closes only its own. On Linux,
//! handles are descriptors. The process shares them, so these tests take turns.

#![cfg(all(any(windows, target_os = "linux"), not(miri)))]

#[cfg(target_os = "linux")]
mod descriptors;
#[cfg(target_os = "linux")]
mod done;

use mapisync::testing::Recorder;
use mapisync::{HRESULT, SyncFlags, SyncHost};
use std::sync::{Mutex, MutexGuard, PoisonError};
use test_support::{TIMEOUT, event_pair, open_handles, remaining_handles, store, wait_until};

/// Keeps the other tests of this program from running until the guard is dropped.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_thousand_runs_leave_no_handle_open() {
    let _alone = alone();
    let host = SyncHost::new(Recorder::new());
    let sync = store(|request| {
        let handle = request.spawn_with_handle(|job| job.position(1, 1));
        handle.map(drop)
    });
    let run = |waits| {
        let run = host.start(&sync, SyncFlags::DOWNLOAD_CONTENTS).unwrap();
        if waits {
            assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
        }
    };
    (0..10).for_each(|_| run(true)); // the first runs open handles that are kept
    let before = remaining_handles();
    let (event, signal) = event_pair();
    assert_eq!(open_handles(), before + 2, "new handles are counted");
    drop((event, signal));
    (0..1000).for_each(|n| run(n % 2 == 0));
    wait_until(|| remaining_handles() == before);
}
