//! Handles on Windows: what a run opens, it or the host closes. The counterpart of `tests/descriptors.rs`.

#![cfg(all(windows, not(miri)))]

mod common;

use common::{Recorder, TIMEOUT, open_handles, remaining_handles, store};
use mapisync::{HRESULT, SyncFlags, SyncHost};

/// Alone in its program, since every open handle counts.
#[test]
fn a_thousand_runs_leave_no_handle_open() {
    let (ear, sync) = (
        Recorder::new(),
        store(|request| request.spawn(|job| job.position(1, 1))),
    );
    let host = SyncHost::new(ear.clone());
    let one = || {
        let run = host.start(&sync, SyncFlags::DOWNLOAD_CONTENTS).unwrap();
        assert_eq!(run.wait(TIMEOUT).unwrap(), HRESULT::S_OK);
    };
    for _ in 0..10 {
        one(); // whatever is opened once and kept
    }
    let before = remaining_handles();
    assert!(before > 0, "they can be counted here");
    let (event, owner) = common::event_pair();
    assert_eq!(open_handles(), before + 2, "and more of them are seen");
    drop((event, owner));
    for _ in 0..1000 {
        one();
    }
    assert_eq!(remaining_handles(), before);
}
