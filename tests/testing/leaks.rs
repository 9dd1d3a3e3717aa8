//! No script of `ScriptedProvider` leaves an allocation, a reference or a handle behind.

use crate::{alone, start};
use mapisync::testing::{Recorder, ScriptedProvider, reference_count};
use mapisync::{DoneEvent, HRESULT};
use std::ptr;
use test_support::{allocations, event, garbage, request};

/// Adds a second `Done` to a script.
pub fn done_twice(store: ScriptedProvider) -> ScriptedProvider {
    // SAFETY: the hosts of these tests are `SyncHost`s, which refuse a second `Done`, or have no
    // callback.
    unsafe { store.done_twice() }
}

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

/// Runs the script without a callback. Returns the event, which the caller then owns.
pub fn run_without_callback(store: &ScriptedProvider) -> Option<DoneEvent> {
    let mut handle = garbage();
    let mut request = request(ptr::null_mut(), &mut handle);
    // SAFETY: the structure is readable for its `ulSize`, and each pointer is NULL or valid during
    // the call.
    let code = unsafe { store.to_com().synchronize_in_background(&mut request) };
    assert!(code.is_ok(), "{code}");
    // SAFETY: the request has no callback, so the caller owns the handle.
    unsafe { event(handle) }
}

#[test]
fn no_script_leaves_an_allocation_or_a_reference() {
    let _alone = alone();
    for n in 0..scripts().len() {
        // With an early Done everything happens on this thread.
        let one = || {
            let (store, recorder) = (scripts().swap_remove(n).done_early(), Recorder::new());
            let sync = store.to_com();
            drop(start(&sync, &recorder));
            assert_eq!(reference_count(&sync), 1, "{store:?}");
        };
        one(); // the first run of a thread makes allocations that stay
        assert_eq!(allocations(one).1, 0, "{:?}", scripts()[n]);
    }
}

#[cfg(all(any(windows, target_os = "linux"), not(miri)))]
#[test]
fn no_script_leaves_a_handle_open() {
    use test_support::{TIMEOUT, remaining_handles};
    let _alone = alone();
    let all = || {
        for store in scripts() {
            let _run = start(&store.to_com(), &Recorder::new());
            assert!(store.wait_ended(TIMEOUT));
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
