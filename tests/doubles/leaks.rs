//! No script leaves an allocation or a handle behind.

#[cfg(all(any(windows, target_os = "linux"), not(miri)))]
use crate::{LONG, common::remaining_handles, run_without_callback};
use crate::{alone, done_twice, start};
use mapisync::HRESULT;
use mapisync::testing::ScriptedProvider;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

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

/// Counts the live allocations of each thread.
struct Counting;

thread_local!(static ALIVE: Cell<isize> = const { Cell::new(0) });

// SAFETY: every call is forwarded to the system's allocator, which meets the contract of the trait.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALIVE.with(|alive| alive.set(alive.get() + 1));
        // SAFETY: the caller meets the contract of `alloc`, and the system's has the same one.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        ALIVE.with(|alive| alive.set(alive.get() - 1));
        // SAFETY: the caller meets the contract of `dealloc`, and the system's has the same one.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns the number of allocations that `code` leaves alive on this thread.
pub fn left(code: impl FnOnce()) -> isize {
    let before = ALIVE.get();
    code();
    ALIVE.get() - before
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
