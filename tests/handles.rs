//! Windows counterpart of `tests/descriptors.rs`: the handles that a run opens are closed.

#![cfg(all(windows, not(miri)))]

use mapisync::testing::Recorder;
use mapisync::{HRESULT, SyncFlags, SyncHost};
use test_support::{TIMEOUT, open_handles, remaining_handles, store};

/// The only test of this program, because it counts all open handles of the process.
#[test]
fn a_thousand_runs_leave_no_handle_open() {
    let (recorder, sync) = (
        Recorder::new(),
        store(|request| request.spawn(|job| job.position(1, 1))),
    );
    let host = SyncHost::new(recorder.clone());
    let one = || {
        let run = host.start(&sync, SyncFlags::DOWNLOAD_CONTENTS).unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    };
    for _ in 0..10 {
        one(); // the first runs open handles that are kept
    }
    let before = remaining_handles();
    assert!(before > 0, "this system counts handles");
    let (event, owner) = test_support::event_pair();
    assert_eq!(open_handles(), before + 2, "new handles are counted");
    drop((event, owner));
    for _ in 0..1000 {
        one();
    }
    assert_eq!(remaining_handles(), before);
}
