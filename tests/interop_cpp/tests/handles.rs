//! Handles, or descriptors: what C, C++ and Rust open together, they close. Alone in its program, since every one counts.

#![cfg(any(windows, target_os = "linux"))]

#[path = "../../common/mod.rs"]
mod common;

use common::{Recorder, TIMEOUT, remaining_handles, store};
use mapisync::{HRESULT, SyncFlags, SyncHost};
use mapisync_interop_cpp::{BUILDS, CLOSE_IN_DONE, Witness};

#[test]
fn a_thousand_runs_with_c_and_cpp_leave_no_handle_open() {
    for build in BUILDS {
        let our_store = store(|request| request.spawn(|_| Ok(())));
        let one = |n: usize| {
            let witness = Witness::new(*build); // a log has room for some runs only
            let options = [0, CLOSE_IN_DONE][n % 2];
            witness.drive(&our_store, 0, None, HRESULT::S_OK, options);
            let their_store = witness.store(HRESULT::S_OK, HRESULT::S_OK, 0);
            let run = SyncHost::new(Recorder::new()).start(&their_store, SyncFlags::empty());
            assert_eq!(run.unwrap().wait(TIMEOUT).unwrap(), HRESULT::S_OK);
        };
        (0..10).for_each(one); // whatever is opened once and kept
        let before = remaining_handles();
        (0..1000 / BUILDS.len()).for_each(one);
        assert_eq!(remaining_handles(), before, "{}", build.name);
    }
}
