//! Runs between C, C++ and Rust leave no handle or descriptor open. This is the only test of its
//! program, because it counts all of them in the process.

#![cfg(any(windows, target_os = "linux"))]

use mapisync::testing::Recorder;
use mapisync::{HRESULT, SyncFlags, SyncHost};
use mapisync_interop_cpp::{BUILDS, CLOSE_IN_DONE, ForeignLibrary};
use test_support::{TIMEOUT, remaining_handles, store};

#[test]
fn a_thousand_runs_with_c_and_cpp_leave_no_handle_open() {
    for build in BUILDS {
        let rust_store = store(|request| request.spawn(|_| Ok(())));
        let one = |n: usize| {
            let foreign = ForeignLibrary::new(*build); // a log has room only for some runs
            let options = [0, CLOSE_IN_DONE][n % 2];
            foreign.run(&rust_store, 0, None, HRESULT::S_OK, options);
            let foreign_store = foreign.store(HRESULT::S_OK, HRESULT::S_OK, 0);
            let run = SyncHost::new(Recorder::new()).start(&foreign_store, SyncFlags::empty());
            assert_eq!(run.unwrap().wait(TIMEOUT).unwrap(), HRESULT::S_OK);
        };
        (0..10).for_each(one); // the first runs open handles that are kept
        let before = remaining_handles();
        (0..1000 / BUILDS.len()).for_each(one);
        assert_eq!(remaining_handles(), before, "{}", build.name);
    }
}
