//! No script leaves an allocation or a handle behind.

#[cfg(all(any(windows, target_os = "linux"), not(miri)))]
use crate::{LONG, run_without_callback};
use crate::{alone, done_twice, start};
use mapisync::HRESULT;
use mapisync::testing::ScriptedProvider;
use std::sync::Arc;
use test_support::allocations;
#[cfg(all(any(windows, target_os = "linux"), not(miri)))]
use test_support::remaining_handles;

/// Returns every script whose call returns.
pub fn scripts() -> Vec<ScriptedProvider> {
    let new = || ScriptedProvider::new().step("Receiving", 0, 1);
    vec![
        new(),
        new().fail(HRESULT::E_FAIL, "message"),
        new().refuse(HRESULT::S_FALSE),
        done_twice(new()),
        new().never_done(),
        new().null_event(),
        new().never_signaled(),
        done_twice(new().never_signaled()),
        new().never_signaled().never_done(),
        new().null_event().never_done(),
    ]
}

/// Returns the number of allocations that `code` leaves alive on this thread.
pub fn left(code: impl FnOnce()) -> isize {
    allocations(code).1
}

#[test]
fn no_script_leaves_an_allocation() {
    let _alone = alone();
    for n in 0..scripts().len() {
        // With an early Done everything happens on this thread.
        let one = || {
            let (store, recorder) = (scripts().swap_remove(n).done_early(), Arc::default());
            drop(start(&store, &recorder));
        };
        one(); // the first run of a thread makes allocations that stay
        assert_eq!(left(one), 0, "{:?}", scripts()[n]);
    }
}

#[cfg(all(any(windows, target_os = "linux"), not(miri)))]
#[test]
fn no_script_leaves_a_handle_open() {
    let _alone = alone();
    let all = || {
        for store in scripts() {
            let recorder = Arc::default();
            let _run = start(&store, &recorder);
            assert!(store.wait_ended(LONG));
            drop(run_without_callback(&store));
        }
    };
    all(); // the first runs open handles that stay open
    let before = remaining_handles();
    for _ in 0..20 {
        all();
    }
    assert_eq!(remaining_handles(), before);
}
